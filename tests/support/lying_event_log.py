"""The controls of lying_event_log.c."""

from __future__ import annotations

import ctypes
from ctypes import c_uint8, c_uint32
from pathlib import Path
from typing import Any

EVERY = TRUTH = NONE = 0xFFFFFFFF
NOTHING_NEW = 259


class Lies(ctypes.Structure):
    """What the library answers: lies_of_event_log."""

    _fields_ = (
        *(
            (name, c_uint32)
            for name in (
                *("null_subscription", "subscribe_error"),
                *("batches", "written", "claimed", "null_from", "same", "next_error", "most"),
                *("render_fails", "render_error", "used", "no_bookmark", "length"),
            )
        ),
        ("text", c_uint8 * (1 << 16)),
    )


class LyingEventLog:
    """The library: a new one has no event and tells no lies."""

    def __init__(self, path: Path) -> None:
        library = ctypes.CDLL(str(path))
        self.path = path
        self._lies = Lies.in_dll(library, "lies")
        self._counts = {
            name: c_uint32.in_dll(library, name)
            for name in ("open_handles", "wrong_closes", "calls")
        }
        for count in self._counts.values():
            count.value = 0
        ctypes.memset(ctypes.byref(self._lies), 0, ctypes.sizeof(Lies))
        self.lie(next_error=NOTHING_NEW, used=TRUTH, null_from=NONE, most=NONE)

    def lie(self, *, xml: str | bytes | None = None, **lies: Any) -> None:
        """Set members of Lies, and the text of every event."""
        if xml is not None:
            units = (xml + "\0").encode("utf-16-le", "surrogatepass") if type(xml) is str else xml
            ctypes.memmove(self._lies.text, units, len(units))
            self._lies.length = len(units)
        for name, value in lies.items():
            setattr(self._lies, name, value)

    def __getattr__(self, name: str) -> int:
        return self._counts[name].value
