"""Make tables and charts of what pytest-benchmark wrote.

report.py RESULTS...              every case
report.py RESULTS... --targets    what was asked, what was measured, reached or missed
report.py RESULTS... --write      write the tables of README.md and docs/speed.md, and the charts

RESULTS: JSON files, one of this system, and one of Windows CPython under Wine if there is one.
"""

from __future__ import annotations

import json
import math
import sys
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
CHARTS = ROOT / "docs" / "charts"
HERE, WINE = "here", "Wine"
WINE_TITLE = "Windows CPython under Wine, not Windows"
NANOSECONDS = {"ns": 1, "us": 1_000, "ms": 1_000_000}
OURS = "ours"
LIMITS = {"bare C loop", "unchanged", "a C thread", "alone", "one of 100"}
"""What is no competitor: the least that the job can cost."""
SLOWER = 1.05  # a smaller difference is noise
LABELS = {
    "handles": "{} connections",
    "cost_us": "{} µs a call",
    "changes": "{} changed",
    "count": "{} connects",
}


def label_of(parameters: dict[str, Any]) -> str:
    texts = [LABELS.get(name, "{}").format(each) for name, each in parameters.items()]
    return ", ".join("1 connection" if text == "1 connections" else text for text in texts)


class Case(NamedTuple):
    """One benchmark: a function with its parameters."""

    function: str
    group: str
    backend: str
    parameters: dict[str, Any]
    extra: dict[str, Any]

    @property
    def label(self) -> str:
        """The parameters but the backend."""
        return label_of(self.parameters)

    @property
    def ratios(self) -> dict[str, float]:
        """How many times as long as each competitor ours takes."""
        ratios: dict[str, float] = self.extra.get("ratios", {})
        return ratios

    def ns(self, unit: str | None = None) -> dict[str, float]:
        """Return the median of each way; empty if the figures of this case are no times."""
        unit = unit or next((key for key in self.extra if " per " in key), "")
        scale = NANOSECONDS.get(unit.partition(" ")[0])
        return {who: ns * scale for who, ns in self.extra[unit].items()} if scale else {}


class Results(NamedTuple):
    """One file of results."""

    where: str
    heading: str
    versions: str
    cases: list[Case]
    missing: list[str]

    def find(self, function: str, backend: str = "native", **parameters: Any) -> Case | None:
        """Return the case of this function with these parameters."""
        for case in self.cases:
            if (case.function, case.backend, case.parameters) == (function, backend, parameters):
                return case
        return None


def read(path: str) -> Results:
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    facts = found["machine_info"]["described"]
    wine = facts["wine"] != "none"
    system = f"under Wine {facts['wine']}" if wine else facts["system"]
    system = system.partition(" (")[0]
    heading = f"{facts['python']}, {system}, {facts['cpu']}, {facts['date']}"
    versions = f"{facts['cpus']} processors, ras_native {facts['ras_native']}, cffi {facts['cffi']}"
    cases = []
    for item in found["benchmarks"]:
        parameters = dict(item["params"] or {})
        backend = parameters.pop("ras", None) or parameters.pop("backend", None) or "native"
        function = item["name"].partition("[")[0]
        cases.append(Case(function, item["group"], backend, parameters, item["extra_info"]))
    where = WINE if wine else HERE
    return Results(where, heading, versions, cases, found.get("missing", []))


def time_text(ns: float) -> str:
    for size, name in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if abs(ns) >= size:
            return f"{ns / size:.3g} {name}"
    return f"{ns:.3g} ns"


# Every case


def other_figures(case: Case) -> str:
    """Return the figures that are no times, and the slowest hundredth and thousandth."""
    keys = [key for key in case.extra if " per " in key]
    shown = keys[1:] if case.ns() else keys
    parts = []
    for key in shown:
        unit, _, what = key.partition(" per ")
        items = ", ".join(f"{who} {value:,}" for who, value in case.extra[key].items())
        parts.append(f"{unit.replace('us', 'µs')} ({what}): {items}")
    return "; ".join(parts)


