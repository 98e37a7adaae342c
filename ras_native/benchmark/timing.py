"""Times several calls in turns, so that all of them run under the same load."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple

_BATCH_NS = 2_000_000
_MOST_CALLS = 100_000
_MOST_ROUNDS = 1_000


class Timing(NamedTuple):
    """How long one call takes."""

    ns: float
    """The median of all rounds."""
    low_ns: float
    high_ns: float
    """A quarter of the rounds was faster than `low_ns`, and a quarter slower than `high_ns`."""
    rounds: int


def in_turns(
    calls: Mapping[str, Callable[[], object]],
    seconds: float,
    after: Callable[[], object] | None = None,
) -> dict[str, Timing]:
    """Time each of these calls, in rounds that have a batch of each; at least one round.

    With `after`, a batch is one call, and `after` follows each of them and is not timed.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    counts = dict.fromkeys(calls, 1)
    if after is None:
        counts = {name: _batch(call) for name, call in calls.items()}
    end = time.perf_counter() + seconds
    for _ in range(_MOST_ROUNDS):
        for name, call in calls.items():
            times[name].append(_timed(call, counts[name]) / counts[name])
            if after is not None:
                after()
        if time.perf_counter() >= end:
            break
    return {name: _summary(sorted(found)) for name, found in times.items()}


def _timed(call: Callable[[], object], count: int) -> int:
    begun = time.perf_counter_ns()
    for _ in range(count):
        call()
    return time.perf_counter_ns() - begun


def _batch(call: Callable[[], object]) -> int:
    """Return how many calls take about as long as one batch should."""
    count = 1
    while count < _MOST_CALLS:
        ns = _timed(call, count)
        if ns * 4 > _BATCH_NS:
            return max(1, count * _BATCH_NS // ns)
        count *= 4
    return count


def _summary(times: list[float]) -> Timing:
    quarter = len(times) // 4
    return Timing(median(times), times[quarter], times[-1 - quarter], len(times))
