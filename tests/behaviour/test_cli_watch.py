"""ras-native watch, on both backends."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from itertools import islice
from typing import Any

import pytest
from click.testing import CliRunner
from command import COMMAND, HOME, NEVER, run_process
from network import listening
from watching import PATIENCE, until

from ras_native import EVENTS, ConnSubstate, Monitor, MonitorEvent, ProviderError
from ras_native.cli import _commands, _probe

ENUM, NOTIFY = "RasEnumConnectionsW", "RasConnectionNotificationW"
OFTEN = ("--interval", "0.01")


def between_events(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Call the first step after the first poll of `watch`, and another after each event."""
    arrivals = _commands.arrivals

    def stepping(monitor: Monitor, *arguments: Any, **options: Any) -> Iterator[object]:
        until(lambda: monitor.has_polled)
        left = list(steps)
        if monitor.snapshot == ():
            left.pop(0)()
        for item in arrivals(monitor, *arguments, **options):
            yield item
            if left and isinstance(item, MonitorEvent):
                left.pop(0)()

    monkeypatch.setattr(_commands, "arrivals", stepping)


def names(lines: list[dict[str, Any]]) -> list[str]:
    return [line["event"] for line in lines]


# What is shown


def test_json_lines_are_the_events_of_a_monitor(run, sim, monkeypatch):
    office = sim.add("Office")
    handles: list[int] = []
    between_events(
        monkeypatch,
        lambda: handles.append(sim.add("Home")),
        lambda: sim.set_status(handles[0], substate=ConnSubstate.DORMANT),
        lambda: sim.set_status(handles[0], substate=ConnSubstate.RECONNECTING),
        lambda: sim.set_status(handles[0], substate=ConnSubstate.RECONNECTED),
        lambda: sim.set_status(handles[0], local_endpoint="192.0.2.8"),
        lambda: sim.set_status(handles[0], local_endpoint="192.0.2.9"),
        lambda: sim.drop(handles[0]),
    )
    lines = run.json_lines(*OFTEN, "--count", "8")
    assert names(lines) == [
        *("Found", "Connected", "Dormant", "Reconnecting", "Reconnected", "Changed", "Moved"),
        "Disconnected",
    ]
    assert [line["sequence"] for line in lines] == list(range(1, 9))
    assert lines[0]["after"]["connection"]["handle"] == hex(office)
    assert {line["entry"] for line in lines[1:]} == {"Home"}
    assert lines[-1]["after"] is None
    assert all(datetime.fromisoformat(line["time"]).tzinfo for line in lines)


def test_lines_of_text_where_there_is_no_terminal(run, sim, monkeypatch):
    office = sim.add("Office", local_endpoint="192.0.2.1", remote_endpoint="192.0.2.2")
    between_events(monkeypatch, sim.stop_service, sim.start_service, dict, lambda: sim.drop(office))
    lines = run("watch", "Office", *OFTEN, "--count", "5").stdout.splitlines()
    assert [line.split()[1:3] for line in lines] == [
        ["found", "Office"],
        ["provider", "failed"],
        ["provider", "recovered"],
        ["gap", "failed:"],
        ["disconnected", "Office"],
    ]
    assert lines[0].endswith("192.0.2.1 -> 192.0.2.2")
    assert "711 ERROR_RASMAN_CANNOT_INITIALIZE" in lines[1]


def test_a_connection_that_is_up_is_shown_with_its_address(run, sim, monkeypatch):
    office = sim.add("Office")
    sim.set_projection(office, client_ipv4="10.8.0.7")
    between_events(monkeypatch, lambda: sim.drop(office))
    lines = run("watch", *OFTEN, "--count", "2").stdout.splitlines()
    assert lines[0].split()[1:4] == ["found", "Office", "10.8.0.7"]
    assert lines[1].split()[1:3] == ["disconnected", "Office"]
    assert "10.8.0.7" not in lines[1]


def test_details_are_documents_of_their_own(run, ras, sim, monkeypatch):
    arrivals = _commands.arrivals

    def sampled(monitor: Monitor, *arguments: Any, **options: Any) -> Iterator[object]:
        for item in arrivals(monitor, *arguments, **options):
            until(lambda: monitor.statistics("Office"))
            yield item

    monkeypatch.setattr(_commands, "arrivals", sampled)
    office = sim.add("Office")
    sim.add("Other")
    sim.set_statistics(office, bytes_sent=1500, duration=60.0)
    projection = ras.get_projection_info(office).to_dict()
    found, details = run.json_lines("office", *OFTEN, "--details", str(NEVER), "--duration", "0")
    assert (found["event"], details["event"]) == ("Found", "Details")
    assert details["connection"] == found["after"]["connection"]
    assert details["projection"] == projection
    assert details["traffic"]["bytes_sent"] == 1500
    assert {"sent_per_second", "received_per_second"} <= details["traffic"].keys()


def test_details_need_json(run):
    assert "--details needs --json" in run("watch", "--details", "1", code=2).stderr


