"""A provider watched, and providers that answer otherwise than the simulator does.

A function of an opened provider is replaced by a Python one where its backend keeps it: in the
ctypes provider's attribute, in the native one's table of pointers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import POINTER, c_uint32, c_void_p, cast
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import _cffi_backend

from ras_native import Ras

ENUM, STATUS, HANG_UP = "RasEnumConnectionsW", "RasGetConnectStatusW", "RasHangUpW"

NEVER_VALID = 0x7FFFFFF0
"""A handle that the simulator has not given, whatever was before."""

STRANGER = _cffi_backend.__file__
"""A library that has no function of RAS."""

# 32-bit Windows calls the functions of a DLL otherwise than elsewhere.
_FUNCTION = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)
_LIBRARY = getattr(ctypes, "WinDLL", ctypes.CDLL)


class _Place(NamedTuple):
    prototype: Any
    attribute: str  # of the ctypes provider
    index: int  # in the native provider's table; before the functions stands the library


_PLACES = {
    ENUM: _Place(_FUNCTION(c_uint32, c_void_p, c_void_p, c_void_p), "enum_connections", 1),
    STATUS: _Place(_FUNCTION(c_uint32, c_void_p, c_void_p), "_get_connect_status", 2),
    HANG_UP: _Place(_FUNCTION(c_uint32, c_void_p), "hang_up", 3),
}
_in_use: WeakKeyDictionary[Ras, list[Any]] = WeakKeyDictionary()  # what C may call must live on


def exported(ras: Ras, name: str) -> Any:
    """The function of that name in the provider's library."""
    return _PLACES[name].prototype((name, _LIBRARY(ras.provider)))


def _native_table(ras: Ras) -> Any:
    from ras_native._native import ffi

    table = cast(int(ffi.cast("uintptr_t", ras._provider._pointer)), POINTER(c_void_p))
    for name, place in _PLACES.items():
        functions = [exported(ras, name), *_in_use.get(ras, ())]
        known = [cast(function, c_void_p).value for function in functions]
        assert table[place.index] in known, "rn_provider begins otherwise now: see rn_provider.h"
    return table


def replace(ras: Ras, name: str, answer: Callable[..., int]) -> None:
    """From now on let `answer` be this provider's `name`. Its pointers are addresses."""
    function = answer if hasattr(answer, "argtypes") else _PLACES[name].prototype(answer)
    _in_use.setdefault(ras, []).append(function)
    if ras.backend == "ctypes":
        setattr(ras._provider, _PLACES[name].attribute, function)
    else:
        _native_table(ras)[_PLACES[name].index] = cast(function, c_void_p)


def restore(ras: Ras, name: str) -> None:
    """Give the provider its own function back."""
    replace(ras, name, exported(ras, name))


@contextmanager
def without_optional_functions(ras: Ras) -> Iterator[None]:
    """Look up all that a provider may lack in a library that has none of it."""
    stranger = _LIBRARY(STRANGER)
    if ras.backend == "ctypes":
        own, ras._provider._library = ras._provider._library, stranger
        yield
        ras._provider._library = own
    else:
        table = _native_table(ras)
        own, table[0] = table[0], stranger._handle
        yield
        table[0] = own


class Enumeration(NamedTuple):
    """One call of RasEnumConnectionsW, as the provider saw it."""

    buffer: int | None
    dw_size: int
    offered: int  # lpcb as it came
    code: int
    needed: int  # lpcb as it went
    count: int


def watch_enumerations(
    ras: Ras, change: Callable[[Enumeration], Enumeration] = lambda call: call
) -> list[Enumeration]:
    """The calls from now on, in a list that grows; `change` may give them another answer."""
    calls: list[Enumeration] = []
    real = exported(ras, ENUM)

    def enumerate_(buffer: int | None, bytes_: int, count: int) -> int:
        needed, found = c_uint32.from_address(bytes_), c_uint32.from_address(count)
        offered = needed.value
        dw_size = c_uint32.from_address(buffer).value if buffer else 0
        code = real(buffer, bytes_, count)
        call = change(Enumeration(buffer, dw_size, offered, code, needed.value, found.value))
        calls.append(call)
        needed.value, found.value = call.needed, call.count
        return call.code

    replace(ras, ENUM, enumerate_)
    return calls


def show(ras: Ras, elements: Callable[[], list[Any]]) -> None:
    """Let the provider list exactly these RASCONNWs, of the newest version."""

    def enumerate_(buffer: int, bytes_: int, count: int) -> int:
        shown = b"".join(map(bytes, elements()))
        needed, found = c_uint32.from_address(bytes_), c_uint32.from_address(count)
        fits = len(shown) <= needed.value
        needed.value, found.value = len(shown), len(elements())
        if fits:
            ctypes.memmove(buffer, shown, len(shown))
        return 0 if fits else 603

    replace(ras, ENUM, enumerate_)


def units(text: bytes, count: int) -> Any:
    """An array of UTF-16 code units, all of them given: no NUL is added."""
    return (ctypes.c_uint16 * count).from_buffer_copy(text)
