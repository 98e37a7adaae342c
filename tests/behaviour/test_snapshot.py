"""EN-11: a snapshot has list and statuses in one operation, and decodes only what changed."""

from __future__ import annotations

from ctypes import addressof, c_uint8, c_uint32, memmove, memset
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spy import ENUM, STATUS, exported, replace, restore, show

from ras_native import ConnState, ConnSubstate, Ras, RasError
from ras_native._backend.layout import RASCONNSTATUSW, RASCONNW

CONNECTION_VERSIONS = (0x600, 0x501, 0x500, 0x401, 0x400)
STATUS_VERSIONS = (0x601, 0x401, 0x400)


def handles_of(snapshot):
    return [observation.connection.handle for observation in snapshot]


@pytest.mark.ledger("EN-11", "GS-1")
def test_list_and_statuses_come_together(sim, ras):
    first = sim.add("a", remote_endpoint="192.0.2.1")
    second = sim.add("b")
    sim.set_status(second, error=651)
    snapshot = ras.snapshot()
    assert handles_of(snapshot) == [first, second]
    assert [observation.code for observation in snapshot] == [0, 0]
    for observation, connection in zip(snapshot, ras.enum_connections(), strict=True):
        assert observation.connection == connection
        assert observation.status == ras.get_connect_status(connection)
        assert not observation.gone
    assert snapshot[1].status.error == 651
    assert snapshot.gone == ()


@pytest.mark.ledger("EN-11", "EN-7")
def test_nothing_connected_is_an_empty_snapshot(sim, ras):
    assert ras.snapshot() == ()
    assert ras.snapshot() is ras.snapshot()
    assert sim.calls(STATUS) == 0


@pytest.mark.ledger("EN-11")
@pytest.mark.parametrize("count", [0, 1, 4, 64, 300])
def test_an_unchanged_snapshot_makes_just_these_calls_and_is_the_same_object(sim, ras, count):
    for number in range(count):
        sim.add(f"entry {number}")
    first = ras.snapshot()
    for _ in range(3):
        sim.reset_calls()
        assert ras.snapshot() is first
        assert sim.calls(ENUM) == 1
        assert sim.calls(STATUS) == count
        assert sim.calls_total == 1 + count


CHANGES = {
    "state": {"state": ConnState.AUTHENTICATE},
    "error": {"error": 651},
    "substate": {"substate": ConnSubstate.RECONNECTING},
    "phone number": {"phone_number": "other.example.org"},
    "local end point": {"local_endpoint": "192.0.2.3"},
    "remote end point": {"remote_endpoint": "2001:db8::3"},
}


@pytest.mark.ledger("EN-11")
@pytest.mark.parametrize("at", [0, 3, 6])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_only_what_changed_is_new(sim, ras, at, change):
    handles = [sim.add(f"entry {number}") for number in range(7)]
    before = ras.snapshot()
    sim.set_status(handles[at], **change)
    after = ras.snapshot()
    assert after is not before
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        assert (new is old) == (index != at)
        assert new.connection is old.connection
    assert after[at].status == ras.get_connect_status(handles[at]) != before[at].status
    assert ras.snapshot() is after


@pytest.mark.ledger("EN-11")
def test_a_changed_connection_is_new_and_keeps_its_place(sim, ras):
    elements = [RASCONNW(dwSize=0, hrasconn=sim.add(name)) for name in "abc"]
    show(ras, lambda: elements)
    before = ras.snapshot()
    elements[1].dwFlags = 9
    after = ras.snapshot()
    assert after[1].connection.flags == 9
    assert (after[0] is before[0], after[2] is before[2]) == (True, True)
    assert after[1].status == before[1].status


@pytest.mark.ledger("EN-11")
@pytest.mark.parametrize("at", [0, 2, 4])
def test_removal_leaves_the_others_as_they_are(sim, ras, at):
    handles = [sim.add(f"entry {number}") for number in range(5)]
    before = ras.snapshot()
    sim.drop(handles[at])
    after = ras.snapshot()
    rest = [observation for index, observation in enumerate(before) if index != at]
    assert list(map(id, after)) == list(map(id, rest))
    assert ras.snapshot() is after


@pytest.mark.ledger("EN-11")
def test_one_goes_and_another_comes(sim, ras):
    first, second = sim.add("a"), sim.add("b")
    before = ras.snapshot()
    sim.drop(first)
    third = sim.add("a")
    after = ras.snapshot()
    assert handles_of(after) == [second, third]
    assert after[0] is before[1]


