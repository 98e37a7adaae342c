"""Monitor.wait_until_started: from then on, it notices everything."""

from __future__ import annotations

import threading

import pytest
from watching import PATIENCE, until

from ras_native import Disconnected, Explained, Found, Monitor, MonitorClosed

ENUM = "RasEnumConnectionsW"
SELDOM = 3600.0  # seconds: only signals and the event log cause polls


def test_after_the_start_every_end_has_its_reason(sim, ras):
    office = sim.add("Head office")
    with Monitor(ras, interval=SELDOM) as monitor:
        monitor.wait_until_started()
        assert monitor.has_polled
        assert monitor.has_event_log
        sim.drop(office, reason=829)
        found, ended, explained = (monitor.get(PATIENCE) for _ in range(3))
        assert isinstance(found, Found)
        assert isinstance(ended, Disconnected)
        assert isinstance(explained, Explained)
        assert explained.reason.code == 829
        monitor.wait_until_started(0)  # it returns at once


def test_the_start_without_an_event_log(ras):
    with Monitor(ras, interval=SELDOM, event_log=False) as monitor:
        monitor.wait_until_started()
        assert monitor.has_polled


def test_the_start_with_a_log_that_cannot_be_opened(sim, ras):
    sim.fail("EvtSubscribe", 5, count=None)
    with Monitor(ras, interval=SELDOM) as monitor:
        monitor.wait_until_started()
        assert not monitor.has_event_log


@pytest.mark.parametrize("function", [ENUM, "EvtSubscribe"])
def test_the_start_waits_for_ras_and_for_the_log(sim, ras, function):
    sim.delay(function, 60)
    with Monitor(ras, interval=SELDOM) as monitor:
        until(lambda: sim.calls(function))
        with pytest.raises(TimeoutError, match=r"not started within 0\.01 s"):
            monitor.wait_until_started(0.01)
        sim.delay(function, 0)
        monitor.wait_until_started()


def test_a_monitor_that_is_closed_does_not_start(sim, ras):
    sim.delay(ENUM, 60)
    with Monitor(ras, interval=SELDOM) as monitor:
        until(lambda: sim.calls(ENUM))
        threading.Timer(0.01, monitor.close).start()
        with pytest.raises(MonitorClosed, match="before it had started"):
            monitor.wait_until_started()
        sim.delay(ENUM, 0)


def test_an_error_that_ends_the_monitor_is_the_cause(ras, monkeypatch):
    monitor = Monitor(ras, interval=SELDOM)
    monkeypatch.setattr(monitor._worker.watcher, "wait", lambda *_: 1 // 0)
    with monitor:
        with pytest.raises(MonitorClosed) as caught:
            monitor.wait_until_started(PATIENCE)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("timeout", [-1, "1", float("nan")])
def test_the_start_needs_a_valid_timeout(ras, timeout):
    with Monitor(ras) as monitor, pytest.raises((TypeError, ValueError), match="timeout"):
        monitor.wait_until_started(timeout)
