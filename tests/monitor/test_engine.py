"""The engine alone: the test makes each poll, on its own clock."""

from __future__ import annotations

from ipaddress import IPv4Address
from itertools import pairwise

import pytest
from polls import Hand, S, failing, kinds, look_until_settled, up

from ras_native import ConnState, ConnSubstate, Snapshot
from ras_native.monitor.engine import (
    LONGEST_BACK_OFF_NS,
    SETTLING_NS,
    interval_after,
    state_after,
)
from ras_native.monitor.events import (
    Absent,
    Changed,
    Connected,
    Disconnected,
    Dormant,
    Found,
    Gap,
    GapKind,
    Moved,
    ProviderFailed,
    ProviderRecovered,
    Reconnected,
    Reconnecting,
    StateChanged,
)

DORMANT = up(substate=ConnSubstate.DORMANT)
RECONNECTING = up(substate=ConnSubstate.RECONNECTING)
RECONNECTED = up(substate=ConnSubstate.RECONNECTED)
DIALLING = up(state=ConnState.AUTHENTICATE)


@pytest.fixture
def hand() -> Hand:
    hand = Hand()
    hand.poll()
    return hand


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ((), (up(),), Connected),
        ((up(),), (), Disconnected),
        ((up(),), (failing(6),), Disconnected),
        ((up(),), (failing(668),), Disconnected),
        ((up(),), (failing(5),), Changed),
        ((failing(5),), (up(),), Connected),
        ((failing(5),), (), Disconnected),
        ((up(),), (DORMANT,), Dormant),
        ((DORMANT,), (RECONNECTING,), Reconnecting),
        ((up(),), (RECONNECTING,), Reconnecting),
        ((RECONNECTING,), (RECONNECTED,), Reconnected),
        ((DORMANT,), (up(),), Reconnected),
        ((up(),), (RECONNECTED,), Reconnected),
        ((RECONNECTED,), (up(),), Changed),
        ((DORMANT,), (), Disconnected),
        ((), (DORMANT,), Dormant),
        ((), (DIALLING,), StateChanged),
        ((DIALLING,), (up(state=ConnState.AUTHENTICATED),), StateChanged),
        ((DIALLING,), (up(),), Connected),
        ((DIALLING,), (), StateChanged),
        ((DIALLING,), (failing(6),), StateChanged),
        ((up(),), (DIALLING,), StateChanged),
        ((up(),), (up("Renamed"),), Changed),
    ],
)
def test_each_difference_has_one_name(before, after, kind) -> None:
    hand = Hand()
    hand.poll()
    hand.poll(*before, signalled=True)
    events = hand.poll(*after, signalled=True)
    assert kinds(events) == [kind]
    assert events[0].before == (before[0] if before else None)
    assert events[0].after == (after[0] if after else None)
    assert events[0].not_before_ns == events[0].monotonic_ns - S


def test_an_unchanged_poll_tells_nothing(hand: Hand) -> None:
    hand.poll(up(), signalled=True)
    assert hand.poll(up()) == []
    assert hand.poll(up("Head office")) == []


def test_a_connection_that_ended_while_it_was_asked_has_both_its_events(hand: Hand) -> None:
    events = hand.poll(failing(6), signalled=True)
    assert kinds(events) == [Connected, Disconnected]
    assert events[1].uptime == 0
    assert hand.poll(failing(668)) == []
    assert hand.poll() == []


def test_what_is_listed_first_is_found_whatever_its_state() -> None:
    hand = Hand()
    other = up("Branch", handle=2, number=8, substate=ConnSubstate.DORMANT)
    events = hand.poll(up(), other)
    assert kinds(events) == [Found, Found]
    assert [event.not_before_ns for event in events] == [None, None]
    assert hand.poll()[0].uptime is None


def test_a_status_that_cannot_be_read_for_a_while_is_no_outage(hand: Hand) -> None:
    hand.poll(up(), signalled=True)
    assert kinds(hand.poll(failing(5))) == [Changed]
    assert kinds(hand.poll(failing(8))) == [Changed]
    assert kinds(hand.poll(up())) == [Changed]
    hand.poll(failing(5))
    assert kinds(hand.poll(DORMANT, signalled=True)) == [Dormant]


def test_a_tunnel_that_moves_while_its_status_cannot_be_read_has_moved(hand: Hand) -> None:
    hand.poll(up(local_endpoint=IPv4Address("192.0.2.1")), signalled=True)
    hand.poll(failing(5))
    assert kinds(hand.poll(up(local_endpoint=IPv4Address("192.0.2.2")))) == [Moved]


