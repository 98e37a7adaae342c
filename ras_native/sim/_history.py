"""The simulator's history: what happened, and when on its clock."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from .._help import documented
from .._plain import shown
from . import _abi


class HistoryEvent(IntEnum):
    """The kind of a `HistoryEntry`, with the meaning of `HistoryEntry.value`.

    - `STATE`: A connection entered a state. Value: its `ras_native.ConnState`.
    - `LISTED`: RasEnumConnections lists the connection from now on.
    - `UNLISTED`: RasEnumConnections no longer lists the connection.
    - `ENDED`: The handle of the connection is no longer valid.
    - `FAILED`: A dialling failed. Value: the error code.
    - `SUBSTATE`: The substate was set. Value: its `ras_native.ConnSubstate`.
    - `STATUS`: Other members of the status were set: the error, the phone number, an end point.
    - `RENAMED`: The connection has another entry name.
    - `LINK_UP`: A link came up. Value: its number, from 1.
    - `LINK_DOWN`: A link went down. Value: its number, from 1.
    - `SIGNALLED`: Events were set. Value: the flags of the change
      (`ras_native.NotificationFlag`).
    - `SIGNAL_LOST`: Events were not set because of a simulated fault. Value: the flags, as for
      SIGNALLED.
    - `SERVICE`: The service was stopped or started. Value: the code that calls return; 0 if it
      runs.
    - `REGISTRATIONS_FORGOTTEN`: The service forgot all registrations.

    >>> from ras_native.sim import HistoryEvent
    >>> handle = sim.add("Head office")
    >>> sim.drop(handle)
    >>> [entry.handle == handle for entry in sim.history if entry.event is HistoryEvent.ENDED]
    [True]
    """

    STATE = _abi.RASSIM_EVENT_STATE
    LISTED = _abi.RASSIM_EVENT_LISTED
    UNLISTED = _abi.RASSIM_EVENT_UNLISTED
    ENDED = _abi.RASSIM_EVENT_ENDED
    FAILED = _abi.RASSIM_EVENT_FAILED
    SUBSTATE = _abi.RASSIM_EVENT_SUBSTATE
    STATUS = _abi.RASSIM_EVENT_STATUS
    RENAMED = _abi.RASSIM_EVENT_RENAMED
    LINK_UP = _abi.RASSIM_EVENT_LINK_UP
    LINK_DOWN = _abi.RASSIM_EVENT_LINK_DOWN
    SIGNALLED = _abi.RASSIM_EVENT_SIGNALLED
    SIGNAL_LOST = _abi.RASSIM_EVENT_SIGNAL_LOST
    SERVICE = _abi.RASSIM_EVENT_SERVICE
    REGISTRATIONS_FORGOTTEN = _abi.RASSIM_EVENT_REGISTRATIONS_FORGOTTEN


@documented
class HistoryEntry(NamedTuple):
    """One entry of `Simulator.history`.

    - `sequence`: The number of the entry, from 0. The history drops its oldest entries when it is
      full.
    - `time`: Seconds on the simulator's clock.
    - `event`: What happened.
    - `handle`: The connection's handle; 0 if the entry is about the service.
    - `value`: `HistoryEvent` gives its meaning; 0 if it has none.
    - `registrations`: How many registrations were signalled, missed a signal or were forgotten;
      otherwise 0.

    >>> sim.advance(2)
    >>> handle = sim.add("Head office")
    >>> entry = sim.history[0]
    >>> entry.time, entry.event.name, entry.handle == handle
    (2.0, 'STATE', True)
    """

    sequence: int
    time: float
    event: HistoryEvent
    handle: int
    value: int
    registrations: int

    def __repr__(self) -> str:
        return shown(self, "handle")


def entry_of(raw: _abi.RassimHistoryEntry) -> HistoryEntry:
    """Convert an entry of the library."""
    return HistoryEntry(
        raw.sequence,
        raw.time_ns / 1_000_000_000,
        HistoryEvent(raw.event),
        raw.handle,
        raw.value,
        raw.registrations,
    )
