"""What a measurement found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .. import BACKENDS
from .._help import documented

SIMULATOR, SYSTEM, LOOPBACK = "the simulator", "the system's own RAS", "loopback"
OWN_CALLS = "the provider's calls alone"


@documented
@dataclass(frozen=True, slots=True)
class Figure:
    """What one job costs, done in one way.

    - `where`: The provider, or "loopback".
    - `job`: What was measured, such as "poll".
    - `size`: How many connections there are, or how many connects are made.
    - `way`: A backend, or the code that it is compared with.
    - `ns`: The median of one call or one connect, in nanoseconds.
    - `low_ns`: A quarter of the rounds was faster. None: the figure was calculated from others.
    - `high_ns`: A quarter of the rounds was slower. None: the figure was calculated from others.
    - `rounds`: How often it was measured.

    >>> from ras_native.benchmark import Figure
    >>> figure = Figure("the simulator", "poll", 4, "native", 900.0, 850.0, 1000.0, 20)
    >>> print(figure.way, figure.ns, "ns")
    native 900.0 ns
    """

    where: str
    job: str
    size: int
    way: str
    ns: float
    low_ns: float | None
    high_ns: float | None
    rounds: int


@documented
@dataclass(slots=True)
class Report:
    """What `measure` found. It has no names of connections, users or computers.

    - `machine`: What the machine is: its system, its processor, its versions.
    - `figures`: What was measured.
    - `missing`: What could not be measured here, each with the reason.
    - `wrong`: The ways whose results differed from those of the others.

    >>> from ras_native.benchmark import SIMULATOR, Figure, Report
    >>> report = Report({"system": "Windows"})
    >>> report.figures.append(Figure(SIMULATOR, "poll", 4, "native", 900.0, 850.0, 1000.0, 20))
    >>> report.cost(SIMULATOR, "poll", 4, "native")
    900.0
    """

    machine: dict[str, str]
    figures: list[Figure] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def cost(self, where: str, job: str, size: int, way: str) -> float | None:
        """Return the median of a job in nanoseconds; None if it was not measured.

        The arguments `where`, `job`, `size` and `way` are the members of `Figure`.

        >>> from ras_native.benchmark import Report
        >>> report = Report({"system": "Windows"})
        >>> report.cost("the simulator", "poll", 4, "native") is None
        True
        """
        for item in self.figures:
            if (item.where, item.job, item.size, item.way) == (where, job, size, way):
                return item.ns
        return None

    def shares(self) -> list[dict[str, Any]]:
        """Return for each provider and size which share of a poll its own calls have.

        >>> from ras_native.benchmark import OWN_CALLS, SYSTEM, Figure, Report
        >>> report = Report({"system": "Windows"})
        >>> report.figures.append(Figure(SYSTEM, "poll", 4, "native", 200.0, None, None, 20))
        >>> report.figures.append(Figure(SYSTEM, "poll", 4, OWN_CALLS, 150.0, None, None, 20))
        >>> report.shares()[0]["share"]
        0.75
        """
        shares = []
        for item in self.figures:
            own = self.cost(item.where, item.job, item.size, OWN_CALLS)
            if item.job == "poll" and item.way in BACKENDS and own is not None:
                share = min(1.0, own / item.ns)
                shares.append(
                    {"where": item.where, "size": item.size, "way": item.way, "share": share}
                )
        return shares

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "ok": not self.wrong,
            "machine": self.machine,
            "figures": [asdict(item) for item in self.figures],
            "shares_of_the_provider": self.shares(),
            "missing": self.missing,
            "wrong": self.wrong,
        }
