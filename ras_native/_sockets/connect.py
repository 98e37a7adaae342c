"""wsa_connect and connect, which connect one socket, and connect_many for many targets."""

from __future__ import annotations

import enum
import errno
import socket
import sys
import time
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from .. import _backend
from .._backend import codes, contract
from .._backend.contract import SocketBackend
from .._backend.layout import (
    RN_BATCH_OPTIONS,
    RN_CONNECTED,
    RN_E_FIRST,
    RN_E_TIMEOUT,
    RN_FAILED,
    RN_MAX_CONCURRENCY,
    RN_MAX_TARGETS,
    RN_NO_ADDRESS,
    RN_OUTCOME,
    RN_TARGET,
    RN_TIMED_OUT,
)
from .._backend.sockaddr import IPV4
from .._check import LONGEST_SECONDS, byte_string, nanoseconds, whole_number, wrong_type
from .._errors import posix_errno, winsock_code, winsock_error
from .._plain import documented
from .._wait import SLICE_NS, wait_in_slices
from . import checks
from .checks import Address

_UNTIL_TCP_GIVES_UP = LONGEST_SECONDS * 1_000_000_000  # only the system's own timeout ends it
_IN_PROGRESS = codes.WSAEWOULDBLOCK if sys.platform == "win32" else errno.EINPROGRESS
_LARGEST_DATA = 65_536


def _started(backend: str | None) -> SocketBackend:
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

    `name` is an address in the form of the socket module. Its host is numeric, or an IPv4Address or
    IPv6Address. Or `name` is the bytes of a sockaddr; the call reads the first `namelen`. A name of
    zeros, 16 bytes for IPv4 and 28 for IPv6, removes a datagram socket's peer. `callee_data` is the
    capacity for the callee's data in bytes, `sqos` the bytes of a QOS structure. `gqos` must be
    None.

    On a blocking stream socket the call waits for the outcome. After Ctrl-C the attempt is still in
    progress: close the socket. A socket with a timeout counts as non-blocking. On a non-blocking
    socket BlockingIOError (WSAEWOULDBLOCK) means that the attempt has begun; select shows its end.

    The Winsock codes are the same on every system, unless only the system knows the answer. For
    instance, POSIX gives PermissionError (WSAEACCES) for a broadcast address without SO_BROADCAST,
    but the documentation of Windows and its behaviour differ.

    Raises WSAError, which is also a ConnectionRefusedError, TimeoutError, PermissionError and so
    on. Its `code` is the Winsock code, its `errno` the system's number. Raises TypeError and
    ValueError for arguments that WSAConnect cannot take. Source: WSAConnect.
    """
    sock = _checked_socket(sock)
    encoded = checks.encode_name(name, namelen, "name")
    caller_data = _checked_data("caller_data", caller_data)
    sqos = _checked_data("sqos", sqos)
    gqos = _checked_data("gqos", gqos)
    callee_data = whole_number("callee_data", callee_data, 0, _LARGEST_DATA)
    api = _started(backend)
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
    backend: str | None = None,
) -> float:
    """Connect a socket within `timeout` seconds; return the seconds it took.

    The socket may be blocking or not; the call restores its mode. Ctrl-C ends the wait. Close the
    socket after a timeout or Ctrl-C.

    `address` and the errors are those of `wsa_connect`; after `timeout` the error is TimeoutError
    (WSAETIMEDOUT). Source: WSAConnect.
    """
    sock = _checked_socket(sock)
    timeout_ns = nanoseconds("timeout", timeout)
    if not checks.is_tcpip(sock):
        raise ValueError("sock must be an IPv4 or IPv6 socket; wsa_connect takes the others")
    encoded = checks.encode_name(address, None, "address")
    api = _started(backend)
    checked = checks.check(sock, encoded)
    began = time.perf_counter()
    _attempt(api, sock, checked, timeout_ns, wait=True)
    return time.perf_counter() - began


def _attempt(
    api: SocketBackend, sock: socket.socket, name: bytes, timeout_ns: int, *, wait: bool
) -> None:
    """Begin without blocking and, with `wait`, wait for the outcome; raise unless it connected."""
    mode = sock.gettimeout()
    if mode is None:
        sock.setblocking(False)
    try:
        os_error = _begin(api, sock, name)
        if wait and os_error == _IN_PROGRESS:
            os_error = _outcome(api, sock, timeout_ns)
    finally:
        if mode is None and sock.fileno() != -1:
            sock.setblocking(True)
    checks.raise_for(os_error, sock, name)


def _begin(api: SocketBackend, sock: socket.socket, name: bytes) -> int:
    """Call WSAConnect; retry once if the error is left over from an earlier failed connect."""
    checks.option(sock, socket.SO_ERROR)
    os_error, _ = api.wsa_connect(sock, name, None, None, 0)
    if winsock_code(os_error) == codes.WSAECONNABORTED:
        os_error, _ = api.wsa_connect(sock, name, None, None, 0)
    return os_error


def _outcome(api: SocketBackend, sock: socket.socket, timeout_ns: int) -> int:
    """Wait for the attempt; return 0 or the system's error."""

    def step(slice_ns: int) -> int:
        code = api.connect_wait(sock, slice_ns)
        # Another thread may have closed the socket; Windows' select may report it as writable.
        return codes.WSAENOTSOCK if sock.fileno() == -1 else code

    code = wait_in_slices(step, timeout_ns)
    if code == RN_E_TIMEOUT:
        raise winsock_error(codes.WSAETIMEDOUT, 0, checks.FUNCTION)
    return _system_error(code)


