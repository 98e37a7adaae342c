"""Finds out from the event log why connections ended. It has no thread and no clock.

A correlation id names one attempt to connect, and the connection that it made. So an event with the
id of a connection tells why that connection ended. [I]: no public sample shows the id of RASCONN
and that of its events side by side; the self-test compares them on Windows.

If one of the two has no id, the reason is a guess: entry and time must fit, and must fit nothing
else. Guesses are made late, so that everything that would contradict them is known.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import NamedTuple, TypeVar
from uuid import UUID

from .._records import Connection
from ..event_log._records import CONNECTED, DIAL_FAILED, DISCONNECTED, LogEvent
from .events import MatchedBy

_S = 1_000_000_000
REASON_NS = 10 * _S
"""The end of a connection waits this long for its reason."""
GUESS_NS = 5 * _S
"""A guess needs an event that was written at most this long before or after the end."""
KEPT_NS = 3600 * _S
"""Events and ends that have no match yet are kept this long."""
MOST_KEPT = 4096
"""At most so many of each are kept."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_ONCE = (CONNECTED, DISCONNECTED, DIAL_FAILED)  # an attempt connects, ends or fails once
_MANGLED = re.compile(r"[^ ->@-~]+")  # letters that a wrong encoding changes, and "?" instead
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(slots=True, eq=False)
class End:
    """The end of a connection."""

    sequence: int | None
    """The number of its Disconnected; None if that was not reported."""
    connection: Connection
    from_ns: int
    """It ended after this moment (UTC)."""
    to_ns: int
    """It ended before this moment (UTC)."""
    found_ns: int
    """When a poll found it (monotonic)."""
    log_event: LogEvent | None = None
    """The event that tells why."""
    matched_by: MatchedBy | None = None


class _Read(NamedTuple):
    """An event of the log that belongs to no end yet."""

    event: LogEvent
    read_ns: int


def same_entry(one: str | None, other: str | None) -> bool:
    """Compare the name in an event of the log with the name of an entry.

    Windows may have written letters beyond ASCII in a wrong encoding. So any two runs of such
    letters are equal, if the names have other letters as well.
    """
    if one is None or other is None:
        return False
    one, other = one.casefold(), other.casefold()
    if one == other:
        return True
    rest = _MANGLED.sub("?", one)
    return rest.strip("? ") != "" and rest == _MANGLED.sub("?", other)


