"""The Monitor with threads as consumers."""

from __future__ import annotations

import gc
import random
import threading
from pathlib import Path

import pytest
from watching import PATIENCE, by_handle, check_that_all_is_told, until

import ras_native
from ras_native import (
    Absent,
    Connected,
    ConnState,
    ConnSubstate,
    Disconnected,
    Dormant,
    Found,
    Gap,
    GapKind,
    Monitor,
    NotificationFlag,
    ProviderError,
    ProviderFailed,
    ProviderRecovered,
    Ras,
    Reconnected,
    _explain,
    replay,
)

ENUM, NOTIFY = "RasEnumConnectionsW", "RasConnectionNotificationW"
SELDOM = 3600.0  # seconds: only signals cause polls


@pytest.fixture
def monitor(ras):
    """Run a Monitor that has polled once; only signals cause further polls."""
    with Monitor(ras, interval=SELDOM, entries=["Head office"]) as opened:
        assert isinstance(opened.get(PATIENCE), Absent)
        yield opened


@pytest.mark.parametrize("event_log", [False, True])
def test_no_poll_reads_the_table_of_codes(ras, event_log):
    _explain.table.cache_clear()
    Monitor(ras, event_log=event_log).close()
    assert _explain.table.cache_info().currsize == 1


def test_what_happens_is_told(sim, monitor):
    handle = sim.add("Head office", local_endpoint="10.0.0.1")
    connected = monitor.get(PATIENCE)
    sim.set_status(handle, substate=ConnSubstate.DORMANT)
    dormant = monitor.get(PATIENCE)
    sim.set_status(handle, substate=ConnSubstate.RECONNECTED)
    reconnected = monitor.get(PATIENCE)
    sim.drop(handle)
    disconnected = monitor.get(PATIENCE)
    events = [connected, dormant, reconnected, disconnected]
    assert [type(event) for event in events] == [Connected, Dormant, Reconnected, Disconnected]
    assert {event.connection for event in events} == {connected.connection}
    assert connected.connection.handle == handle
    assert [event.sequence for event in events] == [2, 3, 4, 5]
    moments = [(event.not_before_ns, event.monotonic_ns) for event in events]
    assert all(before < after for before, after in moments)
    assert moments == sorted(moments)
    assert disconnected.uptime == (disconnected.monotonic_ns - connected.monotonic_ns) / 1e9


def test_iterating_and_getting_are_the_same(sim, monitor):
    sim.add("Head office")
    assert isinstance(next(monitor), Connected)
    sim.add("Head office")
    for event in monitor:
        assert isinstance(event, Connected)
        sim.add("Head office")
        break
    assert isinstance(monitor.get(PATIENCE), Connected)


def test_what_is_up_at_the_start_is_found(sim, ras):
    sim.add("Head office")
    with Monitor(ras, interval=SELDOM) as monitor:
        assert isinstance(monitor.get(PATIENCE), Found)


def test_without_notifications_the_interval_finds_it(sim, ras):
    with Monitor(ras, interval=0.001, notifications=False) as monitor:
        assert sim.registrations == 0
        sim.add("Head office")
        assert monitor.get(PATIENCE).entry == "Head office"


def test_only_these_entries_are_told(sim, ras):
    with Monitor(ras, interval=SELDOM, entries=["head OFFICE", "Home"]) as monitor:
        absent = [monitor.get(PATIENCE), monitor.get(PATIENCE)]
        assert [event.entry for event in absent] == ["head OFFICE", "Home"]
        sim.add("Another")
        sim.add("Head office")
        assert monitor.get(PATIENCE).entry == "Head office"
        assert monitor.state("HEAD office") == monitor.snapshot.find("Head office")
        assert monitor.state("Another") is not None
        assert monitor.state("Home") is None


def test_a_full_queue_tells_what_it_lost(sim, ras):
    with Monitor(ras, interval=SELDOM, capacity=2) as monitor:
        for number in range(5):
            sim.add(f"{number}")
            until(lambda number=number: len(monitor.snapshot) == number + 1)
        gap, *later = (monitor.get(PATIENCE) for _ in range(3))
    assert (gap.kind, gap.count) == (GapKind.OVERFLOW, 3)
    assert (gap.first_sequence, gap.last_sequence) == (1, 3)
    assert [item.connection.entry_name for item in gap.snapshot] == ["0", "1", "2"]
    assert [(event.sequence, event.entry) for event in later] == [(4, "3"), (5, "4")]
    assert gap.from_ns < gap.to_ns <= later[0].monotonic_ns


