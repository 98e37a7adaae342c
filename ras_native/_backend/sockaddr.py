"""Socket addresses as bytes: sockaddr_in and sockaddr_in6 of this system."""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any

IPV4, IPV6 = 4, 6
SIZES: dict[int, int] = {socket.AF_INET: 16, socket.AF_INET6: 28}  # sockaddr_in, sockaddr_in6

_LOOPBACK_NET = 127
_IPV6_LOOPBACK = bytes(15) + b"\1"

# BSD's sockaddr begins with its length, sa_len.
_HAS_SA_LEN = sys.platform not in ("win32", "linux", "cygwin")


def _pack_family(family: int) -> bytes:
    return struct.pack("=BB", SIZES[family], family) if _HAS_SA_LEN else struct.pack("=H", family)


def family_of(name: bytes) -> int:
    """Read the address family of a sockaddr."""
    return name[1] if _HAS_SA_LEN else int(struct.unpack_from("=H", name)[0])


def host_of(name: bytes) -> tuple[Any, ...]:
    """Turn a checked sockaddr_in or sockaddr_in6 into the address that the socket module takes."""
    port = int.from_bytes(name[2:4], "big")
    if family_of(name) == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, name[4:8]), port
    scope_id = struct.unpack_from("=I", name, 24)[0]
    return socket.inet_ntop(socket.AF_INET6, name[8:24]), port, 0, scope_id


def is_loopback(family: int, packed: bytes) -> bool:
    """Whether a packed address of family 4 or 6 is 127.x.x.x or ::1."""
    return packed[0] == _LOOPBACK_NET if family == IPV4 else packed == _IPV6_LOOPBACK


def is_loopback_name(name: bytes) -> bool:
    """Whether a checked sockaddr_in or sockaddr_in6 has such an address."""
    if family_of(name) == socket.AF_INET:
        return is_loopback(IPV4, name[4:8])
    return is_loopback(IPV6, name[8:24])


def sockaddr(family: int, port: int, flowinfo: int, scope_id: int, packed: bytes) -> bytes:
    """Build the sockaddr_in or sockaddr_in6 of this system."""
    if family == IPV4:
        return _pack_family(socket.AF_INET) + struct.pack("!H4s8x", port, packed[:4])
    head = _pack_family(socket.AF_INET6) + struct.pack("!HI16s", port, flowinfo, packed)
    return head + struct.pack("=I", scope_id)


def has_local_address(address: tuple[Any, ...]) -> bool:
    """Whether the system has a local address for this one.

    Connecting a datagram socket shows it without sending anything, and uses no TCP port.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
    except OSError:
        return False
    return True
