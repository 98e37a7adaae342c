"""EN-1 to EN-10, EN-12: what RasEnumConnections lists, and how it is called."""

from __future__ import annotations

import ctypes
from ctypes import c_uint32, c_void_p, sizeof
from uuid import UUID

import pytest
from spy import ENUM, STATUS, exported, replace, restore, show, watch_enumerations

from ras_native import Connection, ConnectionFlag, ProviderError, RasError
from ras_native._backend.layout import RASCONNW, RN_MAX_ATTEMPTS, RN_MAX_CONNECTIONS

WIDE = sizeof(c_void_p) == 8
SIZES = {  # WINVER: dwSize, from the Windows SDK
    0x600: 1388 if WIDE else 1384,
    0x501: 1372 if WIDE else 1368,
    0x500: 1360 if WIDE else 1356,
    0x401: 1344 if WIDE else 1340,
    0x400: 820 if WIDE else 816,
}
NEWEST = SIZES[0x600]
ENTRY_ID = UUID("8c1b9d5e-6a3f-4b52-9a77-d0a1c2e3f405")
CORRELATION_ID = UUID("00112233-4455-6677-8899-aabbccddeeff")
OFFICE = {
    "device_type": "vpn",
    "device_name": "WAN Miniport (SSTP)",
    "phonebook": r"C:\Users\me\rasphone.pbk",
    "subentry": 3,
    "guid_entry": ENTRY_ID,
    "flags": 5,
    "luid": 0x0123456789ABCDEF,
    "correlation_id": CORRELATION_ID,
}


def add_many(sim, count, after=0.0):
    return [sim.add(f"entry {number}", after=after) for number in range(count)]


@pytest.mark.ledger("EN-1")
def test_all_members_arrive(sim, ras):
    handle = sim.add("Head office", **OFFICE)
    assert ras.enum_connections() == (
        Connection(
            handle=handle,
            entry_name="Head office",
            device_type="vpn",
            device_name="WAN Miniport (SSTP)",
            phonebook=r"C:\Users\me\rasphone.pbk",
            subentry=3,
            guid_entry=ENTRY_ID,
            flags=ConnectionFlag.ALL_USERS | ConnectionFlag.OWNER_KNOWN,
            luid=0x0123456789ABCDEF,
            correlation_id=CORRELATION_ID,
        ),
    )


@pytest.mark.ledger("EN-1")
@pytest.mark.parametrize("count", [1, 7, 8, 9, 100, 1000])
def test_every_connection_is_listed_in_the_provider_s_order(sim, ras, count):
    handles = add_many(sim, count)
    listed = ras.enum_connections()
    assert [connection.handle for connection in listed] == handles
    assert [connection.entry_name for connection in listed] == [f"entry {n}" for n in range(count)]


@pytest.mark.ledger("EN-1")
def test_unknown_flags_and_the_largest_numbers_survive(sim, ras):
    sim.add("a", subentry=0xFFFFFFFF, flags=0x80000010, luid=2**64 - 1)
    (connection,) = ras.enum_connections()
    assert connection.subentry == 0xFFFFFFFF
    assert connection.flags == 0x80000010
    assert connection.luid == 2**64 - 1


@pytest.mark.ledger("EN-1")
def test_the_same_objects_come_back_while_nothing_changes(sim, ras):
    first, second = sim.add("a"), sim.add("b")
    before = ras.enum_connections()
    assert ras.enum_connections() is before
    sim.drop(first)
    after = ras.enum_connections()
    assert [connection.handle for connection in after] == [second]
    assert after[0] is before[1]
    assert ras.enum_connections() is after


