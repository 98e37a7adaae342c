"""What only the README has: its two commands, its first program. See test_documents.py."""

from __future__ import annotations

import re

import pytest
from documents import ROOT
from readme import TEXT, blocks, command, type_sessions

from ras_native.cli import _commands


def test_the_sessions_are_real():
    assert type_sessions() > 15


def test_there_are_two_commands_for_a_fresh_machine():
    run, test = command("run"), command("test")
    for line in (run, test):  # -e: a copy would leave the checkout without its compiled modules
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -e ")
    assert run.endswith(".venv/bin/ras-native watch --simulate --duration 10")
    assert test.endswith(".venv/bin/pytest")


COMMANDS = ROOT.joinpath("docs/reference/command.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", _commands.cli.commands)
def test_every_command_is_named(name):
    assert re.search(rf"\| .*`(ras-native )?{name}\b", COMMANDS)


def test_the_first_program_has_five_lines():
    assert len(blocks("python")[0].splitlines()) == 5


def test_it_is_short():
    assert len(TEXT.splitlines()) < 150
