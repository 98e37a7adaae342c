"""The Simulator's own controls: clock, scenarios, injected errors, counters, many threads."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from ctypes import sizeof
from pathlib import Path
from typing import Any

import _cffi_backend
import child
import pytest
from simabi import (
    EVERY_CONNECTION,
    FUNCTIONS,
    Listing,
    Rasapi,
    SystemEvent,
    api_of,
    handles,
    state,
    status,
    text,
)

from ras_native import ConnState
from ras_native._backend.layout import RASCONNW
from ras_native.sim import Simulator

NAMES = list(FUNCTIONS)


@pytest.fixture
def api(sim: Simulator) -> Rasapi:
    return api_of(sim)


# Life


def test_it_is_a_path_and_says_who_it_is(sim: Simulator) -> None:
    assert os.fspath(sim) == sim.path
    assert Path(sim).is_file()
    assert sim.identity == "ras_native simulator"


def test_its_repr_says_what_it_is(sim: Simulator) -> None:
    sim.advance(1.5)
    assert repr(sim) == f"<ras_native.sim.Simulator manual clock at 1.5 s, library {sim.path!r}>"
    sim.close()
    assert "closed" in repr(sim)
    with Simulator() as shown:
        shown.demo()
        assert "real clock" in repr(shown)


def test_one_at_a_time(sim: Simulator) -> None:
    with pytest.raises(RuntimeError, match="close it first"):
        Simulator()
    sim.close()
    with Simulator() as second:
        assert second.now == 0.0


def test_closing_ends_everything(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.add_entry("b")
    sim.stop_service()
    sim.step_per_call = 3.0
    sim.call_cost = 0.5
    sim.teardown = 2.0
    sim.fail("RasHangUpW", 5, count=None)
    sim.add("later", after=1.0)
    sim.close()
    sim.close()
    with pytest.raises(RuntimeError, match="closed"):
        sim.add("c")
    with Simulator() as fresh:
        assert (fresh.now, fresh.step_per_call, fresh.teardown) == (0.0, 0.0, 0.0)
        assert fresh.call_cost == 0.0
        assert (fresh.calls_total, fresh.registrations) == (0, 0)
        fresh.advance(10)
        assert handles(api) == []
        assert Listing(api.RasEnumEntriesW, None, 0, None, None).count == 0
        assert api.RasHangUpW(handle) == 668
        assert fresh.add("d") != handle


def test_a_copy_can_be_driven(sim: Simulator, tmp_path: Path) -> None:
    copy = tmp_path / "rasapi32-copy.dll"
    copy.write_bytes(Path(sim.path).read_bytes())
    sim.close()
    program = (
        "import sys, ctypes; from ras_native.sim import Simulator\n"
        "with Simulator(library=sys.argv[1]) as s:\n"
        "    s.add('a'); print(s.path == sys.argv[1])\n"
    )
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(copy)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert (process.stdout.strip(), process.stderr) == ("True", "")


def test_a_library_that_is_not_the_simulator(sim: Simulator, tmp_path: Path) -> None:
    sim.close()
    nothing = tmp_path / "nothing.so"
    nothing.write_bytes(b"no library")
    with pytest.raises(OSError, match=r"nothing|valid|193|header"):
        Simulator(library=nothing)
    with pytest.raises(ValueError, match="not the simulator"):
        Simulator(library=_cffi_backend.__file__)  # any other library
    with pytest.raises(ValueError, match="clock"):
        Simulator(clock="sundial")  # type: ignore[arg-type]
    with Simulator():
        pass


# Bad input changes nothing


@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("entry_name", "a\0b", ValueError),
        ("entry_name", "x" * 257, ValueError),
        ("entry_name", "🛰" * 129, ValueError),
        ("entry_name", "", ValueError),
        ("entry_name", 5, TypeError),
        ("device_type", "x" * 17, ValueError),
        ("phonebook", "x" * 260, ValueError),
        ("phone_number", "x" * 129, ValueError),
        ("subentry", -1, ValueError),
        ("subentries", 0, ValueError),
        ("subentries", 33, ValueError),
        ("flags", 2**32, ValueError),
        ("luid", 2**64, ValueError),
        ("luid", "x", TypeError),
        ("guid_entry", "x", TypeError),
        ("local_endpoint", "1.2.3", ValueError),
        ("remote_endpoint", b"x", ValueError),
        ("after", -0.1, ValueError),
        ("after", float("nan"), ValueError),
        ("after", "1", TypeError),
        ("step", float("inf"), ValueError),
        ("states", (), ValueError),
        ("states", (0,) * 65, ValueError),
        ("states", (2**32,), ValueError),
        ("error", -1, ValueError),
    ],
)
def test_bad_arguments_are_named(
    sim: Simulator, api: Rasapi, argument: str, value: Any, error: type[Exception]
) -> None:
    arguments = {"entry_name": "a", argument: value}
    with pytest.raises(error, match=f"^{argument} "):
        sim.dial(**arguments)
    sim.advance(100)
    assert handles(api) == []


def test_actions_on_what_is_not_there(sim: Simulator) -> None:
    gone = sim.add("a")
    sim.drop(gone)
    for handle in (gone, 0, 1, 2**31, 2**64 - 1 if sizeof(ctypes.c_void_p) == 8 else 2**32 - 1):
        actions: list[Callable[[], object]] = [
            lambda handle=handle: sim.drop(handle),  # type: ignore[misc]
            lambda handle=handle: sim.set_status(handle, error=1),  # type: ignore[misc]
            lambda handle=handle: sim.add_reference(handle),  # type: ignore[misc]
            lambda handle=handle: sim.set_statistics(handle),  # type: ignore[misc]
            lambda handle=handle: sim.drop(handle, after=1.0),  # type: ignore[misc]
        ]
        for action in actions:
            with pytest.raises(LookupError, match="handle"):
                action()
    up = sim.add("m", subentries=2)
    with pytest.raises(ValueError, match="subentry"):
        sim.drop_subentry(up, 3)
    sim.drop_subentry(up, 2)
    with pytest.raises(ValueError, match="subentry"):
        sim.drop_subentry(up, 2)
    with pytest.raises(TypeError, match="bytes_lost"):
        sim.set_statistics(up, bytes_lost=1)
    with pytest.raises(ValueError, match=r"^function .*RasNonsense"):
        sim.calls("RasNonsense")
    with pytest.raises(ValueError, match="function"):
        sim.fail("RasNonsense", 5)
    with pytest.raises(ValueError, match="connection"):
        sim.limit_versions(connection=0x300)


# The clock and scenarios


def test_time_moves_only_when_it_is_moved(sim: Simulator, api: Rasapi) -> None:
    sim.add("a", after=1.0)
    for _ in range(100):
        assert handles(api) == []
    sim.advance(0.5)
    sim.advance(0.499999999)
    assert handles(api) == []
    sim.advance(0.000000001)
    assert (len(handles(api)), sim.now) == (1, 1.0)


def test_a_scenario_is_written_down_before_it_begins(sim: Simulator, api: Rasapi) -> None:
    handle = sim.schedule(1.0, sim.add, "a", subentries=2)
    assert status(api, handle)[0] == 6
    assert api.RasHangUpW(handle) == 6
    sim.schedule(2.0, sim.set_status, handle, error=5)
    sim.schedule(3.0, sim.drop_subentry, handle, 1)
    sim.schedule(4.0, sim.stop_service, 5)
    sim.schedule(5.0, sim.start_service)
    dialled = sim.schedule(5.0, sim.dial, "b", states=(0, 0x2000), step=0.5)
    sim.schedule(6.0, sim.drop, handle)
    sim.schedule(7.0, sim.drop, handle)
    seen = []
    for _ in range(8):
        seen.append((status(api, handle)[0], status(api, handle)[1].dwError))
        sim.advance(1.0)
    assert seen == [(6, 0), (0, 0), (0, 5), (0, 5), (5, 0), (0, 5), (6, 0), (6, 0)]
    assert state(api, dialled) == ConnState.CONNECTED


def test_what_is_due_together_happens_in_the_order_written(sim: Simulator, api: Rasapi) -> None:
    given = [sim.add(f"{n}", after=1.0) for n in range(50)]
    early = sim.add("early", after=0.5)
    sim.advance(1.0)
    assert handles(api) == [early, *given]


def test_the_list_can_grow_between_two_calls(sim: Simulator, api: Rasapi) -> None:
    sim.add("a")
    sim.step_per_call = 1.0
    sim.add("b", after=1.5)
    sizing = Listing(api.RasEnumConnectionsW, None)
    filled = Listing(api.RasEnumConnectionsW, sizing.cb, sizeof(RASCONNW))
    assert (filled.code, filled.count, filled.cb) == (603, 2, 2 * sizeof(RASCONNW))


def test_a_real_clock_is_not_advanced() -> None:
    with Simulator(clock="real") as sim, SystemEvent() as event:
        api = api_of(sim)
        api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 1)
        before = sim.now
        sim.add("a", after=0.002)
        event.wait()
        assert sim.now - before >= 0.002
        with pytest.raises(RuntimeError, match="real"):
            sim.advance(1.0)


# Injection, delay, counters


def test_injected_errors_by_call_number(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")

    def codes(count: int) -> list[int]:
        return [status(api, handle)[0] for _ in range(count)]

    sim.fail("RasGetConnectStatusW", 8)
    assert codes(3) == [8, 0, 0]
    sim.fail("RasGetConnectStatusW", 5, call=5, count=2)
    assert codes(5) == [0, 5, 5, 0, 0]
    sim.reset_calls()
    assert codes(7) == [0] * 7
    sim.fail("RasGetConnectStatusW", 711, count=None)
    assert codes(3) == [711] * 3
    assert handles(api) == [handle]


def test_an_injected_error_does_nothing_else(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.fail("RasHangUpW", 753)
    sim.fail("RasEnumConnectionsW", 603)
    assert api.RasHangUpW(handle) == 753
    found = Listing(api.RasEnumConnectionsW, 5000, sizeof(RASCONNW))
    assert (found.code, found.cb, found.count) == (603, 5000, 77)
    assert found.buffer is not None
    assert found.buffer.untouched_from(4)
    assert handles(api) == [handle]


def test_success_can_be_injected_as_well(sim: Simulator, api: Rasapi) -> None:
    sim.fail("RasGetConnectStatusW", 0)  # like a stub that returns success and fills nothing
    assert status(api, 1)[0] == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_counted_and_can_fail(sim: Simulator, api: Rasapi, name: str) -> None:
    _, *kinds = FUNCTIONS[name]
    arguments = [0 if kind in (ctypes.c_uint32, ctypes.c_int32) else None for kind in kinds]
    getattr(api, name)(*arguments)
    assert (sim.calls(name), sim.calls_total) == (1, 1)
    sim.fail(name, 4711)
    assert getattr(api, name)(*arguments) == 4711
    assert (sim.calls(name), sim.calls_total) == (2, 2)
    sim.reset_calls()
    assert (sim.calls(name), sim.calls_total) == (0, 0)


def test_a_delayed_call_lets_others_pass(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.delay("RasHangUpW", 3600.0)
    slow = threading.Thread(target=api.RasHangUpW, args=(handle,), daemon=True)
    slow.start()
    while not sim.calls("RasHangUpW"):
        time.sleep(0)
    assert handles(api) == [handle]
    assert slow.is_alive()
    sim.delay("RasHangUpW", 0)
    slow.join(30)
    assert not slow.is_alive()
    assert handles(api) == []


def test_each_call_costs_at_least_that_long(sim: Simulator, api: Rasapi) -> None:
    sim.call_cost = 0.01
    assert sim.call_cost == 0.01
    started = time.perf_counter()
    for _ in range(3):
        handles(api)
    assert time.perf_counter() - started >= 0.06  # two calls each
    assert sim.calls("RasEnumConnectionsW") == 6
    with pytest.raises(ValueError, match="call_cost"):
        sim.call_cost = 1.5
    assert sim.call_cost == 0.01


def test_a_delay_takes_that_long(sim: Simulator, api: Rasapi) -> None:
    sim.delay("RasEnumConnectionsW", 0.02)
    before = time.perf_counter()
    assert handles(api) == []  # two calls
    assert time.perf_counter() - before >= 0.04


# Many threads


class Hammer:
    """The different actions of several threads on one simulator."""

    def __init__(self, sim: Simulator, api: Rasapi) -> None:
        self.sim, self.api = sim, api
        self.kept = [sim.add(f"kept {n}", subentries=2) for n in range(4)]
        self.failures: list[BaseException] = []

    def come_and_go(self) -> None:
        handle = self.sim.dial("passing", step=0.001)
        with SystemEvent() as event:
            assert self.api.RasConnectionNotificationW(handle, event.handle, 0x7F) == 0
        assert self.api.RasHangUpW(handle) == 0
        assert self.api.RasHangUpW(handle) == 668

    def enumerate(self) -> None:
        found = Listing(self.api.RasEnumConnectionsW, 8 * sizeof(RASCONNW), sizeof(RASCONNW))
        assert found.code in (0, 603)
        if found.code == 0:
            assert {item.hrasconn for item in found.connections()} >= set(self.kept)

    def ask_status(self) -> None:
        assert {status(self.api, handle)[0] for handle in self.kept} == {0}

    def change(self) -> None:
        self.sim.set_status(self.kept[0], substate=1)
        self.sim.set_status(self.kept[0], substate=0x2000)
        self.sim.drop(self.sim.add("short"))
        self.sim.advance(0.01)

    def run(self, work: Callable[[], None]) -> None:
        try:
            for _ in range(300):
                work()
        except BaseException as error:  # noqa: BLE001 - told to the main thread
            self.failures.append(error)


def test_many_threads_at_once(sim: Simulator, api: Rasapi) -> None:
    sim.step_per_call = 0.001
    sim.teardown = 0.01
    at = Hammer(sim, api)
    work = [at.come_and_go, at.come_and_go, at.enumerate, at.enumerate, at.ask_status, at.change]
    threads = [threading.Thread(target=at.run, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert at.failures == []
    sim.advance(1.0)
    assert handles(api) == at.kept
    assert sim.registrations == 0


FORKS_AMONG_THREADS = """
import ctypes, os, signal, sys, threading
from ras_native import Ras
from ras_native.sim import Simulator

