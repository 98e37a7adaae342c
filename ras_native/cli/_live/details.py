"""Everything that is known of one entry, as lines."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from ... import DialTimeline, Health, Observation
from .._show import condition, endpoint, words
from .._text import printable
from .bars import sparkline, state_bar, states
from .columns import last_trip, why
from .lines import log_line
from .model import BAR_SECONDS, Row
from .symbols import COLOURS, DIM, TEXT, Symbols
from .texts import Parts, age, join, milliseconds, percent

_NS = 1_000_000_000
_NAME_WIDTH = 16


def _fact(name: str, *parts: tuple[str, str]) -> Parts:
    return [(f"  {name:<{_NAME_WIDTH}}", DIM), *parts]


def _title(text: str) -> Parts:
    return [(text, f"bold {TEXT}")]


def _now(row: Row, symbols: Symbols) -> Iterator[Parts]:
    summary = row.summary
    state, style = summary.state, COLOURS[summary.state]
    yield _fact(
        "state", (f"{symbols.state[state]} {state}", style), (f"  {age(row.seconds)}", TEXT)
    )
    text = why(row)
    if text:
        yield _fact("last end", (printable(text), TEXT))
    reasons = [item.reason for item in summary.reasons[:1] if item.reason and item.reason.advice]
    for reason in reasons:
        yield _fact("what to do", (reason.advice or "", TEXT))


def _availability(row: Row, width: int, symbols: Symbols) -> Iterator[Parts]:
    summary = row.summary
    bar_width = max(10, width - _NAME_WIDTH - 4)
    from_ns = row.now_ns - int(BAR_SECONDS * _NS)
    bar = state_bar(states(summary.timeline, from_ns, row.now_ns, bar_width), symbols)
    yield _fact("last 30 min", *bar)
    share, known = percent(summary.availability) or "not known", age(summary.known_seconds)
    yield _fact("availability", (f"{share} of {known}", TEXT))
    outages = f"{summary.outages}, together {age(summary.outage_seconds)}"
    yield _fact("outages", (f"{outages}, longest {age(summary.longest_outage)}", TEXT))
    yield _fact("drops", (str(summary.drops), TEXT))
    for end in summary.reasons:
        text = "not known why" if end.reason is None else str(end.reason)
        stamp = f"{end.time.astimezone():%H:%M:%S}"
        yield _fact("", (f"{end.count} x {printable(text)}, last at {stamp}", TEXT))


def _trips(row: Row, width: int, symbols: Symbols) -> Iterator[Parts]:
    trips = row.summary.round_trips
    if trips is not None:
        spark_width = min(len(trips.recent), max(10, width - _NAME_WIDTH - 4))
        yield _fact("round trips", *sparkline(trips.recent, spark_width, symbols))
        text = f"  average {milliseconds(trips.average)}  p95 {milliseconds(trips.p95)}"
        yield _fact("", *last_trip(trips), (f"{text}  {trips.lost} of {trips.sent} lost", TEXT))


def _connection(item: Observation) -> Iterator[Parts]:
    connection = item.connection
    yield _fact("handle", (f"{connection.handle:#x}", TEXT), (f"  {condition(item)}", DIM))
    for name, value in (
        ("device", f"{connection.device_name} ({connection.device_type})"),
        ("phone book", connection.phonebook),
        ("from", endpoint(item.status, "local")),
        ("to", endpoint(item.status, "remote")),
        ("number", item.status.phone_number if item.status else None),
        ("correlation id", connection.correlation_id),
        ("problem", item.reason),
    ):
        if value:
            yield _fact(name, (printable(str(value)), TEXT))


def _traffic(row: Row) -> Iterator[Parts]:
    traffic = row.traffic
    if traffic is not None:
        for name, total, rate in (
            ("received", traffic.bytes_received, traffic.received_per_second),
            ("sent", traffic.bytes_sent, traffic.sent_per_second),
        ):
            per_second = "" if rate is None else f"  {rate:,.0f} bytes/s"
            yield _fact(name, (f"{total:,} bytes{per_second}", TEXT))


def _dialling(timeline: DialTimeline) -> Iterator[Parts]:
    for stage in timeline.stages:
        took = "" if stage.seconds is None else f"{stage.seconds:9.3f} s"
        failed = "  failed" if stage is timeline.failed_stage else ""
        stamp = f"{stage.time.astimezone():%H:%M:%S}"
        name = words(stage.name.lower())
        yield _fact(stamp, (f"{name:<24}{took}{failed}", TEXT), (f"  {stage.source}", DIM))
    took = "" if timeline.seconds is None else f" after {timeline.seconds:.3f} s"
    reason = "" if timeline.reason is None else f": {printable(str(timeline.reason))}"
    yield _fact("", (f"{timeline.outcome or 'still being dialled'}{took}{reason}", TEXT))


def _health(health: Health) -> Iterator[Parts]:
    if health.silence is not None:
        yield _fact("silent", (f"{health.silence.bytes_sent:,} bytes without an answer", TEXT))
    if health.probe is not None:
        probe = health.probe
        text = f"{probe.target} {probe.outcome}, {probe.count} in a row"
        yield _fact("unreachable", (printable(text), TEXT))


def details(
    row: Row,
    width: int,
    symbols: Symbols,
    *,
    timeline: DialTimeline | None = None,
    health: Health | None = None,
) -> list[Text]:
    """Return everything that is known of an entry, the last events first."""
    entry = row.entry
    lines: list[Parts] = [_title(printable(entry.name)), *_now(row, symbols)]
    if health is not None:
        lines += _health(health)
    lines += [[], _title("Availability"), *_availability(row, width, symbols)]
    lines += _trips(row, width, symbols)
    listed = list(entry.connections.values())
    ended = [entry.last] if entry.last is not None and not listed else []
    for item in listed:
        lines += [[], _title("Connection"), *_connection(item)]
    for item in ended:
        lines += [[], _title("Last connection, which has ended"), *_connection(item)]
    if entry.addresses:
        lines.append(_fact("address", (entry.addresses, TEXT)))
    lines += _traffic(row)
    if timeline is not None:
        lines += [[], _title("Last dialling"), *_dialling(timeline)]
    lines += [[], _title("Events, the last one first")]
    events = [log_line(item) for item in reversed(entry.log)]
    for event in events:
        event.pad_left(2)
    return [*map(join, lines), *(events or [join([("  none", DIM)])])]
