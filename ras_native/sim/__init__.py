"""A simulated RAS service, for tests and demonstrations: `Simulator`.

It is a library with rasapi32's ABI, so it is used as any provider is:

    with Simulator() as sim:
        sim.add("Head office")
        with Ras(provider=sim) as ras:
            print(ras.enum_connections())

Times are in seconds. Handles are ints, the same numbers that RasEnumConnections gives.
Controls that act on the service take `after`: carried out that much later on the simulator's
clock, so that a whole scenario can be written down before it begins.
"""

from __future__ import annotations

import ctypes
import math
import operator
import os
import sys
import threading
import uuid
import weakref
from collections.abc import Callable, Iterable
from ctypes import byref, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p
from importlib.machinery import EXTENSION_SUFFIXES
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, ParamSpec, TypedDict, TypeVar

from .._backend import codes, layout
from .._backend.layout import RAS_STATS, RASCONNSTATUSW, RASCONNW
from .._records import ConnState, NotificationFlag
from . import _abi

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["DIALLING", "ConnectionOptions", "Simulator"]

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
"""The states that `Simulator.dial` goes through unless it is told others."""

PHONEBOOK = r"C:\ProgramData\Microsoft\Network\Connections\Pbk\rasphone.pbk"

Endpoint = IPv4Address | IPv6Address | str


class ConnectionOptions(TypedDict, total=False):
    """What `Simulator.add`, `dial` and `add_entry` take besides the name; see `add`."""

    device_type: str
    device_name: str
    phonebook: str
    subentry: int
    guid_entry: uuid.UUID | None
    flags: int
    luid: int
    correlation_id: uuid.UUID | None
    phone_number: str
    local_endpoint: Endpoint | None
    remote_endpoint: Endpoint | None
    subentries: int


_CLOSING_SECONDS = 1.0

_U32 = 0xFFFFFFFF
_NS = 1_000_000_000
_LONGEST = 100 * 365 * 24 * 3600.0
_UTF16 = "utf-16-le" if sys.byteorder == "little" else "utf-16-be"

_STATISTICS = {
    "bytes_sent": "dwBytesXmited",
    "bytes_received": "dwBytesRcved",
    "frames_sent": "dwFramesXmited",
    "frames_received": "dwFramesRcved",
    "crc_errors": "dwCrcErr",
    "timeout_errors": "dwTimeoutErr",
    "alignment_errors": "dwAlignmentErr",
    "hardware_overruns": "dwHardwareOverrunErr",
    "framing_errors": "dwFramingErr",
    "buffer_overruns": "dwBufferOverrunErr",
    "compression_in": "dwCompressionRatioIn",
    "compression_out": "dwCompressionRatioOut",
    "bps": "dwBps",
}


def _default_library() -> str:
    for suffix in EXTENSION_SUFFIXES:
        path = Path(__file__).parents[1] / f"_rassim{suffix}"
        if path.is_file():
            return str(path)
    raise FileNotFoundError(
        "the simulator is not part of this installation of ras_native: install a wheel that is "
        "made for this system (the pure Python one holds no simulator), or, from source, where a "
        "C compiler works"
    )


def _load(path: str) -> ctypes.CDLL:
    library = ctypes.CDLL(path)
    try:
        for name, (result, *arguments) in _abi.CONTROLS.items():
            control = getattr(library, name)
            control.restype, control.argtypes = result, arguments
    except AttributeError:
        raise ValueError(f"library: {path} is not the simulator of ras_native") from None
    if library.rassim_version() != _abi.RASSIM_VERSION:
        raise ValueError(
            f"library: {path} is version {library.rassim_version()} of the simulator, this "
            f"package works with version {_abi.RASSIM_VERSION}: install both from one wheel"
        )
    return library


def _number(argument: str, value: int, low: int = 0, high: int = _U32) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{argument}: an int is wanted, not {value!r}") from None
    if not low <= number <= high:
        raise ValueError(f"{argument}: {number} is not in {low}..{high}")
    return number


def _nanoseconds(argument: str, seconds: float) -> int:
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"{argument}: seconds are wanted, not {seconds!r}")
    if not (math.isfinite(seconds) and 0 <= seconds <= _LONGEST):
        raise ValueError(f"{argument}: {seconds} is not in 0..{_LONGEST:.0f} seconds")
    return round(seconds * _NS)


