"""Waits with a deadline, in slices short enough for Python to notice Ctrl-C between them."""

from __future__ import annotations

import time
from collections.abc import Callable

from ._backend.layout import RN_E_AGAIN, RN_E_TIMEOUT

SLICE_NS = 100_000_000
"""The longest that native code waits before Python may run its signal handlers."""


def wait_in_slices(step: Callable[[int], int], timeout_ns: int | None) -> int:
    """Call `step(slice_ns)` until it answers other than RN_E_AGAIN, and return that answer.

    Return RN_E_TIMEOUT once `timeout_ns` have passed. None means that there is no limit.
    """
    # Not time.monotonic_ns: before Python 3.13 its resolution on Windows is 16 ms.
    deadline = None if timeout_ns is None else time.perf_counter_ns() + timeout_ns
    while True:
        left = SLICE_NS if deadline is None else deadline - time.perf_counter_ns()
        code = step(max(0, min(SLICE_NS, left)))
        if code != RN_E_AGAIN:
            return code
        if deadline is not None and time.perf_counter_ns() >= deadline:
            return RN_E_TIMEOUT
