"""Prints connections, statuses and probes, as JSON or as tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Iterator
from typing import TextIO

import click
from rich.console import Console
from rich.filesize import decimal

from .. import Connection, ConnState, DialTimeline, Observation, Reason, Status, error_name, explain
from ._details import Details, Rates
from ._probe import Probe
from ._table import Cell, Column, print_table
from ._text import NO_LIMIT

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
    "warning": "red",
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
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=NO_LIMIT, height=1)


def print_json(document: object, file: TextIO | None = None) -> None:
    """Print one JSON document on one line, in ASCII because some encodings lack characters.

    If `file` is None, it prints to standard output.
    """
    click.echo(json.dumps(document), file=file)


def print_explanations(reasons: Iterable[Reason | None]) -> None:
    """Print the explanation of each reason once; None has none."""
    for reason in dict.fromkeys(reasons):
        if reason is not None:
            click.echo(explanation(reason))


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


def coloured(kind: str) -> Cell:
    """Return the words for a kind in its colour."""
    return Cell(words(kind), colour(kind))


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


def rate(bytes_per_second: float | None) -> str:
    """Return a rate as text; it is empty if the rate is unknown."""
    return "" if bytes_per_second is None else f"{decimal(round(bytes_per_second))}/s"


_HANDLE = Column("HANDLE", 8)
_ENTRY = Column("ENTRY", 0, least=16)
_DETAILS = (
    Column("ADDRESS", 4, least=16, cut_at_end=True),
    Column("UP", 3, is_number=True),
    Column("SENT", 6, is_number=True),
    Column("RECEIVED", 6, is_number=True),
    Column("SENDS", 5, is_number=True, is_optional=True),
    Column("RECEIVES", 5, is_number=True, is_optional=True),
)
_LIST = (
    _HANDLE,
    _ENTRY,
    Column("TYPE", 7),
    Column("DEVICE", 9, least=20),
    *_DETAILS,
    Column("PHONE BOOK", 10, least=16),
)
_STATUS = (
    _HANDLE,
    _ENTRY,
    Column("STATE", 1, least=12),
    *_DETAILS,
    Column("DEVICE", 12, least=20),
    Column("NUMBER", 11, least=16),
    Column("LOCAL", 10, least=16, cut_at_end=True),
    Column("REMOTE", 9, least=16, cut_at_end=True),
    Column("ERROR", 2, least=8, cut_at_end=True),
)
_PROBES = (
    Column("TARGET", 0, least=20),
    Column("ADDRESS", 4, least=16, cut_at_end=True),
    Column("OUTCOME", 1, least=12),
    Column("TIME", 2, is_number=True),
    Column("CODE", 3, least=12, cut_at_end=True),
)


def print_connections(rows: Iterable[tuple[Connection, Details]]) -> None:
    """Print the table of `ras-native list`."""
    print_table(console(), _LIST, (_connection_cells(item, details) for item, details in rows))


def handle_text(handle: int) -> str:
    """Return a handle as the commands take it."""
    return f"{handle:#x}"


def _connection_cells(item: Connection, details: Details) -> Iterator[str]:
    yield handle_text(item.handle)
    yield from (item.entry_name, item.device_type, item.device_name)
    yield from _details(details)
    yield item.phonebook or ""


def _details(details: Details) -> Iterator[str]:
    counted, projection, rates = details
    yield "" if projection is None else " ".join(map(str, projection.addresses))
    yield "" if counted is None else duration(counted.duration_ms / 1000)
    for member in ("bytes_sent", "bytes_received"):
        yield "" if counted is None else decimal(getattr(counted, member))
    for member in Rates._fields:
        yield rate(getattr(rates, member, None))


def print_statuses(rows: Collection[tuple[Observation, Details]]) -> None:
    """Print the table of `ras-native status`, and explain the errors in it."""
    print_table(console(), _STATUS, (_status_cells(item, details) for item, details in rows))
    print_explanations(item.reason for item, _ in rows)


def _status_cells(item: Observation, details: Details) -> Iterator[str | Cell]:
    connection, status, reason = item.connection, item.status, item.reason
    yield handle_text(connection.handle)
    yield connection.entry_name
    yield coloured(condition(item))
    yield from _details(details)
    yield connection.device_name
    yield (status.phone_number if status is not None else None) or ""
    yield endpoint(status, "local")
    yield endpoint(status, "remote")
    yield "" if reason is None else f"{reason.code} {reason.name}"


def print_probes(probes: Collection[Probe]) -> None:
    """Print the table of `ras-native connect`, and explain the codes in it."""
    print_table(console(), _PROBES, map(_probe_cells, probes))
    print_explanations(explain(item.code) if item.code else None for item in probes)


def _probe_cells(item: Probe) -> Iterator[str | Cell]:
    yield item.target
    yield item.address or ""
    yield coloured(item.outcome)
    yield "" if item.milliseconds is None else f"{item.milliseconds:.2f} ms"
    yield f"{item.code} {error_name(item.code)}" if item.code else ""
