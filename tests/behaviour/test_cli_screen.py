"""The live screen of ras-native watch, on both backends."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from watching import PATIENCE, until

from ras_native import ConnSubstate, Explained, Gap, GapKind, MatchedBy, Monitor, explain
from ras_native.cli import _probe
from ras_native.cli._screen import LiveScreen, PlainLines

SELDOM = 3600.0  # seconds: only signals cause polls


@pytest.fixture
def monitor(ras):
    with Monitor(ras, interval=SELDOM) as opened:
        until(lambda: opened.has_polled)
        yield opened


def live(monitor: Monitor, width: int = 100, height: int = 24, entries=None) -> LiveScreen:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, height=height)
    return LiveScreen(console, monitor, "here", entries)


def shown(screen: LiveScreen) -> str:
    console = Console(file=io.StringIO(), width=screen._console.width, color_system=None)
    console.print(screen.render())
    return console.file.getvalue()


def show_next(monitor: Monitor, screen: LiveScreen, count: int = 1) -> None:
    for _ in range(count):
        event = monitor.get(PATIENCE)
        screen.follow(event)
        screen.on_event(event)


def new_probe(target: str, outcome: str = "open", code: int = 0) -> _probe.Probe:
    moment = _probe.datetime.now(_probe.timezone.utc)
    return _probe.Probe(moment, target, "127.0.0.1", outcome, code, 0.25)


def line_of(event) -> str:
    console = Console(file=io.StringIO(), width=1000, color_system=None)
    PlainLines(console).on_event(event)
    return console.file.getvalue().strip()


@pytest.mark.parametrize(
    ("reason", "matched_by", "detail"),
    [
        (explain(829), MatchedBy.CORRELATION_ID, f"Office  {explain(829)}"),
        (explain(631), MatchedBy.ENTRY_AND_TIME, f"Office  {explain(631)} (a guess)"),
        (None, None, "Office  the event log does not say why"),
    ],
)
def test_the_line_of_an_explained_end_says_why(reason, matched_by, detail):
    moment = _probe.datetime.now(_probe.timezone.utc)
    event = Explained(
        sequence=2,
        monotonic_ns=0,
        time=moment,
        disconnected=1,
        entry="Office",
        reason=reason,
        matched_by=matched_by,
    )
    assert line_of(event).endswith(detail)


@pytest.mark.parametrize("kind", GapKind)
def test_the_line_of_a_gap_says_what_it_is(kind):
    moment = _probe.datetime.now(_probe.timezone.utc)
    gap = Gap(sequence=1, monotonic_ns=0, time=moment, kind=kind, count=1, from_ns=0, to_ns=0)
    assert f"gap          {kind}: " in line_of(gap)


def test_the_screen_has_a_table_a_log_and_the_probes(sim, monitor):
    with live(monitor) as screen:
        assert "no connection" in shown(screen)
        sim.add("Office")
        home = sim.add("Home")
        show_next(monitor, screen, 2)
        sim.set_status(home, substate=ConnSubstate.DORMANT)
        show_next(monitor, screen)
        screen.on_probe(new_probe("127.0.0.1:1", "refused", 10061), changed=True)
        screen.on_problem("a command failed")
        text = shown(screen)
    for expected in ("2 connections", "● connected", "◐ dormant", "events", "a command failed"):
        assert expected in text
    assert "10061 WSAECONNREFUSED" in text
    assert "0.25 ms" in text
    assert "polling only" not in text


def test_the_screen_shows_uptime_and_rates_as_ras_counts_them(ras, sim):
    sim.set_statistics(sim.add("Office"), bytes_sent=1, bytes_received=1)
    sim.advance(3661)
    with (
        Monitor(ras, interval=SELDOM, statistics_interval=0.01) as monitor,
        live(monitor) as screen,
    ):
        until(lambda: monitor.statistics("Office") is not None)
        assert "1:01:0" in shown(screen)
        until(lambda: monitor.statistics("office").sent_per_second is not None)
        text = shown(screen)
    assert re.search(r"SENDS +RECEIVES", text)
    assert re.search(r"0 bytes/s +0 bytes/s", text)


def test_the_screen_shows_that_nothing_comes_back(ras, sim):
    office = sim.add("Office")
    with (
        Monitor(ras, interval=SELDOM, statistics_interval=0.01, silent_after=0.01) as monitor,
        live(monitor) as screen,
    ):
        until(lambda: monitor.statistics("Office") is not None)
        assert "● connected" in shown(screen)
        sim.set_statistics(office, bytes_sent=5000)
        show_next(monitor, screen, 2)
        text = shown(screen)
    assert "… silent" in text
    assert "5.0 kB sent without an answer" in text


def test_the_screen_shows_that_ras_cannot_be_asked(ras, sim):
    sim.stop_service()
    with Monitor(ras, interval=0.01) as monitor, live(monitor) as screen:
        show_next(monitor, screen)
        assert "ERROR_RASMAN_CANNOT_INITIALIZE" in shown(screen).splitlines()[0]
        sim.start_service()
        show_next(monitor, screen, 2)
        text = shown(screen)
    assert "ERROR_RASMAN" not in text.splitlines()[0]
    assert "RAS answers again" in text


def test_the_screen_shows_that_ras_does_not_signal(ras, sim):
    sim.fail("RasConnectionNotificationW", 5, count=None)
    with Monitor(ras, interval=SELDOM) as monitor, live(monitor) as screen:
        until(lambda: monitor.has_polled)
        assert "polling only" in shown(screen)


def test_the_screen_has_only_the_entries_asked_for(sim, monitor):
    with live(monitor, entries=["office"]) as screen:
        sim.add("Office")
        sim.add("Home")
        until(lambda: len(monitor.snapshot) == 2)
        text = shown(screen)
    assert "1 connection " in text
    assert "Home" not in text


def test_a_redial_under_the_same_handle_inherits_no_uptime(sim, monitor):
    with live(monitor) as screen:
        handle = sim.add("Office")
        show_next(monitor, screen)
        screen._since_ns[handle] -= 3600 * 10**9
        assert "1:00:0" in shown(screen)
        sim.drop(handle)
        show_next(monitor, screen)
        assert sim.add("Office", handle=handle) == handle
        show_next(monitor, screen)
        assert "1:00:0" not in shown(screen)


@pytest.mark.parametrize(("width", "height"), [(50, 13), (80, 24), (200, 60)])
def test_the_screen_fits_its_terminal(sim, monitor, width, height):
    with live(monitor, width, height) as screen:
        for number in range(100):
            sim.add(f"Office {number} with a name")
        sim.set_status(sim.add("Sleeper"), substate=ConnSubstate.DORMANT)
        until(lambda: len(monitor.snapshot) == 101)
        until(lambda: not all(item.is_up for item in monitor.snapshot))
        for port in range(50):
            screen.on_probe(new_probe(f"127.0.0.1:{port}"), changed=True)
        lines = shown(screen).splitlines()
    assert len(lines) < height
    assert all(len(line) <= width for line in lines)
    assert "101 connections" in lines[0]
    assert "◐ dormant" in lines[3]
    assert "127.0.0.1:49" in lines[-3]
