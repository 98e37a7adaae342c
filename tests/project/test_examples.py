"""The first program of the README and those in examples/ do what they say, on both backends."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from network import closed_port, listening
from watching import PATIENCE, until

import ras_native
from ras_native import Ras, connect_many
from ras_native.monitor import monitor as monitor_module

EXAMPLES = Path(__file__).parents[2] / "examples"
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
HOME = Path(ras_native.__file__).parents[1]


class Program:
    """A program that runs in a thread, on the simulator instead of the system's RAS."""

    def __init__(self, path: Path, ras: Ras) -> None:
        self._path, self._ras = path, ras
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            runpy.run_path(str(self._path), run_name="__main__")
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self._error = error

    def __enter__(self) -> Program:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ras.close()  # that ends its Monitor, and so its loop
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error


@pytest.fixture
def printed(monkeypatch):
    """Collect the lines that a program prints; pytest captures only its own thread."""
    lines: list[str] = []
    monkeypatch.setattr(
        "builtins.print", lambda *words, **_: lines.append(" ".join(map(str, words)))
    )
    return lines


@pytest.fixture
def seen(ras, monkeypatch):
    """Make programs use the simulator. `seen(condition)` waits until their Monitor meets it."""
    monkeypatch.setattr(monitor_module, "_system_ras", lambda: ras)
    monitors: list[ras_native.Monitor] = []
    start = ras_native.Monitor._start

    def start_and_remember(monitor):
        start(monitor)
        monitors.append(monitor)

    monkeypatch.setattr(ras_native.Monitor, "_start", start_and_remember)
    return lambda condition: until(lambda: monitors and condition(monitors[0]))


def has_seen(count):
    """Return a check that a Monitor has polled and found that many connections."""
    return lambda monitor: monitor.has_polled and len(monitor.snapshot) == count


def test_log_drops(ras, sim, seen, printed):
    with Program(EXAMPLES / "log_drops.py", ras):
        seen(has_seen(0))
        other, office = sim.add("Other"), sim.add("Head office")
        seen(has_seen(2))
        sim.drop(other)
        sim.drop(office)
        seen(has_seen(0))
        until(lambda: printed)
    (line,) = printed
    assert "Head office dropped, was up for 0." in line


def test_log_drops_tells_what_may_be_missing(ras, sim, seen, printed):
    with Program(EXAMPLES / "log_drops.py", ras):
        seen(has_seen(0))
        sim.stop_service()
        polls = sim.calls("RasEnumConnectionsW")
        seen(lambda _: sim.calls("RasEnumConnectionsW") > polls)
        sim.start_service()
        until(lambda: printed)
    assert "a drop may be missing: failed" in printed[0]


@pytest.mark.parametrize(("is_open", "outcome"), [(True, "open"), (False, "refused")])
def test_recheck_host(ras, sim, seen, printed, monkeypatch, is_open, outcome):
    with listening() as listener, closed_port() as closed:
        here = listener.getsockname() if is_open else closed

        def connect_here(targets, **options):
            assert targets == [("203.0.113.10", 443)]  # a test connects only to this machine
            return connect_many([here], **options)

        monkeypatch.setattr(ras_native, "connect_many", connect_here)
        with Program(EXAMPLES / "recheck_host.py", ras):
            seen(has_seen(0))
            office = sim.add("Head office")
            seen(has_seen(1))
            sim.drop(office)
            until(lambda: printed)
    assert printed == [f"Head office dropped, its server is {outcome}"]


def test_reconnect_dials_again(ras, sim, seen, monkeypatch):
    dialled = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: dialled.append(command))
    with Program(EXAMPLES / "reconnect.py", ras):
        seen(has_seen(0))
        office = sim.add("Head office")
        seen(has_seen(1))
        sim.drop(office)
        until(lambda: dialled)
    assert dialled == [["rasdial", "Head office"]]


def test_the_test_of_reconnect_passes(backend, tmp_path):
    settings = tmp_path / "pytest.ini"
    settings.write_text("[pytest]\n", encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-c",
            str(settings),
            str(EXAMPLES / "test_reconnect.py"),
        ],
        cwd=HOME,
        env={**os.environ, "RAS_NATIVE_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_has_at_most_15_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 15
