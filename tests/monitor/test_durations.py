"""How long the polls of a Monitor take, as it counts them, on both backends."""

from __future__ import annotations

import json
import time

import pytest
from watching import PATIENCE, until

from ras_native import Found, Monitor
from ras_native._backend.layout import RN_BUCKETS, RnHistogram
from ras_native.monitor.durations import add_duration

ENUM, STATUS = "RasEnumConnectionsW", "RasGetConnectStatusW"
GET = "RasGetConnectionStatistics"
SELDOM, OFTEN = 3600.0, 0.01


def check_sum(histogram):
    """The sum lies between what the lower and the upper bounds of the buckets allow."""
    lower = (0.0, *histogram.bounds)
    assert len(histogram.counts) == len(lower) == RN_BUCKETS
    least = sum(map(float.__mul__, lower, map(float, histogram.counts)))
    assert least <= histogram.seconds
    if not histogram.counts[-1]:
        most = sum(map(float.__mul__, histogram.bounds, map(float, histogram.counts)))
        assert histogram.seconds <= most


@pytest.mark.ledger("DU-1")
def test_each_poll_counts_once(sim, ras):
    sim.add("Office")
    with Monitor(ras, interval=OFTEN, event_log=False) as monitor:
        until(lambda: monitor.counts.polls >= 20)
    durations = monitor.durations()
    polls = monitor.counts.polls
    assert polls == sim.calls(ENUM) == sim.calls(STATUS)
    assert durations.polls.total == durations.enumerations.total == polls
    assert durations.statuses.total == polls
    assert durations.statistics.total == 0
    parts = durations.enumerations.seconds + durations.statuses.seconds
    assert parts == pytest.approx(durations.polls.seconds)
    for histogram in durations:
        check_sum(histogram)


@pytest.mark.ledger("DU-1")
def test_each_sample_counts_once(sim, ras):
    sim.add("Office")
    with Monitor(ras, interval=SELDOM, statistics_interval=OFTEN, event_log=False) as monitor:
        until(lambda: sim.calls(GET) >= 10)
    durations = monitor.durations()
    assert durations.statistics.total == sim.calls(GET)
    check_sum(durations.statistics)


@pytest.mark.ledger("DU-1")
@pytest.mark.parametrize("slow", [ENUM, STATUS, GET])
def test_what_takes_long_is_in_its_bucket(sim, ras, slow):
    """A call that takes 20 ms is in no bucket that ends at 16.384 ms or before."""
    sim.add("Office")
    sim.delay(slow, 0.02)
    with Monitor(ras, interval=SELDOM, statistics_interval=SELDOM, event_log=False) as monitor:
        assert isinstance(monitor.get(PATIENCE), Found)
        until(lambda: monitor.durations().statistics.total)
    durations = monitor.durations()
    times = dict(zip((ENUM, STATUS, GET), durations[1:], strict=True))
    for histogram in (times[slow], *([durations.polls] if slow != GET else [])):
        assert histogram.bounds[5] < 0.02 < histogram.bounds[6]
        assert sum(histogram.counts[:6]) == 0
        assert histogram.seconds >= 0.02
        check_sum(histogram)


@pytest.mark.ledger("DU-1", "DU-2")
def test_a_failed_poll_counts_but_shows_no_answer(sim, ras):
    sim.add("Office")
    with Monitor(ras, interval=SELDOM, event_log=False) as monitor:
        monitor.get(PATIENCE)
        polled_ns = monitor.last_poll_ns
        assert monitor._worker.started_ns <= polled_ns <= time.perf_counter_ns()
        sim.stop_service()
        monitor._worker.watcher.poll_now()
        until(lambda: monitor.counts.polls >= 2)
        until(lambda: monitor.busy_since is None)
        durations = monitor.durations()
        assert monitor.last_poll_ns == polled_ns
        assert durations.polls.total == durations.enumerations.total >= 2
        assert durations.statuses.total == 1


@pytest.mark.ledger("DU-2")
def test_before_the_first_answer_there_is_none(sim, ras):
    sim.stop_service()
    with Monitor(ras, interval=SELDOM, event_log=False) as monitor:
        monitor.get(PATIENCE)
        assert monitor.last_poll_ns is None
        assert monitor.durations().polls.total >= 1


def test_they_are_plain_data(ras):
    with Monitor(ras, event_log=False) as monitor:
        pass
    document = json.loads(json.dumps(monitor.durations().to_dict()))
    assert document["polls"]["counts"][1:] == [0] * (RN_BUCKETS - 1) or document["polls"]["seconds"]
    assert document["statistics"]["seconds"] == 0


def test_a_bound_belongs_to_its_bucket():
    """The shim and the ctypes backend count in the same buckets: see the tests above."""
    histogram = RnHistogram()
    for ns in (0, 16_000, 16_001, 64_000, 16_777_216_000, 16_777_216_001, 10**18):
        add_duration(histogram, ns)
    assert list(histogram.counts) == [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]
