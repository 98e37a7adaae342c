"""The symbols and colours of the live screen. Each state has its own word, symbol and colour."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from rich.terminal_theme import TerminalTheme

from ... import AvailabilityState as State

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
    """The characters for everything that is no letter."""

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
)


def choose(encoding: str | None, environment: Mapping[str, str] = os.environ) -> Symbols:
    """Return the symbols that a terminal with this encoding and these variables can show.

    In the locale "C", Python itself writes UTF-8, so its encoding does not tell.
    """
    if _locale(environment) in ("C", "POSIX"):
        return ASCII
    texts = (*UNICODE.state.values(), *UNICODE.bar.values(), *UNICODE[2:])
    try:
        "".join(texts).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def _locale(environment: Mapping[str, str]) -> str:
    """Return the locale that the user chose. Python itself sets LC_CTYPE if it was C."""
    chosen = environment.get("LC_ALL") or environment.get("LANG") or ""
    return chosen if environment.get("LC_CTYPE", "C.UTF-8").startswith("C.") else ""
