"""The health of a connection: what shows that it works, or that it only looks as if it did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from .._help import documented
from .._plain import hexadecimal, plain, plain_members
from .._records import Connection, ConnState, ConnSubstate, Endpoint, Observation, Status
from .._sockets.many import ConnectOutcome


class HealthKind(str, Enum):
    """Whether a connection that RAS lists as connected works.

    - `UP`: Nothing shows a problem.
    - `DORMANT`: The interface under an IKEv2 tunnel is down.
    - `RECONNECTING`: An IKEv2 tunnel is changing to another interface.
    - `SILENT`: Something is sent through it, and nothing comes back.
    - `UNREACHABLE`: The probe through it fails.

    >>> handle = sim.add("Head office")
    >>> event = monitor.get()
    >>> monitor.health("Head office").kind is HealthKind.UP
    True
    """

    UP = "up"
    DORMANT = "dormant"
    RECONNECTING = "reconnecting"
    SILENT = "silent"
    UNREACHABLE = "unreachable"

    def __str__(self) -> str:
        return self.value


@documented
@dataclass(frozen=True, slots=True)
class Silence:
    """The evidence for `HealthKind.SILENT`.

    - `since_ns`: When the sample was taken that first showed bytes without an answer, on the clock
      of `time.perf_counter_ns`.
    - `bytes_sent`: The bytes that were sent since the last byte was received.

    >>> handle = sim.add("Head office")
    >>> sim.set_traffic(handle, sent=1000)
    >>> sim.step_per_call = 0.1  # each call moves the simulator's clock
    >>> with Monitor(ras, statistics_interval=0.01, silent_after=0.02) as monitor:
    ...     found, silent = monitor.get(), monitor.get()
    >>> silent.health.silence.bytes_sent > 0
    True
    """

    since_ns: int
    bytes_sent: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {member.name: plain(getattr(self, member.name)) for member in fields(self)}


@documented
@dataclass(frozen=True, slots=True)
class ProbeFailure:
    """The evidence for `HealthKind.UNREACHABLE`.

    - `target`: What the probe connects to: HOST:PORT.
    - `source`: The tunnel's address that it connects from; None: the system chose one.
    - `outcome`: How the last probe ended.
    - `code`: The Winsock code of the last probe.
    - `since_ns`: When the first probe began that failed, on the clock of `time.perf_counter_ns`.
    - `count`: How many probes have failed in a row.

    A test of your own code can make one:

    >>> failure = ProbeFailure("10.0.0.1:443", None, ConnectOutcome.TIMEOUT, 10060, 0, 3)
    >>> print(failure.target, failure.outcome, failure.count)
    10.0.0.1:443 timeout 3
    """

    target: str
    source: Endpoint | None
    outcome: ConnectOutcome
    code: int
    since_ns: int
    count: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {member.name: plain(getattr(self, member.name)) for member in fields(self)}


@documented
@dataclass(frozen=True, slots=True)
class Health:
    """The health of one connection, and its evidence.

    - `kind`: What the evidence shows.
    - `status`: What RAS says of the connection.
    - `silence`: The bytes that nobody answers; None unless `kind` is silent.
    - `probe`: The probes that fail; None unless `kind` is unreachable.

    >>> handle = sim.add("Head office")
    >>> event = monitor.get()
    >>> health = monitor.health("Head office")
    >>> print(health.kind, health.status.state)
    up CONNECTED
    """

    kind: HealthKind
    status: Status
    silence: Silence | None = None
    probe: ProbeFailure | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {member.name: plain(getattr(self, member.name)) for member in fields(self)}


class Sample(NamedTuple):
    """What the engine needs from the samples of one connection's statistics."""

    handle: int
    correlation_id: UUID | None
    connected_ns: int  # by its duration, on the clock of `time.perf_counter_ns`
    silence: Silence | None  # None: it is not silent

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; the handle is a hexadecimal text."""
        return {**plain_members(self), "handle": hexadecimal(self.handle)}


class ProbeSample(NamedTuple):
    """What the engine needs from the probes of one connection."""

    handle: int
    correlation_id: UUID | None
    failure: ProbeFailure | None  # None: the last probe had an answer

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; the handle is a hexadecimal text."""
        return {**plain_members(self), "handle": hexadecimal(self.handle)}


Key = tuple[int, UUID | None]
"""Identifies a connection among those of one snapshot and the one before."""


def key_of(connection: Connection | Sample | ProbeSample) -> Key:
    """Return the key of the connection, or of the one that was sampled or probed."""
    correlation_id = connection.correlation_id
    return connection.handle, correlation_id if correlation_id and correlation_id.int else None


_OUTAGES = {
    ConnSubstate.DORMANT: HealthKind.DORMANT,
    ConnSubstate.RECONNECTING: HealthKind.RECONNECTING,
}


def health_of(
    observation: Observation, silence: Silence | None, probe: ProbeFailure | None = None
) -> Health | None:
    """Return the health of a connection; None if it is not connected, or its status unknown.

    A probe that fails counts more than silence, because it asked for an answer.
    """
    status = observation.status
    if status is None or status.state is not ConnState.CONNECTED:
        return None
    outage = None if status.substate is None else _OUTAGES.get(status.substate)
    if outage is not None:
        return Health(outage, status)
    if probe is not None:
        return Health(HealthKind.UNREACHABLE, status, probe=probe)
    if silence is not None:
        return Health(HealthKind.SILENT, status, silence)
    return Health(HealthKind.UP, status)


class HealthChange(NamedTuple):
    """The health of one connection, which is another kind than before."""

    connection: Connection
    before: Health
    after: Health


class Healths:
    """The health of every connection that the last snapshot listed."""

    def __init__(self) -> None:
        self._known: dict[Key, Health] = {}
        self._failures: dict[Key, ProbeFailure | None] = {}

    def get(self, connection: Connection) -> Health | None:
        """Return the health of a connection, if it has any."""
        return self._known.get(key_of(connection))

    def note_probes(self, probes: Iterable[ProbeSample]) -> None:
        """Take new results of probes. A result holds until the next one of the connection."""
        self._failures.update({key_of(probe): probe.failure for probe in probes})

    def update(
        self, snapshot: Iterable[Observation], samples: Mapping[Key, Sample]
    ) -> list[HealthChange]:
        """Take the next snapshot and samples; return each change from one kind to another."""
        known: dict[Key, Health] = {}
        failures, self._failures = self._failures, {}
        before, changes = self._known, []
        for observation in snapshot:
            connection = observation.connection
            key = key_of(connection)
            sample = samples.get(key)
            failure = failures.get(key)
            if failure is not None:
                self._failures[key] = failure
            health = health_of(observation, sample.silence if sample else None, failure)
            last = before.get(key)
            if health is None and observation.is_up is None:  # the status cannot be read now
                health = last
            if health is None:
                continue
            known[key] = health
            if last is not None and last.kind is not health.kind:
                changes.append(HealthChange(connection, last, health))
        self._known = known  # as a whole, because other threads read it
        return changes
