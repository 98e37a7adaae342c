"""Watch the calls of a provider, and make it give other answers than the simulator.

A Python function replaces a function of an opened provider: as an attribute of the ctypes provider,
or in the table of pointers of the native one.
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
"""A handle that the simulator never gives."""

STRANGER = _cffi_backend.__file__
"""A library that has no function of RAS."""

# 32-bit Windows has another calling convention for the functions of a DLL.
_FUNCTION = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)
_LIBRARY = getattr(ctypes, "WinDLL", ctypes.CDLL)


class _Slot(NamedTuple):
    prototype: Any
    attribute: str  # the attribute of the ctypes provider
    index: int  # the index in the native provider's table, whose first pointer is the library


_SLOTS = {
    ENUM: _Slot(_FUNCTION(c_uint32, c_void_p, c_void_p, c_void_p), "enum_connections", 1),
    STATUS: _Slot(_FUNCTION(c_uint32, c_void_p, c_void_p), "_get_connect_status", 2),
    HANG_UP: _Slot(_FUNCTION(c_uint32, c_void_p), "hang_up", 3),
}
_in_use: WeakKeyDictionary[Ras, list[Any]] = WeakKeyDictionary()  # C may call them


def exported(ras: Ras, name: str) -> Any:
    """Return the function of that name in the provider's library."""
    return _SLOTS[name].prototype((name, _LIBRARY(ras.provider)))


def _native_table(ras: Ras) -> Any:
    from ras_native._native import ffi

    table = cast(int(ffi.cast("uintptr_t", ras._provider._pointer)), POINTER(c_void_p))
    for name, slot in _SLOTS.items():
        functions = [exported(ras, name), *_in_use.get(ras, ())]
        known = [cast(function, c_void_p).value for function in functions]
        assert table[slot.index] in known, "rn_provider has another layout now: see provider.h"
    return table


def replace(ras: Ras, name: str, answer: Callable[..., int]) -> None:
    """Replace this provider's function `name` by `answer`, which gets pointers as addresses."""
    function = answer if hasattr(answer, "argtypes") else _SLOTS[name].prototype(answer)
    _in_use.setdefault(ras, []).append(function)
    if ras.backend == "ctypes":
        setattr(ras._provider, _SLOTS[name].attribute, function)
    else:
        _native_table(ras)[_SLOTS[name].index] = cast(function, c_void_p)


def restore(ras: Ras, name: str) -> None:
    """Give the provider its own function back."""
    replace(ras, name, exported(ras, name))


@contextmanager
def without_optional_functions(ras: Ras) -> Iterator[None]:
    """Let the provider lack every optional function."""
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
    offered: int  # lpcb before the call
    code: int
    needed: int  # lpcb after the call
    count: int


def watch_enumerations(
    ras: Ras, change: Callable[[Enumeration], Enumeration] = lambda call: call
) -> list[Enumeration]:
    """Return a list to which each later call is added; `change` may give it another answer."""
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
    """Make an array of UTF-16 code units from all of `text`, without a NUL."""
    return (ctypes.c_uint16 * count).from_buffer_copy(text)