@pytest.mark.ledger("EN-11")
def test_all_change_at_once(sim, ras):
    old = [sim.add(f"old {number}") for number in range(20)]
    before = ras.snapshot()
    for handle in old:
        sim.drop(handle)
    new = [sim.add(f"new {number}") for number in range(30)]
    after = ras.snapshot()
    assert handles_of(before) == old
    assert handles_of(after) == new
    assert [o.connection.entry_name for o in after] == [f"new {n}" for n in range(30)]


def listing(ras, sim, count):
    """Return connections, and a function that lists those of the given indexes, in that order."""
    handles = [sim.add(f"entry {number}") for number in range(count)]
    shown = []
    show(ras, lambda: [RASCONNW(hrasconn=handles[i], dwSubEntry=i + 1) for i in shown])

    def poll(indexes):
        shown[:] = indexes
        snapshot = ras.snapshot()
        assert [o.connection.subentry - 1 for o in snapshot] == list(indexes)
        assert handles_of(snapshot) == [handles[i] for i in indexes]
        return dict(zip(indexes, snapshot, strict=True)), snapshot

    return poll


@pytest.mark.ledger("EN-11")
def test_every_order_of_four(sim, ras):
    poll = listing(ras, sim, 4)
    known, _ = poll(range(4))
    for order in permutations(range(4)):
        seen, snapshot = poll(order)
        assert all(seen[i] is known[i] for i in order)
        assert ras.snapshot() is snapshot


@pytest.mark.ledger("EN-11")
@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.lists(st.integers(0, 15), unique=True), max_size=12))
def test_any_coming_going_and_moving_keeps_the_others(sim, backend, orders):
    with Ras(sim, backend=backend) as ras:
        poll = listing(ras, sim, 16)
        known, last = {}, None
        for order in orders:
            seen, snapshot = poll(order)
            assert all(seen[i] is known[i] for i in seen.keys() & known.keys())
            assert (snapshot is last) == (list(known) == order) or last is None
            known, last = seen, snapshot


@pytest.mark.ledger("EN-11")
def test_a_provider_that_lists_a_connection_twice(sim, ras):
    handle = sim.add("a")
    element = RASCONNW(hrasconn=handle, dwSubEntry=1)
    show(ras, lambda: [element, element, element])
    snapshot = ras.snapshot()
    assert handles_of(snapshot) == [handle] * 3
    assert ras.snapshot() is snapshot
    element.dwSubEntry = 2
    assert [o.connection.subentry for o in ras.snapshot()] == [2, 2, 2]


@pytest.mark.ledger("EN-11")
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_connection_that_ends_between_the_two_steps_is_gone(sim, ras, at):
    handles = [sim.add(name) for name in "abc"]
    before = ras.snapshot()
    sim.step_per_call = 1.0  # the enumeration is at 1 s, the statuses from 2 s on
    sim.drop(handles[at], after=1.5)
    after = ras.snapshot()
    assert handles_of(after) == handles
    for index, observation in enumerate(after):
        assert observation.connection is before[index].connection
        if index == at:
            assert (observation.gone, observation.code, observation.status) == (True, 6, None)
        else:
            assert observation is before[index]
    assert after.gone == (after[at],)
    assert handles_of(ras.snapshot()) == handles[:at] + handles[at + 1 :]


@pytest.mark.ledger("EN-11")
def test_a_connection_that_is_gone_when_it_is_first_seen(sim, ras):
    sim.step_per_call = 1.0
    sim.drop(sim.add("a"), after=1.5)
    (observation,) = ras.snapshot()
    assert (observation.gone, observation.status) == (True, None)
    assert observation.connection.entry_name == "a"


@pytest.mark.ledger("EN-11", "GS-3", "GS-4")
@pytest.mark.parametrize(("code", "gone"), [(6, True), (668, True), (8, False), (711, False)])
def test_another_code_of_one_status_is_that_observation_s(sim, ras, code, gone):
    for name in "abc":
        sim.add(name)
    before = ras.snapshot()
    sim.reset_calls()
    sim.fail(STATUS, code, call=2)
    during = ras.snapshot()
    assert [observation.code for observation in during] == [0, code, 0]
    assert (during[1].status, during[1].gone) == (None, gone)
    assert (during[0] is before[0], during[2] is before[2]) == (True, True)
    assert during[1].connection is before[1].connection
    after = ras.snapshot()
    assert after == before


@pytest.mark.ledger("EN-11")
def test_a_code_that_stays_is_no_change(sim, ras):
    sim.add("a")
    sim.fail(STATUS, 8, count=None)
    first = ras.snapshot()
    assert first[0].code == 8
    assert ras.snapshot() is first


