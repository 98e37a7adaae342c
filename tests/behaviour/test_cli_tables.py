"""Tables and lines in terminals of several widths and encodings, on both backends."""

from __future__ import annotations

import io
import os
import struct
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from command import COMMAND, HOME
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from ras_native import (
    ConnSubstate,
    DialFailed,
    Explained,
    Found,
    Gap,
    GapKind,
    MatchedBy,
    ProviderFailed,
    Ras,
    explain,
)
from ras_native.cli import _show, _text
from ras_native.cli._probe import Probe
from ras_native.cli._screen import PlainLines
from ras_native.cli._table import Column, fit, print_table

GOLDEN = Path(__file__).with_name("tables")
WIDTHS = (40, 80, 120, 200)
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000).astimezone()  # the same text in each time zone
MARK = "\u200e"  # left to right

NAMES = (
    "Head office",
    "東京支社 のとても長い名前です 第二",
    "Que\u0301bec Montre\u0301al, the second of three lines",
    "Field 🚀 uplink",
    "שלום עולם",
    "\u202egnp.exe",
)


def terminal(width: int, encoding: str = "utf-8", **options) -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    settings = {"color_system": None, "legacy_windows": False, **options}
    return Console(file=file, force_terminal=True, width=width, height=25, **settings)


def output_of(console: Console) -> str:
    console.file.flush()
    return console.file.buffer.getvalue().decode(console.encoding)


@pytest.fixture
def offices(sim) -> list[int]:
    """Connections with long, wide and combining names, addresses, counters and an error."""
    handles = []
    for number, name in enumerate(NAMES):
        handle = sim.add(
            name,
            remote_endpoint="203.0.113.10",
            phone_number="vpn.example.com",
        )
        handles.append(handle)
        sim.set_statistics(handle, bytes_sent=1500 * 12**number, bytes_received=98765)
    sim.set_status(handle, error=829, substate=ConnSubstate.RECONNECTING)
    sim.set_projection(handle, client_ipv4="10.0.0.7", client_ipv6="2001:db8::7")
    sim.advance(40_000)
    return handles


def golden(name: str, width: int) -> str:
    return (GOLDEN / f"{name}-{width}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", ["list", "status"])
def test_a_table_fits_the_terminal(run, offices, monkeypatch, command, width):
    console = terminal(width)
    monkeypatch.setattr(_show, "console", lambda: console)
    # Each run has other handles, of other lengths.
    texts = {handle: f"{number:#x}" for number, handle in enumerate(offices, start=0xA0001)}
    monkeypatch.setattr(_show, "handle_text", texts.__getitem__)
    explanations = run(command).stdout
    shown = output_of(console)
    assert shown == golden(command, width)
    assert max(map(cell_len, shown.splitlines())) <= width
    assert ("What to do" in explanations) == (command == "status")


def probes() -> list[Probe]:
    return [
        Probe(MOMENT, "127.0.0.1:443", "127.0.0.1", "open", 0, 0.25),
        Probe(MOMENT, "gateway.warehouse.example:8443", "2001:db8::1", "refused", 10061, 1021.5),
        Probe(MOMENT, "10.0.0.9:80", "10.0.0.9", "timeout", 10060, None),
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_table_of_connects_fits_the_terminal(monkeypatch, capsys, width):
    console = terminal(width)
    monkeypatch.setattr(_show, "console", lambda: console)
    _show.print_probes(probes())
    assert output_of(console) == golden("connect", width)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        line
        for code in (10061, 10060)
        for reason in [explain(code)]
        for line in [str(reason), f"  What to do: {reason.advice}", f"  Source: {reason.source}"]
    ]


def events(ras: Ras) -> list:
    common = {"monotonic_ns": 0, "time": MOMENT}
    found = [
        Found(sequence=number, before=None, after=item, **common)
        for number, item in enumerate(ras.snapshot(), start=1)
    ]
    guess = {"reason": explain(829), "matched_by": MatchedBy.ENTRY_AND_TIME}
    return [
        *found,
        ProviderFailed(sequence=11, code=711, **common),
        Gap(sequence=12, kind=GapKind.LATE, count=3, from_ns=0, to_ns=10**9, **common),
        Explained(sequence=13, disconnected=1, entry=NAMES[1], **guess, **common),
        DialFailed(sequence=14, entry="x", reason=explain(691), log_event=None, **common),
        Explained(sequence=15, disconnected=1, entry="x", reason=None, matched_by=None, **common),
    ]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.usefixtures("offices")
def test_lines_fit_the_terminal(ras, width):
    console = terminal(width)
    for dates in (False, True):
        lines = PlainLines(console, dates=dates, projection_of=ras.get_projection_info)
        for event in events(ras):
            lines.on_event(event)
        for probe in probes():
            lines.on_probe(probe, changed=True)
    shown = output_of(console)
    assert shown == golden("lines", width)
    assert max(map(cell_len, shown.splitlines())) <= width


@pytest.mark.usefixtures("offices")
def test_nothing_is_shortened_or_left_out_without_a_terminal(run, ras, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # it adds colours, and the pipe is still no terminal
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "dumb")
    for command in ("list", "status"):
        text = run(command).stdout
        assert all(_text.printable(name) in text for name in NAMES)
        assert "…" not in text
        assert MARK not in text
    assert r"C:\ProgramData\Microsoft\Network\Connections\Pbk\rasphone.pbk" in run("list").stdout
    output = io.StringIO()
    lines = PlainLines(Console(file=output, width=_text.NO_LIMIT, height=1, force_terminal=True))
    for event in events(ras):
        lines.on_event(event)
    reason = explain(711)
    assert f"{reason.text}; what to do: {reason.advice}" in output.getvalue()
    assert f"{NAMES[1]}  " in output.getvalue()
    assert MARK not in output.getvalue()


