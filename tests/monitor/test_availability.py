"""Availability: what it makes of events, against sums by hand and against a naive model."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polls import Hand, S, connection, failing, up
from watching import PATIENCE, until

from ras_native import (
    Availability,
    AvailabilityState,
    Connected,
    ConnState,
    ConnSubstate,
    Disconnected,
    EntryTotals,
    Explained,
    Monitor,
    MonitorEvent,
    RasError,
    Snapshot,
    explain,
    replay,
)
from ras_native.event_log import EventLog
from ras_native.monitor import availability as module
from ras_native.monitor.engine import Engine, Poll
from ras_native.monitor.health import Sample, Silence, key_of
from ras_native.monitor.recording import Recorder

UP, DOWN, ABSENT = AvailabilityState.UP, AvailabilityState.DOWN, AvailabilityState.ABSENT
UNKNOWN, DORMANT = AvailabilityState.UNKNOWN, AvailabilityState.DORMANT
SILENT, CONNECTING = AvailabilityState.SILENT, AvailabilityState.CONNECTING
RECONNECTING = AvailabilityState.RECONNECTING
OFFICE = "Head office"
START = 100 * S


def fed(events, *entries: str, **options) -> Availability:
    availability = Availability(entries, **options)
    for event in events:
        availability.apply(event)
    return availability


def states(summary) -> list[tuple[str, float, float]]:
    """Return the timeline in seconds since the first poll of a Hand or a Drive."""
    return [
        (str(state), (from_ns - START) / S, (to_ns - START) / S)
        for state, from_ns, to_ns in summary.timeline
    ]


# A scenario of the simulator that is known in full


class Drive:
    """Polls the simulator by hand on its clock, which begins at 100 seconds, and records it."""

    def __init__(self, sim, ras, path, entries) -> None:
        self.sim, self.ras = sim, ras
        self.engine = Engine(interval_ns=S, entries=entries, event_log=True)
        self.recorder = Recorder(path, interval_ns=S, entries=entries, event_log=True)
        self.log = EventLog(ras.provider, backend=ras.backend)
        self.now = self.previous = START
        self.events: list[MonitorEvent] = []

    def run(self, seconds: int) -> None:
        """Poll once a second."""
        for _ in range(seconds):
            self.sim.advance(1.0)
            self.now += S
            self.poll()

    def poll(self, **poll: Any) -> None:
        try:
            snapshot, code = self.ras.snapshot(), 0
        except RasError as error:
            snapshot, code = None, error.code
        log = self.log.read().events
        utc_ns = round(self.sim.epoch.timestamp()) * S + self.now - START
        taken = Poll(
            self.now, utc_ns, self.previous, snapshot, code, registered_ns=START, log=log, **poll
        )
        events = self.engine.apply(taken)
        self.recorder.write(taken, told=bool(events))
        self.events += events
        if snapshot is not None:
            self.previous = self.now


@pytest.fixture
def drive(sim, ras, tmp_path):
    opened = Drive(sim, ras, tmp_path / "events.rec", [OFFICE, "Branch"])
    yield opened
    opened.log.close()
    opened.recorder.close()


@pytest.mark.ledger("AV-1", "AV-2", "AV-3")
def test_a_scenario_that_is_known_in_full(sim, drive, tmp_path):
    drive.poll()
    drive.run(10)
    handle = sim.add(OFFICE)  # 10 to 40: up
    drive.poll()
    drive.run(30)
    sim.drop(handle, reason=829)  # 40 to 50: down
    drive.poll()
    drive.run(10)
    handle = sim.add(OFFICE)  # 50 to 60: up
    drive.poll()
    drive.run(10)
    sim.set_status(handle, substate=ConnSubstate.DORMANT)  # 60 to 65: dormant
    drive.poll()
    drive.run(5)
    sim.set_status(handle, substate=ConnSubstate.RECONNECTED)  # 65 to 70: up
    drive.poll()
    drive.run(5)
    sim.fail("RasEnumConnectionsW", 711, count=9)  # 70 to 80: unknown
    drive.run(20)  # 80 to 90: up
    sim.drop(handle, reason=631)  # 90 to 100: down
    drive.poll()
    drive.run(10)
    sim.add(OFFICE)  # 100 to 110: up
    drive.poll()
    drive.run(10)
    availability = fed(drive.events, OFFICE, "Branch")
    summary = availability.summary("head OFFICE", drive.now)
    assert states(summary) == [
        ("absent", 0, 10),
        ("up", 10, 40),
        ("down", 40, 50),
        ("up", 50, 60),
        ("dormant", 60, 65),
        ("up", 65, 70),
        ("unknown", 70, 80),
        ("up", 80, 90),
        ("down", 90, 100),
        ("up", 100, 110),
    ]
    assert (summary.up_seconds, summary.known_seconds, summary.availability) == (65, 100, 0.65)
    assert (summary.outages, summary.outage_seconds, summary.longest_outage) == (3, 25, 10)
    assert summary.drops == 2
    assert [(item.reason, item.count) for item in summary.reasons] == [
        (explain(631), 1),
        (explain(829), 1),
    ]
    assert [(item.monotonic_ns - START) / S for item in summary.reasons] == [90, 40]
    assert (summary.state, (summary.since_ns - START) / S) == (UP, 100)
    assert availability.totals(OFFICE) == EntryTotals(drops=2, outages=3, outage_seconds=25)
    branch = availability.summary("Branch", drive.now)
    assert (branch.state, branch.availability, branch.outages) == (ABSENT, 0, 0)
    assert (branch.known_seconds, branch.drops, branch.reasons) == (100, 0, ())
    last = availability.summary(OFFICE, drive.now, window=25)
    assert states(last)[0] == ("up", 85, 90)
    assert (last.up_seconds, last.known_seconds, last.outages) == (15, 25, 1)
    assert (last.drops, last.outage_seconds) == (1, 10)
    again = fed(replay(tmp_path / "events.rec"), OFFICE, "Branch")
    assert again.summary(OFFICE, drive.now) == summary
    assert again.summary("Branch", drive.now) == branch


@pytest.mark.ledger("AV-1", "AV-3")
def test_a_monitor_and_its_recording_give_the_same(sim, ras, tmp_path):
    live, path = Availability(), tmp_path / "events.rec"
    handle = sim.add(OFFICE)
    with Monitor(ras, interval=3600.0, record=path) as monitor:
        until(lambda: monitor.has_polled and monitor.has_event_log)
        sim.drop(handle, reason=829)
        seen: set[type[MonitorEvent]] = set()
        while not {Disconnected, Connected, Explained} <= seen:
            event = monitor.get(PATIENCE)
            live.apply(event)
            if isinstance(event, Disconnected):
                sim.add(OFFICE)
            seen.add(type(event))
    recorded = fed(replay(path))
    end = live.summary(OFFICE, 0)
    assert (end.outages, end.drops, end.reasons[0].reason) == (1, 1, explain(829))
    assert recorded.summary(OFFICE, 0) == end
    assert json.loads(json.dumps(end.to_dict()))["timeline"][0]["state"] == "up"


# What changes the state


def test_the_first_dialling_is_no_outage():
    hand = Hand()
    hand.poll()
    hand.poll(up(state=ConnState.AUTHENTICATE), after=1)
    hand.poll(up(), after=3)
    summary = fed(hand.events).summary(OFFICE, hand.now + S)
    assert states(summary) == [("connecting", 2, 5), ("up", 5, 6)]
    assert (summary.outages, summary.availability) == (0, 0.25)


def test_a_dialling_that_failed_leaves_the_entry_down():
    hand = Hand(entries=[OFFICE])
    hand.poll()
    hand.poll(up(state=ConnState.AUTHENTICATE, error=691))
    hand.poll()
    summary = fed(hand.events).summary(OFFICE, hand.now)
    assert (summary.state, summary.drops, summary.outages) == (DOWN, 0, 0)


def test_a_connection_that_was_dialled_again_between_two_polls_is_an_outage_of_0_seconds():
    hand = Hand()
    hand.poll(up())
    hand.poll(up(number=8), after=5)
    summary = fed(hand.events).summary(OFFICE, hand.now + 5 * S)
    assert (summary.outages, summary.drops, summary.outage_seconds) == (1, 1, 0)
    assert states(summary) == [("up", 1, 11)]
    assert summary.availability == 1


def test_an_entry_is_as_well_as_the_best_of_its_connections():
    hand = Hand()
    hand.poll(up(), up(handle=2, number=9, substate=ConnSubstate.DORMANT))
    hand.poll(up(handle=2, number=9, substate=ConnSubstate.DORMANT))
    hand.poll(up(handle=2, number=9))
    hand.poll()
    summary = fed(hand.events).summary(OFFICE, hand.now)
    assert states(summary) == [("up", 1, 2), ("dormant", 2, 3), ("up", 3, 4)]
    assert (summary.drops, summary.outages) == (2, 2)


def test_a_status_that_cannot_be_read_is_unknown():
    hand = Hand()
    hand.poll(up())
    hand.poll(failing(5))
    hand.poll(up())
    summary = fed(hand.events).summary(OFFICE, hand.now + S)
    assert states(summary) == [("up", 1, 2), ("unknown", 2, 3), ("up", 3, 4)]
    assert (summary.outages, summary.availability, summary.known_seconds) == (0, 1, 2)


def silent(item, is_silent=True):
    silence = Silence(0, 100) if is_silent else None
    return Sample(*key_of(item.connection), 0, silence)


def test_a_silent_tunnel_is_not_up_until_it_is_answered_again():
    hand, item = Hand(), up()
    hand.poll(item)
    hand.poll(item, samples=(silent(item),))
    moved = up(local_endpoint="192.0.2.1")
    hand.poll(moved)  # what changes something else changes nothing of the health
    hand.poll(failing(5))
    hand.poll(moved)
    hand.poll(moved, samples=(silent(item, is_silent=False),))
    summary = fed(hand.events).summary(OFFICE, hand.now + S)
    assert states(summary) == [
        ("up", 1, 2),
        ("silent", 2, 4),
        ("unknown", 4, 5),
        ("silent", 5, 6),
        ("up", 6, 7),
    ]
    assert (summary.outages, summary.outage_seconds) == (1, 3)


def test_a_dormant_tunnel_is_not_silent_any_more():
    hand, item = Hand(), up()
    hand.poll(item, samples=(silent(item),))
    hand.poll(up(substate=ConnSubstate.DORMANT), samples=())
    hand.poll(up(substate=ConnSubstate.RECONNECTED), samples=())
    summary = fed(hand.events).summary(OFFICE, hand.now + S)
    assert [state for state, _, _ in states(summary)][-2:] == ["dormant", "up"]


def test_a_renamed_entry_is_another_one():
    hand = Hand()
    hand.poll(up())
    hand.poll(up("Branch"))
    availability = fed(hand.events)
    assert availability.entries == (OFFICE, "Branch")
    assert availability.summary(OFFICE, hand.now).state is DOWN
    assert availability.summary("Branch", hand.now).state is UP


def test_names_are_compared_without_letter_case():
    hand = Hand()
    hand.poll(up("HEAD OFFICE"))
    availability = fed(hand.events, "head office")
    assert availability.entries == ("head office",)
    assert availability.summary("Head Office", hand.now).state is UP


# What nobody knows


def test_before_the_first_event_nothing_is_known():
    summary = Availability([OFFICE]).summary(OFFICE, 7 * S)
    assert (summary.state, summary.since_ns, summary.availability) == (UNKNOWN, None, None)
    assert (summary.timeline, summary.round_trips, summary.from_ns) == ((), None, 7 * S)


def test_a_snapshot_tells_what_no_event_tells():
    availability = Availability([OFFICE])
    availability.apply_snapshot(Snapshot([up("Branch")]), START)
    assert availability.entries == (OFFICE, "Branch")
    assert states(availability.summary(OFFICE, START + S)) == [("absent", 0, 1)]
    assert states(availability.summary("Branch", START + S)) == [("up", 0, 1)]


def test_a_provider_that_fails_from_the_start_is_unknown():
    hand = Hand(entries=[OFFICE])
    hand.poll(code=711)
    hand.poll(code=711)
    hand.poll()
    hand.poll(up())
    summary = fed(hand.events, OFFICE).summary(OFFICE, hand.now + S)
    assert states(summary) == [("unknown", 0, 3), ("absent", 3, 4), ("up", 4, 5)]


def test_what_ended_while_ras_failed_ended_when_it_was_seen():
    hand = Hand()
    hand.poll(up())
    hand.poll(code=711)
    hand.poll()
    hand.poll(up())
    summary = fed(hand.events).summary(OFFICE, hand.now + S)
    assert states(summary) == [("up", 1, 1), ("unknown", 1, 3), ("down", 3, 4), ("up", 4, 5)][1:]
    assert (summary.outages, summary.outage_seconds, summary.availability) == (1, 1, 0.5)


def test_an_outage_goes_on_after_what_is_unknown():
    hand = Hand()
    hand.poll(up())
    hand.poll()
    hand.poll(code=711)
    hand.poll()
    hand.poll(up())
    summary = fed(hand.events).summary(OFFICE, hand.now)
    assert (summary.outages, summary.outage_seconds) == (1, 1)


def test_sleep_is_unknown():
    hand = Hand()
    hand.poll(up())
    hand.poll(up(), after=60, suspended_ns=59 * S)
    summary = fed(hand.events).summary(OFFICE, hand.now + S)
    assert states(summary) == [("unknown", 1, 61), ("up", 61, 62)]
    assert summary.outages == 0


def test_sleep_while_ras_fails_is_unknown_like_the_failure():
    hand = Hand()
    hand.poll(up())
    hand.poll(code=711)
    hand.poll(code=711, after=60, suspended_ns=59 * S)
    availability = fed(hand.events)
    assert availability.summary(OFFICE, hand.now + S).state is UNKNOWN
    hand.poll(up())
    availability = fed(hand.events)
    assert states(availability.summary(OFFICE, hand.now + S)) == [
        ("unknown", 1, 63),
        ("up", 63, 64),
    ]


def overflowed(ras, sim, **options):
    """Return the events of a Monitor whose queue held one, for two connections and a drop."""
    handle = sim.add(OFFICE)
    sim.add("Branch")
    with Monitor(ras, interval=3600.0, capacity=1, event_log=False, **options) as monitor:
        until(lambda: monitor.has_polled)
        sim.drop(handle)
        until(lambda: len(monitor.snapshot) == 1)
    return list(monitor)


@pytest.mark.ledger("AV-2")
def test_lost_events_are_unknown_and_their_snapshot_goes_on(ras, sim):
    gap, *_ = events = overflowed(ras, sim)
    availability = fed(events)
    assert set(availability.entries) == {OFFICE, "Branch"}
    summary = availability.summary(OFFICE, gap.to_ns + S)
    assert summary.state is DOWN
    availability = fed(events[:1])
    summary = availability.summary("Branch", gap.to_ns + S)
    assert (summary.state, summary.up_seconds) == (UP, 1)


@pytest.mark.ledger("AV-2")
def test_lost_events_bring_no_other_entries_than_the_watched_ones(ras, sim):
    handle = sim.add("branch")
    with Monitor(ras, interval=3600.0, capacity=1, event_log=False, entries=["Branch"]) as monitor:
        until(lambda: monitor.has_polled)
        sim.add(OFFICE)
        until(lambda: len(monitor.snapshot) == 2)
        sim.drop(handle)
        until(lambda: len(monitor.snapshot) == 1)
        sim.add("branch")
        until(lambda: len(monitor.snapshot) == 2)
    assert fed(list(monitor)).entries == ("branch",)


def test_after_lost_events_nothing_before_them_holds():
    hand = Hand()
    hand.poll(up(), up("Branch", handle=2, number=9))
    (gap,) = hand.poll(code=711)
    snapshot = Snapshot([up()])
    lost = module.Gap(
        sequence=9,
        monotonic_ns=hand.now + S,
        time=gap.time,
        kind=module.GapKind.OVERFLOW,
        count=1,
        from_ns=hand.now,
        to_ns=hand.now + S,
        first_sequence=4,
        last_sequence=9,
        snapshot=snapshot,
    )
    availability = fed([*hand.events, lost])
    assert availability.summary(OFFICE, hand.now + 2 * S).state is UP
    assert availability.summary("Branch", hand.now + 2 * S).state is DOWN


def test_another_monitor_begins_anew():
    first, second = Hand(), Hand(entries=[OFFICE, "Branch"])
    first.poll(up(), up("Branch", handle=2, number=9))
    first.poll(up())
    second.now = second.previous = first.now + 10 * S
    second.poll(up())
    second.poll()
    summary = fed(first.events + second.events).summary(OFFICE, second.now + S)
    assert states(summary) == [
        ("up", 1, 2),
        ("unknown", 2, 13),
        ("up", 13, 14),
        ("down", 14, 15),
    ]
    assert (summary.outages, summary.drops) == (1, 1)
    branch = fed(first.events + second.events).summary("Branch", second.now + S)
    assert (branch.state, branch.outages, branch.outage_seconds) == (ABSENT, 1, 0)


# Bounds


def test_what_is_older_than_the_window_is_forgotten():
    hand = Hand()
    for _ in range(100):
        hand.poll(up())
        hand.poll()
    availability = fed(hand.events, window=10)
    summary = availability.summary(OFFICE, hand.now)
    assert (summary.to_ns - summary.from_ns, summary.up_seconds) == (10 * S, 5)
    assert (summary.outages, summary.drops) == (6, 5)
    assert availability.totals(OFFICE) == EntryTotals(100, 100, 99)
    entry = availability._entries[OFFICE.casefold()]
    assert len(entry.changes) <= 12
    assert len(entry.ends) <= 6


def test_only_so_many_changes_are_kept_and_the_summary_says_since_when():
    hand = Hand()
    for _ in range(600):
        hand.poll(up())
        hand.poll()
    availability = fed(hand.events)
    summary = availability.summary(OFFICE, hand.now)
    assert (summary.to_ns - summary.from_ns) / S == summary.known_seconds == 999
    assert summary.drops == 500
    more = fed(hand.events, most_changes=1200).summary(OFFICE, hand.now)
    assert (more.known_seconds, more.drops) == (1199, 600)
    assert availability.totals(OFFICE) == EntryTotals(600, 600, 599)


def test_too_many_entries_are_forgotten_the_longest_ended_first(monkeypatch):
    monkeypatch.setattr(module, "MOST_ENTRIES", 3)
    hand = Hand()
    hand.poll(up("a"), up("b", 2, 8))
    hand.poll(up("a"))
    hand.poll(up("a"), up("c", 3, 9))
    availability = fed(hand.events, "expected")
    assert (availability.entries, availability.forgotten) == (("expected", "a", "c"), 1)
    for number in range(4, 9):
        hand.poll(*(up(f"new {n}", n, n) for n in range(4, number + 1)))
    availability = fed(hand.events, "expected")
    assert "expected" in availability.entries
    assert len(availability.entries) == 3
    with pytest.raises(ValueError, match="entries must name at most 3"):
        Availability("abcd"[n] for n in range(4))


# Round trips


def test_round_trips():
    availability = Availability([OFFICE])
    for number in range(1, 21):
        seconds = None if number == 7 else number / 1000
        availability.apply_probe("HEAD office", seconds, number)
    for _ in range(2):  # a result counts once
        availability.apply_probe(OFFICE, 5.0, 20)
    trips = availability.summary(OFFICE, 0).round_trips
    assert trips == availability.round_trips("head office")
    assert (trips.last, trips.sent, trips.lost, trips.p95) == (0.020, 20, 1, 0.020)
    assert trips.average == pytest.approx((210 - 7) / 19 / 1000)
    assert trips.recent[6] is None
    assert json.loads(json.dumps(trips.to_dict()))["lost"] == 1
    assert availability.round_trips("10.0.0.1:443") is None


@pytest.mark.parametrize(("count", "rank"), [(1, 1), (19, 19), (20, 19), (21, 20), (100, 95)])
def test_p95_is_the_nearest_rank(count, rank):
    availability = Availability()
    for number in range(1, count + 1):
        availability.apply_probe("a", float(number), number)
    assert availability.round_trips("a").p95 == rank


def test_probes_without_an_answer_have_no_average():
    availability = Availability()
    availability.apply_probe("a", None, 1)
    trips = availability.round_trips("a")
    assert (trips.last, trips.average, trips.p95, trips.sent, trips.lost) == (None,) * 3 + (1, 1)


def test_only_so_many_results_are_kept(monkeypatch):
    availability = Availability()
    for number in range(1, 500):
        availability.apply_probe("a", 1.0, number)
    assert availability.round_trips("a").sent == module.MOST_RESULTS
    monkeypatch.setattr(module, "MOST_ENTRIES", 2)
    for name in ("b", "c"):
        availability.apply_probe(name, 1.0, 1)
    assert [bool(availability.round_trips(name)) for name in "abc"] == [False, True, True]


# Bad input


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Availability("Head office"), TypeError, "entries must be an iterable of names"),
        (lambda: Availability([7]), TypeError, "entries must be a str"),
        (lambda: Availability(window=0), ValueError, "window must be from 1"),
        (lambda: Availability(window="1"), TypeError, "window must be a number"),
        (lambda: Availability(most_changes=1), ValueError, "most_changes must be from 2"),
        (lambda: Availability().apply(None), TypeError, "event must be an event"),
        (lambda: Availability().apply_snapshot([], 1), TypeError, "snapshot must be a"),
        (lambda: Availability().apply_probe(7, 1.0, 1), TypeError, "name must be a str"),
        (lambda: Availability().summary("other", 1), KeyError, "'other'"),
        (lambda: Availability().totals("other"), KeyError, "'other'"),
        (lambda: Availability(["a"]).summary("a", 1, window=1e6), ValueError, "window must be"),
    ],
)
def test_bad_input_is_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_bad_event_changes_nothing():
    availability = Availability([OFFICE])
    with pytest.raises(TypeError):
        availability.apply(object())
    assert availability.summary(OFFICE, 1).state is UNKNOWN


# Against a naive model: each second has one state

KINDS = {
    "up": (UP, {}),
    "dormant": (DORMANT, {"substate": ConnSubstate.DORMANT}),
    "reconnecting": (RECONNECTING, {"substate": ConnSubstate.RECONNECTING}),
    "connecting": (CONNECTING, {"state": ConnState.AUTHENTICATE}),
    "unreadable": (UNKNOWN, None),
    "none": (DOWN, None),
}
polls = st.lists(
    st.tuples(
        st.sampled_from([*KINDS, "up", "none", "fail"]),
        st.booleans(),  # whether it is another connection than the last one
        st.sampled_from([False, False, False, True]),  # whether the system slept before the poll
    ),
    min_size=1,
    max_size=25,
)


class Model:
    """Walks over the polls, one a second, and writes down every second."""

    def __init__(self) -> None:
        self.seconds: list[tuple[AvailabilityState, int | None]] = []  # with the outage's number
        self.moments: list[tuple[int, int]] = []  # when each outage began, and its number
        self.drops: list[int] = []
        self.now = (UNKNOWN, None)  # the state and the outage since the last good poll
        self.link: int | None = None  # the number of the connection that is listed
        self.link_was_up = self.was_up = self.failed = False
        self.outage: int | None = None
        self.outages = 0

    def poll(self, kind: str, number: int, *, slept: bool) -> None:
        """Note the second before this poll, and see what the poll saw."""
        if kind == "fail":
            self.failed = True
            self.seconds.append((UNKNOWN, None))
            return
        self.seconds.append((UNKNOWN, None) if self.failed or slept else self.now)
        self.failed = False
        if self.link is not None and (kind == "none" or number != self.link):
            if self.link_was_up:
                self.drops.append(len(self.seconds))
            self.see(DOWN)
            self.link = None
        if kind != "none":
            state = KINDS[kind][0]
            self.link_was_up = state in (UP, DORMANT, RECONNECTING) or (
                state is UNKNOWN if self.link is None else self.link_was_up
            )
            self.link = number
            self.see(state)

    def see(self, state: AvailabilityState) -> None:
        if state is UP:
            self.was_up, self.outage = True, None
        elif state is not UNKNOWN and self.was_up and self.outage is None:
            self.outages += 1
            self.outage = self.outages
            self.moments.append((len(self.seconds), self.outage))
        self.now = state, None if state is UNKNOWN else self.outage

    def summary(self, window: int) -> dict[str, float]:
        begin = max(0, len(self.seconds) - window)
        seconds = self.seconds[begin:]
        lengths = {number: 0 for moment, number in self.moments if moment > begin}
        for _, number in seconds:
            if number is not None:
                lengths[number] = lengths.get(number, 0) + 1
        return {
            "up_seconds": sum(state is UP for state, _ in seconds),
            "known_seconds": sum(state is not UNKNOWN for state, _ in seconds),
            "outages": len(lengths),
            "outage_seconds": sum(lengths.values()),
            "longest_outage": max(lengths.values(), default=0),
            "drops": sum(moment > begin for moment in self.drops),
        }


@given(polls=polls, window=st.integers(1, 30))
def test_it_counts_as_a_naive_model(polls, window):
    hand, model, number = Hand(), Model(), 1
    availability = Availability(window=30)
    for kind, is_other, slept in polls:
        number += is_other
        status = KINDS.get(kind, (None, None))[1]
        seen = failing(5) if status is None else up(**status)
        items = (
            []
            if kind in ("fail", "none")
            else [seen._replace(connection=connection(number=number))]
        )
        asleep = {"suspended_ns": S} if slept else {}
        for event in hand.poll(*items, code=711 if kind == "fail" else 0, **asleep):
            availability.apply(event)
        model.poll(kind, number, slept=slept)
        if OFFICE in availability.entries:
            found = availability.summary(OFFICE, hand.now, window=window)
            expected = model.summary(window)
            assert {name: getattr(found, name) for name in expected} == expected
            check_timeline(found)


def check_timeline(summary):
    """Check that its segments follow each other, and have the seconds that the sums have."""
    segments = summary.timeline
    assert all(one.to_ns == other.from_ns for one, other in pairwise(segments))
    assert all(one.state is not other.state for one, other in pairwise(segments))
    up_ns = sum(item.to_ns - item.from_ns for item in segments if item.state is UP)
    assert up_ns / S == summary.up_seconds
    if segments:
        assert (segments[0].from_ns, segments[-1].to_ns) == (summary.from_ns, summary.to_ns)
