"""Polls the connections when RAS reports a change, and once per interval in any case."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from .. import Notification, ProviderError, Ras, RasError, Snapshot
from ._changes import Change, Identity, changes, identity


class Look(NamedTuple):
    """The result of one poll."""

    snapshot: Snapshot
    changes: list[Change]
    first_seen: dict[Identity, float]
    """When each connection was first seen (`time.monotonic`), also if it has just ended."""
    notified: bool
    """Whether RAS reports changes; otherwise only polling finds them."""
    error: RasError | None
    """Why RAS did not answer; the snapshot is then the last good one."""


class Looker:
    """Polls one provider; a context manager that closes its notification."""

    def __init__(self, ras: Ras) -> None:
        self._ras = ras
        self._event: Notification | None = None
        self._can_notify = True
        self._last: Snapshot | None = None
        self._first_seen: dict[Identity, float] = {}

    def look(self) -> Look:
        """Poll once. The event is reset first, so that no later change is missed."""
        self._listen()
        try:
            snapshot = self._ras.snapshot()
        except RasError as error:
            self.close()  # a stopped service loses its registrations
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
                pass  # the service is not running yet: the next poll tries again
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
        """Wait until RAS reports a change, and return whether it did. Calls no RAS function."""
        if self._event is None:
            time.sleep(seconds)
            return False
        return self._event.wait(seconds)

    def close(self) -> None:
        """Close the notification."""
        if self._event is not None:
            self._event.close()
            self._event = None

    def __enter__(self) -> Looker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _as_found(change: Change) -> Change:
    """Rename changes of the first poll: those connections were there already."""
    return change._replace(kind="present") if change.kind == "connected" else change


def looks(
    ras: Ras, *, interval: float, duration: float | None = None, count: int | None = None
) -> Iterator[Look]:
    """Poll at once, then every `interval` seconds and whenever RAS reports a change.

    Ends after `duration` seconds or `count` intervals; None means no limit. No RAS function is
    called between two polls.
    """
    started = due = time.monotonic()
    end = None if duration is None else started + duration
    with Looker(ras) as looker:
        yield looker.look()
        done = 1
        while count is None or done < count:
            now = time.monotonic()
            due = max(due, now - interval) + interval  # a missed interval is skipped
            while _wait_until(looker, due if end is None else min(due, end)):
                yield looker.look()
            if end is not None and end <= due:
                return
            yield looker.look()
            done += 1


def _wait_until(looker: Looker, moment: float) -> bool:
    left = moment - time.monotonic()
    return left > 0 and looker.wait(left)
