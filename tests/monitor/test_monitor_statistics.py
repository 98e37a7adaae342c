"""A Monitor that samples statistics: sums, rates, uptime and health, and whom the samples wake."""

from __future__ import annotations

import json
import time
from dataclasses import replace as changed
from uuid import UUID

import pytest
from spy import exported, replace, without_optional_functions
from waiting import MS, World
from watching import PATIENCE, until

from ras_native import (
    Connected,
    ConnState,
    ConnSubstate,
    Disconnected,
    Found,
    Health,
    HealthChanged,
    HealthKind,
    Monitor,
    Ras,
    Silence,
    Snapshot,
    replay,
)
from ras_native._backend import ctypes_ras
from ras_native._backend.layout import RN_TRAFFIC, RnTraffic
from ras_native._event import new_backend_event
from ras_native._polled import PolledSnapshot
from ras_native.monitor import watcher
from ras_native.monitor.engine import Engine, Poll
from ras_native.monitor.health import Sample
from ras_native.monitor.recording import Recorder
from ras_native.monitor.watcher import NativeWaiter, PlainWaiter, Sampling

ENUM, GET = "RasEnumConnectionsW", "RasGetConnectionStatistics"
SELDOM = 3600.0
OFTEN = 0.01
S = 1_000_000_000


@pytest.fixture
def sampling(ras):
    """Return a function that opens a Monitor of one connection and takes its Found."""
    opened = []

    def open_(**options):
        options = {"interval": SELDOM, "statistics_interval": OFTEN, **options}
        monitor = Monitor(ras, event_log=False, **options)
        opened.append(monitor)
        monitor.__enter__()
        assert isinstance(monitor.get(PATIENCE), Found)
        return monitor

    yield open_
    for monitor in opened:
        monitor.close()


def sampled(monitor, condition=bool, entry="Head office"):
    """Wait for traffic for which the condition is true."""
    found = []

    def look():
        traffic = monitor.statistics(entry)
        if traffic is not None and condition(traffic):
            found.append(traffic)
        return bool(found)

    until(look)
    return found[0]


# Sums, rates and uptime


@pytest.mark.ledger("ST-8", "ST-11")
def test_sums_go_on_after_a_wrap(sim, sampling):
    handle = sim.add("Head office")
    sim.set_statistics(
        handle, bytes_received=2**32 - 10, frames_received=3_000_000, crc_errors=3, bps=100
    )
    monitor = sampling()
    first = sampled(monitor)
    assert (first.bytes_received, first.crc_errors, first.bps) == (2**32 - 10, 3, 100)
    sim.set_statistics(handle, bytes_received=90, frames_received=3_000_001, crc_errors=3)
    second = sampled(monitor, lambda traffic: traffic.bytes_received != first.bytes_received)
    assert (second.bytes_received, second.frames_received) == (2**32 + 90, 3_000_001)
    assert (second.clears, second.is_certain, second.code) == (0, True, 0)
    assert second.connection == monitor.state("Head office").connection
    assert json.loads(json.dumps(second.to_dict()))["bytes_received"] == 2**32 + 90


@pytest.mark.ledger("ST-9")
def test_another_program_may_clear_the_counters(sim, ras, sampling):
    handle = sim.add("Head office")
    sim.set_statistics(handle, bytes_sent=1000, frames_sent=10)
    monitor = sampling()
    sampled(monitor)
    ras.clear_connection_statistics(handle)
    cleared = sampled(monitor, lambda traffic: traffic.clears)
    assert (cleared.bytes_sent, cleared.clears) == (1000, 1)
    sim.set_statistics(handle, bytes_sent=5, frames_sent=1)
    assert sampled(monitor, lambda traffic: traffic.bytes_sent != 1000).bytes_sent == 1005


