"""The RAS functions of one provider (`Ras`), and those of the system's own (module level)."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial, wraps
from threading import Lock
from types import MethodType
from typing import (
    Concatenate,
    Literal,
    NamedTuple,
    NoReturn,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
)
from weakref import WeakSet

from . import _backend, _check
from ._at_exit import forget, wait_at_exit
from ._backend.contract import BackendEvent, ConnectionList, Provider
from ._backend.layout import RN_E_CANCELLED, RN_E_TIMEOUT, RN_E_UNSUPPORTED
from ._check import DWORD_MAX, EVERY_CONNECTION
from ._errors import Cancelled, ProviderError, RasError
from ._event import Event, cancel_event, new_backend_event
from ._explain import code_text
from ._fork import close_in_child
from ._help import documented
from ._log import logger
from ._notification import Notification, Registrations
from ._polled import PolledConnections, PolledSnapshot
from ._projection import Projection, decode_projection
from ._provider import (
    LINK_DOWN_CODES,
    NO_REFERENCE_LEFT,
    error_string,
    is_own_code,
    may_have_restarted,
    open_provider,
    provider_path,
    shim_error,
)
from ._records import (
    Connection,
    Endpoint,
    NotificationFlag,
    Observation,
    Snapshot,
    Status,
    decode_status,
    only_one,
    same_name,
)
from ._statistics import Statistics, StatisticsList, decode_statistics, pair_statistics
from ._wait import wait_in_slices

_MOST_REFERENCES = 1024  # hang-ups of one connection before all_references gives up
_PAUSE_SECONDS = 3.0

_P = ParamSpec("_P")
_R = TypeVar("_R")

ConnectionLike: TypeAlias = int | Connection | Observation | str
"""A connection's handle, a record that has it, or the name of its phone-book entry."""


@documented
class Sizes(NamedTuple):
    """The versions of the structures that were negotiated with the provider, by their dwSize.

    - `rasconn`: The size of RASCONN in bytes; 0 before its first use.
    - `rasconnstatus`: The size of RASCONNSTATUS in bytes; 0 before its first use.

    >>> handle = sim.add("Head office")
    >>> snapshot = ras.snapshot()
    >>> ras.sizes.rasconnstatus > 0
    True
    """

    rasconn: int
    rasconnstatus: int


class _Closable(Protocol):
    def close(self) -> None: ...


class _ClosedList:
    """What a closed Ras polls."""

    def __init__(self, because: str) -> None:
        self._because = because

    def poll(self) -> NoReturn:
        raise ValueError(self._because)

    def collect(self, _: int) -> NoReturn:
        raise ValueError(self._because)

    def statistics(self) -> NoReturn:
        raise ValueError(self._because)


