"""connect: a non-blocking attempt with a deadline on a caller's socket."""

from __future__ import annotations

import errno
import math
import socket
import sys
import threading
import time
from ipaddress import ip_address

import pytest
from network import (
    FakeSystem,
    closed_port,
    interrupt_soon,
    listening,
    open_handles,
    refuse_soon,
    silent_port,
)

from ras_native import WSAError, connect, wsa_connect
from ras_native._backend.contract import socket_backend
from ras_native._backend.layout import RN_E_AGAIN

FAMILIES = {"IPv4": socket.AF_INET, "IPv6": socket.AF_INET6}
MODES = (None, 0.0, 5.0)
BEGUN = 10035 if sys.platform == "win32" else errno.EINPROGRESS


@pytest.mark.ledger("WC-2", "WC-17", "WC-19")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_connects_and_leaves_the_mode_as_it_was(backend, family, mode):
    with listening(family) as listener, socket.socket(family) as sock:
        sock.settimeout(mode)
        elapsed = connect(sock, listener.getsockname(), timeout=10, backend=backend)
        assert isinstance(elapsed, float)
        assert elapsed > 0
        assert sock.getpeername() == listener.getsockname()
        assert sock.getsockname()[1] > 0
        assert sock.gettimeout() == mode


@pytest.mark.ledger("WC-2", "WC-11")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_is_refused(backend, family, mode):
    with closed_port(family) as address, socket.socket(family) as sock:
        sock.settimeout(mode)
        with pytest.raises(ConnectionRefusedError) as caught:
            connect(sock, address, timeout=10, backend=backend)
        assert isinstance(caught.value, WSAError)
        assert (caught.value.code, caught.value.errno) == (10061, errno.ECONNREFUSED)
        assert sock.gettimeout() == mode


def test_source_is_the_address_to_connect_from(backend):
    with listening() as listener, socket.socket() as sock:
        source = (ip_address("127.0.0.2"), 0)
        connect(sock, listener.getsockname(), timeout=10, source=source, backend=backend)
        assert sock.getsockname()[0] == "127.0.0.2"


def test_source_that_is_taken(backend):
    with listening() as listener, socket.socket() as other, socket.socket() as sock:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()
        with pytest.raises(WSAError, match="bind") as caught:
            connect(sock, listener.getsockname(), timeout=10, source=taken, backend=backend)
        assert caught.value.code == 10048


@pytest.mark.ledger("WC-4")
def test_socket_is_used_again_after_a_refusal(backend):
    with closed_port() as address, listening() as listener, socket.socket() as sock:
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                connect(sock, address, backend=backend)
        connect(sock, listener.getsockname(), backend=backend)
        assert sock.getpeername() == listener.getsockname()


@pytest.mark.ledger("WC-11")
@pytest.mark.parametrize("timeout", [0, 0.05])
def test_timeout_of_our_own(backend, timeout):
    with silent_port() as address, socket.socket() as sock:
        began = time.perf_counter()
        with pytest.raises(TimeoutError) as caught:
            connect(sock, address, timeout=timeout, backend=backend)
        assert time.perf_counter() - began >= timeout
        assert isinstance(caught.value, WSAError)
        assert (caught.value.code, caught.value.errno) == (10060, errno.ETIMEDOUT)
        assert sock.gettimeout() is None


@pytest.mark.ledger("WC-3")
def test_attempt_in_progress_is_not_begun_again(backend):
    with silent_port() as address, socket.socket() as sock:
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            wsa_connect(sock, address, backend=backend)
        with pytest.raises(BlockingIOError) as caught:
            connect(sock, address, timeout=10, backend=backend)
        assert isinstance(caught.value, WSAError)
        assert caught.value.code == 10037


@pytest.mark.ledger("WC-5")
def test_connected_socket(backend):
    with listening() as listener, socket.socket() as sock:
        connect(sock, listener.getsockname(), backend=backend)
        with pytest.raises(WSAError) as caught:
            connect(sock, listener.getsockname(), backend=backend)
        assert caught.value.code == 10056


def test_can_be_interrupted(backend):
    with silent_port() as address, socket.socket() as sock:
        with interrupt_soon():
            connect(sock, address, timeout=50, backend=backend)
        assert sock.gettimeout() is None


