"""connect_many and connect_stream: connects to many targets, each on a socket of its own."""

from __future__ import annotations

import enum
import os
import socket
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from time import perf_counter_ns
from typing import NamedTuple

from .._backend import codes
from .._backend.contract import SocketBackend
from .._backend.layout import (
    RN_BATCH_OPTIONS,
    RN_CONNECTED,
    RN_E_AGAIN,
    RN_FAILED,
    RN_MAX_CONCURRENCY,
    RN_MAX_TARGETS,
    RN_NO_ADDRESS,
    RN_OUTCOME,
    RN_TARGET,
    RN_TIMED_OUT,
)
from .._backend.sockaddr import IPV4
from .._check import nanoseconds, whole_number, wrong_type
from .._errors import posix_errno, winsock_code, winsock_error
from .._help import documented
from .._wait import SLICE_NS
from . import checks, syn
from .checks import Address
from .connect import started

MAX_CONCURRENCY = RN_MAX_CONCURRENCY

_MANY = 1024  # outcomes that connect_many takes at a time
_READ_NS = 1_000_000  # connect_stream reads targets for so long before it looks at the sockets
_NS_PER_SECOND = 1_000_000_000
_FASTEST = _NS_PER_SECOND  # connects a second
_SLOWEST = 1e-6


class ConnectOutcome(str, enum.Enum):
    """How one attempt ended.

    - `OPEN`: The target accepted the connection.
    - `REFUSED`: The target answered that nothing listens on this port.
    - `TIMEOUT`: No answer came in time.
    - `UNREACHABLE`: No route leads to the target.
    - `ERROR`: Something else failed; `ConnectResult.code` says what.

    >>> import socket
    >>> with socket.create_server(("127.0.0.1", 0)) as server:
    ...     (result,) = connect_many([server.getsockname()])
    >>> result.outcome is ConnectOutcome.OPEN
    True
    """

    OPEN = "open"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    ERROR = "error"

    def __str__(self) -> str:
        return self.value


@documented
class ConnectResult(NamedTuple):
    """How the connect to one target of connect_many or connect_stream ended.

    - `target`: The address that was given.
    - `outcome`: The ConnectOutcome of the attempt.
    - `code`: The Winsock code, the same on every system; 0 for an open target.
    - `errno`: The system's own error number; 0 for an open target.
    - `elapsed_ns`: Nanoseconds from the first connect call to the outcome, on a monotonic clock.

    >>> import socket
    >>> with socket.create_server(("127.0.0.1", 0)) as server:
    ...     (result,) = connect_many([server.getsockname()])
    >>> print(result.outcome, result.code, result.is_open)
    open 0 True
    """

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
        """Milliseconds from the first connect call to the outcome."""
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
    rate: float | None = None,
    source: Address | None = None,
    abortive: bool = True,
    syn_retries: int | None = None,
    backend: str | None = None,
) -> list[ConnectResult]:
    """Connect to every target by TCP, close each connection, return the results in order.

    `targets` are at most a million addresses, IPv4 and IPv6 mixed, with numeric hosts or objects of
    ipaddress. At most `concurrency` (1 to 65,536) sockets are open at a time. While the system has
    no descriptor, buffer or local port for another socket, the next target waits until an attempt
    ends. Each attempt has a new socket and `timeout` seconds. `rate` is how many connects begin in
    a second, at most; None means no limit. `source` is the local address to connect from, for
    instance a tunnel's, with port 0.

    `abortive` True ends the connections with a reset, which the remote side sees. Then no local
    port stays in TIME_WAIT; Windows has only 16,384 local ports. False closes them normally.

    `syn_retries` and `backend` are those of `connect`. A connect that is repeated counts once for
    `rate`.

    On Windows and macOS a wait costs time in proportion to the sockets in flight, because select
    and poll look at each of them. On Linux it does not.

    A target's failure is a result, never an exception. Raises TypeError and ValueError for bad
    arguments before it opens a socket, WSAError if Winsock or the wait for sockets fails. Ctrl-C
    raises KeyboardInterrupt after every socket is closed; `connect_stream` keeps the results until
    then. Source: WSAConnect.

    >>> import socket
    >>> with socket.create_server(("127.0.0.1", 0)) as server:
    ...     results = connect_many([server.getsockname(), ("127.0.0.1", 0)], timeout=5)
    >>> [result.is_open for result in results]
    [True, False]
    """
    options = _options(timeout, concurrency, rate, source, abortive, syn_retries, wanted=_MANY)
    listed = list(islice(_iterable(targets), RN_MAX_TARGETS + 1))
    if len(listed) > RN_MAX_TARGETS:
        raise ValueError(f"targets must be at most {RN_MAX_TARGETS}; split them")
    options = replace(options, concurrency=min(options.concurrency, len(listed) or 1))
    family = options.source_family
    packed = b"".join([_pack_target(index, target, family) for index, target in enumerate(listed)])
    chunks = iter([packed])
    results: list[ConnectResult] = [None] * len(listed)  # type: ignore[list-item] # all replaced
    answers = _Answers(bound=bool(family))
    for outcomes in _run(started(backend), options, lambda: (next(chunks, b""), False)):
        for elapsed_ns, number, status, os_error in RN_OUTCOME.iter_unpack(outcomes):
            results[number] = answers.result(listed[number], elapsed_ns, status, os_error)
    return results


