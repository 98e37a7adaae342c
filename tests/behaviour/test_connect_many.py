"""connect_many: many real sockets in one call."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import itertools
import math
import os
import pydoc
import socket
import subprocess
import sys
import textwrap
import time

import pytest
from cc import SUPPORT, compiled
from network import (
    FakeSystem,
    accepting,
    closed_port,
    interrupt_soon,
    listening,
    open_handles,
    silent_port,
)

from ras_native import ConnectOutcome, ConnectResult, WSAError, connect_many

# A process with few free descriptors, and an address of each kind.
SHORT_OF_DESCRIPTORS = """
    import collections, ctypes, os, resource, sys, threading, time
    from network import accepting, closed_port, silent_port
    from ras_native import connect_many

    def fill_gaps():
        # Opens every descriptor below the highest, and returns the number of the next one.
        taken = max(map(int, os.listdir("/dev/fd"))) + 1
        for fd in range(taken):
            try:
                os.fstat(fd)
            except OSError:
                os.open(os.devnull, os.O_RDONLY)
        return taken

    def leave(free):
        limit = fill_gaps() + free
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    def probe(targets, **options):
        results = connect_many(targets, concurrency=256, backend=sys.argv[1], **options)
        assert [result.target for result in results] == targets
        return collections.Counter(result.code for result in results)
