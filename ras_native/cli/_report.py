"""`ras-native report`: sums up a recording, one line for each entry."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace as changed
from datetime import datetime, timedelta, timezone

import click

from .. import (
    LONGEST_SECONDS,
    Availability,
    EndReason,
    EntryAvailability,
    MonitorEvent,
    RecordingError,
    replay,
)
from ._common import complete_file, json_option, quoted
from ._show import coloured, console, duration, print_json
from ._table import Column, Row, print_table

_S = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MOST_CHANGES = 100_000  # of each entry
_AGO = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_COLUMNS = (
    Column("ENTRY", 0, least=16),
    Column("STATE", 2),
    Column("AVAILABLE", 1, is_number=True),
    Column("OUTAGES", 3, is_number=True),
    Column("LASTED", 6, is_number=True),
    Column("LONGEST", 5, is_number=True),
    Column("DROPS", 4, is_number=True),
    Column("REASONS", 7, least=16, cut_at_end=True),
)


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Parse a moment to nanoseconds since 1970. A time before the end is negative."""
    if value is None:
        return None
    if value == "now":
        return _now_ns()
    ago = _AGO.fullmatch(value)
    if ago:
        return -int(ago[1]) * _UNITS[ago[2]] * _S
    try:
        moment_ns = _utc_ns(datetime.fromisoformat(re.sub("[Zz]$", "+00:00", value)).astimezone())
    except (ValueError, OverflowError, OSError):
        moment_ns = -1
    if moment_ns < 0:
        raise click.BadParameter(
            f"{quoted(value)} is not a time: use 2026-12-31, '2026-12-31 23:59', "
            "2026-12-31T23:59Z, now, or for instance 90m, 24h or 7d"
        )
    return moment_ns


def _utc_ns(moment: datetime) -> int:
    """Return a moment in nanoseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _now_ns() -> int:
    return _utc_ns(datetime.now(timezone.utc))


def _local(moment_ns: int) -> str:
    """Return a moment as text, in the time zone of this computer."""
    moment = _EPOCH + timedelta(microseconds=moment_ns // 1000)
    return moment.astimezone().isoformat(" ", "seconds")


@click.command()
@click.argument("file", metavar="FILE", shell_complete=complete_file)
@click.option(
    "--since",
    callback=_moment,
    metavar="TIME",
    help="Begin at TIME: a date, a date and time, or a time before the end, such as 24h or 7d. "
    "Without a time zone, TIME is local.",
)
@click.option(
    "--until",
    callback=_moment,
    metavar="TIME",
    help="End at TIME, for instance now, instead of at the last event. The state after the last "
    "event counts until TIME.",
)
@json_option
def report(file: str, since: int | None, until: int | None, as_json: bool) -> None:
    """Sum up a recording: how available each entry was, its outages and drops.

    FILE is a recording, from `watch --record FILE` or Monitor(record=FILE).

    AVAILABLE is the share of time that an entry was up. The time does not count while RAS cannot be
    asked, and while the system sleeps.

    OUTAGES counts the outages. An outage begins when an entry stops being up, and lasts until it is
    up again. LASTED is the time of all outages, LONGEST the time of the longest outage.

    DROPS counts connections that ended after they were up. REASONS says why they ended.

    With --json, members whose names end in _ns are nanoseconds since 1970 in UTC.
    """
    last_ns = _after(until, _now_ns())
    try:
        availability, first_ns, end_ns = _read(file, last_ns)
    except RecordingError as error:
        raise click.ClickException(str(error)) from error
    end_ns = end_ns if last_ns is None else last_ns
    begin_ns = max(first_ns, _after(since, end_ns) or first_ns)
    if begin_ns > end_ns:
        raise click.UsageError(f"--since must be before the end, {_local(end_ns)}")
    window = min((end_ns - begin_ns) / _S, availability.window)
    found = [availability.summary(name, end_ns, window=window) for name in availability.entries]
    if availability.forgotten:
        click.echo(f"{availability.forgotten} more entries are too many to report", err=True)
    if as_json:
        entries = [item.to_dict() for item in found]
        print_json({"from_ns": begin_ns, "to_ns": end_ns, "entries": entries})
    else:
        click.echo(f"From {_local(begin_ns)} to {_local(end_ns)}")
        print_table(console(), _COLUMNS, map(_row, found))


def _after(moment: int | None, end_ns: int) -> int | None:
    """Return a moment. A negative moment counts back from the end."""
    return moment if moment is None or moment >= 0 else end_ns + moment


def _read(file: str, last_ns: int | None) -> tuple[Availability, int, int]:
    """Apply the events up to a moment. Also return when the first and the last event happened."""
    availability = Availability(window=LONGEST_SECONDS, most_changes=_MOST_CHANGES)
    first: MonitorEvent | None = None
    last: MonitorEvent | None = None
    for event in _on_utc(replay(file)):
        if last_ns is not None and event.monotonic_ns > last_ns:
            break
        availability.apply(event)
        first, last = first or event, event
    if first is None or last is None:
        raise click.ClickException("the recording has no events before that time")
    return availability, first.monotonic_ns, last.monotonic_ns


def _on_utc(events: Iterable[MonitorEvent]) -> Iterator[MonitorEvent]:
    """Convert the times of events to UTC, because each Monitor may have its own clock."""
    sequence = shift_ns = 0
    for event in events:
        if event.sequence <= sequence or not sequence:  # the first of a Monitor
            shift_ns = _utc_ns(event.time) - event.monotonic_ns
        sequence = event.sequence
        moments = {
            name: value + shift_ns
            for name in ("monotonic_ns", "not_before_ns", "from_ns", "to_ns")
            if (value := getattr(event, name, None)) is not None
        }
        yield changed(event, **moments)


def _row(item: EntryAvailability) -> Row:
    return (
        item.entry,
        coloured(str(item.state)),
        "" if item.availability is None else _percent(item.availability),
        str(item.outages),
        duration(item.outage_seconds),
        duration(item.longest_outage),
        str(item.drops),
        ", ".join(map(_reason, item.reasons)),
    )


def _percent(share: float) -> str:
    """Return a share in percent; only 1 is 100 percent."""
    return f"{math.floor(share * 100_000) / 1000:.3f}%"


def _reason(item: EndReason) -> str:
    what = "unknown" if item.reason is None else f"{item.reason.code} {item.reason.name}"
    return what if item.count == 1 else f"{item.count} x {what}"
