"""An event log that lies: every answer is bounded and clear, and nothing is leaked."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from event_xml import CORRELATION_ID, event_xml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lying_event_log import EVERY, NONE, TRUTH, LyingEventLog

from ras_native import ProviderError
from ras_native.event_log import EventLog, EventLogError, LogRead, _event_log

GOOD = event_xml(20226, CORRELATION_ID, "pc\\ann", "Office", "829")
MOST_CALLS = 256 * 8 + 100  # of one read


@pytest.fixture
def liar(lying_library: Path) -> Iterator[LyingEventLog]:
    """Everything that it opened must be closed in the end."""
    library = LyingEventLog(lying_library)
    yield library
    assert (library.open_handles, library.wrong_closes) == (0, 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the attempts to subscribe again; its time is the first item."""
    time = [1000.0]
    monkeypatch.setattr(_event_log, "monotonic", lambda: time[0])
    return time


@pytest.mark.ledger("EV-1")
def test_an_event_is_read_with_its_fields(liar: LyingEventLog, backend: str) -> None:
    with EventLog(liar.path, backend=backend) as log:
        assert log.read() == LogRead()
        liar.lie(xml=GOOD, batches=1, written=1, claimed=1)
        read = log.read()
        (event,) = read.events
        assert (event.source, event.event_id, event.record_id) == ("RasClient", 20226, 77)
        assert event.correlation_id == UUID(CORRELATION_ID)
        assert (event.entry, event.code) == ("Office", 829)
        assert (read.missed, read.error, read.unreadable) == (False, None, 0)


@pytest.mark.ledger("EV-4")
def test_null_without_an_error_is_told_as_what_wine_does(liar: LyingEventLog, backend: str) -> None:
    liar.lie(null_subscription=1)
    with pytest.raises(ProviderError, match="NULL and no error, as Wine's does"):
        EventLog(liar.path, backend=backend)


@pytest.mark.ledger("EV-4")
def test_a_refused_subscription_is_an_error_with_its_code(
    liar: LyingEventLog, backend: str
) -> None:
    liar.lie(null_subscription=1, subscribe_error=5)
    with pytest.raises(ProviderError, match="5 ERROR_ACCESS_DENIED") as caught:
        EventLog(liar.path, backend=backend)
    assert isinstance(caught.value.__cause__, EventLogError)
    assert (caught.value.__cause__.code, caught.value.__cause__.function) == (5, "EvtSubscribe")
    copy = pickle.loads(pickle.dumps(caught.value.__cause__))  # noqa: S301 - our own
    assert str(copy) == str(caught.value.__cause__)
    assert str(copy).startswith("[event log 5 ERROR_ACCESS_DENIED] EvtSubscribe: access denied")


@pytest.mark.ledger("EV-5")
@pytest.mark.parametrize("claimed", [17, 1000, NONE])
@pytest.mark.usefixtures("clock")
def test_more_events_than_the_array_holds(liar: LyingEventLog, backend: str, claimed: int) -> None:
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(xml=GOOD, batches=EVERY, written=16, claimed=claimed)
        read = log.read()
        assert read.events == ()
        assert f"{claimed} events in an array for 16" in str(read.error)
        assert liar.open_handles == 1  # the bookmark


@pytest.mark.ledger("EV-5")
def test_no_events_although_it_says_so(liar: LyingEventLog, backend: str) -> None:
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(xml=GOOD, batches=EVERY, written=0, claimed=3)
        assert log.read() == LogRead()
        liar.lie(written=5, claimed=5, null_from=2, batches=1)
        assert len(log.read().events) == 2


@pytest.mark.ledger("EV-5")
@pytest.mark.parametrize("claimed", [0, 1, 15])
def test_what_is_beyond_the_count_is_neither_read_nor_closed(
    liar: LyingEventLog, backend: str, claimed: int
) -> None:
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(xml=GOOD, batches=1, written=16, claimed=claimed)
        assert len(log.read().events) == claimed
        assert (liar.open_handles, liar.wrong_closes) == (2, 0)


@pytest.mark.ledger("EV-5")
def test_the_same_event_twice_in_a_batch_is_closed_once(liar: LyingEventLog, backend: str) -> None:
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(xml=GOOD, batches=1, written=16, claimed=16, same=1)
        assert len(log.read().events) == 1