@pytest.mark.ledger("ST-10")
def test_a_new_connection_of_an_entry_begins_at_0(sim, sampling):
    handle = sim.add("Head office")
    sim.set_statistics(handle, bytes_sent=1000, frames_sent=10)
    monitor = sampling()
    sampled(monitor)
    sim.drop(handle)
    again = sim.add("Head office", handle=handle)  # Windows may use a handle again
    assert {type(monitor.get(PATIENCE)) for _ in range(2)} == {Disconnected, Connected}
    calls = sim.calls(GET)
    sim.set_statistics(again, bytes_sent=400, frames_sent=4)
    until(lambda: sim.calls(GET) > calls + 2)
    traffic = sampled(monitor)
    assert (traffic.bytes_sent, traffic.clears) == (400, 0)


@pytest.mark.ledger("ST-10")
def test_a_handle_that_is_used_again_has_no_traffic_before_its_first_sample(sim, sampling):
    handle = sim.add("Head office")
    monitor = sampling(statistics_interval=SELDOM)
    sampled(monitor)
    sim.drop(handle)
    assert isinstance(monitor.get(PATIENCE), Disconnected)
    assert monitor.statistics("Head office") is None
    sim.add("Head office", handle=handle)
    assert isinstance(monitor.get(PATIENCE), Connected)
    assert monitor.statistics("Head office") is None


@pytest.mark.ledger("ST-10")
def test_a_duration_that_runs_backwards_begins_at_0(sim, sampling):
    handle = sim.add("Head office")
    sim.set_statistics(handle, duration=500, bytes_sent=1000, frames_sent=10)
    monitor = sampling()
    assert sampled(monitor).uptime == 500
    sim.set_statistics(handle, duration=2, bytes_sent=7, frames_sent=1)
    traffic = sampled(monitor, lambda traffic: traffic.uptime < 500)
    traffic = sampled(monitor, lambda traffic: traffic.bytes_sent != 0)
    assert (traffic.bytes_sent, traffic.clears, traffic.uptime) == (7, 0, 2)


@pytest.mark.ledger("ST-11")
def test_rates_need_two_samples(sim, sampling):
    sim.add("Head office")
    monitor = sampling(statistics_interval=SELDOM)
    traffic = sampled(monitor)
    assert (traffic.sent_per_second, traffic.received_per_second) == (None, None)


@pytest.mark.ledger("ST-8", "ST-11")
def test_all_statistics_are_those_of_each_connection(sim, sampling):
    for name in ("Office", "Home"):
        sim.set_statistics(sim.add(name), bytes_sent=len(name))
    monitor = sampling(statistics_interval=SELDOM)
    until(lambda: len(monitor.all_statistics()) == 2)
    assert [item.bytes_sent for item in monitor.all_statistics()] == [6, 4]
    each = tuple(monitor.statistics(name) for name in ("Office", "Home"))
    assert monitor.all_statistics() == each


@pytest.mark.ledger("ST-11")
def test_rates_are_those_of_the_last_interval(sim, sampling):
    handle = sim.add("Head office")
    monitor = sampling()
    sampled(monitor)
    sim.set_statistics(handle, bytes_sent=1_000_000, frames_sent=1000)
    traffic = sampled(monitor, lambda traffic: traffic.bytes_sent)
    record = RnTraffic.from_buffer_copy(monitor._worker.watcher.traffic())
    assert traffic.received_per_second == 0
    if record.new_sent:  # no other sample came between
        passed = (record.sampled_ns - record.previous_ns) / S
        assert traffic.sent_per_second == pytest.approx(1_000_000 / passed)
    sampled(monitor, lambda traffic: traffic.sent_per_second == 0)


@pytest.mark.ledger("ST-13")
def test_a_connection_that_was_found_has_its_real_uptime(sim, sampling):
    handle = sim.add("Head office")
    sim.set_statistics(handle, duration=5000)
    begun = time.perf_counter()
    monitor = sampling()
    assert sampled(monitor).uptime == 5000
    sim.drop(handle)
    ended = monitor.get(PATIENCE)
    assert isinstance(ended, Disconnected)
    assert 5000 <= ended.uptime <= 5000 + (time.perf_counter() - begun)


@pytest.mark.ledger("ST-13")
def test_one_that_ends_before_its_first_sample_has_the_uptime_of_the_polls(sim, sampling):
    sim.add("Branch")
    monitor = sampling(statistics_interval=SELDOM)
    sampled(monitor, entry="Branch")
    handle = sim.add("Head office")
    assert isinstance(monitor.get(PATIENCE), Connected)
    sim.set_statistics(handle, duration=5000)
    assert monitor.statistics("Head office") is None
    sim.drop(handle)
    assert 0 <= monitor.get(PATIENCE).uptime < 5000


