"""`RasCollector`: what the events of a Monitor add up to, as metrics of Prometheus."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate
from math import inf
from typing import NamedTuple

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from .. import (
    Availability,
    AvailabilityState,
    Connection,
    ConnectionEvent,
    DialFailed,
    Disconnected,
    Explained,
    Gap,
    GapKind,
    Histogram,
    Monitor,
    MonitorClosed,
    MonitorEvent,
    ProviderFailed,
    ProviderRecovered,
    Reason,
    Traffic,
    __version__,
    _check,
    explain,
)
from .._help import documented

MOST_ENTRIES = 1000
"""The highest `max_entries`: `Availability` keeps no more."""

_S = 1_000_000_000
_UNKNOWN = "unknown"  # the label of a reason that nobody knows, or that has no name
_ABSENT = (AvailabilityState.ABSENT, AvailabilityState.DOWN)
_PROBED = (AvailabilityState.UP, AvailabilityState.SILENT, AvailabilityState.UNREACHABLE)
_ENTRY = ("entry", "device_type", "guid")
_Family = GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily
_FAMILIES: dict[str, type[_Family]] = {
    "gauge": GaugeMetricFamily,
    "counter": CounterMetricFamily,
    "histogram": HistogramMetricFamily,
}
_Sample = tuple[str, tuple[str, ...], float | Histogram]
"""The name of a metric, the values of its labels, and its value."""


@documented
class Metric(NamedTuple):
    """A metric that `RasCollector` has.

    - `name`: Its name.
    - `kind`: Its type, as Prometheus calls it.
    - `labels`: The names of its labels.
    - `text`: What it means.

    >>> from ras_native.exporter import METRICS
    >>> metric = METRICS[0]
    >>> metric.name, metric.kind, metric.labels
    ('ras_up', 'gauge', ('entry', 'device_type', 'guid'))
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str

    def family(self) -> _Family:
        """Return the metric without values.

        >>> from ras_native.exporter import METRICS
        >>> METRICS[0].family().name
        'ras_up'
        """
        return _FAMILIES[self.kind](self.name, self.text, labels=self.labels)


METRICS = (
    Metric(
        "ras_up", "gauge", _ENTRY,
        "1 if the entry is connected and nothing shows a problem, otherwise 0.",
    ),
    Metric(
        "ras_state", "gauge", (*_ENTRY, "state"),
        "1 for the state that the entry is in, 0 for the others.",
    ),
    Metric(
        "ras_expected_absent", "gauge", ("entry",),
        "1 if an expected entry is not connected and not being dialled, otherwise 0.",
    ),
    Metric(
        "ras_uptime_seconds", "gauge", _ENTRY,
        "How long the entry's first connection has lasted. Missing while there is none, "
        "and without samples of the statistics.",
    ),
    Metric(
        "ras_bytes_received_total", "counter", _ENTRY,
        "Bytes that the entry's first connection received. Each connection begins at 0. "
        "Missing as the uptime is.",
    ),
    Metric(
        "ras_bytes_sent_total", "counter", _ENTRY,
        "Bytes that the entry's first connection transmitted. Each connection begins at 0. "
        "Missing as the uptime is.",
    ),
    Metric(
        "ras_disconnects_total", "counter", ("entry", "reason"),
        "Connections that ended, by the name of the code that the event log gives.",
    ),
    Metric(
        "ras_dial_failures_total", "counter", ("entry", "reason"),
        "Attempts to connect that failed, by the name of their code.",
    ),
    Metric(
        "ras_outages_total", "counter", ("entry",),
        "How often the entry stopped being up. The first dialling is no outage.",
    ),
    Metric(
        "ras_outage_seconds_total", "counter", ("entry",), "How long the outages have lasted.",
    ),
    Metric(
        "ras_gaps_total", "counter", ("kind",),
        "How often the Monitor may have missed something.",
    ),
    Metric("ras_provider_up", "gauge", (), "1 if RAS can be asked, otherwise 0."),
    Metric(
        "ras_provider_failures_total", "counter", ("reason",),
        "How often RAS began to fail, by the name of the code. Consecutive failures count once.",
    ),
    Metric(
        "ras_provider_call_seconds", "gauge", (),
        "How long the current calls of RAS have been running; 0 if no call runs.",
    ),
    Metric("ras_monitor_polls_total", "counter", (), "Polls of RAS."),
    Metric(
        "ras_monitor_last_poll_timestamp_seconds", "gauge", (),
        "When RAS last listed the connections, in seconds since 1970. Missing before that.",
    ),
    Metric(
        "ras_poll_duration_seconds", "histogram", (),
        "How long polls took: one list of the connections, and the status of each.",
    ),
    Metric(
        "ras_calls_duration_seconds", "histogram", ("function",),
        "How long all calls of a function took in one poll, or for one sample of the statistics.",
    ),
    Metric(
        "ras_monitor_signals_up", "gauge", (),
        "1 if RAS signals changes. Otherwise changes between two polls are missed.",
    ),
    Metric(
        "ras_monitor_event_log_up", "gauge", (),
        "1 if the event log is read. Otherwise all reasons are unknown.",
    ),
    Metric(
        "ras_probe_up", "gauge", ("entry",),
        "1 if the last probe through the tunnel had an answer. Missing while the tunnel is down, "
        "or if this computer could not begin the last probe.",
    ),
    Metric(
        "ras_probe_duration_seconds", "gauge", ("entry",),
        "The round trip of the last probe. Missing if it had no answer.",
    ),
    Metric(
        "ras_probes_total", "counter", ("entry", "outcome"),
        "Probes, by their outcome. The outcomes open and refused are answers.",
    ),
    Metric(
        "ras_dropped_events_total", "counter", (),
        "Events of entries that have no metrics, because there are too many entries.",
    ),
    Metric("ras_native_info", "gauge", ("version",), "The version of ras_native; always 1."),
)  # fmt: skip
"""Every metric, in the order of the output."""


