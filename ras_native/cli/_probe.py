"""Checks whether TCP ports accept connections: resolves names, then calls connect_many."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from .. import ConnectOutcome, ConnectResult, connect_many

Target = tuple[str, int]


class Probe(NamedTuple):
    """The result of one target."""

    time: datetime
    """When the check began, in UTC."""
    target: str
    address: str | None
    """The first address of the name; None if it has no address."""
    outcome: str
    """A ConnectOutcome, or "unresolved"."""
    code: int
    """The Winsock code; 0 if the outcome is "open" or "unresolved"."""
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


def _resolve(host: str, port: int) -> tuple[str, int] | tuple[str, int, int, int] | None:
    """Return the first address; None if the name has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
    return found[0][4]  # type: ignore[return-value]


def probe(
    targets: Sequence[Target], *, timeout: float, concurrency: int, backend: str | None
) -> list[Probe]:
    """Check each target once, all in one batch."""
    addresses = [_resolve(*target) for target in targets]
    start = datetime.now(timezone.utc)
    results = iter(
        connect_many(
            [address for address in addresses if address is not None],
            timeout=timeout,
            concurrency=concurrency,
            backend=backend,
        )
    )
    return [
        _describe(start, target, None if address is None else next(results))
        for target, address in zip(targets, addresses, strict=True)
    ]


def _describe(start: datetime, target: Target, result: ConnectResult | None) -> Probe:
    text = join_target(*target)
    if result is None:
        return Probe(start, text, None, "unresolved", 0, None)
    milliseconds = round(result.milliseconds, 3)
    address = str(result.target[0])
    return Probe(start, text, address, result.outcome.value, result.code, milliseconds)


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
    ) -> None:
        self._report, self._interval = report, interval
        self._timeout, self._backend = timeout, backend
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
                    [target], timeout=self._timeout, concurrency=1, backend=self._backend
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
