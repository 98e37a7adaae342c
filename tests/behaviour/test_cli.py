"""Each command of `ras-native`, on both backends."""

from __future__ import annotations

import ast
import importlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from ctypes import sizeof
from importlib import metadata
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from network import listening
from rich.console import Console

from ras_native import (
    BACKENDS,
    LONGEST_SECONDS,
    MAX_CONCURRENCY,
    Connection,
    ConnState,
    ConnSubstate,
    Event,
    Observation,
    ProviderError,
    Ras,
    RasError,
    Snapshot,
    Status,
    _self_test,
    cli,
    connect_many,
)
from ras_native._backend.layout import RASCONNW
from ras_native.cli import _changes, _commands, _common, _probe, _screen, _watch
from ras_native.sim import Simulator

NEVER = 3600.0  # an interval that does not end during a test
COMMAND = (sys.executable, "-m", "ras_native")
HOME = Path(cli.__file__).parents[2]  # there other processes import this same package


def run_process(
    *command: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=HOME,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )


class Command:
    """Runs the command in this process, on the simulator that the test controls."""

    def __init__(self, sim: Simulator, backend: str) -> None:
        self._provider = ("--provider", sim.path, "--backend", backend)

    def __call__(self, name: str, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(_commands.cli, [name, *self._provider, *arguments])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    def json(self, name: str, *arguments: str) -> object:
        return json.loads(self(name, *arguments, "--json").stdout)

    def json_lines(self, *arguments: str) -> list[dict]:
        return [
            json.loads(line) for line in self("watch", *arguments, "--json").stdout.splitlines()
        ]


@pytest.fixture
def run(sim: Simulator, backend: str) -> Command:
    return Command(sim, backend)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses connections and that no other test can use."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


# list, status


def test_list_shows_every_connection(run, sim):
    handle = sim.add("Zürich Büro", device_name="WAN Miniport (SSTP)")
    sim.add("", phone_number="555-0199", device_type="modem")
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == ["HANDLE", "ENTRY", "TYPE", "DEVICE", "PHONE", "BOOK"]
    assert lines[1].startswith(f"{handle:#x}")
    assert "Zürich Büro" in lines[1]
    assert ".555-0199" in lines[2]


def test_list_as_json_has_every_member(run, sim):
    handle = sim.add("Office 🛰", luid=2**63, flags=5)
    (found,) = run.json("list")
    assert found.keys() == set(Connection._fields)
    assert (int(found["handle"], 16), found["entry_name"]) == (handle, "Office 🛰")
    assert (found["luid"], found["flags"]) == (hex(2**63), 5)


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
    assert found["condition"] == "connected"
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


# wait, hangup


def test_wait_for_an_entry_that_is_still_to_connect(run, sim):
    sim.step_per_call = 0.6
    sim.add("Office", after=1.0)
    assert run("wait", "office").stdout == "office: connected\n"


def test_wait_for_a_handle_that_is_dialled(run, sim):
    sim.step_per_call = 1
    handle = sim.dial("Office", step=0.3)
    (found,) = run.json("wait", hex(handle))
    assert found["condition"] == "connected"


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
    assert all(item["condition"] == "gone" for item in found)


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
    sim.drop(handle, after=6)
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
    assert "no connection's handle" in result.output


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


# connect


def connect(backend: str, *arguments: str, code: int) -> Result:
    result = CliRunner().invoke(_commands.cli, ["connect", "--backend", backend, *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_connect_to_open_targets(backend):
    with listening() as four, listening(socket.AF_INET6) as six:
        targets = [
            f"127.0.0.1:{four.getsockname()[1]}",
            f"[::1]:{six.getsockname()[1]}",
        ]
        found = json.loads(connect(backend, *targets, "--json", code=0).stdout)
    assert [item["target"] for item in found] == targets
    assert {item["outcome"] for item in found} == {"open"}
    assert all(item["milliseconds"] > 0 for item in found)


def test_connect_to_a_name(backend, monkeypatch):
    with listening() as listener:
        port = listener.getsockname()[1]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(_probe.socket, "getaddrinfo", lambda *_, **__: found)
        (result,) = json.loads(connect(backend, f"vpn.example.com:{port}", "--json", code=0).stdout)
    assert (result["target"], result["address"]) == (f"vpn.example.com:{port}", "127.0.0.1")


def test_connect_fails_unless_every_target_is_open(backend, closed_port, monkeypatch):
    resolve = socket.getaddrinfo

    def look_up(host, *others, **options):
        if host == "nowhere.example":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return resolve(host, *others, **options)

    monkeypatch.setattr(_probe.socket, "getaddrinfo", look_up)
    with listening() as listener:
        targets = [
            f"127.0.0.1:{listener.getsockname()[1]}",
            "nowhere.example:80",
            f"127.0.0.1:{closed_port}",
        ]
        lines = connect(backend, *targets, "--timeout", "30", code=1).stdout.splitlines()
    assert [line.split()[-1] for line in lines[:2]] == ["CODE", "ms"]
    assert [line.split()[1:3] for line in lines[1:3]] == [["127.0.0.1", "open"], ["unresolved"]]
    assert lines[3].endswith("10061 WSAECONNREFUSED")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:443", ("::1", 443)),
        ("vpn.example.com:65535", ("vpn.example.com", 65535)),
    ],
)
def test_targets_are_read(text, target):
    assert _common.parse_target(text) == target
    assert _probe.join_target(*target) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "host", "host:", ":80", "host:0", "host:65536", "host:http", "::1:80", "[]:80"),
        *("host:²", "host:-1", "host:1_0"),
    ],
)
def test_a_bad_target_is_wrong_usage(backend, text):
    result = connect(backend, "--", text, code=2)
    assert repr(text) in result.output