@pytest.mark.ledger("EV-5")
def test_endless_events_are_read_in_parts(liar: LyingEventLog, backend: str) -> None:
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(xml=GOOD, batches=EVERY, written=16, claimed=16)
        for _ in range(3):
            before = liar.calls
            assert len(log.read().events) == 256
            assert liar.calls - before < MOST_CALLS
            assert log.wait(0)
        liar.lie(batches=0)
        assert log.read() == LogRead()
        assert not log.wait(0)


UNREADABLE = {  # the lies, and what the logger says
    "no XML": ({"xml": "no XML"}, "not XML"),
    "nothing": ({"xml": b""}, "not XML"),
    "half a character": ({"xml": b"<"}, "not XML"),
    "UTF-8": ({"xml": GOOD.encode()}, "not XML"),
    "large": ({"used": 1 << 19, "render_fails": 1, "render_error": 122}, "524288 bytes, which is"),
    "too large": ({"used": TRUTH - 1}, "4294967294 bytes, wrongly"),
    "small": ({"used": 8}, "not XML"),
    "grows for ever": ({"used": 4097, "render_fails": 1, "render_error": 122}, "4097 bytes, wro"),
    "needs nothing": ({"used": 0, "render_fails": 1, "render_error": 122}, "0 bytes, wrongly"),
    "fails": ({"render_fails": 1, "render_error": 15027}, "15027"),
    "fails without an error": ({"render_fails": 1}, "EvtRender"),
}


@pytest.mark.ledger("EV-5")
@pytest.mark.parametrize("name", UNREADABLE)
def test_an_event_that_cannot_be_read_is_counted(
    liar: LyingEventLog, backend: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "ras_native")
    lies, why = UNREADABLE[name]
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(xml=GOOD, batches=1, written=3, claimed=3)
        liar.lie(**lies)
        assert log.read() == LogRead(unreadable=3)
        assert caplog.text.count(why) == 3
        assert "Office" not in caplog.text
        liar.lie(xml=GOOD, batches=1, used=TRUTH, render_fails=0)
        assert len(log.read().events) == 3


@pytest.mark.ledger("EV-5")
def test_an_event_is_never_read_from_the_memory_of_the_last(
    liar: LyingEventLog, backend: str
) -> None:
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(xml=GOOD, batches=1, written=1, claimed=1)
        assert len(log.read().events) == 1
        liar.lie(xml=b"", used=2 * len(GOOD), batches=1)
        assert log.read() == LogRead(unreadable=1)


@pytest.mark.ledger("EV-5")
def test_a_long_event_gets_a_larger_buffer(liar: LyingEventLog, backend: str) -> None:
    text = event_xml(20226, CORRELATION_ID, "a" * 20000, "Office", "829")
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(xml=text, batches=1, written=2, claimed=2)
        assert [event.code for event in log.read().events] == [829, 829]


@pytest.mark.ledger("EV-2")
@pytest.mark.parametrize("code", [259, 1460, 4317])
def test_an_error_that_means_nothing_new_is_no_error(
    liar: LyingEventLog, backend: str, code: int
) -> None:
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(next_error=code)
        for _ in range(10):
            before = liar.calls
            assert log.read() == LogRead()
            assert liar.calls - before == 1


@pytest.mark.ledger("EV-2")
@pytest.mark.usefixtures("clock")
def test_a_subscription_that_calls_in_vain_is_made_again(liar: LyingEventLog, backend: str) -> None:
    """Windows answers 4317 when nothing is new, and when the subscription is dead."""
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(next_error=4317)
        read = [log.read()]  # after the signal that the log gives itself
        for _ in range(3):
            log._event.set()  # type: ignore[union-attr] # as its service does
            read.append(log.read())
        assert [found.missed for found in read] == [False, False, False, True]
        assert read[-1].error is None


