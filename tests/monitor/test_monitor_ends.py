"""Every way in which a Monitor ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import warnings
import weakref
from contextlib import closing

import child
import open_handles
import pytest
from watching import PATIENCE, rest, until

from ras_native import Connected, Found, Monitor, MonitorClosed
from ras_native.monitor import monitor as module

ENUM, NOTIFY = "RasEnumConnectionsW", "RasConnectionNotificationW"
SELDOM = 3600.0  # seconds: only signals cause polls


def thread_of(monitor):
    return monitor._worker.thread


def watching(ras):
    """Run a Monitor that has polled once."""
    monitor = Monitor(ras, interval=SELDOM).__enter__()
    until(lambda: monitor.counts.polls)
    return monitor


def in_a_call(sim, ras, function):
    """Run a Monitor whose thread is in a call of this function, which does not return."""
    sim.delay(function, 60.0)
    monitor = Monitor(ras, interval=SELDOM).__enter__()
    until(lambda: sim.calls(function))
    assert monitor.busy_since is not None
    return monitor


# close


def test_after_the_close_what_is_queued_can_be_read(sim, ras):
    monitor = watching(ras)
    sim.add("Head office")
    until(lambda: len(monitor.snapshot) == 1)
    monitor.close()
    monitor.close()
    assert not thread_of(monitor).is_alive()
    assert [type(event) for event in monitor] == [Connected]
    assert list(monitor) == []
    with pytest.raises(MonitorClosed):
        monitor.get()
    assert len(monitor.snapshot) == 1
    assert "closed" in repr(monitor)


def test_a_close_ends_the_waits_of_consumers(ras):
    monitor = watching(ras)
    events = []
    thread = threading.Thread(target=lambda: events.extend(monitor))
    thread.start()
    until(lambda: monitor._worker.queue._waiters)
    monitor.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert events == []


def test_a_consumer_may_close(sim, ras):
    with Monitor(ras, interval=SELDOM) as monitor:
        sim.add("Head office")
        for _ in monitor:
            monitor.close()


def test_what_was_never_entered_can_be_closed(ras):
    monitor = Monitor(ras)
    monitor.close()
    with pytest.raises(MonitorClosed):
        monitor.get()


@pytest.mark.parametrize("function", [ENUM, NOTIFY])
def test_a_close_does_not_wait_for_a_provider_that_does_not_answer(
    sim, ras, function, monkeypatch, caplog
):
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    monitor = in_a_call(sim, ras, function)
    with pytest.warns(ResourceWarning, match="did not answer"), caplog.at_level(logging.WARNING):
        monitor.close()
    assert "did not answer" in caplog.text
    thread = thread_of(monitor)
    assert thread.is_alive()  # the call is still running
    assert monitor.busy_since is not None
    with pytest.raises(MonitorClosed):
        monitor.get()
    sim.add("Nobody is told of it")
    sim.delay(function, 0.0)
    thread.join(PATIENCE)  # it ends when the call returns
    assert not thread.is_alive()
    assert rest(monitor) == []


def test_a_ras_that_is_closed_while_it_does_not_answer(sim, ras, monkeypatch, caplog):
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    monitor = in_a_call(sim, ras, ENUM)
    with pytest.warns(ResourceWarning, match="did not answer"):
        ras.close()
    caplog.clear()
    sim.delay(ENUM, 0.0)
    thread_of(monitor).join(PATIENCE)
    assert not thread_of(monitor).is_alive()
    assert not caplog.records  # the thread ended, it did not fail


def test_closing_its_ras_closes_it(sim, ras):
    monitor = watching(ras)
    sim.add("Head office")
    until(lambda: len(monitor.snapshot) == 1)
    ras.close()
    assert not thread_of(monitor).is_alive()
    assert [type(event) for event in monitor] == [Connected]
    with pytest.raises(ValueError, match="closed"):
        Monitor(ras)


def test_closing_its_ras_before_it_is_entered(ras):
    monitor = Monitor(ras)
    ras.close()
    with pytest.raises(ValueError, match="this Monitor is closed"):
        monitor.__enter__()


# An error in the thread


def test_an_error_in_the_thread_reaches_every_consumer_once(sim, ras, monkeypatch, caplog):
    monitor = watching(ras)
    events = []

    def consume():
        try:
            events.extend(monitor)
        except ZeroDivisionError as error:
            events.append(error)

    threads = [threading.Thread(target=consume) for _ in range(2)]
    for thread in threads:
        thread.start()
    monkeypatch.setattr(monitor._worker.engine, "apply", lambda _poll: 1 // 0)
    with caplog.at_level(logging.ERROR):
        sim.add("Head office")
        for thread in threads:
            thread.join(PATIENCE)
    assert [type(event) for event in events] == [ZeroDivisionError] * 2
    assert "ZeroDivisionError" in caplog.text
    with pytest.raises(ZeroDivisionError):
        next(monitor)
    assert list(monitor) == []
    with pytest.raises(MonitorClosed):
        monitor.get()
    thread_of(monitor).join(PATIENCE)
    assert not thread_of(monitor).is_alive()
    monitor.close()


# Dropped


def test_a_monitor_that_is_dropped_ends_itself(sim, ras):
    monitor = watching(ras)
    thread = thread_of(monitor)
    drop = [monitor].clear
    del monitor
    with pytest.warns(ResourceWarning, match="not closed"):
        drop()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert sim.calls(ENUM) == 1


def test_one_that_was_closed_is_dropped_in_silence(ras):
    monitor = watching(ras)
    assert not monitor.ready.is_set()
    monitor.close()
    gone = weakref.ref(monitor)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del monitor
        gc.collect()
    assert gone() is None


def test_dropping_does_not_wait_for_the_provider(sim, ras):
    monitor = in_a_call(sim, ras, ENUM)
    thread = thread_of(monitor)
    drop = [monitor].clear
    del monitor
    with pytest.warns(ResourceWarning, match="not closed"):
        drop()
    assert thread.is_alive()
    sim.delay(ENUM, 0.0)
    thread.join(PATIENCE)


def test_nothing_is_left_of_many(sim, ras):
    def watch():
        with closing(watching(ras)) as monitor:
            assert not monitor.ready.is_set()

    watch()
    before = open_handles.count()
    for _ in range(20):
        watch()
    assert open_handles.count() == before
    assert sim.registrations == 1  # each used the registration of the previous one
    assert not [t for t in threading.enumerate() if t.name == "ras_native.Monitor"]


# The loop


def test_a_loop_that_closes_under_a_waiting_task(sim, ras):
    with closing(watching(ras)) as monitor:
        loop = asyncio.new_event_loop()
        task = loop.create_task(monitor.get_async())
        loop.run_until_complete(asyncio.sleep(0))
        task._log_destroy_pending = False  # asyncio would complain of the early close
        loop.close()
        sim.add("Head office")
        assert isinstance(monitor.get(PATIENCE), Connected)
        assert thread_of(monitor).is_alive()


def test_a_run_that_ends_with_a_monitor_open(sim, ras):
    async def watch():
        monitor = await Monitor(ras, interval=SELDOM).__aenter__()
        waiting = asyncio.create_task(monitor.get_async())
        await asyncio.sleep(0)
        assert not waiting.done()
        return monitor

    monitor = asyncio.run(watch())  # cancels the task
    sim.add("Head office")
    assert isinstance(monitor.get(PATIENCE), (Connected, Found))
    monitor.close()


# The end of the process

STRICT = ("-W", "error", "-W", "ignore:<ras_native.Ras")  # which these scripts leave open
AT_EXIT = """
import sys, threading
from ras_native import Monitor, Ras
from ras_native.sim import Simulator
sim = Simulator()
ras = Ras(sim, backend=sys.argv[1])
interval, notifications = float(sys.argv[3]), "quiet" not in sys.argv
monitor = Monitor(ras, interval=interval, notifications=notifications).__enter__()
while not monitor.counts.polls:
    pass
