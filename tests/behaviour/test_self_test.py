"""The questions of the self-test about connections: each has a known answer on the simulator."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from uuid import UUID

import pytest
from command import Command

from ras_native import _self_test
from ras_native._self_test.live import CALLS
from ras_native._self_test.raw import Answer, load
from ras_native.sim import Simulator

COID = UUID("facbee10-0102-0304-0506-0708090a0b0c")
QUESTIONS = {check.id: check for check in _self_test.QUESTIONS}
ABOUT_CONNECTIONS = (
    *("correlation_ids", "end_of_a_connection", "visible_connections"),
    *("app_connections", "costs"),
)


def ask(sim: Simulator, name: str, watch_end: float | None = None) -> list[Answer]:
    finding = QUESTIONS[name].run(load(sim.path), sim.path, watch_end=watch_end)
    assert (finding.passed, finding.problems) == (None, [])
    return finding.answers


def why_not(sim: Simulator, name: str, watch_end: float | None = None) -> str:
    answer = ask(sim, name, watch_end)[-1]
    assert (answer.call, answer.outputs) == ("not asked", {})
    return answer.fault


# Correlation ids


def test_ids_of_connections_that_are_in_the_log(sim):
    sim.add("One", correlation_id=COID)
    sim.disturb_log(correlation=False)
    sim.add("Two")
    (answer,) = ask(sim, "correlation_ids")
    assert answer.outputs == {
        "connections": 2,
        "with_an_id": 2,
        "also_in_the_log": 1,
        "ids_in_the_log": 1,
    }


def test_events_that_were_written_long_ago_are_read(sim):
    sim.add("One", correlation_id=COID)
    for number in range(600):
        sim.write_log_event(20299, [str(number)])
    sim.add("Two")
    (answer,) = ask(sim, "correlation_ids")
    assert answer.outputs["also_in_the_log"] == 2


@pytest.mark.parametrize("name", ["correlation_ids", "end_of_a_connection", "costs"])
def test_a_question_that_needs_a_connection(sim, name):
    assert "no connection is up" in why_not(sim, name, watch_end=0.0)


@pytest.mark.parametrize("name", ["correlation_ids", "end_of_a_connection", "visible_connections"])
def test_a_question_that_needs_the_log(sim, name):
    sim.add("One")
    sim.fail("EvtSubscribe", 0, count=None)
    assert "EvtSubscribe returned NULL and no error" in why_not(sim, name, watch_end=0.0)


def test_a_log_that_fails_while_it_is_read(sim):
    sim.add("One")
    sim.fail("EvtNext", 1722, count=None)
    assert "1722" in why_not(sim, "correlation_ids")


@pytest.mark.parametrize("name", ABOUT_CONNECTIONS)
def test_a_stopped_service_is_why_a_question_is_not_asked(sim, name):
    sim.stop_service()
    assert "711" in why_not(sim, name, watch_end=0.0)


# The order of the signs of an end


def test_no_end_is_waited_for_unless_it_is_asked_for(sim):
    sim.add("One")
    assert "add --watch-end SECONDS" in why_not(sim, "end_of_a_connection")


def test_no_end_within_the_time(sim):
    sim.add("One")
    why = why_not(sim, "end_of_a_connection", watch_end=0.02)
    assert why == "because no connection ended within 0.02 seconds"


@pytest.mark.parametrize("late", ["event", "notification"])
def test_the_order_of_the_signs_of_an_end(sim, late):
    handle = sim.add("One")
    sim.add("Two")
    sim.step_per_call = 1.0
    if late == "event":
        sim.disturb_log(20226, delay=5.0)
    else:
        sim.notification_delay = 5.0
    sim.drop(handle, after=8.0)
    *_, answer = ask(sim, "end_of_a_connection", watch_end=50.0)
    times = dict(answer.outputs)
    assert times.pop("never") == "none"
    assert times.keys() == {"notification", "list", "event"}
    assert min(times.values()) == 0
    assert max(times, key=times.get) == late


def test_a_sign_that_never_comes(sim, monkeypatch):
    monkeypatch.setattr(_self_test.live, "_SECONDS_AFTER_END", 0.05)
    handle = sim.add("One")
    sim.step_per_call = 1.0
    sim.disturb_log(20226, copies=0)
    sim.lose_notifications(1.0)
    sim.drop(handle, after=5.0)
    *_, answer = ask(sim, "end_of_a_connection", watch_end=50.0)
    assert answer.outputs == {"list": 0, "never": "event, notification"}


# What is visible


def test_connections_that_only_the_log_knows(sim):
    sim.epoch = datetime.now(timezone.utc)
    sim.add("One", flags=1)
    sim.add("Two", flags=1)
    sim.add("Three", flags=4)
    sim.drop(sim.add("Ended"))
    sim.write_log_event(20225, [f"{{{COID}}}", "u", "Hidden", "p"])
    session, listed, hidden = ask(sim, "visible_connections")
    assert session.outputs
    assert listed.outputs == {"connections": 3, "flags_0x1": 2, "flags_0x4": 1}
    assert hidden.outputs == {"connections": 1}


def test_what_the_log_said_before_the_system_started_does_not_count(sim):
    sim.epoch = datetime(2001, 1, 1, tzinfo=timezone.utc)
    sim.write_log_event(20225, [f"{{{COID}}}", "u", "Hidden", "p"])
    *_, hidden = ask(sim, "visible_connections")
    assert hidden.outputs == {"connections": 0}


def test_connections_of_vpn_apps(sim, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    for app in ("App.One_1", "App.Two_1", "App.Three_1"):
        state = Path(tmp_path, "Packages", app, "LocalState")
        state.mkdir(parents=True)
        if "Two" not in app:
            (state / "rasphone.pbk").write_bytes(b"")
    app = r"C:\Users\ann\AppData\Local\Packages\App.One_1\LocalState\rasphone.pbk"
    sim.add("One", phonebook=app)
    sim.add("Two", phonebook=r"C:\Users\ann\rasphone.pbk")
    (answer,) = ask(sim, "app_connections")
    assert answer.outputs == {"phonebooks": 2, "connections_listed_from_one": 1}


def test_a_system_without_apps(sim, monkeypatch):
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert why_not(sim, "app_connections") == "because this system has no folder of apps"


# Projections


def test_how_projections_are_sized_and_where_their_lists_are(sim):
    sim.set_projection(sim.add("One"), other_servers=["192.0.2.1", "2001:db8::1"])
    _, *answers = ask(sim, "projection")
    assert [answer.code for answer in answers] == [
        *(603, 632, 632, 603, 632, 603, 603, 603, 0),
        *(6, 632, 632, 6, 632, 6, 6, 6, 6),  # a handle of no connection
    ]
    assert answers[0].outputs == {"bytes": 128, "type": 0}
    assert answers[8].outputs == {
        "bytes": 128,
        "ipv4_list_at": 108,
        "ipv6_list_at": 112,
        "type": 2,
    }


# Costs


def test_each_function_that_changes_nothing_is_called_1000_times(sim):
    sim.add("One")
    sim.reset_calls()
    answers = ask(sim, "costs")
    functions = (
        *("RasEnumConnectionsW", "RasGetErrorStringW", "RasGetConnectStatusW"),
        *("RasGetSubEntryHandleW", "RasGetConnectionStatistics", "RasGetLinkStatistics"),
        "RasGetProjectionInfoEx",
    )
    assert [answer.call for answer in answers] == [f"{name}, {CALLS} times" for name in functions]
    for name, answer in zip(functions, answers, strict=True):
        assert (answer.code, answer.outputs["calls"]) == (0, CALLS)
        assert answer.outputs["median_ns"] > 0
        assert sim.calls(name) > CALLS


def test_a_slow_function_is_called_less_often(sim, monkeypatch):
    monkeypatch.setattr(_self_test.live, "_MOST_SECONDS", 0.0)
    sim.add("One")
    assert {answer.outputs["calls"] for answer in ask(sim, "costs")} == {1}


# Privacy


def test_no_answer_names_anybody(sim):
    handle = sim.add(
        "Secret entry",
        phone_number="vpn.secret.example",
        phonebook=r"C:\Users\Secret\AppData\Local\Packages\Secret\LocalState\rasphone.pbk",
        device_name="Secret device",
        correlation_id=COID,
        remote_endpoint="192.0.2.77",
    )
    sim.step_per_call = 1.0
    sim.drop(handle, after=5000.0)
    sim.write_log_event(20225, [f"{{{COID}}}", "Secret", "Secret", "Secret"])
    text = Command(sim, "ctypes")(
        "doctor", "--self-test", "--watch-end", "0.05", "--json"
    ).stdout.lower()
    assert '"connections": 1' in text
    for word in ("secret", "192.0.2", "rassim\\\\user", str(COID), str(COID).replace("-", "")):
        assert word not in text


def test_watch_end_is_for_the_self_test(sim):
    result = Command(sim, "ctypes")("doctor", "--watch-end", "1", code=2)
    assert "--watch-end needs --self-test" in result.output
