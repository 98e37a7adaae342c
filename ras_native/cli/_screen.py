"""The three forms of output of `watch`: a live screen, plain lines, lines of JSON."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from .. import Observation, RasError, Snapshot
from ._changes import Change, condition, identity
from ._probe import Probe
from ._show import (
    colour,
    endpoint,
    observation_data,
    print_json,
    printable,
    probes_table,
    table,
    words,
)
from ._watch import Look

_LOG_LINES = 200
_FRAME = 4  # lines: two borders of the log, one below it, one after the end
_TABLE_FRAME = 2  # lines: the heading of a table, and one below it
_REFRESH_PER_SECOND = 4
_WIDE_ENOUGH_FOR_DEVICES = 100
_SYMBOLS = {"connected": "●", "dormant": "◐", "reconnecting": "◌"}


def _now() -> datetime:
    return datetime.now().astimezone()


def _duration(seconds: float) -> str:
    """Return a duration as h:mm:ss."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"


class Screen(ABC):
    """Shows the results of polls and probes; a context manager.

    It remembers the last error and the last outcomes, to show each of them only once.
    """

    def __init__(self) -> None:
        self._error_code = 0
        self._outcomes: dict[str, str] = {}

    def show(self, look: Look) -> None:
        """Show the result of one poll."""
        code = look.error.code if look.error is not None else 0
        if look.error is not None and code != self._error_code:
            self.on_error(look.error)
        elif self._error_code and not code:
            self.on_recovery()
        self._error_code = code
        for change in look.changes:
            up = time.monotonic() - look.first_seen[identity(change.observation.connection)]
            self.on_change(change, up)

    def show_probes(self, probes: Iterable[Probe]) -> None:
        """Show results of probes."""
        for probe in probes:
            changed = self._outcomes.get(probe.target) != probe.outcome
            self._outcomes[probe.target] = probe.outcome
            self.on_probe(probe, changed=changed)

    @abstractmethod
    def on_change(self, change: Change, up: float) -> None:
        """Show a change; `up` is the time in seconds since the connection was first seen."""

    @abstractmethod
    def on_error(self, error: RasError) -> None:
        """Show that RAS does not answer."""

    @abstractmethod
    def on_recovery(self) -> None:
        """Show that RAS answers again."""

    @abstractmethod
    def on_probe(self, probe: Probe, *, changed: bool) -> None:
        """Show the result of a target; `changed`: the outcome differs from the last one."""

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:  # noqa: B027 - only the live screen does something here
        pass


class JsonLines(Screen):
    """One JSON document per line; each probe gets one, also if its outcome is the same."""

    def _line(self, event: str, **data: Any) -> None:
        print_json({"time": _now().isoformat(timespec="milliseconds"), "event": event, **data})

    def on_change(self, change: Change, up: float) -> None:
        """Print the whole observation."""
        self._line(change.kind, up=round(up, 3), **observation_data(change.observation))

    def on_error(self, error: RasError) -> None:
        """Print the code, its name and its text."""
        self._line("error", code=error.code, name=error.name, message=error.message)

    def on_recovery(self) -> None:
        """Print a line."""
        self._line("recovered")

    def on_probe(self, probe: Probe, *, changed: bool) -> None:
        """Print a line."""
        self._line("probe", changed=changed, **probe._asdict())


def _change_text(change: Change, up: float) -> Text:
    """Return one line: the kind of the change, the entry and details."""
    kind, name = change.kind, change.observation.connection.entry_name
    line = Text.assemble(Text(f"{words(kind):<13}", style=colour(kind)), printable(name))
    detail = _detail(change, up)
    return line.append(f"  {detail}", style="dim") if detail else line


def _detail(change: Change, up: float) -> str:
    observation, kind = change.observation, change.kind
    if kind in {"dropped", "gone"}:
        return f"after {_duration(up)}"
    ends = " -> ".join(
        end for end in (endpoint(observation.status, side) for side in ("local", "remote")) if end
    )
    if kind in {"present", "connected", "moved", "changed"}:
        return f"{printable(observation.connection.device_name)}  {ends}".rstrip()
    error = observation.status.error if observation.status is not None else observation.code
    return f"error {error}" if error else ""


def _probe_text(probe: Probe) -> Text:
    line = Text.assemble(
        Text(f"{probe.outcome:<13}", style=colour(probe.outcome)),
        printable(probe.target),
    )
    if probe.milliseconds is not None:
        line.append(f"  {probe.milliseconds:.2f} ms", style="dim")
    return line


