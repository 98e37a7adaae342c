"""The traffic of a connection, as the Monitor's samples of its statistics show it.

How the sums are made (csrc/shim/traffic.c):

- RAS' counters have 32 bits. A counter that is smaller than in the last sample wrapped, or another
  program set all counters to 0. A counter of bytes wrapped if the new frames can hold that many
  bytes, at most 2,048 each.
- Bytes that passed between a sample and a clear are lost, so the sums are then too small. A clear
  goes unnoticed if no counter is smaller in the next sample.
- If the frames between two samples could hold another 4 GiB, `Traffic.is_certain` is false from
  then on. That takes 2 million frames in one direction: at 1 Gbit/s about 23 seconds.
- A duration that runs backwards belongs to a new connection: its sums begin at 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from .._backend.layout import RN_TRAFFIC, RnTraffic
from .._help import documented
from .._plain import plain_members
from .._records import Connection, Observation
from .health import Key, Sample, Silence, key_of

_NS_PER_MS, _S = 1_000_000, 1_000_000_000


@documented
class Traffic(NamedTuple):
    """What passed through one connection since it connected, from samples of its statistics.

    - `connection`: The connection.
    - `sampled_ns`: When the last sample was taken, on the clock of `time.perf_counter_ns`.
    - `uptime`: How long it was connected then, in seconds, by the duration that RAS reports.
    - `bytes_sent`: The bytes transmitted, not limited to 32 bits.
    - `bytes_received`: The bytes received, not limited to 32 bits.
    - `frames_sent`: The frames transmitted.
    - `frames_received`: The frames received.
    - `crc_errors`: CRC errors.
    - `timeout_errors`: Timeout errors.
    - `alignment_errors`: Alignment errors.
    - `hardware_overruns`: Hardware overrun errors.
    - `framing_errors`: Framing errors.
    - `buffer_overruns`: Buffer overrun errors.
    - `sent_per_second`: Bytes transmitted a second between the last two samples; None after only
      one sample.
    - `received_per_second`: Bytes received a second between the last two samples; None after only
      one sample.
    - `bps`: The speed that was negotiated, in bits per second. It is no limit, and no measurement.
    - `clears`: How often another program set the counters to 0. After that the sums are too small.
    - `is_certain`: False if so much may have passed that a counter wrapped without being noticed.
    - `code`: The code of the last RasGetConnectionStatistics. Unless it is 0, that call gave no
      sample.

    >>> handle = sim.add("Head office")
    >>> sim.set_traffic(handle, sent=1000)
    >>> sim.step_per_call = 0.1  # each call moves the simulator's clock
    >>> with Monitor(ras, statistics_interval=0.01, silent_after=0.02) as monitor:
    ...     found, silent = monitor.get(), monitor.get()
    ...     traffic = monitor.statistics("Head office")
    >>> traffic.bytes_sent > 0, traffic.bytes_received, traffic.is_certain
    (True, 0, True)
    """

    connection: Connection
    sampled_ns: int
    uptime: float
    bytes_sent: int
    bytes_received: int
    frames_sent: int
    frames_received: int
    crc_errors: int
    timeout_errors: int
    alignment_errors: int
    hardware_overruns: int
    framing_errors: int
    buffer_overruns: int
    sent_per_second: float | None
    received_per_second: float | None
    bps: int
    clears: int
    is_certain: bool
    code: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return plain_members(self)


def _records(traffic: bytes) -> list[RnTraffic]:
    size = RN_TRAFFIC.size
    return [RnTraffic.from_buffer_copy(traffic, offset) for offset in range(0, len(traffic), size)]


def _correlation_id(record: RnTraffic) -> UUID | None:
    guid = bytes(record.correlation_id)
    return UUID(bytes_le=guid) if any(guid) else None


def _per_second(number: int, record: RnTraffic) -> float | None:
    passed_ns = record.sampled_ns - record.previous_ns
    return number * _S / passed_ns if record.previous_ns and passed_ns else None


def decode_traffic(traffic: bytes, connection: Connection, key: Key) -> Traffic | None:
    """Decode the rn_traffic of one connection; None if it has no sample yet."""
    for record in _records(traffic):
        if (record.handle, _correlation_id(record)) == key and record.sampled_ns:
            return _traffic(record, connection)
    return None


def decode_all(traffic: bytes, snapshot: Iterable[Observation]) -> tuple[Traffic, ...]:
    """Decode every rn_traffic that has a sample of a connection of this snapshot."""
    connections = {key_of(item.connection): item.connection for item in snapshot}
    found = (
        (record, connections.get((record.handle, _correlation_id(record))))
        for record in _records(traffic)
        if record.sampled_ns
    )
    return tuple(_traffic(record, item) for record, item in found if item is not None)


def _traffic(record: RnTraffic, connection: Connection) -> Traffic:
    return Traffic(
        connection=connection,
        sampled_ns=record.sampled_ns,
        uptime=record.duration_ms / 1000,
        bytes_sent=record.bytes_sent,
        bytes_received=record.bytes_received,
        frames_sent=record.frames_sent,
        frames_received=record.frames_received,
        crc_errors=record.crc_errors,
        timeout_errors=record.timeout_errors,
        alignment_errors=record.alignment_errors,
        hardware_overruns=record.hardware_overruns,
        framing_errors=record.framing_errors,
        buffer_overruns=record.buffer_overruns,
        sent_per_second=_per_second(record.new_sent, record),
        received_per_second=_per_second(record.new_received, record),
        bps=record.last.bps,
        clears=record.clears,
        is_certain=not record.is_uncertain,
        code=record.code,
    )


def decode_samples(traffic: bytes) -> tuple[Sample, ...]:
    """Decode what the engine needs of each rn_traffic that has a sample."""
    return tuple(
        Sample(
            handle=record.handle,
            correlation_id=_correlation_id(record),
            connected_ns=record.sampled_ns - record.duration_ms * _NS_PER_MS,
            silence=Silence(record.unanswered_ns, record.unanswered_bytes)
            if record.is_silent
            else None,
        )
        for record in _records(traffic)
        if record.sampled_ns
    )