def connect_stream(
    targets: Iterable[Address],
    *,
    timeout: float = 3.0,
    concurrency: int = 256,
    rate: float | None = None,
    source: Address | None = None,
    abortive: bool = True,
    syn_retries: int | None = None,
    backend: str | None = None,
) -> Generator[ConnectResult, None, None]:
    """Connect to the targets by TCP; yield each result when its connect ends.

    The arguments (`timeout`, `rate`, `source`, `abortive`, `syn_retries`, `backend`) are those of
    `connect_many`, but `targets` may be endless. It is read while you take results, at most
    `concurrency` targets ahead of them. While it blocks, no result comes.

    The results come in the order in which the connects end. Nothing runs while you use a result, so
    a slow use of one can make `elapsed_ns` of others longer. After Ctrl-C you have the results that
    were yielded before it. The generator's close() closes every socket.

    Raises TypeError and ValueError at once for bad arguments. For a bad target, or an error of
    `targets` itself, it first yields the results of all targets before it. Other errors are those
    of `connect_many`. Source: WSAConnect.

    >>> import socket
    >>> with socket.create_server(("127.0.0.1", 0)) as server:
    ...     for result in connect_stream([server.getsockname()], timeout=5):
    ...         print(result.outcome)
    open
    """
    options = _options(timeout, concurrency, rate, source, abortive, syn_retries, wanted=1)
    reader = _Reader(_iterable(targets), options)
    return _stream(started(backend), options, reader)


def _stream(
    api: SocketBackend, options: _Options, reader: _Reader
) -> Generator[ConnectResult, None, None]:
    answers = _Answers(bound=bool(options.source_family))
    with closing(_run(api, options, reader.take)) as run:
        for outcomes in run:
            for elapsed_ns, number, status, os_error in RN_OUTCOME.iter_unpack(outcomes):
                target = reader.waiting.pop(number)
                yield answers.result(target, elapsed_ns, status, os_error)
    if reader.error is not None:
        raise reader.error


def _run(
    api: SocketBackend, options: _Options, take: Callable[[], tuple[bytes, bool]]
) -> Generator[bytes | memoryview, None, None]:
    """Yield outcomes, packed, which are valid until the next ones.

    `take` returns the next targets, packed, and whether to call it again as soon as they have
    begun. Otherwise it is called again after an outcome.
    """
    _, batch = api.new_batch(options.pack())
    if batch is None:
        raise MemoryError("no memory for connects to many targets")
    with closing(batch):
        owner = os.getpid()
        chunk, begun, more = b"", 0, True
        while True:
            if os.getpid() != owner:  # it would take the results of the other process
                raise ValueError("these connects belong to the process that forked this one")
            if begun * RN_TARGET.size == len(chunk):
                (chunk, more), begun = take(), 0
            code, count, outcomes = batch.run(chunk, begun, more=more, slice_ns=SLICE_NS)
            begun += count
            yield outcomes
            if code not in (0, RN_E_AGAIN):
                raise winsock_error(winsock_code(code), code, "select")
            if not code and not more and len(outcomes) < options.wanted * RN_OUTCOME.size:
                return  # nothing is in flight


# Arguments


@dataclass(frozen=True)
class _Options:
    """rn_batch_options."""

    timeout_ns: int
    interval_ns: int
    concurrency: int
    wanted: int
    abortive: bool
    retries: syn.Retries
    source: bytes

    @property
    def source_family(self) -> int:
        """4, 6, or 0 if no source is given."""
        family: int = RN_TARGET.unpack(self.source)[0]
        return family

    def pack(self) -> bytes:
        """Return the bytes of the record."""
        return RN_BATCH_OPTIONS.pack(
            *(self.timeout_ns, self.interval_ns, self.concurrency, self.wanted, self.abortive),
            *self.retries,
            *RN_TARGET.unpack(self.source),
        )


