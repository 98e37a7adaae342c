"""System functions for the RAS calls of the ctypes backend (csrc/shim/os_*.c in Python)."""

from __future__ import annotations

import ctypes
import errno
import sys
import time

from .codes import ERROR_MOD_NOT_FOUND, WSA_WAIT_TIMEOUT
from .layout import RN_E_AGAIN, RN_E_CANCELLED, RN_E_LOAD, RN_E_OS

SEARCH_SYSTEM32 = 0x800
"""LOAD_LIBRARY_SEARCH_SYSTEM32: the `winmode` that loads Windows' own library of a name."""

_LONGEST_MS = 60_000


def _rounded_ms(ns: int) -> int:
    """Round up, so that a short wait is not a busy loop."""
    return min(-(-ns // 1_000_000), _LONGEST_MS)


def _os_code(number: int) -> int:
    """Return the RN_E_OS code for an error number of the system."""
    return RN_E_OS + (number & 0xFFFF)


def system_number(error: OSError) -> int:
    """Return the number that GetLastError or errno gave."""
    if sys.platform == "win32":
        return error.winerror or 0
    return error.errno or 0


if sys.platform == "win32":
    _SEARCH_DLL_LOAD_DIR = 0x100

    _kernel32 = ctypes.WinDLL("kernel32.dll", use_last_error=True, winmode=SEARCH_SYSTEM32)
    _kernel32.CreateEventW.restype = ctypes.c_void_p
    _kernel32.CreateEventW.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
    for _name in ("CloseHandle", "SetEvent", "ResetEvent"):
        getattr(_kernel32, _name).argtypes = (ctypes.c_void_p,)
    _kernel32.WaitForMultipleObjects.restype = ctypes.c_uint32
    _kernel32.WaitForMultipleObjects.argtypes = (
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_uint32,
    )

    def open_library(
        path: str | None, windows_name: str = "rasapi32.dll", *, keep_error: bool = False
    ) -> tuple[int, int, str, ctypes.CDLL | None]:
        """Return a code, the system's error number and text, and the library.

        `path` None is the library of that name in System32. With `keep_error`, `call_error`
        returns the error of the last call. The text is empty, because Windows has one for each
        number.
        """
        name, mode = (
            (windows_name, SEARCH_SYSTEM32)
            if path is None
            else (path, SEARCH_SYSTEM32 | _SEARCH_DLL_LOAD_DIR)
        )
        try:
            return 0, 0, "", ctypes.WinDLL(name, use_last_error=keep_error, winmode=mode)
        except OSError as error:
            return RN_E_LOAD, error.winerror or ERROR_MOD_NOT_FOUND, "", None  # ctypes omits it

    def call_error() -> int:
        """Return the error of the last call of a library that keeps it, and forget it."""
        return ctypes.set_last_error(0)

    def _last_error() -> int:
        return _os_code(ctypes.get_last_error())

    class CtypesEvent:
        """A manual-reset event. It lives until its last reference ends; calls hold one."""

        def __init__(self) -> None:
            self.handle: int = _kernel32.CreateEventW(None, True, False, None) or 0
            if not self.handle:
                raise ctypes.WinError(ctypes.get_last_error())
            self.for_provider = self.handle

        def __del__(self) -> None:
            if self.handle:
                _kernel32.CloseHandle(self.handle)

        def set(self) -> int:
            """Return 0, or RN_E_OS plus a number."""
            return 0 if _kernel32.SetEvent(self.handle) else _last_error()

        def reset(self) -> int:
            """Return 0, or RN_E_OS plus a number."""
            return 0 if _kernel32.ResetEvent(self.handle) else _last_error()

        def wait(self, cancel: CtypesEvent | None, slice_ns: int) -> int:
            """Return 0 if it is set, RN_E_CANCELLED, RN_E_AGAIN, or RN_E_OS plus a number."""
            return wait_events(self, cancel, slice_ns)

    def wait_events(event: CtypesEvent | None, cancel: CtypesEvent | None, ns: int) -> int:
        """Wait for either event; each may be None."""
        events = [waited for waited in (event, cancel) if waited is not None]
        if not events:
            time.sleep(_rounded_ms(ns) / 1000)
            return RN_E_AGAIN
        handles = (ctypes.c_void_p * len(events))(*(waited.handle for waited in events))
        answer = _kernel32.WaitForMultipleObjects(len(events), handles, False, _rounded_ms(ns))
        if answer == WSA_WAIT_TIMEOUT:
            return RN_E_AGAIN
        if answer >= len(events):
            return _last_error()
        return 0 if events[answer] is event else RN_E_CANCELLED

else:
    import select
    import socket

    _NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)  # macOS has SO_NOSIGPIPE
    _SO_NOSIGPIPE = 0x1022

    def open_library(
        path: str | None, windows_name: str = "rasapi32.dll", *, keep_error: bool = False
    ) -> tuple[int, int, str, ctypes.CDLL | None]:
        """Return a code, the system's error number and text, and the library.

        With `keep_error`, `call_error` returns the error of the last call.
        """
        if path is None:
            return RN_E_LOAD, errno.ENOEXEC, f"{windows_name} exists only on Windows", None
        try:
            return 0, 0, "", ctypes.CDLL(path, use_errno=keep_error)
        except OSError as error:  # dlopen gives a text, but no number
            return RN_E_LOAD, error.errno or errno.ENOEXEC, str(error), None

    def call_error() -> int:
        """Return the error of the last call of a library that keeps it, and forget it."""
        return ctypes.set_errno(0)

    def _is_full_or_empty(error: OSError) -> bool:
        return isinstance(error, BlockingIOError) or error.errno == errno.ENOBUFS

    class CtypesEvent:
        """A manual-reset event: a pair of connected sockets, readable while it is set.

        A pipe is no substitute: writing to it after its reader is closed raises SIGPIPE.
        """

        def __init__(self) -> None:
            self._reader, self._writer = socket.socketpair()
            for end in (self._reader, self._writer):
                end.setblocking(False)
                if sys.platform == "darwin":
                    end.setsockopt(socket.SOL_SOCKET, _SO_NOSIGPIPE, 1)
            self.handle = self._reader.fileno()
            self.for_provider = self._writer.fileno()

        def __del__(self) -> None:
            if hasattr(self, "_writer"):
                self._reader.close()
                self._writer.close()

        def set(self) -> int:
            """Return 0, or RN_E_OS plus a number."""
            try:
                self._writer.send(b"\1", _NO_SIGNAL)
            except OSError as error:
                return 0 if _is_full_or_empty(error) else _os_code(error.errno or 0)
            return 0

        def reset(self) -> int:
            """Return 0, or RN_E_OS plus a number. A socket holds a bounded amount."""
            try:
                for _ in range(256):
                    if len(self._reader.recv(512)) < 512:
                        break
            except OSError as error:
                return 0 if _is_full_or_empty(error) else _os_code(error.errno or 0)
            return 0

        def wait(self, cancel: CtypesEvent | None, slice_ns: int) -> int:
            """Return 0 if it is set, RN_E_CANCELLED, RN_E_AGAIN, or RN_E_OS plus a number."""
            return wait_events(self, cancel, slice_ns)

    def wait_events(event: CtypesEvent | None, cancel: CtypesEvent | None, ns: int) -> int:
        """Wait for either event; each may be None."""
        poller = select.poll()
        for waited in (event, cancel):
            if waited is not None:
                poller.register(waited.handle, select.POLLIN)
        ready = dict(poller.poll(_rounded_ms(ns)))
        if event is not None and ready.get(event.handle, 0) & select.POLLIN:
            return 0
        if cancel is not None and ready.get(cancel.handle, 0) & select.POLLIN:
            return RN_E_CANCELLED
        return _os_code(errno.EBADF) if ready else RN_E_AGAIN


def new_event() -> tuple[int, CtypesEvent | None]:
    """Return a code and the event."""
    try:
        return 0, CtypesEvent()
    except OSError as error:
        return _os_code(system_number(error)), None
