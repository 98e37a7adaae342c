"""Notifications, and their registrations with RAS. A registration outlives its Notification."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from ._backend.contract import BackendEvent
from ._event import Event

_MOST_FREE = 16  # registrations that are stored for reuse

Kind = tuple[int, bool]
"""The flags of a registration, and whether RasConnectionNotificationA made it."""


class Registrations:
    """Registrations of closed Notifications for all connections, ready to be used again.

    Windows has no call to end a registration. A closed Notification therefore gives its event
    back, and the next one with the same flags uses it. This limits the number of registrations.
    A registration for one connection ends with that connection, and is not stored.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._free: list[tuple[Kind, BackendEvent]] = []
        self.epoch = 0
        """Counts how often the registrations were discarded."""

    def take(self, kind: Kind) -> BackendEvent | None:
        """Remove, reset and return a registered event of that kind; None if there is none."""
        with self._lock:
            index = next((i for i, (known, _) in enumerate(self._free) if known == kind), None)
            event = None if index is None else self._free.pop(index)[1]
        return None if event is None or event.reset() else event

    def give_back(self, kind: Kind, epoch: int, event: BackendEvent) -> None:
        """Store an event for reuse, unless registrations were discarded after that epoch."""
        with self._lock:
            if epoch == self.epoch and len(self._free) < _MOST_FREE:
                self._free.append((kind, event))

    def discard(self) -> None:
        """Discard all registrations: RAS failed, and may have lost them."""
        with self._lock:
            self.epoch += 1
            free, self._free = self._free, []
        del free  # closes the events after the lock is released


class Notification(Event):
    """An event that RAS sets; `Ras.connection_notification` makes it.

    The event does not say what happened, and several changes set it only once. When it is set,
    call `reset()` before you enumerate, or you may miss a change.

    Only a Ras makes Notifications. Close it, or use it in a `with`. Windows has no call to end a
    registration. After a Notification for all connections is closed, the next one with the same
    flags reuses its registration.

    >>> with ras.connection_notification() as notification:
    ...     handle = sim.add("Head office")
    ...     if notification.wait(timeout=10):
    ...         notification.reset()
    ...         print(ras.snapshot()["Head office"].is_up)
    True
    """

    _kind = "Notification"

    def __init__(
        self,
        backend: str,
        event: BackendEvent,
        description: str,
        give_back: Callable[[BackendEvent], None] | None = None,
    ) -> None:
        self._description = description
        self._give_back = give_back
        self._hold(backend, event)

    def close(self) -> None:
        """Close this Notification; a second close does nothing."""
        event, give_back = self._event, self._give_back
        self._give_back = None
        super().close()
        if event is not None and give_back is not None:
            give_back(event)
