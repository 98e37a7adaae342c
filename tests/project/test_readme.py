"""The README's sessions, examples and commands are true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from readme import TEXT, blocks, command, type_sessions

import ras_native
from ras_native.cli import _commands

HOME = Path(ras_native.__file__).parents[1]


def test_the_sessions_are_real():
    assert type_sessions() > 15


@pytest.mark.parametrize("example", [block for block in blocks("python") if "def test_" in block])
def test_the_example_is_a_test_that_passes(example, tmp_path):
    tmp_path.joinpath("test_example.py").write_text(example, encoding="utf-8")
    settings = tmp_path / "pytest.ini"
    settings.write_text("[pytest]\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", str(settings), str(tmp_path)],
        cwd=HOME,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_there_are_two_commands_for_a_fresh_machine():
    run, test = command("run"), command("test")
    for line in (run, test):  # -e: a copy would leave the checkout without its compiled modules
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -e ")
    assert run.endswith(".venv/bin/ras-native watch --simulate --duration 10")
    assert test.endswith(".venv/bin/pytest")


@pytest.mark.parametrize("name", _commands.cli.commands)
def test_every_command_is_named(name):
    assert re.search(rf"\| .*`(ras-native )?{name}\b", TEXT)


def test_what_it_points_to_is_there():
    here = Path(__file__).parents[2]
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert target.startswith("https://") or here.joinpath(target).exists(), target
