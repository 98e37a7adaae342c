"""`LiveScreen`: runs the application, and takes the events in another thread."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from rich.console import Console

from ... import Monitor, MonitorEvent, Ras
from .._common import CTRL_C
from .._probe import Probe
from .._screen import ProjectionOf, Screen, has_addresses
from .actions import Actions
from .app import Inbox, LiveApp
from .model import Model

_STOP_SECONDS = 3.0  # how long the thread of the events may take to end
_TERMINATED = 128 + 15  # the exit code that shells give for SIGTERM


class LiveScreen(Screen):
    """The terminal application. `stop` ends the function that `run` was given.

    `entries` are expected. `new_monitor` makes a Monitor that records to a file. `recording` is
    the file of `--record`. The probes of the command go through the tunnel of `via`, unless it is
    None. `probed` are the entries that the Monitor itself probes.
    """

    def __init__(
        self,
        ras: Ras,
        monitor: Monitor,
        heading: str,
        *,
        stop: Callable[[], object],
        new_monitor: Callable[[str], Monitor],
        projection_of: ProjectionOf,
        entries: Iterable[str] = (),
        recording: str | None = None,
        via: str | None = None,
        probed: Iterable[str] = (),
    ) -> None:
        self._stop, self._projection_of = stop, projection_of
        self._inbox: Inbox = queue.SimpleQueue()
        self._model = Model(
            entries, clock=time.perf_counter_ns, traffic=monitor.all_statistics, via=via
        )
        self._actions = Actions(
            ras, new_monitor, self._tell, recording=recording, recorded_by=monitor
        )
        self._problems: list[str] = []
        self._has_ended = False
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.app = LiveApp(
            self._model,
            Console(file=sys.__stderr__, force_terminal=True, width=80, height=25),
            self._inbox,
            heading=heading,
            monitor=monitor,
            actions=self._actions,
            probed=probed,
            is_over=lambda: self._thread is not None and not self._thread.is_alive(),
            without_colours="NO_COLOR" in os.environ,
        )

    # From the thread of the events

    def follow(self, event: MonitorEvent) -> None:
        """Apply an event to the model, with the addresses of a connection that is up."""
        projection = self._projection_of(event.connection) if has_addresses(event) else None
        addresses = "" if projection is None else " ".join(map(str, projection.addresses))
        self._inbox.put(partial(self._model.follow, event, addresses))

    def on_event(self, event: MonitorEvent) -> None:
        """Add an event to the log."""
        self._inbox.put(partial(self._model.show_event, event))

    def on_probe(self, probe: Probe, *, changed: bool) -> None:
        """Show the result of a target."""
        self._inbox.put(partial(self._model.show_probe, probe, changed=changed))

    def on_problem(self, text: str) -> None:
        """Add a warning to the log. When the screen has ended, it is printed as usual."""
        if self._has_ended:
            super().on_problem(text)
        else:
            self._problems.append(text)
            self._tell(f"warning: {text}")

    def _tell(self, text: str) -> None:
        self._inbox.put(partial(self._model.show_problem, text))

    # From the main thread

    def run(self, feed: Callable[[], object]) -> None:
        """Show the screen until `feed` returns or the user quits.

        Raises what `feed` raised, KeyboardInterrupt after Ctrl-C, and SystemExit after SIGTERM.
        """
        self._thread = threading.Thread(target=self._feed, args=(feed,), name="events", daemon=True)
        try:
            code = asyncio.run(self._run_app())
        finally:
            self._stop()
            if self._thread.ident is not None:  # it was started
                self._thread.join(_STOP_SECONDS)
            self._actions.close()
        self._has_ended = True
        for text in self._problems:
            super().on_problem(text)
        if self._error is not None:
            raise self._error
        if code == CTRL_C:
            raise KeyboardInterrupt
        if code:
            raise SystemExit(code)

    async def _run_app(self) -> int:
        if sys.platform != "win32":
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, self.app.exit, _TERMINATED)
        assert self._thread is not None  # noqa: S101 - from `run`
        self._thread.start()
        code = await self.app.run_async()
        return self.app.return_code or 0 if code is None else code

    def _feed(self, feed: Callable[[], object]) -> None:
        try:
            feed()
        except BaseException as error:  # noqa: BLE001 - `run` raises it
            self._error = error