"""


def run_short_of_descriptors(backend, script, preloaded=None):
    source = textwrap.dedent(SHORT_OF_DESCRIPTORS) + textwrap.dedent(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    if preloaded:
        libraries = [os.environ.get("LD_PRELOAD", ""), str(preloaded)]
        environment["LD_PRELOAD"] = " ".join(filter(None, libraries))
    done = subprocess.run(
        [sys.executable, "-c", source, backend],
        env=environment,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.ledger("WC-11", "WC-17")
def test_thousand_targets_open_and_closed(backend):
    with contextlib.ExitStack() as stack:
        targets = []
        for family in (socket.AF_INET, socket.AF_INET6):
            targets += [(stack.enter_context(accepting(family))[0], "open", 0, 0)] * 2
            closed = stack.enter_context(closed_port(family))
            targets += [(closed, "refused", 10061, errno.ECONNREFUSED)]
        expected = list(itertools.islice(itertools.cycle(targets), 1000))
        results = connect_many([target for target, *_ in expected], timeout=30, backend=backend)
        got = [(r.target, r.outcome.value, r.code, r.errno) for r in results]
        assert got == expected
        assert all(result.elapsed_ns > 0 for result in results)


def test_ten_thousand_targets(backend):
    with accepting() as (address, _), closed_port() as closed:
        results = connect_many([address, closed] * 5000, timeout=30, backend=backend)
        codes = [result.code for result in results]
        assert codes == [0, 10061] * 5000


@pytest.mark.posix_only("Windows has no limit of descriptors to lower")
def test_ten_thousand_targets_within_few_descriptors(backend):
    script = """
        with accepting() as (address, _), closed_port() as closed:
            probe([closed])  # loads what is loaded lazily
            leave(16)
            codes = probe([address, closed] * 5000, timeout=30)
            print(codes[0], codes[10061])
    """
    assert run_short_of_descriptors(backend, script) == ["5000 5000"]


@pytest.mark.posix_only("Windows has no limit of descriptors to lower")
def test_waits_for_capacity_while_there_is_no_descriptor(backend):
    """The targets that do not answer occupy all sixteen descriptors; no result shows it."""
    script = """
        with silent_port() as silent, closed_port() as closed:
            probe([closed])
            leave(16)
            began, busy = time.perf_counter(), time.process_time()
            codes = probe([silent] * 40 + [closed] * 40, timeout=0.2)
            print(codes[10060], codes[10061])
            print(time.process_time() - busy < (time.perf_counter() - began) / 5)
    """
    assert run_short_of_descriptors(backend, script) == ["40 40", "True"]


@pytest.mark.posix_only("Windows has no limit of descriptors to lower")
def test_no_descriptor_at_all_is_each_target_s_result(backend):
    script = """
        with closed_port() as closed:
            probe([closed])
            leave(0)
            print(probe([closed] * 3)[10024])
    """
    assert run_short_of_descriptors(backend, script) == ["3"]


@pytest.fixture(scope="module")
def few_buffers(tmp_path_factory):
    """Build a library to preload that makes socket() or connect() fail with ENOBUFS."""
    return compiled(SUPPORT / "few_buffers.c", tmp_path_factory.mktemp("few_buffers"))


PRELOADED = pytest.mark.skipif(sys.platform == "darwin", reason="the preloaded library is Linux's")


@pytest.mark.posix_only("it preloads a library below both backends")
@PRELOADED
@pytest.mark.parametrize("function", ["socket", "connect"])
def test_waits_for_capacity_while_there_is_no_buffer(backend, few_buffers, function):
    """Only sixteen sockets can be open at a time; no result shows it."""
    script = f"""
        with silent_port() as silent, closed_port() as closed:
            probe([closed])
            limit = fill_gaps() + 16
            limits = (limit, 1 << 30) if {function == "socket"} else (1 << 30, limit)
            ctypes.CDLL(None).limit_buffers(*limits)
            began, busy = time.perf_counter(), time.process_time()
            codes = probe([silent] * 40 + [closed] * 40, timeout=0.2)
            print(codes[10060], codes[10061])
            print(time.process_time() - busy < (time.perf_counter() - began) / 5)
    """
    assert run_short_of_descriptors(backend, script, few_buffers) == ["40 40", "True"]


@pytest.mark.ledger("WC-11")
@pytest.mark.posix_only("it preloads a library below both backends")
@PRELOADED
@pytest.mark.parametrize("function", ["socket", "connect"])
def test_no_buffer_at_all_is_each_target_s_result(backend, few_buffers, function):
    script = f"""
        with closed_port() as closed:
            probe([closed])
            limit = fill_gaps()
            limits = (limit, 1 << 30) if {function == "socket"} else (1 << 30, limit)
            ctypes.CDLL(None).limit_buffers(*limits)
            print(probe([closed] * 3)[10055])
    """
    assert run_short_of_descriptors(backend, script, few_buffers) == ["3"]


@pytest.mark.parametrize("code", [10024, 10055])
def test_seam_ctypes_waits_for_capacity(monkeypatch, code):
    """The system of the ctypes backend is a fake: it refuses a third socket at a time."""
    from ras_native._backend import ctypes_sockets

    numbers = {10024: errno.EMFILE, 10055: errno.ENOBUFS}
    refusal = code if sys.platform == "win32" else numbers[code]
    begun = 10035 if sys.platform == "win32" else errno.EINPROGRESS
    opened, waits = [], []

    def begin(sock, _target):
        opened[:] = [other for other in opened if other.fileno() != -1]
        if len(opened) == 2:
            return refusal
        opened.append(sock)
        return begun

    class Waiter(list):
        """Ends the oldest connect in each wait that may take time."""

        add = list.append

        def wait(self, timeout_ns):
            waits.append(len(self))
            return {self[0]: False} if timeout_ns else {}

        def close(self):
            assert not self

    monkeypatch.setattr(ctypes_sockets, "_begin", begin)
    monkeypatch.setattr(ctypes_sockets, "_Waiter", Waiter)
    results = connect_many([("127.0.0.1", 9)] * 7, abortive=False, backend="ctypes")
    assert [result.code for result in results] == [0] * 7
    assert max(waits) == 2


def test_attempts_end_in_another_order_than_they_begin(backend):
    """Some targets do not answer; many others answer in the meantime.

    These others are open, because Windows may take longer than the timeout to report a refusal.
    """
    with silent_port() as silent, accepting() as (address, _):
        targets = ([silent] + [address] * 300) * 4
        results = connect_many(targets, timeout=0.3, concurrency=8, backend=backend)
        assert [r.code for r in results] == ([10060] + [0] * 300) * 4


@pytest.mark.posix_only("Windows may take longer than the timeout to refuse a connection")
def test_refused_attempts_end_between_those_that_do_not_answer(backend):
    with silent_port() as silent, closed_port() as closed:
        targets = ([silent] + [closed] * 300) * 4
        results = connect_many(targets, timeout=0.3, concurrency=8, backend=backend)
        assert [r.code for r in results] == ([10060] + [10061] * 300) * 4


@pytest.mark.ledger("WC-11")
def test_targets_that_do_not_answer_time_out(backend):
    with silent_port() as silent, listening() as listener:
        address = listener.getsockname()
        targets = [silent, address, silent, address, silent]
        results = connect_many(targets, timeout=0.05, concurrency=2, backend=backend)
        assert [r.outcome.value for r in results] == [
            *("timeout", "open", "timeout", "open", "timeout")
        ]
        for result in results[::2]:
            assert (result.code, result.errno) == (10060, errno.ETIMEDOUT)
            assert result.elapsed_ns >= 50_000_000


def test_no_more_at_a_time_than_asked_for(backend):
    """Six targets, two at a time; none answers."""
    with silent_port() as silent:
        began = time.perf_counter()
        connect_many([silent] * 6, timeout=0.05, concurrency=2, backend=backend)
        assert time.perf_counter() - began >= 0.15


@pytest.mark.ledger("WC-20")
def test_every_attempt_has_a_socket_of_its_own(backend):
    with accepting() as (address, peers), closed_port() as closed:
        targets = [closed, address, closed, address] * 5  # Windows may take 2 s to refuse
        connect_many(targets, concurrency=1, abortive=False, backend=backend)
    assert len(peers) == len(set(peers)) == 10


def ending(listener):
    """Return how the remote side closed the connection in the listener's queue."""
    listener.settimeout(10)
    try:
        accepted, _ = listener.accept()
    except TimeoutError:
        raise
    except OSError:  # Windows raises here, Wine returns another code
        return "reset"
    with accepted:
        accepted.settimeout(10)
        try:
            assert accepted.recv(1) == b""
        except ConnectionResetError:
            return "reset"
        return "in order"