@dataclass(slots=True)
class _Entry:
    """The labels of an entry."""

    name: str
    """Its name as the Monitor reports it."""
    label: str
    is_expected: bool = False
    device_type: str = ""
    guid: str = ""
    probes: int = 0
    """How many of its probes were counted."""
    outage_seconds: float = 0.0
    """The last value of the counter, which must not decrease."""

    @property
    def labels(self) -> tuple[str, str, str]:
        return self.label, self.device_type, self.guid

    def note(self, connection: Connection) -> None:
        """Take the labels of the connection that was seen last."""
        self.device_type = _text(connection.device_type)
        self.guid = "" if connection.guid_entry is None else str(connection.guid_entry)


class RasCollector(Collector):
    """Keeps the metrics of a Monitor, for a registry of prometheus-client.

    Each event of a Monitor goes to one consumer. `consume` is such a consumer. Run it in its own
    thread if the program does something else. A program that takes the events itself calls `apply`
    with each event instead. A scrape only reads what is known. It never calls RAS.

    monitor: the Monitor whose counters are read (no RAS call): polls, probes, and statistics if it
    was made with `statistics_interval`. None: these metrics are missing.
    entries: the expected entries. They have metrics from the start.
    event_log: the same as for the Monitor. True: an ended connection is counted when `Explained`
    reports its reason. False: it is counted at once, with the reason "unknown".
    max_entries: at most this many entries have metrics, from 1 to 1000. `ras_dropped_events_total`
    counts the events of other entries.

    Any thread may use it. Raises TypeError or ValueError for a bad argument.

    >>> from prometheus_client import CollectorRegistry
    >>> from ras_native.exporter import RasCollector
    >>> collector = RasCollector(monitor)
    >>> registry = CollectorRegistry()
    >>> registry.register(collector)
    >>> handle = sim.add("Head office")
    >>> collector.apply(monitor.get())
    >>> registry.get_sample_value("ras_provider_up") == 1
    True
    """

    def __init__(
        self,
        monitor: Monitor | None = None,
        *,
        entries: Iterable[str] = (),
        event_log: bool = True,
        max_entries: int = 200,
    ) -> None:
        if monitor is not None and not isinstance(monitor, Monitor):
            raise _check.wrong_type("monitor", "a ras_native.Monitor or None", monitor)
        if not isinstance(event_log, bool):
            raise _check.wrong_type("event_log", "a bool", event_log)
        self._monitor, self._event_log = monitor, event_log
        self._most = _check.whole_number("max_entries", max_entries, 1, MOST_ENTRIES)
        self._availability = Availability(entries)
        self._entries: dict[str, _Entry] = {}
        self._disconnects: Counter[tuple[str, str]] = Counter()  # by entry and reason
        self._dial_failures: Counter[tuple[str, str]] = Counter()
        self._provider_failures: Counter[str] = Counter()  # by reason
        self._gaps: Counter[GapKind] = Counter()
        self._probes: Counter[tuple[str, str]] = Counter()  # by entry and outcome
        self._dropped = 0
        self._is_failing = False
        self._lock = threading.Lock()  # no call of RAS is made while it is held
        for name in self._availability.entries:
            entry = self._admit(name)
            if entry is None:
                raise ValueError(f"max_entries: there are more than {self._most} entries")
            entry.is_expected = True

    # Events

    def consume(self) -> None:
        """Apply the events of the Monitor until it is closed.

        Raises ValueError if there is no Monitor, or it was not entered. Raises the error that ended
        the Monitor.

        >>> from ras_native.exporter import RasCollector
        >>> collector = RasCollector(monitor)
        >>> monitor.close()  # otherwise `consume` goes on until another thread closes it
        >>> collector.consume()
        """
        if self._monitor is None:
            raise ValueError("monitor: this collector was made without one")
        with suppress(MonitorClosed):
            while True:
                self.apply(self._monitor.get())

    def apply(self, event: MonitorEvent) -> None:
        """Take the next event. Raises TypeError if `event` is not an event.

        >>> from ras_native.exporter import RasCollector
        >>> collector = RasCollector()
        >>> handle = sim.add("Head office")
        >>> collector.apply(monitor.get())
        """
        if not isinstance(event, MonitorEvent):
            raise _check.wrong_type("event", "an event of a Monitor", event)
        with self._lock:
            if isinstance(event, (ConnectionEvent, ProviderRecovered)):
                self._is_failing = False  # a poll succeeded, even if ProviderRecovered was lost
            entry = None if event.entry is None else self._admit(event.entry)
            if event.entry is not None and entry is None:
                self._dropped += 1
                self._leave(event)
                return
            self._availability.apply(event)
            if entry is not None:
                self._apply_to_entry(event, entry)
            elif isinstance(event, DialFailed):
                self._dial_failures["", _reason(event.reason)] += 1
            elif isinstance(event, Gap):
                self._apply_gap(event)
            elif isinstance(event, ProviderFailed):
                self._is_failing = True
                self._provider_failures[_reason(explain(event.code))] += 1

    def _leave(self, event: MonitorEvent) -> None:
        """Take a connection from its entry: it has now the name of an entry without metrics."""
        if not isinstance(event, ConnectionEvent) or event.before is None:
            return
        if _key(event.before.connection.entry_name) in self._entries:
            self._availability.apply(replace(event, after=None))

    def _apply_to_entry(self, event: MonitorEvent, entry: _Entry) -> None:
        if isinstance(event, ConnectionEvent):
            entry.note(event.connection)
        if isinstance(event, Explained):
            self._disconnects[entry.label, _reason(event.reason)] += 1
        elif isinstance(event, Disconnected) and not self._event_log:
            self._disconnects[entry.label, _UNKNOWN] += 1
        elif isinstance(event, DialFailed):
            self._dial_failures[entry.label, _reason(event.reason)] += 1

    def _apply_gap(self, event: Gap) -> None:
        self._gaps[event.kind] += 1
        if event.snapshot is not None:  # events were lost: RAS answered after the last failure
            self._is_failing = False
        for observation in event.snapshot or ():
            entry = self._admit(observation.connection.entry_name)
            if entry is not None:
                entry.note(observation.connection)

    def _admit(self, name: str) -> _Entry | None:
        """Return the entry of this name. Add it if it is new. None if there are too many."""
        entry = self._entries.get(_key(name))
        if entry is None and len(self._entries) < self._most:
            entry = self._entries[_key(name)] = _Entry(name, _text(name))
        return entry

    # Metrics

    def describe(self) -> Iterator[_Family]:
        """Return the metrics without values; a registry calls this.

        >>> from ras_native.exporter import RasCollector
        >>> [family.name for family in RasCollector().describe()][0]
        'ras_up'
        """
        return (metric.family() for metric in METRICS)

    def collect(self) -> Iterable[_Family]:
        """Return the metrics with their present values; a registry calls this for a scrape.

        >>> from ras_native.exporter import RasCollector
        >>> collector = RasCollector(entries=["Head office"])
        >>> family = next(iter(collector.collect()))
        >>> family.name, family.samples[0].labels["entry"]
        ('ras_up', 'Head office')
        """
        families = {metric.name: metric.family() for metric in METRICS}
        with self._lock:
            for name, labels, value in self._samples():
                _add(families[name], labels, value)
        return families.values()

    def _samples(self) -> Iterator[_Sample]:
        now_ns = time.perf_counter_ns()
        traffic = _traffic_by_entry(self._monitor)
        for entry in self._entries.values():
            with suppress(KeyError):  # it had an event that Availability does not count
                yield from self._availability_of(entry, now_ns)
            passed = traffic.get(entry.name.casefold())
            if passed is not None:
                yield from _traffic_of(entry, passed, now_ns)
            if self._monitor is not None:
                with suppress(KeyError, ValueError):  # it does not probe this entry
                    yield from self._probes_of(self._monitor, entry, now_ns)
        for (label, reason), count in self._disconnects.items():
            yield "ras_disconnects_total", (label, reason), count
        for (label, reason), count in self._dial_failures.items():
            yield "ras_dial_failures_total", (label, reason), count
        for (label, outcome), count in self._probes.items():
            yield "ras_probes_total", (label, outcome), count
        for kind in GapKind:
            yield "ras_gaps_total", (kind.value,), self._gaps[kind]
        yield "ras_provider_up", (), not self._is_failing
        for reason, count in self._provider_failures.items():
            yield "ras_provider_failures_total", (reason,), count
        yield "ras_dropped_events_total", (), self._dropped
        yield "ras_native_info", (__version__,), 1
        if self._monitor is not None:
            with suppress(ValueError):  # it was not entered yet
                yield from _of_monitor(self._monitor, now_ns)

    def _availability_of(self, entry: _Entry, now_ns: int) -> Iterator[_Sample]:
        found = self._availability.summary(entry.name, now_ns, window=0)
        totals = self._availability.totals(entry.name, now_ns)
        entry.outage_seconds = max(entry.outage_seconds, totals.outage_seconds)
        yield "ras_up", entry.labels, found.state is AvailabilityState.UP
        for state in AvailabilityState:
            yield "ras_state", (*entry.labels, state.value), found.state is state
        if entry.is_expected:
            yield "ras_expected_absent", (entry.label,), found.state in _ABSENT
        yield "ras_outages_total", (entry.label,), totals.outages
        yield "ras_outage_seconds_total", (entry.label,), entry.outage_seconds

    def _probes_of(self, monitor: Monitor, entry: _Entry, now_ns: int) -> Iterator[_Sample]:
        results = monitor.probe_results(entry.name)
        if not results:
            return
        number = results[-1].number
        new = [result for result in results if result.number > entry.probes]
        for result in new:
            self._probes[entry.label, result.outcome.value] += 1
        lost = number - entry.probes - len(new)  # the Monitor keeps only the last ones
        if lost:
            self._probes[entry.label, _UNKNOWN] += lost
        entry.probes = number
        last = monitor.last_probe(entry.name)
        state = self._availability.summary(entry.name, now_ns, window=0).state
        if last is not None and state in _PROBED:
            yield "ras_probe_up", (entry.label,), last.seconds is not None
            if last.seconds is not None:
                yield "ras_probe_duration_seconds", (entry.label,), last.seconds