@pytest.mark.parametrize("encoding", ["cp437", "ascii", "cp1252", "utf-8"])
@pytest.mark.usefixtures("offices")
def test_each_encoding_has_aligned_columns(run, monkeypatch, encoding):
    console = terminal(100, encoding)
    monkeypatch.setattr(_show, "console", lambda: console)
    run("status")
    heading, *lines = output_of(console).splitlines()
    end = heading.index("SENT") + len("SENT")
    for line in lines:
        assert cell_len(line.replace(MARK, "")[: line.index("B  ") + 1]) <= 100
        left = next(n for n in range(len(line)) if cell_len(line[:n]) == end)
        assert line[:left].endswith(("kB", "MB"))


@pytest.mark.parametrize("variable", ["LC_ALL", "LANG"])
def test_a_plain_locale_has_no_other_symbols(monkeypatch, variable):
    for name in ("LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert _text.ellipsis(terminal(80)) == "…"
    assert _text.ellipsis(terminal(80, "cp437")) == "..."
    monkeypatch.setenv(variable, "C")
    assert _text.ellipsis(terminal(80)) == "..."


@pytest.mark.usefixtures("offices")
def test_no_color_leaves_the_words(run, monkeypatch):
    shown = {}
    for no_color in (False, True):
        console = terminal(200, color_system="standard", no_color=no_color)
        monkeypatch.setattr(_show, "console", lambda console=console: console)
        run("status")
        shown[no_color] = output_of(console)
    assert "\x1b[32mconnected" in shown[False]
    assert "\x1b[3" not in shown[True]
    assert "reconnecting" in shown[True]


def test_a_name_from_right_to_left_does_not_move_what_follows(run, sim, monkeypatch):
    sim.add("שלום")
    console = terminal(80)
    monkeypatch.setattr(_show, "console", lambda: console)
    run("list")
    _, line = output_of(console).splitlines()
    assert f"שלום{MARK}   vpn" in line


@pytest.mark.usefixtures("offices")
def test_the_whole_name_is_in_json(run):
    assert tuple(item["entry_name"] for item in run.json("list")) == NAMES


# The parts

texts = st.text(st.sampled_from("aé e\u0301東🚀ш\u05e9\u200e-"), max_size=20)


@given(texts, st.integers(0, 25), st.sampled_from(["…", "..."]), st.booleans())
def test_a_shortened_text_fits_and_keeps_its_ends(text, cells, mark, at_end):
    short = _text.shorten(text, cells, mark, at_end=at_end)
    assert cell_len(short) <= cells
    assert cell_len(_text.pad(short, cells)) == cells
    if cell_len(text) <= cells:
        assert short == text
    elif mark in short:
        head, _, tail = short.partition(mark)
        assert text.startswith(head)
        assert text.endswith(tail)
        assert not (at_end and tail)
        assert not tail or cell_len(tail[0]) > 0, "a mark would join the ellipsis"


sizes = st.tuples(st.integers(0, 30), st.none() | st.integers(1, 20), st.booleans())


@given(st.lists(sizes, min_size=1, max_size=8), st.integers(1, 120))
def test_columns_fit_and_the_least_important_are_left_out(sizes, width):
    columns = [
        Column("H", rank, least=least, is_optional=is_optional)
        for rank, (_, least, is_optional) in enumerate(sizes)
    ]
    widths = fit(columns, [["x" * size] for size, _, _ in sizes], width)
    shown = [size for size in widths if size is not None]
    left_out = sum(size is None and sizes[rank][0] > 0 for rank, size in enumerate(widths))
    assert sum(shown) + 2 * (len(shown) - 1) <= width or not shown
    filled = [rank for rank, (size, _, _) in enumerate(sizes) if size]
    assert [rank for rank in filled if widths[rank] is not None] == filled[: len(filled) - left_out]
    assert not filled or left_out < len(filled)


def test_a_table_without_rows_is_its_heading():
    console = terminal(80)
    print_table(console, [Column("ENTRY", 0), Column("UP", 1, is_number=True)], [])
    assert output_of(console) == "ENTRY  UP\n"


# A real terminal


@pytest.mark.posix_only("only there tests can make a terminal")
@pytest.mark.parametrize(("columns", "term"), [(40, "xterm"), (120, "xterm"), (40, "dumb")])
def test_a_real_terminal_wraps_no_line(columns, term):
    import fcntl
    import pty
    import termios

    main, side = pty.openpty()
    try:
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {**os.environ, "TERM": term, "NO_COLOR": "1"}
        environment.pop("COLUMNS", None)
        command = [*COMMAND, "list", "--simulate"]
        subprocess.run(
            command, cwd=HOME, env=environment, stdin=side, stdout=side, timeout=50, check=True
        )
        heading, line = os.read(main, 10_000).decode().splitlines()
    finally:
        os.close(main)
        os.close(side)
    assert "ENTRY" in heading
    assert "Head office" in line
    assert ("HANDLE" in heading) == (columns == 120 or term == "dumb")
