"""Sends the events of `watch` and `replay` to a screen, a log file and the commands of `--on`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TextIO, TypeVar

import click

from .. import EVENTS, MonitorEvent
from ._common import Whole, complete_file, json_option, quoted
from ._hooks import COMMAND_SECONDS, Hook, Hooks
from ._probe import Probe
from ._reports import Problem, Reports
from ._screen import JsonLines, Screen

F = TypeVar("F", bound=Callable[..., Any])

_EVENT_KINDS = [kind.__name__ for kind in EVENTS]
_KINDS = [*_EVENT_KINDS, "Probe"]


@dataclass(frozen=True)
class OutputOptions:
    """The values of the output options."""

    kinds: frozenset[str]
    hooks: tuple[Hook, ...]
    log: str | None
    count: int | None
    as_json: bool

    @contextmanager
    def open_log(self) -> Iterator[TextIO | None]:
        """Open the log file; None if there is none."""
        if self.log is None:
            yield None
            return
        with open(self.log, "a", encoding="ascii") as file:
            yield file

    @contextmanager
    def open(self, screen: Screen, log: TextIO | None, reports: Reports) -> Iterator[Output]:
        """Open the screen, and start the thread of the commands."""
        with ExitStack() as stack:
            hooks = None
            if self.hooks:
                hooks = Hooks(self.hooks, lambda text: reports.put(Problem(text)))
                stack.enter_context(hooks)
            stack.enter_context(screen)
            screens = [screen] if log is None else [screen, JsonLines(log)]
            yield Output(screens, hooks, kinds=self.kinds, count=self.count)


class Output:
    """Shows events and reports, and starts the commands for events.

    `kinds` are the kinds to show; an empty set means all. `count` is the number of events to show;
    None means all.
    """

    def __init__(
        self,
        screens: list[Screen],
        hooks: Hooks | None,
        *,
        kinds: frozenset[str],
        count: int | None,
    ) -> None:
        self._screens, self._hooks = screens, hooks
        self._kinds, self._left = kinds, count
        self._outcomes: dict[str, str] = {}

    @property
    def is_complete(self) -> bool:
        """Whether the requested number of events has been shown."""
        return self._left == 0

    def run(self, feed: Callable[[], object]) -> None:
        """Call `feed`, which shows everything, on the screen."""
        self._screens[0].run(feed)

    def show(self, item: MonitorEvent | Probe | Problem | None, *, patience: float = 0.0) -> None:
        """Show an item, unless it is None.

        If the queue of commands is full, wait at most `patience` seconds.
        """
        if isinstance(item, Problem):
            self._screens[0].on_problem(item.text)
        elif isinstance(item, Probe):
            self._show_probe(item)
        elif item is not None:
            self._show_event(item)
            if self._hooks is not None:
                self._hooks.start(item, patience=patience)

    def _is_wanted(self, kind: str) -> bool:
        return not self._kinds or kind in self._kinds

    def _show_event(self, event: MonitorEvent) -> None:
        self._screens[0].follow(event)
        if not self._is_wanted(type(event).__name__):
            return
        for screen in self._screens:
            screen.on_event(event)
        if self._left is not None:
            self._left -= 1

    def _show_probe(self, probe: Probe) -> None:
        changed = self._outcomes.get(probe.target) != probe.outcome
        self._outcomes[probe.target] = probe.outcome
        if self._is_wanted("Probe"):
            for screen in self._screens:
                screen.on_probe(probe, changed=changed)

    def close(self, reports: Reports) -> None:
        """Wait for the commands, then show the remaining reports."""
        if self._hooks is not None:
            self._hooks.close()
        for report in reports.take():
            self.show(report)


def output_options(command: F) -> F:
    """Add the options of the output; the command gets them as its argument `output`."""

    @functools.wraps(command)
    def wrapped(
        only: tuple[str, ...],
        hooks: tuple[tuple[str, str], ...],
        log: str | None,
        count: int | None,
        as_json: bool,
        **others: Any,
    ) -> Any:
        wanted = tuple(Hook(*hook) for hook in hooks)
        for hook in wanted:
            problem = hook.problem()
            if problem:
                raise click.BadParameter(f"{quoted(hook.line)}: {problem}", param_hint="--on")
        return command(output=OutputOptions(frozenset(only), wanted, log, count, as_json), **others)

    options = (
        click.option(
            "--only",
            type=click.Choice(_KINDS, case_sensitive=False),
            multiple=True,
            metavar="KIND",
            help=f"Show only events of this kind. Kinds: {', '.join(_KINDS)}. Can be repeated.",
        ),
        click.option(
            "--on",
            "hooks",
            type=(click.Choice(_EVENT_KINDS, case_sensitive=False), str),
            multiple=True,
            metavar="EVENT COMMAND",
            help="Run COMMAND for each such event, also if --only hides it. It gets the event as "
            "JSON on its standard input, and in variables: RAS_EVENT, RAS_ENTRY, RAS_TIME and "
            "others. No shell runs it. Its output is dropped. After "
            f"{COMMAND_SECONDS:g} seconds it is ended.",
        ),
        click.option(
            "--log",
            metavar="FILE",
            shell_complete=complete_file,
            help="Also append what is shown to FILE, one JSON document per line.",
        ),
        click.option(
            "--count",
            type=Whole(1),
            metavar="COUNT",
            help="Stop after COUNT events have been shown.",
        ),
        json_option,
    )
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]
