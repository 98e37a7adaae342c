"""Hang-ups that nobody waited for are finished, bounded, when the interpreter exits (HU-7).

Each is given EXIT_SECONDS from when it was begun; after that it needs no wait any more.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from threading import Lock

EXIT_SECONDS = 3.0
"""The pause after which Microsoft's documentation lets a program exit."""

_lock = Lock()
_unfinished: dict[object, tuple[float, Callable[[float], object]]] = {}  # deadline, wait


def finish_later(key: object, wait: Callable[[float], object]) -> None:
    """At exit, unless forgotten before, call `wait` with the seconds that are left."""
    now = time.perf_counter()
    with _lock:
        for over in [key for key, (deadline, _) in _unfinished.items() if deadline <= now]:
            del _unfinished[over]
        _unfinished[key] = (now + EXIT_SECONDS, wait)


def forget(key: object) -> None:
    """It is finished."""
    with _lock:
        _unfinished.pop(key, None)


@atexit.register
def _finish() -> None:
    with _lock:
        waits = list(_unfinished.values())
        _unfinished.clear()
    for deadline, wait in waits:
        left = deadline - time.perf_counter()
        if left > 0:
            wait(left)
