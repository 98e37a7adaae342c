"""The faults of real notifications, and the simulator's history."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from simabi import (
    EVERY_CONNECTION,
    Rasapi,
    SystemEvent,
    api_of,
    handles,
    state,
    status,
)
from spy import NEVER_VALID

from ras_native import ConnState, NotificationFlag
from ras_native.sim import HistoryEntry, HistoryEvent, Simulator
from ras_native.sim import _abi as _sim_abi

Event = HistoryEvent
Flag = NotificationFlag
CONNECTED, DISCONNECTED = ConnState.CONNECTED, ConnState.DISCONNECTED


@pytest.fixture
def api(sim: Simulator) -> Rasapi:
    return api_of(sim)


@pytest.fixture
def event(api: Rasapi) -> Iterator[SystemEvent]:
    """Register an event for every change."""
    with SystemEvent() as created:
        assert api.RasConnectionNotificationW(EVERY_CONNECTION, created.handle, 0x7F) == 0
        yield created


def told(sim: Simulator) -> list[tuple[float, HistoryEvent, int, int]]:
    """Return time, event, value and registrations of each entry."""
    return [(entry.time, entry.event, entry.value, entry.registrations) for entry in sim.history]


# The history


def test_the_history_tells_every_transition_with_its_time(
    sim: Simulator, api: Rasapi, event: SystemEvent
) -> None:
    sim.teardown = 0.5
    handle = sim.dial("a", states=(0, 5, CONNECTED), step=1.0)
    sim.advance(2.0)
    sim.set_status(handle, substate=1, after=1.0)
    sim.set_status(handle, remote_endpoint="192.0.2.1", error=5, after=2.0)
    sim.rename(handle, "b", after=3.0)
    sim.advance(4.0)
    assert api.RasHangUpW(handle) == 0
    sim.advance(1.0)
    members = _sim_abi.RASSIM_ERROR | _sim_abi.RASSIM_REMOTE_ENDPOINT
    assert told(sim) == [
        (0.0, Event.STATE, 0, 0),
        (1.0, Event.STATE, 5, 0),
        (2.0, Event.STATE, CONNECTED, 0),
        (2.0, Event.LISTED, 0, 0),
        (2.0, Event.SIGNALLED, Flag.CONNECTION, 1),
        (3.0, Event.SUBSTATE, 1, 0),
        (3.0, Event.SIGNALLED, Flag.DORMANT, 1),
        (4.0, Event.STATUS, members, 0),
        (5.0, Event.RENAMED, 0, 0),
        (6.0, Event.UNLISTED, 0, 0),
        (6.0, Event.STATE, DISCONNECTED, 0),
        (6.5, Event.ENDED, 0, 0),
        (6.5, Event.SIGNALLED, Flag.DISCONNECTION, 1),
    ]
    assert {entry.handle for entry in sim.history} == {handle}
    assert [entry.sequence for entry in sim.history] == list(range(13))
    assert event.consume()


def test_the_history_tells_of_links_failures_and_the_service(sim: Simulator) -> None:
    bundle = sim.add("m", subentries=2)
    before = len(sim.history)
    sim.drop_subentry(bundle, 2)
    sim.connect_subentry(bundle, 2)
    sim.dial("f", states=(0,), step=1.0, error=691)
    sim.advance(1.0)
    sim.stop_service(5)
    sim.start_service()
    sim.forget_registrations()
    assert told(sim)[before:] == [
        (0.0, Event.LINK_DOWN, 2, 0),
        (0.0, Event.SIGNALLED, Flag.BANDWIDTH_REMOVED, 0),
        (0.0, Event.LINK_UP, 2, 0),
        (0.0, Event.SIGNALLED, Flag.BANDWIDTH_ADDED, 0),
        (0.0, Event.STATE, 0, 0),
        (1.0, Event.FAILED, 691, 0),
        (1.0, Event.SERVICE, 5, 0),
        (1.0, Event.SERVICE, 0, 0),
        (1.0, Event.REGISTRATIONS_FORGOTTEN, 0, 0),
    ]
    assert sim.history[-1].handle == 0


def test_the_history_is_bounded_and_says_what_is_missing(sim: Simulator) -> None:
    handle, capacity = sim.add("a"), _sim_abi.RASSIM_HISTORY_CAPACITY
    for substate in range(capacity):
        sim.set_status(handle, error=substate)
    entries = sim.history
    assert len(entries) == capacity
    assert [entry.sequence for entry in entries] == list(range(3, capacity + 3))
    assert isinstance(entries[-1], HistoryEntry)
    sim.close()
    with Simulator() as fresh:
        assert fresh.history == ()


# A rename


def test_a_connection_is_renamed(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.rename(handle, "Zürich 🛰")
    assert handles(api) == [handle]
    assert sim.history[-1].event == Event.RENAMED
    with pytest.raises(ValueError, match="entry_name must not be empty"):
        sim.rename(handle, "")
    sim.drop(handle)
    with pytest.raises(LookupError):
        sim.rename(handle, "b")


# Handles that come again


@pytest.mark.parametrize("same_id", [True, False])
@pytest.mark.parametrize("hung_up", [True, False])
def test_a_handle_can_be_used_again(
    sim: Simulator, api: Rasapi, same_id: bool, hung_up: bool
) -> None:
    first = uuid.uuid4()
    handle = sim.add("a", correlation_id=first)
    assert api.RasHangUpW(handle) == 0 if hung_up else sim.drop(handle) is None
    again = sim.add("a", handle=handle, correlation_id=first if same_id else None)
    assert again == handle
    assert handles(api) == [handle]
    assert state(api, handle) == CONNECTED
    sim.drop(handle)
    assert sim.dial("b", handle=handle, after=1.0) == handle
    assert status(api, handle)[0] == 6
    sim.advance(10.0)
    assert handles(api) == [handle]


def test_only_an_ended_handle_can_be_used_again(sim: Simulator, api: Rasapi) -> None:
    up, planned, ended = sim.add("a"), sim.add("b", after=1.0), sim.add("c")
    sim.drop(ended)
    for handle in (up, planned, NEVER_VALID, 1, 2**31):
        with pytest.raises(LookupError, match=r"^handle: "):
            sim.add("d", handle=handle)
    for wrong, error in ((0, ValueError), (-1, ValueError), ("x", TypeError)):
        with pytest.raises(error, match=r"^handle "):
            sim.add("d", handle=wrong)  # type: ignore[arg-type]
    assert handles(api) == [up]
    assert sim.add("d", handle=ended) == ended
    with pytest.raises(LookupError):
        sim.add("e", handle=ended)


def test_handles_of_all_ages_can_be_used_again(sim: Simulator, api: Rasapi) -> None:
    """Use the first, the last and middle free handles again, then new ones."""
    ended = [sim.add(f"{n}") for n in range(5)]
    for handle in ended:
        sim.drop(handle)
    for handle in (ended[0], ended[4], ended[2], ended[1], ended[3]):
        assert sim.add("again", handle=handle) == handle
    assert len(set(handles(api))) == 5
    fresh = [sim.add("new") for _ in range(1100)]
    for handle in fresh:
        sim.drop(handle)
    assert len({*ended, *(sim.add("newer") for _ in range(1100))}) == 1105


def test_what_was_scheduled_for_a_connection_does_not_happen_to_the_next(
    sim: Simulator, api: Rasapi
) -> None:
    sim.teardown = 1.0
    handle = sim.dial("a", states=(0, 1, 2, CONNECTED), step=1.0)
    sim.advance(0.5)
    sim.drop(handle, after=5.0)
    assert api.RasHangUpW(handle) == 0
    sim.drop(handle)
    sim.dial("a", states=(0, 1, 2, CONNECTED), step=1.0, handle=handle)
    seen = []
    for _ in range(8):
        sim.advance(0.5)
        seen.append(state(api, handle))
    assert seen == [0, 1, 1, 2, 2, CONNECTED, CONNECTED, CONNECTED]
    sim.advance(10.0)
    assert handles(api) == [handle]


# A service that forgets


def test_a_service_forgets_registrations_silently(
    sim: Simulator, api: Rasapi, event: SystemEvent
) -> None:
    sim.stop_service()
    sim.forget_registrations(after=1.0)
    sim.start_service(after=2.0)
    sim.advance(2.0)
    sim.add("a")
    assert not event.consume()
    assert sim.registrations == 0
    assert api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 1) == 0
    sim.add("b")
    assert event.consume()


# Windows 11


def test_notifications_cease_after_the_first_cycle(
    sim: Simulator, api: Rasapi, event: SystemEvent
) -> None:
    assert sim.notification_cycles is None
    sim.notification_cycles = 1
    handle = sim.add("a")
    assert event.consume()
    sim.drop(handle)
    assert event.consume(), "the end of the first cycle is still signalled"
    second = sim.add("a")
    assert api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 3) == 0
    sim.set_status(second, substate=1)
    sim.drop(second)
    assert not event.consume()
    lost = [entry for entry in sim.history if entry.event == Event.SIGNAL_LOST]
    assert [(entry.value, entry.registrations) for entry in lost] == [
        (Flag.CONNECTION, 1),
        (Flag.DORMANT, 1),
        (Flag.DISCONNECTION, 2),
    ]
    sim.notification_cycles = None
    sim.add("a")
    assert event.consume()


def test_a_dialling_that_fails_is_no_cycle(sim: Simulator, api: Rasapi, event: SystemEvent) -> None:
    sim.notification_cycles = 1
    failed = sim.dial("a", error=691)
    sim.advance(100)
    assert api.RasHangUpW(failed) == 0
    sim.add("b")
    assert event.consume()


# Lost at random


def signals(seed: int, probability: float = 0.3) -> list[bool]:
    """Return which of a thousand changes of a new Simulator set the event."""
    with Simulator() as sim, SystemEvent() as event:
        api = api_of(sim)
        api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 0x7F)
        handle = sim.add("a")
        assert event.consume()
        sim.lose_notifications(probability, seed)
        heard = []
        for number in range(1000):
            sim.set_status(handle, substate=(1, 0x2000)[number % 2])
            heard.append(event.consume())
        lost = [entry.event for entry in sim.history].count(Event.SIGNAL_LOST)
        assert lost == heard.count(False)
        return heard


def test_signals_are_lost_by_seed() -> None:
    first = signals(7)
    assert first == signals(7)
    assert first != signals(8)
    assert 200 < first.count(False) < 400
    assert signals(7, 0.0).count(False) == 0
    assert signals(7, 1.0).count(True) == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((1.5,), "probability must be from 0 to 1"),
        ((-0.1,), "probability"),
        ((float("nan"),), "probability"),
        (("x",), "probability must be a number"),
        ((0.5, -1), "seed must be"),
        ((0.5, 2**64), "seed must be"),
    ],
)
def test_bad_arguments_lose_nothing(
    sim: Simulator, event: SystemEvent, arguments: tuple[float, ...], error: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=error):
        sim.lose_notifications(*arguments)  # type: ignore[arg-type]
    sim.add("a")
    assert event.consume()


# Late


def test_a_late_notification(sim: Simulator, api: Rasapi, event: SystemEvent) -> None:
    sim.notification_delay = 2.0
    assert sim.notification_delay == 2.0
    handle = sim.add("a")
    with SystemEvent() as later:
        assert api.RasConnectionNotificationW(EVERY_CONNECTION, later.handle, 1) == 0
        sim.advance(1.5)
        assert handles(api) == [handle]
        assert not event.consume()
        sim.advance(0.5)
        assert event.consume()
        assert not later.consume(), "it was registered after the change"
    assert [(e.time, e.event) for e in sim.history][-1] == (2.0, Event.SIGNALLED)


def test_the_end_of_a_connection_is_told_late_and_then_its_registration_ends(
    sim: Simulator, api: Rasapi
) -> None:
    handle = sim.add("a")
    sim.notification_delay = 1.0
    with SystemEvent() as event, SystemEvent() as second:
        assert api.RasConnectionNotificationW(handle, event.handle, 2) == 0
        sim.drop(handle)
        assert sim.registrations == 1
        sim.add("b", handle=handle)
        assert api.RasConnectionNotificationW(handle, second.handle, 2) == 0
        sim.advance(1.0)
        assert (event.consume(), second.consume()) == (True, False)
        assert sim.registrations == 1
        sim.drop(handle)
        sim.advance(1.0)
        assert (event.consume(), second.consume(), sim.registrations) == (False, True, 0)


def test_faults_end_with_the_simulator(sim: Simulator) -> None:
    sim.notification_delay = 2.0
    sim.notification_cycles = 1
    sim.lose_notifications(1.0)
    sim.close()
    with Simulator() as fresh, SystemEvent() as event:
        assert (fresh.notification_delay, fresh.notification_cycles) == (0.0, None)
        api_of(fresh).RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 0x7F)
        actions: list[Callable[[], object]] = [lambda: fresh.drop(fresh.add("a"))] * 3
        for action in actions:
            action()
            assert event.consume()
