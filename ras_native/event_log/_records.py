"""One event that RAS wrote into the event log of Windows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from .._help import documented
from .._plain import plain

DIALLING, LINK_BEGUN, LINK_UP, LINK_AUTHENTICATED, CONNECTED = range(20221, 20226)
"""Ids of RasClient's events: the stages of a dialling, in their usual order."""
DISCONNECTED, DIAL_FAILED = 20226, 20227
"""Ids of RasClient's events: a connection ended; a dialling failed. Both have a code."""
IDLE_TIMEOUT, LONGEST_TIME = 20263, 20264
"""Ids of RasClient's events: a connection was idle, or up, for as long as its entry allows."""
MOVED, MOVE_FAILED, CAN_MOVE = 20277, 20278, 20281
"""Ids of RasClient's events: a tunnel moved to another address, or failed to; it is able to."""


@documented
@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One event of the event log, as `EventLog.read` returns it.

    - `channel`: The log that has it, such as "Application".
    - `source`: The program that wrote it, such as "RasClient".
    - `event_id`: What happened, as the source numbers it, such as 20226.
    - `record_id`: The number of the event in its channel.
    - `time`: When it was written, in UTC.
    - `correlation_id`: The attempt to connect, as `Connection.correlation_id`; None if the event
      names none.
    - `entry`: The phone-book entry; None if the event names none. Windows may have mangled its
      letters.
    - `code`: Why it ended or failed, as an unsigned number; None if the event gives no code.
    - `data`: The event's own fields, as they were written.

    >>> from ras_native.event_log import EventLog
    >>> with EventLog(sim) as log:
    ...     handle = sim.dial("Head office", error=691)
    ...     sim.advance(5)
    ...     *_, event = log.read().events
    >>> event.event_id, event.entry, event.code
    (20227, 'Head office', 691)
    """

    channel: str
    source: str
    event_id: int
    record_id: int
    time: datetime
    correlation_id: UUID | None = None
    entry: str | None = None
    code: int | None = None
    data: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}
