"""The simulator sets the events that RAS would set, also for the links of multilink."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from ctypes import byref, c_void_p
from typing import Any

import child
import open_handles
import pytest
from simabi import EVERY_CONNECTION, Rasapi, SystemEvent, api_of, handles, status

from ras_native import ConnSubstate, NotificationFlag
from ras_native.sim import Simulator

Flag = NotificationFlag
ALL = int(Flag.ALL)
FLAGS = [1 << bit for bit in range(7)]


@pytest.fixture
def api(sim: Simulator) -> Rasapi:
    return api_of(sim)


@pytest.fixture
def event() -> Iterator[SystemEvent]:
    with SystemEvent() as created:
        yield created


def subentry_handle(api: Rasapi, handle: int, subentry: int) -> tuple[int, int]:
    out = c_void_p()
    return api.RasGetSubEntryHandleW(handle, subentry, byref(out)), out.value or 0


def flags_set(api: Rasapi, handle: int | None, cause: Callable[[], object]) -> Flag:
    """Return every flag whose event the cause sets."""
    found = Flag(0)
    events = {flag: SystemEvent() for flag in FLAGS}
    for flag, event in events.items():
        assert api.RasConnectionNotificationW(handle, event.handle, flag) == 0
    cause()
    for flag, event in events.items():
        with event:
            if event.consume():
                found |= flag
    return found


@pytest.mark.parametrize("name", ["RasConnectionNotificationW", "RasConnectionNotificationA"])
def test_registration_is_checked(
    sim: Simulator, api: Rasapi, event: SystemEvent, name: str
) -> None:
    register = getattr(api, name)
    handle, gone = sim.add("a"), sim.add("b")
    sim.drop(gone)
    assert register(None, event.handle, 1) == register(gone, event.handle, 1) == 6
    assert register(handle, event.handle, 0) == register(handle, event.handle, 0x80) == 87
    assert sim.registrations == 0
    assert register(handle, event.handle, ALL) == register(EVERY_CONNECTION, event.handle, ALL) == 0
    assert sim.registrations == 2
    sim.drop(handle)
    assert sim.registrations == 1


def test_an_event_that_is_none(sim: Simulator, api: Rasapi, event: SystemEvent) -> None:
    value = event.handle
    event.close_handle()
    assert api.RasConnectionNotificationW(EVERY_CONNECTION, value, ALL) == 6
    assert api.RasConnectionNotificationW(EVERY_CONNECTION, c_void_p(-1), ALL) == 6
    assert sim.registrations == 0


@pytest.mark.posix_only("on Windows an event has no reading end")
def test_an_event_that_cannot_be_set(sim: Simulator, api: Rasapi) -> None:
    reader, writer = os.pipe()
    assert api.RasConnectionNotificationW(EVERY_CONNECTION, reader, ALL) == 6
    assert sim.registrations == 0
    os.close(reader)
    os.close(writer)


def test_the_service_keeps_an_event_of_its_own(
    sim: Simulator, api: Rasapi, event: SystemEvent
) -> None:
    assert api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 1) == 0
    other = SystemEvent()
    with other:
        assert api.RasConnectionNotificationW(EVERY_CONNECTION, other.handle, 1) == 0
        other.close_handle()
        sim.add("a")
        sim.add("b")
        assert event.consume()
        assert not event.consume()


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def closed_socket() -> int:
    reader, writer = socket.socketpair()
    reader.close()
    return writer.detach()


@pytest.mark.posix_only("on Windows nothing tells that an event has no other handle")
@pytest.mark.parametrize("unheard", [closed_pipe, closed_socket])
def test_a_registration_ends_when_its_event_is_closed(
    sim: Simulator, api: Rasapi, event: SystemEvent, unheard: Callable[[], int]
) -> None:
    for _ in range(3):
        descriptor = unheard()
        assert api.RasConnectionNotificationW(EVERY_CONNECTION, descriptor, 1) == 0
        os.close(descriptor)
    assert api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 1) == 0
    assert sim.registrations == 4
    sim.add("a")
    assert sim.registrations == 1
    assert event.consume()


@pytest.mark.posix_only("on Windows nothing tells that an event has no other handle")
def test_registrations_whose_event_is_closed_do_not_add_up(sim: Simulator, api: Rasapi) -> None:
    """Nothing is signalled here, so no write fails."""
    handle, before = sim.add("a"), open_handles.count()
    for _ in range(1000):
        with SystemEvent() as event:
            assert api.RasConnectionNotificationW(handle, event.handle, 1) == 0
    assert open_handles.count() - before < 300


KILLED_BY_SIGPIPE = """
import ctypes, os, signal, socket, sys
from ras_native.sim import Simulator
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
with Simulator() as sim:
    library = ctypes.CDLL(sim.path)
    for reader, writer in (os.pipe(), [end.detach() for end in socket.socketpair()]):
        event = ctypes.c_void_p(writer)
        assert library.RasConnectionNotificationW(ctypes.c_void_p(-1), event, 1) == 0
        os.close(reader)
    sim.add("a")
    print(sim.registrations, len(signal.sigpending()))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
    reader, writer = os.pipe()
    assert library.RasConnectionNotificationW(ctypes.c_void_p(-1), ctypes.c_void_p(writer), 1) == 0
    os.close(reader)
    os.kill(os.getpid(), signal.SIGPIPE)
    sim.add("b")
    print(sim.registrations, len(signal.sigpending()))
