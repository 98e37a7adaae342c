"""Finds what changed between two snapshots."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from .. import Connection, ConnState, ConnSubstate, Observation, Snapshot, Status

_DOWN_SUBSTATES = (ConnSubstate.DORMANT, ConnSubstate.RECONNECTING)


Identity = tuple[int, "UUID | str"]


def identity(connection: Connection) -> Identity:
    """Return a key that tells connections apart: Windows reuses the handles of ended connections.

    On systems without correlation ids the entry's name is used instead.
    """
    return connection.handle, connection.correlation_id or connection.entry_name


class Change(NamedTuple):
    """One change of one connection.

    `kind` is "connected", "dropped" (no longer listed), "gone" (ended between being listed and its
    status call), "dormant", "reconnecting", "reconnected", "moved" (new end points), "changed", or
    the lower-case name of any other state.
    """

    kind: str
    observation: Observation
    """The new one; for "dropped" the last one."""


def condition(observation: Observation) -> str:
    """Return one word for the state of a connection; "dormant" and "reconnecting" included."""
    status = observation.status
    if status is None:
        return "gone" if observation.gone else "unknown"
    if status.state is ConnState.CONNECTED and status.substate in _DOWN_SUBSTATES:
        return status.substate.name.lower()
    return status.state.name.lower()


def changes(before: Snapshot, after: Snapshot) -> list[Change]:
    """Return all changes; connections that ended come first."""
    if after is before:
        return []
    known = {identity(item.connection): item for item in before if not item.gone}
    happened = []
    for item in after:
        kind = _kind(known.pop(identity(item.connection), None), item)
        if kind:
            happened.append(Change(kind, item))
    return [Change("dropped", item) for item in known.values()] + happened


def _kind(before: Observation | None, now: Observation) -> str:
    """Return the kind of a change, or "" if nothing changed."""
    if before is now:
        return ""
    if before is None or condition(before) != condition(now):
        return _new_condition(before, condition(now))
    if before.status is None or now.status is None:
        return ""
    if _has_reconnected(before.status.substate, now.status.substate):
        return "reconnected"
    if _endpoints(before.status) != _endpoints(now.status):
        return "moved"
    return "changed" if before != now else ""


def _endpoints(status: Status) -> tuple[object, object]:
    return status.local_endpoint, status.remote_endpoint


def _new_condition(before: Observation | None, kind: str) -> str:
    """Return the kind of a new condition: the end of an outage is no new connection."""
    if before is None or kind != "connected":
        return kind
    return "reconnected" if condition(before) in {"dormant", "reconnecting"} else kind


def _has_reconnected(before: ConnSubstate | None, now: ConnSubstate | None) -> bool:
    """Tell whether an outage began and ended between the two substates."""
    return now is ConnSubstate.RECONNECTED and before is not now
