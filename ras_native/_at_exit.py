"""When the interpreter exits, hang-ups that nobody waited for get the rest of their time.

Microsoft's documentation lets a program exit 3 s after RasHangUp, or once the connection is gone.
What is remembered here keeps no provider loaded: once the provider is closed, nobody can ask
whether the connection is gone, and the exit waits for the rest of the 3 s.
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
"""Waits at most so many seconds and returns whether the hang-up is complete."""


class _HangUp(NamedTuple):
    deadline: float
    provider: ref[Provider]
    wait: Wait | None


_unfinished: dict[object, _HangUp] = {}


def finish_later(provider: Provider, key: int, wait: Wait | None = None) -> None:
    """At exit, unless `forget` came before, call `wait` with the provider and the seconds left.

    None: nobody can ask whether the hang-up is complete, and the exit waits for the seconds left.
    """
    now = time.perf_counter()
    for late in [known for known, hang_up in list(_unfinished.items()) if hang_up.deadline <= now]:
        _unfinished.pop(late, None)
    _unfinished[id(provider), key] = _HangUp(now + EXIT_SECONDS, ref(provider), wait)


def forget(provider: Provider, key: int) -> None:
    """The hang-up is complete."""
    _unfinished.pop((id(provider), key), None)


@atexit.register
def _finish() -> None:
    for hang_up in list(_unfinished.values()):
        provider, seconds = hang_up.provider(), hang_up.deadline - time.perf_counter()
        if seconds <= 0:
            continue
        if provider is None or hang_up.wait is None:
            time.sleep(seconds)
        elif not hang_up.wait(provider, seconds):
            logger.warning("exit: a hang-up is not complete after %g s", EXIT_SECONDS)
    _unfinished.clear()


if hasattr(os, "register_at_fork"):  # the parent finishes its own
    os.register_at_fork(after_in_child=_unfinished.clear)
