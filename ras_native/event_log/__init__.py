"""Why a connection ended: what RAS writes into the event log of Windows.

For example:

    with EventLog() as log:
        while log.wait():
            for event in log.read().events:
                print(event.time, event.event_id, event.entry, event.code)
"""

from __future__ import annotations

from ._event_log import EventLog, LogRead
from ._records import LogEvent
from ._wevtapi import EventLogError

__all__ = ["EventLog", "EventLogError", "LogEvent", "LogRead"]

for _public in (EventLog, EventLogError, LogEvent, LogRead):
    _public.__module__ = __name__
