"""The simulator answers as rasapi32 does: lists, versions, status, statistics, error strings."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from ctypes import byref, c_uint32, c_void_p, sizeof
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from simabi import (
    EVERY_CONNECTION,
    Guarded,
    Listing,
    Rasapi,
    api_of,
    handles,
    status,
    status_ansi,
    text,
    versions,
    wide,
)
from tsv import ROOT

from ras_native._backend import layout as _layout
from ras_native._backend.functions import EVT_FUNCTIONS, FUNCTIONS
from ras_native._backend.layout import (
    RAS_STATS,
    RASAPIVERSION_601,
    RASCONNA,
    RASCONNSTATUSA,
    RASCONNSTATUSW,
    RASCONNW,
    RASDIALPARAMSW,
    RASENTRYNAMEW,
)
from ras_native.sim import Simulator
from ras_native.sim._abi import CONTROLS

OK, INVALID_HANDLE, INVALID_PARAMETER, NOT_IMPLEMENTED, INSUFFICIENT = 0, 6, 87, 120, 122
TOO_SMALL, PORT_NOT_OPEN, INVALID_SIZE, NO_CONNECTION, SERVICE_DOWN = 603, 618, 632, 668, 711
NO_MORE_ITEMS = 259
E_INVALIDARG = 0x80070057
NEVER_VALID = 0x7FFF0000

CONNECTION_VERSIONS = [
    (kind, winver, size) for kind in "WA" for winver, size in versions(f"RASCONN{kind}")
]
STATUS_VERSIONS = [
    (kind, winver, size) for kind in "WA" for winver, size in versions(f"RASCONNSTATUS{kind}")
]


@pytest.fixture
def api(sim: Simulator) -> Rasapi:
    return api_of(sim)


def listing(api: Rasapi, kind: str, size: int | None, dword: int = 0) -> Listing:
    return Listing(getattr(api, f"RasEnumConnections{kind}"), size, dword)


# Enumeration


@pytest.mark.parametrize("kind", "WA")
@pytest.mark.parametrize("without", ["lpcb", "lpcConnections", "both"])
@pytest.mark.parametrize("buffer", [True, False])
def test_enumeration_needs_both_counts(api: Rasapi, kind: str, without: str, buffer: bool) -> None:
    given = (ctypes.c_uint8 * 4096)() if buffer else None
    cb = None if without != "lpcConnections" else byref(c_uint32(4096))
    count = None if without != "lpcb" else byref(c_uint32())
    assert getattr(api, f"RasEnumConnections{kind}")(given, cb, count) == INVALID_PARAMETER


@pytest.mark.parametrize("kind", "WA")
@pytest.mark.parametrize("cb", [0, 1, 100_000])
def test_without_buffer_the_newest_version_is_measured(
    sim: Simulator, api: Rasapi, kind: str, cb: int
) -> None:
    newest = versions(f"RASCONN{kind}")[0][1]
    for _ in range(3):
        sim.add("a")
    size, count = c_uint32(cb), c_uint32()
    code = getattr(api, f"RasEnumConnections{kind}")(None, byref(size), byref(count))
    assert (code, size.value, count.value) == (TOO_SMALL, 3 * newest, 3)


@pytest.mark.parametrize("kind", "WA")
def test_nothing_to_list_is_no_error(api: Rasapi, kind: str) -> None:
    newest = versions(f"RASCONN{kind}")[0][1]
    sizing = listing(api, kind, None)
    assert (sizing.code, sizing.cb, sizing.count) == (OK, 0, 0)
    filled = listing(api, kind, newest, newest)
    assert (filled.code, filled.cb, filled.count) == (OK, 0, 0)
    assert filled.buffer is not None
    assert filled.buffer.untouched_from(4)


@pytest.mark.parametrize(("kind", "winver", "size"), CONNECTION_VERSIONS)
@pytest.mark.parametrize("spare", [0, 1, 500])
def test_every_version_has_its_stride(
    sim: Simulator, api: Rasapi, kind: str, winver: int, size: int, spare: int
) -> None:
    given = [sim.add(f"Büro {n}", device_name=f"device {n}") for n in range(3)]
    found = listing(api, kind, 3 * size + spare, size)
    assert (found.code, found.cb, found.count) == (OK, 3 * size, 3)
    assert found.buffer is not None
    assert found.buffer.untouched_from(3 * size)
    for n in range(3):
        raw = found.buffer.bytes()[n * size : (n + 1) * size]
        structure = getattr(_layout, f"RASCONN{kind}")
        item = structure.from_buffer_copy(raw.ljust(sizeof(structure), b"\0"))
        assert (item.dwSize, item.hrasconn) == (size, given[n])
        assert text(item.szEntryName) == f"Büro {n}"
        assert text(item.szDeviceName) == f"device {n}"
        if winver == 0x400:  # the padding has no bytes of the next member
            assert not any(raw[structure.szPhonebook.offset :])


@pytest.mark.parametrize(("kind", "winver", "size"), CONNECTION_VERSIONS)
@pytest.mark.parametrize("lacking", [1, 7])
def test_a_short_buffer_is_told_what_its_version_needs(
    sim: Simulator, api: Rasapi, kind: str, winver: int, size: int, lacking: int
) -> None:
    for _ in range(2):
        sim.add("a")
    found = listing(api, kind, 2 * size - lacking, size)
    assert (found.code, found.cb, found.count) == (TOO_SMALL, 2 * size, 2)
    assert found.buffer is not None
    assert found.buffer.untouched_from(4)
    assert listing(api, kind, 0, size).code == TOO_SMALL
    assert winver >= 0x400


def test_a_buffer_smaller_than_its_own_size_never_holds_the_answer(api: Rasapi) -> None:
    size = sizeof(RASCONNW)
    found = listing(api, "W", size - 1, size)
    assert (found.code, found.cb, found.count) == (TOO_SMALL, size, 0)


@pytest.mark.parametrize(("kind", "winver", "size"), CONNECTION_VERSIONS)
@pytest.mark.parametrize("wrong", [-1, 1])
def test_an_unknown_version_is_refused_before_the_size_is_looked_at(
    sim: Simulator, api: Rasapi, kind: str, winver: int, size: int, wrong: int
) -> None:
    sim.add("a")
    for cb in (0, 100_000):
        found = listing(api, kind, cb, size + wrong)
        assert (found.code, found.cb, found.count) == (INVALID_SIZE, cb, 77), hex(winver)
        assert found.buffer is not None
        assert found.buffer.untouched_from(4)
    assert listing(api, kind, 100_000, 0).code == INVALID_SIZE


@pytest.mark.parametrize(("kind", "limit", "size"), CONNECTION_VERSIONS)
def test_an_older_windows_refuses_newer_connections(
    sim: Simulator, api: Rasapi, kind: str, limit: int, size: int
) -> None:
    sim.add("a")
    sim.limit_versions(connection=limit)
    for winver, dword in versions(f"RASCONN{kind}"):
        code = listing(api, kind, 10_000, dword).code
        assert code == (OK if winver <= limit else INVALID_SIZE)
    assert listing(api, kind, None).cb == size


def test_every_member_is_listed(sim: Simulator, api: Rasapi) -> None:
    guid, correlation = UUID(int=2**127 + 5), UUID(int=3**60)
    handle = sim.add(
        "Zürich 東京 🛰",
        device_type="isdn",
        device_name="Gerät",
        phonebook="C:\\pbk",
        subentry=3,
        guid_entry=guid,
        flags=5,
        luid=0xFEDCBA9876543210,
        correlation_id=correlation,
    )
    size = sizeof(RASCONNW)
    found = listing(api, "W", size, size)
    assert found.buffer is not None
    item = RASCONNW.from_buffer_copy(found.buffer.bytes())
    assert (item.dwSize, item.hrasconn) == (size, handle)
    assert text(item.szEntryName) == "Zürich 東京 🛰"
    assert (text(item.szDeviceType), text(item.szDeviceName)) == ("isdn", "Gerät")
    assert text(item.szPhonebook) == "C:\\pbk"
    assert (item.dwSubEntry, item.dwFlags) == (3, 5)
    assert (item.luid.LowPart, item.luid.HighPart & 0xFFFFFFFF) == (0x76543210, 0xFEDCBA98)
    assert UUID(bytes_le=bytes(item.guidEntry)) == guid
    assert UUID(bytes_le=bytes(item.guidCorrelationId)) == correlation


def test_ansi_shows_what_it_cannot_say_as_question_marks(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("Zürich 東京 🛰", phone_number="五")
    size = sizeof(RASCONNA)
    found = listing(api, "A", size, size)
    assert found.buffer is not None
    item = RASCONNA.from_buffer_copy(found.buffer.bytes())
    assert (text(item.szEntryName), item.hrasconn) == ("Zürich ?? ?", handle)
    code, filled = status_ansi(api, handle)
    assert (code, filled.szPhoneNumber, filled.rasconnstate) == (OK, b"?", 0x2000)


def test_texts_fill_their_members_to_the_last_character(sim: Simulator, api: Rasapi) -> None:
    longest = {"device_type": 16, "device_name": 128, "phonebook": 259, "phone_number": 128}
    texts = {name: "x" * length for name, length in longest.items()}
    handle = sim.add("e" * 256, **texts)
    size = sizeof(RASCONNW)
    found = listing(api, "W", size, size)
    assert found.buffer is not None
    item = RASCONNW.from_buffer_copy(found.buffer.bytes())
    assert [len(text(item.szEntryName)), len(text(item.szPhonebook))] == [256, 259]
    assert len(text(status(api, handle)[1].szPhoneNumber)) == 128


def test_dialled_by_number_is_a_dot_and_the_number(sim: Simulator, api: Rasapi) -> None:
    sim.add("", phone_number="555-0100", device_type="modem")
    size = sizeof(RASCONNW)
    found = listing(api, "W", size, size)
    assert found.buffer is not None
    assert text(RASCONNW.from_buffer_copy(found.buffer.bytes()).szEntryName) == ".555-0100"


def test_only_what_is_connected_is_listed_in_the_order_it_connected(
    sim: Simulator, api: Rasapi
) -> None:
    slow = sim.dial("slow", step=1.0)
    first = sim.add("first")
    sim.dial("in vain", error=691)
    assert handles(api) == [first]
    sim.advance(10)
    assert handles(api) == [first, slow]


def test_sixteen_thousand_connections(sim: Simulator, api: Rasapi) -> None:
    given = [sim.add(f"VPN {n}") for n in range(16_384)]
    assert handles(api) == given
    assert len(set(given)) == len(given)
    for handle in given[::2]:
        sim.drop(handle)
    assert handles(api) == given[1::2]


def test_handles_are_not_used_again_soon(sim: Simulator) -> None:
    seen = set()
    for _ in range(20_000):
        handle = sim.add("a")
        assert handle not in seen
        seen.add(handle)
        sim.drop(handle)


# Status


@pytest.mark.parametrize(("kind", "winver", "size"), STATUS_VERSIONS)
def test_status_of_every_version(
    sim: Simulator, api: Rasapi, kind: str, winver: int, size: int
) -> None:
    handle = sim.add(
        "a", phone_number="gw", local_endpoint="10.0.0.1", remote_endpoint="2001:db8::1"
    )
    sim.set_status(handle, error=691, substate=1)
    given = Guarded(size, dword=size)
    assert getattr(api, f"RasGetConnectStatus{kind}")(handle, given.raw) == OK
    structure = getattr(_layout, f"RASCONNSTATUS{kind}")
    filled = structure.from_buffer_copy(given.bytes().ljust(sizeof(structure), b"\0"))
    assert (filled.dwSize, filled.rasconnstate, filled.dwError) == (size, 0x2000, 691)
    assert text(filled.szDeviceName) == "WAN Miniport (IKEv2)"
    assert text(filled.szPhoneNumber) == ("gw" if winver >= 0x401 else "")
    newest = winver >= 0x601
    assert filled.localEndPoint.dwType == (1 if newest else 0)
    assert bytes(filled.localEndPoint.address)[:4] == (b"\n\0\0\1" if newest else b"\0" * 4)
    assert filled.remoteEndPoint.dwType == (2 if newest else 0)
    assert filled.rasconnsubstate == (1 if newest else 0)


@pytest.mark.parametrize(("kind", "winver", "size"), STATUS_VERSIONS)
@pytest.mark.parametrize("wrong", [-1, 1])
def test_status_of_no_version_is_refused_whatever_the_handle(
    sim: Simulator, api: Rasapi, kind: str, winver: int, size: int, wrong: int
) -> None:
    function = getattr(api, f"RasGetConnectStatus{kind}")
    for handle in (sim.add("a"), NEVER_VALID):
        given = Guarded(size + 4, dword=size + wrong)
        assert function(handle, given.raw) == INVALID_SIZE, hex(winver)
        assert given.untouched_from(4)
        assert function(handle, None) == INVALID_PARAMETER


@pytest.mark.parametrize(("kind", "limit", "size"), STATUS_VERSIONS)
def test_an_older_windows_refuses_newer_statuses(
    sim: Simulator, api: Rasapi, kind: str, limit: int, size: int
) -> None:
    handle = sim.add("a")
    sim.limit_versions(status=limit)
    for winver, dword in versions(f"RASCONNSTATUS{kind}"):
        code = getattr(api, f"RasGetConnectStatus{kind}")(handle, Guarded(700, dword=dword).raw)
        assert code == (OK if winver <= limit else INVALID_SIZE)
    assert size


@pytest.mark.parametrize("handle", [None, 1, NEVER_VALID, 8191 << 18, c_void_p(-1).value])
def test_a_handle_that_never_was(sim: Simulator, api: Rasapi, handle: int | None) -> None:
    sim.add("a")
    assert status(api, handle or 0)[0] == INVALID_HANDLE
    assert api.RasHangUpW(handle) == api.RasHangUpA(handle) == INVALID_HANDLE
    out = c_void_p()
    assert api.RasGetSubEntryHandleW(handle, 1, byref(out)) == INVALID_HANDLE
    assert out.value is None


def test_status_fills_nothing_on_failure(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.drop(handle)
    given = Guarded(sizeof(RASCONNSTATUSW), dword=sizeof(RASCONNSTATUSW))
    assert api.RasGetConnectStatusW(handle, given.raw) == INVALID_HANDLE
    assert given.untouched_from(4)


# The codes of a hang-up; test_sim_dial.py tests the teardown


@pytest.mark.parametrize("name", ["RasHangUpW", "RasHangUpA"])
def test_hang_up_once_valid_is_another_answer_than_never(
    sim: Simulator, api: Rasapi, name: str
) -> None:
    hung_up, dropped = sim.add("a"), sim.add("b")
    sim.drop(dropped)
    hang_up = getattr(api, name)
    assert [hang_up(hung_up), hang_up(hung_up), hang_up(dropped)] == [0, 668, 668]
    assert status(api, hung_up)[0] == status(api, dropped)[0] == INVALID_HANDLE


# Statistics


def test_statistics_and_their_clearing(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.set_statistics(handle, bytes_sent=2**32 - 1, frames_received=7, bps=100_000)
    sim.advance(1.5)
    stats = RAS_STATS(dwSize=sizeof(RAS_STATS))
    assert api.RasGetConnectionStatistics(handle, byref(stats)) == OK
    assert (stats.dwBytesXmited, stats.dwFramesRcved, stats.dwBps) == (2**32 - 1, 7, 100_000)
    assert stats.dwConnectDuration == 1500
    assert api.RasClearConnectionStatistics(handle) == OK
    assert api.RasGetConnectionStatistics(handle, byref(stats)) == OK
    assert (stats.dwBytesXmited, stats.dwBps, stats.dwConnectDuration) == (0, 100_000, 1500)


def test_statistics_refuse(sim: Simulator, api: Rasapi) -> None:
    handle, gone = sim.add("a"), sim.add("b")
    sim.drop(gone)
    stats = RAS_STATS(dwSize=sizeof(RAS_STATS))
    wrong = RAS_STATS(dwSize=sizeof(RAS_STATS) + 1)
    get = api.RasGetConnectionStatistics
    assert get(None, byref(stats)) == get(handle, None) == get(handle, byref(wrong)) == E_INVALIDARG
    assert (get(gone, byref(stats)), get(NEVER_VALID, byref(stats))) == (668, 6)
    assert api.RasClearConnectionStatistics(None) == E_INVALIDARG
    assert api.RasClearConnectionStatistics(gone) == NO_CONNECTION


def counted(api: Rasapi, handle: int) -> tuple[int, ...]:
    stats = RAS_STATS(dwSize=sizeof(RAS_STATS))
    assert api.RasGetConnectionStatistics(handle, byref(stats)) == OK
    sent, received = stats.dwBytesXmited, stats.dwBytesRcved
    return sent, received, stats.dwFramesXmited, stats.dwFramesRcved, stats.dwConnectDuration


def test_traffic_is_counted_by_the_clock(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.set_statistics(handle, bytes_sent=5, frames_sent=1, bps=7)
    sim.set_traffic(handle, received=3000, sent=10)
    assert counted(api, handle) == (5, 0, 1, 0, 0)
    sim.advance(0.5)
    assert counted(api, handle) == (10, 1500, 2, 2, 500)
    sim.set_traffic(handle, received=1, after=1)
    sim.advance(3)
    assert counted(api, handle) == (20, 4502, 2, 6, 3500)
    assert api.RasClearConnectionStatistics(handle) == OK
    sim.advance(1)
    assert counted(api, handle) == (0, 1, 0, 1, 4500)


def test_traffic_wraps(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.set_statistics(handle, bytes_received=2**32 - 1)
    sim.set_traffic(handle, received=10_000_000_000, sent=2**32)
    sim.advance(1)
    assert counted(api, handle)[:2] == (0, (10_000_000_000 - 1) % 2**32)
    sim.advance(3600 * 24 * 365)
    assert counted(api, handle)[0] == 0
    for rates in ({"sent": 10_000_000_001}, {"received": -1}, {"received": 1.5}):
        with pytest.raises((TypeError, ValueError), match=next(iter(rates))):
            sim.set_traffic(handle, **rates)  # type: ignore[arg-type]


def test_a_zombie_sends_and_receives_nothing(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.set_traffic(handle, received=100, sent=100)
    sim.zombie(handle, sent=3)
    sim.advance(310)
    assert counted(api, handle)[:2] == (30_030, 30_000)


def test_a_duration_may_run_backwards(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.advance(100)
    sim.set_statistics(handle, bytes_sent=1, duration=2.5)
    assert counted(api, handle) == (1, 0, 0, 0, 2500)
    sim.set_statistics(handle, duration=2**32 / 1000)
    sim.advance(1)
    assert counted(api, handle)[4] == 1000
    with pytest.raises(ValueError, match="duration"):
        sim.set_statistics(handle, bytes_sent=5, duration=-1)
    assert counted(api, handle)[0] == 0


def test_link_statistics(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a", subentries=2)
    sim.set_statistics(handle, bytes_sent=9)
    sim.drop_subentry(handle, 2)
    stats = RAS_STATS(dwSize=sizeof(RAS_STATS))
    get = api.RasGetLinkStatistics
    assert get(handle, 1, byref(stats)) == OK
    assert stats.dwBytesXmited == 9
    assert get(handle, 2, byref(stats)) == PORT_NOT_OPEN
    assert get(handle, 3, byref(stats)) == NO_MORE_ITEMS
    assert get(handle, 0, byref(stats)) == get(None, 1, byref(stats)) == E_INVALIDARG
    assert get(NEVER_VALID, 1, byref(stats)) == INVALID_HANDLE


# Error strings


def error_string(api: Rasapi, code: int, length: int) -> tuple[int, str]:
    given = Guarded(2 * length + 2)
    answer = api.RasGetErrorStringW(code, given.raw, length)
    raw = given.bytes()
    assert given.untouched_from(2 * length if answer == OK else 4)
    return answer, raw.decode("utf-16-le", "replace").split("\0")[0]


def test_error_strings_count_characters(api: Rasapi) -> None:
    answer, whole = error_string(api, 632, 512)
    assert answer == OK
    assert whole
    assert error_string(api, 632, len(whole) + 1) == (OK, whole)
    assert error_string(api, 632, len(whole))[0] == INSUFFICIENT
    assert error_string(api, 632, 0)[0] == INSUFFICIENT
    ansi = ctypes.create_string_buffer(b"\xcc" * 600)
    assert api.RasGetErrorStringA(632, ansi, 512) == OK
    assert ansi.value.decode() == whole
    assert api.RasGetErrorStringA(632, ansi, 3) == INSUFFICIENT


def test_every_ras_code_has_a_string_and_no_other(sim: Simulator, api: Rasapi) -> None:
    sim.stop_service()
    texts = [error_string(api, code, 512) for code in range(600, 879)]
    assert {code for code, _ in texts} == {OK}
    assert all(found for _, found in texts)
    for code in (0, 599, 2**32 - 1):
        assert error_string(api, code, 512)[0] == INVALID_PARAMETER
    assert api.RasGetErrorStringW(632, None, 512) == INVALID_PARAMETER


# Phone-book entries


def entries(api: Rasapi, size: int | None, dword: int = 0, phonebook: Any = None) -> Listing:
    return Listing(api.RasEnumEntriesW, size, dword, None, phonebook)


@pytest.mark.parametrize("size", [520, 1048])
def test_entries_of_every_version(sim: Simulator, api: Rasapi, size: int) -> None:
    assert entries(api, None).code == OK
    sim.add_entry("Büro", phonebook="C:\\a", flags=1)
    sim.add_entry("Other", phonebook="C:\\b")
    sim.add_entry("", phone_number="555-0100")
    sizing = entries(api, None)
    assert (sizing.code, sizing.cb, sizing.count) == (TOO_SMALL, 2 * 1048, 2)
    found = entries(api, 2 * size, size)
    assert (found.code, found.cb, found.count) == (OK, 2 * size, 2)
    assert found.buffer is not None
    raw = found.buffer.bytes()
    first = RASENTRYNAMEW.from_buffer_copy(raw[:size].ljust(1048, b"\0"))
    assert (first.dwSize, text(first.szEntryName)) == (size, "Büro")
    expected = ("C:\\a", 1) if size == 1048 else ("", 0)
    assert (text(first.szPhonebookPath), first.dwFlags) == expected
    assert entries(api, 2 * size - 1, size).code == TOO_SMALL
    assert entries(api, 4 * size, size + 4).code == INVALID_SIZE
    only = entries(api, size, size, wide("C:\\b"))
    assert (only.code, only.count) == (OK, 1)
    assert Listing(api.RasEnumEntriesW, None, 0, wide("x"), None).code == INVALID_PARAMETER


# The service, and what is not simulated


def arguments_for(name: str, handle: int) -> tuple[Any, ...]:
    """Make arguments that a running service accepts."""
    kind = name.removesuffix("W").removesuffix("A")
    sizes = {
        "RasEnumConnections": sizeof(RASCONNA if name.endswith("A") else RASCONNW),
        "RasGetConnectStatus": sizeof(RASCONNSTATUSA if name.endswith("A") else RASCONNSTATUSW),
        "RasEnumEntries": sizeof(RASENTRYNAMEW),
        "RasDial": sizeof(RASDIALPARAMSW),
        "RasGetConnectionStatistics": sizeof(RAS_STATS),
        "RasGetLinkStatistics": sizeof(RAS_STATS),
        "RasGetProjectionInfoEx": RASAPIVERSION_601,  # it begins with the version
    }
    buffer = Guarded(3000, dword=sizes.get(kind, 0)).raw
    numbers = (byref(c_uint32(2000)), byref(c_uint32()))
    out = byref(c_void_p())
    every: dict[str, tuple[Any, ...]] = {
        "RasEnumConnections": (buffer, *numbers),
        "RasGetConnectStatus": (handle, buffer),
        "RasConnectionNotification": (EVERY_CONNECTION, 1, 1),
        "RasGetSubEntryHandle": (handle, 1, out),
        "RasGetConnectionStatistics": (handle, ctypes.cast(buffer, ctypes.POINTER(RAS_STATS))),
        "RasGetLinkStatistics": (handle, 1, ctypes.cast(buffer, ctypes.POINTER(RAS_STATS))),
        "RasGetProjectionInfoEx": (handle, buffer, byref(c_uint32(2000))),
        "RasEnumEntries": (None, None, buffer, *numbers),
        "RasDial": (None, None, buffer, 0, None, out),
    }
    return every.get(kind, (handle,))


NEEDS_SERVICE = [
    name
    for name in FUNCTIONS
    if "ErrorString" not in name and not name.endswith(("EntryW", "ParamsW", "IdentityW"))
]


@pytest.mark.parametrize("name", NEEDS_SERVICE)
def test_a_service_that_is_down(sim: Simulator, api: Rasapi, name: str) -> None:
    handle = sim.add("a")
    sim.stop_service()
    assert getattr(api, name)(*arguments_for(name, handle)) == SERVICE_DOWN
    sim.stop_service(5)
    assert getattr(api, name)(*arguments_for(name, handle)) == 5
    sim.start_service()
    assert handles(api) == [handle]


def test_bad_arguments_are_seen_before_the_service_is_asked(sim: Simulator, api: Rasapi) -> None:
    sim.stop_service()
    assert listing(api, "W", 5000, 5).code == INVALID_SIZE
    assert api.RasEnumConnectionsW(None, None, None) == INVALID_PARAMETER
    assert api.RasGetConnectStatusW(None, None) == INVALID_PARAMETER


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RasCreatePhonebookEntryW", (None, None)),
        ("RasEditPhonebookEntryW", (None, None, None)),
        ("RasGetEntryDialParamsW", (None, None, None)),
        ("RasSetEntryDialParamsW", (None, None, 0)),
        ("RasGetEapUserIdentityW", (None, None, 0, None, None)),
    ],
)
def test_what_is_not_simulated_says_so(api: Rasapi, name: str, arguments: tuple[Any, ...]) -> None:
    assert getattr(api, name)(*arguments) == NOT_IMPLEMENTED


def test_every_declared_export_is_in_the_definition_file(api: Rasapi) -> None:
    lines = (ROOT / "csrc" / "sim" / "rassim.def").read_text(encoding="ascii").split("EXPORTS")[1]
    assert {*CONTROLS, *FUNCTIONS, *EVT_FUNCTIONS, "RasFreeEapUserIdentityW"} == set(lines.split())
    for name in lines.split():
        assert getattr(api, name)


def test_the_library_is_no_python_module(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import ras_native._rassim"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},  # the package tested here
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert process.returncode == 1
    assert b"_rassim" in process.stderr
    assert b"ImportError" in process.stderr or b"SystemError" in process.stderr
