"""A storm: a random schedule on the simulator, polled by hand, and a check of the events.

`Storm` runs a schedule. It polls through a real Ras when a poll is due, when the engine needs one,
and when RAS signals, all on the simulator's clock. The simulator's history has what really happened
to each connection and to its signals.

`Oracle` then compares the events of the engine with the history. It shares no code with the engine.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from ctypes import byref, c_uint32
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ras_native import (
    ConnState,
    ConnSubstate,
    Event,
    NotificationFlag,
    Observation,
    Ras,
    RasError,
    Snapshot,
)
from ras_native.event_log import EventLog
from ras_native.monitor.engine import Engine, Poll, state_after
from ras_native.monitor.events import MonitorEvent
from ras_native.monitor.monitor import _overflow
from ras_native.monitor.queue import EventQueue
from ras_native.monitor.recording import Recorder
from ras_native.sim import HistoryEntry, HistoryEvent, Simulator

S = 1_000_000_000
INTERVAL = S
SETTLING = 2 * S
BEGIN = 1_000 * S  # the time on the engine's clock at 0 of the simulator's clock
UTC = 1_700_000_000 * S
ENTRIES = ("Head office", "Branch", "Depot")
HUNG_UP = 631  # why a connection ends that a program hangs up
DELAYS = (0.3, 1.5, 2.5, 4.0)  # the delays of late signals, in seconds
WATCHED = (
    NotificationFlag.CONNECTION
    | NotificationFlag.DISCONNECTION
    | NotificationFlag.DORMANT
    | NotificationFlag.RECONNECTION
)
SUBSTATES = {
    "up": ConnSubstate.NONE,
    "dormant": ConnSubstate.DORMANT,
    "reconnecting": ConnSubstate.RECONNECTING,
    "reconnected": ConnSubstate.RECONNECTED,
}
Identity = tuple[int, uuid.UUID]


def ns(seconds: float) -> int:
    return round(seconds * S)


def history_length(sim: Simulator) -> int:
    """Count the entries of `sim.history`, without copying them."""
    count = c_uint32()
    sim._do("history", 0, 0, None, byref(count))
    return count.value


@dataclass
class Link:
    """A connection that is listed."""

    handle: int
    entry: str
    number: uuid.UUID
    state: str = "up"

    @property
    def identity(self) -> Identity:
        return self.handle, self.number


class Look(NamedTuple):
    """A poll, and the events that the engine made of it."""

    poll: Poll
    events: list[MonitorEvent]
    covered: bool
    """Whether it was the first poll, or a Gap says that polls before it are missing."""
    late: bool
    happened: int
    """The length of the simulator's history at the time of the poll."""


