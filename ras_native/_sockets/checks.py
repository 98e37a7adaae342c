"""What WSAConnect checks before it connects, done alike on every system.

Windows, Wine and the POSIX systems differ in what they check, and in which order. Whatever can be
told beforehand is told here, in one order, for both backends: the socket, the name, its family, its
address, the data beside it, the socket's state. The rest is the system's answer.
Source: ledger WC-5 to WC-10, WC-16, WC-18.
"""

from __future__ import annotations

import functools
import socket
import struct
import sys
from typing import Any, NoReturn, TypeAlias

from .._backend.sockaddr import IPV4, IPV6, family_of, has_local_address, host_of, sockaddr
from .._errors import winsock_code, winsock_error

FUNCTION = "WSAConnect"

WSAEFAULT = 10014
WSAEINVAL = 10022
WSAEWOULDBLOCK = 10035
WSAENOTSOCK = 10038
WSAEPROTONOSUPPORT = 10043
WSAEOPNOTSUPP = 10045
WSAEAFNOSUPPORT = 10047
WSAEADDRINUSE = 10048
WSAEADDRNOTAVAIL = 10049
WSAECONNABORTED = 10053
WSAENOBUFS = 10055
WSAEISCONN = 10056
WSAETIMEDOUT = 10060

Address: TypeAlias = "tuple[str, int] | tuple[str, int, int] | tuple[str, int, int, int]"

_NAME_SIZES: dict[int, int] = {socket.AF_UNSPEC: 16, socket.AF_INET: 16, socket.AF_INET6: 28}
_FLOWSPECS = 64  # two FLOWSPEC of eight 32-bit numbers, then a WSABUF
_QOS_SIZE = _FLOWSPECS + 2 * struct.calcsize("P")


def fail(code: int) -> NoReturn:
    """Raise what the code stands for, found by a check of ours."""
    raise winsock_error(code, 0, FUNCTION)


def raise_for(os_error: int, sock: socket.socket, name: bytes) -> None:
    """Raise for the system's answer to a connect of `sock` to `name`, unless it is 0."""
    if not os_error:
        return
    code = winsock_code(os_error)
    if sys.platform == "win32":
        raise winsock_error(code, 0, FUNCTION)
    if code == WSAEADDRNOTAVAIL and is_tcpip(sock):
        code = local_shortage(host_of(name), bound=bool(sock.getsockname()[1]))
    raise winsock_error(code, os_error, FUNCTION)


def local_shortage(address: tuple[Any, ...], *, bound: bool) -> int:
    """Return Windows' code where POSIX gives EADDRNOTAVAIL for an address that passed our checks.

    POSIX gives it when no local port is left, for which Windows has other codes, and when no local
    address leads there.
    """
    if bound:
        return WSAEADDRINUSE
    return WSAENOBUFS if has_local_address(address) else WSAEADDRNOTAVAIL


# Names


@functools.lru_cache(maxsize=4096)
def parse_host(host: str) -> tuple[int, bytes] | None:
    """Family (4, 6) and packed address of a numeric host; None of any other text."""
    family, number = (socket.AF_INET6, IPV6) if ":" in host else (socket.AF_INET, IPV4)
    try:
        return number, socket.inet_pton(family, host)
    except (OSError, ValueError):  # ValueError: a NUL in it
        return None