@pytest.mark.parametrize(("abortive", "expected"), [(True, "reset"), (False, "in order")])
def test_how_connections_are_closed(backend, abortive, expected):
    with listening() as listener:
        connect_many([listener.getsockname()], abortive=abortive, backend=backend)
        assert ending(listener) == expected


def test_source_address(backend):
    source = "127.0.0.1" if sys.platform == "darwin" else "127.0.0.2"
    with accepting() as (address, peers):
        results = connect_many([address] * 3, source=(source, 0), abortive=False, backend=backend)
        assert [result.code for result in results] == [0, 0, 0]
    assert {host for host, _ in peers} == {source}


@pytest.mark.ledger("WC-6")
def test_addresses_that_cannot_be_connected_to(backend):
    with listening() as listener:
        open_port = listener.getsockname()
        targets = [("0.0.0.0", 9), ("::", 9), open_port, ("127.0.0.1", 0), ("::1", 0)]  # noqa: S104
        results = connect_many(targets, backend=backend)
        assert [r.code for r in results] == [10049, 10049, 0, 10049, 10049]
        assert {r.errno for r in results} == {errno.EADDRNOTAVAIL, 0}
        assert [r.outcome.value for r in results] == ["error", "error", "open", "error", "error"]


def test_interrupt_closes_every_socket(backend):
    with silent_port() as silent:
        before = open_handles()
        with interrupt_soon():
            connect_many([silent] * 100, timeout=50, concurrency=50, backend=backend)
        assert open_handles() - before < 25


