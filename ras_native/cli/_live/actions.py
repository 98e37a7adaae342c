"""What the keys h and r do: hang up, and record."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ... import Connection, Monitor, ProviderError, Ras, RasError
from .._text import printable

_HANG_UP_SECONDS = 10.0


class Actions:
    """Hangs up and records. `tell` is called with a line for the log, from any thread.

    A recording needs a Monitor of its own, which begins with the connections of that moment.
    `new_monitor` makes a Monitor that records to a file. `recording` is the file of `--record`,
    whose recording lasts as long as the command.
    """

    def __init__(
        self,
        ras: Ras,
        new_monitor: Callable[[str], Monitor],
        tell: Callable[[str], object],
        *,
        recording: str | None = None,
    ) -> None:
        self._ras, self._new_monitor, self._tell = ras, new_monitor, tell
        self._monitor: Monitor | None = None
        self.recording = recording
        """The file that is recorded to, or None."""

    def hang_up(self, connection: Connection) -> threading.Thread:
        """Hang up a connection, in a thread that is returned."""
        thread = threading.Thread(
            target=self._hang_up, args=(connection,), name="hang up", daemon=True
        )
        thread.start()
        return thread

    def _hang_up(self, connection: Connection) -> None:
        name = printable(connection.entry_name)
        self._tell(f"{name}: hanging up")
        try:
            seconds = self._ras.hang_up(connection, timeout=_HANG_UP_SECONDS)
        except (RasError, ProviderError, TimeoutError, ValueError) as error:
            self._tell(f"{name}: cannot hang up: {error}")
        else:
            self._tell(f"{name}: hung up in {seconds:.2f} s")

    @property
    def can_end(self) -> bool:
        """Whether a key began the recording, so that a key can end it."""
        return self._monitor is not None

    def record(self, path: str) -> None:
        """Begin to record to a file."""
        try:
            self._monitor = self._new_monitor(path)
            self._monitor.__enter__()
        except (OSError, ValueError, RasError) as error:
            self._monitor = None
            self._tell(f"cannot record to {path}: {error}")
        else:
            self.recording = path
            self._tell(f"recording to {path}: 'ras-native replay' shows it again")

    def check(self) -> None:
        """Report a recording that failed."""
        if self._monitor is not None and self._monitor.recording_error is not None:
            self._tell(f"the recording ended: {self._monitor.recording_error}")
            self.close()

    def close(self) -> None:
        """End the recording that a key began, in a thread because RAS may be slow."""
        monitor, path = self._monitor, self.recording
        if monitor is not None:
            self._monitor = self.recording = None
            self._tell(f"recorded to {path}")
            monitor.close()
