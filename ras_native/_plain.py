"""Turns records into plain JSON data."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID


def plain(value: Any) -> Any:
    """Turn a record, or a value in a record, into JSON data. No other function does this.

    Enums become their names. UUIDs, addresses and times become their usual text. Tuples become
    lists.
    """
    if isinstance(value, Enum):  # checked before int, because most enums here are ints too
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
    raise TypeError(f"{type(value).__name__} cannot be turned into JSON data")


def plain_members(record: Any) -> dict[str, Any]:
    """Turn the members of a named tuple into JSON data."""
    return {name: plain(value) for name, value in record._asdict().items()}


def shown(record: Any, *hexadecimals: str) -> str:
    """Return the `repr` of a named tuple, with these members in hexadecimal."""
    members = (
        f"{name}={hexadecimal(value) if name in hexadecimals else repr(value)}"
        for name, value in record._asdict().items()
    )
    return f"{type(record).__name__}({', '.join(members)})"


def hexadecimal(number: int | None) -> str | None:
    """Return a handle or a LUID as text, because JSON numbers may lose some of its 64 bits."""
    return None if number is None else f"{number:#x}"
