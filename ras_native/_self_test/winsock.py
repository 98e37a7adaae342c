"""The open questions about WSAConnect, asked of Winsock itself; elsewhere there is none to ask.

All addresses are this computer's own, but those of `broadcast`.
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

from .raw import Answer

_STREAM, _DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
_LOOPBACK = "127.0.0.1"
_ANY_PORT = 9  # discard: whether anybody listens is not the question
_GUARANTEED = 3  # SERVICETYPE_GUARANTEED
_NEVER_TO_BE_HAD = 0xFFFFFFFE  # bytes a second


class FLOWSPEC(Structure):
    """What a QOS asks for one direction."""

    _fields_ = tuple(
        (name, c_uint32)
        for name in (
            *("TokenRate", "TokenBucketSize", "PeakBandwidth", "Latency"),
            *("DelayVariation", "ServiceType", "MaxSduSize", "MinimumPolicedSize"),
        )
    )


class WSABUF(Structure):
    """A buffer and its length."""

    _fields_ = (("len", c_uint32), ("buf", c_char_p))


class QOS(Structure):
    """What lpSQOS and lpGQOS point to."""

    _fields_ = (("Sending", FLOWSPEC), ("Receiving", FLOWSPEC), ("ProviderSpecific", WSABUF))


def _sockaddr(host: str, port: int) -> bytes:
    family = int(socket.AF_INET).to_bytes(2, sys.byteorder)
    return family + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)


if sys.platform == "win32":
    import ctypes

    _ws2_32 = ctypes.WinDLL("ws2_32.dll", use_last_error=True, winmode=0x800)
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
    """One WSAConnect, without blocking."""
    label = f"WSAConnect({label})"
    if _wsa_connect is None:
        return Answer(label, None, {}, "not asked: only Windows has it")
    sock.setblocking(False)
    others = [None if item is None else byref(item) for item in (caller, None, sqos, gqos)]
    try:
        return Answer(label, _wsa_connect(sock, name, *others), {})
    except OSError as error:  # how ctypes reports an access violation
        return Answer(label, None, {}, str(error).removeprefix("exception: "))


def port_0() -> list[Answer]:
    """Row 13."""
    with socket.socket(type=_STREAM) as sock:
        return [_ask("TCP, 127.0.0.1 port 0", sock, _sockaddr(_LOOPBACK, 0))]


def unconnect() -> list[Answer]:
    """Row 18: with a port and without, and whether the socket has a peer afterwards."""
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
    """Row 25."""
    data = create_string_buffer(b"data")
    buffer = WSABUF(4, c_char_p(data.raw))
    answers = []
    for title, kind in (("TCP", _STREAM), ("UDP", _DATAGRAM)):
        with socket.create_server((_LOOPBACK, 0)) as listener, socket.socket(type=kind) as sock:
            name = _sockaddr(*listener.getsockname())
            answers.append(_ask(f"{title}, 4 bytes of caller data", sock, name, caller=buffer))
    return answers


def qos() -> list[Answer]:
    """Row 27."""
    greedy = QOS()
    for flow in (greedy.Sending, greedy.Receiving):
        flow.TokenRate = flow.PeakBandwidth = _NEVER_TO_BE_HAD
        flow.ServiceType = _GUARANTEED
    answers = []
    with socket.create_server((_LOOPBACK, 0)) as listener:
        name = _sockaddr(*listener.getsockname())
        for title, asked in (
            ("GQOS of zeros", {"gqos": QOS()}),
            ("SQOS of zeros", {"sqos": QOS()}),
            ("SQOS of 4 GB/s guaranteed", {"sqos": greedy}),
        ):
            with socket.socket(type=_STREAM) as sock:
                answers.append(_ask(f"TCP, {title}", sock, name, **asked))
    return answers


def broadcast() -> list[Answer]:
    """Row 31: leaves this computer if Windows lets it."""
    answers = []
    for host in ("255.255.255.255", "224.0.0.1"):
        with socket.socket(type=_STREAM) as sock:
            answers.append(_ask(f"TCP, {host}", sock, _sockaddr(host, _ANY_PORT)))
    return answers
