"""wsa_connect and connect, which connect one socket."""

from __future__ import annotations

import errno
import socket
import sys
import time

from .. import _backend
from .._backend import codes, contract
from .._backend.contract import SocketBackend
from .._backend.layout import (
    RN_E_TIMEOUT,
    RN_REPEAT_PAUSE_NS,
    RN_SLOW_REFUSAL_NS,
)
from .._backend.sockaddr import IPV4, is_loopback_name
from .._check import LONGEST_SECONDS, byte_string, nanoseconds, whole_number, wrong_type
from .._errors import winsock_code, winsock_error
from .._wait import wait_in_slices
from . import checks, syn
from .checks import Address

_UNTIL_TCP_GIVES_UP = LONGEST_SECONDS * 1_000_000_000  # only the system's own timeout ends it
_IN_PROGRESS = codes.WSAEWOULDBLOCK if sys.platform == "win32" else errno.EINPROGRESS
_LARGEST_DATA = 65_536


def started(backend: str | None) -> SocketBackend:
    """Return the backend; raise if Winsock could not be started."""
    api = contract.socket_backend(_backend.select(backend))
    if api.START_ERROR:
        raise winsock_error(api.START_ERROR, 0, "WSAStartup")
    return api


# Arguments


def _checked_socket(sock: object) -> socket.socket:
    if not isinstance(sock, socket.socket):
        raise wrong_type("sock", "a socket.socket", sock)
    return sock


def _checked_data(name: str, value: object) -> bytes | None:
    return None if value is None else byte_string(name, value, _LARGEST_DATA)


# One socket


def wsa_connect(
    sock: socket.socket,
    name: Address | bytes | None,
    *,
    namelen: int | None = None,
    caller_data: bytes | None = None,
    callee_data: int = 0,
    sqos: bytes | None = None,
    gqos: bytes | None = None,
    backend: str | None = None,
) -> bytes:
    """Call WSAConnect once on an open socket; return the callee's data, which TCP/IP never has.

    sock: an open `socket.socket`.
    name: an address in the form of the socket module; its host is numeric, or an IPv4Address or
    IPv6Address. Or the bytes of a sockaddr. A name of zeros, 16 bytes for IPv4 and 28 for IPv6,
    removes a datagram socket's peer.
    namelen: how many of the bytes of `name` the call reads; None: all.
    caller_data: bytes for the callee.
    callee_data: the capacity for the callee's data, in bytes.
    sqos: the bytes of a QOS structure.
    gqos: must be None.
    backend: that of `Ras`.

    On a blocking stream socket the call waits for the outcome. After Ctrl-C the attempt is still in
    progress: close the socket. A socket with a timeout counts as non-blocking. On a non-blocking
    socket BlockingIOError (WSAEWOULDBLOCK) means that the attempt has begun; select shows its end.

    The Winsock codes are the same on every system, unless only the system knows the answer. For
    instance, POSIX gives PermissionError (WSAEACCES) for a broadcast address without SO_BROADCAST,
    but the documentation of Windows and its behaviour differ.

    Raises WSAError, which is also a ConnectionRefusedError, TimeoutError, PermissionError and so
    on. Its `code` is the Winsock code, its `errno` the system's number. Raises TypeError and
    ValueError for arguments that WSAConnect cannot take. Source: WSAConnect.

    >>> import socket
    >>> with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as sock:
    ...     data = wsa_connect(sock, server.getsockname())
    ...     sock.getpeername() == server.getsockname()
    True
    """
    sock = _checked_socket(sock)
    encoded = checks.encode_name(name, namelen, "name")
    caller_data = _checked_data("caller_data", caller_data)
    sqos = _checked_data("sqos", sqos)
    gqos = _checked_data("gqos", gqos)
    callee_data = whole_number("callee_data", callee_data, 0, _LARGEST_DATA)
    api = started(backend)
    checked = checks.check(sock, encoded, caller_data, sqos, gqos)
    if checks.is_tcpip(sock):
        wait = sock.gettimeout() is None
        _attempt(api, sock, checked, _UNTIL_TCP_GIVES_UP, wait=wait)
        return b""
    if callee_data and sock.gettimeout() is not None:
        raise ValueError("callee_data must be 0 for a non-blocking socket, which has none yet")
    os_error, data = api.wsa_connect(sock, checked, caller_data, sqos, callee_data)
    checks.raise_for(os_error, sock, checked)
    return data


