"""benchmarks/report.py makes tables and charts of what pytest-benchmark wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from tsv import ROOT

MACHINE = {
    "python": "CPython 3.13", "system": "Linux 6.1 (#1)", "wine": "none", "cpu": "A & B",
    "cpus": "2", "ras_native": "0.1.0", "cffi": "2.0", "date": "2026-01-01",
}  # fmt: skip


def case(name, params, extra, group="unchanged snapshot"):
    return {"name": f"{name}[x]", "params": params, "group": group, "extra_info": extra}


def unchanged(backend, size, ours, **others):
    names = {"bare": "bare C loop", "textbook": "textbook ctypes", "pywin32": "pywin32"}
    others = {names[name]: ns for name, ns in others.items()}
    return case(
        "test_unchanged",
        {"ras": backend, "handles": size},
        {
            "ns per poll": {"ours": ours, **others},
            "ratios": {name: ours / ns for name, ns in others.items()},
            "own ns": ours - others["bare C loop"],
        },
    )


LINUX = [
    unchanged("native", 4, 530, bare=150, textbook=44_000),
    unchanged("native", 16, 1_500, bare=500, textbook=170_000),
    unchanged("ctypes", 4, 7_900, bare=150, textbook=7_000),
    case("test_growth_of_polls", {"ras": "native"},
         {"growth per 1,000,000 polls": {"bytes": 4096, "threads": 0, "descriptors": 0}}, "growth"),
    case("test_idle_hour", {"ras": "native"},
         {"calls per hour": {"poller": 7_200, "ours": 120},
          "ratios": {"calls": 120 / 7_200, "wake-ups": 61 / 3_600}}, "an idle hour"),
    case("test_change_to_thread", {"ras": "native"},
         {"us per change": {"ours": 170, "a C thread": 40},
          "us (99 %) per change": {"ours": 500, "a C thread": 300},
          "us (99.9 %) per change": {"ours": 900, "a C thread": 700},
          "ratios": {"a Python thread alone": 3.4, "a C thread": 4.25}}, "change to a thread"),
]  # fmt: skip
WINE = [unchanged("native", 0, 600, bare=50, textbook=800, pywin32=300)]


def write(path, cases, wine):
    facts = {**MACHINE, "wine": wine}
    content = {"machine_info": {"described": facts}, "benchmarks": cases, "missing": ["nmap"]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


@pytest.fixture
def project(tmp_path):
    """Copy what the script reads and writes."""
    for name in ("benchmarks/report.py", "README.md", "docs/speed.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def report(project):
    results = [
        write(project / "linux.json", LINUX, "none"),
        write(project / "wine.json", WINE, "8.0"),
    ]

    def run(*options):
        script = project / "benchmarks" / "report.py"
        command = [sys.executable, "-X", "utf8", str(script), *results, *options]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=50, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_every_case_stands_in_its_group(report):
    lines = report()
    assert "| case | backend | ours | bare C loop | textbook ctypes | more |" in lines
    assert "| 4 connections | native | 530 ns | 150 ns | 44 µs |  |" in lines
    growth = "bytes 4,096, threads 0, descriptors 0"
    assert f"|  | native | growth (1,000,000 polls): {growth} |" in lines
    assert "- missing: nmap" in lines
    assert (
        "CPython 3.13, under Wine 8.0, A & B, 2026-01-01; 2 processors, ras_native 0.1.0, cffi 2.0."
    ) in lines


def test_the_targets_tell_what_was_reached(report):
    lines = report("--targets")
    rows = {tuple(line.split(" | ")[:2]): line.split(" | ")[3:] for line in lines}
    snapshot = "4 connections: 380 ns of 510 ns; 16 connections: 1 µs of 990 ns"
    assert rows["| unchanged `snapshot()`", "Linux"] == [snapshot, "**missed** at 16 connections |"]
    (told,) = [line for line in lines if "no connection | Wine" in line]
    assert told.endswith("| 0 connections: 2.000 times |  |")
    assert rows["| ctypes backend: `snapshot()`", "Linux"][1] == "**missed** |"
    assert rows["| 1,000,000 polls", "Linux"][1] == "reached |"
    idle = rows["| an idle hour, interval 60 s", "Linux"]
    assert idle == ["calls: 1/60; wake-ups: 1/59", "reached |"]
    assert rows["| from a change to a thread", "Linux"] == ["3.400 times", "**missed** |"]
    assert rows["| `import ras_native`", "Linux"] == ["", "not measured |"]


def test_the_documents_and_charts(report, project):
    report("--write")
    readme = (project / "README.md").read_text(encoding="utf-8")
    none = "`snapshot()` of no connection, in Windows' Python under Wine"
    assert f"| {none} | 600 ns | pywin32 | **300 ns** |" in readme
    assert readme.count("A bold time is faster") == 1
    assert "When not to use it" in readme
    speed = (project / "docs" / "speed.md").read_text(encoding="utf-8")
    lost = "| unchanged snapshot | 4 connections | Linux | ctypes | textbook ctypes | 1.1 times |"
    assert lost in speed
    assert "Measure it yourself" in speed
    for chart in (project / "docs" / "charts").iterdir():
        assert f"(charts/{chart.name})" in speed
        (title, *_) = ElementTree.parse(chart).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314
        assert title.text
    assert (project / "docs" / "charts" / "wine-unchanged.svg").exists()


def test_writing_again_changes_nothing(report, project):
    texts = []
    for _ in range(2):
        report("--write")
        texts.append((project / "docs" / "speed.md").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
