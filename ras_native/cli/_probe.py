"""Checks whether TCP ports accept connections: resolves names, then calls connect_stream."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple, cast

from .. import ConnectOutcome, Ras, RasError, connect_stream

Target = tuple[str, int]
_SockAddr = tuple[str, int] | tuple[str, int, int, int]
_Source = IPv4Address | IPv6Address

_NOT_PROJECTED = 730  # ERROR_PROJECTION_NOT_COMPLETE


class Probe(NamedTuple):
    """The result of one target."""

    time: datetime
    """When the check began, in UTC."""
    target: str
    address: str | None
    """The first address of the name; None if it has no address."""
    outcome: str
    """A ConnectOutcome; "unresolved"; or why there is no tunnel: see `Tunnel.sources`."""
    code: int
    """The Winsock code, for "ras_error" that of RAS; 0 if the outcome has none."""
    milliseconds: float | None
    """The time from the connect call to its outcome."""

    @property
    def is_open(self) -> bool:
        """Whether the port accepts connections."""
        return self.outcome == ConnectOutcome.OPEN.value

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {**self._asdict(), "time": self.time.isoformat()}


def join_target(host: str, port: int) -> str:
    """Return the text of a target."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True)
class Tunnel:
    """The tunnel to check through: that of a phone-book entry's connection."""

    ras: Ras
    entry: str

    def sources(self) -> tuple[str, int, tuple[_Source, ...]]:
        """Return why there is no tunnel now, a code of RAS, and the addresses to connect from.

        The reasons are "not_connected", "ambiguous" (several connections have the name) and
        "ras_error". The tunnel may be another one each time, so nothing is kept.
        """
        try:
            listed = self.ras.enum_connections()
            found = [c for c in listed if c.entry_name.casefold() == self.entry.casefold()]
            if len(found) != 1:
                return "ambiguous" if found else "not_connected", 0, ()
            return "", 0, self.ras.get_projection_info(found[0]).addresses
        except RasError as error:
            if error.gone or error.code == _NOT_PROJECTED:
                return "not_connected", 0, ()
            return "ras_error", error.code, ()


class _Check:
    """The check of one target: first what is planned, then what came of it."""

    def __init__(self, number: int, target: Target) -> None:
        self.number, self.target = number, target
        self.time = datetime.now(timezone.utc)
        self.address: _SockAddr | None = None
        self.source: _Source | None = None
        self.outcome, self.code = "", 0
        self.milliseconds: float | None = None

    def plan(self, found: list[_SockAddr], sources: tuple[_Source, ...] | None) -> None:
        """Choose one of the addresses that were found, which one of `sources` can connect to."""
        if not found:
            self.outcome = "unresolved"
            return
        self.address = found[0]
        if sources is None:
            return
        for address in found:
            for source in sources:
                if source.version == (6 if ":" in address[0] else 4):
                    self.address, self.source = address, source
                    return
        self.outcome = "no_address"  # the tunnel has none of the target's family

    def described(self) -> tuple[int, Probe]:
        """Return the target's number and its result."""
        host = None if self.address is None else str(self.address[0])
        text = join_target(*self.target)
        return self.number, Probe(self.time, text, host, self.outcome, self.code, self.milliseconds)


class _Address(tuple[Any, ...]):
    """The address of a check; connect_stream returns it in its result."""

    check: _Check


def _resolve(host: str, port: int) -> list[_SockAddr]:
    """Return the addresses of a name; the list is empty if it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [item[4] for item in found]  # type: ignore[misc]


def _planned(targets: Iterable[Target], sources: tuple[_Source, ...] | None) -> Iterator[_Check]:
    """Resolve each target; look a name up once for consecutive ports."""
    name = ""
    found: list[_SockAddr] = []
    for number, (host, port) in enumerate(targets):
        if host != name:
            name, found = host, _resolve(host, port)
        check = _Check(number, (host, port))
        check.plan([(item[0], port, *item[2:]) for item in found], sources)
        yield check


def check_each(
    targets: Iterable[Target], *, tunnel: Tunnel | None = None, **options: Any
) -> Iterator[tuple[int, Probe]]:
    """Check each target once; yield its number and result when its check ends.

    `options` are those of connect_stream. Targets are read while others are checked. If reading
    fails, the results of the earlier targets come before the exception. With a tunnel all targets
    are read first, so an exception comes before any result.
    """
    if tunnel is None:
        yield from _run(_planned(targets, None), None, options)
        return
    problem, code, sources = tunnel.sources()
    checks = list(_planned(targets, sources))
    for check in checks:
        if problem:
            check.outcome, check.code = problem, code
        if check.outcome:
            yield check.described()
    for source in sources:
        batch = [check for check in checks if not check.outcome and check.source == source]
        yield from _run(batch, source, options)


def _run(
    checks: Iterable[_Check], source: _Source | None, options: dict[str, Any]
) -> Iterator[tuple[int, Probe]]:
    """Connect for all checks, from one source."""
    unresolved: list[_Check] = []

    def addresses() -> Iterator[_Address]:
        for check in checks:
            if check.outcome:
                unresolved.append(check)
                continue
            address = _Address(check.address or ())
            address.check = check
            yield address

    def take_unresolved() -> Iterator[tuple[int, Probe]]:
        while unresolved:
            yield unresolved.pop(0).described()

    try:
        results = connect_stream(addresses(), source=(source, 0) if source else None, **options)
    except ValueError:
        if source is None:
            raise
        for check in checks:  # the tunnel has ended meanwhile, and its address with it
            check.outcome = "no_address"
            yield check.described()
        return
    for result in results:
        yield from take_unresolved()
        check = cast("_Address", result.target).check
        check.outcome, check.code = result.outcome.value, result.code
        check.milliseconds = round(result.milliseconds, 3)
        yield check.described()
    yield from take_unresolved()


def probe(targets: Iterable[Target], **options: Any) -> list[Probe]:
    """Check each target once, and return the results in order. See `check_each`."""
    return [item for _, item in sorted(check_each(targets, **options))]


class Prober:
    """Checks the targets every `interval` seconds; a context manager.

    Each target has its own thread: a target that does not answer does not delay the others. The
    thread calls `report` with each result. An OSError ends its checks, and is reported too.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        report: Callable[[Probe | OSError], object],
        *,
        interval: float,
        timeout: float,
        backend: str | None,
        tunnel: Tunnel | None = None,
    ) -> None:
        self._report, self._interval = report, interval
        self._timeout, self._backend, self._tunnel = timeout, backend, tunnel
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(target,), name="probe", daemon=True)
            for target in targets
        ]

    def _run(self, target: Target) -> None:
        due = time.monotonic()
        while True:
            try:
                (result,) = probe(
                    [target],
                    timeout=self._timeout,
                    concurrency=1,
                    backend=self._backend,
                    tunnel=self._tunnel,
                )
            except OSError as error:
                self._report(error)
                return
            self._report(result)
            now = time.monotonic()
            due = max(due, now - self._interval) + self._interval  # missed checks are skipped
            if self._stopping.wait(due - now):
                return

    def stop(self) -> None:
        """Start no more checks, and wait until those under way are reported."""
        self._stopping.set()
        deadline = time.monotonic() + 2 * self._timeout + 1
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> Prober:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
