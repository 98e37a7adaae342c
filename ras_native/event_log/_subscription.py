"""One subscription to the events of RAS, which can be made again where it ended."""

from __future__ import annotations

from .._backend.codes import (
    ERROR_INVALID_OPERATION,
    ERROR_NO_MORE_ITEMS,
    ERROR_TIMEOUT,
    RPC_S_INVALID_BOUND,
)
from .._backend.contract import BackendEvent
from .._backend.functions import EVT_SUBSCRIBE_START_AFTER_BOOKMARK as AFTER_BOOKMARK
from .._backend.functions import EVT_SUBSCRIBE_START_AT_OLDEST_RECORD as OLDEST
from .._backend.functions import EVT_SUBSCRIBE_STRICT as STRICT
from .._backend.functions import EVT_SUBSCRIBE_TO_FUTURE_EVENTS as FUTURE
from .._log import logger
from ._records import LogEvent
from ._wevtapi import EventLogError, Wevtapi
from ._xml import UnreadableEventError, parse

QUERY = (
    '<QueryList><Query Id="0">'
    "<Select Path=\"Application\">*[System[Provider[@Name='RasClient']]]</Select>"
    "<Select Path=\"System\">*[System[Provider[@Name='Rasman'] or "
    "Provider[@Name='Microsoft-Windows-RasSstp']]]</Select>"
    "</Query></QueryList>"
)

_BATCH = 16
_MOST_BATCHES = 16
_MANY_SIGNALS = 3


class Taken:
    """The events of one read."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []
        self.unreadable = 0


class Subscription:
    """A subscription to future events, or to all, and a bookmark at the last event that was read.

    Its service sets `event` when there is something new. It must be closed.
    """

    def __init__(self, library: Wevtapi, event: BackendEvent, *, past: bool) -> None:
        self._library = library
        self._event = event
        self._bookmark = 0
        self._is_marked = False
        self._batch = _BATCH
        self._begin = OLDEST if past else FUTURE
        self._handle = self._subscribe(0, self._begin)
        self._bookmark = library.create_bookmark()
        # As Microsoft's example does: perhaps the service sets the event only after a first read.
        self._ask_for_read()

    def _ask_for_read(self) -> None:
        """Set the event. This signal does not count as one in vain."""
        self._event.set()
        self._vain_signals = -1

    def _subscribe(self, bookmark: int, flags: int) -> int:
        return self._library.subscribe(self._event.for_provider, QUERY, bookmark, flags)

    @property
    def is_lost(self) -> bool:
        """Whether it must be made again."""
        return not self._handle

    @property
    def is_doubtful(self) -> bool:
        """Whether it may be dead: several signals in a row came without news.

        Windows answers ERROR_INVALID_OPERATION if nothing is new, and if the subscription is dead.
        """
        return self._vain_signals >= _MANY_SIGNALS

    def end(self) -> None:
        """End it; `restore` makes it again."""
        handle, self._handle, self._vain_signals = self._handle, 0, 0
        self._library.close(handle)

    def close(self) -> None:
        """End it, and close the bookmark."""
        self.end()
        bookmark, self._bookmark, self._is_marked = self._bookmark, 0, False
        self._library.close(bookmark)

    def restore(self) -> bool:
        """Subscribe again after the last event that was read; return whether some may be missing.

        If that event is gone from the log, begin at the nearest one; if that fails, too, with
        future events. Raises OSError if nothing works.
        """
        if self._is_marked:
            try:
                self._handle = self._subscribe(self._bookmark, AFTER_BOOKMARK | STRICT)
            except OSError as error:
                logger.debug("the event log cannot be read from where it ended: %s", error)
                self._handle = self._restore_nearby()
            else:
                return False
        else:
            self._handle = self._subscribe(0, self._begin)
        return True

    def _restore_nearby(self) -> int:
        try:
            return self._subscribe(self._bookmark, AFTER_BOOKMARK)
        except OSError:
            handle = self._subscribe(0, FUTURE)
        self._library.close(self._bookmark)
        self._bookmark, self._is_marked = self._library.create_bookmark(), False
        return handle

    def take(self, taken: Taken) -> None:
        """Take what is new, but a bounded number; if there is more, the event is set again.

        Raises OSError if the subscription is of no use any more.
        """
        was_signalled = self._event.wait(None, 0) == 0
        self._event.reset()  # before the reading: what comes during it sets the event again
        for batch in range(_MOST_BATCHES):
            handles = self._next(in_vain=was_signalled and not batch)
            if not handles:
                return
            self._take_batch(handles, taken)
        self._ask_for_read()

    def _next(self, *, in_vain: bool) -> list[int]:
        """Return handles of events; none if nothing is new, which is `in_vain` after a signal."""
        vain_signals, self._vain_signals = self._vain_signals, 0
        try:
            return self._library.next(self._handle, self._batch)
        except EventLogError as error:
            if error.code == RPC_S_INVALID_BOUND:  # Windows cannot return several long events
                self._batch = 1
            if error.code == ERROR_INVALID_OPERATION:
                self._vain_signals = vain_signals + in_vain
            elif error.code not in (ERROR_NO_MORE_ITEMS, ERROR_TIMEOUT):
                raise
            return []

    def _take_batch(self, handles: list[int], taken: Taken) -> None:
        try:
            for handle in handles:
                try:
                    taken.events.append(parse(self._library.render(handle)))
                except UnreadableEventError as error:
                    taken.unreadable += 1
                    logger.debug("an event of the event log cannot be read: %s", error)
                if self._bookmark and self._library.update_bookmark(self._bookmark, handle):
                    self._is_marked = True
        finally:
            for handle in handles:
                self._library.close(handle)
