"""PJ-10 and PJ-11: probes through the tunnels, and the health that they show."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import SimpleNamespace

import pytest
from command import NEVER
from network import accepting, closed_port, listening, silent_port
from polls import Hand, up
from spy import without_optional_functions
from watching import until

from ras_native import (
    Availability,
    Connected,
    ConnectOutcome,
    ConnSubstate,
    Dormant,
    Found,
    HealthChanged,
    Monitor,
    ProbeResult,
    Reconnected,
    RecordingError,
    Snapshot,
    replay,
)
from ras_native.monitor import monitor as monitor_module
from ras_native.monitor import probes
from ras_native.monitor.engine import Poll
from ras_native.monitor.health import (
    HealthKind,
    Healths,
    ProbeFailure,
    ProbeSample,
    Silence,
    health_of,
    key_of,
)
from ras_native.monitor.probes import Probe, checked_targets
from ras_native.monitor.recording import Recorder

HERE = "127.0.0.1" if sys.platform == "darwin" else "127.0.0.5"
S = 1_000_000_000
SILENT = ("127.0.0.1", 9)


@pytest.fixture
def connects(monkeypatch):
    """Connects that end as the test says, in order, and what was asked for."""
    connects = SimpleNamespace(outcomes=[], asked=[])

    def connect_many(targets, *, timeout, source, backend):
        connects.asked.append((targets, timeout, source, backend))
        outcome = connects.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        code = 0 if outcome == "open" else 10060
        return [SimpleNamespace(outcome=outcome, code=code, elapsed_ns=len(connects.asked))]

    monkeypatch.setattr(probes, "connect_many", connect_many)
    return connects


def new_probe(ras, target=SILENT, interval=10.0, entry="Head office"):
    return Probe(ras, entry, target, round(interval * S), ras.snapshot)


def results(probe, times):
    """Run the probe so often; return what it found each time."""
    found = []
    for _ in range(times):
        assert probe.run()
        assert probe.has_news == bool(probe._found)
        found.append(probe.take())
    return found


# One probe


@pytest.mark.ledger("PJ-10")
def test_it_connects_from_the_address_of_the_tunnel(sim, ras):
    sim.set_projection(sim.add("HEAD office"), client_ipv4=HERE)
    with accepting() as (address, peers):
        assert results(new_probe(ras, address), 2) == [(), ()]
    assert {host for host, _ in peers} <= {HERE}


@pytest.mark.ledger("PJ-10")
def test_a_target_without_an_answer_is_a_failure(sim, ras):
    handle = sim.add("Head office")
    sim.set_projection(handle, client_ipv4=HERE)
    with silent_port() as address:
        before = time.perf_counter_ns()
        ((sample,),) = results(new_probe(ras, address, interval=0.1), 1)
        after = time.perf_counter_ns()
    assert (sample.handle, sample.correlation_id) == key_of(ras.snapshot()[0].connection)
    failure = sample.failure
    assert before <= failure.since_ns <= after
    assert failure.to_dict() == {
        "target": f"127.0.0.1:{address[1]}",
        "source": HERE,
        "outcome": "timeout",
        "code": 10060,
        "since_ns": failure.since_ns,
        "count": 1,
    }


@pytest.mark.ledger("PJ-10")
def test_a_refusal_is_an_answer(sim, ras):
    sim.set_projection(sim.add("Head office"), client_ipv4=HERE)
    with closed_port() as address:
        assert results(new_probe(ras, address), 1) == [()]


@pytest.mark.ledger("PJ-10")
@pytest.mark.parametrize("outcome", ["timeout", "unreachable", "error"])
def test_failures_are_counted_until_an_answer(sim, ras, connects, outcome):
    sim.add("Head office")
    connects.outcomes = [ConnectOutcome(item) for item in ("open", outcome, outcome, "refused")]
    connects.outcomes += [ConnectOutcome(item) for item in ("open", outcome)]
    found = results(new_probe(ras), 6)
    counts = [item and item[0].failure and item[0].failure.count for item in found]
    assert counts == [(), 1, 2, None, (), 1]
    first, second = found[1][0].failure, found[2][0].failure
    assert (first.since_ns, first.outcome.value) == (second.since_ns, outcome)
    assert found[5][0].failure.since_ns > first.since_ns


@pytest.mark.ledger("PJ-10")
@pytest.mark.parametrize(("seconds", "timeout"), [(0.5, 0.5), (3, 3), (60, 3)])
def test_a_probe_takes_no_longer_than_an_interval(sim, ras, connects, seconds, timeout):
    sim.add("Head office")
    connects.outcomes = [ConnectOutcome.OPEN]
    results(new_probe(ras, interval=seconds), 1)
    assert connects.asked[0][1] == timeout


@pytest.mark.ledger("PJ-10")
def test_the_source_is_of_the_targets_family_or_none(sim, ras, connects):
    handle = sim.add("Head office")
    sim.set_projection(handle, client_ipv4=HERE)
    connects.outcomes = [ConnectOutcome.OPEN] * 5
    results(new_probe(ras), 1)
    results(new_probe(ras, ("::1", 9)), 1)
    sim.set_projection(handle, client_ipv6="::1")
    results(new_probe(ras, ("::1", 9)), 1)
    sim.set_projection(handle, code=731)
    results(new_probe(ras), 1)
    with without_optional_functions(ras):
        results(new_probe(ras), 1)
    sources = [source for _, _, source, _ in connects.asked]
    assert sources == [(IPv4Address(HERE), 0), None, (IPv6Address("::1"), 0), None, None]


@pytest.mark.ledger("PJ-10")
def test_only_a_connection_that_is_up_is_probed(sim, ras, connects):
    probe = new_probe(ras)
    assert results(probe, 1) == [()]
    handle = sim.dial("Head office")
    sim.add("Other")
    assert results(probe, 1) == [()]
    sim.advance(10)
    connects.outcomes = [ConnectOutcome.TIMEOUT] * 2
    ((sample,),) = results(probe, 1)
    assert sample.failure.count == 1
    sim.set_status(handle, substate=ConnSubstate.DORMANT)
    assert results(probe, 2) == [(sample._replace(failure=None),), ()]
    sim.set_status(handle, substate=ConnSubstate.RECONNECTED)
    ((again,),) = results(probe, 1)
    assert again.failure.count == 1
    assert len(connects.asked) == 2


@pytest.mark.ledger("PJ-10")
def test_another_connection_of_the_entry_begins_anew(sim, ras, connects):
    connects.outcomes = [ConnectOutcome.TIMEOUT] * 3
    probe, handle = new_probe(ras), sim.add("Head office")
    first, second = (item[0] for item in results(probe, 2))
    assert second.failure.count == 2
    sim.drop(handle)
    assert sim.add("Head office", handle=handle) == handle
    ((third,),) = results(probe, 1)
    assert third.failure.count == 1
    assert third.handle == first.handle
    assert third.correlation_id != first.correlation_id


@pytest.mark.ledger("PJ-10")
def test_what_cannot_be_tried_shows_nothing(sim, ras, connects):
    sim.add("Head office")
    connects.outcomes = [ConnectOutcome.TIMEOUT, OSError("no socket"), ValueError("source: gone")]
    connects.outcomes += [ConnectOutcome.TIMEOUT]
    found = results(new_probe(ras), 4)
    assert [item and item[0].failure.count for item in found] == [1, (), (), 2]


@pytest.mark.ledger("PJ-10")
def test_a_source_of_another_computer_shows_nothing(sim, ras):
    sim.set_projection(sim.add("Head office"), client_ipv4="192.0.2.77")
    with listening() as listener:
        assert results(new_probe(ras, listener.getsockname()), 1) == [()]


@pytest.mark.ledger("PJ-10")
def test_the_next_probe_is_due_an_interval_later(sim, ras, connects):
    sim.add("Head office")
    probe = new_probe(ras, interval=10.0)
    connects.outcomes = [ConnectOutcome.OPEN]
    before = time.perf_counter_ns()
    results(probe, 1)
    assert before + 10 * S <= probe.due_ns <= time.perf_counter_ns() + 10 * S


@pytest.mark.ledger("PJ-10")
def test_a_failed_job_withdraws_its_failure(sim, ras, connects):
    sim.add("Head office")
    connects.outcomes = [ConnectOutcome.TIMEOUT]
    probe = new_probe(ras)
    ((sample,),) = results(probe, 1)
    probe.fail()
    assert probe.take() == (sample._replace(failure=None),)
    probe.fail()
    assert probe.take() == ()
    probe.close()


@pytest.mark.ledger("PJ-10")
def test_every_result_is_kept_with_its_round_trip(sim, ras, connects):
    sim.set_projection(sim.add("Head office"), client_ipv4=HERE)
    connects.outcomes = [ConnectOutcome(item) for item in ("open", "timeout", "refused")]
    connects.outcomes += [OSError("no socket"), ConnectOutcome.ERROR]
    probe, before = new_probe(ras), time.perf_counter_ns()
    results(probe, 5)
    kept = probe.results
    assert [item.number for item in kept] == [1, 2, 3, 4]
    assert [item.seconds for item in kept] == [1e-9, None, 3e-9, None]
    assert [str(item.outcome) for item in kept] == ["open", "timeout", "refused", "error"]
    assert {item.source for item in kept} == {IPv4Address(HERE)}
    moments = [before, *(item.monotonic_ns for item in kept), time.perf_counter_ns()]
    assert moments == sorted(moments)
    assert json.loads(json.dumps(kept[1].to_dict())) == {
        "number": 2,
        "monotonic_ns": kept[1].monotonic_ns,
        "target": "127.0.0.1:9",
        "source": HERE,
        "outcome": "timeout",
        "code": 10060,
        "seconds": None,
    }


@pytest.mark.ledger("PJ-10")
def test_only_the_last_results_are_kept(sim, ras, connects):
    sim.add("Head office")
    connects.outcomes = [ConnectOutcome.OPEN] * 365
    probe = new_probe(ras)
    results(probe, 365)
    assert [item.number for item in probe.results] == list(range(6, 366))


# The argument


def test_targets_are_checked():
    targets = {"Head office": ("10.0.0.1", 443), "b": (IPv6Address("::1"), 80)}
    assert checked_targets(targets, None) == targets
    assert checked_targets(targets, ["B", "HEAD OFFICE", "c"]) == targets
    assert checked_targets(None, ["c"]) == {}
    assert checked_targets({}, None) == {}


@pytest.mark.parametrize(
    ("probe", "entries", "error", "text"),
    [
        ([("a", SILENT)], None, TypeError, "probe must be a mapping"),
        ("a", None, TypeError, "probe must be a mapping"),
        ({1: SILENT}, None, TypeError, "an entry of probe must be a str"),
        ({"": SILENT}, None, ValueError, "must not be empty"),
        ({"a\0": SILENT}, None, ValueError, "NUL"),
        ({"a": SILENT, "A": SILENT}, None, ValueError, "probe has 'A' twice"),
        ({"a": SILENT}, ["b"], ValueError, "'a' is not one of entries"),
        ({"a": "10.0.0.1:443"}, None, TypeError, r"probe\['a'\]: an address is"),
        ({"a": ("intranet", 443)}, None, ValueError, r"probe\['a'\]: 'intranet' is not a numeric"),
        ({"a": ("10.0.0.1", 0)}, None, ValueError, r"probe\['a'\]: nothing can be at"),
        ({"a": ("0.0.0.0", 80)}, None, ValueError, r"probe\['a'\]: nothing can be at"),  # noqa: S104
        ({"a": ("10.0.0.1", 70000)}, None, ValueError, r"probe\['a'\]: the port"),
    ],
)
def test_bad_targets_are_named(probe, entries, error, text):
    with pytest.raises(error, match=text):
        checked_targets(probe, entries)


# Health

FAILURE = ProbeFailure("10.0.0.1:443", None, ConnectOutcome.TIMEOUT, 10060, 5 * S, 1)
KNOWN = Silence(4 * S, 100)


def test_a_failing_probe_is_unreachable_with_its_evidence():
    health = health_of(up(), None, FAILURE)
    assert (health.kind, health.probe, health.silence) == (HealthKind.UNREACHABLE, FAILURE, None)
    assert health.to_dict()["probe"]["outcome"] == "timeout"


def test_a_failing_probe_counts_more_than_silence_and_less_than_an_outage():
    assert health_of(up(), KNOWN, FAILURE).kind is HealthKind.UNREACHABLE
    dormant = up(substate=ConnSubstate.DORMANT)
    assert health_of(dormant, KNOWN, FAILURE).kind is HealthKind.DORMANT


def sample(observation, failure=FAILURE):
    return ProbeSample(*key_of(observation.connection), failure)


def updated(healths, items, *probes):
    healths.note_probes(probes)
    return healths.update(Snapshot(items), {})


def test_a_result_holds_until_the_next_one():
    healths, item = Healths(), up()
    assert updated(healths, [item]) == []
    (change,) = updated(healths, [item], sample(item))
    assert (change.before.kind, change.after.kind) == (HealthKind.UP, HealthKind.UNREACHABLE)
    assert updated(healths, [item]) == []
    assert healths.get(item.connection).probe == FAILURE
    (change,) = updated(healths, [item], sample(item, None))
    assert change.after.kind is HealthKind.UP
    assert healths.get(item.connection).probe is None


def test_a_result_of_another_connection_changes_nothing():
    healths, item = Healths(), up()
    updated(healths, [item])
    assert updated(healths, [item], sample(up(number=8))) == []
    assert healths.get(item.connection).kind is HealthKind.UP


def test_a_result_ends_with_its_connection():
    healths, item = Healths(), up()
    updated(healths, [item], sample(item))
    updated(healths, [])
    updated(healths, [item])
    assert healths.get(item.connection).kind is HealthKind.UP


# The engine


def test_the_engine_tells_that_a_connection_is_unreachable_and_that_it_is_not():
    hand, item = Hand(), up()
    (found,) = hand.poll(item)
    assert hand.engine.health("HEAD OFFICE").kind is HealthKind.UP
    (lost,) = hand.poll(item, probes=(sample(item),))
    assert type(lost) is HealthChanged
    assert (lost.connection, lost.entry) == (found.connection, "Head office")
    assert (lost.health.kind, lost.previous.kind) == (HealthKind.UNREACHABLE, HealthKind.UP)
    assert hand.engine.health("Head office").probe == FAILURE
    again = replace(FAILURE, count=2)
    assert hand.poll(item, probes=(sample(item, again),)) == []
    assert hand.engine.health("Head office").probe == again
    (back,) = hand.poll(item, probes=(sample(item, None),))
    assert (back.health.kind, back.previous.kind) == (HealthKind.UP, HealthKind.UNREACHABLE)
    assert hand.engine.health("other") is None


def test_an_outage_has_its_own_event():
    hand, item = Hand(), up()
    hand.poll(item, probes=(sample(item),))
    dormant = up(substate=ConnSubstate.DORMANT)
    assert [type(event) for event in hand.poll(dormant)] == [Dormant]
    assert hand.engine.health("Head office").kind is HealthKind.DORMANT
    events = hand.poll(up(substate=ConnSubstate.RECONNECTED), probes=(sample(item, None),))
    assert [type(event) for event in events] == [Reconnected]


def test_a_result_that_comes_with_a_failed_poll_is_kept():
    hand, item = Hand(), up()
    hand.poll(item)
    hand.poll(code=711, probes=(sample(item),))
    assert HealthChanged in [type(event) for event in hand.poll(item)]


def test_only_the_entries_that_are_watched_are_told():
    item, other = up(), up("Other", 2, 8)
    hand = Hand(entries=["other"])
    hand.poll(item, other)
    (event,) = hand.poll(item, other, probes=(sample(item), sample(other)))
    assert event.entry == "Other"


# The Monitor


@pytest.fixture
def outcome(monkeypatch):
    """What every probe's connect gives; a test may change `value`."""
    outcome = SimpleNamespace(value=ConnectOutcome.OPEN, lock=threading.Lock())

    def connect_many(_targets, **_):
        with outcome.lock:
            return [SimpleNamespace(outcome=outcome.value, code=0, elapsed_ns=5)]

    monkeypatch.setattr(probes, "connect_many", connect_many)
    return outcome


