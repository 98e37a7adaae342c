"""GS-1 to GS-7: one connection's status, and waiting for a state."""

from __future__ import annotations

import threading
from ctypes import c_uint32, memmove, sizeof
from ipaddress import IPv4Address, IPv6Address

import pytest
from spy import NEVER_VALID, STATUS, exported, replace, restore

from ras_native import Cancelled, ConnState, ConnSubstate, Event, RasError, Status
from ras_native._backend.layout import RASCONNSTATUSW

SIZES = {0x601: 608, 0x401: 564, 0x400: 304}  # WINVER: dwSize, from the Windows SDK


def watch_sizes(ras, change=lambda code: code):
    """Return a list that gets the dwSize of each later call; `change` replaces codes."""
    sizes = []
    real = exported(ras, STATUS)

    def get_status(handle, status):
        sizes.append(c_uint32.from_address(status).value)
        return change(real(handle, status))

    replace(ras, STATUS, get_status)
    return sizes


def answer_with(ras, code=0, **members):
    """Make the provider return this structure as every handle's status."""

    def get_status(_handle, address):
        size = c_uint32.from_address(address).value
        memmove(address, bytes(RASCONNSTATUSW(dwSize=size, **members)), size)
        return code

    replace(ras, STATUS, get_status)


@pytest.mark.ledger("GS-1")
def test_all_members_arrive(sim, ras):
    handle = sim.add(
        "Head office",
        device_type="vpn",
        device_name="WAN Miniport (IKEv2)",
        phone_number="vpn.example.org",
        local_endpoint="192.0.2.17",
        remote_endpoint="2001:db8::1",
    )
    sim.set_status(handle, substate=ConnSubstate.DORMANT)
    assert ras.get_connect_status(handle) == Status(
        state=ConnState.CONNECTED,
        error=0,
        device_type="vpn",
        device_name="WAN Miniport (IKEv2)",
        phone_number="vpn.example.org",
        local_endpoint=IPv4Address("192.0.2.17"),
        remote_endpoint=IPv6Address("2001:db8::1"),
        substate=ConnSubstate.DORMANT,
    )


@pytest.mark.ledger("GS-1")
def test_handles_of_dialling_and_of_listing_are_taken(sim, ras):
    dialled, added = sim.dial("a"), sim.add("b")
    (listed,) = ras.enum_connections()
    assert listed.handle == added
    assert ras.get_connect_status(dialled).state is ConnState.OPEN_PORT
    assert ras.get_connect_status(listed).state is ConnState.CONNECTED
    assert ras.get_connect_status(listed) == ras.get_connect_status(added)


@pytest.mark.ledger("GS-1")
@pytest.mark.parametrize("kind", [0, 3, 0xFFFFFFFF])
def test_an_end_point_of_no_known_kind_is_none(sim, ras, kind):
    endpoint = RASCONNSTATUSW().localEndPoint.__class__(dwType=kind)
    endpoint.address[:] = range(16)
    answer_with(ras, localEndPoint=endpoint, remoteEndPoint=endpoint)
    status = ras.get_connect_status(sim.add("a"))
    assert (status.local_endpoint, status.remote_endpoint) == (None, None)


@pytest.mark.ledger("GS-1")
def test_texts_without_an_end_are_cut_at_their_arrays(sim, ras):
    full = RASCONNSTATUSW()
    for array in (full.szDeviceType, full.szDeviceName, full.szPhoneNumber):
        array[:] = [ord("x")] * len(array)
    answer_with(
        ras,
        szDeviceType=full.szDeviceType,
        szDeviceName=full.szDeviceName,
        szPhoneNumber=full.szPhoneNumber,
    )
    status = ras.get_connect_status(sim.add("a"))
    assert status.device_type == "x" * 17
    assert status.device_name == "x" * 129
    assert status.phone_number == "x" * 129


@pytest.mark.ledger("GS-1")
def test_success_without_a_written_structure_reads_as_nothing(sim, ras):
    handle = sim.add("a", phone_number="123", remote_endpoint="192.0.2.1")
    assert ras.get_connect_status(handle).phone_number == "123"
    replace(ras, STATUS, lambda _handle, _status: 0)
    nothing = Status(ConnState(0), 0, "", "", "", None, None, ConnSubstate.NONE)
    assert ras.get_connect_status(handle) == nothing


@pytest.mark.ledger("GS-2")
@pytest.mark.parametrize("code", [632, 610])
@pytest.mark.parametrize("version", SIZES, ids=hex)
def test_versions_are_offered_downwards_and_the_answer_is_kept(sim, ras, version, code):
    handle = sim.add("a", phone_number="123", remote_endpoint="192.0.2.1")
    sim.limit_versions(0x600, version)
    sizes = watch_sizes(ras, lambda answer: code if answer == 632 else answer)
    status = ras.get_connect_status(handle)
    offered = [size for winver, size in SIZES.items() if winver >= version]
    assert sizes == offered
    assert ras.sizes.rasconnstatus == offered[-1]

    assert (status.state, status.device_type) == (ConnState.CONNECTED, "vpn")
    assert status.phone_number == ("123" if version >= 0x401 else None)
    assert status.remote_endpoint == (IPv4Address("192.0.2.1") if version >= 0x601 else None)
    assert status.substate == (ConnSubstate.NONE if version >= 0x601 else None)

    ras.get_connect_status(handle)
    assert sizes == [*offered, offered[-1]], "the version is not asked for again"


