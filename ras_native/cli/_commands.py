"""The commands of `ras-native`."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import Any, TextIO

import click

from .. import (
    MAX_CONCURRENCY,
    Connection,
    ConnectionEvent,
    DialFailed,
    DialTimeline,
    Monitor,
    MonitorEvent,
    Observation,
    ProviderFailed,
    ProviderRecovered,
    Ras,
    RasError,
    RecordingError,
    Snapshot,
    __version__,
    explain,
)
from .. import replay as replay_events
from . import _doctor, _rasdial, _show
from ._common import (
    Commands,
    Seconds,
    Source,
    Whole,
    complete_file,
    json_option,
    parse_code,
    parse_probes,
    parse_target,
    provider_options,
    quoted,
    with_advice,
)
from ._completion import SHELLS, complete_entry, print_script
from ._connect import Targets, progress
from ._details import read_details, read_projection, watched_details
from ._hooks import COMMAND_SECONDS
from ._output import Output, OutputOptions, output_options
from ._probe import Probe, Prober, Tunnel, check_each
from ._report import report
from ._reports import Reports, arrivals
from ._screen import JsonLines, PlainLines, Screen
from ._text import printable

_STATES = ("connected", "dormant", "reconnecting", "gone")
_WAIT_INTERVAL = 0.25  # seconds; RAS reports most changes sooner
_TIMELINE_ATTEMPTS = 20  # in a second
_PROBE_INTERVAL = 0.1  # seconds; a Monitor does not probe more often
_SECONDS = Seconds()
_INTERVAL = Seconds(0.01)

via_option = click.option(
    "--via", metavar="ENTRY",
    shell_complete=complete_entry,
    help="Connect through the tunnel of this entry: from the address that this computer has in it.",
)  # fmt: skip
target_argument = click.argument("wanted", metavar="ENTRY|HANDLE", shell_complete=complete_entry)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ras-native")
@click.option(
    "--completion",
    type=click.Choice(SHELLS),
    is_eager=True,
    expose_value=False,
    callback=print_script,
    help="Print the script that makes this shell complete commands and entries.",
)
def cli() -> None:
    """Watch Windows RAS (VPN, dial-up) connections.

    On any system, 'ras-native watch --simulate' shows a simulated RAS.

    ENTRY is the name of a phone-book entry. HANDLE is the number of a connection. 'ras-native list'
    shows both.

    With --json, the command prints only JSON to standard output.

    \b
    Exit codes:
      0    success
      1    not found, failed, timed out, or the output cannot be written
      2    wrong usage
      130  Ctrl-C
    """  # noqa: D301 - click reads the control character as "do not wrap"


def _handle_in(wanted: str) -> int | None:
    """Parse a handle: hexadecimal with 0x, or decimal. Return None for any other text."""
    try:
        number = int(wanted, 0)
    except ValueError:
        return None
    return number if 0 < number < sys.maxsize else None


def _matches(connection: Connection, wanted: str) -> bool:
    return connection.entry_name.casefold() == wanted.casefold() or (
        connection.handle == _handle_in(wanted)
    )


def _unlisted(ras: Ras, handle: int) -> Observation | None:
    """Return a connection that is being dialled and is not listed yet, or None."""
    try:
        status = ras.get_connect_status(handle)
    except RasError as error:
        if error.gone:
            return None
        raise
    unknown = (None,) * (len(Connection._fields) - 4)
    connection = Connection(handle, "", status.device_type, status.device_name, *unknown)
    return Observation(connection, status, 0)


def _find(ras: Ras, snapshot: Snapshot, wanted: str) -> list[Observation]:
    found = [item for item in snapshot if _matches(item.connection, wanted)]
    handle = _handle_in(wanted)
    if not found and handle is not None:
        unlisted = _unlisted(ras, handle)
        return [] if unlisted is None else [unlisted]
    return found


def _not_found(wanted: str) -> click.ClickException:
    return click.ClickException(
        f"there is no connection {quoted(wanted)}: 'ras-native list' shows all connections"
    )


_rates_option = click.option(
    "--rates", "seconds", type=_INTERVAL, metavar="SECONDS",
    help="Measure for SECONDS, and show the bytes sent and received per second.",
)  # fmt: skip


@cli.command(name="list")
@provider_options
@_rates_option
@click.option(
    "--format", "style", type=click.Choice(("table", "rasdial")), default="table",
    show_default=True, help="The format of the output.",
)  # fmt: skip
@json_option
def list_connections(source: Source, seconds: float | None, style: str, as_json: bool) -> None:
    """List the connections.

    A terminal shows the columns for which it has room. A pipe gets all columns.

    With --format rasdial, the command prints what Windows' rasdial prints, but in English on every
    system. The exit code is then 0, or the error code of RAS.
    """
    is_rasdial = style == "rasdial"
    if is_rasdial and as_json:
        raise click.UsageError("--json and --format name two formats: use only one")
    if is_rasdial and seconds is not None:
        raise click.UsageError("--rates and --format rasdial cannot be used together")
    try:
        with source.open(await_demo=True) as ras:
            connections = ras.enum_connections()
            details = None if is_rasdial else read_details(ras, connections, seconds=seconds)
    except RasError as error:
        if not is_rasdial:
            raise
        click.echo(_rasdial.failure(error))
        raise click.exceptions.Exit(error.code) from error
    if details is None:
        click.echo(_rasdial.listing(connections))
        return
    rows = list(zip(connections, details, strict=True))
    if as_json:
        _show.print_json([{**item.to_dict(), **more.to_dict()} for item, more in rows])
    elif rows:
        _show.print_connections(rows)
    else:
        click.echo("no connection")


@cli.command()
@click.argument("wanted", metavar="[ENTRY|HANDLE]", required=False, shell_complete=complete_entry)
@provider_options
@_rates_option
@json_option
def status(source: Source, wanted: str | None, seconds: float | None, as_json: bool) -> None:
    """Show the status of one connection, or of all.

    A terminal shows the columns for which it has room. A pipe gets all columns. If a dialling
    failed, the lines below the table say why, and what to do.
    """
    with source.open(await_demo=True) as ras:
        found = list(ras.snapshot())
        if wanted is not None:
            found = _find(ras, Snapshot(found), wanted)
            if not found:
                raise _not_found(wanted)
        details = read_details(ras, (item.connection for item in found), seconds=seconds)
        rows = list(zip(found, details, strict=True))
    if as_json:
        _show.print_json([{**item.to_dict(), **more.to_dict()} for item, more in rows])
    elif rows:
        _show.print_statuses(rows)
    else:
        click.echo("no connection")


@cli.command()
@click.argument("entries", metavar="[ENTRY]...", nargs=-1, shell_complete=complete_entry)
@provider_options
@click.option(
    "--interval", type=_INTERVAL, default=1.0, show_default=True, metavar="SECONDS",
    help="Poll at least every SECONDS, and at once when RAS reports a change.",
)  # fmt: skip
@click.option(
    "--probe",
    "probes",
    multiple=True,
    metavar="[ENTRY=]HOST:PORT",
    help="Also check whether this TCP port accepts connections. With ENTRY, check through its "
    "tunnel while it is connected. A failure makes ENTRY unreachable. HOST is then an IP address.",
)
@click.option(
    "--probe-timeout", type=_INTERVAL, default=1.0, show_default=True, metavar="SECONDS",
    help="The time limit of each check of a TCP port.",
)  # fmt: skip
@via_option
@click.option(
    "--details", type=_INTERVAL, metavar="SECONDS",
    help="With --json: also print the addresses, counters and rates of each connection, at the end "
    "and whenever SECONDS pass without an event.",
)  # fmt: skip
@click.option("--duration", type=_SECONDS, metavar="SECONDS", help="Stop after SECONDS.")
@click.option(
    "--record",
    metavar="FILE",
    help="Record to FILE, for 'ras-native replay FILE' and 'ras-native report FILE'.",
    shell_complete=complete_file,
)
@click.option(
    "--pseudonyms",
    is_flag=True,
    help="With --record: replace names, phone numbers and addresses with pseudonyms.",
)
@output_options
def watch(
    source: Source,
    output: OutputOptions,
    entries: tuple[str, ...],
    interval: float,
    probes: tuple[str, ...],
    probe_timeout: float,
    via: str | None,
    details: float | None,
    duration: float | None,
    record: str | None,
    pseudonyms: bool,
) -> None:
    """Show the connections and what happens to them, until Ctrl-C.

    With ENTRY, the command watches only these phone-book entries. They may be down or missing.

    A terminal shows a live table above a log. Press ? to see the keys. Without a terminal, or with
    TERM=dumb, each event is a line. With --json, each event is a JSON document on one line.
    """
    if "" in entries:
        raise click.UsageError("ENTRY must not be empty")
    if pseudonyms and record is None:
        raise click.UsageError("--pseudonyms needs --record")
    targets = [parse_target(text) for text in probes if "=" not in text]
    tunnels = parse_probes(text for text in probes if "=" in text)
    if via is not None and not targets:
        raise click.UsageError("--via needs --probe HOST:PORT")
    if details is not None and not output.as_json:
        raise click.UsageError("--details needs --json")
    with (
        source.open() as ras,
        output.open_log() as log,
        Reports(ras.backend) as reports,
        _new_monitor(
            ras,
            interval,
            entries=entries or None,
            probe=tunnels or None,
            record=record,
            pseudonyms=pseudonyms,
        ) as monitor,
        output.open(
            _new_screen(
                ras,
                monitor,
                output,
                heading=_title(source, ras, interval),
                stop=reports.stop,
                new_monitor=lambda path: Monitor(
                    ras, interval=interval, entries=entries or None, record=path, capacity=1
                ),
                entries=entries,
                recording=record,
                via=via,
                probed=tunnels,
            ),
            log,
            reports,
        ) as shown,
        Prober(
            targets,
            reports.put,
            interval=interval,
            timeout=probe_timeout,
            backend=source.backend,
            tunnel=None if via is None else Tunnel(ras, via),
        ) as prober,
    ):
        shown.run(partial(_show_arrivals, shown, ras, monitor, reports, duration, details, entries))
        prober.stop()
        shown.close(reports)


def _title(source: Source, ras: Ras, interval: float) -> str:
    provider = "simulated" if source.simulate else source.provider or "rasapi32"
    return f"{provider}, {ras.backend}, every {interval:g} s"


def _new_monitor(ras: Ras, interval: float, **options: Any) -> Monitor:
    """Make a Monitor that polls, samples and probes as often as the user wants."""
    probe_interval = max(interval, _PROBE_INTERVAL)
    try:
        return Monitor(
            ras,
            interval=interval,
            statistics_interval=interval,
            probe_interval=probe_interval,
            **options,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _show_arrivals(
    shown: Output,
    ras: Ras,
    monitor: Monitor,
    reports: Reports,
    duration: float | None,
    details: float | None,
    entries: tuple[str, ...],
) -> None:
    wanted = {entry.casefold() for entry in entries}
    for item in arrivals(monitor, reports, seconds=duration, tick=details):
        shown.show(item)
        if item is None:
            seen = (observation.connection for observation in monitor.snapshot)
            watched = (c for c in seen if not wanted or c.entry_name.casefold() in wanted)
            for document in watched_details(ras, monitor, watched):
                _show.print_json(document)
        if shown.is_complete:
            break


def _new_screen(ras: Ras, monitor: Monitor, output: OutputOptions, **options: Any) -> Screen:
    """Return the live screen, if there is a terminal that can show it."""
    if output.as_json:
        return JsonLines()
    ask = partial(read_projection, ras)
    console = _show.console()
    if not _is_terminal() or console.is_dumb_terminal:
        return PlainLines(console, projection_of=ask)
    try:
        from ._live.screen import LiveScreen  # noqa: PLC0415 - Textual takes long to import
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("textual"):
            raise
        raise click.ClickException(
            "the live screen needs textual, which is not installed: pip install 'ras_native[cli]'. "
            "With TERM=dumb each event is a line"
        ) from None
    return LiveScreen(ras, monitor, projection_of=ask, **options)


def _is_terminal() -> bool:
    """Whether input and output are a terminal. Textual may draw on standard error."""
    return all(
        stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)
    )


def _new_reports() -> Reports:
    try:
        return Reports()
    except ValueError as error:  # RAS_NATIVE_BACKEND is wrong
        raise click.UsageError(str(error)) from error


@cli.command()
@click.argument("file", metavar="FILE", shell_complete=complete_file)
@output_options
def replay(file: str, output: OutputOptions) -> None:
    """Show the events of a recording again, on any system.

    FILE is what `watch --record FILE` or Monitor(record=FILE) wrote.
    """
    screen = JsonLines() if output.as_json else PlainLines(_show.console(), dates=True)
    try:
        with (
            output.open_log() as log,
            _new_reports() as reports,
            output.open(screen, log, reports) as shown,
        ):
            for event in replay_events(file):
                shown.show(event, patience=COMMAND_SECONDS)
                if shown.is_complete:
                    break
            shown.close(reports)
    except RecordingError as error:
        raise click.ClickException(str(error)) from error


cli.add_command(report)


@cli.command()
@target_argument
@provider_options
@click.option(
    "--state", type=click.Choice(_STATES), default="connected", show_default=True,
    help="The state to wait for.",
)  # fmt: skip
@click.option(
    "--timeout", type=_SECONDS, default=60.0, show_default=True, metavar="SECONDS",
    help="Fail after SECONDS.",
)  # fmt: skip
@click.option(
    "--allow-missing", is_flag=True,
    help="With --state gone: also succeed if the connection never existed.",
)  # fmt: skip
@click.option(
    "--timeline", "with_timeline", is_flag=True,
    help="Also show how long each stage of the dialling took, and which one failed.",
)  # fmt: skip
@json_option
def wait(
    source: Source,
    wanted: str,
    state: str,
    timeout: float,
    allow_missing: bool,
    with_timeline: bool,
    as_json: bool,
) -> None:
    """Wait until a connection has a given state.

    ENTRY need not be connected yet. HANDLE must belong to a connection. With --state gone, the
    connection must exist when the command starts.

    --timeline shows the stages of a dialling that happened while the command ran.
    """
    if allow_missing and state != "gone":
        raise click.UsageError("--allow-missing needs --state gone")
    with source.open() as ras, Monitor(ras, interval=_WAIT_INTERVAL) as monitor:
        try:
            reached = _wait(ras, monitor, wanted, state, timeout, allow_missing=allow_missing)
        except click.ClickException:
            if with_timeline:
                _show.print_timeline(monitor.timeline(wanted), [], as_json=as_json)
            raise
        if not as_json:
            click.echo(f"{printable(wanted)}: {state}")
        if with_timeline:
            entry = reached[0].connection.entry_name if reached else wanted
            _show.print_timeline(_whole_timeline(monitor, entry), reached, as_json=as_json)
        elif as_json:
            _show.print_json([item.to_dict() for item in reached])


def _whole_timeline(monitor: Monitor, entry: str) -> DialTimeline | None:
    """Return the timeline of an entry; wait up to a second for the event log."""
    for _ in range(_TIMELINE_ATTEMPTS):
        timeline = monitor.timeline(entry)
        if not monitor.has_event_log or (timeline and timeline.seconds is not None):
            break
        time.sleep(1 / _TIMELINE_ATTEMPTS)
    return timeline


class _Awaited:
    """The connections that `wait` waits for. Events of a Monitor keep them up to date."""

    def __init__(self, ras: Ras, wanted: str) -> None:
        self._ras, self._wanted = ras, wanted
        self._listed: dict[int, Observation] = {}
        self.error: RasError | None = None
        """The error of the failing polls; None while polls succeed."""
        self.absence = "not connected"
        """What to say about an entry that is not connected."""

    def follow(self, event: MonitorEvent) -> bool:
        """Apply an event, and return whether it is about these connections."""
        if isinstance(event, ProviderFailed):
            self.error = RasError(event.code, "RasEnumConnectionsW")
        elif isinstance(event, ProviderRecovered):
            self.error = None
        elif isinstance(event, DialFailed) and self._is_wanted(event.entry):
            self.absence = f"dialling failed: {event.reason or 'the event log does not say why'}"
        if not isinstance(event, ConnectionEvent) or not _matches(event.connection, self._wanted):
            return False
        if event.after is None or event.after.gone:
            self._listed.pop(event.connection.handle, None)
        else:
            self._listed[event.connection.handle] = event.after
        return True

    def _is_wanted(self, entry: str | None) -> bool:
        return entry is not None and entry.casefold() == self._wanted.casefold()

    def find(self) -> list[Observation]:
        """Return the connections. A handle also finds a connection that is not listed yet."""
        return _find(self._ras, Snapshot(self._listed.values()), self._wanted)


def _wait(
    ras: Ras, monitor: Monitor, wanted: str, state: str, timeout: float, *, allow_missing: bool
) -> list[Observation]:
    awaited, seen, last = _Awaited(ras, wanted), allow_missing, "not connected"
    with Reports(ras.backend) as reports:
        for event in arrivals(monitor, reports, seconds=timeout, tick=_WAIT_INTERVAL):
            if isinstance(event, MonitorEvent) and not awaited.follow(event):
                continue  # more events of the first poll may follow
            if awaited.error is not None:
                last = str(awaited.error)
                continue
            found = awaited.find()
            seen = seen or bool(found) or event is not None
            reached = [item for item in found if _show.condition(item) == state]
            if reached or (state == "gone" and seen and not found):
                return reached
            _raise_if_impossible(found, wanted, state)
            conditions = [_show.words(_show.condition(item)) for item in found]
            last = ", ".join(conditions) or awaited.absence
    raise click.ClickException(f"{quoted(wanted)} is not {state} after {timeout:g} s: {last}")


def _raise_if_impossible(found: list[Observation], wanted: str, state: str) -> None:
    if state == "gone":
        if not found:
            raise click.ClickException(
                f"there is no connection {quoted(wanted)} to wait for: "
                "--allow-missing accepts this as gone"
            )
        return
    if not found and _handle_in(wanted) is not None:
        raise click.ClickException(f"{quoted(wanted)} is not the handle of a connection")
    for item in found:
        if item.status is not None and item.status.reason is not None:
            reason = item.status.reason
            raise click.ClickException(with_advice(f"{quoted(wanted)} failed: {reason}", reason))


@cli.command()
@target_argument
@provider_options
@click.option(
    "--all-references", is_flag=True, help="Also end it for the other programs that dialled it."
)
@click.option(
    "--timeout", type=_SECONDS, default=10.0, show_default=True, metavar="SECONDS",
    help="Fail if it has not ended after SECONDS.",
)  # fmt: skip
@json_option
def hangup(
    source: Source, wanted: str, all_references: bool, timeout: float, as_json: bool
) -> None:
    """End a connection and wait until it has ended.

    If ENTRY has several connections, use the HANDLE of one connection.
    """
    with source.open(await_demo=True) as ras:
        found = _find(ras, ras.snapshot(), wanted)
        if not found:
            raise _not_found(wanted)
        if len(found) > 1:
            handles = ", ".join(f"{item.connection.handle:#x}" for item in found)
            raise click.ClickException(
                f"{quoted(wanted)} has {len(found)} connections: use a handle, {handles}"
            )
        connection = found[0].connection
        duration = ras.hang_up(connection, timeout=timeout, all_references=all_references)
    if as_json:
        _show.print_json({"connection": connection.to_dict(), "seconds": round(duration, 6)})
    else:
        click.echo(f"{printable(wanted)}: hung up in {duration:.2f} s")


@cli.command()
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option(
    "--from", "file", type=click.File(encoding="utf-8-sig", errors="backslashreplace"),
    metavar="FILE", shell_complete=complete_file,
    help="Also read targets from FILE, or from standard input with '-'.",
)  # fmt: skip
@partial(
    provider_options,
    simulate_help="Only with --via: use the tunnel of a simulated RAS. Its address is not on this "
    "computer, so the outcome is 'no address'.",
)
@via_option
@click.option(
    "--timeout", type=_SECONDS, default=3.0, show_default=True, metavar="SECONDS",
    help="The time limit of each connect.",
)  # fmt: skip
@click.option(
    "--concurrency", type=Whole(1, MAX_CONCURRENCY), default=256, show_default=True,
    metavar="NUMBER",
    help="Connect to at most this many targets at a time.",
)  # fmt: skip
@click.option(
    "--rate", type=Whole(1, 1_000_000), metavar="NUMBER",
    help="Begin at most NUMBER connects a second.",
)  # fmt: skip
@click.option(
    "--syn-retries", type=Whole(0, 127), metavar="NUMBER",
    help="How often TCP repeats its first packet. Default: the system's number; on Windows "
    "fewer, if the timeout requires that.",
)  # fmt: skip
@json_option
def connect(
    source: Source,
    targets: tuple[str, ...],
    file: TextIO | None,
    via: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Check whether TCP ports accept connections.

    A TARGET is HOST:PORT or [IPV6]:PORT. Several ports are a list with ranges, for instance
    HOST:80,443,8000-8100. A line of FILE has any number of targets; the text after # is ignored.
    The command tries one address of a host name: the first, or with --via the first that the tunnel
    can reach.

    The results are in the order of the targets. Lines below them say why targets failed, and what
    to do. After Ctrl-C you see the results so far. The exit code is 1 unless all targets are open.
    """
    if not targets and file is None:
        raise click.UsageError("Missing argument 'TARGET...', or the option '--from FILE'.")
    wanted = Targets(targets, file)
    if via is None and (source.simulate or source.provider is not None):
        raise click.UsageError("--provider and --simulate need --via")
    found: dict[int, Probe] = {}
    try:
        with ExitStack() as stack:
            tunnel = None
            if via is not None:
                tunnel = Tunnel(stack.enter_context(source.open(await_demo=True)), via)
            count = stack.enter_context(progress(wanted.count))
            for number, item in check_each(
                wanted, tunnel=tunnel, backend=source.backend, **options
            ):
                found[number] = item
                count(item)
    except BaseException:
        if found:
            _show_probes(found, as_json=as_json)
        raise
    _show_probes(found, as_json=as_json)
    if not all(item.is_open for item in found.values()):
        raise click.exceptions.Exit(1)


