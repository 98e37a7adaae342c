"""Code that the commands share: options, opening the provider, errors and exit codes."""

from __future__ import annotations

import functools
import io
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeVar

import click
from click.shell_completion import CompletionItem

import ras_native

from .. import (
    BACKENDS,
    LONGEST_SECONDS,
    ProviderError,
    Ras,
    RasError,
    Reason,
    WSAError,
)
from ..sim import Simulator

F = TypeVar("F", bound=Callable[..., Any])

CTRL_C = 130
_LONGEST_QUOTED = 200  # characters of an argument in a message; a name has at most 256
_CODE = re.compile(r"[+-]?(?:0x[0-9a-f]{1,20}|[0-9]{1,20})", re.ASCII | re.IGNORECASE)
_PORT = re.compile(r"0{0,9}[1-9][0-9]{0,4}", re.ASCII)
_DEMO_SECONDS = 5.0  # the demo makes its first connection sooner than that


def _limits(lowest: float, highest: float) -> str:
    """Return the limits of a number in words."""
    return f"at least {lowest:g}" if highest == math.inf else f"{lowest:g} to {highest:.10g}"


class Whole(click.IntRange):
    """A whole number. Its help and messages name the limits in words."""

    def __init__(self, lowest: int, highest: int | None = None) -> None:
        super().__init__(lowest, highest)
        self._range = _limits(lowest, math.inf if highest is None else highest)

    def _describe_range(self) -> str:
        return self._range

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> int:
        """Convert the text, and check the limits."""
        number: int = click.INT.convert(value, param, context)
        if number < (self.min or 0) or (self.max is not None and number > self.max):
            self.fail(f"{number} is not in the range: use {self._range}", param, context)
        return number


class Seconds(click.FloatRange):
    """A duration that the package accepts as a timeout."""

    name = "seconds"

    def __init__(self, lowest: float = 0, highest: float = LONGEST_SECONDS) -> None:
        super().__init__(lowest, highest)

    def _describe_range(self) -> str:
        """Return the limits for the help. It omits the limit of ten years."""
        least = [f"at least {self.min:g}"] if self.min else []
        most = [f"at most {self.max:g}"] if self.max != LONGEST_SECONDS else []
        return ", ".join(least + most)

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> Any:
        """Convert the text, and check the limits."""
        number: float = click.FLOAT.convert(value, param, context)
        lowest, highest = self.min or 0, self.max or LONGEST_SECONDS
        if math.isnan(number):
            self.fail(f"{value!r} is not a number of seconds", param, context)
        if not lowest <= number <= highest:
            limits = _limits(lowest, highest)
            self.fail(f"{number:g} is not in the range: use {limits}", param, context)
        return number


