"""Compare connect_many with a bare C loop, asyncio, uvloop, the standard library's selectors and
nmap; and connect_stream beside 9,990 targets that do not answer with connect_stream without them.

    pytest benchmarks/bench_connect.py --benchmark-only

A round of each competitor precedes each round of ours, so that all run under the same load. Every
round checks its outcomes. Loopback only. uvloop and nmap are not requirements of the tests:
`pip install uvloop`, and your system's package of nmap.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import re
import shutil
import socket
import struct
import subprocess
import sys
from statistics import median
from time import perf_counter, perf_counter_ns

import pytest
from comparing import MISSING, library, missing, record, rounded
from network import silent_port

from ras_native import ConnectOutcome, connect_many, connect_stream
from ras_native.benchmark import connects

CONCURRENCY = 256
SIZES = {1: 400, 10: 200, 100: 60, 1_000: 30, 10_000: 7, 100_000: 3}  # targets, rounds
IN_PYTHON = 100 if sys.platform == "win32" else 1_000  # Wine takes 10 times as long for each
SMALL, LARGE = 100, 100_000  # how many connects the cost of one is compared for
SILENT_SIZES = {1: 5, 100: 5, 1_000: 5, 10_000: 3}
SILENT_TIMEOUT = 0.3  # seconds
ALL_PORTS = range(1, 65536)
SILENT = 9_990
MOST_SILENT = 10_000
ANSWERED = 1_000

ACCEPT_EVERYBODY = """
import socket
listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
print(listener.getsockname()[1], flush=True)
while True:
    try:
        listener.accept()[0].close()
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def open_port():
    """Run a process that accepts connections; return its address."""
    command = [sys.executable, "-c", ACCEPT_EVERYBODY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield "127.0.0.1", int(process.stdout.readline())
        finally:
            process.kill()


@pytest.fixture(scope="module")
def closed_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Return the bare loop: a function from targets to their error numbers and the seconds."""
    if sys.platform != "linux":
        pytest.skip("the bare loop uses epoll, which only Linux has: run this on Linux")
    loop = library("bare_connect.c", tmp_path_factory.mktemp("bare")).bare_connect_many

    def connect(targets):
        names = b"".join(
            struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton(host))
            for host, port in targets
        )
        outcomes = ctypes.create_string_buffer(16 * len(targets))
        begun = perf_counter_ns()
        failed = loop(names, len(targets), CONCURRENCY, 10_000, outcomes)
        ns = perf_counter_ns() - begun
        assert not failed
        return [error for _, error, _ in struct.iter_unpack("=Qii", outcomes)], ns

    return connect


def ours(targets, backend="native"):
    begun = perf_counter_ns()
    results = connect_many(targets, concurrency=CONCURRENCY, backend=backend)
    ns = perf_counter_ns() - begun
    return [result.errno for result in results], ns


@pytest.fixture(params=["refused", "open", "mixed"])
def targets_of(request, open_port, closed_port):
    def make(count):
        pairs = {
            "refused": [closed_port] * 2,
            "open": [open_port] * 2,
            "mixed": [closed_port, open_port],
        }
        return (pairs[request.param] * (1 + count // 2))[:count]

    return make


@pytest.fixture
def expected_of(open_port):
    return lambda targets: [0 if t == open_port else errno.ECONNREFUSED for t in targets]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", SIZES)
@pytest.mark.benchmark(group="connect_many beside the bare loop")
def test_connect_many_beside_the_bare_loop(benchmark, bare, targets_of, expected_of, count):
    targets = targets_of(count)
    expected = expected_of(targets)
    times = {"ours": [], "bare C loop": []}

    def run(who, connect):
        errors, ns = connect(targets)
        assert errors == expected
        times[who].append(ns / count)

    benchmark.pedantic(
        run, args=("ours", ours), setup=lambda: run("bare C loop", bare),
        rounds=SIZES[count], warmup_rounds=1, iterations=1,
    )  # fmt: skip
    record(benchmark, times, "us per connect")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("targets_of", ["refused"], indirect=True)
@pytest.mark.posix_only("100,000 connects take minutes under Wine")
@pytest.mark.benchmark(group="the cost of one of 100,000 connects, and of one of 100")
def test_cost_of_one_of_many(benchmark, targets_of, expected_of):
    few, many = targets_of(SMALL), targets_of(LARGE)
    times = {f"one of {LARGE:,}": [], f"one of {SMALL}": []}

    def run_many():
        errors, ns = ours(many)
        assert errors == expected_of(many)
        times[f"one of {LARGE:,}"].append(ns / LARGE)

    def run_few():
        found = []
        for _ in range(LARGE // SMALL // 4):
            errors, ns = ours(few)
            assert errors == expected_of(few)
            found.append(ns / SMALL)
        times[f"one of {SMALL}"].append(median(found))

    benchmark.pedantic(run_many, setup=run_few, rounds=5, iterations=1)
    record(benchmark, times, "us per connect")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", ["native", "ctypes"])
@pytest.mark.benchmark(group=f"{IN_PYTHON:,} connects in Python")
def test_connects_in_python(benchmark, targets_of, expected_of, backend):
    targets = targets_of(IN_PYTHON)
    expected = expected_of(targets)
    ways = {"ours": connects.with_backend(backend), **connects.COMMON_WAYS}
    try:
        ways["uvloop"] = connects.uvloop_way()
    except ImportError:
        MISSING.add("uvloop (pip install uvloop; it has no release for Windows)")
    times = {name: [] for name in ways}

    def each():
        for name, connect in ways.items():
            begun = perf_counter_ns()
            errors = connect(targets, CONCURRENCY)
            times[name].append((perf_counter_ns() - begun) / len(targets))
            assert errors == expected

    benchmark.pedantic(each, rounds=15, warmup_rounds=1)
    record(benchmark, times, "us per connect")


@pytest.fixture
def enough_descriptors():
    """Let this process open a socket for each of 10,000 silent targets."""
    if sys.platform == "win32":
        yield
        return
    import resource  # noqa: PLC0415 - only POSIX has it

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MOST_SILENT + 500:
        pytest.skip(f"this system allows only {hard} descriptors: raise `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MOST_SILENT + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("backend", ["native", "ctypes"])
@pytest.mark.posix_only("Windows waits with select, which 9,990 silent sockets make very slow")
@pytest.mark.benchmark(group="1,000 answered connects beside silent ones")
@pytest.mark.usefixtures("enough_descriptors")
def test_answered_connects_beside_silent_ones(benchmark, closed_port, backend):
    times = {f"beside {SILENT:,}": [], "alone": []}

    def run(who, silent, address):
        """Time the answered connects only: the silent ones have begun before."""
        targets = itertools.chain([address] * silent, itertools.repeat(closed_port))
        options = {"timeout": 300, "concurrency": silent + 10, "backend": backend}
        with contextlib.closing(connect_stream(targets, **options)) as stream:
            next(stream)
            begun = perf_counter_ns()
            found = [result.errno for result in itertools.islice(stream, ANSWERED)]
            times[who].append((perf_counter_ns() - begun) / ANSWERED)
        assert found == [errno.ECONNREFUSED] * ANSWERED

    beside, alone = times
    with silent_port() as address:
        benchmark.pedantic(
            run, args=(beside, SILENT, address), setup=lambda: run(alone, 0, address),
            rounds=7, warmup_rounds=1,
        )  # fmt: skip
    record(benchmark, times, "us per connect")


@pytest.mark.parametrize("backend", ["native", "ctypes"])
@pytest.mark.parametrize("count", SILENT_SIZES)
@pytest.mark.posix_only("Windows waits with select, which many silent sockets make very slow")
@pytest.mark.benchmark(group="connect_many to silent targets: the time beyond the timeout")
@pytest.mark.usefixtures("enough_descriptors")
def test_silent_targets(benchmark, count, backend):
    times = []

    def run(address):
        began = perf_counter()
        results = connect_many(
            [address] * count, timeout=SILENT_TIMEOUT, concurrency=count, backend=backend
        )
        times.append(perf_counter() - began - SILENT_TIMEOUT)
        assert {result.outcome for result in results} == {ConnectOutcome.TIMEOUT}

    with silent_port() as address:
        benchmark.pedantic(run, args=(address,), rounds=SILENT_SIZES[count], warmup_rounds=1)
    beyond = median(times) / count * 1e6
    benchmark.extra_info["us per connect"] = {"ours": rounded(beyond)}


def open_ports_of_nmap(host):
    """Return the open ports that nmap finds with connects, as we do."""
    command = [
        *("nmap", "-sT", "-n", "-Pn", "-T5", "--max-retries", "0"),
        *("-p1-65535", "-oG", "-", host),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return {int(port) for port in re.findall(r"(\d+)/open/tcp", done.stdout)}


@pytest.mark.timeout(600)
@pytest.mark.benchmark(group="all 65,535 ports of loopback, nearly all closed")
def test_all_ports_beside_nmap(benchmark, open_port):
    if shutil.which("nmap") is None:
        missing("nmap", "install your system's package of nmap")
    host, port = open_port
    targets = [(host, each) for each in ALL_PORTS]
    times = {"ours": [], "nmap -sT": []}

    def run_nmap():
        begun = perf_counter_ns()
        found = open_ports_of_nmap(host)
        times["nmap -sT"].append((perf_counter_ns() - begun) / len(targets))
        assert port in found

    def run_ours():
        errors, ns = ours(targets)
        times["ours"].append(ns / len(targets))
        assert len(errors) == len(targets)
        assert errors[port - 1] == 0

    benchmark.pedantic(run_ours, setup=run_nmap, rounds=5)
    record(benchmark, times, "us per connect")
