"""What a process pays: the time of an import, and what very many calls leave behind.

    pytest benchmarks/bench_process.py --benchmark-only

Each import is made in a new process, and the modules take turns. Memory is the resident set.
100,000 Monitors take about two minutes.
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

IMPORT_ROUNDS = 7 if sys.platform == "win32" else 15  # Wine starts a process in a second
POLLS = 1_000_000
MONITORS = {"native": 100_000, "ctypes": 10_000}
MOST_GROWTH = 512 * 1024  # bytes: less than one byte for each poll

TIMED = """
import time
begun = time.perf_counter_ns()
{program}
print(time.perf_counter_ns() - begun)
"""

IMPORTS = {
    "ours": "import ras_native",
    "cffi": "import cffi",
    "ctypes": "import ctypes",
    "asyncio": "import asyncio",
    "ours with Ras": "from ras_native import Ras",  # the names come when one is first needed
    "ours with Monitor": "from ras_native import Monitor",
}

pytestmark = pytest.mark.timeout(600)


def import_ns(program):
    command = [sys.executable, "-c", TIMED.format(program=program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.benchmark(group="import, in a new process")
def test_import(benchmark):
    times = {name: [] for name in IMPORTS}

    def each():
        for name, program in IMPORTS.items():
            times[name].append(import_ns(program))

    benchmark.pedantic(each, rounds=IMPORT_ROUNDS, warmup_rounds=1)
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


@pytest.mark.posix_only("the resident set, from /proc")
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


@pytest.mark.posix_only("the resident set, from /proc")
@pytest.mark.benchmark(group="what very many Monitors, opened and closed, leave behind")
def test_growth_of_monitors(benchmark, sim, ras):
    sim.add("Work VPN")

    def watch(times):
        for _ in range(times):
            with Monitor(ras) as monitor:
                assert type(monitor.get(10)).__name__ == "Found"

    count = MONITORS[ras.backend]
    watch(count // 100)
    growth(benchmark, lambda: watch(count), f"{count:,} Monitors")
    assert sim.registrations <= 1
