"""What a connection negotiated: csrc/shim/projection.c in Python."""

from __future__ import annotations

import ctypes
from ctypes import addressof, byref, c_char, c_uint32, sizeof
from typing import Any, TypeAlias

from .codes import (
    ERROR_BUFFER_INVALID,
    ERROR_BUFFER_TOO_SMALL,
    ERROR_INSUFFICIENT_BUFFER,
    ERROR_INVALID_PARAMETER,
    ERROR_INVALID_SIZE,
)
from .layout import (
    PROJECTION_INFO_TYPE_PPP,
    RAS_PROJECTION_INFO,
    RASAPIVERSION_601,
    RASIKEV2_PROJECTION_INFO,
    RN_E_ABSURD,
    RN_MAX_SERVER_ADDRESSES,
    RN_PROJECTION_SIZE,
    PROJECTION_INFO_TYPE_IKEv2,
    RnProjection,
)

Reading: TypeAlias = "ctypes.Array[c_char]"
"""The memory that the provider fills. Whatever it claims, nothing beyond it is read."""

_ASKS_FOR_ANOTHER_SIZE = (
    ERROR_BUFFER_TOO_SMALL,
    ERROR_INSUFFICIENT_BUFFER,
    ERROR_INVALID_PARAMETER,
    ERROR_INVALID_SIZE,
    ERROR_BUFFER_INVALID,
)
_COMMON_MEMBERS = {
    "ipv4_error": "dwIPv4NegotiationError",
    "ipv4_address": "ipv4Address",
    "ipv4_server": "ipv4ServerAddress",
    "ipv6_error": "dwIPv6NegotiationError",
    "authentication": "dwAuthenticationProtocol",
    "eap_type": "dwEapTypeId",
}
_IKEV2_MEMBERS = {
    **_COMMON_MEMBERS,
    "ipv6_address": "ipv6Address",
    "ipv6_server": "ipv6ServerAddress",
    "prefix_length": "dwPrefixLength",
    "flags": "dwFlags",
    "encryption": "dwEncryptionMethod",
}
_PPP_MEMBERS = {
    **_COMMON_MEMBERS,
    "interface_id": "bInterfaceIdentifier",
    "server_interface_id": "bServerInterfaceIdentifier",
    "bundled": "fBundled",
    "multilink": "fMultilink",
    "authentication_data": "dwAuthenticationData",
    "server_authentication": "dwServerAuthenticationProtocol",
    "server_authentication_data": "dwServerAuthenticationData",
    "server_eap_type": "dwServerEapTypeId",
    "link_options": "dwLcpOptions",
    "server_link_options": "dwLcpServerOptions",
    "compression_error": "dwCcpError",
    "compression": "dwCcpCompressionAlgorithm",
    "server_compression": "dwCcpServerCompressionAlgorithm",
    "compression_options": "dwCcpOptions",
    "server_compression_options": "dwCcpServerOptions",
}


def new_reading() -> Reading:
    """Make the memory for one projection."""
    return ctypes.create_string_buffer(RN_PROJECTION_SIZE)


def _fill(get: Any, handle: int, size: int, reading: Reading) -> int:
    ctypes.memset(reading, 0, sizeof(reading))
    RAS_PROJECTION_INFO.from_buffer(reading).version = RASAPIVERSION_601
    code: int = get(handle, addressof(reading), byref(c_uint32(size)))
    return code


def ask_projection(get: Any, handle: int, reading: Reading) -> int:
    """Offer a large buffer with the version set; ask for the size without one if need be."""
    code = _fill(get, handle, sizeof(reading), reading)
    if code not in _ASKS_FOR_ANOTHER_SIZE:
        return code
    size = c_uint32()
    if get(handle, None, byref(size)) != ERROR_BUFFER_TOO_SMALL or not size.value:
        return code
    if size.value > sizeof(reading):
        return RN_E_ABSURD
    return _fill(get, handle, size.value, reading)


def _servers(
    reading: Reading, pointer: int | None, count: int, item_size: int
) -> tuple[int, bytes]:
    """Return the list that the provider's pointer names, if all of it is in the reading."""
    begin = (pointer or 0) - addressof(reading)
    if not 0 <= begin <= sizeof(reading) or count > (sizeof(reading) - begin) // item_size:
        return 0, b""
    copied = min(count, RN_MAX_SERVER_ADDRESSES)
    return copied, reading.raw[begin : begin + copied * item_size]


def read_projection(reading: Reading) -> RnProjection:
    """Make one rn_projection."""
    info = RAS_PROJECTION_INFO.from_buffer(reading)
    record = RnProjection(type=info.type)
    if info.type == PROJECTION_INFO_TYPE_PPP:
        _copy_members(info.ppp, record, _PPP_MEMBERS)
    if info.type == PROJECTION_INFO_TYPE_IKEv2:
        ikev2 = RASIKEV2_PROJECTION_INFO.from_buffer(reading, RAS_PROJECTION_INFO.ppp.offset)
        _copy_members(ikev2, record, _IKEV2_MEMBERS)
        for family, size in (("4", 4), ("6", 16)):
            pointer = getattr(ikev2, f"ipv{family}ServerAddresses")
            count = getattr(ikev2, f"numIPv{family}ServerAddresses")
            copied, servers = _servers(reading, pointer, count, size)
            setattr(record, f"ipv{family}_server_count", copied)
            ctypes.memmove(getattr(record, f"ipv{family}_servers"), servers, len(servers))
    return record


def _copy_members(raw: Any, record: RnProjection, names: dict[str, str]) -> None:
    for name, raw_name in names.items():
        setattr(record, name, getattr(raw, raw_name))
