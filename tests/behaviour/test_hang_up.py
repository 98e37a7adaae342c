"""HU-1 to HU-9: ending a connection, and knowing that it has ended."""

from __future__ import annotations

import ctypes
import gc
import threading
import weakref
from ctypes import addressof, c_uint32, c_void_p, sizeof

import child
import open_handles
import pytest
from spy import HANG_UP, NEVER_VALID, STATUS, exported, replace, without_optional_functions

from ras_native import ConnState, NotificationFlag, ProviderError, Ras, RasError, _at_exit, _ras
from ras_native._backend.layout import RASDIALPARAMSW
from ras_native.sim import Simulator

RAS_SUBENTRY, NOTIFY = "RasGetSubEntryHandleW", "RasConnectionNotificationW"


def is_gone(ras, handle):
    try:
        ras.get_connect_status(handle)
    except RasError as error:
        return error.gone
    return False


@pytest.fixture
def ticking(sim):
    """A teardown takes a second of the manual clock, which each call advances."""
    sim.teardown = 1.0
    sim.step_per_call = 0.0625
    return sim


@pytest.mark.ledger("HU-1", "HU-5")
def test_the_connection_ends_and_its_handle_with_it(sim, ras):
    handle, other = sim.add("office"), sim.add("other")
    with ras.connection_notification(handle, NotificationFlag.DISCONNECTION) as ended:
        ras.hang_up(handle)
        assert ended.is_set()
    assert [connection.handle for connection in ras.enum_connections()] == [other]
    assert is_gone(ras, handle)
    assert sim.calls(HANG_UP) == 1


@pytest.mark.ledger("HU-2")
def test_handles_of_dialling_and_of_listing_are_taken(sim, ras):
    dialled = sim.dial("a", step=0.1)
    sim.advance(5.0)
    sim.add("b")
    first, second = ras.enum_connections()
    assert first.handle == dialled
    ras.hang_up(dialled)
    ras.hang_up(second)
    assert ras.enum_connections() == ()


@pytest.mark.ledger("HU-3")
@pytest.mark.parametrize("wait", [True, False])
def test_a_handle_that_never_was_one_raises_invalid_handle(sim, ras, wait):
    handle = sim.add("office")
    with pytest.raises(RasError) as error:
        ras.hang_up(NEVER_VALID, wait=wait)
    assert (error.value.code, error.value.name) == (6, "ERROR_INVALID_HANDLE")
    assert (error.value.function, error.value.gone) == (HANG_UP, True)
    assert not is_gone(ras, handle)


@pytest.mark.ledger("HU-3", "HU-5")
def test_a_handle_that_was_one_raises(sim, ras):
    dropped, hung_up = sim.add("a"), sim.add("b")
    sim.drop(dropped)
    ras.hang_up(hung_up)
    for handle in (dropped, hung_up):
        with pytest.raises(RasError) as error:
            ras.hang_up(handle)
        assert error.value.code in (6, 668)
        assert error.value.gone


@pytest.mark.ledger("HU-3")
@pytest.mark.parametrize("code", [5, 617, 711, 753])
def test_another_code_is_raised_and_nothing_is_waited_for(sim, ras, code):
    handle = sim.add("office")
    sim.fail(HANG_UP, code)
    with pytest.raises(RasError) as error:
        ras.hang_up(handle)
    assert (error.value.code, error.value.function) == (code, HANG_UP)
    assert sim.calls(STATUS) == 0
    assert not is_gone(ras, handle)
    ras.hang_up(handle)


@pytest.mark.ledger("HU-4")
@pytest.mark.parametrize("after", [0.0, 0.5, 3.5, 9.5])
def test_a_dialling_is_ended(sim, ras, after):
    handle = sim.dial("office", step=1.0)
    sim.advance(after)
    assert ras.get_connect_status(handle).state < ConnState.CONNECTED
    ras.hang_up(handle)
    assert is_gone(ras, handle)
    sim.advance(60.0)
    assert ras.enum_connections() == ()


@pytest.mark.ledger("HU-4")
def test_a_dialling_that_waits_for_somebody_is_ended(sim, ras):
    handle = sim.dial("office", states=[0, ConnState.INTERACTIVE], step=1.0)
    sim.advance(5.0)
    assert ras.get_connect_status(handle).state.is_paused
    ras.hang_up(handle)
    assert is_gone(ras, handle)


