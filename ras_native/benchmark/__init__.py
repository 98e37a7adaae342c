"""Measures on this machine what RAS calls and connects cost: the command `ras-native bench`.

`measure` does all of it, and returns a `Report` with a `Figure` for each way of a job. It asks the
simulator, and on Windows the system's own RAS, with calls that only read. It connects to loopback
addresses only. All ways of a job are timed in turns in the same run, and their results are
compared.
"""

from __future__ import annotations

from .measuring import measure
from .report import LOOPBACK, OWN_CALLS, SIMULATOR, SYSTEM, Figure, Report

__all__ = ["LOOPBACK", "OWN_CALLS", "SIMULATOR", "SYSTEM", "Figure", "Report", "measure"]

for _public in (Figure, Report, measure):
    _public.__module__ = __name__
