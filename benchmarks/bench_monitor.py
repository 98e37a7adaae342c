"""Compare a Monitor with threads that do only the necessary work: its latency and its cost.

    pytest benchmarks/bench_monitor.py --benchmark-only

The Monitor and the others watch the same changes of the simulator in turns, block by block, so that
all run under the same load. The ratio compares the Monitor with the first of the others.
"""

from __future__ import annotations

import asyncio
import ctypes
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from statistics import median

import pytest
from comparing import library, record, rounded

from ras_native import Monitor, Ras
from ras_native._backend.layout import RASCONNW
from ras_native.sim import Simulator

BLOCKS, CHANGES = 12, 150
PAUSE = 0.002  # seconds between changes: signals cause at most one poll in a millisecond
RATE_HZ, POLLS = 1_000, 1_000
FASTER = 300  # the idle hour is this much shorter
SECOND = 1_000_000_000

Moments = SimpleQueue[int]
Watcher = Callable[[Ras, Moments], "contextmanager[None]"]


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    loaded = library("bare_watch.c", tmp_path_factory.mktemp("bare"))
    loaded.bare_event.argtypes = (ctypes.c_ssize_t,)
    loaded.bare_event.restype = ctypes.c_uint64
    return loaded


@contextmanager
def running(function: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=function)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)


# The watchers: each puts the moment at which its consumer gets a change into a queue.


@contextmanager
def monitor_and_thread(ras: Ras, moments: Moments) -> Iterator[None]:
    def consume() -> None:
        for _ in monitor:
            moments.put(time.perf_counter_ns())

    with Monitor(ras, interval=3600, event_log=False) as monitor, running(consume):
        yield
        monitor.close()


@contextmanager
def monitor_and_task(ras: Ras, moments: Moments) -> Iterator[None]:
    async def consume() -> None:
        async for _ in monitor:
            moments.put(time.perf_counter_ns())

    with (
        Monitor(ras, interval=3600, event_log=False) as monitor,
        running(lambda: asyncio.run(consume())),
    ):
        yield
        monitor.close()


@contextmanager
def event_thread(ras: Ras, wait: Callable[..., object]) -> Iterator[None]:
    """Run a thread that waits for RAS' event, in the backend's own wait."""
    with ras.connection_notification() as notification:
        over = threading.Event()

        def loop() -> None:
            while not over.is_set():
                wait(notification._event)

        with running(loop):
            yield
            over.set()
            notification.set()


@contextmanager
def thread_alone(ras: Ras, moments: Moments) -> Iterator[None]:
    def wait(event):
        event.wait(None, SECOND)
        moment = time.perf_counter_ns()
        event.reset()
        moments.put(moment)

    with event_thread(ras, wait):
        yield


@contextmanager
def thread_and_loop(ras: Ras, moments: Moments) -> Iterator[None]:
    """Run a thread that passes each signal to a bare loop, with call_soon_threadsafe."""
    loop = asyncio.new_event_loop()

    def wait(event):
        event.wait(None, SECOND)
        event.reset()
        loop.call_soon_threadsafe(lambda: moments.put(time.perf_counter_ns()))

    with running(loop.run_forever):
        with event_thread(ras, wait):
            yield
        loop.call_soon_threadsafe(loop.stop)
    loop.close()


def c_thread(bare):
    @contextmanager
    def watch(ras: Ras, moments: Moments) -> Iterator[None]:
        with event_thread(ras, lambda event: moments.put(bare.bare_event(event.handle))):
            yield

    return watch


def latencies(sim: Simulator, ras: Ras, watcher: Watcher) -> list[int]:
    """Return the time from each change of a block until its consumer got it, in ns."""
    moments: Moments = SimpleQueue()
    results = []
    with watcher(ras, moments):
        time.sleep(0.05)  # until the first poll is over and the threads wait
        for number in range(CHANGES):
            time.sleep(PAUSE)
            begun = time.perf_counter_ns()
            if number % 2 == 0:
                handle = sim.add("Head office")
            else:
                sim.drop(handle)
            results.append(moments.get(timeout=10) - begun)
            assert moments.empty()  # one event for one change
    return results


def side_by_side(benchmark, sim: Simulator, ras: Ras, watchers: dict[str, Watcher]) -> None:
    """Record the medians of all changes, and the ratios of the blocks' medians."""
    results: dict[str, list[int]] = {name: [] for name in watchers}
    blocks: dict[str, list[float]] = {name: [] for name in watchers}

    def block() -> None:
        for name, watcher in watchers.items():
            found = latencies(sim, ras, watcher)
            results[name] += found
            blocks[name].append(median(found))

    benchmark.pedantic(block, rounds=BLOCKS)
    record(benchmark, blocks, "us per change")
    for unit, part in (("us (99 %) per change", 0.99), ("us (99.9 %) per change", 0.999)):
        benchmark.extra_info[unit] = {
            name: rounded(sorted(values)[int(len(values) * part)] / 1000)
            for name, values in results.items()
        }


