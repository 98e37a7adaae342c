"""Checks arguments: each function returns the checked value or raises an exception.

TypeError is for a value of the wrong type, ValueError for one that is out of range. The message
begins with the argument's name. Callers check before they change anything.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Iterable

DWORD_MAX = 0xFFFFFFFF
QWORD_MAX = 2**64 - 1
LONGEST_SECONDS = 10 * 366 * 24 * 3600
"""Ten years: the longest duration that a wait accepts."""

EVERY_CONNECTION = 2 * sys.maxsize + 1
"""INVALID_HANDLE_VALUE. For RasConnectionNotification it means all connections."""

_NS_PER_SECOND = 1_000_000_000
_MOST_BITS_SHOWN = 128  # Python refuses to print ints of several thousand digits


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS_SHOWN:
        return f"a number of {value.bit_length()} bits"
    return repr(value)


def wrong_type(name: str, wanted: str, value: object) -> TypeError:
    """Make the exception for an argument of the wrong type."""
    return TypeError(f"{name} must be {wanted}, not {type(value).__name__}")


def whole_number(name: str, value: object, lowest: int, highest: int) -> int:
    """Check an int or an object with `__index__`, but no bool, from `lowest` to `highest`."""
    if isinstance(value, bool):
        raise wrong_type(name, "a whole number", value)
    try:
        number = operator.index(value)  # type: ignore[arg-type] # handled below
    except TypeError:
        raise wrong_type(name, "a whole number", value) from None
    if not lowest <= number <= highest:
        raise ValueError(f"{name} must be from {lowest} to {highest}, not {_shown(number)}")
    return number


def whole_numbers(name: str, values: object, lowest: int, highest: int) -> tuple[int, ...]:
    """Check an iterable of whole numbers that has at least one."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise wrong_type(name, "an iterable of whole numbers", values)
    numbers = tuple(whole_number(name, value, lowest, highest) for value in values)
    if not numbers:
        raise ValueError(f"{name} must have at least one member")
    return numbers


def nanoseconds(
    name: str, seconds: object, *, shortest: float = 0, longest: float = LONGEST_SECONDS
) -> int:
    """Check a duration in seconds, an int or a float, and return it in nanoseconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise wrong_type(name, "a number of seconds", seconds)
    if not shortest <= seconds <= longest:  # NaN compares as false
        raise ValueError(
            f"{name} must be from {shortest:g} to {longest:.0f} seconds, not {_shown(seconds)}"
        )
    return round(seconds * _NS_PER_SECOND)


def handle(value: object, name: str = "handle") -> int:
    """Check the handle of one connection. It must be neither 0 nor INVALID_HANDLE_VALUE."""
    return whole_number(name, value, 1, EVERY_CONNECTION - 1)


def byte_string(name: str, value: object, longest: int) -> bytes:
    """Check bytes, a bytearray or a memoryview of at most `longest` bytes."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise wrong_type(name, "bytes", value)
    data = bytes(value)
    if len(data) > longest:
        raise ValueError(f"{name} must be at most {longest} bytes, not {len(data)}")
    return data


def text(name: str, value: object) -> str:
    """Check a str. Reject a NUL, because Windows would cut the text there."""
    if not isinstance(value, str):
        raise wrong_type(name, "a str", value)
    if "\0" in value:
        raise ValueError(f"{name} must not contain a NUL: {value!r}")
    return value


def path(name: str, value: object) -> str:
    """Check a path (a str or an os.PathLike that gives a str), and return it as a str."""
    found = os.fspath(value) if isinstance(value, (str, os.PathLike)) else value
    if not isinstance(found, str):
        raise wrong_type(name, "a str or a path", value)
    if not found:
        raise ValueError(f"{name} must be the path of a file, not an empty text")
    return text(name, found)


def choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Check that a str is one of `choices`."""
    if not isinstance(value, str):
        raise wrong_type(name, "a str", value)
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value
