"""The simulator's log: what happened, and when on its clock."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from .._plain import shown
from . import _abi


class HistoryEvent(IntEnum):
    """What a `HistoryEntry` tells of; `HistoryEntry.value` is explained with each."""

    STATE = _abi.RASSIM_EVENT_STATE
    """A connection entered a state. Value: its `ras_native.ConnState`."""
    LISTED = _abi.RASSIM_EVENT_LISTED
    """RasEnumConnections lists the connection from now on."""
    UNLISTED = _abi.RASSIM_EVENT_UNLISTED
    """RasEnumConnections no longer lists the connection."""
    ENDED = _abi.RASSIM_EVENT_ENDED
    """The handle of the connection is no longer valid."""
    FAILED = _abi.RASSIM_EVENT_FAILED
    """A dialling failed. Value: the error code."""
    SUBSTATE = _abi.RASSIM_EVENT_SUBSTATE
    """The substate was set. Value: its `ras_native.ConnSubstate`."""
    STATUS = _abi.RASSIM_EVENT_STATUS
    """Other members of the status were set: the error, the phone number, an end point."""
    RENAMED = _abi.RASSIM_EVENT_RENAMED
    """The connection has another entry name."""
    LINK_UP = _abi.RASSIM_EVENT_LINK_UP
    """A link came up. Value: its number, from 1."""
    LINK_DOWN = _abi.RASSIM_EVENT_LINK_DOWN
    """A link went down. Value: its number, from 1."""
    SIGNALLED = _abi.RASSIM_EVENT_SIGNALLED
    """Events were set. Value: the `ras_native.NotificationFlag`s of the change."""
    SIGNAL_LOST = _abi.RASSIM_EVENT_SIGNAL_LOST
    """Events were not set, because of a simulated fault. Value: as for SIGNALLED."""
    SERVICE = _abi.RASSIM_EVENT_SERVICE
    """The service was stopped or started. Value: the code that calls answer, 0 if it runs."""
    REGISTRATIONS_FORGOTTEN = _abi.RASSIM_EVENT_REGISTRATIONS_FORGOTTEN
    """The service forgot all registrations."""


class HistoryEntry(NamedTuple):
    """One entry of `Simulator.history`."""

    sequence: int
    """Counts from 0. It does not begin at 0 once the log has dropped its oldest entries."""
    time: float
    """Seconds on the simulator's clock."""
    event: HistoryEvent
    handle: int
    """The connection's handle; 0 for what concerns the service."""
    value: int
    """See `HistoryEvent`; 0 where it says nothing of a value."""
    registrations: int
    """How many registrations were signalled, missed a signal, or were forgotten; else 0."""

    def __repr__(self) -> str:
        return shown(self, "handle")


def entry_of(raw: _abi.RassimHistoryEntry) -> HistoryEntry:
    """Convert an entry as the library gives it."""
    return HistoryEntry(
        raw.sequence,
        raw.time_ns / 1_000_000_000,
        HistoryEvent(raw.event),
        raw.handle,
        raw.value,
        raw.registrations,
    )