def _system_error(code: int) -> int:
    """Return the system's error; raise MemoryError for the shim's own."""
    if code >= RN_E_FIRST:
        raise MemoryError("no memory to wait for a connect")
    return code


# Many targets


class ConnectOutcome(str, enum.Enum):
    """How one attempt ended."""

    OPEN = "open"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    ERROR = "error"


@documented(
    target="The address that was given.",
    outcome="The ConnectOutcome of the attempt.",
    code="The Winsock code, the same on every system; 0 for an open target.",
    errno="The system's own error number; 0 for an open target.",
    elapsed_ns="Nanoseconds from the connect call to its outcome, on a monotonic clock.",
)
class ConnectResult(NamedTuple):
    """How the connect to one target of connect_many ended."""

    target: Address
    outcome: ConnectOutcome
    code: int
    errno: int
    elapsed_ns: int

    @property
    def is_open(self) -> bool:
        """Whether the target accepted the connection."""
        return self.outcome is ConnectOutcome.OPEN

    @property
    def milliseconds(self) -> float:
        """Milliseconds from the connect call to its outcome."""
        return self.elapsed_ns / 1e6


_CODES = {
    RN_CONNECTED: 0,
    RN_TIMED_OUT: codes.WSAETIMEDOUT,
    RN_NO_ADDRESS: codes.WSAEADDRNOTAVAIL,
}
_OUTCOMES = {
    0: ConnectOutcome.OPEN,
    codes.WSAENETDOWN: ConnectOutcome.UNREACHABLE,
    codes.WSAENETUNREACH: ConnectOutcome.UNREACHABLE,
    codes.WSAETIMEDOUT: ConnectOutcome.TIMEOUT,
    codes.WSAECONNREFUSED: ConnectOutcome.REFUSED,
    codes.WSAEHOSTDOWN: ConnectOutcome.UNREACHABLE,
    codes.WSAEHOSTUNREACH: ConnectOutcome.UNREACHABLE,
}


def connect_many(
    targets: Iterable[Address],
    *,
    timeout: float = 3.0,
    concurrency: int = 256,
    source: Address | None = None,
    abortive: bool = True,
    backend: str | None = None,
) -> list[ConnectResult]:
    """Connect to every target by TCP, close each connection, return the results in order.

    `targets` are at most a million addresses, IPv4 and IPv6 mixed, with numeric hosts or objects of
    ipaddress. At most `concurrency` (1 to 65,536) sockets are open at a time. While the system has
    no descriptor, buffer or local port for another socket, the next target waits until an attempt
    ends. Each attempt has a new socket and `timeout` seconds. `source` is the local address to
    connect from, for instance a tunnel's, with port 0.

    `abortive` True ends the connections with a reset, which the remote side sees. Then no local
    port stays in TIME_WAIT; Windows has only 16,384 local ports. False closes them normally.

    Windows takes up to 2 seconds to report a refused connection, because it repeats the attempt. On
    loopback this function asks it not to. There Windows also refuses while a listener's queue is
    full.

    A target's failure is a result, never an exception. Raises TypeError and ValueError for bad
    arguments before it opens a socket, WSAError if Winsock or the wait for sockets fails. Ctrl-C
    raises KeyboardInterrupt after every socket is closed. Source: WSAConnect.
    """
    timeout_ns = nanoseconds("timeout", timeout)
    concurrency = whole_number("concurrency", concurrency, 1, RN_MAX_CONCURRENCY)
    if isinstance(targets, (str, bytes)) or not isinstance(targets, Iterable):
        raise wrong_type("targets", "an iterable of addresses", targets)
    listed = list(islice(targets, RN_MAX_TARGETS + 1))
    if len(listed) > RN_MAX_TARGETS:
        raise ValueError(f"targets must be at most {RN_MAX_TARGETS}; split them")
    packed_source = _pack_source(source)
    packed = _pack_targets(listed)
    _check_families(packed, packed_source)
    api = _started(backend)
    options = RN_BATCH_OPTIONS.pack(
        timeout_ns, concurrency, bool(abortive), *RN_TARGET.unpack(packed_source)
    )
    code, outcomes = api.connect_many(packed, options, len(listed), SLICE_NS)
    if _system_error(code):
        raise winsock_error(winsock_code(code), code, "select")
    return _decode(listed, outcomes, bound=source is not None)