@pytest.mark.ledger("HU-4", "HU-1")
def test_a_dialling_that_failed_is_let_go(sim, ras):
    handle = sim.dial("office", step=1.0, error=691)
    sim.advance(60.0)
    assert ras.get_connect_status(handle).error == 691
    ras.hang_up(handle)
    assert is_gone(ras, handle)


USES = {
    "status": lambda ras, handle: ras.get_connect_status(handle),
    "wait": lambda ras, handle: ras.wait_for_state(handle, timeout=0),
    "notification": lambda ras, handle: ras.connection_notification(handle),
    "subentry": lambda ras, handle: ras.get_subentry_handle(handle, 1),
    "hang up": lambda ras, handle: ras.hang_up(handle),
    "hang up link": lambda ras, handle: ras.hang_up(handle, subentry=1),
    "hang up all": lambda ras, handle: ras.hang_up(handle, all_references=True),
}


@pytest.mark.ledger("HU-5")
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_afterwards_every_use_of_the_handle_raises(sim, ras, use):
    handle = sim.add("office", subentries=2)
    (connection,) = ras.enum_connections()
    ras.hang_up(handle)
    for dead in (handle, connection):
        with pytest.raises(RasError) as error:
            use(ras, dead)
        assert error.value.gone


@pytest.mark.ledger("HU-6", "HU-1")
def test_it_waits_until_the_state_machine_has_ended(ticking, ras):
    handle = ticking.add("office")
    took = ras.hang_up(handle)
    assert ticking.now >= 1.0625, "RasHangUp is the first call, a second later it has ended"
    assert ticking.calls(STATUS) == 16, "and it was asked until then, not longer"
    assert isinstance(took, float)
    assert took >= 0
    assert is_gone(ras, handle)


@pytest.mark.ledger("HU-6")
def test_it_tells_how_long_it_took(sim, ras):
    sim.delay(HANG_UP, 0.03)
    assert ras.hang_up(sim.add("office")) >= 0.03


@pytest.mark.ledger("HU-6")
def test_it_waits_in_real_time(backend):
    with Simulator(clock="real") as sim, Ras(sim, backend=backend) as ras:
        sim.teardown = 0.15
        handle = sim.add("office")
        assert ras.hang_up(handle) >= 0.15
        assert is_gone(ras, handle)


@pytest.mark.ledger("HU-6")
@pytest.mark.parametrize("timeout", [0, 0.03])
def test_waiting_is_bounded_and_leaves_things_sane(sim, ras, timeout):
    sim.teardown = 1.0
    handle, other = sim.add("office"), sim.add("other")
    with pytest.raises(TimeoutError, match=hex(handle)):
        ras.hang_up(handle, timeout=timeout)
    assert sim.calls(STATUS) >= 1
    assert [connection.handle for connection in ras.enum_connections()] == [other]
    assert not is_gone(ras, handle), "it was the state machine that took too long"
    sim.advance(1.0)
    assert is_gone(ras, handle)
    sim.teardown = 0.0
    ras.hang_up(other)


@pytest.mark.ledger("HU-6")
def test_with_nothing_to_wait_for_no_time_is_needed(sim, ras):
    handle = sim.add("office")
    ras.hang_up(handle, timeout=0)
    assert is_gone(ras, handle)
    assert sim.calls(STATUS) == 2


@pytest.mark.ledger("HU-6")
@pytest.mark.parametrize("code", [5, 8, 711])
def test_another_code_while_waiting_is_raised(ticking, ras, code):
    handle = ticking.add("office")
    ticking.fail(STATUS, code, call=4)
    with pytest.raises(RasError) as error:
        ras.hang_up(handle)
    assert (error.value.code, error.value.function) == (code, STATUS)


@pytest.mark.ledger("HU-6")
def test_no_connection_ends_the_waiting_too(ticking, ras):
    handle = ticking.add("office")
    ticking.fail(STATUS, 668, call=4)
    ras.hang_up(handle)
    assert ticking.calls(STATUS) == 4


@pytest.mark.ledger("HU-6")
def test_without_waiting_it_returns_at_once(sim, ras):
    sim.teardown = 1.0
    handle = sim.add("office")
    ras.hang_up(handle, wait=False)
    assert sim.calls(STATUS) == 0
    assert not is_gone(ras, handle)
    sim.advance(1.0)
    assert is_gone(ras, handle)


@pytest.mark.ledger("HU-6", "HU-1")
def test_a_reference_of_another_dialling_keeps_the_connection(sim, ras):
    handle = sim.add("office")
    sim.add_reference(handle)
    with pytest.raises(TimeoutError, match="all_references"):
        ras.hang_up(handle, timeout=0.02)
    assert len(ras.enum_connections()) == 1
    assert sim.references(handle) == 1
    ras.hang_up(handle)
    assert is_gone(ras, handle)


