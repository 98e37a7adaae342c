"""Each allocation in C fails once: that gives an error, changes nothing and leaks nothing."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import child
import pytest
from cc import CSRC, SUPPORT, compiled
from failing_allocations import OF_SHIM, OF_SIMULATOR

pytestmark = pytest.mark.posix_only("the C is compiled here with cc, with another allocator")

NEVER_ALLOCATE = {"status", "waiting_for_a_state", "hanging_up", "connecting"}
RENAMED = [f"-D{name}=failing_{name}" for name in ("malloc", "calloc", "realloc", "free")]


def with_failing_allocator(part: str, folder: Path) -> Path:
    """Build a library from that folder of csrc and the failing allocator."""
    elsewhere = ("_win", "_bsd" if sys.platform == "linux" else "_linux")
    sources = [path for path in (CSRC / part).glob("*.c") if not path.stem.endswith(elsewhere)]
    options = [*RENAMED, "-ldl", "-lpthread"]
    return compiled(SUPPORT / "failing_malloc.c", folder, *sources, *options)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_failing_allocator("shim", tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_failing_allocator("sim", tmp_path_factory.mktemp("simulator"))


def failures(library: Path, operation: str) -> int:
    """Let each allocation of the operation fail once; return how many failed."""
    script = "import sys, failing_allocations; failing_allocations.main(*sys.argv[1:])"
    said = re.fullmatch(r"(\d+) failed\n", child.run(script, str(library), operation))
    assert said
    return int(said[1])


@pytest.mark.parametrize("operation", OF_SHIM)
def test_each_allocation_of_the_shim_fails_once(shim: Path, operation: str) -> None:
    assert (failures(shim, operation) == 0) == (operation in NEVER_ALLOCATE)


@pytest.mark.parametrize("operation", OF_SIMULATOR)
def test_each_allocation_of_the_simulator_fails_once(simulator: Path, operation: str) -> None:
    assert failures(simulator, operation) > 0
