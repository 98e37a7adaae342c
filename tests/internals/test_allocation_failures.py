"""Each allocation of the shim fails once: MemoryError, nothing changes, nothing leaks."""

from __future__ import annotations

import re
from pathlib import Path

import child
import pytest
from cc import CSRC, SUPPORT, compiled
from failing_shim import OPERATIONS

pytestmark = pytest.mark.posix_only("the shim is compiled here with cc, with another allocator")

NEVER_ALLOCATE = {"status", "waiting_for_a_state", "hanging_up"}
RENAMED = [f"-D{name}=failing_{name}" for name in ("malloc", "calloc", "realloc", "free")]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim's sources with the failing allocator, as one library."""
    sources = [path for path in (CSRC / "shim").glob("*.c") if not path.stem.endswith("_win")]
    folder = tmp_path_factory.mktemp("shim")
    options = [*RENAMED, "-ldl", "-lpthread"]
    return compiled(SUPPORT / "failing_malloc.c", folder, *sources, *options)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_allocation_fails_once(shim: Path, operation: str) -> None:
    script = "import sys, failing_shim; failing_shim.main(*sys.argv[1:])"
    said = re.fullmatch(r"(\d+) failed\n", child.run(script, str(shim), operation))
    assert said
    assert (said[1] == "0") == (operation in NEVER_ALLOCATE)
