"""Checks for the documented errors of WSAConnect, before the call of the system.

Windows, Wine and the POSIX systems check different things in different orders. So both backends
check here, in one order: the socket, the name's length, its family, its address, the data, the
socket's state. All other errors come from the system.
"""

from __future__ import annotations

import functools
import socket
import struct
import sys
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NoReturn, TypeAlias

from .._backend import codes
from .._backend.sockaddr import (
    IPV4,
    IPV6,
    SIZES,
    family_of,
    has_local_address,
    host_of,
    sockaddr,
)
from .._check import whole_number, wrong_type
from .._errors import winsock_code, winsock_error

FUNCTION = "WSAConnect"

Host: TypeAlias = str | IPv4Address | IPv6Address
Address: TypeAlias = tuple[Host, int] | tuple[Host, int, int] | tuple[Host, int, int, int]

_LONGEST = max(SIZES.values())
_INT_LIMIT = 1 << 31  # namelen is a C int
_FAMILY_SIZE = 2  # a sockaddr begins with its family
_FLOWSPECS = 64  # two FLOWSPEC of eight 32-bit numbers, then a WSABUF
_QOS_SIZE = _FLOWSPECS + 2 * struct.calcsize("P")


def fail(code: int) -> NoReturn:
    """Raise the exception for the code that a check found."""
    raise winsock_error(code, 0, FUNCTION)


def raise_for(os_error: int, sock: socket.socket, name: bytes) -> None:
    """Raise the exception for the system's error of a connect of `sock` to `name`; none for 0."""
    if not os_error:
        return
    code = winsock_code(os_error)
    if code == os_error:  # a Winsock code already, from Windows or from a check of this module
        fail(code)
    if code == codes.WSAEADDRNOTAVAIL and is_tcpip(sock):
        code = local_shortage(host_of(name), bound=bool(sock.getsockname()[1]))
    raise winsock_error(code, os_error, FUNCTION)


def local_shortage(address: tuple[Any, ...], *, bound: bool) -> int:
    """Return Windows' code for an EADDRNOTAVAIL of POSIX, if the address passed the checks here.

    POSIX gives it if no local port is left, for which Windows has other codes, or if the system
    has no local address for the target.
    """
    if bound:
        return codes.WSAEADDRINUSE
    return codes.WSAENOBUFS if has_local_address(address) else codes.WSAEADDRNOTAVAIL


# Names


@functools.lru_cache(maxsize=4096)
def parse_host(host: str) -> tuple[int, bytes] | None:
    """Return family (4, 6) and packed address of a numeric host, None for any other text."""
    family, number = (socket.AF_INET6, IPV6) if ":" in host else (socket.AF_INET, IPV4)
    try:
        return number, socket.inet_pton(family, host)
    except (OSError, ValueError):  # ValueError: a NUL in it
        return None


def _checked_host(host: object) -> tuple[int, bytes]:
    """Return family (4, 6) and packed address."""
    if isinstance(host, str):
        parsed = parse_host(host)
        if parsed is None:
            raise ValueError(
                f"{host!r} is not a numeric IPv4 or IPv6 address; "
                "resolve a name first with socket.getaddrinfo"
            )
        return parsed
    if isinstance(host, IPv4Address):
        return IPV4, host.packed
    if not isinstance(host, IPv6Address):
        raise wrong_type("the host", "a str or an IPv4Address or IPv6Address", host)
    if host.scope_id is not None:
        raise ValueError(f"{host} has a scope; give its number as the fourth part of the address")
    return IPV6, host.packed


def parse_address(address: object) -> tuple[int, int, int, int, bytes]:
    """Return family (4, 6), port, flow info, scope id and packed address of an Address.

    Raises TypeError and ValueError that say what is wrong; the caller adds which argument it is.
    """
    if not isinstance(address, tuple) or not 2 <= len(address) <= 4:
        raise TypeError(
            f"an address is (host, port) or (host, port, flowinfo, scope_id), not {address!r}"
        )
    family, packed = _checked_host(address[0])
    port = whole_number("the port", address[1], 0, 0xFFFF)
    if len(address) == 2:
        return family, port, 0, 0, packed
    if family == IPV4:
        raise ValueError(f"an IPv4 address is (host, port), not {address!r}")
    flowinfo, scope_id = (*address[2:], 0)[:2]
    flowinfo = whole_number("flowinfo", flowinfo, 0, 0xFFFFF)
    return family, port, flowinfo, whole_number("scope_id", scope_id, 0, 0xFFFFFFFF), packed


