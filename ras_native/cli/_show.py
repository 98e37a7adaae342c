"""Prints connections, statuses and probes, as JSON or as tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import Connection, ConnState, Observation, Reason, Status, error_name
from ._probe import Probe

_WIDE = 1000  # without a terminal no row is wrapped

_COLOURS = {
    "found": "green",
    "connected": "green",
    "reconnected": "green",
    "dormant": "yellow",
    "reconnecting": "magenta",
    "absent": "yellow",
    "gap": "yellow",
    "gone": "red",
    "disconnected": "red",
    "unknown": "red",
    "provider_failed": "red",
    "provider_recovered": "green",
    "open": "green",
    "refused": "red",
    "timeout": "yellow",
    "unreachable": "red",
    "unresolved": "yellow",
    "not_connected": "yellow",
    "ambiguous": "yellow",
    "no_address": "yellow",
    "ras_error": "red",
}


def console() -> Console:
    """Return a console for standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def print_json(document: object, file: TextIO | None = None) -> None:
    """Print one JSON document on one line, in ASCII because some encodings lack characters.

    If `file` is None, it prints to standard output.
    """
    click.echo(json.dumps(document), file=file)


def printable(text: str) -> str:
    """Escape unprintable characters, because a name must not control the terminal."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def explanation(reason: Reason) -> str:
    """Return the lines that explain a code, with what to do if that is known."""
    lines = [str(reason)]
    if reason.advice is not None:
        lines += [f"  What to do: {reason.advice}", f"  Source: {reason.source}"]
    return "\n".join(lines)


def words(kind: str) -> str:
    """Return the name of a state or an event as text."""
    return kind.replace("_", " ")


def colour(kind: str) -> str:
    """Return the style of a state, an event or an outcome."""
    return _COLOURS.get(kind, "cyan")


def coloured(kind: str) -> Text:
    """Return the words for a kind in its colour."""
    return Text(words(kind), style=colour(kind))


def condition(observation: Observation) -> str:
    """Return one word for the state of a connection, for instance "dormant"."""
    status = observation.status
    if status is None:
        return "gone" if observation.gone else "unknown"
    if status.state is ConnState.CONNECTED and not status.is_up:
        return str(status.substate).lower()
    return str(status.state).lower()


def endpoint(status: Status | None, side: str) -> str:
    """Return an end point as text; it is empty if the end point is unknown."""
    return "" if status is None else str(getattr(status, f"{side}_endpoint") or "")


def table(*headings: str, title: str | None = None) -> Table:
    """Return an empty table in the style of the command."""
    new = Table(box=None, pad_edge=False, title=title, title_justify="left", padding=(0, 2, 0, 0))
    for heading in headings:
        new.add_column(heading, header_style="dim", no_wrap=True, overflow="ellipsis")
    return new


def connections_table(connections: Iterable[Connection]) -> Table:
    """Return the table of `ras-native list`."""
    new = table("HANDLE", "ENTRY", "TYPE", "DEVICE", "PHONE BOOK")
    for item in connections:
        texts = (item.entry_name, item.device_type, item.device_name, item.phonebook or "")
        new.add_row(f"{item.handle:#x}", *(Text(printable(text)) for text in texts))
    return new


def statuses_table(observations: Iterable[Observation]) -> Table:
    """Return the table of `ras-native status`."""
    new = table("HANDLE", "ENTRY", "STATE", "DEVICE", "NUMBER", "LOCAL", "REMOTE", "ERROR")
    for item in observations:
        status, reason = item.status, item.reason
        new.add_row(
            f"{item.connection.handle:#x}",
            Text(printable(item.connection.entry_name)),
            coloured(condition(item)),
            Text(printable(item.connection.device_name)),
            Text(printable((status.phone_number if status is not None else None) or "")),
            endpoint(status, "local"),
            endpoint(status, "remote"),
            "" if reason is None else f"{reason.code} {reason.name}",
        )
    return new


def probes_table(probes: Sequence[Probe]) -> Table:
    """Return the table of `ras-native connect`, and of the probes of `watch`."""
    new = table("TARGET", "ADDRESS", "OUTCOME", "TIME", "CODE")
    for item in probes:
        new.add_row(
            Text(printable(item.target)),
            item.address or "",
            coloured(item.outcome),
            "" if item.milliseconds is None else f"{item.milliseconds:.2f} ms",
            f"{item.code} {error_name(item.code)}" if item.code else "",
        )
    return new
