"""The Monitor with the event log of the simulator, and its second thread."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections import deque
from datetime import datetime, timezone

import child
import pytest
from polls import logged
from watching import PATIENCE, rest, until

from ras_native import (
    Connected,
    DialFailed,
    Disconnected,
    Explained,
    Found,
    Gap,
    GapKind,
    IdleTimeout,
    Monitor,
    ProviderError,
    SessionTimeout,
    replay,
)
from ras_native.event_log import EventLog, LogRead
from ras_native.event_log._event_log import LOOK_SECONDS
from ras_native.event_log._records import CONNECTED, DIAL_FAILED, DISCONNECTED
from ras_native.event_log._wevtapi import EventLogError
from ras_native.monitor import engine, log_reader, matching
from ras_native.monitor import monitor as module
from ras_native.monitor.helper import Helper
from ras_native.monitor.log_reader import LogReader

ENUM = "RasEnumConnectionsW"
SELDOM = 3600.0  # seconds: only signals and the event log cause polls


@pytest.fixture
def office(sim):
    return sim.add("Head office")


@pytest.fixture
def monitor(ras, office):  # noqa: ARG001 - it is there when the Monitor begins
    """Run a Monitor that has found Head office and reads the event log."""
    with Monitor(ras, interval=SELDOM) as opened:
        assert isinstance(opened.get(PATIENCE), Found)
        until(lambda: opened.has_event_log and opened.has_polled)
        yield opened


@pytest.fixture
def soon(monkeypatch, sim):
    """Let ends wait 0.2 seconds for their reasons; the log has the time of the system."""
    monkeypatch.setattr(matching, "REASON_NS", 200_000_000)
    sim.epoch = datetime.now(timezone.utc)


def take(monitor, kind, most=20):
    """Take events up to the first of that kind; return it and those before it."""
    before = []
    for _ in range(most):
        event = monitor.get(PATIENCE)
        if isinstance(event, kind):
            return event, before
        before.append(event)
    pytest.fail(f"no {kind.__name__} among {before}")


# Reasons


@pytest.mark.ledger("EV-8")
def test_the_reason_follows_the_end_of_the_connection(sim, monitor, office):
    sim.drop(office, reason=829)
    end, reason = monitor.get(PATIENCE), monitor.get(PATIENCE)
    assert isinstance(end, Disconnected)
    assert isinstance(reason, Explained)
    assert (reason.disconnected, reason.entry) == (end.sequence, "Head office")
    assert (reason.reason.code, reason.reason.name) == (829, "ERROR_LINK_FAILURE")
    assert reason.matched_by == "correlation id"
    assert reason.log_event.correlation_id == end.connection.correlation_id


@pytest.mark.ledger("EV-8")
def test_reasons_go_to_their_own_connections(sim, ras):
    handles = [sim.add("Head office") for _ in range(3)]  # of one entry
    with Monitor(ras, interval=SELDOM) as monitor:
        for _ in handles:
            monitor.get(PATIENCE)
        until(lambda: monitor.has_event_log and monitor.has_polled)
        sim.disturb_log(DISCONNECTED, delay=0.05, copies=2)
        for number, handle in enumerate(handles):
            sim.drop(handle, reason=620 + number)
        sim.advance(0.05)
        events = [monitor.get(PATIENCE) for _ in range(6)]
    ends = {item.sequence: item for item in events if isinstance(item, Disconnected)}
    told = {item.disconnected: item for item in events if isinstance(item, Explained)}
    assert len(ends) == len(told) == 3
    for sequence, item in told.items():
        number = handles.index(ends[sequence].connection.handle)
        assert (item.reason.code, item.matched_by) == (620 + number, "correlation id")
    assert rest(monitor) == []


@pytest.mark.ledger("EV-8")
@pytest.mark.usefixtures("soon")
def test_a_lost_event_leaves_no_reason(sim, monitor, office):
    sim.disturb_log(DISCONNECTED, copies=0)
    sim.drop(office)
    end, reason = monitor.get(PATIENCE), monitor.get(PATIENCE)
    assert (reason.disconnected, reason.reason, reason.matched_by) == (end.sequence, None, None)
    assert reason.monotonic_ns >= end.monotonic_ns + matching.REASON_NS


@pytest.mark.ledger("EV-9")
@pytest.mark.usefixtures("soon")
def test_without_the_id_the_reason_is_a_guess(sim, monitor, office):
    sim.disturb_log(DISCONNECTED, correlation=False)
    sim.drop(office, reason=829)
    end, reason = monitor.get(PATIENCE), monitor.get(PATIENCE)
    assert (reason.disconnected, reason.reason.code) == (end.sequence, 829)
    assert reason.matched_by == "entry and time"


@pytest.mark.ledger("EV-9")
@pytest.mark.usefixtures("soon")
def test_two_that_fit_are_no_guess(sim, ras, office):
    other = sim.add("Head office")
    with Monitor(ras, interval=SELDOM) as monitor:
        until(lambda: monitor.has_event_log and monitor.has_polled)
        sim.disturb_log(DISCONNECTED, correlation=False)
        sim.drop(office, reason=829)
        sim.drop(other, reason=691)
        first, _ = take(monitor, Explained)
        second, _ = take(monitor, Explained)
    assert [first.reason, second.reason] == [None, None]


@pytest.mark.ledger("EV-9")
@pytest.mark.usefixtures("soon")
def test_a_mangled_name_still_fits(sim, ras):
    office = sim.add("Z\u00fcrich")
    with Monitor(ras, interval=SELDOM) as monitor:
        until(lambda: monitor.has_event_log and monitor.has_polled)
        sim.disturb_log(DISCONNECTED, correlation=False, entry_name="Z\u00c3\u00bcrich")
        sim.drop(office, reason=829)
        reason, _ = take(monitor, Explained)
    assert (reason.entry, reason.reason.code) == ("Z\u00fcrich", 829)


@pytest.mark.ledger("EV-11")
@pytest.mark.parametrize(("limit", "kind"), [("idle", IdleTimeout), ("longest", SessionTimeout)])
def test_a_limit_that_ends_a_connection_is_told(sim, monitor, office, limit, kind):
    sim.time_out(office, limit)
    events = [monitor.get(PATIENCE) for _ in range(3)]
    assert {type(item) for item in events} == {Disconnected, Explained, kind}
    told = next(item for item in events if isinstance(item, kind))
    assert told.entry == "Head office"
    assert told.correlation_id == monitor_connection(events).correlation_id


def monitor_connection(events):
    return next(item.connection for item in events if isinstance(item, Disconnected))


@pytest.mark.ledger("EV-11")
def test_a_dialling_that_fails_is_told_once(sim, monitor):
    sim.disturb_log(DIAL_FAILED, copies=3)
    sim.dial("Branch", step=0.001, error=691)
    sim.advance(1.0)
    failed, _ = take(monitor, DialFailed)
    assert (failed.entry, failed.reason.code) == ("Branch", 691)
    monitor.close()
    assert [item for item in monitor if isinstance(item, DialFailed)] == []


def test_only_the_entries_are_told(sim, ras, office):
    branch = sim.add("Branch")
    with Monitor(ras, interval=SELDOM, entries=["BRANCH"]) as monitor:
        assert isinstance(monitor.get(PATIENCE), Found)
        until(lambda: monitor.has_event_log and monitor.has_polled)
        sim.dial("Depot", step=0.001, error=691)
        sim.drop(office)
        sim.drop(branch)
        events = [monitor.get(PATIENCE) for _ in range(2)]
    assert [type(item) for item in events] == [Disconnected, Explained]
    assert rest(monitor) == []


def test_without_it_nothing_is_explained(sim, ras, office):
    with Monitor(ras, interval=SELDOM, event_log=False) as monitor:
        assert sim.subscriptions == 0
        until(lambda: monitor.has_polled)
        assert not monitor.has_event_log
        sim.drop(office)
        take(monitor, Disconnected)
    assert rest(monitor) == []


# The log wakes the Monitor


@pytest.mark.ledger("EV-10")
def test_the_log_tells_what_ras_stopped_to_signal(sim, monitor, office):
    """Windows 11 signals only a few times. The log still makes the Monitor poll at once."""
    sim.notification_cycles = 1
    sim.drop(office)
    take(monitor, Explained)
    for _ in range(3):
        branch = sim.add("Branch")
        take(monitor, Connected)
        sim.drop(branch)
        take(monitor, Disconnected)
        take(monitor, Explained)


@pytest.mark.ledger("EV-10")
def test_without_signals_the_log_causes_the_polls(sim, ras, office):
    with Monitor(ras, interval=SELDOM, notifications=False) as monitor:
        assert isinstance(monitor.get(PATIENCE), Found)
        until(lambda: monitor.has_event_log and monitor.has_polled)
        sim.drop(office, reason=829)
        reason, (end,) = take(monitor, Explained)
        assert (reason.reason.code, reason.disconnected) == (829, end.sequence)


def test_what_came_and_went_between_two_polls_is_in_the_gap(sim, monitor, office, monkeypatch):
    """A connection is up only while a call of RAS does not return."""
    monkeypatch.setattr(engine, "SETTLING_NS", 500_000_000)
    sim.delay(ENUM, 60.0)
    calls = sim.calls(ENUM)
    sim.signal(office)
    until(lambda: sim.calls(ENUM) > calls and monitor.busy_since is not None)
    sim.drop(sim.add("Branch"), reason=829)
    sim.delay(ENUM, 0.0)
    gap, before = take(monitor, Gap)
    assert before == []
    assert gap.kind is GapKind.BLIP
    told = [(item.event_id, item.entry) for item in gap.log_events]
    assert told == [(CONNECTED, "Branch"), (DISCONNECTED, "Branch")]


# Timelines


@pytest.mark.ledger("EV-13")
def test_the_stages_of_a_dialling(sim, monitor):
    sim.dial("Branch", step=0.001)
    sim.advance(1.0)
    take(monitor, Connected)
    until(lambda: (found := monitor.timeline("BRANCH")) is not None and found.seconds is not None)
    found = monitor.timeline("branch")
    assert [stage.name for stage in found.stages] == [
        "dialling",
        "link begun",
        "link up",
        "link authenticated",
    ]
    assert (found.entry, found.outcome, found.reason) == ("Branch", "connected", None)
    assert all(stage.seconds is not None for stage in found.stages)
    assert monitor.timeline("Head office") is None
    with pytest.raises(TypeError, match="entry"):
        monitor.timeline(7)


@pytest.mark.ledger("EV-13")
def test_the_stage_in_which_a_dialling_failed(sim, monitor):
    sim.dial("Branch", step=0.001, error=691)
    sim.advance(1.0)
    take(monitor, DialFailed)
    found = monitor.timeline("Branch")
    assert (found.outcome, found.reason.code) == ("failed", 691)
    assert found.failed_stage in found.stages


# A log that is missing, slow, lossy or broken


@pytest.mark.ledger("EV-12")
def test_without_an_event_log_the_answer_comes_at_once(sim, ras, office, monkeypatch, caplog):
    def none(*_args, **_kwargs):
        raise ProviderError("x", "it has no EvtSubscribe")

    monkeypatch.setattr(module, "EventLog", none)
    caplog.set_level(logging.INFO)
    with Monitor(ras, interval=SELDOM) as monitor:
        assert isinstance(monitor.get(PATIENCE), Found)
        sim.drop(office)
        reason, (end,) = take(monitor, Explained)
        assert (reason.disconnected, reason.reason) == (end.sequence, None)
        assert not monitor.has_event_log
    assert [text for text in caplog.messages if "EvtSubscribe" in text] == [
        "a Monitor cannot tell why connections end: provider 'x': it has no EvtSubscribe"
    ]


@pytest.mark.ledger("EV-12")
def test_a_log_that_is_slow_delays_no_poll(sim, ras, office, monkeypatch):
    may_open = threading.Event()

    def open_slowly(*args, **kwargs):
        may_open.wait(PATIENCE)
        return EventLog(*args, **kwargs)

    monkeypatch.setattr(module, "EventLog", open_slowly)
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.3)
    monitor = Monitor(ras, interval=SELDOM).__enter__()
    assert isinstance(monitor.get(PATIENCE), Found)
    sim.drop(office)
    end = monitor.get(PATIENCE)
    assert isinstance(end, Disconnected)
    with pytest.warns(ResourceWarning, match="the event log did not answer"):
        monitor.close()
    (reason,) = rest(monitor)
    assert (reason.disconnected, reason.reason) == (end.sequence, None)
    may_open.set()
    monitor._worker.helper._thread.join(PATIENCE)
    assert sim.subscriptions == 0


@pytest.mark.ledger("EV-12")
def test_a_log_that_dies_is_a_gap_and_read_again(sim, monitor, office):
    """It dies before its first event: nobody knows which events a new subscription misses."""
    sim.break_subscriptions()
    sim.add("Branch")
    gap, _ = take(monitor, Gap)
    assert (gap.kind, gap.count) == (GapKind.LOG, 1)
    assert gap.from_ns < gap.to_ns
    sim.drop(office, reason=829)
    reason, _ = take(monitor, Explained)
    assert reason.reason.code == 829


@pytest.mark.ledger("EV-12")
def test_a_broken_subscription_loses_nothing(sim, monitor, office):
    sim.dial("Branch", step=0.001, error=691)
    sim.advance(1.0)
    take(monitor, DialFailed)
    sim.break_subscriptions()
    sim.drop(office, reason=829)
    reason, before = take(monitor, Explained)
    assert reason.reason.code == 829
    assert [type(item) for item in before] == [Disconnected]


@pytest.mark.ledger("EV-12")
def test_an_error_in_the_second_thread_ends_only_the_reasons(sim, monitor, office, caplog):
    monitor._worker.log._log.read = None  # cannot be called
    sim.drop(office)
    events = [monitor.get(PATIENCE) for _ in range(3)]
    assert {type(item) for item in events} == {Gap, Disconnected, Explained}
    assert next(item for item in events if isinstance(item, Gap)).kind is GapKind.LOG
    assert "second thread" in caplog.text
    assert not monitor.has_event_log
    branch = sim.add("Branch")
    take(monitor, Connected)
    sim.drop(branch)
    reason, _ = take(monitor, Explained)
    assert reason.reason is None


class FakeLog:
    """An event log whose answers the test gives."""

    def __init__(self, *answers):
        self.answers = deque(answers)
        self._event = "its event"
        self.is_closed = False

    def read(self):
        return self.answers.popleft()

    def close(self):
        self.is_closed = True


ONE, TWO = logged(DISCONNECTED, 1, 829), logged(DISCONNECTED, 2, 829)


def test_what_was_read_is_taken_once():
    log = FakeLog(LogRead(events=(ONE,)), LogRead(events=(TWO,)), LogRead())
    reader = LogReader(lambda: log)
    assert reader.due_ns == 0
    assert reader.event is None
    assert all(reader.run() for _ in range(3))
    assert reader.event == "its event"
    assert reader.has_news
    assert reader.take() == ((ONE, TWO), None, True)
    assert not reader.has_news
    assert reader.take() == ((), None, True)


def test_what_may_be_missing_is_told_with_its_begin():
    log = FakeLog(LogRead(), LogRead(error=OSError()), LogRead(missed=True), LogRead(unreadable=1))
    reader = LogReader(lambda: log)
    reader.run()
    read_ns = reader._read_ns
    reader.run()
    assert not reader.has_news
    assert reader.due_ns > 0  # it asks again, although the event may never be set
    reader.run()
    assert reader.take() == ((), read_ns, True)
    assert reader.due_ns - reader._read_ns >= LOOK_SECONDS * 1e9
    reader.run()
    assert reader.take().log_missed_ns > read_ns


def test_an_error_of_the_log_is_logged_once(caplog):
    caplog.set_level(logging.INFO)
    error = OSError(15011, "broken")
    log = FakeLog(LogRead(error=error), LogRead(error=error), LogRead(), LogRead())
    reader = LogReader(lambda: log)
    for _ in range(4):
        reader.run()
    assert len(caplog.messages) == 2
    assert "broken" in caplog.messages[0]


def test_while_nobody_takes_it_stops_to_read(monkeypatch):
    monkeypatch.setattr(log_reader, "_MOST_WAITING", 2)
    log = FakeLog(*[LogRead(events=(ONE,))] * 3)
    reader = LogReader(lambda: log)
    for _ in range(5):
        assert reader.run()
    assert len(log.answers) == 1
    assert reader.event is None
    assert reader.due_ns > 0
    reader.take()
    reader.run()
    assert reader.take().log == (ONE,)
    reader.close()
    assert log.is_closed


def test_after_a_backlog_it_reads_again_soon(monkeypatch):
    """No event wakes it while its reads wait, and nobody tells it that they were taken."""
    monkeypatch.setattr(log_reader, "_MOST_WAITING", 1)
    reader = LogReader(lambda: FakeLog(LogRead(events=(ONE,))))
    assert reader.run()
    assert reader.event is None
    assert reader.due_ns <= time.perf_counter_ns() + log_reader._RETRY_NS


def refused(code):
    error = ProviderError("x", "its event log cannot be read")
    error.__cause__ = EventLogError(code, "EvtSubscribe")
    return error


@pytest.mark.parametrize("error", [refused(1722), OSError(errno.EMFILE, "too many files")])
def test_a_log_that_cannot_be_opened_yet_is_opened_later(error, caplog):
    caplog.set_level(logging.INFO)
    answers, pauses = deque([error] * 8), []

    def open_log():
        if answers:
            raise answers.popleft()
        return FakeLog(LogRead(events=(ONE,)))

    reader = LogReader(open_log)
    for _ in range(8):
        begun_ns = time.perf_counter_ns()
        assert reader.run()
        assert not reader.is_open
        pauses.append((reader.due_ns - begun_ns) // 1_000_000_000)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert reader.take() == ((), None, True)
    assert reader.run()
    assert reader.is_open
    assert reader.take().log == (ONE,)
    assert len(caplog.messages) == 2  # it fails, and it can be read again


def test_without_jobs_there_is_no_second_thread(backend):
    helper = Helper(backend, [], lambda: None)
    helper.start()
    assert helper.join(0)
    helper.cancel()


# Its ends


def test_close_answers_what_waits(sim, ras, office, tmp_path):
    path = tmp_path / "recording"
    with Monitor(ras, interval=SELDOM, record=path) as monitor:
        assert isinstance(monitor.get(PATIENCE), Found)
        until(lambda: monitor.has_event_log and monitor.has_polled)
        sim.disturb_log(DISCONNECTED, copies=0)
        sim.drop(office)
        end = monitor.get(PATIENCE)
    (reason,) = rest(monitor)
    assert (reason.disconnected, reason.reason) == (end.sequence, None)
    assert reason.monotonic_ns > end.monotonic_ns
    assert list(replay(path))[1:] == [end, reason]
    assert sim.subscriptions == sim.event_handles == 0


def test_a_close_by_its_own_thread_answers_what_waits(sim, monitor, office, monkeypatch):
    """A logging handler may close it."""
    apply = monitor._worker.engine.apply

    def apply_and_close(poll):
        events = apply(poll)
        if events:
            monitor.close()
        return events

    monkeypatch.setattr(monitor._worker.engine, "apply", apply_and_close)
    sim.disturb_log(DISCONNECTED, copies=0)
    sim.drop(office)
    monitor._worker.thread.join(PATIENCE)
    assert [type(event) for event in rest(monitor)] == [Disconnected, Explained]


def test_a_close_while_ras_does_not_answer_answers_too(sim, monitor, office, monkeypatch):
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.3)
    sim.disturb_log(DISCONNECTED, copies=0)
    sim.drop(office)
    end = monitor.get(PATIENCE)
    sim.delay(ENUM, 60.0)
    calls = sim.calls(ENUM)
    sim.add("Branch")
    until(lambda: sim.calls(ENUM) > calls)
    with pytest.warns(ResourceWarning, match="RAS did not answer"):
        monitor.close()
    (reason,) = rest(monitor)
    assert (type(reason), reason.disconnected) == (Explained, end.sequence)
    sim.delay(ENUM, 0.0)
    monitor._worker.thread.join(PATIENCE)
    assert rest(monitor) == []


def test_dropping_it_closes_the_log(sim, ras):
    monitors = [Monitor(ras, interval=SELDOM).__enter__()]
    until(lambda: monitors[0].has_event_log)
    thread = monitors[0]._worker.helper._thread
    with pytest.warns(ResourceWarning, match="not closed"):
        monitors.clear()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert sim.event_handles == 0


FORKED = """
import os, sys
from ras_native import Explained, Monitor, Ras
from ras_native.sim import Simulator
sim = Simulator()
ras = Ras(sim, backend=sys.argv[1])
office = sim.add("Head office")
monitor = Monitor(ras, interval=3600.0).__enter__()
while not monitor.has_event_log:
    pass
