"""EventLog: it reads what the simulator writes into its event log."""

from __future__ import annotations

import _ctypes
import threading
from datetime import timedelta
from itertools import chain
from uuid import UUID

import child
import open_handles
import pytest
from host import under_wine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ras_native import Cancelled, Event, ProviderError, Ras
from ras_native.event_log import EventLog, EventLogError, LogRead, _event_log
from ras_native.sim import Simulator

COID = UUID("facbee10-0102-0304-0506-0708090a0b0c")
WRITTEN = 20299  # an id that RAS does not write


@pytest.fixture
def log(sim: Simulator, backend: str):
    """A log of the simulator; in the end nothing of it is left open."""
    with EventLog(sim, backend=backend) as opened:
        yield opened
    assert (sim.subscriptions, sim.event_handles) == (0, 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the attempts to subscribe again; its time is the first item."""
    time = [1000.0]
    monkeypatch.setattr(_event_log, "monotonic", lambda: time[0])
    return time


def write(sim: Simulator, *texts: str) -> None:
    for text in texts:
        sim.write_log_event(WRITTEN, [text])


def texts(read: LogRead) -> list[str]:
    return [event.data[0] for event in read.events]


# What is read


@pytest.mark.ledger("EV-1")
def test_the_events_of_a_connection_are_read_in_order(sim: Simulator, log: EventLog) -> None:
    handle = sim.dial("Zürich & <Büro>", correlation_id=COID, step=1.0)
    sim.advance(20.0)
    sim.drop(handle, reason=829)
    read = log.read()
    ids = [event.event_id for event in read.events]
    assert ids == [20221, 20222, 20223, 20224, 20281, 20225, 20226]
    assert {event.correlation_id for event in read.events} == {COID}
    assert {(event.source, event.channel) for event in read.events} == {
        ("RasClient", "Application")
    }
    records = [event.record_id for event in read.events]
    assert records == sorted(set(records))
    times = [event.time for event in read.events]
    assert times == sorted(times)
    assert times[-1] == sim.epoch + timedelta(seconds=20)
    entries = {event.event_id: event.entry for event in read.events if event.entry}
    assert entries == dict.fromkeys((20221, 20222, 20225, 20226), "Zürich & <Büro>")
    assert [event.code for event in read.events] == [None] * 6 + [829]
    assert (read.missed, read.error, read.unreadable) == (False, None, 0)
    assert log.read() == LogRead()


@pytest.mark.ledger("EV-1")
def test_the_correlation_id_is_that_of_the_listed_connection(
    sim: Simulator, ras: Ras, log: EventLog
) -> None:
    handle = sim.add("Office")
    (connection,) = ras.enum_connections()
    sim.drop(handle, reason=-2146762495 & 0xFFFFFFFF)
    *_, ended = log.read().events
    assert ended.correlation_id == connection.correlation_id is not None
    assert ended.code == 0x800B0101


@pytest.mark.ledger("EV-1")
def test_an_event_without_correlation_id(sim: Simulator, log: EventLog) -> None:
    sim.disturb_log(20226, correlation=False, entry_name="B?ro", code=631)
    sim.drop(sim.add("Büro"))
    *_, ended = log.read().events
    assert ended.data[0] == "{NA}"
    assert (ended.correlation_id, ended.entry, ended.code) == (None, "B?ro", 631)


def test_events_of_other_sources_are_read_too(sim: Simulator, log: EventLog) -> None:
    sim.write_log_event(20268, ["a"], source="Rasman", channel="System")
    sim.write_log_event(1, [f"{{{COID}}}"], source="Microsoft-Windows-RasSstp", channel="System")
    sim.write_log_event(20226, ["a"], source="Another")
    sim.write_log_event(1, ["a"], source="Rasman")
    rasman, sstp = log.read().events
    assert (rasman.channel, rasman.source, rasman.event_id) == ("System", "Rasman", 20268)
    assert sstp.correlation_id == COID


def test_only_new_events_are_read_unless_past_ones_are_asked_for(
    sim: Simulator, backend: str
) -> None:
    write(sim, "a", "b")
    with (
        EventLog(sim, backend=backend) as new,
        EventLog(sim, backend=backend, past=True) as every,
    ):
        write(sim, "c")
        assert texts(new.read()) == ["c"]
        assert texts(every.read()) == ["a", "b", "c"]


def test_two_logs_read_the_same_events(sim: Simulator, log: EventLog, backend: str) -> None:
    with EventLog(sim, backend=backend) as other:
        write(sim, "a")
        assert log.read() == other.read()


def test_an_unreadable_event_is_left_out(sim: Simulator, log: EventLog) -> None:
    write(sim, "a")
    sim.write_log_event(WRITTEN, xml="<Event>&bomb;</Event>")
    write(sim, "b")
    read = log.read()
    assert (texts(read), read.unreadable, read.error) == (["a", "b"], 1, None)


def test_many_events_come_in_parts(sim: Simulator, log: EventLog) -> None:
    wanted = [str(number) for number in range(600)]
    write(sim, *wanted)
    parts = []
    while log.wait(0):
        parts.append(texts(log.read()))
    assert [len(part) for part in parts] == [256, 256, 88]
    assert list(chain(*parts)) == wanted


# Waiting


def test_the_first_wait_leads_to_a_read(log: EventLog) -> None:
    assert log.wait(0)
    assert log.read() == LogRead()
    assert not log.wait(0)


@pytest.mark.ledger("EV-7")
def test_a_new_event_ends_a_wait(sim: Simulator, log: EventLog) -> None:
    log.read()
    assert not log.wait(0)
    writer = threading.Timer(0.01, write, (sim, "a"))
    writer.start()
    assert log.wait()
    writer.join()
    assert log.wait(0)
    assert texts(log.read()) == ["a"]
    assert not log.wait(0)


@pytest.mark.ledger("EV-7")
def test_a_wait_can_be_cancelled(log: EventLog, backend: str) -> None:
    log.read()
    with Event(backend=backend) as cancel:
        assert not log.wait(0, cancel=cancel)
        canceller = threading.Timer(0.01, cancel.set)
        canceller.start()
        with pytest.raises(Cancelled):
            log.wait(cancel=cancel)
        canceller.join()


@pytest.mark.ledger("EV-7")
def test_a_close_ends_a_wait(sim: Simulator, backend: str) -> None:
    log = EventLog(sim, backend=backend)
    log.read()
    closer = threading.Timer(0.01, log.close)
    closer.start()
    with pytest.raises(ValueError, match="this EventLog is closed"):
        log.wait()
    closer.join()


def test_wrong_arguments_of_a_wait(log: EventLog, backend: str) -> None:
    with pytest.raises(ValueError, match=r"^timeout"):
        log.wait(-1)
    with pytest.raises(TypeError, match=r"^cancel"):
        log.wait(0, cancel=1)  # type: ignore[arg-type]
    closed = Event(backend=backend)
    closed.close()
    with pytest.raises(ValueError, match=r"^cancel"):
        log.wait(0, cancel=closed)


def test_a_log_that_is_silent_is_looked_at_once_a_minute(log: EventLog, clock: list[float]) -> None:
    for _ in range(2):
        log.read()
        clock[0] += 59
        assert not log.wait(0)
        clock[0] += 1
        assert log.wait(0)


# Nothing new


@pytest.mark.ledger("EV-2")
@pytest.mark.parametrize("code", [259, 1460, 4317])
def test_a_signal_without_news(sim: Simulator, log: EventLog, code: int) -> None:
    sim.no_news_code = code
    write(sim, "a")
    assert texts(log.read()) == ["a"]
    for _ in range(10):
        sim.signal_subscriptions()
        assert log.wait(0)
        assert log.read() == LogRead()
    write(sim, "b")
    assert texts(log.read()) == ["b"]


# A lost subscription


@pytest.mark.ledger("EV-3")
@pytest.mark.parametrize("code", [15011, 6, 1722, 1734])
def test_after_a_lost_subscription_nothing_is_missing(
    sim: Simulator, log: EventLog, code: int
) -> None:
    write(sim, "a", "b")
    assert texts(log.read()) == ["a", "b"]
    sim.break_subscriptions(code)
    write(sim, "c", "d")
    read = log.read()
    assert (texts(read), read.missed, read.error) == (["c", "d"], False, None)
    assert log.read() == LogRead()


@pytest.mark.ledger("EV-3")
def test_what_a_cleared_log_lost_is_told(sim: Simulator, log: EventLog, clock: list[float]) -> None:
    write(sim, "a")
    assert texts(log.read()) == ["a"]
    write(sim, "b")
    sim.clear_log()
    write(sim, "c")
    read = log.read()
    assert (texts(read), read.missed, read.error) == (["c"], True, None)
    sim.break_subscriptions()
    write(sim, "d")
    assert log.read().error is not None  # it was made again a moment ago
    clock[0] += 1
    read = log.read()
    assert (texts(read), read.missed) == (["d"], False)


@pytest.mark.ledger("EV-3")
def test_a_subscription_that_is_lost_before_its_first_event(sim: Simulator, log: EventLog) -> None:
    sim.break_subscriptions()
    write(sim, "a")
    read = log.read()
    assert (texts(read), read.missed, read.error) == ([], True, None)
    write(sim, "b")
    assert texts(log.read()) == ["b"]


@pytest.mark.ledger("EV-3")
def test_a_service_that_is_away_for_a_while(
    sim: Simulator, log: EventLog, clock: list[float]
) -> None:
    write(sim, "a")
    assert texts(log.read()) == ["a"]
    sim.break_subscriptions(1722)
    sim.fail("EvtSubscribe", 1722, count=3)  # the ways to subscribe again
    write(sim, "b")
    for _ in range(5):
        read = log.read()
        assert (texts(read), read.missed) == ([], False)
        assert isinstance(read.error, EventLogError)
        assert (read.error.code, read.error.function) == (1722, "EvtSubscribe")
    assert not log.wait(0)
    clock[0] += 60
    assert log.wait(0)
    read = log.read()
    assert (texts(read), read.missed, read.error) == (["b"], False, None)


STEPS = st.lists(st.sampled_from(["write", "read", "lose", "signal", "clear"]), max_size=30)


@pytest.mark.ledger("EV-3")
@given(steps=STEPS, no_news=st.sampled_from([259, 1460, 4317]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_read_twice_and_what_is_missing_is_told(
    sim: Simulator, backend: str, clock: list[float], steps: list[str], no_news: int
) -> None:
    sim.no_news_code = no_news
    found: list[str] = []
    written, missed, can_miss = 0, False, False
    with EventLog(sim, backend=backend) as log:
        for step in [*steps, "read"]:
            if step == "write":
                write(sim, str(written))
                written += 1
            elif step == "lose":
                sim.break_subscriptions()
                can_miss = can_miss or not found
            elif step == "signal":
                sim.signal_subscriptions()
                can_miss = can_miss or (no_news == 4317 and not found)  # it may seem dead
            elif step == "clear":
                sim.clear_log()
                can_miss = True
            else:
                clock[0] += 100
                read = log.read()
                assert read.error is None
                found += texts(read)
                missed = missed or read.missed
    numbers = [int(text) for text in found]
    assert numbers == sorted(set(numbers))
    if not missed:
        assert numbers == list(range(written))
    if not can_miss:
        assert not missed
    assert (sim.subscriptions, sim.event_handles) == (0, 0)


# Where there is no log


@pytest.mark.ledger("EV-4")
def test_an_event_log_that_answers_as_wine_does(sim: Simulator, backend: str) -> None:
    sim.fail("EvtSubscribe", 0)
    with pytest.raises(ProviderError, match="NULL and no error, as Wine's does"):
        EventLog(sim, backend=backend)
    assert sim.event_handles == 0


@pytest.mark.ledger("EV-4")
def test_a_library_without_the_functions(backend: str) -> None:
    with pytest.raises(ProviderError, match="it has no EvtSubscribe") as caught:
        EventLog(_ctypes.__file__, backend=backend)
    assert caught.value.function == "EvtSubscribe"


@pytest.mark.windows_only("only Windows has an event log")
def test_the_log_of_the_system_is_read_unless_this_is_wine(backend: str) -> None:
    if under_wine():
        with pytest.raises(ProviderError, match="as Wine's does"):
            EventLog(backend=backend)
    else:
        with EventLog(backend=backend) as log:
            assert log.read().error is None


@pytest.mark.ledger("EV-4")
@pytest.mark.posix_only("Windows has an event log")
def test_a_system_without_an_event_log(backend: str) -> None:
    with pytest.raises(ProviderError, match=r"exists only on Windows.*simulator"):
        EventLog(backend=backend)


def test_wrong_arguments(tmp_path, backend: str) -> None:
    with pytest.raises(TypeError, match=r"^library"):
        EventLog(1, backend=backend)  # type: ignore[arg-type]
    with pytest.raises(ProviderError, match="there is no such file"):
        EventLog(tmp_path / "wevtapi.dll", backend=backend)
    with pytest.raises(ValueError, match=r"^backend"):
        EventLog(backend="rust")
    (tmp_path / "wevtapi.dll").write_bytes(b"no library")
    with pytest.raises(ProviderError, match="not a library"):
        EventLog(tmp_path / "wevtapi.dll", backend=backend)


# Its end


def test_a_closed_log_cannot_be_used(sim: Simulator, backend: str) -> None:
    with EventLog(sim, backend=backend) as log:
        assert sim.subscriptions == 1
        assert f"backend={backend}" in repr(log)
    log.close()
    assert sim.event_handles == 0
    assert "closed" in repr(log)
    for use in (log.read, log.wait):
        with pytest.raises(ValueError, match="this EventLog is closed"):
            use()


def test_a_log_that_is_not_closed_is_named(sim: Simulator, backend: str) -> None:
    log = EventLog(sim, backend=backend)
    with pytest.warns(ResourceWarning, match=r"EventLog .* was not closed"):
        del log
    assert sim.event_handles == 0


def test_a_log_outlives_its_simulator(sim: Simulator, backend: str) -> None:
    with EventLog(sim, backend=backend) as log:
        write(sim, "a")
        sim.close()
        assert log.read().events == ()


def test_a_close_waits_for_the_read_that_is_under_way(
    sim: Simulator, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = EventLog(sim, backend=backend)
    write(sim, "a", "b")
    parse = _event_log.Subscription._take_batch.__globals__["parse"]

    def close_and_parse(xml: str):
        log.close()
        assert sim.subscriptions == 1
        with pytest.raises(ValueError, match="closed"):
            log.read()
        return parse(xml)

    monkeypatch.setitem(_event_log.Subscription._take_batch.__globals__, "parse", close_and_parse)
    assert texts(log.read()) == ["a", "b"]
    assert sim.event_handles == 0


def test_a_signal_handler_may_close_while_its_thread_holds_the_lock(log: EventLog) -> None:
    with log._lock:
        log.close()
    with pytest.raises(ValueError, match="closed"):
        log.read()


def test_a_signal_handler_may_close_while_a_read_begins(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = log._open_event

    def look_and_close() -> object:
        found = look()
        log.close()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(log, "_open_event", look_and_close)
        for _ in range(2):
            with pytest.raises(ValueError, match="closed"):
                log.read()


def test_two_threads_cannot_read_at_once(
    sim: Simulator, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = _event_log.Subscription._take_batch.__globals__
    parse = names["parse"]

    def read_and_parse(xml: str):
        with pytest.raises(RuntimeError, match="another thread is reading"):
            log.read()
        return parse(xml)

    monkeypatch.setitem(names, "parse", read_and_parse)
    write(sim, "a")
    assert texts(log.read()) == ["a"]


def test_logs_leave_no_handle_of_the_system_open(sim: Simulator, backend: str) -> None:
    def use() -> None:
        with EventLog(sim, backend=backend) as log:
            write(sim, "a")
            log.read()

    use()
    before = open_handles.count()
    for _ in range(20):
        use()
    assert open_handles.count() <= before


FORK = """
import os, sys
from ras_native.event_log import EventLog
from ras_native.sim import Simulator
sim = Simulator()
log = EventLog(sim, backend=sys.argv[1])
sim.write_log_event(20299, ["a"])
child = os.fork()
if not child:
    for use in (log.read, log.wait):
        try:
            use()
        except ValueError as error:
            print(error)
    log.close()
    sys.stdout.flush()
    os._exit(0)
assert os.waitpid(child, 0) == (child, 0)
print(log.wait(0), len(log.read().events), sim.subscriptions)
log.close()
sim.close()
"""


@pytest.mark.posix_only("Windows has no fork")
def test_a_log_belongs_to_the_process_that_opened_it(backend: str) -> None:
    why = "this EventLog belongs to the process that forked this one\n"
    ignore = ("-W", "error", "-W", "ignore::DeprecationWarning")
    assert child.run(FORK, backend, python=ignore) == f"{why}{why}True 1 1\n"
