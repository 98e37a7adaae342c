"""Many threads on one Ras, and endless polls: results stay right, and memory does not grow."""

from __future__ import annotations

import ctypes
import gc
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from ctypes import addressof, c_uint32, c_void_p, sizeof
from uuid import UUID

import open_handles
import pytest
from spy import ENUM, HANG_UP, STATUS, exported, replace

from ras_native import ConnState, Event, Ras, RasError, _wait
from ras_native._backend.layout import RASDIALPARAMSW

THREADS = 8


def together(*calls):
    """Run all at the same moment, each in a new thread; return their results."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(30) for future in [pool.submit(run, call) for call in calls]]


def is_consistent(sim_names, snapshot):
    """Whether each handle is listed once, with the name and the number it was created with."""
    handles = [observation.connection.handle for observation in snapshot]
    assert len(set(handles)) == len(handles)
    for observation in snapshot:
        name = observation.connection.entry_name
        assert sim_names[observation.connection.handle] == name
        assert observation.gone or observation.status.phone_number == name


def test_every_thread_gets_what_there_is(sim, ras):
    names, over = {}, threading.Event()

    def add(number):
        name = f"entry {number}"
        handle = sim.add(name, phone_number=name, after=1.0)
        names[handle] = name
        sim.advance(1.0)
        return handle

    def change():
        alive = [add(number) for number in range(5)]
        for number in range(5, 150):
            alive.append(add(number))
            sim.drop(alive.pop(number * 7 % len(alive)))
            sim.set_status(alive[0], error=number)
        over.set()
        return alive

    def poll():
        while not over.is_set():
            is_consistent(names, ras.snapshot())
            for connection in ras.enum_connections():
                assert names[connection.handle] == connection.entry_name
        return [observation.connection.handle for observation in ras.snapshot()]

    alive, *seen = together(change, *[poll] * THREADS)
    assert seen == [alive] * THREADS


def test_all_threads_share_one_result(sim, ras):
    for number in range(50):
        handle = sim.add(f"entry {number}")
        for poll in (ras.snapshot, ras.enum_connections):
            results = together(*[poll] * THREADS)
            assert len(set(map(id, results))) == 1
        sim.set_status(handle, error=number)


class SlowProvider:
    """Its first call of `name` computes its answer at once, but returns only on demand."""

    def __init__(self, ras, name):
        self.answered, self.go_on = threading.Event(), threading.Event()
        self._real = exported(ras, name)
        replace(ras, name, self)

    def __call__(self, *arguments):
        code = self._real(*arguments)
        if not self.answered.is_set():
            self.answered.set()
            self.go_on.wait(30)
        return code


@pytest.mark.ledger("EN-11")
@pytest.mark.parametrize("function", [ENUM, STATUS])
def test_polls_of_many_threads_run_side_by_side(sim, ras, function):
    """One slow call blocks nobody, and an older poll never overwrites a newer one."""
    sim.add("first")
    slow = SlowProvider(ras, function)
    with ThreadPoolExecutor(1) as pool:
        older = pool.submit(ras.snapshot)
        assert slow.answered.wait(30)
        sim.add("second")
        newer = ras.snapshot()
        assert not older.done()
        slow.go_on.set()
        assert len(newer) == 2
        assert older.result(30) is newer
    assert ras.snapshot() is newer


def test_closing_does_not_wait_for_a_slow_call(sim, backend):
    ras = Ras(sim, backend=backend)
    slow = SlowProvider(ras, ENUM)
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(ras.snapshot)
        assert slow.answered.wait(30)
        ras.close()
        with pytest.raises(ValueError, match="closed"):
            ras.snapshot()
        assert not polled.done()
        slow.go_on.set()
        assert polled.result(30) == ()


def test_a_dial_callback_may_poll_the_same_ras(sim, ras):
    """The callback runs inside a call of the same Ras, whose poll advances the clock."""
    sim.add_entry("office")
    sim.step_per_call = 1.0
    seen = []

    @getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)(None, c_uint32, c_uint32, c_uint32)
    def callback(_message, state, _error):
        names = [observation.connection.entry_name for observation in ras.snapshot()]
        seen.append((ConnState(state), names, len(ras.enum_connections())))

    dial = getattr(ctypes, "WinDLL", ctypes.CDLL)(ras.provider).RasDialW
    dial.argtypes = (c_void_p, c_void_p, c_void_p, c_uint32, c_void_p, c_void_p)
    params, handle = RASDIALPARAMSW(dwSize=sizeof(RASDIALPARAMSW)), c_void_p()
    params.szEntryName[:6] = list(map(ord, "office"))
    notifier = ctypes.cast(callback, c_void_p)
    assert dial(None, None, addressof(params), 0, notifier, addressof(handle)) == 0
    for _ in range(50):
        ras.snapshot()
        if seen and seen[-1][0] == ConnState.CONNECTED:
            break
    assert seen[-1] == (ConnState.CONNECTED, ["office"], 1)
    assert len(ras.snapshot()) == 1


def test_statuses_and_sizes_meanwhile(sim, ras):
    handles = [sim.add(f"entry {number}", phone_number=str(number)) for number in range(THREADS)]
    sim.limit_versions(0x401, 0x401)

    def ask(number):
        for _ in range(50):
            status = ras.get_connect_status(handles[number])
            assert (status.state, status.phone_number) == (ConnState.CONNECTED, str(number))
            assert len(ras.snapshot()) == THREADS
        return ras.sizes.rasconnstatus

    assert together(*(lambda n=n: ask(n) for n in range(THREADS))) == [564] * THREADS


@pytest.mark.ledger("HU-1", "HU-3")
def test_a_connection_is_hung_up_by_one_of_many(sim, ras):
    def hang_up(handle):
        try:
            ras.hang_up(handle)
        except RasError as error:
            return error.gone
        return "hung up"

    for number in range(20):
        handle = sim.add(f"entry {number}")
        outcomes = together(*[lambda handle=handle: hang_up(handle)] * THREADS)
        assert sorted(outcomes, key=str) == [True] * (THREADS - 1) + ["hung up"]
        assert ras.enum_connections() == ()
    assert sim.calls(HANG_UP) == 20 * THREADS


def test_closing_while_others_poll(sim, backend):
    sim.add("office")
    for _ in range(20):
        ras = Ras(sim, backend=backend)

        def poll(ras=ras):
            try:
                while True:
                    assert len(ras.snapshot()) == 1
                    assert len(ras.enum_connections()) == 1
                    ras.get_connect_status(ras.enum_connections()[0])
            except ValueError as error:
                return str(error)

        assert together(ras.close, poll, poll, poll)[1:] == ["this Ras is closed"] * 3


def test_closing_while_one_waits_ends_that_wait(sim, backend, monkeypatch):
    monkeypatch.setattr(_wait, "SLICE_NS", 1_000_000)
    handle = sim.dial("office")
    ras = Ras(sim, backend=backend)

    def wait():
        with pytest.raises(ValueError, match="closed"):
            ras.wait_for_state(handle, timeout=30)
        return "ended"

    assert together(wait, ras.close)[0] == "ended"


def test_the_provider_outlives_a_call_that_is_in_it(sim, backend):
    sim.delay(ENUM, 0.05)
    for _ in range(3):
        ras, entered = Ras(sim, backend=backend), sim.calls(ENUM)
        with ThreadPoolExecutor(1) as pool:
            polled = pool.submit(ras.snapshot)
            while sim.calls(ENUM) == entered and not polled.done():
                pass  # the call is counted before its delay
            ras.close()
            del ras
            assert polled.result(30) == ()


CALLS = {
    ENUM: lambda ras, _: len(ras.enum_connections()),
    STATUS: lambda ras, handle: ras.get_connect_status(handle).state,
    HANG_UP: lambda ras, handle: ras.hang_up(handle, wait=False),
    "RasConnectionNotificationW": lambda ras, handle: ras.connection_notification(handle).close(),
    "RasGetProjectionInfoEx": lambda ras, handle: ras.get_projection_info(handle).kind,
    "RasGetSubEntryHandleW": lambda ras, handle: ras.get_subentry_handle(handle, 1),
}


@pytest.mark.parametrize("function", CALLS)
def test_calls_of_the_provider_run_without_the_gil(sim, ras, function):
    """The result shows what this thread did during the delayed call."""
    handle = sim.add("office")
    sim.delay(function, 0.2)

    def call():
        try:
            return CALLS[function](ras, handle)
        except RasError as error:
            return 0 if error.gone else error

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call)
        while not sim.calls(function):
            pass  # a call is counted before its delay
        sim.drop(handle)
        assert running.result(30) == 0


@pytest.fixture
def event(backend):
    with Event(backend=backend) as opened:
        yield opened


@pytest.mark.ledger("GS-5", "CN-10", "HU-6")
@pytest.mark.parametrize("what", ["event", "state", "teardown"])
def test_waits_run_without_the_gil(sim, ras, event, monkeypatch, what):
    """The native call is as long as the timeout, so only another thread can end it."""
    monkeypatch.setattr(_wait, "SLICE_NS", 10**11)
    sim.teardown = 1.0
    handle = sim.dial("office")
    waits = {
        "event": (lambda: event.wait(30), event.set),
        "state": (lambda: ras.wait_for_state(handle, timeout=30), lambda: sim.drop(handle)),
        "teardown": (lambda: ras.hang_up(handle, timeout=30), lambda: sim.advance(60.0)),
    }
    wait, end = waits[what]

    def end_it():
        while what != "event" and not sim.calls(STATUS):
            pass  # the wait has begun when it has asked
        end()

    ender = threading.Thread(target=end_it)
    ender.start()
    if what == "state":
        with pytest.raises(RasError) as error:
            wait()
        assert error.value.gone
    else:
        assert wait() is not False
    ender.join()


def traced_memory():
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_endless_polling_leaves_nothing_over(sim, ras):
    """Ended connections are forgotten: any number of changes needs the memory of a few."""

    def change(rounds):
        for number in range(rounds):
            handle = sim.add("office", phone_number="1", correlation_id=ids[number % 2])
            ras.snapshot()
            ras.enum_connections()
            sim.set_status(handle, error=number)
            ras.snapshot()
            ras.get_connect_status(handle)
            with ras.connection_notification(handle):
                sim.drop(handle)
            ras.snapshot()
            with pytest.raises(RasError):
                ras.get_connect_status(handle)

    ids = [UUID(int=1), UUID(int=2)]
    change(50)
    handles = open_handles.count()
    tracemalloc.start()
    try:
        change(50)
        before = traced_memory()
        change(300)
        assert traced_memory() - before < 50_000
    finally:
        tracemalloc.stop()
    assert open_handles.count() <= handles


def test_names_without_end_are_not_all_kept(sim, ras):
    """The cache of decoded texts has a limit."""
    tracemalloc.start()
    try:
        for number in range(1200):
            sim.drop(sim.add(f"entry {number}"), after=1.0)
            ras.snapshot()
            sim.advance(1.0)
        before = traced_memory()
        for number in range(1200, 2400):
            sim.drop(sim.add(f"entry {number}"), after=1.0)
            ras.snapshot()
            sim.advance(1.0)
        assert traced_memory() - before < 200_000
    finally:
        tracemalloc.stop()


def test_opening_and_closing_leaves_nothing_open(sim, backend):
    def open_and_close():
        with Ras(sim, backend=backend) as ras, Event(backend=backend):
            ras.snapshot()

    open_and_close()
    before = open_handles.count()
    for _ in range(30):
        open_and_close()
    assert open_handles.count() <= before
