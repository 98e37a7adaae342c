"""PJ-10 and PJ-11: probes through the tunnels, and the health that they show."""

from __future__ import annotations

import sys
import time
from ipaddress import IPv4Address, IPv6Address
from types import SimpleNamespace

import pytest
from network import accepting, closed_port, listening, silent_port
from polls import up
from spy import without_optional_functions

from ras_native import ConnectOutcome, ConnSubstate, Snapshot
from ras_native.monitor import probes
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
        return [SimpleNamespace(outcome=outcome, code=0 if outcome == "open" else 10060)]

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


def test_a_result_holds_until_the_next_one():
    healths, item = Healths(), up()
    assert healths.update(Snapshot([item]), {}) == []
    (change,) = healths.update(Snapshot([item]), {}, [sample(item)])
    assert (change.before.kind, change.after.kind) == (HealthKind.UP, HealthKind.UNREACHABLE)
    assert healths.update(Snapshot([item]), {}) == []
    assert healths.get(item.connection).probe == FAILURE
    (change,) = healths.update(Snapshot([item]), {}, [sample(item, None)])
    assert change.after.kind is HealthKind.UP
    assert healths.get(item.connection).probe is None


def test_a_result_of_another_connection_changes_nothing():
    healths, item = Healths(), up()
    healths.update(Snapshot([item]), {})
    assert healths.update(Snapshot([item]), {}, [sample(up(number=8))]) == []
    assert healths.get(item.connection).kind is HealthKind.UP


def test_a_result_ends_with_its_connection():
    healths, item = Healths(), up()
    healths.update(Snapshot([item]), {}, [sample(item)])
    healths.update(Snapshot([]), {})
    healths.update(Snapshot([item]), {})
    assert healths.get(item.connection).kind is HealthKind.UP
