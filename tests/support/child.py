"""Python processes of a test's own: for what happens at their start, at their end, by Ctrl-C."""

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
    """What a script prints, standard error included.

    `environment` is changed by these variables, None removes one; packages in the folder `path`
    come before any other of their name. The process runs no .pth file: that of an editable
    installation would find the rest of such a package in the checkout.
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