# Whom samples wake


@pytest.mark.ledger("ST-14", "ST-7")
def test_samples_wake_no_consumer_and_show_the_engine_nothing(sim, sampling):
    handle = sim.add("Head office")
    monitor = sampling()
    applied, apply = [], monitor._worker.engine.apply
    monitor._worker.engine.apply = lambda poll: applied.append(poll) or apply(poll)
    snapshot, polls = monitor.snapshot, monitor.counts.polls
    sim.reset_calls()
    until(lambda: sim.calls(GET) > 20)
    sim.set_statistics(handle, bytes_received=5, frames_received=1)
    sampled(monitor, lambda traffic: traffic.bytes_received == 5)
    assert applied == []
    assert monitor.snapshot is snapshot
    assert monitor.counts.polls == polls
    assert sim.calls(ENUM) == 0
    with pytest.raises(TimeoutError):
        monitor.get(0)


@pytest.mark.ledger("ST-14")
def test_without_an_interval_nothing_is_sampled(sim, ras):
    handle = sim.add("Head office")
    with Monitor(ras, interval=0.001, event_log=False) as monitor:
        until(lambda: monitor.counts.polls > 20)
        assert sim.calls(GET) == 0
        with pytest.raises(ValueError, match="statistics_interval"):
            monitor.statistics("Head office")
        assert monitor.health("Head office").kind is HealthKind.UP
        assert isinstance(monitor.get(PATIENCE), Found)
        sim.drop(handle)
        assert monitor.get(PATIENCE).uptime is None


@pytest.mark.ledger("ST-6")
def test_a_provider_without_statistics_is_watched_all_the_same(sim, ras):
    handle = sim.add("Head office")
    with (
        without_optional_functions(ras),
        Monitor(ras, interval=0.001, event_log=False, statistics_interval=OFTEN) as monitor,
    ):
        until(lambda: monitor.counts.polls > 100)
        assert monitor.statistics("Head office") is None
        sim.drop(handle)
        assert [type(monitor.get(PATIENCE)) for _ in range(2)] == [Found, Disconnected]


@pytest.mark.ledger("ST-11")
def test_a_service_that_fails_stops_no_sums(sim, sampling):
    handle = sim.add("Head office")
    sim.set_statistics(handle, bytes_sent=100, frames_sent=1)
    monitor = sampling()
    sampled(monitor)
    sim.fail(GET, 711, count=None)
    failed = sampled(monitor, lambda traffic: traffic.code)
    assert (failed.code, failed.bytes_sent) == (711, 100)


def test_many_connections_are_sampled(sim, ras):
    handles = [sim.add(f"entry {number}") for number in range(50)]
    for number, handle in enumerate(handles):
        sim.set_statistics(handle, bytes_sent=number)
    with Monitor(ras, interval=SELDOM, statistics_interval=OFTEN, event_log=False) as monitor:
        for number in range(50):
            assert sampled(monitor, entry=f"ENTRY {number}").bytes_sent == number
        for handle in handles[::2]:
            sim.drop(handle)
        sim.add("another")
        assert sampled(monitor, entry="another").bytes_sent == 0
        size = RN_TRAFFIC.size
        until(lambda: len(monitor._worker.watcher.traffic()) == 26 * size)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"statistics_interval": 0}, ValueError, "statistics_interval"),
        ({"statistics_interval": 0.001}, ValueError, "statistics_interval"),
        ({"statistics_interval": "1"}, TypeError, "statistics_interval"),
        ({"statistics_interval": True}, TypeError, "statistics_interval"),
        ({"silent_after": 0}, ValueError, "silent_after"),
        ({"silent_after": None}, TypeError, "silent_after"),
        ({"silent_after": float("nan")}, ValueError, "silent_after"),
    ],
)
def test_bad_arguments(sim, ras, options, error, message):
    sim.reset_calls()
    with pytest.raises(error, match=message):
        Monitor(ras, **options)
    assert sim.calls_total == 0


