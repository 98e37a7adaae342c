"""The live screen of ras-native watch: what it shows, and its keys."""

from __future__ import annotations

import asyncio
import queue
import re
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from live_scene import (
    GOLDEN,
    PICTURES,
    README_PICTURE,
    Scene,
    application,
    draw,
    play,
    terminal,
    text_of,
    texts_of_picture,
)
from network import listening
from rich.cells import cell_len
from watching import PATIENCE, until

from ras_native import EVENTS, Connected, Gap, GapKind, Monitor, ProviderFailed, Snapshot, replay
from ras_native import AvailabilityState as State
from ras_native.cli._live import app as live_app
from ras_native.cli._live.actions import Actions
from ras_native.cli._live.app import LiveApp
from ras_native.cli._live.bars import sparkline, states
from ras_native.cli._live.columns import COLUMNS, layout
from ras_native.cli._live.keys import KEYS
from ras_native.cli._live.model import Model
from ras_native.cli._live.screen import LiveScreen
from ras_native.cli._live.symbols import ASCII, COLOURS, UNICODE, WORST_FIRST, choose
from ras_native.cli._live.texts import age, percent
from ras_native.cli._screen import Line
from ras_native.monitor import StateSegment

SELDOM = 3600.0  # seconds: only signals cause polls


def piloted(app, *steps, size=(100, 30)):
    """Run the application without a terminal; each step is keys, or a function of the pilot."""

    async def run():
        async with app.run_test(size=size) as pilot:
            for step in steps:
                if callable(step):
                    result = step(pilot)
                    if asyncio.iscoroutine(result):
                        await result
                else:
                    await pilot.press(*step.split())
                app.tick()
                await pilot.pause()
            app.tick()
            await pilot.pause()
            return text_of(app) if len(app.screen_stack) == 1 else ""

    return asyncio.run(run())


def shown(app, into):
    """Return a step that adds what the screen shows to a list."""
    return lambda _: into.append(text_of(app))


# Pictures


@pytest.mark.parametrize("name", PICTURES)
def test_the_screen_looks_as_its_picture(name):
    """`python .ci/watch_picture.py` writes the pictures anew."""
    _, text = asyncio.run(draw(**PICTURES[name]))
    assert text == (GOLDEN / name).read_text(encoding="utf-8")
    width, height = (PICTURES[name][side] for side in ("width", "height"))
    lines = text.split("\n")[:-1]
    assert len(lines) == height
    assert max(map(cell_len, lines)) <= width


def test_the_picture_in_the_readme_is_current():
    """`python .ci/watch_picture.py` draws it anew."""
    picture, _ = asyncio.run(draw(**README_PICTURE))
    path = Path(__file__).parents[2] / ".github" / "watch.svg"
    lines = texts_of_picture(picture)
    assert lines == texts_of_picture(path.read_text(encoding="utf-8"))
    assert len(lines) > README_PICTURE["height"] * 3 // 4


def test_what_a_resize_makes_room_for_is_shown():
    app, texts = application(play()), []
    see = shown(app, texts)
    wide = lambda pilot: pilot.resize_terminal(200, 30)  # noqa: E731
    narrow = lambda pilot: pilot.resize_terminal(40, 12)  # noqa: E731
    piloted(app, see, wide, see, narrow, see, size=(80, 24))
    for name, text in zip(("80", "200"), texts, strict=False):
        assert text == (GOLDEN / f"watch-{name}.txt").read_text(encoding="utf-8")
    assert len(texts[2].split("\n")) == 13
    assert "more" in texts[2]


def test_no_state_is_told_by_its_colour_alone():
    for symbols in (UNICODE, ASCII):
        assert set(symbols.bar) == set(symbols.state) == set(State) == set(COLOURS)
        assert len(set(symbols.bar.values())) == len(State)
    assert set(WORST_FIRST) == set(State)


