"""The system below the ctypes backend's RAS half: libraries and events (csrc/shim/os_*.c)."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import time

from .layout import RN_E_AGAIN, RN_E_CANCELLED, RN_E_LOAD, RN_E_OS

_LONGEST_MS = 60_000


def _rounded_ms(ns: int) -> int:
    """Rounded up, so that a short wait is not a busy loop."""
    return min(-(-ns // 1_000_000), _LONGEST_MS)


def system_number(error: OSError) -> int:
    """What errno or GetLastError gave."""
    if sys.platform == "win32":
        return error.winerror or 0
    return error.errno or 0


if sys.platform == "win32":
    _SEARCH_SYSTEM32 = 0x800
    _SEARCH_DLL_LOAD_DIR = 0x100
    _WAIT_TIMEOUT = 258
    _MOD_NOT_FOUND = 126  # which ctypes alone raises without its number

    _kernel32 = ctypes.WinDLL("kernel32.dll", use_last_error=True, winmode=_SEARCH_SYSTEM32)
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

    def open_library(path: str | None) -> tuple[int, int, ctypes.CDLL | None]:
        """Code, the system's error, and the library; None is System32's rasapi32."""
        name, mode = (
            ("rasapi32.dll", _SEARCH_SYSTEM32)
            if path is None
            else (path, _SEARCH_SYSTEM32 | _SEARCH_DLL_LOAD_DIR)
        )
        try:
            return 0, 0, ctypes.WinDLL(name, winmode=mode)
        except OSError as error:
            return RN_E_LOAD, error.winerror or _MOD_NOT_FOUND, None

    class CtypesEvent:
        """A manual-reset event; it ends with its last reference, a call's included."""

        def __init__(self) -> None:
            self.handle: int = _kernel32.CreateEventW(None, True, False, None) or 0
            if not self.handle:
                raise ctypes.WinError(ctypes.get_last_error())
            self.for_provider = self.handle

        def __del__(self) -> None:
            if self.handle:
                _kernel32.CloseHandle(self.handle)

        def set(self) -> int:
            """0, or RN_E_OS."""
            return 0 if _kernel32.SetEvent(self.handle) else RN_E_OS

        def reset(self) -> int:
            """0, or RN_E_OS."""
            return 0 if _kernel32.ResetEvent(self.handle) else RN_E_OS

        def wait(self, cancel: CtypesEvent | None, slice_ns: int) -> int:
            """0 when set, RN_E_CANCELLED, or RN_E_AGAIN."""
            return wait_events(self, cancel, slice_ns)

    def wait_events(event: CtypesEvent | None, cancel: CtypesEvent | None, ns: int) -> int:
        """Wait for either, both of which may be None."""
        events = [waited for waited in (event, cancel) if waited is not None]
        if not events:
            time.sleep(_rounded_ms(ns) / 1000)
            return RN_E_AGAIN
        handles = (ctypes.c_void_p * len(events))(*(waited.handle for waited in events))
        answer = _kernel32.WaitForMultipleObjects(len(events), handles, False, _rounded_ms(ns))
        if answer == _WAIT_TIMEOUT:
            return RN_E_AGAIN
        if answer >= len(events):
            return RN_E_OS
        return 0 if events[answer] is event else RN_E_CANCELLED

else:
    import select

    def open_library(path: str | None) -> tuple[int, int, ctypes.CDLL | None]:
        """Code, the system's error, and the library."""
        try:
            return 0, 0, ctypes.CDLL(path) if path is not None else _no_rasapi32()
        except OSError as error:
            return RN_E_LOAD, error.errno or errno.ENOEXEC, None  # dlopen gives no number

    def _no_rasapi32() -> ctypes.CDLL:
        raise FileNotFoundError("RAS exists only on Windows")

    class CtypesEvent:
        """A pipe that stands for a manual-reset event: readable while set."""

        def __init__(self) -> None:
            self.handle, self.for_provider = os.pipe()
            os.set_blocking(self.handle, False)
            os.set_blocking(self.for_provider, False)

        def __del__(self) -> None:
            if hasattr(self, "for_provider"):
                os.close(self.handle)
                os.close(self.for_provider)

        def set(self) -> int:
            """0, or RN_E_OS."""
            try:
                os.write(self.for_provider, (1).to_bytes(8, sys.byteorder))
            except BlockingIOError:
                pass  # a full pipe is a set event
            except OSError:
                return RN_E_OS
            return 0

        def reset(self) -> int:
            """0: read what stands in the pipe, which holds a bounded amount."""
            for _ in range(256):
                try:
                    if len(os.read(self.handle, 512)) < 512:
                        break
                except BlockingIOError:
                    break
                except OSError:
                    return RN_E_OS
            return 0

        def wait(self, cancel: CtypesEvent | None, slice_ns: int) -> int:
            """0 when set, RN_E_CANCELLED, or RN_E_AGAIN."""
            return wait_events(self, cancel, slice_ns)

    def wait_events(event: CtypesEvent | None, cancel: CtypesEvent | None, ns: int) -> int:
        """Wait for either, both of which may be None."""
        poller = select.poll()
        for waited in (event, cancel):
            if waited is not None:
                poller.register(waited.handle, select.POLLIN)
        ready = dict(poller.poll(_rounded_ms(ns)))
        if event is not None and ready.get(event.handle, 0) & select.POLLIN:
            return 0
        if cancel is not None and ready.get(cancel.handle, 0) & select.POLLIN:
            return RN_E_CANCELLED
        return RN_E_OS if ready else RN_E_AGAIN


def new_event() -> tuple[int, int, CtypesEvent | None]:
    """Code, the system's error, and the event."""
    try:
        return 0, 0, CtypesEvent()
    except OSError as error:
        return RN_E_OS, system_number(error), None