def test_it_must_be_entered_first(ras):
    monitor = Monitor(ras, statistics_interval=1, event_log=False)
    for ask in (monitor.statistics, monitor.health):
        with pytest.raises(ValueError, match="enter"):
            ask("Head office")
    monitor.close()
    with Monitor(ras, statistics_interval=1, event_log=False) as entered:
        assert (entered.statistics("nobody"), entered.health("nobody")) == (None, None)
        with pytest.raises(TypeError, match="entry"):
            entered.statistics(5)


# Silence


@pytest.mark.ledger("ST-12", "ST-15")
def test_a_zombie_is_found_and_its_revival(sim, sampling):
    handle = sim.add("Head office")
    sim.set_traffic(handle, received=1000, sent=1000)
    monitor = sampling(silent_after=0.05)
    sim.advance(10)
    sampled(monitor, lambda traffic: traffic.bytes_received == 10_000)
    assert monitor.health("head office").kind is HealthKind.UP
    sim.zombie(handle, sent=70, after=0)
    sim.advance(10)
    event = monitor.get(PATIENCE)
    assert isinstance(event, HealthChanged)
    assert (event.entry, event.connection.handle) == ("Head office", handle)
    assert (event.previous.kind, event.health.kind) == (HealthKind.UP, HealthKind.SILENT)
    assert event.health.silence.bytes_sent == 700
    assert event.monotonic_ns - event.health.silence.since_ns >= 0.05 * S
    assert monitor.health("Head office") == event.health
    assert monitor.state("Head office").is_up
    sim.set_traffic(handle, received=1)
    sim.advance(1)
    event = monitor.get(PATIENCE)
    assert (event.previous.kind, event.health.kind) == (HealthKind.SILENT, HealthKind.UP)
    assert event.health.silence is None
    assert json.loads(json.dumps(event.to_dict()))["previous"]["kind"] == "silent"


class Waiting:
    """A waiter that samples, its list and what it waits for."""

    def __init__(self, ras, sampling):
        make = NativeWaiter if ras.backend == "native" else None
        self.polled = PolledSnapshot(ras._new_list(with_status=True))
        self.waiter = (
            make(self.polled.connections, sampling) if make else PlainWaiter(self.polled, sampling)
        )
        self.cancel = new_backend_event(ras.backend)

    def wait(self, interval=3600 * S, look=None):
        look = self.waiter.wait(
            None,
            self.cancel,
            generation=self.polled.generation,
            look_ns=look,
            interval_ns=interval,
        )
        if look is not None and look.generation > 0:
            self.polled.refresh()
        return look

    def record(self):
        return RnTraffic.from_buffer_copy(self.waiter.traffic())


@pytest.mark.ledger("ST-12")
def test_the_first_sample_at_or_after_the_limit_finds_it(sim, ras):
    handle = sim.add("Head office")
    waiting = Waiting(ras, Sampling(10 * MS, 35 * MS))
    waiting.wait()
    sim.set_statistics(handle, bytes_sent=1)  # before the first sample: it does not count
    look = waiting.wait(look=time.perf_counter_ns() + 20 * MS)
    assert not waiting.waiter.silence_changed
    sim.set_statistics(handle, bytes_sent=2, frames_sent=1)
    look = waiting.wait()
    assert waiting.waiter.silence_changed
    record = waiting.record()
    assert (record.is_silent, record.unanswered_bytes) == (1, 1)
    since = record.unanswered_ns
    assert record.previous_ns - since < 35 * MS <= record.sampled_ns - since
    assert record.sampled_ns <= look.monotonic_ns
    sim.set_statistics(handle, bytes_sent=2, bytes_received=1, frames_sent=1, frames_received=1)
    waiting.wait()
    assert (waiting.waiter.silence_changed, waiting.record().is_silent) == (True, 0)


