"""The events of a Monitor: one class for each kind, for use with `match`.

match event:
    case Connected(connection) | Reconnected(connection):
        print(connection.entry_name, "is up")
    case Gap(kind, count):
        print("something may be missing:", kind, count)
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from .._explain import Reason
from .._help import documented
from .._plain import plain
from .._records import Connection, Observation, Snapshot
from ..event_log._records import LogEvent
from .health import Health


class GapKind(str, Enum):
    """Why something may be missing.

    - `BLIP`: RAS signalled, but no change that a poll saw explains the signal.
    - `UNREPORTED`: A connection came or went, but RAS did not signal it: perhaps RAS signals
      nothing.
    - `FAILED`: RAS could not be asked.
    - `LATE`: A poll began more than two intervals and 50 ms after it was due.
    - `SUSPENDED`: The system slept.
    - `OVERFLOW`: The consumer was slow: the queue was full and lost its oldest events.
    - `LOG`: Events of the event log may be missing, so reasons may be missing.

    >>> sim.stop_service()
    >>> with Monitor(ras, interval=0.01) as monitor:
    ...     failed = monitor.get()
    ...     sim.start_service()
    ...     recovered, gap = monitor.get(), monitor.get()
    >>> gap.kind is GapKind.FAILED
    True
    """

    BLIP = "blip"
    UNREPORTED = "unreported"
    FAILED = "failed"
    LATE = "late"
    SUSPENDED = "suspended"
    OVERFLOW = "overflow"
    LOG = "log"

    def __str__(self) -> str:
        return self.value


class MatchedBy(str, Enum):
    """How a reason was found for the end of a connection.

    - `CORRELATION_ID`: The event of the log names the attempt that made the connection.
    - `ENTRY_AND_TIME`: A guess: one of them has no correlation id, and entry and time fit no
      others.

    >>> handle = sim.add("Head office")
    >>> connected = monitor.get()
    >>> sim.drop(handle)
    >>> disconnected, explained = monitor.get(), monitor.get()
    >>> explained.matched_by is MatchedBy.CORRELATION_ID
    True
    """

    CORRELATION_ID = "correlation id"
    ENTRY_AND_TIME = "entry and time"

    def __str__(self) -> str:
        return self.value


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class MonitorEvent:
    """The base of every event.

    - `sequence`: The number of the event: a Monitor numbers its events 1, 2, 3 and so on.
    - `monotonic_ns`: When the poll that showed it returned, on the clock of `time.perf_counter_ns`.
    - `time`: The same moment in UTC; it jumps when the system's clock is set.
    - `not_before_ns`: When the last poll that did not show it returned; None if there was no such
      poll.

    >>> handle = sim.add("Head office")
    >>> event = monitor.get()
    >>> isinstance(event, MonitorEvent), event.sequence, event.entry
    (True, 1, 'Head office')
    """

    __match_args__ = ("sequence",)

    sequence: int
    monotonic_ns: int
    time: datetime
    not_before_ns: int | None = None

    @property
    def connection(self) -> Connection | None:
        """The connection that the event is about, or None."""
        return None

    @property
    def entry(self) -> str | None:
        """The connection's phone-book entry; None if the event is not about an entry."""
        connection = self.connection
        return None if connection is None else connection.entry_name

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; it includes `entry`, and the name of the class as "event"."""
        values = {member.name: plain(getattr(self, member.name)) for member in fields(self)}
        return {"event": type(self).__name__, "entry": self.entry, **values}


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class ConnectionEvent(MonitorEvent):
    """Something that happened to one connection.

    - `before`: The connection in the last poll before the event; None if it was not listed.
    - `after`: The connection in the poll that showed the event; None if it is not listed.

    >>> handle = sim.add("Head office")
    >>> event = monitor.get()
    >>> isinstance(event, ConnectionEvent), event.before is None, event.after.is_up
    (True, True, True)
    """

    __match_args__ = ("connection",)

    before: Observation | None = None
    after: Observation | None = None

    @property
    def connection(self) -> Connection:
        """The connection as it is now; if it ended, as it was last seen."""
        observation = self.after or self.before
        assert observation is not None  # noqa: S101 - each event has at least one
        return observation.connection


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Found(ConnectionEvent):
    """It was listed already in the Monitor's first poll.

    >>> handle = sim.add("Head office")
    >>> with Monitor(ras) as monitor:
    ...     match monitor.get():
    ...         case Found(connection):
    ...             print(connection.entry_name, "was there already")
    Head office was there already
    """


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Connected(ConnectionEvent):
    """It is up; before, it was not listed or not up.

    - `down_for`: Seconds since a connection of this entry ended; None if the Monitor has seen none
      end.

    >>> handle = sim.add("Head office")
    >>> match monitor.get():
    ...     case Connected(connection):
    ...         print(connection.entry_name, "is up")
    Head office is up
    """

    down_for: float | None = None


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Disconnected(ConnectionEvent):
    """It ended: it is no longer listed, or its status shows that it ended.

    - `uptime`: Seconds that it was up; None if it was Found, and its statistics were not sampled.

    >>> handle = sim.add("Head office")
    >>> event = monitor.get()
    >>> sim.drop(handle)
    >>> match monitor.get():
    ...     case Disconnected(connection, uptime=seconds):
    ...         print(connection.entry_name, "ended; it was up for some time:", seconds > 0)
    Head office ended; it was up for some time: True
    """

    uptime: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Dormant(ConnectionEvent):
    """The interface under an IKEv2 tunnel is down. RAS still lists the tunnel as connected.

    >>> handle = sim.add("Head office")
    >>> event = monitor.get()
    >>> sim.set_status(handle, substate=ConnSubstate.DORMANT)
    >>> match monitor.get():
    ...     case Dormant(connection):
    ...         print(connection.entry_name, "carries no data now")
    Head office carries no data now
    """


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Reconnecting(ConnectionEvent):
    """An IKEv2 tunnel is changing to another interface. It carries no traffic until then.

    >>> handle = sim.add("Head office")
    >>> event = monitor.get()
    >>> sim.set_status(handle, substate=ConnSubstate.RECONNECTING)
    >>> sim.signal(handle)
    >>> match monitor.get():
    ...     case Reconnecting(connection):
    ...         print(connection.entry_name, "changes its interface")
    Head office changes its interface
    """


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Reconnected(ConnectionEvent):
    """An IKEv2 tunnel that was dormant or reconnecting is up again.

    >>> handle = sim.add("Head office")
    >>> sim.set_status(handle, substate=ConnSubstate.DORMANT)
    >>> with Monitor(ras) as monitor:
    ...     found = monitor.get()
    ...     sim.set_status(handle, substate=ConnSubstate.RECONNECTED)
    ...     match monitor.get():
    ...         case Reconnected(connection):
    ...             print(connection.entry_name, "is up again")
    Head office is up again
    """


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Moved(ConnectionEvent):
    """It stayed up, and an end point of its tunnel changed.

    >>> handle = sim.add("Head office", local_endpoint="192.0.2.1")
    >>> with Monitor(ras, interval=0.01) as monitor:
    ...     found = monitor.get()
    ...     sim.set_status(handle, local_endpoint="192.0.2.2")
    ...     match monitor.get():
    ...         case Moved(connection, after=now):
    ...             print(connection.entry_name, now.status.local_endpoint)
    Head office 192.0.2.2
    """


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class StateChanged(ConnectionEvent):
    """It reached another state before it was up, or ended without having been up.

    >>> handle = sim.add("Head office")
    >>> sim.set_status(handle, state=ConnState.AUTHENTICATE)
    >>> with Monitor(ras, interval=0.01) as monitor:
    ...     found = monitor.get()
    ...     sim.set_status(handle, state=ConnState.AUTHENTICATED)
    ...     match monitor.get():
    ...         case StateChanged(connection, after=now):
    ...             print(connection.entry_name, now.status.state)
    Head office AUTHENTICATED
    """


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Changed(ConnectionEvent):
    """Something else changed, such as its name; or its status cannot be read now.

    >>> handle = sim.add("Head office")
    >>> with Monitor(ras, interval=0.01) as monitor:
    ...     found = monitor.get()
    ...     sim.rename(handle, "Main office")
    ...     match monitor.get():
    ...         case Changed(connection, before=last):
    ...             print(last.connection.entry_name, "is now", connection.entry_name)
    Head office is now Main office
    """


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class HealthChanged(MonitorEvent):
    """A connection is now silent or unreachable, or not any more.

    It stayed connected. For the outages of an IKEv2 tunnel see Dormant and Reconnecting.

    - `connection`: The connection as it is now.
    - `health`: Its health, with the evidence.
    - `previous`: Its health before.

    >>> handle = sim.add("Head office")
    >>> sim.set_traffic(handle, sent=1000)
    >>> sim.step_per_call = 0.1  # each call moves the simulator's clock
    >>> with Monitor(ras, statistics_interval=0.01, silent_after=0.02) as monitor:
    ...     found = monitor.get()
    ...     match monitor.get():
    ...         case HealthChanged(connection, health):
    ...             print(connection.entry_name, "is", health.kind)
    Head office is silent
    """

    __match_args__ = ("connection", "health")

    connection: Connection = field()  # field() hides the property of the base class
    health: Health
    previous: Health


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Absent(MonitorEvent):
    """An entry that the Monitor was asked to watch is not connected at the start.

    - `entry`: The name that the Monitor was given.

    >>> with Monitor(ras, entries=["Head office"]) as monitor:
    ...     match monitor.get():
    ...         case Absent(entry):
    ...             print(entry, "is not connected")
    Head office is not connected
    """

    __match_args__ = ("entry",)

    entry: str = field()  # field() hides the property of the base class, which has this name


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Gap(MonitorEvent):
    """Changes between two moments may have been missed.

    Every state that a poll saw is still reported. An overflow loses events; its `snapshot` is the
    state to which the next events apply. `log_events` may tell what was missed.

    - `kind`: Why something may be missing.
    - `count`: The number of signals (blip), changes (unreported), polls (failed, late, suspended),
      events (overflow) or losses (log).
    - `from_ns`: Nothing is missing before this moment, on the clock of `monotonic_ns`.
    - `to_ns`: Nothing is missing after this moment, on the clock of `monotonic_ns`.
    - `first_sequence`: The first event that was lost; None unless `kind` is overflow.
    - `last_sequence`: The last event that was lost; None unless `kind` is overflow.
    - `snapshot`: The state after the last event that was lost, with only the `entries` of the
      Monitor; None unless `kind` is overflow.
    - `log_events`: What the event log told of attempts to connect that no poll saw, since 2 seconds
      before `from_ns`: the log may be read before RAS signals.

    >>> sim.stop_service(711)
    >>> with Monitor(ras, interval=0.01) as monitor:
    ...     failed = monitor.get()
    ...     sim.start_service()
    ...     recovered, gap = monitor.get(), monitor.get()
    >>> print(gap.kind, gap.count > 0)
    failed True
    """

    __match_args__ = ("kind", "count")

    kind: GapKind
    count: int
    from_ns: int
    to_ns: int
    first_sequence: int | None = None
    last_sequence: int | None = None
    snapshot: Snapshot | None = None
    log_events: tuple[LogEvent, ...] = ()

    def utc(self, moment_ns: int) -> datetime:
        """Convert `from_ns` or `to_ns` to UTC, relative to `time`.

        moment_ns: nanoseconds on the clock of `monotonic_ns`.

        >>> sim.stop_service(711)
        >>> with Monitor(ras, interval=0.01) as monitor:
        ...     failed = monitor.get()
        ...     sim.start_service()
        ...     recovered, gap = monitor.get(), monitor.get()
        >>> gap.utc(gap.from_ns) < gap.utc(gap.to_ns) <= gap.time
        True
        """
        return self.time - timedelta(microseconds=(self.monotonic_ns - moment_ns) / 1000)


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class ProviderFailed(MonitorEvent):
    """RAS cannot be asked. It is reported once; the next is possible after ProviderRecovered.

    - `code`: The code that the function returned, such as 711 if the service does not run.

    >>> sim.stop_service(711)
    >>> with Monitor(ras) as monitor:
    ...     match monitor.get():
    ...         case ProviderFailed(code):
    ...             print("RAS does not answer:", code)
    RAS does not answer: 711
    """

    __match_args__ = ("code",)

    code: int


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class ProviderRecovered(MonitorEvent):
    """RAS can be asked again. A Gap for the time of the outage follows.

    - `down_for`: Seconds since the last successful poll, or since the Monitor began.

    >>> sim.stop_service(711)
    >>> with Monitor(ras, interval=0.01) as monitor:
    ...     failed = monitor.get()
    ...     sim.start_service()
    ...     match monitor.get():
    ...         case ProviderRecovered(seconds):
    ...             print("RAS answers again", seconds > 0)
    RAS answers again True
    """

    __match_args__ = ("down_for",)

    down_for: float


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Explained(MonitorEvent):
    """Why a connection ended. Exactly one follows each Disconnected, at once or later.

    With `event_log=False` none does.

    - `disconnected`: The `sequence` of the Disconnected.
    - `entry`: The phone-book entry of the connection that ended.
    - `reason`: Why it ended; None if the event log did not tell in time.
    - `matched_by`: How the reason was found; None if none was.
    - `log_event`: The event of the log that tells the reason, or None.

    >>> handle = sim.add("Head office")
    >>> connected = monitor.get()
    >>> sim.drop(handle)
    >>> disconnected = monitor.get()
    >>> match monitor.get():
    ...     case Explained(reason):
    ...         print(reason.name)
    ERROR_REMOTE_DISCONNECTION
    """

    __match_args__ = ("reason",)

    disconnected: int
    entry: str = field()
    reason: Reason | None
    matched_by: MatchedBy | None
    log_event: LogEvent | None = None


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class LoggedEvent(MonitorEvent):
    """Something that only the event log tells.

    - `entry`: The phone-book entry; None if nobody knows it.
    - `log_event`: The event of the log.

    >>> handle = sim.dial("Head office", error=691)
    >>> sim.advance(5)
    >>> event = monitor.get()
    >>> isinstance(event, LoggedEvent), event.entry, event.log_event.event_id
    (True, 'Head office', 20227)
    """

    __match_args__ = ("entry",)

    entry: str | None = field()
    log_event: LogEvent

    @property
    def correlation_id(self) -> UUID | None:
        """The attempt to connect, as `Connection.correlation_id`; None if the log names none."""
        return self.log_event.correlation_id


@documented
@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class DialFailed(LoggedEvent):
    """An attempt to connect failed (event 20227).

    - `reason`: Why it failed; None if the log gives no code.

    >>> handle = sim.dial("Head office", error=691)
    >>> sim.advance(5)  # seconds on the simulator's clock
    >>> match monitor.get():
    ...     case DialFailed(entry, reason):
    ...         print(entry, "failed:", reason.name)
    Head office failed: ERROR_AUTHENTICATION_FAILURE
    """

    __match_args__ = ("entry", "reason")

    reason: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class IdleTimeout(LoggedEvent):
    """RAS ends a connection that was idle for as long as its entry allows (event 20263).

    >>> handle = sim.add("Head office")
    >>> connected = monitor.get()
    >>> sim.time_out(handle, "idle")
    >>> kinds = {type(monitor.get()).__name__ for _ in range(3)}
    >>> sorted(kinds)
    ['Disconnected', 'Explained', 'IdleTimeout']
    """


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class SessionTimeout(LoggedEvent):
    """RAS ends a connection that was up for as long as it is allowed to be (event 20264).

    >>> handle = sim.add("Head office")
    >>> connected = monitor.get()
    >>> sim.time_out(handle, "longest")
    >>> kinds = {type(monitor.get()).__name__ for _ in range(3)}
    >>> sorted(kinds)
    ['Disconnected', 'Explained', 'SessionTimeout']
    """


EVENTS: tuple[type[MonitorEvent], ...] = (
    Found,
    Absent,
    Connected,
    Disconnected,
    Dormant,
    Reconnecting,
    Reconnected,
    Moved,
    StateChanged,
    Changed,
    HealthChanged,
    Explained,
    DialFailed,
    IdleTimeout,
    SessionTimeout,
    Gap,
    ProviderFailed,
    ProviderRecovered,
)
"""Every kind of event."""