@pytest.mark.ledger("EN-2")
@pytest.mark.parametrize("code", [632, 610])
@pytest.mark.parametrize("version", SIZES, ids=hex)
def test_versions_are_offered_downwards_and_the_answer_is_kept(sim, ras, version, code):
    sim.add("Head office", **OFFICE)
    sim.limit_versions(version, 0x601)
    calls = watch_enumerations(
        ras, lambda call: call._replace(code=code) if call.code == 632 else call
    )
    (connection,) = ras.enum_connections()
    offered = [size for winver, size in SIZES.items() if winver >= version]
    assert [call.dw_size for call in calls] == offered
    assert ras.sizes.rasconn == offered[-1]

    assert connection.entry_name == "Head office"
    assert connection.device_name == "WAN Miniport (SSTP)"
    members = {
        "phonebook": 0x401,
        "subentry": 0x401,
        "guid_entry": 0x500,
        "flags": 0x501,
        "luid": 0x501,
        "correlation_id": 0x600,
    }
    for member, since in members.items():
        expected = OFFICE[member] if version >= since else None
        assert getattr(connection, member) == expected, member

    calls.clear()
    assert ras.enum_connections() == (connection,)
    assert [call.dw_size for call in calls] == offered[-1:], "the version is not asked for again"


@pytest.mark.ledger("EN-2")
@pytest.mark.parametrize("version", SIZES, ids=hex)
def test_every_version_keeps_its_stride(sim, ras, version):
    sim.limit_versions(version, 0x601)
    handles = add_many(sim, 60)
    listed = ras.enum_connections()
    assert [connection.handle for connection in listed] == handles
    assert [connection.entry_name for connection in listed] == [f"entry {n}" for n in range(60)]


@pytest.mark.ledger("EN-2")
def test_a_system_that_becomes_older_is_followed(sim, ras):
    handle = sim.add("Head office", **OFFICE)
    assert ras.enum_connections()[0].flags == 5
    sim.limit_versions(0x500, 0x401)
    (connection,) = ras.enum_connections()
    assert (connection.handle, connection.guid_entry) == (handle, ENTRY_ID)
    assert connection.flags is None
    assert ras.sizes.rasconn == SIZES[0x500]


@pytest.mark.ledger("EN-2", "EN-10")
@pytest.mark.parametrize("code", [632, 610])
def test_a_system_that_accepts_no_version_is_an_error(sim, ras, code):
    sim.fail(ENUM, code, count=None)
    with pytest.raises(RasError) as error:
        ras.enum_connections()
    assert error.value.code == code
    assert sim.calls(ENUM) == len(SIZES)
    assert ras.sizes.rasconn == 0


@pytest.mark.ledger("EN-3", "EN-6")
def test_lpcb_is_the_buffer_s_length_and_then_what_is_needed(sim, ras):
    add_many(sim, 40)
    calls = watch_enumerations(ras)
    ras.enum_connections()
    first, second = calls
    assert (first.code, first.needed) == (603, 40 * NEWEST)
    assert 0 < first.offered < 40 * NEWEST
    assert second.code == 0
    assert second.offered >= first.needed

    ras.enum_connections()
    assert calls[2].offered == second.offered, "it uses the same buffer again"
    assert len(calls) == 3


@pytest.mark.ledger("EN-3", "EN-5")
@pytest.mark.parametrize("code", [0, 603, 711])
def test_all_that_is_offered_may_be_written(sim, ras, code):
    """Other bytes that a provider writes to the buffer do no harm."""
    handles = add_many(sim, 3)

    def scribble(buffer, needed, count):
        size = c_uint32.from_address(needed).value
        ctypes.memset(buffer, 0xA5, size)
        c_uint32.from_address(count).value = 0
        return code

    for poll in (ras.enum_connections, ras.snapshot):
        replace(ras, ENUM, scribble)
        if code:
            with pytest.raises(RasError):
                poll()
        else:
            assert poll() == ()
        restore(ras, ENUM)
        assert len(poll()) == 3
    assert [connection.handle for connection in ras.enum_connections()] == handles


@pytest.mark.ledger("EN-4", "EN-3")
@pytest.mark.parametrize("count", [1, 12])
def test_the_sizing_call_names_what_a_poll_then_needs(sim, ras, count):
    add_many(sim, count)
    needed, found = c_uint32(0), c_uint32(0)
    code = exported(ras, ENUM)(None, ctypes.addressof(needed), ctypes.addressof(found))
    assert (code, needed.value) == (603, count * NEWEST)
    calls = watch_enumerations(ras)
    assert len(ras.enum_connections()) == count
    assert calls[-1].code == 0
    assert calls[-1].needed == needed.value


