"""The connects of the ctypes backend: the system's own functions, and the batch in Python.

_Batch corresponds to csrc/shim/connect.c. The functions that differ between systems correspond to
csrc/shim/net_win.c and net_posix.c.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import itertools
import select
import socket
import struct
import sys
from time import perf_counter_ns
from typing import NamedTuple, TypeAlias

from . import codes
from .ctypes_os import SEARCH_SYSTEM32, system_number
from .layout import (
    RN_BATCH_OPTIONS,
    RN_CONNECTED,
    RN_E_AGAIN,
    RN_FAILED,
    RN_NO_ADDRESS,
    RN_NO_SYN_RETRANSMISSIONS,
    RN_OUTCOME,
    RN_SIO_TCP_INITIAL_RTO,
    RN_TARGET,
    RN_TIMED_OUT,
)
from .sockaddr import IPV4, IPV6, has_local_address, sockaddr

_Target: TypeAlias = tuple[int, int, int, int, bytes]  # the members of rn_target


@functools.lru_cache(maxsize=4096)
def _host(family: int, packed: bytes) -> str:
    if family == IPV4:
        return socket.inet_ntop(socket.AF_INET, packed[:4])
    return socket.inet_ntop(socket.AF_INET6, packed)


def _address(
    family: int, port: int, flowinfo: int, scope_id: int, packed: bytes
) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return the address in the form that the socket module takes."""
    host = _host(family, packed)
    return (host, port) if family == IPV4 else (host, port, flowinfo, scope_id)


