"""Count the open handles or descriptors of this process."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import suppress
from stat import S_ISSOCK


def sockets() -> set[int]:
    """Return the descriptors of this process that are sockets; POSIX only."""
    found = set()
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):  # listdir's own descriptor is closed now
            if S_ISSOCK(os.fstat(int(name)).st_mode):
                found.add(int(name))
    return found


def count() -> int:
    """Collect garbage, then count."""
    gc.collect()
    if sys.platform != "win32":
        return len(os.listdir("/dev/fd"))
    kernel32 = ctypes.WinDLL("kernel32.dll")
    kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    found = ctypes.c_uint32()
    process = ctypes.c_void_p(kernel32.GetCurrentProcess())
    assert kernel32.GetProcessHandleCount(process, ctypes.byref(found))
    return found.value
