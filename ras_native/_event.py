"""Events: RAS sets them, they cancel waits, and event loops can wait for them."""

from __future__ import annotations

import warnings
from typing import TypeVar

from . import _backend
from ._backend.contract import BackendEvent, ras_backend
from ._backend.layout import RN_E_CANCELLED, RN_E_NO_MEMORY, RN_E_OS, RN_E_TIMEOUT
from ._check import nanoseconds, wrong_type
from ._errors import Cancelled, system_error
from ._fork import close_in_child
from ._wait import wait_in_slices


def new_backend_event(backend: str) -> BackendEvent:
    """Create a manual-reset event that is not set; OSError if the system has none left."""
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

    Pass one as `cancel` to a wait of this package, and set it from another thread to end that
    wait. Close it, or use it in a `with`. Source: the Windows event object.

    - `backend`: The backend that waits for it: "native" or "ctypes".

    >>> with Event() as event:
    ...     event.set()
    ...     event.wait(timeout=10)
    True
    """

    backend: str
    _event: BackendEvent | None = None
    _kind = "Event"
    _description = ""
    _closed_because = "this event is closed"

    def __init__(self, *, backend: str | None = None) -> None:
        """Create an event that is not set; a wait and its `cancel` need the same `backend`."""
        name = _backend.select(backend)
        self._hold(name, new_backend_event(name))

    def _hold(self, backend: str, event: BackendEvent) -> None:
        self.backend = backend
        self._event = event
        close_in_child(self)

    def _close_after_fork(self) -> None:
        """Close the descriptors in a forked child; resetting there would empty the parent's."""
        self._event = None
        self._closed_because = "this event belongs to the process that forked this one"

    def _open(self) -> BackendEvent:
        event = self._event
        if event is None:
            raise ValueError(self._closed_because)
        return event

    def __repr__(self) -> str:
        event = self._event
        state = "closed" if event is None else f"handle={event.handle:#x}"
        words = (
            f"ras_native.{self._kind}",
            self._description,
            f"backend={self.backend}",
            state,
        )
        return f"<{' '.join(filter(None, words))}>"

    def __del__(self) -> None:
        if self._event is not None:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=2)

    @property
    def handle(self) -> int:
        """The handle for the system's own wait functions: a HANDLE on Windows, else a descriptor.

        The handle belongs to the event: do not close it, and do not use it after `close`. Raises
        ValueError when the event is closed.
        """
        return self._open().handle

    def fileno(self) -> int:
        """Return `handle`, for select and for event loops (readable while set).

        >>> with Event() as event:
        ...     event.fileno() == event.handle
        True
        """
        return self.handle

    def set(self) -> None:
        """Set the event and wake every waiter.

        >>> with Event() as event:
        ...     event.set()
        ...     event.is_set()
        True
        """
        _raise_failed(self._open().set(), "the event could not be set")

    def reset(self) -> None:
        """Make `wait` wait again. Reset before you enumerate, or you may miss a change.

        >>> with Event() as event:
        ...     event.set()
        ...     event.reset()
        ...     event.is_set()
        False
        """
        _raise_failed(self._open().reset(), "the event could not be reset")

    def is_set(self) -> bool:
        """Return whether the event is set, without waiting and without resetting it.

        >>> with Event() as event:
        ...     event.is_set()
        False
        """
        return self.wait(0)

    def wait(self, timeout: float | None = None, *, cancel: Event | None = None) -> bool:
        """Wait until the event is set, at most `timeout` seconds; return whether it is set.

        None waits for ever. Other threads run meanwhile, and Ctrl-C ends the wait.

        Raises Cancelled if `cancel` was set first, ValueError if the event is closed or an
        argument is out of range, TypeError for an argument of the wrong type.

        >>> with ras.connection_notification() as notification:
        ...     notification.wait(timeout=0)  # nothing happened yet
        ...     handle = sim.add("Head office")
        ...     notification.wait(timeout=10)
        False
        True
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
        """Give the event back to the system; a second close does nothing."""
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
