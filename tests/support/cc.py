"""Compile the C files of the tests and benchmarks."""

from __future__ import annotations

import subprocess
from pathlib import Path

SUPPORT = Path(__file__).parent
CSRC = Path(__file__).parents[2] / "csrc"
INCLUDES = [f"-I{CSRC / name}" for name in ("abi", "shim", "sim")]
_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


def compiled(source: Path, folder: Path, *more: Path | str) -> Path:
    """Build a library from these files, in `folder`; `more` may have options of the compiler."""
    library = folder / f"{source.stem}.so"
    command = ["cc", *_FLAGS, *INCLUDES, str(source), *map(str, more), "-o", str(library)]
    subprocess.run(command, check=True, timeout=120)
    return library
