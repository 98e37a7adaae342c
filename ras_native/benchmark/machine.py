"""The system, the processor and the versions that figures belong to. It has no name of anybody."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from contextlib import suppress
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from .. import __version__


def describe() -> dict[str, str]:
    """Return the facts, each as a text."""
    return {
        "system": f"{platform.system()} {platform.release()} ({platform.version()})",
        "wine": wine_version(),
        "cpu": cpu_name(),
        "cpus": str(os.cpu_count() or "unknown"),
        "python": f"{platform.python_implementation()} {platform.python_version()}, "
        f"{8 * struct.calcsize('P')} bits",
        "ras_native": __version__,
        "cffi": _version("cffi"),
        "pywin32": _version("pywin32"),
        "uvloop": _version("uvloop"),
        "date": datetime.now(timezone.utc).date().isoformat(),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


if sys.platform == "win32":
    import winreg

    from .._backend.ctypes_os import SEARCH_SYSTEM32

    def wine_version() -> str:
        """Return the version of Wine, "none" on a real Windows."""
        ntdll = ctypes.WinDLL("ntdll.dll", winmode=SEARCH_SYSTEM32)
        if not hasattr(ntdll, "wine_get_version"):
            return "none"
        ntdll.wine_get_version.restype = ctypes.c_char_p
        version: bytes = ntdll.wine_get_version()
        return version.decode("ascii", "replace")

    def cpu_name() -> str:
        """Return the name that the maker gave the processor."""
        with suppress(OSError):
            path = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
                return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
        return platform.processor() or platform.machine()

else:

    def wine_version() -> str:
        """Return "none": Wine runs programs for Windows only."""
        return "none"

    def cpu_name() -> str:
        """Return the name that the maker gave the processor."""
        with suppress(OSError):
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        return platform.processor() or platform.machine()
