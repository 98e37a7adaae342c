"""What happened between one snapshot and the next."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from .._records import Connection, ConnState, ConnSubstate, Observation, Snapshot

_DOWN_SUBSTATES = (ConnSubstate.DORMANT, ConnSubstate.RECONNECTING)


Identity = tuple[int, "UUID | str"]


def identity(connection: Connection) -> Identity:
    """Tell connections apart: Windows uses the handle of an ended connection again.

    The entry's name stands in for the correlation id on systems that give none.
    """
    return connection.handle, connection.correlation_id or connection.entry_name


class Change(NamedTuple):
    """One thing that happened to one connection.

    `kind` is "connected", "dropped" (listed no more), "gone" (ended while it was asked),
    "dormant", "reconnecting", "reconnected", "moved" (other end points), "changed", or the
    name of any other state in lower case.
    """

    kind: str
    observation: Observation
    """As it is now; the last one seen where `kind` is "dropped"."""


def condition(observation: Observation) -> str:
    """The one word for how a connection is: a substate that is an outage counts as a state."""
    status = observation.status
    if status is None:
        return "gone" if observation.gone else "unknown"
    if status.state is ConnState.CONNECTED and status.substate in _DOWN_SUBSTATES:
        return status.substate.name.lower()
    return status.state.name.lower()


def changes(before: Snapshot, after: Snapshot) -> list[Change]:
    """What happened, ends first. Nothing is compared that is the same object."""
    if after is before:
        return []
    known = {identity(item.connection): item for item in before if not item.gone}
    happened = []
    for item in after:
        kind = _kind(known.pop(identity(item.connection), None), item)
        if kind:
            happened.append(Change(kind, item))
    return [Change("dropped", item) for item in known.values()] + happened


def _kind(was: Observation | None, now: Observation) -> str:
    """What to call it; "" when there is nothing to tell."""
    if was is now:
        return ""
    if was is None or condition(was) != condition(now):
        return _new_condition(was, condition(now))
    if was.status is None or now.status is None:
        return ""
    if _has_reconnected(was.status.substate, now.status.substate):
        return "reconnected"
    if was.status[5:7] != now.status[5:7]:
        return "moved"
    return "changed" if was != now else ""


def _new_condition(was: Observation | None, kind: str) -> str:
    """An outage that is over is not a new connection."""
    if was is None or kind != "connected":
        return kind
    return "reconnected" if condition(was) in {"dormant", "reconnecting"} else kind


def _has_reconnected(was: ConnSubstate | None, now: ConnSubstate | None) -> bool:
    """Whether an outage came and went between the two."""
    return now is ConnSubstate.RECONNECTED and was is not now
