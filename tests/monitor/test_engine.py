"""The engine, driven by hand: one poll after another on a clock that the test moves."""

from __future__ import annotations

import uuid

import pytest

from ras_native import Connection, ConnState, ConnSubstate, Observation, Snapshot, Status
from ras_native.monitor.engine import (
    Engine,
    Poll,
)
from ras_native.monitor.events import (
    Changed,
    Connected,
    Disconnected,
    Dormant,
    Gap,
    GapKind,
    MonitorEvent,
    Reconnected,
    Reconnecting,
    StateChanged,
)

S = 1_000_000_000
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


DORMANT = up(substate=ConnSubstate.DORMANT)
RECONNECTING = up(substate=ConnSubstate.RECONNECTING)
RECONNECTED = up(substate=ConnSubstate.RECONNECTED)
DIALLING = up(state=ConnState.AUTHENTICATE)


class Hand:
    """Polls an engine; keeps every event."""

    def __init__(self, *, interval: float = 1.0, **options) -> None:
        self.engine = Engine(interval_ns=round(interval * S), **options)
        self.now = self.previous = 100 * S
        self.registered: int | None = 100 * S
        self.events: list[MonitorEvent] = []

    def poll(self, *items: Observation, after: float = 1.0, **poll) -> list[MonitorEvent]:
        """Look `after` seconds later; `items` are what is listed."""
        self.now += round(after * S)
        snapshot: Snapshot | None = Snapshot(items)
        if snapshot == self.engine.snapshot:
            snapshot = self.engine.snapshot
        if poll.get("code"):
            snapshot = None
        now, previous = self.now, self.previous
        events = self.engine.apply(
            Poll(now, now + 10**18, previous, snapshot, registered_ns=self.registered, **poll)
        )
        self.events += events
        if snapshot is not None:
            self.previous = now
        return events


@pytest.fixture
def hand() -> Hand:
    hand = Hand()
    hand.poll()
    return hand


def kinds(events: list[MonitorEvent]) -> list[type[MonitorEvent] | GapKind]:
    return [event.kind if isinstance(event, Gap) else type(event) for event in events]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ((), (up(),), Connected),
        ((up(),), (), Disconnected),
        ((up(),), (failing(6),), Disconnected),
        ((up(),), (failing(668),), Disconnected),
        ((up(),), (failing(5),), Changed),
        ((failing(5),), (up(),), Connected),
        ((failing(5),), (), Disconnected),
        ((up(),), (DORMANT,), Dormant),
        ((DORMANT,), (RECONNECTING,), Reconnecting),
        ((up(),), (RECONNECTING,), Reconnecting),
        ((RECONNECTING,), (RECONNECTED,), Reconnected),
        ((DORMANT,), (up(),), Reconnected),
        ((up(),), (RECONNECTED,), Reconnected),
        ((RECONNECTED,), (up(),), Changed),
        ((DORMANT,), (), Disconnected),
        ((), (DORMANT,), Dormant),
        ((), (DIALLING,), StateChanged),
        ((DIALLING,), (up(state=ConnState.AUTHENTICATED),), StateChanged),
        ((DIALLING,), (up(),), Connected),
        ((DIALLING,), (), StateChanged),
        ((DIALLING,), (failing(6),), StateChanged),
        ((up(),), (DIALLING,), StateChanged),
        ((up(),), (up("Renamed"),), Changed),
    ],
)
def test_each_difference_has_one_name(before, after, kind) -> None:
    hand = Hand()
    hand.poll()
    hand.poll(*before, signalled=True)
    events = hand.poll(*after, signalled=True)
    assert kinds(events) == [kind]
    assert events[0].before == (before[0] if before else None)
    assert events[0].after == (after[0] if after else None)
    assert events[0].not_before_ns == events[0].monotonic_ns - S