def _traffic_by_entry(monitor: Monitor | None) -> dict[str, Traffic]:
    """Return the statistics of the first connection of each entry."""
    found: dict[str, Traffic] = {}
    if monitor is not None:
        with suppress(ValueError):  # it takes no samples, or was not entered yet
            for traffic in monitor.all_statistics():
                found.setdefault(traffic.connection.entry_name.casefold(), traffic)
    return found


def _traffic_of(entry: _Entry, traffic: Traffic, now_ns: int) -> Iterator[_Sample]:
    uptime = traffic.uptime + (now_ns - traffic.sampled_ns) / _S
    yield "ras_uptime_seconds", entry.labels, uptime
    yield "ras_bytes_received_total", entry.labels, traffic.bytes_received
    yield "ras_bytes_sent_total", entry.labels, traffic.bytes_sent


def _of_monitor(monitor: Monitor, now_ns: int) -> Iterator[_Sample]:
    busy_since_ns = monitor.busy_since
    busy_ns = 0 if busy_since_ns is None else max(0, now_ns - busy_since_ns)
    yield "ras_provider_call_seconds", (), busy_ns / _S
    yield "ras_monitor_polls_total", (), monitor.counts.polls
    if monitor.last_poll_ns is not None:
        polled = time.time() - (now_ns - monitor.last_poll_ns) / _S
        yield "ras_monitor_last_poll_timestamp_seconds", (), polled
    durations = monitor.durations()
    yield "ras_poll_duration_seconds", (), durations.polls
    for function, histogram in (
        ("RasEnumConnections", durations.enumerations),
        ("RasGetConnectStatus", durations.statuses),
        ("RasGetConnectionStatistics", durations.statistics),
    ):
        yield "ras_calls_duration_seconds", (function,), histogram
    yield "ras_monitor_signals_up", (), monitor.has_signals
    yield "ras_monitor_event_log_up", (), monitor.has_event_log


def _add(family: _Family, labels: tuple[str, ...], value: float | Histogram) -> None:
    """Add a value. Prometheus adds up the counts of a histogram, from the lowest bucket on."""
    if isinstance(family, HistogramMetricFamily) and isinstance(value, Histogram):
        bounds = map(floatToGoString, (*value.bounds, inf))
        buckets = list(zip(bounds, accumulate(value.counts), strict=True))
        family.add_metric(labels, buckets, value.seconds)
    elif not isinstance(family, HistogramMetricFamily) and not isinstance(value, Histogram):
        family.add_metric(labels, value)


def _reason(reason: Reason | None) -> str:
    """Return the name of a code that the table has, so that the labels are bounded."""
    if reason is None or reason.name == f"UNKNOWN_ERROR_{reason.code}":
        return _UNKNOWN
    return reason.name


def _key(name: str) -> str:
    return _text(name).casefold()


def _text(value: str) -> str:
    """Return a text that UTF-8 can encode: RAS may give lone surrogates."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")
