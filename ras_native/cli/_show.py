"""Prints connections, statuses and probes, as JSON or as tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import Connection, Observation, Status, error_name
from ._changes import condition
from ._probe import Probe

_WIDE = 1000  # without a terminal no row is wrapped

_COLOURS = {
    "connected": "green",
    "present": "green",
    "reconnected": "green",
    "dormant": "yellow",
    "reconnecting": "magenta",
    "moved": "cyan",
    "changed": "cyan",
    "dropped": "red",
    "gone": "red",
    "disconnected": "red",
    "unknown": "red",
    "open": "green",
    "refused": "red",
    "timeout": "yellow",
    "unreachable": "red",
    "unresolved": "yellow",
    "error": "red",
}


def console() -> Console:
    """Return a console for standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def print_json(document: object) -> None:
    """Print one JSON document on one line, in ASCII for every encoding."""
    click.echo(json.dumps(document))


def printable(text: str) -> str:
    """Escape what is not printable: a name must not control the terminal."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def words(kind: str) -> str:
    """Return the name of a state or a change as text."""
    return kind.replace("_", " ")


def colour(kind: str) -> str:
    """Return the style of a state, a change or an outcome."""
    return _COLOURS.get(kind, "cyan")


def coloured(kind: str) -> Text:
    """Return the words for a kind in its colour."""
    return Text(words(kind), style=colour(kind))


def _hex(number: int | None) -> str | None:
    """Return a number as text, because JSON readers lose digits of 64-bit numbers."""
    return None if number is None else f"{number:#x}"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def connection_data(connection: Connection) -> dict[str, Any]:
    """Return a Connection as JSON data: handles and LUIDs are hexadecimal text."""
    return {
        **connection._asdict(),
        "handle": _hex(connection.handle),
        "guid_entry": _text(connection.guid_entry),
        "luid": _hex(connection.luid),
        "correlation_id": _text(connection.correlation_id),
    }


def status_data(status: Status) -> dict[str, Any]:
    """Return a Status as JSON data: states are names."""
    return {
        **status._asdict(),
        "state": status.state.name,
        "local_endpoint": _text(status.local_endpoint),
        "remote_endpoint": _text(status.remote_endpoint),
        "substate": None if status.substate is None else status.substate.name,
    }


def observation_data(observation: Observation) -> dict[str, Any]:
    """Return an Observation as JSON data."""
    status = observation.status
    return {
        "condition": condition(observation),
        "code": observation.code,
        "connection": connection_data(observation.connection),
        "status": None if status is None else status_data(status),
    }


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
        status = item.status
        error = item.code or (status.error if status is not None else 0)
        new.add_row(
            f"{item.connection.handle:#x}",
            Text(printable(item.connection.entry_name)),
            coloured(condition(item)),
            Text(printable(item.connection.device_name)),
            Text(printable((status.phone_number if status is not None else None) or "")),
            endpoint(status, "local"),
            endpoint(status, "remote"),
            f"{error} {error_name(error)}" if error else "",
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
