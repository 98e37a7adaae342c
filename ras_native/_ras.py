"""The five RAS functions, for one provider (`Ras`) and for the system's own (module level)."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial, wraps
from threading import Lock
from typing import Concatenate, NamedTuple, NoReturn, ParamSpec, Protocol, TypeVar, cast
from weakref import WeakSet

from . import _backend, _check
from ._at_exit import finish_later, forget
from ._backend.contract import BackendEvent, Changes, ConnectionList, Provider, ras_backend
from ._backend.layout import (
    RN_E_ABSURD,
    RN_E_CANCELLED,
    RN_E_FIRST,
    RN_E_KEEPS_GROWING,
    RN_E_LAST,
    RN_E_LOAD,
    RN_E_NO_MEMORY,
    RN_E_OS,
    RN_E_TIMEOUT,
    RN_E_UNSUPPORTED,
    RN_MAX_ATTEMPTS,
    RN_MAX_CONNECTIONS,
)
from ._check import DWORD_MAX, EVERY_CONNECTION
from ._errors import (
    GONE_CODES,
    Cancelled,
    ProviderError,
    RasError,
    code_text,
    not_loaded,
    system_error,
)
from ._event import Event, cancel_event, new_backend_event
from ._polled import PolledConnections, PolledSnapshot
from ._records import (
    Connection,
    NotificationFlag,
    Snapshot,
    Status,
    decode_status,
    text,
)
from ._wait import wait_in_slices

_MOST_REFERENCES = 1024  # hang-ups of one connection before all_references gives up
_ERROR_PORT_NOT_OPEN = 618  # RasGetSubEntryHandle: the sub-entry is not connected
_ERROR_NO_MORE_ITEMS = 259
_PAUSE_SECONDS = 3.0
_ERROR_STRING_LENGTHS = (512, 4096)


_P = ParamSpec("_P")
_R = TypeVar("_R")


class Sizes(NamedTuple):
    """The dwSize that each structure was negotiated to, in bytes; 0 before its first use."""

    rasconn: int
    rasconnstatus: int


class Notification(Event):
    """An event that RAS sets; made by `Ras.connection_notification`.

    It carries no identity and coalesces: when it is set, `reset` it first and then enumerate,
    so that nothing is lost between the two and nothing is told twice (CN-11). Windows has no
    call to end a registration: closing is all there is to do.
    """

    def __init__(self, backend: str, event: BackendEvent) -> None:
        self.backend = backend
        self._event = event


def _raise_closed() -> NoReturn:
    raise ValueError("this Ras is closed")


class _Closable(Protocol):
    def close(self) -> None: ...


class _ClosedList:
    """What a closed Ras polls."""

    poll = staticmethod(_raise_closed)

    def collect(self, since: int) -> Changes:  # noqa: ARG002 - as ConnectionList has it
        raise ValueError("this Ras is closed")


class Ras:
    """The RAS functions of one provider, called through one backend.

    `provider` is the path of a library with rasapi32's ABI, or a `ras_native.sim.Simulator`;
    None is rasapi32 itself, from System32. `backend` is "native", "ctypes" or None for the
    process's default; a backend that is asked for never falls back to the other.

    A context manager. Any number of threads may use one at the same time.

    Raises ProviderError where the provider cannot be loaded or is not one, TypeError or
    ValueError for an argument that is no path or no backend, ImportError where the native
    backend is asked for and not installed.
    """

    def __init__(
        self, provider: str | os.PathLike[str] | None = None, *, backend: str | None = None
    ) -> None:
        self.backend = _backend.select(backend)
        self.provider = _provider_path(provider)
        self._provider: Provider | None = _open_provider(self.backend, self.provider)
        self._closed_with_it: WeakSet[_Closable] = WeakSet()
        self._connections = PolledConnections(self._new_list(with_status=False))
        self._snapshot = PolledSnapshot(self._new_list(with_status=True))

    def _new_list(self, *, with_status: bool) -> ConnectionList:
        code, connections = self._open().new_list(with_status=with_status)
        if connections is None:
            raise self._error(code, "RasEnumConnectionsW")
        return connections

    def _open(self) -> Provider:
        if self._provider is None:
            raise ValueError("this Ras is closed")
        return self._provider

    @property
    def sizes(self) -> Sizes:
        """What was negotiated with the provider (EN-2, GS-2)."""
        return Sizes(*self._open().sizes())

    def enum_connections(self) -> tuple[Connection, ...]:
        """List every active connection; none is an empty tuple (EN-1, EN-7).

        The same tuple comes back while nothing changes. A connection that is being dialled is
        not listed before it has connected (EN-9).

        Raises RasError for any code but success (EN-10), also where the list kept growing
        between one attempt and the next (EN-6). Source: RasEnumConnectionsW.
        """
        polled = self._connections
        answer = polled.poll()
        if answer == polled.generation:
            return polled.result
        return polled.refresh() if answer > 0 else self._raise_failed_poll(answer)

    def snapshot(self) -> Snapshot:
        """List every active connection and ask the status of each, in one crossing (EN-11).

        An unchanged poll makes one RasEnumConnectionsW and one RasGetConnectStatusW a
        connection, and returns the very object of the last one. A connection that ends between
        the two calls is an Observation with `gone`; another code of one status call is that
        Observation's `code`.

        Raises RasError where the enumeration fails. Source: RasEnumConnectionsW,
        RasGetConnectStatusW.
        """
        polled = self._snapshot
        answer = polled.poll()
        if answer == polled.generation:
            return polled.result
        return polled.refresh() if answer > 0 else self._raise_failed_poll(answer)

    def _raise_failed_poll(self, answer: int) -> NoReturn:
        raise self._error(-answer, "RasEnumConnectionsW")

    def get_connect_status(self, handle: int | Connection) -> Status:
        """Ask the status of one connection (GS-1).

        `handle` is an HRASCONN of RasDial or of an enumeration, or a Connection.

        Raises RasError: 6 when the connection is no more, 8 when Windows is out of memory
        (GS-4). A failure to connect is not raised, it is `Status.error` (GS-3). Source:
        RasGetConnectStatusW.
        """
        code, status = decode_status(self._open().get_connect_status(_handle(handle)))
        if status is None:
            raise self._error(code, "RasGetConnectStatusW")
        return status

    def wait_for_state(
        self,
        handle: int | Connection,
        states: Iterable[int] | None = None,
        *,
        timeout: float = 60.0,
        interval: float = 0.01,
        cancel: Event | None = None,
    ) -> Status:
        """Poll a connection's status natively until it is in one of `states` (GS-5).

        Without `states`: until connecting is over (connected, disconnected, or a non-zero
        `error`), or paused for input. `interval` and `timeout` are seconds (resolution 1 ms);
        the GIL is released meanwhile, Ctrl-C is noticed.

        Raises TimeoutError, Cancelled where `cancel` was set, RasError for a code of
        RasGetConnectStatusW: 6 when the connection ended. Source: RasGetConnectStatusW.
        """
        number, wanted = _handle(handle), _states(states)
        timeout_ns = _check.nanoseconds("timeout", timeout)
        interval_ns = _check.nanoseconds("interval", interval)
        canceller = cancel_event(cancel, self.backend)
        due, record = 0, cast("bytes | memoryview", b"")

        def step(slice_ns: int) -> int:
            nonlocal due, record
            code, due, record = self._open().wait_status(
                number, wanted, interval_ns, slice_ns, canceller, due
            )
            return code

        code = wait_in_slices(step, timeout_ns)
        if code == RN_E_CANCELLED:
            raise Cancelled("the wait for a connection's state was cancelled")
        if code == RN_E_TIMEOUT:
            raise TimeoutError(f"connection {number:#x} reached no such state in {timeout} s")
        if code:
            raise self._error(code, "RasGetConnectStatusW")
        _, status = decode_status(record)
        assert status is not None  # noqa: S101 - the code was 0
        return status

    def connection_notification(
        self,
        handle: int | Connection | None = None,
        flags: int = NotificationFlag.ALL,
        *,
        ansi: bool = False,
    ) -> Notification:
        """Have RAS set an event when something of `flags` happens (CN-1 to CN-8).

        `handle` None: to any connection of this machine (INVALID_HANDLE_VALUE); otherwise to
        that one. The flags combine. `ansi` calls the A function, which behaves alike (CN-12).
        Close the Notification, or use it in a `with`.

        Raises RasError for any code but success; no event is left behind (CN-9). Source:
        RasConnectionNotificationW.
        """
        number = EVERY_CONNECTION if handle is None else _handle(handle)
        wanted = _check.whole_number("flags", flags, 1, DWORD_MAX)
        provider, event = self._open(), new_backend_event(self.backend)
        code = provider.connection_notification(number, event, wanted, ansi=ansi)
        if code:
            raise self._error(code, f"RasConnectionNotification{'A' if ansi else 'W'}")
        return Notification(self.backend, event)

    def get_subentry_handle(self, handle: int | Connection, subentry: int) -> int:
        """Give the handle of one link of a multilink connection; `subentry` counts from 1.

        Raises RasError: 6 not a connection, 618 that link is not connected, 259 there are not
        so many. Source: RasGetSubEntryHandleW, ledger HU-9.
        """
        number, link = _handle(handle), _subentry_number(subentry)
        code, found = self._open().get_subentry_handle(number, link)
        if code:
            raise self._error(code, "RasGetSubEntryHandleW")
        return found

    def hang_up(
        self,
        handle: int | Connection,
        *,
        subentry: int | None = None,
        wait: bool = True,
        timeout: float = 10.0,
        all_references: bool = False,
    ) -> float:
        """End a connection and wait until its state machine has ended it: seconds it took.

        Works also while its RasDial is not complete (HU-4). Afterwards the handle is dead
        (HU-5) and the same entry can be dialled again at once (HU-8). Each RasDial of an entry
        that is connected adds a reference, and one hang-up takes one away: `all_references`
        hangs up until none is left. `wait=False` returns at once and leaves the rest of the
        wait, at most 3 s, to the interpreter's exit (HU-7).

        `subentry` ends one link of a multilink connection. Windows cannot be asked whether a
        link is down, so the wait is for RAS to report it, or 3 s if it does not (HU-9).

        Raises RasError: 6 or 668 for a handle that is no connection's (HU-3), TimeoutError when
        the connection still answers after `timeout` seconds. Source: RasHangUpW.
        """
        number = _handle(handle)
        _check.nanoseconds("timeout", timeout)  # before anything is changed
        started = time.perf_counter()
        if subentry is not None:
            self._hang_up_subentry(number, _subentry_number(subentry), wait=wait)
            return time.perf_counter() - started
        provider = self._open()
        self._hang_up(provider, number, all_references=all_references)
        finish_later((provider, number), partial(_wait_gone, provider, number))
        if wait:
            code = _wait_gone(provider, number, timeout)
            if code == RN_E_TIMEOUT:
                raise TimeoutError(
                    f"connection {number:#x} still answers {timeout:g} s after RasHangUp: either "
                    "it takes longer (timeout=), or other RasDial calls hold references to it "
                    "(all_references=True)"
                )
            if code:
                raise self._error(code, "RasGetConnectStatusW")
            forget((provider, number))
        return time.perf_counter() - started

    def _hang_up(self, provider: Provider, number: int, *, all_references: bool) -> None:
        code = provider.hang_up(number)
        if code:
            raise self._error(code, "RasHangUpW")
        if all_references:
            for _ in range(_MOST_REFERENCES):
                if provider.hang_up(number):  # no reference is left
                    return

    def _hang_up_subentry(self, number: int, subentry: int, *, wait: bool) -> None:
        provider = self._open()
        link = self.get_subentry_handle(number, subentry)
        event = self._removal_event(number)
        self._hang_up(provider, link, all_references=False)
        pause = partial(_wait_link_down, provider, number, subentry, event)
        finish_later((provider, link), pause)
        if wait:
            pause(_PAUSE_SECONDS)
            forget((provider, link))

    def _removal_event(self, number: int) -> Event:
        """An event for the end of a link; one that is never set where RAS gives none."""
        flags = NotificationFlag.BANDWIDTH_REMOVED | NotificationFlag.DISCONNECTION
        try:
            return self.connection_notification(number, flags)
        except (RasError, ProviderError):
            return Event(backend=self.backend)

    def get_error_string(self, code: int) -> str:
        """Give the provider's text for a code, or this package's where it has none.

        Source: RasGetErrorStringW, ledger GS-7.
        """
        number = _check.whole_number("code", code, 0, DWORD_MAX)
        return _error_string(self._open(), number) or code_text(number)

    def _error(self, code: int, function: str) -> Exception:
        if not RN_E_FIRST < code <= RN_E_LAST:  # the provider's own
            provider = self._provider
            message = None if provider is None else _error_string(provider, code)
            return RasError(code, function, message or None)
        return _shim_error(code, function, self.provider)

    def _close_with_it(self, closable: _Closable) -> None:
        """Have `close` close this object first, unless it is gone by then."""
        self._open()
        self._closed_with_it.add(closable)

    def close(self) -> None:
        """Let go of the provider once the calls under way have returned; again does nothing.

        Every later call raises ValueError. Notifications stay valid; a Monitor is closed.
        """
        for closable in list(self._closed_with_it):
            closable.close()
        self._provider = None
        self._connections = PolledConnections(_ClosedList())
        self._snapshot = PolledSnapshot(_ClosedList())

    def __enter__(self) -> Ras:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _provider_path(provider: str | os.PathLike[str] | None) -> str | None:
    if provider is None:
        if sys.platform != "win32":
            raise ProviderError(
                None,
                "RAS exists only on Windows; to try things out here pass a simulator: "
                "Ras(provider=ras_native.sim.Simulator())",
            )
        return None
    path = os.path.abspath(_check.path("provider", provider))
    if not os.path.isfile(path):
        raise ProviderError(path, "there is no such file")
    return path


def _open_provider(backend: str, path: str | None) -> Provider:
    code, os_error, reason, provider = ras_backend(backend).open_provider(path)
    if provider is not None:
        return provider
    if code == RN_E_LOAD:
        raise not_loaded(path, os_error, reason)
    if code == RN_E_UNSUPPORTED:
        needed = "RasEnumConnectionsW, RasGetConnectStatusW and RasHangUpW"
        raise ProviderError(path, f"it lacks functions of rasapi32: it needs {needed}")
    raise _shim_error(code, "LoadLibrary", path)


def _wait_gone(provider: Provider, number: int, timeout: float) -> int:
    """Wait for the end of a connection that was hung up: 0, RN_E_TIMEOUT or another code."""
    timeout_ns = _check.nanoseconds("timeout", timeout)
    return wait_in_slices(partial(provider.wait_gone, number), timeout_ns)


def _wait_link_down(
    provider: Provider, number: int, subentry: int, event: Event, seconds: float
) -> None:
    """Wait for the event of this link: another link's sets it as well."""
    deadline = time.perf_counter() + seconds
    down = (*GONE_CODES, _ERROR_PORT_NOT_OPEN, _ERROR_NO_MORE_ITEMS)
    while event.wait(max(0.0, deadline - time.perf_counter())):
        event.reset()
        if provider.get_subentry_handle(number, subentry)[0] in down:
            break