class Ras:
    """The RAS functions of one provider, called through one backend.

    `provider` is the path of a library with rasapi32's ABI, or a `ras_native.sim.Simulator`.
    None is rasapi32 itself, from System32. `backend` is "native", "ctypes", or None for the
    process's default; a backend that is asked for never falls back to the other.

    Close it, or use it in a `with`. Any number of threads may use one at the same time. After
    `os.fork`, make a new one in the child: an inherited one raises ValueError.

    A signal handler must not poll it: it may have interrupted a poll of the same thread.

    Methods take a connection as its handle (an int, the HRASCONN of RasDial or of an enumeration),
    a Connection, an Observation, or the name of its phone-book entry in any letter case. A name
    costs one enumeration. KeyError lists the connections if none or several have the name. A
    connection that is being dialled is not listed yet.

    Raises ProviderError if the provider cannot be loaded or is not one, TypeError or ValueError
    for an argument that is no path or no backend, ImportError if the native backend is asked for
    and cannot be used.

    - `backend`: The backend in use: "native" or "ctypes".
    - `provider`: The path of the library; None for the system's own rasapi32.

    >>> with Simulator() as sim, Ras(sim) as ras:
    ...     handle = sim.add("Head office")
    ...     for connection in ras.enum_connections():
    ...         print(connection.entry_name, connection.device_type)
    Head office vpn
    """

    backend: str
    provider: str | None
    _provider: Provider | None = None
    _closed_because = "this Ras is closed"

    def __init__(
        self, provider: str | os.PathLike[str] | None = None, *, backend: str | None = None
    ) -> None:
        self.backend = _backend.select(backend)
        self.provider = provider_path(provider)
        self._provider = open_provider(self.backend, self.provider)
        self._registrations = Registrations()
        self._closed_with_it: WeakSet[_Closable] = WeakSet()
        try:
            self._connections = PolledConnections(self._new_list(with_status=False))
            self._snapshot = PolledSnapshot(self._new_list(with_status=True))
        except BaseException:
            self._provider = None
            raise
        close_in_child(self)
        logger.debug("opened %r", self)

    def _new_list(self, *, with_status: bool) -> ConnectionList:
        code, connections = self._open().new_list(with_status=with_status)
        if connections is None:
            raise self._error(code, "RasEnumConnectionsW")
        return connections

    def _open(self) -> Provider:
        if self._provider is None:
            raise ValueError(self._closed_because)
        return self._provider

    def __repr__(self) -> str:
        state = "closed" if self._provider is None else "open"
        library = self.provider or "the system's rasapi32"
        return f"<ras_native.Ras {library} backend={self.backend} {state}>"

    def __del__(self) -> None:
        if self._provider is not None:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=2)

    def _handle(self, connection: ConnectionLike) -> int:
        """Check the argument that says which connection; a name costs an enumeration."""
        if not isinstance(connection, str):
            return _known_handle(connection)
        listed = self.enum_connections()
        named = [item for item in listed if same_name(item.entry_name, connection)]
        return only_one(connection, named, listed).handle

    @property
    def sizes(self) -> Sizes:
        """The versions of the structures that were negotiated with the provider."""
        return Sizes(*self._open().sizes())

    def enum_connections(self) -> tuple[Connection, ...]:
        """List every active connection; the tuple is empty if there is none.

        While nothing changes, every call returns the same tuple. A connection that is being
        dialled is listed once it has connected.

        Raises RasError for any code but success; with code 603 the list kept growing from one
        attempt to the next. Source: RasEnumConnectionsW.

        >>> handle = sim.add("Head office")
        >>> for connection in ras.enum_connections():
        ...     print(connection.entry_name, "through", connection.device_name)
        Head office through WAN Miniport (IKEv2)
        """
        polled = self._connections
        answer = polled.poll()
        if answer == polled.generation:
            return polled.result
        return polled.refresh() if answer > 0 else self._raise_failed_poll(answer)

    def snapshot(self) -> Snapshot:
        """List every active connection and ask the status of each, in one native call.

        That is one RasEnumConnectionsW, and one RasGetConnectStatusW for each connection. While
        nothing changes, every call returns the same object. For a connection that ends between
        the two, `Observation.gone` is true. If a status call fails, its code is
        `Observation.code`.

        Raises RasError if the enumeration fails. Source: RasEnumConnectionsW,
        RasGetConnectStatusW.

        >>> handle = sim.add("Head office")
        >>> for observation in ras.snapshot():
        ...     print(observation.connection.entry_name, observation.status.state)
        Head office CONNECTED
        """
        polled = self._snapshot
        answer = polled.poll()
        if answer == polled.generation:
            return polled.result
        return polled.refresh() if answer > 0 else self._raise_failed_poll(answer)

    def statistics(self) -> StatisticsList:
        """List every active connection and ask the statistics of each, in one native call.

        That is one RasEnumConnectionsW, and one RasGetConnectionStatistics for each connection. For
        a connection that ends between the two, `ConnectionStatistics.gone` is true. If another
        call fails, its code is `ConnectionStatistics.code`.

        Raises RasError if the enumeration fails, ProviderError if something is connected and the
        provider has no statistics. Source: RasEnumConnectionsW, RasGetConnectionStatistics.

        >>> handle = sim.add("Head office")
        >>> sim.set_statistics(handle, bytes_received=1500)
        >>> ras.statistics()["Head office"].statistics.bytes_received
        1500
        """
        polled = self._connections
        answer, records = polled.connections.statistics()
        if answer < 0:
            has_function = answer != -RN_E_UNSUPPORTED  # every provider can enumerate
            function = "RasEnumConnectionsW" if has_function else "RasGetConnectionStatistics"
            raise self._error(-answer, function)
        listed = polled.result if answer == polled.generation else polled.refresh()
        return pair_statistics(listed, records)

    def _raise_failed_poll(self, answer: int) -> NoReturn:
        raise self._error(-answer, "RasEnumConnectionsW")

    def get_connect_status(self, handle: ConnectionLike) -> Status:
        """Ask the status of one connection, also of one that is being dialled.

        handle: a handle, a Connection, an Observation, or the name of an entry: see `Ras`.

        Raises RasError with code 6 if the connection has ended, with 8 if Windows is out of
        memory. A failure to connect is not raised: it is `Status.error`. Source:
        RasGetConnectStatusW.

        >>> handle = sim.dial("Head office")
        >>> print(ras.get_connect_status(handle).state)
        OPEN_PORT
        """
        code, status = decode_status(self._open().get_connect_status(self._handle(handle)))
        if status is None:
            raise self._error(code, "RasGetConnectStatusW")
        return status

    def get_connection_statistics(self, handle: ConnectionLike) -> Statistics:
        """Ask what RAS counted for one connection since it connected.

        handle: a handle, a Connection, an Observation, or the name of an entry: see `Ras`.

        Raises RasError: 6 or 668 if the connection has ended or is not up, 8 if Windows is out of
        memory; ProviderError if the provider has no statistics. Source: RasGetConnectionStatistics.

        >>> handle = sim.add("Head office")
        >>> sim.set_traffic(handle, received=2000)
        >>> sim.advance(5)
        >>> ras.get_connection_statistics("Head office").bytes_received
        10000
        """
        return self._statistics(self._handle(handle), 0)

    def get_link_statistics(self, handle: ConnectionLike, subentry: int) -> Statistics:
        """Ask what RAS counted for one link of a multilink connection.

        handle: a handle, a Connection, an Observation, or the name of an entry: see `Ras`.
        subentry: the number of the link, from 1.

        Raises RasError: 6 or 668 if the connection has ended or is not up, another code if it has
        no such link; ProviderError if the provider has no such function. Source:
        RasGetLinkStatistics.

        >>> handle = sim.add("Head office", subentries=2)
        >>> sim.advance(5)
        >>> ras.get_link_statistics(handle, 2).duration_ms
        5000
        """
        link = _subentry_number(subentry)
        return self._statistics(self._handle(handle), link)

    def _statistics(self, number: int, subentry: int) -> Statistics:
        code, statistics = decode_statistics(self._open().get_statistics(number, subentry))
        if statistics is None:
            function = "RasGetLinkStatistics" if subentry else "RasGetConnectionStatistics"
            raise self._error(code, function)
        return statistics

    def clear_connection_statistics(self, handle: ConnectionLike) -> None:
        """Set the counters of one connection to 0, for every program.

        handle: a handle, a Connection, an Observation, or the name of an entry: see `Ras`.

        Raises RasError: 6 or 668 if the connection has ended; ProviderError if the provider has no
        such function. Never call it with Wine's own rasapi32: it ends the process. Source:
        RasClearConnectionStatistics.

        >>> handle = sim.add("Head office")
        >>> sim.set_statistics(handle, bytes_sent=1500)
        >>> ras.clear_connection_statistics("Head office")
        >>> ras.get_connection_statistics("Head office").bytes_sent
        0
        """
        code = self._open().clear_connection_statistics(self._handle(handle))
        if code:
            raise self._error(code, "RasClearConnectionStatistics")

    def get_projection_info(self, handle: ConnectionLike) -> Projection:
        """Ask what a connection negotiated: its addresses, authentication and encryption.

        handle: a handle, a Connection, an Observation, or the name of an entry: see `Ras`.

        The status is read before and after. If it changed, everything is read again, up to four
        readings in all.

        Raises RasError with code 6 if the connection has ended, 730 while it is still being
        dialled, 731 if its entry asks for no such protocol. Raises ProviderError if the provider
        lacks the function, which Windows has since version 7. Source: RasGetProjectionInfoEx.

        >>> handle = sim.add("Head office")
        >>> projection = ras.get_projection_info("Head office")
        >>> print(projection.kind, projection.client_ipv4)
        IKEV2 10.0.0.2
        """
        code, record = self._open().get_projection_info(self._handle(handle))
        if code:
            raise self._error(code, "RasGetProjectionInfoEx")
        return decode_projection(record)

    def local_address(
        self, handle: ConnectionLike, *, version: Literal[4, 6] | None = None
    ) -> Endpoint:
        """Give the address that this computer has in the tunnel of a connection.

        handle: a handle, a Connection, an Observation, or the name of an entry: see `Ras`.

        Pass it as the source of a connect: `connect(sock, target, source=(address, 0))`. Call this
        again after a new dialling: the address may differ. `version` 4 or 6 asks for IPv4 or IPv6;
        None prefers IPv4.

        Raises LookupError if there is no such address, or no connection of that name. Raises as
        `get_projection_info` does. Source: RasGetProjectionInfoEx.

        >>> handle = sim.add("Head office")
        >>> ras.local_address("Head office")
        IPv4Address('10.0.0.2')
        """
        if version not in (4, 6, None):
            raise ValueError(f"version must be 4, 6 or None, not {version!r}")
        addresses = self.get_projection_info(handle).addresses
        for address in addresses:
            if version in (address.version, None):
                return address
        listed = ", ".join(map(str, addresses)) or "none"
        family = "" if version is None else f"IPv{version} "
        raise LookupError(f"the connection has no {family}address in its tunnel: it has {listed}")

    def wait_for_state(
        self,
        handle: ConnectionLike,
        states: Iterable[int] | None = None,
        *,
        timeout: float = 60.0,
        interval: float = 0.01,
        cancel: Event | None = None,
    ) -> Status:
        """Poll a connection's status until it is in one of `states`, and return that status.

        handle: a handle, a Connection, an Observation, or the name of an entry: see `Ras`.

        Without `states` the wait ends when connecting is over (connected, disconnected, or a
        non-zero `error`), or paused for input. If connecting failed, `Status.reason` explains why.
        `interval` and `timeout` are seconds, in steps of 1 ms. Other threads run meanwhile, and
        Ctrl-C ends the wait.

        Raises TimeoutError, Cancelled if `cancel` was set, and RasError for a code of
        RasGetConnectStatusW; 6 says that the connection has ended. Source: RasGetConnectStatusW.

        >>> sim.step_per_call = 0.5  # each call moves the simulator's clock
        >>> handle = sim.dial("Head office", error=691)
        >>> status = ras.wait_for_state(handle)
        >>> print(status.reason.name)
        ERROR_AUTHENTICATION_FAILURE
        """
        wanted, canceller = _states(states), cancel_event(cancel, self.backend)
        timeout_ns = _check.nanoseconds("timeout", timeout)
        interval_ns = _check.nanoseconds("interval", interval)
        number = self._handle(handle)
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
        handle: ConnectionLike | None = None,
        flags: int = NotificationFlag.ALL,
        *,
        ansi: bool = False,
    ) -> Notification:
        """Make RAS set an event when one of `flags` happens to this connection, or to any.

        `handle` None is every connection of this machine. The flags combine: `CONNECTION |
        DISCONNECTION`. `ansi` calls the A function, which does the same. Close the Notification,
        or use it in a `with`.

        Raises RasError for any code but success. Source: RasConnectionNotificationW.

        >>> with ras.connection_notification() as notification:
        ...     handle = sim.add("Head office")
        ...     notification.wait(timeout=10)
        True
        """
        wanted = _check.whole_number("flags", flags, 1, DWORD_MAX)
        number = None if handle is None else self._handle(handle)
        description = f"flags={NotificationFlag(wanted)!s}"
        if number is not None:
            event = self._register(number, wanted, ansi=ansi)
            return Notification(self.backend, event, f"connection={number:#x} {description}")
        self._open()
        kind, registrations = (wanted, bool(ansi)), self._registrations
        epoch = registrations.epoch  # before the call: RAS may fail meanwhile
        event = registrations.take(kind) or self._register(EVERY_CONNECTION, wanted, ansi=ansi)
        give_back = partial(registrations.give_back, kind, epoch)
        return Notification(self.backend, event, f"all connections {description}", give_back)

    def _discard_registrations(self) -> None:
        """Use no registration again: RAS may have forgotten them."""
        self._registrations.discard()

    def _register(self, number: int, flags: int, *, ansi: bool) -> BackendEvent:
        provider, event = self._open(), new_backend_event(self.backend)
        code = provider.connection_notification(number, event, flags, ansi=ansi)
        if code:
            function = f"RasConnectionNotification{'A' if ansi else 'W'}"
            logger.warning("%s failed with code %d", function, code)
            raise self._error(code, function)
        return event

    def get_subentry_handle(self, handle: ConnectionLike, subentry: int) -> int:
        """Give the handle of one link of a multilink connection.

        handle: a handle, a Connection, an Observation, or the name of an entry: see `Ras`.
        subentry: the number of the link, from 1.

        Raises RasError: 6 if it is no connection, 618 if the link is not connected, 259 if there
        are fewer links. Source: RasGetSubEntryHandleW.

        >>> handle = sim.add("Head office", subentries=2)
        >>> link = ras.get_subentry_handle("Head office", 2)
        >>> print(ras.get_connect_status(link).state)
        CONNECTED
        """
        link = _subentry_number(subentry)
        number = self._handle(handle)
        code, found = self._open().get_subentry_handle(number, link)
        if code:
            raise self._error(code, "RasGetSubEntryHandleW")
        return found

    def hang_up(
        self,
        handle: ConnectionLike,
        *,
        subentry: int | None = None,
        wait: bool = True,
        timeout: float = 10.0,
        all_references: bool = False,
    ) -> float:
        """End a connection, wait until it has ended, and return the seconds that took.

        handle: a handle, a Connection, an Observation, or the name of an entry: see `Ras`.

        A dialling can be ended as well. Afterwards every use of the handle raises RasError, and
        the same entry can be dialled again at once. `wait=False` returns at once and leaves the
        rest of the wait, at most 3 s, to the interpreter's exit.

        Each RasDial of a connected entry adds a reference, and one hang-up takes one away.
        `all_references` hangs up until none is left.

        `subentry` ends one link of a multilink connection. Windows cannot be asked whether a
        link is down: the wait ends when RAS reports it, or after 3 s.

        Raises RasError: 6 or 668 if the handle is no connection's, any other code of a hang-up.
        Raises TimeoutError if the connection still answers after `timeout` seconds. Source:
        RasHangUpW.

        >>> handle = sim.add("Head office")
        >>> seconds = ras.hang_up("Head office")
        >>> ras.enum_connections()
        ()
        """
        _check.nanoseconds("timeout", timeout)  # before anything is changed
        link = None if subentry is None else _subentry_number(subentry)
        number = self._handle(handle)
        started = time.perf_counter()
        if link is not None:
            self._hang_up_subentry(number, link, wait=wait)
            return time.perf_counter() - started
        provider = self._open()
        self._hang_up(provider, number)
        wait_at_exit(provider, number, partial(_is_gone_within, number))
        if all_references:
            self._hang_up_other_references(provider, number)
        if wait:
            code = _wait_gone(provider, number, timeout)
            if code == RN_E_TIMEOUT:
                logger.warning("connection %#x still answers %g s after RasHangUp", number, timeout)
                raise TimeoutError(
                    f"connection {number:#x} still answers {timeout:g} s after RasHangUp: either "
                    "it takes longer (timeout=), or other RasDial calls hold references to it "
                    "(all_references=True)"
                )
            if code:
                raise self._error(code, "RasGetConnectStatusW")
            forget(provider, number)
        return time.perf_counter() - started

    def _hang_up(self, provider: Provider, number: int) -> None:
        code = provider.hang_up(number)
        if code:
            raise self._error(code, "RasHangUpW")

    def _hang_up_other_references(self, provider: Provider, number: int) -> None:
        for _ in range(_MOST_REFERENCES):
            code = provider.hang_up(number)
            if code in NO_REFERENCE_LEFT:
                return
            if code:
                raise self._error(code, "RasHangUpW")

    def _hang_up_subentry(self, number: int, subentry: int, *, wait: bool) -> None:
        provider = self._open()
        link = self.get_subentry_handle(number, subentry)
        with self._removal_event(number) if wait else nullcontext() as event:
            self._hang_up(provider, link)
            wait_at_exit(provider, link)
            if event is not None:
                _wait_link_down(provider, number, subentry, event, _PAUSE_SECONDS)
                forget(provider, link)

    def _removal_event(self, number: int) -> Event:
        """Make an event for the end of a link. It is never set if RAS signals nothing."""
        flags = NotificationFlag.BANDWIDTH_REMOVED | NotificationFlag.DISCONNECTION
        try:
            return self.connection_notification(number, flags)
        except (RasError, ProviderError):
            return Event(backend=self.backend)

    def get_error_string(self, code: int) -> str:
        """Give the provider's text for a code; if it has none, this package's.

        Source: RasGetErrorStringW.

        >>> ras.get_error_string(691)
        'the server refused the user name, the password or the way of authenticating'
        """
        number = _check.whole_number("code", code, 0, DWORD_MAX)
        return error_string(self._open(), number) or code_text(number)

    def _error(self, code: int, function: str) -> Exception:
        if not is_own_code(code):
            return shim_error(code, function, self.provider)
        if may_have_restarted(code):
            self._registrations.discard()
        provider = self._provider
        message = None if provider is None else error_string(provider, code)
        return RasError(code, function, message or None)

    def _close_with_it(self, closable: _Closable) -> None:
        """Make `close` close this object first, unless it was collected."""
        self._open()
        self._closed_with_it.add(closable)

    def close(self) -> None:
        """Close the provider; a second close does nothing.

        The library is unloaded when the calls under way have returned. Every later call raises
        ValueError. Notifications stay valid; a Monitor is closed.
        """
        for closable in list(self._closed_with_it):
            closable.close()
        if self._provider is not None:
            logger.debug("closing %r, which negotiated %r", self, self.sizes)
        self._registrations.discard()
        self._refuse_calls()

    def _refuse_calls(self) -> None:
        self._provider = None
        self._connections = PolledConnections(_ClosedList(self._closed_because))
        self._snapshot = PolledSnapshot(_ClosedList(self._closed_because))

    def _close_after_fork(self) -> None:
        """Close in a forked child. What may be locked or half changed is never freed."""
        _never_freed.append(
            (self._provider, self._registrations, self._connections, self._snapshot)
        )
        self._closed_because = (
            "this Ras belongs to the process that forked this one: make a new one"
        )
        self._registrations = Registrations()
        self._refuse_calls()

    def __enter__(self) -> Ras:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _wait_gone(provider: Provider, number: int, timeout: float) -> int:
    """Wait for the end of a connection that was hung up: 0, RN_E_TIMEOUT or another code."""
    timeout_ns = _check.nanoseconds("timeout", timeout)
    return wait_in_slices(partial(provider.wait_gone, number), timeout_ns)


