"""Reads the event log for a Monitor, in its second thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from .._backend.contract import BackendEvent
from .._errors import ProviderError
from .._log import logger
from ..event_log import EventLog, LogEvent
from ..event_log._event_log import LOOK_SECONDS
from ..event_log._wevtapi import EventLogError

_RETRY_NS = 1_000_000_000
"""While the log fails, ask it this often; it limits itself how often it is opened again."""
_LONGEST_PAUSE_NS = 60 * _RETRY_NS
"""The time between two attempts to open the log doubles up to this."""
_LOOK_NS = int(LOOK_SECONDS * 1e9)
_MOST_WAITING = 64  # reads that wait to be taken while a poll is slow; the log keeps the rest


class LogNews(NamedTuple):
    """What the log told since it was asked last; the members are those of `Poll`."""

    log: tuple[LogEvent, ...] = ()
    log_missed_ns: int | None = None
    has_log: bool = True


class LogReader:
    """A job that reads an event log. It opens the log when it runs first: that may take long."""

    def __init__(self, open_log: Callable[[], EventLog]) -> None:
        self._open_log = open_log
        self._log: EventLog | None = None
        self._has_log = True
        self._found: deque[tuple[tuple[LogEvent, ...], int | None]] = deque()
        self._read_ns = time.perf_counter_ns()  # when all that is new was read last
        self._is_failing = False
        self._pause_ns = _RETRY_NS  # before the next attempt to open the log
        self.due_ns: int | None = 0

    # For the thread that polls

    @property
    def is_open(self) -> bool:
        """Whether the log was opened; any thread may ask."""
        return self._log is not None and self._has_log

    @property
    def was_tried(self) -> bool:
        """Whether the log was opened, or could not be opened; any thread may ask."""
        return self._log is not None or not self._has_log or self._is_failing

    def take(self) -> LogNews:
        """Return what was found since the last call."""
        found = [self._found.popleft() for _ in range(len(self._found))]
        events = tuple(event for items, _ in found for event in items)
        missed = [missed_ns for _, missed_ns in found if missed_ns is not None]
        return LogNews(events, min(missed, default=None), self._has_log)

    # For the helper

    @property
    def event(self) -> BackendEvent | None:
        """Set while there may be something to read; None while nobody takes what was read."""
        if self._log is None or len(self._found) >= _MOST_WAITING:
            return None
        return self._log._event

    @property
    def has_news(self) -> bool:
        """Whether there is something to take."""
        return bool(self._found)

    def run(self) -> bool:
        """Open the log, or read what is new. Return False if there is no log."""
        if self._log is None:
            self._log = self._opened()
        if self._log is not None:
            self._read(self._log)
        return self._has_log

    def _opened(self) -> EventLog | None:
        """Open the log. If that fails, try again later, or never if there is no log."""
        try:
            return self._open_log()
        except OSError as error:
            if isinstance(error, ProviderError) and not isinstance(error.__cause__, EventLogError):
                logger.info("a Monitor cannot tell why connections end: %s", error)
                self._found.append(((), None))
                self._has_log = False
            else:
                self._note(error)
                self.due_ns = time.perf_counter_ns() + self._pause_ns
                self._pause_ns = min(2 * self._pause_ns, _LONGEST_PAUSE_NS)
        return None

    def _read(self, log: EventLog) -> None:
        """Read what is new, unless too much waits to be taken."""
        if len(self._found) < _MOST_WAITING:
            begun_ns = time.perf_counter_ns()
            found = log.read()
            if found.events or found.missed or found.unreadable:
                is_complete = not (found.missed or found.unreadable)
                self._found.append((found.events, None if is_complete else self._read_ns))
            self._note(found.error)
            if found.error is None:
                self._read_ns = begun_ns
        is_soon = self._is_failing or len(self._found) >= _MOST_WAITING  # no event will tell when
        self.due_ns = time.perf_counter_ns() + (_RETRY_NS if is_soon else _LOOK_NS)

    def _note(self, error: OSError | None) -> None:
        """Log that the event log begins or stops to fail."""
        if error is not None and not self._is_failing:
            logger.warning("the event log cannot be read: %s", error)
        elif error is None and self._is_failing:
            logger.info("the event log can be read again")
        self._is_failing = error is not None

    def fail(self) -> None:
        """Tell that no more events come, and that some may be missing."""
        self._found.append(((), self._read_ns))
        self._has_log = False

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()