def group_table(cases: list[Case]) -> Iterator[str]:
    ways = list(dict.fromkeys(who for case in cases for who in case.ns()))
    yield f"| case | backend |{''.join(f' {who} |' for who in ways)} more |"
    yield f"|---|---|{'---|' * len(ways)}---|"
    for case in cases:
        ns = case.ns()
        cells = "".join(f" {time_text(ns[who]) if who in ns else ''} |" for who in ways)
        yield f"| {case.label} | {case.backend} |{cells} {other_figures(case)} |"


def every_case(results: Results) -> Iterator[str]:
    groups = defaultdict(list)
    for case in results.cases:
        groups[case.group].append(case)
    for group, cases in groups.items():
        yield from (f"**{group[0].upper()}{group[1:]}**", "", *group_table(cases), "")
    yield from (f"- missing: {text}" for text in results.missing)


# What was asked


class Figure(NamedTuple):
    """One figure of a target; it is reached if `value` is at most `limit`."""

    label: str
    value: float
    limit: float
    text: str

    @property
    def is_reached(self) -> bool:
        """Whether the target is reached."""
        return self.value <= self.limit


Measure = Callable[[Results], "Iterable[Figure | None]"]


class Target(NamedTuple):
    """One row: the job, what was asked, where, and the figures."""

    job: str
    asked: str
    where: tuple[str, ...]
    measure: Measure


def own_cost(function: str, fixed: float, each: float, *sizes: int) -> Measure:
    """Compare what ours costs more than the bare C loop with fixed + each * connections ns."""

    def measure(results: Results) -> Iterator[Figure | None]:
        for size in sizes:
            case = results.find(function, handles=size)
            if case is None:
                yield None
                continue
            own, limit = case.extra["own ns"], fixed + each * size
            text = f"{time_text(own)} of {time_text(limit)}"
            yield Figure(label_of({"handles": size}), own, limit, text)

    return measure


def ratio(
    function: str, others: tuple[str, ...], limit: float, *parameters: dict[str, Any],
    backend: str = "native",
) -> Measure:  # fmt: skip
    """Compare the ratios of ours to others with a limit; a limit below 1 asks to be faster."""

    def measure(results: Results) -> Iterator[Figure | None]:
        for chosen in parameters or ({},):
            case = results.find(function, backend, **chosen)
            for other in others:
                value = None if case is None else case.ratios.get(other)
                if value is None:
                    yield None
                    continue
                names = [label_of(chosen), other if len(others) > 1 else ""]
                label = ", ".join(filter(None, names))
                yield Figure(label, value, limit, ratio_text(value, limit))

    return measure


def share(function: str, names: tuple[str, ...], limit: float) -> Measure:
    """Compare the ratios of these counts with a limit."""

    def measure(results: Results) -> Iterator[Figure | None]:
        case = results.find(function)
        for name in names:
            value = case and case.ratios.get(name)
            yield value and Figure(name, value, limit, f"1/{1 / value:.0f}")

    return measure


def ratio_text(value: float, limit: float) -> str:
    if limit >= 1:
        return f"{value:.3f} times" if value < 10 else f"{value:.3g} times"
    return f"{1 / value:.3g} times faster" if value < 1 else f"{value:.3g} times slower"


def growth(function: str, backend: str, limit: float) -> Measure:
    def measure(results: Results) -> Iterator[Figure | None]:
        case = results.find(function, backend)
        found = case and next((v for k, v in case.extra.items() if k.startswith("growth")), None)
        if not found:
            yield None
            return
        text = ", ".join(f"{value:,} {name}" for name, value in found.items())
        yield Figure("", found["bytes"] + found["threads"] + found["descriptors"], limit, text)

    return measure


def slowest(function: str) -> Measure:
    """Report the slowest hundredth and thousandth of ours and of the C thread."""

    def measure(results: Results) -> Iterator[Figure | None]:
        case = results.find(function)
        if case is None:
            yield None
            return
        for part in ("99 %", "99.9 %"):
            ns = case.ns(f"us ({part}) per change")
            text = f"{time_text(ns[OURS])}, C thread {time_text(ns['a C thread'])}"
            yield Figure(part, 0, math.inf, text)

    return measure


