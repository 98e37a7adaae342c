"""Shows events as a live screen, as plain lines or as lines of JSON."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TextIO, TypeGuard

import click
from rich.console import Console, Group, RenderableType
from rich.filesize import decimal
from rich.live import Live
from rich.panel import Panel
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
    HealthKind,
    MatchedBy,
    Monitor,
    MonitorEvent,
    Moved,
    Observation,
    Projection,
    ProviderFailed,
    ProviderRecovered,
    RasError,
    Reconnected,
    StateChanged,
    Traffic,
)
from ._probe import Probe
from ._show import (
    colour,
    condition,
    duration,
    endpoint,
    fitting_table,
    print_json,
    printable,
    probes_table,
    rate,
    words,
)

ProjectionOf = Callable[[Connection], "Projection | None"]
"""Asks for the addresses of a connection."""

_KIND_WIDTH = 12
_LOG_LINES = 200
_FRAME = 4  # lines: two borders of the log, one below it, one after the end
_TABLE_FRAME = 2  # lines: the heading of a table, and one below it
_REFRESH_PER_SECOND = 4
_SYMBOLS = {"connected": "●", "dormant": "◐", "reconnecting": "◌"}
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


def _event_text(event: MonitorEvent, addresses: str) -> Text:
    """Return one line: the kind of the event, the entry, its addresses and details."""
    kind = kind_of(event)
    line = Text.assemble(Text(f"{words(kind):<{_KIND_WIDTH}} ", style=colour(kind)))
    if event.entry is not None:
        line.append(f"{printable(event.entry)}  ")
    if addresses:
        line.append(f"{addresses}  ")
    detail = _detail(event)
    line.append(detail, style="dim")
    line.rstrip()
    return line


def _detail(event: MonitorEvent) -> str:
    if isinstance(event, ProviderFailed):
        return str(RasError(event.code, "RasEnumConnectionsW"))
    if isinstance(event, ProviderRecovered):
        return f"RAS answers again after {duration(event.down_for)}"
    if isinstance(event, Gap):
        what = _GAPS[event.kind].format(event.count)
        begin, end = _clock(event.utc(event.from_ns)), _clock(event.utc(event.to_ns))
        return f"{event.kind}: {what}, between {begin} and {end}"
    if isinstance(event, (Explained, DialFailed)):
        guess = getattr(event, "matched_by", None) is MatchedBy.ENTRY_AND_TIME
        return f"{event.reason or 'the event log does not say why'}{' (a guess)' * guess}"
    if isinstance(event, HealthChanged):
        return _detail_of_health(event.health)
    return _detail_of_connection(event) if isinstance(event, ConnectionEvent) else ""


def _detail_of_health(health: Health) -> str:
    probe, silence = health.probe, health.silence
    if silence is not None:
        return f"{health.kind}: {decimal(silence.bytes_sent)} sent without an answer"
    if probe is not None:
        return f"{health.kind}: {probe.target} {probe.outcome}, {probe.count} in a row"
    return str(health.kind)


_ENDS_SHOWN = (Found, Connected, Moved, Changed)
_ADDRESSES_SHOWN = (Found, Connected, Reconnected, Moved)


def _has_addresses(event: MonitorEvent) -> TypeGuard[ConnectionEvent]:
    """Whether this event says that a connection is up, so that it may have new addresses."""
    return isinstance(event, _ADDRESSES_SHOWN) and bool(event.after and event.after.is_up)


def _detail_of_connection(event: ConnectionEvent) -> str:
    after = event.after
    if isinstance(event, Disconnected):
        return "" if event.uptime is None else f"after {duration(event.uptime)}"
    if after is None:
        return ""
    if isinstance(event, _ENDS_SHOWN):
        ends = (endpoint(after.status, side) for side in ("local", "remote"))
        device = printable(after.connection.device_name)
        return f"{device}  {' -> '.join(filter(None, ends))}".rstrip()
    state = words(condition(after)) if isinstance(event, StateChanged) else ""
    return f"{state}  {after.reason or ''}".strip()


def _probe_text(probe: Probe) -> Text:
    line = Text.assemble(
        Text(f"{probe.outcome:<{_KIND_WIDTH}} ", style=colour(probe.outcome)),
        printable(probe.target),
    )
    if probe.milliseconds is not None:
        line.append(f"  {probe.milliseconds:.2f} ms", style="dim")
    return line


class PlainLines(Screen):
    """Prints one line of text per event, for logs. With `dates`, it begins with the date."""

    def __init__(
        self,
        console: Console,
        *,
        dates: bool = False,
        projection_of: ProjectionOf | None = None,
    ) -> None:
        self._console, self._dates, self._projection_of = console, dates, projection_of

    def _line(self, moment: datetime, text: Text) -> None:
        date = f"{moment.astimezone():%Y-%m-%d} " if self._dates else ""
        stamp = Text(date + _clock(moment), style="dim")
        self._console.print(Text.assemble(stamp, "  ", text), soft_wrap=True)

    def on_event(self, event: MonitorEvent) -> None:
        """Print a line; if a connection is up, with its addresses."""
        addresses = self._addresses(event.connection) if _has_addresses(event) else ""
        self._line(event.time, _event_text(event, addresses))

    def _addresses(self, connection: Connection) -> str:
        """Return the addresses that this computer has in a tunnel; empty if RAS tells none."""
        projection = self._projection_of and self._projection_of(connection)
        return " ".join(map(str, projection.addresses)) if projection else ""

    def on_probe(self, probe: Probe, *, changed: bool) -> None:
        """Print a line if the outcome changed."""
        if changed:
            self._line(probe.time, _probe_text(probe))


def _fitting(found: list[Observation], most: int) -> list[Observation]:
    """Return at most `most` observations. If some are left out, outages come first."""
    if len(found) <= most:
        return found
    return sorted(found, key=lambda item: condition(item) == "connected")[:most]


class LiveScreen(PlainLines):
    """A live table of the connections above a log of the events.

    `entries` are the phone-book entries that the table shows; None means all.
    """

    def __init__(
        self,
        console: Console,
        monitor: Monitor,
        title: str,
        entries: Sequence[str] | None = None,
        *,
        projection_of: ProjectionOf | None = None,
    ) -> None:
        super().__init__(console, projection_of=projection_of)
        self._monitor, self._title = monitor, title
        self._entries = None if entries is None else {entry.casefold() for entry in entries}
        self._started_ns = time.perf_counter_ns()
        self._since_ns: dict[int, int] = {}  # when each handle was first seen
        self._address: dict[int, str] = {}  # in the tunnel of each handle
        self._error: RasError | None = None
        self._probes: dict[str, Probe] = {}
        self._log: deque[Text] = deque(maxlen=_LOG_LINES)
        self._live = Live(
            get_renderable=self.render, console=console, refresh_per_second=_REFRESH_PER_SECOND
        )

    def _line(self, moment: datetime, text: Text) -> None:
        stamp = Text(f"{moment.astimezone():%H:%M:%S}", style="dim")
        self._log.append(Text.assemble(stamp, "  ", text))
        self._live.refresh()

    def follow(self, event: MonitorEvent) -> None:
        """Note when each connection was first seen, its address, and whether RAS answers."""
        if isinstance(event, ConnectionEvent):
            handle = event.connection.handle
            if event.after is None:
                self._since_ns.pop(handle, None)
                self._address.pop(handle, None)
            else:
                self._since_ns.setdefault(handle, event.monotonic_ns)
            if _has_addresses(event):
                self._address[handle] = super()._addresses(event.connection)
        elif isinstance(event, ProviderFailed):
            self._error = RasError(event.code, "RasEnumConnectionsW")
        elif isinstance(event, ProviderRecovered):
            self._error = None

    def _addresses(self, connection: Connection) -> str:
        """Return the addresses that `follow` has noted."""
        return self._address.get(connection.handle, "")

    def on_probe(self, probe: Probe, *, changed: bool) -> None:
        """Add a row, and a line in the log if the outcome changed."""
        self._probes[probe.target] = probe
        super().on_probe(probe, changed=changed)

    def on_problem(self, text: str) -> None:
        """Add a line to the log."""
        self._line(
            datetime.now().astimezone(),
            Text(f"{'warning':<{_KIND_WIDTH}} {printable(text)}", style="red"),
        )

    def render(self) -> RenderableType:
        """Return the whole screen; the log fills the height that the tables do not use."""
        found, height = self._connected(), self._console.size.height
        parts: list[RenderableType] = [self._heading(len(found)), ""]
        used = len(parts) + _FRAME
        most = max(1, (height - used - 2 * _TABLE_FRAME) // 2)
        rows = _fitting(found, most)
        parts += [self._connections(rows), ""]
        used += len(rows) + _TABLE_FRAME
        if self._probes:
            probes = list(self._probes.values())[-max(1, most // 2) :]
            parts += [probes_table(probes), ""]
            used += len(probes) + _TABLE_FRAME
        log = list(self._log)[-max(1, height - used) :]
        text = Text("\n", overflow="ellipsis", no_wrap=True).join(log)
        parts.append(Panel(text, title="events", title_align="left", border_style="dim"))
        return Group(*parts, "")  # the terminal echoes ^C on the empty line, not in the frame

    def _connected(self) -> list[Observation]:
        wanted = self._entries
        return [
            item
            for item in self._monitor.snapshot
            if wanted is None or item.connection.entry_name.casefold() in wanted
        ]

    def _heading(self, count: int) -> Text:
        now_ns = time.perf_counter_ns()
        line = Text("ras-native watch", style="bold", no_wrap=True, overflow="ellipsis")
        line.append(f"  {duration((now_ns - self._started_ns) / 1e9)}", style="not bold")
        line.append(f"  {count} connection{'' if count == 1 else 's'}", style="not bold")
        line.append(f"  {self._title}", style="not bold dim")
        if self._error is not None:
            line.append(f"  {self._error}", style="red")
        elif self._monitor.has_polled and not self._monitor.has_signals:
            line.append(
                "  polling only, because RAS does not report changes", style="not bold yellow"
            )
        return line

    def _connections(self, rows: list[Observation]) -> RenderableType:
        if not rows:
            return Text("no connection", style="dim")
        return fitting_table(
            ("ENTRY", "STATE", "UP", "SENDS", "RECEIVES", "ADDRESS", "LOCAL", "REMOTE", "DEVICE"),
            (self._row(item) for item in rows),
            less=("DEVICE", "LOCAL", "REMOTE", "ADDRESS", "SENDS", "RECEIVES"),
            width=self._console.width,
            widths={"STATE": 14, "UP": 7, "SENDS": 11, "RECEIVES": 11},
        )

    def _row(self, item: Observation) -> Iterator[Text]:
        kind, now_ns, traffic = self._kind(item), time.perf_counter_ns(), self._traffic(item)
        since_ns = self._since_ns.get(item.connection.handle, now_ns)
        if traffic is not None:
            since_ns = traffic.sampled_ns - int(traffic.uptime * 1e9)
        yield Text(printable(item.connection.entry_name), style="bold")
        yield Text(f"{_SYMBOLS.get(kind, '…')} {words(kind)}", style=colour(kind))
        yield Text(duration((now_ns - since_ns) / 1e9))
        yield Text(rate(None if traffic is None else traffic.sent_per_second))
        yield Text(rate(None if traffic is None else traffic.received_per_second))
        yield Text(self._addresses(item.connection))
        yield Text(endpoint(item.status, "local"))
        yield Text(endpoint(item.status, "remote"))
        yield Text(printable(item.connection.device_name))

    def _kind(self, item: Observation) -> str:
        """Return the state of a connection; of one that is up, whether it works."""
        health = self._monitor.health(item.connection.entry_name)
        if item.is_up and health is not None and health.kind is not HealthKind.UP:
            return str(health.kind)
        return condition(item)

    def _traffic(self, item: Observation) -> Traffic | None:
        """Return what passed through a connection; None if nobody counts that."""
        try:
            traffic = self._monitor.statistics(item.connection.entry_name)
        except ValueError:  # the Monitor takes no samples
            return None
        is_same = traffic is not None and traffic.connection.handle == item.connection.handle
        return traffic if is_same else None

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
