"""benchmarks/report.py makes tables and charts of what pytest-benchmark wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from tsv import ROOT

SCRIPT = ROOT / "benchmarks" / "report.py"


def case(name, param, extra):
    return {
        "group": f"{name}: <group>", "name": f"{name}[{param}]", "param": param,
        "extra_info": extra, "stats": {"median": 0.002},
    }  # fmt: skip


RESULTS = {
    "machine_info": {
        "described": {
            "python": "CPython 3.13", "system": "Windows 10", "wine": "8.0", "cpu": "A & B",
            "cpus": "2", "ras_native": "0.1.0", "cffi": "2.0", "date": "2026-01-01",
        }
    },
    "benchmarks": [
        case("test_unchanged_beside_the_bare_loop", "native-4",
             {"ns per poll": {"ours": 530, "bare C loop": 150, "own cost": 380}, "ratio": 3.53}),
        case("test_unchanged_beside_the_bare_loop", "4-ctypes",
             {"ns per poll": {"ours": 7_900, "bare C loop": 160, "own cost": 7_740}}),
        case("test_connect_many_beside_the_bare_loop", "refused-1000",
             {"us per connect": {"bare": 15.1, "ours": 14.5}}),
        case("test_memory_of_polls", "native", {"bytes per 1,000,000 polls": {"growth": 0}}),
        case("test_ways", "asyncio", {}),
    ],
    "missing": ["nmap (not installed)"],
}  # fmt: skip


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(RESULTS), encoding="utf-8")

    def run(*options):
        command = [sys.executable, "-X", "utf8", str(SCRIPT), str(path), *options]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=50, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_every_case_stands_in_its_group(report):
    lines = report()
    assert lines[0].startswith("CPython 3.13, Windows 10 under Wine 8.0, A & B (2 processors), ")
    assert "| native-4 | ours 530 ns; bare C loop 150 ns; own cost 380 ns | 3.53 |" in lines
    assert "| native | growth 0 bytes |  |" in lines
    assert "| asyncio | 2,000 µs |  |" in lines
    assert lines[-1] == "- missing: nmap (not installed)"


def test_the_small_table_has_a_row_for_each_job(report):
    lines = report("--small")
    row = "| `snapshot()`, nothing new, 4 connections | 530 ns | 7.9 µs | bare C loop 150 ns |"
    assert row in lines
    assert "| `connect_many`, 1,000 refused, each | 14.5 µs |  | bare 15.1 µs |" in lines
    assert "| import in a new process | not measured | | |" in lines


def test_the_charts(report, tmp_path):
    written = report("--charts", str(tmp_path / "charts"))
    assert len(written) == 3  # memory is no time, and one group has two cases
    for name in written:
        (title, *_) = ElementTree.parse(name).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314
        assert title.text.endswith(": <group>")