def test_an_end_point_that_becomes_known_has_not_moved(hand: Hand) -> None:
    hand.poll(up(), signalled=True)
    assert kinds(hand.poll(up(remote_endpoint=IPv4Address("192.0.2.1")))) == [Changed]
    assert kinds(hand.poll(up(remote_endpoint=IPv4Address("192.0.2.2")))) == [Moved]


def test_a_handle_that_is_used_again_is_another_connection(hand: Hand) -> None:
    hand.poll(up(number=7), signalled=True)
    events = hand.poll(up(number=8), signalled=True)
    assert kinds(events) == [Disconnected, Connected]
    assert events[1].down_for == 0


def test_the_name_tells_connections_apart_only_without_a_correlation_id(hand: Hand) -> None:
    hand.poll(up(number=None), signalled=True)
    assert kinds(hand.poll(up("Renamed", number=None), signalled=True)) == [Disconnected, Connected]


def test_within_one_poll_ends_come_first(hand: Hand) -> None:
    branch = up("Branch", handle=2, number=8)
    hand.poll(branch, signalled=True)
    assert kinds(hand.poll(up(), signalled=True)) == [Disconnected, Connected]
    events = hand.poll(branch, failing(6), signalled=True)
    assert [(type(event), event.entry) for event in events] == [
        (Disconnected, "Head office"),
        (Connected, "Branch"),
    ]


def test_the_end_of_what_was_never_up_comes_first_as_well(hand: Hand) -> None:
    hand.poll(DIALLING)
    events = hand.poll(up("Branch", handle=2, number=8), failing(6), signalled=True)
    assert kinds(events) == [StateChanged, Connected]


def test_two_records_of_one_identity_are_no_flicker(hand: Hand) -> None:
    twice = (up(), up(substate=ConnSubstate.DORMANT))
    hand.poll(*twice, signalled=True)
    assert hand.poll(*twice, up("Branch", handle=2, number=8))[1:] == []


def test_how_long_it_was_up_and_how_long_the_entry_was_down(hand: Hand) -> None:
    hand.poll(up(), after=1.0, signalled=True)
    assert hand.events[-1].down_for is None
    (end,) = hand.poll(after=5.0, signalled=True)
    assert end.uptime == 5.0
    (begin,) = hand.poll(up("HEAD OFFICE", handle=5, number=9), after=2.5, signalled=True)
    assert begin.down_for == 2.5


def test_every_event_has_the_next_number_and_the_moment_of_its_poll(hand: Hand) -> None:
    hand.poll(up(), up("Branch", 2, 8), signalled=True)
    hand.poll(signalled=True)
    assert [event.sequence for event in hand.events] == [1, 2, 3, 4]
    assert {event.monotonic_ns for event in hand.events} == {102 * S, 103 * S}
    assert hand.events[0].time.isoformat() == "2001-09-09T01:48:22+00:00"


# Entries


def test_an_expected_entry_that_is_not_connected_is_absent() -> None:
    hand = Hand(entries=["head OFFICE", "Branch"])
    events = hand.poll(up())
    assert kinds(events) == [Found, Absent]
    assert events[1].entry == "Branch"
    assert hand.engine.state("HEAD office") == up()
    assert hand.engine.state("Branch") is None


def test_only_events_of_the_entries_are_told_and_gaps_and_failures() -> None:
    hand = Hand(entries=["branch"])
    hand.poll(up())
    hand.poll(up(), up("BRANCH", 2, 8), signalled=True)
    hand.poll(up("Moved out"), up("Renamed", 2, 8))
    hand.poll(up("Moved out"), up("Elsewhere", 2, 8))
    hand.poll(code=711)
    hand.poll()
    assert kinds(hand.events) == [
        Absent,
        Connected,
        Changed,
        ProviderFailed,
        ProviderRecovered,
        GapKind.FAILED,
    ]
    assert [event.sequence for event in hand.events] == [1, 2, 3, 4, 5, 6]


# Signals and changes


def test_a_signal_without_a_change_is_a_gap_after_five_looks(hand: Hand) -> None:
    hand.poll(signalled=True)
    signalled = hand.now
    looks = []
    while hand.engine.next_look_ns is not None:
        looks.append(hand.engine.next_look_ns - signalled)
        events = hand.poll(after=(hand.engine.next_look_ns - hand.now) / S)
    assert looks == [10_000_000, 50_000_000, 250_000_000, S, SETTLING_NS]
    (gap,) = events
    assert (gap.kind, gap.count, gap.from_ns, gap.to_ns) == ("blip", 1, signalled - S, signalled)


@pytest.mark.parametrize("after", [0.001, 1.999])
def test_a_change_soon_after_its_signal_accounts_for_it(hand: Hand, after: float) -> None:
    hand.poll(signalled=True)
    assert kinds(hand.poll(up(), after=after)) == [Connected]
    assert look_until_settled(hand, up()) == []