def _text(argument: str, value: str, units: int) -> bytes:
    """UTF-16, `units` with the terminating NUL; lone surrogates pass, as on Windows."""
    if not isinstance(value, str):
        raise TypeError(f"{argument}: a str is wanted, not {value!r}")
    if "\0" in value:
        raise ValueError(f"{argument}: {value!r} holds a NUL")
    encoded = value.encode(_UTF16, "surrogatepass")
    if len(encoded) > 2 * (units - 1):
        raise ValueError(f"{argument}: {value!r} is longer than {units - 1} UTF-16 units")
    return encoded.ljust(2 * units, b"\0")


def _put_text(structure: ctypes.Structure, member: str, argument: str, value: str) -> None:
    array = getattr(structure, member)
    text = _text(argument, value, len(array))
    setattr(structure, member, (c_uint16 * len(array)).from_buffer_copy(text))


def _put_guid(structure: RASCONNW, member: str, argument: str, value: uuid.UUID) -> None:
    if not isinstance(value, uuid.UUID):
        raise TypeError(f"{argument}: a UUID is wanted, not {value!r}")
    setattr(structure, member, (ctypes.c_uint8 * 16).from_buffer_copy(value.bytes_le))


def _put_endpoint(
    structure: RASCONNSTATUSW, member: str, argument: str, value: Endpoint | None
) -> None:
    """None and "" are the unknown end point."""
    endpoint = getattr(structure, member)
    if value is None or value == "":
        endpoint.dwType = 0
        return
    try:
        address = ip_address(value)
    except ValueError:
        raise ValueError(f"{argument}: {value!r} is not an IPv4 or IPv6 address") from None
    endpoint.dwType = 1 if address.version == 4 else 2
    ctypes.memmove(endpoint.address, address.packed, len(address.packed))


def _connection(
    entry_name: str,
    *,
    device_type: str = "vpn",
    device_name: str = "WAN Miniport (IKEv2)",
    phonebook: str = PHONEBOOK,
    subentry: int = 1,
    guid_entry: uuid.UUID | None = None,
    flags: int = 0,
    luid: int = 0,
    correlation_id: uuid.UUID | None = None,
    phone_number: str = "",
    local_endpoint: Endpoint | None = None,
    remote_endpoint: Endpoint | None = None,
    subentries: int = 1,
) -> tuple[RASCONNW, RASCONNSTATUSW, int]:
    connection, status = RASCONNW(), RASCONNSTATUSW()
    _put_text(connection, "szEntryName", "entry_name", entry_name)
    _put_text(connection, "szDeviceType", "device_type", device_type)
    _put_text(connection, "szDeviceName", "device_name", device_name)
    _put_text(connection, "szPhonebook", "phonebook", phonebook)
    _put_text(status, "szPhoneNumber", "phone_number", phone_number)
    if not entry_name and not phone_number:
        raise ValueError("entry_name: it may be empty only where a phone_number is given")
    connection.dwSubEntry = _number("subentry", subentry)
    connection.dwFlags = _number("flags", flags)
    ctypes.memmove(
        byref(connection, RASCONNW.luid.offset),
        _number("luid", luid, high=2**64 - 1).to_bytes(8, sys.byteorder),
        8,
    )
    if guid_entry is None:
        guid_entry = uuid.uuid5(uuid.NAMESPACE_OID, repr((phonebook, entry_name)))
    _put_guid(connection, "guidEntry", "guid_entry", guid_entry)
    _put_guid(connection, "guidCorrelationId", "correlation_id", correlation_id or uuid.uuid4())
    _put_endpoint(status, "localEndPoint", "local_endpoint", local_endpoint)
    _put_endpoint(status, "remoteEndPoint", "remote_endpoint", remote_endpoint)
    return connection, status, _number("subentries", subentries, 1, _abi.RASSIM_MAX_SUBENTRIES)


def _course(states: Iterable[int], step: float, error: int) -> tuple[Any, int, int, int]:
    numbers = [_number("states", state) for state in states]
    if not 1 <= len(numbers) <= _abi.RASSIM_MAX_STATES:
        raise ValueError(f"states: 1 to {_abi.RASSIM_MAX_STATES} are wanted, not {len(numbers)}")
    array = (c_uint32 * len(numbers))(*numbers)
    return array, len(numbers), _nanoseconds("step", step), _number("error", error)