@pytest.mark.ledger("EN-11", "EN-10")
@pytest.mark.parametrize("code", [711, 5, 8])
def test_a_failed_enumeration_is_raised_and_changes_nothing(sim, ras, code):
    sim.add("a")
    before = ras.snapshot()
    sim.fail(ENUM, code)
    with pytest.raises(RasError) as error:
        ras.snapshot()
    assert (error.value.code, error.value.function) == (code, ENUM)
    assert ras.snapshot() is before


@pytest.mark.ledger("EN-2", "GS-2")
@pytest.mark.parametrize("status", STATUS_VERSIONS, ids=hex)
@pytest.mark.parametrize("connection", CONNECTION_VERSIONS, ids=hex)
def test_every_pair_of_versions(sim, ras, connection, status):
    handles = [
        sim.add(f"entry {n}", phone_number=str(n), flags=1, remote_endpoint="192.0.2.1")
        for n in range(12)
    ]
    sim.limit_versions(connection, status)
    snapshot = ras.snapshot()
    assert handles_of(snapshot) == handles
    for number, observation in enumerate(snapshot):
        listed, told = observation.connection, observation.status
        assert listed.entry_name == f"entry {number}"
        assert (listed.phonebook is None) == (listed.subentry is None) == (connection < 0x401)
        assert (listed.guid_entry is None) == (connection < 0x500)
        assert (listed.flags is None) == (listed.luid is None) == (connection < 0x501)
        assert (listed.correlation_id is None) == (connection < 0x600)
        assert told.state is ConnState.CONNECTED
        assert told.phone_number == (str(number) if status >= 0x401 else None)
        assert (told.remote_endpoint is None) == (told.substate is None) == (status < 0x601)
    assert ras.snapshot() is snapshot
    sim.set_status(handles[5], state=5)
    assert [o.status.state for o in ras.snapshot()].count(5) == 1


@pytest.mark.ledger("EN-2", "GS-2")
def test_a_system_that_becomes_older_is_followed(sim, ras):
    handles = [sim.add(f"entry {n}", phone_number=str(n)) for n in range(4)]
    newest = ras.snapshot()
    sim.limit_versions(0x401, 0x401)
    older = ras.snapshot()
    assert handles_of(older) == handles
    assert [o.status.phone_number for o in older] == ["0", "1", "2", "3"]
    assert all(o.status.substate is None for o in older)
    assert all(o.connection.flags is None for o in older)
    assert all(o.status.substate is ConnSubstate.NONE for o in newest)
    assert ras.snapshot() is older


@pytest.mark.ledger("GS-2")
def test_a_refused_status_version_is_offered_again_at_the_next_poll(sim, ras):
    sim.add("a")
    ras.snapshot()
    replace(ras, STATUS, lambda _handle, _status: 632)
    assert ras.snapshot()[0].code == 632
    real = exported(ras, STATUS)
    replace(
        ras,
        STATUS,
        lambda handle, raw: 632 if c_uint32.from_address(raw).value == 608 else real(handle, raw),
    )
    (observation,) = ras.snapshot()
    assert (observation.code, observation.status.substate) == (0, None)


def noisy_status(ras, noise):
    """Make the provider fill the bytes after each text of a status with `noise`."""
    real = exported(ras, STATUS)

    def get_status(handle, address):
        code = real(handle, address)
        raw = RASCONNSTATUSW.from_address(address)
        if raw.dwSize == 608 and not code:
            for array in (raw.szDeviceType, raw.szDeviceName, raw.szPhoneNumber):
                end = list(array).index(0) + 1
                memset(addressof(array) + 2 * end, noise, 2 * (len(array) - end))
        return code

    replace(ras, STATUS, get_status)


@pytest.mark.ledger("EN-11")
def test_what_stands_behind_a_text_is_no_change(sim, ras):
    sim.add("a", phone_number="123")
    before = ras.snapshot()
    for noise in (0x41, 0x42, 0xFF):
        noisy_status(ras, noise)
        assert ras.snapshot() is before
    restore(ras, STATUS)
    assert ras.snapshot() is before


@pytest.mark.ledger("EN-11", "GS-3")
def test_a_status_without_texts_after_a_failure_is_without_texts(sim, ras):
    """Both statuses have no texts, so the texts are unchanged, but none are known."""
    sim.add("a")
    ras.snapshot()
    replace(ras, STATUS, lambda _handle, _status: 8)
    assert ras.snapshot()[0].status is None
    replace(ras, STATUS, lambda _handle, _status: 0)
    status = ras.snapshot()[0].status
    assert (status.device_type, status.device_name, status.phone_number) == ("", "", "")


