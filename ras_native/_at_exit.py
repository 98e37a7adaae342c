"""At exit, waits for the hang-ups that the program did not wait for.

Microsoft's documentation lets a program exit 3 s after RasHangUp, or once the connection is gone.
This module keeps only weak references to providers. If a provider was closed, it cannot be asked
whether the connection is gone. The exit then waits for the rest of the 3 s.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable
from typing import NamedTuple
from weakref import ref

from ._backend.contract import Provider
from ._log import logger

EXIT_SECONDS = 3.0

Wait = Callable[[Provider, float], bool]
"""Waits at most the given seconds, and returns whether the hang-up is complete."""


class _HangUp(NamedTuple):
    deadline: float
    provider: ref[Provider]
    wait: Wait | None


_unfinished: dict[object, _HangUp] = {}


def wait_at_exit(provider: Provider, key: int, wait: Wait | None = None) -> None:
    """Let the exit call `wait` with the provider and the seconds left, unless `forget` is called.

    If `wait` is None, nothing can tell whether the hang-up is complete. The exit then waits for
    all the seconds left.
    """
    now = time.perf_counter()
    for expired in [
        known for known, hang_up in list(_unfinished.items()) if hang_up.deadline <= now
    ]:
        _unfinished.pop(expired, None)
    _unfinished[id(provider), key] = _HangUp(now + EXIT_SECONDS, ref(provider), wait)


def forget(provider: Provider, key: int) -> None:
    """Remove a hang-up that is complete, so that the exit does not wait for it."""
    _unfinished.pop((id(provider), key), None)


@atexit.register
def _wait_for_all() -> None:
    for hang_up in list(_unfinished.values()):
        provider, seconds = hang_up.provider(), hang_up.deadline - time.perf_counter()
        if seconds <= 0:
            continue
        if provider is None or hang_up.wait is None:
            time.sleep(seconds)
        elif not hang_up.wait(provider, seconds):
            logger.warning("exit: a hang-up is not complete after %g s", EXIT_SECONDS)
    _unfinished.clear()


if hasattr(os, "register_at_fork"):  # the parent waits for its own hang-ups
    os.register_at_fork(after_in_child=_unfinished.clear)
