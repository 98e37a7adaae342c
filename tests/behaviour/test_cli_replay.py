"""`ras-native watch --record FILE` and `ras-native replay FILE`, on both backends."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from watching import until

from ras_native import ConnSubstate, Monitor, replay
from ras_native.cli import _commands
from ras_native.monitor.recording import Recorder

ENUM = "RasEnumConnectionsW"


def typed(*arguments, code=0):
    result = CliRunner().invoke(_commands.cli, ["replay", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture
def recording(run, sim, tmp_path):
    """Record to a file; return its path and the JSON lines that were shown meanwhile."""
    sim.add("Office", remote_endpoint="203.0.113.9")
    sim.set_status(sim.add("Home"), substate=ConnSubstate.DORMANT)
    path = tmp_path / "recording"
    return path, run.json_lines("Office", "Nowhere", "--duration", "0", "--record", str(path))


def test_a_replay_shows_what_was_recorded(recording):
    path, lines = recording
    assert [line["event"] for line in lines] == ["Found", "Absent"]
    assert [json.loads(line) for line in typed(path, "--json").stdout.splitlines()] == lines
    assert [event.to_dict() for event in replay(path)] == lines


def test_a_replay_is_text_with_the_date_where_no_json_is_asked_for(recording):
    path, _ = recording
    found, absent = typed(path).stdout.splitlines()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  found +Office  ", found)
    assert absent.split()[2:] == ["absent", "Nowhere"]


def test_a_replay_has_the_options_of_the_output(recording, tmp_path):
    path, lines = recording
    log = tmp_path / "log"
    result = typed(path, "--only", "absent", "--log", log, "--on", "Found", "no-such-command")
    assert len(result.stdout.splitlines()) == 1
    assert "'no-such-command' for Found 1 failed: " in result.stderr
    assert json.loads(log.read_text(encoding="ascii")) == lines[1]
    assert len(typed(path, "--count", "1").stdout.splitlines()) == 1


def test_a_replay_needs_no_ras(recording, sim):
    sim.stop_service()
    sim.reset_calls()
    typed(recording[0])
    assert sim.calls(ENUM) == 0


def test_a_recording_can_have_pseudonyms(run, sim, tmp_path):
    sim.add("Secret project", remote_endpoint="203.0.113.9")
    path = tmp_path / "recording"
    run("watch", "--duration", "0", "--record", str(path), "--pseudonyms")
    assert "Secret" not in path.read_text(encoding="ascii")
    assert "203.0.113.9" not in typed(path, "--json").stdout


def test_what_is_no_recording_is_explained(tmp_path):
    path = tmp_path / "recording"
    assert "recording" in typed(path, code=1).output
    path.write_text("no\n", encoding="ascii")
    assert "line 1: the line is no JSON" in typed(path, code=1).output


def test_a_recording_that_cannot_be_begun_is_found_before_anything_starts(run, sim, tmp_path):
    result = run("watch", "--record", str(tmp_path / "none" / "recording"), code=1)
    assert "none" in result.output
    assert sim.calls(ENUM) == 0


def test_a_recording_that_ends_is_told_and_ends_nothing(run, sim, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Recorder, "write", full)
    sim.add("Office")
    result = run("watch", "--duration", "0", "--record", str(tmp_path / "recording"))
    assert "found        Office" in result.stdout
    assert result.stderr.count("no space left on device") == 1


def test_a_recording_that_ends_is_told_at_once(ras, sim, tmp_path, monkeypatch):
    from ras_native.cli._reports import Problem, Reports, arrivals

    def full(*_, **__):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Recorder, "write", full)
    sim.add("Office")
    with (
        Reports(ras.backend) as reports,
        Monitor(ras, interval=3600, record=tmp_path / "recording") as monitor,
    ):
        until(lambda: monitor.recording_error)
        assert isinstance(next(arrivals(monitor, reports)), Problem)


def test_pseudonyms_are_for_recordings(run):
    assert "--record" in run("watch", "--pseudonyms", code=2).output
