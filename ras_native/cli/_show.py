"""How connections, statuses and probes are shown: as JSON, as tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .._errors import code_name
from .._records import Connection, Observation, Status
from ._changes import condition
from ._probe import Probe

_WIDE = 1000  # off the terminal a row is a line, however long

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
    """Standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def print_json(document: object) -> None:
    """One document on one line; ASCII, whatever the terminal's encoding."""
    click.echo(json.dumps(document))


def printable(text: str) -> str:
    """Names come from elsewhere: nothing in them reaches the terminal's controls."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def words(kind: str) -> str:
    """A state's or change's name, as text."""
    return kind.replace("_", " ")


def colour(kind: str) -> str:
    """The style of a state, a change or an outcome."""
    return _COLOURS.get(kind, "cyan")


def coloured(kind: str) -> Text:
    """Its words in its colour."""
    return Text(words(kind), style=colour(kind))


def _hex(number: int | None) -> str | None:
    """JSON numbers are not made for 64 bits."""
    return None if number is None else f"{number:#x}"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def connection_data(connection: Connection) -> dict[str, Any]:
    """A Connection for JSON: handles and LUIDs as hexadecimal text."""
    return {
        **connection._asdict(),
        "handle": _hex(connection.handle),
        "guid_entry": _text(connection.guid_entry),
        "luid": _hex(connection.luid),
        "correlation_id": _text(connection.correlation_id),
    }


def status_data(status: Status) -> dict[str, Any]:
    """A Status for JSON: states by name."""
    return {
        **status._asdict(),
        "state": status.state.name,
        "local_endpoint": _text(status.local_endpoint),
        "remote_endpoint": _text(status.remote_endpoint),
        "substate": None if status.substate is None else status.substate.name,
    }


def observation_data(observation: Observation) -> dict[str, Any]:
    """An Observation for JSON."""
    status = observation.status
    return {
        "condition": condition(observation),
        "code": observation.code,
        "connection": connection_data(observation.connection),
        "status": None if status is None else status_data(status),
    }


def endpoint(status: Status | None, side: str) -> str:
    """An end point, or nothing where it is not known."""
    return "" if status is None else str(getattr(status, f"{side}_endpoint") or "")


def table(*headings: str, title: str | None = None) -> Table:
    """An empty table in the command's one look."""
    made = Table(box=None, pad_edge=False, title=title, title_justify="left", padding=(0, 2, 0, 0))
    for heading in headings:
        made.add_column(heading, header_style="dim", no_wrap=True, overflow="ellipsis")
    return made


def connections_table(connections: Iterable[Connection]) -> Table:
    """`ras-native list`."""
    made = table("HANDLE", "ENTRY", "TYPE", "DEVICE", "PHONE BOOK")
    for item in connections:
        texts = (item.entry_name, item.device_type, item.device_name, item.phonebook or "")
        made.add_row(f"{item.handle:#x}", *(Text(printable(text)) for text in texts))
    return made


def statuses_table(observations: Iterable[Observation]) -> Table:
    """`ras-native status`."""
    made = table("HANDLE", "ENTRY", "STATE", "DEVICE", "NUMBER", "LOCAL", "REMOTE", "ERROR")
    for item in observations:
        status = item.status
        error = item.code or (status.error if status is not None else 0)
        made.add_row(
            f"{item.connection.handle:#x}",
            Text(printable(item.connection.entry_name)),
            coloured(condition(item)),
            Text(printable(item.connection.device_name)),
            Text(printable((status.phone_number if status is not None else None) or "")),
            endpoint(status, "local"),
            endpoint(status, "remote"),
            f"{error} {code_name(error)}" if error else "",
        )
    return made


def probes_table(probes: Sequence[Probe]) -> Table:
    """`ras-native connect`, and the probes of `watch`."""
    made = table("TARGET", "ADDRESS", "OUTCOME", "TIME", "CODE")
    for item in probes:
        made.add_row(
            Text(printable(item.target)),
            item.address or "",
            coloured(item.outcome),
            "" if item.milliseconds is None else f"{item.milliseconds:.2f} ms",
            f"{item.code} {code_name(item.code)}" if item.code else "",
        )
    return made