@pytest.mark.parametrize("after", [0.001, 1.999])
def test_a_signal_soon_after_its_change_accounts_for_it(hand: Hand, after: float) -> None:
    hand.poll(up(), signalled=True)
    assert kinds(hand.poll()) == [Disconnected]
    assert hand.poll(after=after, signalled=True) == []
    assert look_until_settled(hand) == []


def test_a_change_accounts_for_one_signal_only(hand: Hand) -> None:
    hand.poll(up(), signalled=True)
    hand.poll(up(), after=0.5, signalled=True)
    (gap,) = look_until_settled(hand, up())
    assert (gap.kind, gap.count) == ("blip", 1)


def test_a_gap_covers_each_signal_that_may_be_the_one_without_a_change(hand: Hand) -> None:
    hand.poll(signalled=True)
    hand.poll(up(), after=0.5, signalled=True)
    (gap,) = look_until_settled(hand, up())
    assert (gap.count, gap.from_ns, gap.to_ns) == (1, 101 * S, 102_500_000_000)


def test_an_outage_between_two_polls_accounts_for_two_signals(hand: Hand) -> None:
    hand.poll(up(), signalled=True)
    assert kinds(hand.poll(RECONNECTED, signalled=True)) == [Reconnected]
    hand.poll(RECONNECTED, after=0.1, signalled=True)
    assert look_until_settled(hand, RECONNECTED) == []


def test_what_was_found_may_be_signalled_late() -> None:
    hand = Hand()
    hand.poll(up())
    hand.poll(up(), after=0.1, signalled=True)
    assert hand.engine.next_look_ns is None
    hand.poll(up(), after=0.1, signalled=True)
    assert [type(event) for event in look_until_settled(hand, up())] == [Gap]


def test_many_signals_without_a_change_are_one_gap_with_a_count(hand: Hand) -> None:
    for _ in range(300):
        hand.poll(after=0.01, signalled=True)
    assert hand.events == []
    look_until_settled(hand)
    (gap,) = hand.events
    assert (gap.kind, gap.count) == ("blip", 300)


def test_endless_signals_without_a_change_are_a_gap_in_ten_seconds(hand: Hand) -> None:
    for _ in range(6000):
        hand.poll(after=0.01, signalled=True)
    assert set(kinds(hand.events)) == {GapKind.BLIP}
    assert len(hand.events) == 7
    look_until_settled(hand)
    assert sum(gap.count for gap in hand.events) == 6000


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((up(),), (up(local_endpoint=IPv4Address("192.0.2.1")),)),
        ((DORMANT,), (RECONNECTING,)),
        ((up(),), (up("Renamed"),)),
        ((up(),), (DORMANT,)),
    ],
)
def test_only_a_connection_that_comes_or_goes_can_be_unreported(hand, before, after) -> None:
    hand.poll(*before, signalled=True)
    hand.poll(*before, after=60.0)
    hand.poll(*after)
    assert look_until_settled(hand, *after) == []
    assert hand.poll(*after, after=60.0) == []


def test_what_ras_does_not_signal_is_one_gap_and_a_new_registration(hand: Hand) -> None:
    hand.poll(up())
    hand.poll(up(), up("Branch", 2, 8))
    assert not hand.registrations
    (gap,) = look_until_settled(hand, up(), up("Branch", 2, 8))
    assert (gap.kind, gap.count) == ("unreported", 1)
    assert (gap.from_ns, gap.to_ns) == (101 * S, 102 * S)
    assert hand.registrations == [gap.monotonic_ns]
    hand.poll()
    assert kinds(hand.events) == [Connected, Connected, GapKind.UNREPORTED] + 2 * [Disconnected]


def test_a_registration_that_stays_deaf_is_made_anew_ever_more_rarely(hand: Hand) -> None:
    for second in range(2 * 3600):
        hand.poll(*[up()][: second % 2])
    pauses = [later - sooner for sooner, later in pairwise(hand.registrations)]
    assert min(pauses[6:]) >= 60 * S
    assert 100 < len(hand.registrations) < 130
    gaps = kinds(hand.events).count(GapKind.UNREPORTED)
    assert gaps - len(hand.registrations) in (0, 1)  # the last may wait for its registration


def test_a_registration_that_fails_is_tried_again_ever_more_rarely() -> None:
    hand = Hand()
    hand.registered = None
    for _ in range(600):
        assert hand.poll() == []
    assert hand.registrations[0] == 101 * S
    pauses = [later - sooner for sooner, later in pairwise(hand.registrations)]
    assert pauses[:4] == [S, 2 * S, 4 * S, 8 * S]
    assert max(pauses) == 60 * S
    hand.registered = hand.now
    hand.poll()
    assert hand.engine.next_look_ns is None


