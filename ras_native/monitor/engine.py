"""The engine finds out from polls what happened. It has no thread and no clock, and calls no RAS.

The caller passes every `Poll` that may show something new to `Engine.apply`, which returns events.
The documentation of `ras_native.monitor` says what the events promise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from .._backend.layout import RN_LATE_NS
from .._explain import Reason, explain
from .._records import Observation, Snapshot
from ..event_log._records import DIAL_FAILED, IDLE_TIMEOUT, LONGEST_TIME, LogEvent
from .differences import Connections, Difference
from .events import (
    Absent,
    Connected,
    ConnectionEvent,
    DialFailed,
    Disconnected,
    Explained,
    Found,
    Gap,
    GapKind,
    HealthChanged,
    IdleTimeout,
    LoggedEvent,
    MonitorEvent,
    ProviderFailed,
    ProviderRecovered,
    SessionTimeout,
)
from .health import Health, HealthChange, HealthKind, Healths, Key, ProbeSample, Sample, key_of
from .matching import End, Reasons, same_entry
from .timeline import DialTimeline, Timelines

_MS, _S = 1_000_000, 1_000_000_000
SETTLING_NS = 2 * _S
"""A signal and a change belong together if both are found within this time, in either order."""
LOOKS_AFTER_SIGNAL_NS = (10 * _MS, 50 * _MS, 250 * _MS, 1000 * _MS, SETTLING_NS)
"""When to poll again after a signal for which no change was found."""
LATE_NS = RN_LATE_NS
"""A poll is late when it begins two intervals and this time after it was due."""
LONGEST_BACK_OFF_NS = 5 * _S
"""While RAS fails, polls are at most this far apart, or one interval if that is longer."""
LONGEST_OUTAGE_NS = 60 * _S
"""Consecutive late polls are reported as one Gap, but at least once in this time."""
LONGEST_BURST_NS = 10 * _S
"""Consecutive signals without a change are reported as one Gap, at least once in this time. So are
losses of the event log."""
FIRST_REGISTRATION_PAUSE_NS, LONGEST_REGISTRATION_PAUSE_NS = _S, 60 * _S
"""The least time between two registrations doubles from the first to the longest."""
_MOST_CHANGES = 4096  # how many changes may wait for their signals
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_WITHOUT_AN_ANSWER = (HealthKind.SILENT, HealthKind.UNREACHABLE)
_LOGGED: dict[int, type[LoggedEvent]] = {
    DIAL_FAILED: DialFailed,
    IDLE_TIMEOUT: IdleTimeout,
    LONGEST_TIME: SessionTimeout,
}


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll of RAS: the engine's only input. Moments are on the clock of `time.perf_counter_ns`.

    The engine needs every poll that found another snapshot, failed, was signalled, was late, or
    followed a sleep or a failed poll. It also needs the first poll at or after
    `Engine.next_look_ns`, the first with another `registered_ns`, and each with something of the
    event log or of probes. Passing the other polls is optional, but `previous_ns` must count them.
    """

    monotonic_ns: int
    """When the enumeration returned."""
    time_ns: int
    """The same moment in UTC (time.time_ns)."""
    previous_ns: int
    """When the last successful enumeration before this one returned, or when watching began."""
    snapshot: Snapshot | None
    """None: the enumeration failed with `code`."""
    code: int = 0
    signalled: bool = False
    """Whether RAS set the event before this poll, which reset it before the enumeration."""
    late_ns: int = 0
    """How long after it was due the poll began; 0 if it was in time."""
    suspended_ns: int = 0
    """How long the system slept since the previous poll."""
    registered_ns: int | None = None
    """When the registration for signals was made; None if there is none."""
    log: tuple[LogEvent, ...] = ()
    """The events of the event log that were read since the last such poll."""
    log_missed_ns: int | None = None
    """Events of the event log may be missing, from this moment until this poll; None: none are."""
    samples: tuple[Sample, ...] | None = None
    """The samples of the statistics; None if they show nothing new."""
    has_log: bool = True
    """False once it is known that there is no event log to read."""
    probes: tuple[ProbeSample, ...] = ()
    """The results of probes since the last such poll."""


