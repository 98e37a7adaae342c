"""What the live screen knows: the entries, what happened to them, and the probes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import NamedTuple

from ... import (
    Availability,
    AvailabilityState,
    Connection,
    ConnectionEvent,
    ConnectOutcome,
    DialFailed,
    EntryAvailability,
    Gap,
    GapKind,
    MonitorEvent,
    Observation,
    ProbeResult,
    ProviderFailed,
    ProviderRecovered,
    RasError,
    Traffic,
)
from .._probe import Probe

BAR_SECONDS = 1800.0
"""How much time the bar of states shows. Entries that are down stay in the table this long."""
_NS = 1_000_000_000
_ANSWERS = (ConnectOutcome.OPEN.value, ConnectOutcome.REFUSED.value)
_CHANGES_ALL = (ProviderFailed, ProviderRecovered)
_BLIND_GAPS = (GapKind.FAILED, GapKind.SUSPENDED, GapKind.OVERFLOW)
_LOG_LINES = 10_000
_ENTRY_LINES = 200
_GONE = (AvailabilityState.DOWN, AvailabilityState.ABSENT)


class Happening(NamedTuple):
    """One line of the log: an event, the result of a probe, or a problem of the command."""

    time: datetime
    item: MonitorEvent | Probe | str
    addresses: str = ""
    """The addresses in the tunnel that the event is about."""


@dataclass(slots=True)
class Entry:
    """What is known of one phone-book entry."""

    name: str
    is_expected: bool = False
    """Whether the command line names it. It is then shown even if it is never seen."""
    connections: dict[int, Observation] = field(default_factory=dict)
    """Its connections by handle, as the last event showed them."""
    last: Observation | None = None
    """The connection that was seen last, even if it has ended."""
    addresses: str = ""
    """The addresses that this computer had last in its tunnel."""
    since_ns: int | None = None
    """Since when its connection has been seen; None if there is none."""
    failure: DialFailed | None = None
    """The last dialling that failed."""
    log: deque[Happening] = field(default_factory=lambda: deque(maxlen=_ENTRY_LINES))
    version: int = 0
    """Grows with each change."""


class Row(NamedTuple):
    """What a row of the table shows."""

    entry: Entry
    summary: EntryAvailability
    now_ns: int
    ask: Callable[[Connection], Traffic | None] | None
    """Returns the statistics of a connection. None: no statistics are taken."""

    @property
    def traffic(self) -> Traffic | None:
        """The statistics of the first connection; None if they are unknown."""
        first = next(iter(self.entry.connections.values()), None)
        return self.ask(first.connection) if self.ask and first else None

    @property
    def seconds(self) -> float | None:
        """How long the entry has been in its state. If it is up: how long it has been connected."""
        since_ns = self.summary.since_ns
        if self.summary.state is AvailabilityState.UP:
            traffic = self.traffic
            if traffic is not None:
                return traffic.uptime + (self.now_ns - traffic.sampled_ns) / _NS
            since_ns = self.entry.since_ns or since_ns
        return None if since_ns is None else (self.now_ns - since_ns) / _NS


class Model:
    """The state of the screen. One thread changes and reads it.

    `entries` are expected: they are there from the start. `clock` returns the time on the clock of
    `time.perf_counter_ns`. `traffic` returns the statistics of all connections; None: no statistics
    are taken. `via` is the entry whose tunnel the probes of the command use, or None.
    """

    def __init__(
        self,
        entries: Iterable[str] = (),
        *,
        clock: Callable[[], int],
        traffic: Callable[[], Iterable[Traffic]] | None = None,
        via: str | None = None,
    ) -> None:
        self.clock, self._traffic, self.via = clock, traffic, via
        self.started_ns = clock()
        names = tuple(entries)
        self.availability = Availability(names)
        self.entries = {name.casefold(): Entry(name, is_expected=True) for name in names}
        self.log: deque[Happening] = deque(maxlen=_LOG_LINES)
        self.probes: dict[str, Probe] = {}
        self.error: RasError | None = None
        """Why RAS cannot be asked; None while it can."""
        self.gaps = 0
        self.version = 0
        self._ask = self._sample if traffic else None
        self._is_first = True
        self._blindness = 0  # grows with each event that may change the states of all entries
        self._summaries: dict[str, _Known] = {}
        self._forgotten = 0  # how many entries Availability had forgotten when we did too
        self._samples: dict[int, Traffic] = {}
        self._sampled = -1  # the second of these samples

    # What happens

    def follow(self, event: MonitorEvent, addresses: str = "") -> None:
        """Apply an event. `addresses` are new addresses in the tunnel, or ""."""
        self.version += 1
        self.availability.apply(event)
        self._forget()
        if self._is_first or isinstance(event, _CHANGES_ALL) or _is_blind(event):
            self._blindness += 1
        self._is_first = False
        if isinstance(event, ProviderFailed):
            self.error = RasError(event.code, "RasEnumConnectionsW")
        elif isinstance(event, (ConnectionEvent, ProviderRecovered)):
            self.error = None  # a poll succeeded, even if ProviderRecovered was lost
        elif isinstance(event, Gap):
            self.gaps += 1
            if event.snapshot is not None:  # events were lost: RAS answered after the last failure
                self.error = None
                self._restart(event.snapshot, event.monotonic_ns)
        if event.entry is None:
            return
        entry = self._entry(event.entry)
        entry.version += 1
        if isinstance(event, DialFailed):
            entry.failure = event
        if addresses:
            entry.addresses = addresses
        if isinstance(event, ConnectionEvent):
            self._observe(entry, event)

    def _entry(self, name: str) -> Entry:
        return self.entries.setdefault(name.casefold(), Entry(name))

    def _forget(self) -> None:
        """Forget the entries that Availability forgot because there are too many."""
        if self._forgotten != self.availability.forgotten:
            self._forgotten = self.availability.forgotten
            kept = {name.casefold() for name in self.availability.entries}
            self.entries = {key: self.entries[key] for key in self.entries if key in kept}
            names = {entry.name for entry in self.entries.values()}
            self._summaries = {
                name: self._summaries[name] for name in self._summaries if name in names
            }

    def _observe(self, entry: Entry, event: ConnectionEvent) -> None:
        handle = event.connection.handle
        if event.before is not None and event.before.connection.entry_name != entry.name:
            former = self.entries.get(event.before.connection.entry_name.casefold())
            if former is not None and former is not entry:  # it was renamed
                former.connections.pop(handle, None)
                former.version += 1
        if event.after is None or event.after.gone:
            entry.connections.pop(handle, None)
        else:
            entry.connections[handle] = event.after
            if entry.since_ns is None:
                entry.since_ns = event.monotonic_ns
        if not entry.connections:
            entry.since_ns = None
        entry.last = event.after or event.before

    def _restart(self, snapshot: Iterable[Observation], now_ns: int) -> None:
        """Go on from a snapshot, because the events before it were lost."""
        for entry in self.entries.values():
            entry.connections.clear()
            entry.version += 1
        for item in snapshot:
            entry = self._entry(item.connection.entry_name)
            entry.connections[item.connection.handle] = entry.last = item
            if entry.since_ns is None:
                entry.since_ns = now_ns
        for entry in self.entries.values():
            if not entry.connections:
                entry.since_ns = None

    def show_event(self, event: MonitorEvent) -> None:
        """Add an event to the log."""
        name = event.entry
        entry = None if name is None else self.entries.get(name.casefold())
        self._note(Happening(event.time, event, entry.addresses if entry else ""), entry)

    def show_probe(self, probe: Probe, *, changed: bool) -> None:
        """Take the result of a probe; add it to the log if its outcome is new."""
        self.version += 1
        self.probes[probe.target] = probe
        is_answer = probe.outcome in _ANSWERS and probe.milliseconds is not None
        seconds = (probe.milliseconds or 0.0) / 1000 if is_answer else None
        for name in (probe.target, self.via):
            if name is not None:
                self.availability.apply_probe(name, seconds, self.clock())
        if changed:
            self._note(Happening(probe.time, probe), None)

    def take_results(self, name: str, results: Iterable[ProbeResult]) -> None:
        """Take the last results of the probes through the tunnel of an entry."""
        self.version += 1
        for result in results:
            self.availability.apply_probe(name, result.seconds, result.monotonic_ns)
        entry = self.entries.get(name.casefold())
        if entry is not None:
            entry.version += 1

    def show_problem(self, text: str) -> None:
        """Add a problem or a notice of the command to the log."""
        self._note(Happening(datetime.now(timezone.utc), text), None)

    def _note(self, happening: Happening, entry: Entry | None) -> None:
        self.version += 1
        self.log.append(happening)
        if entry is not None:
            entry.log.append(happening)

    # What is known

    def rows(self) -> list[Row]:
        """Return the rows of the table, in the order in which their entries were first seen.

        An entry that is down has a row if it is expected, or went down within the time of the bar.
        Each summary was computed at the last change: its state is right, but its times are old.
        """
        now_ns = self.clock()
        found = []
        for entry in self.entries.values():
            summary = self._summary(entry, now_ns, 0)
            if summary is not None and (entry.is_expected or _is_recent(summary, now_ns)):
                found.append(Row(entry, summary, now_ns, self._ask))
        return found

    def row(self, entry: Entry) -> Row | None:
        """Return one row as it is now; None if there were too many entries to keep this entry."""
        now_ns = self.clock()
        summary = self._summary(entry, now_ns, now_ns // _NS)
        return None if summary is None else Row(entry, summary, now_ns, self._ask)

    def _summary(self, entry: Entry, now_ns: int, second: int) -> EntryAvailability | None:
        """Return the availability of an entry; compute it again after a change, or this second."""
        version = entry.version, self._blindness
        known = self._summaries.get(entry.name)
        if known is None or known.version != version or known.second < second:
            try:
                summary = self.availability.summary(entry.name, now_ns)
            except KeyError:
                summary = None
            known = self._summaries[entry.name] = _Known(version, now_ns // _NS, summary)
        return known.summary

    def _sample(self, connection: Connection) -> Traffic | None:
        """Return the statistics of a connection. Read all statistics at most once a second."""
        second = self.clock() // _NS
        if self._traffic is not None and self._sampled != second:
            self._sampled = second
            self._samples = {item.connection.handle: item for item in self._traffic()}
        return self._samples.get(connection.handle)


class _Known(NamedTuple):
    """The availability of an entry, as it was computed last."""

    version: tuple[int, int]
    second: int
    summary: EntryAvailability | None


def _is_blind(event: MonitorEvent) -> bool:
    """Whether an event is a gap for which the states are unknown."""
    return isinstance(event, Gap) and event.kind in _BLIND_GAPS


def _is_recent(summary: EntryAvailability, now_ns: int) -> bool:
    if summary.since_ns is None or summary.state not in _GONE:
        return True
    return now_ns - summary.since_ns < BAR_SECONDS * _NS