@pytest.mark.ledger("EN-4")
def test_a_provider_that_only_sizes_is_given_what_it_asks_for(sim, ras):
    """The provider returns 603 and the required bytes, without a count, as documented."""
    add_many(sim, 30)
    calls = watch_enumerations(
        ras, lambda call: call._replace(count=0) if call.code == 603 else call
    )
    assert len(ras.enum_connections()) == 30
    assert [call.code for call in calls] == [603, 0]


@pytest.mark.ledger("EN-5")
@pytest.mark.parametrize("with_status", [False, True])
def test_nothing_past_the_count_is_read(sim, ras, with_status):
    handles = add_many(sim, 5)
    watch_enumerations(ras, lambda call: call._replace(count=2))
    poll = ras.snapshot if with_status else ras.enum_connections
    assert len(poll()) == 2
    assert [connection.handle for connection in ras.enum_connections()] == handles[:2]
    if with_status:
        assert sim.calls(STATUS) == 2


def claim_three(_buffer, _needed, count):
    """RasEnumConnectionsW that writes no structure."""
    c_uint32.from_address(count).value = 3
    return 0


def assert_three_nothings(ras):
    for connection in ras.enum_connections():
        assert (connection.handle, connection.entry_name, connection.device_name) == (0, "", "")
        assert not any((connection.phonebook, connection.subentry, connection.luid))
    assert len(ras.enum_connections()) == 3


@pytest.mark.ledger("EN-5")
@pytest.mark.parametrize("before", [0, 1, 6])
def test_success_without_a_written_structure_reads_as_nothing(sim, ras, before):
    add_many(sim, before)
    ras.enum_connections()

    replace(ras, ENUM, claim_three)
    assert_three_nothings(ras)


@pytest.mark.ledger("EN-5", "EN-2")
def test_nothing_is_left_of_the_elements_of_another_version(sim, ras):
    """Shorter elements overwrite the texts of longer ones."""
    for number in range(6):
        sim.add(f"{number:x>250}", phonebook="x" * 259)
    ras.enum_connections()
    sim.limit_versions(0x400, 0x400)
    ras.snapshot()  # negotiates the version, also for the provider's other list
    replace(ras, ENUM, claim_three)
    assert_three_nothings(ras)


@pytest.mark.ledger("EN-5", "EN-10")
@pytest.mark.parametrize(("code", "count", "wrong"), [(711, 0, RasError), (0, 9, ProviderError)])
def test_nothing_is_left_of_a_call_that_failed(ras, code, count, wrong):
    def fail(buffer, needed, found):
        ctypes.memset(buffer, 0x41, c_uint32.from_address(needed).value)
        c_uint32.from_address(found).value = count
        return code

    replace(ras, ENUM, fail)
    with pytest.raises(wrong):
        ras.enum_connections()
    replace(ras, ENUM, claim_three)
    assert_three_nothings(ras)


@pytest.mark.ledger("EN-5")
@pytest.mark.parametrize("count", [9, 1000, 0xFFFFFFFF])
def test_a_count_beyond_the_buffer_is_refused(sim, ras, count):
    handle = sim.add("a")
    lies = [True]
    watch_enumerations(ras, lambda call: call._replace(count=count) if lies else call)
    for poll in (ras.enum_connections, ras.snapshot):
        with pytest.raises(ProviderError, match="RasEnumConnectionsW"):
            poll()
    lies.clear()
    assert [connection.handle for connection in ras.enum_connections()] == [handle]


@pytest.mark.ledger("EN-6")
@pytest.mark.parametrize("code", [603, 122])
def test_connections_that_appear_between_two_calls(sim, ras, code):
    """Each call finds more connections than the buffer holds, until they fit."""
    sim.step_per_call = 1.0
    add_many(sim, 20)
    add_many(sim, 50, after=1.5)
    add_many(sim, 150, after=2.5)
    calls = watch_enumerations(
        ras, lambda call: call._replace(code=code) if call.code == 603 else call
    )
    assert len(ras.enum_connections()) == 220
    assert [(call.code, call.count) for call in calls] == [
        (code, 20),
        (code, 70),
        (code, 220),
        (0, 220),
    ]