def _show_probes(found: dict[int, Probe], *, as_json: bool) -> None:
    """Show results by number."""
    probes = [item for _, item in sorted(found.items())]
    if as_json:
        _show.print_json([item.to_dict() for item in probes])
    else:
        _show.print_probes(probes)


@cli.command(name="explain", context_settings={"ignore_unknown_options": True})
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@json_option
def explain_codes(codes: tuple[str, ...], as_json: bool) -> None:
    """Explain error codes, and say what to do about common codes.

    CODE is a code of RAS, Winsock, IKE or Windows, an HRESULT or an NTSTATUS. Write it in
    decimal, or in hexadecimal with 0x. It may be signed or unsigned.
    """  # an unknown option is a negative code
    reasons = [explain(parse_code(text)) for text in codes]
    if as_json:
        _show.print_json([reason.to_dict() for reason in reasons])
    else:
        click.echo("\n".join(_show.explanation(reason) for reason in reasons))


@cli.command()
@provider_options
@click.option(
    "--self-test",
    is_flag=True,
    help="Check the answers of rasapi32, and report those that no document specifies.",
)
@click.option(
    "--beyond-loopback",
    is_flag=True,
    help="With --self-test: also connect to broadcast and multicast addresses.",
)
@click.option(
    "--watch-end",
    type=_SECONDS,
    metavar="SECONDS",
    help="With --self-test: wait up to SECONDS until you end a connection. The command itself ends "
    "no connection.",
)
@json_option
def doctor(
    source: Source,
    self_test: bool,
    beyond_loopback: bool,
    watch_end: float | None,
    as_json: bool,
) -> None:
    """Report what works here, what is missing, and what to do.

    The exit code is 1 if something is wrong. A system without RAS is not an error.
    """
    if beyond_loopback and not self_test:
        raise click.UsageError("--beyond-loopback needs --self-test")
    if watch_end is not None and not self_test:
        raise click.UsageError("--watch-end needs --self-test")
    if not _doctor.run(
        source,
        self_test=self_test,
        beyond_loopback=beyond_loopback,
        watch_end=watch_end,
        as_json=as_json,
    ):
        raise click.exceptions.Exit(1)


