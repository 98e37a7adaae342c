"""What a process pays: the time of an import, and what very many calls leave behind.

    pytest benchmarks/bench_process.py --benchmark-only

Each import is made in a new process, and the modules take turns. Memory is the resident set.
100,000 Monitors take a minute or two.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from comparing import record, rounded
from network import open_handles

from ras_native import Monitor

IMPORTS = 15
POLLS = 1_000_000
MONITORS = 100_000
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
    record(benchmark, times, "us per import")


def resident():
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("only Linux tells the resident set in /proc: run this on Linux")
    return int(statm.read_text(encoding="ascii").split()[1]) * 4096


def growth(benchmark, call, unit):
    """Record what grew during the call; a first one has filled all caches."""
    before = resident(), threading.active_count(), open_handles()
    begun = time.perf_counter()
    benchmark.pedantic(call, rounds=1)
    seconds = time.perf_counter() - begun
    after = resident(), threading.active_count(), open_handles()
    memory, threads, descriptors = (new - old for new, old in zip(after, before, strict=True))
    benchmark.extra_info[f"growth per {unit}"] = {
        "bytes": memory, "threads": threads, "descriptors": descriptors,
        "seconds": rounded(seconds),
    }  # fmt: skip
    assert memory < MOST_GROWTH
    assert (threads, descriptors) == (0, 0)


@pytest.mark.benchmark(group="what 1,000,000 polls of 4 connections leave behind")
def test_growth_of_polls(benchmark, sim, ras):
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


@pytest.mark.benchmark(group="what 100,000 Monitors, opened and closed, leave behind")
def test_growth_of_monitors(benchmark, sim, ras):
    sim.add("Work VPN")

    def watch(times):
        for _ in range(times):
            with Monitor(ras) as monitor:
                assert type(monitor.get(10)).__name__ == "Found"

    watch(MONITORS // 100)
    growth(benchmark, lambda: watch(MONITORS), "100,000 Monitors")
    assert sim.registrations <= 1