def sizes(*counts: int) -> list[dict[str, Any]]:
    return [{"handles": count} for count in counts]


ALL = tuple(sizes(0, 1, 4, 64))
BOTH = (HERE, WINE)
KINDS = ("refused", "open", "mixed")
THOUSAND = tuple({"targets_of": kind, "count": 1_000} for kind in KINDS)
BARE = ("bare C loop",)
TEXTBOOK = ("textbook ctypes",)
NEVER = "never slower than the textbook"

TARGETS = [
    Target("unchanged `snapshot()`", "the bare C loop + 350 ns + 40 ns a connection", (HERE,),
           own_cost("test_unchanged", 350, 40, 1, 4, 16, 64)),
    Target("unchanged `snapshot()`", "the bare C loop + 650 ns + 40 ns a connection", (WINE,),
           own_cost("test_unchanged", 650, 40, 1, 4, 16, 64)),
    Target("unchanged `snapshot()`", "≥ 2.5 times faster than pywin32 from 4 connections on",
           (WINE,),
           ratio("test_unchanged", ("pywin32",), 0.4, *sizes(4, 16, 64))),
    Target("unchanged `snapshot()`, no connection", "compared with pywin32",
           (WINE,),
           ratio("test_unchanged", ("pywin32",), math.inf, *sizes(0))),
    Target("the same with 10 µs a call", "≤ 1.02 times the bare C loop from 4 connections on", BOTH,
           ratio("test_unchanged_with_a_cost_of_each_call", BARE, 1.02,
                 {"handles": 4, "cost_us": 10}, {"handles": 64, "cost_us": 10})),
    Target("`snapshot()`, all of 64 changed", "faster than pywin32's calls for 64", (WINE,),
           ratio("test_changed", ("pywin32",), 1.0, {"handles": 64, "changes": 64})),
    Target("`statistics()`", "the bare C loop + 500 ns + 400 ns a connection", (HERE,),
           own_cost("test_statistics", 500, 400, 1, 4, 16, 64)),
    Target("ctypes backend: `snapshot()`", NEVER, BOTH,
           ratio("test_unchanged", TEXTBOOK, 1.0, *ALL, backend="ctypes")),
    Target("ctypes backend: `snapshot()` of 64", "≥ 2 times faster than the textbook", BOTH,
           ratio("test_unchanged", TEXTBOOK, 0.5, *sizes(64), backend="ctypes")),
    Target("ctypes backend: `enum_connections()`", NEVER, BOTH,
           ratio("test_enumeration", TEXTBOOK, 1.0, *ALL, backend="ctypes")),
    Target("ctypes backend: `statistics()`", NEVER, BOTH,
           ratio("test_statistics", TEXTBOOK, 1.0, *ALL, backend="ctypes")),
    Target("ctypes backend: `get_connect_status()`", NEVER, BOTH,
           ratio("test_status", TEXTBOOK, 1.0, *sizes(1), backend="ctypes")),
    Target("from a change to a thread", "≤ 2.5 times a Python thread in the native wait", BOTH,
           ratio("test_change_to_thread", ("a Python thread alone",), 2.5)),
    Target("from a change to an asyncio task", "≤ 1.3 times a bare `call_soon_threadsafe`", BOTH,
           ratio("test_change_to_task", ("a thread's call_soon_threadsafe",), 1.3)),
    Target("from a change to a thread, the slowest", "compared with a C thread", BOTH,
           slowest("test_change_to_thread")),
    Target("from a change to an asyncio task, the slowest", "compared with a C thread", BOTH,
           slowest("test_change_to_task")),
    Target("an idle hour, interval 60 s", "≤ 1/50 of a 1 Hz poller", (HERE,),
           share("test_idle_hour", ("calls", "wake-ups"), 1 / 50)),
    Target("`connect_many`, 1,000", "≤ 1.1 times the bare C loop", (HERE,),
           ratio("test_connect_many_beside_the_bare_loop", BARE, 1.1, *THOUSAND)),
    Target("`connect_many`, 1,000", "≥ 2 times faster than asyncio and uvloop", (HERE,),
           ratio("test_connects_in_python", ("asyncio", "uvloop"), 0.5,
                 *({"targets_of": kind} for kind in KINDS))),
    Target("65,535 ports of loopback", "not slower than `nmap -sT`", (HERE,),
           ratio("test_all_ports_beside_nmap", ("nmap -sT",), 1.0)),
    Target("a connect, 100 → 100,000 of them", "≤ 1.2 times", (HERE,),
           ratio("test_cost_of_one_of_many", ("one of 100",), 1.2, {"targets_of": "refused"})),
    Target("an answered connect beside 9,990 silent ones", "≤ 2 times one alone", (HERE,),
           ratio("test_answered_connects_beside_silent_ones", ("alone",), 2.0)),
    Target("1,000,000 polls", "no growth", (HERE,),
           growth("test_growth_of_polls", "native", 1_000_000)),
    Target("100,000 Monitors", "no growth", (HERE,),
           growth("test_growth_of_monitors", "native", 500_000)),
    Target("`import ras_native`", "≤ 1.5 times `import cffi`", (HERE,),
           ratio("test_import", ("cffi",), 1.5)),
]  # fmt: skip


