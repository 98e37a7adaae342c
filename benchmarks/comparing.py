"""What the benchmarks share: competitors in C, and timing several ways in turns."""

from __future__ import annotations

import ctypes
import itertools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import pytest
from cc import compiled

from ras_native._backend.layout import RASCONNW
from ras_native.benchmark.polls import load
from ras_native.sim import Simulator

FOLDER = Path(__file__).parent
ROUNDS = 60
ROUND_NS = 2_000_000  # each way takes about so long in each round
MOST_CALLS = 10_000
SPARE = 16  # how many more connections fit into the bare loop's buffer
SCALES = {"ns": 1, "us": 1_000, "ms": 1_000_000}

Way = Callable[[int], Any]
"""Does its job the given number of times and returns the last result."""


MISSING: set[str] = set()
"""The competitors that are not installed, each with the remedy; they stand in the results."""


def missing(what: str, remedy: str) -> None:
    """Skip this case because a competitor is missing."""
    MISSING.add(f"{what} ({remedy})")
    pytest.skip(f"missing: {what} ({remedy})")


def library(source: str, folder: Path) -> ctypes.CDLL:
    """Compile a C file of this folder. Windows gets the DLL that lies beside it."""
    path = FOLDER / source
    if sys.platform != "win32":
        return ctypes.CDLL(str(compiled(path, folder)))
    made = path.with_suffix(".dll")
    if not made.exists():
        missing(made.name, "python .ci/windows_benchmarks.py compiles it")
    return ctypes.CDLL(str(made))


def bare_loop(loop: Any, sim: Simulator, count: int, function: str) -> Way:
    """Return a loop of bare_ras.c that calls `function` for each of `count` connections."""
    provider = load(sim.path)
    entries = [
        ctypes.cast(provider[name], ctypes.c_void_p) for name in ("RasEnumConnectionsW", function)
    ]
    size = (count + SPARE) * ctypes.sizeof(RASCONNW)
    buffer = ctypes.create_string_buffer(size)
    loop.argtypes = (ctypes.c_void_p,) * 3 + (ctypes.c_uint32,) * 2

    def run(polls: int) -> None:
        assert loop(*entries, buffer, size, polls) == count

    return run


def repeated(call: Callable[[], Any]) -> Way:
    def run(times: int) -> Any:
        for _ in itertools.repeat(None, times):
            result = call()
        return result

    return run


def timed(way: Way, count: int, times: list[int]) -> Any:
    begun = perf_counter_ns()
    result = way(count)
    times.append(perf_counter_ns() - begun)
    return result


def calls_in_a_round(way: Way) -> int:
    count = 1
    while True:
        times: list[int] = []
        timed(way, count, times)
        if times[0] * 4 > ROUND_NS or count >= MOST_CALLS:
            return max(1, min(MOST_CALLS, count * ROUND_NS // max(1, times[0])))
        count *= 4


def in_turns(
    benchmark: Any, ways: Mapping[str, Way], unit: str = "ns per poll", rounds: int = ROUNDS
) -> Any:
    """Time the ways in turns, so that all run under the same load. Return what the first returned.

    The first way is ours.
    """
    counts = {name: calls_in_a_round(way) for name, way in ways.items()}
    times: dict[str, list[int]] = {name: [] for name in ways}
    ours, *others = ways

    def run_others() -> None:
        for name in others:
            timed(ways[name], counts[name], times[name])

    result = benchmark.pedantic(
        lambda: timed(ways[ours], counts[ours], times[ours]),
        setup=run_others, rounds=rounds, warmup_rounds=1,
    )  # fmt: skip
    record(benchmark, {name: [ns / counts[name] for ns in times[name]] for name in ways}, unit)
    return result


def record(benchmark: Any, ns: Mapping[str, list[float]], unit: str) -> None:
    """Record the medians, the median ratio of the first way to each other one, and what it costs
    more than the second one. The n-th figures of the ways belong to the same round."""
    scale = SCALES[unit.partition(" ")[0]]
    medians = {name: median(found) / scale for name, found in ns.items()}
    benchmark.extra_info[unit] = {name: rounded(value) for name, value in medians.items()}
    ours, *others = ns
    benchmark.extra_info["ratios"] = {
        other: rounded(median(a / b for a, b in zip(ns[ours], ns[other], strict=True)))
        for other in others
    }
    if others:
        differences = [a - b for a, b in zip(ns[ours], ns[others[0]], strict=True)]
        benchmark.extra_info["own ns"] = rounded(median(differences))


def rounded(value: float) -> float:
    """Keep four digits."""
    return float(f"{value:.4g}")