@pytest.mark.ledger("HU-6", "HU-1")
@pytest.mark.parametrize("references", [1, 2, 7])
def test_all_references_are_hung_up(ticking, ras, references):
    handle = ticking.add("office")
    for _ in range(references - 1):
        ticking.add_reference(handle)
    ras.hang_up(handle, all_references=True)
    assert is_gone(ras, handle)
    assert ticking.calls(HANG_UP) == references + 1


@pytest.mark.ledger("HU-6")
@pytest.mark.parametrize("code", [711, 5, 753])
def test_a_failure_while_references_are_hung_up_is_raised(sim, ras, code):
    handle = sim.add("office")
    sim.add_reference(handle)
    sim.fail(HANG_UP, code, call=2)
    with pytest.raises(RasError) as error:
        ras.hang_up(handle, all_references=True)
    assert (error.value.code, error.value.function) == (code, HANG_UP)
    assert sim.calls(STATUS) == 0, "there is nothing to wait for"
    assert sim.references(handle) == 1
    ras.hang_up(handle, all_references=True)
    assert is_gone(ras, handle)


@pytest.mark.ledger("HU-6")
@pytest.mark.parametrize("code", [6, 668, 617])
def test_these_codes_say_that_no_reference_is_left(ticking, ras, code):
    handle = ticking.add("office")
    ticking.fail(HANG_UP, code, call=2)
    ras.hang_up(handle, all_references=True)
    assert ticking.calls(HANG_UP) == 2
    assert is_gone(ras, handle)


@pytest.mark.ledger("HU-7")
@pytest.mark.parametrize("link", [None, 1])
def test_a_hang_up_that_nobody_waits_for_keeps_no_library_loaded(sim, backend, link):
    sim.teardown = 1.0
    with Ras(sim, backend=backend) as ras:
        provider = weakref.ref(ras._provider)
        before = open_handles.count()
        ras.hang_up(sim.add("office", subentries=2), subentry=link, wait=False)
        assert open_handles.count() <= before
    gc.collect()
    assert provider() is None


@pytest.mark.ledger("HU-6")
def test_references_without_end_are_given_up(sim, ras):
    handle, calls = sim.add("office"), []
    replace(ras, HANG_UP, lambda number: calls.append(number) or 0)
    with pytest.raises(TimeoutError):
        ras.hang_up(handle, all_references=True, timeout=0)
    assert set(calls) == {handle}
    assert 100 <= len(calls) <= 10_000


UNCLOSED = ("-W", "error", "-W", "ignore::ResourceWarning")  # these scripts leave objects open
EXIT = """
import atexit, sys
def tell(when):
    try:
        watcher.get_connect_status(handle)
    except ras_native.RasError as error:
        print(when, "gone" if error.gone else error)
    else:
        print(when, "alive")
atexit.register(tell, "last")

import ras_native
from ras_native import Ras, _at_exit
from ras_native.sim import Simulator
backend, teardown, exit_seconds, hang_up = sys.argv[1:]
_at_exit.EXIT_SECONDS = float(exit_seconds)
sim = Simulator(clock="real")
sim._end.atexit = False  # it would end the service before anybody looks
sim.teardown = float(teardown)
ras, watcher = Ras(sim, backend=backend), Ras(sim, backend=backend)
handle = sim.add("office")
exec(hang_up)
atexit.register(tell, "first")
"""


@pytest.mark.ledger("HU-7")
@pytest.mark.parametrize(
    "hang_up",
    [
        "ras.hang_up(handle, wait=False)",
        "ras.hang_up(handle, wait=False); ras.close(); del ras",
        "sim.add_reference(handle); ras.hang_up(handle, wait=False, all_references=True)",
        "try: ras.hang_up(handle, timeout=0)\nexcept TimeoutError: pass",
    ],
    ids=["open", "closed", "all references", "timed out"],
)
def test_what_nobody_waited_for_is_waited_for_at_exit(backend, hang_up):
    assert (
        child.run(EXIT, backend, "0.3", "3", hang_up, python=UNCLOSED) == "first alive\nlast gone\n"
    )


@pytest.mark.ledger("HU-7")
def test_the_wait_at_exit_is_bounded(backend):
    hang_up = "ras.hang_up(handle, wait=False)"
    assert (
        child.run(EXIT, backend, "3600", "0.2", hang_up, python=UNCLOSED)
        == "first alive\nlast alive\n"
    )
    assert _at_exit.EXIT_SECONDS == 3.0


