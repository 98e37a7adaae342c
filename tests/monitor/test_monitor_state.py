"""The state of a Monitor: whether it has polled, and whether RAS signals changes."""

from __future__ import annotations

import threading

import pytest
from watching import PATIENCE, until

import ras_native
from ras_native import EVENTS, Monitor, MonitorEvent
from ras_native.monitor.engine import Engine

NOTIFY = "RasConnectionNotificationW"
SELDOM = 3600.0  # seconds: only signals cause polls


def test_it_says_when_the_events_of_the_first_poll_can_be_taken(ras, sim, monkeypatch):
    sim.add("Head office")
    applying, may_go_on, apply = threading.Event(), threading.Event(), Engine.apply

    def apply_when_allowed(engine, poll):
        applying.set()
        assert may_go_on.wait(PATIENCE)
        return apply(engine, poll)

    monkeypatch.setattr(Engine, "apply", apply_when_allowed)
    with Monitor(ras, interval=SELDOM) as monitor:
        assert applying.wait(PATIENCE)
        assert not monitor.has_polled
        may_go_on.set()
        until(lambda: monitor.has_polled)
        assert monitor.get(timeout=0).entry == "Head office"


def test_a_first_poll_that_failed_is_over_too(ras, sim):
    sim.stop_service()
    with Monitor(ras, interval=SELDOM) as monitor:
        until(lambda: monitor.has_polled)
        assert monitor.get(timeout=0).code == 711


@pytest.mark.parametrize("can_signal", [True, False])
def test_it_says_whether_ras_signals_changes(ras, sim, can_signal):
    if not can_signal:
        sim.fail(NOTIFY, 5, count=None)
    with Monitor(ras, interval=SELDOM) as monitor:
        until(lambda: monitor.has_polled)
        assert monitor.has_signals is can_signal
    assert monitor.has_signals is can_signal  # a closed Monitor has its last state


def test_every_kind_of_event_is_listed():
    public = {getattr(ras_native, name) for name in ras_native.__all__ if name != "backend"}
    kinds = {item for item in public if isinstance(item, type) and issubclass(item, MonitorEvent)}
    bases = {MonitorEvent, ras_native.ConnectionEvent, ras_native.LoggedEvent}
    assert set(EVENTS) == kinds - bases
