"""`ras-native report FILE`: the sums of recordings that are known in full."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from click.testing import CliRunner
from polls import S, up

from ras_native import Snapshot
from ras_native.cli import _commands
from ras_native.monitor import availability
from ras_native.monitor.engine import Engine, Poll
from ras_native.monitor.recording import Recorder

NOON = round(datetime(2026, 1, 5, 12, tzinfo=timezone.utc).timestamp()) * S
OFFICE, BRANCH = up("Head office"), up("Branch", handle=2, number=9)


def typed(*arguments, code=0):
    result = CliRunner().invoke(_commands.cli, ["report", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def record(path, polls, *, begin=NOON, clock=100 * S):
    """Record polls: seconds after the begin, and what RAS lists. The clock begins anywhere."""
    engine = Engine(interval_ns=S)
    recorder, previous = Recorder(path, interval_ns=S), clock
    for seconds, *items in polls:
        moment = clock + seconds * S
        poll = Poll(moment, begin + seconds * S, previous, Snapshot(items))
        recorder.write(poll, told=bool(engine.apply(poll)))
        previous = moment
    recorder.close()


@pytest.fixture
def path(tmp_path):
    """Head office is up for 60 of 100 seconds, Branch for 99."""
    path = tmp_path / "events.rec"
    record(
        path,
        [
            (0, OFFICE, BRANCH),
            (50, BRANCH),
            (90, OFFICE, BRANCH),
            (99, OFFICE),
            (100, OFFICE, up("New", handle=3, number=10)),
        ],
    )
    return path


def test_entries_that_were_too_many_are_told(path, monkeypatch):
    monkeypatch.setattr(availability, "MOST_ENTRIES", 2)
    result = typed(path, "--json")
    assert result.stderr == "1 more entries are too many to report\n"
    assert len(json.loads(result.stdout)["entries"]) == 2


def test_a_report_has_a_line_for_each_entry(path):
    title, heading, office, branch, new = typed(path).stdout.splitlines()
    assert title.startswith("From 2026-01-0")
    assert heading.split()[:4] == ["ENTRY", "STATE", "AVAILABLE", "OUTAGES"]
    assert office.split()[:4] == ["Head", "office", "up", "60.000%"]
    assert office.split()[4:] == ["1", "0:00:40", "0:00:40", "1", "unknown"]
    assert branch.split()[:3] == ["Branch", "down", "99.000%"]
    assert new.split() == ["New", "up", "0", "0:00:00", "0:00:00", "0"]


def test_json_has_everything(path):
    data = json.loads(typed(path, "--json").stdout)
    assert (data["from_ns"], data["to_ns"]) == (NOON, NOON + 100 * S)
    office = data["entries"][0]
    assert (office["entry"], office["availability"], office["drops"]) == ("Head office", 0.6, 1)
    assert office["timeline"][1] == {
        "state": "down",
        "from_ns": NOON + 50 * S,
        "to_ns": NOON + 90 * S,
    }


@pytest.mark.parametrize("since", ["25s", "2026-01-05T12:01:15Z", "2026-01-05 13:01:15+01:00"])
def test_since_leaves_out_what_was_before(path, since):
    data = json.loads(typed(path, "--since", since, "--json").stdout)
    assert data["from_ns"] == NOON + 75 * S
    office = data["entries"][0]
    assert (office["availability"], office["outages"], office["drops"]) == (0.4, 1, 0)


def test_until_ends_the_report_earlier_or_later(path):
    early = json.loads(typed(path, "--until", "2026-01-05T12:01:00Z", "--json").stdout)
    assert early["entries"][0]["known_seconds"] == 60
    assert early["entries"][0]["state"] == "down"
    late = json.loads(typed(path, "--until", "2026-01-05T12:03:20Z", "--json").stdout)
    assert late["entries"][0]["availability"] == 0.8
    now = json.loads(typed(path, "--until", "now", "--json").stdout)
    assert now["entries"][0]["availability"] > 0.8


def test_the_time_between_two_recordings_is_unknown(path):
    record(path, [(0, OFFICE), (10, OFFICE, BRANCH)], begin=NOON + 1000 * S, clock=7 * S)
    office, branch, _ = json.loads(typed(path, "--json").stdout)["entries"]
    assert [item["state"] for item in office["timeline"]][-2:] == ["unknown", "up"]
    assert (office["known_seconds"], office["up_seconds"], office["outages"]) == (110, 70, 1)
    assert (branch["known_seconds"], branch["up_seconds"]) == (110, 99)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--since", "yesterday"], 2, "'yesterday' is not a time"),
        (["--since", "1960-01-01"], 2, "'1960-01-01' is not a time"),
        (["--until", ""], 2, "'' is not a time"),
        (["--since", "2030-01-01"], 2, "--since must be before the end, 2026-01-0"),
        (["--until", "2020-01-01"], 1, "the recording has no events before that time"),
    ],
)
def test_bad_times_are_explained(path, arguments, code, text):
    assert text in typed(path, *arguments, code=code).output


def test_only_1_is_100_percent(tmp_path):
    path = tmp_path / "events.rec"
    record(path, [(0, OFFICE), (999_999, BRANCH), (1_000_000, OFFICE)])
    assert "99.999%" in typed(path).stdout


def test_a_name_cannot_control_the_terminal(tmp_path):
    path = tmp_path / "events.rec"
    record(path, [(0, up("\x1b[2J"))])
    assert "\x1b" not in typed(path).stdout


def test_what_is_no_recording_is_explained(tmp_path):
    path = tmp_path / "events.rec"
    assert "events.rec" in typed(path, code=1).output
    path.write_text("no\n", encoding="ascii")
    assert "line 1: the line is no JSON" in typed(path, code=1).output
