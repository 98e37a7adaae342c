"""Compare statistics() with a bare C loop that makes the same calls, and a Monitor's samples.

    pytest benchmarks/bench_statistics.py --benchmark-only

A round of the bare loop (bare_ras.c, compiled here) precedes each round of statistics(), so that
both run under the same load. extra_info holds the medians, their ratio, and what a connection costs
beyond the bare loop. The target of the native backend is 500 ns, and 400 ns for each connection.
"""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path
from statistics import median

import pytest
from bench_snapshot import CALLS, SPARE, repeat, side_by_side
from cc import compiled

from ras_native import Monitor, Ras
from ras_native._backend.layout import RASCONNW
from ras_native.sim import Simulator

ENUM, GET = "RasEnumConnectionsW", "RasGetConnectionStatistics"
LARGE = 3_000_000_000  # real counters are no small numbers, which Python keeps ready
SAMPLES_PER_SECOND, SECONDS = 100, 2


@pytest.fixture
def sim():
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(params=CALLS)
def handles(request, sim):
    made = [sim.add(f"Work VPN {i}", phone_number="vpn.example.org") for i in range(request.param)]
    for number, handle in enumerate(made):
        sim.set_statistics(
            handle,
            bytes_sent=LARGE + number,
            bytes_received=LARGE + number,
            frames_sent=LARGE // 1000 + number,
            frames_received=LARGE // 1000 + number,
            bps=100_000_000,
        )
    return made


@pytest.fixture(scope="session")
def bare_loop(tmp_path_factory):
    if sys.platform == "win32":
        pytest.skip("the bare loop is compiled with cc")
    source = Path(__file__).with_name("bare_ras.c")
    loop = ctypes.CDLL(str(compiled(source, tmp_path_factory.mktemp("bare")))).bare_statistics
    loop.argtypes = (ctypes.c_void_p,) * 3 + (ctypes.c_uint32,) * 2
    return loop


@pytest.fixture
def bare(bare_loop, sim, handles):
    """Return a function that asks in C, the given number of times."""
    provider = ctypes.CDLL(sim.path)
    functions = [ctypes.cast(provider[name], ctypes.c_void_p) for name in (ENUM, GET)]
    size = (len(handles) + SPARE) * ctypes.sizeof(RASCONNW)
    buffer = ctypes.create_string_buffer(size)

    def run(polls):
        assert bare_loop(*functions, buffer, size, polls) == len(handles)

    return run


@pytest.fixture(params=["native", "ctypes"])
def ras(request, sim):
    with Ras(sim, backend=request.param) as opened:
        yield opened


@pytest.mark.benchmark(group="statistics beside the bare C loop")
def test_beside_the_bare_loop(benchmark, sim, ras, handles, bare):
    polls = CALLS[len(handles)]
    found = side_by_side(
        benchmark, polls, repeat(ras.statistics, polls), lambda: bare(polls), "bare C loop"
    )
    nanoseconds = benchmark.extra_info["ns per poll"]
    own = nanoseconds["ours"] - nanoseconds["bare C loop"]
    nanoseconds["own cost"] = own
    nanoseconds["target"] = 500 + 400 * len(handles)
    assert [item.statistics.bytes_sent for item in found] == [
        LARGE + number for number in range(len(handles))
    ]
    sim.reset_calls()
    ras.statistics()
    assert (sim.calls(ENUM), sim.calls(GET)) == (1, len(handles))


@pytest.mark.posix_only("the CPU time of one thread")
@pytest.mark.benchmark(group="a Monitor's samples: CPU time")
@pytest.mark.parametrize("handles", [4], indirect=True)
def test_samples(benchmark, sim, ras, handles):
    """With the native backend samples run no Python."""
    used = []

    def monitored():
        interval = 1 / SAMPLES_PER_SECOND
        with Monitor(ras, interval=3600, statistics_interval=interval, event_log=False) as monitor:
            for _ in handles:
                monitor.get(10)
            clock = time.pthread_getcpuclockid(monitor._worker.thread.ident)
            sim.reset_calls()
            begun = time.clock_gettime_ns(clock)
            time.sleep(SECONDS)
            spent = time.clock_gettime_ns(clock) - begun
            used.append(spent / (sim.calls(GET) / len(handles)))

    benchmark.pedantic(monitored, rounds=3)
    benchmark.extra_info["us per sample"] = {"ours": round(median(used) / 1000, 2)}