@pytest.mark.timeout(300)
@pytest.mark.benchmark(group="change to a consumer's thread")
def test_change_to_thread(benchmark, sim, ras, bare):
    side_by_side(
        benchmark, sim, ras,
        {"ours": monitor_and_thread, "a Python thread alone": thread_alone,
         "a C thread": c_thread(bare)},
    )  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.benchmark(group="change to an asyncio task")
def test_change_to_task(benchmark, sim, ras, bare):
    side_by_side(
        benchmark, sim, ras,
        {"ours": monitor_and_task, "a thread's call_soon_threadsafe": thread_and_loop,
         "a C thread": c_thread(bare)},
    )  # fmt: skip


@pytest.mark.posix_only("the CPU time of one thread")
@pytest.mark.benchmark(group="1,000 unchanged polls at 1 kHz, 4 connections: CPU time")
def test_unchanged_at_1_khz(benchmark, sim, ras, bare):
    """With the native backend these polls run no Python: only the first has events (Found)."""
    for number in range(4):
        sim.add(f"Work VPN {number}", phone_number="vpn.example.org")
    provider = ctypes.CDLL(sim.path)
    names = ("RasEnumConnectionsW", "RasGetConnectStatusW")
    functions = [ctypes.cast(provider[name], ctypes.c_void_p) for name in names]
    buffer = ctypes.create_string_buffer(16 * ctypes.sizeof(RASCONNW))
    bare.bare_watch.restype = ctypes.c_uint64
    bare.bare_watch.argtypes = (
        *(ctypes.c_void_p,) * 3, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_uint32,
    )  # fmt: skip
    interval_ns = 1_000_000_000 // RATE_HZ
    ours, others = [], []

    def in_c() -> None:
        arguments = (*functions, buffer, len(buffer), interval_ns, POLLS)
        others.append(bare.bare_watch(*arguments))

    def monitored() -> None:
        with Monitor(ras, interval=1 / RATE_HZ) as monitor:
            found = [type(monitor.get(10)).__name__ for _ in range(4)]
            assert found == ["Found"] * 4
            clock = time.pthread_getcpuclockid(monitor._worker.thread.ident)
            first = monitor.counts.polls
            begun = time.clock_gettime_ns(clock)
            time.sleep(POLLS / RATE_HZ)
            used = time.clock_gettime_ns(clock) - begun
            ours.append(used * POLLS / (monitor.counts.polls - first))

    benchmark.pedantic(monitored, setup=in_c, rounds=7, warmup_rounds=1)
    times = {"ours": ours, "a C thread": others}
    record(benchmark, {who: [ns / POLLS for ns in found] for who, found in times.items()},
           "us per poll")  # fmt: skip


def switches(thread: threading.Thread) -> int:
    """Return how often this thread of the process has begun to wait."""
    path = Path(f"/proc/self/task/{thread.native_id}/status")
    if not path.exists():
        pytest.skip("only Linux counts a thread's waits, in /proc: run this on Linux")
    text = path.read_text(encoding="ascii")
    return int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.MULTILINE)[0])


def idle_hour(sim: Simulator, thread: threading.Thread) -> dict[str, float]:
    """Let the thread run for an hour that is FASTER times shorter; return what it did."""
    clock = time.pthread_getcpuclockid(thread.ident)
    sim.reset_calls()
    waits, begun = switches(thread), time.clock_gettime_ns(clock)
    time.sleep(3600 / FASTER)
    spent = time.clock_gettime_ns(clock) - begun
    return {
        "calls": sim.calls_total, "wake-ups": switches(thread) - waits, "CPU ms": spent / 1e6
    }  # fmt: skip


@pytest.mark.posix_only("the CPU time and the waits of one thread")
@pytest.mark.benchmark(group="an idle hour at 60 s, beside a poller at 1 Hz (300 times faster)")
def test_idle_hour(benchmark, sim, ras):
    """Both are 300 times faster, so the calls and the wake-ups are those of an hour."""
    sim.add("Head office")
    found: dict[str, dict[str, float]] = {}

    def monitored() -> None:
        with Monitor(ras, interval=60 / FASTER, event_log=False) as monitor:
            assert type(monitor.get(10)).__name__ == "Found"
            found["ours"] = idle_hour(sim, monitor._worker.thread)

    def polled() -> None:
        over = threading.Event()

        def poll() -> None:
            due = time.perf_counter()
            while not over.wait(max(0.0, due - time.perf_counter())):
                ras.snapshot()
                due += 1 / FASTER

        thread = threading.Thread(target=poll)
        thread.start()
        try:
            found["poller"] = idle_hour(sim, thread)
        finally:
            over.set()
            thread.join(10)

    benchmark.pedantic(monitored, setup=polled, rounds=1)
    for job in ("calls", "wake-ups", "CPU ms"):
        benchmark.extra_info[f"{job} per hour"] = {who: round(item[job], 1) for who, item in
                                                   found.items()}  # fmt: skip
    benchmark.extra_info["ratios"] = {
        job: rounded(found["ours"][job] / found["poller"][job]) for job in found["ours"]
    }
    assert found["ours"]["calls"] <= 2 * (60 + 1)
