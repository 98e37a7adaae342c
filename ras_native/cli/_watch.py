"""Looking at the connections when RAS reports something, and every interval in any case."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from .._errors import ProviderError, RasError
from .._ras import Notification, Ras
from .._records import Snapshot
from ._changes import Change, Identity, changes, identity


class Look(NamedTuple):
    """What one look at the provider showed."""

    snapshot: Snapshot
    changes: list[Change]
    first_seen: dict[Identity, float]
    """When each connection was first seen, on `time.monotonic`; those that just ended included."""
    notified: bool
    """Whether RAS reports changes, or nothing but the interval finds them."""
    error: RasError | None
    """Why RAS could not be asked; the snapshot is then the last one there was."""


class Looker:
    """Takes looks; a context manager that gives its notification back."""

    def __init__(self, ras: Ras) -> None:
        self._ras = ras
        self._event: Notification | None = None
        self._can_notify = True
        self._last: Snapshot | None = None
        self._first_seen: dict[Identity, float] = {}

    def look(self) -> Look:
        """Reset first, then look: what happens meanwhile ends the next wait at once (CN-11)."""
        self._listen()
        try:
            snapshot = self._ras.snapshot()
        except RasError as error:
            self.close()  # a service that was stopped forgets who listens
            return Look(self._last or Snapshot(), [], self._first_seen, False, error)
        happened = self._compare(snapshot)
        return Look(snapshot, happened, self._first_seen, self._event is not None, None)

    def _listen(self) -> None:
        if self._event is not None:
            self._event.reset()
        elif self._can_notify:
            try:
                self._event = self._ras.connection_notification()
            except RasError:
                pass  # as at boot: the next look tries again
            except ProviderError:
                self._can_notify = False

    def _compare(self, snapshot: Snapshot) -> list[Change]:
        now = time.monotonic()
        if self._last is None:
            happened = [_as_found(change) for change in changes(Snapshot(), snapshot)]
        else:
            happened = changes(self._last, snapshot)
        listed = [identity(item.connection) for item in (*(self._last or ()), *snapshot)]
        self._first_seen = {key: self._first_seen.get(key, now) for key in listed}
        self._last = snapshot
        return happened

    def wait(self, seconds: float) -> bool:
        """Wait until RAS reports something: whether it did. Makes no call of the provider."""
        if self._event is None:
            time.sleep(seconds)
            return False
        return self._event.wait(seconds)

    def close(self) -> None:
        """Stop listening."""
        if self._event is not None:
            self._event.close()
            self._event = None

    def __enter__(self) -> Looker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _as_found(change: Change) -> Change:
    """The first look finds connections, it does not see them being made."""
    return change._replace(kind="present") if change.kind == "connected" else change


def looks(
    ras: Ras, *, interval: float, duration: float | None = None, count: int | None = None
) -> Iterator[Look]:
    """Look at once, every `interval` seconds, and whenever RAS reports something.

    Ends after `duration` seconds or `count` intervals, each of which may be None: no end. Between
    two intervals in which nothing is reported the provider is not called.
    """
    started = due = time.monotonic()
    end = None if duration is None else started + duration
    with Looker(ras) as looker:
        yield looker.look()
        done = 1
        while count is None or done < count:
            now = time.monotonic()
            due = max(due, now - interval) + interval  # a late one is not made up for
            while _wait_until(looker, due if end is None else min(due, end)):
                yield looker.look()
            if end is not None and end <= due:
                return
            yield looker.look()
            done += 1


def _wait_until(looker: Looker, moment: float) -> bool:
    left = moment - time.monotonic()
    return left > 0 and looker.wait(left)
