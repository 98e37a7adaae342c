"""Checks of any rasapi32 without a VPN connection, and tests that each check can fail.

`pytest -m contract --provider system` checks Windows' own rasapi32.
"""

from __future__ import annotations

import _ctypes
import subprocess
import sys

import pytest

from ras_native import ProviderError, _self_test
from ras_native._self_test import risky
from ras_native._self_test.raw import Raw, load

CHECKS = {check.id: check for check in _self_test.CONTRACT}
QUESTIONS = {check.id: check for check in _self_test.QUESTIONS}

# Each check fails if this function of the simulator returns this code.
SABOTAGE = {
    "sizing": ("RasEnumConnectionsW", 87),
    "enumeration": ("RasEnumConnectionsW", 5),
    "counts": ("RasEnumConnectionsA", 5),
    "oldest_version": ("RasEnumConnectionsW", 632),
    "bad_versions": ("RasEnumConnectionsW", 0),
    "bad_status_handles": ("RasGetConnectStatusW", 0),
    "bad_hang_up_handles": ("RasHangUpW", 0),
    "error_strings": ("RasGetErrorStringW", 0),
    "short_error_string": ("RasGetErrorStringW", 0),
    "notification": ("RasConnectionNotificationA", 1),
    "notification_many": ("RasConnectionNotificationW", 1),
}


@pytest.fixture
def provider(request: pytest.FixtureRequest) -> str | None:
    """Return the path of the library to check; None is the system's own."""
    if request.config.getoption("--provider") == "system":
        return None
    return request.getfixturevalue("sim").path


def run(check: _self_test.Check, path: str | None) -> _self_test.Finding:
    return check.run(load(path), path)


@pytest.mark.contract
@pytest.mark.parametrize("name", CHECKS)
def test_every_rasapi32_keeps_the_contract(name, provider):
    finding = run(CHECKS[name], provider)
    assert finding.passed, "\n".join(finding.problems)
    assert finding.answers


@pytest.mark.contract
@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_is_asked_and_ends_no_process(name, provider):
    finding = run(QUESTIONS[name], provider)
    assert finding.passed is None
    assert finding.answers or name == "references"
    for answer in finding.answers:
        assert answer.code is not None or answer.fault or answer.outputs


@pytest.mark.parametrize("name", CHECKS)
def test_connections_do_not_change_the_contract(name, sim):
    for entry in ("One", "Two", "Three"):
        sim.add(entry)
    finding = run(CHECKS[name], sim.path)
    assert finding.passed, "\n".join(finding.problems)


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_can_fail(name, sim):
    function, code = SABOTAGE[name]
    sim.fail(function, code, count=None)
    finding = run(CHECKS[name], sim.path)
    assert finding.passed is False
    assert function in finding.problems[0]


def test_no_connection_there_is_is_touched(sim):
    handle = sim.add("Mine")
    sim.add_reference(handle)
    findings = _self_test.run(sim.path)
    assert all(finding.passed is not False for finding in findings)
    assert sim.references(handle) == 2


def test_a_live_connection_is_asked_its_status(sim):
    sim.add("Mine")
    calls = [answer.call for answer in run(QUESTIONS["status_order"], sim.path).answers]
    assert "RasGetConnectStatusW(an existing connection, dwSize 0)" in calls


def test_risky_calls_are_made_elsewhere(sim):
    sim.reset_calls()
    finding = run(QUESTIONS["null_lpcb"], sim.path)
    assert [answer.code for answer in finding.answers] == [87, 87, 87]
    assert sim.calls("RasEnumConnectionsW") == 0


def test_a_crash_is_reported_as_such():
    crash = "import faulthandler; faulthandler._read_null()"
    done = subprocess.run([sys.executable, "-c", crash], capture_output=True, check=False)
    assert risky._exit_text(done.returncode) == "access violation, the process ended"


def test_a_call_that_ends_its_process_ends_no_other(sim):
    names = ("status_null", "no_such_call", "enum_null_lpcb")
    before, ended, after = risky.ask(names, sim.path)
    assert (ended.call, ended.code) == ("no_such_call", None)
    assert ended.fault == "the process ended with 0x1"
    assert (before.code, after.code) == (87, 87)


def test_a_silent_call_ends_after_its_time(sim, monkeypatch):
    monkeypatch.setattr(risky, "_SECONDS", 0.001)
    (answer,) = risky.ask(["status_null"], sim.path)
    assert answer.fault == "no answer in 0.001 s"


@pytest.mark.parametrize(("place", "mark"), [(sys, "frozen"), (risky, "__compiled__")])
def test_a_frozen_program_starts_no_other_process(sim, monkeypatch, place, mark):
    monkeypatch.setattr(place, mark, True, raising=False)
    monkeypatch.setattr(risky, "_ask_process", None)
    (answer,) = risky.ask(["status_null"], sim.path)
    assert answer.call == "status_null"
    assert answer.fault.startswith("not tried: a frozen program has no Python")


def test_what_the_library_lacks_is_reported(sim):
    raw = Raw(load(sim.path))
    assert str(raw.call("RasNoSuch()", "RasNoSuch")) == "RasNoSuch() -> not exported"


def test_a_library_is_identified(sim):
    name, functions = _self_test.identify(sim.path)
    assert name == "the simulator"
    assert len(functions) == 4
    assert all(functions.values())


def test_another_library_is_identified():
    name, functions = _self_test.identify(_ctypes.__file__)
    assert name == "another library"
    assert not any(functions.values())


def test_a_library_that_cannot_be_loaded(tmp_path):
    with pytest.raises(ProviderError, match="cannot be loaded"):
        load(str(tmp_path / "absent.dll"))


def test_broadcast_is_asked_on_request_alone(sim, monkeypatch):
    asked = []
    monkeypatch.setattr(_self_test.winsock, "broadcast", lambda: asked.append(1) or [])
    run(QUESTIONS["wsa_broadcast"], sim.path)
    assert not asked
    QUESTIONS["wsa_broadcast"].run(load(sim.path), sim.path, beyond_loopback=True)
    assert asked
