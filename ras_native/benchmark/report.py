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
    """

    machine: dict[str, str]
    figures: list[Figure] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def cost(self, where: str, job: str, size: int, way: str) -> float | None:
        """Return the median of a job in nanoseconds; None if it was not measured."""
        for item in self.figures:
            if (item.where, item.job, item.size, item.way) == (where, job, size, way):
                return item.ns
        return None

    def shares(self) -> list[dict[str, Any]]:
        """Return for each provider and size which share of a poll its own calls have."""
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
