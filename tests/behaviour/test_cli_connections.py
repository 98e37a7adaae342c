"""ras-native list, status and hangup, on both backends."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from rich.console import Console
from spy import without_optional_functions
from watching import until

from ras_native import Connection, ConnState, ConnSubstate, Monitor, explain
from ras_native.cli import _details, _show


def test_list_shows_every_connection(run, sim):
    handle = sim.add("Zürich Büro", device_name="WAN Miniport (SSTP)")
    sim.add("", phone_number="555-0199", device_type="modem")
    lines = run("list").stdout.splitlines()
    assert re.split("  +", lines[0].strip()) == [
        *("HANDLE", "ENTRY", "TYPE", "DEVICE", "ADDRESS", "UP", "SENT", "RECEIVED", "PHONE BOOK")
    ]
    assert lines[1].startswith(f"{handle:#x}")
    assert "Zürich Büro" in lines[1]
    assert ".555-0199" in lines[2]


def test_list_as_json_has_every_member(run, sim):
    handle = sim.add("Office 🛰", luid=2**63, flags=5)
    (found,) = run.json("list")
    assert found.keys() == {*Connection._fields, "statistics", "projection", "rates"}
    assert (int(found["handle"], 16), found["entry_name"]) == (handle, "Office 🛰")
    assert (found["luid"], found["flags"]) == (hex(2**63), "ALL_USERS|OWNER_KNOWN")


@pytest.fixture
def busy(sim) -> int:
    """A connection with addresses and counters, which has been up for an hour."""
    handle = sim.add("Office")
    sim.set_projection(handle, client_ipv4="10.0.0.2", client_ipv6="2001:db8::2")
    sim.set_statistics(handle, bytes_sent=1500, bytes_received=3_200_000)
    sim.advance(3661)
    return handle


@pytest.mark.parametrize("command", ["list", "status"])
@pytest.mark.usefixtures("busy")
def test_addresses_uptime_and_counters_are_shown(run, command):
    _, line = run(command).stdout.splitlines()
    assert "  10.0.0.2 2001:db8::2  1:01:01  1.5 kB    3.2 MB  " in line
    (found,) = run.json(command)
    assert found["projection"]["client_ipv6"] == "2001:db8::2"
    assert found["statistics"]["bytes_received"] == 3_200_000
    assert found["statistics"]["duration_ms"] == 3_661_000


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("command", ["list", "status"])
def test_a_narrow_terminal_shows_what_matters_most(run, command, monkeypatch):
    console = Console(width=80)
    monkeypatch.setattr(_show, "console", lambda: console)
    heading, line = run(command).stdout.splitlines()
    assert "DEVICE" not in heading
    assert "  10.0.0.2 2001:db8::2  1:01:01  1.5 kB    3.2 MB" in line


@pytest.mark.parametrize("command", ["list", "status"])
def test_what_ras_does_not_tell_is_left_empty(run, sim, busy, command):
    sim.set_projection(busy, code=731)
    sim.fail("RasGetConnectionStatistics", 5)
    (found,) = run.json(command)
    assert (found["projection"], found["statistics"]) == (None, None)
    sim.fail("RasGetConnectionStatistics", 5)
    _, line = run(command).stdout.splitlines()
    assert "Office" in line
    assert "1:01:01" not in line


@pytest.mark.usefixtures("busy")
def test_a_provider_without_these_functions_is_no_error(ras):
    with without_optional_functions(ras):
        connections = ras.enum_connections()
        assert _details.read_details(ras, connections, seconds=0.01) == [(None, None, None)]


@pytest.mark.parametrize("command", ["list", "status"])
@pytest.mark.parametrize(
    ("sent", "shown", "rates"),
    [
        (4500, "4.5 kB    3.2 MB  1.5 kB/s  0 bytes/s", {"bytes_sent": 1500, "bytes_received": 0}),
        (1499, "1.5 kB    3.2 MB", None),
    ],
    ids=["more", "less"],
)
def test_rates_are_measured_between_two_samples(
    run, sim, busy, monkeypatch, command, sent, shown, rates
):
    moments = iter(range(0, 100, 2))

    def sleep(seconds: float) -> None:
        assert seconds == 2.0
        sim.set_statistics(busy, bytes_sent=sent, bytes_received=3_200_000)

    clock = SimpleNamespace(perf_counter=lambda: next(moments), sleep=sleep)
    monkeypatch.setattr(_details, "time", clock)
    _, line = run(command, "--rates", "2").stdout.splitlines()
    assert f"  {shown}" in line
    sim.set_statistics(busy, bytes_sent=1500, bytes_received=3_200_000)
    (found,) = run.json(command, "--rates", "2")
    assert found["rates"] == rates


def test_status_says_why_a_dialling_failed_and_what_to_do(run, sim):
    handle = sim.dial("Office", step=0.1, error=809)
    sim.advance(10)
    reason = explain(809)
    lines = run("status", hex(handle)).stdout.splitlines()
    assert lines[1].endswith("809 ERROR_VPN_TIMEOUT")
    assert lines[2:] == [
        str(reason),
        f"  What to do: {reason.advice}",
        f"  Source: {reason.source}",
    ]
    (found,) = run.json("status", hex(handle))
    assert found["reason"] == reason.to_dict()


def test_no_connection_is_not_an_error(run):
    assert run("list").stdout == run("status").stdout == "no connection\n"
    assert run.json("list") == run.json("status") == []


def test_names_do_not_reach_the_terminals_controls(run, sim):
    sim.add("\x1b[2J[red]\r\n\udc80")
    assert r"\x1b[2J[red]\r\n\udc80" in run("list").stdout
    (found,) = run.json("list")
    assert found["entry_name"] == "\x1b[2J[red]\r\n\udc80"


def test_handles_are_hexadecimal_for_people(run, sim):
    handle = sim.add("Office")
    for command in ("list", "status"):
        text = run(command).stdout
        assert f"{handle:#x}" in text
        assert str(handle) not in text


def test_status_of_all(run, sim):
    sim.add("Office", local_endpoint="192.0.2.1", remote_endpoint="2001:db8::1")
    sleeper = sim.add("Home", phone_number="vpn.example.com")
    sim.set_status(sleeper, substate=ConnSubstate.DORMANT)
    heading, office, home = run("status").stdout.splitlines()
    assert heading.split()[:3] == ["HANDLE", "ENTRY", "STATE"]
    assert office.split()[-2:] == ["192.0.2.1", "2001:db8::1"]
    assert "dormant" in home
    assert "vpn.example.com" in home


@pytest.mark.parametrize("letters", [str.upper, str.lower])
def test_status_of_one_entry(run, sim, letters):
    sim.add("Other")
    handle = sim.add("Office", local_endpoint="192.0.2.1")
    (found,) = run.json("status", letters("Office"))
    assert found["connection"]["handle"] == hex(handle)
    assert found["is_up"] is True
    assert found["status"]["state"] == "CONNECTED"
    assert found["status"]["local_endpoint"] == "192.0.2.1"


@pytest.mark.parametrize("write", [hex, str])
def test_status_of_one_handle(run, sim, write):
    sim.add("Other")
    handle = sim.add("Office")
    (found,) = run.json("status", write(handle))
    assert found["connection"]["entry_name"] == "Office"


def test_status_while_it_is_dialled(run, sim):
    handle = sim.dial("Office", states=(ConnState.AUTHENTICATE,), step=1)
    sim.advance(1)
    (found,) = run.json("status", hex(handle))
    assert found["status"]["state"] == "AUTHENTICATE"


@pytest.mark.parametrize("wanted", ["Nowhere", "0x7ffffff0", "-1"])
@pytest.mark.parametrize("name", ["status", "hangup"])
def test_what_is_not_there_is_not_found(run, sim, name, wanted):
    sim.add("Office")
    result = run(name, "--", wanted, code=1)
    assert wanted in result.output
    assert "ras-native list" in result.output


def test_a_failing_provider_is_named_with_its_code(run, sim):
    sim.stop_service(711)
    result = run("list", code=1)
    assert "711 ERROR_RASMAN_CANNOT_INITIALIZE" in result.output


def test_hangup_ends_a_connection(run, sim):
    handle = sim.add("Office")
    sim.add("Other")
    found = run.json("hangup", "Office")
    assert found["connection"]["handle"] == hex(handle)
    assert found["seconds"] >= 0
    assert [item["entry_name"] for item in run.json("list")] == ["Other"]
    assert "hung up in" in run("hangup", "Other").stdout


def test_hangup_ends_every_reference_when_asked(run, sim):
    handle = sim.add("Office")
    sim.add_reference(handle)
    assert "references" in run("hangup", "Office", "--timeout", "0.01", code=1).output
    sim.add_reference(handle)
    run("hangup", "Office", "--all-references")
    assert run.json("list") == []


def test_hangup_does_not_choose_between_two(run, sim):
    handles = [sim.add("Office", phonebook=name) for name in ("one.pbk", "two.pbk")]
    result = run("hangup", "Office", code=1)
    assert all(hex(handle) in result.output for handle in handles)
    assert len(run.json("list")) == 2


def test_traffic_belongs_to_the_connection_of_which_it_is_told(ras, sim):
    first, second = (sim.add("Office", phonebook=name) for name in ("one.pbk", "two.pbk"))
    with Monitor(ras, interval=3600, statistics_interval=0.01) as monitor:
        until(lambda: monitor.statistics("Office") is not None)
        known, other = (item.connection for item in monitor.snapshot)
        assert (known.handle, other.handle) == (first, second)
        assert _details.traffic_of(monitor, known).connection == known
        assert _details.traffic_of(monitor, other) is None