@pytest.mark.parametrize(
    ("encoding", "locale", "symbols"),
    [("utf-8", "de_DE.UTF-8", UNICODE), ("cp437", "", ASCII), ("utf-8", "C", ASCII)],
)
def test_symbols_are_ascii_where_the_terminal_has_no_others(monkeypatch, encoding, locale, symbols):
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("LANG", locale)
    assert choose(terminal(encoding))[:-1] == symbols[:-1]
    texts = [*ASCII.state.values(), *ASCII.bar.values(), *ASCII[2:-1]]
    assert "".join(texts).isascii()


@pytest.mark.parametrize("key", ["", "question_mark", "h", "r"])
def test_only_ascii_is_drawn_where_the_terminal_has_nothing_else(key):
    app, pictures = application(play(), "ascii", actions=Deeds()), []
    draw = lambda _: pictures.append(app.export_screenshot())  # noqa: E731
    piloted(app, key, draw, size=(80, 24))
    texts = texts_of_picture(pictures[0]).values()
    assert len(texts) > 10
    assert "".join(texts).isascii()


def test_names_are_neither_markup_nor_controls():
    scene = play()
    hostile = "\x1b[2J[red]\x9b[/] \u202eevil"
    scene.lines[hostile] = scene.lines["Azure hub"]
    scene.find(hostile)
    scene.drop(hostile, None, 1)
    app, texts = application(scene), []
    see = shown(app, texts)
    piloted(app, "end", see, "enter", see, "escape", size=(160, 30))
    for text in texts:
        assert r"\x1b[2J[red]\x9b[/] \u202eevil" in text
        assert all(character.isprintable() for line in text.split("\n") for character in line)


# Keys


def test_the_rows_are_sorted_by_the_next_column():
    app, firsts = application(play()), []
    see = lambda _: firsts.append((app.view.order.name, app.view.rows[0].entry.name))  # noqa: E731
    piloted(app, see, *(step for _ in range(7) for step in ("s", see)))
    assert firsts == [
        ("first seen", "Head office"),
        ("state", "Warehouse Lyon"),
        ("name", "Azure hub"),
        ("availability", "Night backup"),
        ("drops", "Warehouse Lyon"),
        ("traffic", "Data centre North"),
        ("round trip", "Field van 3"),
        ("first seen", "Head office"),
    ]


def test_only_what_is_wrong_is_shown_and_the_rest_counted():
    app, texts = application(play()), []
    piloted(app, "f", shown(app, texts), "f", shown(app, texts))
    assert "5 left out, only wrong" in texts[0]
    assert "Data centre" not in texts[0]
    assert all(name in texts[0] for name in ("Night backup", "Field van 3", "Azure hub"))
    assert "Data centre" in texts[1]


def test_a_filter_is_typed_kept_and_removed():
    app, texts = application(play()), []
    see = shown(app, texts)
    piloted(app, "slash", "c e n t r e space n o", "enter", see, "slash", "escape", see)
    rows = texts[0].split("──")[0]
    assert "Data centre North" in rows
    assert "Data centre South" not in rows
    assert '8 left out, filter "centre no"' in texts[0]
    assert "left out" not in texts[1]


def test_what_is_selected_stays_selected_when_the_order_changes():
    app = application(play())
    piloted(app, "down down down", "s s")
    assert app.view.selected.name == "東京支社"
    app, texts = application(play(more=60)), []
    piloted(app, "end", shown(app, texts), size=(80, 20))
    assert app.view.selected.name == "Branch 060"
    assert "Branch 060" in texts[0]


def test_the_details_are_opened_and_closed():
    app, texts = application(play()), []
    piloted(app, "s home enter", shown(app, texts), "escape", shown(app, texts))
    for expected in (
        "3 x 829 ERROR_LINK_FAILURE",
        "809 ERROR_VPN_TIMEOUT",
        "what to do",
        "Last connection",
    ):
        assert expected in texts[0]
    assert "ENTRY" in texts[1]