def enumerate_for_ever(size):
    buffer = (ctypes.c_uint8 * size)()
    while not done.is_set():
        ctypes.c_uint32.from_buffer(buffer).value = size // CONNECTIONS
        library.RasEnumConnectionsW(
            buffer, ctypes.byref(ctypes.c_uint32(size)), ctypes.byref(ctypes.c_uint32())
        )

def child():
    signal.alarm(20)  # a dead lock ends the child by a signal
    with Ras(sim) as ras:
        assert len(ras.enum_connections()) == CONNECTIONS
    sim.close()
    with Simulator(clock="real") as again, Ras(again) as ras:
        with ras.connection_notification() as connected:
            again.add("b", after=0.001)
            assert connected.wait(20)

CONNECTIONS = 500
done, sim = threading.Event(), Simulator(clock=sys.argv[1])
library = ctypes.CDLL(sim.path)
for n in range(CONNECTIONS):
    sim.add(f"{n}")
needed = ctypes.c_uint32()
library.RasEnumConnectionsW(None, ctypes.byref(needed), ctypes.byref(ctypes.c_uint32()))
threads = [threading.Thread(target=enumerate_for_ever, args=(needed.value,)) for _ in range(2)]
for thread in threads:
    thread.start()
codes = []
for _ in range(20):
    pid = os.fork()
    if not pid:
        try:
            child()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
