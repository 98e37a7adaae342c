"""The simulator dials, counts references and hangs up as RAS does, on its own clock."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from ctypes import byref, c_void_p, sizeof
from typing import Any

import pytest
from simabi import (
    DIAL_FUNC,
    DIAL_FUNC1,
    DIAL_FUNC2,
    EVERY_CONNECTION,
    Rasapi,
    SystemEvent,
    api_of,
    dial_params,
    handles,
    state,
    status,
    wide,
)

from ras_native import ConnState
from ras_native._backend.layout import RASDIALEXTENSIONS, RASDIALPARAMSW
from ras_native.sim import DIALLING, Simulator

CONNECTED, DISCONNECTED = ConnState.CONNECTED, ConnState.DISCONNECTED
MESSAGE = 0xCCCD
DIAL_STATES = (ConnState.OPEN_PORT, ConnState.AUTHENTICATE, CONNECTED)


@pytest.fixture
def api(sim: Simulator) -> Rasapi:
    return api_of(sim)


def dial(
    api: Rasapi,
    params: RASDIALPARAMSW,
    notifier: Any = None,
    kind: int = 0,
    handle: c_void_p | None = None,
    extensions: RASDIALEXTENSIONS | None = None,
) -> tuple[int, int]:
    """Call RasDialW; return the code and the handle."""
    out = c_void_p() if handle is None else handle
    given = byref(extensions) if extensions else None
    address = ctypes.cast(notifier, c_void_p) if notifier else None
    return api.RasDialW(given, None, byref(params), kind, address, byref(out)), out.value or 0


# States


def test_states_follow_one_another_on_the_clock(sim: Simulator, api: Rasapi) -> None:
    handle = sim.dial("a", states=DIAL_STATES, step=1.0)
    seen = [state(api, handle)]
    for _ in range(2):
        assert handles(api) == []
        sim.advance(0.999)
        assert state(api, handle) == seen[-1]
        sim.advance(0.001)
        seen.append(state(api, handle))
    assert seen == list(DIAL_STATES)
    assert handles(api) == [handle]


def test_the_usual_states_end_connected(sim: Simulator, api: Rasapi) -> None:
    handle = sim.dial("a", step=1.0)
    seen = []
    for _ in DIALLING:
        sim.advance(0.0 if not seen else 1.0)
        seen.append(state(api, handle))
    assert tuple(seen) == DIALLING


def test_a_failed_dialling_is_readable_until_it_is_hung_up(sim: Simulator, api: Rasapi) -> None:
    handle = sim.dial("a", states=DIAL_STATES, step=1.0, error=691)
    sim.advance(100)
    code, filled = status(api, handle)
    assert (code, filled.rasconnstate, filled.dwError) == (0, ConnState.AUTHENTICATE, 691)
    assert handles(api) == []
    assert api.RasHangUpW(handle) == 0
    assert status(api, handle)[0] == 6


def test_the_states_may_end_disconnected_or_nowhere(sim: Simulator, api: Rasapi) -> None:
    ended = sim.dial("a", states=(0, DISCONNECTED), error=756)
    nowhere = sim.dial("b", states=(0, 5))
    sim.advance(100)
    assert (status(api, ended)[1].rasconnstate, status(api, ended)[1].dwError) == (0x2001, 756)
    assert (status(api, nowhere)[1].rasconnstate, status(api, nowhere)[1].dwError) == (5, 0)


def test_a_paused_state_waits_to_be_resumed(sim: Simulator, api: Rasapi) -> None:
    handle = sim.dial("a", states=(0, ConnState.RETRY_AUTHENTICATION, CONNECTED), step=1.0)
    sim.advance(100)
    assert state(api, handle) == ConnState.RETRY_AUTHENTICATION
    sim.resume(handle)
    sim.advance(1.0)
    assert state(api, handle) == CONNECTED
    with pytest.raises(LookupError):
        sim.resume(handle)


def test_resuming_twice_skips_no_paused_state(sim: Simulator, api: Rasapi) -> None:
    states = (0, ConnState.RETRY_AUTHENTICATION, ConnState.CALLBACK_SET_BY_CALLER, CONNECTED)
    handle = sim.dial("a", states=states, step=1.0)
    sim.advance(100)
    sim.resume(handle)
    with pytest.raises(LookupError):
        sim.resume(handle)
    sim.advance(100)
    assert state(api, handle) == ConnState.CALLBACK_SET_BY_CALLER
    sim.resume(handle, after=1.0)
    sim.resume(handle, after=1.0)
    sim.advance(100)
    assert state(api, handle) == CONNECTED


# RasDialW


def test_an_unknown_entry_and_bad_arguments(sim: Simulator, api: Rasapi) -> None:
    sim.add_entry("a")
    assert dial(api, dial_params("nobody")) == (623, 0)
    assert dial(api, dial_params("a", dwSize=sizeof(RASDIALPARAMSW) - 1)) == (632, 0)
    assert dial(api, dial_params("a"), DIAL_FUNC(lambda *_: None), 3) == (87, 0)
    assert dial(api, dial_params("a"), DIAL_FUNC(lambda *_: None), 0xFFFFFFFF) == (120, 0)
    assert dial(api, dial_params("a"), extensions=RASDIALEXTENSIONS(dwSize=5)) == (632, 0)
    assert api.RasDialW(None, None, None, 0, None, byref(c_void_p())) == 87
    assert api.RasDialW(None, None, byref(dial_params("a")), 0, None, None) == 87
    assert dial(api, dial_params("a"), handle=c_void_p(0x7FFF0000))[0] == 6


EXTENSIONS_SIZES = [
    RASDIALEXTENSIONS.reserved1.offset,
    RASDIALEXTENSIONS.fSkipPppAuth.offset,
    sizeof(RASDIALEXTENSIONS),
]


@pytest.mark.parametrize("size", EXTENSIONS_SIZES)
def test_every_version_of_the_extensions(sim: Simulator, api: Rasapi, size: int) -> None:
    sim.add_entry("a", states=DIAL_STATES)
    assert dial(api, dial_params("a"), extensions=RASDIALEXTENSIONS(dwSize=size))[0] == 0


@pytest.mark.parametrize("version", [2096, RASDIALPARAMSW.dwIfIndex.offset, -1, 0])
def test_every_version_of_the_parameters(sim: Simulator, api: Rasapi, version: int) -> None:
    sizes = {-1: RASDIALPARAMSW.szEncPassword.offset, 0: sizeof(RASDIALPARAMSW)}
    sim.add_entry("a", states=DIAL_STATES)
    params = dial_params("a", dwSize=sizes.get(version, version))
    code, handle = dial(api, params)
    assert code == 0
    assert handles(api) == [handle]


def test_without_a_notifier_it_returns_when_the_dialling_has_ended(
    sim: Simulator, api: Rasapi
) -> None:
    sim.add_entry("a", states=DIAL_STATES, step=1.0)
    sim.add_entry("in vain", error=691)
    sim.add_entry("paused", states=(0, ConnState.INTERACTIVE, CONNECTED))
    sim.add_entry("nowhere", states=(0, 1))
    code, handle = dial(api, dial_params("a"))
    assert (code, state(api, handle), sim.now) == (0, CONNECTED, 2.0)
    code, failed = dial(api, dial_params("in vain"))
    assert (code, status(api, failed)[1].dwError) == (691, 691)
    assert dial(api, dial_params("paused"))[0] == 703
    assert dial(api, dial_params("nowhere"))[0] == 718
    assert handles(api) == [handle]


def test_by_number_without_an_entry(sim: Simulator, api: Rasapi) -> None:
    params = dial_params("")
    assert dial(api, params)[0] == 623
    for index, unit in enumerate(wide("555-0100")):
        params.szPhoneNumber[index] = unit
    code, handle = dial(api, params)
    assert (code, handles(api)) == (0, [handle])
    assert dial(api, params) == (0, handle)
    assert sim.references(handle) == 2


def test_the_phone_book_tells_entries_of_one_name_apart(sim: Simulator, api: Rasapi) -> None:
    sim.add_entry("a", phonebook="C:\\one", device_name="one")
    sim.add_entry("a", phonebook="C:\\two", device_name="two")
    out = c_void_p()
    book = wide("C:\\two")
    assert api.RasDialW(None, book, byref(dial_params("a")), 0, None, byref(out)) == 0
    assert bytes(status(api, out.value or 0)[1].szDeviceName)[:6] == "two".encode("utf-16-le")


class Log:
    """A dialler's function of each type, and the arguments that it got."""

    def __init__(self, then: Callable[[int], int] = lambda _: 1) -> None:
        self.told: list[tuple[int, int]] = []
        self.extra: list[tuple[int, ...]] = []
        self.then = then
        self.functions = {
            0: DIAL_FUNC(lambda message, *rest: self.tell((message,), *rest)),
            1: DIAL_FUNC1(lambda h, message, s, e, x: self.tell((h, message, x), s, e)),
            2: DIAL_FUNC2(
                lambda callback_id, sub, h, message, s, e, x: self.tell(
                    (callback_id, sub, h, message, x), s, e
                )
            ),
        }

    def tell(self, extra: tuple[int, ...], reached: int, error: int) -> int:
        self.told.append((reached, error))
        self.extra.append(extra)
        return self.then(reached)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_each_type_of_notifier_hears_every_state(sim: Simulator, api: Rasapi, kind: int) -> None:
    log = Log()
    sim.add_entry("a", states=DIAL_STATES, step=1.0)
    code, handle = dial(api, dial_params("a", dwCallbackId=4711), log.functions[kind], kind)
    assert (code, log.told) == (0, [])
    sim.advance(0)
    assert log.told == [(0, 0)]
    sim.advance(5)
    assert log.told == [(0, 0), (5, 0), (CONNECTED, 0)]
    extra = {0: (MESSAGE,), 1: (handle, MESSAGE, 0), 2: (4711, 1, handle, MESSAGE, 0)}
    assert set(log.extra) == {extra[kind]}


