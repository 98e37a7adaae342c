"""Records as plain JSON data, and their members documented where `help()` shows them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeVar, get_type_hints
from uuid import UUID

_Record = TypeVar("_Record", bound="type[Any]")


def documented(**members: str) -> Callable[[_Record], _Record]:
    """Give the members of a named tuple these docstrings.

    Its annotations are evaluated now, while its `__module__` still says where their names are.
    """

    def decorate(record: _Record) -> _Record:
        for name, text in members.items():
            getattr(record, name).__doc__ = text
        record.__annotations__ = get_type_hints(record)
        record.__new__.__annotations__ = record.__annotations__  # help() shows its signature
        return record

    return decorate


def plain(value: Any) -> Any:
    """Turn a record, or what is in one, into JSON data: the one serialiser of this package.

    Enums become their names, UUIDs, addresses and times their usual text, tuples lists.
    """
    if isinstance(value, Enum):  # before int, which most enums here are as well
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (UUID, IPv4Address, IPv6Address)):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no plain data")


def plain_members(record: Any) -> dict[str, Any]:
    """Turn the members of a named tuple into JSON data."""
    return {name: plain(value) for name, value in record._asdict().items()}


def shown(record: Any, *hexadecimals: str) -> str:
    """Write a named tuple as its `repr`, but these members in hexadecimal."""
    members = (
        f"{name}={hexadecimal(value) if name in hexadecimals else repr(value)}"
        for name, value in record._asdict().items()
    )
    return f"{type(record).__name__}({', '.join(members)})"


def hexadecimal(number: int | None) -> str | None:
    """Write a handle or a LUID: JSON's numbers are too small for 64 bits."""
    return None if number is None else f"{number:#x}"
