"""What the user chose to see: the order, the filter, the selected row."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ... import AvailabilityState
from .model import Entry, Model, Row
from .symbols import WORST_FIRST

_RANKS = {state: rank for rank, state in enumerate(WORST_FIRST)}
_FINE = (AvailabilityState.UP, AvailabilityState.CONNECTING)


class Order(NamedTuple):
    """An order of the rows."""

    name: str
    heading: str | None
    """The heading of the column that sorts, or None."""
    key: Callable[[Row], object] | None
    """None keeps the order in which the entries were first seen."""


def _availability(row: Row) -> float:
    share = row.summary.availability
    return 2.0 if share is None else share


def _round_trip(row: Row) -> tuple[float, float]:
    trips = row.summary.round_trips
    if trips is None:
        return 1.0, 0.0
    return -trips.lost / trips.sent, -(trips.average or 0.0)


def _traffic(row: Row) -> float:
    traffic = row.traffic
    if traffic is None:
        return 1.0
    return -((traffic.received_per_second or 0.0) + (traffic.sent_per_second or 0.0))


ORDERS = (
    Order("first seen", None, None),
    Order("state", "STATE", lambda row: _RANKS[row.summary.state]),
    Order("name", "ENTRY", lambda row: row.entry.name.casefold()),
    Order("availability", "AVAIL", _availability),
    Order("drops", "DROPS", lambda row: -row.summary.drops),
    Order("traffic", "RECEIVED", _traffic),
    Order("round trip", "LAST", _round_trip),
)


class View:
    """The rows in the chosen order, without the rows that the user hides."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.order = ORDERS[0]
        self.filter = ""
        self.only_wrong = False
        self.rows: list[Row] = []
        self.left_out = 0
        """How many rows `filter` and `only_wrong` hide."""
        self.selected: Entry | None = None

    def update(self) -> None:
        """Choose and order the rows anew."""
        known = self.model.rows()
        self.rows = [row for row in known if self._is_wanted(row)]
        self.left_out = len(known) - len(self.rows)
        if self.order.key is not None:
            self.rows.sort(key=self.order.key)  # type: ignore[arg-type] # keys of one order compare
        if self.rows and all(row.entry is not self.selected for row in self.rows):
            self.selected = self.rows[0].entry

    def _is_wanted(self, row: Row) -> bool:
        if self.only_wrong and row.summary.state in _FINE:
            return False
        wanted = self.filter.casefold().split()
        return all(word in _searched(row) for word in wanted)

    def sort_by_next(self) -> None:
        """Choose the next order."""
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        self.update()

    @property
    def position(self) -> int:
        """The number of the selected row."""
        entries = (row.entry for row in self.rows)
        return next((index for index, entry in enumerate(entries) if entry is self.selected), 0)

    def move(self, step: int) -> None:
        """Select another row, `step` rows below."""
        if self.rows:
            position = min(max(self.position + step, 0), len(self.rows) - 1)
            self.selected = self.rows[position].entry


def _searched(row: Row) -> str:
    """Return the text in which a filter searches."""
    last = row.entry.last
    device = "" if last is None else f"{last.connection.device_name} {last.connection.device_type}"
    text = f"{row.entry.name} {row.summary.state} {row.entry.addresses} {device}"
    return text.casefold()
