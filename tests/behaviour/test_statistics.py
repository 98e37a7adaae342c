"""What RAS counted: for one connection, for a link, and for every connection in one call."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spy import ENUM, NEVER_VALID, exported, replace, without_optional_functions

from ras_native import (
    ConnectionStatistics,
    ProviderError,
    Ras,
    RasError,
    Statistics,
    StatisticsList,
)

GET, LINK = "RasGetConnectionStatistics", "RasGetLinkStatistics"
CLEAR = "RasClearConnectionStatistics"
COUNTERS = Statistics._fields[:-1]  # those that the simulator can be given
VALUES = {name: 0xFFFFFFF0 + index for index, name in enumerate(COUNTERS)}


@pytest.mark.ledger("ST-1")
def test_each_counter_has_its_name(sim, ras):
    handle = sim.add("Head office")
    sim.set_statistics(handle, **VALUES)
    sim.advance(12.345)
    statistics = ras.get_connection_statistics(handle)
    assert statistics._asdict() == {**VALUES, "duration_ms": 12345}
    assert json.loads(json.dumps(statistics.to_dict())) == statistics._asdict()
    assert ras.get_connection_statistics("HEAD OFFICE") == statistics


@pytest.mark.ledger("ST-1")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(numbers=st.lists(st.integers(0, 2**32 - 1), min_size=13, max_size=13))
def test_every_number_arrives(sim, ras, numbers):
    handle = sim.add("Head office")
    sim.set_statistics(handle, **dict(zip(COUNTERS, numbers, strict=True)))
    assert list(ras.get_connection_statistics(handle)) == [*numbers, 0]
    assert list(ras.statistics()[-1].statistics) == [*numbers, 0]
    sim.drop(handle)


@pytest.mark.ledger("ST-1")
def test_a_connection_that_is_not_up_has_no_statistics(sim, ras):
    dialling, ended = sim.dial("Branch"), sim.add("Head office")
    sim.drop(ended)
    for handle, code in ((dialling, 668), (ended, 668), (NEVER_VALID, 6)):
        with pytest.raises(RasError) as error:
            ras.get_connection_statistics(handle)
        assert (error.value.code, error.value.function) == (code, GET)


@pytest.mark.ledger("ST-2")
@pytest.mark.parametrize("count", [0, 1, 8, 9, 100])
def test_those_of_every_connection_take_one_enumeration(sim, ras, count):
    handles = [sim.add(f"entry {number}") for number in range(count)]
    for number, handle in enumerate(handles):
        sim.set_statistics(handle, bytes_received=number)
    ras.statistics()
    assert sim.calls(GET) == count  # also where its buffers grow
    sim.reset_calls()
    found = ras.statistics()
    assert (sim.calls(ENUM), sim.calls(GET), sim.calls_total) == (1, count, 1 + count)
    assert [item.connection for item in found] == list(ras.enum_connections())
    assert [item.statistics.bytes_received for item in found] == list(range(count))
    assert not any(item.code or item.gone for item in found)


@pytest.mark.ledger("ST-2")
def test_they_are_found_as_in_a_snapshot(sim, ras):
    handle = sim.add("Head office")
    sim.set_statistics(handle, bytes_sent=7)
    found = ras.statistics()
    assert isinstance(found, StatisticsList)
    (item,) = found
    assert found["head OFFICE"] is found.find(handle) is found.find(item.connection) is item
    assert "Head office" in found
    assert "Branch" not in found
    with pytest.raises(KeyError, match="Branch"):
        found["Branch"]
    assert found[:1] == (item,)
    assert isinstance(item, ConnectionStatistics)
    data = json.loads(json.dumps(found.to_dict()))
    assert data["connections"][0]["statistics"]["bytes_sent"] == 7


@pytest.mark.ledger("ST-2")
def test_the_connection_is_told_as_it_is_now(sim, ras):
    first, second = sim.add("a"), sim.add("b")
    ras.statistics()
    sim.rename(second, "c")
    sim.drop(first)
    third = sim.add("d")
    names = {item.connection.handle: item.connection.entry_name for item in ras.statistics()}
    assert names == {second: "c", third: "d"}


@pytest.mark.ledger("ST-3")
@pytest.mark.parametrize("code", [6, 668])
def test_a_connection_that_ends_meanwhile_is_gone(sim, ras, code):
    sim.add("a")
    sim.add("b")
    sim.fail(GET, code)
    first, second = ras.statistics()
    assert (first.statistics, first.code, first.gone) == (None, code, True)
    assert (second.statistics.bytes_sent, second.code, second.gone) == (0, 0, False)
    assert [item.connection.entry_name for item in (first, second)] == ["a", "b"]
    assert StatisticsList((first, second)).gone == (first,)


@pytest.mark.ledger("ST-3")
def test_another_code_stays_with_its_connection(sim, ras):
    sim.add("a")
    sim.add("b")
    sim.fail(GET, 8, call=2)
    first, second = ras.statistics()
    assert (first.code, second.code, second.statistics, second.gone) == (0, 8, None, False)


@pytest.mark.ledger("ST-3")
def test_a_list_that_fails_is_an_error(sim, ras):
    sim.add("a")
    sim.stop_service()
    with pytest.raises(RasError) as error:
        ras.statistics()
    assert (error.value.code, error.value.function) == (711, ENUM)
    assert sim.calls(GET) == 0


@pytest.mark.ledger("ST-4")
def test_a_link_is_asked_by_its_number(sim, ras):
    handle = sim.add("Multilink", subentries=2)
    sim.set_statistics(handle, bytes_sent=11)
    assert ras.get_link_statistics(handle, 2).bytes_sent == 11
    assert ras.get_link_statistics("multilink", 1) == ras.get_connection_statistics(handle)
    assert (sim.calls(LINK), sim.calls(GET)) == (2, 1)
    sim.drop_subentry(handle, 2)
    for subentry, code in ((2, 618), (3, 259)):
        with pytest.raises(RasError) as error:
            ras.get_link_statistics(handle, subentry)
        assert (error.value.code, error.value.function) == (code, LINK)


@pytest.mark.ledger("ST-5")
def test_clearing_sets_the_counters_to_0_for_everyone(sim, ras, backend):
    handle = sim.add("Head office")
    sim.set_statistics(handle, **VALUES)
    sim.advance(1)
    assert ras.clear_connection_statistics("head office") is None
    with Ras(sim, backend=backend) as other:
        cleared = other.get_connection_statistics(handle)
    expected = dict.fromkeys(COUNTERS, 0)
    assert cleared._asdict() == {**expected, "bps": VALUES["bps"], "duration_ms": 1000}
    sim.drop(handle)
    with pytest.raises(RasError) as error:
        ras.clear_connection_statistics(handle)
    assert (error.value.code, error.value.function) == (668, CLEAR)


@pytest.mark.ledger("ST-6")
def test_a_provider_may_lack_each_function(sim, ras):
    handle = sim.add("Head office")
    with without_optional_functions(ras):
        for call, function in (
            (lambda: ras.get_connection_statistics(handle), GET),
            (lambda: ras.get_link_statistics(handle, 1), LINK),
            (lambda: ras.clear_connection_statistics(handle), CLEAR),
            (ras.statistics, GET),
        ):
            with pytest.raises(ProviderError, match=function) as error:
                call()
            assert error.value.function == function
        assert len(ras.snapshot()) == 1
    sim.drop(handle)
    with without_optional_functions(ras):
        assert ras.statistics() == ()


@pytest.mark.ledger("ST-6")
def test_a_function_that_writes_nothing_gives_zeros(sim, ras):
    first, second = sim.add("a"), sim.add("b")
    sim.set_statistics(first, **VALUES)
    sim.set_statistics(second, **VALUES)
    ras.get_connection_statistics(first)
    sim.reset_calls()
    sim.fail(GET, 0, call=2, count=2)  # it succeeds, and leaves the structure alone
    one, other = ras.statistics()
    assert (one.statistics.bytes_sent, set(other.statistics)) == (VALUES["bytes_sent"], {0})
    assert set(ras.get_connection_statistics(first)) == {0}


@pytest.mark.ledger("ST-7")
def test_counters_do_not_change_a_snapshot(sim, ras):
    handle = sim.add("Head office")
    before, listed = ras.snapshot(), ras.enum_connections()
    for number in range(5):
        sim.set_statistics(handle, bytes_sent=number)
        ras.statistics()
        assert ras.snapshot() is before
        assert ras.enum_connections() is listed


def test_a_closed_ras_has_none(sim, backend):
    with Ras(sim, backend=backend) as ras:
        pass
    with pytest.raises(ValueError, match="closed"):
        ras.statistics()


def test_the_list_may_grow_between_two_calls(sim, ras):
    real = exported(ras, ENUM)

    def enumerate_(buffer, bytes_, count):
        sim.add("one more")
        return real(buffer, bytes_, count)

    replace(ras, ENUM, enumerate_)
    for _ in range(20):
        assert len(ras.statistics()) > 0


def test_threads_get_what_belongs_together(sim, ras):
    handles = [sim.add(f"entry {number}") for number in range(30)]
    for handle in handles:
        sim.set_statistics(handle, bytes_sent=handle)

    def ask(number):
        if number % 5 == 0 and number // 5 < len(handles):
            sim.drop(handles[number // 5])
        return [item for item in ras.statistics() if not item.gone]

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(ask, range(200)):
            assert all(item.statistics.bytes_sent == item.connection.handle for item in found)
    assert ras.statistics() == ()


def test_another_thread_may_take_the_last_spare_buffer_meanwhile(sim, ras, monkeypatch):
    class Taken(list):
        def __bool__(self):  # it had a buffer when it was asked
            return True

    sim.add("Head office")
    monkeypatch.setattr(ras._connections.connections, "_spare", Taken())
    assert [item.statistics.bytes_sent for item in ras.statistics()] == [0]


def test_both_backends_fill_the_same_bytes(sim, both_backends):
    handle = sim.add("Head office")
    sim.set_statistics(handle, **VALUES)
    sim.add("Branch")
    sim.advance(3)
    answers = []
    for backend in both_backends:
        with Ras(sim, backend=backend) as ras:
            provider = ras._provider
            sim.reset_calls()
            sim.fail(GET, 5, call=2)
            answers.append(
                (
                    provider.new_list(with_status=False)[1].statistics(),
                    provider.get_statistics(handle, 0),
                    provider.get_statistics(handle, 1),
                    provider.get_statistics(NEVER_VALID, 0),
                )
            )
    assert answers[0] == answers[1]
    assert len(answers[0][0][1]) == 2 * 72
