"""The sums of a connection's samples are the truth, or say that they may not be.

A model counts with whole numbers that never wrap. RAS shows their last 32 bits.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ras_native._backend.ctypes_traffic import add_to_traffic
from ras_native._backend.layout import (
    RN_LONGEST_FRAME,
    RN_STATISTICS,
    RN_TRAFFIC,
    RnStatistics,
    RnTraffic,
)

MS, S = 10**6, 10**9
WRAP = 2**32
SILENT_AFTER = 30 * S
BEGIN = 1000 * S
COUNTERS = ("bytes_sent", "bytes_received", "frames_sent", "frames_received")
FEW_FRAMES = WRAP // RN_LONGEST_FRAME - 1  # they can hold no 4 GiB


def add_natively(traffic: RnTraffic, record: bytes, now_ns: int, silent_after_ns: int) -> None:
    from ras_native._native import ffi, lib

    given, shown = ffi.new("rn_statistics *"), ffi.new("rn_traffic *")
    ffi.memmove(given, record, len(record))
    ffi.memmove(shown, bytes(traffic), RN_TRAFFIC.size)
    lib.rn_traffic_add(shown, given, now_ns, silent_after_ns)
    changed = RnTraffic.from_buffer_copy(bytes(ffi.buffer(shown)))
    for name, *_ in RnTraffic._fields_:
        setattr(traffic, name, getattr(changed, name))


class Line:
    """One connection: what really passed, and what the samples make of it."""

    def __init__(self, backend, **members):
        self.add = add_natively if backend == "native" else add_to_traffic
        self.traffic = RnTraffic(handle=7, is_up=1)
        self.now = BEGIN
        self.begun = self.now
        self.truth = dict.fromkeys(COUNTERS, 0)
        self.cleared_at = dict(self.truth)
        self.members = members

    def passes(self, seconds=0.0, **counters):
        self.now += round(seconds * S)
        for name, number in counters.items():
            self.truth[name] += number

    def clear(self):
        self.cleared_at = dict(self.truth)

    def reconnect(self):
        self.begun = self.now
        self.truth = dict.fromkeys(COUNTERS, 0)
        self.clear()

    def sample(self, code=0):
        shown = {name: (self.truth[name] - self.cleared_at[name]) % WRAP for name in COUNTERS}
        duration = (self.now - self.begun) // MS % WRAP
        record = RnStatistics(handle=7, **shown, duration_ms=duration, **self.members)
        if code:
            record = RnStatistics(handle=7, code=code)
        self.add(self.traffic, bytes(record), self.now, SILENT_AFTER)
        return self.traffic

    def sums(self):
        return {name: getattr(self.traffic, name) for name in COUNTERS}


@pytest.fixture
def line(backend):
    return Line(backend)


frames = st.integers(0, 2**31 - 1)
few_frames = st.integers(0, FEW_FRAMES // 2)
anew = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def passings(draw, counts=frames):
    """What passes in both directions in some time, in frames of at most 2,048 bytes."""
    amounts = {"seconds": draw(st.floats(0.001, 7200))}
    for direction in ("sent", "received"):
        count = draw(counts)
        amounts[f"frames_{direction}"] = count
        # one byte at least: then frames are counted where bytes are
        amounts[f"bytes_{direction}"] = draw(st.integers(count, count * RN_LONGEST_FRAME))
    return amounts


@pytest.mark.ledger("ST-8", "ST-9")
@anew
@given(steps=st.lists(passings(), max_size=12))
def test_sums_are_the_truth_or_say_that_they_may_not_be(backend, steps):
    line = Line(backend)
    line.sample()
    for step in steps:
        line.passes(**step)
        line.sample()
        assert line.traffic.is_uncertain or line.sums() == line.truth
        assert line.traffic.clears == 0
    assert line.traffic.duration_ms == (line.now - line.begun) // MS


@pytest.mark.ledger("ST-8")
@anew
@given(steps=st.lists(passings(few_frames), max_size=20))
def test_samples_that_are_close_enough_are_certain(backend, steps):
    line = Line(backend)
    for step in steps:
        line.passes(**step)
        line.sample()
        assert line.sums() == line.truth
        assert not line.traffic.is_uncertain


@pytest.mark.ledger("ST-9")
@anew
@given(steps=st.lists(st.tuples(passings(few_frames), st.booleans(), passings(few_frames))))
def test_a_clear_never_adds_bytes_that_did_not_pass(backend, steps):
    """What passed between a sample and the clear after it is lost: nobody could see it."""
    line, seen = Line(backend), dict.fromkeys(COUNTERS, 0)
    for before, clears, after in steps:
        if clears:
            line.passes(**before)
            line.clear()
        line.passes(**after)
        known, shown = line.traffic.clears, dict(line.cleared_at)
        line.sample()
        for name, number in line.sums().items():
            assert number <= line.truth[name]
            if line.traffic.clears > known:
                assert number - seen[name] == line.truth[name] - shown[name]
        seen = line.sums()
    assert line.traffic.clears <= sum(clears for _, clears, _ in steps)


@pytest.mark.ledger("ST-8")
def test_a_wrap_adds_4_gib(line):
    line.passes(1, bytes_received=WRAP - 100, frames_received=3_000_000)
    line.sample()
    assert line.sums()["bytes_received"] == WRAP - 100
    line.passes(1, bytes_received=200, frames_received=1)
    line.sample()
    assert line.sums()["bytes_received"] == WRAP + 100
    assert (line.traffic.new_received, line.traffic.clears) == (200, 0)


@pytest.mark.ledger("ST-8")
def test_a_frame_counter_may_wrap_too(line):
    for _ in range(5):
        line.passes(1, frames_sent=2**30, bytes_sent=2**30)
        line.sample()
    assert line.sums()["frames_sent"] == 5 * 2**30
    assert line.traffic.clears == 0


@pytest.mark.ledger("ST-8")
def test_two_wraps_between_two_samples_are_told_as_uncertain(line):
    line.sample()
    line.passes(60, bytes_received=2 * WRAP + 5, frames_received=6_500_000)
    line.sample()
    assert line.sums()["bytes_received"] == 5
    assert line.traffic.is_uncertain
    line.passes(60)
    line.sample()
    assert line.traffic.is_uncertain  # for ever: the sum stays wrong


@pytest.mark.ledger("ST-8")
def test_wraps_before_the_first_sample_are_told_as_uncertain(backend):
    old, young = Line(backend), Line(backend)
    old.passes(3600, bytes_sent=3 * WRAP, frames_sent=10_000_000)
    young.passes(3600, bytes_sent=WRAP - 1, frames_sent=3_000_000)
    assert old.sample().is_uncertain
    assert not young.sample().is_uncertain


@pytest.mark.ledger("ST-8")
def test_a_young_connection_is_certain_at_its_first_sample(backend):
    line = Line(backend, bps=1_000_000_000)
    line.passes(1, bytes_sent=100_000_000)
    assert not line.sample().is_uncertain
    old = Line(backend, bps=1_000_000_000)
    old.passes(3600, bytes_sent=100_000_000)
    assert old.sample().is_uncertain


@pytest.mark.ledger("ST-8")
def test_without_frames_the_speed_says_what_is_possible(backend):
    fast, slow = Line(backend, bps=1_000_000_000), Line(backend, bps=1_000_000)
    for line in (fast, slow):
        line.passes(1, bytes_sent=WRAP - 10)
        line.sample()
        line.passes(60, bytes_sent=100)
        line.sample()
        assert line.sums()["bytes_sent"] == WRAP + 90
    assert (fast.traffic.is_uncertain, slow.traffic.is_uncertain) == (1, 0)


@pytest.mark.ledger("ST-9")
@pytest.mark.parametrize("counts", [True, False], ids=["frames", "no frames"])
def test_a_clear_is_no_wrap(line, counts):
    frames = 1000 if counts else 0
    line.passes(10, bytes_received=1_000_000, frames_received=frames)
    line.sample()
    line.passes(5, bytes_received=500)
    line.clear()
    line.passes(5, bytes_received=300, frames_received=frames // 1000)
    line.sample()
    assert line.sums()["bytes_received"] == 1_000_300
    assert (line.traffic.clears, line.traffic.new_received) == (1, 300)
    line.passes(5, bytes_received=1, frames_received=frames // 1000)
    assert line.sample().bytes_received == 1_000_301
    assert line.traffic.clears == 1


@pytest.mark.ledger("ST-9")
def test_an_error_counter_shows_a_clear(backend):
    line = Line(backend, crc_errors=5)
    line.sample()
    line.members = {}
    line.passes(1, bytes_sent=3, frames_sent=1)
    assert line.sample().clears == 1
    assert line.traffic.crc_errors == 5


@pytest.mark.ledger("ST-10")
def test_a_duration_that_runs_backwards_is_a_new_connection(line):
    line.passes(100, bytes_sent=5000, frames_sent=5)
    line.sample()
    line.clear()
    line.passes(10)
    line.sample()
    assert line.traffic.clears == 1
    line.reconnect()
    line.passes(3, bytes_sent=70, frames_sent=1)
    traffic = line.sample()
    assert (traffic.bytes_sent, traffic.frames_sent, traffic.clears) == (70, 1, 0)
    assert (traffic.duration_ms, traffic.previous_ns, traffic.new_sent) == (3000, 0, 0)
    assert (traffic.handle, traffic.is_up) == (7, 1)
    line.passes(1, bytes_sent=1, frames_sent=1)
    assert (line.sample().bytes_sent, line.traffic.new_sent) == (71, 1)


@pytest.mark.ledger("ST-10")
def test_a_duration_wraps_after_49_days(line):
    line.sample()
    for _ in range(60):
        line.passes(24 * 3600, bytes_sent=10, frames_sent=1)
        line.sample()
    assert line.traffic.duration_ms == 60 * 24 * 3600 * 1000
    assert line.traffic.bytes_sent == 600


@pytest.mark.ledger("ST-11")
def test_rates_come_from_the_last_two_samples(line):
    line.passes(5, bytes_sent=1000, frames_sent=1)
    line.sample()
    assert (line.traffic.new_sent, line.traffic.previous_ns) == (0, 0)
    line.passes(2, bytes_sent=500, frames_sent=1, bytes_received=9, frames_received=1)
    line.sample()
    traffic = line.traffic
    assert (traffic.new_sent, traffic.new_received) == (500, 9)
    assert traffic.sampled_ns - traffic.previous_ns == 2 * S


@pytest.mark.ledger("ST-11")
def test_a_call_that_fails_is_no_sample(line):
    line.passes(5, bytes_sent=1000, frames_sent=1)
    line.sample()
    before = bytes(line.traffic)
    line.passes(5, bytes_sent=1000, frames_sent=1)
    line.sample(code=711)
    assert line.traffic.code == 711
    line.traffic.code = 0
    assert bytes(line.traffic) == before
    line.sample()
    assert (line.traffic.bytes_sent, line.traffic.code) == (2000, 0)


# Silence


@pytest.mark.ledger("ST-12")
def test_bytes_without_an_answer_are_silence_after_the_limit(line):
    line.passes(600, bytes_sent=5000, bytes_received=5000)
    line.sample()
    line.passes(600)
    assert not line.sample().is_silent  # idle: nothing was sent
    line.passes(10, bytes_sent=70)
    assert not line.sample().is_silent  # the answer may still come
    since = line.now
    for _ in range(2):
        line.passes(10)
        assert not line.sample().is_silent
    line.passes(10, bytes_sent=5)
    assert line.sample().is_silent
    assert (line.traffic.unanswered_ns, line.traffic.unanswered_bytes) == (since, 75)
    line.passes(10, bytes_received=1)
    assert not line.sample().is_silent
    assert (line.traffic.unanswered_ns, line.traffic.unanswered_bytes) == (0, 0)


@pytest.mark.ledger("ST-12")
def test_silence_counts_only_while_the_connection_is_up(line):
    line.sample()
    line.passes(10, bytes_sent=70)
    line.sample()
    line.traffic.is_up = 0
    line.passes(60, bytes_sent=70)
    assert not line.sample().is_silent
    line.traffic.is_up = 1
    line.passes(10, bytes_sent=70)
    assert not line.sample().is_silent
    line.passes(30)
    assert line.sample().is_silent


@pytest.mark.ledger("ST-12")
def test_after_a_clear_silence_is_not_certain(line):
    line.passes(1, bytes_sent=700, frames_sent=10)
    line.sample()
    line.passes(10, bytes_sent=70, frames_sent=1)
    line.sample()
    line.clear()
    line.passes(30, bytes_sent=7, frames_sent=1)
    assert not line.sample().is_silent


@pytest.mark.ledger("ST-12")
@anew
@given(
    steps=st.lists(
        st.tuples(st.floats(1, 20), st.booleans(), st.booleans(), st.booleans()), max_size=40
    )
)
def test_silence_is_what_its_definition_says(backend, steps):
    line, unanswered = Line(backend), None
    line.sample()
    for seconds, sends, receives, is_up in steps:
        line.passes(seconds, bytes_sent=10 * sends, bytes_received=5 * receives)
        line.traffic.is_up = is_up
        if receives or not is_up:
            unanswered = None
        elif sends and unanswered is None:
            unanswered = line.now
        expected = unanswered is not None and line.now - unanswered >= SILENT_AFTER
        assert line.sample().is_silent == expected


# Parity

dwords = st.integers(0, WRAP - 1) | st.sampled_from([0, 1, 2**31 - 1, 2**31, WRAP - 1])


@st.composite
def records(draw):
    """Any numbers at all, as a provider that lies could give."""
    numbers = draw(st.lists(dwords, min_size=14, max_size=14))
    code = draw(st.sampled_from([0, 0, 0, 0, 6, 711]))
    record = RN_STATISTICS.pack(7, code, *(numbers if not code else [0] * 14), 0)
    return record, draw(st.integers(0, 10**15)), draw(st.booleans())


@pytest.mark.usefixtures("both_backends")
@anew
@given(steps=st.lists(records(), min_size=1, max_size=12), silent_after=st.integers(0, 10**12))
def test_both_backends_make_the_same_sums_of_any_numbers(steps, silent_after):
    native, plain = RnTraffic(handle=7), RnTraffic(handle=7)
    now = BEGIN
    for record, passed, is_up in steps:
        now += passed
        native.is_up = plain.is_up = is_up
        add_natively(native, record, now, silent_after)
        add_to_traffic(plain, record, now, silent_after)
        assert bytes(native) == bytes(plain)