def _is_gone_within(number: int, provider: Provider, seconds: float) -> bool:
    """Wait at exit for the end of a connection."""
    return not _wait_gone(provider, number, seconds)


def _wait_link_down(
    provider: Provider, number: int, subentry: int, event: Event, seconds: float
) -> None:
    """Wait until `event` is set and this link is down; the end of another link sets it too."""
    deadline = time.perf_counter() + seconds
    while event.wait(max(0.0, deadline - time.perf_counter())):
        event.reset()
        if provider.get_subentry_handle(number, subentry)[0] in LINK_DOWN_CODES:
            break


def _known_handle(handle: int | Connection | Observation) -> int:
    if isinstance(handle, Observation):
        handle = handle.connection
    return _check.handle(handle.handle if isinstance(handle, Connection) else handle)


def _subentry_number(subentry: int) -> int:
    return _check.whole_number("subentry", subentry, 1, DWORD_MAX)


def _states(states: Iterable[int] | None) -> tuple[int, ...]:
    return () if states is None else _check.whole_numbers("states", states, 0, DWORD_MAX)


_never_freed: list[object] = []  # in a forked child: what belongs to the parent


class _SystemRas(Ras):
    """The system's own rasapi32, open until the process ends."""

    def __del__(self) -> None:
        """Give no ResourceWarning: nobody closes it."""


