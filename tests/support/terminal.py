"""Run the command in a pseudo-terminal, of which this process holds the other end."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from typing import Any

from command import HOME

PATIENCE = 30.0  # seconds; a test that passes never waits this long

# A terminal sends signals only to the session that it controls.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, '-m', 'ras_native', *sys.argv[1:]])"
)


class Terminal:
    """A terminal in which `ras-native` runs; a context manager."""

    def __init__(
        self, *arguments: str, width: int = 80, height: int = 24, **variables: str
    ) -> None:
        self.near, self.far = pty.openpty()
        self.resize(width, height)
        self.modes = termios.tcgetattr(self.far)
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment |= {"TERM": "xterm-256color", "LANG": "en_US.UTF-8", **variables}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *arguments],
            cwd=HOME,
            env=environment,
            stdin=self.far,
            stdout=self.far,
            stderr=self.far,
        )
        self.output = b""

    def resize(self, width: int, height: int) -> None:
        size = struct.pack("HHHH", height, width, 0, 0)
        fcntl.ioctl(self.near, termios.TIOCSWINSZ, size)

    def type(self, keys: str) -> None:
        os.write(self.near, keys.encode())

    def until(self, text: str) -> str:
        """Return the output up to this text, which was not returned before."""
        wanted, deadline = text.encode(), time.monotonic() + PATIENCE
        while wanted not in self.output:
            left = deadline - time.monotonic()
            readable, _, _ = select.select([self.near], [], [], max(0.0, left))
            assert readable, f"{text!r} never came, but {self.output!r}"
            self.output += os.read(self.near, 65536)
        head, _, self.output = self.output.partition(wanted)
        return (head + wanted).decode()

    def is_as_it_was(self) -> bool:
        """Whether the terminal has the modes that it had before the command."""
        return termios.tcgetattr(self.far) == self.modes

    def end(self) -> int:
        """Read the rest of the output, and return the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            if select.select([self.near], [], [], 0.05)[0]:
                self.output += os.read(self.near, 65536)
        while select.select([self.near], [], [], 0)[0]:
            self.output += os.read(self.near, 65536)
        return self.process.wait(0)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.near)
        os.close(self.far)