def test_keys_of_the_main_screen_do_nothing_while_it_is_hidden():
    app = application(play())
    piloted(app, "enter", "slash", "s", "f", "p")
    app_state = app.view.order.name, app.view.only_wrong, app._is_paused
    assert app_state == ("first seen", False, False)


def test_a_pause_keeps_the_picture_until_it_ends():
    scene = play()
    app, texts = application(scene), []
    event = partial(scene.drop, "Azure hub", 631, 5)
    see = shown(app, texts)
    piloted(app, "p", lambda _: app.inbox.put(event), see, "p", see)
    assert "paused, updates waiting: 1" in texts[0]
    assert "1 down" in texts[0]
    assert "2 down" in texts[1]


class Deeds(Actions):
    """Notes what is to be hung up."""

    def __init__(self):
        super().__init__(None, None, lambda _: None)
        self.hung_up = []

    def hang_up(self, connection):
        self.hung_up.append(connection.entry_name)


def test_a_connection_is_hung_up_only_after_yes():
    deeds = Deeds()
    app = application(play(), actions=deeds)
    piloted(app, "h n", "h enter", "h escape", lambda _: deeds.hung_up.append("nothing yet"), "h y")
    assert deeds.hung_up == ["nothing yet", "Head office"]
    piloted(application(play(), actions=deeds), "down down", "h", "y")  # it is absent
    assert len(deeds.hung_up) == 2


@pytest.mark.parametrize("key", ["x", "q", "s", "escape", "enter", "question_mark"])
def test_any_key_that_does_not_scroll_closes_the_help(key):
    app, depths = application(play()), []
    see = lambda _: depths.append(len(app.screen_stack))  # noqa: E731
    piloted(app, "question_mark", see, "up left pagedown home", see, key, see)
    assert depths == [2, 2, 1]
    assert app.return_value is None
    assert app.view.order.name == "first seen"


@pytest.mark.parametrize("size", [(40, 12), (80, 24)])
def test_the_help_shows_every_key(size):
    app, texts = application(play()), []
    see = shown(app, texts)
    piloted(app, "question_mark", see, "pagedown", see, "end", see, size=size)
    lines = [line for text in texts for line in text.split("\n")]
    for key in KEYS:
        assert any(line.startswith(f"{key.name} ") for line in lines)
    assert all(cell_len(line) <= size[0] for line in lines)
    words = {word for line in lines for word in line.split()}
    assert words >= {word for key in KEYS for word in key.text.split()}


def test_probes_that_are_hidden_are_counted():
    scene = play()
    for number in range(5):
        scene.probe(f"10.0.0.{number}:80", "open", 0, 1.0)
    for size, expected in (((80, 24), "── 3 more probes ── events, "), ((80, 60), "── events")):
        text = piloted(application(scene), size=size)
        assert expected in text
    scene.probe("10.0.0.9:80", "open", 0, 1.0)
    text = piloted(application(scene), "tab", "end", size=(40, 12))
    assert "── 7 more probes ── events, " in text


def test_a_connection_that_cannot_be_hung_up_is_told():
    scene = play()
    entry = scene.model.entries["azure hub"]
    (item,) = entry.connections.values()
    entry.connections[0x77000] = item
    app = application(scene, actions=Deeds())
    text = piloted(app, "down down h", "end h", size=(120, 30))
    assert "Night backup has no connection to hang up" in text
    command = "use 'ras-native hangup HANDLE' with"
    assert f"Azure hub has several connections: {command} 0x37000 or 0x77000" in text
    assert not app.deeds.hung_up


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl+c", 130)])
def test_how_it_ends(key, code):
    app = application(play())
    piloted(app, key)
    assert app.return_value == code


# What is known


def test_an_ended_connection_keeps_its_place_for_half_an_hour():
    scene = play(probes=False)
    scene.drop("Data centre North", 631, 1)
    names = [row.entry.name for row in scene.model.rows()]
    assert names.index("Data centre North") == 4
    scene.now += 1801
    scene.refuse("Azure hub", 809)  # something happens
    names = [row.entry.name for row in scene.model.rows()]
    assert "Data centre North" not in names
    assert "Night backup" in names
    scene.connect("Data centre North", 1801)
    assert [row.entry.name for row in scene.model.rows()].index("Data centre North") == 4


