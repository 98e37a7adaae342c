"""Arrows run down: no module imports a higher one, and there is no circle."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from tsv import ROOT

import ras_native

# From the lowest room to the highest. A module imports from the rooms above its line here and
# from its own, never from one below. A package stands for the modules in it; "." is ras_native.
ROOMS = """
    _check _errors _fork _log
    _backend _native
    _records _wait _at_exit
    _event _polled
    _ras _sockets
    monitor
    .
    sim
    _self_test
    cli
    __main__
"""
LEVELS = {name: level for level, line in enumerate(ROOMS.split("\n")) for name in line.split()}

# A backend is chosen when the first object is made: contract loads one of the modules above it.
CHOSEN_LATER = {
    ("_backend.contract", f"_backend.{backend}_{half}")
    for backend in ("native", "ctypes")
    for half in ("ras", "sockets")
}

HOME = Path(ras_native.__file__).parent
PACKAGE = "ras_native"


def name_of(path: Path) -> str:
    parts = path.relative_to(HOME).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "."


MODULES = {name_of(path): path for path in HOME.rglob("*.py")}


def module_named(full: str) -> str | None:
    """The longest beginning of a dotted name that is a module of ours."""
    parts = full.split(".")
    if parts[0] != PACKAGE:
        return None
    names = (".".join(parts[1:end]) or "." for end in range(len(parts), 0, -1))
    return next(name for name in names if name in MODULES or name == "_native")


def level(name: str) -> int:
    """How high the room of a module is."""
    return LEVELS[name.partition(".")[0] or "."]


def imports(name: str) -> Iterator[str]:
    """Every module of ours that this one imports, in functions too."""
    path = MODULES[name]
    full = PACKAGE if name == "." else f"{PACKAGE}.{name}"
    package = full if path.stem == "__init__" else full.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            targets = [f"{start}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from filter(None, map(module_named, targets))


ARROWS = {
    (name, target)
    for name in MODULES
    for target in imports(name)
    if name != target and (name, target) not in CHOSEN_LATER
}


def test_every_module_has_a_room():
    rooms = {name.partition(".")[0] or "." for name in MODULES}
    assert rooms | {"_native"} == LEVELS.keys()  # _native is compiled, or not there


def test_no_module_imports_a_higher_one():
    upward = [(name, target) for name, target in ARROWS if level(name) < level(target)]
    assert not upward


def test_no_circle_of_imports():
    graph: dict[str, set[str]] = {}
    for name, target in ARROWS:
        graph.setdefault(name, set()).add(target)
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    ("room", "allowed"), [("abi", "abi"), ("shim", "abi shim"), ("sim", "abi sim")]
)
def test_c_includes_of_a_room(room, allowed):
    """Nothing of ours below abi; the shim and the simulator know nothing of each other."""
    csrc = ROOT / "csrc"
    known = {path.name for part in allowed.split() for path in (csrc / part).iterdir()}
    for source in (csrc / room).glob("*.[ch]"):
        text = source.read_text(encoding="utf-8")
        included = set(re.findall(r'^#include "(.+)"', text, re.MULTILINE))
        assert included <= known, source.name
