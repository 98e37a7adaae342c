"""A simulated RAS service, for tests and demonstrations: `Simulator`.

The simulator is a library with rasapi32's functions, which Ras takes as its provider, and with
those of wevtapi, which EventLog takes:

>>> from ras_native import Ras
>>> from ras_native.sim import Simulator
>>> with Simulator() as sim, Ras(sim) as ras:
...     handle = sim.add("Head office")
...     ras.snapshot()["Head office"].is_up
True

Times are in seconds. Handles are the whole numbers that RasEnumConnections gives. Methods that
change the service take `after`: the change happens after that time on the simulator's clock. So you
can write a whole scenario before it begins. `help(ras_native.sim.Simulator.add)` tells more about
one method. Each has an example, in which `sim` is a Simulator and `ras` is `Ras(sim)`.

Connections, each named by its handle:

- `add`, `dial`, `resume`: make a connection that is up, or one that is being dialled.
- `add_entry`: adds an entry to the phone book, for programs that call RasDial.
- `drop`, `time_out`: end a connection from the remote side, or because of a limit.
- `connect_subentry`, `drop_subentry`: connect or end one link.
- `rename`, `set_status`: change its name, or what RasGetConnectStatus reports.
- `set_statistics`, `set_traffic`, `zombie`: change its counters, and what passes through it.
- `set_projection`: changes its addresses, its authentication and its encryption.
- `add_reference`, `references`: how many hang-ups end it.

Notifications, and their faults:

- `signal`: sets the events that are registered, without any change.
- `registrations`, `forget_registrations`: how many there are; the service forgets them.
- `lose_notifications`, `notification_delay`, `notification_cycles`: signals are lost, late, or end.

The event log, and its faults:

- `write_ras_event`, `write_log_event`, `epoch`: write an event; set the times of the events.
- `disturb_log`, `clear_log`: change what RAS writes; empty the log.
- `signal_subscriptions`, `break_subscriptions`, `no_news_code`: faults of subscriptions.
- `subscriptions`, `event_handles`: how many are open.

The service and its functions:

- `stop_service`, `start_service`, `teardown`, `limit_versions`: outages, slow ends, older Windows.
- `fail`, `delay`, `call_cost`: let a function fail, take long, or keep the processor busy.
- `calls`, `calls_total`, `reset_calls`: how often functions were called.

The clock, and what happened:

- `advance`, `now`, `step_per_call`: move the clock, and read it.
- `schedule`: another way to write `after`.
- `history`: all that happened, as a tuple of `HistoryEntry`, each with its `HistoryEvent`.
- `demo`: starts a demonstration that repeats.
- `identity`, `path`, `close`: the name of the simulator, its library, and its end.

The other names: `DIALLING` is the states that `dial` goes through. `ConnectionOptions` and
`ProjectionOptions` are the types of options, for programs that are checked with mypy.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from ctypes import byref, c_uint32, c_uint64, c_void_p
from datetime import datetime, timedelta, timezone
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, ParamSpec, TypeVar

from .. import _check
from .._backend import codes, layout
from .._dir import short_help
from .._records import ConnState, NotificationFlag
from . import _abi, _projection, _structures
from ._history import HistoryEntry, HistoryEvent, entry_of
from ._projection import ProjectionOptions
from ._structures import ConnectionOptions, Endpoint, dword

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "DIALLING",
    "ConnectionOptions",
    "HistoryEntry",
    "HistoryEvent",
    "ProjectionOptions",
    "Simulator",
]

__dir__ = short_help(globals())

for _public in (ConnectionOptions, HistoryEntry, HistoryEvent, ProjectionOptions):
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
"""The states that `Simulator.dial` goes through by default."""

_CLOSING_SECONDS = 1.0
_DEMO_TEARDOWN_SECONDS = 0.3
_REAL_TEARDOWN_SECONDS = 0.1
_NS_PER_SECOND = 1_000_000_000
_MILLION = 1_000_000
_QWORD_MAX = 2**64 - 1
_LIMITS = {"idle": _abi.RASSIM_LIMIT_IDLE, "longest": _abi.RASSIM_LIMIT_LONGEST}
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST_EPOCH = datetime(2500, 1, 1, tzinfo=timezone.utc)
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

    A process has one service, so it can have one Simulator at a time. A Simulator is a context
    manager, and an `os.PathLike` whose path is the provider to open.

    clock: "manual": only `advance` and `step_per_call` advance the time, so tests need no sleep.
    "real": time passes by itself, and a thread of the simulator makes the changes that are due.
    library: the path of another copy of the simulator, such as one that replaces rasapi32.dll for
    programs that know nothing of ras_native.

    Most methods take some of these arguments:

    - `handle`: the handle of the connection, as `add` and `dial` return it.
    - `entry_name`: the name of the connection's phone-book entry.
    - `subentry`: the number of a link, from 1.
    - `after`: seconds on the simulator's clock until the change happens; 0 is at once.
    - `function`: the name of a function that the library exports, such as "RasEnumConnectionsW".
    - `code`: the code that Windows' functions return.

    Most of them raise LookupError if there is no such connection in the state for this, and
    TypeError or ValueError for a bad argument, before anything changes.

    A child of `os.fork` gets a copy of the service, with a manual clock, without registrations and
    without subscriptions to the event log: it cannot set the events of its parent.

    Raises RuntimeError if this process has a Simulator already, ValueError for another `clock` or a
    library that is not the simulator, FileNotFoundError if ras_native was installed without the
    simulator, OSError if the library cannot be loaded.

    >>> with Simulator() as sim, Ras(sim) as ras:
    ...     handle = sim.add("Head office")
    ...     sim.drop(handle, after=60)
    ...     sim.advance(60)
    ...     ras.enum_connections()
    ()
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

        A second close does nothing. Any other use of a closed Simulator raises RuntimeError. So
        does a close from within a dial callback.
        """
        # If another thread is closing, it waits for running callbacks. A close from within one of
        # them must not wait for that thread.
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
        """The name that the library reports: "ras_native simulator".

        >>> sim.identity
        'ras_native simulator'
        """
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

        `connection` may have device_type, device_name, phonebook, subentry, flags, luid and
        phone_number. guid_entry and correlation_id are UUIDs: by default, guid_entry is always the
        same for an entry, and correlation_id is new. local_endpoint and remote_endpoint are
        addresses or their texts; None: unknown. subentries is the number of links; a multilink
        connection has more than one. If entry_name is empty, phone_number is dialled, and the
        connection is listed as "." and that number.

        handle: the handle of an ended connection, to use it again as Windows may do. With `after`
        the method returns the handle at once, and the handle is valid after that time.

        Raises ValueError or TypeError, which names the wrong argument, before anything changes;
        LookupError for a handle that cannot be used again.

        >>> handle = sim.add("Head office", device_type="vpn", local_endpoint="192.0.2.1")
        >>> print(ras.get_connect_status(handle).local_endpoint)
        192.0.2.1
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

        The connection is listed once it reaches CONNECTED. error: the dialling fails with this
        code instead of connecting; its status shows the code until it is hung up. A paused state
        waits for `resume`. If the last state is not CONNECTED, the dialling stays there.
        `connection`, `handle` and the errors raised are those of `add`.

        >>> handle = sim.dial("Head office", step=0.1, error=691)
        >>> sim.advance(5)
        >>> ras.get_connect_status(handle).error
        691
        """
        profile = _structures.connection(entry_name, **connection)
        how = _structures.dial_states(states, step, error)
        return self._make("dial", handle, *profile, *how, _check.nanoseconds("after", after))

    def resume(self, handle: int, *, after: float = 0.0) -> None:
        """Continue a dialling from a paused state. LookupError if it is not in one now.

        >>> states = [ConnState.OPEN_PORT, ConnState.INTERACTIVE, ConnState.CONNECTED]
        >>> handle = sim.dial("Head office", states=states)
        >>> sim.advance(5)
        >>> sim.resume(handle)
        >>> sim.advance(5)
        >>> print(ras.get_connect_status(handle).state)
        CONNECTED
        """
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
        """Add a phone-book entry: RasEnumEntries lists it, and RasDial dials it like `dial`.

        states, step, error, connection: how it is dialled, as for `dial`.

        >>> sim.add_entry("Head office", error=691)  # programs can dial it with RasDial now
        >>> ras.enum_connections()
        ()
        """
        profile = _structures.connection(entry_name, **connection)
        self._do("add_entry", *profile, *_structures.dial_states(states, step, error))

    def drop(
        self,
        handle: int,
        *,
        reason: int = codes.ERROR_REMOTE_DISCONNECTION,
        after: float = 0.0,
    ) -> None:
        """End the connection from the remote side; its references do not matter.

        reason: the code that the event log gives for the end.

        >>> handle = sim.add("Head office")
        >>> sim.drop(handle)
        >>> ras.enum_connections()
        ()
        """
        self._act("drop", handle, dword("reason", reason), _check.nanoseconds("after", after))

    def time_out(
        self, handle: int, limit: Literal["idle", "longest"] = "idle", *, after: float = 0.0
    ) -> None:
        """End a connection because it was idle, or up, for as long as its entry allows.

        The event log tells of the limit (20263 or 20264), and then of the end (20226).

        >>> handle = sim.add("Head office")
        >>> sim.time_out(handle, "idle")
        >>> ras.enum_connections()
        ()
        """
        number = _LIMITS[_check.choice("limit", limit, tuple(_LIMITS))]
        self._act("time_out", handle, number, _check.nanoseconds("after", after))

    def drop_subentry(self, handle: int, subentry: int, *, after: float = 0.0) -> None:
        """End one link, counted from 1. The connection ends with its last link.

        >>> handle = sim.add("Head office", subentries=2)
        >>> sim.drop_subentry(handle, 1)
        >>> sim.drop_subentry(handle, 2)
        >>> ras.enum_connections()
        ()
        """
        number = dword("subentry", subentry, 1)
        self._act("drop_subentry", handle, number, _check.nanoseconds("after", after))

    def connect_subentry(self, handle: int, subentry: int, *, after: float = 0.0) -> None:
        """Connect a link that is down.

        >>> handle = sim.add("Head office", subentries=2)
        >>> sim.drop_subentry(handle, 2)
        >>> sim.connect_subentry(handle, 2)
        >>> print(ras.get_connect_status(ras.get_subentry_handle(handle, 2)).state)
        CONNECTED
        """
        number = dword("subentry", subentry, 1)
        self._act("connect_subentry", handle, number, _check.nanoseconds("after", after))

    def rename(self, handle: int, entry_name: str, *, after: float = 0.0) -> None:
        """Give the connection another entry name, as if its phone-book entry were renamed.

        >>> handle = sim.add("Head office")
        >>> sim.rename(handle, "Main office")
        >>> "Main office" in ras.snapshot()
        True
        """
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
        """Change what RasGetConnectStatus reports. None leaves a member; "" makes it unknown.

        state, error, substate, phone_number, local_endpoint, remote_endpoint: the members of
        `ras_native.Status`.

        Substate DORMANT sets the events registered for `NotificationFlag.DORMANT`; RECONNECTED, and
        NONE after an outage, set those for `NotificationFlag.RECONNECTION`.

        >>> handle = sim.add("Head office")
        >>> sim.set_status(handle, substate=ConnSubstate.DORMANT)
        >>> ras.snapshot()["Head office"].is_up
        False
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

    def set_statistics(
        self, handle: int, *, duration: float | None = None, **counters: int
    ) -> None:
        """Set the counters of RasGetConnectionStatistics; a counter that is not named becomes 0.

        The counters are bytes_sent, bytes_received, frames_sent, frames_received, crc_errors,
        timeout_errors, alignment_errors, hardware_overruns, framing_errors, buffer_overruns,
        compression_in, compression_out and bps, each a 32-bit number. The clock gives the duration;
        `duration` makes the connection that many seconds old now, also fewer than before.

        >>> handle = sim.add("Head office")
        >>> sim.set_statistics(handle, bytes_received=1500, duration=3600)
        >>> statistics = ras.get_connection_statistics(handle)
        >>> statistics.bytes_received, statistics.duration_ms
        (1500, 3600000)
        """
        filled = _structures.statistics(counters)
        age_ns = None if duration is None else _check.nanoseconds("duration", duration)
        self._act("set_statistics", handle, byref(filled))
        if age_ns is not None:
            self._act("set_duration", handle, age_ns)

    def set_traffic(
        self, handle: int, *, received: int = 0, sent: int = 0, after: float = 0.0
    ) -> None:
        """Let this many bytes a second pass, by the simulator's clock, in frames of 1,000 bytes.

        received, sent: bytes a second in each direction, at most 10,000,000,000.

        The counters have 32 bits, and wrap.

        >>> handle = sim.add("Head office")
        >>> sim.set_traffic(handle, received=2000, sent=500)
        >>> sim.advance(10)
        >>> ras.get_connection_statistics(handle).bytes_received
        20000
        """
        highest = _abi.RASSIM_MAX_RATE
        rates = (
            _check.whole_number("received", received, 0, highest),
            _check.whole_number("sent", sent, 0, highest),
        )
        self._act("set_traffic", handle, *rates, _check.nanoseconds("after", after))

    def zombie(self, handle: int, *, sent: int = 1000, after: float = 300.0) -> None:
        """Stop all incoming traffic, though RAS still lists the connection as connected.

        `sent`: bytes that this side still sends a second. A tunnel behaves like this when its
        server has forgotten it, often after five idle minutes.

        >>> handle = sim.add("Head office")
        >>> sim.set_traffic(handle, received=2000)
        >>> sim.zombie(handle, after=0)
        >>> sim.advance(60)
        >>> statistics = ras.get_connection_statistics(handle)
        >>> statistics.bytes_received, statistics.bytes_sent
        (0, 60000)
        """
        self.set_traffic(handle, sent=sent, after=after)

    def set_projection(
        self,
        handle: int,
        *,
        code: int = 0,
        after: float = 0.0,
        **members: Unpack[ProjectionOptions],
    ) -> None:
        """Set what RasGetProjectionInfoEx reports; a member that is not named becomes 0.

        The members are those of `ras_native.Projection`; `kind` is IKEV2 by default. A protocol
        without a client address has error 731. A `code` other than 0 is returned instead of data.
        Until this is called, a connection has the address 10.0.0.2, and its device name decides
        between IKEv2 and PPP.

        >>> handle = sim.add("Head office")
        >>> sim.set_projection(handle, client_ipv4="10.1.2.3")
        >>> ras.local_address(handle)
        IPv4Address('10.1.2.3')
        """
        filled, kept = _projection.projection(dict(members))
        delay = _check.nanoseconds("after", after)
        self._act("set_projection", handle, byref(filled), dword("code", code), delay)
        del kept  # the control has copied the lists

    def add_reference(self, handle: int, *, after: float = 0.0) -> None:
        """Add a reference, as RasDial does for an entry that is connected already.

        >>> handle = sim.add("Head office")
        >>> sim.add_reference(handle)
        >>> sim.references(handle)
        2
        """
        self._act("add_reference", handle, _check.nanoseconds("after", after))

    def references(self, handle: int) -> int:
        """Return how many calls of RasHangUp end the connection.

        >>> handle = sim.add("Head office")
        >>> sim.references(handle)
        1
        """
        count = c_uint32()
        self._act("references", handle, byref(count))
        return count.value

    # Notifications and their faults

    def signal(self, handle: int, flags: int = NotificationFlag.ALL, *, after: float = 0.0) -> None:
        """Set the events registered for these flags, without any change.

        >>> handle = sim.add("Head office")
        >>> with ras.connection_notification() as notification:
        ...     sim.signal(handle)
        ...     notification.wait(timeout=10)
        True
        """
        self._act("signal", handle, dword("flags", flags), _check.nanoseconds("after", after))

    @property
    def registrations(self) -> int:
        """How many event registrations the service holds.

        A registration ends when its connection ends. On POSIX it also ends with the next signal if
        nobody can wait for its event any more; Windows cannot tell.

        >>> with ras.connection_notification() as notification:
        ...     sim.registrations
        1
        """
        count: int = self._control("registrations")()
        return count

    def forget_registrations(self, *, after: float = 0.0) -> None:
        """Let the service forget all registrations, as after a restart, without any signal.

        Between `stop_service` and `start_service` it simulates an outage after which old
        registrations get no signals. Alone it simulates a restart that no call noticed.

        >>> with ras.connection_notification() as notification:
        ...     sim.forget_registrations()
        ...     handle = sim.add("Head office")
        ...     notification.is_set()
        False
        """
        self._do("forget_registrations", _check.nanoseconds("after", after))

    def lose_notifications(self, probability: float, seed: int = 0) -> None:
        """Lose signals at random, with a probability from 0 to 1.

        seed: a whole number; with the same seed the same signals are lost.

        A lost signal sets no event at all. 0 ends the fault.

        >>> sim.lose_notifications(1.0)
        >>> with ras.connection_notification() as notification:
        ...     handle = sim.add("Head office")
        ...     notification.is_set()
        False
        """
        if isinstance(probability, bool) or not isinstance(probability, (int, float)):
            raise _check.wrong_type("probability", "a number", probability)
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be from 0 to 1, not {probability!r}")
        number = _check.whole_number("seed", seed, 0, _QWORD_MAX)
        self._do("lose_notifications", round(probability * _MILLION), number)

    @property
    def notification_delay(self) -> float:
        """Seconds from a change to the moment its events are set; 0 by default.

        >>> sim.notification_delay = 3.0
        >>> with ras.connection_notification() as notification:
        ...     handle = sim.add("Head office")
        ...     sim.advance(2.9)
        ...     notification.is_set()
        False
        """
        nanoseconds: int = self._control("notification_delay")()
        return nanoseconds / _NS_PER_SECOND

    @notification_delay.setter
    def notification_delay(self, seconds: float) -> None:
        delay = _check.nanoseconds("notification_delay", seconds)
        self._control("set_notification_delay")(delay)

    @property
    def notification_cycles(self) -> int | None:
        """The number of connections that may come up and end before no event is set any more.

        They are counted from the moment this is set. None, the default: events are always set. 1
        is the fault of Windows 11: notifications stop after the first connection that a program
        dialled. Here they stop for any dialler, and also for new registrations.

        >>> sim.notification_cycles = 1
        >>> sim.drop(sim.add("Head office"))
        >>> with ras.connection_notification() as notification:
        ...     handle = sim.add("Head office")
        ...     notification.is_set()
        False
        """
        cycles: int = self._control("notification_cycles")()
        return cycles or None

    @notification_cycles.setter
    def notification_cycles(self, cycles: int | None) -> None:
        number = 0 if cycles is None else dword("notification_cycles", cycles, 1)
        self._control("set_notification_cycles")(number)

    # The event log and its faults

    @property
    def epoch(self) -> datetime:
        """When a manual clock was at 0, for the times in the event log.

        By default 2026-01-01 in UTC. With a real clock the log has the time of the system.

        >>> from datetime import datetime, timezone
        >>> sim.epoch = datetime(2027, 1, 1, tzinfo=timezone.utc)
        >>> sim.epoch.year
        2027
        """
        nanoseconds: int = self._control("epoch")()
        return _UNIX_EPOCH + timedelta(microseconds=nanoseconds // 1000)

    @epoch.setter
    def epoch(self, time: datetime) -> None:
        if not isinstance(time, datetime):
            raise _check.wrong_type("epoch", "a datetime", time)
        if time.tzinfo is None or not _UNIX_EPOCH <= time < _LAST_EPOCH:
            raise ValueError(f"epoch must have a time zone and be from 1970 to 2499, not {time!r}")
        self._control("set_epoch")((time - _UNIX_EPOCH) // timedelta(microseconds=1) * 1000)

    def write_ras_event(
        self, handle: int, event_id: int, *, code: int = 0, after: float = 0.0
    ) -> None:
        """Let RAS write an event about a connection, without any change.

        event_id: 20221 to 20227, 20263, 20264, 20277, 20278 or 20281. The simulator writes all but
        20278 (a tunnel could not move) by itself. code: the reason or the error, for 20226, 20227
        and 20278.

        >>> from ras_native.event_log import EventLog
        >>> handle = sim.add("Head office")
        >>> with EventLog(sim) as log:
        ...     sim.write_ras_event(handle, 20278, code=809)
        ...     print(log.read().events[0].event_id)
        20278
        """
        number = _structures.ras_event(event_id)
        delay = _check.nanoseconds("after", after)
        self._act("write_ras_event", handle, number, dword("code", code), delay)

    def write_log_event(
        self,
        event_id: int,
        data: Iterable[str] = (),
        *,
        xml: str | None = None,
        source: str = "RasClient",
        channel: Literal["Application", "System"] = "Application",
        after: float = 0.0,
    ) -> None:
        """Write any event into the log.

        data: the texts of its fields. xml: all that EvtRender returns for it, in place of a real
        event; it may be any text. Subscriptions find it by `event_id`, `source` and `channel`.

        >>> from ras_native.event_log import EventLog
        >>> with EventLog(sim) as log:
        ...     sim.write_log_event(20227, ["{NA}", "user", "Head office", "691"])
        ...     print(log.read().events[0].entry)
        Head office
        """
        where = _structures.log_event(channel, source, event_id)
        delay = _check.nanoseconds("after", after)
        if xml is None:
            self._do("write_event", *where, *_structures.log_fields(data), delay)
        else:
            self._do("write_event_xml", *where, _structures.wide("xml", xml), delay)

    def disturb_log(
        self,
        event_id: int | None = None,
        *,
        delay: float = 0.0,
        backdate: bool = False,
        copies: int = 1,
        correlation: bool = True,
        entry_name: str | None = None,
        code: int | None = None,
    ) -> None:
        """Change what RAS writes into the event log from now on.

        event_id: the event to change; None changes every event without a change of its own.
        delay: seconds from the change to the event. backdate: a delayed event still has the time of
        the change. copies: how many times it is written, from 0 to 16. correlation: False writes
        "{NA}" for the id of the connection. entry_name, code: in place of the real ones.

        A later call for the same event replaces the earlier one. Call it without options to undo
        it.

        >>> from ras_native.event_log import EventLog
        >>> handle = sim.add("Head office")
        >>> sim.disturb_log(20226, copies=2)
        >>> with EventLog(sim) as log:
        ...     sim.drop(handle)
        ...     [event.event_id for event in log.read().events]
        [20226, 20226]
        """
        number = 0 if event_id is None else _structures.ras_event(event_id)
        nanoseconds = _check.nanoseconds("delay", delay)
        repeats = dword("copies", copies, 0, _abi.RASSIM_MAX_COPIES)
        members = 0 if correlation else _abi.RASSIM_FAULT_NO_CORRELATION
        members |= _abi.RASSIM_FAULT_BACKDATED if backdate else 0
        members |= 0 if code is None else _abi.RASSIM_FAULT_CODE
        members |= 0 if entry_name is None else _abi.RASSIM_FAULT_ENTRY_NAME
        name = None if entry_name is None else _structures.mangled(entry_name)
        replaced = 0 if code is None else dword("code", code)
        self._do("set_log_fault", number, nanoseconds, repeats, members, replaced, name)

    def clear_log(self, *, after: float = 0.0) -> None:
        """Remove all events from the log. A subscription that has not read them all is stale.

        >>> from ras_native.event_log import EventLog
        >>> handle = sim.add("Head office")
        >>> sim.clear_log()
        >>> with EventLog(sim, past=True) as log:
        ...     log.read().events
        ()
        """
        self._do("clear_event_log", _check.nanoseconds("after", after))

    def signal_subscriptions(self, *, after: float = 0.0) -> None:
        """Set the events of all subscriptions to the log, without any news.

        >>> from ras_native.event_log import EventLog
        >>> with EventLog(sim) as log:
        ...     sim.signal_subscriptions()
        ...     log.wait(timeout=10), log.read().events
        (True, ())
        """
        self._do("signal_subscriptions", _check.nanoseconds("after", after))

    def break_subscriptions(
        self, code: int = codes.ERROR_EVT_QUERY_RESULT_STALE, *, after: float = 0.0
    ) -> None:
        """Make every existing subscription to the log fail, until it is made again.

        EvtNext returns `code` for it. Its event is still set when something is new.

        >>> from ras_native.event_log import EventLog
        >>> with EventLog(sim) as log:
        ...     sim.break_subscriptions()
        ...     log.read().missed  # it was opened again
        True
        """
        delay = _check.nanoseconds("after", after)
        self._do("break_subscriptions", dword("code", code, 1), delay)

    @property
    def no_news_code(self) -> int:
        """What EvtNext returns where nothing is new: 259 by default; Windows may return 4317.

        >>> sim.no_news_code
        259
        """
        code: int = self._control("no_news_code")()
        return code

    @no_news_code.setter
    def no_news_code(self, code: int) -> None:
        self._control("set_no_news_code")(dword("no_news_code", code, 1))

    @property
    def subscriptions(self) -> int:
        """How many subscriptions to the event log are open.

        >>> from ras_native.event_log import EventLog
        >>> with EventLog(sim) as log:
        ...     sim.subscriptions
        1
        """
        count: int = self._control("subscriptions")()
        return count

    @property
    def event_handles(self) -> int:
        """How many handles of the event log are open: subscriptions, events and bookmarks.

        >>> sim.event_handles
        0
        """
        count: int = self._control("event_handles")()
        return count

    # What happened

    @property
    def history(self) -> tuple[HistoryEntry, ...]:
        """What happened since the Simulator began, oldest first.

        It has every transition of a connection and of the service, and every signal, each with its
        time. It holds the last 65,536 entries; `HistoryEntry.sequence` shows how many are missing.

        >>> handle = sim.add("Head office")
        >>> [entry.event.name for entry in sim.history]
        ['STATE', 'LISTED', 'SIGNALLED']
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
        """Seconds from RasHangUp to the end of the handle: by default 0, on a real clock 0.1.

        >>> sim.teardown = 2.0
        >>> sim.step_per_call = 0.5  # each call moves the simulator's clock
        >>> seconds = ras.hang_up(sim.add("Head office"))
        >>> sim.now > 2.0
        True
        """
        nanoseconds: int = self._control("teardown")()
        return nanoseconds / _NS_PER_SECOND

    @teardown.setter
    def teardown(self, seconds: float) -> None:
        self._control("set_teardown")(_check.nanoseconds("teardown", seconds))

    def stop_service(
        self, code: int = codes.ERROR_RASMAN_CANNOT_INITIALIZE, *, after: float = 0.0
    ) -> None:
        """Let every function that needs the service return `code`. Connections stay.

        >>> sim.stop_service(711)
        >>> try:
        ...     ras.enum_connections()
        ... except RasError as error:
        ...     print(error.code)
        711
        """
        self._do("set_service", dword("code", code, 1), _check.nanoseconds("after", after))

    def start_service(self, *, after: float = 0.0) -> None:
        """Start the service again after `stop_service`.

        >>> sim.stop_service()
        >>> sim.start_service(after=30)
        >>> sim.advance(30)
        >>> ras.enum_connections()
        ()
        """
        self._do("set_service", 0, _check.nanoseconds("after", after))

    def limit_versions(
        self, connection: int = layout.RAS_WINVER_XP, status: int = layout.RAS_WINVER_NT4_401
    ) -> None:
        """Simulate an older Windows, which returns 632 for structures newer than these WINVERs.

        connection, status: a WINVER, such as 0x501, for RASCONN and for RASCONNSTATUS.

        >>> sim.limit_versions(connection=0x501)  # Windows XP has no correlation ids
        >>> handle = sim.add("Head office")
        >>> with Ras(sim) as ras:
        ...     print(ras.enum_connections()[0].correlation_id)
        None
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
        """Let calls of the function return `code` and do nothing.

        A function of the event log returns NULL or FALSE, and sets the error. With code 0 it sets
        no error, as the functions of Wine do.

        call: the first call that fails, counted from 1 since `reset_calls`; None: the next one.
        count: how many calls fail; None: all later ones.

        >>> sim.fail("RasEnumConnectionsW", 8)
        >>> try:
        ...     ras.enum_connections()
        ... except RasError as error:
        ...     print(error.name)
        ERROR_NOT_ENOUGH_MEMORY
        """
        first = _abi.RASSIM_NEXT_CALL if call is None else dword("call", call, 1)
        highest = _abi.RASSIM_EVERY_CALL - 1
        calls = _abi.RASSIM_EVERY_CALL if count is None else dword("count", count, 1, highest)
        self._of_function("fail", function, dword("code", code), first, calls)

    def delay(self, function: str, seconds: float) -> None:
        """Let every call of the function take this much longer, in real time.

        seconds: how much longer. 0 ends the delay, also for calls that wait now.

        >>> sim.delay("RasEnumConnectionsW", 0.01)
        >>> ras.enum_connections()  # takes at least 10 ms
        ()
        """
        self._of_function("delay", function, _check.nanoseconds("seconds", seconds))

    @property
    def call_cost(self) -> float:
        """Seconds for which each call of a RAS function keeps the processor busy; 0 by default.

        It simulates the cost of the remote procedure call that Windows makes; nobody measured that
        cost yet. At most 1 second. `delay` sleeps instead.

        >>> sim.call_cost = 0.000_05  # each call takes 50 microseconds
        >>> ras.enum_connections()
        ()
        """
        nanoseconds: int = self._control("call_cost")()
        return nanoseconds / _NS_PER_SECOND

    @call_cost.setter
    def call_cost(self, seconds: float) -> None:
        self._control("set_call_cost")(_check.nanoseconds("call_cost", seconds, longest=1.0))

    def calls(self, function: str) -> int:
        """Return how often the function was called since `reset_calls`.

        >>> connections = ras.enum_connections()
        >>> sim.calls("RasEnumConnectionsW")
        1
        """
        count = c_uint64()
        self._of_function("calls", function, byref(count))
        return count.value

    @property
    def calls_total(self) -> int:
        """How often any function was called since `reset_calls`.

        >>> handle = sim.add("Head office")
        >>> snapshot = ras.snapshot()
        >>> sim.reset_calls()
        >>> snapshot = ras.snapshot()  # one enumeration, and the status of one connection
        >>> sim.calls_total
        2
        """
        count = c_uint64()
        self._do("calls", None, byref(count))
        return count.value

    def reset_calls(self) -> None:
        """Count calls from 0 again.

        >>> connections = ras.enum_connections()
        >>> sim.reset_calls()
        >>> sim.calls("RasEnumConnectionsW")
        0
        """
        self._control("reset_calls")()

    # The clock

    @property
    def now(self) -> float:
        """Seconds on the simulator's clock, which began at 0.

        >>> sim.advance(2.5)
        >>> sim.now
        2.5
        """
        nanoseconds: int = self._control("now")()
        return nanoseconds / _NS_PER_SECOND

    def advance(self, seconds: float) -> None:
        """Advance the manual clock. Everything due by then happens, in order, before this returns.

        seconds: by how much. Raises RuntimeError on a real clock.

        >>> handle = sim.add("Head office", after=60)
        >>> len(ras.enum_connections())
        0
        >>> sim.advance(60)
        >>> len(ras.enum_connections())
        1
        """
        if self._control("advance")(_check.nanoseconds("seconds", seconds)):
            raise RuntimeError("the simulator's clock is real: it advances by itself")

    @property
    def step_per_call(self) -> float:
        """Seconds by which each call of a RAS function advances the manual clock; 0 by default.

        Calls of the event log do not advance it.

        >>> sim.step_per_call = 0.5
        >>> connections = ras.enum_connections()
        >>> sim.now > 0
        True
        """
        nanoseconds: int = self._control("step_per_call")()
        return nanoseconds / _NS_PER_SECOND

    @step_per_call.setter
    def step_per_call(self, seconds: float) -> None:
        self._control("set_step_per_call")(_check.nanoseconds("step_per_call", seconds))

    def schedule(
        self, delay: float, action: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Call a method that takes `after`: `sim.schedule(2.0, sim.drop, handle)`.

        delay: the seconds for `after`.
        action: the method; the other arguments, `args` and `kwargs`, are for it.

        Returns what the method returns, such as the handle of `add` or `dial`, which becomes valid
        then.

        >>> handle = sim.add("Head office")
        >>> sim.schedule(2.0, sim.drop, handle)
        >>> sim.advance(2.0)
        >>> ras.enum_connections()
        ()
        """
        return action(*args, **{**kwargs, "after": delay})  # type: ignore[arg-type]

    def demo(self) -> None:
        """Start a demonstration on a real clock. It repeats until `close`.

        Connections dial, fail, connect, go dormant and reconnect, lose links and drop.

        >>> with Simulator(clock="real") as sim:
        ...     sim.demo()  # a Monitor would report its events now
        """
        self._do("demo")
        self._clock = "real"
        self.teardown = _DEMO_TEARDOWN_SECONDS


def _after_fork_in_child() -> None:
    """Replace the guard: the child lacks the thread that may have held it."""
    Simulator._guard = threading.Lock()
    if Simulator._active is not None:
        Simulator._active._clock = "manual"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