def _checked_backend(
    context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """Report a wrong RAS_NATIVE_BACKEND before the command begins."""
    if value is None:
        try:
            _ = ras_native.backend
        except ValueError as error:
            raise click.UsageError(str(error), context) from error
        except ImportError:
            pass  # the command itself reports it
    return value


def complete_file(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Let the shell complete a file."""
    return [CompletionItem(incomplete, type="file")]


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
backend_option = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    callback=_checked_backend,
    help="How to call Windows: native, the compiled module, or ctypes, which is slower. "
    "Default: native if it is installed.",
)


@dataclass(frozen=True)
class Source:
    """The provider that the options name."""

    backend: str | None
    provider: str | None
    simulate: bool

    @contextmanager
    def open(self, *, await_demo: bool = False) -> Iterator[Ras]:
        """Open the provider. With `await_demo`, wait for the first simulated connection."""
        with ExitStack() as stack:
            simulator = stack.enter_context(new_simulator("real")) if self.simulate else None
            ras = stack.enter_context(self._open(simulator))
            if simulator is not None:
                _start_demo(simulator, ras, await_demo=await_demo)
            yield ras

    def _open(self, simulator: Simulator | None) -> Ras:
        try:
            return Ras(simulator or self.provider, backend=self.backend)
        except ValueError as error:
            raise click.UsageError(str(error)) from error


def new_simulator(clock: Literal["manual", "real"]) -> Simulator:
    """Start the simulator; fail with a message if it is not installed."""
    try:
        return Simulator(clock=clock)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from error


def _start_demo(simulator: Simulator, ras: Ras, *, await_demo: bool) -> None:
    with ras.connection_notification() as connected:
        simulator.demo()
        if await_demo:
            connected.wait(_DEMO_SECONDS)


def provider_options(
    command: F, *, simulate_help: str = "Use a simulated RAS with frequent changes."
) -> F:
    """Add the options that name a provider. The command gets them as its argument `source`."""

    @functools.wraps(command)
    def wrapped(backend: str | None, provider: str | None, simulate: bool, **others: Any) -> Any:
        if simulate and provider is not None:
            raise click.UsageError("--simulate and --provider name two providers: use only one")
        return command(source=Source(backend, provider, simulate), **others)

    options = (
        backend_option,
        click.option(
            "--provider",
            metavar="PATH",
            shell_complete=complete_file,
            help="A library with the functions of rasapi32. Default: Windows' own.",
        ),
        click.option("--simulate", is_flag=True, help=simulate_help),
    )
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def _fail(message: str) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    raise SystemExit(1)


class Commands(click.Group):
    """Turns every exception of a command into a message and an exit code."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run a command and exit."""
        if sys.stdout is None:
            _fail("standard output is closed")
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="backslashreplace")  # some encodings lack characters
        try:
            return super().main(*arguments, **options)
        except OSError as error:  # for instance, the disk is full
            output, sys.stdout = sys.stdout, io.StringIO()
            with suppress(OSError):
                output.close()  # at exit Python would write the rest and fail again
            _fail(str(error))

    def invoke(self, context: click.Context) -> Any:
        """Run the command, and turn the errors of the package into messages."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            context.exit(CTRL_C)
        except ProviderError as error:
            hint = "" if error.provider else "\nTo try the command, add --simulate."
            raise click.ClickException(f"{error}{hint}") from error
        except (RasError, WSAError) as error:
            raise click.ClickException(with_advice(str(error), error.reason)) from error
        except (TimeoutError, ImportError) as error:
            raise click.ClickException(str(error)) from error


def with_advice(message: str, reason: Reason) -> str:
    """Add to a message what to do, if that is known."""
    return message if reason.advice is None else f"{message}\nWhat to do: {reason.advice}"


def quoted(text: str) -> str:
    """Quote an argument for a message, and cut it if it is long."""
    return repr(text if len(text) <= _LONGEST_QUOTED else text[:_LONGEST_QUOTED] + "...")


def parse_code(text: str) -> int:
    """Parse an error code: decimal or 0x hexadecimal, signed or unsigned, of 32 bits."""
    if _CODE.fullmatch(text):
        code = int(text, 16 if "x" in text.lower() else 10)
        if -(1 << 31) <= code < 1 << 32:
            return code
    raise click.BadParameter(
        f"{quoted(text)} is not an error code: "
        "use a number of 32 bits such as 809, -2146762495 or 0x800B0101"
    )


def _split_target(text: str) -> tuple[str, str]:
    """Split HOST:PORTS or [IPV6]:PORTS; the ports are not checked."""
    host, colon, ports = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise click.BadParameter(f"{quoted(text)}: write an IPv6 address as [ADDRESS]:PORT")
    if not colon or not host:
        raise click.BadParameter(f"{quoted(text)}: use HOST:PORT or [IPV6]:PORT")
    return host, ports


def _parse_port(text: str, port: str) -> int:
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise click.BadParameter(f"{quoted(text)}: the port must be 1 to 65535")
    return int(port)


def parse_target(text: str) -> tuple[str, int]:
    """Parse HOST:PORT or [IPV6]:PORT."""
    host, port = _split_target(text)
    return host, _parse_port(text, port)


def parse_probe(text: str) -> tuple[str, tuple[str, int]]:
    """Parse ENTRY=HOST:PORT; the name of the entry may contain "="."""
    entry, equals, target = text.rpartition("=")
    if not equals or not entry:
        raise click.BadParameter(f"{quoted(text)}: use ENTRY=HOST:PORT")
    return entry, parse_target(target)


def parse_probes(texts: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Parse each ENTRY=HOST:PORT. An entry is probed at one address."""
    found: dict[str, tuple[str, int]] = {}
    for text in texts:
        entry, target = parse_probe(text)
        if entry.casefold() in (name.casefold() for name in found):
            raise click.UsageError(f"--probe names {quoted(entry)} twice: use one address for it")
        found[entry] = target
    return found


def parse_targets(text: str) -> tuple[str, list[range]]:
    """Parse HOST:PORTS or [IPV6]:PORTS, for instance localhost:80,443,8000-8100."""
    host, ports = _split_target(text)
    ranges = []
    for part in ports.split(","):
        first, dash, last = part.partition("-")
        begin = _parse_port(text, first)
        end = _parse_port(text, last) if dash else begin
        if end < begin:
            raise click.BadParameter(f"{quoted(text)}: the range {part} ends before it begins")
        ranges.append(range(begin, end + 1))
    return host, ranges