class _Change(NamedTuple):
    """A change whose signal may still come, or has come."""

    found_ns: int
    not_before_ns: int
    expected: bool
    """Whether RAS should have signalled it, and has signalled nothing yet."""


@dataclass(frozen=True, slots=True)
class _Range:
    """One or more signals, late polls or failures between two moments."""

    from_ns: int
    to_ns: int
    count: int


def interval_after(interval_ns: int, failures: int) -> int:
    """Return the time to the next poll after this number of consecutive failures.

    Each failure doubles it, from the interval up to LONGEST_BACK_OFF_NS.
    """
    return max(interval_ns, min(interval_ns << min(failures, 40), LONGEST_BACK_OFF_NS))


def is_late(poll: Poll, interval_ns: int) -> bool:
    """Whether a poll began so late that it may have missed something."""
    return poll.late_ns > 2 * interval_ns + LATE_NS


def state_after(before: Snapshot, events: Iterable[MonitorEvent]) -> Snapshot:
    """Return the snapshot `before` a poll, changed by the first events of that poll."""
    items = list(before)
    for event in events:
        if isinstance(event, ConnectionEvent):
            index = items.index(event.before) if event.before in items else len(items)
            items[index : index + 1] = () if event.after is None else (event.after,)
    return Snapshot(items)


def _reason(event: LogEvent | None) -> Reason | None:
    return None if event is None or event.code is None else explain(event.code)


def _joined(one: _Range | None, other: _Range) -> _Range:
    if one is None:
        return other
    return _Range(one.from_ns, other.to_ns, one.count + other.count)