_system: Ras | None = None
_system_lock = Lock()


def _system_ras() -> Ras:
    """Open the system's own rasapi32 when it is first needed."""
    global _system  # noqa: PLW0603 - one per process, as Windows has one RAS
    with _system_lock:
        if _system is None:
            _system = _SystemRas()
        return _system


def _of_the_system(method: Callable[Concatenate[Ras, _P], _R]) -> Callable[_P, _R]:
    """Make a function of a method, for the system's own rasapi32."""

    @wraps(method)
    def function(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        return method(_system_ras(), *args, **kwargs)

    # help() and inspect.signature follow __wrapped__, and a bound method shows no self.
    function.__wrapped__ = MethodType(method, Ras)
    function.__qualname__ = method.__name__
    return function


enum_connections = _of_the_system(Ras.enum_connections)
get_connect_status = _of_the_system(Ras.get_connect_status)
get_projection_info = _of_the_system(Ras.get_projection_info)
local_address = _of_the_system(Ras.local_address)
wait_for_state = _of_the_system(Ras.wait_for_state)
snapshot = _of_the_system(Ras.snapshot)
connection_notification = _of_the_system(Ras.connection_notification)
get_subentry_handle = _of_the_system(Ras.get_subentry_handle)
hang_up = _of_the_system(Ras.hang_up)
statistics = _of_the_system(Ras.statistics)
get_connection_statistics = _of_the_system(Ras.get_connection_statistics)
get_link_statistics = _of_the_system(Ras.get_link_statistics)
clear_connection_statistics = _of_the_system(Ras.clear_connection_statistics)
get_error_string = _of_the_system(Ras.get_error_string)
