"""Ctrl-C ends every wait, and a poll that it interrupts loses nothing."""

from __future__ import annotations

import inspect
import os
import sys
from collections import defaultdict
from pathlib import Path

import child
import pytest

import ras_native
from ras_native import Ras
from ras_native.sim import Simulator

WAITS = """
import os, signal, sys, threading
import ras_native._wait as waits
from ras_native import Event, Ras, _at_exit
from ras_native.sim import Simulator

backend, way = sys.argv[1:]
interrupt = {
    "raised in a thread": lambda: signal.raise_signal(signal.SIGINT),
    "sent to the process": lambda: os.kill(os.getpid(), signal.SIGINT),
}[way]
signal.signal(signal.SIGINT, signal.default_int_handler)

def waits_until_interrupted(name, wait):
    begun = threading.Event()
    in_slices = waits.wait_in_slices
    def watched(step, timeout_ns):
        return in_slices(lambda ns: begun.set() or step(ns), timeout_ns)
    for module in (sys.modules["ras_native._ras"], sys.modules["ras_native._event"]):
        module.wait_in_slices = watched
    thread = threading.Thread(target=lambda: begun.wait(30) and interrupt())
    thread.start()
    try:
        wait()
        print(name, "ended")
    except KeyboardInterrupt:
        print(name, "interrupted")
    thread.join()

sim = Simulator()
sim.teardown = 3600.0
ras, event, never = Ras(sim, backend=backend), Event(backend=backend), Event(backend=backend)
dialling, multilink = sim.dial("a"), sim.add("b", subentries=2)
waits_until_interrupted("event", lambda: event.wait(40))
waits_until_interrupted("event or cancel", lambda: event.wait(40, cancel=never))
waits_until_interrupted("state", lambda: ras.wait_for_state(dialling, timeout=40))
waits_until_interrupted(
    "state, seldom asked", lambda: ras.wait_for_state(dialling, timeout=40, interval=40)
)
waits_until_interrupted(
    "state, always asked", lambda: ras.wait_for_state(dialling, timeout=40, interval=0)
)
waits_until_interrupted("hang-up", lambda: ras.hang_up(dialling, timeout=40))
waits_until_interrupted("hang-up of a link", lambda: ras.hang_up(multilink, subentry=2))
event.set()
print(event.wait(0), [o.connection.handle for o in ras.snapshot()] == [multilink])
event.close(); never.close(); ras.close()
_at_exit._unfinished.clear()  # what is still going on is known
"""


@pytest.mark.ledger("GS-5", "CN-10", "HU-6", "HU-9")
@pytest.mark.parametrize("way", ["raised in a thread", "sent to the process"])
def test_every_wait_notices_ctrl_c(backend, way):
    if sys.platform == "win32":
        way = "raised in a thread"  # os.kill would end the process there
    assert child.run(WAITS, backend, way).splitlines() == [
        "event interrupted",
        "event or cancel interrupted",
        "state interrupted",
        "state, seldom asked interrupted",
        "state, always asked interrupted",
        "hang-up interrupted",
        "hang-up of a link interrupted",
        "True True",
    ]


PACKAGE = str(Path(ras_native.__file__).parent) + os.sep


def run_calls(function, strike_at=None):
    """Run it with a KeyboardInterrupt after that many calls; return the calls in order.

    Python handles signals when it enters a function, and after calls. A generator could lose an
    exception, because Python may enter it only to close it.
    """
    calls = []

    def profile(frame, event, _argument):
        code = frame.f_code
        ours = code.co_filename.startswith(PACKAGE) and not code.co_flags & inspect.CO_GENERATOR
        if ours and event in ("call", "return", "c_return"):
            if len(calls) == strike_at:
                raise KeyboardInterrupt
            calls.append((code.co_filename, frame.f_lineno, event))

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    except KeyboardInterrupt:
        assert len(calls) == strike_at
    finally:
        sys.setprofile(before)
    return calls


def worth_striking(calls):
    """Choose the positions of the first, second and last occurrence of each call."""
    positions = defaultdict(list)
    for position, call in enumerate(calls):
        positions[call].append(position)
    return sorted({n for found in positions.values() for n in (*found[:2], found[-1])})


def few_to_many(sim):
    sim.add("a")
    yield
    for number in range(8):
        sim.add(f"entry {number}")
    yield


def some_come_and_go(sim):
    handles = [sim.add(name) for name in "abc"]
    yield
    sim.drop(handles[1])
    sim.add("d")
    sim.set_status(handles[2], error=651)
    yield


def statuses_change(sim):
    handles = [sim.add(name, phone_number="1") for name in "ab"]
    yield
    for handle in handles:
        sim.set_status(handle, phone_number="2", state=5)
    yield


def all_go(sim):
    handles = [sim.add(name) for name in "abc"]
    yield
    for handle in handles:
        sim.drop(handle)
    yield


def the_system_becomes_older(sim):
    sim.add("a")
    yield
    sim.limit_versions(0x401, 0x400)
    yield


@pytest.mark.ledger("EN-11")
@pytest.mark.parametrize(
    "scenario",
    [few_to_many, some_come_and_go, statuses_change, all_go, the_system_becomes_older],
)
@pytest.mark.parametrize("poll", [Ras.snapshot, Ras.enum_connections])
def test_a_poll_that_is_interrupted_anywhere_loses_nothing(backend, poll, scenario):
    def tell(strike_at):
        with Simulator() as sim, Ras(sim, backend=backend) as ras, Ras(sim, backend=backend) as new:
            story = scenario(sim)
            next(story)
            poll(ras)
            next(story)
            calls = run_calls(lambda: poll(ras), strike_at)
            result = poll(ras)
            assert result == poll(new)
            assert poll(ras) is result
        return calls

    tell(None)  # from now on the decoded texts are cached
    places = worth_striking(tell(None))
    assert len(places) > 1
    for strike_at in places:
        assert len(tell(strike_at)) == strike_at
