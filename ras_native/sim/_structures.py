"""Check the arguments of the simulator's methods, and put them into Windows' structures."""

from __future__ import annotations

import ctypes
import sys
import uuid
from collections.abc import Iterable
from ctypes import byref, c_uint16, c_uint32
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypedDict

from .. import _check
from .._backend.layout import RAS_STATS, RASCONNSTATUSW, RASCONNW
from . import _abi

Endpoint = IPv4Address | IPv6Address | str

PHONEBOOK = r"C:\ProgramData\Microsoft\Network\Connections\Pbk\rasphone.pbk"

_UTF16 = "utf-16-le" if sys.byteorder == "little" else "utf-16-be"
_IPV4, _IPV6 = 1, 2  # RASTUNNELENDPOINT.dwType; 0 is unknown
_QWORD_MAX = 2**64 - 1
_RAS_EVENTS = {*range(20221, 20228), 20263, 20264, 20277, 20278, 20281}

_STATISTICS = {
    "bytes_sent": "dwBytesXmited",
    "bytes_received": "dwBytesRcved",
    "frames_sent": "dwFramesXmited",
    "frames_received": "dwFramesRcved",
    "crc_errors": "dwCrcErr",
    "timeout_errors": "dwTimeoutErr",
    "alignment_errors": "dwAlignmentErr",
    "hardware_overruns": "dwHardwareOverrunErr",
    "framing_errors": "dwFramingErr",
    "buffer_overruns": "dwBufferOverrunErr",
    "compression_in": "dwCompressionRatioIn",
    "compression_out": "dwCompressionRatioOut",
    "bps": "dwBps",
}


class ConnectionOptions(TypedDict, total=False):
    """Options of `Simulator.add`, `dial` and `add_entry`; `Simulator.add` explains them.

    >>> from ras_native.sim import ConnectionOptions
    >>> modem: ConnectionOptions = {"device_type": "modem", "phone_number": "5550100"}
    >>> handle = sim.add("Head office", **modem)
    >>> ras.get_connect_status(handle).phone_number
    '5550100'
    """

    device_type: str
    device_name: str
    phonebook: str
    subentry: int
    guid_entry: uuid.UUID | None
    flags: int
    luid: int
    correlation_id: uuid.UUID | None
    phone_number: str
    local_endpoint: Endpoint | None
    remote_endpoint: Endpoint | None
    subentries: int


def dword(name: str, value: object, lowest: int = 0, highest: int = _check.DWORD_MAX) -> int:
    """Check a 32-bit number."""
    return _check.whole_number(name, value, lowest, highest)


def _put_text(structure: ctypes.Structure, member: str, name: str, value: object) -> None:
    """Store UTF-16; accept lone surrogates, as Windows does."""
    array = getattr(structure, member)
    encoded = _check.text(name, value).encode(_UTF16, "surrogatepass")
    longest = len(array) - 1
    if len(encoded) > 2 * longest:
        raise ValueError(f"{name} must be at most {longest} UTF-16 units, not {len(encoded) // 2}")
    padded = encoded.ljust(2 * len(array), b"\0")
    setattr(structure, member, (c_uint16 * len(array)).from_buffer_copy(padded))


def _put_guid(structure: RASCONNW, member: str, name: str, value: object) -> None:
    if not isinstance(value, uuid.UUID):
        raise _check.wrong_type(name, "a UUID", value)
    setattr(structure, member, (ctypes.c_uint8 * 16).from_buffer_copy(value.bytes_le))


def _put_endpoint(
    structure: RASCONNSTATUSW, member: str, name: str, value: Endpoint | None
) -> None:
    """Store an address; None and "" are the unknown end point."""
    endpoint = getattr(structure, member)
    if value is None or value == "":
        endpoint.dwType = 0
        return
    try:
        address = ip_address(value)
    except ValueError:
        raise ValueError(f"{name} must be an IPv4 or IPv6 address, not {value!r}") from None
    endpoint.dwType = _IPV4 if address.version == 4 else _IPV6
    ctypes.memmove(endpoint.address, address.packed, len(address.packed))


def connection(
    entry_name: str,
    *,
    device_type: str = "vpn",
    device_name: str = "WAN Miniport (IKEv2)",
    phonebook: str = PHONEBOOK,
    subentry: int = 1,
    guid_entry: uuid.UUID | None = None,
    flags: int = 0,
    luid: int = 0,
    correlation_id: uuid.UUID | None = None,
    phone_number: str = "",
    local_endpoint: Endpoint | None = None,
    remote_endpoint: Endpoint | None = None,
    subentries: int = 1,
) -> tuple[RASCONNW, RASCONNSTATUSW, int]:
    """Make the first three arguments of rassim_add, rassim_dial and rassim_add_entry."""
    listed, status = RASCONNW(), RASCONNSTATUSW()
    _put_text(listed, "szEntryName", "entry_name", entry_name)
    _put_text(listed, "szDeviceType", "device_type", device_type)
    _put_text(listed, "szDeviceName", "device_name", device_name)
    _put_text(listed, "szPhonebook", "phonebook", phonebook)
    _put_text(status, "szPhoneNumber", "phone_number", phone_number)
    if not entry_name and not phone_number:
        raise ValueError("entry_name must not be empty unless there is a phone_number")
    listed.dwSubEntry = dword("subentry", subentry)
    listed.dwFlags = dword("flags", flags)
    ctypes.memmove(
        byref(listed, RASCONNW.luid.offset),
        _check.whole_number("luid", luid, 0, _QWORD_MAX).to_bytes(8, sys.byteorder),
        8,
    )
    if guid_entry is None:
        guid_entry = uuid.uuid5(uuid.NAMESPACE_OID, repr((phonebook, entry_name)))
    _put_guid(listed, "guidEntry", "guid_entry", guid_entry)
    _put_guid(listed, "guidCorrelationId", "correlation_id", correlation_id or uuid.uuid4())
    _put_endpoint(status, "localEndPoint", "local_endpoint", local_endpoint)
    _put_endpoint(status, "remoteEndPoint", "remote_endpoint", remote_endpoint)
    return listed, status, dword("subentries", subentries, 1, _abi.RASSIM_MAX_SUBENTRIES)


