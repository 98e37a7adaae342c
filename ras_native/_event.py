"""Events: what RAS sets, what waits can be cancelled with, what event loops can wait on."""

from __future__ import annotations

from typing import TypeVar

from . import _backend
from ._backend.contract import BackendEvent, ras_backend
from ._backend.layout import RN_E_CANCELLED, RN_E_NO_MEMORY, RN_E_OS, RN_E_TIMEOUT
from ._check import nanoseconds, wrong_type
from ._errors import Cancelled, system_error
from ._wait import wait_in_slices


def new_backend_event(backend: str) -> BackendEvent:
    """Create a manual-reset event that is not set; OSError where the system has none left."""
    code, event = ras_backend(backend).new_event()
    if code == RN_E_NO_MEMORY:
        raise MemoryError("no memory for an event")
    if event is None:
        raise system_error(code - RN_E_OS, "the system has no event object left: close some first")
    return event


def _raise_failed(code: int, message: str) -> None:
    """Raise OSError if a call of a backend's event failed."""
    if code >= RN_E_OS:
        raise system_error(code - RN_E_OS, message)


_Self = TypeVar("_Self", bound="Event")


class Event:
    """A manual-reset event: once set it stays set until `reset`, for every waiter.

    Pass one as `cancel` to any wait of this package and set it from another thread to end
    that wait. Source: the Windows event object, ledger CN-10.
    """

    def __init__(self, *, backend: str | None = None) -> None:
        """Create an event that is not set; a wait and its `cancel` need the same `backend`."""
        self.backend = _backend.select(backend)
        self._event: BackendEvent | None = new_backend_event(self.backend)

    def _open(self) -> BackendEvent:
        event = self._event
        if event is None:
            raise ValueError("this event is closed")
        return event

    @property
    def handle(self) -> int:
        """For the system's own wait functions: on Windows a HANDLE, elsewhere a descriptor.

        It is the event's: do not close it, and do not use it after `close`. Raises ValueError
        when closed.
        """
        return self._open().handle

    def fileno(self) -> int:
        """Give `handle`, for select and for event loops (readable while set)."""
        return self.handle

    def set(self) -> None:
        """Set it and wake every waiter."""
        _raise_failed(self._open().set(), "the event could not be set")

    def reset(self) -> None:
        """Make it wait again. Reset before looking at what the event stands for (CN-11)."""
        _raise_failed(self._open().reset(), "the event could not be reset")

    def is_set(self) -> bool:
        """Whether it is set, without waiting and without resetting it."""
        return self.wait(0)

    def wait(self, timeout: float | None = None, *, cancel: Event | None = None) -> bool:
        """Wait until the event is set, at most `timeout` seconds; return whether it is set.

        None waits for ever. Other threads run meanwhile, and Ctrl-C ends the wait.

        Raises Cancelled if `cancel` was set first, ValueError if the event is closed or an
        argument is out of range, TypeError for an argument of the wrong type.
        """
        timeout_ns = None if timeout is None else nanoseconds("timeout", timeout)
        if cancel is self:
            raise ValueError("cancel must be another event than the one that is waited for")
        canceller = cancel_event(cancel, self.backend)
        code = wait_in_slices(lambda ns: self._open().wait(canceller, ns), timeout_ns)
        if code == RN_E_CANCELLED:
            raise Cancelled("the wait for an event was cancelled")
        _raise_failed(code, "waiting for the event failed")
        return code != RN_E_TIMEOUT

    def close(self) -> None:
        """Give it back to the system; a second close does nothing."""
        self._event = None

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def cancel_event(cancel: Event | None, backend: str) -> BackendEvent | None:
    """Check the argument `cancel` of a wait."""
    if cancel is None:
        return None
    if not isinstance(cancel, Event):
        raise wrong_type("cancel", "a ras_native.Event or None", cancel)
    if cancel.backend != backend:
        raise ValueError(
            f"cancel is an event of the {cancel.backend} backend, this wait runs on {backend}: "
            f"make it with Event(backend={backend!r})"
        )
    if cancel._event is None:
        raise ValueError("cancel is an event that was closed")
    return cancel._event