def test_only_the_entries_asked_for_are_shown(run, sim, monkeypatch):
    sim.add("Other")
    between_events(monkeypatch, lambda: sim.add("OFFICE"))
    lines = run.json_lines("office", "Nowhere", *OFTEN, "--count", "3")
    assert [(line["event"], line["entry"]) for line in lines] == [
        ("Absent", "office"),
        ("Absent", "Nowhere"),
        ("Connected", "OFFICE"),
    ]


def test_only_the_kinds_asked_for_are_shown(run, sim, monkeypatch):
    office = sim.add("Office")
    between_events(
        monkeypatch,
        lambda: sim.set_status(office, substate=ConnSubstate.DORMANT),
        lambda: sim.set_status(office, substate=ConnSubstate.RECONNECTED),
        lambda: sim.drop(office),
    )
    lines = run.json_lines(*OFTEN, "--only", "disconnected", "--only", "Dormant", "--count", "2")
    assert names(lines) == ["Dormant", "Disconnected"]


def test_a_name_does_not_reach_the_terminals_controls(run, sim):
    sim.add("\x1b[2J[red]")
    assert r"\x1b[2J[red]" in run("watch", "--duration", "0").stdout


# Its polls


def test_what_ras_signals_is_shown_at_once(run, sim, monkeypatch):
    sim.add("Office")
    between_events(monkeypatch, lambda: sim.add("Home"))
    lines = run.json_lines("--interval", str(NEVER), "--count", "2")
    assert names(lines) == ["Found", "Connected"]


def test_polls_find_what_ras_does_not_signal(run, sim, monkeypatch):
    sim.fail(NOTIFY, 5, count=None)
    sim.add("Office")
    between_events(monkeypatch, lambda: sim.add("Home"))
    assert names(run.json_lines(*OFTEN, "--count", "2")) == ["Found", "Connected"]


def test_a_provider_without_signals_is_polled(run, sim, monkeypatch):
    def unsupported(*_, **__):
        raise ProviderError("x", f"it has no {NOTIFY}")

    monkeypatch.setattr("ras_native.Ras.connection_notification", unsupported)
    sim.add("Office")
    between_events(monkeypatch, lambda: sim.add("Home"))
    assert names(run.json_lines(*OFTEN, "--count", "2")) == ["Found", "Connected"]


def test_a_service_that_was_stopped_is_listened_to_anew(run, sim, monkeypatch):
    sim.add("Office")
    between_events(monkeypatch, sim.stop_service, sim.start_service, dict, lambda: sim.add("Home"))
    lines = run.json_lines(*OFTEN, "--count", "5")
    assert names(lines) == ["Found", "ProviderFailed", "ProviderRecovered", "Gap", "Connected"]
    assert sim.calls(NOTIFY) > 1


def test_an_idle_watch_calls_the_provider_once_an_interval(run, ras, sim):
    handles = sim.add("One"), sim.add("Two")
    sim.reset_calls()
    for handle in handles:  # as watch does once for each connection
        ras.get_projection_info(handle)
    statuses = sim.calls("RasGetConnectStatusW")
    sim.reset_calls()
    run("watch", "--interval", str(NEVER), "--duration", "0.1")
    assert sim.calls(ENUM) == 1
    assert sim.calls("RasGetConnectStatusW") == 2 + statuses
    assert sim.calls(NOTIFY) == 1


# Its end


def test_the_first_poll_is_shown_even_without_a_duration(run, sim):
    sim.add("Office")
    assert names(run.json_lines("--interval", str(NEVER), "--duration", "0")) == ["Found"]


def test_no_event_before_the_end_is_lost(run, sim, monkeypatch):
    close = Monitor.close

    def close_with_an_event_waiting(monitor):
        monkeypatch.setattr(Monitor, "close", close)
        sim.add("Office")
        until(monitor.ready.is_set)
        monitor.close()

    monkeypatch.setattr(Monitor, "close", close_with_an_event_waiting)
    assert names(run.json_lines("--interval", str(NEVER), "--duration", "0")) == ["Connected"]


def test_a_count_is_of_the_events_shown(run, sim):
    for number in range(5):
        sim.add(f"Office {number}")
    assert len(run.json_lines("--interval", str(NEVER), "--count", "3")) == 3


