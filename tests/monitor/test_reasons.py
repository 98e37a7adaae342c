"""Why connections ended: the engine alone, with events of the event log that the test makes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polls import UTC_NS, Hand, S, kinds, logged, look_until_settled, up

from ras_native.event_log import LogEvent
from ras_native.event_log._records import (
    CONNECTED,
    DIAL_FAILED,
    DISCONNECTED,
    IDLE_TIMEOUT,
    LONGEST_TIME,
    MOVED,
)
from ras_native.monitor.engine import LOOKS_AFTER_SIGNAL_NS, SETTLING_NS
from ras_native.monitor.events import (
    Absent,
    DialFailed,
    Disconnected,
    Explained,
    Found,
    Gap,
    GapKind,
    IdleTimeout,
    SessionTimeout,
)
from ras_native.monitor.matching import (
    GUESS_NS,
    MOST_KEPT,
    REASON_NS,
    Reasons,
    same_entry,
    utc_ns,
)

REASON = REASON_NS / S
GUESS = GUESS_NS / S


@pytest.fixture
def hand() -> Hand:
    """Return an engine that has the event log, and has polled twice: Head office is up."""
    hand = Hand(event_log=True)
    hand.poll()
    hand.poll(up(), signalled=True)
    return hand


def ended(hand: Hand, **poll) -> Disconnected:
    """End all connections; return the event."""
    events = hand.poll(signalled=True, **poll)
    return next(event for event in events if isinstance(event, Disconnected))


def reasons(hand: Hand) -> list[tuple[int, int | None, str | None]]:
    return [
        (event.disconnected, event.reason and event.reason.code, event.matched_by)
        for event in hand.events
        if isinstance(event, Explained)
    ]


# By correlation id


def test_the_reason_follows_the_end(hand: Hand) -> None:
    end = ended(hand)
    assert reasons(hand) == []
    (event,) = hand.poll(log=(logged(DISCONNECTED, code=829),), after=0.05)
    assert isinstance(event, Explained)
    assert (event.disconnected, event.entry) == (end.sequence, "Head office")
    assert event.reason is not None
    assert (event.reason.code, event.matched_by) == (829, "correlation id")
    assert event.log_event is not None
    assert event.log_event.code == 829
    assert event.sequence == end.sequence + 1


def test_an_event_that_was_read_first_still_matches(hand: Hand) -> None:
    hand.poll(up(), log=(logged(DISCONNECTED, code=829),))
    for _ in range(40):
        hand.poll(up(), after=60.0)
    end = ended(hand)
    assert reasons(hand) == [(end.sequence, 829, "correlation id")]


def test_in_one_poll_the_end_comes_first(hand: Hand) -> None:
    events = hand.poll(log=(logged(DISCONNECTED, code=829),), signalled=True)
    assert kinds(events) == [Disconnected, Explained]


def test_another_attempt_of_the_same_entry_tells_nothing(hand: Hand) -> None:
    end = ended(hand)
    hand.poll(log=(logged(DISCONNECTED, 8, 691, at=hand.now / S),))
    hand.poll(after=REASON)
    assert reasons(hand) == [(end.sequence, None, None)]


def test_the_connection_counts_not_the_name_in_the_event(hand: Hand) -> None:
    end = ended(hand)
    hand.poll(log=(logged(DISCONNECTED, code=829, entry="Z\ufffd?"),))
    assert reasons(hand) == [(end.sequence, 829, "correlation id")]


def test_after_the_deadline_there_is_no_reason(hand: Hand) -> None:
    end = ended(hand)
    assert hand.engine.next_look_ns is not None
    look_until_settled(hand)
    assert reasons(hand) == [(end.sequence, None, None)]
    assert hand.now == end.monotonic_ns + REASON_NS
    assert hand.poll(log=(logged(DISCONNECTED, code=829),), after=0.1) == []


def test_the_deadline_holds_while_ras_fails(hand: Hand) -> None:
    end = ended(hand)
    hand.poll(code=711)
    assert hand.engine.next_look_ns == end.monotonic_ns + REASON_NS
    hand.poll(code=711, after=REASON)
    assert reasons(hand) == [(end.sequence, None, None)]


def test_a_reason_may_come_while_ras_fails(hand: Hand) -> None:
    end = ended(hand)
    hand.poll(code=711, log=(logged(DISCONNECTED, code=829),))
    assert reasons(hand) == [(end.sequence, 829, "correlation id")]


def test_without_an_event_log_the_answer_comes_at_once(hand: Hand) -> None:
    assert kinds(hand.poll(signalled=True, has_log=False)) == [Disconnected, Explained]
    assert reasons(hand)[0][1:] == (None, None)


def test_a_log_that_proves_missing_answers_what_waits(hand: Hand) -> None:
    end = ended(hand)
    hand.poll(has_log=False)
    assert reasons(hand) == [(end.sequence, None, None)]


def test_nobody_reads_the_log_so_nothing_is_explained() -> None:
    hand = Hand()
    hand.poll(up())
    hand.poll(signalled=True)
    assert look_until_settled(hand) == []
    assert hand.engine.close(hand.now, hand.now) == []
    assert kinds(hand.events) == [Found, Disconnected]


def test_close_answers_what_waits(hand: Hand) -> None:
    end = ended(hand)
    (event,) = hand.engine.close(hand.now + S, 5 * S)
    assert isinstance(event, Explained)
    assert (event.disconnected, event.reason, event.matched_by) == (end.sequence, None, None)
    assert (event.sequence, event.monotonic_ns) == (end.sequence + 1, hand.now + S)
    assert event.time.timestamp() == 5.0
    assert hand.engine.close(hand.now + S, 5 * S) == []


def test_an_event_without_a_code_gives_no_reason(hand: Hand) -> None:
    end = ended(hand)
    (event,) = hand.poll(log=(logged(DISCONNECTED),))
    assert isinstance(event, Explained)
    assert (event.disconnected, event.reason) == (end.sequence, None)
    assert event.matched_by == "correlation id"


def test_a_connection_that_is_listed_again_ends_another_time(hand: Hand) -> None:
    first = ended(hand)
    hand.poll(up(), signalled=True)
    hand.poll(up(), log=(logged(DISCONNECTED, code=829),))
    second = ended(hand)
    look_until_settled(hand)
    assert reasons(hand) == [
        (second.sequence, 829, "correlation id"),
        (first.sequence, None, None),
    ]


def test_an_id_of_zeros_is_no_id() -> None:
    hand = Hand(event_log=True)
    hand.poll(up(number=0))
    end = ended(hand)
    hand.poll(log=(logged(DISCONNECTED, 0, 829, at=hand.now / S),), after=0.1)
    assert reasons(hand) == []
    look_until_settled(hand)
    assert reasons(hand) == [(end.sequence, 829, "entry and time")]


@pytest.mark.parametrize("reason_after", [0, 1, 2])
def test_two_links_with_one_id_both_get_the_reason(hand: Hand, reason_after: int) -> None:
    hand.poll(up(), up(handle=2), after=0.1, signalled=True)
    log = (logged(DISCONNECTED, code=829),)
    hand.poll(up(handle=2), after=0.1, signalled=True, log=log if reason_after == 0 else ())
    hand.poll(up(handle=2, error=5), after=0.1, log=log if reason_after == 1 else ())
    hand.poll(after=0.1, signalled=True)
    hand.poll(after=0.1, log=log if reason_after == 2 else ())
    assert [found[1:] for found in reasons(hand)] == [(829, "correlation id")] * 2
    assert len({found[0] for found in reasons(hand)}) == 2


def test_a_link_that_stays_ends_for_its_own_reason(hand: Hand) -> None:
    hand.poll(up(), up(handle=2), after=0.1, signalled=True)
    hand.poll(up(handle=2), after=0.1, signalled=True, log=(logged(DISCONNECTED, code=829),))
    end = ended(hand, after=2.1)
    look_until_settled(hand)
    assert reasons(hand)[1:] == [(end.sequence, None, None)]


def test_a_connection_that_is_listed_again_has_not_the_reason_of_before(hand: Hand) -> None:
    ended(hand, after=0.1, log=(logged(DISCONNECTED, code=829),))
    hand.poll(up(), after=0.1, signalled=True)
    ended(hand, after=0.1)
    look_until_settled(hand)
    assert [code for _, code, _ in reasons(hand)] == [829, None]


def test_more_ends_than_are_kept_are_answered_once() -> None:
    count = MOST_KEPT + 10
    hand = Hand(event_log=True)
    hand.poll(*(up(f"{n}", n, n) for n in range(1, count + 1)))
    hand.poll(signalled=True)
    assert len(reasons(hand)) == 10
    look_until_settled(hand)
    assert sorted(found for found, _, _ in reasons(hand)) == [
        event.sequence for event in hand.events if isinstance(event, Disconnected)
    ]


# By entry and time


@pytest.fixture
def old() -> Hand:
    """Return an engine of a system whose connections have no correlation id."""
    hand = Hand(event_log=True)
    hand.poll(up(number=None))
    return hand


def test_entry_and_time_are_a_guess_and_made_at_the_deadline(old: Hand) -> None:
    end = ended(old)
    old.poll(log=(logged(DISCONNECTED, code=829, at=old.now / S, entry="HEAD OFFICE"),))
    assert reasons(old) == []
    look_until_settled(old)
    assert reasons(old) == [(end.sequence, 829, "entry and time")]
    assert old.now == end.monotonic_ns + REASON_NS


def test_an_event_without_an_id_is_a_guess(hand: Hand) -> None:
    end = ended(hand)
    hand.poll(log=(logged(DISCONNECTED, None, 829, at=hand.now / S),))
    look_until_settled(hand)
    assert reasons(hand) == [(end.sequence, 829, "entry and time")]


@pytest.mark.parametrize(
    ("after", "fits"), [(-1.0 - GUESS, True), (-1.1 - GUESS, False), (GUESS, True), (5.1, False)]
)
def test_the_event_must_be_near_the_end(old: Hand, after: float, fits: bool) -> None:
    end = ended(old)  # between two polls, one second apart
    at = end.monotonic_ns / S + after
    old.poll(log=(logged(DISCONNECTED, code=829, at=at),))
    look_until_settled(old)
    assert [code for _, code, _ in reasons(old)] == [829 if fits else None]


def test_two_events_that_fit_are_no_guess(old: Hand) -> None:
    ended(old)
    old.poll(log=tuple(logged(DISCONNECTED, n, 820 + n, at=old.now / S) for n in (1, 2)))
    look_until_settled(old)
    assert [code for _, code, _ in reasons(old)] == [None]


def test_two_ends_that_fit_are_no_guess(old: Hand) -> None:
    ended(old)
    old.poll(up(number=None), signalled=True)
    ended(old)
    old.poll(log=(logged(DISCONNECTED, code=829, at=old.now / S),))
    look_until_settled(old)
    assert [code for _, code, _ in reasons(old)] == [None, None]


def test_guesses_compare_few_ends_and_events(old: Hand, monkeypatch) -> None:
    compared, may_tell = [], Reasons._may_tell

    def count(self, event, end):
        compared.append(event)
        return may_tell(self, event, end)

    monkeypatch.setattr(Reasons, "_may_tell", count)
    many = range(1, 401)
    old.poll(*(up(f"{n}", n, None) for n in many), *(up("same", 1000 + n, None) for n in many))
    old.poll(signalled=True)
    at = old.now / S
    old.poll(log=tuple(logged(DISCONNECTED, n, 1000 + n, at=at, entry=f"{n}") for n in many))
    old.poll(log=tuple(logged(DISCONNECTED, n, 829, at=at, entry="same") for n in many))
    look_until_settled(old)
    codes = [code for _, code, _ in reasons(old)]
    assert sorted(filter(None, codes)) == [1000 + n for n in many]
    assert len(compared) <= 2 * len(many)


def test_an_end_without_a_reason_still_stands_for_its_event(old: Hand) -> None:
    """The event of the first end comes after its deadline: it is no reason for the second."""
    ended(old)
    at = old.now / S
    old.poll(up(number=None), after=2.0, signalled=True)
    ended(old)
    old.poll(after=REASON - 2.5)
    old.poll(log=(logged(DISCONNECTED, code=829, at=at),))
    look_until_settled(old)
    assert [code for _, code, _ in reasons(old)] == [None, None]


def test_an_event_explains_one_end_only(old: Hand) -> None:
    ended(old)
    old.poll(log=(logged(DISCONNECTED, code=829, at=old.now / S),))
    look_until_settled(old)
    old.poll(up(number=None), signalled=True)
    ended(old)
    look_until_settled(old)
    assert [code for _, code, _ in reasons(old)] == [829, None]


def test_an_attempt_that_a_poll_saw_is_no_guess_for_another(hand: Hand) -> None:
    hand.poll(up(number=7), up(handle=2, number=None), signalled=True)
    ended(hand)  # both
    hand.poll(log=(logged(DISCONNECTED, 7, 829, at=hand.now / S),))
    look_until_settled(hand)
    assert sorted(found[1:] for found in reasons(hand) if found[1]) == [(829, "correlation id")]


@pytest.mark.parametrize(
    ("logged_name", "entry", "same"),
    [
        ("Head office", "HEAD OFFICE", True),
        ("B\u00fcro", "b\u00dcRO", True),
        ("B\u00c3\u00bcro", "B\u00fcro", True),
        ("B?ro", "B\u00fcro", True),
        ("B\ufffdro", "B\u00fcro", True),
        ("Bro", "B\u00fcro", False),
        ("Buero", "B\u00fcro", False),
        ("B\u00fcro 2", "B\u00fcro", False),
        ("??", "\u5317\u4eac", False),
        ("\u4e0a\u6d77", "\u5317\u4eac", False),
        ("? ?", "\u5317 \u4eac", False),
        ("\u5317\u4eac", "\u5317\u4eac", True),
        (None, "Head office", False),
        ("", "", True),
    ],
)
def test_names_may_be_mangled(logged_name: str | None, entry: str, same: bool) -> None:
    assert same_entry(logged_name, entry) is same


# Order, delay, loss and copies

_entries = ("Head office", "Branch")
_life = st.tuples(
    st.integers(0, 1),  # the entry
    st.sampled_from([0.5, 1.0, 3.0, 8.0, 40.0]),  # how long it was up
    st.sampled_from([None, None, -3.0, 0.0, 0.0, 0.0, 0.2, 2.0, 9.0, 12.0, 90.0]),  # its event
    st.integers(1, 3),  # copies
    st.sampled_from(["both", "both", "both", "connection", "event", "none"]),  # who has the id
)


def play(lives, order) -> tuple[Hand, dict[int, int]]:
    """Let connections live, and the log tell; return the right code for each Disconnected."""
    hand = Hand(event_log=True)
    hand.poll()
    moments: list[tuple[float, int, object]] = []
    begin = 101.0
    for number, (name, seconds, delay, copies, has_id) in enumerate(lives, 1):
        end = begin + seconds
        moments.append((begin, 0, ("up", number)))
        moments.append((end, 0, ("down", number)))
        if delay is not None:
            event = logged(
                DISCONNECTED,
                number if has_id in ("both", "event") else None,
                1000 + number,
                at=end,
                entry=_entries[name],
            )
            for copy in range(copies):
                twin = replace(event, record_id=event.record_id + copy * 10_000)
                moments.append((max(101.0, end + delay + copy), 1, twin))
        begin += order[number % len(order)]
    listed: dict[int, object] = {}
    right: dict[int, int] = {}
    for moment, _, what in sorted(moments, key=lambda item: item[:2]):
        log: tuple[LogEvent, ...] = ()
        if isinstance(what, LogEvent):
            log = (what,)
        else:
            kind, number = what
            name, _, _, _, has_id = lives[number - 1]
            attempt = number if has_id in ("both", "connection") else None
            listed[number] = up(_entries[name], number, attempt)
            if kind == "down":
                del listed[number]
        told = len(hand.events)
        items = list(listed.values())
        hand.poll(*items, after=max(0.0, moment - hand.now / S), log=log, signalled=not log)
        for event in hand.events[told:]:
            if isinstance(event, Disconnected):
                right[event.sequence] = 1000 + event.connection.handle
    look_until_settled(hand, *listed.values(), most=200)
    hand.events += hand.engine.close(hand.now, hand.now)
    return hand, right


@settings(max_examples=300, deadline=None)
@given(
    st.lists(_life, min_size=1, max_size=6),
    st.lists(st.sampled_from([0.0, 0.3, 1.0, 4.0, 11.0]), min_size=1, max_size=4),
)
def test_no_wrong_reason_whatever_the_log_does(lives, order) -> None:
    hand, right = play(lives, order)
    answers = [event for event in hand.events if isinstance(event, Explained)]
    assert sorted(event.disconnected for event in answers) == sorted(right)
    assert [event.sequence for event in hand.events] == list(range(1, len(hand.events) + 1))
    used = set()
    for event in answers:
        number = right[event.disconnected] - 1000
        name, _, delay, _, has_id = lives[number - 1]
        if event.matched_by is None:
            assert event.reason is None
            if has_id == "both" and delay is not None:
                assert delay >= REASON
            continue
        assert event.reason is not None
        assert event.log_event is not None
        assert event.reason.code not in used, "an event of the log explains one end"
        used.add(event.reason.code)
        if event.matched_by == "correlation id":
            assert has_id == "both"
            assert event.reason.code == right[event.disconnected]
        else:
            assert has_id != "both"
            assert same_entry(event.log_event.entry, _entries[name])
            assert lives[event.reason.code - 1001][0] == name
            assert_no_other_end_fits(event, hand)


def assert_no_other_end_fits(event: Explained, hand: Hand) -> None:
    """Check a guess: of the ends known by then that had no reason, the event fits only one."""
    assert event.log_event is not None
    by_then = [other for other in hand.events if other.monotonic_ns <= event.monotonic_ns]
    answered = {
        other.disconnected
        for other in by_then
        if isinstance(other, Explained)
        and (
            other.matched_by == "correlation id"
            or (other.matched_by and other.sequence < event.sequence)
        )
    }
    moment_ns = utc_ns(event.log_event.time) - UTC_NS
    for other in by_then:
        if (
            not isinstance(other, Disconnected)
            or other.sequence in (event.disconnected, *answered)
            or other.entry != event.entry
            or (event.log_event.correlation_id and other.connection.correlation_id)
        ):
            continue
        assert other.not_before_ns is not None
        near = other.not_before_ns - GUESS_NS <= moment_ns <= other.monotonic_ns + GUESS_NS
        assert not near, "another end fits as well"


# What only the log tells


def test_a_dial_that_failed_is_an_event(hand: Hand) -> None:
    event = logged(DIAL_FAILED, 9, 691, entry="Branch")
    (failed,) = hand.poll(up(), log=(event,))
    assert isinstance(failed, DialFailed)
    assert (failed.entry, failed.correlation_id) == ("Branch", event.correlation_id)
    assert failed.reason is not None
    assert failed.reason.code == 691
    match failed:
        case DialFailed("Branch", reason):
            assert reason is failed.reason
    data = json.loads(json.dumps(failed.to_dict()))
    assert (data["event"], data["entry"], data["reason"]["code"]) == ("DialFailed", "Branch", 691)
    assert data["log_event"]["event_id"] == DIAL_FAILED


def test_the_limits_of_time_are_events_that_name_the_entry(hand: Hand) -> None:
    events = hand.poll(
        up(), log=(logged(IDLE_TIMEOUT, entry=None), logged(LONGEST_TIME, 99, entry=None))
    )
    assert [(type(event), event.entry) for event in events] == [
        (IdleTimeout, "Head office"),
        (SessionTimeout, None),
    ]


def test_a_doubled_event_is_told_once(hand: Hand) -> None:
    event = logged(DIAL_FAILED, 9, 691)
    again = replace(event, record_id=event.record_id + 1, time=event.time.replace(microsecond=1))
    assert len(hand.poll(up(), log=(event, event, again))) == 1
    assert hand.poll(up(), log=(again,)) == []
    idle = logged(IDLE_TIMEOUT)
    assert len(hand.poll(up(), log=(idle, replace(idle, record_id=1)))) == 1
    assert len(hand.poll(up(), log=(logged(DIAL_FAILED, 10, 691),))) == 1


def test_the_same_failure_later_is_no_copy(hand: Hand) -> None:
    first, second = (logged(DIAL_FAILED, 9, 691, at=at) for at in (100.0, 198.0))
    assert kinds(hand.poll(up(), log=(first,))) == [DialFailed]
    assert kinds(hand.poll(up(), after=98.0, log=(second,))) == [DialFailed]
    assert hand.poll(up(), log=(first, second)) == []  # the log was read again


def test_only_the_entries_are_told() -> None:
    hand = Hand(event_log=True, entries=["b\u00dcRO"])
    hand.poll(up(), up("B\u00fcro", 2, 8))
    hand.poll(log=(logged(DISCONNECTED, 7, 829), logged(DISCONNECTED, 8, 829)), signalled=True)
    hand.poll(
        log=(
            logged(DIAL_FAILED, 20, 691),
            logged(DIAL_FAILED, 21, 691, entry="B\u00c3\u00bcro"),
            logged(IDLE_TIMEOUT, 8, entry=None),
            logged(IDLE_TIMEOUT, 7, entry=None),
            logged(IDLE_TIMEOUT, 30, entry=None),
        )
    )
    assert kinds(hand.events) == [Found, Disconnected, Explained, DialFailed, IdleTimeout]
    assert hand.events[2].disconnected == 2
    assert Absent not in kinds(hand.events)


# Gaps


def test_a_connection_between_two_polls_is_told_by_the_gap(hand: Hand) -> None:
    began, over = logged(CONNECTED, 9), logged(DISCONNECTED, 9, 829)
    hand.poll(up(), signalled=True)
    hand.poll(up(), log=(began, over), after=0.01)
    (gap,) = look_until_settled(hand, up())
    assert isinstance(gap, Gap)
    assert (gap.kind, gap.log_events) == (GapKind.BLIP, (began, over))


def test_a_gap_tells_nothing_of_what_polls_saw(hand: Hand) -> None:
    hand.poll(up(), signalled=True)
    hand.poll(up(), up("Branch", 2, 8), after=0.5, signalled=True)
    log = (logged(CONNECTED, 7), logged(CONNECTED, 8), logged(DISCONNECTED, None, 829))
    hand.poll(up(), up("Branch", 2, 8), log=log, after=0.5, signalled=True)
    gaps = look_until_settled(hand, up(), up("Branch", 2, 8))
    assert [event.log_events for event in gaps if isinstance(event, Gap)] == [()]


def test_what_connected_during_an_outage_and_stays_is_not_in_its_gap(hand: Hand) -> None:
    hand.poll(code=711)
    gone = logged(CONNECTED, 9, entry="Depot")
    hand.poll(code=711, log=(logged(CONNECTED, 8, entry="Branch"), gone))
    events = hand.poll(up(), up("Branch", 2, 8))
    (gap,) = [event for event in events if isinstance(event, Gap)]
    assert (gap.kind, gap.log_events) == (GapKind.FAILED, (gone,))


def test_a_log_that_lost_events_is_a_gap(hand: Hand) -> None:
    missed = hand.now
    assert hand.poll(up(), log_missed_ns=missed) == []
    found = hand.now
    (gap,) = look_until_settled(hand, up())
    assert isinstance(gap, Gap)
    assert (gap.kind, gap.count, gap.from_ns, gap.to_ns) == ("log", 1, missed, found)
    assert gap.monotonic_ns == found + SETTLING_NS


def test_a_log_that_loses_events_again_and_again_is_few_gaps(hand: Hand) -> None:
    for _ in range(500):
        hand.poll(up(), after=0.05, log_missed_ns=hand.now)
    look_until_settled(hand, up())
    gaps = [event for event in hand.events if isinstance(event, Gap)]
    assert {gap.kind for gap in gaps} == {GapKind.LOG}
    assert sum(gap.count for gap in gaps) == 500
    assert len(gaps) == 3
    assert gaps[0].to_ns == gaps[1].from_ns


def test_a_loss_of_the_log_is_told_while_ras_fails(hand: Hand) -> None:
    hand.poll(code=711, log_missed_ns=hand.now)
    assert hand.engine.next_look_ns == hand.now + SETTLING_NS
    assert kinds(hand.poll(code=711, after=2.0)) == [GapKind.LOG]


# The log wakes the Monitor


@pytest.mark.parametrize("event", [logged(CONNECTED, 9), logged(DISCONNECTED, 7, 829)])
def test_polls_follow_an_event_that_ras_does_not_confirm(hand: Hand, event: LogEvent) -> None:
    hand.poll(up(), after=10.0, log=(event,))
    begun, looks = hand.now, []
    while hand.engine.next_look_ns is not None:
        looks.append(hand.engine.next_look_ns - begun)
        assert hand.poll(up(), after=(hand.engine.next_look_ns - hand.now) / S) == []
    assert looks == list(LOOKS_AFTER_SIGNAL_NS)


def test_no_poll_follows_an_event_of_what_polls_saw(hand: Hand) -> None:
    hand.poll(up(), after=10.0, log=(logged(CONNECTED, 7), logged(MOVED, 7)))
    assert hand.engine.next_look_ns is None


def test_an_event_of_the_log_is_no_signal(hand: Hand) -> None:
    hand.poll(up(), after=10.0, log=(logged(CONNECTED, 9),))
    hand.poll(after=60.0, log=(logged(DISCONNECTED, 7, 829),))
    assert kinds(look_until_settled(hand)) == [GapKind.UNREPORTED]
