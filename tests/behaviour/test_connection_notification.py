"""CN-1 to CN-12: registering for changes, and waiting for them."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import select
import socket
import sys
import threading
from contextlib import ExitStack
from types import SimpleNamespace

import child
import open_handles
import pytest
from spy import NEVER_VALID, without_optional_functions

from ras_native import (
    Cancelled,
    ConnSubstate,
    Event,
    Notification,
    NotificationFlag,
    ProviderError,
    Ras,
    RasError,
)
from ras_native._backend.layout import RN_E_AGAIN, RN_E_OS
from ras_native._wait import SLICE_NS
from ras_native.monitor.watcher import Watcher

CONNECTION = NotificationFlag.CONNECTION
DISCONNECTION = NotificationFlag.DISCONNECTION
ADDED = NotificationFlag.BANDWIDTH_ADDED
REMOVED = NotificationFlag.BANDWIDTH_REMOVED
DORMANT = NotificationFlag.DORMANT
RECONNECTION = NotificationFlag.RECONNECTION
EPDG = NotificationFlag.EPDG_PACKET_ARRIVAL
EVERY_FLAG = (CONNECTION, DISCONNECTION, ADDED, REMOVED, DORMANT, RECONNECTION, EPDG)
NOTIFY, NOTIFY_A = "RasConnectionNotificationW", "RasConnectionNotificationA"
NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)  # macOS: the sockets have SO_NOSIGPIPE
LONG = 30.0  # seconds; a test that passes never waits this long


def single(sim):
    return sim.add("office")


def multilink(sim):
    handle = sim.add("office", subentries=3)
    sim.drop_subentry(handle, 3)
    return handle


def last_link(sim):
    handle = multilink(sim)
    sim.drop_subentry(handle, 2)
    return handle


def dormant(sim):
    handle = single(sim)
    sim.set_status(handle, substate=ConnSubstate.DORMANT)
    return handle


def hung_up(sim):
    handle = single(sim)
    with Ras(sim) as ras:
        ras.hang_up(handle, wait=False)
    return handle


# what there is, what happens to it, what it sets
EVENTS = {
    "it is dropped": (single, lambda sim, h: sim.drop(h), {DISCONNECTION}),
    "the state machine ends it": (hung_up, lambda sim, _: sim.advance(1.0), {DISCONNECTION}),
    "a link joins": (multilink, lambda sim, h: sim.connect_subentry(h, 3), {ADDED}),
    "a link leaves": (multilink, lambda sim, h: sim.drop_subentry(h, 1), {REMOVED}),
    "the last link leaves": (
        last_link,
        lambda sim, h: sim.drop_subentry(h, 1),
        {REMOVED, DISCONNECTION},
    ),
    "it goes dormant": (
        single,
        lambda sim, h: sim.set_status(h, substate=ConnSubstate.DORMANT),
        {DORMANT},
    ),
    "it is reconnected": (
        dormant,
        lambda sim, h: sim.set_status(h, substate=ConnSubstate.RECONNECTED),
        {RECONNECTION},
    ),
    "a packet arrives": (single, lambda sim, h: sim.signal(h, EPDG), {EPDG}),
    "its status changes": (single, lambda sim, h: sim.set_status(h, error=651), set()),
    "a reference is added": (single, lambda sim, h: sim.add_reference(h), set()),
}


@pytest.fixture
def register_each_flag(ras):
    """Return a function that registers a Notification for each flag; close them at the end."""
    with ExitStack() as opened:

        def register(handle, *, ansi=False):
            return {
                flag: opened.enter_context(ras.connection_notification(handle, flag, ansi=ansi))
                for flag in EVERY_FLAG
            }

        yield register


def set_ones(notifications):
    return {flag for flag, notification in notifications.items() if notification.is_set()}


@pytest.mark.ledger("CN-1", "CN-2", "CN-3", "CN-5", "CN-6", "CN-7", "CN-12")
@pytest.mark.parametrize("ansi", [False, True], ids=["W", "A"])
@pytest.mark.parametrize("scope", ["this one", "every one", "another one"])
@pytest.mark.parametrize(("prepare", "happen", "expected"), EVENTS.values(), ids=EVENTS)
def test_each_event_sets_its_flags_and_no_other(
    sim, register_each_flag, prepare, happen, expected, scope, ansi
):
    sim.teardown = 0.5
    other = sim.add("other")
    handle = prepare(sim)
    about = {"this one": handle, "every one": None, "another one": other}[scope]
    notifications = register_each_flag(about, ansi=ansi)
    assert set_ones(notifications) == set()
    happen(sim, handle)
    assert set_ones(notifications) == (set() if scope == "another one" else expected)


@pytest.mark.ledger("CN-1", "CN-3", "CN-4", "CN-12")
@pytest.mark.parametrize("ansi", [False, True], ids=["W", "A"])
@pytest.mark.parametrize("subentries", [1, 2])
def test_any_new_connection_sets_connection(sim, register_each_flag, subentries, ansi):
    other = sim.add("other")
    for_all = register_each_flag(None, ansi=ansi)
    for_other = register_each_flag(other, ansi=ansi)
    sim.add("new", subentries=subentries)
    assert set_ones(for_all) == ({CONNECTION} if subentries == 1 else {CONNECTION, ADDED})
    assert set_ones(for_other) == set()


@pytest.mark.ledger("CN-1", "CN-4")
def test_a_dialled_connection_sets_connection_when_it_has_connected(sim, ras):
    with ras.connection_notification(None, CONNECTION) as notification:
        sim.dial("office", step=1.0)
        sim.advance(9.0)
        assert not notification.is_set()
        sim.advance(2.0)
        assert notification.is_set()


@pytest.mark.ledger("CN-5")
def test_a_dialling_that_fails_sets_nothing(sim, ras, register_each_flag):
    notifications = register_each_flag(None)
    handle = sim.dial("office", step=1.0, error=691)
    sim.advance(60.0)
    ras.hang_up(handle)
    assert set_ones(notifications) == set()


@pytest.mark.ledger("CN-5")
def test_a_multilink_connection_ends_with_its_last_link(sim, ras):
    handle = sim.add("office", subentries=3)
    with ras.connection_notification(handle, DISCONNECTION) as notification:
        for link in (2, 1):
            sim.drop_subentry(handle, link)
            assert not notification.is_set()
        sim.drop_subentry(handle, 3)
        assert notification.is_set()


@pytest.mark.ledger("CN-8")
@pytest.mark.parametrize(
    "flags",
    [ADDED | REMOVED, CONNECTION | DISCONNECTION, DISCONNECTION | DORMANT, NotificationFlag.ALL],
    ids=int,
)
@pytest.mark.parametrize(("prepare", "happen", "expected"), EVENTS.values(), ids=EVENTS)
def test_combined_flags_are_set_by_any_of_them(sim, ras, prepare, happen, expected, flags):
    sim.teardown = 0.5
    handle = prepare(sim)
    with (
        ras.connection_notification(handle, flags) as one,
        ras.connection_notification(flags=flags) as every,
    ):
        happen(sim, handle)
        assert one.is_set() == every.is_set() == any(flag & flags for flag in expected)


@pytest.mark.ledger("CN-3", "CN-8")
def test_without_arguments_it_is_everything(sim, ras):
    with ras.connection_notification() as notification:
        sim.signal(sim.add("office"), EPDG)
        assert notification.is_set()


@pytest.mark.ledger("CN-2")
def test_a_connection_from_a_listing_is_taken(sim, ras):
    handle = sim.add("office")
    (connection,) = ras.enum_connections()
    with ras.connection_notification(connection) as notification:
        sim.drop(handle)
        assert notification.is_set()


@pytest.mark.ledger("CN-12")
def test_a_and_w_are_the_functions_of_these_names(sim, ras):
    ras.connection_notification(ansi=False).close()
    assert sim.calls("RasConnectionNotificationW") == 1
    assert sim.calls("RasConnectionNotificationA") == 0
    ras.connection_notification(ansi=True).close()
    assert sim.calls("RasConnectionNotificationW") == 1
    assert sim.calls("RasConnectionNotificationA") == 1


@pytest.mark.ledger("CN-9", "CN-12")
@pytest.mark.parametrize(("ansi", "letter"), [(False, "W"), (True, "A")], ids=["W", "A"])
@pytest.mark.parametrize("code", [711, 5, 87, 600])
def test_a_refusal_is_raised_and_leaves_no_event(sim, ras, code, ansi, letter):
    handle = sim.add("office")
    function = f"RasConnectionNotification{letter}"

    def refused():
        sim.fail(function, code)
        with pytest.raises(RasError) as error:
            ras.connection_notification(handle, ansi=ansi)
        assert (error.value.code, error.value.function) == (code, function)

    refused()
    before = open_handles.count()
    for _ in range(20):
        refused()
    assert open_handles.count() <= before
    assert sim.registrations == 0


@pytest.mark.ledger("CN-9")
def test_a_handle_of_no_connection_is_refused(sim, ras):
    handle = sim.add("office")
    sim.drop(handle)
    for dead in (handle, NEVER_VALID):
        with pytest.raises(RasError) as error:
            ras.connection_notification(dead)
        assert error.value.gone


@pytest.mark.ledger("CN-9")
def test_a_provider_without_the_function_is_told_of(ras):
    with without_optional_functions(ras):
        before = open_handles.count()
        for ansi in (False, True):
            with pytest.raises(ProviderError, match=f"Notification{'A' if ansi else 'W'}") as error:
                ras.connection_notification(ansi=ansi)
            assert error.value.function == f"RasConnectionNotification{'A' if ansi else 'W'}"
            del error
        assert open_handles.count() <= before


@pytest.mark.ledger("CN-9")
def test_closed_notifications_are_given_back(sim, ras):
    with ras.connection_notification():
        before = open_handles.count()
    for number in range(20):
        handle = sim.add(f"entry {number}")
        with ras.connection_notification(handle):
            pass
        sim.drop(handle)  # RAS has no call that ends a registration: it ends with its connection
    assert open_handles.count() <= before


@pytest.mark.ledger("CN-1", "CN-9")
def test_what_happens_after_closing_harms_nothing(sim, ras):
    ras.connection_notification().close()
    handle = sim.add("office")
    sim.drop(handle)
    assert ras.enum_connections() == ()


@pytest.mark.ledger("CN-9")
@pytest.mark.parametrize("ansi", [False, True], ids=["W", "A"])
def test_registering_again_and_again_adds_one_registration(sim, ras, ansi):
    """Windows has no call that ends a registration."""
    for number in range(50):
        with ras.connection_notification(ansi=ansi) as notification:
            assert not notification.is_set(), "what was told before is not told again"
            sim.add(f"entry {number}")
            assert notification.is_set()
        sim.add(f"another {number}")
    assert sim.calls(f"RasConnectionNotification{'A' if ansi else 'W'}") == 1
    assert sim.registrations == 1


@pytest.mark.ledger("CN-9")
def test_a_registration_serves_only_its_flags_and_its_function(sim, ras):
    ras.connection_notification(None, CONNECTION).close()
    with (
        ras.connection_notification(None, CONNECTION, ansi=True),
        ras.connection_notification(None, DISCONNECTION) as disconnection,
        ras.connection_notification(None, CONNECTION) as connection,
        ras.connection_notification(None, CONNECTION) as at_the_same_time,
    ):
        sim.add("office")
        assert (connection.is_set(), at_the_same_time.is_set()) == (True, True)
        assert not disconnection.is_set()
    assert sim.calls(NOTIFY) == 3
    assert sim.calls(NOTIFY_A) == 1


@pytest.mark.ledger("CN-9")
def test_a_registration_for_one_connection_is_not_used_again(sim, ras):
    """Another connection may get the handle; the old registration does not apply to it."""
    handle = sim.add("office")
    for calls in (1, 2):
        with ras.connection_notification(handle) as notification:
            assert sim.calls(NOTIFY) == calls
    sim.drop(handle)
    assert not sim.registrations
    with pytest.raises(ValueError, match="closed"):
        notification.is_set()


@pytest.mark.ledger("CN-9")
@pytest.mark.parametrize(("code", "calls"), [(711, 2), (5, 2), (1722, 2), (6, 1), (668, 1)])
@pytest.mark.parametrize("when", ["closed", "open"])
def test_no_registration_is_used_again_after_ras_has_failed(sim, ras, code, calls, when):
    """A service that restarts forgets registrations; codes about one handle do not mean that."""
    handle = sim.add("office")
    notification = ras.connection_notification()
    if when == "closed":
        notification.close()
    sim.fail("RasGetConnectStatusW", code)
    with pytest.raises(RasError):
        ras.get_connect_status(handle)
    notification.close()
    with ras.connection_notification() as again:
        assert sim.calls(NOTIFY) == calls
        sim.drop(handle)
        assert again.is_set()


@pytest.mark.ledger("CN-9")
def test_a_deaf_registration_is_not_used_again(sim, ras):
    """A Monitor detects that a registration is dead, and makes a new one before it closes it."""
    watcher = Watcher(ras)
    for calls in (1, 2, 3):
        watcher.register()
        assert sim.calls(NOTIFY) == calls
    watcher.close()
    with ras.connection_notification():
        assert sim.calls(NOTIFY) == 4, "the Monitor registers for other flags"


@pytest.mark.ledger("CN-9")
def test_how_many_registrations_wait_to_be_used_again_is_bounded(sim, ras):
    with ExitStack() as opened:
        for _ in range(100):
            opened.enter_context(ras.connection_notification())
    with ExitStack() as opened:
        for _ in range(16):
            opened.enter_context(ras.connection_notification())
        assert sim.calls(NOTIFY) == 100
        opened.enter_context(ras.connection_notification())
        assert sim.calls(NOTIFY) == 101


@pytest.mark.posix_only("on Windows the simulator cannot see that nobody hears an event")
@pytest.mark.ledger("CN-9")
def test_registrations_that_wait_to_be_used_again_are_closed_with_their_ras(sim, ras):
    before = open_handles.count()
    with ExitStack() as opened:
        for _ in range(100):
            opened.enter_context(ras.connection_notification())
    handle = sim.add("office")  # the simulator closes duplicates for which nobody waits
    assert sim.registrations == 16
    assert open_handles.count() <= before + 16 * 3, "two descriptors here, and a duplicate there"
    ras.close()
    sim.signal(handle)
    assert sim.registrations == 0
    assert open_handles.count() <= before


@pytest.mark.posix_only("only there are signals for writing to nobody")
@pytest.mark.ledger("CN-9")
def test_a_change_after_closing_does_not_end_the_process(backend):
    script = """
import signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
from ras_native import Ras
from ras_native.sim import Simulator
with Simulator() as sim:
    handle = sim.add("office")
    with Ras(sim, backend=sys.argv[1]) as ras:
        ras.connection_notification().close()
        ras.connection_notification(handle).close()
    sim.drop(handle)
    print("alive", sim.registrations)
"""
    assert child.run(script, backend) == "alive 0\n"


@pytest.mark.ledger("CN-10")
def test_waiting_testing_and_resetting(sim, ras):
    with ras.connection_notification() as notification:
        assert isinstance(notification, Event)
        assert not notification.is_set()
        assert notification.wait(0) is False
        assert notification.wait(0.02) is False
        sim.add("office")
        assert notification.wait(LONG) is True
        assert notification.is_set(), "it stays set"
        assert notification.wait(0) is True
        notification.reset()
        assert not notification.is_set()
        notification.reset()
        sim.add("another")
        sim.add("one more")
        assert notification.is_set()
        notification.reset()
        assert not notification.is_set(), "events coalesce"


@pytest.mark.ledger("CN-10", "CN-1")
def test_a_waiting_thread_is_woken(sim, ras):
    with ras.connection_notification() as notification:
        woken = []
        waiter = threading.Thread(target=lambda: woken.append(notification.wait(LONG)))
        waiter.start()
        sim.add("office")
        waiter.join()
        assert woken == [True]


@pytest.mark.ledger("CN-10")
def test_every_waiter_is_woken(backend):
    with Event(backend=backend) as event:
        woken = []
        waiters = [
            threading.Thread(target=lambda: woken.append(event.wait(LONG))) for _ in range(8)
        ]
        for waiter in waiters:
            waiter.start()
        event.set()
        for waiter in waiters:
            waiter.join()
        assert woken == [True] * 8


@pytest.mark.ledger("CN-10")
def test_a_wait_can_be_cancelled(ras, backend):
    with ras.connection_notification() as notification, Event(backend=backend) as cancel:
        canceller = threading.Thread(target=cancel.set)
        canceller.start()
        with pytest.raises(Cancelled):
            notification.wait(LONG, cancel=cancel)
        canceller.join()
        notification.set()
        assert notification.wait(0, cancel=cancel), "what has happened comes first"


@pytest.mark.ledger("CN-10")
def test_a_program_s_own_event_behaves_alike(backend):
    with Event(backend=backend) as event:
        assert not event.is_set()
        event.set()
        event.set()
        assert event.wait(0)
        event.reset()
        assert not event.is_set()


@pytest.mark.ledger("CN-10")
def test_an_event_may_be_set_any_number_of_times(backend):
    """Set it more often than a pipe holds bytes: set never blocks, and reset is complete."""
    with Event(backend=backend) as event:
        for _ in range(20_000):
            event.set()
        assert event.is_set()
        event.reset()
        assert not event.is_set()


@pytest.mark.ledger("CN-10")
def test_a_closed_event_says_so(ras):
    notification = ras.connection_notification()
    notification.close()
    notification.close()
    for use in (
        notification.is_set,
        notification.set,
        notification.reset,
        notification.fileno,
        lambda: notification.wait(1),
        lambda: notification.handle,
    ):
        with pytest.raises(ValueError, match="closed"):
            use()


@pytest.mark.ledger("CN-10")
def test_an_event_cannot_cancel_the_wait_for_itself(backend):
    with Event(backend=backend) as event, pytest.raises(ValueError, match="cancel"):
        event.wait(0, cancel=event)


@pytest.mark.posix_only("there the handle is a descriptor")
@pytest.mark.ledger("CN-10")
def test_an_event_whose_handle_somebody_closed_is_an_error(backend):
    with Event(backend=backend) as event, Event(backend=backend) as other:
        spare = os.dup(event.handle)
        os.close(event.handle)
        try:
            for use in (event.is_set, event.reset, lambda: other.wait(0, cancel=event)):
                with pytest.raises(OSError, match="event") as error:
                    use()
                assert error.value.errno == errno.EBADF
        finally:
            os.dup2(spare, event.handle)
            os.close(spare)
        assert not event.is_set()


class BrokenBackendEvent:
    """An event whose system calls always fail, with the same error."""

    handle = 1

    def __init__(self, number):
        self.code = RN_E_OS + number

    def set(self):
        return self.code

    def reset(self):
        return self.code

    def wait(self, *_):
        return self.code


@pytest.mark.ledger("CN-10")
@pytest.mark.parametrize("use", [Event.set, Event.reset, Event.is_set, Event.wait])
def test_a_refusal_of_the_system_is_raised_with_its_number(backend, use):
    with Event(backend=backend) as event:
        event._event = BrokenBackendEvent(6)
        with pytest.raises(OSError, match="event") as error:
            use(event)
        number = error.value.winerror if sys.platform == "win32" else error.value.errno
        assert number == 6


@pytest.mark.posix_only("there an event is a pair of sockets")
@pytest.mark.ledger("CN-10")
def test_whoever_sets_an_event_learns_that_it_is_closed(backend):
    """The simulator holds a duplicate, as RAS does; a write to a closed pipe raises SIGPIPE."""
    before = open_handles.sockets()
    event = Event(backend=backend)
    ends = open_handles.sockets() - before
    assert not any(map(os.get_inheritable, ends))
    (writer,) = ends - {event.handle}
    with socket.socket(fileno=os.dup(writer)) as duplicate:
        duplicate.send(b"1", NO_SIGNAL)
        assert event.is_set()
        event.close()
        with pytest.raises(BrokenPipeError):
            duplicate.send(b"1", NO_SIGNAL)


@pytest.mark.ledger("CN-10")
def test_without_a_timeout_the_wait_ends_only_when_the_event_is_set(backend, monkeypatch):
    with Event(backend=backend) as event:
        slices = []

        def wait(_, slice_ns):
            slices.append(slice_ns)
            return 0 if len(slices) == 50 else RN_E_AGAIN

        with monkeypatch.context() as patch:
            patch.setattr(event, "_event", SimpleNamespace(wait=wait))
            assert event.wait() is True
        assert slices == [SLICE_NS] * 50


@pytest.mark.ledger("CN-10")
def test_closing_while_another_thread_waits_ends_that_wait(backend):
    event, outcome = Event(backend=backend), []

    def wait():
        try:
            outcome.append(event.wait(LONG))
        except ValueError as error:
            outcome.append(str(error))

    waiter = threading.Thread(target=wait)
    waiter.start()
    event.close()
    waiter.join()
    assert outcome == ["this event is closed"]


def readable_with_select(fd, timeout):
    return select.select([fd], [], [], timeout)[0] == [fd]


def readable_with_poll(fd, timeout):
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return poller.poll(timeout * 1000) == [(fd, select.POLLIN)]


def readable_with_asyncio(fd, timeout):
    async def wait():
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(fd, told.set)
        try:
            await asyncio.wait_for(told.wait(), timeout)
        except asyncio.TimeoutError:
            return False
        finally:
            loop.remove_reader(fd)
        return True

    return asyncio.run(wait())


@pytest.mark.posix_only("there the handle is a descriptor")
@pytest.mark.ledger("CN-10")
@pytest.mark.parametrize(
    "readable", [readable_with_select, readable_with_poll, readable_with_asyncio]
)
def test_the_handle_serves_the_wait_functions_of_posix(sim, ras, readable):
    with ras.connection_notification() as notification:
        assert notification.fileno() == notification.handle
        assert not readable(notification.handle, 0.01)
        sim.add("office")
        assert readable(notification.handle, LONG)
        assert notification.is_set(), "looking at it does not reset it"
        notification.reset()
        assert not readable(notification.handle, 0.01)


def signalled_by_kernel32(handle, timeout):
    wait = ctypes.WinDLL("kernel32.dll").WaitForSingleObject
    wait.argtypes, wait.restype = (ctypes.c_void_p, ctypes.c_uint32), ctypes.c_uint32
    return wait(handle, int(timeout * 1000)) == 0


def signalled_by_asyncio(handle, timeout):
    async def wait():
        proactor = asyncio.get_running_loop()._proactor
        return await proactor.wait_for_handle(handle, timeout)

    return asyncio.run(wait())


@pytest.mark.windows_only("there the handle is a HANDLE")
@pytest.mark.ledger("CN-10")
@pytest.mark.parametrize("signalled", [signalled_by_kernel32, signalled_by_asyncio])
def test_the_handle_serves_the_wait_functions_of_windows(sim, ras, signalled):
    with ras.connection_notification() as notification:
        assert not signalled(notification.handle, 0.01)
        sim.add("office")
        assert signalled(notification.handle, LONG)
        assert notification.is_set(), "looking at it does not reset it"
        notification.reset()
        assert not signalled(notification.handle, 0.01)


@pytest.mark.ledger("CN-11")
def test_every_change_is_found_exactly_once(sim, ras):
    """Reset, then list, while another thread creates and ends connections."""
    count = 200
    came, went = [], []
    all_came = threading.Event()

    def change():
        handles = [sim.add(f"entry {number}") for number in range(count)]
        all_came.wait(LONG)
        for handle in handles:
            sim.drop(handle)

    with ras.connection_notification() as notification:
        hammer = threading.Thread(target=change)
        hammer.start()
        last = frozenset()
        while len(went) < count:
            assert notification.wait(LONG), "a change was not told"
            notification.reset()
            now = frozenset(connection.handle for connection in ras.enum_connections())
            came += now - last
            went += last - now
            last = now
            if len(came) == count:
                all_came.set()
        hammer.join()
    assert len(came) == len(set(came)) == count
    assert sorted(came) == sorted(went)


@pytest.mark.ledger("CN-11")
def test_nothing_is_told_again(sim, ras):
    with ras.connection_notification() as notification:
        sim.add("office")
        notification.reset()
        listed = ras.enum_connections()
        assert len(listed) == 1
        assert not notification.is_set()
        assert ras.enum_connections() is listed


@pytest.mark.ledger("CN-1")
def test_several_may_be_told_and_a_notification_outlives_its_ras(sim, backend):
    with Ras(sim, backend=backend) as ras:
        first, second = ras.connection_notification(), ras.connection_notification()
    with first, second:
        sim.add("office")
        assert isinstance(first, Notification)
        assert (first.is_set(), second.is_set()) == (True, True)


@pytest.mark.ledger("CN-3")
def test_the_far_side_of_another_provider_is_not_heard(sim, ras):
    """A registration for one connection ends with it; its descriptor may be used again."""
    handle = sim.add("office")
    with ras.connection_notification(handle) as notification:
        sim.drop(handle)
        notification.reset()
        sim.add("office")
        assert not notification.is_set()
