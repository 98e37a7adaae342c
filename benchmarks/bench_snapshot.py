"""Compare snapshot() and single calls with a bare C loop, textbook ctypes code and pywin32.

    pytest benchmarks/bench_snapshot.py --benchmark-only

The ways take turns in each round, so that all run under the same load (comparing.py). The bare loop
(bare_ras.c) makes the same calls, and decodes and compares nothing: it is the limit. The provider
is the simulator. On Windows each call is an RPC, whose cost was not measured. Each case checks that
all ways have the same result. Only Windows has pywin32.
"""

from __future__ import annotations

import itertools
from time import perf_counter_ns

import pytest
from comparing import bare_loop, in_turns, record, repeated

from ras_native.benchmark.polls import load, ways_of_ours, ways_of_pywin32, ways_of_textbook
from ras_native.benchmark.textbook import Textbook

SIZES = (0, 1, 4, 16, 64, 256, 1024)
COSTS_US = (0, 1, 10, 50)  # of each call, assumed
CHANGE_ROUNDS = 200


@pytest.fixture(params=SIZES)
def handles(request, sim):
    return [sim.add(f"Work VPN {i}", phone_number="vpn.example.org") for i in range(request.param)]


@pytest.fixture
def bare(bare_ras, sim, handles):
    return bare_loop(bare_ras.bare_poll, sim, len(handles), "RasGetConnectStatusW")


def jobs_of(ras, sim, win32ras):
    """Return for each competitor its jobs; all call the simulator."""
    jobs = {
        "ours": ways_of_ours(ras, live=False),
        "textbook ctypes": ways_of_textbook(load(sim.path), live=False),
    }
    if win32ras:
        jobs["pywin32"] = ways_of_pywin32(win32ras)
    return jobs


def checked(jobs, job):
    """Check that everybody gets the same, and return the calls."""
    ways = {name: found[job] for name, found in jobs.items()}
    expected = ways["ours"].comparable(ways["ours"].call())
    for way in ways.values():
        assert way.comparable(way.call()) == expected
    return {name: repeated(way.call) for name, way in ways.items()}


@pytest.mark.benchmark(group="unchanged snapshot")
def test_unchanged(benchmark, sim, ras, handles, bare, win32ras):
    first = ras.snapshot()
    calls = checked(jobs_of(ras, sim, win32ras), "poll")
    ours = calls.pop("ours")
    last = in_turns(benchmark, {"ours": ours, "bare C loop": bare, **calls})
    assert last is first
    assert len(last) == len(handles)
    sim.reset_calls()
    ras.snapshot()
    assert sim.calls("RasEnumConnectionsW") == 1
    assert sim.calls("RasGetConnectStatusW") == len(handles)


@pytest.mark.benchmark(group="unchanged snapshot, each call with an assumed cost (busy)")
@pytest.mark.parametrize("cost_us", COSTS_US)
@pytest.mark.parametrize("handles", [1, 4, 64], indirect=True)
def test_unchanged_with_a_cost_of_each_call(benchmark, sim, ras, handles, bare, cost_us):
    """The cost of Windows' remote procedure calls is not known; the share of the binding falls."""
    sim.call_cost = cost_us / 1e6
    first = ras.snapshot()
    last = in_turns(benchmark, {"ours": repeated(ras.snapshot), "bare C loop": bare})
    assert last is first
    assert len(last) == len(handles)


@pytest.mark.benchmark(group="some of 64 changed")
@pytest.mark.parametrize("changes", [1, 64])
@pytest.mark.parametrize("handles", [64], indirect=True)
def test_changed(benchmark, sim, ras, handles, win32ras, changes):
    """Time only the polls, not the changes; unchanged connections stay the same objects."""
    states = itertools.cycle([1, 0])
    jobs = jobs_of(ras, sim, win32ras)
    calls = {"ours": ras.snapshot, "unchanged": ras.snapshot}
    calls |= {name: jobs[name]["poll"].call for name in jobs if name != "ours"}
    times = {name: [] for name in calls}

    def change_and_poll():
        substate, before = next(states), ras.snapshot()
        for handle in handles[:changes]:
            sim.set_status(handle, substate=substate)
        found = {}
        for name, call in calls.items():
            begun = perf_counter_ns()
            found[name] = call()
            times[name].append(perf_counter_ns() - begun)
        assert found["unchanged"] is found["ours"]
        pairs = list(zip(before, found["ours"], strict=True))
        assert sum(old is not new for old, new in pairs) == changes
        assert all(new.status.substate == substate for _, new in pairs[:changes])

    benchmark.pedantic(change_and_poll, rounds=CHANGE_ROUNDS, warmup_rounds=10)
    record(benchmark, times, "ns per poll")


@pytest.mark.benchmark(group="enum_connections")
@pytest.mark.parametrize("handles", [0, 1, 4, 64], indirect=True)
def test_enumeration(benchmark, sim, ras, handles, win32ras):
    calls = checked(jobs_of(ras, sim, win32ras), "enumeration")
    assert len(in_turns(benchmark, calls, "ns per call")) == len(handles)


@pytest.mark.benchmark(group="get_connect_status")
@pytest.mark.parametrize("handles", [1], indirect=True)
def test_status(benchmark, sim, ras, handles, win32ras):
    calls = checked(jobs_of(ras, sim, win32ras), "status of one")
    assert in_turns(benchmark, calls, "ns per call").error == 0


@pytest.mark.benchmark(group="wait_for_state of a connection that is up, beside its status")
@pytest.mark.parametrize("handles", [1], indirect=True)
def test_wait(benchmark, sim, ras, handles):
    """The wait needs one status. What the textbook asks is that status."""
    textbook = Textbook(load(sim.path))
    calls = {
        "ours": repeated(lambda: ras.wait_for_state(handles[0])),
        "textbook ctypes, one status": repeated(lambda: textbook.get_connect_status(handles[0])),
    }
    status = in_turns(benchmark, calls, "ns per call")
    assert status.state == textbook.get_connect_status(handles[0])["state"]
    sim.reset_calls()
    ras.wait_for_state(handles[0])
    assert sim.calls_total == 1
