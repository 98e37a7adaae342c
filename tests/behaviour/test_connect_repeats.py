"""How often a connect is repeated: by TCP (syn_retries) and, on loopback, by the package.

On Linux a preloaded library counts the connects and lets the first ones be refused. Windows' choice
is tested there too. On Windows a spy replaces WSAIoctl.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import textwrap

import pytest
from cc import SUPPORT, compiled
from network import LOOPBACK, FakeSystem, listening, spied_ioctls

from ras_native import connect, connect_many, connect_stream
from ras_native._backend.layout import RN_SYN_RETRIES_UNSET
from ras_native._sockets import connect as one_socket
from ras_native._sockets import syn

UNSET = RN_SYN_RETRIES_UNSET
REPEATS = 5
LINUX = pytest.mark.skipif(sys.platform == "darwin", reason="the preloaded library is Linux's")

PRELUDE = """
    import ctypes, itertools, socket, sys
    from network import closed_port, listening, silent_port
    from ras_native import WSAError, connect, connect_many, connect_stream
    from ras_native._sockets import syn

    backend, spy = sys.argv[1], ctypes.CDLL(None)
    syn.REPEATS_REFUSED_SYN = sys.argv[2] == "windows"
    elsewhere = ("192.0.2.1", 9)  # the spy refuses it
    spy.watch_connects(0, 0)  # fails unless the spy is there

    def single(target, **options):
        with socket.socket() as sock:
            try:
                connect(sock, target, backend=backend, **options)
            except WSAError as error:
                return error.code
        return 0

    def batch(target, **options):
        return connect_many([target], backend=backend, **options)[0].code

    def stream(target, **options):
        return next(connect_stream(itertools.repeat(target), concurrency=1, backend=backend,
                                   **options)).code

    WAYS = (single, batch, stream)

    def syn_counts():
        counts = (ctypes.c_int * 64)()
        return counts[: spy.watched_syn_counts(counts)]
"""


@pytest.fixture(scope="module")
def spy(tmp_path_factory):
    return compiled(SUPPORT / "spied_connect.c", tmp_path_factory.mktemp("spied_connect"), "-ldl")


def run(spy, backend, system, script):
    """Run the script below the spy, with the choices for `system`; return its lines."""
    libraries = [os.environ.get("LD_PRELOAD", ""), str(spy)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "LD_PRELOAD": " ".join(filter(None, libraries)),
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PRELUDE) + textwrap.dedent(script), backend, system],
        env=environment,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


REFUSED_FIRST = """
    with listening() as listener, closed_port() as (_, closed):
        for way in WAYS:
            spy.watch_connects({refused}, closed)
            print(way(listener.getsockname(), timeout=30, **{options}), spy.watched_connects())
"""


@pytest.mark.ledger("WC-22")
@pytest.mark.posix_only("it preloads a library below both backends")
@LINUX
@pytest.mark.parametrize(
    ("system", "refused", "options", "expected"),
    [
        ("windows", 0, {}, (0, 1)),
        ("windows", 1, {}, (0, 2)),
        ("windows", REPEATS, {}, (0, 1 + REPEATS)),
        ("windows", 1 + REPEATS, {}, (10061, 1 + REPEATS)),
        ("windows", 1, {"syn_retries": 0}, (10061, 1)),
        ("linux", 1, {}, (10061, 1)),
    ],
)
def test_loopback_that_refuses_is_asked_again(spy, backend, system, refused, options, expected):
    lines = run(spy, backend, system, REFUSED_FIRST.format(refused=refused, options=options))
    if refused == expected[0] == 0:
        assert lines[:2] == ["0 1"] * 2  # the stream has begun its second connect, or not
        lines = lines[:2]
    else:
        lines = lines[:2] if expected[0] == 0 else lines
        assert lines == [f"{expected[0]} {expected[1]}"] * len(lines)


@pytest.mark.ledger("WC-22")
@pytest.mark.posix_only("it preloads a library below both backends")
@LINUX
def test_a_refusal_is_told_within_the_timeout(spy, backend):
    """A pause takes 5 ms, so 12 ms have time for two. Without a timeout there is no pause."""
    script = """
        with closed_port() as address:
            for way in WAYS[:2]:
                for timeout in (0.012, 0):
                    spy.watch_connects(0, 0)
                    code = way(address, timeout=timeout)
                    print(code if timeout else "", spy.watched_connects() <= 3 * bool(timeout) + 1)
    """
    lines = run(spy, backend, "windows", script)
    assert lines == ["10061 True", " True"] * 2


@pytest.mark.ledger("WC-22")
@pytest.mark.posix_only("it preloads a library below both backends")
@LINUX
def test_once_refused_silence_is_no_timeout(spy, backend):
    script = """
        with silent_port() as silent, closed_port() as (_, closed):
            for way in WAYS[:2]:
                spy.watch_connects(1, closed)
                print(way(silent, timeout=1), spy.watched_connects())
    """
    assert run(spy, backend, "windows", script) == ["10061 2"] * 2


@pytest.mark.posix_only("it preloads a library below both backends")
@LINUX
def test_other_attempts_go_on_during_a_pause(spy, backend):
    """All are refused once. The results are right, and no socket is lost."""
    script = """
        with listening(backlog=512) as listener, closed_port() as (_, closed):
            spy.watch_connects(300, closed)
            results = connect_many([listener.getsockname()] * 300, timeout=30, concurrency=300,
                                   backend=backend)
            print({result.code for result in results}, spy.watched_connects() > 300)
    """
    assert run(spy, backend, "windows", script) == ["{0} True"]


@pytest.mark.ledger("WC-23")
@pytest.mark.posix_only("it preloads a library below both backends")
@LINUX
@pytest.mark.parametrize(
    ("system", "options", "expected"),
    [
        ("linux", {"syn_retries": 3}, [3, 3]),
        ("linux", {"syn_retries": 0}, [1, 1]),
        ("linux", {"syn_retries": 127}, [127, 127]),
        ("linux", {}, []),
        ("windows", {"timeout": 1}, [1, 1]),
        ("windows", {"timeout": 2}, [1, 2]),
        ("windows", {"timeout": 3}, [1]),
    ],
)
def test_syn_retries_on_linux(spy, backend, system, options, expected):
    """One connect to loopback and one to another address. Linux' least is 1."""
    script = f"""
        with listening() as listener:
            for way in WAYS[:2]:
                spy.watch_connects(0, 0)
                codes = [way(target, **{options}) for target in (listener.getsockname(), elsewhere)]
                print(codes, syn_counts())
    """
    assert run(spy, backend, system, script) == [f"[0, 10061] {expected}"] * 2