def verdict(figures: list[Figure | None]) -> str:
    found = [figure for figure in figures if figure is not None]
    if not found:
        return "not measured"
    if all(figure.limit == math.inf for figure in found):
        return ""
    missed = [figure.label for figure in found if not figure.is_reached]
    if not missed:
        return "reached"
    return "**missed**" if missed == [""] or len(missed) == len(found) else (
        f"**missed** at {'; '.join(missed)}")  # fmt: skip


def target_rows(all_results: list[Results]) -> Iterator[str]:
    """Return the table of targets; each place has a row of its own."""
    yield from ("| job | where | asked | measured | |", "|---|---|---|---|---|")
    for target in TARGETS:
        for where in target.where:
            results = next((each for each in all_results if each.where == where), None)
            figures = list(target.measure(results)) if results else []
            texts = [f"{f.label}: {f.text}" if f.label else f.text for f in figures if f]
            place = "Wine" if where == WINE else "Linux"
            measured = "; ".join(texts)
            yield (f"| {target.job} | {place} | {target.asked} | {measured} | {verdict(figures)} |")


def loss_rows(all_results: list[Results]) -> Iterator[str]:
    """Return a table of the cases in which a competitor is faster."""
    yield from (
        "| job | case | where | backend | faster | ours takes |",
        "|---|---|---|---|---|---|",
    )
    for results in all_results:
        for case in results.cases:
            for other, value in case.ratios.items():
                if value > SLOWER and other not in LIMITS and case.ns():
                    place = "Wine" if results.where == WINE else "Linux"
                    yield (
                        f"| {case.group} | {case.label} | {place} | {case.backend} | {other} "
                        f"| {value:.2g} times |"
                    )


# The README's small table


class Small(NamedTuple):
    """One row of the README: its job, and the case."""

    job: str
    where: str
    function: str
    other: str
    backend: str = "native"
    parameters: dict[str, Any] = {}  # noqa: RUF012