class PlainLines(Screen):
    """One line of text per change, for logs."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def _line(self, text: Text) -> None:
        moment = _now().strftime("%H:%M:%S.%f")[:-3]
        self._console.print(Text.assemble(Text(moment, style="dim"), "  ", text), soft_wrap=True)

    def on_change(self, change: Change, up: float) -> None:
        """Print a line."""
        self._line(_change_text(change, up))

    def on_error(self, error: RasError) -> None:
        """Print a line."""
        self._line(Text.assemble(Text(f"{'error':<13}", style="red"), str(error)))

    def on_recovery(self) -> None:
        """Print a line."""
        self._line(Text(f"{'recovered':<13}RAS answers again", style="green"))

    def on_probe(self, probe: Probe, *, changed: bool) -> None:
        """Print a line if the outcome changed."""
        if changed:
            self._line(_probe_text(probe))


def _fitting(snapshot: Snapshot, most: int) -> list[Observation]:
    """Return all observations, or only `most` of them; outages come first then."""
    if len(snapshot) <= most:
        return list(snapshot)
    return sorted(snapshot, key=lambda item: condition(item) == "connected")[:most]


class LiveScreen(PlainLines):
    """A live table of the connections above a log of the changes."""

    def __init__(self, console: Console, title: str) -> None:
        super().__init__(console)
        self._title = title
        self._started = time.monotonic()
        self._look: Look | None = None
        self._probes: dict[str, Probe] = {}
        self._log: deque[Text] = deque(maxlen=_LOG_LINES)
        self._live = Live(
            get_renderable=self.render, console=console, refresh_per_second=_REFRESH_PER_SECOND
        )

    def _line(self, text: Text) -> None:
        stamp = Text(_now().strftime("%H:%M:%S"), style="dim")
        self._log.append(Text.assemble(stamp, "  ", text))

    def show(self, look: Look) -> None:
        """Show the result of one poll at once."""
        self._look = look
        super().show(look)
        self._live.refresh()

    def on_probe(self, probe: Probe, *, changed: bool) -> None:
        """Add a row, and a line in the log if the outcome changed."""
        self._probes[probe.target] = probe
        super().on_probe(probe, changed=changed)

    def render(self) -> RenderableType:
        """Return the whole screen; the log fills the height that the tables do not use."""
        look, height = self._look, self._console.size.height
        parts: list[RenderableType] = [self._heading(look), ""]
        used = len(parts) + _FRAME
        most = max(1, (height - used - 2 * _TABLE_FRAME) // 2)
        if look is not None:
            rows = _fitting(look.snapshot, most)
            parts += [self._connections(look, rows), ""]
            used += len(rows) + _TABLE_FRAME
        if self._probes:
            probes = list(self._probes.values())[-max(1, most // 2) :]
            parts += [probes_table(probes), ""]
            used += len(probes) + _TABLE_FRAME
        log = list(self._log)[-max(1, height - used) :]
        text = Text("\n", overflow="ellipsis", no_wrap=True).join(log)
        parts.append(Panel(text, title="changes", title_align="left", border_style="dim"))
        return Group(*parts, "")  # the terminal echoes ^C on the empty line, not in the frame

    def _heading(self, look: Look | None) -> Text:
        line = Text("ras-native watch", style="bold", no_wrap=True, overflow="ellipsis")
        line.append(f"  {_duration(time.monotonic() - self._started)}", style="not bold")
        if look is not None:
            count = len(look.snapshot)
            line.append(f"  {count} connection{'' if count == 1 else 's'}", style="not bold")
        line.append(f"  {self._title}", style="not bold dim")
        if look is not None and look.error is not None:
            line.append(f"  {look.error}", style="red")
        elif look is not None and not look.notified:
            line.append(
                "  polling only, because RAS does not report changes", style="not bold yellow"
            )
        return line

    def _connections(self, look: Look, rows: list[Observation]) -> RenderableType:
        if not look.snapshot:
            return Text("no connection", style="dim")
        wide = self._console.width >= _WIDE_ENOUGH_FOR_DEVICES
        connections = table(
            "ENTRY", "STATE", "UP", "LOCAL", "REMOTE", *(["DEVICE"] if wide else [])
        )
        for column, width in ((1, 14), (2, 7)):
            connections.columns[column].min_width = width
        for item in rows:
            connections.add_row(*self._row(item, look, wide=wide))
        return connections

    def _row(self, item: Observation, look: Look, *, wide: bool) -> Iterator[Text]:
        kind, now = condition(item), time.monotonic()
        yield Text(printable(item.connection.entry_name), style="bold")
        yield Text(f"{_SYMBOLS.get(kind, '…')} {words(kind)}", style=colour(kind))
        yield Text(_duration(now - look.first_seen.get(identity(item.connection), now)))
        yield Text(endpoint(item.status, "local"))
        yield Text(endpoint(item.status, "remote"))
        if wide:
            yield Text(printable(item.connection.device_name))

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