def connect(
    sock: socket.socket,
    address: Address | bytes,
    *,
    timeout: float = 10.0,
    source: Address | None = None,
    syn_retries: int | None = None,
    backend: str | None = None,
) -> float:
    """Connect a socket within `timeout` seconds; return the seconds it took.

    `sock` may be blocking or not; the call restores its mode. Ctrl-C ends the wait. Close the
    socket after a timeout or Ctrl-C.

    `source` is the local address to bind the socket to first. To connect through the tunnel of an
    entry: `(local_address("Head office"), 0)`.

    `syn_retries` (0 to 127) is how often TCP repeats its first packet, the SYN, if no answer comes;
    Windows repeats it also after a refusal. Linux repeats it at least once. macOS and Windows
    before 10.0.16299 ignore the number. The socket keeps it.

    None leaves it to the system. On Windows a refusal takes about half a second per repeat, so the
    number is lowered to fit `timeout`; a late refusal would look like a timeout. On Windows'
    loopback TCP repeats nothing. Instead this function repeats a refused connect up to 5 times,
    5 ms apart, because Windows also refuses while a listener's queue is full.

    `address`, `backend` and the errors are those of `wsa_connect`; after `timeout` the error is
    TimeoutError (WSAETIMEDOUT). Source: WSAConnect.

    >>> import socket
    >>> with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as sock:
    ...     seconds = connect(sock, server.getsockname(), timeout=5)
    ...     sock.getpeername() == server.getsockname()
    True
    """
    sock = _checked_socket(sock)
    timeout_ns = nanoseconds("timeout", timeout)
    if not checks.is_tcpip(sock):
        raise ValueError("sock must be an IPv4 or IPv6 socket; wsa_connect takes the others")
    encoded = checks.encode_name(address, None, "address")
    _check_source(sock, source)
    retries = syn.choose(syn_retries, timeout_ns)
    api = started(backend)
    checked = checks.check(sock, encoded)
    if source is not None:
        _bind(sock, source)
    repeats = _set_retries(api, sock, checked, retries)
    began = time.perf_counter()
    _attempt(api, sock, checked, timeout_ns, wait=True, repeats=repeats)
    return time.perf_counter() - began


def _check_source(sock: socket.socket, source: Address | None) -> None:
    if source is None:
        return
    try:
        version, *_ = checks.parse_address(source)
    except (TypeError, ValueError) as error:
        raise type(error)(f"source: {error}") from None
    if (version == IPV4) != (sock.family == socket.AF_INET):
        raise ValueError(f"source: it is IPv{version}, but the socket is not")


def _bind(sock: socket.socket, source: Address) -> None:
    try:
        sock.bind((str(source[0]), *source[1:]))
    except OSError as error:
        number = getattr(error, "winerror", None) or error.errno or 0
        raise winsock_error(winsock_code(number), number, "bind") from error


def _set_retries(api: SocketBackend, sock: socket.socket, name: bytes, retries: syn.Retries) -> int:
    """Set the socket's SYN retries; return how often to repeat a refused connect."""
    if sock.type != socket.SOCK_STREAM:
        return 0
    local = is_loopback_name(name)
    api.set_syn_retries(sock, retries.loopback_syn if local else retries.syn)
    return retries.loopback if local else 0


def _attempt(
    api: SocketBackend,
    sock: socket.socket,
    name: bytes,
    timeout_ns: int,
    *,
    wait: bool,
    repeats: int = 0,
) -> None:
    """Begin without blocking and, with `wait`, wait for the outcome; raise unless it connected."""
    mode = sock.gettimeout()
    if mode is None:
        sock.setblocking(False)
    try:
        if wait:
            os_error = _wait_for_outcome(api, sock, name, timeout_ns, repeats)
        else:
            os_error = _begin(api, sock, name)
    finally:
        if mode is None and sock.fileno() != -1:
            sock.setblocking(True)
    checks.raise_for(os_error, sock, name)


def _wait_for_outcome(
    api: SocketBackend, sock: socket.socket, name: bytes, timeout_ns: int, repeats: int
) -> int:
    """Connect, and repeat a refused connect; return 0 or an error for `checks.raise_for`.

    A refusal that took long was repeated by the system already. Once refused, the connect does not
    end as a timeout.
    """
    deadline = time.perf_counter_ns() + timeout_ns
    refusal = 0
    while True:
        begun = time.perf_counter_ns()
        os_error = _begin(api, sock, name)
        if os_error == _IN_PROGRESS:
            os_error = _outcome(api, sock, max(0, deadline - time.perf_counter_ns()))
        if refusal and os_error == codes.WSAETIMEDOUT:
            return refusal
        now = time.perf_counter_ns()
        if (
            winsock_code(os_error) != codes.WSAECONNREFUSED
            or not repeats
            or now - begun >= RN_SLOW_REFUSAL_NS
            or now + RN_REPEAT_PAUSE_NS >= deadline
        ):
            return os_error
        refusal, repeats = os_error, repeats - 1
        time.sleep(RN_REPEAT_PAUSE_NS / 1e9)


def _begin(api: SocketBackend, sock: socket.socket, name: bytes) -> int:
    """Call WSAConnect; retry once if the error is left over from an earlier failed connect."""
    checks.option(sock, socket.SO_ERROR)
    os_error, _ = api.wsa_connect(sock, name, None, None, 0)
    if winsock_code(os_error) == codes.WSAECONNABORTED:
        os_error, _ = api.wsa_connect(sock, name, None, None, 0)
    return os_error


def _outcome(api: SocketBackend, sock: socket.socket, timeout_ns: int) -> int:
    """Wait for the attempt; return 0, the system's error or WSAETIMEDOUT."""

    def step(slice_ns: int) -> int:
        code = api.connect_wait(sock, slice_ns)
        # Another thread may have closed the socket; Windows' select may report it as writable.
        return codes.WSAENOTSOCK if sock.fileno() == -1 else code

    code = wait_in_slices(step, timeout_ns)
    return codes.WSAETIMEDOUT if code == RN_E_TIMEOUT else code