@pytest.mark.ledger("EV-3")
def test_a_log_that_stays_dead_is_asked_ever_less_often(
    liar: LyingEventLog, backend: str, clock: list[float]
) -> None:
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(next_error=15011, subscribe_error=1722, null_subscription=1)
        attempts = []
        for _ in range(3000):
            before = liar.calls
            read = log.read()
            assert isinstance(read.error, EventLogError)
            if liar.calls > before:
                attempts.append(clock[0])
            clock[0] += 0.1
        pauses = [round(b - a) for a, b in pairwise(attempts)]
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.ledger("EV-3")
def test_a_wait_ends_when_it_is_time_to_subscribe_again(
    liar: LyingEventLog, backend: str, clock: list[float]
) -> None:
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(next_error=15011, subscribe_error=1722, null_subscription=1)
        assert log.read().error is not None
        assert not log.wait(0)
        clock[0] += 1
        assert log.wait(0)
        liar.lie(null_subscription=0, xml=GOOD, batches=1, written=1, claimed=1, next_error=259)
        read = log.read()
        assert (len(read.events), read.missed, read.error) == (1, True, None)
        assert not log.wait(0)


@pytest.mark.ledger("EV-3")
def test_long_events_are_read_one_by_one(liar: LyingEventLog, backend: str) -> None:
    """Windows answers 1734, RPC_S_INVALID_BOUND, if the events of a batch are too long."""
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(xml=GOOD, batches=40, written=1, claimed=1, most=1)
        sizes = []
        while log.wait(0) or not sizes:
            read = log.read()
            assert read.error is None
            sizes.append(len(read.events))
        assert sizes == [16, 16, 8]


@pytest.mark.ledger("EV-3")
def test_a_subscription_that_dies_at_once_every_time(
    liar: LyingEventLog, backend: str, clock: list[float]
) -> None:
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(next_error=15011)
        for _ in range(100):
            before = liar.calls
            assert log.read().error is not None
            assert liar.calls - before < 8
            clock[0] += 0.01
        assert liar.calls < 100


@pytest.mark.ledger("EV-3")
@pytest.mark.usefixtures("clock")
def test_without_a_bookmark_a_new_subscription_may_miss_events(
    liar: LyingEventLog, backend: str
) -> None:
    liar.lie(no_bookmark=1)
    with EventLog(liar.path, backend=backend) as log:
        liar.lie(xml=GOOD, batches=1, written=1, claimed=1, next_error=15011)
        read = log.read()
        assert (len(read.events), read.missed) == (1, True)


LIES = st.fixed_dictionaries(
    {},
    optional={
        "batches": st.sampled_from([0, 1, 2, 300, EVERY]),
        "written": st.integers(0, 20),
        "claimed": st.integers(0, 20) | st.just(NONE),
        "null_from": st.integers(0, 16) | st.just(NONE),
        "same": st.booleans(),
        "next_error": st.sampled_from([0, 6, 87, 259, 1460, 1734, 4317, 15011, NONE]),
        "render_fails": st.booleans(),
        "render_error": st.sampled_from([0, 6, 122, 15027]),
        "used": st.sampled_from([0, 1, 2, 4095, 4096, 4097, 1 << 17, 1 << 18, 1 << 30, TRUTH]),
        "null_subscription": st.booleans(),
        "subscribe_error": st.sampled_from([0, 5, 1168, 15011]),
        "no_bookmark": st.booleans(),
        "xml": st.sampled_from([GOOD, GOOD[:-1], b"<", b""]) | st.binary(max_size=300),
    },
)


@given(script=st.lists(st.tuples(LIES, st.booleans(), st.floats(0, 100)), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_it_says_a_read_is_bounded_and_leaks_nothing(
    lying_library: Path, backend: str, clock: list[float], script: list[tuple[dict, bool, float]]
) -> None:
    liar = LyingEventLog(lying_library)
    with EventLog(liar.path, backend=backend) as log:
        for lies, is_signalled, seconds in script:
            liar.lie(**lies)
            if is_signalled:
                log._event.set()  # type: ignore[union-attr] # as its service does
            before = liar.calls
            read = log.read()
            assert isinstance(read, LogRead)
            assert len(read.events) + read.unreadable <= 512
            assert liar.calls - before < 2 * MOST_CALLS
            assert liar.open_handles <= 2  # a subscription and a bookmark
            clock[0] += seconds
    assert (liar.open_handles, liar.wrong_closes) == (0, 0)