def test_a_failure_is_heard_as_the_state_again_with_its_error(sim: Simulator, api: Rasapi) -> None:
    log = Log()
    sim.add_entry("a", states=DIAL_STATES, step=1.0, error=691)
    dial(api, dial_params("a"), log.functions[1], 1)
    sim.advance(10)
    assert log.told == [(0, 0), (5, 0), (5, 691)]


def test_the_second_type_may_stop_the_calls(sim: Simulator, api: Rasapi) -> None:
    log = Log(lambda reached: 0 if reached == ConnState.AUTHENTICATE else 1)
    sim.add_entry("a", states=DIAL_STATES, step=1.0)
    _, handle = dial(api, dial_params("a"), log.functions[2], 2)
    sim.advance(10)
    assert log.told == [(0, 0), (5, 0)]
    assert state(api, handle) == CONNECTED


def test_a_hang_up_ends_the_calls(sim: Simulator, api: Rasapi) -> None:
    log = Log()
    sim.add_entry("a", states=DIAL_STATES, step=1.0)
    _, handle = dial(api, dial_params("a"), log.functions[0])
    sim.advance(0)
    assert api.RasHangUpW(handle) == 0
    sim.advance(10)
    assert log.told == [(0, 0)]
    assert handles(api) == []


def test_a_hang_up_from_within_a_call_waits_for_its_return(sim: Simulator, api: Rasapi) -> None:
    answers: list[int] = []

    def hang_up(reached: int) -> int:
        if reached == ConnState.AUTHENTICATE:
            answers.extend([api.RasHangUpW(found[1]), status(api, found[1])[0]])
        return 1

    log = Log(hang_up)
    sim.add_entry("a", states=DIAL_STATES, step=1.0)
    found = dial(api, dial_params("a"), log.functions[0])
    sim.advance(10)
    assert answers == [0, 0]
    assert log.told == [(0, 0), (5, 0)]
    assert status(api, found[1])[0] == 6