def watch(ras, **options):
    return Monitor(ras, interval=NEVER, probe_interval=0.1, event_log=False, **options)


def next_health(monitor):
    while True:
        event = monitor.get(timeout=30)
        if isinstance(event, HealthChanged):
            return event


@pytest.mark.ledger("PJ-11")
def test_a_tunnel_without_an_answer_is_found(sim, ras):
    handle = sim.add("Head office")
    sim.set_projection(handle, client_ipv4=HERE)
    with silent_port() as address, watch(ras, probe={"head office": address}) as monitor:
        event = next_health(monitor)
        assert monitor.health("Head office").kind is HealthKind.UNREACHABLE
        assert ras.snapshot()[0].is_up, "RAS says connected"
    assert (event.health.kind, event.connection.handle) == (HealthKind.UNREACHABLE, handle)
    assert event.health.probe.target == f"127.0.0.1:{address[1]}"
    assert event.health.probe.source == IPv4Address(HERE)
    assert event.to_dict()["health"]["probe"]["outcome"] == "timeout"


@pytest.mark.ledger("PJ-11")
def test_an_answer_ends_it(sim, ras, outcome):
    sim.add("Head office")
    with watch(ras, probe={"Head office": SILENT}) as monitor:
        outcome.value = ConnectOutcome.UNREACHABLE
        lost = next_health(monitor)
        outcome.value = ConnectOutcome.REFUSED
        back = next_health(monitor)
        assert monitor.health("head OFFICE").kind is HealthKind.UP
    assert (lost.health.kind, back.health.kind) == (HealthKind.UNREACHABLE, HealthKind.UP)
    assert back.previous.probe.outcome is ConnectOutcome.UNREACHABLE


