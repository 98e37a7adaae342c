"""The terminal application. It takes updates, draws the screen, and handles the keys."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import ClassVar

from rich.console import Console
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from ... import Monitor
from .._common import CTRL_C
from . import columns, lines
from .actions import Actions
from .details import details
from .dialogs import FileName, Help, Page, Question
from .keys import help_lines, hint, keys
from .model import Model
from .symbols import ANSI_COLOURS, ASCII, DIM, GREEN, TEXT, choose
from .texts import join
from .view import View
from .widgets import Line, Lines, Log, Table

FRAME_SECONDS = 0.25
"""The screen is drawn at most four times a second, unless a key is pressed."""
_MOST_AT_ONCE = 5_000  # events between two pictures, so that keys do not wait
_MOST_WAITING = 100_000
_BUSY_SECONDS = 3.0
_ON_MAIN = ("filter", "sort", "only_wrong", "pause")
"""Actions whose effect only the main screen shows."""

Inbox = queue.SimpleQueue[Callable[[], object]]
"""Calls that other threads hand to the thread of the application."""


class LiveApp(App[int]):
    """Shows a model. Its result is an exit code: 0, or 130 after Ctrl-C.

    `terminal` is where it is drawn. `probed` are the entries that the Monitor probes. Without
    `actions`, the keys h and r do nothing.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: #0f1420; color: #d9e0ee; layout: vertical; }
    Line { height: 1; }
    Lines { scrollbar-size: 0 0; overflow-x: hidden; }
    #heading { background: #182033; }
    #keys { background: #182033; }
    #notice { display: none; }
    #log { height: 1fr; min-height: 1; }
    #page { height: 1fr; padding: 0 1; }
    #filter { display: none; height: 1; border: none; padding: 0 1; background: #24324a; }
    ModalScreen { align: center middle; background: #0f1420 60%; }
    Help { background: #0f1420; }
    .dialog { width: auto; max-width: 90%; height: auto; max-height: 90%; padding: 1 2;
              background: #182033; border: round #4fd08a; }
    .ascii .dialog { border: ascii #4fd08a; }
    .dialog Static { width: auto; max-width: 100%; height: auto; }
    .dialog Input { width: 60; max-width: 100%; border: none; height: 1; margin: 1 0;
                    background: #24324a; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
        Binding("slash", "filter", show=False),
        Binding("s", "sort", show=False),
        Binding("f", "only_wrong", show=False),
        Binding("h", "hang_up", show=False),
        Binding("p", "pause", show=False),
        Binding("r", "record", show=False),
        Binding("question_mark", "keys", show=False),
    ]

    def __init__(
        self,
        model: Model,
        terminal: Console,
        inbox: Inbox,
        *,
        heading: str,
        monitor: Monitor | None = None,
        actions: Actions | None = None,
        is_over: Callable[[], bool] = lambda: False,
        probed: Iterable[str] = (),
        without_colours: bool = False,
    ) -> None:
        super().__init__(ansi_color=without_colours or None)
        self.ansi_theme_dark = ANSI_COLOURS
        self.model, self.terminal, self.inbox = model, terminal, inbox
        self.symbols = choose(terminal)
        self.set_class(self.symbols.state is ASCII.state, "ascii")
        self.view = View(model)
        self.monitor, self.deeds, self._is_over = monitor, actions, is_over
        self._probed = tuple(probed)
        self._heading_text = heading
        self._is_paused = False
        self._drawn = (-1, -1)  # the version of the model and the second
        self._shape = columns.layout(80, [], self.symbols)
        self.notice = Line(self._notice, id="notice")
        self.table = Table(lambda: len(self.view.rows), self._row, id="table")
        self.probes = Lines(lambda: len(self.model.probes), self._probe, id="probes")
        self.events = Log(lambda: len(self.model.log), self._event, id="log")
        self._reason = (0, 0, 0)  # for which the columns were chosen: width, rows, second

    # The parts of the screen

    def compose(self) -> ComposeResult:
        """Make the parts, from top to bottom."""
        yield Line(self._heading, id="heading")
        yield self.notice
        yield Line(self._columns, id="columns")
        yield self.table
        yield Line(self._below, id="below")
        yield self.probes
        yield Line(self._log_title, id="log-title")
        yield self.events
        yield Line(self._keys, id="keys")
        yield Input(
            placeholder="filter by name, state, address or device; Esc shows all", id="filter"
        )

    def on_mount(self) -> None:
        """Begin to draw."""
        self.table.focus()
        self.redraw()
        self.set_interval(FRAME_SECONDS, self.tick)

    def _heading(self, width: int) -> Text:
        seconds = (self.model.clock() - self.model.started_ns) / 1e9
        rows, title = self.view.rows, self._heading_text
        return join(lines.heading(rows, title, seconds, width, self.symbols))

    def _notice_text(self) -> str:
        monitor = self.monitor
        if self.model.error is not None:
            return f"RAS cannot be asked: {self.model.error}"
        if monitor is None:
            return ""
        since_ns = monitor.busy_since
        if since_ns is not None and time.perf_counter_ns() - since_ns > _BUSY_SECONDS * 1e9:
            return f"RAS has not answered for {(time.perf_counter_ns() - since_ns) / 1e9:.0f} s"
        if monitor.has_polled and not monitor.has_signals:
            return "RAS does not report changes: short ones may be missed"
        return ""

    def _notice(self, width: int) -> Text:
        return join(lines.notice(self._notice_text(), width, self.symbols))

    def _columns(self, _width: int) -> Text:
        names = columns.heading(self._shape, self.symbols, self.view.order.heading)
        return join([(" ", ""), *names])

    def _row(self, index: int, _width: int) -> Text:
        row = self.model.row(self.view.rows[index].entry)
        cells = [] if row is None else columns.line(row, self._shape, self.symbols)
        mark = self.symbols.selected if index == self.table.selected else " "
        return join([(mark, GREEN), *cells])

    def _below(self, width: int) -> Text:
        flags = []
        if self._is_paused:
            flags.append(f"paused, updates waiting: {self.inbox.qsize()}")
        if self.deeds is not None and self.deeds.recording is not None:
            flags.append(f"{self.symbols.record} recording to {self.deeds.recording}")
        if not self.view.rows and not self.view.left_out:
            flags.append("no connection")
        if self.model.availability.forgotten:
            removed = self.model.availability.forgotten
            flags.append(f"{removed} removed: at most 1,000 entries are kept")
        shown = self.table.shown
        return join(lines.below_table(self.view, shown, self._shape, width, self.symbols, flags))

    def _probe(self, index: int, width: int) -> Text:
        probe = list(self.model.probes.values())[index]
        trips = self.model.availability.round_trips(probe.target)
        return join(lines.probe_line(probe, trips, width, self.symbols))

    def _log_title(self, width: int) -> Text:
        line = f" {self.symbols.line * 2} "
        hidden = len(self.model.probes) - len(self.probes.shown)
        probes = [(f"{hidden} more probe{'s' * (hidden > 1)}", TEXT), (line, DIM)]
        more = len(self.model.log) - len(self.events.shown)
        text = f"events, {more} more" if more > 0 else "events"
        parts = [*(probes if hidden > 0 else []), (text, TEXT)]
        return join(lines.rule(parts, width, self.symbols))

    def _event(self, index: int, width: int) -> Text:
        return lines.log_line(self.model.log[index], width, self.terminal)

    def _keys(self, width: int) -> Text:
        return join(keys(width))

    # Drawing

    def tick(self) -> None:
        """Take the updates. Draw the screen if it changed, or a second has passed."""
        if self._is_paused and self.inbox.qsize() > _MOST_WAITING:
            self.action_pause()
        if not self._is_paused:
            for _ in range(min(self.inbox.qsize(), _MOST_AT_ONCE)):
                self.inbox.get()()
        if self.deeds is not None:
            self.deeds.check()
        if self._is_over() and (self._is_paused or self.inbox.empty()):
            self.exit(0)
        second = time.perf_counter_ns() // 1_000_000_000
        if second != self._drawn[1] and not self._is_paused:
            self._take_results()
        state = self.model.version, second
        if state != self._drawn:
            self._drawn = state
            self.redraw()

    def _take_results(self) -> None:
        if self.monitor is not None:
            for entry in self._probed:
                self.model.take_results(entry, self.monitor.probe_results(entry))

    def redraw(self) -> None:
        """Draw the screen that is on top."""
        if not self.notice.is_mounted:  # the application begins or ends
            return
        if isinstance(self.screen, Page):
            self.screen.redraw()
            return
        if len(self.screen_stack) > 1:
            return
        self.view.update()
        self._shape = self._layout()
        self._share_out_height()
        self.table.select(self.view.position)
        for part in (self.table, self.probes, self.events):
            part.redraw()
        for line in self.query(Line):
            line.refresh()

    def _layout(self) -> columns.Layout:
        """Choose the columns, at most once a second while the rows stay the same."""
        reason = self.size.width, len(self.view.rows), self._drawn[1]
        if reason != self._reason:
            self._reason = reason
            return columns.layout(self.size.width - 1, self.view.rows, self.symbols)
        return self._shape

    def _share_out_height(self) -> None:
        """Divide the height. Below the probes, the log gets at least two fifths."""
        has_notice = bool(self._notice_text())
        self.notice.display = has_notice
        left = self.size.height - 5 - has_notice
        probes = min(len(self.model.probes), max(1, left // 4))
        rows = min(len(self.view.rows), max(1, (left - probes) * 3 // 5))
        self.probes.styles.height = probes
        self.table.styles.height = rows

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self.redraw)

    # Keys

    def on_table_moved(self, event: Table.Moved) -> None:
        """Select another entry."""
        self.view.move(event.step)
        self.redraw()

    def on_table_opened(self) -> None:
        """Show the details of the selected entry."""
        if self.view.selected is not None:
            self.push_screen(Page(self._details, self._keys_of_details))

    def _details(self, width: int) -> list[Text]:
        entry = self.view.selected
        row = None if entry is None else self.model.row(entry)
        if row is None:
            return []
        timeline = health = None
        if self.monitor is not None:
            timeline = self.monitor.timeline(row.entry.name)
            health = self.monitor.health(row.entry.name)
        return details(row, width, self.symbols, self.terminal, timeline=timeline, health=health)

    def _keys_of_details(self, _width: int) -> Text:
        return join(hint("Esc", "back") + hint("arrows", "scroll"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Do nothing to the main screen while another one hides it."""
        is_hidden = len(self.screen_stack) > 1
        return not (is_hidden and action in _ON_MAIN) and super().check_action(action, parameters)

    async def action_quit(self) -> None:
        """End the application."""
        self.exit(0)

    def action_interrupt(self) -> None:
        """End with the exit code of Ctrl-C."""
        self.exit(CTRL_C)

    def action_filter(self) -> None:
        """Let the user type a filter."""
        box = self.query_one(Input)
        box.display = True
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the user types."""
        if event.input.id == "filter":
            self.view.filter = event.value
            self.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        if event.input.id == "filter":
            event.input.display = False
            self.table.focus()

    def key_escape(self) -> None:
        """Show all rows again."""
        box = self.query_one(Input)
        box.value = ""
        box.display = False
        self.table.focus()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.view.sort_by_next()
        self.redraw()

    def action_only_wrong(self) -> None:
        """Hide the entries that are up or connecting, or show them again."""
        self.view.only_wrong = not self.view.only_wrong
        self.redraw()

    def action_pause(self) -> None:
        """Stop taking updates, or continue."""
        self._is_paused = not self._is_paused
        self.redraw()

    def action_keys(self) -> None:
        """Show the help."""
        self.push_screen(Help(help_lines, self._keys_of_help))

    def _keys_of_help(self, _width: int) -> Text:
        return join(hint("arrows", "scroll") + hint("any other key", "back"))

    def action_hang_up(self) -> None:
        """Ask whether to hang up the selected connection."""
        entry = self.view.selected
        if self.deeds is None:
            return
        if entry is None or not entry.connections:
            name = "the list" if entry is None else entry.name
            self.model.show_problem(f"{name} has no connection to hang up")
            return
        if len(entry.connections) > 1:
            handles = " or ".join(f"{handle:#x}" for handle in entry.connections)
            command = f"use 'ras-native hangup HANDLE' with {handles}"
            self.model.show_problem(f"{entry.name} has several connections: {command}")
            return
        (item,) = entry.connections.values()
        question = f"Hang up {self.symbols.visible(entry.name)} ({item.connection.handle:#x})?"

        def answered(wants: bool | None) -> None:
            if wants and self.deeds is not None:
                self.deeds.hang_up(item.connection)

        self.push_screen(Question(question), answered)

    def action_record(self) -> None:
        """Begin to record, or end the recording."""
        if self.deeds is None:
            return
        if self.deeds.can_end:
            self.deeds.close()
        elif self.deeds.recording is not None:
            self.model.show_problem(f"--record already records to {self.deeds.recording}")
        else:
            name = f"ras-{datetime.now().astimezone():%Y%m%d-%H%M%S}.recording"

            def answered(path: str | None) -> None:
                if path and self.deeds is not None:
                    self.deeds.record(path)

            self.push_screen(FileName("Record to which file?", name), answered)
