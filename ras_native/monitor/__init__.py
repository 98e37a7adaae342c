"""The Monitor reports each change once, and tells when it may have missed one.

`help(ras_native)` lists the names of this module, and `help(ras_native.Monitor)` tells how to use a
Monitor. This page is what it promises:

1. The Monitor reports every state that a poll saw, in order for each connection. Events of
   different connections have the order of the polls. Within one poll, ends come first.
2. It reports a change that came and went between two polls as a `Gap`, if RAS signalled it and no
   change that a poll saw explains the signal.
3. It cannot detect a change that came and went between two polls if RAS did not signal it, or if
   another change explains the signal.

RAS sets one event for all changes, and signals a hang-up some time after it removes the connection
from its list. So a signal and a change belong together if polls find both within 2 seconds (the
settling time), in either order. A change explains one signal; an outage that began and ended
between two polls explains two. After a signal without a change the Monitor polls again after 10,
50, 250 and 1,000 ms, and after the settling time. Then it reports the Gap.

The other kinds of Gap are:

- `unreported`: RAS did not signal a connection that came or went.
- `failed`: RAS could not be asked. One Gap, with a count, covers the whole outage.
- `late`: a poll began more than two intervals and 50 ms after it was due.
- `suspended`: the system slept.
- `overflow`: the consumer was slow.
- `log`: events of the event log may be missing, so reasons may be missing.

If polls stay late, the Monitor reports that once in 60 seconds; if signals never stop, or the event
log loses events again and again, once in 10.

While RAS fails, the time between polls doubles up to 5 seconds, or up to one interval if that is
longer. If a registration may have stopped working, the Monitor registers again: at once, then after
1, 2, 4 and more seconds, up to once a minute.

With `statistics_interval` the Monitor samples the statistics of each connection at fixed moments.
With the native backend this runs no Python code until a connection falls silent.
`Monitor.statistics` gives the sums, as `ras_native.monitor.traffic` explains. A connection is
silent if bytes were sent and nothing was received for `silent_after` seconds. The time counts from
the first sample that showed such bytes. The next sample after that time finds the silence. So it is
found at most `silent_after` seconds and two intervals after the bytes were sent. One-way traffic,
such as a log that is only sent, looks silent too.

With `probe` the Monitor connects through tunnels that are up, each from a thread of its own. A
probe succeeds if the port is open or refuses. Any other outcome makes the connection unreachable; a
probe without an answer fails after 3 seconds, or after one interval if that is shorter. The next
success makes the connection up again. A probe that this computer cannot even begin shows nothing.
An unreachable connection is not also called silent. A connection that is dormant or reconnecting is
not probed.

With `notifications=False`, or with a provider that has no notifications, there are no signals. Then
the Monitor cannot detect changes between two polls, and reports neither `blip` nor `unreported`. It
does not watch the links of a multilink connection. A connection that is dialled again between two
polls, with the same handle and correlation id, looks unchanged: it is a Gap if RAS signals it.

The Monitor also reads the event log of Windows, in a second thread that delays no poll. The log has
the reason for which a connection ended. So a `Disconnected` is reported at once, and its
`Explained` follows, perhaps after other events:

- There is exactly one `Explained` for each reported `Disconnected`. If the log tells nothing within
  10 seconds, or the Monitor is closed before, its `reason` is None. Where no event log can be read,
  it is None at once. With `event_log=False` there is no `Explained`.
- Usually both have the correlation id of the attempt to connect. Then the reason is never that of
  another connection.
- If one of them has no id, the reason is a guess, and `matched_by` says so. A guess needs the same
  entry, in any letter case; a name that Windows wrote in a wrong encoding can match. The event must
  be at most 5 seconds from the end, and fit no other end. No other event may fit this end. The
  Monitor guesses after the 10 seconds, when it knows the others. It does not guess if one entry has
  more than 16 such ends or events.
- The links of one connection share its reason if they end within 2 seconds.
- The order of the log does not matter. An event that is read before the poll that sees the end is
  kept for an hour; at most 4,096 are kept. Copies of an event are ignored.

`DialFailed`, `IdleTimeout` and `SessionTimeout` report what only the log tells. `Gap.log_events`
has what the log told of connections that no poll saw. The Monitor polls at once when the log has a
new event. So it finds changes that RAS does not signal. Such an event is not a signal, and explains
none. Events that were written before the log was open are not read: it is open when `has_event_log`
is true.

`Monitor.timeline` has the stages of the last dialling of an entry, from the log and from the states
that polls saw.
"""

from __future__ import annotations

from .._dir import short_help
from .availability import (
    Availability,
    AvailabilityState,
    EndReason,
    EntryAvailability,
    EntryTotals,
    RoundTrips,
    StateSegment,
)
from .durations import Durations, Histogram
from .events import (
    EVENTS,
    Absent,
    Changed,
    Connected,
    ConnectionEvent,
    DialFailed,
    Disconnected,
    Dormant,
    Explained,
    Found,
    Gap,
    GapKind,
    HealthChanged,
    IdleTimeout,
    LoggedEvent,
    MatchedBy,
    MonitorEvent,
    Moved,
    ProviderFailed,
    ProviderRecovered,
    Reconnected,
    Reconnecting,
    SessionTimeout,
    StateChanged,
)
from .health import Health, HealthKind, ProbeFailure, Silence
from .monitor import Counts, Monitor
from .probes import ProbeResult
from .queue import MonitorClosed
from .recording import RecordingError, replay
from .timeline import DialStage, DialTimeline
from .traffic import Traffic

__all__ = [
    "EVENTS",
    "Absent",
    "Availability",
    "AvailabilityState",
    "Changed",
    "Connected",
    "ConnectionEvent",
    "Counts",
    "DialFailed",
    "DialStage",
    "DialTimeline",
    "Disconnected",
    "Dormant",
    "Durations",
    "EndReason",
    "EntryAvailability",
    "EntryTotals",
    "Explained",
    "Found",
    "Gap",
    "GapKind",
    "Health",
    "HealthChanged",
    "HealthKind",
    "Histogram",
    "IdleTimeout",
    "LoggedEvent",
    "MatchedBy",
    "Monitor",
    "MonitorClosed",
    "MonitorEvent",
    "Moved",
    "ProbeFailure",
    "ProbeResult",
    "ProviderFailed",
    "ProviderRecovered",
    "Reconnected",
    "Reconnecting",
    "RecordingError",
    "RoundTrips",
    "SessionTimeout",
    "Silence",
    "StateChanged",
    "StateSegment",
    "Traffic",
    "replay",
]

__dir__ = short_help(globals())
