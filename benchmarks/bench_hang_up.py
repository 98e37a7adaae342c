"""Compare hang_up, which waits until the connection is gone, with a loop that asks every 10 ms.

    pytest benchmarks/bench_hang_up.py --benchmark-only

The simulator's connections need 50 ms to end. The figures are what each adds to that.
"""

from __future__ import annotations

import time

import pytest
from comparing import record

from ras_native import Ras, RasError
from ras_native.sim import Simulator

TEARDOWN = 0.05
ROUNDS = 40


@pytest.fixture
def sim():
    with Simulator(clock="real") as simulator:
        simulator.teardown = TEARDOWN
        yield simulator


@pytest.fixture(params=["native", "ctypes"])
def ras(request, sim):
    with Ras(sim, backend=request.param) as opened:
        yield opened


def asked_every_10_ms(ras, handle):
    ras.hang_up(handle, wait=False)
    for _ in range(1_000):
        try:
            ras.get_connect_status(handle)
        except RasError as error:
            if error.gone:
                return
            raise
        time.sleep(0.01)
    pytest.fail("the connection did not end")


@pytest.mark.benchmark(group="hang-up to gone, beyond the 50 ms of the teardown")
def test_hang_up_to_gone(benchmark, sim, ras):
    ways = {
        "ours": ras.hang_up,
        "asked every 10 ms": lambda handle: asked_every_10_ms(ras, handle),
    }
    times = {name: [] for name in ways}

    def each():
        for name, way in ways.items():
            handle = sim.add("Work VPN")
            begun = time.perf_counter_ns()
            way(handle)
            times[name].append(time.perf_counter_ns() - begun - TEARDOWN * 1e9)
            assert ras.snapshot() == ()

    benchmark.pedantic(each, rounds=ROUNDS, warmup_rounds=1)
    record(benchmark, times, "us per hang-up")