def _check_number(value: object, highest: int, what: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be an int, not {type(value).__name__}")
    if not 0 <= value <= highest:
        raise ValueError(f"{what} must be 0 to {highest}, not {value}")


def parse_address(address: object) -> tuple[int, int, int, int, bytes]:
    """Family (4, 6), port, flow info, scope id and packed address of a tuple as socket takes it.

    Raises TypeError and ValueError that say what is wrong; the caller adds where.
    """
    if not isinstance(address, tuple) or not 2 <= len(address) <= 4:
        raise TypeError(
            f"an address is (host, port) or (host, port, flowinfo, scope_id), not {address!r}"
        )
    host, port = address[:2]
    if not isinstance(host, str):
        raise TypeError(f"the host must be a str, not {type(host).__name__}")
    parsed = parse_host(host)
    if parsed is None:
        raise ValueError(
            f"{host!r} is not a numeric IPv4 or IPv6 address; "
            "resolve a name first with socket.getaddrinfo"
        )
    family, packed = parsed
    _check_number(port, 0xFFFF, "the port")
    if len(address) == 2:
        return family, port, 0, 0, packed
    if family == IPV4:
        raise ValueError(f"an IPv4 address is (host, port), not {address!r}")
    flowinfo, scope_id = (*address[2:], 0)[:2]
    _check_number(flowinfo, 0xFFFFF, "flowinfo")
    _check_number(scope_id, 0xFFFFFFFF, "scope_id")
    return family, port, flowinfo, scope_id, packed


def encode_name(name: object, namelen: object, where: str) -> bytes | None:
    """The bytes at `name` that the call may read: namelen of them, where it is given."""
    if namelen is not None and (not isinstance(namelen, int) or isinstance(namelen, bool)):
        raise TypeError(f"namelen must be an int or None, not {type(namelen).__name__}")
    if name is None:
        return None
    if isinstance(name, (bytes, bytearray, memoryview)):
        encoded = bytes(name)
    else:
        try:
            encoded = sockaddr(*parse_address(name))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{where}: {error}") from None
    return encoded if namelen is None else encoded[: max(namelen, 0)]


# Checks, in WSAConnect's terms


def option(sock: socket.socket, which: int) -> int:
    """Ask the system for an option of the socket; WSAENOTSOCK where it knows no such socket."""
    try:
        return sock.getsockopt(socket.SOL_SOCKET, which)
    except OSError:
        fail(WSAENOTSOCK)


def is_tcpip(sock: socket.socket) -> bool:
    """Whether the socket's family is IPv4 or IPv6."""
    return sock.family in (socket.AF_INET, socket.AF_INET6)


def _checked_name(sock: socket.socket, kind: int, name: bytes | None) -> bytes:
    if name is None or len(name) < 2:
        fail(WSAEFAULT)
    family = family_of(name)
    size = _NAME_SIZES.get(family, 2 if family == sock.family else 16)
    if len(name) < size:
        fail(WSAEFAULT)
    if not is_tcpip(sock):
        return name
    if family == socket.AF_UNSPEC and not any(name):
        if kind != socket.SOCK_DGRAM:
            fail(WSAEADDRNOTAVAIL)
        return name[:size]  # disconnects
    if family != sock.family:
        fail(WSAEAFNOSUPPORT)
    address = name[4:8] if family == socket.AF_INET else name[8:24]
    if kind == socket.SOCK_STREAM and not (any(address) and any(name[2:4])):
        fail(WSAEADDRNOTAVAIL)
    return name[:size]


def carries_data(sock: socket.socket) -> bool:
    """Whether data may travel with the connect: not by TCP/IP, and on POSIX by nothing."""
    return sys.platform == "win32" and not is_tcpip(sock)


def _check_data(
    sock: socket.socket,
    kind: int,
    caller_data: bytes | None,
    sqos: bytes | None,
    gqos: bytes | None,
) -> None:
    """Datagram sockets ignore the caller's data; nobody may be given a group's QOS."""
    carried = carries_data(sock)
    if caller_data is not None and kind != socket.SOCK_DGRAM and not carried:
        fail(WSAEPROTONOSUPPORT)
    if gqos is not None:
        fail(WSAEINVAL)
    if sqos is not None and len(sqos) < _QOS_SIZE:
        fail(WSAEFAULT)
    if sqos is not None and not carried:
        fail(WSAEOPNOTSUPP)


def _check_state(sock: socket.socket, kind: int) -> None:
    """Linux takes a listening socket for connected, and a connected one for just connected.

    Windows tells them apart by itself; its getpeername succeeds while an attempt is in progress.
    """
    if kind != socket.SOCK_STREAM:
        return
    if option(sock, socket.SO_ACCEPTCONN):
        fail(WSAEINVAL)
    if sys.platform != "win32":
        try:
            sock.getpeername()
        except OSError:
            return
        fail(WSAEISCONN)


def check(
    sock: socket.socket,
    name: bytes | None,
    caller_data: bytes | None = None,
    sqos: bytes | None = None,
    gqos: bytes | None = None,
) -> bytes:
    """Raise what WSAConnect would, or return the part of `name` that the system needs.

    `sock` is an open socket's object; all else is as wsa_connect takes it.
    """
    kind = option(sock, socket.SO_TYPE)
    checked = _checked_name(sock, kind, name)
    _check_data(sock, kind, caller_data, sqos, gqos)
    _check_state(sock, kind)
    return checked
