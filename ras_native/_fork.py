"""After `os.fork`, closes the objects that the child inherited; those of the parent stay open.

Otherwise, resetting an inherited event would reset the parent's event. A Ras that another thread
was using during the fork would stay locked for ever.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Inheritable(Protocol):
    """An object that a forked child must not use."""

    def _close_after_fork(self) -> None:
        """Close it in the child. Take no lock, and do not call the provider."""


_objects: WeakSet[Inheritable] = WeakSet()


def close_in_child(inheritable: Inheritable) -> None:
    """Register `inheritable`, so that every forked child closes it."""
    _objects.add(inheritable)


def _close_all() -> None:
    for inheritable in list(_objects):
        inheritable._close_after_fork()
    _objects.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_close_all)
