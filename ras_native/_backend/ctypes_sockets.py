"""The connects of the ctypes backend: the system's own functions, and the batch in Python.

_Batch corresponds to csrc/shim/connect.c. The functions that differ between systems correspond to
csrc/shim/net_*.c.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import itertools
import select
import socket
import struct
import sys
from collections import OrderedDict
from time import perf_counter_ns, sleep
from typing import Any, TypeAlias

from . import codes
from .ctypes_os import SEARCH_SYSTEM32, system_number
from .layout import (
    RN_BATCH_OPTIONS,
    RN_CATCH_UP_NS,
    RN_CONNECTED,
    RN_E_AGAIN,
    RN_FAILED,
    RN_NO_ADDRESS,
    RN_NO_SYN_RETRANSMISSIONS,
    RN_OUTCOME,
    RN_REPEAT_PAUSE_NS,
    RN_SIO_TCP_INITIAL_RTO,
    RN_SLOW_REFUSAL_NS,
    RN_SYN_RETRIES_UNSET,
    RN_TARGET,
    RN_TIMED_OUT,
    RN_UNSPECIFIED_RTT,
)
from .sockaddr import IPV4, IPV6, has_local_address, is_loopback, sockaddr

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
    _LINGER_AT_ONCE = struct.pack("=HH", 1, 0)
    _BEGUN = frozenset({codes.WSAEWOULDBLOCK})
    _AT_CAPACITY = frozenset({codes.WSAEMFILE, codes.WSAENOBUFS})
    _NO_LOCAL_ADDRESS = None  # Windows gives WSAENOBUFS if no local port is left
    _NO_REASON = codes.WSAECONNABORTED
    _REFUSED: int = codes.WSAECONNREFUSED

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

    def set_syn_retries(sock: socket.socket, retries: int) -> None:
        """Set how often TCP repeats the socket's SYN; old systems ignore it."""
        if retries == RN_SYN_RETRIES_UNSET:
            return
        count = retries or RN_NO_SYN_RETRANSMISSIONS
        parameters = struct.pack("=HBx", RN_UNSPECIFIED_RTT, count)
        returned = ctypes.c_uint32()
        _ws2_32.WSAIoctl(
            *(sock.fileno(), RN_SIO_TCP_INITIAL_RTO, parameters, len(parameters)),
            *(None, 0, ctypes.byref(returned), None, None),
        )

    def _begin(sock: socket.socket, target: _Target) -> int:
        """Begin to connect; return 0 or the system's error."""
        return wsa_connect(sock, sockaddr(*target), None, None, 0)[0]

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

    class _Waiter:
        """Waits for the connects of many sockets at once."""

        def __init__(self) -> None:
            self._waiting: dict[int, None] = {}

        def add(self, descriptor: int) -> None:
            """Wait for this socket too."""
            self._waiting[descriptor] = None

        def remove(self, descriptor: int) -> None:
            """Stop waiting for it."""
            del self._waiting[descriptor]

        def wait(self, timeout_ns: int) -> dict[int, bool]:
            """Return the sockets that ended, and whether SO_ERROR has their error."""
            if self._waiting:
                return _ended(list(self._waiting), timeout_ns)
            sleep(timeout_ns / 1e9)  # select refuses to wait for nothing
            return {}

        def close(self) -> None:
            """Free what the waiter uses."""