def test_without_notifications_nothing_is_expected_and_nothing_asked_for() -> None:
    hand = Hand(notifications=False)
    hand.registered = None
    hand.poll()
    hand.poll(up())
    hand.poll(after=10.0)
    hand.poll(after=10.0)
    assert kinds(hand.events) == [Connected, Disconnected]
    assert not hand.registrations
    assert hand.engine.next_look_ns is None


# Outages


def test_a_failure_is_told_once_and_ends_in_one_gap(hand: Hand) -> None:
    hand.poll(up(), signalled=True)
    last = hand.now
    for _ in range(5):
        hand.poll(code=711)
    events = hand.poll()
    assert kinds(hand.events) == [
        Connected,
        ProviderFailed,
        ProviderRecovered,
        GapKind.FAILED,
        Disconnected,
    ]
    assert hand.events[1].code == 711
    assert events[0].down_for == 6.0
    assert (events[1].count, events[1].from_ns, events[1].to_ns) == (5, last, hand.now)
    assert hand.registrations == [hand.now]
    hand.poll()
    assert look_until_settled(hand) == []


def test_it_may_begin_with_a_failure() -> None:
    hand = Hand()
    hand.poll(code=5)
    hand.poll(up())
    assert kinds(hand.events) == [ProviderFailed, ProviderRecovered, GapKind.FAILED, Found]
    assert hand.events[2].from_ns == 100 * S


def test_polls_back_off_while_ras_fails(hand: Hand) -> None:
    intervals = []
    for _ in range(6):
        hand.poll(code=711)
        intervals.append(hand.engine.poll_interval_ns / S)
    assert intervals == [2.0, 4.0, 5.0, 5.0, 5.0, 5.0]
    assert hand.engine.next_look_ns is None
    hand.poll()
    assert hand.engine.poll_interval_ns == S


def test_the_back_off_has_a_bound() -> None:
    assert interval_after(100, 0) == 100
    assert interval_after(100, 3) == 800
    assert interval_after(100, 10**6) == LONGEST_BACK_OFF_NS
    assert interval_after(60 * S, 10) == 60 * S


def test_one_late_poll_is_one_gap(hand: Hand) -> None:
    assert hand.poll(after=3.0, late_ns=2 * S + 50_000_000) == []
    before = hand.now
    assert hand.poll(after=3.1, late_ns=2 * S + 50_000_001) == []
    assert hand.engine.next_look_ns == hand.now + S
    (gap,) = hand.poll()
    assert (gap.kind, gap.count) == ("late", 1)
    assert (gap.from_ns, gap.to_ns) == (before, before + 3_100_000_000)


def test_late_polls_one_after_another_are_one_gap(hand: Hand) -> None:
    for _ in range(5):
        hand.poll(after=4.0, late_ns=3 * S)
    hand.poll()
    (gap,) = hand.events
    assert (gap.kind, gap.count, gap.to_ns - gap.from_ns) == ("late", 5, 20 * S)


def test_polls_that_are_always_late_are_one_gap_a_minute(hand: Hand) -> None:
    for _ in range(150):
        hand.poll(after=4.0, late_ns=3 * S)
    assert kinds(hand.events) == 10 * [GapKind.LATE]
    assert sum(gap.count for gap in hand.events) == 150


def test_a_sleep_of_the_system_is_a_gap_and_not_late_as_well(hand: Hand) -> None:
    before = hand.now
    events = hand.poll(up(), after=3600.0, suspended_ns=3599 * S, late_ns=3599 * S, signalled=True)
    assert kinds(events) == [GapKind.SUSPENDED, Connected]
    assert (events[0].from_ns, events[0].to_ns) == (before, hand.now)
    hand.poll(up())
    assert look_until_settled(hand, up()) == []


def test_a_signal_in_a_gap_is_not_told_twice(hand: Hand) -> None:
    hand.poll(after=9.0, late_ns=8 * S, signalled=True)
    hand.poll()
    assert look_until_settled(hand) == []
    assert kinds(hand.events) == [GapKind.LATE]


# State


def test_the_state_after_each_event_leads_from_one_snapshot_to_the_next(hand: Hand) -> None:
    branch = up("Branch", 2, 8)
    before = Snapshot((up(), branch))
    hand.poll(*before, signalled=True)
    events = hand.poll(DORMANT, up("New", 3, 9), signalled=True)
    assert [len(state_after(before, events[:end])) for end in range(4)] == [2, 1, 1, 2]
    assert state_after(before, events) == hand.engine.snapshot