@pytest.mark.ledger("EN-6")
def test_connections_that_go_between_two_calls(sim, ras):
    sim.step_per_call = 1.0
    for handle in add_many(sim, 30):
        sim.drop(handle, after=1.5)
    assert ras.enum_connections() == ()


@pytest.mark.ledger("EN-6")
@pytest.mark.parametrize("code", [603, 122])
def test_a_list_that_never_stops_growing_is_given_up(sim, ras, code):
    calls = watch_enumerations(
        ras, lambda call: call._replace(code=code, needed=call.offered + 1, count=0)
    )
    with pytest.raises(RasError, match="try again") as error:
        ras.enum_connections()
    assert error.value.code == 603
    assert 8 <= len(calls) <= 64
    assert [call.offered for call in calls] == sorted({call.offered for call in calls})

    restore(ras, ENUM)
    handle = sim.add("a")
    assert [connection.handle for connection in ras.enum_connections()] == [handle]


@pytest.mark.ledger("EN-6", "EN-10")
def test_the_last_attempt_s_own_error_is_told(ras):
    """Growing fails only if another attempt is needed; an error of the last attempt is raised."""
    calls = watch_enumerations(
        ras,
        lambda call: (
            call._replace(code=603, needed=call.offered + 1, count=0)
            if len(calls) < RN_MAX_ATTEMPTS - 1
            else call._replace(code=711, needed=0)
        ),
    )
    with pytest.raises(RasError) as error:
        ras.enum_connections()
    assert error.value.code == 711
    assert len(calls) == RN_MAX_ATTEMPTS


@pytest.mark.ledger("EN-6")
@pytest.mark.parametrize("code", [603, 122])
@pytest.mark.parametrize("less", [0, 1, 2**31])
def test_too_small_without_a_need_for_more_never_grows_the_buffer(ras, code, less):
    """Old systems refuse a dwSize that way: it tries an older one, then raises the code."""
    calls = watch_enumerations(
        ras,
        lambda call: call._replace(code=code, needed=max(0, call.offered - less), count=0),
    )
    with pytest.raises(RasError) as error:
        ras.enum_connections()
    assert error.value.code == code
    assert [call.dw_size for call in calls] == list(SIZES.values())
    assert len({call.offered for call in calls}) == 1


@pytest.mark.ledger("EN-6", "EN-2")
@pytest.mark.parametrize("code", [603, 122])
def test_an_old_system_that_calls_a_wrong_size_too_small(sim, ras, code):
    handles = add_many(sim, 3)
    sim.limit_versions(0x400, 0x400)
    watch_enumerations(ras, lambda call: call._replace(code=code) if call.code == 632 else call)
    assert [connection.handle for connection in ras.enum_connections()] == handles
    assert ras.sizes.rasconn == SIZES[0x400]


@pytest.mark.ledger("EN-6")
@pytest.mark.parametrize(
    ("needed", "count"), [(0xFFFFFFFF, 0), (0, 0xFFFFFFFF), (2**31, 1), (NEWEST, 16385)]
)
def test_an_absurd_demand_is_refused_at_once(ras, needed, count):
    calls = watch_enumerations(
        ras, lambda call: call._replace(code=603, needed=needed, count=count)
    )
    with pytest.raises(ProviderError, match="16384"):
        ras.enum_connections()
    assert len(calls) == 1
    restore(ras, ENUM)
    assert ras.enum_connections() == ()


@pytest.mark.ledger("EN-7")
def test_no_connection_is_an_empty_list(sim, ras):
    assert ras.enum_connections() == ()
    sim.drop(sim.add("a"))
    assert ras.enum_connections() == ()


@pytest.mark.ledger("EN-7")
@pytest.mark.parametrize("version", SIZES, ids=hex)
def test_all_that_were_listed_may_go(sim, ras, version):
    sim.limit_versions(version, 0x601)
    handles = add_many(sim, 12)
    assert len(ras.enum_connections()) == 12
    for handle in handles:
        sim.drop(handle)
    assert ras.enum_connections() == ()
    assert ras.enum_connections() is ras.enum_connections()


