"""Writes metrics into a file, for the textfile collectors of windows_exporter and node_exporter."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from prometheus_client import CollectorRegistry, generate_latest

from .. import _check

SUFFIX = ".prom"
_MOVES = 20  # attempts, in about a second
_PAUSE = 0.05  # seconds


def write_textfile(registry: CollectorRegistry, path: str | os.PathLike[str]) -> None:
    """Write the metrics of a registry into a file, for a textfile collector.

    The file is in UTF-8, and its lines end with LF. The new file is written beside the old file,
    and then replaces it. So a reader never sees a part of a file. On Windows, replacing fails while
    another program has the old file open. The function tries again for about one second.

    path: the file. Its name must end in ".prom": textfile collectors read no other files.

    Raises TypeError or ValueError for a bad path, OSError if the file cannot be written. After an
    error, the old file is unchanged.

    >>> import pathlib, tempfile
    >>> from prometheus_client import CollectorRegistry
    >>> from ras_native.exporter import RasCollector, write_textfile
    >>> registry = CollectorRegistry()
    >>> registry.register(RasCollector(entries=["Head office"]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "ras.prom")
    ...     write_textfile(registry, file)
    ...     "ras_up" in file.read_text(encoding="utf-8")
    True
    """
    target = checked_path(path)
    beside = f"{target}.tmp"  # one name: the next write replaces what a killed program left
    try:
        with open(beside, "wb") as file:
            file.write(generate_latest(registry))
        _move(beside, target)
    except BaseException:
        with suppress(OSError):
            os.remove(beside)
        raise


def checked_path(path: object) -> str:
    """Check the path of a textfile, and return it."""
    target = _check.path("path", path)
    if not target.endswith(SUFFIX):
        raise ValueError(
            f"path must end in {SUFFIX}, or no textfile collector reads it: {target!r}"
        )
    return target


def _move(source: str, target: str) -> None:
    for _ in range(_MOVES - 1):
        with suppress(PermissionError):  # on Windows, a program reads the old file
            os.replace(source, target)
            return
        time.sleep(_PAUSE)
    os.replace(source, target)
