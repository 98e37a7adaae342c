"""The stages of a dialling, from the event log and from polls."""

from __future__ import annotations

import json
from itertools import permutations

import pytest
from polls import Hand, S, failing, logged, look_until_settled, up

from ras_native import ConnState
from ras_native.event_log._records import (
    CONNECTED,
    DIAL_FAILED,
    DIALLING,
    LINK_AUTHENTICATED,
    LINK_BEGUN,
    LINK_UP,
)
from ras_native.monitor.timeline import MOST_ATTEMPTS, DialTimeline


@pytest.fixture
def hand() -> Hand:
    """Return an engine that has polled once."""
    hand = Hand(event_log=True)
    hand.poll()
    return hand


def timeline(hand: Hand, entry: str = "head OFFICE") -> DialTimeline:
    found = hand.engine.timeline(entry)
    assert found is not None
    return found


def told(found: DialTimeline) -> list[tuple[str, str, float | None]]:
    return [(stage.source, stage.name, stage.seconds) for stage in found.stages]


DIAL = (
    logged(DIALLING, at=101.0),
    logged(LINK_BEGUN, at=101.5),
    logged(LINK_UP, at=103.0, entry=None),
    logged(LINK_AUTHENTICATED, at=103.25, entry=None),
)
STAGES = [
    ("log", "dialling", 0.5),
    ("log", "link begun", 1.5),
    ("log", "link up", 0.25),
    ("log", "link authenticated", 1.0),
]


def test_the_stages_of_the_log(hand: Hand) -> None:
    hand.poll(log=(*DIAL, logged(CONNECTED, at=104.25)))
    found = timeline(hand)
    assert told(found) == STAGES
    assert (found.entry, found.outcome, found.seconds) == ("Head office", "connected", 3.25)
    assert (found.reason, found.failed_stage) == (None, None)
    assert found.correlation_id == DIAL[0].correlation_id
    assert found.stages[0].time == DIAL[0].time


def test_a_dialling_that_is_under_way(hand: Hand) -> None:
    hand.poll(log=DIAL[:2])
    found = timeline(hand)
    assert told(found) == [("log", "dialling", 0.5), ("log", "link begun", None)]
    assert (found.outcome, found.seconds) == (None, None)


def test_the_stage_that_failed(hand: Hand) -> None:
    hand.poll(log=(*DIAL[:3], logged(DIAL_FAILED, code=691, at=104.0)))
    found = timeline(hand)
    assert (found.outcome, found.seconds) == ("failed", 3.0)
    assert found.failed_stage == found.stages[-1]
    assert (found.stages[-1].name, found.stages[-1].seconds) == ("link up", 1.0)
    assert found.reason is not None
    assert found.reason.code == 691
    data = json.loads(json.dumps(found.to_dict()))
    assert data["failed_stage"]["name"] == "link up"
    assert data["reason"]["code"] == 691


def test_order_and_copies_do_not_matter() -> None:
    events = (*DIAL, logged(CONNECTED, at=104.25))
    for order in permutations(events):
        other = Hand(event_log=True)
        other.poll(log=(*order, order[0]))
        other.poll(log=order[:3])
        assert told(timeline(other)) == STAGES


def test_the_states_that_polls_saw(hand: Hand) -> None:
    hand.poll(up(state=ConnState.CONNECT_DEVICE))
    hand.poll(up(state=ConnState.AUTHENTICATE), after=0.5)
    hand.poll(up(state=ConnState.AUTHENTICATE, error=0), after=0.5)
    hand.poll(up(), after=0.25, signalled=True)
    found = timeline(hand)
    assert told(found) == [("poll", "CONNECT_DEVICE", 0.5), ("poll", "AUTHENTICATE", 0.75)]
    assert (found.outcome, found.seconds) == ("connected", 1.25)
    hand.poll(signalled=True)
    assert timeline(hand) == found


