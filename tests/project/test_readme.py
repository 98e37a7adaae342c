"""What only the README has: its two commands, its first program. See test_documents.py."""

from __future__ import annotations

import re
import runpy
import sys
from importlib import metadata
from types import SimpleNamespace

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


# Its links, where the package is published

URLS = """
[project.urls]
Source = "https://example.org/ras_native/"
Documentation = "https://example.org/docs"

[project.scripts]
"""


@pytest.fixture
def with_absolute_links(monkeypatch):
    """The function of setup.py, without a build: setuptools may not be installed here."""
    build_ext = SimpleNamespace(build_ext=object)
    modules = {
        "setuptools": SimpleNamespace(Extension=object, setup=lambda **_: None),
        "setuptools.command": SimpleNamespace(build_ext=build_ext),
        "setuptools.command.build_ext": build_ext,
        "build_native": SimpleNamespace(),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("RAS_NATIVE_BUILD", "skip")
    return runpy.run_path(str(ROOT / "setup.py"))["with_absolute_links"]


def test_links_are_absolute_once_the_addresses_are_known(with_absolute_links):
    text = "![a](.github/a.svg) [b](docs/b/c.md#d) [e](SECURITY.md) [f](https://x.org) [g](#h)"
    assert with_absolute_links(text, URLS) == (
        "![a](https://example.org/ras_native/raw/main/.github/a.svg) "
        "[b](https://example.org/docs/b/c.html#d) "
        "[e](https://example.org/ras_native/blob/main/SECURITY.md) [f](https://x.org) [g](#h)"
    )
    assert not re.findall(r"\]\((?!https://)", with_absolute_links(TEXT, URLS))


def test_links_stay_relative_while_no_address_is_known(with_absolute_links):
    assert with_absolute_links(TEXT, "\n[project.urls]\n\n[project.scripts]\n") == TEXT


def test_the_package_has_the_readme_as_its_description():
    description = metadata.metadata("ras_native").get_payload()
    assert TEXT.splitlines()[2] in str(description)