def encode_name(name: object, namelen: object, argument: str) -> bytes | None:
    """Return the bytes of `name` that the call may read: the first `namelen`, if that is given.

    An address that is not bytes has no length; it is long enough for a socket of either family.
    """
    if namelen is not None:
        namelen = whole_number("namelen", namelen, -_INT_LIMIT, _INT_LIMIT - 1)
    if name is None:
        return None
    if isinstance(name, (bytes, bytearray, memoryview)):
        encoded = bytes(name)
    else:
        try:
            encoded = sockaddr(*parse_address(name)).ljust(_LONGEST, b"\0")
        except (TypeError, ValueError) as error:
            raise type(error)(f"{argument}: {error}") from None
    return encoded if namelen is None else encoded[: max(namelen, 0)]


# Checks, in WSAConnect's terms


def option(sock: socket.socket, which: int) -> int:
    """Read a socket option; raise WSAENOTSOCK if the system knows no such socket."""
    try:
        return sock.getsockopt(socket.SOL_SOCKET, which)
    except OSError:
        fail(codes.WSAENOTSOCK)


def is_tcpip(sock: socket.socket) -> bool:
    """Whether the socket's family is IPv4 or IPv6."""
    return sock.family in SIZES


def _checked_name(sock: socket.socket, kind: int, name: bytes | None) -> bytes:
    """Check the length for the socket's family, as Windows does, then the family and the rest."""
    if name is None or len(name) < SIZES.get(sock.family, _FAMILY_SIZE):
        fail(codes.WSAEFAULT)
    if not is_tcpip(sock):
        return name
    name = name[: SIZES[sock.family]]
    if kind == socket.SOCK_DGRAM and not any(name):
        return name  # it removes the peer
    if not any(name):
        fail(codes.WSAEADDRNOTAVAIL)
    if family_of(name) != sock.family:
        fail(codes.WSAEAFNOSUPPORT)
    address = name[4:8] if sock.family == socket.AF_INET else name[8:24]
    if not any(address) or (kind == socket.SOCK_STREAM and not any(name[2:4])):
        fail(codes.WSAEADDRNOTAVAIL)
    return name


def carries_data(sock: socket.socket) -> bool:
    """Whether a connect may carry data: never with TCP/IP, and never on POSIX."""
    return sys.platform == "win32" and not is_tcpip(sock)


def _check_data(
    sock: socket.socket,
    kind: int,
    caller_data: bytes | None,
    sqos: bytes | None,
    gqos: bytes | None,
) -> None:
    """Check the data. Datagram sockets ignore the caller's data; GQOS must be NULL."""
    carried = carries_data(sock)
    if caller_data is not None and kind != socket.SOCK_DGRAM and not carried:
        fail(codes.WSAEPROTONOSUPPORT)
    if gqos is not None:
        fail(codes.WSAEINVAL)
    if sqos is not None and len(sqos) < _QOS_SIZE:
        fail(codes.WSAEFAULT)
    if sqos is not None and not carried:
        fail(codes.WSAEOPNOTSUPP)


def _check_state(sock: socket.socket, kind: int) -> None:
    """Check for a listening or connected socket, which Linux reports differently.

    Linux calls a listening socket connected, and lets the first call on a connected one succeed.
    Windows needs no help; its getpeername succeeds while an attempt is in progress.
    """
    if kind != socket.SOCK_STREAM:
        return
    if option(sock, socket.SO_ACCEPTCONN):
        fail(codes.WSAEINVAL)
    if sys.platform != "win32":
        try:
            sock.getpeername()
        except OSError:
            return
        fail(codes.WSAEISCONN)


def check(
    sock: socket.socket,
    name: bytes | None,
    caller_data: bytes | None = None,
    sqos: bytes | None = None,
    gqos: bytes | None = None,
) -> bytes:
    """Raise the error that WSAConnect would give, or return the bytes of `name` for the system.

    `sock` is an open socket; the other arguments are those of wsa_connect.
    """
    kind = option(sock, socket.SO_TYPE)
    checked = _checked_name(sock, kind, name)
    _check_data(sock, kind, caller_data, sqos, gqos)
    _check_state(sock, kind)
    return checked