class Storm:
    """Runs a schedule; afterwards `looks` has every poll."""

    def __init__(
        self,
        sim: Simulator,
        ras: Ras,
        *,
        latency: float = 0.0,
        capacity: int = 1000,
        tape: Path | None = None,
    ) -> None:
        self.sim, self.ras = sim, ras
        self.engine = Engine(interval_ns=INTERVAL, event_log=True)
        # The twin gets only polls that the native wait returns.
        self.twin = Engine(interval_ns=INTERVAL, event_log=True)
        self.recorder = (
            None if tape is None else Recorder(tape, interval_ns=INTERVAL, event_log=True)
        )
        sim.epoch = datetime.fromtimestamp((UTC + BEGIN) / S, timezone.utc)
        self.log = EventLog(ras.provider, backend=ras.backend)
        self.codes: dict[Identity, set[int]] = defaultdict(set)  # why each connection ended
        self.twin_events: list[MonitorEvent] = []
        self.queue: EventQueue[MonitorEvent] = EventQueue(capacity, _overflow)
        self.taken: list[MonitorEvent] = []
        self.looks: list[Look] = []
        self.links: list[Link] = []
        self.numbers: dict[int, list[uuid.UUID]] = defaultdict(list)  # correlation ids by handle
        self.history: tuple[HistoryEntry, ...] = ()
        self.stops: list[int] = []  # moments at which something happens by itself
        self.latency_ns = ns(latency)  # from a signal to the poll that it causes
        self.due_ns = BEGIN + INTERVAL
        self.wake_ns: int | None = None
        self.blocked_until_ns = BEGIN
        self.suspended_ns = 0
        self.before_enumeration: list[Link] = []  # drop these after the next reset
        self.before_status: Link | None = None  # drop it after the next enumeration
        self.event: Event = ras.connection_notification(flags=WATCHED)
        self.registered_ns: int | None = self.now_ns
        self.previous_ns = self.now_ns
        self.failing = False

    @property
    def now_ns(self) -> int:
        return BEGIN + ns(self.sim.now)

    @property
    def events(self) -> list[MonitorEvent]:
        return [event for look in self.looks for event in look.events]

    # Time

    def run(self, seconds: float) -> None:
        """Let time pass, with the polls that are due in it."""
        end_ns = self.now_ns + ns(seconds)
        for _ in range(3000):
            poll_ns = self.next_poll_ns()
            stop_ns = min(self.stops, default=poll_ns)
            if min(poll_ns, stop_ns) > end_ns:
                break
            self.advance_to(min(poll_ns, stop_ns))
            if stop_ns < poll_ns:
                self.stops.remove(stop_ns)  # RAS may have signalled: compute the next poll again
            else:
                self.poll()
        else:
            raise AssertionError("the engine never stops asking for polls")
        self.advance_to(end_ns)

    def advance_to(self, moment_ns: int) -> None:
        self.sim.advance(max(0, moment_ns - self.now_ns) / S)

    def next_poll_ns(self) -> int:
        moments = [self.due_ns, self.engine.next_look_ns or self.due_ns]
        if self.event.is_set():
            if self.wake_ns is None:
                self.wake_ns = self.now_ns + self.latency_ns
            moments.append(self.wake_ns)
        if self.log.wait(0):
            moments.append(self.now_ns)
        return max(min(moments), self.blocked_until_ns, self.now_ns)

    def poll(self) -> None:
        """Poll as the Monitor does: reset the event, then enumerate."""
        late_ns = max(0, self.now_ns - self.due_ns)
        signalled = self.event.is_set()
        if signalled:
            self.event.reset()
        self.wake_ns = None
        snapshot, code = self.ask()
        log = self.log.read().events if self.log.wait(0) else ()
        poll = Poll(
            self.now_ns,
            UTC + self.now_ns,
            self.previous_ns,
            snapshot,
            code,
            signalled,
            late_ns,
            self.suspended_ns,
            self.registered_ns,
            log,
        )
        first = not any(look.poll.snapshot is not None for look in self.looks)
        other = first or self.failing or self.suspended_ns > 0
        late = snapshot is not None and not other and late_ns > 2 * INTERVAL + 50_000_000
        if self.is_seen_by_twin(poll):
            self.twin_events += self.twin.apply(poll)
        before = self.engine.snapshot
        events = self.engine.apply(poll)
        self.queue.put(events, lambda index: state_after(before, events[: index + 1]))
        if self.recorder:
            self.recorder.write(poll, told=bool(events))
        self.looks.append(Look(poll, events, other or late, late, history_length(self.sim)))
        self.plan(poll)

    def ask(self) -> tuple[Snapshot | None, int]:
        """Take a snapshot. Connections may end before the enumeration, or before their status."""
        for link in self.before_enumeration:
            if link in self.links:
                self.drop(link)
        self.before_enumeration = []
        racing, self.before_status = self.before_status, None
        if racing in self.links:
            self.drop(racing, after=0.0015)
            self.sim.step_per_call = 0.001  # it then ends after the enumeration
        try:
            return self.ras.snapshot(), 0
        except RasError as error:
            return None, error.code
        finally:
            self.sim.step_per_call = 0.0

    def is_seen_by_twin(self, poll: Poll) -> bool:
        look_ns = self.twin.next_look_ns
        return (
            not self.looks
            or self.failing
            or poll.snapshot is not self.engine.snapshot
            or poll.signalled
            or poll.late_ns > 0
            or poll.suspended_ns > 0
            or poll.log != ()
            or poll.registered_ns != self.looks[-1].poll.registered_ns
            or (look_ns is not None and poll.monotonic_ns >= look_ns)
        )

    def plan(self, poll: Poll) -> None:
        self.failing = poll.snapshot is None
        self.suspended_ns = 0
        if self.engine.wants_registration:
            self.register()
        if self.failing:
            self.due_ns = self.now_ns + self.engine.poll_interval_ns
            return
        self.previous_ns = poll.monotonic_ns
        while self.due_ns <= self.now_ns:
            self.due_ns += INTERVAL

    def register(self) -> None:
        old = self.event
        self.ras._discard_registrations()
        try:
            self.event = self.ras.connection_notification(flags=WATCHED)
        except RasError:
            return  # the old one stays
        self.registered_ns = self.now_ns
        if old.is_set():
            self.event.set()
        old.close()

    def take(self, count: int) -> None:
        """Take at most `count` events from the queue."""
        for _ in range(count):
            try:
                self.taken.append(self.queue.get(0))
            except TimeoutError:
                return

    def close(self) -> None:
        self.history = self.sim.history
        self.event.close()
        self.log.close()
        if self.recorder:
            self.recorder.close()

    # What happens

    def set_fate(self, fate: str | float) -> None:
        """Choose what happens to later signals: "prompt", "lost", or a delay in seconds."""
        self.sim.lose_notifications(1.0 if fate == "lost" else 0.0)
        self.sim.notification_delay = fate if isinstance(fate, float) else 0.0

    def set_log_fate(self, fate: str | float) -> None:
        """Choose what happens to later events of the log: "lost", "doubled", "no id", a delay."""
        self.sim.disturb_log(
            delay=fate if isinstance(fate, float) else 0.0,
            copies={"lost": 0, "doubled": 3}.get(str(fate), 1),
            correlation=fate != "no id",
        )

    def stop_at(self, seconds: float) -> None:
        """Compute the next poll again at that time, and when a late signal of it arrives."""
        self.stops += [self.now_ns + ns(seconds + delay) for delay in (0.0, *DELAYS)]

    def connect(self, entry: str, handle: int | None = None, number: str = "") -> None:
        """Connect; `handle` and `number` may be those of an ended connection."""
        identity = uuid.UUID(number) if number else uuid.uuid4()
        handle = self.sim.add(
            entry, handle=handle, correlation_id=identity, local_endpoint="192.0.2.254"
        )
        self.numbers[handle].append(identity)
        self.links.append(Link(handle, entry, identity))
        self.stop_at(0.0)

    def drop(self, link: Link, after: float = 0.0) -> None:
        reason = 1000 + sum(map(len, self.codes.values()))
        self.codes[link.identity].add(reason)
        self.sim.drop(link.handle, reason=reason, after=after)
        self.links.remove(link)
        self.stop_at(after)

    def hang_up(self, link: Link, teardown: float) -> None:
        """Hang up: RAS unlists the connection at once, and signals after the teardown."""
        self.sim.teardown = teardown
        if not self.ras._open().hang_up(link.handle):  # otherwise the service is stopped
            self.links.remove(link)
            self.codes[link.identity].add(HUNG_UP)
            self.stop_at(teardown)

    def set_state(self, link: Link, state: str) -> None:
        self.sim.set_status(link.handle, substate=SUBSTATES[state])
        link.state = state
        self.stop_at(0.0)


