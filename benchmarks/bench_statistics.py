"""Compare statistics() with a bare C loop that makes the same calls, and a Monitor's samples.

    pytest benchmarks/bench_statistics.py --benchmark-only

The ways take turns in each round, so that all run under the same load (comparing.py). The target of
the native backend is what the bare loop (bare_ras.c) needs, and 500 ns, and 400 ns for each
connection.
"""

from __future__ import annotations

import time
from statistics import median

import pytest
from comparing import bare_loop, in_turns, repeated

from ras_native import Monitor
from ras_native.benchmark.polls import load
from ras_native.benchmark.textbook import Textbook

ENUM, GET = "RasEnumConnectionsW", "RasGetConnectionStatistics"
LARGE = 3_000_000_000  # real counters are no small numbers, which Python keeps ready
SIZES = (0, 1, 4, 16, 64, 256, 1024)
SAMPLES_PER_SECOND, SECONDS = 100, 2


@pytest.fixture(params=SIZES)
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


@pytest.mark.benchmark(group="statistics of every connection")
def test_statistics(benchmark, sim, ras, handles, bare_ras):
    textbook = Textbook(load(sim.path))
    ways = {
        "ours": repeated(ras.statistics),
        "bare C loop": bare_loop(bare_ras.bare_statistics, sim, len(handles), GET),
        "textbook ctypes": repeated(textbook.statistics),
    }
    found = in_turns(benchmark, ways)
    assert [(item.connection.handle, item.statistics.bytes_sent) for item in found] == [
        (item["handle"], item["dwBytesXmited"]) for item in textbook.statistics()
    ]
    assert [item.statistics.bytes_sent - LARGE for item in found] == list(range(len(handles)))
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
