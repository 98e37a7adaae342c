"""Prints connections, statuses and probes, as JSON or as tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TextIO

import click
from rich.cells import cell_len
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from .. import Connection, ConnState, DialTimeline, Observation, Reason, Status, error_name
from ._details import Details
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
    "explained": "dim",
    "dial_failed": "red",
    "idle_timeout": "yellow",
    "session_timeout": "yellow",
    "open": "green",
    "refused": "red",
    "timeout": "yellow",
    "unreachable": "red",
    "silent": "red",
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


def print_timeline(
    timeline: DialTimeline | None, reached: Iterable[Observation], *, as_json: bool
) -> None:
    """Print the stages of a dialling; in JSON, the connections too."""
    if as_json:
        connections = [item.to_dict() for item in reached]
        print_json({"connections": connections, "timeline": timeline and timeline.to_dict()})
    elif timeline is None:
        click.echo("  no dialling was seen")
    else:
        for stage in timeline.stages:
            took = "" if stage.seconds is None else f"{stage.seconds:10.3f} s"
            failed = "  failed" if stage is timeline.failed_stage else ""
            click.echo(f"  {words(stage.name.lower()):<24}{took}{failed}")
        took = "" if timeline.seconds is None else f" after {timeline.seconds:.3f} s"
        reason = "" if timeline.reason is None else f": {timeline.reason}"
        click.echo(f"  {timeline.outcome or 'still being dialled'}{took}{reason}")


def duration(seconds: float) -> str:
    """Return a duration as h:mm:ss."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"


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


_Cells = Iterable["str | Text"]


def fitting_table(
    headings: Sequence[str],
    rows: Iterable[_Cells],
    *,
    less: Sequence[str],
    width: int,
    widths: Mapping[str, int] = MappingProxyType({}),
) -> Table:
    """Return a table that leaves out the first of the columns in `less` until it fits.

    `widths` are the least widths of columns. There must be a row.
    """
    columns = dict(zip(headings, zip(*rows, strict=True), strict=True))
    needed = {
        name: max(widths.get(name, 0), *(cell_len(str(cell)) for cell in (name, *columns[name])))
        for name in columns
    }
    for heading in less:
        if sum(needed[name] + 2 for name in columns) <= width:
            break
        del columns[heading]
    new = table(*columns)
    for column in new.columns:
        column.min_width = widths.get(str(column.header))
    for row in zip(*columns.values(), strict=True):
        new.add_row(*row)
    return new


def connections_table(rows: Sequence[tuple[Connection, Details]], width: int) -> Table:
    """Return the table of `ras-native list`; there must be a connection."""
    return fitting_table(
        ("HANDLE", "ENTRY", "TYPE", "DEVICE", *_DETAILS, "PHONE BOOK"),
        (_connection_cells(item, details) for item, details in rows),
        less=("PHONE BOOK", "DEVICE", "HANDLE"),
        width=width,
    )


def _connection_cells(item: Connection, details: Details) -> Iterator[str | Text]:
    yield f"{item.handle:#x}"
    for text in (item.entry_name, item.device_type, item.device_name):
        yield Text(printable(text))
    yield from _details(details)
    yield Text(printable(item.phonebook or ""))


_DETAILS = ("ADDRESS", "UP", "SENT", "RECEIVED")


def rate(bytes_per_second: float | None) -> str:
    """Return a rate as text; it is empty if the rate is unknown."""
    return "" if bytes_per_second is None else f"{decimal(round(bytes_per_second))}/s"


def _details(details: Details) -> Iterator[str]:
    counted, projection, rates = details
    yield "" if projection is None else " ".join(map(str, projection.addresses))
    yield "" if counted is None else duration(counted.duration_ms / 1000)
    for member in ("bytes_sent", "bytes_received"):
        total = "" if counted is None else decimal(getattr(counted, member))
        yield f"{total} {rate(getattr(rates, member, None))}".rstrip()


def statuses_table(rows: Sequence[tuple[Observation, Details]], width: int) -> Table:
    """Return the table of `ras-native status`; there must be a connection."""
    return fitting_table(
        ("HANDLE", "ENTRY", "STATE", *_DETAILS, "DEVICE", "NUMBER", "LOCAL", "REMOTE", "ERROR"),
        (_status_cells(item, details) for item, details in rows),
        less=("DEVICE", "NUMBER", "LOCAL", "REMOTE", "HANDLE"),
        width=width,
    )


def _status_cells(item: Observation, details: Details) -> Iterator[str | Text]:
    connection, status, reason = item.connection, item.status, item.reason
    yield f"{connection.handle:#x}"
    yield Text(printable(connection.entry_name))
    yield coloured(condition(item))
    yield from _details(details)
    yield Text(printable(connection.device_name))
    yield Text(printable((status.phone_number if status is not None else None) or ""))
    yield endpoint(status, "local")
    yield endpoint(status, "remote")
    yield "" if reason is None else f"{reason.code} {reason.name}"


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