# What really happened


class Transition(NamedTuple):
    """What really happened to a connection."""

    state: str
    signal_ns: int | None
    """When its signal set the event; None if there was none, or it was lost."""


Paths = dict[Identity, list[Transition]]


class Truth:
    """Follows the simulator's history."""

    def __init__(self, storm: Storm) -> None:
        self._history = storm.history
        self._numbers = {handle: list(numbers) for handle, numbers in storm.numbers.items()}
        self._at = 0
        self._now: dict[int, uuid.UUID] = {}
        self.states: dict[Identity, str] = {}
        """The real state of each listed connection."""
        self._signals: dict[tuple[int, int], list[HistoryEntry]] = defaultdict(list)
        for entry in self._history:
            if entry.event in (HistoryEvent.SIGNALLED, HistoryEvent.SIGNAL_LOST):
                self._signals[entry.handle, entry.value].append(entry)

    def follow(self, until: int) -> Paths:
        """Return what happened to each connection up to that entry of the history."""
        paths: Paths = defaultdict(list)
        for entry in self._history[self._at : until]:
            if entry.event is HistoryEvent.LISTED:
                self._now[entry.handle] = self._numbers[entry.handle].pop(0)
                state, flag = "up", NotificationFlag.CONNECTION
            elif entry.event is HistoryEvent.UNLISTED:
                state, flag = "none", NotificationFlag.DISCONNECTION
            elif entry.event is HistoryEvent.SUBSTATE:
                state = label_of_substate(entry.value)
                dormant = entry.value == ConnSubstate.DORMANT
                flag = NotificationFlag.DORMANT if dormant else NotificationFlag.RECONNECTION
            else:
                continue
            identity = entry.handle, self._now[entry.handle]
            was = self.states.pop(identity, "none")
            signal_ns = None
            if was != state or entry.value == ConnSubstate.RECONNECTED:
                signal_ns = self._signal(entry, flag)
            if state != "none":
                self.states[identity] = state
            paths[identity].append(Transition(state, signal_ns))
        self._at = until
        return paths

    def _signal(self, cause: HistoryEntry, flag: int) -> int | None:
        """Find when the signal of a transition set the event; some transitions have none."""
        waiting = self._signals[cause.handle, flag]
        while waiting and waiting[0].sequence < cause.sequence:
            waiting.pop(0)
        if not waiting or (flag == NotificationFlag.RECONNECTION and cause.value == RECONNECTING):
            return None
        signal = waiting.pop(0)
        heard = signal.event is HistoryEvent.SIGNALLED and signal.registrations
        return BEGIN + ns(signal.time) if heard else None