@pytest.mark.ledger("GS-2")
def test_a_system_that_accepts_no_version_is_an_error(sim, ras):
    handle = sim.add("a")
    sim.fail(STATUS, 632, count=None)
    with pytest.raises(RasError) as error:
        ras.get_connect_status(handle)
    assert error.value.code == 632
    assert sim.calls(STATUS) == len(SIZES)
    assert ras.sizes.rasconnstatus == 0


@pytest.mark.ledger("GS-3")
def test_a_failure_to_connect_is_a_field(sim, ras):
    handle = sim.dial("a", step=1.0, error=691)
    sim.advance(60.0)
    status = ras.get_connect_status(handle)
    assert status.error == 691
    assert not status.state.is_paused


@pytest.mark.ledger("GS-3")
def test_the_function_s_own_code_is_raised(ras):
    with pytest.raises(RasError) as error:
        ras.get_connect_status(NEVER_VALID)
    assert (error.value.code, error.value.function) == (6, STATUS)
    assert error.value.gone


@pytest.mark.ledger("GS-3")
def test_neither_hides_the_other(sim, ras):
    handle = sim.add("a")
    answer_with(ras, code=5, dwError=691, rasconnstate=0x2001)
    with pytest.raises(RasError) as error:
        ras.get_connect_status(handle)
    assert error.value.code == 5
    answer_with(ras, code=0, dwError=691, rasconnstate=0x2000)
    status = ras.get_connect_status(handle)
    assert (status.state, status.error) == (ConnState.CONNECTED, 691)


@pytest.mark.ledger("GS-4")
def test_a_lack_of_memory_is_raised_as_that(sim, ras):
    handle = sim.add("a")
    sim.fail(STATUS, 8)
    with pytest.raises(RasError) as error:
        ras.get_connect_status(handle)
    assert (error.value.code, error.value.name) == (8, "ERROR_NOT_ENOUGH_MEMORY")
    assert not error.value.gone
    assert ras.get_connect_status(handle).state is ConnState.CONNECTED


@pytest.mark.ledger("GS-5")
def test_waiting_ends_with_success(sim, ras):
    handle = sim.dial("a", step=1.0)
    sim.step_per_call = 0.25
    status = ras.wait_for_state(handle, interval=0)
    assert (status.state, status.error) == (ConnState.CONNECTED, 0)
    assert 10.0 <= sim.now <= 11.0
    assert sim.calls(STATUS) == sim.now / 0.25


@pytest.mark.ledger("GS-5")
def test_waiting_ends_with_failure(sim, ras):
    handle = sim.dial("a", step=1.0, error=718)
    sim.step_per_call = 0.25
    status = ras.wait_for_state(handle, interval=0)
    assert status.error == 718
    assert ras.get_connect_status(handle) == status


@pytest.mark.ledger("GS-5")
def test_waiting_ends_with_disconnection(sim, ras):
    handle = sim.dial("a", states=[0, 1, ConnState.DISCONNECTED], step=1.0)
    sim.step_per_call = 0.25
    assert ras.wait_for_state(handle, interval=0).state is ConnState.DISCONNECTED


@pytest.mark.ledger("GS-5")
def test_waiting_ends_where_somebody_must_act(sim, ras):
    handle = sim.dial("a", states=[0, ConnState.PASSWORD_EXPIRED, 14, 0x2000], step=1.0)
    sim.step_per_call = 0.25
    assert ras.wait_for_state(handle, interval=0).state is ConnState.PASSWORD_EXPIRED
    sim.resume(handle)
    assert ras.wait_for_state(handle, [0x2000], interval=0).state is ConnState.CONNECTED


@pytest.mark.ledger("GS-5")
@pytest.mark.parametrize("states", [[5], (14, ConnState.AUTHENTICATE), {5: "key"}])
def test_waiting_for_certain_states(sim, ras, states):
    handle = sim.dial("a", step=1.0)
    sim.step_per_call = 0.25
    assert ras.wait_for_state(handle, states, interval=0).state is ConnState.AUTHENTICATE
    assert ras.wait_for_state(handle, iter([0x2000]), interval=0).state is ConnState.CONNECTED


@pytest.mark.ledger("GS-5")
def test_a_state_that_is_reached_already_takes_one_call(sim, ras):
    handle = sim.add("a")
    assert ras.wait_for_state(handle, timeout=0).state is ConnState.CONNECTED
    assert sim.calls(STATUS) == 1


