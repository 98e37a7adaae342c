"""The Monitor: every change of the connections that can be known, told once.

What it promises:

1. A state that stood while a poll looked is told, in order for each connection. Between
   connections the order is only that of the polls; within one poll, ends come first.
2. What came and went between two polls is a `Gap`, if RAS signalled it and no change that was
   found accounts for the signal.
3. What came and went without a signal, or behind a signal that another change accounts for, nobody
   can know.

Without RAS' signals (`notifications=False`, or a provider that has none) point 2 falls away: what
came and went between two polls is not told. The links of a multilink connection are not watched.
"""

from .events import (
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

__all__ = [
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
    "StateChanged",
]
