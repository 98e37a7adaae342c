"""Does every job in every way, in turns, and compares their results."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from typing import Any

from .. import BACKENDS, ProviderError, Ras, RasError, _check
from .._backend import native_problem
from ..sim import Simulator
from . import connects, machine, polls
from .report import LOOPBACK, OWN_CALLS, SIMULATOR, SYSTEM, Figure, Report
from .timing import Timing, in_turns

_SIZES = (0, 1, 4, 64)  # simulated connections
_CONNECTS = 100  # all at a time, because Windows may take 2 s for each that is refused
_CHECKS = 3  # on a real system a connection may end between two ways' calls
_JOBS = ("enumeration", "status of one", "statistics", "poll")
_PLANNED = len(_SIZES) * len(_JOBS) - 2 + 2 + (len(_JOBS) if sys.platform == "win32" else 0)


class Run:
    """One measurement, which fills its report."""

    def __init__(self, seconds: float, on_progress: Callable[[int, int, str], object]) -> None:
        self.report = Report(machine.describe())
        self._seconds = seconds / _PLANNED
        self._on_progress = on_progress
        self._done = 0
        problem = native_problem()
        if problem:
            self.report.missing.append(f"the native backend: {problem}")
        self.backends = [backend for backend in BACKENDS if backend != "native" or not problem]

    def time(
        self,
        title: str,
        calls: dict[str, Callable[[], object]],
        after: Callable[[], object] | None = None,
    ) -> dict[str, Timing]:
        """Time these calls, each for its share of the time; report the progress before."""
        self._on_progress(self._done, _PLANNED, title)
        self._done += 1
        return in_turns(calls, self._seconds, after)

    def add(self, where: str, job: str, size: int, way: str, timing: Timing, unit: int = 1) -> None:
        """Add a figure to the report; `timing` is that of `unit` calls."""
        ns, low, high = (value / unit for value in timing[:3])
        self.report.figures.append(Figure(where, job, size, way, ns, low, high, timing.rounds))

    def compare(self, title: str, results: Callable[[], dict[str, Any]]) -> None:
        """Record the ways whose results differ from the first one's."""
        for _ in range(_CHECKS):
            found = results()
            first, expected = next(iter(found.items()))
            different = [name for name, result in found.items() if result != expected]
            if not different:
                return
        self.report.wrong += [f"{title}: {name} and {first} differ" for name in different]

    # RAS

    def ask(self, where: str, provider: Simulator | None, *, live: bool) -> None:
        """Time every job on one provider.

        On a live provider it also times the provider's calls alone. The simulator's calls are too
        short for that, and are not those of Windows.
        """
        library = polls.load(None if provider is None else provider.path)
        with ExitStack() as stack:
            ways = self._ways(stack, where, library, provider, live=live)
            alone = polls.Alone(library)
            own_calls = alone.calls() if live else {}
            for job in _JOBS:
                chosen = {name: ours[job] for name, ours in ways.items() if job in ours}
                if chosen:
                    self._one_job(where, job, alone, own_calls, chosen)

    def _ways(
        self,
        stack: ExitStack,
        where: str,
        library: Any,
        provider: Simulator | None,
        *,
        live: bool,
    ) -> dict[str, dict[str, polls.Way]]:
        ways = {}
        for backend in self.backends:
            ras = stack.enter_context(Ras(provider, backend=backend))
            ways[backend] = polls.ways_of_ours(ras, live=live)
        ways["textbook ctypes"] = polls.ways_of_textbook(library, live=live)
        if provider is None:
            try:
                ways["pywin32"] = polls.ways_of_pywin32(import_module("win32ras"))
            except ImportError as error:
                self.report.missing.append(f"{where}, pywin32: {error}")
        return ways

    def _one_job(
        self,
        where: str,
        job: str,
        alone: polls.Alone,
        own_calls: dict[str, Callable[[], object]],
        ways: dict[str, polls.Way],
    ) -> None:
        size = alone.count
        title = f"{where}: {job}, {size}"
        check = partial(
            self.compare, title,
            lambda: {name: way.comparable(way.call()) for name, way in ways.items()},
        )  # fmt: skip
        check()
        calls = {name: way.call for name, way in ways.items()}
        times = self.time(title, {**calls, **own_calls})
        check()
        for name in calls:
            self.add(where, job, size, name, times[name])
        if own_calls:
            own = alone.costs({name: times[name].ns for name in own_calls}).get(job, 0.0)
            rounds = times["RasEnumConnectionsW"].rounds
            self.report.figures.append(Figure(where, job, size, OWN_CALLS, own, None, None, rounds))

    def ask_simulator(self) -> None:
        """Time every job on the simulator, with each number of connections."""
        try:
            sim = Simulator()
        except FileNotFoundError as error:
            self.report.missing.append(f"{SIMULATOR}: {error}")
            return
        with sim:
            count = 0
            for size in _SIZES:
                while count < size:
                    handle = sim.add(f"Work VPN {count}", phone_number="vpn.example.org")
                    sim.set_statistics(handle, bytes_sent=count)
                    count += 1
                self.ask(SIMULATOR, sim, live=False)

    def ask_system(self) -> None:
        """Time every job on the RAS of this system, if there is one."""
        if machine.wine_version() != "none":
            self.report.missing.append(f"{SYSTEM}: this is Wine's, which lists no connection")
        try:
            self.ask(SYSTEM, None, live=True)
        except (ProviderError, RasError, OSError) as error:
            self.report.missing.append(f"{SYSTEM}: {error}")

    # Connects

    def connect(self) -> None:
        """Time connects to a target that accepts, and to one that refuses."""
        ways = {backend: connects.with_backend(backend) for backend in self.backends}
        ways |= connects.COMMON_WAYS
        try:
            ways["uvloop"] = connects.uvloop_way()
        except ImportError as error:
            self.report.missing.append(f"{LOOPBACK}, uvloop: {error}")
        with connects.open_target(_CONNECTS) as (target, empty):
            self._connect("accepted connect", [target] * _CONNECTS, 0, ways, empty)
        with connects.closed_target() as target:
            targets = [target] * _CONNECTS
            self._connect("refused connect", targets, errno.ECONNREFUSED, ways, lambda: None)

    def _connect(
        self,
        job: str,
        targets: connects.Targets,
        expected: int,
        ways: dict[str, connects.Way],
        after: Callable[[], None],
    ) -> None:
        found: dict[str, list[int]] = {"what was expected": [expected] * _CONNECTS}

        def run(name: str) -> None:
            found[name] = ways[name](targets, _CONNECTS)

        times = self.time(job, {name: partial(run, name) for name in ways}, after)
        self.compare(job, lambda: found)
        for name, timing in times.items():
            self.add(LOOPBACK, job, _CONNECTS, name, timing, _CONNECTS)


def measure(
    *,
    seconds: float = 20.0,
    on_progress: Callable[[int, int, str], object] = lambda _done, _planned, _title: None,
) -> Report:
    """Measure everything that this machine has, for about `seconds`.

    `on_progress` is called before each job with the number of jobs that are done, the number of all
    jobs, and a title. With 0 seconds each way runs a few times only, which tests that it works.

    Raises RuntimeError if this process has a Simulator, ValueError or TypeError for `seconds`.

    >>> from ras_native.benchmark import measure
    >>> report = measure(seconds=0.1)  # seconds in all; 20 gives steady figures
    >>> len(report.figures) > 0, report.wrong
    (True, [])
    """
    run = Run(_check.nanoseconds("seconds", seconds) / 1e9, on_progress)
    run.ask_simulator()
    run.ask_system()
    run.connect()
    return run.report