@pytest.mark.ledger("ST-12")
@pytest.mark.parametrize("substate", [ConnSubstate.DORMANT, ConnSubstate.RECONNECTING])
def test_an_outage_that_ras_knows_is_no_silence(sim, ras, substate):
    """It counts again from the end of the outage."""
    handle = sim.add("Head office")
    waiting = Waiting(ras, Sampling(10 * MS, MS))
    waiting.wait()
    waiting.wait(look=time.perf_counter_ns() + 15 * MS)
    sim.set_status(handle, substate=substate)
    waiting.wait(look=time.perf_counter_ns())
    sim.set_statistics(handle, bytes_sent=2, frames_sent=1)
    waiting.wait(look=time.perf_counter_ns() + 60 * MS)
    record = waiting.record()
    assert (record.is_up, record.is_silent, record.unanswered_ns) == (0, 0, 0)
    assert record.bytes_sent == 2
    sim.set_status(handle, substate=ConnSubstate.RECONNECTED)
    waiting.wait(look=time.perf_counter_ns())
    sim.set_statistics(handle, bytes_sent=3, frames_sent=2)
    look = waiting.wait()
    assert (waiting.waiter.silence_changed, waiting.record().is_silent) == (True, 1)
    assert look.monotonic_ns >= waiting.record().unanswered_ns + MS


@pytest.mark.ledger("ST-12")
def test_a_failed_poll_does_not_lose_the_change(sim, ras):
    handle = sim.add("Head office")
    waiting = Waiting(ras, Sampling(10 * MS, MS))
    waiting.wait()
    waiting.wait(look=time.perf_counter_ns() + 15 * MS)
    sim.fail(ENUM, 711, count=2)
    sim.set_statistics(handle, bytes_sent=2, frames_sent=1)
    told = []
    while not told or told[-1][0] < 0:
        told.append((waiting.wait(interval=20 * MS).generation, waiting.waiter.silence_changed))
    assert told[-1][1]
    assert [generation for generation, _ in told[:-1]] == [-711, -711]


def test_after_a_failed_poll_a_change_waits_for_the_next_poll(sim, ras):
    handle = sim.add("Head office")
    waiting = Waiting(ras, Sampling(10 * MS, MS))
    waiting.wait()
    waiting.wait(look=time.perf_counter_ns() + 15 * MS)
    sim.fail(ENUM, 711, count=2)
    sim.set_statistics(handle, bytes_sent=2, frames_sent=1)
    assert waiting.wait().generation == -711
    look_ns, polls = time.perf_counter_ns() + 35 * MS, waiting.waiter.polls
    assert waiting.wait(look=look_ns).monotonic_ns >= look_ns
    assert waiting.waiter.polls == polls + 1


@pytest.fixture
def world(monkeypatch):
    """A simulated clock for the waiter in Python."""
    made = World()
    monkeypatch.setattr(watcher, "time", made)
    monkeypatch.setattr(watcher, "slept_ns", lambda: made.slept)
    monkeypatch.setattr(ctypes_ras, "now_ns", made.perf_counter_ns)
    return made


