"""Check the arguments of Simulator.set_projection, and put them into Windows' structure."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import addressof, create_string_buffer
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypedDict

from .. import _check
from .._backend.codes import ERROR_PROTOCOL_NOT_CONFIGURED
from .._backend.layout import RAS_PROJECTION_INFO, RASIKEV2_PROJECTION_INFO
from .._projection import ProjectionKind
from . import _abi
from ._structures import Endpoint, dword


class ProjectionOptions(TypedDict, total=False):
    """Options of `Simulator.set_projection`: those members of `ras_native.Projection`.

    >>> from ras_native.sim import ProjectionOptions
    >>> options: ProjectionOptions = {"client_ipv4": "10.1.2.3", "encryption": Cipher.AES_128}
    >>> handle = sim.add("Head office")
    >>> sim.set_projection(handle, **options)
    >>> print(ras.local_address(handle), ras.get_projection_info(handle).encryption)
    10.1.2.3 AES_128
    """

    kind: int
    client_ipv4: IPv4Address | str | None
    server_ipv4: IPv4Address | str | None
    ipv4_error: int
    client_ipv6: IPv6Address | str | None
    server_ipv6: IPv6Address | str | None
    ipv6_error: int
    prefix_length: int
    authentication: int
    eap_type: int
    flags: int
    encryption: int
    other_servers: Sequence[Endpoint]
    client_interface_id: str
    server_interface_id: str
    chap: int
    server_authentication: int
    server_eap_type: int
    server_chap: int
    is_bundled: int
    is_multilink: int
    link_options: int
    server_link_options: int
    compression_error: int
    compression: int
    server_compression: int
    compression_options: int
    server_compression_options: int


_ERRORS = {"ipv4_error": "dwIPv4NegotiationError", "ipv6_error": "dwIPv6NegotiationError"}
_ADDRESSES = {"client_ipv4": ("ipv4Address", 4), "server_ipv4": ("ipv4ServerAddress", 4)}
_IKEV2_ADDRESSES = {"client_ipv6": ("ipv6Address", 6), "server_ipv6": ("ipv6ServerAddress", 6)}
_INTERFACES = {
    "client_interface_id": "bInterfaceIdentifier",
    "server_interface_id": "bServerInterfaceIdentifier",
}
_IKEV2_NUMBERS = {
    "prefix_length": "dwPrefixLength",
    "authentication": "dwAuthenticationProtocol",
    "eap_type": "dwEapTypeId",
    "flags": "dwFlags",
    "encryption": "dwEncryptionMethod",
}
_PPP_NUMBERS = {
    "authentication": "dwAuthenticationProtocol",
    "eap_type": "dwEapTypeId",
    "chap": "dwAuthenticationData",
    "server_authentication": "dwServerAuthenticationProtocol",
    "server_eap_type": "dwServerEapTypeId",
    "server_chap": "dwServerAuthenticationData",
    "is_bundled": "fBundled",
    "is_multilink": "fMultilink",
    "link_options": "dwLcpOptions",
    "server_link_options": "dwLcpServerOptions",
    "compression_error": "dwCcpError",
    "compression": "dwCcpCompressionAlgorithm",
    "server_compression": "dwCcpServerCompressionAlgorithm",
    "compression_options": "dwCcpOptions",
    "server_compression_options": "dwCcpServerOptions",
}


def projection(members: dict[str, Any]) -> tuple[RAS_PROJECTION_INFO, object]:
    """Make the structure that rassim_set_projection takes, and what its pointers need to live."""
    members = dict(members)
    info = RAS_PROJECTION_INFO()
    info.type = dword("kind", members.pop("kind", ProjectionKind.IKEV2))
    if info.type == ProjectionKind.PPP:
        known = members.get("client_interface_id")
        _put(info.ppp, members, _ADDRESSES, _PPP_NUMBERS, has_ipv6=known is not None)
        return info, None
    ikev2 = RASIKEV2_PROJECTION_INFO.from_buffer(info, RAS_PROJECTION_INFO.ppp.offset)
    kept = _put_other_servers(ikev2, members.pop("other_servers", ()))
    has_ipv6 = members.get("client_ipv6") is not None
    _put(ikev2, members, {**_ADDRESSES, **_IKEV2_ADDRESSES}, _IKEV2_NUMBERS, has_ipv6=has_ipv6)
    return info, kept


def _put(
    raw: Any,
    members: dict[str, Any],
    addresses: dict[str, tuple[str, int]],
    numbers: dict[str, str],
    *,
    has_ipv6: bool,
) -> None:
    """Fill one form. Without an address, its protocol was not negotiated."""
    negotiated = {"ipv4_error": members.get("client_ipv4") is not None, "ipv6_error": has_ipv6}
    interfaces = _INTERFACES if hasattr(raw, "bInterfaceIdentifier") else {}
    known = [*_ERRORS, *addresses, *interfaces, *numbers]
    for name in members:
        if name not in known:
            raise TypeError(f"{name} is no member of this kind; they are {', '.join(known)}")
    for name, member in _ERRORS.items():
        usual = 0 if negotiated[name] else ERROR_PROTOCOL_NOT_CONFIGURED
        setattr(raw, member, dword(name, members.get(name, usual)))
    for name, (member, version) in addresses.items():
        if members.get(name) is not None:
            _put_bytes(raw, member, _packed(name, members[name], version))
    for name, member in interfaces.items():
        if members.get(name) is not None:
            _put_bytes(raw, member, _identifier(name, members[name]))
    for name, member in numbers.items():
        setattr(raw, member, dword(name, int(members.get(name, 0))))


def _put_bytes(raw: Any, member: str, value: bytes) -> None:
    ctypes.memmove(getattr(raw, member), value, len(value))


def _packed(name: str, value: Endpoint, version: int) -> bytes:
    try:
        address = ip_address(value)
    except ValueError:
        raise ValueError(f"{name} must be an IPv{version} address, not {value!r}") from None
    if address.version != version:
        raise ValueError(f"{name} must be an IPv{version} address, not {value!r}")
    return address.packed


def _identifier(name: str, value: object) -> bytes:
    text = _check.text(name, value).replace(":", "")
    try:
        packed = bytes.fromhex(text)
    except ValueError:
        packed = b""
    if len(packed) != 8:
        raise ValueError(f"{name} must be 16 hexadecimal digits, not {value!r}")
    return packed


def _put_other_servers(ikev2: RASIKEV2_PROJECTION_INFO, servers: Sequence[Endpoint]) -> object:
    """Point to the lists of addresses; return the memory of both."""
    packed: dict[int, list[bytes]] = {4: [], 6: []}
    for server in servers:
        try:
            address = ip_address(server)
        except ValueError:
            raise ValueError(f"other_servers must be addresses, not {server!r}") from None
        packed[address.version].append(address.packed)
    if max(map(len, packed.values())) > _abi.RASSIM_MAX_SERVER_ADDRESSES:
        raise ValueError(
            f"other_servers must be at most {_abi.RASSIM_MAX_SERVER_ADDRESSES} of each family"
        )
    four, six = (create_string_buffer(b"".join(packed[version])) for version in (4, 6))
    ikev2.numIPv4ServerAddresses, ikev2.numIPv6ServerAddresses = len(packed[4]), len(packed[6])
    ikev2.ipv4ServerAddresses, ikev2.ipv6ServerAddresses = addressof(four), addressof(six)
    return four, six
