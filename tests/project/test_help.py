"""`help()` of a package is an overview of a few screens, and names everything that is public."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import pydoc
import re
import subprocess
import sys
from typing import Any

import pytest

import ras_native
from ras_native.sim import Simulator

PACKAGES = (
    "ras_native",
    "ras_native.event_log",
    "ras_native.exporter",
    "ras_native.benchmark",
    "ras_native.sim",
)
SCREEN = 50  # lines of 100 characters
SCREENS = {"ras_native": 5, "ras_native.monitor": 5, "ras_native.sim": 3}


def public_names(package: str) -> set[str]:
    return set(importlib.import_module(package).__all__)


def names_in(text: str | None) -> set[str]:
    assert text
    return set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize("package", SCREENS)
def test_help_fits_on_a_few_screens(package):
    lines = pydoc.plain(pydoc.render_doc(package)).splitlines()
    assert len(lines) <= SCREENS[package] * SCREEN
    assert max(map(len, lines)) <= 104  # pydoc indents by 4


def test_the_pydoc_command_shows_the_same():
    """It runs pydoc as the module __main__."""
    command = [sys.executable, "-W", "ignore", "-m", "pydoc", "ras_native"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert len(done.stdout.splitlines()) <= SCREENS["ras_native"] * SCREEN


def test_the_overview_names_everything_that_is_public():
    assert public_names("ras_native") <= names_in(ras_native.__doc__)


def test_the_overview_of_the_simulator_names_its_methods():
    methods = {name for name in dir(Simulator) if not name.startswith("_")} | {"path"}
    assert methods | public_names("ras_native.sim") <= names_in(ras_native.sim.__doc__)


@pytest.mark.parametrize("package", SCREENS)
def test_everybody_else_sees_every_name(package):
    names = public_names(package)
    script = f"import {package} as package; print(*dir(package))"
    command = [sys.executable, "-c", script]  # a new process has not used any name yet
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert names <= set(done.stdout.split())
    imported: dict[str, object] = {}
    exec(f"from {package} import *", imported)  # noqa: S102 - the names are ours
    assert imported.keys() - {"__builtins__"} == names


def own_members(record: Any) -> list[str]:
    if issubclass(record, enum.Enum):
        return [*record.__members__]
    if dataclasses.is_dataclass(record):
        return [member.name for member in dataclasses.fields(record)]
    return [*getattr(record, "_fields", ())]


def public_records() -> list[Any]:
    found = {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            item = getattr(module, name)
            if isinstance(item, type) and own_members(item):
                found[name] = item
    return [found[name] for name in sorted(found)]


@pytest.mark.parametrize("record", public_records(), ids=lambda record: record.__name__)
def test_help_tells_the_meaning_of_every_member(record):
    shown = pydoc.plain(pydoc.render_doc(record))
    for name in own_members(record):
        if issubclass(record, enum.Enum):  # help() shows the docstring, and no text at a member
            assert f"- `{name}`: " in shown, name
        else:
            below = re.search(rf"^ \|  {name}\n \|      (.+)", shown, re.MULTILINE)
            assert below, name
            assert not below[1].startswith("Alias for field"), name
