"""The three faces of `watch`: a live screen, plain lines, lines of JSON."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from .._errors import RasError
from ._changes import Change, condition
from ._probe import Probe
from ._show import (
    COLOURS,
    coloured,
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
_FRAME = 4  # the log's borders, and room for the line after the last one
_REFRESH_PER_SECOND = 4
_SYMBOLS = {"connected": "●", "dormant": "◐", "reconnecting": "◌"}


def _now() -> datetime:
    return datetime.now().astimezone()


def _duration(seconds: float) -> str:
    """h:mm:ss."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"


class Screen:
    """A face of `watch`: given every look and every probe; a context manager.

    What is told once, though found in every look or round, is kept track of here.
    """

    def __init__(self) -> None:
        self._error_code = 0
        self._outcomes: dict[str, str] = {}

    def show(self, look: Look) -> None:
        """Take in one look."""
        code = look.error.code if look.error is not None else 0
        if look.error is not None and code != self._error_code:
            self.on_error(look.error)
        elif self._error_code and not code:
            self.on_recovery()
        self._error_code = code
        for change in look.changes:
            up = time.monotonic() - look.first_seen[change.observation.connection.handle]
            self.on_change(change, up)

    def show_probes(self, probes: Iterable[Probe]) -> None:
        """Take in results of probes."""
        for probe in probes:
            news = self._outcomes.get(probe.target) != probe.outcome
            self._outcomes[probe.target] = probe.outcome
            self.on_probe(probe, news=news)

    def on_change(self, change: Change, up: float) -> None:
        """Tell what happened; `up`: seconds since the connection was first seen."""
        raise NotImplementedError

    def on_error(self, error: RasError) -> None:
        """Tell that RAS cannot be asked."""
        raise NotImplementedError

    def on_recovery(self) -> None:
        """Tell that RAS answers again."""
        raise NotImplementedError

    def on_probe(self, probe: Probe, *, news: bool) -> None:
        """Tell what a target answered; `news`: something else than last time."""
        raise NotImplementedError

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class JsonLines(Screen):
    """One JSON document a line; every probe, not only news."""

    def _line(self, event: str, **data: Any) -> None:
        print_json({"time": _now().isoformat(timespec="milliseconds"), "event": event, **data})

    def on_change(self, change: Change, up: float) -> None:
        """A line with the whole observation."""
        self._line(change.kind, up=round(up, 3), **observation_data(change.observation))

    def on_error(self, error: RasError) -> None:
        """A line with the code."""
        self._line("error", code=error.code, name=error.name, message=error.message)

    def on_recovery(self) -> None:
        """A line."""
        self._line("recovered")

    def on_probe(self, probe: Probe, *, news: bool) -> None:
        """A line."""
        self._line("probe", news=news, **probe._asdict())


def _change_text(change: Change, up: float) -> Text:
    """One line: what, which, and what is of interest then."""
    observation = change.observation
    line = Text.assemble(
        Text(f"{words(change.kind):<13}", style=COLOURS.get(change.kind, "cyan")),
        printable(observation.connection.entry_name),
    )
    line.append(f"  {_detail(change, up)}", style="dim")
    return line


def _detail(change: Change, up: float) -> str:
    observation, kind = change.observation, change.kind
    if kind in {"dropped", "gone"}:
        return f"after {_duration(up)}"
    ends = " → ".join(
        end for end in (endpoint(observation.status, side) for side in ("local", "remote")) if end
    )
    if kind in {"present", "connected", "moved", "changed"}:
        return f"{printable(observation.connection.device_name)}  {ends}".rstrip()
    error = observation.status.error if observation.status is not None else observation.code
    return f"error {error}" if error else ""


def _probe_text(probe: Probe) -> Text:
    line = Text.assemble(
        Text(f"{probe.outcome:<13}", style=COLOURS.get(probe.outcome, "cyan")),
        printable(probe.target),
    )
    if probe.milliseconds is not None:
        line.append(f"  {probe.milliseconds:.1f} ms", style="dim")
    return line


class PlainLines(Screen):
    """A line for each piece of news, as for a log."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def _line(self, text: Text) -> None:
        moment = _now().strftime("%H:%M:%S.%f")[:-3]
        self._console.print(Text.assemble(Text(moment, style="dim"), "  ", text), soft_wrap=True)

    def on_change(self, change: Change, up: float) -> None:
        """A line."""
        self._line(_change_text(change, up))

    def on_error(self, error: RasError) -> None:
        """A line."""
        self._line(Text.assemble(Text(f"{'error':<13}", style="red"), str(error)))

    def on_recovery(self) -> None:
        """A line."""
        self._line(Text(f"{'recovered':<13}RAS answers again", style="green"))

    def on_probe(self, probe: Probe, *, news: bool) -> None:
        """A line, when there is news."""
        if news:
            self._line(_probe_text(probe))


class LiveScreen(PlainLines):
    """The table of what is, over the log of what happened; drawn in place."""

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
        """Draw it at once."""
        self._look = look
        super().show(look)
        self._live.refresh()

    def on_probe(self, probe: Probe, *, news: bool) -> None:
        """A row of its own, and a line in the log when there is news."""
        self._probes[probe.target] = probe
        super().on_probe(probe, news=news)

    def render(self) -> RenderableType:
        """The whole screen, as it is now."""
        look = self._look
        parts: list[RenderableType] = [self._heading(look), ""]
        used = 2
        if look is not None:
            parts += [self._connections(look), ""]
            used += max(1, len(look.snapshot)) + 2
        if self._probes:
            parts += [probes_table(list(self._probes.values())), ""]
            used += len(self._probes) + 2
        lines = max(1, self._console.size.height - used - _FRAME)
        log = Text("\n", overflow="ellipsis", no_wrap=True).join(list(self._log)[-lines:])
        parts.append(Panel(log, title="changes", title_align="left", border_style="dim"))
        return Group(*parts)

    def _heading(self, look: Look | None) -> Text:
        line = Text.assemble(("ras-native watch", "bold"), (f"  {self._title}", "dim"))
        if look is None:
            return line
        if look.error is not None:
            line.append(f"  {look.error}", style="bold red")
        elif not look.notified:
            line.append("  polling only: RAS does not report changes", style="yellow")
        line.append(f"  {_duration(time.monotonic() - self._started)}", style="dim")
        return line

    def _connections(self, look: Look) -> RenderableType:
        if not look.snapshot:
            return Text("no connection", style="dim")
        now = time.monotonic()
        made = table("ENTRY", "STATE", "UP", "DEVICE", "LOCAL", "REMOTE")
        for item in look.snapshot:
            kind = condition(item)
            made.add_row(
                Text(printable(item.connection.entry_name), style="bold"),
                Text.assemble(
                    (f"{_SYMBOLS.get(kind, '…')} ", COLOURS.get(kind, "cyan")), coloured(kind)
                ),
                _duration(now - look.first_seen.get(item.connection.handle, now)),
                Text(printable(item.connection.device_name)),
                endpoint(item.status, "local"),
                endpoint(item.status, "remote"),
            )
        return made

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