monitor.get(30)
child = os.fork()
if not child:
    if sys.argv[2] == "close":
        monitor.close()
    del monitor
    sys.exit(0)
os.waitpid(child, 0)
sim.drop(office, reason=829)
events = [monitor.get(30), monitor.get(30)]
print(isinstance(events[1], Explained), events[1].reason.code)
monitor.close()
"""


@pytest.mark.posix_only("there is no fork on Windows")
@pytest.mark.parametrize("how", ["close", "drop"])
def test_a_forked_child_leaves_the_log_to_its_parent(backend, how):
    python = ("-W", "error", "-W", "ignore:This process", "-W", "ignore::ResourceWarning")
    assert child.run(FORKED, backend, how, python=python).splitlines() == ["True 829"]


# Recording


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_a_recording_has_the_log(sim, ras, tmp_path, pseudonyms):
    path = tmp_path / "recording"
    office = sim.add("Head office")
    with Monitor(ras, interval=SELDOM, record=path, pseudonyms=pseudonyms) as monitor:
        until(lambda: monitor.has_event_log and monitor.has_polled)
        sim.drop(office, reason=829)
        sim.dial("Branch", step=0.001, error=691, local_endpoint="192.0.2.9")
        sim.advance(1.0)
        events = [monitor.get(PATIENCE)]
        while {Explained, DialFailed} - {type(item) for item in events}:
            events.append(monitor.get(PATIENCE))
    events += rest(monitor)
    again = list(replay(path))
    text = path.read_text("ascii")
    if not pseudonyms:
        assert again == events
        return
    assert [type(item) for item in again] == [type(item) for item in events]
    told, right = (
        next(item for item in items if isinstance(item, Explained)) for items in (again, events)
    )
    assert (told.disconnected, told.reason) == (right.disconnected, right.reason)
    hidden = [str(right.log_event.correlation_id), "Head office", "Branch", "192.0.2.9"]
    hidden += [value for value in right.log_event.data if not value.lstrip("-").isdigit()]
    assert not [secret for secret in hidden if secret.lower() in text.lower()]


def test_an_old_recording_has_no_log(tmp_path, sim, ras, office):
    path = tmp_path / "recording"
    with Monitor(ras, interval=SELDOM, event_log=False, record=path) as monitor:
        take(monitor, Found)
        sim.drop(office)
        take(monitor, Disconnected)
    text = path.read_text("ascii").replace(',"event_log":false', "")
    assert "event_log" not in text
    path.write_text(text, "ascii")
    assert [type(item) for item in replay(path)] == [Found, Disconnected]


def test_the_helper_serves_several_jobs(backend):
    """As probes will need it: jobs that are due at a moment, beside one that has an event."""
    done = threading.Event()

    class Often:
        event, due_ns, has_news, runs = None, 0, False, 0

        def run(self):
            self.runs += 1
            if self.runs == 3:
                done.set()
            return self.runs < 3

        def fail(self):
            raise AssertionError

        def close(self):
            self.is_closed = True

    jobs = [Often(), Often()]
    helper = Helper(backend, jobs, lambda: None)
    helper.start()
    assert done.wait(PATIENCE)
    helper.cancel()
    assert helper.join(PATIENCE)
    assert all(job.is_closed for job in jobs)
