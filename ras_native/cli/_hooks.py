"""Runs the commands of `--on EVENT COMMAND`, one after the other, in their own thread."""

from __future__ import annotations

import json
import math
import os
import queue
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, NamedTuple

from .. import ConnectionEvent, DialFailed, Explained, MonitorEvent
from ._common import quoted
from ._text import printable

COMMAND_SECONDS = 10.0
"""The time limit of one command. At the end, it limits all remaining commands together."""
MOST_WAITING = 100
"""The size of the queue of commands. If it is full, further commands are not run."""
_KILL_SECONDS = 1.0  # how long to wait for the end of a killed command
_TOO_LATE = "it did not end in time"
_LONGEST_REASON = 200  # bytes of a command's standard error in a message


class Hook(NamedTuple):
    """A command line, and the kind of event that starts it."""

    kind: str
    line: str

    @property
    def arguments(self) -> str | list[str]:
        """The words of the line, split as a shell does. Windows' programs split it themselves."""
        return self.line if sys.platform == "win32" else shlex.split(self.line)

    def problem(self) -> str:
        """Return what is wrong with the line; "" if nothing is."""
        try:
            return "" if self.line.strip() and self.arguments else "there is no command"
        except ValueError as error:  # a quotation that does not end
            return str(error).lower()


def facts(event: MonitorEvent) -> dict[str, str]:
    """Return the environment variables that describe an event to a command.

    Each value that is not a list or a dict is a variable: RAS_EVENT, RAS_ENTRY, RAS_TIME and so
    on. An event of a connection also gives RAS_HANDLE. RAS_REASON is the code of a reason.
    """
    values = event.to_dict()
    if isinstance(event, (Explained, DialFailed)) and event.reason is not None:
        values["reason"] = event.reason.code
    if isinstance(event, ConnectionEvent):
        values["handle"] = event.connection.to_dict()["handle"]
    return {
        f"RAS_{name.upper()}": printable(str(value))
        for name, value in values.items()
        if value is not None and not isinstance(value, (dict, list))
    }


class Hooks:
    """Runs the commands for events; a context manager. It reports failures and goes on."""

    def __init__(self, hooks: Sequence[Hook], report: Callable[[str], object]) -> None:
        self._hooks, self._report = hooks, report
        self._waiting: queue.Queue[tuple[Hook, MonitorEvent] | None] = queue.Queue(MOST_WAITING)
        self._end = math.inf
        self._thread = threading.Thread(target=self._run_all, name="commands", daemon=True)

    def start(self, event: MonitorEvent, *, patience: float = 0.0) -> None:
        """Start the commands for an event; wait at most `patience` seconds if the queue is full."""
        for hook in self._hooks:
            if hook.kind != type(event).__name__:
                continue
            try:
                self._waiting.put((hook, event), block=patience > 0, timeout=patience or None)
            except queue.Full:
                self._report(_failure(hook, event, f"{MOST_WAITING} commands wait already"))

    def close(self) -> None:
        """Wait for the commands that were started, but give up after COMMAND_SECONDS."""
        self._end = time.monotonic() + COMMAND_SECONDS
        with suppress(queue.Full):
            self._waiting.put(None, timeout=COMMAND_SECONDS)
        self._thread.join(max(0.0, self._end - time.monotonic()) + _KILL_SECONDS)
        with suppress(queue.Empty):
            while (item := self._waiting.get_nowait()) is not None:
                self._report(_failure(*item, _TOO_LATE))

    def _run_all(self) -> None:
        while (item := self._waiting.get()) is not None:
            reason = _run(*item, seconds=min(COMMAND_SECONDS, self._end - time.monotonic()))
            if reason:
                self._report(_failure(*item, reason))

    def __enter__(self) -> Hooks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Do not wait for running commands, because Ctrl-C reaches them too."""


def _failure(hook: Hook, event: MonitorEvent, reason: str) -> str:
    kind = type(event).__name__
    return f"{quoted(hook.line)} for {kind} {event.sequence} failed: {printable(reason)}"


def _run(hook: Hook, event: MonitorEvent, *, seconds: float) -> str:
    """Run one command, and return why it failed; "" if it succeeded."""
    document = json.dumps(event.to_dict()) + "\n"
    with tempfile.TemporaryFile() as errors:
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command, without a shell
                hook.arguments,
                env={**os.environ, **facts(event)},
                input=document.encode("ascii"),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                timeout=max(0.0, seconds),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return _TOO_LATE
        except (OSError, ValueError) as error:
            return str(error)
        return f"exit code {done.returncode}{_last_line(errors)}" if done.returncode else ""


def _last_line(errors: IO[bytes]) -> str:
    """Return a colon and the end of the last line on standard error; "" if it is empty."""
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - _LONGEST_REASON))
    lines = errors.read().decode(errors="replace").split("\n")
    words = [line.strip() for line in lines if line.strip()]
    return f": {words[-1]}" if words else ""