RECONNECTING = int(ConnSubstate.RECONNECTING)


def label_of_substate(value: int) -> str:
    names = {int(substate): name for name, substate in SUBSTATES.items()}
    return names[value].replace("reconnected", "up")


def seen_identity(item: Observation) -> Identity:
    number = item.connection.correlation_id
    assert number is not None
    return item.connection.handle, number


# What must have been reported

SIGNALS = {
    ("none", "up"): 1,
    ("none", "dormant"): 2,
    ("none", "reconnecting"): 2,
    ("none", "unknown"): 1,
    ("unknown", "up"): 0,
    ("unknown", "dormant"): 1,
    ("unknown", "reconnecting"): 1,
    ("up", "dormant"): 1,
    ("up", "reconnecting"): 1,
    ("dormant", "reconnecting"): 0,
    ("reconnecting", "dormant"): 1,
    ("dormant", "up"): 1,
    ("reconnecting", "up"): 1,
}
TOLD_STATE = {
    "Connected": "up",
    "Reconnected": "up",
    "Dormant": "dormant",
    "Reconnecting": "reconnecting",
}


def label(item: Observation) -> str:
    """Return the state of a connection that a reader of the snapshot sees."""
    if item.code in (6, 668):
        return "none"
    if item.status is None:
        return "unknown"
    assert item.status.state is ConnState.CONNECTED
    if item.status.substate in (ConnSubstate.DORMANT, ConnSubstate.RECONNECTING):
        return item.status.substate.name.lower()
    return "up"