def _pack_targets(targets: list[Address]) -> bytes:
    parse, pack = checks.parse_address, RN_TARGET.pack
    packed = []
    for index, target in enumerate(targets):
        try:
            family, port, flowinfo, scope_id, address = parse(target)
        except (TypeError, ValueError) as error:
            raise type(error)(f"targets[{index}]: {error}") from None
        if not port or not any(address):
            family = 0  # WSAConnect gives WSAEADDRNOTAVAIL for an address of zeros
        packed.append(pack(family, port, flowinfo, scope_id, address))
    return b"".join(packed)


def _pack_source(source: Address | None) -> bytes:
    """Bind to the address once, to check that this computer has it, and pack it."""
    if source is None:
        return bytes(RN_TARGET.size)
    try:
        family, port, flowinfo, scope_id, address = checks.parse_address(source)
    except (TypeError, ValueError) as error:
        raise type(error)(f"source: {error}") from None
    if port:
        raise ValueError(f"source: the port must be 0, not {port}")
    with socket.socket(socket.AF_INET if family == IPV4 else socket.AF_INET6) as probe:
        try:
            probe.bind((str(source[0]), *source[1:]))
        except OSError as error:
            raise ValueError(f"source: {source!r} is not an address of this computer") from error
    return RN_TARGET.pack(family, 0, flowinfo, scope_id, address)


def _check_families(targets: bytes, source: bytes) -> None:
    """Check that no target is of another family than the source."""
    family = RN_TARGET.unpack(source)[0]
    for index, target in enumerate(RN_TARGET.iter_unpack(targets) if family else ()):
        if target[0] not in (0, family):
            raise ValueError(f"source is IPv{family}, but targets[{index}] is IPv{target[0]}")


class _Answers(dict[tuple[int, int], tuple[ConnectOutcome, int, int]]):
    """Maps a status and a system's error to outcome, Winsock code and errno; caches each."""

    def __missing__(self, key: tuple[int, int]) -> tuple[ConnectOutcome, int, int]:
        status, os_error = key
        code = winsock_code(os_error) if status == RN_FAILED else _CODES[status]
        outcome = _OUTCOMES.get(code, ConnectOutcome.ERROR)
        number = os_error if os_error and sys.platform != "win32" else posix_errno(code)
        answer = self[key] = outcome, code, number if code else 0
        return answer


def _decode(targets: list[Address], outcomes: bytes, *, bound: bool) -> list[ConnectResult]:
    answers = _Answers()
    results = [
        ConnectResult(target, *answers[status, os_error], elapsed_ns)
        for target, (elapsed_ns, status, os_error) in zip(
            targets, RN_OUTCOME.iter_unpack(outcomes), strict=True
        )
    ]
    if sys.platform != "win32" and (RN_FAILED, errno.EADDRNOTAVAIL) in answers:
        return [_with_shortage(result, bound=bound) for result in results]
    return results


def _with_shortage(result: ConnectResult, *, bound: bool) -> ConnectResult:
    """Distinguish a lack of local ports from the lack of a local address for the target."""
    if result.code != codes.WSAEADDRNOTAVAIL or not result.elapsed_ns:
        return result
    address = str(result.target[0]), *result.target[1:]
    return result._replace(code=checks.local_shortage(address, bound=bound))