UNCHANGED_64 = "`snapshot()` of 64 connections, nothing changed"
SMALL = [
    Small(UNCHANGED_64, HERE, "test_unchanged", *TEXTBOOK, parameters={"handles": 64}),
    Small(UNCHANGED_64, HERE, "test_unchanged", *BARE, parameters={"handles": 64}),
    Small(f"{UNCHANGED_64}, in Windows' Python under Wine", WINE, "test_unchanged", "pywin32",
          parameters={"handles": 64}),
    Small("`snapshot()` of no connection, in Windows' Python under Wine", WINE, "test_unchanged",
          "pywin32", parameters={"handles": 0}),
    Small("from a change in RAS until your thread has the event", HERE, "test_change_to_thread",
          "a C thread"),
    Small("one of 1,000 refused connects", HERE, "test_connects_in_python", "asyncio",
          parameters={"targets_of": "refused"}),
    Small("one of 65,535 loopback ports", HERE, "test_all_ports_beside_nmap", "nmap -sT"),
]  # fmt: skip
OTHERS = {
    "textbook ctypes": "textbook ctypes code",
    "bare C loop": "a bare C loop with the same calls",
    "a C thread": "a C thread that only waits",
    "nmap -sT": "`nmap -sT`",
}
"""What the README calls the others; it uses the other names as they are."""


def small_table(all_results: list[Results]) -> Iterator[str]:
    machines = "; ".join(results.heading for results in all_results)
    yield from textwrap.wrap(
        f"These are medians, measured against the simulator ({machines}). A bold time is "
        "faster than ours. Nothing was measured on Windows, where each RAS call is a "
        "remote procedure call. [More figures, and how to measure yours](docs/speed.md).", 100,
        break_on_hyphens=False,
    )  # fmt: skip
    yield from ("", "| job | ras_native | other | time of the other |", "|---|---|---|---|")
    for row in SMALL:
        results = next((each for each in all_results if each.where == row.where), None)
        case = results and results.find(row.function, row.backend, **row.parameters)
        ns = case.ns() if case else {}
        if row.other in ns:
            other, theirs = OTHERS.get(row.other, row.other), time_text(ns[row.other])
            if ns[row.other] < ns[OURS]:
                theirs = f"**{theirs}**"
            yield f"| {row.job} | {time_text(ns[OURS])} | {other} | {theirs} |"


# Charts

WIDTH, LEFT, BAR, GAP = 760, 250, 16, 6
STYLE = """<style>
svg { font-family: sans-serif; font-size: 12px; }
.paper { fill: #ffffff; } text { fill: #1f2328; } .note { fill: #59636e; font-size: 10px; }
.ours { fill: #2166ac; } .other { fill: #9aa1a9; }
@media (prefers-color-scheme: dark) {
.paper { fill: #161b22; } text { fill: #e6edf3; } .note { fill: #9198a1; }
.ours { fill: #6cb0f0; } .other { fill: #6e7681; } }
</style>"""


class Bar(NamedTuple):
    """One bar of a chart."""

    label: str
    ns: float
    is_ours: bool


def bars_of(results: Results, function: str, *cases: tuple[str, dict[str, Any]],
            unit: str | None = None) -> Iterator[Bar]:  # fmt: skip
    """Return the bars of some cases: both backends, and the competitors of the native one."""
    for title, parameters in cases:
        for backend in ("native", "ctypes"):
            case = results.find(function, backend, **parameters)
            ns = case.ns(unit) if case else {}
            for who, each in ns.items():
                if who == OURS:
                    yield Bar(f"{title}  ras_native, {backend}", each, is_ours=True)
                elif backend == "native":
                    yield Bar(f"{title}  {who}", each, is_ours=False)