class Engine:
    """Turns polls into events.

    `entries`: report only events of these phone-book entries, besides Gap and Provider events.
    `notifications` False: RAS gives no signals, so report no blip and no unreported Gap.
    `event_log` False: nobody reads the event log, so report no reasons.
    """

    def __init__(
        self,
        *,
        interval_ns: int,
        entries: Iterable[str] | None = None,
        notifications: bool = True,
        event_log: bool = False,
    ) -> None:
        self.next_look_ns: int | None = None
        """When the next poll is needed, if it is not due earlier."""
        self.poll_interval_ns = interval_ns
        """The time between polls: longer while RAS fails."""
        self.wants_registration = False
        """Whether to register with RAS again before the next poll."""
        self.notifications = notifications
        """Set it to False if RAS turns out to give no signals."""
        self._interval_ns = interval_ns
        self._entries = {entry.casefold(): entry for entry in entries or ()}
        self._all_entries = entries is None
        self._sequence = 0
        self._failures = 0
        self._late: _Range | None = None
        self._missed: _Range | None = None  # of the event log
        self._connections = Connections()
        self._reasons = Reasons()
        self._timelines = Timelines()
        self._healths = Healths()
        self._event_log = event_log
        self._samples: dict[Key, Sample] = {}
        self._changes: deque[_Change] = deque(maxlen=_MOST_CHANGES)  # waiting for a signal
        self._signals: deque[_Range] = deque()  # waiting for a change
        self._burst: _Range | None = None  # signals that no change explains
        self._signal_ns: int | None = None  # when the last signal was found
        self._trusted_ns = 0  # a registration made before this moment may not work
        self._register_ns = 0  # do not register again before this moment
        self._register_pause_ns = FIRST_REGISTRATION_PAUSE_NS

    @property
    def snapshot(self) -> Snapshot:
        """The last snapshot that was read."""
        return self._connections.snapshot

    def watched(self, snapshot: Snapshot) -> Snapshot:
        """Return the connections of a snapshot that this engine reports."""
        if self._all_entries:
            return snapshot
        return Snapshot(
            item for item in snapshot if item.connection.entry_name.casefold() in self._entries
        )

    def state(self, entry: str) -> Observation | None:
        """Return the connection of this phone-book entry, ignoring letter case, or None."""
        return self.snapshot.find(entry)

    def timeline(self, entry: str) -> DialTimeline | None:
        """Return how the last dialling of an entry went, or None. Any thread may call it."""
        return self._timelines.find(entry)

    def health(self, entry: str) -> Health | None:
        """Return the health of the connection of an entry, or None. Any thread may call it."""
        seen = self.state(entry)
        return None if seen is None else self._healths.get(seen.connection)

    def apply(self, poll: Poll) -> list[MonitorEvent]:
        """Take one poll; return its events in order, ends first."""
        self._poll = poll
        self._healths.note_probes(poll.probes)
        events: list[MonitorEvent] = []
        self._events = events
        logged = self._reasons.read(poll.log, poll.monotonic_ns)
        self._tell_missed(poll)
        if poll.suspended_ns:
            self._tell_gap(GapKind.SUSPENDED, _Range(poll.previous_ns, poll.monotonic_ns, 1))
        if poll.snapshot is None:
            if not self._failures:
                self._tell(ProviderFailed, not_before_ns=poll.previous_ns, code=poll.code)
            self._failures += 1
        else:
            self._read(poll, poll.snapshot)
        for event in logged:
            self._tell_logged(event)
        self._tell_reasons(has_log=poll.has_log)
        self._plan(poll)
        return events

    def close(self, monotonic_ns: int, time_ns: int) -> list[MonitorEvent]:
        """Return the events for the ends that still wait for their reasons, with these moments."""
        self._poll = Poll(monotonic_ns, time_ns, monotonic_ns, None)
        events: list[MonitorEvent] = []
        self._events = events
        self._tell_reasons(has_log=False)
        return events

    def _read(self, poll: Poll, snapshot: Snapshot) -> None:
        first = self._connections.is_first
        covered = self._tell_outage(poll, first=first)
        self._report_unmatched(poll.previous_ns)
        differences = self._connections.update(snapshot, poll.monotonic_ns)
        if poll.samples is not None:
            self._samples = {key_of(sample): sample for sample in poll.samples}
        for difference in differences:
            self._tell_difference(poll, difference)
        if first:
            self._tell_absent(snapshot)
        for change in self._healths.update(snapshot, self._samples):
            self._tell_health(change)
        self._match(poll, differences, covered=covered)
        self._report_unmatched(poll.monotonic_ns)

    def _tell_missed(self, poll: Poll) -> None:
        """Report that events of the log may be missing: once for those that follow each other."""
        now_ns = poll.monotonic_ns
        if poll.log_missed_ns is not None:
            self._missed = _joined(self._missed, _Range(poll.log_missed_ns, now_ns, 1))
        run = self._missed
        if run and (now_ns >= run.to_ns + SETTLING_NS or now_ns - run.from_ns >= LONGEST_BURST_NS):
            self._tell_gap(GapKind.LOG, run)
            self._missed = None

    def _tell_outage(self, poll: Poll, *, first: bool) -> bool:
        """Report failed and late polls. Return whether a Gap covers the time before this poll."""
        failures = self._failures
        if failures:
            down_ns = poll.monotonic_ns - poll.previous_ns
            self._tell(ProviderRecovered, not_before_ns=poll.previous_ns, down_for=down_ns / _S)
            outage = _Range(poll.previous_ns, poll.monotonic_ns, failures)
            self._tell_gap(GapKind.FAILED, outage)
            self._failures, self._trusted_ns = 0, poll.monotonic_ns
        explained = bool(first or failures or poll.suspended_ns)
        late = is_late(poll, self._interval_ns) and not explained
        if late:
            self._late = _joined(self._late, _Range(poll.previous_ns, poll.monotonic_ns, 1))
        run = self._late
        if run:
            is_over = not late and poll.monotonic_ns >= run.to_ns + self._interval_ns
            if is_over or run.to_ns - run.from_ns >= LONGEST_OUTAGE_NS:
                self._tell_gap(GapKind.LATE, run)
                self._late = None
        return explained or late

    # Changes and signals

    def _match(self, poll: Poll, differences: list[Difference], *, covered: bool) -> None:
        """Match each signal with one change, oldest first.

        The others wait for the settling time. One signal may stand for several changes, so no
        change that was found near a signal counts as unreported.
        """
        if poll.signalled:
            self._signal_ns = poll.monotonic_ns
            self._expect_nothing()
        expecting = not covered and self._should_be_signalled(poll)
        for item in differences:
            expected = expecting and item.is_signalled
            change = _Change(poll.monotonic_ns, poll.previous_ns, expected)
            self._changes.extend([change] * item.signals)
        if poll.signalled and (self._changes or not covered):
            self._signals.append(_Range(poll.previous_ns, poll.monotonic_ns, 1))
        from_ns = self._signals[0].from_ns if self._signals else 0
        while self._changes and self._signals:
            self._changes.popleft()
            self._signals.popleft()
        if self._signals:  # nobody knows which signals the changes explain
            self._signals[0] = replace(self._signals[0], from_ns=from_ns)

    def _should_be_signalled(self, poll: Poll) -> bool:
        """Whether RAS should have signalled changes of this poll, but signalled nothing near it."""
        if poll.registered_ns is None:
            return False
        heard = self._signal_ns is not None and poll.previous_ns < self._signal_ns + SETTLING_NS
        return not heard and self._trusted_ns <= poll.registered_ns <= poll.previous_ns

    def _expect_nothing(self) -> None:
        if not self._changes:
            return
        quiet = (change._replace(expected=False) for change in self._changes)
        self._changes = deque(quiet, maxlen=_MOST_CHANGES)

    def _report_unmatched(self, now_ns: int) -> None:
        """Report signals and changes that had no match within the settling time."""
        if not (self._signals or self._burst or self._changes):
            return
        while self._signals and self._signals[0].to_ns + SETTLING_NS <= now_ns:
            self._burst = _joined(self._burst, self._signals.popleft())
        burst = self._burst
        if burst and (not self._signals or now_ns - burst.from_ns >= LONGEST_BURST_NS):
            self._tell_gap(GapKind.BLIP, burst)
            self._burst = None
        silence = None
        while self._changes and self._changes[0].found_ns + SETTLING_NS <= now_ns:
            change = self._changes.popleft()
            if change.expected:
                silence = _joined(silence, _Range(change.not_before_ns, change.found_ns, 1))
        if silence:
            self._tell_gap(GapKind.UNREPORTED, silence)
            self._trusted_ns = self._poll.monotonic_ns
            self._expect_nothing()

    # Telling

    def _tell_difference(self, poll: Poll, item: Difference) -> None:
        is_told = self._all_entries or self._is_of_an_entry(item)
        if is_told:
            members: dict[str, Any] = {"before": item.before, "after": item.after}
            if item.kind is not Found:
                members["not_before_ns"] = poll.previous_ns
            if item.kind is Connected:
                members["down_for"] = item.seconds
            if item.kind is Disconnected:
                members["uptime"] = self._uptime(poll, item)
            self._tell(item.kind, **members)
        self._timelines.see(item, self._time)
        observation = item.after or item.before
        if observation and item.kind is not Disconnected:
            is_new = item.before is None or item.before.gone
            self._reasons.see(observation.connection, is_new=is_new)
        elif observation and self._event_log:
            from_ns = poll.time_ns - (poll.monotonic_ns - poll.previous_ns)
            self._reasons.add_end(
                End(
                    sequence=self._sequence if is_told else None,
                    connection=observation.connection,
                    from_ns=from_ns,
                    to_ns=poll.time_ns,
                    found_ns=poll.monotonic_ns,
                )
            )

    def _uptime(self, poll: Poll, item: Difference) -> float | None:
        """Return how long a connection was up: by its own duration, if it was sampled."""
        sample = self._samples.get(key_of(item.before.connection)) if item.before else None
        return item.seconds if sample is None else (poll.monotonic_ns - sample.connected_ns) / _S

    def _is_of_an_entry(self, item: Difference) -> bool:
        observations = [seen for seen in (item.before, item.after) if seen]
        names = {seen.connection.entry_name.casefold() for seen in observations}
        return not names.isdisjoint(self._entries)

    def _tell_health(self, change: HealthChange) -> None:
        """Tell a change that no other event tells."""
        now = change.after.kind
        over = now is HealthKind.UP and change.before.kind in _WITHOUT_AN_ANSWER
        watched = self._all_entries or change.connection.entry_name.casefold() in self._entries
        if watched and (over or now in _WITHOUT_AN_ANSWER):
            self._tell(
                HealthChanged,
                connection=change.connection,
                health=change.after,
                previous=change.before,
            )

    def _tell_absent(self, snapshot: Snapshot) -> None:
        for entry in self._entries.values():
            if snapshot.find(entry) is None:
                self._tell(Absent, entry=entry)

    def _tell_logged(self, event: LogEvent) -> None:
        entry = self._reasons.entry_of(event)
        self._timelines.read(event, entry)
        kind = _LOGGED.get(event.event_id)
        wanted = self._all_entries or any(same_entry(entry, name) for name in self._entries)
        if kind is None or not wanted:
            return
        members: dict[str, Any] = {"entry": entry, "log_event": event}
        if kind is DialFailed:
            members["reason"] = _reason(event)
        self._tell(kind, **members)

    def _tell_reasons(self, *, has_log: bool) -> None:
        for end in self._reasons.take_answered(self._poll.monotonic_ns, has_log=has_log):
            if end.sequence is not None:
                self._tell(
                    Explained,
                    disconnected=end.sequence,
                    entry=end.connection.entry_name,
                    reason=_reason(end.log_event),
                    matched_by=end.matched_by,
                    log_event=end.log_event,
                )

    def _tell_gap(self, why: GapKind, where: _Range) -> None:
        listed = (item.connection for item in self._poll.snapshot or ())
        self._tell(
            Gap,
            kind=why,
            count=where.count,
            from_ns=where.from_ns,
            to_ns=where.to_ns,
            log_events=self._reasons.unseen(where.from_ns - SETTLING_NS, listed),
        )

    @property
    def _time(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self._poll.time_ns // 1000)

    def _tell(self, event: type[MonitorEvent], /, **members: Any) -> None:
        self._sequence += 1
        now_ns = self._poll.monotonic_ns
        self._events.append(
            event(sequence=self._sequence, monotonic_ns=now_ns, time=self._time, **members)
        )

    # The next poll

    def _plan(self, poll: Poll) -> None:
        """Decide when to poll next, and whether to register again before."""
        self.poll_interval_ns = interval_after(self._interval_ns, self._failures)
        self.wants_registration = False
        now_ns = poll.monotonic_ns
        looks = [] if self._reasons.deadline_ns is None else [self._reasons.deadline_ns]
        if self._missed:
            looks.append(self._missed.to_ns + SETTLING_NS)
        if not self._failures:
            looks += self._looks_for_changes(poll)
        self.next_look_ns = min((look for look in looks if look > now_ns), default=None)

    def _looks_for_changes(self, poll: Poll) -> list[int]:
        """Return when to look for changes that signals and the event log announce."""
        now_ns, looks = poll.monotonic_ns, []
        if self._late:
            looks.append(self._late.to_ns + self._interval_ns)
        if self._signals:
            looks.append((self._burst or self._signals[0]).from_ns + LONGEST_BURST_NS)
            looks += [self._signals[-1].to_ns + delay_ns for delay_ns in LOOKS_AFTER_SIGNAL_NS]
        if self._reasons.ahead_ns is not None:
            looks += [self._reasons.ahead_ns + delay_ns for delay_ns in LOOKS_AFTER_SIGNAL_NS]
        looks += [item.found_ns + SETTLING_NS for item in self._changes if item.expected][:1]
        registered_ns = poll.registered_ns
        if self.notifications and (registered_ns is None or registered_ns < self._trusted_ns):
            self._ask_for_registration(now_ns)
            looks.append(now_ns + 1 if self.wants_registration else self._register_ns)
        return looks

    def _ask_for_registration(self, now_ns: int) -> None:
        if now_ns < self._register_ns:
            return
        calm = now_ns - self._register_ns > LONGEST_REGISTRATION_PAUSE_NS
        longer_ns = min(2 * self._register_pause_ns, LONGEST_REGISTRATION_PAUSE_NS)
        self._register_pause_ns = FIRST_REGISTRATION_PAUSE_NS if calm else longer_ns
        self._register_ns = now_ns + self._register_pause_ns
        self.wants_registration = True
