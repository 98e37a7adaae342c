"""Calls the functions of a rasapi32 through ctypes, and records each answer."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import byref, c_uint16, c_uint32, c_void_p, sizeof
from typing import Any, NamedTuple

from .._backend import codes
from .._backend.ctypes_os import open_library
from .._backend.layout import (
    RAS_PROJECTION_INFO,
    RASCONNSTATUSW,
    RASCONNW,
    RASCONNW_VERSIONS,
    RASIKEV2_PROJECTION_INFO,
    PROJECTION_INFO_TYPE_IKEv2,
)
from .._check import EVERY_CONNECTION
from .._errors import not_loaded
from .._event import new_backend_event
from .._explain import error_name

UNTOUCHED = 0xDEADBEEF  # the value of outputs before a call
NO_HANDLE = 0x7FFF_FFF0  # no connection has this handle in practice
CANARY = 0xA5
CAPACITY = 256  # the number of structures that fit into an enumeration's buffer
ALL_FLAGS = 0x3F  # the documented flags, without RASCN_EPDGPacketArrival
WRONG_SIZE = (codes.ERROR_INVALID_SIZE, codes.ERROR_BUFFER_INVALID)


class Answer(NamedTuple):
    """One call and its answer, or something that was counted or measured."""

    call: str
    code: int | None
    """The value that the call returned; None if it did not return, or if this is no call."""
    outputs: dict[str, int | str]
    fault: str = ""
    """Why there is no answer."""

    def __str__(self) -> str:
        outputs = [f"{name} {value}" for name, value in self.outputs.items()]
        if self.code is None:
            return f"{self.call} -> {self.fault or ', '.join(outputs)}"
        name = f" {error_name(self.code)}" if self.code else ""
        return ", ".join((f"{self.call} -> {self.code}{name}", *outputs))

    def number(self, output: str) -> int:
        """Return an output; -1 if the call did not write it."""
        value = self.outputs.get(output)
        return value if isinstance(value, int) else -1


def load(path: str | None) -> ctypes.CDLL:
    """Load the library at `path`; None is System32's rasapi32. Raises ProviderError."""
    absolute = None if path is None else os.path.abspath(path)
    _, os_error, reason, library = open_library(absolute)
    if library is None:
        raise not_loaded(path, os_error, reason)
    return library


def outputs_of(**values: c_uint32) -> dict[str, int | str]:
    """Return outputs by name; those that the call did not write are "untouched"."""
    return {
        name: "untouched" if value.value == UNTOUCHED else value.value
        for name, value in values.items()
    }


