"""`ras-native doctor`: reports what works here, what is missing, and what to do."""

from __future__ import annotations

import os
import platform
import struct
import sys
from contextlib import ExitStack
from importlib import metadata
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from .. import Event, ProviderError, Ras, RasError, __version__, _self_test, error_name
from ..event_log import EventLog
from ._common import Source, new_simulator
from ._show import console, print_json
from ._text import printable

_WITHOUT = {
    "RasConnectionNotificationW": "there are no notifications: only polls find changes",
    "RasConnectionNotificationA": "the option ansi=True does not work",
    "RasGetSubEntryHandleW": "one link of a multilink connection cannot be hung up alone",
    "RasGetErrorStringW": "error texts are those of this package",
}
_SERVICE_STOPPED = "ERROR_RASMAN_CANNOT_INITIALIZE"
_VARIABLE = "RAS_NATIVE_BACKEND"


class Problem(NamedTuple):
    """Something that is wrong, and what to do about it."""

    what: str
    to_do: str


_NO_NATIVE_MODULE = Problem(
    "the ctypes backend is in use: it gives the same results, but is slower",
    "install a wheel for this system, or install a C compiler and then ras_native again",
)
_NO_RAS = Problem(
    "this system has no RAS, which is a part of Windows; nothing else is missing",
    "use the socket functions, --simulate and ras_native.sim",
)