@pytest.mark.ledger("GS-5")
@pytest.mark.parametrize("timeout", [0, 0.0, 0.03])
def test_waiting_ends_at_the_deadline(sim, ras, timeout):
    handle = sim.dial("a")
    with pytest.raises(TimeoutError, match=hex(handle)):
        ras.wait_for_state(handle, timeout=timeout, interval=0)
    assert sim.calls(STATUS) >= 1


@pytest.mark.ledger("GS-5")
def test_the_interval_is_kept_to(sim, ras):
    handle = sim.dial("a")
    with pytest.raises(TimeoutError):
        ras.wait_for_state(handle, timeout=0.25, interval=3600)
    assert sim.calls(STATUS) == 1


@pytest.mark.ledger("GS-5")
@pytest.mark.parametrize(("code", "gone"), [(6, True), (668, True), (711, False), (8, False)])
def test_waiting_ends_with_the_function_s_code(sim, ras, code, gone):
    handle = sim.dial("a")
    sim.fail(STATUS, code, call=3)
    with pytest.raises(RasError) as error:
        ras.wait_for_state(handle, interval=0)
    assert (error.value.code, error.value.gone) == (code, gone)
    assert sim.calls(STATUS) == 3


@pytest.mark.ledger("GS-5")
def test_waiting_ends_with_the_connection(sim, ras):
    handle = sim.dial("a", states=[0, 5], step=1.0)
    sim.drop(handle, after=20.0)
    sim.step_per_call = 0.25
    with pytest.raises(RasError) as error:
        ras.wait_for_state(handle, interval=0)
    assert error.value.gone


@pytest.mark.ledger("GS-5")
@pytest.mark.parametrize("interval", [0, 0.001, 3600])
def test_waiting_ends_when_another_thread_cancels(sim, ras, backend, interval):
    handle = sim.dial("a")
    polled = threading.Event()
    real = exported(ras, STATUS)

    def get_status(number, status):
        polled.set()
        return real(number, status)

    replace(ras, STATUS, get_status)
    with Event(backend=backend) as cancel:
        canceller = threading.Thread(target=lambda: polled.wait(30) and cancel.set())
        canceller.start()
        with pytest.raises(Cancelled):
            ras.wait_for_state(handle, interval=interval, timeout=30, cancel=cancel)
        canceller.join()
        assert cancel.is_set(), "the canceller's event is left as it is"
    restore(ras, STATUS)
    assert ras.get_connect_status(handle).state is ConnState.OPEN_PORT


@pytest.mark.ledger("GS-5")
def test_an_answer_that_is_there_comes_before_a_cancellation(sim, ras, backend):
    connected, dialling = sim.add("a"), sim.dial("b")
    with Event(backend=backend) as cancel:
        cancel.set()
        assert ras.wait_for_state(connected, cancel=cancel).state is ConnState.CONNECTED
        with pytest.raises(Cancelled):
            ras.wait_for_state(dialling, cancel=cancel)


@pytest.mark.ledger("GS-6")
@pytest.mark.parametrize("number", [25, 0x0FFF, 0x1005, 0x1FFF, 0x2002, 0x4000, 0xFFFFFFFF])
def test_states_without_a_name_stay_numbers(sim, ras, number):
    handle = sim.add("a")
    sim.set_status(handle, state=number, substate=number)
    for status in (ras.get_connect_status(handle), ras.snapshot()[0].status):
        assert status.state == status.substate == number
        assert isinstance(status.state, ConnState)
        assert isinstance(status.substate, ConnSubstate)
        assert hex(number) in str(status.state.name)
        assert status.state.is_done == bool(number & 0x2000)
        assert status.state.is_paused == bool(number & 0x1000)


@pytest.mark.ledger("GS-6")
@pytest.mark.parametrize("number", [25, 0x2002])
def test_a_state_without_a_name_can_be_waited_for(sim, ras, number):
    handle = sim.dial("a", states=[0, number, 24], step=1.0)
    sim.step_per_call = 0.25
    assert ras.wait_for_state(handle, [number], interval=0).state == number


@pytest.mark.ledger("GS-6", "GS-1")
@pytest.mark.parametrize("state", ConnState, ids=lambda state: state.name)
def test_every_state_with_a_name_arrives_as_that(sim, ras, state):
    handle = sim.add("a")
    sim.set_status(handle, state=state)
    assert ras.get_connect_status(handle).state is state


@pytest.mark.ledger("GS-7")
@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x20, "ERROR_SHARING_VIOLATION"),
        (633, "ERROR_PORT_NOT_AVAILABLE"),
        (691, "ERROR_AUTHENTICATION_FAILURE"),
        (12345678, "UNKNOWN_ERROR_12345678"),
    ],
)
def test_codes_have_names_and_unknown_ones_keep_their_number(sim, ras, code, name):
    handle = sim.add("a")
    sim.fail(STATUS, code)
    with pytest.raises(RasError) as error:
        ras.get_connect_status(handle)
    assert error.value.code == code
    assert error.value.name in (name, f"UNKNOWN_ERROR_{code}")
    assert ras.get_error_string(code)


def test_structures_here_have_the_sizes_of_windows():
    assert sizeof(RASCONNSTATUSW) == SIZES[0x601]