class Raw:
    """Calls functions of a library with rasapi32's ABI; records the answers and the problems."""

    def __init__(
        self,
        library: ctypes.CDLL,
        path: str | None = None,
        *,
        beyond_loopback: bool = False,
        watch_end: float | None = None,
    ) -> None:
        self._library = library
        self.path = path
        self.beyond_loopback = beyond_loopback
        self.watch_end = watch_end
        """For how many seconds to wait until a connection ends; None: not at all."""
        self.answers: list[Answer] = []
        self.problems: list[str] = []

    def call(
        self,
        label: str,
        function: str,
        *arguments: Any,
        outputs: Callable[[], dict[str, int | str]] = dict,
    ) -> Answer:
        """Call a function that returns a DWORD; `outputs` reads the values that it wrote."""
        if not hasattr(self._library, function):
            answer = Answer(label, None, {}, "not exported")
        else:
            entry = self.function(function)
            answer = _guarded(label, lambda: entry(*arguments), outputs)
        self.answers.append(answer)
        return answer

    def function(self, name: str) -> Any:
        """Return a function of the library that returns a DWORD."""
        entry = self._library[name]
        entry.restype = c_uint32
        return entry

    def expect(self, condition: bool, problem: str) -> None:
        """Record a problem unless `condition` is true."""
        if not condition:
            self.problems.append(problem)

    def expect_code(self, answer: Answer, *codes: int) -> None:
        """Record a problem unless the answer's code is one of `codes`."""
        wanted = " or ".join(str(code) for code in codes)
        self.expect(answer.code in codes, f"{answer}; the code must be {wanted}")

    # The functions

    def accepted_size(self) -> int:
        """Return the size of the newest RASCONN that this system accepts; record no answer.

        Every system accepts the oldest one.
        """
        asked = Raw(self._library)
        for _, size in RASCONNW_VERSIONS:
            if asked.enumerate(size)[0].code not in WRONG_SIZE:
                return size
        return RASCONNW_VERSIONS[-1][1]

    def enumerate(
        self, size: int | None, capacity: int | None = None, *, ansi: bool = False
    ) -> tuple[Answer, bytearray]:
        """Call RasEnumConnections with a buffer of `capacity` bytes and this dwSize.

        If `size` is None, there is no buffer. All bytes beyond `capacity` are CANARY.
        """
        function = f"RasEnumConnections{'A' if ansi else 'W'}"
        size_in_bytes = CAPACITY * sizeof(RASCONNW)
        capacity = (0 if size is None else size_in_bytes) if capacity is None else capacity
        buffer = bytearray([CANARY]) * (size_in_bytes + 16)
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
        """Call RasGetConnectStatusW."""
        status = RASCONNSTATUSW(dwSize=size)
        return self.call(
            f"RasGetConnectStatusW({label or handle_text(handle)}, dwSize {size})",
            "RasGetConnectStatusW",
            c_void_p(handle),
            byref(status),
        )

    def projection(
        self, handle: int, version: int | None, capacity: int = 0, label: str = ""
    ) -> Answer:
        """Call RasGetProjectionInfoEx with a buffer of `capacity` bytes; None: without a buffer.

        There is more memory than the call is told.
        """
        memory, size = (RAS_PROJECTION_INFO * 64)(), c_uint32(capacity)
        memory[0].version = version or 0

        def outputs() -> dict[str, int | str]:
            found = outputs_of(bytes=size)
            if memory[0].type == PROJECTION_INFO_TYPE_IKEv2:
                raw = RASIKEV2_PROJECTION_INFO.from_buffer(memory, RAS_PROJECTION_INFO.ppp.offset)
                found["ipv4_list_at"] = _place(raw.ipv4ServerAddresses, memory)
                found["ipv6_list_at"] = _place(raw.ipv6ServerAddresses, memory)
            return {**found, "type": memory[0].type}

        how = "no buffer" if version is None else f"version {version}, {capacity} bytes"
        return self.call(
            f"RasGetProjectionInfoEx({label or handle_text(handle)}, {how})",
            "RasGetProjectionInfoEx",
            c_void_p(handle),
            None if version is None else byref(memory),
            byref(size),
            outputs=outputs,
        )

    def hang_up(self, handle: int) -> Answer:
        """Call RasHangUpW with an invalid handle."""
        return self.call(f"RasHangUpW({handle_text(handle)})", "RasHangUpW", c_void_p(handle))

    def error_string(self, code: int, length: int) -> tuple[Answer, str]:
        """Call RasGetErrorStringW with a buffer of `length` characters."""
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
        """Call RasConnectionNotificationW or RasConnectionNotificationA."""
        function = f"RasConnectionNotification{'A' if ansi else 'W'}"
        return self.call(
            f"{function}({handle_text(handle)}, {'event' if event else 'NULL'}, {flags:#x})",
            function,
            c_void_p(handle),
            c_void_p(event),
            c_uint32(flags),
        )


def _place(pointer: int | None, memory: Any) -> int | str:
    """Return where a pointer points to: an offset into the memory, "nowhere" or "elsewhere"."""
    if not pointer:
        return "nowhere"
    offset = pointer - ctypes.addressof(memory)
    return offset if 0 <= offset < sizeof(memory) else "elsewhere"


def handle_text(handle: int) -> str:
    """Return a handle as Windows' headers write it."""
    return {0: "NULL", EVERY_CONNECTION: "INVALID_HANDLE_VALUE"}.get(handle, f"{handle:#x}")


def _guarded(
    label: str, call: Callable[[], int], outputs: Callable[[], dict[str, int | str]]
) -> Answer:
    """Call a function; on Windows, ctypes turns an access violation into an exception."""
    try:
        code = call()
    except OSError as error:
        return Answer(label, None, {}, str(error).removeprefix("exception: "))
    return Answer(label, code, outputs())


@contextmanager
def new_event_to_set() -> Iterator[Any]:
    """Yield an event to register, and close it at the end."""
    yield new_backend_event("ctypes")
