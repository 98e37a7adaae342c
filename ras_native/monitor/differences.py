"""Compare a snapshot with the previous one: name each difference, and count its signals."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from .._records import Connection, ConnState, ConnSubstate, Observation, Snapshot, Status
from .events import (
    Changed,
    Connected,
    ConnectionEvent,
    Disconnected,
    Dormant,
    Found,
    Moved,
    Reconnected,
    Reconnecting,
    StateChanged,
)

_MOST_ENTRIES = 1024  # how many entries' last ends are remembered


class Difference(NamedTuple):
    """One difference of one connection."""

    kind: type[ConnectionEvent]
    before: Observation | None
    after: Observation | None
    signals: int
    """How many signals RAS may give for it."""
    seconds: float | None
    """Connected.down_for, or Disconnected.uptime."""

    @property
    def is_signalled(self) -> bool:
        """Whether RAS should signal it."""
        return self.kind in (Connected, Disconnected) and self.signals > 0


class _Condition(Enum):
    """The condition of a connection, if its state alone does not show it."""

    UP = "up"
    DORMANT = "dormant"
    RECONNECTING = "reconnecting"
    ENDED = "ended"
    UNKNOWN = "unknown"


_OUTAGES = (_Condition.DORMANT, _Condition.RECONNECTING)
_KINDS: dict[_Condition | ConnState, type[ConnectionEvent]] = {
    _Condition.UP: Connected,
    _Condition.DORMANT: Dormant,
    _Condition.RECONNECTING: Reconnecting,
    _Condition.UNKNOWN: Changed,
}

_USUAL_SIGNALS: dict[type[ConnectionEvent], int] = {
    Found: 1,
    Connected: 1,
    Disconnected: 1,
    Dormant: 1,
    Reconnecting: 1,  # the tunnel was dormant between the two polls
    Reconnected: 2,  # the whole outage lay between the two polls
}
_SIGNALS: dict[tuple[type[ConnectionEvent], _Condition | ConnState | None], int] = {
    (Dormant, None): 2,  # for the connection, and for its outage
    (Reconnecting, None): 2,
    (Reconnecting, _Condition.DORMANT): 0,
    (Reconnected, _Condition.DORMANT): 1,
    (Reconnected, _Condition.RECONNECTING): 1,
    (Connected, _Condition.UNKNOWN): 0,  # it was listed before
    (Changed, None): 1,  # a connection whose status cannot be read
}


def _condition(observation: Observation) -> _Condition | ConnState:
    if observation.is_up:
        return _Condition.UP
    status = observation.status
    if status is None:
        return _Condition.ENDED if observation.gone else _Condition.UNKNOWN
    if status.state is not ConnState.CONNECTED:
        return status.state
    dormant = status.substate is ConnSubstate.DORMANT
    return _Condition.DORMANT if dormant else _Condition.RECONNECTING


class _Known(NamedTuple):
    """What is known about a connection that the last poll listed."""

    observation: Observation
    status: Status | None
    """The last status that could be read."""
    condition: _Condition | ConnState
    """The last condition that was not UNKNOWN, or None."""
    was_up: bool
    """Whether its end is a Disconnected."""
    since_ns: int | None
    """When it connected; None if it was up before the first poll."""


def _kinds(was: _Known | None, now: Observation | None) -> list[type[ConnectionEvent]]:
    """Name what happened to one connection from one poll to the next."""
    condition = _Condition.ENDED if now is None else _condition(now)
    last = was.condition if was else None
    if was and (now == was.observation or condition is last is _Condition.ENDED):
        return []
    if condition is _Condition.ENDED:
        if was is None:  # it ended after the enumeration, before its status was read
            return [Connected, Disconnected]
        return [Disconnected if was.was_up else StateChanged]
    if was and condition in (last, _Condition.UNKNOWN):
        return [_kind_of_detail(was.status, now.status if now else None)]
    if condition is _Condition.UP and last in _OUTAGES:
        return [Reconnected]
    return [_KINDS.get(condition, StateChanged)]


def _kind_of_detail(was: Status | None, now: Status | None) -> type[ConnectionEvent]:
    """Name a change that does not change the condition."""
    if was is None or now is None:
        return Changed
    if now.substate is ConnSubstate.RECONNECTED is not was.substate:
        return Reconnected
    before = was.local_endpoint, was.remote_endpoint
    after = now.local_endpoint, now.remote_endpoint
    moved = any(one and other and one != other for one, other in zip(before, after, strict=True))
    return Moved if moved else Changed


def _signals(kind: type[ConnectionEvent], was: _Known | None, now: Observation | None) -> int:
    """Return how many signals RAS may give for what happened to a connection."""
    if now is None:
        return 1
    return _SIGNALS.get((kind, was.condition if was else None), _USUAL_SIGNALS.get(kind, 0))


def _next_known(
    was: _Known | None, kind: type[ConnectionEvent], now: Observation, now_ns: int
) -> _Known:
    condition, status = _condition(now), now.status
    was_up = was.was_up if was else condition is _Condition.UNKNOWN
    since_ns = was.since_ns if was else now_ns
    if kind is Found:
        since_ns = None
    elif kind is Connected:
        since_ns = now_ns
    if condition is _Condition.UP or condition in _OUTAGES:
        was_up = True
    if condition is _Condition.UNKNOWN and was:
        condition, status = was.condition, was.status
    return _Known(now, status, condition, was_up, since_ns)


Key = tuple[int, UUID | str]
"""Identifies a connection, also one without a correlation id."""


def identity(connection: Connection) -> Key:
    """Identify a connection. Windows reuses handles, so compare the correlation id, or the name."""
    return connection.handle, connection.correlation_id or connection.entry_name


class Connections:
    """The connections as the last poll listed them."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.is_first = True
        """Whether no poll has succeeded yet."""
        self._known: dict[Key, _Known] = {}
        self._ended_ns: OrderedDict[str, int] = OrderedDict()  # by entry

    def update(self, snapshot: Snapshot, now_ns: int) -> list[Difference]:
        """Take the next snapshot; return its differences from the last one, ends first."""
        first, self.is_first = self.is_first, False
        if snapshot is self.snapshot and not first:
            return []
        self.snapshot = snapshot
        listed = {identity(item.connection): item for item in snapshot}
        unlisted = [key for key in self._known if key not in listed]
        ends: list[Difference] = []
        others: list[Difference] = []
        for key in (*unlisted, *listed):
            was, now = self._known.pop(key, None), listed.get(key)
            kinds = _kinds(was, now)
            if first:
                kinds[0] = Found
            has_ended = was is not None and (now is None or now.gone)
            told = ends if has_ended else others
            for kind in kinds:
                before = was.observation if was else None
                seconds = self._seconds(kind, was, now, now_ns)
                signals = _signals(kind, was, now)
                told.append(Difference(kind, before, now, signals, seconds))
                was = _next_known(was, kind, now, now_ns) if now else None
            if now and was:
                self._known[key] = was
        return ends + others

    def _seconds(
        self, kind: type[ConnectionEvent], was: _Known | None, now: Observation | None, now_ns: int
    ) -> float | None:
        """Return how long the entry was down, or how long the connection was up."""
        since_ns = None
        if kind is Connected and now:
            since_ns = self._ended_ns.pop(now.connection.entry_name.casefold(), None)
        elif kind is Disconnected and was:
            since_ns = was.since_ns
            self._ended_ns[was.observation.connection.entry_name.casefold()] = now_ns
            if len(self._ended_ns) > _MOST_ENTRIES:
                self._ended_ns.popitem(last=False)
        return None if since_ns is None else (now_ns - since_ns) / 1e9