@pytest.mark.ledger("EN-8")
def test_a_connection_dialled_by_number_is_told_apart(sim, ras):
    sim.add("", phone_number="+49 30 1234567")
    sim.add("Head office", phone_number="+49 30 7654321")
    by_number, by_entry = ras.enum_connections()
    assert by_number.entry_name == ".+49 30 1234567"
    assert (by_number.by_number, by_number.phone_number) == (True, "+49 30 1234567")
    assert (by_entry.by_number, by_entry.phone_number) == (False, None)


@pytest.mark.ledger("EN-9")
def test_a_connection_is_listed_once_it_has_connected(sim, ras):
    handle = sim.dial("Head office", step=1.0)
    for _ in range(10):
        assert ras.enum_connections() == ()
        assert ras.get_connect_status(handle).state < 0x2000
        sim.advance(1.0)
    assert [connection.handle for connection in ras.enum_connections()] == [handle]


@pytest.mark.ledger("EN-9")
def test_a_connection_that_fails_is_never_listed(sim, ras):
    handle = sim.dial("Head office", step=1.0, error=691)
    for _ in range(15):
        assert ras.enum_connections() == ()
        sim.advance(1.0)
    assert ras.get_connect_status(handle).error == 691


@pytest.mark.ledger("EN-10", "GS-7")
@pytest.mark.parametrize(
    ("code", "name"),
    [
        (5, "ERROR_ACCESS_DENIED"),
        (8, "ERROR_NOT_ENOUGH_MEMORY"),
        (87, "ERROR_INVALID_PARAMETER"),
        (711, "ERROR_RASMAN_CANNOT_INITIALIZE"),
        (12345, "UNKNOWN_ERROR_12345"),
        (0x80070057, None),
        (0xFFFFFFFF, "UNKNOWN_ERROR_4294967295"),
    ],
)
@pytest.mark.parametrize("poll", ["enum_connections", "snapshot"])
def test_every_other_code_is_raised_with_all_that_is_known(sim, ras, poll, code, name):
    handle = sim.add("a")
    sim.fail(ENUM, code)
    with pytest.raises(RasError) as raised:
        getattr(ras, poll)()
    error = raised.value
    assert isinstance(error, OSError)
    assert (error.code, error.winerror, error.function) == (code, code, ENUM)
    assert name is None or error.name == name
    assert error.message == ras.get_error_string(code) != ""
    for part in (str(code), error.name, ENUM, error.message):
        assert part in str(error)
    assert [connection.handle for connection in ras.enum_connections()] == [handle]


@pytest.mark.ledger("EN-10")
def test_a_failed_poll_changes_nothing(sim, ras):
    sim.add("a")
    before = ras.enum_connections()
    sim.stop_service()
    with pytest.raises(RasError) as error:
        ras.enum_connections()
    assert error.value.code == 711
    sim.start_service()
    assert ras.enum_connections() is before


NAMES = {
    "latin": "Büro Zürich ½",
    "japanese": "東京 支店",
    "right to left": "שלום עולם",
    "beyond the BMP": "🏢 office 𐍈 🔒",
    "full length": "x" * 256,
    "full length beyond the BMP": "🏢" * 128,
    "lone high surrogate": "a\ud83cb",
    "lone low surrogate": "\udfe2",
    "pair cut at the end": "x" * 255 + "\ud83c",
    "combining": "e\u0301 \ufeff\u200b\uffff",
}


@pytest.mark.ledger("EN-12")
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_arrive_unharmed(sim, ras, name):
    sim.add(name, device_name=name[:60], phonebook=name[:250], device_type=name[:8])
    (connection,) = ras.enum_connections()
    assert connection.entry_name == name
    assert connection.device_name == name[:60]
    assert connection.phonebook == name[:250]
    assert connection.device_type == name[:8]


@pytest.mark.ledger("EN-12")
def test_the_functions_for_unicode_are_called(sim, ras):
    sim.add("東京")
    ras.enum_connections()
    ras.snapshot()
    assert sim.calls("RasEnumConnectionsA") == sim.calls("RasGetConnectStatusA") == 0
    assert sim.calls(ENUM) == 2


