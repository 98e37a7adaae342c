"""How long each stage of a dialling took: by the event log, and by the states that polls saw."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from .._explain import Reason, explain
from .._help import documented
from .._plain import plain
from .._records import ConnState
from ..event_log._records import (
    CONNECTED,
    DIAL_FAILED,
    DIALLING,
    LINK_AUTHENTICATED,
    LINK_BEGUN,
    LINK_UP,
    LogEvent,
)
from .differences import Difference
from .events import Connected, Disconnected, Found
from .matching import attempt_of

MOST_ATTEMPTS = 256
"""The timelines of so many entries are kept."""
_MOST_STAGES = 64  # of one attempt

_STAGES = {
    DIALLING: "dialling",
    LINK_BEGUN: "link begun",
    LINK_UP: "link up",
    LINK_AUTHENTICATED: "link authenticated",
}
_ORDER = {name: index for index, name in enumerate(_STAGES.values())}
_OUTCOMES = {CONNECTED: "connected", DIAL_FAILED: "failed"}


@documented
@dataclass(frozen=True, slots=True, kw_only=True)
class DialStage:
    """One stage of a dialling.

    - `name`: "dialling", "link begun", "link up", "link authenticated"; or a ConnState's name.
    - `source`: Where it was seen: "log" for the event log, "poll" for a poll.
    - `time`: When it began, in UTC: when the event was written, or when the poll returned.
    - `seconds`: How long it took, until the next stage of the same source; None if that is unknown.

    >>> handle = sim.dial("Head office", error=691)
    >>> sim.advance(5)  # seconds on the simulator's clock
    >>> event = monitor.get()
    >>> stage = monitor.timeline("Head office").failed_stage
    >>> print(stage.name, "from the", stage.source)
    link authenticated from the log
    """

    name: str
    source: str
    time: datetime
    seconds: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


@documented
@dataclass(frozen=True, slots=True, kw_only=True)
class DialTimeline:
    """The last dialling of a phone-book entry.

    Polls see only the stages that last until the next poll. The log has all four.

    - `entry`: The phone-book entry.
    - `correlation_id`: The attempt to connect, as `Connection.correlation_id`; None if it has no
      id.
    - `stages`: The stages, in order of time.
    - `outcome`: "connected" or "failed"; None while it is dialled.
    - `seconds`: From the first stage to the outcome; None if one of them is unknown.
    - `reason`: Why it failed, or None.

    >>> handle = sim.dial("Head office", error=691)
    >>> sim.advance(5)
    >>> event = monitor.get()
    >>> timeline = monitor.timeline("Head office")
    >>> print(timeline.outcome, timeline.reason.code)
    failed 691
    """

    entry: str
    correlation_id: UUID | None
    stages: tuple[DialStage, ...]
    outcome: str | None
    seconds: float | None
    reason: Reason | None

    @property
    def failed_stage(self) -> DialStage | None:
        """The last stage, if the dialling failed in it; otherwise None."""
        return self.stages[-1] if self.outcome == "failed" and self.stages else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data, `failed_stage` included."""
        values = {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}
        return {**values, "failed_stage": plain(self.failed_stage)}


@dataclass(slots=True)
class _Track:
    """What one source told of one dialling."""

    source: str
    begun: dict[str, datetime] = field(default_factory=dict)  # by stage
    ended: datetime | None = None
    outcome: str | None = None

    def begin(self, name: str, time: datetime) -> None:
        if name not in self.begun and len(self.begun) < _MOST_STAGES:
            self.begun[name] = time

    def end(self, outcome: str, time: datetime) -> None:
        if self.ended is None:
            self.ended, self.outcome = time, outcome

    def moments(self) -> list[datetime]:
        ended = [] if self.ended is None else [self.ended]
        return [*self.begun.values(), *ended]

    def stages(self) -> list[DialStage]:
        names = sorted(self.begun, key=lambda name: (self.begun[name], _ORDER.get(name, 0)))
        moments = [self.begun[name] for name in names]
        return [
            DialStage(
                name=name,
                source=self.source,
                time=begin,
                seconds=None if end is None else (end - begin).total_seconds(),
            )
            for name, begin, end in zip(names, moments, [*moments[1:], self.ended], strict=False)
        ]

    def seconds(self) -> float | None:
        """Return how long the whole dialling took."""
        if self.ended is None or not self.begun:
            return None
        return (self.ended - min(self.begun.values())).total_seconds()


