"""The events: their members, `match` and JSON."""

from __future__ import annotations

import dataclasses
import json
import uuid
from datetime import datetime, timedelta, timezone

import pytest

import ras_native.monitor as public
from ras_native import Connection, ConnState, ConnSubstate, Observation, Snapshot, Status
from ras_native.monitor import events as module
from ras_native.monitor.events import (
    EVENTS,
    Absent,
    Connected,
    ConnectionEvent,
    Disconnected,
    Found,
    Gap,
    GapKind,
    LoggedEvent,
    MonitorEvent,
    ProviderFailed,
    ProviderRecovered,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
MOMENT = {"sequence": 7, "monotonic_ns": 5_000_000_000, "time": NOON}
SEEN = Observation(
    Connection(0x40001, "Head office", "vpn", "", None, 0, None, None, None, uuid.UUID(int=1)),
    Status(ConnState.CONNECTED, 0, "vpn", "", None, None, None, ConnSubstate.NONE),
    0,
)
GAP = Gap(**MOMENT, kind=GapKind.BLIP, count=2, from_ns=3_000_000_000, to_ns=4_000_000_000)


def test_every_kind_is_public_and_in_the_list() -> None:
    kinds = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, MonitorEvent)
    ]
    assert set(kinds) == {MonitorEvent, ConnectionEvent, LoggedEvent, *EVENTS}
    assert all(getattr(public, kind.__name__) is kind for kind in kinds)


@pytest.mark.parametrize("kind", EVENTS)
def test_each_is_frozen_small_and_documented(kind: type[MonitorEvent]) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__doc__
    assert not kind.__doc__.startswith(kind.__name__), "dataclass wrote it"
    assert "__dict__" not in dir(kind)
    assert kind.__match_args__
    with pytest.raises(dataclasses.FrozenInstanceError):
        object.__new__(kind).sequence = 1  # type: ignore[misc]


def test_they_are_made_for_match() -> None:
    found = []
    for event in (
        Connected(**MOMENT, after=SEEN, down_for=2.5),
        GAP,
        Absent(**MOMENT, entry="Branch"),
        ProviderFailed(**MOMENT, code=711),
        ProviderRecovered(**MOMENT, down_for=3.0),
    ):
        match event:
            case Connected(connection, down_for=seconds):
                found.append((connection.entry_name, seconds))
            case Gap(kind, count):
                found.append((kind, count))
            case Absent(entry) | ProviderFailed(entry) | ProviderRecovered(entry):
                found.append(entry)
    assert found == [("Head office", 2.5), ("blip", 2), "Branch", 711, 3.0]


def test_the_connection_is_that_of_after_or_of_before() -> None:
    renamed = SEEN._replace(connection=SEEN.connection._replace(entry_name="Renamed"))
    assert public.Changed(**MOMENT, before=SEEN, after=renamed).entry == "Renamed"
    assert Disconnected(**MOMENT, before=SEEN).connection is SEEN.connection
    assert (GAP.connection, GAP.entry) == (None, None)


def test_the_moments_of_a_gap_in_utc() -> None:
    assert GAP.utc(GAP.monotonic_ns) == NOON
    assert GAP.utc(GAP.from_ns) == NOON - timedelta(seconds=2)


def test_as_json() -> None:
    event = Found(**MOMENT, after=SEEN)
    data = json.loads(json.dumps(event.to_dict()))
    assert data.pop("after")["connection"]["entry_name"] == "Head office"
    assert data == {
        "event": "Found",
        "entry": "Head office",
        "sequence": 7,
        "monotonic_ns": 5_000_000_000,
        "time": "2026-11-21T12:00:00+00:00",
        "not_before_ns": None,
        "before": None,
    }


def test_an_overflow_as_json_has_its_snapshot() -> None:
    overflow = dataclasses.replace(GAP, kind=GapKind.OVERFLOW, snapshot=Snapshot((SEEN,)))
    data = json.loads(json.dumps(overflow.to_dict()))
    assert data["kind"] == "overflow"
    assert len(json.dumps(data["snapshot"])) > 50


def test_no_two_events_are_equal_by_chance() -> None:
    assert Found(**MOMENT, after=SEEN) == Found(**MOMENT, after=SEEN)
    assert Found(**MOMENT, after=SEEN) != Connected(**MOMENT, after=SEEN)
    assert len({GAP, dataclasses.replace(GAP, count=3)}) == 2
