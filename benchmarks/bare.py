"""The bare loops in C, compiled here and now."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


def compiled(name: str, folder: Path) -> ctypes.CDLL:
    """The library made of NAME.c, which lies beside this file."""
    library = folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run(["cc", *FLAGS, source, "-o", library], check=True)  # noqa: S607
    return ctypes.CDLL(str(library))
