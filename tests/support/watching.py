"""Functions for tests of a Monitor: wait for it, and check that it reported everything."""

from __future__ import annotations

import threading

import pytest

from ras_native import Gap, MonitorClosed, Snapshot
from ras_native.monitor import ConnectionEvent

PATIENCE = 30.0  # seconds; a test that passes never waits this long


def until(condition):
    """Let other threads run until the condition is true, if there is nothing to wait for."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.001)):
        if condition():
            return
        pause.wait(0.001)
    pytest.fail("the condition never became true")


def rest(monitor):
    """Take the events that a closed Monitor still has."""
    events = []
    while True:
        try:
            events.append(monitor.get())
        except MonitorClosed:
            return events


def check_that_all_is_told(events, snapshot):
    """Check that the events have every number once, in order, and that they lead to `snapshot`.

    Each event must apply to the state before it. Events do not report the order of connections in a
    snapshot, nor how long an ended connection is still listed.
    """
    expected, state = 1, {}
    for event in events:
        if isinstance(event, Gap) and event.snapshot is not None:
            assert event.first_sequence == expected
            assert event.count == event.last_sequence - event.first_sequence + 1
            expected = event.last_sequence + 1
            state = by_handle(event.snapshot)
            continue
        assert event.sequence == expected
        expected += 1
        if isinstance(event, ConnectionEvent):
            handle = event.connection.handle
            assert state.pop(handle, None) == unless_gone(event.before)
            if unless_gone(event.after) is not None:
                state[handle] = event.after
    assert state == by_handle(snapshot)


def unless_gone(observation):
    return None if observation is None or observation.gone else observation


def by_handle(snapshot: Snapshot):
    return {item.connection.handle: item for item in snapshot if not item.gone}