def test_a_poll_with_more_events_than_capacity(sim, ras):
    for number in range(5):
        sim.add(f"{number}")
    with Monitor(ras, interval=SELDOM, capacity=2) as monitor:
        until(lambda: len(monitor.snapshot) == 5)
        events = [monitor.get(PATIENCE) for _ in range(3)]
        check_that_all_is_told(events, monitor.snapshot)
        assert [type(event) for event in events] == [Gap, Found, Found]


# RAS fails


@pytest.mark.parametrize("code", [711, 5])
def test_a_service_that_does_not_run_is_no_error(sim, ras, code, caplog):
    caplog.set_level("INFO")
    sim.add("Head office")
    sim.stop_service(code)
    with Monitor(ras, interval=0.001) as monitor:
        failed = monitor.get(PATIENCE)
        assert isinstance(failed, ProviderFailed)
        assert failed.code == code
        sim.start_service()
        events = [monitor.get(PATIENCE) for _ in range(3)]
        assert [type(event) for event in events] == [ProviderRecovered, Gap, Found]
        assert events[1].kind is GapKind.FAILED
        until(lambda: sim.registrations == 1)  # by then RAS signals again
    log = [text for text in caplog.messages if "asked" in text and "signal" not in text]
    assert len(log) == 2  # once for the outage, once for its end
    assert str(code) in log[0]
    assert "again" in log[1]


def test_a_provider_without_notifications(sim, backend, monkeypatch):
    def no_function(*_args, **_kwargs):
        raise ProviderError(None, "it has none")

    with Ras(sim, backend=backend) as ras:
        monkeypatch.setattr(ras, "connection_notification", no_function)
        with Monitor(ras, interval=0.001) as monitor:
            sim.add("Head office")
            assert isinstance(monitor.get(PATIENCE), (Found, Connected))
            until(lambda: monitor.counts.polls > 5)
            assert not monitor._worker.engine.notifications


def test_a_registration_that_fails_is_tried_again(sim, ras):
    sim.fail(NOTIFY, 5, count=1)
    with Monitor(ras, interval=0.001) as monitor:
        until(lambda: sim.registrations == 1)
        assert sim.calls(NOTIFY) == 2
        assert monitor.snapshot == ()


