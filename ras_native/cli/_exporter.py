"""`ras-native exporter`: serves the metrics of `ras_native.exporter`, or writes them to a file."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from types import FrameType
from typing import TYPE_CHECKING

import click

from .. import Monitor, Ras
from ..exporter import MetricsServer, RasCollector, write_textfile
from ._common import Source, parse_probes, parse_target, quoted

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_ENDS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGBREAK") if hasattr(signal, name)
)  # Ctrl-C is SIGINT, which Python turns into KeyboardInterrupt
_CAPACITY = 10_000  # events
_LISTEN = "127.0.0.1:9861"
_FIRST_POLL_PAUSE = 0.01  # seconds between two checks whether the first poll has ended


@dataclass(frozen=True)
class Options:
    """The values of the options, except those of the provider."""

    entries: tuple[str, ...]
    listen: str | None
    certfile: str | None
    keyfile: str | None
    client_ca: str | None
    textfile: str | None
    write_interval: float
    interval: float
    probes: tuple[str, ...]
    probe_interval: float
    max_entries: int
    duration: float | None


def run(source: Source, options: Options) -> None:
    """Export until Ctrl-C or SIGTERM, or for the given time."""
    if options.textfile is not None and options.listen is not None:
        raise click.UsageError("--listen and --textfile are two ways to publish: use only one")
    if options.textfile is not None and (options.certfile or options.keyfile or options.client_ca):
        raise click.UsageError("--certfile, --keyfile and --client-ca are not for --textfile")
    if options.certfile is None and (options.keyfile or options.client_ca):
        raise click.UsageError("--keyfile and --client-ca need --certfile")
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - `..exporter` checks for it

    registry = CollectorRegistry()
    with source.open() as ras, ExitStack() as stack:
        monitor, collector = _new_collector(ras, options)
        registry.register(collector)
        stack.enter_context(_ended_by_signals())
        textfile = None
        if options.textfile is None:
            stack.enter_context(_new_server(registry, options))
        else:
            textfile = _Textfile(registry, options.textfile, options.write_interval)
        stack.enter_context(monitor)
        _consume(monitor, collector, textfile, seconds=options.duration)


def _new_collector(ras: Ras, options: Options) -> tuple[Monitor, RasCollector]:
    probe = parse_probes(options.probes)
    try:
        monitor = Monitor(
            ras,
            interval=options.interval,
            statistics_interval=options.interval,
            entries=options.entries or None,
            probe=probe or None,
            probe_interval=options.probe_interval,
            capacity=_CAPACITY,
        )
        return monitor, RasCollector(
            monitor, entries=options.entries, max_entries=options.max_entries
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _new_server(registry: CollectorRegistry, options: Options) -> MetricsServer:
    host, port = parse_listen(options.listen or _LISTEN)
    try:
        server = MetricsServer(
            registry,
            host,
            port,
            certfile=options.certfile,
            keyfile=options.keyfile,
            client_ca=options.client_ca,
        )
    except OSError as error:
        raise click.ClickException(error.strerror or str(error)) from error
    click.echo(f"metrics: {server.url}", err=True)
    if not (_is_loopback(host) or options.client_ca):
        click.echo("Everybody who reaches this address can read the metrics.", err=True)
    return server


def parse_listen(text: str) -> tuple[str, int]:
    """Parse HOST:PORT or [IPV6]:PORT. Port 0 means any free port."""
    host, _, port = text.rpartition(":")
    if port == "0":
        return parse_target(f"{host}:1")[0], 0
    return parse_target(text)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


class _Textfile:
    """Writes the file for a textfile collector again and again."""

    def __init__(self, registry: CollectorRegistry, path: str, interval: float) -> None:
        self._registry, self._path, self._interval = registry, path, interval
        self._due = time.monotonic() + interval
        self._was_written = False
        self._problem = ""

    def seconds_left(self, *, has_polled: bool) -> float:
        """Return how long to wait before the next write. The first write follows the first poll."""
        if has_polled and not self._was_written:
            return 0.0
        return self._due - time.monotonic()

    def write(self) -> None:
        """Write the file, and report a failure. If the first write fails, the command ends."""
        self._due = time.monotonic() + self._interval
        try:
            write_textfile(self._registry, self._path)
        except OSError as error:
            problem = f"cannot write {quoted(self._path)}: {error.strerror}"
            if not self._was_written:
                raise click.ClickException(problem) from error
            self._report(problem)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        else:
            self._was_written = True
            self._report("")

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            click.echo(problem or f"{quoted(self._path)} is written again", err=True)
        self._problem = problem


def _consume(
    monitor: Monitor,
    collector: RasCollector,
    textfile: _Textfile | None,
    *,
    seconds: float | None,
) -> None:
    """Give the collector every event, and write the file when it is due."""
    end = math.inf if seconds is None else time.monotonic() + seconds
    try:
        while True:
            has_polled = (
                monitor.has_polled
            )  # read before the wait, so that no event of that poll is missed
            left = end - time.monotonic()
            if left <= 0 and has_polled:
                break
            if textfile is not None:
                write_left = textfile.seconds_left(has_polled=has_polled)
                if write_left <= 0:
                    _apply_waiting(monitor, collector)
                    textfile.write()
                    continue
                left = min(left, write_left)
            _apply_next(monitor, collector, left if has_polled else _FIRST_POLL_PAUSE)
    finally:
        monitor.close()
        for event in monitor:
            collector.apply(event)
        if textfile is not None:
            textfile.write()


def _apply_waiting(monitor: Monitor, collector: RasCollector) -> None:
    """Apply the events in the queue, at most as many as the queue can hold."""
    with suppress(TimeoutError):
        for _ in range(_CAPACITY):
            collector.apply(monitor.get(0))


def _apply_next(monitor: Monitor, collector: RasCollector, seconds: float) -> None:
    with suppress(TimeoutError):
        collector.apply(monitor.get(None if seconds == math.inf else seconds))


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM, and Ctrl-Break on Windows, end the command in the normal way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        for name in _ENDS:
            signal.signal(name, signal.SIG_IGN)  # a second signal must not interrupt the end
        raise SystemExit(0)

    before = {name: signal.signal(name, end) for name in _ENDS}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
