"""The Monitor: what happens to the connections, told once, with marks where something is missing.

What it promises:

1. A state that stood while a poll looked is told, in order for each connection. Between
   connections the order is only that of the polls; within one poll, ends come first.
2. What came and went between two polls is a `Gap` if RAS signalled it and no change that was
   found accounts for the signal.
3. What came and went without a signal, or behind a signal that another change accounts for,
   nobody can know.

A signal and a change that are found within 2 seconds (the settling time) belong together, in
either order: RAS sets one event for everything, and signals a hang-up some time after it has
taken the connection off its list. A change accounts for one signal; an outage that began and ended
between two polls accounts for two. After a signal without a change the Monitor looks again after
10, 50, 250 and 1,000 ms and when the settling time is over; only then it tells the Gap.

Other kinds of Gap: RAS did not signal a connection that came or went (`unreported`), could not be
asked (`failed`), a poll began later than it was due by more than two intervals and 50 ms
(`late`), the system slept (`suspended`), or the consumer was slow (`overflow`). An outage is one
Gap with a count. Late polls and signals that never cease are told once in 60 and 10 seconds.

While RAS fails, the time between polls doubles up to 5 seconds, or one interval where that is
longer. A registration that may be dead is made anew: at once, then at most after 1 second, 2, 4
and so on, up to once a minute.

With `notifications=False`, or a provider that has none, there are no signals: nothing that comes
and goes between two polls is told (point 3), and there is neither `blip` nor `unreported`. The
links of a multilink connection are not watched. A connection that is dialled again between two
polls, under the same handle and correlation id, looks unchanged: it is a Gap if RAS signals it.
"""

from __future__ import annotations

from .events import (
    EVENTS,
    Absent,
    Changed,
    Connected,
    ConnectionEvent,
    Disconnected,
    Dormant,
    Found,
    Gap,
    GapKind,
    MonitorEvent,
    Moved,
    ProviderFailed,
    ProviderRecovered,
    Reconnected,
    Reconnecting,
    StateChanged,
)
from .monitor import Counts, Monitor
from .queue import MonitorClosed
from .recording import RecordingError, replay

__all__ = [
    "EVENTS",
    "Absent",
    "Changed",
    "Connected",
    "ConnectionEvent",
    "Counts",
    "Disconnected",
    "Dormant",
    "Found",
    "Gap",
    "GapKind",
    "Monitor",
    "MonitorClosed",
    "MonitorEvent",
    "Moved",
    "ProviderFailed",
    "ProviderRecovered",
    "Reconnected",
    "Reconnecting",
    "RecordingError",
    "StateChanged",
    "replay",
]
