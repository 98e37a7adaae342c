"""The keys of the live screen: for its last line, its help, and the table in the documents."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from rich.text import Text

from .symbols import DIM, TEXT
from .texts import Parts, join, length, padded


class Key(NamedTuple):
    """A key, or several that do the same."""

    name: str
    text: str
    """What it does."""
    short: str = ""
    """The same for the last line of the screen; empty if it is not shown there."""


KEYS = (
    Key("q", "quit", "quit"),
    Key("/", "filter by name, state, address or device", "filter"),
    Key("Esc", "remove the filter"),
    Key("s", "sort by the next column", "sort"),
    Key("f", "hide entries that are up or connecting, or show them again", "only wrong"),
    Key("arrows", "select an entry; also k, j, Page Up, Page Down, Home, End", "select"),
    Key("Enter", "show the details of the entry", "details"),
    Key("h", "hang up the entry, after a question", "hang up"),
    Key("p", "pause: the screen stops changing; new events wait", "pause"),
    Key("r", "record to a file, or end the recording", "record"),
    Key("Tab", "switch between the table, the probes and the log, which the arrows scroll"),
    Key("?", "show these keys", "help"),
    Key("Ctrl-Z", "suspend, if the system can"),
    Key("Ctrl-C", "end with exit code 130"),
)
_MOST_IMPORTANT = ("?", "q", "/", "Enter", "s", "f", "h", "r", "p", "arrows")
_NAME_WIDTH = max(len(key.name) for key in KEYS) + 2
_SHORTEST_LINE = 10


def hint(name: str, text: str) -> list[tuple[str, str]]:
    """Return the name of a key and what it does."""
    return [(f" {name}", f"bold {TEXT}"), (f" {text} ", DIM)]


def keys(width: int) -> Parts:
    """Return the line of the keys; a narrow terminal shows the most important keys."""
    hints = {key.name: hint(key.name, key.short) for key in KEYS if key.short}
    left, chosen = width, []
    for name in _MOST_IMPORTANT:
        left -= length(hints[name])
        if left < 0:
            break
        chosen.append(name)
    return [part for name, parts in hints.items() if name in chosen for part in parts]


def help_lines(width: int) -> list[Text]:
    """Return all keys; each has as many lines as it needs."""
    found = []
    for key in KEYS:
        name = key.name
        for line in textwrap.wrap(key.text, max(_SHORTEST_LINE, width - _NAME_WIDTH)):
            found.append(join([*padded([(name, f"bold {TEXT}")], _NAME_WIDTH), (line, TEXT)]))
            name = ""
    return found