def test_ctrl_c_is_130(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(_commands, "arrivals", interrupted)
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
    assert json.loads(process.stdout.readline())["event"] == "Probe"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")


def test_watch_simulate_is_bounded_in_a_real_process(closed_port):
    target = f"127.0.0.1:{closed_port}"
    done = run_process(*COMMAND, "watch", "--simulate", "--duration", "0", "--probe", target)
    assert (done.returncode, done.stderr) == (0, "")
    assert target in done.stdout


# Probes


def test_watch_probes_beside(run, closed_port):
    with listening() as listener:
        port = listener.getsockname()[1]
        targets = (f"127.0.0.1:{port}", f"127.0.0.1:{closed_port}")
        arguments = [item for target in targets for item in ("--probe", target)]
        arguments += ["--probe-timeout", "30", "--interval", str(NEVER), "--duration", "0"]
        lines = run.json_lines(*arguments)
        plain = run("watch", *arguments).stdout.splitlines()
    outcomes = [("open", targets[0]), ("refused", targets[1])]
    assert sorted((line["outcome"], line["target"]) for line in lines) == outcomes
    assert sorted(tuple(line.split()[1:3]) for line in plain) == outcomes


def test_a_probe_is_shown_when_it_arrives_with_the_time_it_began(run, monkeypatch):
    """The result of one target is shown while the other is unanswered and no poll is due."""
    first, second = "127.0.0.1:1", "127.0.0.2:1"
    may_answer, asked = threading.Event(), {}
    arrivals, connect_stream = _commands.arrivals, _probe.connect_stream

    def slow(targets, **options):
        targets = list(targets)
        host, port = targets[0]
        asked[f"{host}:{port}"] = datetime.now(timezone.utc)
        if f"{host}:{port}" == second:
            assert may_answer.wait(PATIENCE)
        return connect_stream(targets, **options)

    def two_arrivals(monitor, reports, **options):
        for item in islice(arrivals(monitor, reports, **options), 2):
            yield item
            may_answer.set()

    monkeypatch.setattr(_probe, "connect_stream", slow)
    monkeypatch.setattr(_commands, "arrivals", two_arrivals)
    lines = run.json_lines("--probe", second, "--probe", first, "--interval", str(NEVER))
    assert [line["target"] for line in lines] == [first, second]
    assert all(datetime.fromisoformat(line["time"]) <= asked[line["target"]] for line in lines)


def test_a_probe_is_shown_only_once_as_text_and_always_as_json(run, closed_port):
    arguments = ("--probe", f"127.0.0.1:{closed_port}", "--interval", "0.01", "--duration", "0.2")
    lines = run.json_lines(*arguments)
    assert len(run("watch", *arguments).stdout.splitlines()) == 1
    assert [line["changed"] for line in lines] == [True] + [False] * (len(lines) - 1)


def test_probes_can_be_hidden(run, closed_port):
    arguments = ("--probe", f"127.0.0.1:{closed_port}", "--only", "Gap", "--duration", "0")
    assert run("watch", *arguments).stdout == ""


def test_a_check_that_cannot_be_made_ends_the_watch(run, monkeypatch):
    def failing(*_, **__):
        raise OSError(24, "no descriptor is left")

    monkeypatch.setattr(_probe, "connect_stream", failing)
    result = run("watch", "--probe", "127.0.0.1:1", code=1)
    assert "no descriptor is left" in result.output or "no descriptor" in str(result.exception)


# Wrong usage


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "ENTRY must not be empty"),
        (["--only", "Dropped"], "--only"),
        (["--on", "Dropped", "command"], "--on"),
        (["--on", "Dormant", " "], "there is no command"),
        (["--count", "0"], "--count"),
        (["--probe", "=127.0.0.1:1"], "use ENTRY=HOST:PORT"),
        (["--probe", "X=127.0.0.1:1", "--probe", "X=127.0.0.1:2"], "names 'X' twice"),
        (["--probe", "Office=localhost:1"], "'localhost'"),
        (["Home", "--probe", "Office=127.0.0.1:1"], "'Office' is not one of entries"),
    ],
)
def test_wrong_usage_is_found_before_anything_starts(sim, arguments, message):
    result = CliRunner().invoke(_commands.cli, ["watch", "--provider", sim.path, *arguments])
    assert result.exit_code == 2
    assert message in result.output
    assert sim.calls(ENUM) == 0


@pytest.mark.parametrize("name", ["watch", "replay"])
def test_the_help_names_each_kind_of_event(name):
    text = CliRunner().invoke(_commands.cli, [name, "--help"]).stdout
    assert all(kind.__name__ in text for kind in EVENTS)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def new_screen(ras, sim, monkeypatch, **variables: str):
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}", Terminal())
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    output = _commands.OutputOptions(frozenset(), (), None, None, as_json=False)
    source = _commands.Source(None, sim.path, simulate=False)
    title = _commands._title(source, ras, 0.5)
    assert title == f"{sim.path}, {ras.backend}, every 0.5 s"
    with Monitor(ras) as monitor:
        return _commands._new_screen(
            ras, monitor, output, heading=title, stop=dict, new_monitor=Monitor
        )


def test_a_terminal_has_the_live_screen(ras, sim, monkeypatch):
    """The heading names the provider, the backend and the interval."""
    screen = new_screen(ras, sim, monkeypatch, TERM="xterm")
    assert type(screen).__name__ == "LiveScreen"


def test_a_dumb_terminal_has_lines(ras, sim, monkeypatch):
    screen = new_screen(ras, sim, monkeypatch, TERM="dumb")
    assert isinstance(screen, _commands.PlainLines)


def test_only_the_live_screen_imports_textual(sim):
    code = (
        "import sys; from click.testing import CliRunner; from ras_native.cli._commands import cli;"
        "done = [CliRunner().invoke(cli, [*args, '--provider', sys.argv[1]]) for args in"
        " (['list'], ['watch', '--duration', '0'])];"
        "print([one.exit_code for one in done], 'textual' in sys.modules)"
    )
    done = run_process(sys.executable, "-c", code, sim.path)
    assert done.stdout.strip() == "[0, 0] False"
