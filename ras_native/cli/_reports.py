"""Merges the events of a Monitor with the reports of the command's other threads."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from .. import Cancelled, Event, Monitor, MonitorEvent
from ._probe import Probe

_FIRST_POLL_PAUSE = 0.01  # seconds between two checks whether the first poll has ended


class Problem(NamedTuple):
    """A failure that does not end the command."""

    text: str


Report = Probe | Problem | OSError
"""An OSError ends the command."""


class Reports:
    """The reports of other threads to the main thread; a context manager."""

    def __init__(self, backend: str | None = None) -> None:
        self.arrived = Event(backend=backend)
        self._queue: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self.is_stopped = False
        """Whether `arrivals` is to end."""

    def put(self, report: Report) -> None:
        """Add a report. Any thread may call this."""
        self._queue.put(report)
        self._wake()

    def stop(self) -> None:
        """End `arrivals`. Any thread may call this."""
        self.is_stopped = True
        self._wake()

    def _wake(self) -> None:
        with suppress(ValueError):  # it is closed, because the command is ending
            self.arrived.set()

    def take(self) -> Iterator[Probe | Problem]:
        """Yield the reports so far, oldest first. Raises the OSError that a thread reported."""
        self.arrived.reset()
        while not self._queue.empty():
            report = self._queue.get()
            if isinstance(report, OSError):
                raise report
            yield report

    def __enter__(self) -> Reports:
        return self

    def __exit__(self, *_: object) -> None:
        self.arrived.close()


def arrivals(
    monitor: Monitor,
    reports: Reports,
    *,
    seconds: float | None = None,
    tick: float | None = None,
) -> Iterator[MonitorEvent | Probe | Problem | None]:
    """Yield events and reports when they arrive, for `seconds` (None: without limit).

    The events of the first poll are always included. With `tick`, None is yielded after each
    `tick` seconds without an arrival, and once at the end. The Monitor is closed at the end.
    """
    started = time.perf_counter()
    reported: OSError | None = None
    while not reports.is_stopped:
        if monitor.recording_error is not reported:
            reported = monitor.recording_error
            yield _recording_ended(reported)
        has_polled = monitor.has_polled  # read before the wait, to miss none of its events
        left = None if seconds is None else started + seconds - time.perf_counter()
        if left is not None and left <= 0 and has_polled:
            break
        try:
            ready = monitor.ready.wait(_pause(left, tick, has_polled), cancel=reports.arrived)
        except Cancelled:
            yield from reports.take()
            continue
        if ready:
            yield monitor.get(timeout=0)
        elif tick is not None and has_polled and (left is None or tick < left):
            yield None
    monitor.close()
    yield from monitor
    if monitor.recording_error is not reported:
        yield _recording_ended(monitor.recording_error)
    if tick is not None:
        yield None


def _recording_ended(error: OSError | None) -> Problem:
    return Problem(f"the recording ended, because its file cannot be written: {error}")


def _pause(left: float | None, tick: float | None, has_polled: bool) -> float | None:
    """Return how long to wait for the next arrival."""
    if not has_polled:
        return _FIRST_POLL_PAUSE
    return min((limit for limit in (left, tick) if limit is not None), default=None)