@cli.command()
@click.option(
    "--seconds", type=Seconds(0, 50), default=20.0, show_default=True,
    metavar="SECONDS", help="How long to measure, in all.",
)  # fmt: skip
@click.option(
    "--report", "file", type=click.File("w", encoding="utf-8"),
    metavar="FILE", shell_complete=complete_file,
    help="Also write a report to FILE. It has the system, the processor and versions, but no "
    "names.",
)  # fmt: skip
@json_option
def bench(seconds: float, file: TextIO | None, as_json: bool) -> None:
    """Measure what RAS calls and connects cost on this machine.

    The command compares this package with textbook ctypes code. It also compares pywin32, asyncio,
    selectors and uvloop if they are installed: pip install 'ras_native[bench]'. It measures calls
    of the simulator, and on Windows also read-only calls of the system's RAS. Connects go to
    loopback only.

    The exit code is 1 if two ways to do the same job have different results.
    """
    from . import _bench  # noqa: PLC0415 - asyncio takes long to import

    if not _bench.run(seconds, file, as_json=as_json):
        raise click.exceptions.Exit(1)


@cli.command()
@click.argument("entries", nargs=-1, metavar="[ENTRY]...", shell_complete=complete_entry)
@provider_options
@click.option(
    "--listen", metavar="HOST:PORT",
    help="Serve the metrics at this address. Port 0 is any free port.  [default: 127.0.0.1:9861]",
)  # fmt: skip
@click.option(
    "--certfile", metavar="FILE", shell_complete=complete_file,
    help="Use TLS, with the certificate in FILE (PEM).",
)  # fmt: skip
@click.option(
    "--keyfile", metavar="FILE", shell_complete=complete_file,
    help="The private key (PEM), if it is not in the file of the certificate. It must not have a "
    "password.",
)  # fmt: skip
@click.option(
    "--client-ca", metavar="FILE", shell_complete=complete_file,
    help="Accept only clients with a certificate that a CA in FILE signed.",
)  # fmt: skip
@click.option(
    "--textfile", metavar="FILE", shell_complete=complete_file,
    help="Do not listen, but write the metrics into FILE for a textfile collector, for instance of "
    "windows_exporter. The name must end in .prom.",
)  # fmt: skip
@click.option(
    "--write-interval", type=Seconds(0.1), default=15.0, show_default=True, metavar="SECONDS",
    help="Write FILE every SECONDS.",
)  # fmt: skip
@click.option(
    "--interval", type=_INTERVAL, default=1.0, show_default=True, metavar="SECONDS",
    help="Ask RAS for the connections and their statistics every SECONDS.",
)  # fmt: skip
@click.option(
    "--probe", "probes", multiple=True, metavar="ENTRY=HOST:PORT",
    help="While ENTRY is connected, check through its tunnel whether HOST:PORT answers. HOST is an "
    "IP address. Can be repeated.",
)  # fmt: skip
@click.option(
    "--probe-interval", type=Seconds(0.1), default=10.0, show_default=True, metavar="SECONDS",
    help="Probe every SECONDS.",
)  # fmt: skip
@click.option(
    "--max-entries", type=Whole(1, 1000), default=200, show_default=True,
    metavar="NUMBER", help="At most this many entries have metrics. The events of others are only "
    "counted.",
)  # fmt: skip
@click.option("--duration", type=_SECONDS, metavar="SECONDS", help="Stop after SECONDS.")
def exporter(source: Source, **options: Any) -> None:
    """Serve metrics for Prometheus, until Ctrl-C or SIGTERM.

    With ENTRY, the command watches only these phone-book entries and expects them to be connected.
    While an entry is neither connected nor being dialled, its metric ras_expected_absent is 1.

    The metrics are at http://HOST:PORT/metrics. By default only this computer can read them. The
    server cannot check passwords: use --client-ca or a proxy.
    """
    from . import _exporter  # noqa: PLC0415 - prometheus-client may be missing

    _exporter.run(source, _exporter.Options(**options))