def test_a_gap_with_a_snapshot_replaces_what_was_known():
    scene = play(probes=False)
    left = scene.observation("Azure hub")
    scene.happen(
        Gap, kind=GapKind.OVERFLOW, count=9, from_ns=0, to_ns=scene.clock_ns(),
        first_sequence=1, last_sequence=9, snapshot=Snapshot([left]),
    )  # fmt: skip
    entries = scene.model.entries.values()
    assert [entry.name for entry in entries if entry.connections] == ["Azure hub"]
    assert [entry.name for entry in entries if entry.since_ns is not None] == ["Azure hub"]


def test_ras_that_cannot_be_asked_is_told_at_the_top():
    scene = play(probes=False)
    scene.happen(ProviderFailed, code=711)
    text = piloted(application(scene))
    assert text.split("\n")[1].startswith(" ! RAS cannot be asked: ")
    assert "ERROR_RASMAN_CANNOT_INITIALIZE" in text.split("\n")[1]
    assert {row.summary.state for row in scene.model.rows()} == {State.UNKNOWN}


def test_a_lost_recovery_does_not_leave_the_line_at_the_top():
    scene = play(probes=False)
    for recover in (
        lambda: scene.happen(
            Gap, kind=GapKind.OVERFLOW, count=9, from_ns=0, to_ns=scene.clock_ns(),
            first_sequence=1, last_sequence=9, snapshot=Snapshot([]),
        ),
        lambda: scene.connect("Data centre North", 1801),
    ):  # fmt: skip
        scene.happen(ProviderFailed, code=711)
        assert scene.model.error is not None
        recover()
        assert scene.model.error is None


def test_a_redial_under_the_same_handle_inherits_no_uptime():
    scene = Scene()
    scene.model = Model((), clock=scene.clock_ns)  # without statistics
    scene.find("Azure hub")
    scene.now += 3600
    (row,) = scene.model.rows()
    assert row.seconds == 3600
    scene.drop("Azure hub", 631, 3600)
    scene.connect("Azure hub", 0)
    scene.now += 5
    (row,) = scene.model.rows()
    assert row.seconds == 5


def test_too_many_entries_are_counted(monkeypatch):
    monkeypatch.setattr("ras_native.monitor.availability.MOST_ENTRIES", 12)
    scene = play(more=10)
    text = piloted(application(scene))
    assert "removed: at most 1,000 entries are kept" in text
    model = scene.model
    assert {entry.name for entry in model.entries.values()} == set(model.availability.entries)
    assert model._summaries.keys() <= set(model.availability.entries)


def test_the_bar_shows_the_worst_state_of_each_part():
    up, down = State.UP, State.DOWN
    timeline = [StateSegment(up, 0, 500), StateSegment(down, 500, 501), StateSegment(up, 501, 950)]
    assert states(timeline, 0, 1000, 4) == [up, up, down, up]
    assert states(timeline, 900, 1000, 2) == [up, State.UNKNOWN]
    assert states([], 0, 1000, 2) == [State.UNKNOWN] * 2


def test_the_sparkline_has_the_last_results():
    text = "".join(part for part, _ in sparkline([9.0, 1.0, None, 2.0], 3, UNICODE))
    assert text == "▃x█"
    assert "".join(part for part, _ in sparkline([], 3, UNICODE)) == "   "


def test_texts_of_the_columns():
    assert [age(value) for value in (None, 0, 86399, 86400 * 9 + 3600)] == [
        *("", "0:00:00", "23:59:59", "9d 01h")
    ]
    assert [percent(value) for value in (None, 1, 0.99999, 0.5, 0)] == [
        *("", "100%", "99.99%", "50.00%", "0.00%")
    ]
    assert UNICODE.cut("東京支社\x1b", 7) == r"東…x1b"
    assert ASCII._replace(encoding="ascii").cut("Zürich", 9) == r"Z\xfcrich"


