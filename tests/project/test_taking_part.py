"""What a contributor finds: where to report, what to send, which checks run, what changed."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from tsv import ROOT

from ras_native.cli import _commands

TEMPLATES = ROOT / ".github" / "ISSUE_TEMPLATE"


def read(path: str) -> str:
    return ROOT.joinpath(path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "reports"),
    [
        ("1-problem.yml", ["doctor --json", "doctor --self-test --json", "watch --record"]),
        ("2-windows-answers.yml", ["doctor --self-test --json"]),
    ],
)
def test_an_issue_asks_for_the_reports(name, reports):
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    assert all(f"ras-native {report}" in text for report in reports)


PAGES = ["SECURITY.md", "docs/windows-answers.md"]
PAGES += sorted(path.relative_to(ROOT).as_posix() for path in TEMPLATES.iterdir())


@pytest.mark.parametrize("path", PAGES)
def test_the_commands_that_it_names_exist(path):
    for line in re.findall(r"ras-native (\w+(?: --[\w-]+)*)", read(path)):
        name, *options = line.split()
        shown = CliRunner().invoke(_commands.cli, [name, "--help"])
        assert shown.exit_code == 0, line
        assert all(option in shown.output for option in options), line


def test_the_checks_before_a_commit_use_the_tools_of_ci():
    tools = set(re.findall(r"^ +entry: (\S+)", read(".pre-commit-config.yaml"), re.MULTILINE))
    pinned = set(re.findall(r"^([\w-]+)==", read(".ci/requirements.txt"), re.MULTILINE))
    assert tools - {"python"} == {"ruff", "clang-format", "codespell"}
    assert tools - {"python"} <= pinned


def test_every_released_version_has_a_date():
    headings = re.findall(r"^## (.+)", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - 20\d\d-\d\d-\d\d", h) for h in headings[1:])