class Oracle:
    """Checks the polls of one storm against the promise.

    1. The Monitor reports every state that a poll saw, in order for each connection. Events of
       different connections have the order of the polls. Within one poll, ends come first.
    2. It reports a change that came and went between two polls as a `Gap`, if RAS signalled it and
       no change that a poll saw explains the signal.
    3. It cannot detect a change that came and went between two polls if RAS did not signal it, or
       if another change explains the signal. Only these two cases are allowed:
       `unseen` counts them.
    """

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.looks = [look for look in storm.looks if look.poll.snapshot is not None]
        self.gaps = [event for event in storm.events if type(event).__name__ == "Gap"]
        self.unseen: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.changes: list[tuple[int, int]] = []  # for each look: signals that its changes explain

    def check(self) -> None:
        events = self.storm.events
        assert events == self.storm.twin_events, "polls that may be left out make a difference"
        sequences = [event.sequence for event in events]
        assert sequences == list(range(1, len(sequences) + 1))
        self.check_standing_states()
        self.check_signals()
        self.check_unreported()
        self.check_outages()
        self.check_what_stood_at_no_poll()
        self.check_slow_consumer()
        self.check_reasons()

    # 1: every state that a poll saw is reported once, in order, ends first

    def check_standing_states(self) -> None:
        told: dict[Identity, str] = {}  # the states that a consumer knows
        seen: dict[Identity, Observation] = {}
        last: dict[Identity, str] = {}  # the last known label
        truth = Truth(self.storm)
        for look in self.looks:
            snapshot = look.poll.snapshot
            assert snapshot is not None
            truth.follow(look.happened)
            self.consume(look.events, told, first=not self.changes)
            now = {seen_identity(item): item for item in snapshot}
            labels = {key: label(item) for key, item in now.items()}
            for key, name in labels.items():
                if name == "unknown":
                    labels[key] = last.get(key, "unknown")
                else:
                    assert truth.states.get(key, "none") == name, "the snapshot is wrong"
            assert set(truth.states) <= set(now), "the snapshot lacks a connection"
            labels = {key: name for key, name in labels.items() if name != "none"}
            assert told == labels, "the events do not lead to the snapshot"
            after = [getattr(event, "after", None) for event in look.events]
            for key, item in now.items():
                if item != seen.get(key) and not (label(item) == "none" and key not in last):
                    assert after.count(item) >= 1 or label(item) == "none", "a change is missing"
            explained = self.signals_explained(look, last, labels, now, seen)
            self.changes.append((look.poll.monotonic_ns, explained))
            seen, last = now, labels

    def consume(self, events: list, told: dict, *, first: bool) -> None:
        ends_are_over = False
        for event in events:
            kind = type(event).__name__
            if event.connection is None:
                continue
            key = (event.connection.handle, event.connection.correlation_id)
            was = told.get(key)
            if kind == "Disconnected":
                assert was is not None, "a connection ended that had not begun"
                begun_now = event.before is event.after
                assert begun_now or not ends_are_over, "ends come first"
                del told[key]
                continue
            ends_are_over = True
            state = TOLD_STATE.get(kind)
            if kind == "Found":
                assert first
                assert was is None
                state = label(event.after).replace("none", "up")
            elif kind in ("Moved", "Changed"):
                assert was is not None or label(event.after) == "unknown"
                state = was or "unknown"
            else:
                assert state, f"{kind} was not expected"
                assert was != state or kind == "Reconnected", "told twice"
                assert was is not None or kind != "Reconnected"
            told[key] = state

    def signals_explained(self, look, last, labels, now, seen) -> int:
        total = 0
        for key in {*last, *now}:
            was, name = last.get(key, "none"), labels.get(key, "none")
            if was == name == "none":
                ended_while_asked = key in now and key not in seen
                total += 2 if ended_while_asked else 0
            elif not self.changes:
                total += 1  # found
            elif was == name == "up":
                total += 2 * whole_outage(seen[key], now[key], look)
            elif name == "none":
                total += 1
            elif was != name:
                total += SIGNALS[was, name]
        return total

    # 2: a change that came and went is a Gap if RAS signalled it and no change explains the signal

    def check_signals(self) -> None:
        """Compare the signals reported as Gaps with the best match of signals and changes."""
        signals, changes, free = [], [], []
        previous = self.looks[0].poll.monotonic_ns
        for look, (now, explained) in zip(self.looks, self.changes, strict=True):
            if look.poll.signalled:
                (free if look.covered else signals).append((previous, now))
            changes += [(previous, now)] * explained
            previous = now
        told = sum(gap.count for gap in self.gaps if gap.kind == "blip")
        assert told <= len(signals) + len(free) - largest_match(signals + free, changes), "noise"
        assert told >= len(signals) - largest_match(signals, changes), "a signal without a Gap"
        self.signals = [look.poll.monotonic_ns for look in self.looks if look.poll.signalled]

    def check_what_stood_at_no_poll(self) -> None:
        truth = Truth(self.storm)
        unread: dict[Identity, tuple[int, list[Transition]]] = {}
        for before, look in pairwise([self.looks[0], *self.looks]):
            snapshot, to_ns = look.poll.snapshot, look.poll.monotonic_ns
            paths = truth.follow(look.happened)
            if before is look:
                continue
            hidden = {seen_identity(item) for item in snapshot if label(item) == "unknown"}
            for key in {*paths, *unread}:
                from_ns, path = unread.pop(key, (before.poll.monotonic_ns, []))
                path = path + paths.get(key, [])
                if key in hidden:  # its status cannot be read: reported as Changed
                    unread[key] = from_ns, path
                else:
                    self.check_path(path, from_ns, to_ns)

    def check_path(self, path: list[Transition], from_ns: int, to_ns: int) -> None:
        """Find out why a state that no poll saw was not reported."""
        for entered, left in pairwise(path):
            if left.state == entered.state:
                continue
            moments = (entered.signal_ns, left.signal_ns)
            signals = [moment for moment in moments if moment is not None]
            if any(self.is_marked(moment) for moment in signals) or any(
                gap.from_ns <= to_ns and gap.to_ns >= from_ns for gap in self.gaps
            ):
                self.unseen["reported as a Gap"] += 1
            elif not signals:
                self.unseen["without a signal"] += 1
            else:
                assert any(self.is_explained(moment) for moment in signals), "a loss without a Gap"
                self.unseen["with a signal that another change explains"] += 1

    def is_marked(self, signal_ns: int) -> bool:
        return any(gap.from_ns <= signal_ns <= gap.to_ns for gap in self.gaps)

    def is_explained(self, signal_ns: int) -> bool:
        """Whether a poll found a change within the settling time of the poll that saw a signal."""
        polled = [moment for moment in self.signals if moment >= signal_ns]
        if not polled:
            return True  # the storm was over
        previous = [look.poll.monotonic_ns for look in self.looks]
        for index, (now, explained) in enumerate(self.changes):
            before = previous[index - 1] if index else now
            if explained and before < polled[0] + SETTLING and now > signal_ns - 2 * SETTLING:
                return True
        return False

    # Gap(unreported), Gap(failed)

    def check_unreported(self) -> None:
        trusted_ns, heard_ns = 0, -SETTLING
        waiting: list[int] = []
        previous_ns = self.looks[0].poll.previous_ns
        for look, (now, _) in zip(self.looks, self.changes, strict=True):
            poll = look.poll
            kinds = [getattr(event, "kind", type(event).__name__) for event in look.events]
            if "ProviderRecovered" in kinds:
                trusted_ns = now
            unmatched = [moment for moment in waiting if moment + SETTLING <= previous_ns]
            if poll.signalled:
                waiting, heard_ns = [], now
            unmatched += [moment for moment in waiting if moment + SETTLING <= now]
            assert kinds.count("unreported") == bool(unmatched), "unreported"
            if unmatched:
                waiting, trusted_ns = [], now
            registered = poll.registered_ns
            is_registered = registered is not None and trusted_ns <= registered <= previous_ns
            if is_registered and not look.covered and previous_ns >= heard_ns + SETTLING:
                came = [event for event in look.events if is_listing(event)]
                waiting += [now] * bool(came)
            previous_ns = now

    def check_outages(self) -> None:
        late = sum(gap.count for gap in self.gaps if gap.kind == "late")
        assert late == sum(look.late for look in self.looks)
        failed = 0
        for look in self.storm.looks:
            kinds = [getattr(event, "kind", type(event).__name__) for event in look.events]
            assert kinds.count("suspended") == (look.poll.suspended_ns > 0)
            if look.poll.snapshot is None:
                assert kinds.count("ProviderFailed") == (failed == 0)
                failed += 1
            else:
                gaps = [event for event in self.gaps_of(look) if event.kind == "failed"]
                assert [gap.count for gap in gaps] == [failed] * bool(failed)
                assert kinds.count("ProviderRecovered") == bool(failed)
                failed = 0

    def gaps_of(self, look: Look) -> list:
        return [event for event in look.events if type(event).__name__ == "Gap"]

    # The consumer takes every event, or an overflow includes it

    def check_slow_consumer(self) -> None:
        made = {event.sequence: event for event in self.storm.events}
        told: dict[Identity, str] = {}
        sequence = 0
        for event in self.storm.taken:
            if getattr(event, "kind", None) == "overflow":
                assert (event.first_sequence, event.last_sequence) == (
                    sequence + 1,
                    sequence + event.count,
                )
                sequence += event.count
                # The end of a connection that is gone may be reported before or after this.
                told = {seen_identity(item): label(item) for item in event.snapshot}
                self.unseen["events lost by a slow consumer"] += event.count
            else:
                sequence += 1
                assert event == made[sequence]
                self.consume([event], told, first=type(event).__name__ == "Found")
        assert sequence == len(made)

    # Each end is explained once, and by correlation id never with the reason of another

    def check_reasons(self) -> None:
        ends = {item.sequence: item for item in self.storm.events if is_a(item, "Disconnected")}
        answers = [item for item in self.storm.events if is_a(item, "Explained")]
        assert sorted(item.disconnected for item in answers) == sorted(ends)
        for answer in answers:
            end = ends[answer.disconnected].connection
            if answer.matched_by == "correlation id":
                assert answer.log_event.correlation_id == end.correlation_id
                assert answer.reason.code in self.storm.codes[end.handle, end.correlation_id]
            elif answer.matched_by is None:
                assert answer.reason is None
            else:
                assert answer.log_event.correlation_id is None
                assert answer.log_event.entry == end.entry_name
            self.answers[str(answer.matched_by)] += 1


