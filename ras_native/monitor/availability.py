"""How available each phone-book entry was: its states, its outages, and why it ended.

`Availability` takes the events of a Monitor, or of `replay`. It has no thread and no clock.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import groupby
from typing import Any, NamedTuple

from .. import _check
from .._explain import Reason
from .._help import documented
from .._plain import plain, plain_members
from .._records import ConnState, ConnSubstate, Observation, Snapshot
from .differences import Key, identity
from .events import (
    Absent,
    ConnectionEvent,
    Disconnected,
    Explained,
    Gap,
    GapKind,
    HealthChanged,
    MonitorEvent,
    ProviderFailed,
    ProviderRecovered,
)
from .health import HealthKind

MOST_ENTRIES = 1000
"""At most this many entries are kept."""
MOST_RESULTS = 360
"""At most this many results of probes are kept for each entry or target."""

_DAY = 86_400.0
_MOST_CHANGES = 10_000_000
_NS = 1_000_000_000


class AvailabilityState(str, Enum):
    """The state of a phone-book entry.

    - `UP`: It is connected, and nothing shows a problem.
    - `DORMANT`: The interface under its IKEv2 tunnel is down.
    - `RECONNECTING`: Its IKEv2 tunnel is changing to another interface.
    - `SILENT`: Something is sent through it, and nothing comes back.
    - `UNREACHABLE`: The probe through it fails.
    - `CONNECTING`: It is being dialled, or its dialling failed.
    - `DOWN`: It is not connected, and was listed before.
    - `ABSENT`: It has not been listed since the Monitor began.
    - `UNKNOWN`: RAS cannot be asked, the system slept, or events were lost.

    >>> availability = Availability(["Head office"])
    >>> availability.apply_snapshot(ras.snapshot(), 1_000_000_000)
    >>> availability.summary("Head office", 2_000_000_000).state is AvailabilityState.ABSENT
    True
    """

    UP = "up"
    DORMANT = "dormant"
    RECONNECTING = "reconnecting"
    SILENT = "silent"
    UNREACHABLE = "unreachable"
    CONNECTING = "connecting"
    DOWN = "down"
    ABSENT = "absent"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


_BEST_FIRST = {
    state: rank
    for rank, state in enumerate(
        (
            AvailabilityState.UP,
            AvailabilityState.UNKNOWN,
            AvailabilityState.SILENT,
            AvailabilityState.UNREACHABLE,
            AvailabilityState.RECONNECTING,
            AvailabilityState.DORMANT,
            AvailabilityState.CONNECTING,
            AvailabilityState.DOWN,
        )
    )
}


@documented
class StateSegment(NamedTuple):
    """A time in which an entry was in one state.

    - `state`: The state.
    - `from_ns`: When it began, on the clock of `MonitorEvent.monotonic_ns`.
    - `to_ns`: When it ended, or the end of the window.

    >>> availability = Availability(["Head office"])
    >>> availability.apply_snapshot(ras.snapshot(), 1_000_000_000)
    >>> (segment,) = availability.summary("Head office", 61_000_000_000).timeline
    >>> print(segment.state, segment.to_ns - segment.from_ns)
    absent 60000000000
    """

    state: AvailabilityState
    from_ns: int
    to_ns: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return plain_members(self)


@documented
@dataclass(frozen=True, slots=True)
class EndReason:
    """Why connections of an entry ended.

    - `reason`: The reason; None if it is unknown.
    - `count`: How many connections ended for this reason.
    - `monotonic_ns`: When the last of these connections ended, on the clock of
      `MonitorEvent.monotonic_ns`.
    - `time`: The same moment in UTC.

    >>> availability = Availability()
    >>> handle = sim.add("Head office")
    >>> connected = monitor.get()
    >>> sim.drop(handle)
    >>> for event in (connected, monitor.get(), monitor.get()):  # the last one is Explained
    ...     availability.apply(event)
    >>> (end,) = availability.summary("Head office", event.monotonic_ns).reasons
    >>> print(end.count, end.reason.name)
    1 ERROR_REMOTE_DISCONNECTION
    """

    reason: Reason | None
    count: int
    monotonic_ns: int
    time: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


@documented
class RoundTrips(NamedTuple):
    """The last results of the probes through an entry, or to a target.

    - `last`: Seconds of the last probe; None if it had no answer.
    - `average`: The average in seconds; None if no probe had an answer.
    - `p95`: At least 95 of 100 answers took no longer than these seconds; None if no
      probe had an answer.
    - `sent`: The number of results that are kept, which is at most 360.
    - `lost`: How many probes had no answer.
    - `recent`: The results that are kept, oldest first: seconds, or None for no answer.

    >>> availability = Availability(["Head office"])
    >>> for second, answer in enumerate([0.02, 0.04, None], 1):
    ...     availability.apply_probe("Head office", answer, second * 1_000_000_000)
    >>> round_trips = availability.round_trips("Head office")
    >>> round_trips.sent, round_trips.lost, round_trips.recent
    (3, 1, (0.02, 0.04, None))
    """

    last: float | None
    average: float | None
    p95: float | None
    sent: int
    lost: int
    recent: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return plain_members(self)


@documented
class EntryTotals(NamedTuple):
    """What happened to an entry since the start. These numbers never decrease.

    - `drops`: How many of its connections ended after they were up.
    - `outages`: How many outages began.
    - `outage_seconds`: How long the outages lasted, without the time in the current state unless
      `Availability.totals` was given `now_ns`.

    >>> availability = Availability()
    >>> handle = sim.add("Head office")
    >>> connected = monitor.get()
    >>> sim.drop(handle)
    >>> for event in (connected, monitor.get()):
    ...     availability.apply(event)
    >>> availability.totals("Head office", event.monotonic_ns + 2_000_000_000)
    EntryTotals(drops=1, outages=1, outage_seconds=2.0)
    """

    drops: int
    outages: int
    outage_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return plain_members(self)


@documented
@dataclass(frozen=True, slots=True, kw_only=True)
class EntryAvailability:
    """How available one entry was in a window of time.

    - `entry`: The phone-book entry, as it was first named.
    - `state`: Its state now.
    - `since_ns`: Since when it has this state, on the clock of `MonitorEvent.monotonic_ns`;
      None before the first event.
    - `from_ns`: The start of `timeline`: at most a window before `to_ns`.
    - `to_ns`: The end of the window.
    - `availability`: `up_seconds` / `known_seconds`, from 0 to 1; None if nothing was known.
    - `up_seconds`: How long it was UP.
    - `known_seconds`: How long it was in any state but UNKNOWN.
    - `outages`: How many outages began or lasted in the window. An outage that still lasts
      counts too.
    - `outage_seconds`: How long these outages lasted in the window.
    - `longest_outage`: How many seconds the longest outage lasted in the window.
    - `drops`: How many of its connections ended after they were up. Each link of a multilink
      connection counts.
    - `reasons`: Why these connections ended, the last reason first. The sum of the counts is
      `drops`.
    - `timeline`: Its states, oldest first, from `from_ns` to `to_ns`.
    - `round_trips`: The last results of its probes; None if it has no results.

    >>> availability = Availability(["Head office"])
    >>> availability.apply_snapshot(ras.snapshot(), 1_000_000_000)
    >>> summary = availability.summary("Head office", 61_000_000_000)
    >>> print(summary.state, summary.known_seconds, summary.availability)
    absent 60.0 0.0
    """

    entry: str
    state: AvailabilityState
    since_ns: int | None
    from_ns: int
    to_ns: int
    availability: float | None
    up_seconds: float
    known_seconds: float
    outages: int
    outage_seconds: float
    longest_outage: float
    drops: int
    reasons: tuple[EndReason, ...]
    timeline: tuple[StateSegment, ...]
    round_trips: RoundTrips | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


class _Change(NamedTuple):
    """The state of an entry since a moment."""

    state: AvailabilityState
    from_ns: int
    outage: int | None
    """The number of the outage that it belongs to."""
    begins_outage: bool


@dataclass(slots=True)
class _End:
    """The end of a connection."""

    sequence: int
    monotonic_ns: int
    time: datetime
    reason: Reason | None = None


class _Link(NamedTuple):
    """One connection of an entry."""

    state: AvailabilityState
    health: AvailabilityState
    """UP, SILENT or UNREACHABLE: counts while the state is UP."""

    @property
    def shown(self) -> AvailabilityState:
        return self.health if self.state is AvailabilityState.UP else self.state


def _link(observation: Observation, before: _Link | None) -> _Link:
    """Return the link that a poll saw. Its health stays until an event changes it."""
    state = _state(observation)
    keeps = before is not None and state in (AvailabilityState.UP, AvailabilityState.UNKNOWN)
    return _Link(state, before.health if before and keeps else AvailabilityState.UP)


def _state(observation: Observation) -> AvailabilityState:
    if observation.is_up:
        return AvailabilityState.UP
    status = observation.status
    if status is None:
        return AvailabilityState.UNKNOWN
    if status.state is ConnState.CONNECTED:
        dormant = status.substate is ConnSubstate.DORMANT
        return AvailabilityState.DORMANT if dormant else AvailabilityState.RECONNECTING
    ended = status.state is ConnState.DISCONNECTED
    return AvailabilityState.DOWN if ended else AvailabilityState.CONNECTING


@dataclass(slots=True)
class _Entry:
    """What is kept of one entry."""

    name: str
    changes: deque[_Change]
    ends: deque[_End]
    is_expected: bool = False
    links: dict[Key, _Link] = field(default_factory=dict)
    was_listed: bool = False
    was_up: bool = False
    outage: int | None = None
    """The number of the outage that lasts now."""
    drops: int = 0
    outages: int = 0
    outage_ns: int = 0

    def current(self) -> AvailabilityState:
        """Return the best state of its connections."""
        if self.links:
            return min((link.shown for link in self.links.values()), key=_BEST_FIRST.__getitem__)
        return AvailabilityState.DOWN if self.was_listed else AvailabilityState.ABSENT

    def change(self, state: AvailabilityState, now_ns: int) -> None:
        """Be in this state from now on."""
        last = self.changes[-1] if self.changes else None
        if last is not None:
            now_ns = max(now_ns, last.from_ns)
            if last.state is state:
                return
            if last.outage is not None:
                self.outage_ns += now_ns - last.from_ns
        if state is AvailabilityState.UP:
            self.was_up, self.outage = True, None
        known = state is not AvailabilityState.UNKNOWN
        begins = known and self.was_up and self.outage is None and state is not AvailabilityState.UP
        if begins:
            self.outages += 1
            self.outage = self.outages
        self.changes.append(_Change(state, now_ns, self.outage if known else None, begins))

    def forget_before(self, moment_ns: int) -> None:
        """Forget what ended before this moment."""
        while len(self.changes) > 1 and self.changes[1].from_ns < moment_ns:
            self.changes.popleft()
        while self.ends and self.ends[0].monotonic_ns < moment_ns:
            self.ends.popleft()

    def periods(self, from_ns: int, to_ns: int) -> list[tuple[_Change, int, int]]:
        """Return the changes that count in a window, each with its begin and end there."""
        found = []
        for change in reversed(self.changes):
            found.append((change, max(change.from_ns, from_ns), to_ns))
            to_ns = change.from_ns
            if to_ns <= from_ns:
                break
        return found[::-1]


class Availability:
    """Finds out from events how available each phone-book entry was.

    >>> from ras_native import Availability, Monitor, Ras
    >>> from ras_native.sim import Simulator
    >>> availability = Availability()
    >>> with Simulator() as sim, Ras(sim) as ras, Monitor(ras) as monitor:
    ...     handle = sim.add("Head office")
    ...     event = monitor.get()
    ...     availability.apply(event)
    >>> summary = availability.summary("Head office", event.monotonic_ns + 5_000_000_000)
    >>> print(summary.state, summary.availability, summary.up_seconds)
    up 1.0 5.0

    An outage begins when an entry that was up stops being up. It ends when the entry is up again.
    The first dialling is no outage. Time in the state UNKNOWN is not part of an outage. An entry
    that was dialled again between two polls had an outage of 0 seconds. An entry with several
    connections has the state of the best one.

    UNKNOWN counts neither as up nor as down. It is the state before the first event, while RAS
    cannot be asked, while the system slept, and for the time of events that a slow consumer lost.
    The counts do not include lost events. After them, a connection that is up has the state UP
    until an event reports that it is silent or unreachable.

    A `sequence` that does not grow means a new Monitor. The time between both Monitors is UNKNOWN.
    A new outage begins only after the new Monitor saw the entry up.

    entries: entries that should be connected. They are present from the start. Their state is
    UNKNOWN until the first poll, then ABSENT until they are listed. Letter case does not matter.
    window: how many seconds to keep.
    most_changes: how many changes of state to keep for each entry. Half as many ends of connections
    are kept.

    It keeps at most 1,000 entries. If more come, it removes others: first the entry that has been
    down longest, and expected entries last. `forgotten` counts the removed entries. Use it from one
    thread at a time.

    Raises TypeError or ValueError for a bad argument.
    """

    def __init__(
        self, entries: Iterable[str] = (), *, window: float = _DAY, most_changes: int = 1000
    ) -> None:
        self._window_ns = _check.nanoseconds("window", window, shortest=1.0)
        self._most_changes = _check.whole_number("most_changes", most_changes, 2, _MOST_CHANGES)
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._probes: OrderedDict[str, deque[tuple[int, float | None]]] = OrderedDict()
        self._is_blind = True
        self._sequence = 0
        self._now_ns: int | None = None  # of the last event
        self.forgotten = 0
        """How many entries were removed because there were too many."""
        if isinstance(entries, (str, bytes)) or not isinstance(entries, Iterable):
            raise _check.wrong_type("entries", "an iterable of names", entries)
        for name in entries:
            self._track(_check.text("entries", name)).is_expected = True
        if self.forgotten:
            raise ValueError(f"entries must name at most {MOST_ENTRIES} entries")

    @property
    def window(self) -> float:
        """How many seconds are kept."""
        return self._window_ns / _NS

    @property
    def entries(self) -> tuple[str, ...]:
        """The names of the entries, in the order in which they were first named."""
        return tuple(entry.name for entry in self._entries.values())

    # What happens

    def apply(self, event: MonitorEvent) -> None:
        """Take the next event. Raises TypeError if `event` is not an event.

        >>> availability = Availability()
        >>> handle = sim.add("Head office")
        >>> availability.apply(monitor.get())
        >>> availability.entries
        ('Head office',)
        """
        if not isinstance(event, MonitorEvent):
            raise _check.wrong_type("event", "an event of a Monitor", event)
        now_ns = event.monotonic_ns
        if event.sequence <= self._sequence:
            self._begin_again()
        self._sequence, self._now_ns = event.sequence, now_ns
        if isinstance(event, ConnectionEvent):
            self._see(now_ns)
            self._apply_connection(event)
        elif isinstance(event, HealthChanged):
            self._apply_health(event)
        elif isinstance(event, Absent):
            self._see(now_ns)
            entry = self._track(event.entry)
            entry.is_expected = True
            self._settle(entry, now_ns)
        elif isinstance(event, Explained):
            self._apply_reason(event)
        elif isinstance(event, ProviderFailed):
            self._go_blind(event.not_before_ns)
        elif isinstance(event, ProviderRecovered):
            self._skip(event.not_before_ns, now_ns)
        elif isinstance(event, Gap):
            self._apply_gap(event)

    def apply_snapshot(self, snapshot: Snapshot, monotonic_ns: int) -> None:
        """Take all connections at once, as a poll at this moment listed them.

        A Monitor's events make this unnecessary, with one exception. If its first poll lists
        nothing, and the Monitor was not given the expected entries, then no event reports that.

        snapshot: the connections, as `Ras.snapshot` or `Monitor.snapshot` gives them.
        monotonic_ns: when the poll returned, on the clock of `time.perf_counter_ns`.

        >>> availability = Availability(["Head office"])
        >>> availability.apply_snapshot(ras.snapshot(), 1_000_000_000)
        >>> print(availability.summary("Head office", 2_000_000_000).state)
        absent
        """
        if not isinstance(snapshot, Snapshot):
            raise _check.wrong_type("snapshot", "a ras_native.Snapshot", snapshot)
        self._is_blind = False
        for entry in self._entries.values():
            entry.links.clear()
        for observation in snapshot:
            self._list(observation, None)
        self._settle_all(monotonic_ns)

    def apply_probe(self, name: str, seconds: float | None, monotonic_ns: int) -> None:
        """Take the result of a probe through an entry, or to any other target.

        name: the entry or the target; letter case does not matter.
        seconds: how long the answer took; None if there was no answer.
        monotonic_ns: when the probe ended. A result that is not newer than the last one of this
        name is ignored. So you may pass all of `Monitor.probe_results` again and again.

        >>> availability = Availability(["Head office"])
        >>> availability.apply_probe("Head office", 0.02, 1_000_000_000)
        >>> availability.apply_probe("Head office", None, 2_000_000_000)  # no answer
        >>> availability.round_trips("Head office").lost
        1
        """
        key = _check.text("name", name).casefold()
        results = self._probes.get(key)
        if results is None:
            if len(self._probes) >= MOST_ENTRIES:
                self._probes.popitem(last=False)
            results = self._probes[key] = deque(maxlen=MOST_RESULTS)
        if not results or monotonic_ns > results[-1][0]:
            results.append((monotonic_ns, seconds))

    # What is known

    def summary(self, entry: str, now_ns: int, *, window: float | None = None) -> EntryAvailability:
        """Return how available an entry was in the `window` seconds before `now_ns`.

        now_ns: the present, on the clock of `time.perf_counter_ns`, which events use. For a replay,
        use the `monotonic_ns` of an event. The window never ends before the last change.
        window: None means the whole time that is kept.

        Raises KeyError for an entry that is not in `entries`, ValueError for a window longer than
        the time that is kept.

        >>> availability = Availability()
        >>> handle = sim.add("Head office")
        >>> connected = monitor.get()
        >>> sim.drop(handle)
        >>> for event in (connected, monitor.get()):
        ...     availability.apply(event)
        >>> summary = availability.summary("Head office", event.monotonic_ns + 60_000_000_000)
        >>> print(summary.state, summary.outages, summary.outage_seconds)
        down 1 60.0
        """
        window_ns = self._window_ns
        if window is not None:
            window_ns = _check.nanoseconds("window", window, longest=self.window)
        kept = self._kept(entry)
        last = kept.changes[-1] if kept.changes else None
        to_ns = now_ns if last is None else max(now_ns, last.from_ns)
        from_ns = to_ns - window_ns
        periods = kept.periods(from_ns, to_ns)
        up_ns = known_ns = 0
        outages: dict[int, int] = {}
        for change, begin_ns, end_ns in periods:
            length_ns = end_ns - begin_ns
            known_ns += 0 if change.state is AvailabilityState.UNKNOWN else length_ns
            up_ns += length_ns if change.state is AvailabilityState.UP else 0
            if change.outage is not None and (length_ns or change.begins_outage):
                outages[change.outage] = outages.get(change.outage, 0) + length_ns
        reasons = _reasons(end for end in kept.ends if end.monotonic_ns > from_ns)
        return EntryAvailability(
            entry=kept.name,
            state=AvailabilityState.UNKNOWN if last is None else last.state,
            since_ns=None if last is None else last.from_ns,
            from_ns=periods[0][1] if periods else to_ns,
            to_ns=to_ns,
            availability=up_ns / known_ns if known_ns else None,
            up_seconds=up_ns / _NS,
            known_seconds=known_ns / _NS,
            outages=len(outages),
            outage_seconds=sum(outages.values()) / _NS,
            longest_outage=max(outages.values(), default=0) / _NS,
            drops=sum(reason.count for reason in reasons),
            reasons=reasons,
            timeline=tuple(_joined(periods)),
            round_trips=self.round_trips(entry),
        )

    def totals(self, entry: str, now_ns: int | None = None) -> EntryTotals:
        """Return what happened to an entry since the start. Raises KeyError as `summary` does.

        now_ns: the present, as for `summary`; `outage_seconds` then counts the present state too.

        >>> availability = Availability()
        >>> handle = sim.add("Head office")
        >>> connected = monitor.get()
        >>> sim.drop(handle)
        >>> for event in (connected, monitor.get()):
        ...     availability.apply(event)
        >>> availability.totals("Head office").drops
        1
        """
        kept = self._kept(entry)
        last = kept.changes[-1] if kept.changes else None
        outage_ns = kept.outage_ns
        if now_ns is not None and last is not None and last.outage is not None:
            outage_ns += max(0, now_ns - last.from_ns)
        return EntryTotals(kept.drops, kept.outages, outage_ns / _NS)

    def round_trips(self, name: str) -> RoundTrips | None:
        """Return the last results of the probes of an entry or target, or None if it has none.

        name: as it was given to `apply_probe`, in any letter case.

        >>> availability = Availability(["Head office"])
        >>> availability.apply_probe("Head office", 0.02, 1_000_000_000)
        >>> availability.round_trips("Head office").last
        0.02
        """
        results = self._probes.get(_check.text("name", name).casefold())
        if not results:
            return None
        recent = tuple(seconds for _, seconds in results)
        answers = sorted(seconds for seconds in recent if seconds is not None)
        count = len(answers)
        return RoundTrips(
            last=recent[-1],
            average=sum(answers) / count if count else None,
            p95=answers[(95 * count + 99) // 100 - 1] if count else None,
            sent=len(recent),
            lost=len(recent) - count,
            recent=recent,
        )

    # Events

    def _apply_connection(self, event: ConnectionEvent) -> None:
        before, after, now_ns = event.before, event.after, event.monotonic_ns
        link, changed = None, []
        if before is not None:
            entry = self._track(before.connection.entry_name)
            entry.was_listed = True
            link = entry.links.pop(identity(before.connection), None)
            changed.append(entry)
        if after is not None:
            changed.append(self._list(after, link))
        if isinstance(event, Disconnected):
            ended = changed[-1]
            ended.drops += 1
            ended.ends.append(_End(event.sequence, now_ns, event.time))
        for entry in changed:
            self._settle(entry, now_ns)

    def _apply_health(self, event: HealthChanged) -> None:
        entry = self._track(event.connection.entry_name)
        key = identity(event.connection)
        if key in entry.links:
            health = _HEALTH.get(event.health.kind, AvailabilityState.UP)
            entry.links[key] = entry.links[key]._replace(health=health)
            self._settle(entry, event.monotonic_ns)

    def _apply_reason(self, event: Explained) -> None:
        entry = self._entries.get(event.entry.casefold())
        for end in reversed(entry.ends if entry else ()):
            if end.sequence == event.disconnected:
                end.reason = event.reason
                return

    def _apply_gap(self, event: Gap) -> None:
        if event.snapshot is not None:
            self._go_blind(event.from_ns)
            self.apply_snapshot(event.snapshot, event.to_ns)
        elif event.kind is GapKind.SUSPENDED and not self._is_blind:
            self._skip(event.from_ns, event.to_ns)

    def _begin_again(self) -> None:
        """Forget the last states, because the events of another Monitor follow."""
        self._go_blind(self._now_ns)
        for entry in self._entries.values():
            entry.links.clear()
            entry.was_listed = entry.was_up = False
            entry.outage = None

    # Entries

    def _kept(self, name: str) -> _Entry:
        entry = self._entries.get(_check.text("entry", name).casefold())
        if entry is None:
            raise KeyError(f"no event was about the entry {name!r}, and it was not expected")
        return entry

    def _track(self, name: str) -> _Entry:
        """Return the entry of this name. Add it if it is new."""
        key = name.casefold()
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) >= MOST_ENTRIES:
                del self._entries[min(self._entries, key=self._importance)]
                self.forgotten += 1
            most = self._most_changes
            entry = _Entry(name, deque(maxlen=most), deque(maxlen=most // 2))
            self._entries[key] = entry
        return entry

    def _importance(self, key: str) -> tuple[bool, bool, int]:
        entry = self._entries[key]
        since_ns = entry.changes[-1].from_ns if entry.changes else 0
        return entry.is_expected, bool(entry.links), since_ns

    def _list(self, observation: Observation, before: _Link | None) -> _Entry:
        """Add a connection to its entry, unless it is gone; the caller settles the entry."""
        connection = observation.connection
        entry = self._track(connection.entry_name)
        entry.was_listed = True
        if not observation.gone:
            entry.links[identity(connection)] = _link(observation, before)
        return entry

    def _settle(self, entry: _Entry, now_ns: int) -> None:
        entry.change(AvailabilityState.UNKNOWN if self._is_blind else entry.current(), now_ns)
        entry.forget_before(now_ns - self._window_ns)

    def _settle_all(self, now_ns: int) -> None:
        for entry in self._entries.values():
            self._settle(entry, now_ns)

    def _see(self, now_ns: int) -> None:
        """From now on, the states are known."""
        if self._is_blind:
            self._is_blind = False
            self._settle_all(now_ns)

    def _skip(self, from_ns: int | None, to_ns: int) -> None:
        """Make the states UNKNOWN for this time. Then they are the same as before."""
        if not self._is_blind:
            self._go_blind(from_ns)
        self._see(to_ns)

    def _go_blind(self, since_ns: int | None) -> None:
        """Make the states UNKNOWN since this moment, or since the last event."""
        self._is_blind = True
        since_ns = self._now_ns if since_ns is None else since_ns
        if since_ns is not None:
            self._settle_all(since_ns)


_HEALTH = {
    HealthKind.SILENT: AvailabilityState.SILENT,
    HealthKind.UNREACHABLE: AvailabilityState.UNREACHABLE,
}


def _reasons(ends: Iterable[_End]) -> tuple[EndReason, ...]:
    """Count the ends, oldest first, by reason; the last reason comes first."""
    found: dict[int | None, EndReason] = {}
    for end in ends:
        code = None if end.reason is None else end.reason.code
        before = found.pop(code, None)
        count = 1 if before is None else before.count + 1
        found[code] = EndReason(end.reason, count, end.monotonic_ns, end.time)
    return tuple(reversed(found.values()))


def _joined(periods: Iterable[tuple[_Change, int, int]]) -> Iterator[StateSegment]:
    """Omit periods without length, and join periods of the same state."""
    lasting = (period for period in periods if period[2] > period[1])
    for state, group in groupby(lasting, key=lambda period: period[0].state):
        whole = list(group)
        yield StateSegment(state, whole[0][1], whole[-1][2])
