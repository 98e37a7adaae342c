"""When the plain waiter polls and what it returns, on a simulated clock."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from waiting import INTERVAL, MS, RasEvent, World

from ras_native import Ras
from ras_native._backend import ctypes_ras
from ras_native._backend.layout import RN_E_NO_MEMORY, RN_E_OS
from ras_native._polled import PolledSnapshot
from ras_native.monitor import watcher
from ras_native.monitor.engine import LATE_NS
from ras_native.monitor.watcher import SIGNAL_PAUSE_NS, Look, PlainWaiter, Watcher

LATE = 2 * INTERVAL + LATE_NS


def plain_waiter(poll):
    """Make a waiter whose poll is only the enumeration."""
    return PlainWaiter(SimpleNamespace(poll=poll, connections=SimpleNamespace(enumerated_ns=-1)))


@pytest.fixture
def world(monkeypatch):
    made = World()
    monkeypatch.setattr(watcher, "time", made)
    monkeypatch.setattr(watcher, "slept_ns", lambda: made.slept)
    made.waiter = plain_waiter(made.poll)
    return made


def test_the_first_poll_is_at_once(world):
    look = world.wait()
    assert look == (1, 0, 10**18, 0, False, 0, 0)
    assert world.begun == [0]


def test_polls_are_an_interval_apart_and_only_a_change_is_told(world):
    world.wait()
    world.answers[4] = 2
    look = world.wait()
    assert world.begun == [0, INTERVAL, 2 * INTERVAL, 3 * INTERVAL, 4 * INTERVAL]
    assert (look.generation, look.monotonic_ns, look.previous_ns) == (2, 4 * INTERVAL, 3 * INTERVAL)
    assert world.waiter.polls == 5
    assert world.waiter.wake_ups == 5


def test_due_times_are_absolute(world):
    world.takes = dict.fromkeys(range(5), 7 * MS)
    world.wait()
    world.answers[4] = 2
    look = world.wait()
    assert world.begun == [n * INTERVAL for n in range(5)]
    assert look.late_ns == 0
    assert look.monotonic_ns == 4 * INTERVAL + 7 * MS


def test_missed_polls_are_skipped(world):
    world.wait()
    world.takes[1] = INTERVAL + 30 * MS
    world.answers[4] = 2
    look = world.wait()
    assert world.begun == [n * MS for n in (0, 100, 230, 300, 400)]
    assert look.late_ns == 0


def test_a_poll_that_is_late_is_told(world):
    world.wait()
    world.takes[1] = INTERVAL + LATE + 1
    look = world.wait()
    assert look.late_ns == LATE + 1
    assert look.generation == 1
    world.takes[3] = INTERVAL + LATE
    world.answers[5] = 2
    assert world.wait().late_ns == 0  # the poll between was late by exactly the limit


def test_a_signal_is_served_at_once(world):
    world.wait()
    world.signals = [3 * MS]
    look = world.wait()
    assert (look.signalled, look.monotonic_ns, look.generation) == (True, 3 * MS, 1)
    assert world.signals == []
    world.answers[2] = 2
    assert world.wait().monotonic_ns == INTERVAL  # signals do not change when polls are due


def test_a_signal_that_is_there_when_a_poll_is_due(world):
    world.wait()
    world.signals = [INTERVAL]
    assert world.wait()[4:6] == (True, 0)
    world.answers[2] = 2
    assert world.wait().monotonic_ns == 2 * INTERVAL


def test_signals_without_end_are_served_once_a_millisecond(world):
    world.always = True
    looks = [world.wait() for _ in range(50)]
    assert all(look.signalled for look in looks)
    assert world.begun == [n * SIGNAL_PAUSE_NS for n in range(50)]


def test_a_signal_that_came_too_soon_waits_and_is_not_lost(world):
    world.wait(interval=MS // 4)
    world.signals = [MS // 8, MS // 4]
    assert world.wait(interval=MS // 4).signalled
    assert world.signals == [MS // 4]
    assert world.wait(interval=MS // 4)[1:5] == (MS + MS // 8, 10**18 + MS + MS // 8, MS, True)


def test_signals_without_end_do_not_keep_it_from_ending(world):
    world.always = True
    world.cancelled_at = 10 * MS
    looks = []
    while (look := world.wait()) is not None:
        looks.append(look)
    assert len(looks) <= 11


def test_without_an_event_the_interval_polls(world):
    world.signals = [1]
    world.wait(signals=False)
    world.answers[2] = 2
    assert world.wait(signals=False).monotonic_ns == 2 * INTERVAL
    world.cancelled_at = 2 * INTERVAL + 1
    assert world.wait(signals=False, known=2) is None
    assert world.now == 2 * INTERVAL + 1


def test_the_engine_gets_the_look_it_wants(world):
    world.wait()
    look = world.wait(look=30 * MS)
    assert (look.monotonic_ns, look.signalled, look.late_ns) == (30 * MS, False, 0)
    look = world.wait(look=3 * INTERVAL)  # after polls that are due earlier
    assert world.begun == [n * MS for n in (0, 30, 100, 200, 300)]
    assert look.monotonic_ns == 300 * MS


def test_a_failure_is_told_and_the_poll_after_it(world):
    world.wait()
    world.answers[2] = -711
    failed, after = world.wait(), world.wait()
    assert (failed.generation, failed.previous_ns) == (-711, INTERVAL)
    assert (after.generation, after.previous_ns) == (1, INTERVAL)
    world.answers[6] = 2
    assert world.wait().monotonic_ns == 6 * INTERVAL


def test_another_interval_counts_from_the_last_poll(world):
    world.wait()
    world.answers[1] = -711
    world.wait()
    world.wait(interval=3 * INTERVAL)
    world.answers[3] = 2
    world.wait(interval=INTERVAL)
    assert world.begun == [n * INTERVAL for n in (0, 1, 4, 5)]


def test_a_system_that_slept_is_told(world):
    world.wait()
    world.slept = watcher.SLEPT_NS - 1
    world.answers[2] = 2
    assert world.wait().suspended_ns == 0
    world.slept += 10**10
    assert world.wait(known=2).suspended_ns == 10**10


def test_a_wait_that_fails_is_an_error(world, monkeypatch):
    monkeypatch.setattr(RasEvent, "wait", lambda *_: RN_E_OS + 9)
    with pytest.raises(OSError, match="waiting for RAS"):
        world.wait()


def test_it_is_busy_while_the_provider_is_asked(world):
    seen = []
    poll = world.poll
    world.waiter = plain_waiter(lambda: seen.append(world.waiter.busy_since_ns) or poll())
    assert world.waiter.busy_since_ns is None
    world.now = 5
    world.wait()
    assert seen == [5]
    assert world.waiter.busy_since_ns is None


def test_the_clocks_of_this_system_tell_how_long_it_slept():
    before = watcher.slept_ns()
    assert abs(watcher.slept_ns() - before) < watcher.SLEPT_NS


def test_nothing_is_left_of_polls_that_find_nothing(sim, world, monkeypatch):
    monkeypatch.setattr(ctypes_ras, "now_ns", world.perf_counter_ns)
    sim.add("Head office")
    count = 100_000

    def poll(times):
        assert world.wait(known=known, look=world.now + times * INTERVAL) is not None

    with Ras(sim, backend="ctypes") as ras:
        world.waiter = PlainWaiter(PolledSnapshot(ras._new_list(with_status=True)))
        known = world.wait().generation
        poll(100)
        before = sys.getallocatedblocks()
        poll(count)
        assert sys.getallocatedblocks() - before < 100
        assert world.waiter.polls > count


# The watcher


def test_codes_of_the_shim_are_told_as_windows_would(ras, monkeypatch):
    watching = Watcher(ras)
    look = Look(-RN_E_NO_MEMORY, 1, 1, 0, False, 0, 0)
    monkeypatch.setattr(watching._waiter, "wait", lambda *_, **__: look)
    assert watching.wait(None, INTERVAL).code == 8


def test_news_of_the_log_cause_a_poll_once_signals_are_looked_at_again(ras, monkeypatch):
    watching = Watcher(ras)
    looks, asked = [Look(1, 5 * MS, 1, 0, True, 0, 0), None, Look(1, 9 * MS, 1, 0, False, 0, 0)], []

    def wait(*_, look_ns, **__):
        asked.append(look_ns)
        return looks.pop(0)

    monkeypatch.setattr(watching._waiter, "wait", wait)
    assert watching.wait(None, INTERVAL).signalled
    watching.poll_now()
    assert not watching.wait(None, INTERVAL).signalled
    assert asked == [None, None, 5 * MS + SIGNAL_PAUSE_NS]


def test_a_signal_for_the_old_registration_is_not_lost(sim, ras):
    watching = Watcher(ras)
    watching.register()
    assert not watching.wait(None, INTERVAL).signalled
    sim.add("Head office")
    watching.register()
    poll = watching.wait(None, 3600 * 1000 * MS)
    assert poll.signalled
    assert len(poll.snapshot) == 1
    watching.close()
