"""What `ras_native.benchmark` does. No test depends on how long anything takes."""

from __future__ import annotations

import errno
import platform

import pytest

from ras_native.benchmark import LOOPBACK, OWN_CALLS, SIMULATOR, SYSTEM, connects, measure, polls
from ras_native.benchmark.measuring import Run
from ras_native.benchmark.textbook import Textbook
from ras_native.benchmark.timing import in_turns

WAYS = {"native", "ctypes", "textbook ctypes"}


@pytest.fixture(scope="module")
def report(both_backends):  # noqa: ARG001 - it needs both
    return measure(seconds=0)


def test_every_job_is_done_in_every_way(report):
    assert report.wrong == []
    simulated = {
        (item.job, item.size, item.way) for item in report.figures if item.where == SIMULATOR
    }
    always = {(job, size, way) for job in ("enumeration", "poll") for size in (0, 1, 4, 64)
              for way in WAYS}  # fmt: skip
    with_one = {(job, size, way) for job in ("status of one", "statistics") for size in (1, 4, 64)
                for way in WAYS}  # fmt: skip
    assert simulated == always | with_one
    loopback = {(item.job, item.way) for item in report.figures if item.where == LOOPBACK}
    assert loopback >= {(f"{answer} connect", way) for answer in ("accepted", "refused")
                        for way in ("native", "ctypes", "selectors", "asyncio")}  # fmt: skip
    assert all(item.ns >= 0 and item.rounds == 1 for item in report.figures)


def test_what_is_missing_has_a_reason(report):
    found = {item.where for item in report.figures}
    for where in {SIMULATOR, SYSTEM} - found:
        assert any(text.startswith(f"{where}: ") for text in report.missing)
    done = {item.way for item in report.figures if item.where == LOOPBACK}
    assert ("uvloop" in done) != any("uvloop" in text for text in report.missing)


def test_the_report_has_no_names(report):
    text = str(report.to_dict())
    assert "Work VPN" not in text
    assert platform.node() not in text


def test_the_share_of_a_live_provider(sim, both_backends):
    for number in range(2):
        sim.add(f"Office {number}")
    run = Run(0, lambda *_: None)
    run.ask(SYSTEM, sim, live=True)
    assert run.report.wrong == []
    assert {item.job for item in run.report.figures if item.way == OWN_CALLS} == {
        "enumeration", "status of one", "statistics", "poll"
    }  # fmt: skip
    shares = run.report.shares()
    assert [share["way"] for share in shares] == list(both_backends)
    assert all(0 <= share["share"] <= 1 for share in shares)
    assert "Office" not in str(run.report.to_dict())


def test_the_calls_alone_are_the_providers(sim):
    sim.add("Office")
    alone = polls.Alone(polls.load(sim.path))
    assert alone.count == 1
    calls = alone.calls()
    names = ("RasEnumConnectionsW", "RasGetConnectStatusW", "RasGetConnectionStatistics")
    assert calls.keys() == {text for name in names for text in (name, f"{name}: nothing")}
    sim.reset_calls()
    for _ in range(3):  # the enumeration must give its whole buffer each time
        assert [calls[name]() for name in names] == [0, 0, 0]
        for name in names:
            calls[f"{name}: nothing"]()
        sim.add("Another")
    assert [sim.calls(name) for name in names] == [3, 3, 3]
    assert alone._count.value == 3
    assert alone._status.rasconnstate == 0x2000


def test_the_cost_of_the_calls_is_what_an_idle_call_lacks(sim):
    sim.add("Office")
    sim.add("Home")
    alone = polls.Alone(polls.load(sim.path))
    ns = {
        "RasEnumConnectionsW": 1_100.0, "RasEnumConnectionsW: nothing": 100.0,
        "RasGetConnectStatusW": 350.0, "RasGetConnectStatusW: nothing": 50.0,
        "RasGetConnectionStatistics": 40.0, "RasGetConnectionStatistics: nothing": 50.0,
    }  # fmt: skip
    assert alone.costs(ns) == {
        "enumeration": 1_000.0, "status of one": 300.0, "statistics": 1_000.0, "poll": 1_600.0
    }  # fmt: skip


def test_a_way_with_another_result_is_named(sim, monkeypatch):
    sim.add("Office")
    monkeypatch.setattr(
        Textbook, "get_connect_status", lambda *_: {"code": 0, "state": 1, "error": 0}
    )
    run = Run(0, lambda *_: None)
    run.ask(SIMULATOR, sim, live=False)
    wrong = {text.partition(": ")[2] for text in run.report.wrong}
    assert {text.partition(",")[0] for text in wrong} == {"poll", "status of one"}
    assert all("textbook ctypes and native differ" in text for text in wrong)


def test_a_connect_with_another_result_is_named(monkeypatch):
    monkeypatch.setitem(connects.COMMON_WAYS, "asyncio", lambda targets, _: [0] * len(targets))
    run = Run(0, lambda *_: None)
    run.connect()
    assert run.report.wrong == ["refused connect: asyncio and what was expected differ"]


@pytest.mark.parametrize("way", ["native", "ctypes", *connects.COMMON_WAYS])
def test_each_way_gives_each_target_its_error(way, both_backends):
    ways = {name: connects.with_backend(name) for name in both_backends} | connects.COMMON_WAYS
    with connects.open_target(8) as (accepts, empty), connects.closed_target() as refuses:
        targets = [accepts, refuses, accepts]
        assert ways[way](targets, 2) == [0, errno.ECONNREFUSED, 0]
        empty()


def test_the_textbook_agrees_with_ours(ras, sim):
    for number in range(3):
        handle = sim.add(f"Büro {number}", device_type="vpn", phone_number="vpn.example.org")
        sim.set_statistics(handle, bytes_sent=number, bps=1_000)
    textbook = Textbook(polls.load(sim.path))
    assert [
        (o.connection.handle, o.connection.entry_name, o.connection.device_type,
         o.status.state, o.status.phone_number, o.status.substate)
        for o in ras.snapshot()
    ] == [
        (t["handle"], t["entry_name"], t["device_type"],
         t["state"], t["phone_number"], t["substate"])
        for t in textbook.snapshot()
    ]  # fmt: skip
    assert [(s.connection.handle, s.statistics.bytes_sent, s.statistics.bps) for s in
            ras.statistics()] == [
        (t["handle"], t["dwBytesXmited"], t["dwBps"]) for t in textbook.statistics()
    ]  # fmt: skip


def test_the_textbook_raises_the_providers_error(sim):
    textbook = Textbook(polls.load(sim.path))
    sim.stop_service()
    with pytest.raises(OSError, match="711"):
        textbook.snapshot()


def test_calls_take_turns():
    order: list[str] = []
    names = ("a", "b")
    calls = {name: (lambda name=name: order.append(name)) for name in names}
    times = in_turns(calls, 0, lambda: order.append("-"))
    assert order == ["a", "-", "b", "-"]
    assert [times[name].rounds for name in names] == [1, 1]
    order.clear()
    times = in_turns(calls, 0)
    assert set(order) == {"a", "b"}
    assert times["a"].low_ns == times["a"].ns == times["a"].high_ns


@pytest.mark.parametrize("seconds", [-1, float("nan"), "2"])
def test_seconds_are_checked_first(seconds):
    with pytest.raises((TypeError, ValueError), match="seconds"):
        measure(seconds=seconds)


@pytest.mark.usefixtures("sim")
def test_a_process_has_one_simulator():
    with pytest.raises(RuntimeError, match="Simulator already"):
        measure(seconds=0)