LINK_EXIT = """
import atexit, sys
def tell(when):
    print(when, "down" if removed.is_set() else "up")
atexit.register(lambda: removed.close())
atexit.register(tell, "last")

import ras_native
from ras_native import Ras
from ras_native.sim import Simulator
sim = Simulator(clock="real")
sim._end.atexit = False
sim.teardown = 0.3
ras, watcher = Ras(sim, backend=sys.argv[1]), Ras(sim, backend=sys.argv[1])
handle = sim.add("office", subentries=2)
removed = watcher.connection_notification(handle, 8)
ras.hang_up(handle, subentry=2, wait=False)
exec(sys.argv[2])
atexit.register(tell, "first")
"""


@pytest.mark.ledger("HU-7")
def test_a_hang_up_that_was_waited_for_does_not_delay_the_exit(sim, ras):
    before = dict(_at_exit._unfinished)  # left by other tests
    ras.hang_up(sim.add("a"))
    ras.hang_up(sim.add("b", subentries=2), subentry=1)
    assert _at_exit._unfinished.keys() <= before.keys()


@pytest.mark.ledger("HU-7")
@pytest.mark.parametrize("link", [None, 1])
def test_hang_ups_that_nobody_waits_for_do_not_gather(sim, ras, monkeypatch, link):
    """A hang-up older than the time that the exit waits needs no wait any more."""
    monkeypatch.setattr(_at_exit, "EXIT_SECONDS", 0.0)
    ras.hang_up(sim.add("first", subentries=2), subentry=link, wait=False)
    before, unfinished = open_handles.count(), len(_at_exit._unfinished)
    for number in range(30):
        handle = sim.add(f"entry {number}", subentries=2)
        ras.hang_up(handle, subentry=link, wait=False)
        if link:
            sim.drop(handle)
    assert open_handles.count() <= before
    assert len(_at_exit._unfinished) <= unfinished


def dial(ras, entry_name):
    """Call RasDialW synchronously; return its code and handle."""
    library = getattr(ctypes, "WinDLL", ctypes.CDLL)(ras.provider)
    library.RasDialW.argtypes = (c_void_p, c_void_p, c_void_p, c_uint32, c_void_p, c_void_p)
    library.RasDialW.restype = c_uint32
    params, handle = RASDIALPARAMSW(dwSize=sizeof(RASDIALPARAMSW)), c_void_p()
    params.szEntryName[: len(entry_name)] = list(map(ord, entry_name))
    code = library.RasDialW(None, None, addressof(params), 0, None, addressof(handle))
    return code, handle.value


@pytest.mark.ledger("HU-8")
def test_the_same_entry_can_be_dialled_at_once(ticking, ras):
    ticking.add_entry("office")
    code, first = dial(ras, "office")
    assert code == 0
    ras.hang_up(first)
    code, second = dial(ras, "office")
    assert code == 0
    assert second != first
    assert ticking.references(second) == 1
    assert [connection.handle for connection in ras.enum_connections()] == [second]


@pytest.mark.ledger("HU-8")
def test_it_is_the_waiting_that_makes_it_so(sim, ras):
    sim.teardown = 1.0
    sim.add_entry("office")
    _, handle = dial(ras, "office")
    ras.hang_up(handle, wait=False)
    code, _ = dial(ras, "office")
    assert code == 633  # the port is still in use
    sim.advance(1.0)
    assert dial(ras, "office")[0] == 0


def is_up(ras, handle, link):
    try:
        return ras.get_subentry_handle(handle, link) > 0
    except RasError as error:
        if error.code != 618:
            raise
    return False


def links_up(ras, handle, count):
    return [link for link in range(1, count + 1) if is_up(ras, handle, link)]


@pytest.mark.ledger("HU-9")
@pytest.mark.parametrize("link", [1, 2, 3])
def test_one_link_ends_and_the_others_stay(sim, ras, link):
    handle = sim.add("office", subentries=3)
    ras.hang_up(handle, subentry=link)
    assert links_up(ras, handle, 3) == [number for number in (1, 2, 3) if number != link]
    assert len(ras.enum_connections()) == 1
    assert ras.get_connect_status(handle).state is ConnState.CONNECTED


@pytest.mark.ledger("HU-9")
def test_the_status_is_not_asked(sim, ras):
    """RasGetConnectStatus may still succeed for a link that is down."""
    handle = sim.add("office", subentries=2)
    link = ras.get_subentry_handle(handle, 2)
    ras.hang_up(handle, subentry=2)
    assert sim.calls(STATUS) == 0
    assert ras.get_connect_status(link).state is ConnState.CONNECTED


