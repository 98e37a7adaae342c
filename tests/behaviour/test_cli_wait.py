"""ras-native wait, on both backends."""

from __future__ import annotations

import threading

import pytest
from command import NEVER
from watching import until

from ras_native import ConnSubstate
from ras_native.cli import _commands


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    """Poll often, so that the tests are fast."""
    monkeypatch.setattr(_commands, "_WAIT_INTERVAL", 0.01)


def test_wait_for_an_entry_that_is_still_to_connect(run, sim):
    sim.step_per_call = 0.6
    sim.add("Office", after=1.0)
    assert run("wait", "office").stdout == "office: connected\n"


def test_wait_for_a_handle_that_is_dialled(run, sim):
    sim.step_per_call = 1
    handle = sim.dial("Office", step=0.3)
    (found,) = run.json("wait", hex(handle))
    assert found["is_up"] is True


def test_wait_for_an_outage_and_its_end(run, sim):
    handle = sim.add("Office")
    sim.step_per_call = 1
    sim.set_status(handle, substate=ConnSubstate.DORMANT, after=1)
    assert run("wait", "Office", "--state", "dormant").stdout == "Office: dormant\n"
    sim.set_status(handle, substate=ConnSubstate.RECONNECTED, after=1)
    run("wait", "Office", "--state", "connected")


@pytest.mark.parametrize("by", ["entry", "handle"])
def test_wait_for_the_end(run, sim, by):
    handle = sim.add("Office")
    sim.step_per_call = 1
    sim.drop(handle, after=3)
    found = run.json("wait", "Office" if by == "entry" else hex(handle), "--state", "gone")
    assert found == []


@pytest.mark.parametrize("wanted", ["TYPO", "0x7ffffff0"])
def test_wait_for_the_end_of_what_never_was(run, sim, wanted):
    sim.add("Office")
    arguments = ("wait", wanted, "--state", "gone", "--timeout", str(NEVER))
    result = run(*arguments, code=1)
    assert f"there is no connection '{wanted}'" in result.output
    assert "--allow-missing" in result.output
    assert run.json(*arguments, "--allow-missing") == []
    assert run(*arguments, "--allow-missing").stdout == f"{wanted}: gone\n"


def test_wait_for_the_end_of_a_dialling_that_failed(run, sim):
    handle = sim.dial("Office", step=0.1, error=691)
    sim.advance(10)
    sim.step_per_call = 1
    sim.drop(handle, after=30)  # the first polls use up some of these seconds
    run("wait", hex(handle), "--state", "gone")


def test_wait_for_the_end_outlasts_a_stopped_service(run, sim):
    handle = sim.add("Office")
    sim.stop_service()
    sim.step_per_call = 1
    sim.start_service(after=3)
    sim.drop(handle, after=30)
    assert run("wait", "Office", "--state", "gone").stdout == "Office: gone\n"


def test_wait_says_how_far_it_came(run, sim):
    handle = sim.add("Office")
    sim.set_status(handle, substate=ConnSubstate.RECONNECTING)
    result = run("wait", "Office", "--timeout", "0", code=1)
    assert "'Office' is not connected after 0 s: reconnecting" in result.output


def test_wait_gives_up_on_a_dead_handle_at_once(run, sim):
    handle = sim.add("Office")
    sim.drop(handle)
    result = run("wait", hex(handle), "--timeout", str(NEVER), code=1)
    assert "is not the handle of a connection" in result.output


def test_wait_gives_up_on_a_dialling_that_failed(run, sim):
    handle = sim.dial("Office", step=0.1, error=691)
    sim.advance(10)
    result = run("wait", hex(handle), "--timeout", str(NEVER), code=1)
    assert "691 ERROR_AUTHENTICATION_FAILURE" in result.output


def test_wait_outlasts_a_stopped_service(run, sim):
    sim.add("Office")
    sim.stop_service()
    sim.step_per_call = 1
    sim.start_service(after=3)
    run("wait", "Office")


def test_wait_judges_only_when_all_of_the_first_poll_is_told(run, sim):
    for number in range(20):
        sim.add(f"Other {number}")
    handle = sim.add("Office")
    sim.step_per_call = 1
    sim.drop(handle, after=100)
    run("wait", "Office", "--state", "gone")


def test_wait_is_woken_by_a_change(run, sim, monkeypatch):
    """Neither a poll nor a tick is due: only RAS' signal ends the wait."""
    arrivals = _commands.arrivals

    def connecting(monitor, *arguments, **options):
        until(lambda: monitor.has_polled)
        sim.add("Office")
        return arrivals(monitor, *arguments, **options)

    monkeypatch.setattr(_commands, "_WAIT_INTERVAL", 3000.0)
    monkeypatch.setattr(_commands, "arrivals", connecting)
    run("wait", "Office", "--timeout", str(NEVER))


def test_wait_accepts_a_state_that_has_already_passed(run, sim, monkeypatch):
    """Each state that a poll found counts, even if the next poll found another one."""
    handle = sim.add("Office")
    arrivals = _commands.arrivals

    def late(monitor, reports, **options):
        until(lambda: monitor.has_polled)
        for substate in (ConnSubstate.DORMANT, ConnSubstate.RECONNECTED):
            before = monitor.snapshot
            sim.set_status(handle, substate=substate)
            until(lambda before=before: monitor.snapshot != before)
        yield from arrivals(monitor, reports, **options)

    monkeypatch.setattr(_commands, "arrivals", late)
    run("wait", "Office", "--state", "dormant")


# The timeline of the dialling


def dial_once_watched(sim, **options):
    """Dial "Office" in another thread, once the command reads the event log."""

    def run():
        until(lambda: sim.subscriptions)
        sim.dial("Office", step=0.5, **options)
        sim.advance(60)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_how_long_each_stage_of_a_dialling_took(run, sim):
    thread = dial_once_watched(sim)
    first, *stages, last = run("wait", "Office", "--timeline").stdout.splitlines()
    thread.join()
    assert first == "Office: connected"
    assert [line.split()[:-2] for line in stages] == [
        ["dialling"],
        ["link", "begun"],
        ["link", "up"],
        ["link", "authenticated"],
    ]
    seconds = [float(line.split()[-2]) for line in stages]
    assert sum(seconds) > 0
    assert last == f"  connected after {sum(seconds):.3f} s"


def test_the_timeline_as_json(run, sim):
    thread = dial_once_watched(sim)
    answer = run.json("wait", "Office", "--timeline")
    thread.join()
    assert [item["connection"]["entry_name"] for item in answer["connections"]] == ["Office"]
    assert answer["timeline"]["outcome"] == "connected"


def test_the_stage_that_failed(run, sim):
    thread = dial_once_watched(sim, error=691)
    result = run("wait", "Office", "--timeline", "--timeout", "1", code=1)
    thread.join()
    *_, stage, last = result.stdout.splitlines()
    assert stage.endswith("  failed")
    assert last.startswith("  failed after ")
    assert "691 ERROR_AUTHENTICATION_FAILURE" in last
    assert "not connected after 1 s: dialling failed: 691" in result.stderr


def test_without_a_dialling_there_is_no_timeline(run, sim):
    sim.add("Office")
    sim.fail("EvtSubscribe", 5, count=None)
    assert run("wait", "Office", "--timeline").stdout == (
        "Office: connected\n  no dialling was seen\n"
    )
    assert run.json("wait", "Office", "--timeline")["timeline"] is None
