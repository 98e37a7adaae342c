"""The statistics of connections, decoded from rn_statistics (csrc/shim/rn.h)."""

from __future__ import annotations

from struct import Struct
from typing import Any, NamedTuple

from ._backend.contract import GONE_CODES
from ._backend.layout import RN_STATISTICS
from ._help import documented
from ._plain import plain_members
from ._records import Connection, Listing, new_tuple


@documented
class Statistics(NamedTuple):
    """What RAS counted for a connection or a link since it connected: one RAS_STATS.

    Each counter has 32 bits: after 4,294,967,295 it begins at 0 again. Any program may set the
    counters to 0. `Monitor.statistics` adds up wraps, and counts how often the counters were
    cleared.

    - `bytes_sent`: The bytes transmitted.
    - `bytes_received`: The bytes received.
    - `frames_sent`: The frames transmitted.
    - `frames_received`: The frames received.
    - `crc_errors`: CRC errors.
    - `timeout_errors`: Timeout errors.
    - `alignment_errors`: Alignment errors.
    - `hardware_overruns`: Hardware overrun errors.
    - `framing_errors`: Framing errors.
    - `buffer_overruns`: Buffer overrun errors.
    - `compression_in`: The compression ratio of what is received.
    - `compression_out`: The compression ratio of what is transmitted.
    - `bps`: The speed that was negotiated, in bits per second. It is no limit, and no measurement.
    - `duration_ms`: How long it has been connected, in milliseconds; it wraps after 49.7 days.

    >>> handle = sim.add("Head office")
    >>> sim.set_traffic(handle, received=2000, sent=500)
    >>> sim.advance(60)
    >>> statistics = ras.get_connection_statistics("Head office")
    >>> statistics.bytes_received, statistics.bytes_sent, statistics.duration_ms
    (120000, 30000, 60000)
    """

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
    compression_in: int
    compression_out: int
    bps: int
    duration_ms: int

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON data."""
        return plain_members(self)


@documented
class ConnectionStatistics(NamedTuple):
    """One connection, with the result of RasGetConnectionStatistics.

    - `connection`: The connection as it was listed.
    - `statistics`: What RAS counted; None unless `code` is 0.
    - `code`: What RasGetConnectionStatistics returned: 0, or an error; see `gone`.

    >>> handle = sim.add("Head office")
    >>> (item,) = ras.statistics()
    >>> item.connection.entry_name, item.code, item.statistics.bytes_received
    ('Head office', 0, 0)
    """

    connection: Connection
    statistics: Statistics | None
    code: int

    @property
    def gone(self) -> bool:
        """Whether the connection ended after it was listed, before its statistics were read."""
        return self.code in GONE_CODES

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON data."""
        return plain_members(self)


class StatisticsList(Listing[ConnectionStatistics]):
    """Every connection with its statistics, from one call.

    A tuple of ConnectionStatistics. `statistics()["Head office"]` is the connection of that entry,
    in any letter case. `in` takes an entry's name, a handle, a Connection or a
    ConnectionStatistics.

    >>> handle = sim.add("Head office")
    >>> sim.advance(60)
    >>> ras.statistics()["Head office"].statistics.duration_ms
    60000
    """

    __slots__ = ()

    @property
    def gone(self) -> tuple[ConnectionStatistics, ...]:
        """The connections that ended after they were listed, before their statistics were read."""
        return tuple(item for item in self if item.gone)


_unpack = Struct("=QI14I4x").iter_unpack  # handle, code and the members of Statistics


def decode_statistics(record: bytes) -> tuple[int, Statistics | None]:
    """Decode one rn_statistics: the code of the function, and the statistics if that is 0."""
    ((_, code, *numbers),) = _unpack(record)
    return code, None if code else Statistics._make(numbers)


_NOTHING = StatisticsList()


def pair_statistics(listed: tuple[Connection, ...], records: bytes) -> StatisticsList:
    """Give each connection its rn_statistics.

    Another thread's poll may have listed other connections. Those that are missing on either side
    are left out: they came or went during the call.
    """
    if not records:
        return _NOTHING
    found = []
    for connection, record in zip(listed, _unpack(records)):  # noqa: B905 - `strict` is slow
        code = record[1]
        if record[0] != connection.handle:
            return pair_statistics(*_matched(listed, records))
        statistics = None if code else new_tuple(Statistics, record[2:])
        found.append(new_tuple(ConnectionStatistics, (connection, statistics, code)))
    return new_tuple(StatisticsList, found)


def _matched(
    listed: tuple[Connection, ...], records: bytes
) -> tuple[tuple[Connection, ...], bytes]:
    """Return the connections that are on both sides, in one order."""
    size = RN_STATISTICS.size
    begin = {record[0]: index * size for index, record in enumerate(_unpack(records))}
    both = tuple(connection for connection in listed if connection.handle in begin)
    return both, b"".join(records[begin[item.handle] : begin[item.handle] + size] for item in both)
