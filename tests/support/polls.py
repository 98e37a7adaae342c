"""Polls an engine by hand: each test makes the polls, on its own clock."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from itertools import count

from ras_native import Connection, ConnState, ConnSubstate, Observation, Snapshot, Status
from ras_native.event_log import LogEvent
from ras_native.monitor.engine import Engine, Poll
from ras_native.monitor.events import Gap, GapKind, MonitorEvent

S = 1_000_000_000
UTC_NS = 10**18
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_records = count(1)
UP = Status(
    ConnState.CONNECTED, 0, "vpn", "WAN Miniport (IKEv2)", "", None, None, ConnSubstate.NONE
)


def connection(name: str = "Head office", handle: int = 1, number: int | None = 7) -> Connection:
    correlation = None if number is None else uuid.UUID(int=number)
    return Connection(handle, name, "vpn", "", "", 0, None, None, None, correlation)


def up(name: str = "Head office", handle: int = 1, number: int | None = 7, **status) -> Observation:
    return Observation(connection(name, handle, number), UP._replace(**status), 0)


def failing(code: int, name: str = "Head office") -> Observation:
    return Observation(connection(name), None, code)


def logged(
    event_id: int,
    number: int | None = 7,
    code: int | None = None,
    *,
    at: float = 100.0,
    entry: str | None = "Head office",
) -> LogEvent:
    """Make an event of the event log, written `at` these seconds on the clock of a Hand."""
    return LogEvent(
        channel="Application",
        source="RasClient",
        event_id=event_id,
        record_id=next(_records),
        time=_EPOCH + timedelta(microseconds=(UTC_NS + round(at * S)) // 1000),
        correlation_id=None if number is None else uuid.UUID(int=number),
        entry=entry,
        code=code,
    )


class Hand:
    """Polls an engine and collects its events."""

    def __init__(self, *, interval: float = 1.0, **options) -> None:
        self.engine = Engine(interval_ns=round(interval * S), **options)
        self.now = self.previous = 100 * S
        self.registered: int | None = 100 * S
        self.registrations: list[int] = []  # those that the engine asked for
        self.events: list[MonitorEvent] = []

    def poll(self, *items: Observation, after: float = 1.0, **poll) -> list[MonitorEvent]:
        """Poll `after` seconds later; RAS lists `items`."""
        self.now += round(after * S)
        snapshot: Snapshot | None = Snapshot(items)
        if snapshot == self.engine.snapshot:
            snapshot = self.engine.snapshot
        if poll.get("code"):
            snapshot = None
        now, previous = self.now, self.previous
        events = self.engine.apply(
            Poll(now, now + UTC_NS, previous, snapshot, registered_ns=self.registered, **poll)
        )
        self.events += events
        if snapshot is not None:
            self.previous = now
        if self.engine.wants_registration:
            self.registrations.append(now)
            self.registered = self.registered and now
        return events


def kinds(events: list[MonitorEvent]) -> list[type[MonitorEvent] | GapKind]:
    return [event.kind if isinstance(event, Gap) else type(event) for event in events]


def look_until_settled(hand: Hand, *items: Observation, most: int = 20) -> list[MonitorEvent]:
    """Make every poll that the engine asks for; RAS signals nothing."""
    events = []
    for _ in range(most):
        if hand.engine.next_look_ns is None:
            return events
        events += hand.poll(*items, after=(hand.engine.next_look_ns - hand.now) / S)
    raise AssertionError("the engine wants ever more looks")
