"""Hang-ups that nobody waited for are finished, bounded, when the interpreter exits (HU-7)."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from threading import Lock

EXIT_SECONDS = 3.0
"""The pause after which Microsoft's documentation lets a program exit."""

_lock = Lock()
_unfinished: dict[object, Callable[[float], None]] = {}


def finish_later(key: object, wait: Callable[[float], None]) -> None:
    """At exit, unless forgotten before, call `wait` with the seconds that are left."""
    with _lock:
        _unfinished[key] = wait


def forget(key: object) -> None:
    """It is finished."""
    with _lock:
        _unfinished.pop(key, None)


@atexit.register
def _finish() -> None:
    deadline = time.perf_counter() + EXIT_SECONDS
    with _lock:
        waits = list(_unfinished.values())
        _unfinished.clear()
    for wait in waits:
        wait(max(0.0, deadline - time.perf_counter()))
