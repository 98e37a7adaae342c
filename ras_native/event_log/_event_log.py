"""`EventLog`: reads the events of RAS as they are written."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from time import monotonic

from .. import _backend
from .._backend.contract import BackendEvent
from .._backend.layout import RN_E_AGAIN, RN_E_CANCELLED, RN_E_OS, RN_E_TIMEOUT
from .._check import nanoseconds
from .._errors import Cancelled, ProviderError, system_error
from .._event import Event, cancel_event, new_backend_event
from .._fork import close_in_child
from .._help import documented
from .._log import logger
from .._provider import library_path
from .._wait import wait_in_slices
from ._records import LogEvent
from ._subscription import Subscription, Taken
from ._wevtapi import WINDOWS_NAME, EventLogError, Wevtapi

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds between two attempts to subscribe again
_ATTEMPTS = 2  # a subscription that was lost is made again in the same read

LOOK_SECONDS = 60.0
"""The log is read after this time without a signal: a lost subscription may send none."""


@documented
@dataclass(frozen=True, slots=True, kw_only=True)
class LogRead:
    """What `EventLog.read` found.

    - `events`: The new events, in the order in which the log gave them.
    - `missed`: Whether events may be missing before these: the log had to be opened again.
    - `error`: Why the log cannot be read now; None if it can.
    - `unreadable`: How many events were left out, because they are not what Windows documents.

    >>> from ras_native.event_log import EventLog
    >>> with EventLog(sim) as log:
    ...     read = log.read()
    >>> read.events, read.missed, read.error
    ((), False, None)
    """

    events: tuple[LogEvent, ...] = ()
    missed: bool = False
    error: OSError | None = None
    unreadable: int = 0


class EventLog:
    """The events that RAS writes into the event log of Windows.

    They are those of RasClient in the log Application, and of Rasman and RasSstp in System. Use it
    in a `with`, or close it. One thread may read at a time.

    library: the path of a library that has the functions of wevtapi, such as a Simulator. None is
    wevtapi.dll of System32.
    past: begin with the oldest event in the log. By default only new events are read.
    backend: the backend of the waits, "native" or "ctypes". None is the one in use.

    Raises ProviderError if there is no event log that can be read, as under Wine; TypeError or
    ValueError for a wrong argument. Source: EvtSubscribe, EvtNext, EvtRender.

    - `backend`: The backend that waits: "native" or "ctypes".

    >>> from ras_native.event_log import EventLog
    >>> with EventLog(sim) as log:
    ...     handle = sim.dial("Head office", error=691)
    ...     sim.advance(5)
    ...     [event.event_id for event in log.read().events]
    [20221, 20222, 20223, 20224, 20227]
    """

    backend: str
    _event: BackendEvent | None = None
    _subscription: Subscription | None = None

    def __init__(
        self,
        library: str | os.PathLike[str] | None = None,
        *,
        past: bool = False,
        backend: str | None = None,
    ) -> None:
        self.backend = _backend.select(backend)
        path = _path(library)
        functions = Wevtapi(path)
        event = new_backend_event(self.backend)
        try:
            self._subscription = Subscription(functions, event, past=past)
        except EventLogError as error:
            raise ProviderError(functions.path, f"its event log cannot be read: {error}") from error
        self._event = event
        self._path = functions.path
        self._closed_because = "this EventLog is closed"
        # Reentrant for a signal handler that closes; never held during a call of the library.
        self._lock = RLock()
        self._is_reading = False
        self._error: OSError | None = None
        self._pause = _FIRST_PAUSE
        self._restore_at = 0.0
        self._look_at = monotonic() + LOOK_SECONDS
        close_in_child(self)

    def __repr__(self) -> str:
        state = f"backend={self.backend}" if self._event is not None else "closed"
        return f"<ras_native.event_log.EventLog {self._path!r} {state}>"

    def __del__(self) -> None:
        if self._event is not None:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=2)
            self.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the subscription, at once or after the read that is under way.

        A second close does nothing.
        """
        with self._lock:
            self._event = None
            to_close = None if self._is_reading else self._take_subscription()
        if to_close is not None:
            to_close.close()

    def _take_subscription(self) -> Subscription | None:
        taken, self._subscription = self._subscription, None
        return taken

    def _close_after_fork(self) -> None:
        """Forget the handles in a forked child: they belong to the parent."""
        self._event = self._subscription = None
        self._closed_because = "this EventLog belongs to the process that forked this one"
        self._lock, self._is_reading = RLock(), False

    def _open_event(self) -> BackendEvent:
        event = self._event
        if event is None:
            raise ValueError(self._closed_because)
        return event

    @contextmanager
    def _exclusively(self) -> Iterator[Subscription]:
        """Yield the subscription to one thread; a close meanwhile takes effect at the end."""
        with self._lock:
            self._open_event()
            if self._is_reading:
                raise RuntimeError("another thread is reading this EventLog")
            self._is_reading = True  # from now on a close leaves the subscription to this read
        try:
            if self._subscription is None:  # a signal handler closed it just before
                raise ValueError(self._closed_because)
            yield self._subscription
        finally:
            with self._lock:
                self._is_reading = False
                to_close = self._take_subscription() if self._event is None else None
            if to_close is not None:
                to_close.close()

    def read(self) -> LogRead:
        """Return all that is new, without waiting for anything.

        At most 256 events come at once; if there are more, `wait` returns at once. An error of the
        event log is not raised: `LogRead.error` has it. A lost subscription is made again, from the
        last event that was read. The first attempt is immediate; later ones are up to a minute
        apart.

        Raises ValueError if the log is closed, RuntimeError if another thread is reading it.

        >>> from ras_native.event_log import EventLog
        >>> handle = sim.add("Head office")
        >>> with EventLog(sim) as log:
        ...     sim.drop(handle)
        ...     for event in log.read().events:
        ...         print(event.event_id, event.entry, explain(event.code).name)
        20226 Head office ERROR_REMOTE_DISCONNECTION
        """
        taken, missed = Taken(), False
        with self._exclusively() as subscription:
            self._look_at = monotonic() + LOOK_SECONDS
            for _ in range(_ATTEMPTS):
                try:
                    if subscription.is_lost:
                        if not self._may_restore():
                            break
                        missed = self._restore(subscription) or missed
                    subscription.take(taken)
                    self._error, self._pause = None, _FIRST_PAUSE
                    if not (subscription.is_doubtful and self._may_restore()):
                        break
                    subscription.end()
                except OSError as error:
                    logger.debug("the event log cannot be read: %s", error)
                    self._error = error
                    subscription.end()
            return LogRead(
                events=tuple(taken.events),
                missed=missed,
                error=self._error,
                unreadable=taken.unreadable,
            )

    def _may_restore(self) -> bool:
        return monotonic() >= self._restore_at

    def _restore(self, subscription: Subscription) -> bool:
        self._restore_at = monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return subscription.restore()

    def wait(self, timeout: float | None = None, *, cancel: Event | None = None) -> bool:
        """Wait at most `timeout` seconds until `read` may find something; return whether it may.

        None waits for ever. Other threads run meanwhile, and Ctrl-C ends the wait. Before the first
        read it returns at once. A minute after the last read it returns too, because a lost
        subscription may send no signal.

        Raises Cancelled if `cancel` was set first, ValueError if the log is closed or an argument
        is out of range, TypeError for an argument of the wrong type.

        >>> from ras_native.event_log import EventLog
        >>> with EventLog(sim) as log:
        ...     read = log.read()
        ...     handle = sim.add("Head office")
        ...     if log.wait(timeout=10):
        ...         print(len(log.read().events) > 0)
        True
        """
        timeout_ns = None if timeout is None else nanoseconds("timeout", timeout)
        canceller = cancel_event(cancel, self.backend)
        code = wait_in_slices(lambda ns: self._wait_slice(canceller, ns), timeout_ns)
        if code == RN_E_CANCELLED:
            raise Cancelled("the wait for the event log was cancelled")
        if code >= RN_E_OS:
            raise system_error(code - RN_E_OS, "waiting for the event log failed")
        return code != RN_E_TIMEOUT

    def _wait_slice(self, cancel: BackendEvent | None, slice_ns: int) -> int:
        """Wait as BackendEvent.wait does; 0 also if it is time to read without a signal."""
        code = self._open_event().wait(cancel, slice_ns)
        due = self._look_at if self._error is None else self._restore_at
        return 0 if code == RN_E_AGAIN and monotonic() >= due else code


def _path(library: str | os.PathLike[str] | None) -> str | None:
    """Check the argument `library`, and return its absolute path; None is System32's wevtapi."""
    if library is not None:
        return library_path("library", library)
    if sys.platform != "win32":
        raise ProviderError(
            WINDOWS_NAME,
            "the event log exists only on Windows; to try things out here pass a simulator: "
            "EventLog(ras_native.sim.Simulator())",
        )
    return None