class Report:
    """The results of `doctor`."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.notes: list[Problem] = []
        """Things that could work better."""
        self.problems: list[Problem] = []
        self.findings: list[_self_test.Finding] = []

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems and not any(item.passed is False for item in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "ok": self.passed,
            **self.facts,
            "problems": [item._asdict() for item in self.problems],
            "notes": [item._asdict() for item in self.notes],
            "self_test": [item.to_dict() for item in self.findings],
        }


def run(
    source: Source,
    *,
    self_test: bool,
    beyond_loopback: bool,
    watch_end: float | None,
    as_json: bool,
) -> bool:
    """Examine the installation and print a report; return whether nothing is wrong."""
    report = Report()
    report.facts |= _versions()
    with ExitStack() as stack:
        path = source.provider
        if source.simulate:
            path = stack.enter_context(new_simulator("manual")).path
        works = _examine_backend(report, source) and _examine_provider(report, source, path)
        if self_test and works:
            report.findings = _self_test.run(
                path, beyond_loopback=beyond_loopback, watch_end=watch_end
            )
        elif self_test and not report.problems:
            report.problems.append(Problem("there is no RAS to test", "add --simulate"))
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report, console())
    return report.passed


def _versions() -> dict[str, Any]:
    return {
        "ras_native": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}, "
        f"{8 * struct.calcsize('P')} bits",
        "system": f"{platform.platform()}, {platform.machine()}",
        "cffi": _installed_version("cffi"),
    }


def please_send() -> str:
    """Return what the user should do with a report. [project.urls] has the address for reports."""
    try:
        lines = metadata.metadata("ras_native").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:  # for instance, in a frozen program
        lines = []
    addresses = dict(line.split(", ", 1) for line in lines)
    if "Issues" in addresses:
        return f"Please send the report to {addresses['Issues']}"
    return "Please keep the report until the project has an address"


def _installed_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # for instance, in a frozen program
        return "not found"


# Backend


def _examine_backend(report: Report, source: Source) -> bool:
    try:
        with Event(backend=source.backend) as event:
            chosen = event.backend
    except ImportError as error:
        report.problems.append(Problem(str(error), "follow that advice, or omit --backend"))
        return False
    report.facts["backend"] = chosen
    if source.backend is not None:
        reason = "--backend asks for it"
    elif os.environ.get(_VARIABLE):
        reason = f"the environment variable {_VARIABLE} asks for it"
    elif chosen == "native":
        reason = "the native module is installed"
    else:
        reason = "the native module is not installed"
        report.notes.append(_NO_NATIVE_MODULE)
    report.facts["backend_because"] = reason
    return True


# Provider


def _examine_provider(report: Report, source: Source, path: str | None) -> bool:
    """Open the provider and poll it; return whether it could be opened."""
    facts = report.facts
    if path is None and sys.platform != "win32":
        facts["provider"] = "none"
        report.notes.append(_NO_RAS)
        return False
    facts["provider"] = path or "rasapi32.dll of System32"
    try:
        ras = Ras(path, backend=source.backend)
    except (ProviderError, ValueError) as error:
        report.problems.append(Problem(str(error), _how_to_get_a_provider(path)))
        return False
    with ras:
        facts["provider_is"], facts["functions"] = _self_test.identify(path)
        _poll(report, ras)
    _examine_event_log(report, source, path)
    if facts["provider_is"] == "Wine's stub":
        report.notes.append(
            Problem("Wine has no RAS: its rasapi32 lists no connection", "use --simulate")
        )
    for name, present in facts["functions"].items():
        if not present:
            report.notes.append(Problem(f"the provider has no {name}", _WITHOUT[name]))
    return True


def _how_to_get_a_provider(path: str | None) -> str:
    if path is not None:
        return "use the path of a library that this Python can load, or omit --provider"
    return "repair Windows: rasapi32.dll is a part of it"


def _poll(report: Report, ras: Ras) -> None:
    try:
        report.facts["connections"] = len(ras.snapshot())
    except RasError as error:
        report.problems.append(Problem(str(error), _what_helps(error.code)))
    except ProviderError as error:
        report.problems.append(Problem(str(error), "use another --provider"))
    report.facts["sizes"] = ras.sizes._asdict()


def _what_helps(code: int) -> str:
    if error_name(code) == _SERVICE_STOPPED:
        return "start the service: sc start RasMan"
    return "search for the code, and look into Windows' event log (source RasClient)"


# Event log


def _examine_event_log(report: Report, source: Source, path: str | None) -> None:
    """Find out whether the event log of this provider can be read, as a Monitor does."""
    try:
        with EventLog(path, backend=source.backend) as log:
            error: OSError | None = log.read().error
    except ProviderError as failure:
        error = failure
    report.facts["event_log"] = "not readable" if error else "readable"
    if error is not None:
        report.notes.append(
            Problem(
                f"the event log cannot be read: {error}",
                "a Monitor works without it, but cannot say why connections end",
            )
        )


# Printing


def _print(report: Report, out: Console) -> None:
    for name, value in report.facts.items():
        out.print(f"[dim]{name.replace('_', ' '):<16}[/]", Text(_fact(value)), soft_wrap=True)
    for problem in report.problems:
        _print_problem(out, "[bold red]wrong[/]", problem)
    for note in report.notes:
        _print_problem(out, "[yellow]note[/]", note)
    for finding in report.findings:
        _print_finding(out, finding)
    if report.findings:
        failed = sum(item.passed is False for item in report.findings)
        checks = sum(item.passed is not None for item in report.findings)
        out.print(
            f"\n{checks - failed} of {checks} checks passed. {please_send()}: "
            "ras-native doctor --self-test --json. It names no connection.",
            soft_wrap=True,
        )
    elif report.passed:
        out.print("[green]nothing is wrong[/]")


def _fact(value: Any) -> str:
    if not isinstance(value, dict):
        return printable(str(value))
    if all(isinstance(item, bool) for item in value.values()):
        return ", ".join(name if present else f"no {name}" for name, present in value.items())
    return ", ".join(f"{name} {number or 'not used yet'}" for name, number in value.items())


def _print_problem(out: Console, mark: str, problem: Problem) -> None:
    out.print(f"{mark}: ", Text(printable(problem.what)), sep="", soft_wrap=True)
    out.print("  -> ", Text(printable(problem.to_do)), sep="", soft_wrap=True)


def _print_finding(out: Console, finding: _self_test.Finding) -> None:
    mark = {None: "[cyan]answer[/]", True: "[green]passed[/]", False: "[bold red]FAILED[/]"}
    out.print(f"\n{mark[finding.passed]}", Text(finding.title), soft_wrap=True)
    for line in finding.problems or finding.answers:
        out.print("   ", Text(printable(str(line))), soft_wrap=True)
