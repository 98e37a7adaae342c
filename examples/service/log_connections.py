"""Write what happens to RAS connections to files of JSON lines. It runs on every system.

The Windows service calls `run`. Without a service, this runs until Ctrl-C:
    python log_connections.py FOLDER [ENTRY]...
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

from ras_native import (
    Cancelled,
    Event,
    Monitor,
    MonitorEvent,
    ProviderFailed,
    ProviderRecovered,
    Ras,
    explain,
)

FILE_BYTES = 10_000_000
FILES = 8  # the newest files are kept
STOP_SECONDS = 15  # more than closing the Monitor and writing its last events take

Say = Callable[[str], object]


class Log:
    """Files of JSON lines. They are never renamed, because on Windows a reader can prevent that."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = self._open(self._files()[-1:])

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("events-*.jsonl"))

    def _open(self, candidates: Sequence[Path]) -> TextIO:
        """Open the last file again, or else a new one, and remove the oldest."""
        name = f"events-{datetime.now(timezone.utc):%Y%m%dT%H%M%S%f}.jsonl"
        usable = [path for path in candidates if path.stat().st_size < FILE_BYTES]
        current = (usable or [self._folder / name])[0]
        file = current.open("a", encoding="ascii")
        if current.read_bytes()[-1:] not in (b"", b"\n"):  # a crash left a part of a line
            file.write("\n")
        # The current file is kept even if the clock was set back, and so its name is not the last.
        for path in sorted(self._files(), key=lambda path: path == current)[:-FILES]:
            with suppress(PermissionError):  # somebody reads it; it is removed later
                path.unlink()
        return file

    def write(self, event: MonitorEvent) -> None:
        if self._file.tell() >= FILE_BYTES:
            self._file.close()
            self._file = self._open([])
        self._file.write(json.dumps(event.to_dict()) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def run(
    stop: Event,
    folder: Path,
    entries: Sequence[str] = (),
    *,
    ras: Ras | None = None,
    tell: Say = print,
    warn: Say = print,
) -> None:
    """Write events until `stop` is set. An administrator should read what `warn` gets."""
    with closing(Log(folder)) as log:
        with Monitor(ras, entries=entries or None) as monitor:
            tell(f"watching; the events are in {folder}")
            while _has_next(monitor, stop):
                _handle(monitor.get(timeout=0), log, tell, warn)
        for event in monitor:  # those that it still had when it was closed
            _handle(event, log, tell, warn)
    tell("stopped")


def _has_next(monitor: Monitor, stop: Event) -> bool:
    """Wait for the next event; return False if the service has to stop."""
    try:
        return not stop.is_set() and monitor.ready.wait(cancel=stop)
    except Cancelled:
        return False


def _handle(event: MonitorEvent, log: Log, tell: Say, warn: Say) -> None:
    log.write(event)
    if isinstance(event, ProviderFailed):
        reason = explain(event.code)
        warn(f"RAS cannot be asked: {reason}. What to do: {reason.advice or 'no advice is known'}")
    elif isinstance(event, ProviderRecovered):
        tell(f"RAS answers again after {event.down_for:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    with suppress(KeyboardInterrupt):  # WinSW stops it with Ctrl-C
        run(Event(), Path(sys.argv[1]), sys.argv[2:])
