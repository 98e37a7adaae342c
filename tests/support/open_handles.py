"""How many handles or descriptors this process has open."""

from __future__ import annotations

import ctypes
import gc
import os
import sys


def count() -> int:
    """After garbage was collected: what is held, not what waits to be let go."""
    gc.collect()
    if sys.platform != "win32":
        return len(os.listdir("/dev/fd"))
    kernel32 = ctypes.WinDLL("kernel32.dll")
    kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    found = ctypes.c_uint32()
    process = ctypes.c_void_p(kernel32.GetCurrentProcess())
    assert kernel32.GetProcessHandleCount(process, ctypes.byref(found))
    return found.value
