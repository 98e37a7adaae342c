"""Both backends always fill the same records, byte for byte."""

from __future__ import annotations

import random
from ctypes import memmove, sizeof
from typing import NamedTuple
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spy import ENUM, STATUS, replace, show

from ras_native import Ras
from ras_native._backend.layout import (
    RASCONNSTATUSW,
    RASCONNW,
    RN_RECORD,
)
from ras_native.sim import Simulator

CONNECTION_VERSIONS = (0x600, 0x501, 0x500, 0x401, 0x400)
STATUS_VERSIONS = (0x601, 0x401, 0x400)

pytestmark = pytest.mark.usefixtures("both_backends")


class Polled(NamedTuple):
    """The result of a poll and a collect."""

    generation: int
    order: list[int] | None
    changed: int
    records: bytes


class Pair:
    """One list of each backend, on the same simulator."""

    def __init__(self, sim, *, with_status):
        self.sim = sim
        self.both = [Ras(sim, backend=backend) for backend in ("native", "ctypes")]
        self.lists = []
        for ras, kind in zip(self.both, ("NativeList", "CtypesList"), strict=True):
            code, connections = ras._provider.new_list(with_status=with_status)
            assert (code, type(connections).__name__) == (0, kind)
            self.lists.append(connections)
        self.since = 0

    def close(self):
        for ras in self.both:
            ras.close()

    def _poll(self, connections):
        generation = connections.poll()
        collected, order, changed, records = connections.collect(self.since)
        assert collected == generation or generation < 0
        return Polled(generation, order, changed, bytes(records[: changed * RN_RECORD.size]))

    def compare(self):
        native, ctypes = map(self._poll, self.lists)
        assert native == ctypes
        assert self.both[0].sizes == self.both[1].sizes
        if native.generation > 0:
            self.since = native.generation
        return native


@pytest.fixture(params=[False, True], ids=["list", "snapshot"])
def pair(request, sim):
    made = Pair(sim, with_status=request.param)
    yield made
    made.close()


def test_both_are_compared(pair):
    """The records exist and have the data that was added."""
    pair.sim.add("office", luid=7)
    polled = pair.compare()
    assert (polled.generation, polled.changed, len(polled.order)) == (2, 1, 1)
    assert "office".encode("utf-16-le") in polled.records
    assert pair.compare() == Polled(2, None, 0, b"")


@pytest.mark.parametrize("status", STATUS_VERSIONS, ids=hex)
@pytest.mark.parametrize("connection", CONNECTION_VERSIONS, ids=hex)
def test_every_pair_of_versions(pair, connection, status):
    for number in range(12):
        pair.sim.add(f"entry {number}", phone_number=f"{number}", remote_endpoint="2001:db8::1")
    pair.compare()
    pair.sim.limit_versions(connection, status)
    pair.compare()
    pair.sim.add("another")
    assert pair.compare().changed == 1


@pytest.mark.parametrize(
    ("function", "code"),
    [
        *((ENUM, code) for code in (5, 8, 122, 603, 610, 632, 711, 0x80070057, 0xFFFFFFFF)),
        *((STATUS, code) for code in (5, 6, 8, 122, 603, 668, 711, 0x80070057, 0xFFFFFFFF)),
    ],
)
def test_every_code(pair, function, code):
    """One call of each backend returns it."""
    for name in "abc":
        pair.sim.add(name)
    pair.compare()
    pair.sim.reset_calls()
    for connections in pair.lists:
        pair.sim.fail(function, code)
        connections.poll()
    pair.compare()
    pair.compare()


def test_a_list_that_outgrows_its_buffers(pair):
    for count in (7, 1, 1, 30, 200):
        for number in range(count):
            pair.sim.add(f"entry {number}")
        assert pair.compare().changed == count


names = st.text(st.characters(codec="utf-16", exclude_characters="\0"), max_size=60)
handles = st.integers(0, 30)
substates = st.sampled_from([0, 1, 2, 0x2000, 77])
numbers = st.sampled_from([0, 1, 0x1000, 0x2000, 0xFFFFFFFF])
operations = st.one_of(
    st.tuples(st.just("add"), names, names, st.integers(0, 2**64 - 1), st.uuids()),
    st.tuples(st.just("drop"), handles),
    st.tuples(st.just("status"), handles, numbers, numbers, substates, names),
    st.tuples(
        st.just("limit"), st.sampled_from(CONNECTION_VERSIONS), st.sampled_from(STATUS_VERSIONS)
    ),
    st.tuples(st.just("service"), st.sampled_from([0, 711])),
    st.tuples(st.just("nothing")),
)


def carry_out(sim, alive, operation):
    kind, *values = operation
    if kind == "add":
        name, number, luid, guid = values
        alive.append(
            sim.add(name or "x", phone_number=number, luid=luid, guid_entry=guid,
                    correlation_id=UUID(int=luid))
        )  # fmt: skip
    elif kind == "drop" and alive:
        sim.drop(alive.pop(values[0] % len(alive)))
    elif kind == "status" and alive:
        at, state, error, substate, number = values
        sim.set_status(
            alive[at % len(alive)], state=state, error=error, substate=substate,
            phone_number=number, remote_endpoint="192.0.2.1" if error else "2001:db8::1",
        )  # fmt: skip
    elif kind == "limit":
        sim.limit_versions(*values)
    elif kind == "service":
        sim.stop_service(values[0]) if values[0] else sim.start_service()


@settings(max_examples=60)
@given(st.lists(operations, max_size=25), st.booleans())
def test_any_sequence_of_events(sequence, with_status):
    with Simulator() as sim:
        pair, alive = Pair(sim, with_status=with_status), []
        snapshots = [ras.snapshot if with_status else ras.enum_connections for ras in pair.both]
        for operation in sequence:
            carry_out(sim, alive, operation)
            polled = pair.compare()
            if polled.generation > 0:
                native, ctypes = (snapshot() for snapshot in snapshots)
                assert native == ctypes
                assert list(map(str, native)) == list(map(str, ctypes))
        pair.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 2**32), max_size=8))
def test_any_bytes_of_a_provider(sim, seeds):
    """The structures hold random bytes: texts without NUL, numbers out of range."""
    pair = Pair(sim, with_status=True)
    for seed in seeds:
        generator = random.Random(seed)  # noqa: S311 - bytes to read, no secret
        count = generator.randrange(12)
        shown = [
            RASCONNW.from_buffer_copy(generator.randbytes(sizeof(RASCONNW))) for _ in range(count)
        ]
        for element, handle in zip(shown, generator.sample(range(1, 20), count), strict=True):
            element.hrasconn = handle
        status = RASCONNSTATUSW.from_buffer_copy(generator.randbytes(sizeof(RASCONNSTATUSW)))
        refused = generator.randrange(1, 20)

        def get_status(handle, address, status=status, refused=refused):
            size = RASCONNSTATUSW.from_address(address).dwSize
            memmove(address, bytes(status), size)
            return 8 if handle == refused else 0

        for ras in pair.both:
            show(ras, lambda shown=shown: shown)
            replace(ras, STATUS, get_status)
        pair.compare()
    pair.close()