def test_calls_are_made_as_their_time_comes(sim: Simulator, api: Rasapi) -> None:
    log = Log(lambda reached: api.RasHangUpW(found[1]) if reached else 1)
    sim.add_entry("a", states=DIAL_STATES, step=1.0)
    found = dial(api, dial_params("a"), log.functions[0])
    with SystemEvent() as event:
        api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 1)
        sim.advance(10)
        assert not event.consume(), "it was hung up before it would have connected"


def test_calls_still_to_be_made_end_with_the_hang_up(sim: Simulator, api: Rasapi) -> None:
    def go_on_and_hang_up(_: int) -> int:
        sim.advance(10)
        return int(api.RasHangUpW(found[1]))

    log = Log(go_on_and_hang_up)
    sim.teardown = 1.0
    sim.add_entry("a", states=DIAL_STATES, step=1.0)
    found = dial(api, dial_params("a"), log.functions[0])
    sim.advance(0)
    assert log.told == [(0, 0)]
    assert state(api, found[1]) == DISCONNECTED


def test_a_paused_dialling_goes_on_with_its_own_notifier(sim: Simulator, api: Rasapi) -> None:
    log, other = Log(), Log()
    states = (0, ConnState.RETRY_AUTHENTICATION, CONNECTED)
    sim.add_entry("a", states=states, step=1.0)
    allowed = RASDIALEXTENSIONS(dwSize=sizeof(RASDIALEXTENSIONS), dwfOptions=2)
    _, handle = dial(api, dial_params("a"), log.functions[0], 0, None, allowed)
    sim.advance(10)
    assert log.told == [(0, 0), (0x1001, 0)]
    again = c_void_p(handle)
    assert dial(api, dial_params("a"), other.functions[0], 0, again)[0] == 87
    assert dial(api, dial_params("a"), log.functions[0], 0, again)[0] == 0
    sim.advance(1)
    assert log.told[2:] == [(CONNECTED, 0)]
    assert dial(api, dial_params("a"), log.functions[0], 0, again)[0] == 6