def test_another_thread_can_close_the_socket(backend, monkeypatch):
    """This works only if the wait does not hold the GIL."""
    system = socket_backend(backend)
    wait, waiting = system.connect_wait, threading.Event()

    def tell_and_wait(*arguments):
        waiting.set()
        return wait(*arguments)

    monkeypatch.setattr(system, "connect_wait", tell_and_wait)
    with silent_port() as address, socket.socket() as sock:

        def close_once_waiting():
            waiting.wait(50)
            sock.close()

        thread = threading.Thread(target=close_once_waiting)
        thread.start()
        with pytest.raises(WSAError) as caught:
            connect(sock, address, timeout=50, backend=backend)
        thread.join()
        assert caught.value.code == 10038


@pytest.mark.parametrize(
    "answer", [0, RN_E_AGAIN, errno.ECONNREFUSED], ids=["connected", "again", "refused"]
)
def test_seam_socket_closed_during_a_wait(backend, monkeypatch, answer):
    """The system is a fake: Windows' select may report a closed socket as writable."""
    system = FakeSystem(BEGUN).install(monkeypatch)
    sock = socket.socket()

    def close_and_answer(*_):
        sock.close()
        return answer

    monkeypatch.setattr(system, "connect_wait", close_and_answer, raising=False)
    with pytest.raises(WSAError) as caught:
        connect(sock, ("127.0.0.1", 9), timeout=50, backend=backend)
    assert (caught.value.code, caught.value.errno) == (10038, errno.ENOTSOCK)


def test_datagram_socket_is_connected_at_once(backend):
    with socket.socket(type=socket.SOCK_DGRAM) as peer, socket.socket(type=socket.SOCK_DGRAM) as s:
        peer.bind(("127.0.0.1", 0))
        connect(s, peer.getsockname(), backend=backend)
        assert s.getpeername() == peer.getsockname()


def test_nothing_leaks(backend):
    with closed_port() as address, silent_port() as silent:
        before = open_handles()
        for _ in range(30):
            with refuse_soon(socket.socket()) as sock, pytest.raises(ConnectionRefusedError):
                connect(sock, address, backend=backend)
            with socket.socket() as sock, pytest.raises(TimeoutError):
                connect(sock, silent, timeout=0, backend=backend)
        assert open_handles() - before < 10


@pytest.mark.ledger("WC-2")
def test_seam_slices_end_with_the_outcome(backend, monkeypatch):
    """The system is a fake: it counts the waits."""
    system = FakeSystem(BEGUN, RN_E_AGAIN, RN_E_AGAIN, 0).install(monkeypatch)
    with socket.socket() as sock:
        connect(sock, ("127.0.0.1", 9), timeout=50, backend=backend)
    assert system.answers == []


WRONG = {
    "negative timeout": ({"timeout": -1}, ValueError, "timeout must be"),
    "no number": ({"timeout": math.nan}, ValueError, "timeout must be"),
    "no end": ({"timeout": math.inf}, ValueError, "timeout must be"),
    "absurd timeout": ({"timeout": 1e300}, ValueError, "timeout must be"),
    "timeout of text": ({"timeout": "1"}, TypeError, "timeout must be"),
    "no timeout": ({"timeout": None}, TypeError, "timeout must be"),
    "a host name": ({"address": ("localhost", 9)}, ValueError, "address: 'localhost' is not"),
    "a NUL": ({"address": ("::1\0", 9)}, ValueError, "address: '::1.x00' is not"),
    "no tuple": ({"address": "127.0.0.1:9"}, TypeError, "address: an address is"),
    "source of IPv6": ({"source": ("::1", 0)}, ValueError, "source: it is IPv6"),
    "source with a name": ({"source": ("localhost", 0)}, ValueError, "source: 'localhost' is not"),
    "unknown backend": ({"backend": "rust"}, ValueError, "backend must be one of"),
    "no socket": ({"sock": 3}, TypeError, r"sock must be a socket\.socket, not int"),
}


@pytest.mark.parametrize(("wrong", "kind", "says"), WRONG.values(), ids=WRONG)
def test_bad_argument_is_named_and_nothing_done(backend, wrong, kind, says):
    with listening() as listener, socket.socket() as sock:
        arguments = {"sock": sock, "address": listener.getsockname(), "backend": backend} | wrong
        with pytest.raises(kind, match=says):
            connect(**arguments)
        assert sock.gettimeout() is None
        connect(sock, listener.getsockname(), backend=backend)


@pytest.mark.posix_only("sockets of other families are")
def test_other_families_are_refused(backend):
    with (
        socket.socket(socket.AF_UNIX) as sock,
        pytest.raises(ValueError, match="sock must be an IPv4 or IPv6"),
    ):
        connect(sock, b"\1\0/nowhere", backend=backend)


def test_no_address(backend):
    with socket.socket() as sock, pytest.raises(WSAError) as caught:
        connect(sock, None, backend=backend)
    assert caught.value.code == 10014