@pytest.mark.ledger("PJ-11")
def test_a_probe_delays_no_poll_and_no_close(sim, ras, outcome, monkeypatch):
    sim.add("Head office")
    monkeypatch.setattr(monitor_module, "CLOSE_SECONDS", 0.01)
    with watch(ras, probe={"Head office": SILENT}) as monitor, outcome.lock:
        assert isinstance(monitor.get(timeout=30), Found)
        sim.reset_calls()
        while not sim.calls("RasGetProjectionInfoEx"):
            pass  # the connect follows, and waits for the lock
        sim.add("Other")
        assert isinstance(monitor.get(timeout=30), Connected)
        monitor.close()


@pytest.mark.ledger("PJ-11")
@pytest.mark.usefixtures("outcome")
def test_an_answer_wakes_nobody(sim, ras):
    sim.add("Head office")
    with watch(ras, probe={"Head office": SILENT}, notifications=False) as monitor:
        assert isinstance(monitor.get(timeout=30), Found)
        polls = monitor.counts.polls
        while sim.calls("RasGetProjectionInfoEx") < 3:
            pass
        assert monitor.counts.polls == polls


@pytest.mark.ledger("PJ-11")
@pytest.mark.parametrize("pseudonyms", [False, True])
def test_a_recording_replays_the_health(sim, ras, outcome, tmp_path, pseudonyms):
    sim.add("Head office")
    path = tmp_path / "recording"
    options = {"record": path, "pseudonyms": pseudonyms, "probe": {"Head office": SILENT}}
    with watch(ras, **options) as monitor:
        outcome.value = ConnectOutcome.TIMEOUT
        lost = next_health(monitor)
        while monitor.health("Head office").probe.count < 3:
            pass  # more probes fail, which is no event
        outcome.value = ConnectOutcome.OPEN
        back = next_health(monitor)
    assert back.previous.probe.count >= 3
    found = [event for event in replay(path) if isinstance(event, HealthChanged)]
    if not pseudonyms:
        assert found == [lost, back]
    assert [event.health.kind for event in found] == [HealthKind.UNREACHABLE, HealthKind.UP]
    assert [event.sequence for event in found] == [lost.sequence, back.sequence]
    recorded = path.read_text(encoding="ascii")
    assert ("127.0.0.1:9" in recorded) == (not pseudonyms)
    assert ("10.0.0.2" in recorded) == (not pseudonyms), "the address of the tunnel"
    host, _, port = found[0].health.probe.target.rpartition(":")
    assert ip_address(host).version == 4
    assert port == "9"


