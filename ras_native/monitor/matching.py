"""Finds out from the event log why connections ended. It has no thread and no clock.

A correlation id names one attempt to connect, and the connection that it made. So an event with the
id of a connection tells why that connection ended. [I]: no public sample shows the id of RASCONN
and that of its events side by side; the self-test compares them on Windows.

If one of the two has no id, the reason is a guess: entry and time must fit, and must fit nothing
else. Guesses are made late, so that everything that would contradict them is known.
"""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict, deque
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
LINKS_NS = 2 * _S
"""The links of one connection end within this time. They have one id, and one event."""
MOST_FITTING = 16
"""Do not guess if there are more events, or more ends, of one entry at about the same time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_ONCE = (CONNECTED, DISCONNECTED, DIAL_FAILED)  # an attempt connects, ends or fails once
_COPIED = timedelta(seconds=5)  # a copy of such an event is from at most so much later
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
    if one.casefold() == other.casefold():
        return True
    rest = _legible(one)
    return rest.strip("? ") != "" and rest == _legible(other)


def _legible(entry: str) -> str:
    """Return what a wrong encoding leaves of a name; it is equal for names of the same entry."""
    return _MANGLED.sub("?", entry.casefold())


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
        self._open_by_id: dict[UUID, list[End]] = {}  # several if they are links
        self._explained: OrderedDict[UUID, End] = OrderedDict()  # the last ones, by id
        self._events: list[_Read] = []  # those that belong to nothing that a poll saw
        self._known: OrderedDict[LogEvent, datetime] = OrderedDict()
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
        key = same = replace(event, record_id=0)
        if attempt_of(event) and event.event_id in _ONCE:
            same = replace(key, time=_EPOCH)
        last = self._known.get(same)
        is_copy = key in self._known or (last and abs(event.time - last) <= _COPIED)
        if not is_copy:
            _remember(self._known, same, event.time)
        _remember(self._known, key, event.time)
        return not is_copy

    def _match(self, event: LogEvent, attempt: UUID | None) -> bool:
        """Find by its correlation id what an event belongs to."""
        if event.event_id != DISCONNECTED:
            return attempt in self._seen
        ends = self._open_by_id.pop(attempt, []) if attempt else []
        for end in ends:
            self._explain(end, event)
        return bool(ends)

    def _explain(self, end: End, event: LogEvent) -> None:
        """Take an event with the correlation id of this end as its reason."""
        end.log_event, end.matched_by = event, MatchedBy.CORRELATION_ID
        attempt = attempt_of(event)
        if attempt:
            _remember(self._explained, attempt, end)

    def see(self, connection: Connection, *, is_new: bool) -> None:
        """Take a connection that is new or changed."""
        attempt = attempt_of(connection)
        if attempt is None:
            return
        _remember(self._seen, attempt, connection.entry_name)
        if is_new:  # if RAS lists it again, it ends another time
            self._open_by_id.pop(attempt, None)
            self._explained.pop(attempt, None)
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
                self._explain(end, item.event)
                self._events.remove(item)
                return
        link = self._explained.get(attempt)
        if link and end.found_ns <= link.found_ns + LINKS_NS:
            end.log_event, end.matched_by = link.log_event, link.matched_by
        else:
            self._open_by_id.setdefault(attempt, []).append(end)

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
        silent: list[End] = []
        too_many = len(self._open) - MOST_KEPT
        for index, end in enumerate(self._open):
            is_over = not has_log or now_ns >= end.found_ns + REASON_NS or index < too_many
            if is_over and end.log_event is None:
                self._give_up(end)
                silent.append(end)
            (answered if is_over or end.log_event else waiting).append(end)
        self._open = deque(waiting)
        if silent and self._events:
            self._guess(silent)
        return answered

    def _give_up(self, end: End) -> None:
        """Wait no longer for an event with the id of this end."""
        attempt = attempt_of(end.connection)
        ends = self._open_by_id.get(attempt, []) if attempt else []
        if end in ends:
            ends.remove(end)
        if attempt and not ends:
            self._open_by_id.pop(attempt, None)

    def _guess(self, ends: list[End]) -> None:
        """Guess the reasons of these ends, comparing only what is of one entry and one time."""
        from_ns = min(end.from_ns for end in ends) - GUESS_NS
        to_ns = max(end.to_ns for end in ends) + GUESS_NS
        events: defaultdict[str, list[LogEvent]] = defaultdict(list)
        for event, _ in self._events:
            if (
                event.event_id == DISCONNECTED
                and event.entry is not None
                and attempt_of(event) not in self._seen
                and from_ns <= utc_ns(event.time) <= to_ns
            ):
                events[_legible(event.entry)].append(event)
        others: defaultdict[str, list[End]] = defaultdict(list)
        for end in self._ends:
            if end.log_event is None and end.to_ns + GUESS_NS >= from_ns:
                others[_legible(end.connection.entry_name)].append(end)
        used: set[int] = set()
        for end in ends:
            name = _legible(end.connection.entry_name)
            if max(len(events[name]), len(others[name])) <= MOST_FITTING:
                guess = self._guessed(end, events[name], others[name])
                if guess:
                    end.log_event, end.matched_by = guess, MatchedBy.ENTRY_AND_TIME
                    events[name].remove(guess)
                    used.add(id(guess))
        self._events = [item for item in self._events if id(item.event) not in used]

    def _guessed(self, end: End, events: list[LogEvent], others: list[End]) -> LogEvent | None:
        """Return the only event that fits this end, if it fits no other end."""
        fitting = [event for event in events if self._may_tell(event, end)]
        if len(fitting) != 1:
            return None
        rivals = [other for other in others if other is not end and other.log_event is None]
        return None if any(self._may_tell(fitting[0], other) for other in rivals) else fitting[0]

    def _may_tell(self, event: LogEvent, end: End) -> bool:
        """Whether entry and time fit, and no correlation id tells more."""
        return (
            None in (attempt_of(event), attempt_of(end.connection))
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
