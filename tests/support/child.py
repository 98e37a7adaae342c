"""Run Python in a new process, for tests of its start, its end and Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def run(
    script: str,
    *arguments: str,
    environment: dict[str, str | None] | None = None,
    path: Path | None = None,
    python: tuple[str, ...] = ("-W", "error"),
    status: int = 0,
) -> str:
    """Run a script; return what it prints, with standard error.

    `environment` sets variables, or removes one with None. Packages in the folder `path` come
    before others of the same name. The process reads no .pth file: that of an editable installation
    would find the rest of such a package in the checkout.
    """
    variables: dict[str, Any] = {**os.environ, "PYTHONIOENCODING": "utf-8", **(environment or {})}
    variables["PYTHONPATH"] = os.pathsep.join([*([str(path)] if path else []), *sys.path])
    process = subprocess.run(
        [sys.executable, "-S", *python, "-c", script, *arguments],
        env={name: value for name, value in variables.items() if value is not None},
        cwd=path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=50,
        check=False,
    )
    output = process.stdout.decode(errors="replace").replace("\r\n", "\n")
    assert process.returncode == status, output
    return output