else:
    _LINGER_AT_ONCE = struct.pack("=ii", 1, 0)
    _BEGUN = frozenset({errno.EINPROGRESS, errno.EINTR})
    # EADDRINUSE means that bind found no local port, because the source's port is always 0.
    _AT_CAPACITY = frozenset(
        {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC, errno.EADDRINUSE}
    )
    _NO_LOCAL_ADDRESS = errno.EADDRNOTAVAIL  # it may also mean that no local port is left
    _NO_REASON = 0
    _REFUSED: int = errno.ECONNREFUSED

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

    def set_syn_retries(sock: socket.socket, retries: int) -> None:
        """Set how often TCP repeats the socket's SYN; Linux repeats it at least once."""
        if retries != RN_SYN_RETRIES_UNSET and sys.platform == "linux":
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, max(1, retries))

    def _begin(sock: socket.socket, target: _Target) -> int:
        """Begin to connect; return 0 or the system's error."""
        return sock.connect_ex(_address(*target))

    def _ended(descriptors: list[int], timeout_ns: int) -> dict[int, bool]:
        """Wait for connects; return those that ended, and whether SO_ERROR has their error."""
        poller = select.poll()
        for descriptor in descriptors:
            poller.register(descriptor, select.POLLOUT)
        return {ready: True for ready, _ in poller.poll(-(-timeout_ns // 1_000_000))}

    class _Waiter:
        """Waits for the connects of many sockets at once.

        The cost of Linux' epoll does not depend on how many sockets do not answer.
        """

        def __init__(self) -> None:
            self._poller: Any = None  # epoll takes a descriptor, so it is made when it is needed

        def add(self, descriptor: int) -> None:
            """Wait for this socket too."""
            if self._poller is None:
                self._poller = select.epoll() if sys.platform == "linux" else select.poll()
            self._poller.register(descriptor, select.POLLOUT)

        def remove(self, descriptor: int) -> None:
            """Stop waiting for it."""
            self._poller.unregister(descriptor)

        def wait(self, timeout_ns: int) -> dict[int, bool]:
            """Return the sockets that ended, and whether SO_ERROR has their error."""
            milliseconds = -(-timeout_ns // 1_000_000)
            if self._poller is None:
                sleep(milliseconds / 1e3)
                return {}
            timeout = milliseconds / 1e3 if sys.platform == "linux" else milliseconds
            return {ready: True for ready, _ in self._poller.poll(timeout)}

        def close(self) -> None:
            """Free what the waiter uses."""
            if sys.platform == "linux" and self._poller is not None:
                self._poller.close()


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


class _Attempt:
    """The connects to one target. While it pauses, its socket is closed."""

    __slots__ = ("begun_ns", "number", "refusal", "repeats", "resume_ns", "sock", "started_ns",
                 "target")  # fmt: skip

    def __init__(self, target: _Target, number: int) -> None:
        self.target, self.number = target, number
        self.sock: Any = None  # a socket.socket; None while it has none
        self.started_ns = self.begun_ns = self.resume_ns = 0
        self.refusal = self.repeats = 0


class _Batch:
    """Connects to many targets, with a limited number in flight, each on a new socket."""

    def __init__(self, options: bytes) -> None:
        unpacked = RN_BATCH_OPTIONS.unpack(options)
        self.timeout_ns, self.interval_ns, self.concurrency, self.wanted = unpacked[:4]
        self.abortive, self.syn_retries, self.loopback_syn_retries = unpacked[4:7]
        self.loopback_repeats: int = unpacked[7]
        self.source = _address(*unpacked[8:]) if unpacked[8] else None
        self.waiter = _Waiter()
        self.by_descriptor: dict[int, _Attempt] = {}  # those that wait for an answer
        # Both by number. A dict would be slow to find its first key once many were removed.
        self.ages: OrderedDict[int, _Attempt] = OrderedDict()  # all in flight, oldest first
        self.pauses: OrderedDict[int, _Attempt] = OrderedDict()  # those that pause
        self.number = 0  # of the next target
        self.due_ns = perf_counter_ns()  # with an interval: when the next connect may begin
        self.at_capacity = False  # the system refused one more: begin none until one is closed
        # Of the current run.
        self.targets, self.next, self.last = b"", 0, 0
        self.outcomes: list[tuple[int, int, int, int]] = []  # the members of rn_outcome

    def run(
        self, targets: bytes, first: int, *, more: bool, slice_ns: int
    ) -> tuple[int, int, bytes]:
        """Do what rn_batch_run does."""
        self.targets, self.next, self.last = targets, first, len(targets) // RN_TARGET.size
        self.outcomes = []
        code = 0
        try:
            code = self._run(more, slice_ns)
        except OSError as error:
            code = system_number(error)
        packed = b"".join(itertools.starmap(RN_OUTCOME.pack, self.outcomes))
        return code, self.next - first, packed

    def _run(self, more: bool, slice_ns: int) -> int:
        now_ns = perf_counter_ns()
        end_ns = now_ns + slice_ns
        while True:
            self._begin_some(now_ns)
            timeout_ns = 0 if self._is_done(more) else self._time_to_wait(end_ns)
            self._collect(self.waiter.wait(timeout_ns))
            if self._is_done(more):
                return 0
            now_ns = perf_counter_ns()
            if now_ns >= end_ns:
                return RN_E_AGAIN

    def close(self) -> None:
        """Close every open socket; it can be called again."""
        for attempt in self.ages.values():
            if attempt.sock is not None:
                attempt.sock.close()
        self.waiter.close()

    def _is_done(self, more: bool) -> bool:
        if len(self.outcomes) >= self.wanted:
            return True
        return self.next == self.last and (more or not self.ages)

    def _can_begin(self) -> bool:
        return (
            self.next < self.last
            and len(self.ages) < self.concurrency
            and len(self.ages) + len(self.outcomes) < self.concurrency + self.wanted
            and not self.at_capacity
        )

    def _begin_some(self, now_ns: int) -> None:
        """Begin only a few before the next wait, so that early answers get an exact time."""
        for _ in range(1 + len(self.ages) // 16):
            if not self._can_begin() or (self.interval_ns and now_ns < self.due_ns):
                return
            self._begin_next()
            if self.interval_ns and not self.at_capacity:
                self.due_ns = max(self.due_ns, now_ns - RN_CATCH_UP_NS) + self.interval_ns

    def _begin_next(self) -> None:
        """Begin the next target's connect, unless the system is at capacity."""
        target: _Target = RN_TARGET.unpack_from(self.targets, self.next * RN_TARGET.size)
        if not target[0]:
            self.outcomes.append((0, self.number, RN_NO_ADDRESS, 0))
            self.next, self.number = self.next + 1, self.number + 1
            return
        # It is in flight from now on, so that close() also closes its socket after Ctrl-C.
        attempt = self.ages[self.number] = _Attempt(target, self.number)
        answer = self._begin_connect(attempt)
        others = len(self.ages) - 1
        if answer and answer != RN_E_AGAIN and others and _is_at_capacity(answer, target):
            self._close_socket(attempt)
            del self.ages[self.number]
            self.at_capacity = True
            return
        self.next, self.number = self.next + 1, self.number + 1
        if answer != RN_E_AGAIN:
            self._apply(attempt, answer)

    def _begin_connect(self, attempt: _Attempt) -> int:
        """Begin a connect on a new socket; return 0, RN_E_AGAIN or the system's error."""
        target = attempt.target
        try:
            attempt.sock = sock = socket.socket(_FAMILIES[target[0]], _STREAM)
            sock.setblocking(False)
            local = is_loopback(target[0], target[4])
            set_syn_retries(sock, self.loopback_syn_retries if local else self.syn_retries)
            if self.source:
                sock.bind(self.source)
            attempt.begun_ns = perf_counter_ns()
            attempt.started_ns = attempt.started_ns or attempt.begun_ns
            os_error = _begin(sock, target)
            if os_error not in _BEGUN:
                return os_error
            self.waiter.add(sock.fileno())
            self.by_descriptor[sock.fileno()] = attempt
        except OSError as error:
            return system_number(error)
        return RN_E_AGAIN

    def _time_to_wait(self, end_ns: int) -> int:
        """How long nothing can happen but an answer."""
        until = end_ns
        if self._can_begin():
            until = min(until, self.due_ns) if self.interval_ns else 0
        for oldest in itertools.islice(self.ages.values(), 1):
            until = min(until, oldest.started_ns + self.timeout_ns)
        for paused in itertools.islice(self.pauses.values(), 1):
            until = min(until, paused.resume_ns)
        return max(0, until - perf_counter_ns())

    def _collect(self, ended: dict[int, bool]) -> None:
        now_ns = perf_counter_ns()
        for descriptor, ask in ended.items():
            attempt = self.by_descriptor[descriptor]
            os_error = _answer(attempt.sock, ask)
            self._forget(attempt)
            self._apply(attempt, os_error, now_ns)
        while self.pauses and next(iter(self.pauses.values())).resume_ns <= now_ns:
            _, attempt = self.pauses.popitem(last=False)
            attempt.repeats += 1
            answer = self._begin_connect(attempt)
            if answer != RN_E_AGAIN:
                self._apply(attempt, answer)
        self._expire(now_ns)

    def _expire(self, now_ns: int) -> None:
        """End the attempts whose time is over, also those that pause."""
        while self.ages:
            oldest = next(iter(self.ages.values()))
            if now_ns - oldest.started_ns < self.timeout_ns:
                return
            if oldest.sock is None:
                del self.pauses[oldest.number]
            else:
                self._forget(oldest)
            status = RN_FAILED if oldest.refusal else RN_TIMED_OUT
            self._end(oldest, status, oldest.refusal, now_ns)

    def _forget(self, attempt: _Attempt) -> None:
        """Stop waiting for the attempt's socket."""
        descriptor = attempt.sock.fileno()
        self.waiter.remove(descriptor)
        del self.by_descriptor[descriptor]

    def _should_repeat(self, attempt: _Attempt, os_error: int, now_ns: int) -> bool:
        return (
            os_error == _REFUSED
            and attempt.repeats < self.loopback_repeats
            and is_loopback(attempt.target[0], attempt.target[4])
            and now_ns - attempt.begun_ns < RN_SLOW_REFUSAL_NS
        )

    def _apply(self, attempt: _Attempt, os_error: int, now_ns: int = 0) -> None:
        """End the attempt with its answer, or let it pause. Once refused, it stays refused."""
        now_ns = now_ns or perf_counter_ns()
        if self._should_repeat(attempt, os_error, now_ns):
            self._close_socket(attempt)
            attempt.refusal = os_error
            attempt.resume_ns = now_ns + RN_REPEAT_PAUSE_NS
            self.pauses[attempt.number] = attempt
            return
        if os_error and attempt.refusal:
            os_error = attempt.refusal
        self._end(attempt, RN_FAILED if os_error else RN_CONNECTED, os_error, now_ns)

    def _end(self, attempt: _Attempt, status: int, os_error: int, now_ns: int) -> None:
        """Record the outcome of an attempt in flight and close its socket."""
        elapsed_ns = now_ns - attempt.started_ns if attempt.started_ns else 0
        self.outcomes.append((elapsed_ns, attempt.number, status, os_error))
        if status == RN_CONNECTED and self.abortive and attempt.sock is not None:
            attempt.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_AT_ONCE)
        self._close_socket(attempt)
        del self.ages[attempt.number]

    def _close_socket(self, attempt: _Attempt) -> None:
        if attempt.sock is not None:
            attempt.sock.close()
            attempt.sock = None
            self.at_capacity = False


def new_batch(options: bytes) -> tuple[int, _Batch | None]:
    """Take an rn_batch_options; return a code and the batch."""
    return 0, _Batch(options)
