"""ras-native bench."""

from __future__ import annotations

import json
from email.message import Message

import pytest
from click.testing import CliRunner

from ras_native import benchmark
from ras_native.benchmark import LOOPBACK, OWN_CALLS, SIMULATOR, SYSTEM, Figure, Report
from ras_native.cli import _bench, _commands


def bench(*arguments, code=0):
    result = CliRunner().invoke(_commands.cli, ["bench", *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


@pytest.fixture
def asked():
    """For how many seconds the command has measured."""
    return []


@pytest.fixture
def report(monkeypatch, asked):
    """Replaces what is measured; the command shows it."""
    found = Report(
        {"system": "Windows 11", "cpu": "A [bold]processor[/]"},
        [
            Figure(SIMULATOR, "poll", 4, "native", 530.0, 520.0, 540.0, 9),
            Figure(SIMULATOR, "poll", 4, "textbook ctypes", 44_000.0, 1.0, 2.0, 9),
            Figure(SYSTEM, "poll", 2, "native", 200_000.0, 1.0, 2.0, 9),
            Figure(SYSTEM, "poll", 2, OWN_CALLS, 190_000.0, None, None, 9),
            Figure(LOOPBACK, "refused connect", 100, "asyncio", 2_000_000.0, 1.0, 2.0, 9),
        ],
        missing=["uvloop: it is not installed"],
    )

    def measured(*, seconds, on_progress):
        asked.append(seconds)
        on_progress(0, 1, "poll")
        return found

    monkeypatch.setattr(_bench, "measure", measured)
    return found


def test_what_it_measures_is_printed():
    text = bench("--seconds", "0")
    assert f"{SIMULATOR}, microseconds for one call, median" in text
    assert f"{LOOPBACK}, microseconds for one connect, median" in text
    found = json.loads(bench("--seconds", "0", "--json"))
    assert found["ok"]
    assert {item["where"] for item in found["figures"]} >= {SIMULATOR, LOOPBACK}


@pytest.mark.usefixtures("report")
def test_the_tables(asked):
    lines = [" ".join(line.split()) for line in bench().splitlines()]
    assert asked == [20.0]
    assert "cpu A [bold]processor[/]" in lines
    assert "JOB CONNECTIONS native textbook ctypes" in lines
    assert "poll 4 0.53 44" in lines
    assert "JOB CONNECTIONS native the provider's calls alone" in lines
    assert "poll 2 200 190" in lines
    assert "refused connect 100 2,000" in lines
    assert lines[-2:] == [
        "the system's own RAS, 2 connections: its calls take 95% of a poll with the native backend",
        "missing: uvloop: it is not installed",
    ]


def test_the_report_is_what_json_prints(report, tmp_path):
    path = tmp_path / "report.json"
    printed = json.loads(bench("--json", "--seconds", "1.5", "--report", str(path)))
    assert json.loads(path.read_text(encoding="utf-8")) == printed == report.to_dict()
    assert printed["shares_of_the_provider"] == [
        {"where": SYSTEM, "size": 2, "way": "native", "share": 0.95}
    ]


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([], "Please keep the report until the project has an address: "),
        (["Issues, https://example.com/x"], "Please send the report to https://example.com/x: "),
    ],
    ids=["unknown", "known"],
)
def test_it_says_what_to_do_with_the_report(addresses, expected, monkeypatch, tmp_path):
    package = Message()
    for address in addresses:
        package["Project-URL"] = address
    monkeypatch.setattr("importlib.metadata.metadata", lambda _: package)
    path = str(tmp_path / "report.json")
    result = CliRunner().invoke(_commands.cli, ["bench", "--report", path])
    assert result.stderr == f"{expected}{path}\n"


def test_a_wrong_result_is_a_failure(report):
    report.wrong.append("poll: ctypes and native differ")
    assert bench(code=1).endswith("wrong: poll: ctypes and native differ\n")
    assert json.loads(bench("--json", code=1))["ok"] is False


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize("seconds", ["51", "-1", "nan"])
def test_it_takes_less_than_a_minute(seconds, asked):
    result = CliRunner().invoke(_commands.cli, ["bench", "--seconds", seconds])
    assert result.exit_code == 2, result.output
    assert asked == []


def test_the_public_names():
    assert benchmark.measure.__module__ == "ras_native.benchmark"
