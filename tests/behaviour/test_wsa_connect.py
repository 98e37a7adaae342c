"""wsa_connect: each answer of WSAConnect, with real loopback sockets."""

from __future__ import annotations

import errno
import ipaddress
import os
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading

import pytest
from network import (
    LOOPBACK,
    FakeSystem,
    closed_port,
    interrupt_soon,
    listening,
    outcome_of,
    silent_port,
)

from ras_native import WSAError, wsa_connect
from ras_native._errors import winsock_code
from ras_native._sockets import checks

FAMILIES = {"IPv4": socket.AF_INET, "IPv6": socket.AF_INET6}
QOS = bytes(64 + 2 * struct.calcsize("P"))


def tcp(family=socket.AF_INET, *, blocking=True):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(blocking)
    return sock


def udp(family=socket.AF_INET):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(10)
    return sock


def bound_udp():
    sock = udp()
    sock.bind(("127.0.0.1", 0))
    return sock


class Index:
    """A whole number that is not an int."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


def refusal(sock, name, backend, **options) -> WSAError:
    with pytest.raises(WSAError) as caught:
        wsa_connect(sock, name, backend=backend, **options)
    error = caught.value
    assert error.winerror == error.code
    assert error.function == "WSAConnect"
    assert error.errno
    return error


def code_of(sock, name, backend, **options) -> int:
    return refusal(sock, name, backend, **options).code


# Stream sockets


@pytest.mark.ledger("WC-1", "WC-17", "WC-19")
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_blocking_success_is_the_result(backend, family):
    with listening(family) as listener, tcp(family) as sock:
        assert sock.getsockname()[1] == 0 if sys.platform != "win32" else True
        assert wsa_connect(sock, listener.getsockname(), backend=backend) == b""
        assert sock.getpeername() == listener.getsockname()
        assert sock.getsockname()[1] > 0
        assert sock.gettimeout() is None
        accepted, peer = listener.accept()
        with accepted:
            assert peer == sock.getsockname()
            sock.sendall(b"through")
            assert accepted.recv(16) == b"through"


@pytest.mark.ledger("WC-1", "WC-11")
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_blocking_refusal_is_the_result(backend, family):
    with closed_port(family) as address, tcp(family) as sock:
        with pytest.raises(ConnectionRefusedError) as caught:
            wsa_connect(sock, address, backend=backend)
        assert isinstance(caught.value, WSAError)
        assert (caught.value.code, caught.value.name) == (10061, "WSAECONNREFUSED")
        assert caught.value.errno == errno.ECONNREFUSED
        assert sock.gettimeout() is None


@pytest.mark.ledger("WC-1")
def test_blocking_call_can_be_interrupted(backend):
    with silent_port() as address, tcp() as sock:
        with interrupt_soon():
            wsa_connect(sock, address, backend=backend)
        assert sock.gettimeout() is None


@pytest.mark.ledger("WC-2", "WC-17")
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_non_blocking_call_is_in_progress_then_connected(backend, family):
    with listening(family) as listener, tcp(family, blocking=False) as sock:
        error = refusal(sock, listener.getsockname(), backend)
        assert isinstance(error, BlockingIOError)
        assert (error.code, error.name) == (10035, "WSAEWOULDBLOCK")
        assert outcome_of(sock) == 0
        assert sock.getpeername() == listener.getsockname()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


@pytest.mark.ledger("WC-2")
def test_non_blocking_call_is_in_progress_then_refused(backend):
    with closed_port() as address, tcp(blocking=False) as sock:
        assert code_of(sock, address, backend) == 10035
        assert outcome_of(sock) == errno.ECONNREFUSED


def test_socket_with_a_timeout_is_a_non_blocking_one(backend):
    with listening() as listener, tcp() as sock:
        sock.settimeout(5)
        assert code_of(sock, listener.getsockname(), backend) == 10035
        assert sock.gettimeout() == 5


@pytest.mark.ledger("WC-3")
def test_second_call_while_in_progress(backend):
    with silent_port() as address, listening() as other, tcp(blocking=False) as sock:
        assert code_of(sock, address, backend) == 10035
        error = refusal(sock, address, backend)
        assert isinstance(error, BlockingIOError)
        assert (error.code, error.errno) == (10037, errno.EALREADY)
        assert code_of(sock, other.getsockname(), backend) == 10037


@pytest.mark.ledger("WC-4")
@pytest.mark.parametrize("read_reason", [True, False])
def test_socket_is_used_again_after_a_refusal(backend, read_reason):
    with closed_port() as closed, listening() as listener, tcp(blocking=False) as sock:
        for _ in range(2):
            assert code_of(sock, closed, backend) == 10035
            if read_reason:
                assert outcome_of(sock) == errno.ECONNREFUSED
            else:
                select.select([], [sock], [sock], 10)
        assert code_of(sock, listener.getsockname(), backend) == 10035
        assert outcome_of(sock) == 0
        assert sock.getpeername() == listener.getsockname()


@pytest.mark.ledger("WC-4")
def test_socket_is_used_again_after_a_blocking_refusal(backend):
    with closed_port() as closed, listening() as listener, tcp() as sock:
        for _ in range(2):
            assert code_of(sock, closed, backend) == 10061
        wsa_connect(sock, listener.getsockname(), backend=backend)
        assert sock.getpeername() == listener.getsockname()


@pytest.mark.ledger("WC-4", "WC-11")
@pytest.mark.posix_only("only there a socket says when to give up")
@pytest.mark.skipif(sys.platform == "darwin", reason="only there a socket says when to give up")
def test_socket_is_used_again_after_the_system_gave_up(backend):
    with silent_port() as address, listening() as listener, tcp() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1)
        error = refusal(sock, address, backend)
        assert isinstance(error, TimeoutError)
        assert (error.code, error.errno) == (10060, errno.ETIMEDOUT)
        wsa_connect(sock, listener.getsockname(), backend=backend)


@pytest.mark.ledger("WC-5")
@pytest.mark.parametrize("blocking", [True, False])
def test_connected_socket(backend, blocking):
    with listening() as listener, tcp(blocking=blocking) as sock:
        address = listener.getsockname()
        if blocking:
            wsa_connect(sock, address, backend=backend)
        else:
            assert code_of(sock, address, backend) == 10035
            assert outcome_of(sock) == 0
        for _ in range(2):
            error = refusal(sock, address, backend)
            assert (error.code, error.errno) == (10056, errno.EISCONN)
        sock.shutdown(socket.SHUT_WR)
        assert code_of(sock, address, backend) == 10056


ZEROS = {
    "no address": (socket.AF_INET, ("0.0.0.0", 9)),  # noqa: S104
    "no IPv6 address": (socket.AF_INET6, ("::", 9)),
    "no port": (socket.AF_INET, ("127.0.0.1", 0)),
    "no IPv6 port": (socket.AF_INET6, ("::1", 0)),
    "nothing": (socket.AF_INET, bytes(16)),
    "nothing in IPv6": (socket.AF_INET6, bytes(28)),
}


@pytest.mark.ledger("WC-6")
@pytest.mark.parametrize(("family", "name"), ZEROS.values(), ids=ZEROS)
def test_address_of_zeros(backend, family, name):
    with tcp(family) as sock:
        error = refusal(sock, name, backend)
        assert (error.code, error.errno) == (10049, errno.EADDRNOTAVAIL)


@pytest.mark.ledger("WC-7")
@pytest.mark.parametrize("make", [tcp, udp])
def test_address_of_another_family(backend, make):
    ipv4_name = checks.sockaddr(4, 9, 0, 0, b"\x7f\0\0\1")
    family = bytes([99 if byte == socket.AF_INET else byte for byte in ipv4_name[:2]])
    unknown = family + ipv4_name[2:]
    with make() as ipv4, make(socket.AF_INET6) as ipv6:
        error = refusal(ipv4, ("::1", 9), backend)
        assert (error.code, error.errno) == (10047, errno.EAFNOSUPPORT)
        assert code_of(ipv6, ("127.0.0.1", 9), backend) == 10047
        assert code_of(ipv6, ipv4_name + bytes(12), backend) == 10047
        assert code_of(ipv4, unknown, backend) == 10047
        assert code_of(ipv6, unknown + bytes(12), backend) == 10047


@pytest.mark.ledger("WC-8")
@pytest.mark.parametrize("make", [tcp, udp])
def test_length_of_a_name_is_judged_by_the_family_of_the_socket(backend, make):
    """The length is checked before the family, as on Windows: 16 bytes are too few for IPv6."""
    ipv4_name = checks.sockaddr(4, 9, 0, 0, b"\x7f\0\0\1")
    ipv6_name = checks.sockaddr(6, 9, 0, 0, bytes(15) + b"\1")
    with make() as ipv4, make(socket.AF_INET6) as ipv6:
        assert code_of(ipv6, ipv4_name, backend) == 10014
        assert code_of(ipv6, bytes(16), backend) == 10014
        assert code_of(ipv6, bytes(27), backend) == 10014
        assert code_of(ipv4, ipv6_name[:16], backend) == 10047


@pytest.mark.ledger("WC-8")
@pytest.mark.parametrize("make", [tcp, udp])
def test_name_or_length_that_cannot_be_used(backend, make):
    ipv4 = checks.sockaddr(4, 9, 0, 0, b"\x7f\0\0\1")
    ipv6 = checks.sockaddr(6, 9, 0, 0, bytes(15) + b"\1")
    with make() as sock:
        assert refusal(sock, None, backend).errno == errno.EFAULT
        assert code_of(sock, None, backend, namelen=16) == 10014
        for length in (-1, 0, 1, 2, 15):
            assert code_of(sock, ipv4, backend, namelen=length) == 10014
            assert code_of(sock, ipv4[: max(length, 0)], backend) == 10014
        assert code_of(sock, ("127.0.0.1", 9), backend, namelen=15) == 10014
    with make(socket.AF_INET6) as sock:
        for length in (16, 24, 27):
            assert code_of(sock, ipv6, backend, namelen=length) == 10014


@pytest.mark.ledger("WC-8")
@pytest.mark.parametrize("namelen", [None, 16, 17, 128, 65_536])
def test_longer_name_is_as_good(backend, namelen):
    with listening() as listener, tcp() as sock:
        name = checks.sockaddr(4, listener.getsockname()[1], 0, 0, b"\x7f\0\0\1")
        wsa_connect(sock, name + bytes(200), namelen=namelen, backend=backend)
        assert sock.getpeername() == listener.getsockname()


@pytest.mark.ledger("WC-9")
def test_listening_socket(backend):
    with listening() as listener, listening() as other:
        error = refusal(listener, other.getsockname(), backend)
        assert (error.code, error.errno) == (10022, errno.EINVAL)


@pytest.mark.ledger("WC-10")
def test_closed_socket(backend):
    sock = tcp()
    sock.close()
    error = refusal(sock, ("127.0.0.1", 9), backend)
    assert (error.code, error.errno) == (10038, errno.ENOTSOCK)


@pytest.mark.ledger("WC-10")
def test_socket_closed_behind_its_back(backend):
    sock = tcp()
    sock.bind(("127.0.0.1", 0))  # unbound, Windows cannot tell its kind
    socket.socket(fileno=sock.fileno()).close()
    try:
        assert code_of(sock, ("127.0.0.1", 9), backend) == 10038
    finally:
        sock.detach()


@pytest.mark.ledger("WC-10")
@pytest.mark.posix_only("only there a descriptor can become a file's")
def test_not_a_socket(backend, tmp_path):
    with tcp() as sock, (tmp_path / "file").open("wb") as file:
        os.dup2(file.fileno(), sock.fileno())
        assert code_of(sock, ("127.0.0.1", 9), backend) == 10038


@pytest.mark.ledger("WC-11")
def test_local_port_that_is_taken(backend):
    """Two sockets on one local port cannot both connect to the same address."""
    with listening() as listener, tcp() as first, tcp() as second:
        for sock in (first, second):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        first.bind(("127.0.0.1", 0))
        second.bind(first.getsockname())
        wsa_connect(first, listener.getsockname(), backend=backend)
        assert code_of(second, listener.getsockname(), backend) == 10048


def python_in_a_network_of_its_own(script, *arguments):
    """Run a script as root in a network namespace whose loopback is down."""
    prelude = """
        import ctypes, errno, fcntl, socket, struct, sys
        from ras_native import connect_many, wsa_connect

        def loopback_up():
            with socket.socket() as sock:
                fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x10000000 | 0x40000000):
            sys.exit(77)
    """
    source = textwrap.dedent(prelude) + textwrap.dedent(script)
    command = [sys.executable, "-c", source, *arguments]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("this system lets no user make a network namespace")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.ledger("WC-4", "WC-11")
@pytest.mark.posix_only("only Linux has network namespaces")
@pytest.mark.skipif(sys.platform == "darwin", reason="only Linux has network namespaces")
def test_unreachable_network_then_the_same_socket_again(backend):
    script = """
        sock = socket.socket()
        try:
            wsa_connect(sock, ("127.0.0.1", 9), backend=sys.argv[1])
        except OSError as error:
            print(error.code, error.errno == errno.ENETUNREACH)
        print(connect_many([("127.0.0.1", 9)], backend=sys.argv[1])[0].outcome.value)
        loopback_up()
        listener = socket.create_server(("127.0.0.1", 0))
        wsa_connect(sock, listener.getsockname(), backend=sys.argv[1])
        print(sock.getpeername() == listener.getsockname())
    """
    answers = python_in_a_network_of_its_own(script, backend)
    assert answers == ["10051", "True", "unreachable", "True"]


@pytest.mark.ledger("WC-11")
@pytest.mark.posix_only("only Linux has network namespaces")
@pytest.mark.skipif(sys.platform == "darwin", reason="only Linux has network namespaces")
def test_no_local_port_left(backend):
    script = """
        loopback_up()
        with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
            file.write("40000 40001")
        listener = socket.socket()
        listener.bind(("127.0.0.1", 9999))
        listener.listen()
        socks = [socket.socket() for _ in range(3)]
        for sock in socks[:2]:
            wsa_connect(sock, ("127.0.0.1", 9999), backend=sys.argv[1])
        try:
            wsa_connect(socks[2], ("127.0.0.1", 9999), backend=sys.argv[1])
        except OSError as error:
            print(error.code)
        result = connect_many([("127.0.0.1", 9999)], backend=sys.argv[1])[0]
        print(result.outcome.value, result.code)
    """
    answers = python_in_a_network_of_its_own(script, backend)
    assert answers == ["10055", "error", "10055"]


@pytest.mark.ledger("WC-11")
@pytest.mark.posix_only("only Linux has network namespaces")
@pytest.mark.skipif(sys.platform == "darwin", reason="only Linux has network namespaces")
@pytest.mark.parametrize("source", [None, ("127.0.0.1", 0)])
def test_batch_waits_for_a_local_port(backend, source):
    """There are two local ports, and the targets that do not answer occupy both."""
    script = f"""
        loopback_up()
        from network import silent_port
        with silent_port() as silent:
            with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
                file.write("40000 40001")
            results = connect_many(
                [silent] * 6, timeout=0.05, source={source}, backend=sys.argv[1]
            )
            print(*(result.code for result in results))
    """
    assert python_in_a_network_of_its_own(script, backend) == ["10060"] * 6


SYSTEM_ERRORS: dict[str, tuple[int, type[OSError]]] = {
    "ENETDOWN": (10050, WSAError),
    "EINTR": (10004, InterruptedError),
    "EACCES": (10013, PermissionError),
    "ENETUNREACH": (10051, WSAError),
    "EHOSTUNREACH": (10065, WSAError),
    "ETIMEDOUT": (10060, TimeoutError),
    "ECONNREFUSED": (10061, ConnectionRefusedError),
    "ECONNRESET": (10054, ConnectionResetError),
    "ENOBUFS": (10055, WSAError),
    "EADDRINUSE": (10048, WSAError),
    "EALREADY": (10037, BlockingIOError),
    "EISCONN": (10056, WSAError),
    "ENOTSOCK": (10038, WSAError),
    "EMFILE": (10024, WSAError),
}


@pytest.mark.ledger("WC-11", "WC-21")
@pytest.mark.parametrize(("name", "expected"), SYSTEM_ERRORS.items())
def test_seam_what_the_system_answers_is_named(backend, monkeypatch, name, expected):
    """The system is a fake: loopback gives few of these errors."""
    code, kind = expected
    number = getattr(errno, name)
    FakeSystem(code if sys.platform == "win32" else number).install(monkeypatch)
    with tcp() as sock:
        error = refusal(sock, ("127.0.0.1", 9), backend)
    assert isinstance(error, kind)
    assert (error.code, error.errno) == (code, number)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(again), again.code, again.errno) == (type(error), code, number)


@pytest.mark.ledger("WC-21")
@pytest.mark.parametrize(
    ("code", "name"), [(10004, "WSAEINTR"), (10036, "WSAEINPROGRESS"), (10050, "WSAENETDOWN")]
)
def test_seam_winsock_codes_keep_name_and_number(backend, monkeypatch, code, name):
    """The system is a fake: only an old Winsock gives some of these errors."""
    FakeSystem(code).install(monkeypatch)
    with tcp() as sock:
        error = refusal(sock, ("127.0.0.1", 9), backend)
    assert (error.code, error.winerror, error.name) == (code, code, name)


@pytest.mark.ledger("WC-21")
@pytest.mark.posix_only("a local socket whose queue is full blocks where a signal can be awaited")
def test_interrupted_call(backend, tmp_path):
    """A signal ends a blocking local connect. If its handler raises nothing, that is WSAEINTR."""
    seen = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: seen.set())
    path = os.fsencode(tmp_path / "s")
    name = struct.pack("=H", socket.AF_UNIX) + path + b"\0"
    if sys.platform != "linux":
        name = struct.pack("=BB", len(path) + 3, socket.AF_UNIX) + path + b"\0"
    try:
        with (
            socket.socket(socket.AF_UNIX) as listener,
            socket.socket(socket.AF_UNIX) as first,
            socket.socket(socket.AF_UNIX) as second,
        ):
            listener.bind(path)
            listener.listen(0)
            assert wsa_connect(first, name, backend=backend) == b""
            signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
            error = refusal(second, name, backend)
            assert isinstance(error, InterruptedError)
            assert (error.code, error.errno) == (10004, errno.EINTR)
            assert seen.is_set()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


LOCAL_ERRORS = {
    "nothing there": ("none", errno.ENOENT, FileNotFoundError),
    "a file on the way": ("file/none", errno.ENOTDIR, NotADirectoryError),
    "a file that is no socket": ("file", errno.ECONNREFUSED, ConnectionRefusedError),
    "links in a circle": ("circle", errno.ELOOP, OSError),
    "a datagram socket": ("datagrams", errno.EPROTOTYPE, OSError),
}


@pytest.mark.ledger("WC-11")
@pytest.mark.posix_only("sockets of other families are")
@pytest.mark.skipif(sys.platform == "darwin", reason="the paths' errors are those of Linux")
@pytest.mark.parametrize(("name", "number", "kind"), LOCAL_ERRORS.values(), ids=LOCAL_ERRORS)
def test_local_socket_that_cannot_be_reached(backend, tmp_path, name, number, kind):
    """The exception is a WSAError, and also the one that Python itself raises."""
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    path = os.fsencode(tmp_path / name)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
        socket.socket(socket.AF_UNIX) as sock,
        socket.socket(socket.AF_UNIX) as plain,
    ):
        datagrams.bind(os.fsencode(tmp_path / "datagrams"))
        with pytest.raises(OSError) as expected:  # noqa: PT011 - compared below
            plain.connect(path)
        error = refusal(sock, struct.pack("=H", socket.AF_UNIX) + path + b"\0", backend)
    assert error.errno == expected.value.errno == number
    assert isinstance(error, type(expected.value))
    assert isinstance(error, kind)
    assert type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301


# Winsock itself


@pytest.mark.ledger("WC-12")
@pytest.mark.windows_only("elsewhere there is nothing to start")
def test_winsock_is_started_once_and_by_us(backend):
    """Python starts Winsock too. After Python's stop ras_native can go on, until one more stop."""
    script = """
        import ctypes, socket, sys
        from ras_native import wsa_connect
        ws2_32 = ctypes.WinDLL("ws2_32.dll", winmode=0x800)
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as sock:
                wsa_connect(sock, listener.getsockname(), backend=sys.argv[1])
        ws2_32.WSACleanup()
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as sock:
            wsa_connect(sock, listener.getsockname(), backend=sys.argv[1])
            print("ours")
        ws2_32.WSACleanup()
        try:
            socket.socket()
        except OSError as error:
            print(error.winerror)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), backend]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.stdout.split() == ["ours", "10093"], done.stderr


@pytest.mark.ledger("WC-12")
@pytest.mark.parametrize("code", [10091, 10093])
def test_seam_winsock_that_does_not_start(backend, monkeypatch, code):
    """The system is a fake."""
    FakeSystem().install(monkeypatch).START_ERROR = code
    with tcp() as sock, pytest.raises(WSAError) as caught:
        wsa_connect(sock, None, backend=backend)
    assert (caught.value.code, caught.value.function) == (code, "WSAStartup")


# Datagram sockets


@pytest.mark.ledger("WC-13")
def test_datagram_peer(backend):
    with udp() as sock, bound_udp() as peer, bound_udp() as stranger:
        assert wsa_connect(sock, peer.getsockname(), backend=backend) == b""
        assert sock.getpeername() == peer.getsockname()
        stranger.sendto(b"not heard", sock.getsockname())
        peer.sendto(b"heard", sock.getsockname())
        assert sock.recv(16) == b"heard"
        sock.send(b"to the peer")
        assert peer.recv(16) == b"to the peer"
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(16)


@pytest.mark.ledger("WC-14")
def test_another_datagram_peer(backend):
    with udp() as sock, bound_udp() as first, bound_udp() as second:
        wsa_connect(sock, first.getsockname(), backend=backend)
        wsa_connect(sock, second.getsockname(), backend=backend)
        assert sock.getpeername() == second.getsockname()
        sock.send(b"to the second")
        assert second.recv(16) == b"to the second"
        first.sendto(b"not heard", sock.getsockname())
        second.sendto(b"heard", sock.getsockname())
        assert sock.recv(16) == b"heard"


@pytest.mark.ledger("WC-6")
@pytest.mark.parametrize(
    ("family", "host"),
    [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")],  # noqa: S104
    ids=FAMILIES,
)
def test_datagram_address_of_zeros(backend, family, host):
    """POSIX would connect to loopback; Windows has no such address."""
    with udp(family) as sock:
        error = refusal(sock, (host, 9), backend)
        assert (error.code, error.errno) == (10049, errno.EADDRNOTAVAIL)
        with pytest.raises(OSError):  # noqa: PT011 - the system's own
            sock.getpeername()


@pytest.mark.ledger("WC-13")
def test_datagram_socket_may_have_port_0_as_its_peer(backend):
    with udp() as sock:
        assert wsa_connect(sock, ("127.0.0.1", 0), backend=backend) == b""


@pytest.mark.ledger("WC-13")
def test_seam_datagram_port_0_of_ipv6_reaches_the_system(backend, monkeypatch):
    """The system is a fake: the answer of Windows is unknown."""
    system = FakeSystem().install(monkeypatch)
    with udp(socket.AF_INET6) as sock:
        wsa_connect(sock, ("::1", 0), backend=backend)
    assert len(system.calls) == 1


@pytest.mark.ledger("WC-15")
@pytest.mark.parametrize(
    ("family", "zeros"),
    [(socket.AF_INET, 16), (socket.AF_INET, 28), (socket.AF_INET6, 28)],
    ids=["IPv4-16", "IPv4-28", "IPv6-28"],
)
def test_datagram_socket_without_a_peer_again(backend, family, zeros):
    with udp(family) as sock, udp(family) as peer:
        peer.bind((LOOPBACK[family], 0))
        wsa_connect(sock, peer.getsockname(), backend=backend)
        assert wsa_connect(sock, bytes(zeros), backend=backend) == b""
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the system's own
            sock.getpeername()
        assert caught.value.errno == errno.ENOTCONN
        sock.sendto(b"still", peer.getsockname())
        assert peer.recv(16) == b"still"


@pytest.mark.ledger("WC-15")
@pytest.mark.parametrize(
    ("family", "size"), [(socket.AF_INET, 16), (socket.AF_INET6, 28)], ids=FAMILIES
)
def test_seam_zeros_reach_the_system_whole(backend, monkeypatch, family, size):
    """The system is a fake: POSIX needs at most 16 bytes, Windows may need more."""
    system = FakeSystem().install(monkeypatch)
    with udp(family) as sock:
        wsa_connect(sock, bytes(128), backend=backend)
    assert system.calls[0][1] == bytes(size)


@pytest.mark.ledger("WC-15")
def test_send_without_a_peer_fails(backend):
    with udp() as sock, bound_udp() as peer:
        wsa_connect(sock, peer.getsockname(), backend=backend)
        wsa_connect(sock, bytes(16), backend=backend)
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the system's own
            sock.send(b"nowhere")
        assert caught.value.errno in {errno.ENOTCONN, errno.EDESTADDRREQ}


@pytest.mark.ledger("WC-16")
def test_broadcast_without_permission_is_for_the_system_to_judge(backend):
    """POSIX refuses. So does Windows, says its documentation, but a test there succeeded."""
    broadcast = ("127.255.255.255", 9)  # loopback's own
    with udp() as sock, udp() as plain:
        expected = winsock_code(plain.connect_ex(broadcast))
        if sys.platform != "win32":
            assert expected == 10013
        if expected:
            error = refusal(sock, broadcast, backend)
            assert isinstance(error, PermissionError)
            assert (error.code, error.errno) == (expected, errno.EACCES)
        else:
            wsa_connect(sock, broadcast, backend=backend)
            assert sock.getpeername() == broadcast


@pytest.mark.ledger("WC-16")
def test_broadcast_with_permission(backend):
    broadcast = ("127.255.255.255", 9)
    with udp() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        wsa_connect(sock, broadcast, backend=backend)
        assert sock.getpeername() == broadcast


@pytest.mark.ledger("WC-16")
@pytest.mark.parametrize("code", [0, 10013])
def test_seam_the_answer_about_broadcast_is_passed_on(backend, monkeypatch, code):
    """The system is a fake: each real system gives only one of these answers."""
    number = errno.EACCES if code and sys.platform != "win32" else code
    FakeSystem(number).install(monkeypatch)
    with udp() as sock:
        if code:
            assert code_of(sock, ("255.255.255.255", 9), backend) == code
        else:
            assert wsa_connect(sock, ("255.255.255.255", 9), backend=backend) == b""


# The other parameters


@pytest.mark.ledger("WC-17")
def test_name_of_ipv6_has_flow_and_scope(backend):
    with listening(socket.AF_INET6) as listener, tcp(socket.AF_INET6) as sock:
        port = listener.getsockname()[1]
        wsa_connect(sock, ("::1", port, 0x12345, 0), backend=backend)
        assert sock.getpeername()[:2] == ("::1", port)


@pytest.mark.ledger("WC-17")
def test_seam_flow_and_scope_reach_the_system(backend, monkeypatch):
    """The system is a fake: loopback shows neither value."""
    system = FakeSystem().install(monkeypatch)
    with tcp(socket.AF_INET6) as sock:
        wsa_connect(sock, ("fe80::1", 80, 0x12345, 7), backend=backend)
    name = system.calls[0][1]
    assert len(name) == 28
    assert struct.unpack("!HI", name[2:8]) == (80, 0x12345)
    assert name[8:24] == socket.inet_pton(socket.AF_INET6, "fe80::1")
    assert struct.unpack("=I", name[24:]) == (7,)


@pytest.mark.ledger("WC-17")
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_host_may_be_an_object_of_ipaddress(backend, family):
    with listening(family) as listener, tcp(family) as sock:
        host, *rest = listener.getsockname()
        wsa_connect(sock, (ipaddress.ip_address(host), *rest), backend=backend)
        assert sock.getpeername() == listener.getsockname()


def test_whole_numbers_may_be_objects_with_an_index(backend):
    with listening() as listener, tcp() as sock:
        host, port = listener.getsockname()
        sizes = {"namelen": Index(16), "callee_data": Index(64)}
        wsa_connect(sock, (host, Index(port)), **sizes, backend=backend)
        assert sock.getpeername() == (host, port)


@pytest.mark.ledger("WC-18")
def test_tcp_carries_no_data_and_no_quality_of_service(backend):
    with listening() as listener, tcp() as sock:
        address = listener.getsockname()
        assert code_of(sock, address, backend, caller_data=b"hello") == 10043
        assert code_of(sock, address, backend, sqos=QOS) == 10045
        assert code_of(sock, address, backend, sqos=QOS[1:]) == 10014
        assert code_of(sock, address, backend, gqos=QOS) == 10022
        assert wsa_connect(sock, address, callee_data=64, backend=backend) == b""


@pytest.mark.ledger("WC-18")
def test_datagram_sockets_ignore_data(backend):
    with udp() as sock, bound_udp() as peer:
        answer = wsa_connect(
            sock, peer.getsockname(), caller_data=b"hello", callee_data=64, backend=backend
        )
        assert answer == b""
        assert sock.getpeername() == peer.getsockname()
        assert code_of(sock, peer.getsockname(), backend, sqos=QOS) == 10045
        assert code_of(sock, peer.getsockname(), backend, gqos=QOS) == 10022


@pytest.mark.ledger("WC-18")
def test_seam_data_is_passed_on_where_it_is_carried(backend, monkeypatch):
    """The system is a fake: only protocols such as ATM carry data, and only on Windows."""
    system = FakeSystem(callee_data=b"welcome").install(monkeypatch)
    monkeypatch.setattr(checks, "is_tcpip", lambda _sock: False)
    monkeypatch.setattr(checks, "carries_data", lambda _sock: True)
    with tcp() as sock:
        answer = wsa_connect(
            sock, bytes(16), caller_data=b"hello", callee_data=64, sqos=QOS, backend=backend
        )
        assert answer == b"welcome"
        assert system.calls == [(sock, bytes(16), b"hello", QOS, 64)]
        sock.setblocking(False)
        with pytest.raises(ValueError, match="callee_data"):
            wsa_connect(sock, bytes(16), callee_data=64, backend=backend)


def test_first_of_several_faults_is_told(backend):
    """The order of the checks is: socket, name, family, address, data, state."""
    wrong = {"caller_data": b"x", "gqos": QOS}
    closed = tcp()
    closed.close()
    assert code_of(closed, None, backend, **wrong) == 10038
    with listening() as listener:
        assert code_of(listener, None, backend, **wrong) == 10014
        assert code_of(listener, ("::1", 0), backend, **wrong) == 10047
        assert code_of(listener, ("127.0.0.1", 0), backend, **wrong) == 10049
        assert code_of(listener, ("127.0.0.1", 9), backend, **wrong) == 10043
        assert code_of(listener, ("127.0.0.1", 9), backend, gqos=QOS, sqos=QOS) == 10022
        assert code_of(listener, ("127.0.0.1", 9), backend) == 10022


WRONG = {
    "a host name": ({"name": ("localhost", 9)}, ValueError, "name: 'localhost'.*getaddrinfo"),
    "no host": ({"name": ("", 9)}, ValueError, "numeric"),
    "a NUL": ({"name": ("127.0.0.1\0", 9)}, ValueError, "name: '127.0.0.1.x00' is not"),
    "host of bytes": ({"name": (b"127.0.0.1", 9)}, TypeError, "name: the host must be a str or"),
    "port below": ({"name": ("127.0.0.1", -1)}, ValueError, "port must be from 0 to 65535"),
    "port above": ({"name": ("127.0.0.1", 65_536)}, ValueError, "port must be from 0 to 65535"),
    "port of text": ({"name": ("127.0.0.1", "80")}, TypeError, "port must be a whole number"),
    "port of a bool": ({"name": ("127.0.0.1", True)}, TypeError, "port must be a whole number"),
    "flow of IPv4": ({"name": ("127.0.0.1", 9, 0, 0)}, ValueError, "IPv4 address is"),
    "flow above": ({"name": ("::1", 9, 1 << 20, 0)}, ValueError, "flowinfo must be"),
    "scope above": ({"name": ("::1", 9, 0, 1 << 32)}, ValueError, "scope_id must be"),
    "one part": ({"name": ("127.0.0.1",)}, TypeError, "an address is"),
    "a list": ({"name": ["127.0.0.1", 9]}, TypeError, "an address is"),
    "text": ({"name": "127.0.0.1:9"}, TypeError, "an address is"),
    "flow of a bool": ({"name": ("::1", 9, True)}, TypeError, "flowinfo must be a whole number"),
    "host with a scope": (
        {"name": (ipaddress.IPv6Address("fe80::1%7"), 9)},
        ValueError,
        "name: fe80::1%7 has a scope.*fourth part",
    ),
    "a network": ({"name": (ipaddress.ip_network("::/64"), 9)}, TypeError, "host must be a str or"),
    "capacity of a bool": ({"callee_data": True}, TypeError, "callee_data must be a whole number"),
    "a number": ({"name": 9}, TypeError, "an address is"),
    "length of text": ({"namelen": "16"}, TypeError, "namelen must be a whole number"),
    "data of text": ({"caller_data": "x"}, TypeError, "caller_data must be bytes"),
    "too much data": ({"caller_data": bytes(65_537)}, ValueError, "caller_data must be at most"),
    "negative capacity": ({"callee_data": -1}, ValueError, "callee_data must be from 0 to"),
    "absurd capacity": ({"callee_data": 1 << 40}, ValueError, "callee_data must be from 0 to"),
    "qos of text": ({"sqos": "x"}, TypeError, "sqos must be bytes"),
    "group qos of text": ({"gqos": 1}, TypeError, "gqos must be bytes"),
    "unknown backend": ({"backend": "rust"}, ValueError, "backend must be one of"),
}


@pytest.mark.parametrize(("wrong", "kind", "says"), WRONG.values(), ids=WRONG)
def test_bad_argument_is_named_and_nothing_done(backend, wrong, kind, says):
    arguments = {"name": ("127.0.0.1", 9), "backend": backend} | wrong
    with tcp() as sock:
        before = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), sock.gettimeout()
        with pytest.raises(kind, match=says):
            wsa_connect(sock, **arguments)
        assert before == (sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), sock.gettimeout())
        with listening() as listener:
            wsa_connect(sock, listener.getsockname(), backend=backend)


@pytest.mark.parametrize("sock", [3, None, "socket"])
def test_only_a_socket_object_is_a_socket(backend, sock):
    with pytest.raises(TypeError, match=r"sock must be a socket\.socket, not"):
        wsa_connect(sock, ("127.0.0.1", 9), backend=backend)