@pytest.mark.parametrize("digit", "19")
def test_a_port_of_5000_digits_is_wrong_usage(backend, digit):
    result = connect(backend, "127.0.0.1:" + 5000 * digit, code=2)
    assert "the port must be 1 to 65535" in result.output
    assert len(result.output) < 1000


# watch


def between_looks(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Let `watch` take one step after each poll."""

    def looks(ras: Ras, **options: Any) -> Iterator[_watch.Look]:
        looking = _watch.looks(ras, **options)
        yield next(looking)
        for step in steps:
            step()
            yield next(looking)

    monkeypatch.setattr(_commands, "looks", looks)


def test_watch_tells_what_is_and_what_happens(run, sim, monkeypatch):
    sim.add("Office")
    between_looks(
        monkeypatch,
        lambda: handles.append(sim.add("Home")),
        lambda: sim.set_status(handles[0], substate=ConnSubstate.DORMANT),
        lambda: sim.set_status(handles[0], substate=ConnSubstate.RECONNECTING),
        lambda: sim.set_status(handles[0], substate=ConnSubstate.RECONNECTED),
        lambda: sim.set_status(handles[0], local_endpoint="192.0.2.9"),
        lambda: sim.drop(handles[0]),
    )
    handles: list[int] = []
    lines = run.json_lines("--interval", "0.01")
    told = [(line["event"], line["connection"]["entry_name"]) for line in lines]
    assert told == [
        ("present", "Office"),
        ("connected", "Home"),
        ("dormant", "Home"),
        ("reconnecting", "Home"),
        ("reconnected", "Home"),
        ("moved", "Home"),
        ("dropped", "Home"),
    ]
    assert all(line["up"] >= 0 for line in lines)


def test_watch_prints_lines_where_there_is_no_terminal(run, sim, monkeypatch):
    sim.add("Office", local_endpoint="192.0.2.1", remote_endpoint="192.0.2.2")
    between_looks(monkeypatch, sim.stop_service, dict, sim.start_service)
    lines = run("watch", "--interval", "0.01").stdout.splitlines()
    assert [line.split()[1:3] for line in lines] == [
        ["present", "Office"],
        ["error", "[RAS"],
        ["recovered", "RAS"],
    ]
    assert lines[0].endswith("192.0.2.1 -> 192.0.2.2")


def test_watch_probes_beside(run, closed_port):
    with listening() as listener:
        port = listener.getsockname()[1]
        targets = (f"127.0.0.1:{port}", f"127.0.0.1:{closed_port}")
        arguments = [item for target in targets for item in ("--probe", target)]
        arguments += ["--probe-timeout", "30", "--count", "1"]
        lines = run.json_lines(*arguments)
        plain = run("watch", *arguments).stdout.splitlines()
    assert [(line["target"], line["outcome"]) for line in lines] == [
        (targets[0], "open"),
        (targets[1], "refused"),
    ]
    assert [line.split()[1:3] for line in plain] == [["open", targets[0]], ["refused", targets[1]]]


def test_watch_ends_after_its_duration(run, sim):
    sim.add("Office")
    assert len(run("watch", "--interval", str(NEVER), "--duration", "0").stdout.splitlines()) == 1


def test_an_idle_watch_calls_the_provider_once_an_interval(run, sim):
    sim.add("One")
    sim.add("Two")
    sim.reset_calls()
    run("watch", "--interval", "0.01", "--count", "20")
    assert sim.calls("RasEnumConnectionsW") == 20
    assert sim.calls("RasGetConnectStatusW") == 20 * 2
    assert sim.calls("RasConnectionNotificationW") == 1


def test_ctrl_c_is_130(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(_commands, "looks", interrupted)
    assert run("watch", code=130).output == ""


@pytest.mark.posix_only("one process can send another Ctrl-C only there")
def test_ctrl_c_ends_a_real_watch(closed_port):
    process = subprocess.Popen(
        [*COMMAND, "watch", "--simulate", "--json", "--probe", f"127.0.0.1:{closed_port}"],
        cwd=HOME,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert json.loads(process.stdout.readline())["event"] == "probe"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")


def test_watch_simulate_is_bounded_in_a_real_process(closed_port):
    target = f"127.0.0.1:{closed_port}"
    done = run_process(*COMMAND, "watch", "--simulate", "--count", "1", "--probe", target)
    assert (done.returncode, done.stderr) == (0, "")
    assert target in done.stdout


# The loop of watch


def test_a_notification_is_looked_at_at_once(ras, sim):
    looking = _watch.looks(ras, interval=NEVER)
    assert next(looking).changes == []
    handle = sim.add("Office")
    look = next(looking)
    assert [(change.kind, look.notified) for change in look.changes] == [("connected", True)]
    sim.set_status(handle, substate=ConnSubstate.DORMANT)
    assert [change.kind for change in next(looking).changes] == ["dormant"]
    sim.drop(handle)
    look = next(looking)
    assert [change.kind for change in look.changes] == ["dropped"]
    assert [key[0] for key in look.first_seen] == [handle]
    looking.close()


def test_a_notification_is_looked_at_once(ras, sim):
    with _watch.Looker(ras) as looker:
        looker.look()
        sim.add("Office")
        assert looker.wait(NEVER)
        looker.look()
        assert not looker.wait(0)


def test_polling_finds_what_is_not_reported(ras, sim):
    sim.fail("RasConnectionNotificationW", 5, count=None)
    looking = _watch.looks(ras, interval=0.01, count=3)
    assert not next(looking).notified
    sim.add("Office")
    assert [change.kind for change in next(looking).changes] == ["connected"]
    sim.start_service()
    assert next(looking).error is None


def test_a_provider_without_notification_is_polled(ras, monkeypatch):
    asked = []

    def unsupported(*_):
        asked.append(1)
        raise ProviderError("x", "it has no RasConnectionNotificationW")

    monkeypatch.setattr(ras, "connection_notification", unsupported)
    found = list(_watch.looks(ras, interval=0.01, count=3))
    assert (len(found), len(asked)) == (3, 1)


def test_a_service_that_was_stopped_is_listened_to_anew(ras, sim):
    handle = sim.add("Office")
    with _watch.Looker(ras) as looker:
        assert [change.kind for change in looker.look().changes] == ["present"]
        sim.stop_service()
        look = looker.look()
        assert look.error.code == 711
        assert [item.connection.handle for item in look.snapshot] == [handle]
        assert not looker.wait(0)
        sim.start_service()
        look = looker.look()
        assert (look.changes, look.notified) == ([], True)
        sim.add("Home")
        assert looker.wait(NEVER)
    assert sim.calls("RasConnectionNotificationW") == 2


def test_a_count_is_of_intervals_not_of_notifications(ras, sim):
    looking = _watch.looks(ras, interval=NEVER, count=2)
    for number in range(5):
        sim.add(f"Office {number}")
        next(looking)
    looking.close()


# What changed


def observation(
    handle: int = 1,
    entry: str = "Office",
    correlation_id: UUID | None = None,
    **status: object,
) -> Observation:
    unknown = (None,) * 5
    connection = Connection(handle, entry, "vpn", "WAN", *unknown, correlation_id)
    known = Status(ConnState.CONNECTED, 0, "vpn", "WAN", "", None, None, ConnSubstate.NONE)
    return Observation(connection, known._replace(**status), 0)


def kinds(before: list[Observation], after: list[Observation]) -> list[tuple[str, str]]:
    happened = _changes.changes(Snapshot(before), Snapshot(after))
    return [(change.kind, change.observation.connection.entry_name) for change in happened]


GONE = observation()._replace(status=None, code=6)
FAILED = observation()._replace(status=None, code=8)
DORMANT, RECONNECTING, RECONNECTED = (
    observation(substate=substate)
    for substate in (ConnSubstate.DORMANT, ConnSubstate.RECONNECTING, ConnSubstate.RECONNECTED)
)
MOVED = observation(local_endpoint=IPv4Address("192.0.2.9"))


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (observation(), DORMANT, "dormant"),
        (DORMANT, RECONNECTING, "reconnecting"),
        (RECONNECTING, RECONNECTED, "reconnected"),
        (DORMANT, observation(), "reconnected"),
        (observation(), RECONNECTED, "reconnected"),
        (observation(), MOVED, "moved"),
        (observation(), observation(phone_number="1"), "changed"),
        (observation(), observation(state=ConnState.DISCONNECTED), "disconnected"),
        (observation(), observation(state=ConnState(0x77)), "unknown_0x77"),
        (observation(), GONE, "gone"),
        (observation(), FAILED, "unknown"),
        (FAILED, observation(), "connected"),
        (observation(), observation(), None),
    ],
)
def test_one_connection_changes(before, after, kind):
    assert kinds([before], [after]) == ([(kind, "Office")] if kind else [])


def test_connections_come_and_go():
    one, two, three = observation(1, "One"), observation(2, "Two"), observation(3, "Three")
    assert kinds([one, two], [two, three]) == [("dropped", "One"), ("connected", "Three")]


def test_a_handle_used_again_is_another_connection():
    assert kinds([observation(1, "One")], [observation(1, "Two")]) == [
        ("dropped", "One"),
        ("connected", "Two"),
    ]


def test_a_renamed_entry_is_the_same_connection():
    one = observation(correlation_id=UUID(int=1))
    other = observation(entry="New name", correlation_id=UUID(int=1))
    assert kinds([one], [other]) == [("changed", "New name")]


@pytest.mark.parametrize("ids", [(UUID(int=1), UUID(int=2)), (None, None)])
def test_a_handle_used_again_inherits_no_uptime(ids, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(_watch.time, "monotonic", lambda: now[0])
    entries = ("One", "Two") if ids[0] is None else ("Office", "Office")
    first, second = (
        observation(1, entry, correlation_id=number)
        for entry, number in zip(entries, ids, strict=True)
    )

    class Snapshots:
        """A provider without notifications that lists one connection, and then the other."""

        snapshot = iter([Snapshot([first]), Snapshot([second])]).__next__

        def connection_notification(self):
            raise ProviderError("x", "it has no RasConnectionNotificationW")

    looker = _watch.Looker(Snapshots())
    looker.look()
    now[0] = 160.0
    look = looker.look()
    assert [change.kind for change in look.changes] == ["dropped", "connected"]
    uptimes = [
        now[0] - look.first_seen[_changes.identity(change.observation.connection)]
        for change in look.changes
    ]
    assert uptimes == [60.0, 0.0]


def test_a_redial_under_the_same_handle_inherits_no_uptime(ras, sim, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(_watch.time, "monotonic", lambda: now[0])
    handle = sim.add("Office")
    with _watch.Looker(ras) as looker:
        looker.look()
        sim.drop(handle)
        assert sim.add("Office", handle=handle) == handle
        now[0] = 160.0
        look = looker.look()
    uptimes = {
        change.kind: now[0] - look.first_seen[_changes.identity(change.observation.connection)]
        for change in look.changes
    }
    assert uptimes == {"dropped": 60.0, "connected": 0.0}


def test_what_is_gone_is_not_dropped_as_well():
    assert kinds([GONE], []) == []
    assert kinds([], [GONE]) == [("gone", "Office")]


def test_the_same_snapshot_is_not_looked_into():
    class Untouchable(Snapshot):
        def __iter__(self):
            raise AssertionError

    same = Untouchable([observation()])
    assert _changes.changes(same, same) == []


# The live screen


def live(width: int = 100, height: int = 24) -> _screen.LiveScreen:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, height=height)
    return _screen.LiveScreen(console, "here")


def shown(screen: _screen.LiveScreen) -> str:
    console = Console(file=io.StringIO(), width=screen._console.width, color_system=None)
    console.print(screen.render())
    return console.file.getvalue()


def look_at(*items: Observation, error: RasError | None = None) -> _watch.Look:
    found = Snapshot(items)
    seen = {_changes.identity(item.connection): 0.0 for item in items}
    return _watch.Look(found, _changes.changes(Snapshot(), found), seen, error is None, error)


def test_the_screen_has_a_table_a_log_and_the_probes():
    with live() as screen:
        assert "ras-native watch" in shown(screen)
        screen.show(look_at(observation(), DORMANT._replace(connection=MOVED.connection)))
        screen.show_probes([_probe.Probe("127.0.0.1:1", "127.0.0.1", "refused", 10061, 0.25)])
        text = shown(screen)
    for expected in ("● connected", "◐ dormant", "changes", "10061 WSAECONNREFUSED", "0.25 ms"):
        assert expected in text


def test_the_screen_shows_that_ras_cannot_be_asked():
    with live() as screen:
        screen.show(look_at(error=RasError(711, "RasEnumConnectionsW")))
        assert "ERROR_RASMAN_CANNOT_INITIALIZE" in shown(screen)
        screen.show(look_at()._replace(notified=False))
        assert "polling only" in shown(screen)
        screen.show(look_at())
        text = shown(screen)
    assert "recovered" in text
    assert "no connection" in text
    assert "polling only" not in text


@pytest.mark.parametrize(("width", "height"), [(50, 13), (80, 24), (200, 60)])
def test_the_screen_fits_its_terminal(width, height):
    with live(width, height) as screen:
        offices = [observation(number, f"Office {number} with a name") for number in range(100)]
        screen.show(look_at(*offices, DORMANT._replace(connection=offices[0].connection)))
        screen.show_probes(
            _probe.Probe(f"127.0.0.1:{port}", "127.0.0.1", "open", 0, 1.0) for port in range(50)
        )
        lines = shown(screen).splitlines()
    assert len(lines) < height
    assert all(len(line) <= width for line in lines)
    assert "101 connections" in lines[0]
    assert "◐ dormant" in lines[3]
    assert "127.0.0.1:49" in lines[-3]


@pytest.mark.parametrize("command", [["list"], ["wait", "東 🛰"], ["hangup", "東 🛰"]])
def test_what_the_terminal_cannot_encode_is_escaped(sim, command):
    sim.add("東 🛰")
    result = CliRunner(charset="cp1252").invoke(
        _commands.cli, [command[0], "--provider", sim.path, *command[1:]]
    )
    assert result.exit_code == 0, result.exception
    assert rb"\u6771 \U0001f6f0" in result.stdout_bytes


# doctor


def test_doctor_finds_nothing_wrong(run, sim):
    sim.add("Office")
    found = run.json("doctor")
    assert (found["ok"], found["problems"], found["self_test"]) == (True, [], [])
    assert (found["provider_is"], found["connections"]) == ("the simulator", 1)
    assert found["backend_because"] == "--backend asks for it"
    assert found["sizes"] == {"rasconn": sizeof(RASCONNW), "rasconnstatus": 608}
    assert all(found["functions"].values())
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


# The command as a whole


def imports_of_the_package(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of all that a file of cli imports from outside of cli."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert not (node.module or "").startswith("ras_native")
        elif isinstance(node, ast.Import):
            assert all(alias.name.count(".") == 0 for alias in node.names)


@pytest.mark.parametrize(
    "path", [*Path(cli.__file__).parent.glob("*.py")], ids=lambda path: path.name
)
def test_it_uses_only_what_a_user_can_import(path):
    for module, name in imports_of_the_package(path):
        if (module, name) not in {("", "_self_test"), ("", "__version__")}:
            public = importlib.import_module(f"ras_native.{module}".rstrip("."))
            assert not module.startswith("_")
            assert name in public.__all__


def test_its_limits_are_those_of_the_package(backend):
    with Event(backend=backend) as event:
        assert event.backend in BACKENDS
    with pytest.raises(ValueError, match=f"concurrency.*{MAX_CONCURRENCY}"):
        connect_many([], concurrency=MAX_CONCURRENCY + 1)
    assert connect_many([], concurrency=MAX_CONCURRENCY, timeout=LONGEST_SECONDS) == []
    with pytest.raises(ValueError, match="timeout"):
        connect_many([], timeout=LONGEST_SECONDS + 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--simulate", "--provider", "x"], "two providers"),
        (["list", "--provider", ""], "must be the path"),
        (["doctor", "--beyond-loopback"], "--self-test"),
        (["watch", "--interval", "0"], "--interval"),
        (["watch", "--duration", "nan"], "not a number"),
        (["wait", "Office", "--timeout", "inf"], "--timeout"),
        (["wait", "Office", "--allow-missing"], "--state gone"),
        (["connect"], "TARGET"),
        (["connect", "host:1", "--concurrency", "0"], "--concurrency"),
    ],
)
def test_wrong_usage_is_2_and_says_what(arguments, message):
    result = CliRunner().invoke(_commands.cli, arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_long_argument_is_cut_in_the_message(run):
    for name in ("status", "wait"):
        output = run(name, "9" * 5000, "--timeout=0" if name == "wait" else "--json", code=1).output
        assert "999..." in output
        assert len(output) < 1000


ONE_OF_EACH = [
    ["list"],
    ["status"],
    ["watch", "--count", "1"],
    ["wait", "Office"],
    ["hangup", "Office"],
    ["connect", "127.0.0.1:1"],
    ["doctor"],
]


def test_every_command_is_tried_below():
    assert {arguments[0] for arguments in ONE_OF_EACH} == set(_commands.cli.commands)


@pytest.mark.parametrize("arguments", ONE_OF_EACH, ids=lambda arguments: arguments[0])
def test_a_wrong_variable_is_explained(arguments):
    done = run_process(*COMMAND, *arguments, environment={"RAS_NATIVE_BACKEND": "foo"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "RAS_NATIVE_BACKEND must be one of native, ctypes, not 'foo'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [*ONE_OF_EACH, ["--help"], ["--version"]], ids=" ".join)
def test_a_closed_output_is_explained(arguments):
    code = "import sys; sys.stdout = None; from ras_native import cli; cli.main()"
    done = run_process(sys.executable, "-c", code, *arguments)
    assert (done.returncode, done.stderr) == (1, "Error: standard output is closed\n")


@pytest.mark.posix_only("only there a shell closes standard output")
@pytest.mark.parametrize("arguments", [["list"], ["watch"]], ids=" ".join)
def test_an_output_that_the_shell_closed_is_explained(arguments):
    done = run_process("sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *arguments, "--simulate")
    assert (done.returncode, done.stderr) == (1, "Error: standard output is closed\n")


FULL_DISK = """
import errno, io, sys

class FullDisk(io.RawIOBase):
    def writable(self):
        return True

    def write(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

sys.stdout = io.TextIOWrapper(io.BufferedWriter(FullDisk()), encoding="utf-8")
from ras_native import cli
cli.main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--simulate"],
        ["list", "--simulate", "--json"],
        ["watch", "--simulate", "--count", "1", "--probe", "127.0.0.1:1"],
        ["watch", "--simulate", "--count", "1", "--probe", "127.0.0.1:1", "--json"],
        ["doctor", "--simulate"],
        ["connect", "127.0.0.1:1"],
        ["--help"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_an_output_that_is_full_is_explained(arguments):
    done = run_process(sys.executable, "-c", FULL_DISK, *arguments)
    assert (done.returncode, done.stderr) == (1, "Error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("name", _commands.cli.commands)
def test_every_command_explains_itself(name):
    result = CliRunner().invoke(_commands.cli, [name, "--help"])
    assert result.exit_code == 0
    assert "--json" in result.output


def test_help_lists_the_exit_codes():
    lines = CliRunner().invoke(_commands.cli, ["--help"]).stdout.splitlines()
    start = lines.index("  Exit codes:") + 1
    assert [line.split()[0] for line in lines[start : start + 4]] == ["0", "1", "2", "130"]


def test_a_provider_that_is_not_there(tmp_path):
    result = CliRunner().invoke(_commands.cli, ["list", "--provider", str(tmp_path / "none.dll")])
    assert result.exit_code == 1
    assert "there is no such file" in result.output


@pytest.mark.posix_only("Windows has a provider of its own")
def test_without_windows_the_way_to_try_it_out_is_told():
    result = CliRunner().invoke(_commands.cli, ["list"])
    assert result.exit_code == 1
    assert "--simulate" in result.output


def test_without_the_simulator_that_is_told(monkeypatch):
    def missing(**_):
        raise FileNotFoundError("the simulator is not part of this installation")

    monkeypatch.setattr(_common, "Simulator", missing)
    result = CliRunner().invoke(_commands.cli, ["list", "--simulate"])
    assert result.exit_code == 1
    assert "not part of this installation" in result.output


def test_one_look_at_a_simulation_sees_a_connection(backend):
    result = CliRunner().invoke(_commands.cli, ["list", "--simulate", "--backend", backend])
    assert "Head office" in result.stdout


@pytest.mark.parametrize("package", ["click", "rich"])
def test_without_its_packages_the_command_says_how_to_install_them(package):
    code = f"import sys; sys.modules[{package!r}] = None; from ras_native import cli; cli.main()"
    done = run_process(sys.executable, "-c", code)
    assert done.returncode == 1
    assert f"needs {package}" in done.stderr
    assert "pip install 'ras_native[cli]'" in done.stderr


def test_python_m_is_the_command():
    done = run_process(*COMMAND, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ras-native, version ")
