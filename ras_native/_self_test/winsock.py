"""The open questions about WSAConnect; they need Winsock, so only Windows can answer them.

All addresses belong to this computer, except those of `broadcast`.
"""

from __future__ import annotations

import socket
import sys
from ctypes import (
    Structure,
    byref,
    c_char_p,
    c_int,
    c_size_t,
    c_uint32,
    c_void_p,
    create_string_buffer,
)
from typing import Any

from .._backend.ctypes_os import SEARCH_SYSTEM32
from .raw import Answer

_STREAM, _DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
_LOOPBACK = "127.0.0.1"
_ANY_PORT = 9  # the answer does not depend on whether the port is open
_GUARANTEED = 3  # SERVICETYPE_GUARANTEED
_UNREACHABLE_RATE = 0xFFFFFFFE  # bytes per second


class FLOWSPEC(Structure):
    """FLOWSPEC: the quality of service for one direction."""

    _fields_ = tuple(
        (name, c_uint32)
        for name in (
            *("TokenRate", "TokenBucketSize", "PeakBandwidth", "Latency"),
            *("DelayVariation", "ServiceType", "MaxSduSize", "MinimumPolicedSize"),
        )
    )


class WSABUF(Structure):
    """WSABUF: a buffer and its length."""

    _fields_ = (("len", c_uint32), ("buf", c_char_p))


class QOS(Structure):
    """QOS: the structure that lpSQOS and lpGQOS point to."""

    _fields_ = (("Sending", FLOWSPEC), ("Receiving", FLOWSPEC), ("ProviderSpecific", WSABUF))


def _sockaddr(host: str, port: int) -> bytes:
    family = int(socket.AF_INET).to_bytes(2, sys.byteorder)
    return family + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)


if sys.platform == "win32":
    import ctypes

    _ws2_32 = ctypes.WinDLL("ws2_32.dll", use_last_error=True, winmode=SEARCH_SYSTEM32)
    _ws2_32.WSAConnect.argtypes = (c_size_t, c_char_p, c_int, *[c_void_p] * 4)

    def _wsa_connect(sock: socket.socket, name: bytes, *others: Any) -> int:
        if not _ws2_32.WSAConnect(sock.fileno(), name, len(name), *others):
            return 0
        return ctypes.get_last_error()

else:
    _wsa_connect = None


def _ask(
    label: str,
    sock: socket.socket,
    name: bytes,
    *,
    caller: Any = None,
    sqos: Any = None,
    gqos: Any = None,
) -> Answer:
    """Call WSAConnect once on a non-blocking socket."""
    label = f"WSAConnect({label})"
    if _wsa_connect is None:
        return Answer(label, None, {}, "not tried: only Windows has it")
    sock.setblocking(False)
    others = [None if item is None else byref(item) for item in (caller, None, sqos, gqos)]
    try:
        return Answer(label, _wsa_connect(sock, name, *others), {})
    except OSError as error:  # ctypes reports an access violation as an OSError
        return Answer(label, None, {}, str(error).removeprefix("exception: "))


def port_0() -> list[Answer]:
    """Answer question 8, row 13."""
    with socket.socket(type=_STREAM) as sock:
        return [_ask("TCP, 127.0.0.1 port 0", sock, _sockaddr(_LOOPBACK, 0))]


def unconnect() -> list[Answer]:
    """Answer question 8, row 18, with and without a port. The output is the socket's new peer."""
    answers = []
    for port in (0, _ANY_PORT):
        with socket.socket(type=_DATAGRAM) as sock:
            sock.connect((_LOOPBACK, _ANY_PORT))
            answer = _ask(f"UDP, 0.0.0.0 port {port}", sock, _sockaddr("0.0.0.0", port))  # noqa: S104
            answers.append(answer._replace(outputs={"peer": _peer(sock)}))
    return answers


def _peer(sock: socket.socket) -> str:
    try:
        host, port = sock.getpeername()
    except OSError as error:
        return f"none ({error.errno})"
    return f"{host}:{port}"


def caller_data() -> list[Answer]:
    """Answer question 8, row 25."""
    data = create_string_buffer(b"data")
    buffer = WSABUF(4, c_char_p(data.raw))
    answers = []
    for title, kind in (("TCP", _STREAM), ("UDP", _DATAGRAM)):
        with socket.create_server((_LOOPBACK, 0)) as listener, socket.socket(type=kind) as sock:
            name = _sockaddr(*listener.getsockname())
            answers.append(_ask(f"{title}, 4 bytes of caller data", sock, name, caller=buffer))
    return answers


def qos() -> list[Answer]:
    """Answer question 8, row 27."""
    too_much = QOS()
    for flow in (too_much.Sending, too_much.Receiving):
        flow.TokenRate = flow.PeakBandwidth = _UNREACHABLE_RATE
        flow.ServiceType = _GUARANTEED
    answers = []
    with socket.create_server((_LOOPBACK, 0)) as listener:
        name = _sockaddr(*listener.getsockname())
        for title, structures in (
            ("GQOS of zeros", {"gqos": QOS()}),
            ("SQOS of zeros", {"sqos": QOS()}),
            ("SQOS of 4 GB/s guaranteed", {"sqos": too_much}),
        ):
            with socket.socket(type=_STREAM) as sock:
                answers.append(_ask(f"TCP, {title}", sock, name, **structures))
    return answers


def broadcast() -> list[Answer]:
    """Answer question 8, row 31. The packets leave this computer if Windows permits it."""
    answers = []
    for host in ("255.255.255.255", "224.0.0.1"):
        with socket.socket(type=_STREAM) as sock:
            answers.append(_ask(f"TCP, {host}", sock, _sockaddr(host, _ANY_PORT)))
    return answers
