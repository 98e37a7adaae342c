"""Compare connect_many with a bare C loop, asyncio and the standard library's selectors. Compare
connect_stream beside 9,990 targets that do not answer with connect_stream without them.

    pytest benchmarks/bench_connect.py --benchmark-only

A round of the bare loop (bare_connect.c, compiled here) precedes each round of connect_many, so
that both run under the same load. extra_info holds both medians per connect, and their ratio. Every
round checks its outcomes. Loopback only.
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
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest
from cc import compiled
from network import silent_port

from ras_native import ConnectOutcome, connect_many, connect_stream
from ras_native.benchmark import connects

CONCURRENCY = 256
SIZES = {1: 400, 10: 200, 100: 40, 1_000: 20, 10_000: 7, 100_000: 3}  # targets, rounds
SILENT_SIZES = {1: 5, 100: 5, 1_000: 5}
SILENT_TIMEOUT = 0.3  # seconds
ALL_PORTS = range(1, 65536)
SILENT = 9_990
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
        pytest.skip("the bare loop uses epoll, which only Linux has")
    source = Path(__file__).with_name("bare_connect.c")
    library = compiled(source, tmp_path_factory.mktemp("bare"))
    loop = ctypes.CDLL(str(library)).bare_connect_many

    def run(targets):
        names = b"".join(
            struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton(host))
            for host, port in targets
        )
        outcomes = ctypes.create_string_buffer(16 * len(targets))
        began = perf_counter()
        failed = loop(names, len(targets), CONCURRENCY, 10_000, outcomes)
        elapsed = perf_counter() - began
        assert not failed
        return [error for _, error, _ in struct.iter_unpack("=Qii", outcomes)], elapsed

    return run


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
    times = {"bare": [], "ours": []}

    def run_bare():
        errors, elapsed = bare(targets)
        assert errors == expected
        times["bare"].append(elapsed)

    def run_ours():
        began = perf_counter()
        results = connect_many(targets, concurrency=CONCURRENCY, backend="native")
        times["ours"].append(perf_counter() - began)
        return results

    run_bare()
    results = benchmark.pedantic(
        run_ours, setup=run_bare, rounds=SIZES[count], warmup_rounds=1, iterations=1
    )
    assert [result.errno for result in results] == expected
    per_connect = {name: median(seconds) / count * 1e6 for name, seconds in times.items()}
    benchmark.extra_info["us per connect"] = {k: round(v, 2) for k, v in per_connect.items()}
    benchmark.extra_info["ratio"] = round(per_connect["ours"] / per_connect["bare"], 3)


WAYS = ["native", "ctypes", *connects.COMMON_WAYS, "uvloop"]


def way_of(name):
    """Return a way to connect; a missing competitor is reported as skipped, with the reason."""
    if name in connects.COMMON_WAYS:
        return connects.COMMON_WAYS[name]
    if name != "uvloop":
        return connects.with_backend(name)
    try:
        return connects.uvloop_way()
    except ImportError as error:
        pytest.skip(f"missing: uvloop ({error})")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.benchmark(group="1,000 connects in Python")
def test_ways_to_connect_in_python(benchmark, targets_of, expected_of, way):
    targets = targets_of(1_000)
    connect = way_of(way)
    errors = benchmark.pedantic(connect, (targets, CONCURRENCY), rounds=10, warmup_rounds=1)
    assert errors == expected_of(targets)


@pytest.fixture
def enough_descriptors():
    """Let this process open a socket for each silent target."""
    if sys.platform == "win32":
        yield
        return
    import resource  # noqa: PLC0415 - only POSIX has it

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < SILENT + 500:
        pytest.skip(f"this system allows only {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, SILENT + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("backend", ["native", "ctypes"])
@pytest.mark.posix_only("Windows waits with select, which 9,990 silent sockets make very slow")
@pytest.mark.benchmark(group="1,000 answered connects beside silent ones")
@pytest.mark.usefixtures("enough_descriptors")
def test_answered_connects_beside_silent_ones(benchmark, closed_port, backend):
    times = {0: [], SILENT: []}

    def run(silent, address):
        """Time the answered connects only: the silent ones have begun before."""
        targets = itertools.chain([address] * silent, itertools.repeat(closed_port))
        options = {"timeout": 300, "concurrency": silent + 10, "backend": backend}
        with contextlib.closing(connect_stream(targets, **options)) as stream:
            next(stream)
            began = perf_counter()
            found = [result.errno for result in itertools.islice(stream, ANSWERED)]
            times[silent].append(perf_counter() - began)
        assert found == [errno.ECONNREFUSED] * ANSWERED

    with silent_port() as address:
        benchmark.pedantic(
            run, args=(SILENT, address), setup=lambda: run(0, address), rounds=7, warmup_rounds=1
        )
    per_connect = {count: median(found) / ANSWERED * 1e6 for count, found in times.items()}
    benchmark.extra_info["us per connect"] = {k: round(v, 2) for k, v in per_connect.items()}
    benchmark.extra_info["ratio"] = round(per_connect[SILENT] / per_connect[0], 3)


@pytest.mark.parametrize("backend", ["native", "ctypes"])
@pytest.mark.parametrize("count", SILENT_SIZES)
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
    benchmark.extra_info["us per connect"] = {"ours": round(beyond, 2)}


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
        pytest.skip("missing: nmap (not installed)")
    host, port = open_port
    targets = [(host, each) for each in ALL_PORTS]
    times = {"ours": [], "nmap -sT": []}

    def run_nmap():
        began = perf_counter()
        found = open_ports_of_nmap(host)
        times["nmap -sT"].append(perf_counter() - began)
        assert port in found

    def run_ours():
        began = perf_counter()
        results = connect_many(targets, concurrency=CONCURRENCY, backend="native")
        times["ours"].append(perf_counter() - began)
        assert len(results) == len(targets)
        assert results[port - 1].is_open

    benchmark.pedantic(run_ours, setup=run_nmap, rounds=5)
    seconds = {name: median(found) for name, found in times.items()}
    benchmark.extra_info["us per connect"] = {
        name: round(each / len(targets) * 1e6, 2) for name, each in seconds.items()
    }
    benchmark.extra_info["ratio"] = round(seconds["ours"] / seconds["nmap -sT"], 3)
