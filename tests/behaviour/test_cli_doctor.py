"""ras-native doctor, on both backends."""

from __future__ import annotations

import json
from ctypes import sizeof
from email.message import Message
from importlib import metadata

import pytest
from click.testing import CliRunner
from command import COMMAND, Command, run_process

from ras_native import _self_test
from ras_native._backend.layout import RASCONNW
from ras_native.cli import _commands


def test_doctor_finds_nothing_wrong(run, sim):
    sim.add("Office")
    found = run.json("doctor")
    assert (found["ok"], found["problems"], found["self_test"]) == (True, [], [])
    assert (found["provider_is"], found["connections"]) == ("the simulator", 1)
    assert found["backend_because"] == "--backend asks for it"
    assert found["sizes"] == {"rasconn": sizeof(RASCONNW), "rasconnstatus": 608}
    assert all(found["functions"].values())
    assert (found["event_log"], found["notes"]) == ("readable", [])
    assert sim.event_handles == 0
    assert run("doctor").stdout.endswith("nothing is wrong\n")


def test_doctor_says_why_a_backend_is_used():
    done = run_process(
        *COMMAND, "doctor", "--simulate", "--json", environment={"RAS_NATIVE_BACKEND": "ctypes"}
    )
    found = json.loads(done.stdout)
    assert (done.returncode, found["backend"]) == (0, "ctypes")
    assert found["backend_because"] == "the environment variable RAS_NATIVE_BACKEND asks for it"


def test_wine_is_no_fault_of_the_installation(run, monkeypatch):
    functions = _self_test.Identity("Wine's stub", {"RasGetErrorStringW": False})
    monkeypatch.setattr(_self_test, "identify", lambda _: functions)
    found = run.json("doctor")
    assert (found["ok"], found["problems"]) == (True, [])
    assert [note["what"] for note in found["notes"]] == [
        "Wine has no RAS: its rasapi32 lists no connection",
        "the provider has no RasGetErrorStringW",
    ]


@pytest.mark.parametrize(("code", "why"), [(0, "as Wine's does"), (5, "ERROR_ACCESS_DENIED")])
def test_doctor_says_why_the_event_log_cannot_be_read(run, sim, code, why):
    sim.fail("EvtSubscribe", code, count=None)
    found = run.json("doctor")
    assert (found["ok"], found["problems"], found["event_log"]) == (True, [], "not readable")
    (note,) = found["notes"]
    assert why in note["what"]
    assert note["to_do"] == "a Monitor works without it, but cannot say why connections end"


def test_doctor_says_that_the_event_log_broke_off(run, sim):
    sim.fail("EvtNext", 1722, count=None)
    (note,) = run.json("doctor")["notes"]
    assert "1722" in note["what"]


def test_doctor_works_where_cffi_is_not_found(run, monkeypatch):
    def missing(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", missing)
    assert run.json("doctor")["cffi"] == "not found"


def test_doctor_says_what_to_do_about_a_stopped_service(run, sim):
    sim.stop_service()
    result = run("doctor", code=1)
    assert "711" in result.stdout
    assert "-> start the service: sc start RasMan" in result.stdout


@pytest.mark.posix_only("Windows has a RAS")
def test_doctor_where_there_is_no_ras(backend):
    arguments = ["doctor", "--backend", backend]
    result = CliRunner().invoke(_commands.cli, arguments)
    assert result.exit_code == 0, result.output
    assert "this system has no RAS, which is a part of Windows" in result.stdout
    assert "--simulate" in result.stdout
    assert result.stdout.endswith("nothing is wrong\n")
    found = json.loads(CliRunner().invoke(_commands.cli, [*arguments, "--json"]).stdout)
    assert (found["ok"], found["problems"], found["provider"]) == (True, [], "none")


@pytest.mark.posix_only("Windows has a RAS")
def test_doctor_cannot_test_a_ras_that_is_not_there(backend):
    result = CliRunner().invoke(_commands.cli, ["doctor", "--self-test", "--backend", backend])
    assert result.exit_code == 1
    assert "wrong: there is no RAS to test\n  -> add --simulate\n" in result.stdout


def test_doctor_on_a_provider_that_is_none(backend, tmp_path):
    path = tmp_path / "rasapi32.dll"
    path.write_bytes(b"no library")
    arguments = ["doctor", "--provider", str(path), "--backend", backend, "--json"]
    result = CliRunner().invoke(_commands.cli, arguments)
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["problems"]
    assert "cannot" not in problem["to_do"]
    assert "not a library" in problem["what"]


# The self-test does not use the backends.


def test_doctor_reports_the_self_test(sim):
    text = Command(sim, "ctypes")("doctor", "--self-test").stdout
    assert "11 of 11 checks passed" in text
    assert "RasHangUpW(NULL) -> 6 ERROR_INVALID_HANDLE" in text


@pytest.mark.parametrize(
    ("urls", "where"),
    [
        (None, "keep the report until the project has an address: ras-native"),
        (["Source, https://example.com"], "keep the report until"),
        (["Issues, https://example.com/issues"], "the report to https://example.com/issues: ras-"),
    ],
)
def test_doctor_says_where_to_send_the_report(sim, monkeypatch, urls, where):
    package = Message()
    for url in urls or []:
        package["Project-URL"] = url
    monkeypatch.setattr(metadata, "metadata", lambda _: package)
    assert where in Command(sim, "ctypes")("doctor", "--self-test").stdout


def test_doctor_fails_with_the_self_test(sim):
    sim.fail("RasHangUpW", 0, count=None)
    result = Command(sim, "ctypes")("doctor", "--self-test", code=1)
    assert "FAILED Hanging up" in result.stdout


def test_the_report_names_no_connection(sim):
    sim.add("Secret project", phone_number="555-0177")
    text = Command(sim, "ctypes")("doctor", "--self-test", "--json").stdout
    assert "Secret" not in text
    assert "555" not in text
    passed = [item["passed"] for item in json.loads(text)["self_test"]]
    assert (passed.count(True), passed.count(False)) == (11, 0)
