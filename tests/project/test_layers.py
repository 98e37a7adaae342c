"""No module imports one of a higher layer, and no imports form a circle, in Python and in C."""

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

# The layers, from the lowest to the highest. A module may import from its own line and from the
# lines above it. A package stands for all modules in it; "." is ras_native itself.
LAYERS = """
    _check _dir _fork _help _log _plain _pyinstaller
    _backend _native
    _explain
    _errors
    _records _wait _at_exit
    _event _polled _notification _projection _provider _statistics
    _ras _sockets event_log
    monitor
    .
    sim
    _self_test benchmark exporter
    cli
    __main__
"""
LEVELS = {name: level for level, line in enumerate(LAYERS.split("\n")) for name in line.split()}

# The backend is chosen at run time, so contract imports these modules in a function.
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
    """Return the module of ras_native that a dotted name belongs to, or None."""
    parts = full.split(".")
    if parts[0] != PACKAGE:
        return None
    names = (".".join(parts[1:end]) or "." for end in range(len(parts), 0, -1))
    return next(name for name in names if name in MODULES or name == "_native")


def level(name: str) -> int:
    """Return the line number of a module's layer."""
    return LEVELS[name.partition(".")[0] or "."]


def imported_names(name: str) -> Iterator[str]:
    """Yield the full dotted name of everything that this module or its functions import."""
    path = MODULES[name]
    full = PACKAGE if name == "." else f"{PACKAGE}.{name}"
    package = full if path.stem == "__init__" else full.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{start}.{alias.name}" for alias in node.names)


def imports(name: str) -> Iterator[str]:
    """Yield every module of ras_native that this module or its functions import."""
    yield from filter(None, map(module_named, imported_names(name)))


ARROWS = {
    (name, target)
    for name in MODULES
    for target in imports(name)
    if name != target and (name, target) not in CHOSEN_LATER
}


def test_every_module_has_a_layer():
    names = {name.partition(".")[0] or "." for name in MODULES}
    assert names | {"_native"} == LEVELS.keys()  # _native is compiled


def test_no_module_imports_a_higher_one():
    upward = [(name, target) for name, target in ARROWS if level(name) < level(target)]
    assert not upward


def test_no_circle_of_imports():
    graph: dict[str, set[str]] = {}
    for name, target in ARROWS:
        graph.setdefault(name, set()).add(target)
    TopologicalSorter(graph).prepare()


def is_public(full: str) -> bool:
    """Whether a user may import this name: no part but __version__ begins with "_"."""
    parts = full.removeprefix(f"{PACKAGE}.").split(".")
    return all(part == "__version__" or not part.startswith("_") for part in parts)


def private_imports(layer: str) -> set[str]:
    """Return what the modules of a package import that a user could not import."""
    own = f"{PACKAGE}.{layer}."
    names = {
        full
        for name in MODULES
        if name.partition(".")[0] == layer
        for full in imported_names(name)
        if full.startswith(f"{PACKAGE}.") and not full.startswith(own)
    }
    return {full for full in names if not is_public(full)}


def test_the_command_uses_what_a_user_could_import():
    own = {f"{PACKAGE}._self_test"}  # only the command uses it: doctor --self-test
    assert private_imports("cli") <= own


def test_the_exporter_uses_what_a_user_could_import():
    """It has its numbers from public names; only checks, documentation and the logger are not."""
    own = {"_check", "_help.documented", "_log.logger"}
    assert private_imports("exporter") == {f"{PACKAGE}.{name}" for name in own}


@pytest.mark.parametrize(
    ("folder", "allowed"), [("abi", "abi"), ("shim", "abi shim"), ("sim", "abi sim")]
)
def test_c_includes_of_a_folder(folder, allowed):
    """abi includes only its own files; the shim and the simulator do not include each other."""
    csrc = ROOT / "csrc"
    known = {path.name for name in allowed.split() for path in (csrc / name).iterdir()}
    for source in (csrc / folder).glob("*.[ch]"):
        text = source.read_text(encoding="utf-8")
        included = set(re.findall(r'^#include "(.+)"', text, re.MULTILINE))
        assert included <= known, source.name