def named(entry_name: str) -> RASCONNW:
    """Make a RASCONN that has a name only."""
    renamed = RASCONNW()
    _put_text(renamed, "szEntryName", "entry_name", entry_name)
    if not entry_name:
        raise ValueError("entry_name must not be empty")
    return renamed


def wide(name: str, value: object) -> Any:
    """Make a text that ends with a NUL; it may hold any other character."""
    encoded = _check.text(name, value).encode(_UTF16, "surrogatepass") + b"\0\0"
    return (c_uint16 * (len(encoded) // 2)).from_buffer_copy(encoded)


def ras_event(event_id: object) -> int:
    """Check the id of an event that RAS writes."""
    number = dword("event_id", event_id)
    if number not in _RAS_EVENTS:
        raise ValueError(f"event_id must be one of {sorted(_RAS_EVENTS)}, not {number}")
    return number


def log_event(channel: object, source: object, event_id: object) -> tuple[Any, Any, int]:
    """Make the arguments of rassim_write_event that say where an event belongs."""
    log = wide("channel", _check.choice("channel", channel, ("Application", "System")))
    writer = wide("source", source)
    if not 1 < len(writer) <= _abi.RASSIM_MAX_SOURCE + 1:
        raise ValueError(f"source must have 1 to {_abi.RASSIM_MAX_SOURCE} UTF-16 units")
    return log, writer, dword("event_id", event_id, 0, 0xFFFF)


def log_fields(data: Iterable[str]) -> tuple[Any, int]:
    """Make the fields of an event, one after the other."""
    if isinstance(data, str):
        raise _check.wrong_type("data", "an iterable of str", data)
    fields = [bytes(wide("data", each)) for each in data]
    if len(fields) > _abi.RASSIM_MAX_FIELDS:
        raise ValueError(
            f"data must have at most {_abi.RASSIM_MAX_FIELDS} fields, not {len(fields)}"
        )
    joined = b"".join(fields) or b"\0\0"
    return (c_uint16 * (len(joined) // 2)).from_buffer_copy(joined), len(fields)


def mangled(entry_name: str) -> Any:
    """Make the name of an entry as an event has it."""
    name = wide("entry_name", entry_name)
    longest = len(RASCONNW().szEntryName) - 1
    if len(name) > longest + 1:
        raise ValueError(f"entry_name must be at most {longest} UTF-16 units")
    return name


def dial_states(states: Iterable[int], step: float, error: int) -> tuple[Any, int, int, int]:
    """Make the arguments of rassim_dial and rassim_add_entry that describe a dialling."""
    numbers = _check.whole_numbers("states", states, 0, _check.DWORD_MAX)
    if len(numbers) > _abi.RASSIM_MAX_STATES:
        raise ValueError(
            f"states must have at most {_abi.RASSIM_MAX_STATES} members, not {len(numbers)}"
        )
    array = (c_uint32 * len(numbers))(*numbers)
    return array, len(numbers), _check.nanoseconds("step", step), dword("error", error)


def status_change(
    *,
    state: int | None,
    error: int | None,
    substate: int | None,
    phone_number: str | None,
    local_endpoint: Endpoint | None,
    remote_endpoint: Endpoint | None,
) -> tuple[int, RASCONNSTATUSW]:
    """Make the members and the structure that rassim_set_status takes."""
    status, members = RASCONNSTATUSW(), 0
    for name, member, value, bit in (
        ("state", "rasconnstate", state, _abi.RASSIM_STATE),
        ("error", "dwError", error, _abi.RASSIM_ERROR),
        ("substate", "rasconnsubstate", substate, _abi.RASSIM_SUBSTATE),
    ):
        if value is not None:
            setattr(status, member, dword(name, value))
            members |= bit
    if phone_number is not None:
        _put_text(status, "szPhoneNumber", "phone_number", phone_number)
        members |= _abi.RASSIM_PHONE_NUMBER
    if local_endpoint is not None:
        _put_endpoint(status, "localEndPoint", "local_endpoint", local_endpoint)
        members |= _abi.RASSIM_LOCAL_ENDPOINT
    if remote_endpoint is not None:
        _put_endpoint(status, "remoteEndPoint", "remote_endpoint", remote_endpoint)
        members |= _abi.RASSIM_REMOTE_ENDPOINT
    return members, status


def statistics(counters: dict[str, int]) -> RAS_STATS:
    """Make a RAS_STATS from the names that `Simulator.set_statistics` documents."""
    filled = RAS_STATS()
    for name, value in counters.items():
        if name not in _STATISTICS:
            raise TypeError(f"{name} is not a counter; the counters are {', '.join(_STATISTICS)}")
        setattr(filled, _STATISTICS[name], dword(name, value))
    return filled
