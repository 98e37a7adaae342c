"""Checks through the tunnels of a Monitor whether something answers at their other ends.

Each probed entry has a thread of its own, because a tunnel without an answer takes long.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from .. import _check
from .._backend.contract import BackendEvent
from .._backend.sockaddr import IPV4
from .._errors import ProviderError, RasError
from .._help import documented
from .._log import logger
from .._plain import plain_members
from .._ras import Ras
from .._records import Connection, Endpoint, Snapshot, same_name
from .._sockets.checks import Address, parse_address
from .._sockets.many import ConnectOutcome, ConnectResult, connect_many
from .health import Key, ProbeFailure, ProbeSample, key_of

SHORTEST_PROBE_INTERVAL = 0.1
LONGEST_PROBE_NS = 3_000_000_000
"""A probe without an answer takes this long, or one interval if that is shorter."""

MOST_RESULTS = 360
"""At most this many results are kept for each entry: one hour of probes every 10 seconds."""

_PROVES_THE_TUNNEL = (ConnectOutcome.OPEN, ConnectOutcome.REFUSED)


@documented
class ProbeResult(NamedTuple):
    """How one probe through a tunnel ended.

    - `number`: The number of the probe: those of an entry are 1, 2, 3 and so on.
    - `monotonic_ns`: When it ended, on the clock of `time.perf_counter_ns`.
    - `target`: What it connected to: HOST:PORT.
    - `source`: The tunnel's address that it connected from; None: the system chose one.
    - `outcome`: How it ended. OPEN and REFUSED are answers.
    - `code`: The Winsock code, or 0.
    - `seconds`: The round trip: how long the answer took; None if there was none.

    >>> import socket, time
    >>> handle = sim.add("Head office")
    >>> sim.set_projection(handle, client_ipv4="127.0.0.1")
    >>> with socket.create_server(("127.0.0.1", 0)) as server:
    ...     probe = {"Head office": server.getsockname()}
    ...     with Monitor(ras, probe=probe, probe_interval=0.1) as monitor:
    ...         while not (results := monitor.probe_results("Head office")):
    ...             time.sleep(0.01)
    >>> print(results[0].number, results[0].outcome)
    1 open
    """

    number: int
    monotonic_ns: int
    target: str
    source: Endpoint | None
    outcome: ConnectOutcome
    code: int
    seconds: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return plain_members(self)


def checked_targets(
    probe: Mapping[str, Address] | None, entries: Iterable[str] | None
) -> dict[str, Address]:
    """Check the argument `probe` of a Monitor, which watches only `entries` unless that is None."""
    if probe is None:
        return {}
    if not isinstance(probe, Mapping):
        raise _check.wrong_type("probe", "a mapping of entries to addresses, or None", probe)
    targets: dict[str, Address] = {}
    for entry, target in probe.items():
        _check_entry(entry, targets, None if entries is None else list(entries))
        try:
            _, port, _, _, packed = parse_address(target)
        except (TypeError, ValueError) as error:
            raise type(error)(f"probe[{entry!r}]: {error}") from None
        if not port or not any(packed):
            raise ValueError(f"probe[{entry!r}]: nothing can be at {target!r}")
        targets[entry] = target
    return targets


def _check_entry(entry: object, known: Iterable[str], watched: list[str] | None) -> None:
    name = _check.text("an entry of probe", entry)
    if not name:
        raise ValueError("an entry of probe must not be empty")
    if any(same_name(name, other) for other in known):
        raise ValueError(f"probe has {name!r} twice, in different letter case")
    if watched is not None and not any(same_name(name, other) for other in watched):
        raise ValueError(f"probe: {name!r} is not one of entries")


class Probe:
    """A job that connects through the tunnel of one entry, again and again.

    Any answer shows that the tunnel works, even a refusal. `snapshot` gives the connections.
    """

    event: BackendEvent | None = None

    def __init__(
        self,
        ras: Ras,
        entry: str,
        target: Address,
        interval_ns: int,
        snapshot: Callable[[], Snapshot],
    ) -> None:
        self._ras, self.entry, self._target = ras, entry, target
        self._interval_ns, self._snapshot = interval_ns, snapshot
        self._timeout_ns = min(interval_ns, LONGEST_PROBE_NS)
        self._family = parse_address(target)[0]
        self._failure: ProbeFailure | None = None
        self._probed: Key | None = None  # the connection that was probed last
        self._found: deque[ProbeSample] = deque(maxlen=1)
        self._count = 0
        self._last: tuple[Key, ProbeResult] | None = None  # None: the last probe has no result
        self.results: tuple[ProbeResult, ...] = ()
        """The last results, oldest first; replaced as a whole, because other threads read it."""
        self.due_ns: int | None = time.perf_counter_ns() + interval_ns

    # For the thread that polls

    def take(self) -> tuple[ProbeSample, ...]:
        """Return the last result, unless it was taken already."""
        try:
            return (self._found.popleft(),)
        except IndexError:
            return ()

    # For any thread

    def last_of(self, key: Key) -> ProbeResult | None:
        """Return the result of the last probe, if it was of this connection and is not old."""
        last = self._last
        if last is None or last[0] != key:
            return None
        age_ns = time.perf_counter_ns() - last[1].monotonic_ns
        return last[1] if age_ns <= 2 * self._interval_ns + LONGEST_PROBE_NS else None

    # For its own thread

    @property
    def has_news(self) -> bool:
        """Whether there is something to take."""
        return bool(self._found)

    def run(self) -> bool:
        """Probe once, if the connection is up."""
        begun_ns = time.perf_counter_ns()
        seen = self._snapshot().find(self.entry)
        if seen is not None and seen.is_up:
            self._probe(seen.connection, begun_ns)
        else:
            self._forget()
        now_ns = time.perf_counter_ns()  # missed probes are skipped
        self.due_ns = max(begun_ns, now_ns - self._interval_ns) + self._interval_ns
        return True

    def fail(self) -> None:
        """Tell that nothing more is known: an exception ended the probes."""
        self._forget()

    def close(self) -> None:
        """Hold nothing."""

    def _forget(self) -> None:
        """Withdraw a failure, because the connection is not up, or is not probed any more."""
        if self._probed is not None and self._failure is not None:
            self._found.append(ProbeSample(*self._probed, None))
        self._probed = self._failure = self._last = None

    def _probe(self, connection: Connection, begun_ns: int) -> None:
        if key_of(connection) != self._probed:
            self._probed, self._failure = key_of(connection), None
        source = self._source(connection)
        result = self._connect(source)
        if result is None:
            self._last = None
            return
        self._last = key_of(connection), self._keep(result, source)
        before, self._failure = self._failure, None
        if result.outcome not in _PROVES_THE_TUNNEL:
            self._failure = ProbeFailure(
                target=self._target_text(),
                source=source,
                outcome=result.outcome,
                code=result.code,
                since_ns=begun_ns if before is None else before.since_ns,
                count=1 if before is None else before.count + 1,
            )
        if self._failure is not None or before is not None:
            self._found.append(ProbeSample(*key_of(connection), self._failure))

    def _keep(self, result: ConnectResult, source: Endpoint | None) -> ProbeResult:
        self._count += 1
        answered = result.outcome in _PROVES_THE_TUNNEL
        kept = ProbeResult(
            number=self._count,
            monotonic_ns=time.perf_counter_ns(),
            target=self._target_text(),
            source=source,
            outcome=result.outcome,
            code=result.code,
            seconds=result.elapsed_ns / 1e9 if answered else None,
        )
        self.results = (*self.results[1 - MOST_RESULTS :], kept)
        return kept

    def _target_text(self) -> str:
        return target_text(str(self._target[0]), self._target[1])

    def _source(self, connection: Connection) -> Endpoint | None:
        """Return the address to connect from; None lets the system choose one."""
        try:
            addresses = self._ras.get_projection_info(connection).addresses
        except (RasError, ProviderError, ValueError):  # ValueError: the Ras was closed meanwhile
            return None
        version = 4 if self._family == IPV4 else 6
        return next((address for address in addresses if address.version == version), None)

    def _connect(self, source: Endpoint | None) -> ConnectResult | None:
        """Connect once; return None if this computer cannot even try."""
        try:
            (result,) = connect_many(
                [self._target],
                timeout=self._timeout_ns / 1e9,
                source=None if source is None else (source, 0),
                backend=self._ras.backend,
            )
        except (OSError, ValueError) as error:  # ValueError: the tunnel's address is gone already
            logger.info("the tunnel of %r cannot be probed now: %s", self.entry, error)
            return None
        return result


def target_text(host: str, port: int) -> str:
    """Return HOST:PORT, or [HOST]:PORT for IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def taken(probes: Iterable[Probe]) -> tuple[ProbeSample, ...]:
    """Return what the probes have found since the last call."""
    return tuple(sample for probe in probes for sample in probe.take())
