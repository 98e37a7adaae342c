"""A simulated RAS service, for tests and demonstrations: `Simulator`.

The simulator is a library with rasapi32's functions, so it is used as any provider is:

    with Simulator() as sim:
        sim.add("Head office")
        with Ras(provider=sim) as ras:
            print(ras.enum_connections())

Times are in seconds. Handles are whole numbers, those that RasEnumConnections gives. Methods that
change the service take `after`: the change happens that much later on the simulator's clock, so a
whole scenario can be written down before it begins.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from ctypes import byref, c_uint32, c_uint64, c_void_p
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, ParamSpec, TypeVar

from .. import _check
from .._backend import codes, layout
from .._records import ConnState, NotificationFlag
from . import _abi, _structures
from ._history import HistoryEntry, HistoryEvent, entry_of
from ._structures import ConnectionOptions, Endpoint, dword

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["DIALLING", "ConnectionOptions", "HistoryEntry", "HistoryEvent", "Simulator"]

for _public in (ConnectionOptions, HistoryEntry, HistoryEvent):
    _public.__module__ = __name__

P = ParamSpec("P")
R = TypeVar("R")

DIALLING: tuple[ConnState, ...] = (
    ConnState.OPEN_PORT,
    ConnState.PORT_OPENED,
    ConnState.CONNECT_DEVICE,
    ConnState.DEVICE_CONNECTED,
    ConnState.ALL_DEVICES_CONNECTED,
    ConnState.AUTHENTICATE,
    ConnState.AUTH_NOTIFY,
    ConnState.AUTH_PROJECT,
    ConnState.AUTHENTICATED,
    ConnState.PROJECTED,
    ConnState.CONNECTED,
)
"""The states that `Simulator.dial` goes through unless it is given others."""

_CLOSING_SECONDS = 1.0
_DEMO_TEARDOWN_SECONDS = 0.3
_REAL_TEARDOWN_SECONDS = 0.1
_NS_PER_SECOND = 1_000_000_000
_MILLION = 1_000_000
_QWORD_MAX = 2**64 - 1
_CLOCKS = {"manual": _abi.RASSIM_CLOCK_MANUAL, "real": _abi.RASSIM_CLOCK_REAL}


def _default_library() -> str:
    for suffix in EXTENSION_SUFFIXES:
        path = Path(__file__).parents[1] / f"_rassim{suffix}"
        if path.is_file():
            return str(path)
    raise FileNotFoundError(
        "this installation of ras_native has no simulator: install a wheel that is made for this "
        "system (the pure Python one has none), or install from source where a C compiler works"
    )


def _load(path: str) -> ctypes.CDLL:
    library = ctypes.CDLL(path)
    try:
        library.rassim_version.restype = c_uint32
        version = library.rassim_version()
    except AttributeError:
        raise ValueError(f"library: {path} is not the simulator of ras_native") from None
    if version != _abi.RASSIM_VERSION:
        raise ValueError(
            f"library: {path} is version {version} of the simulator, but this package works with "
            f"version {_abi.RASSIM_VERSION}: install both from one wheel"
        )
    for name, (result, *arguments) in _abi.CONTROLS.items():
        control = getattr(library, name)
        control.restype, control.argtypes = result, arguments
    return library


class Simulator:
    """The simulated RAS service of this process, from its construction to `close`.

    There is one service per process, so there can be one Simulator at a time. It is a context
    manager, and an `os.PathLike` whose path is the provider to open.

    clock: "manual": time moves only by `advance` and `step_per_call`, so tests need no sleep.
    "real": time passes by itself, and a thread of the simulator makes the changes that are due.
    library: the path of another copy of the simulator, such as one that stands in for
    rasapi32.dll in programs that know no provider.

    A child of `os.fork` has a copy of the service as it stood, on a manual clock and without
    registrations: it cannot set the events of its parent.

    Raises RuntimeError where this process has a Simulator already, ValueError for another `clock`
    or a library that is not the simulator, FileNotFoundError where ras_native was installed
    without the simulator, OSError where the library cannot be loaded.
    """

    _active: ClassVar[Simulator | None] = None
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self,
        *,
        clock: Literal["manual", "real"] = "manual",
        library: str | os.PathLike[str] | None = None,
    ) -> None:
        self._clock = _check.choice("clock", clock, tuple(_CLOCKS))
        self.path = _default_library() if library is None else _check.path("library", library)
        loaded = _load(self.path)
        with Simulator._guard:
            if Simulator._active is not None:
                raise RuntimeError("this process has a Simulator already: close it first")
            if loaded.rassim_reset() or loaded.rassim_set_clock(_CLOCKS[self._clock]):
                raise RuntimeError("the simulator cannot start its clock")
            Simulator._active = self
        self._library: ctypes.CDLL | None = loaded
        self._end = weakref.finalize(self, loaded.rassim_reset)
        if clock == "real":
            self.teardown = _REAL_TEARDOWN_SECONDS

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        state = "closed" if self._library is None else f"{self._clock} clock at {self.now:g} s"
        return f"<ras_native.sim.Simulator {state}, library {self.path!r}>"

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the service: every connection, registration, scenario, and the clock's thread.

        Closing twice is harmless. Every other use of a closed Simulator raises RuntimeError, and so
        does closing it from within a dial callback.
        """
        # A callback that closes while another thread closes must not wait for that thread, which
        # waits for the callback.
        if not Simulator._guard.acquire(timeout=_CLOSING_SECONDS):
            raise RuntimeError("another thread is closing this Simulator")
        try:
            if self._library is not None:
                self._do("reset")
                self._end.detach()
                self._library = None
                Simulator._active = None
        finally:
            Simulator._guard.release()

    # Calls of the library's controls

    def _control(self, name: str) -> Any:
        if self._library is None:
            raise RuntimeError("this Simulator is closed")
        return getattr(self._library, "rassim_" + name)

    def _do(self, control: str, *arguments: Any) -> None:
        code = self._control(control)(*arguments)
        if code == codes.ERROR_NOT_ENOUGH_MEMORY:
            raise MemoryError("the simulator has no memory left")
        if code:
            raise RuntimeError(f"the simulator's {control} answers {code}")

    def _make(self, control: str, handle: int | None, *arguments: Any) -> int:
        """Make a connection; LookupError if `handle` cannot be used again."""
        found = c_void_p(None if handle is None else _check.handle(handle))
        code = self._control(control)(*arguments, byref(found))
        if code == codes.ERROR_INVALID_HANDLE:
            raise LookupError(
                f"handle: {handle:#x} is not that of an ended connection, or was used again since"
            )
        if code:
            raise MemoryError("the simulator has no memory left")
        return found.value or 0

    def _act(self, control: str, handle: int, *arguments: Any) -> None:
        """Act on a connection; LookupError if there is none."""
        number = _check.whole_number("handle", handle, 0, _check.EVERY_CONNECTION)
        code = self._control(control)(number, *arguments)
        if code == codes.ERROR_INVALID_HANDLE:
            raise LookupError(
                f"handle: the simulator has no connection {number:#x} in the state for this"
            )
        if code in (codes.ERROR_INVALID_PARAMETER, codes.ERROR_PORT_NOT_OPEN):
            raise ValueError(f"subentry: the connection {number:#x} has no such link up")
        if code:
            raise MemoryError("the simulator has no memory left")

    @property
    def identity(self) -> str:
        """What the library says it is: "ras_native simulator". No other rasapi32 has this."""
        identity: bytes = self._control("identity")()
        return identity.decode()

    # Connections

    def add(
        self,
        entry_name: str,
        *,
        handle: int | None = None,
        after: float = 0.0,
        **connection: Unpack[ConnectionOptions],
    ) -> int:
        """Make a connection that is up at once, and return its handle.

        `connection` may name device_type, device_name, phonebook, subentry, guid_entry (a UUID; by
        default one that is always the same for the entry), flags, luid, correlation_id (a UUID; by
        default a new one), phone_number, local_endpoint, remote_endpoint (addresses or their text;
        None: not known) and subentries (the number of links; more than one makes it a multilink
        connection). With an empty entry_name it is dialled by phone_number and listed as "." and
        that number.

        handle: that of a connection that has ended, which this one gets again, as Windows may do.
        With `after` the handle is returned at once and is valid from then on.

        Raises ValueError or TypeError, which names the argument that is wrong, before anything is
        changed; LookupError for a handle that cannot be used again.
        """
        profile = _structures.connection(entry_name, **connection)
        return self._make("add", handle, *profile, _check.nanoseconds("after", after))

    def dial(
        self,
        entry_name: str,
        *,
        states: Iterable[int] = DIALLING,
        step: float = 0.1,
        error: int = 0,
        handle: int | None = None,
        after: float = 0.0,
        **connection: Unpack[ConnectionOptions],
    ) -> int:
        """Begin to dial, entering the next of `states` every `step` seconds; return the handle.

        The connection is listed once it reaches CONNECTED. error: the dialling fails with this code
        instead of connecting; its status shows the code until it is hung up. A paused state waits
        for `resume`. After a last state other than CONNECTED nothing follows. `connection`,
        `handle` and the errors raised are those of `add`.
        """
        profile = _structures.connection(entry_name, **connection)
        how = _structures.dial_states(states, step, error)
        return self._make("dial", handle, *profile, *how, _check.nanoseconds("after", after))

    def resume(self, handle: int, *, after: float = 0.0) -> None:
        """Let a dialling go on from a paused state. LookupError if it is in none now."""
        self._act("resume", handle, _check.nanoseconds("after", after))

    def add_entry(
        self,
        entry_name: str,
        *,
        states: Iterable[int] = DIALLING,
        step: float = 0.1,
        error: int = 0,
        **connection: Unpack[ConnectionOptions],
    ) -> None:
        """Add a phone-book entry: RasEnumEntries lists it, RasDial dials it as `dial` would."""
        profile = _structures.connection(entry_name, **connection)
        self._do("add_entry", *profile, *_structures.dial_states(states, step, error))

    def drop(self, handle: int, *, after: float = 0.0) -> None:
        """End the connection from the far side, however many references it has."""
        self._act("drop", handle, _check.nanoseconds("after", after))

    def drop_subentry(self, handle: int, subentry: int, *, after: float = 0.0) -> None:
        """End one link, counted from 1; with the last one the connection ends."""
        number = dword("subentry", subentry, 1)
        self._act("drop_subentry", handle, number, _check.nanoseconds("after", after))

    def connect_subentry(self, handle: int, subentry: int, *, after: float = 0.0) -> None:
        """Connect a link that is down."""
        number = dword("subentry", subentry, 1)
        self._act("connect_subentry", handle, number, _check.nanoseconds("after", after))

    def rename(self, handle: int, entry_name: str, *, after: float = 0.0) -> None:
        """Give the connection another entry name, as when its phone-book entry is renamed."""
        renamed = _structures.named(entry_name)
        self._act("rename", handle, byref(renamed), _check.nanoseconds("after", after))

    def set_status(
        self,
        handle: int,
        *,
        state: int | None = None,
        error: int | None = None,
        substate: int | None = None,
        phone_number: str | None = None,
        local_endpoint: Endpoint | None = None,
        remote_endpoint: Endpoint | None = None,
        after: float = 0.0,
    ) -> None:
        """Change what RasGetConnectStatus says. None leaves a member; "" makes it unknown.

        Substate DORMANT sets the events registered for `NotificationFlag.DORMANT`; RECONNECTED, and
        NONE after an outage, set those for `NotificationFlag.RECONNECTION`.
        """
        members, status = _structures.status_change(
            state=state,
            error=error,
            substate=substate,
            phone_number=phone_number,
            local_endpoint=local_endpoint,
            remote_endpoint=remote_endpoint,
        )
        delay = _check.nanoseconds("after", after)
        self._act("set_status", handle, members, byref(status), delay)

    def set_statistics(self, handle: int, **counters: int) -> None:
        """Set what RasGetConnectionStatistics counts; a counter that is not named becomes 0.

        The counters are bytes_sent, bytes_received, frames_sent, frames_received, crc_errors,
        timeout_errors, alignment_errors, hardware_overruns, framing_errors, buffer_overruns,
        compression_in, compression_out and bps, each a 32-bit number. The duration is the clock's.
        """
        filled = _structures.statistics(counters)
        self._act("set_statistics", handle, byref(filled))

    def add_reference(self, handle: int, *, after: float = 0.0) -> None:
        """Add a reference, as RasDial does for an entry that is connected already."""
        self._act("add_reference", handle, _check.nanoseconds("after", after))

    def references(self, handle: int) -> int:
        """Return how many RasHangUp it takes to end the connection."""
        count = c_uint32()
        self._act("references", handle, byref(count))
        return count.value

    # Notifications, and what can go wrong with them

    def signal(self, handle: int, flags: int = NotificationFlag.ALL, *, after: float = 0.0) -> None:
        """Set the events registered for these `NotificationFlag`s though nothing happened."""
        self._act("signal", handle, dword("flags", flags), _check.nanoseconds("after", after))

    @property
    def registrations(self) -> int:
        """How many event registrations the service holds.

        A registration ends when its connection ends. Where the system can tell that nobody can
        wait for the event any more, as POSIX can and Windows cannot, it ends with the next signal.
        """
        count: int = self._control("registrations")()
        return count

    def forget_registrations(self, *, after: float = 0.0) -> None:
        """Let the service forget all registrations, as after a restart, and tell nobody.

        Between `stop_service` and `start_service` it makes that an outage after which old
        registrations are deaf; alone it is a restart that no call noticed.
        """
        self._do("forget_registrations", _check.nanoseconds("after", after))

    def lose_notifications(self, probability: float, seed: int = 0) -> None:
        """Lose signals at random, with this probability from 0 to 1; the same ones for one seed.

        A lost signal sets no event at all. 0 ends the fault.
        """
        if isinstance(probability, bool) or not isinstance(probability, (int, float)):
            raise _check.wrong_type("probability", "a number", probability)
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be from 0 to 1, not {probability!r}")
        number = _check.whole_number("seed", seed, 0, _QWORD_MAX)
        self._do("lose_notifications", round(probability * _MILLION), number)

    @property
    def notification_delay(self) -> float:
        """Seconds from a change to the moment its events are set; 0 by default."""
        nanoseconds: int = self._control("notification_delay")()
        return nanoseconds / _NS_PER_SECOND

    @notification_delay.setter
    def notification_delay(self, seconds: float) -> None:
        delay = _check.nanoseconds("notification_delay", seconds)
        self._control("set_notification_delay")(delay)

    @property
    def notification_cycles(self) -> int | None:
        """After how many connections that came up and ended no event is set any more.

        They are counted from the moment this is set. None, the default: events are always set. 1
        is the fault of Windows 11, where notifications cease after the first connection that a
        program dialled; here they cease whoever dialled, and also for new registrations.
        """
        cycles: int = self._control("notification_cycles")()
        return cycles or None

    @notification_cycles.setter
    def notification_cycles(self, cycles: int | None) -> None:
        number = 0 if cycles is None else dword("notification_cycles", cycles, 1)
        self._control("set_notification_cycles")(number)

    # What happened

    @property
    def history(self) -> tuple[HistoryEntry, ...]:
        """What happened since the Simulator was made, oldest first.

        It tells every transition of a connection and of the service, and every signal, each with
        its time. It holds the last 65,536 entries; `HistoryEntry.sequence` tells what is missing.
        """
        count = c_uint32()
        self._do("history", 0, 0, None, byref(count))
        capacity = count.value
        entries = (_abi.RassimHistoryEntry * capacity)()
        self._do("history", 0, capacity, entries, byref(count))
        return tuple(map(entry_of, entries[: min(capacity, count.value)]))

    # The service

    @property
    def teardown(self) -> float:
        """Seconds from RasHangUp to the end of the handle: by default 0, on a real clock 0.1."""
        nanoseconds: int = self._control("teardown")()
        return nanoseconds / _NS_PER_SECOND

    @teardown.setter
    def teardown(self, seconds: float) -> None:
        self._control("set_teardown")(_check.nanoseconds("teardown", seconds))

    def stop_service(
        self, code: int = codes.ERROR_RASMAN_CANNOT_INITIALIZE, *, after: float = 0.0
    ) -> None:
        """Let every function that needs the service answer `code`. Connections go on."""
        self._do("set_service", dword("code", code, 1), _check.nanoseconds("after", after))

    def start_service(self, *, after: float = 0.0) -> None:
        """End what `stop_service` began."""
        self._do("set_service", 0, _check.nanoseconds("after", after))

    def limit_versions(
        self, connection: int = layout.RAS_WINVER_XP, status: int = layout.RAS_WINVER_NT4_401
    ) -> None:
        """Behave as an older Windows: newer structures than those of these WINVERs answer 632.

        connection, status: a WINVER, such as 0x501, for RASCONN and for RASCONNSTATUS.
        """
        self._do(
            "limit_versions",
            dword("connection", connection, layout.RAS_WINVER_NT4),
            dword("status", status, layout.RAS_WINVER_NT4),
        )

    # Its functions, by the name of the export: "RasEnumConnectionsW"

    def _of_function(self, control: str, function: str, *arguments: Any) -> None:
        name = _check.text("function", function)
        code = self._control(control)(name.encode(), *arguments)
        if code == codes.ERROR_INVALID_PARAMETER:
            raise ValueError(f"function must be one that the simulator exports, not {name!r}")
        if code:
            raise MemoryError("the simulator has no memory left")

    def fail(
        self, function: str, code: int, *, call: int | None = None, count: int | None = 1
    ) -> None:
        """Let calls of the function answer `code` and do nothing.

        call: the first of them, counted from 1 since `reset_calls`; None: the next one.
        count: how many; None: all from there on.
        """
        first = _abi.RASSIM_NEXT_CALL if call is None else dword("call", call, 1)
        highest = _abi.RASSIM_EVERY_CALL - 1
        calls = _abi.RASSIM_EVERY_CALL if count is None else dword("count", count, 1, highest)
        self._of_function("fail", function, dword("code", code), first, calls)

    def delay(self, function: str, seconds: float) -> None:
        """Let every call of the function take this much longer, in real time.

        0 ends that, also for calls that wait now.
        """
        self._of_function("delay", function, _check.nanoseconds("seconds", seconds))

    def calls(self, function: str) -> int:
        """Return how often the function was called since `reset_calls`."""
        count = c_uint64()
        self._of_function("calls", function, byref(count))
        return count.value

    @property
    def calls_total(self) -> int:
        """How often any function was called since `reset_calls`."""
        count = c_uint64()
        self._do("calls", None, byref(count))
        return count.value

    def reset_calls(self) -> None:
        """Count calls from 0 again."""
        self._control("reset_calls")()

    # The clock

    @property
    def now(self) -> float:
        """Seconds on the simulator's clock, which began at 0."""
        nanoseconds: int = self._control("now")()
        return nanoseconds / _NS_PER_SECOND

    def advance(self, seconds: float) -> None:
        """Move the manual clock on. All that is due by then happens, in order, before this returns.

        Raises RuntimeError on a real clock.
        """
        if self._control("advance")(_check.nanoseconds("seconds", seconds)):
            raise RuntimeError("the simulator's clock is real: it advances by itself")

    @property
    def step_per_call(self) -> float:
        """Seconds by which each call of a RAS function moves the manual clock; 0 by default."""
        nanoseconds: int = self._control("step_per_call")()
        return nanoseconds / _NS_PER_SECOND

    @step_per_call.setter
    def step_per_call(self, seconds: float) -> None:
        self._control("set_step_per_call")(_check.nanoseconds("step_per_call", seconds))

    def schedule(
        self, delay: float, action: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Call a method that takes `after`: `sim.schedule(2.0, sim.drop, handle)`.

        Returns what the method returns, such as the handle that `add` or `dial` will make valid.
        """
        return action(*args, **{**kwargs, "after": delay})  # type: ignore[arg-type]

    def demo(self) -> None:
        """Begin a demonstration on a real clock, which repeats until `close`.

        Connections dial, fail, connect, go dormant and reconnect, lose links and drop.
        """
        self._do("demo")
        self._clock = "real"
        self.teardown = _DEMO_TEARDOWN_SECONDS


def _after_fork_in_child() -> None:
    """Replace the guard: the thread that held it, if any, does not exist in the child."""
    Simulator._guard = threading.Lock()
    if Simulator._active is not None:
        Simulator._active._clock = "manual"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