def test_a_state_with_an_error_failed(hand: Hand) -> None:
    hand.poll(up(state=ConnState.AUTHENTICATE))
    hand.poll(up(state=ConnState.AUTHENTICATE, error=691))
    found = timeline(hand)
    assert found.outcome == "failed"
    assert found.reason is not None
    assert found.reason.code == 691
    assert found.failed_stage is not None
    assert found.failed_stage.name == "AUTHENTICATE"


@pytest.mark.parametrize("unreadable", [False, True])
def test_a_dialling_that_vanishes_failed(hand: Hand, unreadable: bool) -> None:
    hand.poll(up(state=ConnState.AUTHENTICATE))
    if unreadable:
        hand.poll(failing(5))
    hand.poll()
    found = timeline(hand)
    assert (found.outcome, found.reason) == ("failed", None)


def test_the_two_sources_are_together(hand: Hand) -> None:
    hand.poll(up(state=ConnState.CONNECT_DEVICE), log=DIAL[:2])  # at 102 s
    hand.poll(up(), log=(*DIAL[2:], logged(CONNECTED, at=104.25)), signalled=True)
    found = timeline(hand)
    assert [(source, name) for source, name, _ in told(found)] == [
        ("log", "dialling"),
        ("log", "link begun"),
        ("poll", "CONNECT_DEVICE"),
        ("log", "link up"),
        ("log", "link authenticated"),
    ]
    assert found.outcome == "connected"


def test_the_last_dialling_counts_even_if_events_are_late(hand: Hand) -> None:
    hand.poll(log=DIAL[:1])
    hand.poll(log=(logged(DIALLING, 8, at=110.0),))
    hand.poll(log=(logged(DIAL_FAILED, 7, 691, at=105.0),))
    assert timeline(hand).stages[0].time == logged(DIALLING, at=110.0).time
    hand.poll(log=(logged(DIAL_FAILED, 8, 718, at=111.0),))
    assert timeline(hand).outcome == "failed"


def test_without_ids_the_entry_tells_diallings_apart() -> None:
    hand = Hand(event_log=True)
    hand.poll()
    for begin in (101.0, 120.0):
        hand.poll(log=(logged(DIALLING, None, at=begin),))
        hand.poll(log=(logged(DIAL_FAILED, None, 691, at=begin + 2.0),))
    found = timeline(hand)
    assert told(found) == [("log", "dialling", 2.0)]
    assert found.stages[0].time == logged(DIALLING, at=120.0).time


def test_what_was_up_before_has_none() -> None:
    hand = Hand()
    hand.poll(up())
    hand.poll(failing(5))
    hand.poll(up())
    assert hand.engine.timeline("Head office") is None
    assert hand.engine.timeline("Depot") is None


def test_a_connection_that_ended_while_it_was_asked_had_connected(hand: Hand) -> None:
    hand.poll(failing(6))
    assert timeline(hand).outcome == "connected"


def test_the_number_of_timelines_is_bounded(hand: Hand) -> None:
    for number in range(1, MOST_ATTEMPTS + 10):
        hand.poll(log=(logged(DIALLING, number, at=100.0 + number, entry=f"{number}"),), after=0.01)
    look_until_settled(hand)
    assert hand.engine.timeline("1") is None
    assert hand.engine.timeline(f"{MOST_ATTEMPTS + 9}") is not None
    timelines = hand.engine._timelines
    assert len(timelines._attempts) == len(timelines._last) == MOST_ATTEMPTS


def test_the_timeline_that_was_not_used_for_longest_is_forgotten(hand: Hand) -> None:
    names = ["Head office", *map(str, range(MOST_ATTEMPTS - 1)), "Head office", "one more"]
    for number, name in enumerate(names, 1):
        hand.poll(log=(logged(DIALLING, number, at=100.0 + number, entry=name),), after=0.01)
    assert hand.engine.timeline("Head office") is not None
    assert hand.engine.timeline("0") is None


def test_an_attempt_whose_entry_is_unknown_is_found_later(hand: Hand) -> None:
    hand.poll(log=DIAL[2:3])
    assert hand.engine.timeline("Head office") is None
    hand.poll(up(), signalled=True)
    assert told(timeline(hand))[0][:2] == ("log", "link up")
    assert hand.now > 100 * S