def test_a_recording_knows_the_health_without_its_oldest_files(tmp_path):
    item, path = up(handle=2**64 - 1), tmp_path / "recording"
    other = up("Other", 2, 8)
    recorder = Recorder(path, interval_ns=S, max_bytes=1)  # a file for each poll
    snapshot = Snapshot([item])
    results = [(), (sample(item), sample(other)), (sample(item, None),)]
    for second, found in enumerate(results, 1):
        poll = Poll(second * S, second * S, (second - 1) * S, snapshot, probes=found)
        recorder.write(poll, told=True)
    recorder.close()
    for older in tmp_path.glob("recording.*"):
        older.unlink()
    events = list(replay(path))
    assert [type(event) for event in events] == [Found, HealthChanged]
    assert events[1].previous.probe == FAILURE
    assert path.read_text(encoding="ascii").count('"outcome"') == 1, "only of what is listed"


def test_a_recording_with_a_wrong_probe_is_refused(sim, ras, outcome, tmp_path):
    sim.add("Head office")
    path = tmp_path / "recording"
    with watch(ras, record=path, probe={"Head office": SILENT}) as monitor:
        outcome.value = ConnectOutcome.TIMEOUT
        next_health(monitor)
    text = path.read_text(encoding="ascii")
    for right, wrong in {
        '"timeout"': '"late"',
        '"count":1': '"count":0',
        '"probes":[': '"probes":[7,',
    }.items():
        assert right in text
        path.write_text(text.replace(right, wrong), encoding="ascii")
        with pytest.raises(RecordingError):
            list(replay(path))


@pytest.mark.parametrize("seconds", [0, 0.05, -1, "1", None])
def test_a_wrong_interval_is_named(ras, seconds):
    with pytest.raises((TypeError, ValueError), match="probe_interval"):
        Monitor(ras, probe_interval=seconds)
    with pytest.raises(ValueError, match="probe: 'a' is not one of entries"):
        Monitor(ras, entries=["b"], probe={"a": SILENT})


@pytest.mark.ledger("PJ-10", "AV-4")
def test_a_monitor_gives_the_results_of_its_probes(sim, ras, outcome):
    outcome.value = ConnectOutcome.REFUSED  # an answer too
    sim.add("Head office")
    availability = Availability()
    with watch(ras, probe={"head office": SILENT}) as monitor:
        until(lambda: len(monitor.probe_results("HEAD OFFICE")) > 1)
        for _ in range(2):  # passing a result again changes nothing
            results = monitor.probe_results("Head office")
            for result in results:
                availability.apply_probe("Head office", result.seconds, result.monotonic_ns)
        with pytest.raises(KeyError, match="does not probe 'Other'"):
            monitor.probe_results("Other")
    assert isinstance(results[0], ProbeResult)
    assert availability.round_trips("head office").recent == (5e-9,) * len(results)