def test_the_columns_fit_every_width():
    rows = play().model.rows()
    for width in range(260):
        shape = layout(width, rows, UNICODE)
        assert sum(size + shape.gap for _, size in shape.columns) - shape.gap <= width
        assert len(shape.columns) + shape.hidden == len(COLUMNS)


# On a simulated RAS


@pytest.fixture
def live(ras):
    """A live screen that draws on no terminal, and the Monitor that it shows."""
    with Monitor(ras, interval=SELDOM, statistics_interval=SELDOM) as monitor:
        until(lambda: monitor.has_polled)
        stop = threading.Event()
        screen = LiveScreen(
            ras,
            monitor,
            heading="here",
            stop=stop.set,
            new_monitor=lambda path: Monitor(ras, interval=SELDOM, record=path, capacity=1),
            projection_of=lambda _: None,
        )
        screen.app.run_async = partial(screen.app.run_async, headless=True, size=(80, 24))
        screen.stopped = stop
        yield screen, monitor


def test_the_keys_hang_up_and_record(live, sim, tmp_path):
    screen, monitor = live
    path = tmp_path / "recording"
    sim.add("Office")
    event = monitor.get(PATIENCE)
    screen.follow(event)
    app = screen.app

    async def keys(pilot):
        await pilot.press("r")
        app.screen.query_one("Input").value = str(path)
        await pilot.press("enter")

    piloted(app, "x", keys, "h y")
    assert isinstance(event, Connected)
    until(lambda: not monitor.snapshot)
    screen._actions.close()
    (found, *_) = replay(path)
    assert found.entry == "Office"


def test_round_trips_come_from_the_probes_of_the_monitor(ras, sim):
    model = Model(["Office"], clock=time.perf_counter_ns)
    with listening() as listener:
        target = listener.getsockname()
        sim.set_projection(sim.add("Office"), client_ipv4="127.0.0.1")
        with Monitor(ras, probe={"Office": target}, probe_interval=0.1) as monitor:
            model.follow(monitor.get(PATIENCE))
            until(lambda: monitor.probe_results("Office"))
            inbox = queue.SimpleQueue()
            options = {"monitor": monitor, "probed": ["Office"]}
            app = LiveApp(model, terminal(), inbox, heading="", **options)
            text = piloted(app)
    assert model.availability.round_trips("Office").sent >= 1
    assert "LAST " in text.split("\n")[1] + " "


def test_each_target_through_one_tunnel_has_its_own_round_trips():
    scene = play(probes=False)
    model = scene.model
    model.via = "Azure hub"
    scene.probe("10.8.0.1:443", "open", 0, 18.0)
    scene.now += 1
    scene.probe("10.21.0.1:53", "timeout", 10060, None)
    lines = [line for line in piloted(application(scene)).split("\n") if "10." in line]
    (first,) = (line for line in lines if "10.8.0.1:443" in line and "of" in line)
    (second,) = (line for line in lines if "10.21.0.1:53" in line and "of" in line)
    assert "0 of 1 lost" in first
    assert "1 of 1 lost" in second
    (row,) = (row for row in model.rows() if row.entry.name == "Azure hub")
    assert (row.summary.round_trips.sent, row.summary.round_trips.lost) == (2, 1)


@pytest.mark.parametrize("notifications", [True, False])
def test_polling_without_signals_is_told_at_the_top(ras, notifications):
    model = Model((), clock=time.perf_counter_ns)
    with Monitor(ras, interval=SELDOM, notifications=notifications) as monitor:
        until(lambda: monitor.has_polled)
        app = LiveApp(model, terminal(), queue.SimpleQueue(), heading="", monitor=monitor)
        text = piloted(app)
    assert ("RAS does not report changes" in text.split("\n")[1]) == (not notifications)