if sys.argv[2] == "waiting":
    threading.Thread(target=list, args=[monitor], daemon=True).start()
if sys.argv[2] == "called":
    sim._end.atexit = False  # else the call would return in time
    sim.delay("RasEnumConnectionsW", 50.0)
    calls = sim.calls("RasEnumConnectionsW")
    sim.add("Head office")
    while sim.calls("RasEnumConnectionsW") == calls:
        pass
if sys.argv[2] == "ready":
    monitor.ready
print("end", flush=True)
"""


@pytest.mark.parametrize("how", ["idle", "waiting", "ready"])
def test_alive_at_exit(backend, how):
    assert child.run(AT_EXIT, backend, how, "3600", python=STRICT) == "end\n"


def test_alive_at_exit_and_polling(backend):
    assert child.run(AT_EXIT, backend, "idle", "0.0001", "quiet", python=STRICT) == "end\n"


def test_in_a_call_of_the_provider_at_exit(backend):
    """The process ends although the call does not return, and says so."""
    python = ("-W", "always::ResourceWarning")
    end, *told = child.run(AT_EXIT, backend, "called", "3600", python=python).splitlines()
    assert end == "end"
    assert any("did not answer" in line for line in told)


FORKED = """
import os, sys, threading
from ras_native import Monitor, Ras
from ras_native.sim import Simulator
sim = Simulator()
ras = Ras(sim, backend=sys.argv[1])
monitor = Monitor(ras, interval=3600.0, event_log=False).__enter__()
while not monitor.counts.polls:
    pass
ready = monitor.ready
consumer = threading.Thread(target=lambda: monitor.get())
if sys.argv[2] != "drop":  # a thread that is inside get keeps the child's Monitor alive
    consumer.start()
locked, forked = threading.Event(), threading.Event()
def hold_the_lock():
    with monitor._worker.queue._lock:
        locked.set()
        forked.wait(30)
threading.Thread(target=hold_the_lock).start()
locked.wait(30)
child = os.fork()
if not child:
    for use in (monitor.get, lambda: next(monitor), lambda: monitor.ready,
                lambda: monitor.snapshot, monitor.__enter__):
        try:
            use()
            print("no error")
        except ValueError as error:
            print(error)
    if sys.argv[2] == "close":
        monitor.close()
    del monitor, use
    print("child", flush=True)
    if sys.argv[2] == "exit":
        os._exit(0)
    sys.exit(0)
os.waitpid(child, 0)
forked.set()
sim.add("Head office")
if sys.argv[2] == "drop":
    consumer.start()
consumer.join(30)
sim.add("Home")
print(monitor.get(30).entry, monitor.counts.polls)
monitor.close()
"""


@pytest.mark.posix_only("there is no fork on Windows")
@pytest.mark.parametrize("how", ["exit", "close", "clean up", "drop"])
def test_a_forked_child_leaves_everything_to_its_parent(backend, how):
    python = (*STRICT, "-W", "ignore:This process")  # DeprecationWarning of os.fork
    lines = child.run(FORKED, backend, how, python=python).splitlines()
    assert len(lines) == 7, lines
    assert all("forked" in line for line in lines[:5])
    assert lines[5:] == ["child", "Home 3"]
