"""The symbols and colours of the live screen. Each state has its own word, symbol and colour."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from ... import AvailabilityState as State
from .._text import can_show, encodable, printable, shorten

GREEN, YELLOW, ORANGE, RED = "#4fd08a", "#e8c35a", "#f2994a", "#f4607a"
BLUE, VIOLET, DIM, TEXT = "#5ab0f6", "#b48cf2", "#7b879d", "#d9e0ee"

BACKGROUND, SURFACE, MARKED = "#0f1420", "#182033", "#24324a"


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


_ANSI = ("#000000", RED, GREEN, YELLOW, BLUE, VIOLET, "#5cc8d6", TEXT)
ANSI_COLOURS = TerminalTheme(_rgb(BACKGROUND), _rgb(TEXT), [_rgb(colour) for colour in _ANSI])
"""What the names of colours mean, such as "red"."""

COLOURS: Mapping[State, str] = {
    State.UP: GREEN,
    State.CONNECTING: BLUE,
    State.DORMANT: YELLOW,
    State.RECONNECTING: VIOLET,
    State.SILENT: ORANGE,
    State.UNREACHABLE: ORANGE,
    State.DOWN: RED,
    State.ABSENT: DIM,
    State.UNKNOWN: DIM,
}

WORST_FIRST = (
    State.DOWN,
    State.UNREACHABLE,
    State.SILENT,
    State.RECONNECTING,
    State.DORMANT,
    State.ABSENT,
    State.CONNECTING,
    State.UP,
    State.UNKNOWN,
)
"""The order of states where only one can be shown, and of rows that are sorted by state."""


class Symbols(NamedTuple):
    """The characters for marks, bars and lines."""

    state: Mapping[State, str]
    """Stands before the name of a connection."""
    bar: Mapping[State, str]
    """One part of the bar of states."""
    steps: str
    """The columns of a sparkline, from low to high."""
    lost: str
    """A probe without an answer, in a sparkline."""
    more: str
    """Stands for what was cut."""
    line: str
    """A line between two parts of the screen."""
    sent: str
    received: str
    sorted: str
    """Marks the column that sorts the rows."""
    record: str
    selected: str
    """Stands before the selected row."""
    encoding: str = "utf-8"
    """The encoding of the terminal."""

    def visible(self, text: str) -> str:
        """Return a text without controls, and without characters that the terminal lacks."""
        return _visible(text, self.encoding)

    def cut(self, text: str, cells: int, *, at_end: bool = False) -> str:
        """Return a text as the terminal shows it, shortened to a width."""
        return shorten(self.visible(text), cells, self.more, at_end=at_end)


@lru_cache(8192)
def _visible(text: str, encoding: str) -> str:
    return encodable(printable(text), encoding)


UNICODE = Symbols(
    state={
        State.UP: "●",
        State.CONNECTING: "►",
        State.DORMANT: "◐",
        State.RECONNECTING: "◌",
        State.SILENT: "◇",
        State.UNREACHABLE: "▲",
        State.DOWN: "■",
        State.ABSENT: "○",
        State.UNKNOWN: "?",
    },
    bar={
        State.UP: "▇",
        State.CONNECTING: "▖",
        State.DORMANT: "▒",
        State.RECONNECTING: "░",
        State.SILENT: "▄",
        State.UNREACHABLE: "▂",
        State.DOWN: "▁",
        State.ABSENT: "╌",
        State.UNKNOWN: "·",
    },
    steps="▁▂▃▄▅▆▇█",
    lost="x",
    more="…",
    line="─",
    sent="↑",
    received="↓",
    sorted="▾",
    record="●",
    selected="▌",
)

ASCII = Symbols(
    state={
        State.UP: "*",
        State.CONNECTING: ">",
        State.DORMANT: "z",
        State.RECONNECTING: "~",
        State.SILENT: "!",
        State.UNREACHABLE: "!",
        State.DOWN: "x",
        State.ABSENT: "o",
        State.UNKNOWN: "?",
    },
    bar={
        State.UP: "#",
        State.CONNECTING: ">",
        State.DORMANT: "z",
        State.RECONNECTING: "~",
        State.SILENT: "s",
        State.UNREACHABLE: "!",
        State.DOWN: "_",
        State.ABSENT: "-",
        State.UNKNOWN: ".",
    },
    steps="_.-=*#",
    lost="x",
    more="~",
    line="-",
    sent="tx",
    received="rx",
    sorted="v",
    record="*",
    selected=">",
)


def choose(console: Console) -> Symbols:
    """Return the symbols that a terminal can show."""
    texts = (*UNICODE.state.values(), *UNICODE.bar.values(), *UNICODE[2:-1])
    symbols = UNICODE if can_show("".join(texts), console) else ASCII
    return symbols._replace(encoding=console.encoding)
