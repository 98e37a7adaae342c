"""The system that the tests run on."""

from __future__ import annotations

import ctypes
import sys


def under_wine() -> bool:
    """Whether this Windows is Wine."""
    return sys.platform == "win32" and hasattr(ctypes.windll.ntdll, "wine_get_version")