def test_a_paused_state_nobody_asked_for_is_an_error(sim: Simulator, api: Rasapi) -> None:
    log = Log()
    sim.add_entry("a", states=(0, ConnState.PASSWORD_EXPIRED, CONNECTED))
    dial(api, dial_params("a"), log.functions[0])
    sim.advance(10)
    assert log.told == [(0, 0), (0x1003, 703)]


def test_dialling_twice(sim: Simulator, api: Rasapi) -> None:
    log = Log()
    sim.teardown = 1.0
    sim.add_entry("a", states=DIAL_STATES, step=1.0)
    _, handle = dial(api, dial_params("a"), log.functions[0])
    assert dial(api, dial_params("a"), log.functions[0]) == (756, 0)
    sim.advance(10)
    api.RasHangUpW(handle)
    assert dial(api, dial_params("a"), log.functions[0]) == (633, 0)
    sim.advance(1)
    assert dial(api, dial_params("a"), log.functions[0])[0] == 0


# References


def test_dialling_what_is_connected_counts_a_reference(sim: Simulator, api: Rasapi) -> None:
    log = Log()
    handle = sim.add("a")
    assert dial(api, dial_params("a")) == (0, handle)
    assert dial(api, dial_params("a"), log.functions[0]) == (0, handle)
    assert log.told == [(CONNECTED, 0)]
    sim.add_reference(handle)
    assert sim.references(handle) == 4
    for left in (3, 2, 1):
        assert api.RasHangUpW(handle) == 0
        assert (sim.references(handle), handles(api)) == (left, [handle])
    assert api.RasHangUpW(handle) == 0
    assert status(api, handle)[0] == 6
    assert api.RasHangUpW(handle) == 668


def test_a_drop_asks_no_references(sim: Simulator, api: Rasapi) -> None:
    handle = sim.add("a")
    sim.add_reference(handle)
    sim.drop(handle)
    assert (status(api, handle)[0], handles(api)) == (6, [])
    with pytest.raises(LookupError, match="handle"):
        sim.references(handle)


# Teardown


def test_a_hang_up_is_over_after_the_teardown(sim: Simulator, api: Rasapi) -> None:
    sim.teardown = 2.0
    handle = sim.add("a")
    with SystemEvent() as event:
        api.RasConnectionNotificationW(handle, event.handle, 2)
        assert api.RasHangUpW(handle) == 0
        assert handles(api) == []
        assert state(api, handle) == DISCONNECTED
        assert api.RasHangUpW(handle) == 668
        sim.advance(1.999)
        assert status(api, handle)[0] == 0
        assert not event.consume()
        sim.advance(0.001)
        assert status(api, handle)[0] == 6
        assert event.consume()


def test_calls_can_be_what_moves_the_clock(sim: Simulator, api: Rasapi) -> None:
    sim.teardown = 1.0
    sim.step_per_call = 0.25
    handle = sim.add("a")
    assert api.RasHangUpW(handle) == 0
    codes = [status(api, handle)[0] for _ in range(5)]
    assert codes == [0, 0, 0, 6, 6]
    assert sim.now == 1.5


def test_a_dialling_can_be_hung_up(sim: Simulator, api: Rasapi) -> None:
    sim.teardown = 1.0
    handle = sim.dial("a")
    assert api.RasHangUpW(handle) == 0
    sim.advance(0.5)
    assert state(api, handle) == DISCONNECTED
    sim.advance(0.5)
    assert status(api, handle)[0] == 6
    sim.advance(100)
    assert handles(api) == []


# The real clock


