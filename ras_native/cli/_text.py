"""Text that is safe and aligned in a terminal: escapes, widths in cells, shortening."""

from __future__ import annotations

import os
import unicodedata
from bisect import bisect_right

from rich.cells import cell_len
from rich.console import Console

NO_LIMIT = 1_000_000
"""The width of a console that is no terminal, in cells. Nothing is shortened or left out there."""
_LEFT_TO_RIGHT_MARK = "\u200e"
_PLAIN_LOCALES = frozenset({"C", "POSIX"})


def printable(text: str) -> str:
    """Escape unprintable characters, because a name must not control the terminal."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def encodable(text: str, encoding: str) -> str:
    """Escape the characters that an encoding lacks."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def visible(text: str, console: Console) -> str:
    """Return a text as the console will show it, so that its width can be measured."""
    return encodable(printable(text), console.encoding)


def is_limited(console: Console) -> bool:
    """Whether lines must fit a terminal. Other output has colours too, if FORCE_COLOR is set."""
    return console.is_terminal and console.width + 1 < NO_LIMIT  # rich keeps one cell free


def isolated(text: str, console: Console) -> str:
    """Add a mark to right-to-left text. Else a terminal may show the next number before it.

    Without a terminal the text is not changed, because a program may read it.
    """
    is_reversed = any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text)
    marked = text + _LEFT_TO_RIGHT_MARK
    is_possible = is_limited(console) and encodable(marked, console.encoding) == marked
    return marked if is_reversed and is_possible else text


def can_show(text: str, console: Console) -> bool:
    """Whether the terminal has these characters, as far as its locale and encoding show."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG")
    if locale in _PLAIN_LOCALES:  # Python uses UTF-8 there, but the terminal may not
        return text.isascii()
    return encodable(text, console.encoding) == text


def ellipsis(console: Console) -> str:
    """Return what stands for the characters that were left out."""
    return "…" if can_show("…", console) else "..."


def _head(text: str, cells: int) -> str:
    """Return as much of the beginning as fits, with the marks that belong to it."""
    end = bisect_right(range(len(text) + 1), cells, key=lambda end: cell_len(text[:end])) - 1
    return text[: max(0, end)]


def _tail(text: str, cells: int) -> str:
    """Return as much of the end as fits. It does not begin with a mark that has lost its letter."""
    size = bisect_right(
        range(len(text) + 1), cells, key=lambda size: cell_len(text[len(text) - size :])
    )
    tail = text[len(text) + 1 - size :]
    while tail and cell_len(tail[0]) == 0:
        tail = tail[1:]
    return tail


def shorten(text: str, cells: int, mark: str = "…", *, at_end: bool = False) -> str:
    """Shorten a text to a width in cells: in the middle, or at its end.

    `mark` stands for what was left out.
    """
    if cell_len(text) <= cells:
        return text
    left = cells - cell_len(mark)
    if left < 1:
        return _head(text, cells)
    if at_end:
        return _head(text, left) + mark
    return _head(text, (left + 1) // 2) + mark + _tail(text, left // 2)


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """Fill a text with spaces to a width in cells; `right` aligns it on the right."""
    spaces = " " * (cells - cell_len(text))
    return spaces + text if right else text + spaces
