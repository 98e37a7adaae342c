"""The simulator's RasGetProjectionInfoEx, as a program sees it that knows only rasapi32."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_uint32

import pytest
from simabi import Guarded, Rasapi, api_of

from ras_native import Ikev2Authentication, ProjectionKind
from ras_native._backend.layout import RAS_PROJECTION_INFO, RASIKEV2_PROJECTION_INFO
from ras_native.sim import Simulator

SIZE = ctypes.sizeof(RAS_PROJECTION_INFO)


@pytest.fixture
def api(sim: Simulator) -> Rasapi:
    return api_of(sim)


def ask(api: Rasapi, handle: int, given: int, version: int = 4) -> tuple[int, int, Guarded]:
    """Return the code, the size that the call gave, and the buffer."""
    buffer, size = Guarded(given, dword=version), c_uint32(given)
    code = api.RasGetProjectionInfoEx(handle, byref(buffer.raw), byref(size))
    return code, size.value, buffer


def test_sizing_needs_no_buffer(sim: Simulator, api: Rasapi) -> None:
    handle, size = sim.add("a"), c_uint32(0)
    assert api.RasGetProjectionInfoEx(handle, None, byref(size)) == 603
    assert size.value == SIZE
    sim.set_projection(handle, other_servers=["192.0.2.1", "2001:db8::1", "2001:db8::2"])
    assert api.RasGetProjectionInfoEx(handle, None, byref(size)) == 603
    assert size.value == SIZE + 4 + 32


@pytest.mark.parametrize("spare", [0, 1, 100])
def test_it_writes_what_it_needs(sim: Simulator, api: Rasapi, spare: int) -> None:
    code, size, buffer = ask(api, sim.add("a"), SIZE + spare)
    assert (code, size) == (0, SIZE)
    assert buffer.untouched_from(SIZE)


def test_a_small_buffer_is_603_and_stays(sim: Simulator, api: Rasapi) -> None:
    code, size, buffer = ask(api, sim.add("a"), SIZE - 1)
    assert (code, size) == (603, SIZE)
    assert buffer.untouched_from(4)


@pytest.mark.parametrize("version", [0, 1, 2, 3, 5, 108])
def test_only_the_version_of_windows_7_is_known(sim: Simulator, api: Rasapi, version: int) -> None:
    code, _, buffer = ask(api, sim.add("a"), SIZE, version)
    assert code == 632
    assert buffer.untouched_from(4)


def test_no_size_is_87(sim: Simulator, api: Rasapi) -> None:
    assert api.RasGetProjectionInfoEx(sim.add("a"), None, None) == 87


def test_the_lists_follow_the_structure(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.set_projection(handle, other_servers=["2001:db8::1", "192.0.2.1", "192.0.2.2"])
    code, size, buffer = ask(api, handle, SIZE + 24)
    assert (code, size) == (0, SIZE + 24)
    raw = RASIKEV2_PROJECTION_INFO.from_buffer(buffer.raw, 8)
    start = ctypes.addressof(buffer.raw)
    assert (raw.numIPv4ServerAddresses, raw.numIPv6ServerAddresses) == (2, 1)
    assert (raw.ipv4ServerAddresses, raw.ipv6ServerAddresses) == (start + SIZE, start + SIZE + 8)
    assert buffer.bytes()[SIZE:].hex() == "c0000201c000020220010db8000000000000000000000001"


def test_the_service_and_the_handle_come_after_the_version(sim: Simulator, api: Rasapi) -> None:
    assert ask(api, 12345, SIZE, version=3)[0] == 632
    assert ask(api, 12345, SIZE)[0] == 6
    sim.stop_service()
    assert ask(api, 12345, SIZE)[0] == 711


def test_a_connection_that_ended_or_is_ending_is_6(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.teardown = 1.0
    assert api.RasHangUpW(handle) == 0
    assert ask(api, handle, SIZE)[0] == 6
    sim.advance(2.0)
    assert ask(api, handle, SIZE)[0] == 6


def test_a_dialling_that_failed_after_its_projection_has_one(sim: Simulator, api: Rasapi) -> None:
    projected = sim.dial("a", error=691)
    early = sim.dial("b", states=[0, 1, 5], error=691)
    sim.advance(60.0)
    assert (ask(api, projected, SIZE)[0], ask(api, early, SIZE)[0]) == (0, 730)


@pytest.mark.parametrize(
    ("device", "kind"),
    [("WAN Miniport (IKEv2)", 2), ("WAN Miniport (SSTP)", 1), ("(IKEv2) modem", 1), ("", 1)],
)
def test_the_device_decides_the_usual_kind(
    sim: Simulator, api: Rasapi, device: str, kind: int
) -> None:
    code, _, buffer = ask(api, sim.add("a", device_name=device), SIZE)
    assert (code, RAS_PROJECTION_INFO.from_buffer(buffer.raw).type) == (0, kind)


def test_a_code_replaces_the_data(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.set_projection(handle, code=731)
    assert ask(api, handle, SIZE)[0] == 731
    sim.set_projection(handle, after=1.0)
    assert ask(api, handle, SIZE)[0] == 731
    sim.advance(1.0)
    assert ask(api, handle, SIZE)[0] == 0


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ({"client_ipv4": "::1"}, "client_ipv4"),
        ({"client_ipv6": "127.0.0.1"}, "client_ipv6"),
        ({"server_ipv4": "somewhere"}, "server_ipv4"),
        ({"encryption": -1}, "encryption"),
        ({"authentication": 2**32}, "authentication"),
        ({"kind": -1}, "kind"),
        ({"code": -1}, "code"),
        ({"other_servers": ["nowhere"]}, "other_servers"),
        ({"other_servers": ["192.0.2.1"] * 65}, "other_servers"),
        ({"kind": ProjectionKind.PPP, "client_interface_id": "12"}, "client_interface_id"),
        ({"kind": ProjectionKind.PPP, "client_interface_id": 16 * "x"}, "client_interface_id"),
        ({"kind": ProjectionKind.PPP, "client_ipv6": "::1"}, "client_ipv6"),
        ({"chap": 5}, "chap"),
        ({"after": -1}, "after"),
    ],
)
def test_bad_input_names_the_argument(
    sim: Simulator, api: Rasapi, members: dict[str, object], wrong: str
) -> None:
    handle = sim.add("a")
    sim.set_projection(handle, authentication=Ikev2Authentication.PSK)
    before = ask(api, handle, SIZE)[2].bytes()
    with pytest.raises((TypeError, ValueError), match=wrong):
        sim.set_projection(handle, **members)  # type: ignore[arg-type]
    assert ask(api, handle, SIZE)[2].bytes() == before


def test_a_handle_of_no_connection_is_a_lookup_error(sim: Simulator) -> None:
    with pytest.raises(LookupError, match="handle"):
        sim.set_projection(12345)
