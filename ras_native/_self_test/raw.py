"""Raw ctypes calls of a rasapi32, made and recorded one by one for the self-test."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import byref, c_uint16, c_uint32, c_void_p, sizeof
from typing import Any, NamedTuple

from .._backend.ctypes_os import open_library
from .._backend.layout import RASCONNSTATUSW, RASCONNW
from .._errors import code_name, not_loaded
from .._event import new_backend_event

UNTOUCHED = 0xDEADBEEF  # what outputs hold before a call
NO_HANDLE = 0x7FFF_FFF0  # as good as never a connection's
EVERY_CONNECTION = (1 << 8 * sizeof(c_void_p)) - 1
CANARY = 0xA5
ROOM = 256  # structures in the buffers of enumerations
ALL_FLAGS = 0x3F


class Answer(NamedTuple):
    """One raw call and what came of it."""

    call: str
    code: int | None
    """What it returned; None where it returned nothing: see `fault`."""
    outputs: dict[str, int | str]
    fault: str = ""

    def __str__(self) -> str:
        if self.code is None:
            return f"{self.call} -> {self.fault}"
        outputs = "".join(f", {name} {value}" for name, value in self.outputs.items())
        name = f" {code_name(self.code)}" if self.code else ""
        return f"{self.call} -> {self.code}{name}{outputs}"

    def number(self, output: str) -> int:
        """An output; -1 where the call left it untouched."""
        value = self.outputs.get(output)
        return value if isinstance(value, int) else -1


def load(path: str | None) -> ctypes.CDLL:
    """The library at `path`, None: System32's rasapi32. Raises ProviderError."""
    absolute = None if path is None else os.path.abspath(path)
    _, os_error, reason, library = open_library(absolute)
    if library is None:
        raise not_loaded(path, os_error, reason)
    return library


def outputs_of(**values: c_uint32) -> dict[str, int | str]:
    """Outputs by name; what a call left alone is told as such."""
    return {
        name: "untouched" if value.value == UNTOUCHED else value.value
        for name, value in values.items()
    }


class Raw:
    """The functions of a library with rasapi32's ABI, and a record of what they answered."""

    def __init__(
        self, library: ctypes.CDLL, path: str | None = None, *, beyond_loopback: bool = False
    ) -> None:
        self._library = library
        self.path = path
        self.beyond_loopback = beyond_loopback
        self.answers: list[Answer] = []
        self.problems: list[str] = []

    def call(
        self,
        label: str,
        function: str,
        *arguments: Any,
        outputs: Callable[[], dict[str, int | str]] = dict,
    ) -> Answer:
        """Call a function that answers a DWORD; `outputs` reads what it wrote."""
        if not hasattr(self._library, function):
            answer = Answer(label, None, {}, "not exported")
        else:
            entry = self._library[function]
            entry.restype = c_uint32
            answer = _guarded(label, lambda: entry(*arguments), outputs)
        self.answers.append(answer)
        return answer

    def expect(self, condition: bool, problem: str) -> None:
        """What has to hold."""
        if not condition:
            self.problems.append(problem)

    def expect_code(self, answer: Answer, *codes: int) -> None:
        """An answer that has to be one of these."""
        wanted = " or ".join(str(code) for code in codes)
        self.expect(answer.code in codes, f"{answer}; {wanted} is documented")

    # The functions

    def enumerate(
        self, size: int | None, capacity: int | None = None, *, ansi: bool = False
    ) -> tuple[Answer, bytearray]:
        """RasEnumConnections with a buffer of `capacity` bytes whose dwSize is `size`.

        None as `size`: no buffer. The bytes beyond `capacity` are the canary's.
        """
        function = f"RasEnumConnections{'A' if ansi else 'W'}"
        room = ROOM * sizeof(RASCONNW)
        capacity = (0 if size is None else room) if capacity is None else capacity
        buffer = bytearray([CANARY]) * (room + 16)
        if size is not None:
            buffer[:4] = size.to_bytes(4, sys.byteorder)
        bytes_, count = c_uint32(capacity), c_uint32(UNTOUCHED)
        answer = self.call(
            f"{function}({'NULL' if size is None else f'dwSize {size}'}, {capacity} bytes)",
            function,
            c_void_p() if size is None else (ctypes.c_uint8 * len(buffer)).from_buffer(buffer),
            byref(bytes_),
            byref(count),
            outputs=lambda: outputs_of(bytes=bytes_, count=count),
        )
        return answer, buffer

    def status(self, handle: int, size: int, label: str = "") -> Answer:
        """RasGetConnectStatusW."""
        status = RASCONNSTATUSW(dwSize=size)
        return self.call(
            f"RasGetConnectStatusW({label or handle_text(handle)}, dwSize {size})",
            "RasGetConnectStatusW",
            c_void_p(handle),
            byref(status),
        )

    def hang_up(self, handle: int) -> Answer:
        """RasHangUpW, of what is no connection."""
        return self.call(f"RasHangUpW({handle_text(handle)})", "RasHangUpW", c_void_p(handle))

    def error_string(self, code: int, length: int) -> tuple[Answer, str]:
        """RasGetErrorStringW into `length` characters."""
        text = (c_uint16 * 512)(*[0xFFFF] * 512)
        answer = self.call(
            f"RasGetErrorStringW({code}, {length} characters)",
            "RasGetErrorStringW",
            c_uint32(code),
            text,
            c_uint32(length),
        )
        units = list(text)
        end = units.index(0) if 0 in units else 0
        return answer, "".join(map(chr, units[:end]))

    def notify(self, handle: int, event: int, flags: int, *, ansi: bool = False) -> Answer:
        """RasConnectionNotification."""
        function = f"RasConnectionNotification{'A' if ansi else 'W'}"
        return self.call(
            f"{function}({handle_text(handle)}, {'event' if event else 'NULL'}, {flags:#x})",
            function,
            c_void_p(handle),
            c_void_p(event),
            c_uint32(flags),
        )


def handle_text(handle: int) -> str:
    """A handle as Windows' headers write it."""
    return {0: "NULL", EVERY_CONNECTION: "INVALID_HANDLE_VALUE"}.get(handle, f"{handle:#x}")


def _guarded(
    label: str, call: Callable[[], int], outputs: Callable[[], dict[str, int | str]]
) -> Answer:
    """On Windows ctypes makes an exception of an access violation."""
    try:
        code = call()
    except OSError as error:
        return Answer(label, None, {}, str(error).removeprefix("exception: "))
    return Answer(label, code, outputs())


@contextmanager
def new_event_to_set() -> Iterator[Any]:
    """An event to register; closed at the end."""
    yield new_backend_event("ctypes")