def test_samples_have_absolute_moments_and_missed_ones_are_skipped(sim, world):
    sim.add("Head office")
    with Ras(sim, backend="ctypes") as ras:
        polled = PolledSnapshot(ras._new_list(with_status=True))
        world.waiter = PlainWaiter(polled, Sampling(30 * MS, S))
        moments, sample = [], polled.connections.sample

        def watched(meter, at_ns):
            moments.append(world.now // MS)
            world.now += {2: 100 * MS}.get(len(moments), 2 * MS)
            return sample(meter, at_ns)

        polled.connections.sample = watched
        world.wait(known=-1)
        assert moments == []
        world.wait(known=2, look=250 * MS)
        assert moments == [0, 30, 130, 150, 180, 210, 240]
        assert world.waiter.polls == 4  # at 0, 130 (late), 200 and 250


def test_the_zombie_of_the_simulator_is_found_within_an_interval(sim, world):
    """The tunnel dies after five idle minutes; then something is sent."""
    handle = sim.add("Head office")
    sim.set_traffic(handle, received=100, sent=100)
    with Ras(sim, backend="ctypes") as ras:
        polled = PolledSnapshot(ras._new_list(with_status=True))
        world.waiter = PlainWaiter(polled, Sampling(10 * S, 60 * S))
        sample = polled.connections.sample

        def advancing(meter, at_ns):
            sim.advance(world.now / S - sim.now)
            return sample(meter, at_ns)

        polled.connections.sample = advancing
        known = world.wait(known=-1, interval=3600 * S).generation
        polled.refresh()
        sim.set_traffic(handle, after=100)
        sim.zombie(handle, after=403.5)
        look = world.wait(known=known, interval=3600 * S)
        assert world.waiter.silence_changed
        assert 403.5 + 60 <= look.monotonic_ns / S <= 403.5 + 60 + 10
        assert look.monotonic_ns == 470 * S


# The engine


def observation(ras, substate=ConnSubstate.NONE):
    (item,) = ras.snapshot()
    return item._replace(status=item.status._replace(substate=substate))


class Tape:
    """An engine, and a recorder of its polls."""

    def __init__(self, path, **options):
        pseudonyms = options.pop("pseudonyms", False)
        self.engine = Engine(interval_ns=S, **options)
        self.recorder = Recorder(path, interval_ns=S, pseudonyms=pseudonyms, **options)
        self.now, self.events = 50 * S, []

    def poll(self, *items, **poll):
        previous, self.now = self.now, self.now + S
        given = Poll(self.now, self.now, previous, Snapshot(items), **poll)
        events = self.engine.apply(given)
        self.recorder.write(given, told=bool(events))
        self.events += events
        return events


SILENCE = Silence(since_ns=40 * S, bytes_sent=700)


def sample_of(item, silence=None, connected_ns=-7 * S):
    connection = item.connection
    return (Sample(connection.handle, connection.correlation_id, connected_ns, silence),)


def tell_everything(ras, tape):
    item = observation(ras)
    tape.poll(item)
    tape.poll(item, samples=sample_of(item))
    tape.poll(item, samples=sample_of(item, SILENCE))
    tape.poll(item, samples=sample_of(item, changed(SILENCE, bytes_sent=800)))
    tape.poll(item._replace(status=None, code=5))
    tape.poll(item)
    tape.poll(item, samples=sample_of(item))
    tape.poll(item, samples=sample_of(item, SILENCE))
    dormant = observation(ras, ConnSubstate.DORMANT)
    tape.poll(dormant, samples=sample_of(item))
    tape.poll(dormant._replace(status=None, code=5), samples=sample_of(item))
    tape.poll(observation(ras, ConnSubstate.RECONNECTING))
    tape.poll(item)
    tape.poll(samples=sample_of(item))
    tape.recorder.close()


@pytest.mark.ledger("ST-15")
def test_each_change_of_health_is_told_once(sim, ras, tmp_path):
    sim.add("Head office")
    tape = Tape(tmp_path / "tape")
    tell_everything(ras, tape)
    told = [event for event in tape.events if isinstance(event, HealthChanged)]
    assert [(event.previous.kind.value, event.health.kind.value) for event in told] == [
        ("up", "silent"),
        ("silent", "up"),
        ("up", "silent"),  # Dormant tells the next change
    ]
    assert told[0].health == Health(HealthKind.SILENT, observation(ras).status, SILENCE)
    assert [event.sequence for event in tape.events] == list(range(1, len(tape.events) + 1))


@pytest.mark.ledger("ST-13", "ST-15")
@pytest.mark.parametrize("pseudonyms", [False, True])
def test_a_recording_replays_health_and_uptime(sim, ras, tmp_path, pseudonyms):
    sim.add("Head office")
    tape = Tape(tmp_path / "tape", pseudonyms=pseudonyms)
    tell_everything(ras, tape)
    again = list(replay(tmp_path / "tape"))
    assert [type(event) for event in again] == [type(event) for event in tape.events]
    if not pseudonyms:
        assert again == tape.events
    ends = [event for event in again if isinstance(event, Disconnected)]
    assert [event.uptime for event in ends] == [(tape.now + 7 * S) / S]
    text = (tmp_path / "tape").read_text()
    correlation_id = str(observation(ras).connection.correlation_id)
    assert (correlation_id in text) is not pseudonyms


@pytest.mark.ledger("ST-15")
def test_only_the_entries_that_were_asked_for_are_told(sim, ras, tmp_path):
    sim.add("Head office")
    for entries, count in ((["HEAD office"], 3), (["Branch"], 0)):
        tape = Tape(tmp_path / entries[0], entries=entries)
        tell_everything(ras, tape)
        told = [event for event in tape.events if isinstance(event, HealthChanged)]
        assert len(told) == count


@pytest.mark.ledger("ST-15")
def test_a_connection_without_a_correlation_id_has_its_sample(sim, ras):
    sim.add("Head office", correlation_id=UUID(int=0))
    item = observation(ras)
    engine = Engine(interval_ns=S)
    sample = Sample(item.connection.handle, None, 0, SILENCE)
    engine.apply(Poll(S, S, 0, Snapshot([item])))
    engine.apply(Poll(2 * S, 2 * S, S, Snapshot([item]), samples=(sample,)))
    assert engine.health("Head office").kind is HealthKind.SILENT


@pytest.mark.ledger("ST-15")
def test_what_is_not_connected_has_no_health(sim, ras):
    sim.add("Head office")
    item = observation(ras)
    ended = item._replace(status=item.status._replace(state=ConnState.DISCONNECTED))
    engine = Engine(interval_ns=S)
    for number, listed in enumerate([(ended,), (item._replace(status=None, code=6),), ()]):
        engine.apply(Poll(number + 1, number + 1, number, Snapshot(listed)))
        assert engine.health("Head office") is None


def test_a_sample_blocks_as_a_poll_does(sim, ras):
    """The Monitor says that it is busy while RAS does not answer a sample."""
    sim.add("Head office")
    with Monitor(ras, interval=SELDOM, statistics_interval=OFTEN, event_log=False) as monitor:
        sampled(monitor)
        sim.delay(GET, 5)
        until(lambda: monitor.busy_since is not None)
        sim.delay(GET, 0)
        until(lambda: monitor.busy_since is None)


def test_nobody_is_asked_twice(sim, ras):
    """A connection that is listed twice, as only a lying provider does, harms nothing."""
    sim.add("Head office")
    real = exported(ras, ENUM)

    def twice(buffer, size, count):
        from ctypes import c_uint32, memmove

        code = real(buffer, size, count)
        length = c_uint32.from_address(size).value
        memmove(buffer + length, buffer, length)
        c_uint32.from_address(size).value = 2 * length
        c_uint32.from_address(count).value = 2
        return code

    replace(ras, ENUM, twice)
    with Monitor(ras, interval=SELDOM, statistics_interval=OFTEN, event_log=False) as monitor:
        assert sampled(monitor).bytes_sent == 0


@pytest.mark.ledger("ST-8", "ST-12")
def test_both_backends_make_the_same_traffic_of_a_connection(sim, both_backends):
    """Only the moments of the samples differ, and what is new in the last of them."""

    def sampled_by(backend):
        with Ras(sim, backend=backend) as opened:
            waiting = Waiting(opened, Sampling(10 * MS, 3600 * S))
            waiting.wait()
            for bytes_sent in (2**32 - 5, 70, 90):
                sim.set_statistics(handle, bytes_sent=bytes_sent, crc_errors=1, duration=9)
                waiting.wait(look=time.perf_counter_ns() + 15 * MS)
            sim.set_status(handle, substate=ConnSubstate.DORMANT)
            waiting.wait(look=time.perf_counter_ns())
            waiting.wait(look=time.perf_counter_ns() + 15 * MS)
            records = waiting.waiter.traffic()
        for offset in range(0, len(records), RN_TRAFFIC.size):
            record = RnTraffic.from_buffer_copy(records, offset)
            record.sampled_ns = record.previous_ns = record.unanswered_ns = record.new_sent = 0
            yield bytes(record)

    handle = sim.add("Head office")
    sim.add("Branch", correlation_id=UUID(int=0))
    answers = []
    for backend in both_backends:
        sim.set_status(handle, substate=ConnSubstate.NONE)
        answers.append(list(sampled_by(backend)))
    assert answers[0] == answers[1]
    assert len(answers[0]) == 2
    assert RnTraffic.from_buffer_copy(answers[0][0]).bytes_sent == 2**32 + 90
