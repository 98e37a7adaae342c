"""Shows events as plain lines or as lines of JSON. The live screen is in `_live`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, TextIO, TypeGuard

import click
from rich.cells import cell_len
from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from .. import (
    Changed,
    Connected,
    Connection,
    ConnectionEvent,
    DialFailed,
    Disconnected,
    Explained,
    Found,
    Gap,
    GapKind,
    Health,
    HealthChanged,
    MatchedBy,
    MonitorEvent,
    Moved,
    Projection,
    ProviderFailed,
    ProviderRecovered,
    RasError,
    Reason,
    Reconnected,
    StateChanged,
)
from ._probe import Probe
from ._show import (
    colour,
    condition,
    duration,
    endpoint,
    print_json,
    words,
)
from ._text import ellipsis, is_limited, isolated, pad, printable, shorten, visible

ProjectionOf = Callable[[Connection], "Projection | None"]
"""Asks for the addresses of a connection."""

_KIND_WIDTH = 12
_WIDEST_KIND = 15  # of what has a name: "session timeout"
_NAME_WIDTH = 12  # in a narrow terminal
_WIDEST_NAME = 32
_SHORTEST_DETAIL = 8  # cells; a shorter beginning of a text says nothing
_GAP = 2
_GAPS = {
    GapKind.BLIP: "signals without a change: {}",
    GapKind.UNREPORTED: "changes that RAS did not signal: {}",
    GapKind.FAILED: "polls that failed: {}",
    GapKind.LATE: "polls that were late: {}",
    GapKind.SUSPENDED: "the system slept",
    GapKind.OVERFLOW: "events that were lost, because the output is slow: {}",
    GapKind.LOG: "possible losses of event log events: {}",
}


def _clock(moment: datetime) -> str:
    """Return the local time with milliseconds."""
    return moment.astimezone().strftime("%H:%M:%S.%f")[:-3]


def _stamps(moment: datetime, *, dates: bool) -> list[str]:
    """Return the local time in several lengths, the longest first."""
    date = f"{moment.astimezone():%Y-%m-%d}"
    clock = _clock(moment)
    full = [f"{date} {clock}", f"{date[5:]} {clock}"] if dates else []
    return [*full, clock, clock[:8]]


class Screen(ABC):
    """Shows events, results of probes and problems; a context manager."""

    def follow(self, event: MonitorEvent) -> None:  # noqa: B027 - only the live screen has a state
        """Apply an event to the state of the screen, even if the event is not shown."""

    @abstractmethod
    def on_event(self, event: MonitorEvent) -> None:
        """Show an event."""

    @abstractmethod
    def on_probe(self, probe: Probe, *, changed: bool) -> None:
        """Show the result of a target; `changed` tells whether its outcome is new."""

    def on_problem(self, text: str) -> None:
        """Print a warning on standard error; the command goes on."""
        click.echo(f"Warning: {text}", err=True)

    def run(self, feed: Callable[[], object]) -> None:
        """Call `feed`, which shows everything that happens, until there is no more."""
        feed()

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:  # noqa: B027 - only the live screen does something here
        pass


class JsonLines(Screen):
    """Prints one JSON document per line, even for a probe whose outcome did not change."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file

    def on_event(self, event: MonitorEvent) -> None:
        """Print the event."""
        print_json(event.to_dict(), self._file)

    def on_probe(self, probe: Probe, *, changed: bool) -> None:
        """Print a line."""
        print_json({"event": "Probe", **probe.to_dict(), "changed": changed}, self._file)


def kind_of(event: MonitorEvent) -> str:
    """Return the kind of an event in lower case: "state_changed"."""
    return re.sub(r"(?<=.)(?=[A-Z])", "_", type(event).__name__).lower()