"""


@pytest.mark.posix_only("SIGPIPE")
def test_a_closed_event_does_not_kill_the_process() -> None:
    """A signal that was pending before stays pending."""
    assert child.run(KILLED_BY_SIGPIPE) == "0 0\n0 1\n"


@pytest.mark.posix_only("pipes and sockets")
@pytest.mark.parametrize("make", [os.pipe, socket.socketpair], ids=["pipe", "socketpair"])
def test_a_full_event_is_set_already(
    sim: Simulator, api: Rasapi, make: Callable[[], tuple[Any, Any]]
) -> None:
    """This is also true of a blocking descriptor."""
    reader, writer = (end if isinstance(end, int) else end.detach() for end in make())
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writer, bytes(4096)):
            pass
    os.set_blocking(writer, True)
    assert api.RasConnectionNotificationW(EVERY_CONNECTION, writer, 1) == 0
    sim.add("a")
    assert sim.registrations == 1
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("every", [True, False])
def test_each_change_sets_its_own_flags(sim: Simulator, api: Rasapi, every: bool) -> None:
    single, multi = sim.add("a"), sim.add("m", subentries=2)

    def seen(handle: int, cause: Callable[[], object]) -> Flag:
        return flags_set(api, EVERY_CONNECTION if every else handle, cause)

    substates = [1, 2, 0x2000, 1, 0, 2, 0x2000, 0]
    expected = [Flag.DORMANT, Flag(0), Flag.RECONNECTION, Flag.DORMANT, Flag.RECONNECTION]
    expected += [Flag(0), Flag.RECONNECTION, Flag(0)]
    found = [
        seen(single, lambda value=value: sim.set_status(single, substate=value))  # type: ignore[misc]
        for value in substates
    ]
    assert found == expected
    assert seen(single, lambda: sim.set_status(single, substate=0, error=5)) == Flag(0)
    assert seen(multi, lambda: sim.drop_subentry(multi, 2)) == Flag.BANDWIDTH_REMOVED
    assert seen(multi, lambda: sim.connect_subentry(multi, 2)) == Flag.BANDWIDTH_ADDED
    assert seen(multi, lambda: sim.signal(multi, 0x40)) == Flag.EPDG_PACKET_ARRIVAL
    assert seen(single, lambda: sim.drop(single)) == Flag.DISCONNECTION
    assert seen(multi, lambda: api.RasHangUpW(multi)) == Flag.DISCONNECTION | Flag.BANDWIDTH_REMOVED


def test_a_new_connection(sim: Simulator, api: Rasapi) -> None:
    assert flags_set(api, EVERY_CONNECTION, lambda: sim.add("a")) == Flag.CONNECTION
    multi = flags_set(api, EVERY_CONNECTION, lambda: sim.add("m", subentries=2))
    assert multi == Flag.CONNECTION | Flag.BANDWIDTH_ADDED
    dialled = sim.dial("b", step=0.0)
    assert flags_set(api, dialled, lambda: sim.advance(0)) == Flag.CONNECTION


def test_what_never_connected_is_no_disconnection(sim: Simulator, api: Rasapi) -> None:
    failed = sim.dial("a", step=0.0, error=691)
    assert flags_set(api, EVERY_CONNECTION, lambda: sim.advance(0)) == Flag(0)
    assert flags_set(api, EVERY_CONNECTION, lambda: api.RasHangUpW(failed)) == Flag(0)


def test_one_connection_hears_nothing_of_another(sim: Simulator, api: Rasapi) -> None:
    mine, other = sim.add("a"), sim.add("b", subentries=2)

    def others() -> None:
        sim.set_status(other, substate=ConnSubstate.DORMANT)
        sim.drop_subentry(other, 1)
        sim.drop(other)
        sim.add("c")

    assert flags_set(api, mine, others) == Flag(0)


def test_flags_combine_and_registrations_add_up(
    sim: Simulator, api: Rasapi, event: SystemEvent
) -> None:
    handle = sim.add("a")
    assert api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 0x1 | 0x10) == 0
    assert api.RasConnectionNotificationA(handle, event.handle, 0x2) == 0
    causes: list[Callable[[], object]] = [
        lambda: sim.add("b"),
        lambda: sim.set_status(handle, substate=1),
        lambda: sim.drop(handle),
    ]
    for cause in causes:
        cause()
        assert event.consume()
        assert not event.consume()


def test_when_the_event_is_set_the_list_has_changed(
    sim: Simulator, api: Rasapi, event: SystemEvent
) -> None:
    sim.add("a", after=1.0)
    api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 3)
    for _ in range(10):
        sim.advance(0.25)
        if event.consume():
            break
    assert len(handles(api)) == 1


# Multilink


def test_the_handle_of_a_link_hears_its_connection(
    sim: Simulator, api: Rasapi, event: SystemEvent
) -> None:
    bundle = sim.add("m", subentries=2)
    _, link = subentry_handle(api, bundle, 1)
    assert api.RasConnectionNotificationW(link, event.handle, ALL) == 0
    sim.drop_subentry(bundle, 2)
    assert event.consume()
    sim.drop(bundle)
    assert event.consume()
    assert sim.registrations == 0


@pytest.mark.parametrize("name", ["RasGetSubEntryHandleW", "RasGetSubEntryHandleA"])
def test_subentry_handles(sim: Simulator, api: Rasapi, name: str) -> None:
    bundle, dialling = sim.add("m", subentries=3), sim.dial("d")
    get = getattr(api, name)
    out = c_void_p()
    found = []
    for subentry in (1, 2, 3):
        assert get(bundle, subentry, byref(out)) == 0
        found.append(out.value)
    assert len({bundle, *found}) == 4
    assert get(bundle, 2, byref(out)) == 0
    assert out.value == found[1]
    assert get(bundle, 0, byref(out)) == get(bundle, 1, None) == 87
    assert get(bundle, 4, byref(out)) == 259
    assert get(dialling, 1, byref(out)) == get(found[0], 1, byref(out)) == 6
    sim.drop_subentry(bundle, 2)
    assert get(bundle, 2, byref(out)) == 618
    assert handles(api) == [bundle]
    sim.drop(bundle)
    assert get(bundle, 1, byref(out)) == 6
    assert [status(api, handle or 0)[0] for handle in found] == [6, 6, 6]


def test_hanging_up_a_link_leaves_the_rest(sim: Simulator, api: Rasapi) -> None:
    sim.teardown = 1.0
    bundle = sim.add("m", subentries=2)
    _, link = subentry_handle(api, bundle, 2)
    assert api.RasHangUpW(link) == 0
    assert subentry_handle(api, bundle, 2)[0] == 618
    seen = flags_set(api, bundle, lambda: sim.advance(0.999))
    assert seen == Flag(0)
    assert flags_set(api, bundle, lambda: sim.advance(0.001)) == Flag.BANDWIDTH_REMOVED
    assert status(api, link)[0] == 0, "the status of a link cannot be trusted"
    assert api.RasHangUpW(link) == 668
    assert handles(api) == [bundle]


def test_the_last_link_takes_the_connection_with_it(sim: Simulator, api: Rasapi) -> None:
    bundle = sim.add("m", subentries=2)
    links = [subentry_handle(api, bundle, n)[1] for n in (1, 2)]
    assert api.RasHangUpW(links[0]) == 0
    seen = flags_set(api, EVERY_CONNECTION, lambda: api.RasHangUpW(links[1]))
    assert seen == Flag.BANDWIDTH_REMOVED | Flag.DISCONNECTION
    assert [status(api, handle)[0] for handle in (bundle, *links)] == [6, 6, 6]
    assert handles(api) == []


def test_a_link_that_comes_back_while_it_closes_stays(sim: Simulator, api: Rasapi) -> None:
    sim.teardown = 1.0
    bundle = sim.add("m", subentries=2)
    api.RasHangUpW(subentry_handle(api, bundle, 2)[1])
    sim.connect_subentry(bundle, 2)
    sim.advance(5)
    assert subentry_handle(api, bundle, 2)[0] == 0


def test_a_bundle_hung_up_while_a_link_closes(sim: Simulator, api: Rasapi) -> None:
    sim.teardown = 1.0
    bundle = sim.add("m", subentries=2)
    api.RasHangUpW(subentry_handle(api, bundle, 1)[1])
    sim.advance(0.5)
    assert api.RasHangUpW(bundle) == 0
    sim.advance(0.5)
    assert status(api, bundle)[0] == 0
    sim.advance(0.5)
    assert status(api, bundle)[0] == 6
