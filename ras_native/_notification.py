"""Notifications, and their registrations with RAS, which outlive them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from ._backend.contract import BackendEvent
from ._event import Event

_MOST_FREE = 16  # registrations kept for the next Notification

Kind = tuple[int, bool]
"""The flags of a registration, and whether RasConnectionNotificationA made it."""


class Registrations:
    """Registrations of closed Notifications for all connections, ready to be used again.

    Windows has no call to end a registration. So that closing and registering again does not add
    one each time, a closed Notification gives its event back, and the next one with the same flags
    takes it. Registrations for one connection end with it and are not kept.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._free: list[tuple[Kind, BackendEvent]] = []
        self.epoch = 0
        """Counts how often the registrations were discarded."""

    def take(self, kind: Kind) -> BackendEvent | None:
        """Take a registered event of that kind, reset; None if there is none."""
        with self._lock:
            index = next((i for i, (known, _) in enumerate(self._free) if known == kind), None)
            event = None if index is None else self._free.pop(index)[1]
        return None if event is None or event.reset() else event

    def give_back(self, kind: Kind, epoch: int, event: BackendEvent) -> None:
        """Keep an event that was registered in that epoch."""
        with self._lock:
            if epoch == self.epoch and len(self._free) < _MOST_FREE:
                self._free.append((kind, event))

    def discard(self) -> None:
        """Keep none of those made so far: RAS failed, and may have forgotten them."""
        with self._lock:
            self.epoch += 1
            free, self._free = self._free, []
        del free  # the events close without the lock


class Notification(Event):
    """An event that RAS sets; `Ras.connection_notification` makes it.

    The event does not say what happened, and several changes set it only once. When it is set,
    call `reset()` before you enumerate, or you may miss a change.

    Close it, or use it in a `with`. Windows has no call to end a registration: the registration of
    a closed Notification for all connections is used again by the next one with the same flags.
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
        """End the use of this event; a second close does nothing."""
        event, give_back = self._event, self._give_back
        self._give_back = None
        super().close()
        if event is not None and give_back is not None:
            give_back(event)
