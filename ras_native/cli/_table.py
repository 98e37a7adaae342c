"""Tables that fit a terminal: the least important columns are left out, rows are never wrapped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ._text import ellipsis, isolated, pad, shorten, visible

_GAP = "  "


class Column(NamedTuple):
    """A column of a table."""

    heading: str
    rank: int
    """0 is the most important column. Columns with the highest rank are left out first."""
    least: int | None = None
    """The width in cells to which its texts may be shortened; None: they are not shortened."""
    is_number: bool = False
    """Whether it is aligned on the right."""
    cut_at_end: bool = False
    """Whether texts are shortened at their end instead of in the middle."""
    is_optional: bool = False
    """Whether it is left out if all its texts are empty, even if there is room."""


class Cell(NamedTuple):
    """A text with a style."""

    text: str
    style: str = ""


Row = Iterable[str | Cell]


def fit(columns: Sequence[Column], texts: Sequence[Sequence[str]], width: int) -> list[int | None]:
    """Return the width of each column in cells. None: the column is left out.

    `texts` are the texts of each column. Empty columns are the first to be left out. One column
    is always shown, even if it must be shortened more than it allows.
    """
    needed = [
        max(map(cell_len, (column.heading, *cells)))
        for column, cells in zip(columns, texts, strict=True)
    ]
    least = [min(size, column.least or size) for column, size in zip(columns, needed, strict=True)]
    ranked = [i for i, column in enumerate(columns) if any(texts[i]) or not column.is_optional]
    ranked.sort(key=lambda i: (not any(texts[i]), columns[i].rank))
    while len(ranked) > 1 and sum(least[i] + len(_GAP) for i in ranked) - len(_GAP) > width:
        ranked.pop()
    widths: list[int | None] = [None] * len(columns)
    left = width - sum(least[i] + len(_GAP) for i in ranked) + len(_GAP)
    for i in ranked:  # what is left goes to the most important columns
        more = min(left, needed[i] - least[i])
        widths[i] = least[i] + more
        left -= more
    return widths


def print_table(console: Console, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Print a table that fits the terminal. Without a terminal, it is printed whole."""
    cells = [[_visible(cell, console) for cell in row] for row in rows]
    texts = [[row[i].text for row in cells] for i in range(len(columns))]
    widths = fit(columns, texts, console.width)
    headings = [Cell(column.heading, "dim") for column in columns]
    lines = (_line(console, columns, widths, row) for row in chain([headings], cells))
    console.print(Text("\n").join(lines), soft_wrap=True)


def _visible(cell: str | Cell, console: Console) -> Cell:
    text, style = cell if isinstance(cell, Cell) else Cell(cell)
    return Cell(visible(text, console), style)


def _line(
    console: Console,
    columns: Sequence[Column],
    widths: Sequence[int | None],
    cells: Sequence[Cell],
) -> Text:
    line, mark = Text(), ellipsis(console)
    for column, width, (text, style) in zip(columns, widths, cells, strict=True):
        if width is None:
            continue
        shown = isolated(shorten(text, width, mark, at_end=column.cut_at_end), console)
        line.append(_GAP if line else "").append(pad(shown, width, right=column.is_number), style)
    line.rstrip()
    return line