if sys.platform == "win32":
    _VERSION_2_2 = 0x202
    _WSADATA_SIZE = 512  # 408 at most
    _NO_RETRANSMISSION = struct.pack("=HBx", 0, RN_NO_SYN_RETRANSMISSIONS)
    _LINGER_AT_ONCE = struct.pack("=HH", 1, 0)
    _BEGUN = frozenset({codes.WSAEWOULDBLOCK})
    _AT_CAPACITY = frozenset({codes.WSAEMFILE, codes.WSAENOBUFS})
    _NO_LOCAL_ADDRESS = None  # Windows gives WSAENOBUFS if no local port is left
    _NO_REASON = codes.WSAECONNABORTED
    _IPV6_LOOPBACK = bytes(15) + b"\1"

    class _WSABUF(ctypes.Structure):
        _fields_ = (("len", ctypes.c_uint32), ("buf", ctypes.c_void_p))
        len: int

    class _TIMEVAL(ctypes.Structure):
        _fields_ = (("tv_sec", ctypes.c_int32), ("tv_usec", ctypes.c_int32))

    _POINTER = ctypes.c_void_p
    _SOCKET = ctypes.c_size_t

    _ws2_32 = ctypes.WinDLL("ws2_32.dll", use_last_error=True, winmode=SEARCH_SYSTEM32)
    _ws2_32.WSAConnect.argtypes = (
        *(_SOCKET, ctypes.c_char_p, ctypes.c_int),
        *(_POINTER, _POINTER, ctypes.c_char_p, _POINTER),
    )
    _ws2_32.select.argtypes = (ctypes.c_int, _POINTER, _POINTER, _POINTER, _POINTER)
    _ws2_32.WSAIoctl.argtypes = (
        *(_SOCKET, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_uint32),
        *(_POINTER, ctypes.c_uint32, _POINTER, _POINTER, _POINTER),
    )

    START_ERROR: int = _ws2_32.WSAStartup(_VERSION_2_2, ctypes.create_string_buffer(_WSADATA_SIZE))

    def wsa_connect(
        sock: socket.socket,
        name: bytes,
        caller_data: bytes | None,
        sqos: bytes | None,
        callee_size: int,
    ) -> tuple[int, bytes]:
        """Call WSAConnect once; return 0 or the system's error, and the callee's data."""
        data = ctypes.create_string_buffer(caller_data or b"")
        caller = _WSABUF(len(caller_data or b""), ctypes.addressof(data))
        answer = ctypes.create_string_buffer(callee_size + 1)
        callee = _WSABUF(callee_size, ctypes.addressof(answer))
        failed = _ws2_32.WSAConnect(
            sock.fileno(),
            name,
            len(name),
            None if caller_data is None else ctypes.byref(caller),
            ctypes.byref(callee) if callee_size else None,
            sqos,
            None,
        )
        if failed:
            return ctypes.get_last_error(), b""
        return 0, answer.raw[: callee.len]

    def _begin(sock: socket.socket, target: _Target) -> int:
        """Begin to connect; return 0 or the system's error."""
        name = sockaddr(*target)
        # Windows repeats a refused SYN for up to 2 s. Loopback loses no SYN, so one is enough.
        if name[4] == 127 if target[0] == IPV4 else target[4] == _IPV6_LOOPBACK:
            returned = ctypes.c_uint32()
            _ws2_32.WSAIoctl(
                *(
                    sock.fileno(),
                    RN_SIO_TCP_INITIAL_RTO,
                    _NO_RETRANSMISSION,
                    len(_NO_RETRANSMISSION),
                ),
                *(None, 0, ctypes.byref(returned), None, None),
            )
        return wsa_connect(sock, name, None, None, 0)[0]

    def _ended(descriptors: list[int], timeout_ns: int) -> dict[int, bool]:
        """Wait for connects; return those that ended, and whether SO_ERROR has their error."""
        # An fd_set is a 32-bit count and an array of handles. A count as wide as a handle has the
        # same layout.
        fd_set = ctypes.c_size_t * (len(descriptors) + 1)
        connected = fd_set(len(descriptors), *descriptors)
        failed = fd_set(len(descriptors), *descriptors)
        timeout = _TIMEVAL(*divmod(-(-timeout_ns // 1000), 1_000_000))
        if _ws2_32.select(0, None, connected, failed, ctypes.byref(timeout)) < 0:
            raise ctypes.WinError(ctypes.get_last_error())
        ended = dict.fromkeys(connected[1 : connected[0] + 1], False)
        return ended | dict.fromkeys(failed[1 : failed[0] + 1], True)

else:
    _LINGER_AT_ONCE = struct.pack("=ii", 1, 0)
    _BEGUN = frozenset({errno.EINPROGRESS, errno.EINTR})
    # EADDRINUSE means that bind found no local port, because the source's port is always 0.
    _AT_CAPACITY = frozenset(
        {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRINUSE}
    )
    _NO_LOCAL_ADDRESS = errno.EADDRNOTAVAIL  # it may also mean that no local port is left
    _NO_REASON = 0

    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.connect.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)

    START_ERROR: int = 0

    def wsa_connect(
        sock: socket.socket,
        name: bytes,
        caller_data: bytes | None,  # noqa: ARG001 - no protocol carries it here
        sqos: bytes | None,  # noqa: ARG001
        callee_size: int,  # noqa: ARG001
    ) -> tuple[int, bytes]:
        """Call connect once; return 0 or the system's error, and no data."""
        failed = _libc.connect(sock.fileno(), name, len(name))
        return ctypes.get_errno() if failed else 0, b""

    def _begin(sock: socket.socket, target: _Target) -> int:
        """Begin to connect; return 0 or the system's error."""
        return sock.connect_ex(_address(*target))

    def _ended(descriptors: list[int], timeout_ns: int) -> dict[int, bool]:
        """Wait for connects; return those that ended, and whether SO_ERROR has their error."""
        poller = select.poll()
        for descriptor in descriptors:
            poller.register(descriptor, select.POLLOUT)
        return {ready: True for ready, _ in poller.poll(-(-timeout_ns // 1_000_000))}


def _answer(sock: socket.socket, ask: bool) -> int:
    """Return 0 for connected, else the system's error; `ask` reads it from SO_ERROR."""
    return (sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or _NO_REASON) if ask else 0


def _is_at_capacity(os_error: int, target: _Target) -> bool:
    """Whether the error means that no descriptor, buffer or local port is left."""
    if os_error == _NO_LOCAL_ADDRESS:
        return has_local_address(_address(*target))
    return os_error in _AT_CAPACITY


def connect_wait(sock: socket.socket, slice_ns: int) -> int:
    """Wait for a connect; return 0 for connected, RN_E_AGAIN, or the system's error."""
    descriptor = sock.fileno()
    if descriptor == -1:  # another thread has closed it since the caller checked
        return RN_E_AGAIN
    try:
        ended = _ended([descriptor], slice_ns)
        return _answer(sock, ended[descriptor]) if ended else RN_E_AGAIN
    except OSError as error:
        return system_number(error)


# Plain numbers: the socket module's enumerations cost a microsecond a socket.
_FAMILIES = {IPV4: int(socket.AF_INET), IPV6: int(socket.AF_INET6)}
_STREAM = int(socket.SOCK_STREAM)


class _Attempt(NamedTuple):
    sock: socket.socket
    target: int
    started_ns: int


class _Batch:
    """Connects to many targets, with a limited number in flight, each on a new socket."""

    def __init__(self, targets: bytes, options: bytes, count: int) -> None:
        unpacked = RN_BATCH_OPTIONS.unpack(options)
        self.timeout_ns: int = unpacked[0]
        self.concurrency: int = unpacked[1]
        self.abortive: int = unpacked[2]
        self.source = _address(*unpacked[3:]) if unpacked[3] else None
        self.targets: list[_Target] = list(RN_TARGET.iter_unpack(targets))
        self.outcomes = [(0, 0, 0)] * count  # the members of rn_outcome
        self.attempts: dict[int, _Attempt] = {}  # by descriptor, the oldest first
        self.next = 0
        self.at_capacity = False  # the system refused one more: begin none until one ends

    def run(self, slice_ns: int) -> None:
        """Connect to every target and record each outcome."""
        while self.attempts or self.next < len(self.targets):
            # Begin only a few before the next wait, so that early answers get an exact time.
            for _ in range(min(self._startable(), 1 + len(self.attempts) // 16)):
                if not self.at_capacity:
                    self._begin_next()
            if self.attempts:
                timeout_ns = 0 if self._startable() else min(slice_ns, self._time_left())
                ended = _ended(list(self.attempts), timeout_ns)
                self._collect(ended, perf_counter_ns())

    def close(self) -> None:
        """Close the sockets that are in flight."""
        for attempt in self.attempts.values():
            attempt.sock.close()

    def _startable(self) -> int:
        """How many more targets may begin now."""
        if self.at_capacity:
            return 0
        return min(self.concurrency - len(self.attempts), len(self.targets) - self.next)

    def _time_left(self) -> int:
        oldest = next(iter(self.attempts.values()))
        return max(0, oldest.started_ns + self.timeout_ns - perf_counter_ns())

    def _record(self, status: int, os_error: int) -> None:
        """Record the outcome of the next target, which was never in flight."""
        self.outcomes[self.next] = 0, status, os_error
        self.next += 1

    def _should_wait(self, os_error: int, target: _Target) -> bool:
        """Whether the target should wait for one in flight to end and be tried again."""
        return bool(self.attempts) and _is_at_capacity(os_error, target)

    def _begin_next(self) -> None:
        target = self.targets[self.next]
        if not target[0]:
            self._record(RN_NO_ADDRESS, 0)
            return
        try:
            sock = self._open_socket(target[0])
        except OSError as error:
            os_error = system_number(error)
            self.at_capacity = self._should_wait(os_error, target)
            if not self.at_capacity:
                self._record(RN_FAILED, os_error)
            return
        attempt = _Attempt(sock, self.next, perf_counter_ns())
        os_error = _begin(sock, target)
        if os_error and os_error not in _BEGUN and self._should_wait(os_error, target):
            sock.close()
            self.at_capacity = True
            return
        self.next += 1
        self.attempts[sock.fileno()] = attempt
        if os_error not in _BEGUN:
            self._end(attempt, RN_FAILED if os_error else RN_CONNECTED, os_error, perf_counter_ns())

    def _open_socket(self, family: int) -> socket.socket:
        sock = socket.socket(_FAMILIES[family], _STREAM)
        try:
            sock.setblocking(False)
            if self.source:
                sock.bind(self.source)
        except BaseException:
            sock.close()
            raise
        return sock

    def _collect(self, ended: dict[int, bool], now_ns: int) -> None:
        for descriptor, ask in ended.items():
            attempt = self.attempts[descriptor]
            os_error = _answer(attempt.sock, ask)
            self._end(attempt, RN_FAILED if os_error else RN_CONNECTED, os_error, now_ns)
        while self.attempts:
            oldest = next(iter(self.attempts.values()))
            if now_ns - oldest.started_ns < self.timeout_ns:
                return
            self._end(oldest, RN_TIMED_OUT, 0, now_ns)

    def _end(self, attempt: _Attempt, status: int, os_error: int, now_ns: int) -> None:
        """Record the outcome of an attempt in flight and close its socket."""
        self.outcomes[attempt.target] = now_ns - attempt.started_ns, status, os_error
        if status == RN_CONNECTED and self.abortive:
            attempt.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_AT_ONCE)
        del self.attempts[attempt.sock.fileno()]
        attempt.sock.close()
        self.at_capacity = False


def connect_many(targets: bytes, options: bytes, count: int, slice_ns: int) -> tuple[int, bytes]:
    """Connect to `count` rn_target; return 0 or a code, and as many rn_outcome."""
    batch = _Batch(targets, options, count)
    try:
        batch.run(slice_ns)
    except OSError as error:
        return system_number(error), b""
    finally:
        batch.close()
    return 0, b"".join(itertools.starmap(RN_OUTCOME.pack, batch.outcomes))
