"""Compare snapshot() with a bare C loop that makes the same calls, and with textbook ctypes code.

    pytest benchmarks/bench_snapshot.py --benchmark-only

A round of the bare loop (bare_ras.c, compiled here) precedes each round of snapshot(), so that both
run under the same load. extra_info holds the medians and their ratio. The provider is the
simulator. On Windows each call is an RPC, whose cost was not measured. The same run checks the
results.
"""

from __future__ import annotations

import ctypes
import itertools
import sys
from pathlib import Path
from statistics import median
from time import perf_counter_ns

import pytest
from cc import compiled

from ras_native import Ras
from ras_native._backend.layout import RASCONNW
from ras_native.benchmark.polls import load
from ras_native.benchmark.textbook import Textbook
from ras_native.sim import Simulator

ROUNDS = 60
CALLS = {0: 8_000, 1: 4_000, 4: 2_000, 16: 600, 64: 200, 256: 40, 1024: 10}  # polls in a round
COSTS_US = {0: 2_000, 1: 400, 10: 80, 50: 20}  # of each call, assumed; calls in a round
SPARE = 16  # how many more connections fit into the bare loop's buffer


@pytest.fixture
def sim():
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(params=CALLS)
def handles(request, sim):
    return [sim.add(f"Work VPN {i}", phone_number="vpn.example.org") for i in range(request.param)]


@pytest.fixture(scope="session")
def bare_loop(tmp_path_factory):
    if sys.platform == "win32":
        pytest.skip("the bare loop is compiled with cc")
    source = Path(__file__).with_name("bare_ras.c")
    library = compiled(source, tmp_path_factory.mktemp("bare"))
    loop = ctypes.CDLL(str(library)).bare_poll
    loop.argtypes = (ctypes.c_void_p,) * 3 + (ctypes.c_uint32,) * 2
    return loop


@pytest.fixture
def bare(bare_loop, sim, handles):
    """Return a function that polls in C, the given number of times."""
    provider = ctypes.CDLL(sim.path)
    functions = [
        ctypes.cast(provider[name], ctypes.c_void_p)
        for name in ("RasEnumConnectionsW", "RasGetConnectStatusW")
    ]
    size = (len(handles) + SPARE) * ctypes.sizeof(RASCONNW)
    buffer = ctypes.create_string_buffer(size)

    def run(polls):
        assert bare_loop(*functions, buffer, size, polls) == len(handles)

    return run


@pytest.fixture(params=["native", "ctypes"])
def ras(request, sim):
    with Ras(sim, backend=request.param) as opened:
        yield opened


def timed(call, times):
    began = perf_counter_ns()
    result = call()
    times.append(perf_counter_ns() - began)
    return result


def side_by_side(benchmark, polls, ours, other, name):
    """Alternate the two; record the medians per poll, in ns, and their ratio."""
    mine, others = [], []
    result = benchmark.pedantic(
        lambda: timed(ours, mine),
        setup=lambda: timed(other, others) and None,
        rounds=ROUNDS,
        warmup_rounds=3,
    )
    medians = {"ours": median(mine) / polls, name: median(others) / polls}
    benchmark.extra_info["ns per poll"] = {key: round(value) for key, value in medians.items()}
    benchmark.extra_info["ratio"] = round(medians["ours"] / medians[name], 3)
    return result


def repeat(call, times):
    def run():
        for _ in itertools.repeat(None, times):
            result = call()
        return result

    return run


@pytest.mark.benchmark(group="unchanged snapshot beside the bare C loop")
def test_unchanged_beside_the_bare_loop(benchmark, sim, ras, handles, bare):
    polls = CALLS[len(handles)]
    first = ras.snapshot()
    last = side_by_side(
        benchmark, polls, repeat(ras.snapshot, polls), lambda: bare(polls), "bare C loop"
    )
    nanoseconds = benchmark.extra_info["ns per poll"]
    nanoseconds["own cost"] = nanoseconds["ours"] - nanoseconds["bare C loop"]
    assert last is first
    sim.reset_calls()
    ras.snapshot()
    assert sim.calls("RasEnumConnectionsW") == 1
    assert sim.calls("RasGetConnectStatusW") == len(handles)


@pytest.mark.benchmark(group="unchanged snapshot beside textbook ctypes code")
@pytest.mark.parametrize("handles", [0, 1, 4, 64], indirect=True)
def test_unchanged_beside_the_textbook(benchmark, sim, ras, handles):
    """Includes the case that nothing is connected: the textbook has nothing to decode."""
    textbook = Textbook(load(sim.path))
    expected = textbook.snapshot()
    polls = 10 if handles else 1_000
    last = side_by_side(
        benchmark, polls, repeat(ras.snapshot, polls), repeat(textbook.snapshot, polls), "textbook"
    )
    assert [(o.connection.entry_name, o.status.state) for o in last] == [
        (each["entry_name"], each["state"]) for each in expected
    ]


@pytest.mark.benchmark(group="unchanged snapshot, each call with an assumed cost (busy)")
@pytest.mark.parametrize("cost_us", COSTS_US)
@pytest.mark.parametrize("handles", [1, 4, 64], indirect=True)
def test_unchanged_with_a_cost_of_each_call(benchmark, sim, ras, handles, bare, cost_us):
    """The cost of Windows' remote procedure calls is not known; the share of the binding falls."""
    polls = max(1, COSTS_US[cost_us] // (1 + len(handles)))
    sim.call_cost = cost_us / 1e6
    first = ras.snapshot()
    last = side_by_side(
        benchmark, polls, repeat(ras.snapshot, polls), lambda: bare(polls), "bare C loop"
    )
    assert last is first
    assert len(last) == len(handles)


@pytest.mark.benchmark(group="statistics of every connection beside textbook ctypes code")
@pytest.mark.parametrize("handles", [0, 1, 4, 64], indirect=True)
def test_statistics_beside_the_textbook(benchmark, sim, ras, handles):
    for number, handle in enumerate(handles):
        sim.set_statistics(handle, bytes_sent=number)
    textbook = Textbook(load(sim.path))
    polls = 10 if handles else 1_000
    last = side_by_side(
        benchmark, polls, repeat(ras.statistics, polls), repeat(textbook.statistics, polls),
        "textbook",
    )  # fmt: skip
    assert [(item.connection.handle, item.statistics.bytes_sent) for item in last] == [
        (each["handle"], each["dwBytesXmited"]) for each in textbook.statistics()
    ]


@pytest.mark.benchmark(group="some of 64 changed beside none changed")
@pytest.mark.parametrize("changes", [1, 64])
@pytest.mark.parametrize("handles", [64], indirect=True)
def test_changed_beside_none(benchmark, sim, ras, handles, changes):
    """Time only the poll, not the changes; unchanged connections stay the same objects."""
    states = itertools.cycle([1, 0])
    changed, unchanged = [], []

    def change_and_poll():
        substate, before = next(states), ras.snapshot()
        for handle in handles[:changes]:
            sim.set_status(handle, substate=substate)
        after = timed(ras.snapshot, changed)
        assert timed(ras.snapshot, unchanged) is after
        assert sum(old is not new for old, new in zip(before, after, strict=True)) == changes

    benchmark.pedantic(change_and_poll, rounds=2_000 // changes + 200, warmup_rounds=50)
    benchmark.extra_info["ns per poll"] = {
        "ours": median(changed),
        "unchanged": median(unchanged),
    }
    benchmark.extra_info["ratio"] = round(median(changed) / median(unchanged), 3)