def utc_ns(time: datetime) -> int:
    """Return a moment as time.time_ns does."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000


def attempt_of(item: Connection | LogEvent) -> UUID | None:
    """Return the correlation id; None if it names no attempt."""
    attempt = item.correlation_id
    return attempt if attempt and attempt.int else None


def _remember(items: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    items[key] = value
    if len(items) > MOST_KEPT:
        items.popitem(last=False)


class Reasons:
    """The ends and the events of the log that still may belong together."""

    def __init__(self) -> None:
        self._ends: deque[End] = deque(maxlen=MOST_KEPT)  # the last ones, oldest first
        self._open: deque[End] = deque()  # those without an answer, oldest first
        self._open_by_id: dict[UUID, End] = {}
        self._events: list[_Read] = []  # those that belong to nothing that a poll saw
        self._known: OrderedDict[LogEvent, None] = OrderedDict()
        self._names: OrderedDict[UUID, str] = OrderedDict()  # entries, as the log writes them
        self._seen: OrderedDict[UUID, str] = OrderedDict()  # entries of attempts that a poll saw

    # Input

    def read(self, events: Iterable[LogEvent], now_ns: int) -> list[LogEvent]:
        """Take events of the log; return those that are no copies of earlier ones."""
        new = [event for event in events if self._is_new(event)]
        for event in new:
            attempt = attempt_of(event)
            if attempt and event.entry:
                _remember(self._names, attempt, event.entry)
            if event.event_id in _ONCE and not self._match(event, attempt):
                self._events.append(_Read(event, now_ns))
        kept = self._events[-MOST_KEPT:]
        self._events = [item for item in kept if item.read_ns > now_ns - KEPT_NS]
        return new

    def _is_new(self, event: LogEvent) -> bool:
        key = replace(event, record_id=0)
        if attempt_of(event) and event.event_id in _ONCE:
            key = replace(key, time=_EPOCH)
        is_new = key not in self._known
        _remember(self._known, key, None)
        return is_new

    def _match(self, event: LogEvent, attempt: UUID | None) -> bool:
        """Find by its correlation id what an event belongs to."""
        if event.event_id != DISCONNECTED:
            return attempt in self._seen
        end = self._open_by_id.pop(attempt, None) if attempt else None
        if end is None:
            return False
        end.log_event, end.matched_by = event, MatchedBy.CORRELATION_ID
        return True

    def see(self, connection: Connection) -> None:
        """Take a connection that is new or changed."""
        attempt = attempt_of(connection)
        if attempt is None:
            return
        _remember(self._seen, attempt, connection.entry_name)
        self._open_by_id.pop(attempt, None)  # RAS lists it again: it ends another time
        self._events = [
            item
            for item in self._events
            if item.event.event_id == DISCONNECTED or attempt_of(item.event) != attempt
        ]

    def add_end(self, end: End) -> None:
        """Take the end of a connection."""
        self._ends.append(end)
        self._open.append(end)
        attempt = attempt_of(end.connection)
        if attempt is None:
            return
        _remember(self._seen, attempt, end.connection.entry_name)
        for item in self._events:
            if item.event.event_id == DISCONNECTED and attempt_of(item.event) == attempt:
                end.log_event, end.matched_by = item.event, MatchedBy.CORRELATION_ID
                self._events.remove(item)
                return
        self._open_by_id[attempt] = end

    # Output

    @property
    def deadline_ns(self) -> int | None:
        """When the next end has waited long enough; None if none waits."""
        return self._open[0].found_ns + REASON_NS if self._open else None

    @property
    def ahead_ns(self) -> int | None:
        """When the last event was read that no poll has confirmed; None if there is none."""
        return self._events[-1].read_ns if self._events else None

    def take_answered(self, now_ns: int, *, has_log: bool) -> list[End]:
        """Return the ends whose reason is known, and those that have waited long enough.

        Without a log, all have. Each end is returned once.
        """
        answered: list[End] = []
        waiting: list[End] = []
        too_many = len(self._open) - MOST_KEPT
        for index, end in enumerate(self._open):
            is_over = not has_log or now_ns >= end.found_ns + REASON_NS or index < too_many
            if is_over and end.log_event is None:
                self._give_up(end)
            (answered if is_over or end.log_event else waiting).append(end)
        self._open = deque(waiting)
        return answered

    def _give_up(self, end: End) -> None:
        """Wait no longer for an event with the id of this end, but guess."""
        attempt = attempt_of(end.connection)
        if attempt and self._open_by_id.get(attempt) is end:
            del self._open_by_id[attempt]
        fitting = [item for item in self._events if self._may_tell(item.event, end)]
        if len(fitting) != 1:
            return
        event = fitting[0].event
        others = [other for other in self._ends if other is not end and other.log_event is None]
        if not any(self._may_tell(event, other) for other in others):
            end.log_event, end.matched_by = event, MatchedBy.ENTRY_AND_TIME
            self._events.remove(fitting[0])

    def _may_tell(self, event: LogEvent, end: End) -> bool:
        """Whether entry and time fit, and no correlation id tells more."""
        return (
            event.event_id == DISCONNECTED
            and None in (attempt_of(event), attempt_of(end.connection))
            and attempt_of(event) not in self._seen
            and end.from_ns - GUESS_NS <= utc_ns(event.time) <= end.to_ns + GUESS_NS
            and same_entry(event.entry, end.connection.entry_name)
        )

    def unseen(self, since_ns: int, listed: Iterable[Connection]) -> tuple[LogEvent, ...]:
        """Return what was read since then about attempts that no poll saw."""
        attempts = {attempt_of(connection) for connection in listed} | {None}
        return tuple(
            item.event
            for item in self._events
            if item.read_ns >= since_ns
            and attempt_of(item.event) not in attempts
            and attempt_of(item.event) not in self._seen
        )

    def entry_of(self, event: LogEvent) -> str | None:
        """Return the entry that an event is about; None if nobody knows it."""
        attempt = attempt_of(event)
        if attempt is None:
            return event.entry
        return self._seen.get(attempt) or self._names.get(attempt)