def is_a(event: MonitorEvent, kind: str) -> bool:
    return type(event).__name__ == kind


def is_listing(event: MonitorEvent) -> bool:
    kind = type(event).__name__
    was = getattr(event, "before", None)
    return kind == "Disconnected" or (kind == "Connected" and (was is None or was.gone))


def whole_outage(before: Observation, after: Observation, look: Look) -> bool:
    """Whether an outage began and ended between two readable polls."""
    kinds = [type(event).__name__ for event in look.events if getattr(event, "after", 0) is after]
    substates = before.status and before.status.substate, after.status and after.status.substate
    if None in substates:
        return "Reconnected" in kinds
    return substates[1] is ConnSubstate.RECONNECTED is not substates[0]


def largest_match(signals: list[tuple[int, int]], changes: list[tuple[int, int]]) -> int:
    """Match as many signals as possible with changes, each found within the settling time."""
    partner: dict[int, int] = {}

    def near(signal: tuple[int, int], change: tuple[int, int]) -> bool:
        return signal[0] < change[1] + SETTLING and change[0] < signal[1] + SETTLING

    def find(signal: int, tried: set[int]) -> bool:
        for index, change in enumerate(changes):
            if index not in tried and near(signals[signal], change):
                tried.add(index)
                if index not in partner or find(partner[index], tried):
                    partner[index] = signal
                    return True
        return False

    return sum(find(index, set()) for index in range(len(signals)))
