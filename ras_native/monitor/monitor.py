"""`Monitor`: one thread waits and polls, and puts events into a queue for the consumers.

A second thread, the helper, reads the event log. It hands over what it found and makes the first
thread poll. So does a thread for each entry that is probed.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from .. import _check
from .._event import Event
from .._explain import explain
from .._fork import close_in_child
from .._help import documented
from .._log import logger
from .._ras import Ras, _system_ras
from .._records import Observation, Snapshot, same_name
from .._sockets.checks import Address
from ..event_log import EventLog
from .durations import Durations, decode_durations
from .engine import Engine, Poll, state_after
from .events import Gap, GapKind, MonitorEvent
from .health import Health, key_of
from .helper import Helper
from .log_reader import LogReader
from .probes import SHORTEST_PROBE_INTERVAL, Probe, ProbeResult, checked_targets, taken
from .queue import EventQueue, MonitorClosed
from .recording import Recorder
from .timeline import DialTimeline
from .traffic import Traffic, decode_all, decode_traffic
from .watcher import Sampling, Watcher

SHORTEST_INTERVAL = 0.0001
SHORTEST_STATISTICS_INTERVAL = 0.01
LONGEST_CAPACITY = 10_000_000
CLOSE_SECONDS = 1.0
"""How long `Monitor.close` waits for a call of the provider to return."""
_START_SECONDS = 0.001  # between two checks of a Monitor that starts

_OF_THE_PARENT = "this Monitor belongs to the process that forked this one: make a new one"


@documented
class Counts(NamedTuple):
    """What a Monitor's thread has done.

    - `polls`: The number of polls.
    - `wake_ups`: How often the thread was woken: by RAS, by a poll that was due, or by `close`.
    - `seconds`: How long the Monitor has run.

    >>> counts = monitor.counts
    >>> counts.polls > 0, counts.seconds > 0, counts.polls_per_second > 0
    (True, True, True)
    """

    polls: int
    wake_ups: int
    seconds: float

    @property
    def polls_per_second(self) -> float:
        """The average rate."""
        return self.polls / self.seconds if self.seconds else 0.0


def _overflow(count: int, first: MonitorEvent, last: MonitorEvent, state: object) -> Gap:
    """Make the event that replaces those that a full queue lost."""
    assert isinstance(state, Snapshot)  # noqa: S101 - from state_after
    return Gap(
        sequence=last.sequence,
        monotonic_ns=last.monotonic_ns,
        time=last.time,
        not_before_ns=first.not_before_ns,
        kind=GapKind.OVERFLOW,
        count=count,
        from_ns=first.monotonic_ns if first.not_before_ns is None else first.not_before_ns,
        to_ns=last.monotonic_ns,
        first_sequence=first.sequence,
        last_sequence=last.sequence,
        snapshot=state,
    )


class _Ready(Event):
    """The event of `Monitor.ready`: the Monitor closes it."""

    def __del__(self) -> None:
        """Say nothing: the Monitor itself warns if it was not closed."""


class _Worker:
    """What the thread uses. It has no reference to the Monitor, so the Monitor can be collected."""

    def __init__(
        self,
        ras: Ras,
        engine: Engine,
        capacity: int,
        *,
        notifications: bool,
        event_log: bool,
        probes: Sequence[Probe],
        sampling: Sampling | None,
    ) -> None:
        self.engine = engine
        self.queue: EventQueue[MonitorEvent] = EventQueue(capacity, _overflow)
        self.log = LogReader(partial(EventLog, ras.provider, backend=ras.backend))
        self._reads_log = event_log
        jobs = [self.log] if event_log else []
        self.probes = probes
        self.watcher = Watcher(ras, self.log.take, partial(taken, probes), sampling)
        self.helper = Helper(ras.backend, jobs, self.watcher.poll_now)
        self.probers = [Helper(ras.backend, [probe], self.watcher.poll_now) for probe in probes]
        self.thread: threading.Thread | None = None
        self.is_cancelled = False
        self.belongs_to_parent = False
        self.has_polled = False
        self.error: BaseException | None = None  # that ended the thread
        self.started_ns = 0
        self.ended_ns: int | None = None
        self.recorder: Recorder | None = None
        self.recording_error: OSError | None = None
        self._notifications = notifications
        self._lock = threading.RLock()  # for the engine; never held during a call of the provider
        self._ended_at: tuple[int, int] | None = None  # monotonic and UTC, when `_end` began
        self._told_at_end = False

    def start(self) -> None:
        self.started_ns = time.perf_counter_ns()
        _workers.add(self)
        for helper in (self.helper, *self.probers):
            helper.start()
        thread = threading.Thread(target=self._run, name="ras_native.Monitor", daemon=True)
        thread.start()
        self.thread = thread

    def _run(self) -> None:
        try:
            self._watch()
        except BaseException as caught:  # noqa: BLE001 - every consumer gets it
            logger.exception("a Monitor ends because its thread failed")
            self.error = caught
        finally:
            self._cancel_helpers()
            self._end(self.error)
            self.watcher.close()
            if self._told_at_end and self._ended_at is not None:
                moments = self._ended_at
                self._record(lambda recorder: recorder.write_close(*moments))
            self.end_recording()
            self.ended_ns = time.perf_counter_ns()

    def _watch(self) -> None:
        engine, watcher = self.engine, self.watcher
        if self._notifications:
            engine.notifications = watcher.register()
        while True:
            poll = watcher.wait(engine.next_look_ns, engine.poll_interval_ns)
            if poll is None:
                return
            self._tell(poll)
            self.has_polled = True
            if engine.wants_registration:
                engine.notifications = watcher.register()

    def _tell(self, poll: Poll) -> None:
        with self._lock:
            if self._ended_at is not None:
                return
            before = self.engine.snapshot
            events = self.engine.apply(poll)
            if events:
                watched = self.engine.watched
                self.queue.put(events, lambda at: watched(state_after(before, events[: at + 1])))
        self._record(lambda recorder: recorder.write(poll, told=bool(events)))

    def _end(self, error: BaseException | None = None) -> None:
        """Put the last events, and close the queue; any thread may do it, and only once."""
        try:
            with self._lock:
                if self._ended_at is None:
                    self._ended_at = time.perf_counter_ns(), time.time_ns()
                    snapshot = self.engine.watched(self.engine.snapshot)
                    events = self.engine.close(*self._ended_at)
                    self._told_at_end = bool(events)
                    if events:
                        self.queue.put(events, lambda _: snapshot)
        finally:
            self.queue.close(error)

    def _record(self, write: Callable[[Recorder], None]) -> None:
        if self.recorder is not None:
            try:
                write(self.recorder)
            except OSError as error:
                self.end_recording(error)

    def end_recording(self, error: OSError | None = None) -> None:
        """Close the file. If it cannot be written, only the recording ends, not the Monitor."""
        recorder, self.recorder = self.recorder, None
        if recorder is None:
            return
        try:
            recorder.close()
        except OSError as late_error:  # the last lines could not be written
            error = error or late_error
        if error is not None:
            self.recording_error = error
            logger.error("a Monitor continues without its recording: %s", error)

    def cancel(self) -> None:
        """Make the thread end once no call of the provider is running."""
        self.is_cancelled = True
        if not self.belongs_to_parent:
            self.watcher.cancel()
            self._cancel_helpers()

    def _cancel_helpers(self) -> None:
        for helper in (self.helper, *self.probers):
            helper.cancel()

    @property
    def has_started(self) -> bool:
        """Whether the first poll was made, and the event log opened if that is possible."""
        return self.has_polled and (not self._reads_log or self.log.was_tried)

    def is_running(self) -> bool:
        """Whether the thread was started and not told to end."""
        return self.thread is not None and not self.is_cancelled

    def leave_to_parent(self) -> None:
        """Forget the thread in a forked child; use no lock or event that the parent shares."""
        self.belongs_to_parent = True
        self._lock = threading.RLock()
        self.queue.forget_threads()

    def close(self, seconds: float) -> None:
        """Cancel, and wait at most `seconds` for the threads; warn if one still runs then."""
        deadline = time.perf_counter() + seconds
        self.cancel()
        thread = self.thread
        if thread is None:
            self.end_recording()
            self.queue.close()
        if thread is None or thread is threading.current_thread():
            return  # `_run` puts the last events before it closes the queue
        thread.join(seconds)
        self._end()
        if thread.is_alive():
            _warn("a Monitor was closed while RAS did not answer: its thread ends when RAS does")
        if not self.helper.join(max(0.0, deadline - time.perf_counter())):
            _warn(
                "a Monitor was closed while the event log did not answer: "
                "its thread ends when that does"
            )
        for prober in self.probers:  # a probe that is under way ends by itself, and tells nobody
            prober.join(max(0.0, deadline - time.perf_counter()))


def _warn(text: str) -> None:
    logger.warning(text)
    warnings.warn(text, ResourceWarning, stacklevel=4)


_workers: weakref.WeakSet[_Worker] = weakref.WeakSet()  # all whose thread runs


@atexit.register
def _close_all() -> None:
    workers = list(_workers)
    for worker in workers:
        worker.cancel()
    deadline = time.perf_counter() + CLOSE_SECONDS
    for worker in workers:
        worker.close(max(0.0, deadline - time.perf_counter()))
        worker.queue.close_ready()


def _drop(worker: _Worker) -> None:
    """End the worker of a Monitor that was garbage collected, without waiting for its thread."""
    was_running = worker.is_running()
    worker.cancel()
    worker.queue.close_ready()
    if worker.thread is None:
        worker.end_recording()
    if was_running:
        warnings.warn("a ras_native.Monitor was not closed", ResourceWarning, stacklevel=2)


_Self = TypeVar("_Self", bound="Monitor")


class Monitor:
    """Reports every change of the connections: iterate over it, or `get` one event at a time.

    Enter it by `with`, and iterate: `for event in monitor` waits for each event. In an
    asyncio program use `async with` and `async for`.

    Each event goes to one consumer: a thread, or a task of an asyncio loop. Two consumers that both
    need every event need two Monitors. A Monitor can be entered once, by `with` or `async with`.

    ras: the Ras to poll; None is the system's own rasapi32.
    interval: seconds between two polls, at least 0.0001. A signal of RAS causes an earlier poll.
    notifications: False to ignore RAS' signals. The Monitor then misses changes between two polls.
    entries: names of phone-book entries, in any letter case. The Monitor then reports only their
    events, and Gap, ProviderFailed and ProviderRecovered. An entry need not exist. None: all.
    event_log: False not to read the event log. The Monitor then does not tell why connections end.
    probe: for each entry an address behind its tunnel: `{"Head office": ("10.0.0.1", 443)}`. While
    the connection is up, the Monitor connects to it, from the tunnel's own address if RAS reports
    one. A probe succeeds if the port is open or refuses. Any other outcome makes the connection's
    health UNREACHABLE. Hosts are numeric. `probe_results` has the round trips.
    probe_interval: seconds between two probes of an entry, at least 0.1.
    statistics_interval: seconds between two samples of the statistics of each connection, at least
    0.01; None takes no samples. With the native backend, sampling runs no Python code until a
    connection falls silent.
    silent_after: how many seconds bytes may be sent without an answer before the connection is
    silent.
    capacity: how many events may wait. If more come, one Gap(overflow) replaces the oldest.
    record: a file to record to; `replay` returns the same events from it, on any system.
    pseudonyms: replace names, numbers, addresses, paths and GUIDs in the recording.

    Raises TypeError or ValueError for a bad argument, ProviderError if there is no RAS, OSError if
    the recording cannot be created. Source: RasConnectionNotificationW, RasEnumConnectionsW,
    RasGetConnectStatusW; RasGetConnectionStatistics for the statistics.

    >>> handle = sim.add("Head office")
    >>> sim.drop(handle, after=60)
    >>> with Monitor(ras) as monitor:
    ...     print(monitor.get().entry, "is connected")
    ...     sim.advance(60)
    ...     print(monitor.get().entry, "has ended")
    Head office is connected
    Head office has ended
    """

    def __init__(
        self,
        ras: Ras | None = None,
        *,
        interval: float = 1.0,
        notifications: bool = True,
        entries: Iterable[str] | None = None,
        event_log: bool = True,
        probe: Mapping[str, Address] | None = None,
        probe_interval: float = 10.0,
        statistics_interval: float | None = None,
        silent_after: float = 60.0,
        capacity: int = 10_000,
        record: str | os.PathLike[str] | None = None,
        pseudonyms: bool = False,
    ) -> None:
        interval_ns = _check.nanoseconds("interval", interval, shortest=SHORTEST_INTERVAL)
        sampling = _sampling(statistics_interval, silent_after)
        for name, value in (
            ("notifications", notifications),
            ("event_log", event_log),
            ("pseudonyms", pseudonyms),
        ):
            if not isinstance(value, bool):
                raise _check.wrong_type(name, "a bool", value)
        names = _entry_names(entries)
        targets = checked_targets(probe, names)
        probe_interval_ns = _check.nanoseconds(
            "probe_interval", probe_interval, shortest=SHORTEST_PROBE_INTERVAL
        )
        path = None if record is None else _check.path("record", record)
        capacity = _check.whole_number("capacity", capacity, 1, LONGEST_CAPACITY)
        if ras is not None and not isinstance(ras, Ras):
            raise _check.wrong_type("ras", "a ras_native.Ras or None", ras)
        self._ras = _system_ras() if ras is None else ras
        engine = Engine(
            interval_ns=interval_ns,
            entries=names,
            notifications=notifications,
            event_log=event_log,
        )
        self._worker = _Worker(
            self._ras,
            engine,
            capacity,
            notifications=notifications,
            event_log=event_log,
            probes=[
                Probe(self._ras, entry, target, probe_interval_ns, lambda: engine.snapshot)
                for entry, target in targets.items()
            ],
            sampling=sampling,
        )
        explain(0)  # reads the table of codes now, so that no poll reads a file
        self._is_sampling = sampling is not None
        if path is not None:
            self._worker.recorder = Recorder(
                path,
                interval_ns=interval_ns,
                entries=names,
                event_log=event_log,
                pseudonyms=pseudonyms,
            )
        self._end = weakref.finalize(self, _drop, self._worker)
        self._end.atexit = False  # _close_all waits for the thread as well
        self._ras._close_with_it(self)
        close_in_child(self)

    def __repr__(self) -> str:
        state = "closed" if self._worker.is_cancelled else "open"
        return f"<ras_native.Monitor {state}, of {self._ras!r}>"

    # From beginning to end

    def _start(self) -> None:
        worker = self._worker
        if worker.belongs_to_parent:
            raise ValueError(_OF_THE_PARENT)
        if worker.is_cancelled:
            raise ValueError("this Monitor is closed: make another one")
        if worker.thread is not None:
            raise ValueError("this Monitor was entered already: make another one")
        worker.start()

    def __enter__(self: _Self) -> _Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self: _Self) -> _Self:
        self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        import asyncio  # noqa: PLC0415 - import it only for programs that use it

        await asyncio.get_running_loop().run_in_executor(None, self.close)

    def close(self) -> None:
        """End the Monitor; any thread may call it, and a second close does nothing.

        You can still take the queued events. This returns within about a second. If a call of the
        provider takes longer, it gives a ResourceWarning, and the thread ends after that call.

        >>> monitor.close()
        >>> [event.entry for event in monitor]
        []
        """
        self._worker.close(CLOSE_SECONDS)

    def _close_after_fork(self) -> None:
        """Become unusable in a forked child: the thread and the registration are the parent's."""
        self._end.detach()
        self._worker.leave_to_parent()

    # What happened

    def _entered(self) -> _Worker:
        worker = self._worker
        if worker.belongs_to_parent:
            raise ValueError(_OF_THE_PARENT)
        if worker.thread is None and not worker.is_cancelled:
            raise ValueError("enter the Monitor first: with Monitor() as monitor: ...")
        return worker

    def get(self, timeout: float | None = None) -> MonitorEvent:
        """Take the next event; wait for it at most `timeout` seconds, or without limit for None.

        Other threads run meanwhile, and Ctrl-C ends the wait.

        Raises TimeoutError; MonitorClosed once the Monitor is closed and every event was taken. If
        an error ended the Monitor, each thread gets that error once.

        >>> handle = sim.add("Head office")
        >>> event = monitor.get()
        >>> event.entry
        'Head office'
        >>> try:
        ...     monitor.get(timeout=0)
        ... except TimeoutError:
        ...     print("no event")
        no event
        """
        return self._entered().queue.get(timeout)

    async def get_async(self) -> MonitorEvent:
        """Take the next event; wait for it in a task of an asyncio loop.

        A task that is cancelled takes no event. Raises as `get` does.

        >>> import asyncio
        >>> async def first_entry():
        ...     async with Monitor(ras) as monitor:
        ...         return (await monitor.get_async()).entry
        >>> handle = sim.add("Head office")
        >>> asyncio.run(first_entry())
        'Head office'
        """
        return await self._entered().queue.get_async()

    def __iter__(self: _Self) -> _Self:
        return self

    def __next__(self) -> MonitorEvent:
        try:
            return self.get()
        except MonitorClosed:
            raise StopIteration from None

    def __aiter__(self: _Self) -> _Self:
        return self

    async def __anext__(self) -> MonitorEvent:
        try:
            return await self.get_async()
        except MonitorClosed:
            raise StopAsyncIteration from None

    @property
    def ready(self) -> Event:
        """An event that is set while `get` need not wait, for trio, anyio and user interfaces.

        It stays set after the Monitor is closed. Never reset it: it belongs to the Monitor.

        >>> handle = sim.add("Head office")
        >>> monitor.ready.wait(timeout=10)
        True
        """
        return self._entered().queue.ready(lambda: _Ready(backend=self._ras.backend))

    # The current state

    @property
    def snapshot(self) -> Snapshot:
        """The connections that the last successful poll saw; empty before the first.

        >>> handle = sim.add("Head office")
        >>> event = monitor.get()
        >>> monitor.snapshot["Head office"].is_up
        True
        """
        return self._entered().engine.snapshot

    @property
    def has_polled(self) -> bool:
        """Whether the first poll has returned or failed; then its events can be taken.

        >>> monitor.has_polled
        True
        """
        return self._entered().has_polled

    def wait_until_started(self, timeout: float = 10.0) -> None:
        """Wait until the Monitor has polled once and opened the event log.

        Then it notices what follows, and can report reasons. If the event log cannot be opened now,
        the wait ends too, and `has_event_log` is False. A test calls this before it changes
        something. The wait takes at most `timeout` seconds.

        >>> monitor.wait_until_started()
        >>> monitor.has_polled, monitor.has_event_log
        (True, True)

        Raises TimeoutError, for instance if RAS does not answer; MonitorClosed if it is closed. Its
        cause is the error that ended the Monitor, if one did.
        """
        deadline_ns = time.perf_counter_ns() + _check.nanoseconds("timeout", timeout)
        worker = self._entered()
        while not worker.has_started:
            if worker.is_cancelled or worker.ended_ns is not None:
                closed = MonitorClosed("the Monitor was closed before it had started")
                raise closed from worker.error
            if time.perf_counter_ns() >= deadline_ns:
                raise TimeoutError(f"the Monitor has not started within {timeout:g} s")
            time.sleep(_START_SECONDS)

    @property
    def has_signals(self) -> bool:
        """Whether RAS signals changes to the Monitor; otherwise only polls find them.

        >>> monitor.has_signals
        True
        """
        return self._entered().watcher.has_signals

    @property
    def has_event_log(self) -> bool:
        """Whether the event log is open. Then the Monitor can report why connections end.

        >>> monitor.has_event_log
        True
        """
        return self._entered().log.is_open

    def timeline(self, entry: str) -> DialTimeline | None:
        """Return the stages of the last dialling of this phone-book entry, or None.

        The dialling may be under way. Letter case does not matter.

        >>> handle = sim.dial("Head office", error=691)
        >>> sim.advance(5)
        >>> event = monitor.get()
        >>> monitor.timeline("Head office").outcome
        'failed'
        """
        return self._entered().engine.timeline(_check.text("entry", entry))

    def health(self, entry: str) -> Health | None:
        """Return whether the connection of this phone-book entry works, with the evidence.

        Letter case does not matter. None if it is not connected. `Silence.bytes_sent` and the
        counts are from the last poll that brought new evidence.

        >>> handle = sim.add("Head office")
        >>> event = monitor.get()
        >>> print(monitor.health("Head office").kind)
        up
        """
        return self._entered().engine.health(_check.text("entry", entry))

    def state(self, entry: str) -> Observation | None:
        """Return the connection of this phone-book entry, ignoring letter case, or None.

        >>> handle = sim.add("Head office")
        >>> event = monitor.get()
        >>> print(monitor.state("Head office").status.state)
        CONNECTED
        """
        return self._entered().engine.state(_check.text("entry", entry))

    def statistics(self, entry: str) -> Traffic | None:
        """Return what passed through this entry's connection, ignoring letter case.

        None if it is not connected, or was not sampled yet. Raises ValueError without
        `statistics_interval`. Source: RasGetConnectionStatistics.

        >>> handle = sim.add("Head office")
        >>> with Monitor(ras, statistics_interval=0.01) as monitor:
        ...     found = monitor.get()
        ...     while (traffic := monitor.statistics("Head office")) is None:
        ...         pass  # no sample was taken yet
        >>> traffic.bytes_sent
        0
        """
        name = _check.text("entry", entry)
        worker = self._sampling_worker()
        observation = worker.engine.state(name)
        if observation is None:
            return None
        connection = observation.connection
        return decode_traffic(worker.watcher.traffic(), connection, key_of(connection))

    def probe_results(self, entry: str) -> tuple[ProbeResult, ...]:
        """Return the last 360 results of the probes of this entry, oldest first.

        Each result has the round trip. A probe that this computer cannot begin has no result. You
        can pass the results to `Availability.apply_probe`. A recording does not contain them.
        Letter case does not matter.
        Raises KeyError for an entry that `probe` does not name.

        >>> import socket, time
        >>> handle = sim.add("Head office")
        >>> sim.set_projection(handle, client_ipv4="127.0.0.1")
        >>> with socket.create_server(("127.0.0.1", 0)) as server:
        ...     probe = {"Head office": server.getsockname()}
        ...     with Monitor(ras, probe=probe, probe_interval=0.1) as monitor:
        ...         while not (results := monitor.probe_results("Head office")):
        ...             time.sleep(0.01)
        >>> results[0].seconds > 0
        True
        """
        return self._probe_of(entry).results

    def last_probe(self, entry: str) -> ProbeResult | None:
        """Return the result of the last probe through the present connection of this entry.

        None if the entry is not connected, or was not probed since it connected. None also if this
        computer could not begin the last probe, or if that is more than two intervals and 3 seconds
        ago. Letter case does not matter. Raises KeyError for an entry that `probe` does not name.

        >>> handle = sim.add("Head office")
        >>> with Monitor(ras, probe={"Head office": ("127.0.0.1", 443)}) as monitor:
        ...     print(monitor.last_probe("Head office"))  # the first probe is not due yet
        None
        """
        probe = self._probe_of(entry)
        seen = self._worker.engine.snapshot.find(probe.entry)
        return None if seen is None or not seen.is_up else probe.last_of(key_of(seen.connection))

    def _probe_of(self, entry: str) -> Probe:
        name = _check.text("entry", entry)
        for probe in self._entered().probes:
            if same_name(probe.entry, name):
                return probe
        raise KeyError(f"probe: this Monitor does not probe {entry!r}")

    def all_statistics(self) -> tuple[Traffic, ...]:
        """Return what passed through each connection of `snapshot` that was sampled.

        For many connections this is faster than `statistics` for each of them. Raises ValueError
        without `statistics_interval`. Source: RasGetConnectionStatistics.

        >>> handle = sim.add("Head office")
        >>> with Monitor(ras, statistics_interval=0.01) as monitor:
        ...     found = monitor.get()
        ...     while not monitor.all_statistics():
        ...         pass  # no sample was taken yet
        ...     [traffic] = monitor.all_statistics()
        >>> traffic.connection.entry_name
        'Head office'
        """
        worker = self._sampling_worker()
        return decode_all(worker.watcher.traffic(), worker.engine.snapshot)

    def _sampling_worker(self) -> _Worker:
        worker = self._entered()
        if not self._is_sampling:
            raise ValueError("statistics_interval: this Monitor was made without it")
        return worker

    @property
    def busy_since(self) -> int | None:
        """When the current call of RAS began, on the clock of `time.perf_counter_ns`, or None.

        If that was long ago, the provider does not answer.

        >>> from time import perf_counter_ns
        >>> since = monitor.busy_since
        >>> if since is not None and perf_counter_ns() - since > 10_000_000_000:
        ...     print("RAS does not answer")
        """
        return self._entered().watcher.busy_since_ns

    @property
    def last_poll_ns(self) -> int | None:
        """When RAS last listed the connections, on the clock of `time.perf_counter_ns`, or None."""
        return decode_durations(self._entered().watcher.durations())[1]

    def durations(self) -> Durations:
        """Return how long the polls have taken, and the calls of RAS in them, as histograms.

        With the native backend, this measuring runs no Python code.

        >>> handle = sim.add("Head office")
        >>> print(monitor.get().entry)
        Head office
        >>> monitor.durations().polls.total > 0
        True
        """
        return decode_durations(self._entered().watcher.durations())[0]

    @property
    def recording_error(self) -> OSError | None:
        """The error that ended the recording before the Monitor ended, or None.

        >>> monitor.recording_error is None
        True
        """
        return self._entered().recording_error

    @property
    def counts(self) -> Counts:
        """How often the Monitor has polled and was woken.

        >>> print(monitor.counts.polls > 0)
        True
        """
        worker = self._entered()
        ended_ns = worker.ended_ns or time.perf_counter_ns()
        seconds = (ended_ns - worker.started_ns) / 1e9
        return Counts(worker.watcher.polls, worker.watcher.wake_ups, seconds)


def _sampling(interval: float | None, silent_after: float) -> Sampling | None:
    silent_after_ns = _check.nanoseconds("silent_after", silent_after, shortest=SHORTEST_INTERVAL)
    if interval is None:
        return None
    interval_ns = _check.nanoseconds(
        "statistics_interval", interval, shortest=SHORTEST_STATISTICS_INTERVAL
    )
    return Sampling(interval_ns, silent_after_ns)


def _entry_names(entries: Iterable[str] | None) -> tuple[str, ...] | None:
    if entries is None:
        return None
    if isinstance(entries, (str, bytes)) or not isinstance(entries, Iterable):
        raise _check.wrong_type("entries", "an iterable of names, or None", entries)
    names = tuple(_check.text("entries", name) for name in entries)
    if not names or "" in names:
        raise ValueError("entries must name at least one phone-book entry, none of them empty")
    return names
