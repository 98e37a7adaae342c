"""Convert a pytest-benchmark JSON file to Markdown and to charts.

pytest benchmarks --benchmark-only --benchmark-json=build/benchmarks.json
python benchmarks/report.py build/benchmarks.json                     every case, by group
python benchmarks/report.py build/benchmarks.json --small             the table of the README
python benchmarks/report.py build/benchmarks.json --charts FOLDER     an SVG chart for each group
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import defaultdict
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

# The README's rows: what it says, the case without its backend, and the other's name there.
SMALL = [
    ("`snapshot()`, nothing new, no connection", "test_unchanged_beside_the_bare_loop", "0"),
    ("`snapshot()`, nothing new, 4 connections", "test_unchanged_beside_the_bare_loop", "4"),
    ("`snapshot()`, nothing new, 64 connections", "test_unchanged_beside_the_bare_loop", "64"),
    ("the same, 10 µs a call (assumed)", "test_unchanged_with_a_cost_of_each_call", "64-10"),
    ("the same, beside textbook ctypes", "test_unchanged_beside_the_textbook", "64"),
    ("`snapshot()`, 64 of 64 changed", "test_changed_beside_none", "64-64"),
    ("`statistics()`, 64 connections", "test_beside_the_bare_loop", "64"),
    ("from a change to a thread", "test_change_to_thread", ""),
    ("from a change to an asyncio task", "test_change_to_task", ""),
    ("from `hang_up` to gone, beyond 50 ms", "test_hang_up_to_gone", ""),
    (
        "`connect_many`, 1,000 refused, each",
        "test_connect_many_beside_the_bare_loop",
        "refused-1000",
    ),
    ("65,535 ports of loopback, each", "test_all_ports_beside_nmap", ""),
    ("import in a new process", "test_import", ""),
]
BACKENDS = ("native", "ctypes")
OURS = ("ours", "ras_native", "")
CALCULATED = ("own cost", "target")
NANOSECONDS = {"ns": 1, "us": 1_000}
WIDTH, LABELS, BAR, GAP = 760, 330, 16, 6


class Bar(NamedTuple):
    """One figure of a case."""

    case: str
    who: str
    ns: float


def unit_of(extra: dict[str, Any]) -> str | None:
    """Return the key of the first figures, such as "us per connect"."""
    return next((key for key in extra if " per " in key), None)


def parameters(case: dict[str, Any]) -> list[str]:
    return str(case["param"] or "").split("-") if case["param"] else []


def bars(case: dict[str, Any]) -> list[Bar]:
    """Return the figures of a case in nanoseconds; those that are no time are left out."""
    extra, label = case["extra_info"], case["param"] or case["name"]
    unit = unit_of(extra)
    if unit is None:
        return [Bar(label, "", case["stats"]["median"] * 1e9)]
    scale = NANOSECONDS.get(unit.split(" ")[0])
    if scale is None:
        return []
    return [Bar(label, str(name), value * scale) for name, value in extra[unit].items()]


def time_text(ns: float) -> str:
    for size, name in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if abs(ns) >= size:
            return f"{ns / size:.3g} {name}"
    return f"{ns:.3g} ns"


# Every case


def figures(extra: dict[str, Any]) -> str:
    units = [key for key in extra if " per " in key]
    return "; ".join(
        f"{name} {value:,} {unit.split(' per ')[0]}"
        for unit in units
        for name, value in extra[unit].items()
    )


def row(case: dict[str, Any]) -> str:
    extra = case["extra_info"]
    ratio = f"{extra['ratio']:.2f}" if "ratio" in extra else ""
    median = f"{case['stats']['median'] * 1e6:,.0f} µs"
    return f"| {case['param'] or case['name']} | {figures(extra) or median} | {ratio} |"


def print_all(results: dict[str, Any]) -> None:
    print(heading(results), end="\n\n")
    for group, cases in by_group(results).items():
        print(f"**{group}**\n\n| case | median | ratio |\n|---|---|---|")
        print("\n".join(row(case) for case in cases), end="\n\n")
    for text in results.get("missing", []):
        print(f"- missing: {text}")


def heading(results: dict[str, Any]) -> str:
    facts = results["machine_info"]["described"]
    wine = "" if facts["wine"] == "none" else f" under Wine {facts['wine']}"
    return (
        f"{facts['python']}, {facts['system']}{wine}, {facts['cpu']} ({facts['cpus']} processors), "
        f"ras_native {facts['ras_native']}, cffi {facts['cffi']}, {facts['date']}"
    )


def by_group(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    groups = defaultdict(list)
    for case in results["benchmarks"]:
        groups[case["group"]].append(case)
    return groups


# The small table


def find(results: dict[str, Any], function: str, wanted: str) -> dict[str, dict[str, Any]]:
    """Return the case of each backend; "" is the case that has none."""
    found = {}
    for case in results["benchmarks"]:
        if case["name"].partition("[")[0] != function:
            continue
        others = [part for part in parameters(case) if part not in BACKENDS]
        if sorted(others) == sorted(wanted.split("-") if wanted else []):
            backend = next((part for part in parameters(case) if part in BACKENDS), "")
            found[backend] = case
    return found


def small_row(title: str, cases: dict[str, dict[str, Any]]) -> str:
    own, others = {}, {}
    for backend, case in sorted(cases.items()):  # native last: the others' figures beside it count
        for bar in bars(case):
            if bar.who in OURS:
                own[backend or "native"] = time_text(bar.ns)
            elif bar.who not in CALCULATED:
                others[bar.who] = f"{bar.who} {time_text(bar.ns)}"
    cells = (own.get("native", ""), own.get("ctypes", ""), ", ".join(others.values()))
    return f"| {title} | {' | '.join(cells)} |"


def print_small(results: dict[str, Any]) -> None:
    print(f"Medians. {heading(results)}.\n")
    print("| job | native | ctypes | beside |\n|---|---|---|---|")
    for title, function, wanted in SMALL:
        cases = find(results, function, wanted)
        print(small_row(title, cases) if cases else f"| {title} | not measured | | |")


# Charts


def chart(title: str, subtitle: str, found: list[Bar]) -> str:
    """Draw horizontal bars on a logarithmic scale, with the figure beside each."""
    shown = [bar for bar in found if bar.ns > 0]
    low = math.log10(min(bar.ns for bar in shown)) - 0.3
    span = math.log10(max(bar.ns for bar in shown)) - low or 1
    height = 60 + len(shown) * (BAR + GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="8" y="20" font-size="15" font-weight="bold">{escape(title)}</text>',
        f'<text x="8" y="38" fill="#555" font-size="10">{escape(subtitle)}</text>',
    ]
    for number, bar in enumerate(shown):
        top = 50 + number * (BAR + GAP)
        width = (math.log10(bar.ns) - low) / span * (WIDTH - LABELS - 90)
        colour = "#2166ac" if bar.who in OURS else "#b2b2b2"
        label = escape(f"{bar.case}  {bar.who}".strip())
        lines += [
            f'<text x="{LABELS - 8}" y="{top + 12}" text-anchor="end">{label}</text>',
            f'<rect x="{LABELS}" y="{top}" width="{width:.0f}" height="{BAR}" fill="{colour}"/>',
            f'<text x="{LABELS + width + 6:.0f}" y="{top + 12}">{time_text(bar.ns)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def file_name(group: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-") + ".svg"


def write_charts(results: dict[str, Any], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    subtitle = f"median, logarithmic scale; {heading(results)}"
    written = []
    for group, cases in by_group(results).items():
        found = [bar for case in cases for bar in bars(case)]
        if any(bar.ns > 0 for bar in found):
            path = folder / file_name(group)
            path.write_text(chart(group, subtitle, found), encoding="utf-8")
            written.append(path)
    return written


def main(path: str, *options: str) -> None:
    results = json.loads(Path(path).read_text(encoding="utf-8"))
    match options:
        case ():
            print_all(results)
        case ("--small",):
            print_small(results)
        case ("--charts", folder):
            print(*write_charts(results, Path(folder)), sep="\n")
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
