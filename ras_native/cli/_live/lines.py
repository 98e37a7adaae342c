"""The lines around the table: heading, notices, what is hidden, probes and log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ... import MonitorEvent, RoundTrips, error_name
from .._probe import Probe
from .._screen import Line, event_line, has_addresses
from .._screen import probe_line as probe_result_line
from .._show import colour, words
from .bars import sparkline
from .columns import Layout, last_trip
from .model import Happening, Row
from .symbols import COLOURS, DIM, RED, TEXT, WORST_FIRST, Symbols
from .texts import Parts, age, length, milliseconds, padded
from .view import View


def heading(rows: Sequence[Row], title: str, seconds: float, width: int, symbols: Symbols) -> Parts:
    """Return the first line: how many entries are in each state, the title, and the time."""
    name = (" ras-native watch ", "bold #0f1420 on #4fd08a")
    counts = Counter(row.summary.state for row in rows)
    long, short = [name], [name]
    for state in reversed(WORST_FIRST):
        if counts[state]:
            mark, style = symbols.state[state], COLOURS[state]
            long.append((f"  {mark} {counts[state]} {state}", style))
            short.append((f" {mark}{counts[state]}", style))
    tail = [(f"  {title}", DIM), (f"  {age(seconds)} ", TEXT)]
    for left, right in ((long, tail), (long, tail[1:]), (long, []), (short, [])):
        space = width - length(left) - length(right)
        if space >= 0:
            return [*left, (" " * space, ""), *right]
    return short


def notice(text: str, width: int, symbols: Symbols) -> Parts:
    """Return the line that warns of an incomplete screen."""
    return [(symbols.cut(f" ! {text}", width, at_end=True), f"bold {RED}")]


def rule(text: Parts, width: int, symbols: Symbols) -> Parts:
    """Return a line between two parts of the screen. It names the lower part."""
    start = [(symbols.line * 2 + " ", DIM), *text, (" ", "")]
    return [*start, (symbols.line * max(0, width - length(start)), DIM)]


def below_table(
    view: View, shown: range, shape: Layout, width: int, symbols: Symbols, flags: Sequence[str]
) -> Parts:
    """Return the line below the table: what is hidden, the filter, and the order."""
    more = len(view.rows) - len(shown)
    texts = [*flags]
    if more > 0:
        texts.append(f"{more} more")
    if view.left_out:
        texts.append(f"{view.left_out} left out")
    if view.only_wrong:
        texts.append("only wrong")
    if view.filter:
        texts.append(f'filter "{view.filter}"')
    if view.order.key is not None:
        texts.append(f"by {view.order.name}")
    if shape.hidden:
        texts.append(f"{shape.hidden} column{'s' * (shape.hidden > 1)} hidden")
    text = symbols.cut(", ".join(texts), max(0, width - 5), at_end=True)
    return rule([(text, TEXT)], width, symbols) if text else [(symbols.line * width, DIM)]


def probe_line(probe: Probe, trips: RoundTrips | None, width: int, symbols: Symbols) -> Parts:
    """Return the line of a target that is probed. What does not fit is left out."""
    target_width = min(30, max(16, width // 4))
    parts = [
        *padded([(symbols.cut(probe.target, target_width), TEXT)], target_width),
        (f" {words(probe.outcome):<13}", colour(probe.outcome)),
    ]
    more: list[Parts] = []
    if trips is not None:
        more.append([*sparkline(trips.recent, min(30, width // 5), symbols), (" ", "")])
        more.append(padded(last_trip(trips), 8, right=True))
        more.append([(f"  {trips.lost} of {trips.sent} lost", DIM)])
        if trips.average is not None:
            times = f"  average {milliseconds(trips.average)}  p95 {milliseconds(trips.p95)}"
            more.append([(times, DIM)])
    if probe.code:
        more.append([(f"  {probe.code} {error_name(probe.code)}", DIM)])
    for part in more:
        if length(parts) + length(part) <= width:
            parts += part
    return parts


def log_line(happening: Happening, width: int, console: Console) -> Text:
    """Return the line of something that happened."""
    item = happening.item
    if isinstance(item, MonitorEvent):
        line = event_line(item, happening.addresses if has_addresses(item) else "")
    elif isinstance(item, Probe):
        line = probe_result_line(item)
    else:
        line = Line("notice", "", [item])
    stamp = f"{happening.time.astimezone():%H:%M:%S} "
    return Text(end="").append(stamp, DIM).append_text(line.fitted(console, width - len(stamp)))