class Simulator:
    """The simulated RAS service of this process, from its construction to `close`.

    There is one service per process, so one Simulator at a time; RuntimeError for a second.
    It is a context manager, and an os.PathLike whose path is the provider to open.

    clock: "manual", time moves only by `advance` and `step_per_call`, so tests need no sleep;
    "real", what is due happens by itself, in a thread of the simulator.
    library: another copy of the simulator to drive, such as one that stands in for rasapi32.dll
    in programs that know no provider; ValueError if it is something else.

    A child of `os.fork` has a copy of the service as it stood, on a manual clock and without
    registrations: it cannot set the events of its parent.

    FileNotFoundError where ras_native was installed without the simulator, OSError where it
    cannot be loaded.
    """

    _active: ClassVar[Simulator | None] = None
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self,
        *,
        clock: Literal["manual", "real"] = "manual",
        library: str | os.PathLike[str] | None = None,
    ) -> None:
        if clock not in ("manual", "real"):
            raise ValueError(f"clock: {clock!r} is neither 'manual' nor 'real'")
        self.path = os.fspath(library) if library is not None else _default_library()
        loaded = _load(self.path)
        with Simulator._guard:
            if Simulator._active is not None:
                raise RuntimeError("there is a Simulator in this process already: close it first")
            if loaded.rassim_reset() or (
                clock == "real" and loaded.rassim_set_clock(_abi.RASSIM_CLOCK_REAL)
            ):
                raise RuntimeError("clock: the simulator cannot start its thread now")
            Simulator._active = self
        self._library: ctypes.CDLL | None = loaded
        self._end = weakref.finalize(self, loaded.rassim_reset)
        if clock == "real":
            self.teardown = 0.1

    def __fspath__(self) -> str:
        return self.path

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the service: every connection, registration, scenario and the clock's thread.

        Closing twice is harmless; every other use of a closed Simulator is a RuntimeError, and so
        is closing it from within a dial callback.
        """
        # A dial callback that closes while its simulator is being closed must not wait for that:
        # closing waits for the callback.
        if not Simulator._guard.acquire(timeout=_CLOSING_SECONDS):
            raise RuntimeError("this Simulator is being closed: leave that to who began it")
        try:
            if self._library is not None:
                self._do("reset")
                self._end.detach()
                self._library = None
                Simulator._active = None
        finally:
            Simulator._guard.release()

    def _control(self, name: str) -> Any:
        if self._library is None:
            raise RuntimeError("this Simulator is closed")
        return getattr(self._library, "rassim_" + name)

    def _do(self, control: str, *arguments: Any) -> None:
        code = self._control(control)(*arguments)
        if code == codes.ERROR_NOT_ENOUGH_MEMORY:
            raise MemoryError("the simulator has no room for more")
        if code:
            raise RuntimeError(f"the simulator's {control} answers {code}")

    def _act(self, control: str, handle: int, *arguments: Any) -> None:
        """Act on a connection; LookupError if it is none."""
        number = _number("handle", handle, high=2 ** (8 * ctypes.sizeof(c_size_t)) - 1)
        code = self._control(control)(number, *arguments)
        if code == codes.ERROR_INVALID_HANDLE:
            raise LookupError(f"handle: {number:#x} is no such connection of the simulator")
        if code in (codes.ERROR_INVALID_PARAMETER, codes.ERROR_PORT_NOT_OPEN):
            raise ValueError(f"subentry: the connection {number:#x} has no such link up")
        if code:
            raise MemoryError("the simulator has no room for more")

    @property
    def identity(self) -> str:
        """What the library says it is; no other rasapi32 can be asked."""
        identity: bytes = self._control("identity")()
        return identity.decode()

    # Connections

    def add(
        self, entry_name: str, *, after: float = 0.0, **connection: Unpack[ConnectionOptions]
    ) -> int:
        """Make a connection that is up at once, and return its handle.

        `connection` may name device_type, device_name, phonebook, subentry, guid_entry (a UUID;
        by default one that goes with the name), flags, luid, correlation_id (a UUID; by default
        a new one), phone_number, local_endpoint, remote_endpoint (addresses or their text; None:
        not known) and subentries: links, more than one makes it a multilink connection. With an
        empty entry_name it is dialled by phone_number and listed as "." and that (EN-8).

        With `after` the handle is known at once and valid from then on. ValueError or TypeError
        names the argument that is wrong, before anything is changed.
        """
        profile = _connection(entry_name, **connection)
        handle = c_void_p()
        self._do("add", *profile, _nanoseconds("after", after), byref(handle))
        return handle.value or 0

    def dial(
        self,
        entry_name: str,
        *,
        states: Iterable[int] = DIALLING,
        step: float = 0.1,
        error: int = 0,
        after: float = 0.0,
        **connection: Unpack[ConnectionOptions],
    ) -> int:
        """Begin to dial, one of `states` every `step` seconds, and return the handle.

        It is listed once it reaches CONNECTED. error: instead of connecting it fails with this
        code, which its status shows until it is hung up. A paused state waits for `resume`.
        After a last state other than CONNECTED nothing follows. `connection` as in `add`.
        """
        profile = _connection(entry_name, **connection)
        course = _course(states, step, error)
        handle = c_void_p()
        self._do("dial", *profile, *course, _nanoseconds("after", after), byref(handle))
        return handle.value or 0

    def resume(self, handle: int, *, after: float = 0.0) -> None:
        """Let a dialling that stands in a paused state go on. LookupError if it is not one."""
        self._act("resume", handle, _nanoseconds("after", after))

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
        profile = _connection(entry_name, **connection)
        self._do("add_entry", *profile, *_course(states, step, error))

    def drop(self, handle: int, *, after: float = 0.0) -> None:
        """Lose the connection from the far side, whatever refers to it: its handle is dead."""
        self._act("drop", handle, _nanoseconds("after", after))

    def drop_subentry(self, handle: int, subentry: int, *, after: float = 0.0) -> None:
        """Lose one link, counted from 1; with the last one the connection ends."""
        number = _number("subentry", subentry, 1)
        self._act("drop_subentry", handle, number, _nanoseconds("after", after))

    def connect_subentry(self, handle: int, subentry: int, *, after: float = 0.0) -> None:
        """Connect a link that is down."""
        number = _number("subentry", subentry, 1)
        self._act("connect_subentry", handle, number, _nanoseconds("after", after))

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
        """Change what RasGetConnectStatus says; None leaves a member, "" makes it unknown.

        Substate DORMANT sets the events registered for RASCN_Dormant; RECONNECTED, or NONE
        after an outage, those for RASCN_ReConnection.
        """
        status, members = RASCONNSTATUSW(), 0
        numbers = {
            "state": (_abi.RASSIM_STATE, "rasconnstate", state),
            "error": (_abi.RASSIM_ERROR, "dwError", error),
        }
        numbers["substate"] = (_abi.RASSIM_SUBSTATE, "rasconnsubstate", substate)
        for argument, (bit, member, value) in numbers.items():
            if value is not None:
                setattr(status, member, _number(argument, value))
                members |= bit
        if phone_number is not None:
            _put_text(status, "szPhoneNumber", "phone_number", phone_number)
            members |= _abi.RASSIM_PHONE_NUMBER
        if local_endpoint is not None:
            _put_endpoint(status, "localEndPoint", "local_endpoint", local_endpoint)
            members |= _abi.RASSIM_LOCAL_ENDPOINT
        if remote_endpoint is not None:
            _put_endpoint(status, "remoteEndPoint", "remote_endpoint", remote_endpoint)
            members |= _abi.RASSIM_REMOTE_ENDPOINT
        self._act("set_status", handle, members, byref(status), _nanoseconds("after", after))

    def set_statistics(self, handle: int, **counters: int) -> None:
        """Set what RasGetConnectionStatistics counts; what is not named becomes 0.

        Names: bytes_sent, bytes_received, frames_sent, frames_received, crc_errors,
        timeout_errors, alignment_errors, hardware_overruns, framing_errors, buffer_overruns,
        compression_in, compression_out, bps. Each is a DWORD. The duration is the clock's.
        """
        statistics = RAS_STATS()
        for name, value in counters.items():
            if name not in _STATISTICS:
                raise TypeError(f"{name}: not one of {', '.join(_STATISTICS)}")
            setattr(statistics, _STATISTICS[name], _number(name, value))
        self._act("set_statistics", handle, byref(statistics))

    def add_reference(self, handle: int, *, after: float = 0.0) -> None:
        """Count one user more, as RasDial does for an entry that is connected already."""
        self._act("add_reference", handle, _nanoseconds("after", after))

    def references(self, handle: int) -> int:
        """How many RasHangUp it takes to end the connection."""
        count = c_uint32()
        self._act("references", handle, byref(count))
        return count.value

    def signal(self, handle: int, flags: int = NotificationFlag.ALL, *, after: float = 0.0) -> None:
        """Set the events registered for these RASCN_ flags though nothing happened."""
        self._act("signal", handle, _number("flags", flags), _nanoseconds("after", after))

    @property
    def registrations(self) -> int:
        """How many event registrations the service holds."""
        count: int = self._control("registrations")()
        return count

    # The service

    @property
    def teardown(self) -> float:
        """Seconds that the state machine takes after RasHangUp; 0, on a real clock 0.1."""
        nanoseconds: int = self._control("teardown")()
        return nanoseconds / _NS

    @teardown.setter
    def teardown(self, seconds: float) -> None:
        self._control("set_teardown")(_nanoseconds("teardown", seconds))

    def stop_service(
        self, code: int = codes.ERROR_RASMAN_CANNOT_INITIALIZE, *, after: float = 0.0
    ) -> None:
        """Every function that needs the service answers `code`; connections are kept."""
        self._do("set_service", _number("code", code, 1), _nanoseconds("after", after))

    def start_service(self, *, after: float = 0.0) -> None:
        """End what `stop_service` began."""
        self._do("set_service", 0, _nanoseconds("after", after))

    def limit_versions(
        self, connection: int = layout.RAS_WINVER_XP, status: int = layout.RAS_WINVER_NT4_401
    ) -> None:
        """Behave as an older Windows: structures newer than these WINVERs answer 632."""
        self._do(
            "limit_versions",
            _number("connection", connection, layout.RAS_WINVER_NT4),
            _number("status", status, layout.RAS_WINVER_NT4),
        )

    # Its functions, by export name: "RasEnumConnectionsW"

    def _of_function(self, control: str, function: str, *arguments: Any) -> None:
        if not isinstance(function, str):
            raise TypeError(f"function: an export's name is wanted, not {function!r}")
        code = self._control(control)(function.encode(), *arguments)
        if code == codes.ERROR_INVALID_PARAMETER:
            raise ValueError(f"function: the simulator exports no {function!r}")
        if code:
            raise MemoryError("the simulator has no room for more")

    def fail(
        self, function: str, code: int, *, call: int | None = None, count: int | None = 1
    ) -> None:
        """Let calls of the function answer `code` and do nothing.

        call: the first of them, counted from 1 since `reset_calls`; None: the next one.
        count: how many; None: all from there on.
        """
        first = 0 if call is None else _number("call", call, 1)
        calls = (
            _abi.RASSIM_EVERY_CALL
            if count is None
            else _number("count", count, 1, _abi.RASSIM_EVERY_CALL - 1)
        )
        self._of_function("fail", function, _number("code", code), first, calls)

    def delay(self, function: str, seconds: float) -> None:
        """Let every call of the function take so much real time more.

        0 ends that, also for the calls that are waiting.
        """
        self._of_function("delay", function, _nanoseconds("seconds", seconds))

    def calls(self, function: str) -> int:
        """How often the function was called since `reset_calls`."""
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
        return nanoseconds / _NS

    def advance(self, seconds: float) -> None:
        """Move the manual clock on; all that is due by then happens, in order, before this returns.

        RuntimeError on a real clock.
        """
        if self._control("advance")(_nanoseconds("seconds", seconds)):
            raise RuntimeError("the simulator's clock is real: it advances by itself")

    @property
    def step_per_call(self) -> float:
        """Seconds that each call of a RAS function moves the manual clock on, 0 by default."""
        nanoseconds: int = self._control("step_per_call")()
        return nanoseconds / _NS

    @step_per_call.setter
    def step_per_call(self, seconds: float) -> None:
        self._control("set_step_per_call")(_nanoseconds("step_per_call", seconds))

    def schedule(
        self, delay: float, action: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Schedule an action that takes `after`: `sim.schedule(2.0, sim.drop, handle)`.

        Returns what the action returns: the handle that `add` or `dial` will make valid.
        """
        return action(*args, **{**kwargs, "after": delay})  # type: ignore[arg-type]

    def lively(self) -> None:
        """Begin the demonstration, on a real clock, going round until `close`.

        Connections dial, fail, connect, go dormant and reconnect, lose links and drop.
        """
        self._do("lively")
        self.teardown = 0.3


def _after_fork_in_child() -> None:
    """The thread that held the guard, if any, does not exist in the child."""
    Simulator._guard = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