@pytest.mark.ledger("WC-23")
@pytest.mark.parametrize(
    ("timeout", "expected"),
    [(0, 0), (0.5, 0), (1, 1), (1.25, 2), (2.5, 2), (2.75, UNSET), (3, UNSET), (60, UNSET)],
)
def test_a_timeout_leaves_time_for_a_refusal_on_windows(backend, monkeypatch, timeout, expected):
    """The system is a fake: no address but loopback is connected to."""
    system = FakeSystem(0, 0).install(monkeypatch)
    monkeypatch.setattr(syn, "REPEATS_REFUSED_SYN", True)
    for address in (("192.0.2.1", 9), ("127.0.0.1", 9)):
        with socket.socket() as sock:
            connect(sock, address, timeout=timeout, backend=backend)
    assert system.syn_retries == [expected, 0]


@pytest.mark.ledger("WC-22")
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("refused", [1, REPEATS])
def test_a_listener_that_refuses_the_first(backend, monkeypatch, family, refused):
    """The port listens only after so many pauses."""
    monkeypatch.setattr(syn, "REPEATS_REFUSED_SYN", True)
    pauses = []
    with socket.socket(family) as listener, socket.socket(family) as sock:
        listener.bind((LOOPBACK[family], 0))

        def pause(seconds):
            pauses.append(seconds)
            if len(pauses) == refused:
                listener.listen()

        monkeypatch.setattr(one_socket.time, "sleep", pause)
        connect(sock, listener.getsockname(), timeout=30, backend=backend)
    assert pauses == [0.005] * refused


def bytes_of(retries):
    """Return a TCP_INITIAL_RTO_PARAMETERS: the round-trip time is not specified."""
    return struct.pack("<HBB", 0xFFFF, retries, 0)


@pytest.mark.ledger("WC-23")
@pytest.mark.windows_only("other systems have no such ioctl")
@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 0xFE), ({"syn_retries": 0}, 0xFE), ({"syn_retries": 3}, 3), ({"syn_retries": 127}, 127)],
)
def test_the_bytes_of_the_ioctl(backend, options, expected):
    with listening() as listener, socket.socket() as sock, spied_ioctls() as calls:
        address = listener.getsockname()
        connect(sock, address, backend=backend, **options)
        connect_many([address], backend=backend, **options)
        assert len(list(connect_stream([address], backend=backend, **options))) == 1
    assert calls == [(0x98000011, bytes_of(expected))] * 3


@pytest.mark.ledger("WC-22")
@pytest.mark.windows_only("the spy of each new socket is Windows'")
@pytest.mark.parametrize("refused", [1, REPEATS, 1 + REPEATS])
def test_a_listener_that_refuses_the_first_of_a_batch(backend, refused):
    """The port listens only when so many sockets have been refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))

        def listen_at_last(calls):
            if len(calls) == refused + 1:
                listener.listen()

        with spied_ioctls(listen_at_last) as calls:
            (result,) = connect_many([listener.getsockname()], timeout=30, backend=backend)
    assert result.code == (0 if refused <= REPEATS else 10061)
    assert len(calls) == 1 + min(refused, REPEATS)
