"""Convert a pytest-benchmark JSON file to Markdown: each case with its median and ratio.

pytest benchmarks --benchmark-only --benchmark-json=build/benchmarks.json
python benchmarks/report.py build/benchmarks.json
"""

from __future__ import annotations

import json
import platform
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any


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


def main(path: str) -> None:
    results = json.loads(Path(path).read_text(encoding="utf-8"))
    machine = results["machine_info"]
    print(
        f"{machine['python_implementation']} {machine['python_version']}, "
        f"{machine['system']} {machine['machine']}, {machine['cpu'].get('brand_raw', '?')}, "
        f"{results['datetime'][:10]}; read by Python {platform.python_version()}\n"
    )
    groups = defaultdict(list)
    for case in results["benchmarks"]:
        groups[case["group"]].append(case)
    for group, cases in groups.items():
        print(f"**{group}**\n\n| case | median | ratio |\n|---|---|---|")
        print("\n".join(row(case) for case in cases), end="\n\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