def _shim_error(code: int, function: str, provider: str | None) -> Exception:
    if code == RN_E_KEEPS_GROWING:
        return RasError(
            603,
            function,
            f"the list of connections outgrew {RN_MAX_ATTEMPTS} buffers one after another: "
            "try again when fewer connections are being made",
        )
    if code == RN_E_ABSURD:
        return ProviderError(
            provider,
            f"{function} reports more than {RN_MAX_CONNECTIONS} connections",
        )
    if code == RN_E_UNSUPPORTED:
        return ProviderError(provider, f"it has no {function}", function=function)
    if code == RN_E_NO_MEMORY:
        return MemoryError(f"no memory for {function}")
    return system_error(code - RN_E_OS, f"a system call of {function} failed")


def _error_string(provider: Provider, code: int) -> str:
    for length in _ERROR_STRING_LENGTHS:
        answer, units = provider.get_error_string(code, length)
        if answer == 0:
            return text(units).strip()
        if answer not in (122, 603):
            break
    return ""


def _handle(handle: int | Connection) -> int:
    return _check.handle(handle.handle if isinstance(handle, Connection) else handle)


def _subentry_number(subentry: int) -> int:
    return _check.whole_number("subentry", subentry, 1, DWORD_MAX)


def _states(states: Iterable[int] | None) -> tuple[int, ...]:
    return () if states is None else _check.whole_numbers("states", states, 0, DWORD_MAX)


_system: Ras | None = None
_system_lock = Lock()


def _system_ras() -> Ras:
    """The system's own rasapi32, opened when it is first needed."""
    global _system  # noqa: PLW0603 - one per process, as Windows has one RAS
    with _system_lock:
        if _system is None:
            _system = Ras()
        return _system


def _of_the_system(method: Callable[Concatenate[Ras, _P], _R]) -> Callable[_P, _R]:
    """The method as a function, for the system's own rasapi32."""

    @wraps(method)
    def function(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        return method(_system_ras(), *args, **kwargs)

    return function


enum_connections = _of_the_system(Ras.enum_connections)
get_connect_status = _of_the_system(Ras.get_connect_status)
wait_for_state = _of_the_system(Ras.wait_for_state)
snapshot = _of_the_system(Ras.snapshot)
connection_notification = _of_the_system(Ras.connection_notification)
get_subentry_handle = _of_the_system(Ras.get_subentry_handle)
hang_up = _of_the_system(Ras.hang_up)
get_error_string = _of_the_system(Ras.get_error_string)