def test_a_real_clock_needs_no_calls() -> None:
    log = Log()
    with Simulator(clock="real") as sim, SystemEvent() as event:
        api = api_of(sim)
        sim.add_entry("a", states=DIAL_STATES, step=0.001)
        api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 1)
        code, handle = dial(api, dial_params("a"), log.functions[0])
        assert code == 0
        event.wait()
        assert handles(api) == [handle]
        sim.teardown = 0.001
        api.RasConnectionNotificationW(handle, event.handle, 2)
        assert api.RasHangUpW(handle) == 0
        event.wait()
        assert status(api, handle)[0] == 6
        with pytest.raises(RuntimeError, match="real"):
            sim.advance(1)
    assert log.told[:2] == [(0, 0), (5, 0)]


def test_a_synchronous_dialling_waits_in_real_time() -> None:
    with Simulator(clock="real") as sim:
        api = api_of(sim)
        sim.add_entry("a", states=DIAL_STATES, step=0.001)
        sim.add_entry("in vain", step=0.001, error=691)
        code, handle = dial(api, dial_params("a"))
        assert (code, handles(api)) == (0, [handle])
        assert dial(api, dial_params("in vain"))[0] == 691


@pytest.mark.timeout(method="thread")  # a dead lock would be in C, where no signal ends it
def test_a_synchronous_dialling_within_a_callback_is_refused() -> None:
    """It would wait for the thread that it runs in."""
    answers: list[int] = []

    def dial_another(reached: int) -> int:
        if reached == CONNECTED:
            answers.append(dial(api, dial_params("up"))[0])
            answers.append(dial(api, dial_params("b"))[0])
            done.set()
        return 1

    done, log = threading.Event(), Log(dial_another)
    with Simulator(clock="real") as sim:
        api = api_of(sim)
        sim.add("up")
        sim.add_entry("a", states=(0, CONNECTED), step=0.001)
        sim.add_entry("b", states=(0, CONNECTED), step=0.001)
        dial(api, dial_params("a"), log.functions[0])
        assert done.wait(50)
    assert answers == [0, 616]


@pytest.mark.timeout(method="thread")
def test_a_reset_from_the_first_callback_is_refused() -> None:
    """The clock's thread may run before the call that starts it has returned."""
    answers: list[int] = []
    for _ in range(100):
        with Simulator() as sim:
            api, library = api_of(sim), ctypes.CDLL(sim.path)
            done = threading.Event()

            def reset(_: int, library: Any = library, done: Any = done) -> int:
                answers.extend([library.rassim_reset(), library.rassim_set_clock(0)])
                done.set()
                return 0

            log = Log(reset)
            sim.add_entry("a", states=(0, CONNECTED), step=0.0)
            dial(api, dial_params("a"), log.functions[2], 2)
            assert library.rassim_set_clock(1) == 0
            assert done.wait(50)
    assert set(answers) == {170}


def test_the_service_cannot_be_ended_from_within_a_call() -> None:
    errors: list[str] = []

    def close(_: int) -> int:
        try:
            sim.close()
        except RuntimeError as error:
            errors.append(str(error))
        return 1

    log = Log(close)
    with Simulator(clock="real") as sim, SystemEvent() as event:
        api = api_of(sim)
        sim.add_entry("a", states=(0, CONNECTED), step=0.001)
        api.RasConnectionNotificationW(EVERY_CONNECTION, event.handle, 1)
        dial(api, dial_params("a"), log.functions[0])
        event.wait()
    assert errors
    assert "170" in errors[0]


@pytest.mark.timeout(method="thread")  # a dead lock would be in C, where no signal ends it
def test_closing_waits_for_no_callback_that_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ras_native.sim._CLOSING_SECONDS", 0.01)
    errors: list[str] = []
    entered, closing = threading.Event(), threading.Event()

    def close(_: int) -> int:
        entered.set()
        closing.wait(50)
        with pytest.raises(RuntimeError) as caught:
            sim.close()
        errors.append(str(caught.value))
        return 0

    log = Log(close)
    sim = Simulator(clock="real")
    api = api_of(sim)
    sim.add_entry("a", states=(0, CONNECTED), step=0.001)
    dial(api, dial_params("a"), log.functions[0])
    assert entered.wait(50)
    reset = sim._do
    monkeypatch.setattr(sim, "_do", lambda *arguments: (closing.set(), reset(*arguments)))
    sim.close()
    assert "another thread is closing" in errors[0]
