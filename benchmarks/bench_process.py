"""What a process pays: the time of an import, and the memory after very many calls.

    pytest benchmarks/bench_process.py --benchmark-only

Each import is made in a new process, and the modules take turns. Memory is the resident set.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from ras_native import Monitor, Ras
from ras_native.sim import Simulator

IMPORTS = 15
POLLS = 1_000_000
MONITORS = 10_000
MOST_GROWTH = 512 * 1024  # bytes: less than one byte for each poll

IMPORT = """
import time
begun = time.perf_counter_ns()
import {module}
print(time.perf_counter_ns() - begun)
"""

pytestmark = pytest.mark.timeout(600)


def import_ns(module):
    command = [sys.executable, "-c", IMPORT.format(module=module)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.benchmark(group="import, in a new process")
def test_import(benchmark):
    times = {"ras_native": [], "cffi": [], "ctypes": [], "asyncio": []}

    def each():
        for module, found in times.items():
            found.append(import_ns(module))

    benchmark.pedantic(each, rounds=IMPORTS, warmup_rounds=1)
    benchmark.extra_info["us per import"] = {
        module: round(median(found) / 1e3) for module, found in times.items()
    }
    benchmark.extra_info["ratio"] = round(median(times["ras_native"]) / median(times["cffi"]), 2)


def resident():
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("only Linux tells the resident set in /proc")
    return int(statm.read_text(encoding="ascii").split()[1]) * 4096


def growth(benchmark, call, unit):
    """Record by how much the memory grew during the call; a first one has filled all caches."""
    before = resident()
    benchmark.pedantic(call, rounds=1)
    grown = resident() - before
    benchmark.extra_info[f"bytes per {unit}"] = {"growth": grown}
    assert grown < MOST_GROWTH


@pytest.mark.parametrize("backend", ["native", "ctypes"])
@pytest.mark.benchmark(group="memory after 1,000,000 polls of 4 connections")
def test_memory_of_polls(benchmark, backend):
    with Simulator() as sim, Ras(sim, backend=backend) as ras:
        for number in range(4):
            sim.add(f"Work VPN {number}")
        first = ras.snapshot()

        def poll(times):
            for _ in range(times):
                assert ras.snapshot() is first

        poll(POLLS // 100)
        sim.reset_calls()
        growth(benchmark, lambda: poll(POLLS), "1,000,000 polls")
        assert sim.calls("RasEnumConnectionsW") == POLLS


@pytest.mark.parametrize("backend", ["native", "ctypes"])
@pytest.mark.benchmark(group="memory after 10,000 Monitors")
def test_memory_of_monitors(benchmark, backend):
    with Simulator() as sim, Ras(sim, backend=backend) as ras:
        sim.add("Work VPN")

        def watch(times):
            for _ in range(times):
                with Monitor(ras) as monitor:
                    assert type(monitor.get(10)).__name__ == "Found"

        watch(MONITORS // 100)
        growth(benchmark, lambda: watch(MONITORS), "10,000 Monitors")
        assert sim.registrations <= 1
