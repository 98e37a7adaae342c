"""What a Monitor tells: one class for each kind of event, made for `match`.

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

from .._plain import plain
from .._records import Connection, Observation, Snapshot


class GapKind(str, Enum):
    """Why something may be missing."""

    BLIP = "blip"
    """RAS signalled, and no change that was found accounts for the signal."""
    UNREPORTED = "unreported"
    """A connection came or went and RAS did not signal it: perhaps it signals nothing."""
    FAILED = "failed"
    """RAS could not be asked."""
    LATE = "late"
    """A poll began later than it was due by more than two intervals and 50 ms."""
    SUSPENDED = "suspended"
    """The system slept."""
    OVERFLOW = "overflow"
    """The consumer was slow: the queue was full and lost its oldest events."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class MonitorEvent:
    """What every event has."""

    __match_args__ = ("sequence",)

    sequence: int
    """Counts the events of one Monitor, from 1, without a hole."""
    monotonic_ns: int
    """When the poll that showed it returned, on the clock of `time.perf_counter_ns`."""
    time: datetime
    """The same moment in UTC; it jumps when the system's clock is set."""
    not_before_ns: int | None = None
    """When the last poll that did not show it returned; None where there was no such poll."""

    @property
    def connection(self) -> Connection | None:
        """The connection that the event is about; None where it is about none."""
        return None

    @property
    def entry(self) -> str | None:
        """The connection's phone-book entry; None where the event is about no entry."""
        connection = self.connection
        return None if connection is None else connection.entry_name

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON data, with `entry`, and the name of the class as "event"."""
        values = {member.name: plain(getattr(self, member.name)) for member in fields(self)}
        return {"event": type(self).__name__, "entry": self.entry, **values}


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class ConnectionEvent(MonitorEvent):
    """Something that happened to one connection."""

    __match_args__ = ("connection",)

    before: Observation | None = None
    """What the last poll that did not show the event saw; None where it saw nothing."""
    after: Observation | None = None
    """What the poll that showed the event saw; None where the connection is not listed."""

    @property
    def connection(self) -> Connection:
        """The connection as it is now, or as it was last seen."""
        observation = self.after or self.before
        assert observation is not None  # noqa: S101 - an event has one of the two
        return observation.connection


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Found(ConnectionEvent):
    """It was listed already when the Monitor first looked."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Connected(ConnectionEvent):
    """It is up, and was not listed or not up before."""

    down_for: float | None = None
    """Seconds since a connection of this entry ended; None where the Monitor saw none end."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Disconnected(ConnectionEvent):
    """It ended: it is listed no more, or its status says that it is gone."""

    uptime: float | None = None
    """Seconds since it was told as Connected; None where it was Found."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Dormant(ConnectionEvent):
    """The interface under an IKEv2 tunnel is down. RAS still lists the tunnel as connected."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Reconnecting(ConnectionEvent):
    """An IKEv2 tunnel is moving to another interface. Nothing passes meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Reconnected(ConnectionEvent):
    """An IKEv2 tunnel that was dormant or reconnecting is up again."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Moved(ConnectionEvent):
    """It is up as before, and an end point of its tunnel is another one."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class StateChanged(ConnectionEvent):
    """It reached another state on the way up, or ended without ever having been up."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Changed(ConnectionEvent):
    """Anything else is different, for instance its name; or its status cannot be read now."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Absent(MonitorEvent):
    """An entry that the Monitor was asked to watch is not connected at the start."""

    __match_args__ = ("entry",)

    entry: str = field()  # without a default, though the base class has a property of this name
    """The name as the Monitor was given it."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class Gap(MonitorEvent):
    """Something may have come and gone unseen between two moments.

    Everything that stood when RAS was asked is told nevertheless; an overflow loses more, and
    its `snapshot` is the state from which the following events go on.
    """

    __match_args__ = ("kind", "count")

    kind: GapKind
    count: int
    """Of signals (blip), changes (unreported), polls (failed, late, suspended) or events
    (overflow)."""
    from_ns: int
    """Nothing is missing before this moment, on the clock of `monotonic_ns`."""
    to_ns: int
    """Nothing is missing after this moment, on the clock of `monotonic_ns`."""
    first_sequence: int | None = None
    """The first event that was lost; None unless `kind` is overflow."""
    last_sequence: int | None = None
    """The last event that was lost; None unless `kind` is overflow."""
    snapshot: Snapshot | None = None
    """The state after the last event that was lost; None unless `kind` is overflow."""

    def utc(self, moment_ns: int) -> datetime:
        """Give `from_ns` or `to_ns` in UTC, worked out from `time`."""
        return self.time - timedelta(microseconds=(self.monotonic_ns - moment_ns) / 1000)


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class ProviderFailed(MonitorEvent):
    """RAS cannot be asked; told once, until ProviderRecovered."""

    __match_args__ = ("code",)

    code: int
    """What the function returned, for instance 711 where the service does not run."""


@dataclass(frozen=True, slots=True, kw_only=True, match_args=False)
class ProviderRecovered(MonitorEvent):
    """RAS can be asked again; a Gap for the meantime follows."""

    __match_args__ = ("down_for",)

    down_for: float
    """Seconds since the last poll that succeeded, or since the Monitor began."""


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
    Gap,
    ProviderFailed,
    ProviderRecovered,
)
"""Every kind of event."""