done.set()
for thread in threads:
    thread.join()
assert len(Ras(sim).enum_connections()) == CONNECTIONS
sim.close()
print(set(codes))
"""


@pytest.mark.posix_only("fork")
@pytest.mark.parametrize("clock", ["manual", "real"])
def test_a_forked_child_finds_the_simulator_unlocked(clock: str) -> None:
    assert child.run(FORKS_AMONG_THREADS, clock, python=("-W", "ignore")) == "{0}\n"


@pytest.mark.posix_only("fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # threads and fork
def test_a_forked_child_has_its_own_copy_of_the_service() -> None:
    """The child gets copies of the connections, and does not set the parent's events."""
    with Simulator(clock="real") as sim, SystemEvent() as event:
        api, handle = api_of(sim), sim.add("a")
        api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 3)
        pid = os.fork()
        if not pid:
            sim.drop(handle)
            sim.advance(1.0)  # the clock's thread was not forked: the clock is manual
            os._exit(10 * len(handles(api)) + sim.registrations)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert handles(api) == [handle]
        assert (event.consume(), sim.registrations) == (False, 1)


def test_no_descriptor_is_left(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    with SystemEvent() as event:
        for target in (handle, EVERY_CONNECTION):
            for _ in range(50):
                assert api.RasConnectionNotificationW(target, event.handle, 1) == 0
        assert sim.registrations == 100
        sim.close()
    before = threading.active_count()
    with SystemEvent() as again, Simulator() as fresh:
        assert again.handle < 200 or sys.platform == "win32"
        assert (fresh.registrations, threading.active_count()) == (0, before)


# The demonstration


def test_the_demonstration_goes_on_until_it_is_closed() -> None:
    with Simulator() as sim, SystemEvent() as event:
        api = api_of(sim)
        assert api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 1) == 0
        sim.demo()
        event.wait()
        assert len(handles(api)) == 1
        with pytest.raises(RuntimeError, match="real"):
            sim.advance(1.0)
    with Simulator() as sim:
        assert handles(api_of(sim)) == []


def test_the_demonstration_shows_everything_and_repeats(sim: Simulator, api: Rasapi) -> None:
    library = ctypes.CDLL(sim.path)
    names: set[str] = set()
    counts, rounds = [], 0
    with SystemEvent() as dormant, SystemEvent() as removed:
        api.RasConnectionNotificationW(EVERY_CONNECTION, dormant.handle, 0x10 | 0x20)
        api.RasConnectionNotificationW(EVERY_CONNECTION, removed.handle, 0x08)
        assert library.rassim_demo() == 0
        assert library.rassim_set_clock(0) == 0  # the same script, by hand
        for _ in range(600):
            sim.advance(0.1)
            found = handles(api)
            counts.append(len(found))
            rounds += len(counts) > 1 and counts[-2] > 0 and counts[-1] == 0
            size = len(found) * sizeof(RASCONNW)
            if size:
                listing = Listing(api.RasEnumConnectionsW, size, sizeof(RASCONNW))
                names |= {text(item.szEntryName) for item in listing.connections()}
        assert dormant.consume()
        assert removed.consume()
    assert rounds >= 2
    assert max(counts) >= 4
    assert {"Head office", "Zürich Büro", "東京支社", "Field 🛰 uplink", ".555-0199"} <= names
