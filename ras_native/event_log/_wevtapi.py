"""Calls the functions of wevtapi.dll through ctypes. Both backends use this one."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_uint8, c_uint32, c_void_p
from typing import Any

from .._backend.codes import ERROR_INSUFFICIENT_BUFFER
from .._backend.ctypes_os import call_error, open_library
from .._backend.functions import EVT_FUNCTIONS, EVT_RENDER_EVENT_XML
from .._errors import CodeError, ProviderError, not_loaded
from .._records import UTF16
from ._xml import LONGEST_XML, UnreadableEventError

WINDOWS_NAME = "wevtapi.dll"

_FIRST_BYTES = 1 << 12
_MOST_BYTES = 2 * (LONGEST_XML + 1)
_MOST_ATTEMPTS = 4


class EventLogError(CodeError):
    """A function of the event log failed.

    - `code`: The Windows code; `winerror` is the same number.
    - `function`: The Windows name of the function.
    - `message`: The text of the code.

    >>> from ras_native.event_log import EventLog
    >>> sim.fail("EvtNext", 5, count=None)
    >>> with EventLog(sim) as log:
    ...     print(log.read().error.name)
    ERROR_ACCESS_DENIED
    """

    def __init__(self, code: int, function: str, message: str | None = None) -> None:
        super().__init__(code, function, message, 0)

    def __str__(self) -> str:
        return f"[event log {self.code} {self.name}] {self.function}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.function, self.message), self.__dict__


class Wevtapi:
    """The functions of one library. A handle is a number; whoever gets one must close it."""

    def __init__(self, path: str | None) -> None:
        """Load the library; None is System32's. ProviderError says why it cannot be used."""
        self.path = path or WINDOWS_NAME
        _, os_error, reason, library = open_library(path, WINDOWS_NAME, keep_error=True)
        if library is None:
            raise not_loaded(self.path, os_error, reason)
        self._functions = {name: self._find(library, name) for name in EVT_FUNCTIONS}
        self._buffer = (c_uint8 * _FIRST_BYTES)()

    def _find(self, library: ctypes.CDLL, name: str) -> Any:
        try:
            function = library[name]
        except AttributeError:
            raise ProviderError(self.path, f"it has no {name}", function=name) from None
        function.restype, *function.argtypes = EVT_FUNCTIONS[name]
        return function

    def _call(self, name: str, *arguments: Any) -> tuple[int, int]:
        """Return the function's answer, and the error that it set."""
        call_error()
        answer = self._functions[name](*arguments) or 0
        return answer, call_error()

    def subscribe(self, event: int, query: str, bookmark: int, flags: int) -> int:
        """Call EvtSubscribe: `event` is set when there are new events. Return its handle."""
        answer, error = self._call(
            "EvtSubscribe", None, event, None, _units(query), bookmark, None, None, flags
        )
        if answer:
            return answer
        if not error:
            raise ProviderError(
                self.path, "EvtSubscribe returned NULL and no error, as Wine's does: it has no log"
            )
        raise EventLogError(error, "EvtSubscribe")

    def next(self, subscription: int, most: int) -> list[int]:
        """Call EvtNext, which does not wait here. Return the handles of at most `most` events."""
        handles, count = (c_void_p * most)(), c_uint32()
        answer, error = self._call("EvtNext", subscription, most, handles, 0, 0, byref(count))
        if not answer:
            raise EventLogError(error, "EvtNext")
        # What is beyond the count is no handle of ours.
        written = [handle for handle in dict.fromkeys(handles[: count.value]) if handle]
        if count.value > most:
            for handle in written:
                self.close(handle)
            raise ProviderError(
                self.path, f"EvtNext returns {count.value} events in an array for {most}"
            )
        return written

    def render(self, event: int) -> str:
        """Call EvtRender; return the event's XML, or raise UnreadableEventError."""
        for _ in range(_MOST_ATTEMPTS):
            used, count, size = c_uint32(), c_uint32(), len(self._buffer)
            ctypes.memset(self._buffer, 0, size)
            answer, error = self._call(
                *("EvtRender", None, event, EVT_RENDER_EVENT_XML),
                *(size, self._buffer, byref(used), byref(count)),
            )
            if answer and used.value <= size:
                return _text(bytes(self._buffer)[: used.value])
            if answer or (error == ERROR_INSUFFICIENT_BUFFER and used.value <= size):
                raise UnreadableEventError(f"EvtRender reports {used.value} bytes, wrongly")
            if error != ERROR_INSUFFICIENT_BUFFER:
                raise UnreadableEventError(str(EventLogError(error, "EvtRender")))
            if used.value > _MOST_BYTES:
                raise UnreadableEventError(f"its XML has {used.value} bytes, which is too long")
            self._buffer = (c_uint8 * used.value)()
        raise UnreadableEventError(f"its XML did not fit into {_MOST_ATTEMPTS} growing buffers")

    def create_bookmark(self) -> int:
        """Call EvtCreateBookmark; return the handle of an empty bookmark, 0 if that fails."""
        return self._call("EvtCreateBookmark", None)[0]

    def update_bookmark(self, bookmark: int, event: int) -> bool:
        """Call EvtUpdateBookmark; return whether the bookmark is now at this event."""
        return bool(self._call("EvtUpdateBookmark", bookmark, event)[0])

    def close(self, handle: int) -> None:
        """Call EvtClose, which ends a subscription, too."""
        if handle:
            self._call("EvtClose", handle)


def _units(text: str) -> Any:
    """Return UTF-16 text with its NUL, in memory that lives as long as the object."""
    return ctypes.create_string_buffer(text.encode(UTF16) + b"\0")


def _text(units: bytes) -> str:
    return units[: len(units) & ~1].decode(UTF16, "replace").rstrip("\0")
