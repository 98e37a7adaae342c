"""The details of one entry, as lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from ... import DialTimeline, Health, Observation
from .._show import condition, endpoint, words
from .bars import sparkline, state_bar, states
from .columns import last_reason, last_trip
from .lines import log_line
from .model import BAR_SECONDS, Row
from .symbols import COLOURS, DIM, TEXT, Symbols
from .texts import Parts, age, join, milliseconds, percent

_NS = 1_000_000_000
_NAME_WIDTH = 16
_INDENT = 2


def details(
    row: Row,
    width: int,
    symbols: Symbols,
    console: Console,
    *,
    timeline: DialTimeline | None = None,
    health: Health | None = None,
) -> list[Text]:
    """Return the details of an entry, the last events first."""
    events = [log_line(item, width - _INDENT, console) for item in reversed(row.entry.log)]
    for event in events:
        event.pad_left(_INDENT)
    page = _Page(row, max(10, width - _NAME_WIDTH - _INDENT), symbols)
    known = page.lines(timeline, health)
    return [*map(join, known), *(events or [join([("  none", DIM)])])]


class _Page:
    """The lines above the events. `width` is the width of the values."""

    def __init__(self, row: Row, width: int, symbols: Symbols) -> None:
        self._row, self._width, self._symbols = row, width, symbols

    def lines(self, timeline: DialTimeline | None, health: Health | None) -> Iterator[Parts]:
        """Yield all lines."""
        entry = self._row.entry
        yield self._title(entry.name)
        yield from self._now(health)
        yield from self._part("Availability", self._availability())
        for item in entry.connections.values():
            yield from self._part("Connection", self._connection(item))
        if entry.last is not None and not entry.connections:
            yield from self._part("Last connection, which has ended", self._connection(entry.last))
        if timeline is not None:
            yield from self._part("Last dialling", self._dialling(timeline))
        yield from self._part("Events, the last one first", iter(()))

    def _title(self, text: str) -> Parts:
        return [(self._symbols.visible(text), f"bold {TEXT}")]

    def _part(self, title: str, lines: Iterator[Parts]) -> Iterator[Parts]:
        yield []
        yield self._title(title)
        yield from lines

    def _fact(self, name: str, *parts: tuple[str, str]) -> Parts:
        return [(f"{'':{_INDENT}}{name:<{_NAME_WIDTH}}", DIM), *parts]

    def _text(self, name: str, text: str) -> Iterator[Parts]:
        """Yield a text on as many lines as it needs."""
        lines = textwrap.wrap(self._symbols.visible(text), self._width)
        for line, start in zip(lines, [name, *[""] * len(lines)], strict=False):
            yield self._fact(start, (line, TEXT))

    def _now(self, health: Health | None) -> Iterator[Parts]:
        state = self._row.summary.state
        mark = f"{self._symbols.state[state]} {state}"
        since = f"  {age(self._row.seconds)}"
        yield self._fact("state", (mark, COLOURS[state]), (since, TEXT))
        if health is not None and health.silence is not None:
            sent = f"{health.silence.bytes_sent:,} bytes without an answer"
            yield from self._text("silent", sent)
        if health is not None and health.probe is not None:
            probe = health.probe
            text = f"{probe.target} {probe.outcome}, {probe.count} in a row"
            yield from self._text("unreachable", text)
        reason, otherwise = last_reason(self._row)
        yield from self._text("last end", otherwise if reason is None else str(reason))
        if reason is not None and reason.advice is not None:
            yield from self._text("what to do", reason.advice)

    def _availability(self) -> Iterator[Parts]:
        summary, symbols = self._row.summary, self._symbols
        from_ns = self._row.now_ns - int(BAR_SECONDS * _NS)
        cells = states(summary.timeline, from_ns, self._row.now_ns, self._width)
        yield self._fact("last 30 min", *state_bar(cells, symbols))
        share, known = percent(summary.availability), age(summary.known_seconds)
        yield from self._text("availability", f"{share or 'not known'}, seen for {known}")
        outages = f"{summary.outages}, together {age(summary.outage_seconds)}"
        yield from self._text("outages", f"{outages}, longest {age(summary.longest_outage)}")
        yield from self._text("drops", str(summary.drops))
        for end in summary.reasons:
            text = "reason unknown" if end.reason is None else str(end.reason)
            stamp = f"{end.time.astimezone():%H:%M:%S}"
            yield from self._text("", f"{end.count} x {text}, last at {stamp}")
        trips = summary.round_trips
        if trips is not None:
            size = min(len(trips.recent), self._width)
            yield self._fact("round trips", *sparkline(trips.recent, size, symbols))
            text = f"  average {milliseconds(trips.average)}  p95 {milliseconds(trips.p95)}"
            lost = f"  {trips.lost} of {trips.sent} lost"
            yield self._fact("", *last_trip(trips), (text + lost, TEXT))

    def _connection(self, item: Observation) -> Iterator[Parts]:
        connection = item.connection
        handle = (f"{connection.handle:#x}", TEXT)
        yield self._fact("handle", handle, (f"  {words(condition(item))}", DIM))
        for name, value in (
            ("device", f"{connection.device_name} ({connection.device_type})"),
            ("phone book", connection.phonebook),
            ("from", endpoint(item.status, "local")),
            ("to", endpoint(item.status, "remote")),
            ("number", item.status.phone_number if item.status else None),
            ("address", self._row.entry.addresses),
            ("correlation id", connection.correlation_id),
            ("problem", item.reason),
        ):
            yield from self._text(name, str(value or ""))
        traffic = self._row.traffic
        if traffic is not None:
            for name, total, rate in (
                ("received", traffic.bytes_received, traffic.received_per_second),
                ("sent", traffic.bytes_sent, traffic.sent_per_second),
            ):
                per_second = "" if rate is None else f"  {rate:,.0f} bytes/s"
                yield from self._text(name, f"{total:,} bytes{per_second}")

    def _dialling(self, timeline: DialTimeline) -> Iterator[Parts]:
        for stage in timeline.stages:
            took = "" if stage.seconds is None else f"{stage.seconds:9.3f} s"
            failed = "  failed" if stage is timeline.failed_stage else ""
            name = f"{words(stage.name.lower()):<24}"
            stamp = f"{stage.time.astimezone():%H:%M:%S}"
            yield self._fact(stamp, (name + took + failed, TEXT), (f"  {stage.source}", DIM))
        took = "" if timeline.seconds is None else f" after {timeline.seconds:.3f} s"
        reason = "" if timeline.reason is None else f": {timeline.reason}"
        yield from self._text("", f"{timeline.outcome or 'still being dialled'}{took}{reason}")
