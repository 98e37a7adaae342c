"""The simulator's files form layers: none uses one above it."""

from __future__ import annotations

import re

import pytest
from tsv import ROOT

FOLDER = ROOT / "csrc" / "sim"

pytestmark = pytest.mark.posix_only("it reads sources, and elsewhere these may not be there")


def layers() -> list[str]:
    """Return the files in the order of the build, lowest first."""
    text = (ROOT / "csrc" / "build_native.py").read_text(encoding="utf-8")
    listed = text.split("SIMULATOR_LAYERS = (")[1].split("\n)")[0]
    return re.findall(r'"(\w+)"', listed)


def source(name: str) -> str:
    """Return a file without its comments and texts."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return re.sub(r'/\*.*?\*/|(?<!include )"[^"\n]*"', "", text, flags=re.DOTALL)


def files(layer: str) -> list[str]:
    return [name for name in (f"{layer}.c", f"{layer}.h") if (FOLDER / name).exists()]


def test_every_file_has_its_layer() -> None:
    known = {name for layer in layers() for name in files(layer)}
    system = {"os.h", "os_posix.c", "os_win.c", "errors.h", "rassim.h"}
    assert known | system == {path.name for path in FOLDER.glob("*.[ch]")}


def test_no_file_includes_one_above_it() -> None:
    order = layers()
    for layer in order:
        below = order[: order.index(layer) + 1]
        for name in files(layer):
            included = re.findall(r'#include "(\w+)\.h"', source(name))
            assert set(included) & set(order) <= set(below), name


def test_no_file_calls_a_function_above_it() -> None:
    """rassim.h declares the controls for all files, so the includes alone do not prove it."""
    order = layers()
    where = {
        function: layer
        for layer in order
        for function in re.findall(r"^[\w *]*?\b(rassim_\w+)\([^;{]*\{", source(f"{layer}.c"), re.M)
    }
    assert len(where) > 80
    for layer in order:
        for name in files(layer):
            for function in re.findall(r"\b(rassim_\w+)\(", source(name)):
                used = where.get(function)
                assert used is None or order.index(used) <= order.index(layer), (name, function)


def test_no_function_is_longer_than_a_screen() -> None:
    for path in sorted(FOLDER.glob("*.c")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for first, line in enumerate(lines):
            if not re.match(r"^\w[^;=]*\) \{$|^[ \w].*\) \{$", line) or line.startswith("  "):
                continue
            length = lines[first:].index("}") + 1
            assert length < 40, f"{path.name}:{first + 1}"
