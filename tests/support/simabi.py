"""Call the functions that the simulator exports directly, with their buffers."""

from __future__ import annotations

import ctypes
import os
import select
import sys
from ctypes import byref, c_uint32, c_void_p, sizeof
from types import TracebackType
from typing import Any

from ras_native._backend import layout as _layout
from ras_native._backend.functions import FUNCTIONS
from ras_native._backend.layout import RASCONNSTATUSA, RASCONNSTATUSW, RASDIALPARAMSW
from ras_native.sim import Simulator

WINDOWS = sys.platform == "win32"
CALLBACK = ctypes.WINFUNCTYPE if WINDOWS else ctypes.CFUNCTYPE
EVERY_CONNECTION = c_void_p(-1).value
GUARD = b"\xa5" * 64
UTF16 = "utf-16-le" if sys.byteorder == "little" else "utf-16-be"

DIAL_FUNC = CALLBACK(None, c_uint32, c_uint32, c_uint32)
DIAL_FUNC1 = CALLBACK(None, c_void_p, c_uint32, c_uint32, c_uint32, c_uint32)
DIAL_FUNC2 = CALLBACK(
    c_uint32, ctypes.c_size_t, c_uint32, c_void_p, c_uint32, c_uint32, c_uint32, c_uint32
)


class Rasapi:
    """The functions by name, with the calling convention of the system."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.WinDLL(path) if WINDOWS else ctypes.CDLL(path)
        for name, (result, *arguments) in FUNCTIONS.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = arguments, result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)


class Guarded:
    """A buffer with a guard after it. It is filled, so that unwritten bytes are visible."""

    def __init__(self, size: int, *, dword: int = 0) -> None:
        self.size = size
        self.raw = (ctypes.c_uint8 * (size + len(GUARD))).from_buffer_copy(b"\xcc" * size + GUARD)
        if size >= 4:
            c_uint32.from_buffer(self.raw).value = dword

    def bytes(self) -> bytes:
        assert bytes(self.raw)[self.size :] == GUARD, "written past the end"
        return bytes(self.raw)[: self.size]

    def untouched_from(self, start: int) -> bool:
        return set(self.bytes()[start:]) <= {0xCC}


class Listing:
    """One call of an enumeration with a buffer of `size` bytes (None: no buffer)."""

    def __init__(self, function: Any, size: int | None, dword: int = 0, *before: Any) -> None:
        self.buffer = None if size is None else Guarded(max(size, 4), dword=dword)
        cb, count = c_uint32(size or 0), c_uint32(77)
        given = None if self.buffer is None else ctypes.addressof(self.buffer.raw)
        self.code = function(*before, given, byref(cb), byref(count))
        self.cb, self.count = cb.value, count.value

    def connections(self) -> list[_layout.RASCONNW]:
        """Return the connections that a successful call listed in the newest RASCONNW."""
        assert (self.code, self.buffer is None) == (0, False)
        assert self.buffer is not None
        raw = self.buffer.bytes()[: self.count * sizeof(_layout.RASCONNW)]
        return list((_layout.RASCONNW * self.count).from_buffer_copy(raw))


def versions(name: str) -> tuple[tuple[int, int], ...]:
    """Return pairs (WINVER, dwSize), newest first."""
    found: tuple[tuple[int, int], ...] = getattr(_layout, f"{name}_VERSIONS")
    return found


def text(array: Any) -> str:
    """Return a member's text: UTF-16, or Latin-1 for an A structure."""
    if isinstance(array, bytes):
        return array.decode("latin-1")
    return bytes(array).decode(UTF16, "surrogatepass").split("\0")[0]


def wide(value: str) -> Any:
    """Make a NUL-terminated UTF-16 string."""
    encoded = value.encode(UTF16) + b"\0\0"
    return (ctypes.c_uint16 * (len(encoded) // 2)).from_buffer_copy(encoded)


def handles(api: Rasapi) -> list[int]:
    """Return the handles that RasEnumConnectionsW lists, in its order."""
    stride = sizeof(_layout.RASCONNW)
    size = stride * (Listing(api.RasEnumConnectionsW, None).count or 1)
    listing = Listing(api.RasEnumConnectionsW, size, stride)
    return [connection.hrasconn or 0 for connection in listing.connections()]


def status(api: Rasapi, handle: int) -> tuple[int, RASCONNSTATUSW]:
    """Call RasGetConnectStatusW; return its code and the structure."""
    filled = RASCONNSTATUSW()
    filled.dwSize = sizeof(filled)
    return api.RasGetConnectStatusW(handle, byref(filled)), filled


def status_ansi(api: Rasapi, handle: int) -> tuple[int, RASCONNSTATUSA]:
    """Call RasGetConnectStatusA; return its code and the structure."""
    filled = RASCONNSTATUSA()
    filled.dwSize = sizeof(filled)
    return api.RasGetConnectStatusA(handle, byref(filled)), filled


def state(api: Rasapi, handle: int) -> int:
    """Return the state of a connection, which must exist."""
    code, filled = status(api, handle)
    assert code == 0
    return filled.rasconnstate


class SystemEvent:
    """An event object of the system, to register; `consume` returns whether it was set."""

    def __init__(self) -> None:
        if WINDOWS:
            self._kernel = ctypes.WinDLL("kernel32")
            self._kernel.CreateEventW.restype = c_void_p
            self.handle = self._kernel.CreateEventW(None, 0, 0, None)  # auto-reset
        else:
            self._reader, self.handle = os.pipe()
            os.set_blocking(self._reader, False)
            os.set_blocking(self.handle, False)

    def consume(self) -> bool:
        if WINDOWS:
            return bool(self._kernel.WaitForSingleObject(c_void_p(self.handle), 0) == 0)
        try:
            return bool(os.read(self._reader, 1 << 16))
        except BlockingIOError:
            return False

    def wait(self, seconds: float = 30.0) -> None:
        """Wait until it is set, and reset it."""
        if WINDOWS:
            milliseconds = int(seconds * 1000)
            assert self._kernel.WaitForSingleObject(c_void_p(self.handle), milliseconds) == 0
        else:
            assert select.select([self._reader], [], [], seconds)[0]
            os.read(self._reader, 1 << 16)

    def close_handle(self) -> None:
        """Close only the handle that was registered."""
        if WINDOWS:
            self._kernel.CloseHandle(c_void_p(self.handle))
        else:
            os.close(self.handle)
        self.handle = -1

    def __enter__(self) -> SystemEvent:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.handle != -1:
            self.close_handle()
        if not WINDOWS:
            os.close(self._reader)


def dial_params(entry_name: str, **members: Any) -> RASDIALPARAMSW:
    """Make RASDIALPARAMS of the newest version for an entry."""
    params = RASDIALPARAMSW()
    params.dwSize = sizeof(params)
    for index, unit in enumerate(wide(entry_name)):
        params.szEntryName[index] = unit
    for name, value in members.items():
        setattr(params, name, value)
    return params


def api_of(sim: Simulator) -> Rasapi:
    """Return the functions of the simulator's library."""
    return Rasapi(sim.path)