@pytest.mark.ledger("HU-9")
def test_the_last_link_ends_the_connection(sim, ras):
    handle = sim.add("office", subentries=2)
    ras.hang_up(handle, subentry=1)
    ras.hang_up(handle, subentry=2)
    assert is_gone(ras, handle)


@pytest.mark.ledger("HU-9")
def test_the_notification_tells_when_the_link_is_down(sim, ras):
    sim.teardown = 1.0
    handle = sim.add("office", subentries=2)
    asked = threading.Event()
    real = exported(ras, HANG_UP)

    def hang_up(number):
        code = real(number)
        asked.set()
        return code

    replace(ras, HANG_UP, hang_up)
    clock = threading.Thread(target=lambda: asked.wait(30) and sim.advance(1.0))
    clock.start()
    ras.hang_up(handle, subentry=2)
    assert sim.now == 1.0
    assert links_up(ras, handle, 2) == [1]
    clock.join()


@pytest.mark.ledger("HU-9")
def test_another_link_s_end_is_not_taken_for_this_one_s(sim, ras, monkeypatch):
    monkeypatch.setattr(_ras, "_PAUSE_SECONDS", 0.2)
    handle = sim.add("office", subentries=3)

    def hang_up(_link):
        sim.drop_subentry(handle, 1)
        return 0

    replace(ras, HANG_UP, hang_up)
    assert ras.hang_up(handle, subentry=2) >= 0.2
    assert links_up(ras, handle, 3) == [2, 3]


@pytest.mark.ledger("HU-9")
@pytest.mark.parametrize("code", [711, 87])
def test_without_a_notification_it_is_the_fixed_pause(sim, ras, monkeypatch, code):
    assert _ras._PAUSE_SECONDS == 3.0
    monkeypatch.setattr(_ras, "_PAUSE_SECONDS", 0.1)
    handle = sim.add("office", subentries=2)
    sim.fail(NOTIFY, code)
    assert ras.hang_up(handle, subentry=2) >= 0.1
    assert links_up(ras, handle, 2) == [1]


@pytest.mark.ledger("HU-9")
def test_a_link_is_hung_up_without_waiting(sim, ras):
    sim.teardown = 1.0
    handle = sim.add("office", subentries=2)
    with ras.connection_notification(handle, NotificationFlag.BANDWIDTH_REMOVED) as removed:
        ras.hang_up(handle, subentry=2, wait=False)
        assert not removed.is_set()
        sim.advance(1.0)
        assert removed.is_set()


@pytest.mark.ledger("HU-9", "HU-7")
@pytest.mark.parametrize("then", ["pass", "ras.close(); del ras"], ids=["open", "closed"])
def test_a_link_that_nobody_waited_for_is_waited_for_at_exit(backend, then):
    assert child.run(LINK_EXIT, backend, then, python=UNCLOSED) == "first up\nlast down\n"


@pytest.mark.ledger("HU-9")
@pytest.mark.parametrize(
    ("prepare", "link", "code"),
    [
        (lambda sim: sim.add("a", subentries=2), 3, 259),
        (lambda sim: sim.add("a"), 2, 259),
        (lambda sim: sim.dial("a"), 1, 6),
    ],
    ids=["too large", "no multilink", "dialling"],
)
def test_a_link_that_there_is_not_raises(sim, ras, prepare, link, code):
    handle = prepare(sim)
    for use in (
        lambda: ras.get_subentry_handle(handle, link),
        lambda: ras.hang_up(handle, subentry=link),
    ):
        with pytest.raises(RasError) as error:
            use()
        assert (error.value.code, error.value.function) == (code, RAS_SUBENTRY)
    assert sim.calls(HANG_UP) == 0


@pytest.mark.ledger("HU-9")
def test_a_link_that_is_down_raises(sim, ras):
    handle = sim.add("office", subentries=2)
    sim.drop_subentry(handle, 2)
    with pytest.raises(RasError) as error:
        ras.hang_up(handle, subentry=2)
    assert error.value.code == 618


@pytest.mark.ledger("HU-9")
def test_a_provider_without_the_function_is_told_of(sim, ras):
    handle = sim.add("office", subentries=2)
    with without_optional_functions(ras), pytest.raises(ProviderError, match=RAS_SUBENTRY):
        ras.hang_up(handle, subentry=2)
    assert links_up(ras, handle, 2) == [1, 2]
