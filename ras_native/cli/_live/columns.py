"""The columns of the table: what they show, and which columns fit the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from rich.cells import cell_len

from ... import Reason, RoundTrips
from .._show import rate
from .bars import sparkline, state_bar, states
from .model import BAR_SECONDS, Row
from .symbols import COLOURS, DIM, RED, TEXT, YELLOW, Symbols
from .texts import Parts, age, milliseconds, padded, percent

_NS = 1_000_000_000
_ENTRY, _RECEIVED, _LAST_END = "ENTRY", "RECEIVED", "LAST END"
_WIDE_ENOUGH, _NAME_WIDTH = 60, 24  # cells for a name, before the less important columns get room


class Column(NamedTuple):
    """One column. It is left out if it has nothing to show in any row."""

    heading: str
    least: int
    """The width that it needs, in cells."""
    cell: Callable[[Row, int, Symbols], Parts]
    is_right: bool = False
    has: Callable[[Row], object] = lambda _: True
    """Whether it has something to show in a row."""
    text: Callable[[Row], str] = lambda _: ""
    """The whole text of a row, for a column that may grow to its longest text."""


def _label(row: Row) -> str:
    count = len(row.entry.connections)
    return row.entry.name + (f" x{count}" if count > 1 else "")


def _name(row: Row, width: int, symbols: Symbols) -> Parts:
    style = f"bold {TEXT}" if row.entry.connections else DIM
    return [(symbols.cut(_label(row), width), style)]


def _symbol(row: Row, _width: int, symbols: Symbols) -> Parts:
    return [(symbols.state[row.summary.state], COLOURS[row.summary.state])]


def _state(row: Row, _width: int, _symbols: Symbols) -> Parts:
    return [(str(row.summary.state), COLOURS[row.summary.state])]


def _age(row: Row, _width: int, _symbols: Symbols) -> Parts:
    return [(age(row.seconds), TEXT if row.entry.connections else DIM)]


def _bar(row: Row, width: int, symbols: Symbols) -> Parts:
    from_ns = row.now_ns - int(BAR_SECONDS * _NS)
    return state_bar(states(row.summary.timeline, from_ns, row.now_ns, width), symbols)


def _availability(row: Row, _width: int, _symbols: Symbols) -> Parts:
    share = row.summary.availability
    style = TEXT if share is None or share >= 0.999 else YELLOW if share >= 0.9 else RED
    return [(percent(share), style)]


def _drops(row: Row, _width: int, _symbols: Symbols) -> Parts:
    drops = row.summary.drops
    return [(str(drops), YELLOW if drops else DIM)]


def _rate(bytes_per_second: float | None) -> Parts:
    return [(rate(bytes_per_second).replace("bytes", "B"), TEXT if bytes_per_second else DIM)]


def _received(row: Row, _width: int, _symbols: Symbols) -> Parts:
    return _rate(row.traffic.received_per_second if row.traffic else None)


def _sent(row: Row, _width: int, _symbols: Symbols) -> Parts:
    return _rate(row.traffic.sent_per_second if row.traffic else None)


def _trips(row: Row) -> RoundTrips | None:
    """Return the round trips of an entry that is connected."""
    return row.summary.round_trips if row.entry.connections else None


def _spark(row: Row, width: int, symbols: Symbols) -> Parts:
    trips = _trips(row)
    return sparkline(trips.recent, width, symbols) if trips else []


def last_trip(trips: RoundTrips | None) -> Parts:
    """Return the last round trip."""
    if trips is None:
        return []
    return [("lost", RED)] if trips.last is None else [(milliseconds(trips.last), TEXT)]


def _last_trip(row: Row, _width: int, _symbols: Symbols) -> Parts:
    return last_trip(_trips(row))


def _average(row: Row, _width: int, _symbols: Symbols) -> Parts:
    trips = _trips(row)
    return [(milliseconds(trips.average), DIM)] if trips else []


def _p95(row: Row, _width: int, _symbols: Symbols) -> Parts:
    trips = _trips(row)
    return [(milliseconds(trips.p95), DIM)] if trips else []


def last_reason(row: Row) -> tuple[Reason | None, str]:
    """Return why the last connection ended or the last dialling failed, and a text without reason.

    Both are empty if that never happened.
    """
    failure, reasons = row.entry.failure, row.summary.reasons
    if failure and (not reasons or failure.monotonic_ns > reasons[0].monotonic_ns):
        return failure.reason, "dialling failed"
    return (reasons[0].reason, "reason unknown") if reasons else (None, "")


def why(row: Row) -> str:
    """Return why the last connection ended or the last dialling failed, as text; or ""."""
    reason, otherwise = last_reason(row)
    return otherwise if reason is None else f"{reason.code} {reason.text}"


def _why(row: Row, width: int, symbols: Symbols) -> Parts:
    text = symbols.cut(why(row), width, at_end=True)
    return [(text, DIM if row.entry.connections else TEXT)]


def _addresses(row: Row) -> str:
    return row.entry.addresses


def _address(row: Row, width: int, symbols: Symbols) -> Parts:
    return [(symbols.cut(_addresses(row), width), DIM)]


def _device_name(row: Row) -> str:
    last = row.entry.last
    return "" if last is None else last.connection.device_name


def _device(row: Row, width: int, symbols: Symbols) -> Parts:
    return [(symbols.cut(_device_name(row), width), DIM)]


COLUMNS = (
    Column("", 1, _symbol),
    Column(_ENTRY, 14, _name, text=_label),
    Column("STATE", 12, _state),
    Column("FOR", 8, _age, is_right=True),
    Column("LAST 30 MIN", 15, _bar),
    Column("AVAIL", 6, _availability, is_right=True),
    Column("DROPS", 5, _drops, is_right=True),
    Column(_RECEIVED, 10, _received, is_right=True, has=lambda row: row.ask),
    Column("SENT", 10, _sent, is_right=True, has=lambda row: row.ask),
    Column("ROUND TRIPS", 11, _spark, has=_trips),
    Column("LAST", 7, _last_trip, is_right=True, has=_trips),
    Column("AVG", 7, _average, is_right=True, has=_trips),
    Column("P95", 7, _p95, is_right=True, has=_trips),
    Column(_LAST_END, 20, _why, has=why, text=why),
    Column("ADDRESS", 12, _address, has=_addresses, text=_addresses),
    Column("DEVICE", 16, _device, text=_device_name),
)
"""In the order of the screen."""

_FIRST = ("", "ENTRY", "STATE", "FOR", "LAST 30 MIN", "AVAIL", "DROPS", "LAST", "RECEIVED", "SENT",
    "ROUND TRIPS", "LAST END", "P95", "AVG", "ADDRESS", "DEVICE",
)  # fmt: skip
"""The most important columns first."""
_GROWING = (
    (_ENTRY, 32),
    ("LAST 30 MIN", 30),
    ("LAST END", 60),
    ("ADDRESS", 24),
    ("DEVICE", 26),
    ("ROUND TRIPS", 20),
    ("LAST 30 MIN", 60),
)
"""The columns that grow, in this order, to at most this width."""


class Layout(NamedTuple):
    """The columns that fit a width."""

    columns: tuple[tuple[Column, int], ...]
    """Each column with its width."""
    gap: int
    """How many spaces are between two columns."""
    hidden: int
    """How many columns have something to show, but do not fit."""


def heading(shape: Layout, symbols: Symbols, sorted_by: str | None) -> Parts:
    """Return the line of headings. A mark shows which column sorts the rows."""
    parts: list[tuple[str, str]] = []
    for column, width in shape.columns:
        mark = symbols.sorted if column.heading == sorted_by else ""
        cell = [(column.heading[: width - len(mark)], DIM), (mark, TEXT)]
        parts += [*padded(cell, width, right=column.is_right), (" " * shape.gap, "")]
    return parts


def line(row: Row, shape: Layout, symbols: Symbols) -> Parts:
    """Return the line of a row.

    An entry that is not connected has no traffic. If the column LAST END does not fit, the line
    shows there why the last connection ended.
    """
    parts: list[tuple[str, str]] = []
    left = sum(width + shape.gap for _, width in shape.columns) - shape.gap
    is_said = any(column.heading == _LAST_END for column, _ in shape.columns)
    for column, width in shape.columns:
        if column.heading == _RECEIVED and not (row.entry.connections or is_said):
            return [*parts, (symbols.cut(why(row), left, at_end=True), DIM)]
        cell = column.cell(row, width, symbols)
        parts += [*padded(cell, width, right=column.is_right), (" " * shape.gap, "")]
        left -= width + shape.gap
    return parts


def layout(width: int, rows: Iterable[Row], symbols: Symbols) -> Layout:
    """Choose the columns for a width, the most important first, and share out the rest."""
    listed = list(rows)
    wanted = [column for column in COLUMNS if not listed or any(map(column.has, listed))]

    def longest(column: Column) -> int:
        return max((cell_len(symbols.visible(column.text(row))) for row in listed), default=0)

    gap = 2 if width >= 130 else 1
    widths: dict[str, int] = {}
    left = width + gap
    for column in sorted(wanted, key=lambda column: _FIRST.index(column.heading)):
        least = column.least
        if column.heading == _ENTRY and width >= _WIDE_ENOUGH:
            least = max(least, min(longest(column), _NAME_WIDTH))
        if left < least + gap:
            break
        widths[column.heading] = least
        left -= least + gap
    for heading_text, most in _GROWING:
        if heading_text in widths:
            column = next(column for column in wanted if column.heading == heading_text)
            size = widths[heading_text]
            extra = max(0, min(left, (longest(column) or most) - size, most - size))
            widths[heading_text] += extra
            left -= extra
    chosen = [(column, widths[column.heading]) for column in wanted if column.heading in widths]
    return Layout(tuple(chosen), gap, len(wanted) - len(chosen))