def _options(
    timeout: float,
    concurrency: int,
    rate: float | None,
    source: Address | None,
    abortive: bool,
    syn_retries: int | None,
    *,
    wanted: int,
) -> _Options:
    """Check the arguments that both functions have."""
    timeout_ns = nanoseconds("timeout", timeout)
    return _Options(
        timeout_ns,
        _interval(rate),
        whole_number("concurrency", concurrency, 1, MAX_CONCURRENCY),
        wanted,
        bool(abortive),
        syn.choose(syn_retries, timeout_ns),
        _pack_source(source),
    )


def _interval(rate: object) -> int:
    """Check the rate; return the nanoseconds between two connects, 0 without a rate."""
    if rate is None:
        return 0
    if isinstance(rate, bool) or not isinstance(rate, (int, float)):
        raise wrong_type("rate", "a number of connects a second", rate)
    if not _SLOWEST <= rate <= _FASTEST:  # NaN compares as false
        raise ValueError(f"rate must be from {_SLOWEST:g} to {_FASTEST:g} a second, not {rate!r}")
    return round(_NS_PER_SECOND / rate)


def _iterable(targets: Iterable[Address]) -> Iterable[Address]:
    if isinstance(targets, (str, bytes)) or not isinstance(targets, Iterable):
        raise wrong_type("targets", "an iterable of addresses", targets)
    return targets


def _pack_target(index: int, target: Address, source_family: int) -> bytes:
    """Pack a target; check that its family is that of the source."""
    try:
        family, port, flowinfo, scope_id, address = checks.parse_address(target)
    except (TypeError, ValueError) as error:
        raise type(error)(f"targets[{index}]: {error}") from None
    if not port or not any(address):
        family = 0  # WSAConnect gives WSAEADDRNOTAVAIL for an address of zeros
    elif source_family and family != source_family:
        raise ValueError(f"source is IPv{source_family}, but targets[{index}] is IPv{family}")
    return RN_TARGET.pack(family, port, flowinfo, scope_id, address)


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


class _Reader:
    """Reads the targets of connect_stream, and keeps those that have no result yet."""

    def __init__(self, targets: Iterable[Address], options: _Options) -> None:
        self._targets = enumerate(targets)
        self._source_family, self._most = options.source_family, options.concurrency
        self._is_complete = False
        self.waiting: dict[int, Address] = {}
        self.error: Exception | None = None
        """Why no more targets could be read."""

    def take(self) -> tuple[bytes, bool]:
        """Return some targets, packed, and whether more can be taken before an outcome."""
        packed = []
        until = perf_counter_ns() + _READ_NS
        while self._can_read():
            packed.append(self._read_one())
            if perf_counter_ns() >= until:
                break
        return b"".join(packed), self._can_read()

    def _can_read(self) -> bool:
        return not self._is_complete and len(self.waiting) < self._most

    def _read_one(self) -> bytes:
        """Return one target, packed, or nothing at the end."""
        try:
            for index, target in self._targets:
                packed = _pack_target(index, target, self._source_family)
                self.waiting[index] = target
                return packed
        except Exception as error:  # noqa: BLE001 - raised once the connects have ended
            self.error = error
        self._is_complete = True
        return b""


# Results


class _Answers:
    """Makes results of outcomes. `bound` says whether the sockets had a source."""

    def __init__(self, *, bound: bool) -> None:
        self._bound = bound
        self._known: dict[tuple[int, int], tuple[ConnectOutcome, int, int]] = {}

    def result(self, target: Address, elapsed_ns: int, status: int, os_error: int) -> ConnectResult:
        """Return the result of one target."""
        answer = self._known.get((status, os_error)) or self._name(status, os_error)
        result = ConnectResult(target, *answer, elapsed_ns)
        if result.code == codes.WSAEADDRNOTAVAIL and elapsed_ns and sys.platform != "win32":
            return self._with_shortage(result)
        return result

    def _name(self, status: int, os_error: int) -> tuple[ConnectOutcome, int, int]:
        """Return outcome, Winsock code and errno."""
        code = winsock_code(os_error) if status == RN_FAILED else _CODES[status]
        outcome = _OUTCOMES.get(code, ConnectOutcome.ERROR)
        number = os_error if os_error and sys.platform != "win32" else posix_errno(code)
        answer = self._known[status, os_error] = outcome, code, number if code else 0
        return answer

    def _with_shortage(self, result: ConnectResult) -> ConnectResult:
        """Distinguish a lack of local ports from the lack of a local address for the target."""
        address = str(result.target[0]), *result.target[1:]
        return result._replace(code=checks.local_shortage(address, bound=self._bound))
