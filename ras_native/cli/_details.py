"""Asks what RAS counted and negotiated for connections, as far as it tells."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .. import (
    Connection,
    Monitor,
    Projection,
    ProviderError,
    Ras,
    RasError,
    Statistics,
    Traffic,
)


class Rates(NamedTuple):
    """What passed through a connection in a second, measured between two samples."""

    bytes_sent: float
    bytes_received: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return self._asdict()


class Details(NamedTuple):
    """What RAS tells of a connection besides its record and its status."""

    statistics: Statistics | None = None
    projection: Projection | None = None
    rates: Rates | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            name: None if value is None else value.to_dict()
            for name, value in self._asdict().items()
        }


def read_details(
    ras: Ras, connections: Iterable[Connection], *, seconds: float | None = None
) -> list[Details]:
    """Ask the details of connections. What RAS does not tell is None.

    Rates are measured for `seconds`, or not at all.
    """
    before, began = _statistics(ras), time.perf_counter()
    if seconds is None:
        rates, after = {}, before
    else:
        time.sleep(seconds)
        after = _statistics(ras)
        rates = _rates(before, after, time.perf_counter() - began)
    return [
        Details(after.get(item.handle), read_projection(ras, item), rates.get(item.handle))
        for item in connections
    ]


_Counted = dict[int, "Statistics | None"]


def _rates(before: _Counted, after: _Counted, seconds: float) -> dict[int, Rates]:
    """Compute rates. A counter that became smaller gives none: it wrapped, or was set to 0."""
    rates = {}
    for handle, new in after.items():
        old = before.get(handle)
        if new is None or old is None:
            continue
        sent, received = new.bytes_sent - old.bytes_sent, new.bytes_received - old.bytes_received
        if min(sent, received) >= 0:
            rates[handle] = Rates(sent / seconds, received / seconds)
    return rates


def _statistics(ras: Ras) -> _Counted:
    try:
        return {item.connection.handle: item.statistics for item in ras.statistics()}
    except ProviderError:  # it lacks the function
        return {}


def read_projection(ras: Ras, connection: Connection) -> Projection | None:
    """Ask for the addresses of a connection; None if RAS does not tell them."""
    try:
        return ras.get_projection_info(connection)
    except (ProviderError, RasError):  # it lacks the function, or the connection is not up
        return None


def traffic_of(monitor: Monitor, connection: Connection) -> Traffic | None:
    """Return what passed through a connection; None if the Monitor has no sample of it.

    Of several connections with one name, a Monitor tells the traffic of only one.
    """
    try:
        traffic = monitor.statistics(connection.entry_name)
    except ValueError:  # it takes no samples
        return None
    is_same = traffic is not None and traffic.connection.handle == connection.handle
    return traffic if is_same else None


def watched_details(
    ras: Ras, monitor: Monitor, connections: Iterable[Connection]
) -> Iterator[dict[str, Any]]:
    """Yield the addresses, counters and rates of connections that a Monitor watches, as JSON data.

    The counters are None for a connection that no sample has seen, and for all but one connection
    of an entry.
    """
    for connection in connections:
        projection = read_projection(ras, connection)
        traffic = traffic_of(monitor, connection)
        yield {
            "event": "Details",
            "connection": connection.to_dict(),
            "projection": projection and projection.to_dict(),
            "traffic": traffic and traffic.to_dict(),
        }
