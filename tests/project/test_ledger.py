"""Every row of ledger.tsv has a test, on both backends and on the systems that the row names.

A separate pytest process collects the whole suite. So the result does not depend on the order of
the tests, or on which of them are run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from tsv import ROOT, read_rows

LEDGER = read_rows("tests/ledger.tsv", "id behaviour source systems")
ROWS_OF = {
    "EN": 12,
    "GS": 7,
    "CN": 12,
    "HU": 9,
    "WC": 23,
    "PJ": 11,
    "ST": 15,
    "EV": 13,
    "AV": 4,
    "DU": 2,
}
SYSTEMS = {"all": {"windows", "posix"}, "windows": {"windows"}, "posix": {"posix"}}
BACKENDS = ("native", "ctypes")


def describe(item: pytest.Item) -> dict[str, Any]:
    """Return what the checks below need to know about a test."""
    callspec = getattr(item, "callspec", None)
    elsewhere = {"windows": "posix_only", "posix": "windows_only"}
    return {
        "test": item.nodeid,
        "rows": [row for mark in item.iter_markers("ledger") for row in mark.args],
        "backend": callspec.params.get("backend") if callspec else None,
        "systems": [s for s, mark in elsewhere.items() if not item.get_closest_marker(mark)],
    }


pytestmark = pytest.mark.timeout(240)  # collecting the whole suite takes long under Wine


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Collect every test of the whole suite, on all backends."""
    answer = tmp_path_factory.mktemp("ledger") / "suite.json"
    process = subprocess.run(
        [sys.executable, __file__, str(answer)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},  # the package tested here
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=200,
        check=False,
    )
    assert process.returncode == 0, process.stdout.decode(errors="replace")[-4000:]
    tests: list[dict[str, Any]] = json.loads(answer.read_text(encoding="utf-8"))
    return tests


def test_every_behaviour_has_one_row() -> None:
    ids = [row[0] for row in LEDGER]
    expected = [f"{part}-{n}" for part, count in ROWS_OF.items() for n in range(1, count + 1)]
    assert ids == expected
    assert {row[3] for row in LEDGER} <= SYSTEMS.keys()


def test_every_row_has_a_test_on_both_backends(suite: list[dict[str, Any]]) -> None:
    proven: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for test in suite:
        for row in test["rows"]:
            proven[row] |= {(test["backend"], system) for system in test["systems"]}
    missing = {
        row: sorted(lacks)
        for row, _, _, systems in LEDGER
        if (lacks := {(b, s) for b in BACKENDS for s in SYSTEMS[systems]} - proven[row])
    }
    assert not missing


def test_every_test_names_rows_that_exist(suite: list[dict[str, Any]]) -> None:
    known = {row[0] for row in LEDGER}
    wrong = {test["test"]: test["rows"] for test in suite if not known.issuperset(test["rows"])}
    assert not wrong


def test_every_wine_exception_names_a_test(suite: list[dict[str, Any]]) -> None:
    tests = {test["test"] for test in suite}
    tests |= {test.partition("[")[0] for test in tests}
    named = Counter(row[0] for row in read_rows("tests/wine_exceptions.tsv", "test reason"))
    assert not named.keys() - tests, "no such tests"
    assert not [test for test, times in named.items() if times > 1], "named twice"


class Recorder:
    """Writes the collected tests to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        tests = [describe(item) for item in session.items]
        self.path.write_text(json.dumps(tests), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(
        pytest.main(
            ["--collect-only", "-q", "--backend", "all", "-p", "no:cacheprovider", "tests"],
            plugins=[Recorder(Path(sys.argv[1]))],
        )
    )
