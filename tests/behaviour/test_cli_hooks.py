"""The commands of `ras-native watch --on EVENT COMMAND`, and the log file, on both backends."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest
from watching import PATIENCE, until

from ras_native.cli import _hooks
from ras_native.cli._reports import Problem, Reports

NEVER = ("--interval", "3600")
ONCE = (*NEVER, "--duration", "0")


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """Give commands more time, because a slow machine takes seconds to start Python."""
    monkeypatch.setattr(_hooks, "COMMAND_SECONDS", 45.0)


@pytest.fixture
def script(tmp_path):
    """Write a Python program, and return the command line that runs it."""

    def write(text: str, *arguments: str) -> str:
        path = tmp_path / "a program.py"
        path.write_text(text, encoding="utf-8")
        return f'"{sys.executable}" "{path}" {" ".join(arguments)}'

    return write


WRITE_DOWN = """
import json, os, sys
ours = [name for name in os.environ if name.startswith("RAS_") and "NATIVE" not in name]
facts = {name: os.environ[name] for name in ours}
print("this is dropped")
with open(sys.argv[1], "a", encoding="utf-8") as file:
    print(json.dumps([facts, json.load(sys.stdin), sys.argv[2:]]), file=file)
"""


def test_a_command_is_given_the_facts(run, sim, script, tmp_path):
    handle = sim.add("Zürich\x07")
    line = script(WRITE_DOWN, f'"{(tmp_path / "facts").as_posix()}"', '"$HOME; exit"')
    (event,) = run.json_lines(*ONCE, "--on", "found", line)
    facts, document, arguments = json.loads((tmp_path / "facts").read_text(encoding="utf-8"))
    assert document == event
    assert facts == {
        "RAS_EVENT": "Found",
        "RAS_ENTRY": r"Zürich\x07",
        "RAS_HANDLE": hex(handle),
        "RAS_SEQUENCE": "1",
        "RAS_MONOTONIC_NS": str(event["monotonic_ns"]),
        "RAS_TIME": event["time"],
    }
    assert arguments == ["$HOME; exit"]  # no shell


def test_a_command_is_given_the_code_of_a_reason(run, sim, script, tmp_path):
    office = sim.add("Office")
    line = script(WRITE_DOWN, f'"{(tmp_path / "facts").as_posix()}"')

    def drop():
        until(lambda: sim.subscriptions and sim.calls("RasGetConnectStatusW"))
        sim.drop(office, reason=829)

    thread = threading.Thread(target=drop)
    thread.start()
    run("watch", *NEVER, "--on", "Explained", line, "--only", "Explained", "--count", "1")
    thread.join()
    facts, document, _ = json.loads((tmp_path / "facts").read_text(encoding="utf-8"))
    assert (facts["RAS_REASON"], facts["RAS_MATCHED_BY"]) == ("829", "correlation id")
    assert document["reason"]["name"] == "ERROR_LINK_FAILURE"


def test_commands_run_for_their_kind_in_order_also_for_what_is_hidden(run, sim, script, tmp_path):
    for number in range(2):
        sim.add(str(number))
    line = script(WRITE_DOWN, f'"{(tmp_path / "facts").as_posix()}"')
    arguments = ("--on", "Found", line, "--on", "Dormant", line, "--only", "Gap")
    assert run("watch", *ONCE, *arguments).stdout == ""
    lines = (tmp_path / "facts").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)[0]["RAS_ENTRY"] for line in lines] == ["0", "1"]


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_command_that_fails_is_told_and_ends_nothing(run, sim, script, form):
    sim.add("One")
    sim.add("Two")
    line = script("import sys; sys.exit('not\\nnow\\x1b')")
    result = run("watch", *ONCE, "--on", "Found", line, *form)
    assert len(result.stdout.splitlines()) == 2
    assert "for Found 1 failed: exit code 1: now" in result.stderr
    assert "for Found 2 failed: exit code 1: now" in result.stderr
    assert "\x1b" not in result.stderr


def test_a_command_that_is_not_there_is_told(run, sim, tmp_path):
    sim.add("Office")
    missing = (tmp_path / "none").as_posix()
    result = run("watch", *ONCE, "--on", "Found", missing)
    assert f"'{missing}' for Found 1 failed: " in result.stderr


def test_a_command_that_does_not_end_is_ended(run, sim, script, monkeypatch):
    monkeypatch.setattr(_hooks, "COMMAND_SECONDS", 0.5)
    sim.add("One")
    sim.add("Two")
    line = script("import time; time.sleep(600)")
    result = run("watch", *ONCE, "--on", "Found", line)
    assert "Found 1 failed: it did not end in time" in result.stderr
    assert "Found 2 failed: it did not end in time" in result.stderr


def test_a_command_need_not_read_what_it_is_given(run, sim, script):
    for number in range(3):
        sim.add(str(number))
    result = run("watch", *ONCE, "--only", "Gap", "--on", "Found", script(""))
    assert (result.stdout, result.stderr) == ("", "")


def test_commands_that_wait_are_bounded(run, sim, monkeypatch):
    may_end = threading.Event()
    monkeypatch.setattr(_hooks, "MOST_WAITING", 2)
    monkeypatch.setattr(_hooks, "_run", lambda *_, **__: "" if may_end.wait(PATIENCE) else "never")
    close = _hooks.Hooks.close
    monkeypatch.setattr(_hooks.Hooks, "close", lambda hooks: (may_end.set(), close(hooks)))
    for number in range(6):
        sim.add(str(number))
    result = run("watch", *ONCE, "--on", "Found", "command")
    assert "'command' for Found 6 failed: 2 commands wait already" in result.stderr
    assert 3 <= len(result.stderr.splitlines()) <= 4  # one command may have left the queue to run
    assert len(result.stdout.splitlines()) == 6


# --log


def test_the_log_has_what_was_shown_as_json_lines(run, sim, tmp_path):
    log = tmp_path / "events.jsonl"
    log.write_text("before\n", encoding="ascii")
    sim.add("Zürich")
    run("watch", *ONCE, "--log", str(log))
    run("watch", *ONCE, "--log", str(log), "--only", "Gap")
    (event,) = run.json_lines(*ONCE, "--log", str(log))
    first, *events = Path(log).read_text(encoding="ascii").splitlines()
    assert first == "before"
    assert [json.loads(line)["entry"] for line in events] == ["Zürich", "Zürich"]
    assert json.loads(events[1]) == event


def test_a_log_that_cannot_be_opened_is_found_before_anything_starts(run, sim, tmp_path):
    result = run("watch", "--log", str(tmp_path), code=1)
    assert tmp_path.name in result.output
    assert sim.calls("RasEnumConnectionsW") == 0


def test_a_command_that_ends_after_the_watch_disturbs_nobody(backend):
    with Reports(backend) as reports:
        pass
    reports.put(Problem("nobody hears this"))
