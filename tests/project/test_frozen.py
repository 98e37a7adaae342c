"""A program of one file that PyInstaller makes runs as the program did: the hook is complete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from host import under_wine

import ras_native

HOME = Path(ras_native.__file__).parents[1]
PROGRAM = "from ras_native.cli import main\n\nmain()\n"
BUILD_SECONDS = 240

pytestmark = pytest.mark.timeout(2 * BUILD_SECONDS)  # the first test waits for PyInstaller
freezes = pytest.mark.skipif(under_wine(), reason="under Wine: the frozen program does not end")

Frozen = Callable[..., Any]


def clean(folder: Path) -> dict[str, str]:
    """Return an environment that chooses no backend, and in which PyInstaller writes to folder."""
    variables = {**os.environ, "PYINSTALLER_CONFIG_DIR": str(folder / "cache")}
    variables.pop("RAS_NATIVE_BACKEND", None)
    return variables


def build(folder: Path) -> Path:
    """Make the command `ras-native` a program of one file, and return its path."""
    source = folder / "program.py"
    source.write_text(PROGRAM, encoding="utf-8")
    places = [f"--{name}path={folder / name}" for name in ("dist", "work", "spec")]
    made = subprocess.run(
        # PyInstaller does not find a package of an editable installation by itself: --paths
        [sys.executable, "-m", "PyInstaller", "--onefile", f"--paths={HOME}", *places, str(source)],
        cwd=folder,
        env=clean(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert made.returncode == 0, made.stdout.decode(errors="replace")[-4000:]
    (program,) = (folder / "dist").iterdir()
    return program


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Frozen:
    """Run the frozen command; return the JSON of its first line."""
    folder = tmp_path_factory.mktemp("frozen")
    program = build(folder)

    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [str(program), *arguments, "--json"],
            cwd=folder,
            env=clean(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=50,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b""), done
        return json.loads(done.stdout.splitlines()[0])

    return run


@freezes
def test_it_watches_a_simulation(frozen: Frozen, backend: str) -> None:
    event = frozen("watch", "--simulate", "--backend", backend, "--count", "1")
    assert (event["event"], event["entry"]) == ("Connected", "Head office")


@freezes
def test_it_has_the_native_backend(frozen: Frozen, both_backends: tuple[str, ...]) -> None:
    report = frozen("doctor", "--simulate")
    assert report["backend"] in both_backends
    assert report["backend_because"] == "the native module is installed"


@freezes
def test_it_has_the_tables_and_the_metadata(frozen: Frozen) -> None:
    report = frozen("doctor", "--simulate", "--self-test")
    assert report["cffi"] != "not found"
    names = {answer["name"] for item in report["self_test"] for answer in item["answers"]}
    assert "ERROR_INVALID_SIZE" in names


@freezes
def test_its_self_test_says_what_it_did_not_try(frozen: Frozen) -> None:
    report = frozen("doctor", "--simulate", "--self-test")
    (finding,) = (item for item in report["self_test"] if item["id"] == "null_lpcb")
    faults = {answer["fault"] for answer in finding["answers"]}
    assert [fault.split(":")[0] for fault in faults] == ["not tried"]


def test_only_the_self_test_starts_python_again() -> None:
    package = Path(ras_native.__file__).parent
    uses = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "sys.executable" in path.read_text(encoding="utf-8")
    ]
    assert uses == ["_self_test/risky.py"]  # there a frozen program is recognized