class Flags(Ras):
    """Records the flags of its registrations."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.flags = []

    def connection_notification(self, handle=None, flags=NotificationFlag.ALL, *, ansi=False):
        self.flags.append(flags)
        return super().connection_notification(handle, flags, ansi=ansi)


LISTED = NotificationFlag.CONNECTION | NotificationFlag.DISCONNECTION
WITH_SUBSTATES = LISTED | NotificationFlag.DORMANT | NotificationFlag.RECONNECTION


def test_only_what_a_poll_can_see_is_registered(sim, backend):
    with Flags(sim, backend=backend) as ras, Monitor(ras, interval=SELDOM) as monitor:
        sim.add("Head office")
        assert isinstance(monitor.get(PATIENCE), (Found, Connected))
    assert ras.flags == [WITH_SUBSTATES]


def test_an_older_system_signals_no_substates(sim, backend):
    sim.limit_versions(status=0x401)
    with (
        Flags(sim, backend=backend) as ras,
        Monitor(ras, interval=SELDOM, event_log=False) as monitor,
    ):
        handle = sim.add("Head office")
        assert isinstance(monitor.get(PATIENCE), (Found, Connected))
        until(lambda: len(ras.flags) == 2)  # the version is known once a status was read
        assert ras.flags == [WITH_SUBSTATES, LISTED]
        sim.drop(handle)
        assert isinstance(monitor.get(PATIENCE), Disconnected)
        assert monitor.counts.polls < 10


# What it costs


def test_between_two_polls_nothing_happens(sim, ras):
    """The counts show neither a call of the provider nor a wake-up of the thread."""
    sim.add("Head office")
    with Monitor(ras, interval=0.02) as monitor:
        assert isinstance(monitor.get(PATIENCE), Found)
        until(lambda: monitor.counts.polls >= 8)
        before = monitor.counts
        calls = sim.calls_total
        until(lambda: monitor.counts.polls >= before.polls + 8)
        monitor.close()
        after = monitor.counts
        assert after.wake_ups - before.wake_ups <= after.polls - before.polls + 2
        assert sim.calls_total - calls <= 2 * (after.polls - before.polls + 1)


@pytest.mark.posix_only("the kernel's count of a thread's switches is in /proc")
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="posix_only: needs Linux' /proc")
def test_between_two_polls_the_kernel_sees_no_wake_up(ras):
    with Monitor(ras, interval=0.05) as monitor:
        until(lambda: monitor.counts.polls >= 1)
        status = Path(f"/proc/self/task/{monitor._worker.thread.native_id}/status")

        def switches():
            lines = dict(line.split(":\t") for line in status.read_text().splitlines())
            return int(lines["voluntary_ctxt_switches"])

        before, polls = switches(), monitor.counts.polls
        with pytest.raises(TimeoutError):
            monitor.get(0.5)  # no other thread of this process runs now
        after, polls = switches(), monitor.counts.polls - polls
    # One wake-up for each poll, and one more if the thread must wait for the GIL.
    assert after - before <= 2 * (polls + 1)


def test_busy_since_tells_of_a_call_that_does_not_return(sim, ras):
    with Monitor(ras, interval=0.001) as monitor:
        until(lambda: monitor.counts.polls >= 1)
        sim.delay(ENUM, 60.0)
        calls = sim.calls(ENUM)
        until(lambda: sim.calls(ENUM) > calls and monitor.busy_since is not None)
        since = monitor.busy_since
        assert since is not None
        sim.delay(ENUM, 0.0)
        until(lambda: monitor.busy_since != since)
        assert monitor.counts.polls_per_second > 0


# Every change that a Monitor can detect


def change_at_random(sim, dice, steps):
    """Change the connections at random; a poll certainly finds the last change."""
    up = []
    for _ in range(steps):
        step = dice.randrange(6)
        if step < 2 or not up:
            up.append(sim.add(f"entry {dice.randrange(3)}", local_endpoint="10.0.0.1"))
        elif step == 2:
            sim.drop(up.pop(dice.randrange(len(up))))
        elif step == 3:
            sim.set_status(dice.choice(up), substate=dice.choice(list(ConnSubstate)))
        elif step == 4:
            sim.set_status(dice.choice(up), local_endpoint=f"10.0.0.{dice.randrange(1, 9)}")
        else:
            sim.set_status(dice.choice(up), state=dice.choice(STATES), error=dice.randrange(2))


STATES = [ConnState.CONNECTED, ConnState.AUTHENTICATED, ConnState.DISCONNECTED]


@pytest.mark.parametrize("seed", range(25))
def test_threads_together_are_told_everything(sim, ras, seed):
    """Both backends together run 50 schedules, some with a queue that is far too small."""
    dice = random.Random(seed)  # noqa: S311 - a schedule, no secret
    capacity = dice.choice([1, 3, 10_000, 10_000])
    lists = [[] for _ in range(dice.randrange(1, 4))]
    with Monitor(ras, interval=0.001, capacity=capacity) as monitor:
        threads = [
            threading.Thread(target=lambda events=events: events.extend(monitor))
            for events in lists
        ]
        for thread in threads:
            thread.start()
        change_at_random(sim, dice, 60)
        snapshot = ras.snapshot()
        until(lambda: by_handle(monitor.snapshot) == by_handle(snapshot))
    for thread in threads:
        thread.join(PATIENCE)
    for events in lists:
        assert [event.sequence for event in events] == sorted(event.sequence for event in events)
    everything = sorted((event for events in lists for event in events), key=first_number)
    check_that_all_is_told(everything, snapshot)


def first_number(event):
    return getattr(event, "first_sequence", None) or event.sequence


# Recording


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_a_recording_gives_the_same_events(sim, ras, tmp_path, pseudonyms):
    path = tmp_path / "recording"
    with Monitor(ras, interval=0.001, record=path, pseudonyms=pseudonyms) as monitor:
        change_at_random(sim, random.Random(1), 100)  # noqa: S311 - a schedule, no secret
        snapshot = ras.snapshot()
        until(lambda: by_handle(monitor.snapshot) == by_handle(snapshot))
    events, again = list(monitor), list(replay(path))
    if pseudonyms:
        assert "entry 0" not in path.read_text()
        assert [type(event) for event in events] == [type(event) for event in again]
    else:
        assert events == again
    assert monitor.recording_error is None


def test_a_recording_that_cannot_be_begun(sim, ras, tmp_path):
    sim.reset_calls()
    with pytest.raises(OSError, match="nowhere"):
        Monitor(ras, record=tmp_path / "nowhere" / "recording")
    assert sim.calls_total == 0


def test_a_recording_that_cannot_be_written_ends_alone(sim, ras, tmp_path, monkeypatch, caplog):
    full = OSError(28, "No space left on device")

    def write(_poll, *, told):  # noqa: ARG001 - the signature of Recorder.write
        raise full

    monitor = Monitor(ras, interval=SELDOM, record=tmp_path / "recording")
    monkeypatch.setattr(monitor._worker.recorder, "write", write)
    with monitor:
        sim.add("Head office")
        assert isinstance(monitor.get(PATIENCE), (Found, Connected))
        until(lambda: monitor.recording_error is full)
        sim.add("Home")
        assert monitor.get(PATIENCE).entry == "Home"
    assert "No space left" in caplog.text


def test_the_file_of_a_monitor_that_was_never_entered_is_closed(ras, tmp_path):
    for close in (False, True):
        monitor = Monitor(ras, record=tmp_path / "recording")
        recorder = monitor._worker.recorder
        if close:
            monitor.close()
        del monitor
        gc.collect()
        assert recorder._file.closed


# Bad input


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"interval": 0}, ValueError),
        ({"interval": -1.0}, ValueError),
        ({"interval": float("nan")}, ValueError),
        ({"interval": float("inf")}, ValueError),
        ({"interval": 0.00001}, ValueError),
        ({"interval": "1"}, TypeError),
        ({"interval": True}, TypeError),
        ({"capacity": 0}, ValueError),
        ({"capacity": -1}, ValueError),
        ({"capacity": 1.5}, TypeError),
        ({"capacity": None}, TypeError),
        ({"capacity": True}, TypeError),
        ({"notifications": 1}, TypeError),
        ({"event_log": None}, TypeError),
        ({"event_log": 1}, TypeError),
        ({"pseudonyms": None}, TypeError),
        ({"record": 7}, TypeError),
        ({"record": b"bytes"}, TypeError),
        ({"record": ""}, ValueError),
        ({"record": "a\0b"}, ValueError),
        ({"entries": "Head office"}, TypeError),
        ({"entries": b"Head office"}, TypeError),
        ({"entries": 7}, TypeError),
        ({"entries": [7]}, TypeError),
        ({"entries": []}, ValueError),
        ({"entries": [""]}, ValueError),
        ({"entries": ["a\0b"]}, ValueError),
    ],
)
def test_bad_arguments(sim, ras, arguments, error):
    sim.reset_calls()
    with pytest.raises(error, match=next(iter(arguments))):
        Monitor(ras, **arguments)
    assert sim.calls_total == 0
    assert threading.active_count() == len(threading.enumerate())


@pytest.mark.parametrize("ras", [1, "a provider", object()])
def test_what_is_no_ras(ras):
    with pytest.raises(TypeError, match="ras must be"):
        Monitor(ras)


def test_a_closed_ras(ras):
    ras.close()
    with pytest.raises(ValueError, match="this Ras is closed"):
        Monitor(ras)


@pytest.mark.posix_only("Windows has a RAS")
def test_without_ras():
    with pytest.raises(ProviderError, match="RAS exists only on Windows"):
        Monitor()


@pytest.mark.parametrize("use", [next, Monitor.get])
def test_it_must_be_entered_first(ras, use):
    monitor = Monitor(ras)
    with pytest.raises(ValueError, match="enter the Monitor first"):
        use(monitor)


def test_it_can_be_entered_once(ras):
    monitor = Monitor(ras, interval=SELDOM)
    with monitor, pytest.raises(ValueError, match="entered already"):
        monitor.__enter__()
    with pytest.raises(ValueError, match="closed"):
        monitor.__enter__()


def test_get_checks_its_timeout(monitor):
    with pytest.raises(ValueError, match="timeout"):
        monitor.get(-1)
    with pytest.raises(TimeoutError):
        monitor.get(0)


def test_the_package_imports_it_when_it_is_needed():
    assert ras_native.Monitor is Monitor
    assert "Monitor" in ras_native.__all__
    with pytest.raises(AttributeError, match="Monitr"):
        _ = ras_native.Monitr