@pytest.mark.ledger("EN-11", "GS-1")
@pytest.mark.parametrize(
    "member",
    [name for name, _ in RASCONNSTATUSW._fields_ if name != "dwSize"],
)
def test_a_change_of_any_one_byte_of_a_status_is_seen(sim, ras, member):
    """Change the first, a middle and the last byte; texts fill their arrays."""
    sim.add("a")
    shown = RASCONNSTATUSW(dwSize=608)
    for array in (shown.szDeviceType, shown.szDeviceName, shown.szPhoneNumber):
        array[:] = [ord("x")] * len(array)
    for endpoint in (shown.localEndPoint, shown.remoteEndPoint):
        endpoint.dwType = 2

    def get_status(_handle, address):
        memmove(address, addressof(shown), c_uint32.from_address(address).value)
        return 0

    replace(ras, STATUS, get_status)
    field = getattr(RASCONNSTATUSW, member)
    before = ras.snapshot()[0]
    for offset in (field.offset, field.offset + field.size // 2, field.offset + field.size - 1):
        byte = c_uint8.from_buffer(shown, offset)
        byte.value ^= 1
        after = ras.snapshot()[0]
        assert after.connection is before.connection
        pairs = zip(after.status, before.status, strict=True)
        assert [new == old for new, old in pairs].count(False) == 1
        byte.value ^= 1
        assert ras.snapshot()[0] == before


def test_find_takes_the_first_of_that_name_whatever_its_case(sim, ras):
    first = sim.add("Head Office")
    sim.add("head office")
    sim.add("Straße")
    snapshot = ras.snapshot()
    assert snapshot.find("HEAD OFFICE").connection.handle == first
    assert snapshot.find("STRASSE").connection.entry_name == "Straße"
    assert snapshot.find("elsewhere") is None


def text_of(structure, name, units):
    """Fill a text of the structure with these units, then zeros."""
    array = getattr(structure, name)
    array[:] = [*map(ord, units), *[0] * (len(array) - len(units))]


class SparingProvider:
    """It writes the texts without their NUL, and nothing after them."""

    def __init__(self, ras):
        self.entry_name, self.device_name = "", ""
        replace(ras, ENUM, self.enumerate)
        replace(ras, STATUS, self.get_status)

    def enumerate(self, buffer, _bytes, count):
        connection = RASCONNW.from_address(buffer)
        connection.hrasconn = 1
        connection.szEntryName[: len(self.entry_name)] = list(map(ord, self.entry_name))
        c_uint32.from_address(count).value = 1
        return 0

    def get_status(self, _handle, address):
        status = RASCONNSTATUSW.from_address(address)
        status.szDeviceName[: len(self.device_name)] = list(map(ord, self.device_name))
        return 0


@pytest.mark.ledger("EN-12", "GS-1")
def test_a_text_without_its_nul_shows_nothing_of_the_text_before(ras):
    provider = SparingProvider(ras)
    provider.entry_name, provider.device_name = "Head office", "WAN Miniport"
    ras.snapshot()
    provider.entry_name, provider.device_name = "Hi", "Modem"
    (observation,) = ras.snapshot()
    assert observation.connection.entry_name == "Hi"
    assert observation.status.device_name == "Modem"
    assert ras.get_connect_status(1).device_name == "Modem"


def members(structure):
    """Return name, number of values and whether it is text, for each member but dwSize."""
    for name, kind in structure._fields_[1:]:
        yield name, getattr(kind, "_length_", 1), name.startswith("sz")


@pytest.mark.ledger("EN-11")
@pytest.mark.parametrize("structure", [RASCONNW, RASCONNSTATUSW])
def test_every_byte_that_is_decoded_is_compared(ras, structure):
    """A change of one bit in any member changes the snapshot."""
    connection, status = RASCONNW(hrasconn=7), RASCONNSTATUSW()
    for each in (connection, status):
        for name, length, is_text in members(type(each)):
            if is_text:
                text_of(each, name, "x" * (length - 1))
    status.localEndPoint.dwType = status.remoteEndPoint.dwType = 2
    changed = connection if structure is RASCONNW else status
    show(ras, lambda: [connection])
    replace(ras, STATUS, lambda _, address: memmove(address, addressof(status), 608) and 0)
    before = ras.snapshot()
    for name, _, is_text in members(structure):
        field = getattr(structure, name)
        end = field.offset + field.size - 2 * is_text  # the last unit is the NUL
        for offset in {field.offset, (field.offset + end) // 2, end - 1}:
            byte = c_uint8.from_buffer(changed, offset)
            byte.value ^= 0x04
            after = ras.snapshot()
            assert after is not before, (name, offset)
            byte.value ^= 0x04
            before = ras.snapshot()
            assert before != after, (name, offset)
