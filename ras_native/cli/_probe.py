"""Checks whether TCP ports accept connections: resolves names, then calls connect_many."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Sequence
from typing import NamedTuple

from .. import ConnectOutcome, ConnectResult, connect_many

Target = tuple[str, int]


class Probe(NamedTuple):
    """The result of one target."""

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
    results = iter(
        connect_many(
            [address for address in addresses if address is not None],
            timeout=timeout,
            concurrency=concurrency,
            backend=backend,
        )
    )
    return [
        _describe(target, None if address is None else next(results))
        for target, address in zip(targets, addresses, strict=True)
    ]


def _describe(target: Target, result: ConnectResult | None) -> Probe:
    text = join_target(*target)
    if result is None:
        return Probe(text, None, "unresolved", 0, None)
    milliseconds = round(result.milliseconds, 3)
    return Probe(text, str(result.target[0]), result.outcome.value, result.code, milliseconds)


class Prober:
    """Checks the targets every `interval` seconds, in its own thread; a context manager."""

    def __init__(
        self, targets: Sequence[Target], *, interval: float, timeout: float, backend: str | None
    ) -> None:
        self._targets, self._interval = targets, interval
        self._timeout, self._backend = timeout, backend
        self._rounds: queue.SimpleQueue[list[Probe] | OSError] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probes", daemon=True)

    def _run(self) -> None:
        while True:
            try:
                self._rounds.put(self._round())
            except OSError as error:
                self._rounds.put(error)
            if self._stopping.wait(self._interval):
                return

    def _round(self) -> list[Probe]:
        return probe(
            self._targets,
            timeout=self._timeout,
            concurrency=max(1, len(self._targets)),
            backend=self._backend,
        )

    def results(self) -> list[Probe]:
        """Return the results since the last call, oldest first.

        Raises the OSError of a round that failed.
        """
        found = []
        while not self._rounds.empty():
            answer = self._rounds.get()
            if isinstance(answer, OSError):
                raise answer
            found += answer
        return found

    def stop(self) -> None:
        """Wait for the current round, and start no other; `results` then returns its results."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2 * self._timeout + 1)

    def __enter__(self) -> Prober:
        if self._targets:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
