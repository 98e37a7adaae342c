"""What the keys h and r do: hang up, and record."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import UUID

from ... import Connection, Monitor, ProviderError, Ras, RasError
from .._text import printable

_HANG_UP_SECONDS = 10.0


def _identity(connection: Connection) -> tuple[int, UUID | None, str]:
    """Identify a connection, because Windows may use its handle again."""
    return connection.handle, connection.correlation_id, connection.entry_name


class Actions:
    """Hangs up and records. `tell` is called with a line for the log, from any thread.

    A recording needs a Monitor of its own, which begins with the connections of that moment.
    `new_monitor` makes a Monitor that records to a file. `recording` is the file of `--record`,
    which the Monitor `recorded_by` writes as long as the command runs.
    """

    def __init__(
        self,
        ras: Ras,
        new_monitor: Callable[[str], Monitor],
        tell: Callable[[str], object],
        *,
        recording: str | None = None,
        recorded_by: Monitor | None = None,
    ) -> None:
        self._ras, self._new_monitor, self._tell = ras, new_monitor, tell
        self._monitor: Monitor | None = None
        self._recorded_by = recorded_by
        self.recording = recording
        """The file that is recorded to, or None."""

    def hang_up(self, connection: Connection) -> threading.Thread:
        """Hang up a connection, in a thread that is returned, unless it has ended meanwhile."""
        thread = threading.Thread(
            target=self._hang_up, args=(connection,), name="hang up", daemon=True
        )
        thread.start()
        return thread

    def _hang_up(self, connection: Connection) -> None:
        name = printable(connection.entry_name)
        self._tell(f"{name}: hanging up")
        try:
            if _identity(connection) not in map(_identity, self._ras.enum_connections()):
                self._tell(f"{name}: it has ended already")
                return
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
        monitor = self._monitor or self._recorded_by
        if self.recording and monitor is not None and monitor.recording_error is not None:
            if monitor is self._monitor:  # the command itself tells it of --record
                self._tell(f"the recording ended: {monitor.recording_error}")
                self.close()
            self.recording = None

    def close(self) -> None:
        """End the recording that a key began. If RAS does not answer, it takes about a second."""
        monitor, path = self._monitor, self.recording
        if monitor is not None:
            self._monitor = self.recording = None
            self._tell(f"recorded to {path}")
            monitor.close()
