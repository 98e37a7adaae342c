"""Waiting: deadlines, and slices short enough for Python to notice Ctrl-C between them."""

from __future__ import annotations

import time
from collections.abc import Callable

from ._backend.layout import RN_E_AGAIN, RN_E_TIMEOUT

SLICE_NS = 100_000_000
"""The longest that native code waits before Python may run its signal handlers."""

LONGEST_SECONDS = 10 * 366 * 24 * 3600


def seconds_to_ns(name: str, seconds: float) -> int:
    """Check a duration given as the argument `name`, in seconds; every wait has a deadline."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {type(seconds).__name__}")
    if not 0 <= seconds <= LONGEST_SECONDS:  # NaN compares as false
        raise ValueError(f"{name} must be from 0 to {LONGEST_SECONDS} seconds, not {seconds!r}")
    return round(seconds * 1e9)


def wait_in_slices(step: Callable[[int], int], timeout_ns: int) -> int:
    """Call `step(slice_ns)` until it answers other than RN_E_AGAIN: that, or RN_E_TIMEOUT."""
    # Not time.monotonic_ns: before Python 3.13 it moves in steps of 16 ms on Windows.
    deadline = time.perf_counter_ns() + timeout_ns
    while True:
        left = deadline - time.perf_counter_ns()
        code = step(max(0, min(SLICE_NS, left)))
        if code != RN_E_AGAIN:
            return code
        if time.perf_counter_ns() >= deadline:
            return RN_E_TIMEOUT
