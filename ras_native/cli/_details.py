"""Asks what RAS counted and negotiated for connections, as far as it tells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .. import Connection, Projection, ProviderError, Ras, RasError, Statistics


class Details(NamedTuple):
    """What RAS tells of a connection besides its record and its status."""

    statistics: Statistics | None = None
    projection: Projection | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            name: None if value is None else value.to_dict()
            for name, value in self._asdict().items()
        }


def read_details(ras: Ras, connections: Iterable[Connection]) -> list[Details]:
    """Ask the details of connections. What RAS does not tell is None."""
    counted = _statistics(ras)
    return [Details(counted.get(item.handle), _projection(ras, item)) for item in connections]


def _statistics(ras: Ras) -> dict[int, Statistics | None]:
    try:
        return {item.connection.handle: item.statistics for item in ras.statistics()}
    except ProviderError:  # it lacks the function
        return {}


def _projection(ras: Ras, connection: Connection) -> Projection | None:
    try:
        return ras.get_projection_info(connection)
    except (ProviderError, RasError):  # it lacks the function, or the connection is not up
        return None
