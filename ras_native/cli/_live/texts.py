"""Pieces of lines, and numbers as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.text import Text

Parts = Sequence[tuple[str, str]]
"""Pieces of a line: each a text and its style. No text is read as markup."""

_DAY = 86_400


def length(parts: Parts) -> int:
    """Return how many cells the pieces take."""
    return sum(cell_len(text) for text, _ in parts)


def padded(parts: Parts, width: int, *, right: bool = False) -> Parts:
    """Fill the pieces with spaces to `width` cells. They must not be wider."""
    spaces = (" " * (width - length(parts)), "")
    return [spaces, *parts] if right else [*parts, spaces]


def join(parts: Iterable[tuple[str, str]]) -> Text:
    """Return the pieces as one line."""
    line = Text(no_wrap=True, end="")
    for text, style in parts:
        line.append(text, style)
    return line


def age(seconds: float | None) -> str:
    """Return a duration in at most eight characters: "0:00:42", "23:59:59", "12d 03h"."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    if whole >= _DAY:
        return f"{whole // _DAY}d {whole % _DAY // 3600:02}h"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def percent(share: float | None) -> str:
    """Return a share in at most six characters. It is "100%" only if nothing is missing."""
    if share is None:
        return ""
    return "100%" if share >= 1 else f"{min(share, 0.9999) * 100:.2f}%"


def milliseconds(seconds: float | None) -> str:
    """Return a duration in milliseconds."""
    if seconds is None:
        return ""
    value = seconds * 1000
    return f"{value:.1f}ms" if value < 100 else f"{value:.0f}ms"
