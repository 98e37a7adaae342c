"""The waits of macOS and BSD: the shim is compiled here with net_bsd.c in place of net_linux.c."""

from __future__ import annotations

import sys
from pathlib import Path

import child
import pytest
from cc import CSRC, compiled

pytestmark = pytest.mark.posix_only("the C is compiled here with cc")

SCRIPT = """
import sys
import failing_allocations
failing_allocations.install(sys.argv[1])
from network import accepting, closed_port, listening, open_handles, silent_port
from ras_native import connect_many, connect_stream

before = open_handles()
with silent_port() as silent, accepting() as (opened, _), closed_port() as closed:
    targets = ([silent] + [opened, closed] * 50) * 3
    results = connect_many(targets, timeout=0.3, concurrency=16, backend="native")
    print([r.code for r in results] == ([10060] + [0, 10061] * 50) * 3)
    print([r.code for r in connect_stream([silent, opened], timeout=0.1, backend="native")])
    print(len(connect_many([opened] * 5, rate=1000, backend="native")))
print(open_handles() == before)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the shim with the sources for macOS and BSD."""
    sys.path.insert(0, str(CSRC))
    try:
        from build_native import native_sources
    finally:
        sys.path.remove(str(CSRC))
    first, *others = (CSRC.parent / source for source in native_sources("bsd"))
    return compiled(first, tmp_path_factory.mktemp("shim"), *others, "-ldl", "-lpthread")


def test_connects_with_poll(shim: Path) -> None:
    output = child.run(SCRIPT, str(shim))
    assert output.splitlines() == ["True", "[0, 10060]", "5", "True"]