class Line(NamedTuple):
    """What a line says about an event or a probe."""

    kind: str
    name: str
    """The entry, or the target of a probe; empty if it has none."""
    details: Sequence[str]
    """The same details in several lengths, the longest first."""

    def whole(self) -> Text:
        """Return the whole line."""
        line = Text.assemble((f"{words(self.kind):<{_KIND_WIDTH}} ", colour(self.kind)))
        if self.name:
            line.append(f"{printable(self.name)}  ")
        line.append(printable(self.details[0] if self.details else ""), style="dim")
        line.rstrip()
        return line

    def fitted(self, console: Console, room: int) -> Text:
        """Return what fits into `room` cells of a terminal, with the names in a column."""
        mark = ellipsis(console)
        kind = shorten(pad(words(self.kind), _WIDEST_KIND), room, mark)
        line = Text(kind, style=colour(self.kind))
        if self.name:
            end = min(room, _WIDEST_KIND + _GAP + max(_NAME_WIDTH, min(room // 4, _WIDEST_NAME)))
            left = end - cell_len(kind) - _GAP
            name = isolated(shorten(visible(self.name, console), left, mark), console)
            line.append(_GAP * " " + pad(name, left), style="default")
        left = room - line.cell_len - _GAP
        details = [visible(text, console) for text in self.details]
        line.append(_GAP * " " + first_that_fits(details, left, mark), style="dim")
        line.rstrip()
        return line


def first_that_fits(texts: Sequence[str], cells: int, mark: str) -> str:
    """Return the first text that fits, or else the beginning of the last, unless it is tiny."""
    for text in texts:
        if cell_len(text) <= cells:
            return text
    is_tiny = cells < _SHORTEST_DETAIL
    return "" if is_tiny or not texts else shorten(texts[-1], cells, mark, at_end=True)


def event_line(event: MonitorEvent, addresses: str) -> Line:
    """Return what a line says about an event, with the addresses of its connection."""
    return Line(kind_of(event), event.entry or "", _details(event, addresses))


def _details(event: MonitorEvent, addresses: str) -> list[str]:
    if isinstance(event, ProviderFailed):
        return _failure(RasError(event.code, "RasEnumConnectionsW"))
    if isinstance(event, ProviderRecovered):
        return [f"RAS answers again after {duration(event.down_for)}"]
    if isinstance(event, Gap):
        what = f"{event.kind}: {_GAPS[event.kind].format(event.count)}"
        begin, end = _clock(event.utc(event.from_ns)), _clock(event.utc(event.to_ns))
        return [f"{what}, between {begin} and {end}", what, str(event.kind)]
    if isinstance(event, (Explained, DialFailed)):
        guess = getattr(event, "matched_by", None) is MatchedBy.ENTRY_AND_TIME
        return _details_of_reason(event.reason, guess=guess)
    if isinstance(event, HealthChanged):
        return _details_of_health(event.health)
    return _details_of_connection(event, addresses) if isinstance(event, ConnectionEvent) else []


def _failure(error: RasError) -> list[str]:
    """Return what failed; the longest text also says what to do."""
    advice = error.reason.advice
    to_do = "" if advice is None else f"; what to do: {advice}"
    return [f"{error}{to_do}", str(error), *_lengths(error.reason)]


def _lengths(reason: Reason) -> list[str]:
    """Return a reason with its explanation, then without."""
    return [str(reason), str(reason).partition(":")[0]]


def _details_of_reason(reason: Reason | None, *, guess: bool) -> list[str]:
    if reason is None:
        return ["the event log does not say why"]
    texts = _lengths(reason)
    return [f"{text} (a guess)" for text in (*texts, reason.code)] if guess else texts


def _details_of_health(health: Health) -> list[str]:
    probe, silence, kind = health.probe, health.silence, str(health.kind)
    if silence is not None:
        return [f"{kind}: {decimal(silence.bytes_sent)} sent without an answer", kind]
    if probe is not None:
        return [f"{kind}: {probe.target} {probe.outcome}, {probe.count} in a row", kind]
    return [kind]


_ENDS_SHOWN = (Found, Connected, Moved, Changed)
_ADDRESSES_SHOWN = (Found, Connected, Reconnected, Moved)


def has_addresses(event: MonitorEvent) -> TypeGuard[ConnectionEvent]:
    """Whether this event says that a connection is up, so that it may have new addresses."""
    return isinstance(event, _ADDRESSES_SHOWN) and bool(event.after and event.after.is_up)


def _details_of_connection(event: ConnectionEvent, addresses: str) -> list[str]:
    after = event.after
    if isinstance(event, Disconnected):
        return [] if event.uptime is None else [f"after {duration(event.uptime)}"]
    if after is None:
        return []
    if isinstance(event, _ENDS_SHOWN):
        ends = (endpoint(after.status, side) for side in ("local", "remote"))
        return _joined(addresses, after.connection.device_name, " -> ".join(filter(None, ends)))
    state = words(condition(after)) if isinstance(event, StateChanged) else ""
    reasons = [""] if after.reason is None else _lengths(after.reason)
    return ["  ".join(filter(None, (addresses, state, reason))) for reason in reasons]


def _joined(*texts: str) -> list[str]:
    """Join the texts that are not empty: all of them, then fewer and fewer."""
    known = [text for text in texts if text]
    return ["  ".join(known[:count]) for count in range(len(known), 0, -1)]


def probe_line(probe: Probe) -> Line:
    """Return what a line says about a probe."""
    took = [] if probe.milliseconds is None else [f"{probe.milliseconds:.2f} ms"]
    return Line(probe.outcome, probe.target, took)


class PlainLines(Screen):
    """Prints one line of text per event, for logs. With `dates`, it begins with the date.

    In a terminal, a line that is too long is shortened. Elsewhere it is printed whole.
    """

    def __init__(
        self,
        console: Console,
        *,
        dates: bool = False,
        projection_of: ProjectionOf | None = None,
    ) -> None:
        self._console, self._dates, self._projection_of = console, dates, projection_of

    def _print(self, moment: datetime, line: Line) -> None:
        console = self._console
        stamps = _stamps(moment, dates=self._dates)
        if is_limited(console):
            stamp = first_that_fits(stamps, console.width // 4, "")
            text = line.fitted(console, console.width - len(stamp) - _GAP)
        else:
            stamp, text = stamps[0], line.whole()
        console.print(Text.assemble((stamp, "dim"), _GAP * " ", text), soft_wrap=True)

    def on_event(self, event: MonitorEvent) -> None:
        """Print a line; if a connection is up, with its addresses."""
        addresses = self._addresses(event.connection) if has_addresses(event) else ""
        self._print(event.time, event_line(event, addresses))

    def _addresses(self, connection: Connection) -> str:
        """Return the addresses that this computer has in a tunnel; empty if RAS tells none."""
        projection = self._projection_of and self._projection_of(connection)
        return " ".join(map(str, projection.addresses)) if projection else ""

    def on_probe(self, probe: Probe, *, changed: bool) -> None:
        """Print a line if the outcome changed."""
        if changed:
            self._print(probe.time, probe_line(probe))