def test_a_recording_that_cannot_be_begun_is_told(ras, tmp_path):
    told = []
    actions = Actions(ras, lambda path: Monitor(ras, record=path), told.append)
    actions.record(str(tmp_path / "no" / "folder"))
    assert told[0].startswith("cannot record to ")
    assert actions.recording is None


def test_a_failed_hang_up_is_told(ras, sim):
    sim.add("Office")
    (connection,) = ras.enum_connections()
    sim.drop(connection.handle)
    told = []
    Actions(ras, None, told.append).hang_up(connection).join(PATIENCE)
    assert told[0] == "Office: hanging up"
    assert len(told) == 2


def test_a_handle_that_was_used_again_is_not_hung_up(ras, sim):
    sim.add("Office")
    (connection,) = ras.enum_connections()
    sim.drop(connection.handle)
    sim.add("Office", handle=connection.handle)
    told = []
    Actions(ras, None, told.append).hang_up(connection).join(PATIENCE)
    assert told == ["Office: hanging up", "Office: it has ended already"]
    (other,) = ras.enum_connections()
    assert other.handle == connection.handle


def test_a_recording_of_the_command_that_failed_is_not_shown(ras, tmp_path):
    with Monitor(ras, interval=SELDOM, record=tmp_path / "one") as monitor:
        new = lambda path: Monitor(ras, interval=SELDOM, record=path)  # noqa: E731
        actions = Actions(ras, new, lambda _: None, recording="one", recorded_by=monitor)
        app, texts = application(play(), actions=actions), []
        see = shown(app, texts)
        fail = lambda _: setattr(monitor._worker, "recording_error", OSError("full"))  # noqa: E731

        async def record(pilot):
            await pilot.press("r")
            app.screen.query_one("Input").value = str(tmp_path / "two")
            await pilot.press("enter")

        piloted(app, see, fail, see, record, see, size=(200, 30))
        actions.close()
    assert ["recording to" in text.split("── events")[0] for text in texts] == [True, False, True]


def test_a_terminal_that_fails_at_once_is_the_error(live, monkeypatch):
    screen, _ = live

    async def fail():
        raise OSError("no terminal")

    monkeypatch.setattr(screen, "_run_app", fail)
    with pytest.raises(OSError, match="no terminal"):
        screen.run(lambda: None)


def test_it_ends_when_there_is_no_more(live):
    screen, _ = live
    screen.run(lambda: None)
    assert screen.stopped.is_set()


def test_what_ends_the_events_ends_the_screen(live):
    screen, _ = live

    def fail():
        raise OSError("no descriptor is left")

    with pytest.raises(OSError, match="no descriptor is left"):
        screen.run(fail)


def test_ctrl_c_is_a_keyboard_interrupt(live):
    screen, _ = live

    def interrupt():
        screen._inbox.put(screen.app.action_interrupt)
        screen.stopped.wait(PATIENCE)

    with pytest.raises(KeyboardInterrupt):
        screen.run(interrupt)


def test_warnings_are_printed_after_the_end(live, capsys):
    screen, _ = live
    screen.run(lambda: screen.on_problem("a command failed"))
    screen.on_problem("too late")
    assert capsys.readouterr().err == "Warning: a command failed\nWarning: too late\n"


def test_only_the_newest_lines_of_the_log_are_kept():
    model = Model(clock=lambda: 0)
    for number in range(10_003):
        model.show_problem(str(number))
    assert (len(model.log), model.log[0].item) == (10_000, "3")


def test_names_stand_in_one_column_after_every_kind():
    names = {class_.__name__ for class_ in EVENTS if not class_.__name__.startswith("Provider")}
    kinds = [re.sub("(?<=.)(?=[A-Z])", "_", name).lower() for name in names - {"Gap"}]
    lines = [Line(kind, "Office", []).fitted(terminal(), 80).plain for kind in kinds]
    assert {line.index("Office") for line in lines} == {17}


def test_at_most_ten_pictures_a_second():
    assert live_app.FRAME_SECONDS >= 0.1
