"""The wait in C polls without Python, and returns only polls that the engine must see.

It uses the real clock, so these tests count calls and compare what the waiter reports.
"""

from __future__ import annotations

import os
import threading
import time

import pytest
from spy import ENUM, exported, replace

from ras_native import Event, Ras
from ras_native._backend.layout import RN_E_OS
from ras_native._event import new_backend_event
from ras_native._polled import PolledSnapshot
from ras_native.monitor.engine import LATE_NS
from ras_native.monitor.watcher import SIGNAL_PAUSE_NS, NativeWaiter

MS = 1_000_000
HOUR = 3600 * 1000 * MS


@pytest.fixture(autouse=True)
def native(pytestconfig):
    if pytestconfig.getoption("--backend") == "ctypes":
        pytest.skip("the wait in C is asked, and --backend ctypes asks for the other")


class Waiting:
    """A waiter with its own list, and the events that it waits for."""

    def __init__(self, sim):
        self.ras = Ras(sim, backend="native")
        self.polled = PolledSnapshot(self.ras._new_list(with_status=True))
        self.waiter = NativeWaiter(self.polled.connections)
        self.event, self.cancel = new_backend_event("native"), new_backend_event("native")

    def wait(self, interval=HOUR, look=None, *, signals=True):
        look = self.waiter.wait(
            self.event if signals else None,
            self.cancel,
            generation=self.polled.generation,
            look_ns=look,
            interval_ns=interval,
        )
        if look is not None and look.generation > 0:
            self.polled.refresh()
        return look


@pytest.fixture
def waiting(sim):
    made = Waiting(sim)
    yield made
    made.ras.close()


def later(call, waiting, polls):
    """Call it from another thread after that many polls."""

    def run():
        while waiting.waiter.polls < polls:
            pass
        call()

    thread = threading.Thread(target=run, daemon=True)  # a failing test must not wait for it
    thread.start()
    return thread


def in_time(waiting, **options):
    """Wait for a poll that is told; pass over late ones, because a busy machine causes them."""
    for _ in range(1000):
        look = waiting.wait(interval=MS, **options)
        if look.late_ns <= 2 * MS + LATE_NS:
            return look
    pytest.fail("every poll is late")


def test_the_first_poll_is_at_once_and_told(sim, waiting):
    sim.add("Head office")
    look = waiting.wait()
    assert (look.generation, look.signalled, look.suspended_ns) == (2, False, 0)
    assert look.previous_ns <= look.monotonic_ns
    assert len(waiting.polled.result) == 1
    assert waiting.waiter.polls == 1


def test_unchanged_polls_are_not_told(sim, waiting):
    sim.add("Head office")
    first = waiting.wait()
    thread = later(lambda: sim.add("Branch"), waiting, polls=200)
    second = in_time(waiting)
    thread.join()
    assert second.generation == first.generation + 1
    assert waiting.waiter.polls > 200
    assert sim.calls(ENUM) == waiting.waiter.polls
    assert first.monotonic_ns < second.previous_ns < second.monotonic_ns


def test_a_signal_is_served_at_once_and_reset_before_the_poll(sim, waiting):
    waiting.wait()
    with waiting.ras.connection_notification() as notification:
        waiting.event = notification._event
        sim.add("Head office")
        look = waiting.wait()
        assert (look.signalled, look.generation, look.late_ns) == (True, 2, 0)
        assert not notification.is_set()
    assert waiting.waiter.polls == 2


def test_signals_without_end_are_served_once_a_millisecond(waiting):
    waiting.wait()
    real = exported(waiting.ras, ENUM)

    def enumerate_and_signal(*arguments):
        waiting.event.set()
        return real(*arguments)

    replace(waiting.ras, ENUM, enumerate_and_signal)
    waiting.event.set()
    begun_ns = time.perf_counter_ns()
    looks = [waiting.wait() for _ in range(20)]
    assert all(look.signalled for look in looks)
    assert looks[-1].monotonic_ns - begun_ns >= 19 * SIGNAL_PAUSE_NS


def test_between_two_polls_nothing_wakes_it(waiting):
    waiting.wait()
    thread = later(waiting.cancel.set, waiting, polls=1)
    assert waiting.wait() is None
    thread.join()
    assert waiting.waiter.polls == 1
    assert waiting.waiter.wake_ups == 2  # the first poll, and the end


def test_the_engine_gets_the_look_it_wants(waiting):
    first = waiting.wait()
    wanted = first.monotonic_ns + 3 * MS
    look = waiting.wait(look=wanted)
    assert (look.generation, look.signalled) == (first.generation, False)
    assert look.monotonic_ns >= wanted
    assert waiting.waiter.polls == 2


def test_a_failure_is_told_and_the_poll_after_it(sim, waiting):
    waiting.wait()
    sim.fail(ENUM, 711)
    failed, after = waiting.wait(interval=MS), waiting.wait(interval=MS)
    assert (failed.generation, after.generation) == (-711, 1)
    assert failed.previous_ns == after.previous_ns < failed.monotonic_ns


def test_a_late_poll_is_told_and_missed_ones_are_skipped(waiting):
    waiting.wait(interval=MS)
    real, calls = exported(waiting.ras, ENUM), []

    def slow(*arguments):
        calls.append(waiting.waiter.busy_since_ns)
        if len(calls) == 1:
            with Event(backend="native") as pause:
                pause.wait(0.2)
        return real(*arguments)

    replace(waiting.ras, ENUM, slow)
    look = waiting.wait(interval=MS)
    assert look.late_ns > 50 * MS
    assert len(calls) == 2  # missed polls are skipped
    assert None not in calls
    assert waiting.waiter.busy_since_ns is None


def test_a_cancelled_wait_tells_nothing(waiting):
    waiting.cancel.set()
    assert waiting.wait() is None
    assert waiting.waiter.polls == 0


def test_without_an_event_the_interval_polls(sim, waiting):
    waiting.wait()
    waiting.event.set()
    thread = later(lambda: sim.add("Head office"), waiting, polls=5)
    look = in_time(waiting, signals=False)
    thread.join()
    assert (look.signalled, look.generation) == (False, 2)


@pytest.mark.posix_only("on Windows closing the handle of an open event is no test of ours")
def test_a_wait_that_fails_is_an_error(waiting):
    waiting.wait()
    os.close(waiting.event.handle)
    with pytest.raises(OSError, match="waiting for RAS") as error:
        waiting.wait()
    assert error.value.errno < RN_E_OS
    os.dup2(0, waiting.event.handle)  # the event closes this descriptor


@pytest.mark.posix_only("getrusage tells what the process holds")
def test_nothing_is_left_of_polls_that_find_nothing(sim, waiting):
    import resource

    def poll(count):
        thread = later(waiting.cancel.set, waiting, polls=waiting.waiter.polls + count)
        while (look := waiting.wait(interval=1, signals=False)) is not None:
            assert look.late_ns > 50 * MS  # the machine is busy
        thread.join()
        waiting.cancel.reset()

    sim.add("Head office")
    waiting.wait()
    poll(1_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    poll(100_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000  # KiB
    assert waiting.waiter.polls > 100_000