def raw_element(handle: int, fill: str, **members: int) -> RASCONNW:
    """Make a RASCONN whose texts fill their arrays to the last unit, without a NUL."""
    element = RASCONNW(dwSize=NEWEST, hrasconn=handle, **members)
    for member in ("szEntryName", "szDeviceType", "szDeviceName", "szPhonebook"):
        array = getattr(element, member)
        array[:] = [ord(fill)] * len(array)
    return element


@pytest.mark.ledger("EN-12", "EN-5")
def test_a_text_without_an_end_is_cut_at_its_array(ras):
    elements = [raw_element(11, "x"), raw_element(12, "\u20ac", dwSubEntry=7)]
    show(ras, lambda: elements)
    first, second = ras.enum_connections()
    assert first.entry_name == "x" * 257
    assert first.device_type == "x" * 17
    assert first.device_name == "x" * 129
    assert first.phonebook == "x" * 260
    assert second.phonebook == "\u20ac" * 260
    assert (second.handle, second.subentry) == (12, 7)
    before = ras.enum_connections()
    elements[0].szPhonebook[259] = ord("y")
    assert ras.enum_connections()[0].phonebook == "x" * 259 + "y"
    assert before[0].phonebook == "x" * 260


@pytest.mark.ledger("EN-1")
def test_what_stands_behind_a_text_is_no_change(ras):
    """Windows may leave any bytes after a NUL."""
    element = raw_element(11, "x")
    element.szEntryName[6] = element.szPhonebook[0] = 0
    show(ras, lambda: [element])
    before = ras.enum_connections()
    assert (before[0].entry_name, before[0].phonebook) == ("x" * 6, "")
    element.szEntryName[7:] = [ord("z")] * 250
    element.szPhonebook[1:] = [ord("z")] * 259
    assert ras.enum_connections() is before


@pytest.mark.ledger("EN-1")
@pytest.mark.parametrize(
    ("member", "shown"),
    [
        ("szEntryName", "entry_name"),
        ("szDeviceType", "device_type"),
        ("szDeviceName", "device_name"),
        ("szPhonebook", "phonebook"),
        ("dwSubEntry", "subentry"),
        ("guidEntry", "guid_entry"),
        ("dwFlags", "flags"),
        ("luid", "luid"),
        ("guidCorrelationId", "correlation_id"),
    ],
)
def test_a_change_of_any_one_byte_of_a_member_is_seen(ras, member, shown):
    """Change the first, a middle and the last byte; texts fill their arrays."""
    element = raw_element(11, "x")
    show(ras, lambda: [element])
    field = getattr(RASCONNW, member)
    for offset in (field.offset, field.offset + field.size // 2, field.offset + field.size - 1):
        before = ras.enum_connections()[0]
        byte = ctypes.c_uint8.from_buffer(element, offset)
        byte.value ^= 1
        after = ras.enum_connections()[0]
        assert after._replace(**{shown: None}) == before._replace(**{shown: None})
        assert getattr(after, shown) != getattr(before, shown)


def test_the_sizes_are_those_that_were_negotiated(sim, ras):
    assert ras.sizes == (0, 0)
    sim.add("a")
    ras.enum_connections()
    assert ras.sizes == (NEWEST, 0)
    ras.snapshot()
    assert ras.sizes == (NEWEST, 608)


@pytest.mark.ledger("EN-5")
def test_the_bound_holds_whatever_was_polled_before(ras):
    """The buffer holds more connections than the backend accepts."""
    listed = RN_MAX_CONNECTIONS

    def enumerate_(_buffer, needed, count):
        offered = c_uint32.from_address(needed).value
        c_uint32.from_address(needed).value = listed * NEWEST
        c_uint32.from_address(count).value = listed
        return 0 if offered >= listed * NEWEST else 603

    replace(ras, ENUM, enumerate_)
    assert len(ras.enum_connections()) == RN_MAX_CONNECTIONS
    listed += 1
    with pytest.raises(ProviderError, match="more than 16384"):
        ras.enum_connections()
    listed -= 1
    assert len(ras.enum_connections()) == RN_MAX_CONNECTIONS