def test_seam_ctypes_an_interrupt_as_a_connect_begins(monkeypatch):
    """The system of the ctypes backend is a fake: Ctrl-C comes in the middle of a connect."""
    from ras_native._backend import ctypes_sockets

    opened = []

    def begin(sock, _target):
        opened.append(sock)
        raise KeyboardInterrupt

    monkeypatch.setattr(ctypes_sockets, "_begin", begin)
    with pytest.raises(KeyboardInterrupt):
        connect_many([("127.0.0.1", 9)], backend="ctypes")
    assert [sock.fileno() for sock in opened] == [-1]


def test_nothing_leaks(backend):
    with silent_port() as silent, accepting() as (address, _), closed_port() as closed:
        before = open_handles()
        for _ in range(5):
            connect_many([silent, address, closed] * 10, timeout=0, backend=backend)
            connect_many([address, closed] * 10, timeout=10, backend=backend)
        assert open_handles() - before < 10


def test_results_are_records(backend):
    with listening() as listener:
        address = listener.getsockname()
        (result,) = connect_many(iter([address]), backend=backend)
    assert isinstance(result, ConnectResult)
    assert result == (address, ConnectOutcome.OPEN, 0, 0, result.elapsed_ns)
    assert result.outcome == "open"
    assert ConnectResult._fields == ("target", "outcome", "code", "errno", "elapsed_ns")


def test_every_member_of_a_result_is_documented():
    text = pydoc.plain(pydoc.render_doc(ConnectResult))
    for name in (*ConnectResult._fields, "is_open", "milliseconds"):
        described = getattr(ConnectResult, name).__doc__
        assert "Alias for field" not in described
        assert described in text


def test_whether_it_is_open_and_milliseconds(backend):
    with listening() as listener, closed_port() as closed:
        opened, refused = connect_many([listener.getsockname(), closed], backend=backend)
    assert (opened.is_open, refused.is_open) == (True, False)
    for result in (opened, refused):
        assert isinstance(result.milliseconds, float)
        assert result.milliseconds == pytest.approx(result.elapsed_ns / 1e6)


def test_hosts_may_be_objects_of_ipaddress(backend):
    with listening() as ipv4, listening(socket.AF_INET6) as ipv6:
        addresses = [ipv4.getsockname(), ipv6.getsockname()[:2]]
        targets = [(ipaddress.ip_address(host), port) for host, port in addresses]
        results = connect_many(targets, concurrency=1, backend=backend)
        assert [(result.target, result.code) for result in results] == [(t, 0) for t in targets]
        source = (ipaddress.ip_address("127.0.0.1"), 0)
        assert connect_many(targets[:1], source=source, backend=backend)[0].is_open


def test_no_target(backend):
    assert connect_many([], backend=backend) == []


SYSTEM_ERRORS = {
    "ENETUNREACH": ("unreachable", 10051),
    "EHOSTUNREACH": ("unreachable", 10065),
    "ENETDOWN": ("unreachable", 10050),
    "ETIMEDOUT": ("timeout", 10060),
    "ECONNREFUSED": ("refused", 10061),
    "ECONNRESET": ("error", 10054),
    "EACCES": ("error", 10013),
    "ENOBUFS": ("error", 10055),
    "EADDRINUSE": ("error", 10048),
}


@pytest.mark.ledger("WC-11", "WC-21")
def test_seam_what_the_system_answers_is_named(backend, monkeypatch):
    """The system is a fake: loopback gives few of these errors."""
    numbers = [getattr(errno, name) for name in SYSTEM_ERRORS]
    codes = [code for _, code in SYSTEM_ERRORS.values()]
    FakeSystem(*(codes if sys.platform == "win32" else numbers)).install(monkeypatch)
    results = connect_many([("127.0.0.1", 9)] * len(numbers), backend=backend)
    assert [(r.outcome.value, r.code) for r in results] == list(SYSTEM_ERRORS.values())
    assert [r.errno for r in results] == numbers