def charts(results: Results) -> Iterator[tuple[str, str, list[Bar]]]:
    """Return the name, the title and the bars of each chart."""
    prefix = "wine" if results.where == WINE else "linux"
    counts = [(f"{size} connections:", {"handles": size}) for size in (0, 4, 64)]
    yield f"{prefix}-unchanged", "snapshot() when nothing is new", [
        *bars_of(results, "test_unchanged", *counts)]  # fmt: skip
    yield f"{prefix}-cost", "snapshot() of 4 when each call takes an assumed time", [
        *bars_of(results, "test_unchanged_with_a_cost_of_each_call",
                 *((f"{cost} µs a call:", {"handles": 4, "cost_us": cost})
                   for cost in (0, 1, 10, 50)))]  # fmt: skip
    yield f"{prefix}-statistics", "statistics() of every connection", [
        *bars_of(results, "test_statistics", *counts)]  # fmt: skip
    for name, function in (("thread", "test_change_to_thread"), ("task", "test_change_to_task")):
        yield f"{prefix}-change-to-{name}", f"from a change to its consumer, a {name}", [
            bar
            for title, unit in (("median:", "us per change"), ("99 %:", "us (99 %) per change"),
                                ("99.9 %:", "us (99.9 %) per change"))
            for bar in bars_of(results, function, (title, {}), unit=unit)]  # fmt: skip
    yield f"{prefix}-connects", "one of many connects in Python", [
        *bars_of(results, "test_connects_in_python",
                 *((f"{kind}:", {"targets_of": kind}) for kind in KINDS))]  # fmt: skip
    yield f"{prefix}-connects-by-number", "one connect of connect_many, refused", [
        *bars_of(results, "test_connect_many_beside_the_bare_loop",
                 *((f"of {count:,}:", {"targets_of": "refused", "count": count})
                   for count in (1, 10, 100, 1_000, 10_000, 100_000)))]  # fmt: skip


def svg(title: str, note: str, found: list[Bar]) -> str:
    """Draw horizontal bars on a logarithmic scale, with the figure beside each."""
    low = math.log10(min(bar.ns for bar in found)) - 0.3
    span = math.log10(max(bar.ns for bar in found)) - low
    height = 60 + len(found) * (BAR + GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}">',
        STYLE,
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="6"/>',
        f'<text x="8" y="20" font-size="15" font-weight="bold">{escape(title)}</text>',
        f'<text class="note" x="8" y="38">{escape(note)}</text>',
    ]
    for number, bar in enumerate(found):
        top = 50 + number * (BAR + GAP)
        width = (math.log10(bar.ns) - low) / span * (WIDTH - LEFT - 90)
        kind = "ours" if bar.is_ours else "other"
        lines += [
            f'<text x="{LEFT - 8}" y="{top + 12}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{width:.0f}" height="{BAR}"/>',
            f'<text x="{LEFT + width + 6:.0f}" y="{top + 12}">{time_text(bar.ns)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def write_charts(all_results: list[Results], folder: Path) -> Iterator[str]:
    """Write the charts, and return the Markdown that shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    for results in all_results:
        place = WINE_TITLE if results.where == WINE else "Linux"
        for name, title, found in charts(results):
            if found:
                note = f"median, logarithmic scale; {place}, against the simulator"
                (folder / f"{name}.svg").write_text(svg(title, note, found), encoding="utf-8")
                yield f"![{title} ({place})]({folder.name}/{name}.svg)"
                yield ""


# The documents


def replace(path: Path, name: str, lines: Iterable[str]) -> None:
    """Replace what stands between the marks of this name."""
    text = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{path} has no marks {begin} and {end}")
    content = "\n".join(lines).strip("\n")
    path.write_text(f"{before}{begin}\n{content}\n{end}{after}", encoding="utf-8")


def write(all_results: list[Results], root: Path) -> None:
    speed = root / "docs" / "speed.md"
    replace(root / "README.md", "benchmarks", small_table(all_results))
    replace(speed, "targets", target_rows(all_results))
    replace(speed, "losses", loss_rows(all_results))
    replace(speed, "charts", write_charts(all_results, root / "docs" / "charts"))
    replace(speed, "figures", figures(all_results))


def figures(all_results: list[Results]) -> Iterator[str]:
    for results in all_results:
        title = WINE_TITLE if results.where == WINE else "Linux"
        heading = f"{results.heading}; {results.versions}."
        yield from (f"### {title}", "", heading, "", *every_case(results))


def main(arguments: list[str]) -> None:
    paths = [each for each in arguments if not each.startswith("--")]
    options = [each for each in arguments if each.startswith("--")]
    if not paths:
        raise SystemExit(__doc__)
    all_results = [read(path) for path in paths]
    match options:
        case []:
            print(*figures(all_results), sep="\n")
        case ["--targets"]:
            print(*target_rows(all_results), sep="\n")
        case ["--write"]:
            write(all_results, ROOT)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
