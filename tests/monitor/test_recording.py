"""Recordings: replay, rotation, incomplete lines, pseudonyms, files of other kinds."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from event_xml import CORRELATION_ID, event_xml
from hypothesis import given
from hypothesis import strategies as st

from ras_native import (
    Connection,
    ConnectionFlag,
    ConnState,
    ConnSubstate,
    Observation,
    Snapshot,
    Status,
)
from ras_native.event_log._xml import parse
from ras_native.monitor import recording
from ras_native.monitor.engine import Engine, Poll
from ras_native.monitor.events import Connected, Found, MonitorEvent
from ras_native.monitor.recording import FILES, Recorder, RecordingError, replay

S = 1_000_000_000
SECRETS = ("Zentrale", "+49 30 123456", "192.0.2.77", "2001:db8::77", "geheim.pbk", "987654321")


def observation(number: int = 1, **status) -> Observation:
    return Observation(
        Connection(
            0x40000 + number,
            "Zentrale",
            "vpn",
            "WAN Miniport (IKEv2)",
            r"C:\geheim.pbk",
            1,
            uuid.UUID(int=1234),
            ConnectionFlag(0x2005),
            987654321,
            uuid.UUID(int=5678 + number),
        ),
        Status(
            ConnState.CONNECTED,
            0,
            "vpn",
            "WAN Miniport (IKEv2)",
            "+49 30 123456",
            ip_address("192.0.2.77"),
            ip_address("2001:db8::77"),
            ConnSubstate.NONE,
        )._replace(**status),
        0,
    )


class Tape:
    """An engine with a recorder; it polls once a second."""

    def __init__(self, path: Path, *, entries: list[str] | None = None, **options) -> None:
        self.engine = Engine(interval_ns=S, entries=entries)
        self.recorder = Recorder(path, interval_ns=S, entries=entries, **options)
        self.now = self.previous = 50 * S
        self.events: list[MonitorEvent] = []

    def poll(self, *items: Observation, **poll) -> None:
        self.now += S
        snapshot = None if poll.get("code") else Snapshot(items)
        given = Poll(
            self.now, self.now + 10**18, self.previous, snapshot, registered_ns=50 * S, **poll
        )
        events = self.engine.apply(given)
        self.recorder.write(given, told=bool(events))
        self.events += events
        self.previous = self.previous if snapshot is None else self.now


@pytest.fixture
def new_tape(tmp_path: Path) -> Iterator[Callable[..., Tape]]:
    """Return a function that makes tapes in tmp_path; close their files at the end."""
    tapes = []

    def new(name: str = "tape", **options) -> Tape:
        tapes.append(Tape(tmp_path / name, **options))
        return tapes[-1]

    yield new
    for tape in tapes:
        tape.recorder.close()


def a_day(tape: Tape) -> None:
    one, two = observation(1), observation(2)
    tape.poll()
    tape.poll(one, signalled=True)
    for _ in range(100):
        tape.poll(one)
    tape.poll(one, two)
    tape.poll(one, two, signalled=True)
    tape.poll(observation(1, substate=ConnSubstate.DORMANT), two, signalled=True)
    tape.poll(observation(1, state=ConnState(77), substate=ConnSubstate(9)), two)
    tape.poll(one._replace(status=None, code=5), two)
    tape.poll(code=711)
    tape.poll(code=711)
    tape.poll(two)
    tape.poll(two, signalled=True)
    for _ in range(10):
        tape.poll(two)
    tape.poll(suspended_ns=3600 * S)
    tape.poll(late_ns=3 * S)
    tape.poll()


def test_a_recording_gives_the_same_events_again(tmp_path: Path, new_tape) -> None:
    tape = new_tape()
    a_day(tape)
    assert len(tape.events) >= 12
    assert list(replay(tmp_path / "tape")) == tape.events
    assert len((tmp_path / "tape").read_text("ascii").splitlines()) < 20, "idle polls are left out"


def test_the_filter_is_recorded(tmp_path: Path, new_tape) -> None:
    for pseudonyms in (False, True):
        path = tmp_path / f"tape {pseudonyms}"
        tape = new_tape(path.name, entries=["ZENTRALE", "Filiale"], pseudonyms=pseudonyms)
        a_day(tape)
        again = list(replay(path))
        assert [(type(event), event.sequence) for event in again] == [
            (type(event), event.sequence) for event in tape.events
        ]


def test_a_recording_that_grew_is_replayed_from_all_its_files(tmp_path: Path, new_tape) -> None:
    tape = new_tape(max_bytes=6000)
    a_day(tape)
    files = sorted(tmp_path.iterdir())
    assert len(files) in range(2, FILES)
    assert all(file.stat().st_size <= 6000 for file in files)
    assert list(replay(tmp_path / "tape")) == tape.events


def test_each_file_begins_with_a_whole_snapshot_and_the_oldest_go(tmp_path: Path, new_tape) -> None:
    tape = new_tape(max_bytes=4000)
    for _ in range(20):
        tape.poll(observation(1), observation(2), signalled=True)
        tape.poll(observation(1), signalled=True)
    files = sorted(tmp_path.iterdir())
    assert len(files) == FILES
    assert sum(file.stat().st_size for file in files) <= FILES * 4000
    again = list(replay(tmp_path / "tape"))
    assert isinstance(again[0], Found)
    assert [type(event) for event in again[-6:]] == [type(event) for event in tape.events[-6:]]
    assert [event.after for event in again[-6:]] == [event.after for event in tape.events[-6:]]
    for file in files:
        alone = tmp_path / "alone"
        alone.write_bytes(file.read_bytes())
        list(replay(alone))


def test_a_recording_that_is_there_is_kept(tmp_path: Path, new_tape) -> None:
    first = new_tape()
    first.poll(observation())
    first.recorder.close()
    second = new_tape()
    second.poll(observation())
    assert list(replay(tmp_path / "tape")) == first.events + second.events


@pytest.mark.parametrize("lost", [1, 30])
def test_a_torn_last_line_is_ignored(tmp_path: Path, new_tape, lost: int) -> None:
    tape = new_tape()
    tape.poll()
    before = len(tape.events)
    tape.poll(observation(), signalled=True)
    data = (tmp_path / "tape").read_bytes()
    (tmp_path / "tape").write_bytes(data[:-lost])
    assert list(replay(tmp_path / "tape")) == tape.events[:before]


def test_pseudonyms_hide_names_and_keep_what_is_equal(tmp_path: Path, new_tape) -> None:
    tape = new_tape(pseudonyms=True)
    a_day(tape)
    text = (tmp_path / "tape").read_text("ascii")
    for secret in (*SECRETS, hex(987654321), str(uuid.UUID(int=1234)), str(uuid.UUID(int=5679))):
        assert secret.lower() not in text.lower()
    again = list(replay(tmp_path / "tape"))
    assert [type(event) for event in again] == [type(event) for event in tape.events]
    assert len({event.entry for event in again if event.entry}) == 1


@pytest.mark.ledger("EV-8")
@pytest.mark.parametrize("code", ["829", "-2147023436", "2147943860"])
def test_pseudonyms_hide_names_and_phone_numbers_of_digits(code: str) -> None:
    hide = recording.Pseudonyms().log_event
    ended = hide(parse(event_xml(20226, CORRELATION_ID, "100234", "12345", code)))
    assert ended.data[2:] == (ended.entry, code)
    assert not {"100234", "12345"} & {*ended.data}
    named_as_the_code = hide(parse(event_xml(20227, CORRELATION_ID, code, code, code)))
    assert [text == code for text in named_as_the_code.data] == [False, False, False, True]
    for event_id, *data in (
        (20220, "100234", "12345", "0301234567", code),
        (20221, "100234", "0301234567", code, "12345"),
        (20226, "100234", "12345", "03012345678"),  # a number too large for a code
        (20299, code, code, code),
    ):
        event = hide(parse(event_xml(event_id, CORRELATION_ID, *data)))
        assert not {*data} & {*event.data}


@pytest.mark.ledger("EV-5")
@pytest.mark.parametrize("pseudonyms", [False, True])
def test_the_largest_record_id_is_replayed(tmp_path: Path, new_tape, pseudonyms: bool) -> None:
    event = parse(event_xml(20299, "a", record_id=2**64 - 1))
    tape = new_tape(pseudonyms=pseudonyms)
    tape.poll(observation())
    tape.poll(observation(), log=(event,))
    assert str(2**64 - 1) in (tmp_path / "tape").read_text("ascii")
    assert [type(item) for item in replay(tmp_path / "tape")] == [
        type(item) for item in tape.events
    ]


def test_pseudonyms_differ_from_recording_to_recording(tmp_path: Path, new_tape) -> None:
    names = set()
    for path in (tmp_path / "one", tmp_path / "two"):
        new_tape(path.name, pseudonyms=True).poll(observation())
        names |= {event.entry for event in replay(path)}
    assert len(names) == 2


def test_names_that_differ_in_letter_case_stay_so() -> None:
    pseudonyms = recording.Pseudonyms()
    pseudonyms._key = bytes(16)  # with one key of a thousand, two of the three would be equal
    names = {pseudonyms.entry(name) for name in ("Zentrale", "ZENTRALE", "zentrale")}
    assert len(names) == 3
    assert len({name.casefold() for name in names}) == 1
    assert pseudonyms.entry(".123").startswith(".number-")


def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Recorder(tmp_path / "nowhere" / "tape", interval_ns=S)
    with pytest.raises(OSError, match=tmp_path.name):
        Recorder(tmp_path, interval_ns=S)


def test_a_file_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replay(tmp_path / "tape")


def tamper(path: Path, line: int, **values) -> None:
    lines = [json.loads(text) for text in path.read_text("ascii").splitlines()]
    lines[line].update(values)
    path.write_text("".join(json.dumps(data) + "\n" for data in lines), encoding="ascii")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "line 1: this is no recording"),
        (b"\x7fELF\xff\xfe\n", "line 1: the line is no JSON"),
        (b"hello\n", "line 1: the line is no JSON"),
        (b"[]\n", "line 1: the line is no JSON object"),
        (b"[" * 100_000 + b"\n", "line 1: the line is no JSON"),
        (b"{}\n", "line 1: this is no recording"),
        (b'{"event": "Connected"}\n', "line 1: this is no recording"),
        (b'{"format": "ras_native recording", "version": 2}\n', "has version 2"),
        (b'{"format": "ras_native recording", "version": 1}\n', "interval_ns"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "tape").write_bytes(content)
    with pytest.raises(RecordingError, match=problem):
        replay(tmp_path / "tape")


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (0, {"interval_ns": 0}),
        (0, {"interval_ns": "1"}),
        (0, {"entries": "Head office"}),
        (0, {"entries": [1]}),
        (0, {"part": -1}),
        (0, {"recording": 5}),
        (1, {"monotonic_ns": -1}),
        (1, {"monotonic_ns": 1.5}),
        (1, {"time_ns": 2**63}),
        (1, {"time_ns": int("9" * 4000)}),
        (1, {"previous_ns": None}),
        (1, {"unknown": 1}),
        (1, {"connections": {}}),
        (1, {"connections": [5]}),
        (1, {"connections": [{}]}),
        (1, {"connections": [{"connection": {"handle": "0x1"}, "status": None, "code": 6}]}),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, new_tape, line: int, values: dict) -> None:
    tape = new_tape()
    tape.poll(observation())
    tape.poll()
    tamper(tmp_path / "tape", line, **values)
    with pytest.raises(RecordingError, match=f"tape, line {line + 1}: "):
        list(replay(tmp_path / "tape"))


@given(st.binary(max_size=200), st.integers(0, 3000))
def test_no_damage_does_more_than_an_error(tmp_path_factory, junk: bytes, where: int) -> None:
    path = tmp_path_factory.mktemp("tape") / "tape"
    tape = Tape(path)
    tape.poll(observation())
    tape.poll(signalled=True)
    tape.recorder.close()
    data = path.read_bytes()
    path.write_bytes(data[:where] + junk + data[where + len(junk) :])
    try:
        events = list(replay(path))
    except RecordingError:
        return
    assert all(isinstance(event, MonitorEvent) for event in events)


def test_every_text_survives(tmp_path: Path, new_tape) -> None:
    item = observation()
    named = item.connection._replace(entry_name="B\u00fcro \u2028 \ud800 \"'\\", luid=2**64 - 1)
    tape = new_tape()
    tape.poll(item._replace(connection=named))
    (event,) = replay(tmp_path / "tape")
    assert event.after == item._replace(connection=named)
    assert isinstance(event, Found)


def test_older_structures_survive(tmp_path: Path, new_tape) -> None:
    item = observation()
    old = item.connection._replace(
        phonebook=None, subentry=None, guid_entry=None, flags=None, luid=None, correlation_id=None
    )
    status = item.status._replace(phone_number=None, local_endpoint=None, substate=None)
    for pseudonyms in (False, True):
        tape = new_tape(f"tape {pseudonyms}", pseudonyms=pseudonyms)
        tape.poll()
        tape.poll(Observation(old, status, 0), signalled=True)
        (event,) = replay(tmp_path / f"tape {pseudonyms}")
        assert isinstance(event, Connected)
        assert event.after.connection[4:] == old[4:]