@pytest.mark.ledger("WC-12")
def test_seam_winsock_that_does_not_start(backend, monkeypatch):
    """The system is a fake."""
    FakeSystem().install(monkeypatch).START_ERROR = 10091
    with pytest.raises(WSAError) as caught:
        connect_many([("127.0.0.1", 9)], backend=backend)
    assert caught.value.code == 10091


OPEN = ("127.0.0.1", 9)
WRONG = {
    "text": ({"targets": "127.0.0.1:9"}, TypeError, "targets must be an iterable of"),
    "a number": ({"targets": 9}, TypeError, "targets must be an iterable of"),
    "a host name": (
        {"targets": [OPEN, ("localhost", 9)]},
        ValueError,
        r"targets\[1\]: 'localhost' is not .*getaddrinfo",
    ),
    "a NUL": ({"targets": [("127.0.0.1\0", 9)]}, ValueError, r"targets\[0\]: '127.0.0.1.x00'"),
    "port above": ({"targets": [("::1", 65_536)]}, ValueError, r"targets\[0\]: the port must be"),
    "port of text": ({"targets": [("::1", "9")]}, TypeError, r"targets\[0\]: the port must be"),
    "host with a scope": (
        {"targets": [(ipaddress.IPv6Address("fe80::1%eth0"), 9)]},
        ValueError,
        r"targets\[0\]: fe80::1%eth0 has a scope",
    ),
    "yes at a time": ({"concurrency": True}, TypeError, "concurrency must be a whole number"),
    "text in it": ({"targets": [OPEN, "::1"]}, TypeError, r"targets\[1\]: an address is"),
    "no end": ({"targets": itertools.repeat(OPEN)}, ValueError, "targets must be at most 1000000"),
    "negative timeout": ({"timeout": -0.1}, ValueError, "timeout must be"),
    "no number": ({"timeout": math.nan}, ValueError, "timeout must be"),
    "timeout of text": ({"timeout": "3"}, TypeError, "timeout must be"),
    "none at a time": ({"concurrency": 0}, ValueError, "concurrency must be from 1 to"),
    "too many at a time": ({"concurrency": 65_537}, ValueError, "concurrency must be from 1 to"),
    "half at a time": ({"concurrency": 0.5}, TypeError, "concurrency must be a whole"),
    "rate of zero": ({"rate": 0}, ValueError, "rate must be from 1e-06 to 1e.09 a second, not 0"),
    "no number of connects": ({"rate": math.nan}, ValueError, "rate must be"),
    "rate of text": ({"rate": "9"}, TypeError, "rate must be a number of connects"),
    "negative retries": ({"syn_retries": -1}, ValueError, "syn_retries must be from 0 to 127"),
    "half a retry": ({"syn_retries": 0.5}, TypeError, "syn_retries must be a whole number"),
    "source with a port": ({"source": ("127.0.0.1", 80)}, ValueError, "source: the port must be 0"),
    "source by name": ({"source": ("localhost", 0)}, ValueError, "source: 'localhost' is not"),
    "source of text": ({"source": "127.0.0.1"}, TypeError, "source: an address is"),
    "other source": ({"source": ("::1", 0)}, ValueError, r"source is IPv6, but targets\[0\] is"),
    "unknown backend": ({"backend": "rust"}, ValueError, "backend must be one of"),
}


@pytest.mark.parametrize(("wrong", "kind", "says"), WRONG.values(), ids=WRONG)
def test_bad_argument_is_named_and_nothing_done(backend, monkeypatch, wrong, kind, says):
    def connect_nothing(*_):
        pytest.fail("a socket was opened")

    monkeypatch.setattr(FakeSystem, "new_batch", connect_nothing)
    if "backend" not in wrong:
        FakeSystem().install(monkeypatch)
    with pytest.raises(kind, match=says):
        connect_many(**({"targets": [OPEN], "backend": backend} | wrong))