class _Attempt:
    """What is known of one dialling."""

    def __init__(self, attempt: UUID | None, entry: str | None) -> None:
        self.attempt, self.entry = attempt, entry
        self.log, self.poll = _Track("log"), _Track("poll")
        self.reason: Reason | None = None

    def has_ended(self) -> bool:
        return bool(self.log.outcome or self.poll.outcome)

    def first(self) -> datetime:
        """Return the first moment that is known of it."""
        return min(self.log.moments() + self.poll.moments())

    def timeline(self, entry: str) -> DialTimeline:
        """Return what users see."""
        stages = sorted([*self.log.stages(), *self.poll.stages()], key=lambda stage: stage.time)
        teller = self.log if self.log.outcome else self.poll
        return DialTimeline(
            entry=entry,
            correlation_id=self.attempt,
            stages=tuple(stages),
            outcome=teller.outcome,
            seconds=teller.seconds(),
            reason=self.reason if teller.outcome == "failed" else None,
        )


class Timelines:
    """The timelines of the entries; any thread may call `find`."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[UUID | str, _Attempt] = OrderedDict()
        self._last: OrderedDict[str, tuple[_Attempt, DialTimeline]] = OrderedDict()  # by entry

    def find(self, entry: str) -> DialTimeline | None:
        """Return the timeline of the last dialling of an entry, in any letter case, or None."""
        found = self._last.get(entry.casefold())
        return found[1] if found else None

    def read(self, event: LogEvent, entry: str | None) -> None:
        """Take an event of the log, which is about this entry."""
        stage, outcome = _STAGES.get(event.event_id), _OUTCOMES.get(event.event_id)
        if not (stage or outcome):
            return
        item = self._attempt(attempt_of(event), entry, begins=event.event_id == DIALLING)
        if item is None:
            return
        if stage:
            item.log.begin(stage, event.time)
        elif outcome:
            item.log.end(outcome, event.time)
            if outcome == "failed" and event.code is not None:
                item.reason = explain(event.code)
        self._publish(item)

    def see(self, difference: Difference, time: datetime) -> None:
        """Take what a poll saw at this time."""
        before, after = difference.before, difference.after
        now = after or before
        if now is None or difference.kind is Disconnected or (before and before.is_up):
            return
        has_ended = after is None or after.gone
        was_unknown = difference.kind is Found or (before is not None and before.is_up is None)
        if (now.is_up and was_unknown) or (now.is_up is None and not has_ended):
            return
        connection, status = now.connection, now.status
        item = self._attempt(attempt_of(connection), connection.entry_name, begins=before is None)
        if item is None:
            return
        if difference.kind is Connected or (status and status.state is ConnState.CONNECTED):
            item.poll.end("connected", time)
        elif has_ended:
            item.poll.end("failed", time)
        elif status:
            item.poll.begin(str(status.state), time)
            if status.error:
                item.reason = explain(status.error)
                item.poll.end("failed", time)
        self._publish(item)

    def _attempt(self, attempt: UUID | None, entry: str | None, *, begins: bool) -> _Attempt | None:
        """Return the attempt with this id, or else the last of this entry; None without either."""
        key = attempt or (entry and entry.casefold())
        if not key:
            return None
        item = self._attempts.get(key)
        if item is None or (begins and attempt is None and item.has_ended()):
            item = self._attempts[key] = _Attempt(attempt, entry)
            if len(self._attempts) > MOST_ATTEMPTS:
                self._attempts.popitem(last=False)
        item.entry = entry or item.entry
        return item

    def _publish(self, item: _Attempt) -> None:
        """Show an attempt as the last of its entry, unless a later one is known."""
        if item.entry is None:
            return
        name = item.entry.casefold()
        shown = self._last.get(name)
        if shown and shown[0] is not item and shown[0].first() > item.first():
            return
        self._last[name] = item, item.timeline(item.entry)
        self._last.move_to_end(name)
        if len(self._last) > MOST_ATTEMPTS:
            self._last.popitem(last=False)
