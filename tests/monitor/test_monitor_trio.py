"""A task of trio takes events by `Monitor.ready`, as the guide about asyncio and trio says."""

from __future__ import annotations

import subprocess
import sys

import pytest
from documents import ROOT, blocks, environment
from watching import PATIENCE, until

from ras_native import Monitor

pytestmark = pytest.mark.posix_only("the extra 'test' installs trio only there")

EXAMPLE = ROOT / "examples" / "watch_with_trio.py"
GUIDE = ROOT / "docs" / "guides" / "asyncio.md"


def test_the_guide_shows_the_example():
    comment, program = EXAMPLE.read_text(encoding="utf-8").split("\n", 1)
    assert comment.startswith("# ")
    assert [block.text for block in blocks(GUIDE) if "import trio" in block.text] == [program]


def test_the_example_prints_each_event(backend):
    """The Monitor is closed at the end, which ends the example with an error."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/support/page_program.py"), str(EXAMPLE)],
        env={**environment(), "RAS_NATIVE_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    told = [line.split(maxsplit=2)[2] for line in done.stdout.splitlines()]
    kinds = ("Found", "Disconnected", "Explained", "Connected")
    assert told == [f"{kind} Head office" for kind in kinds], done.stderr
    assert "MonitorClosed: " in done.stderr.splitlines()[-1]


def test_a_cancelled_wait_loses_no_event(sim, ras):
    import trio

    async def next_event(monitor):
        await trio.to_thread.run_sync(monitor.ready.wait, abandon_on_cancel=True)
        return monitor.get(0)

    async def watch(monitor):
        with trio.move_on_after(0.01) as impatient:
            await next_event(monitor)
        assert impatient.cancelled_caught
        sim.add("Head office")
        with trio.fail_after(PATIENCE):
            assert (await next_event(monitor)).entry == "Head office"

    with Monitor(ras) as monitor:
        until(lambda: monitor.has_polled)
        trio.run(watch, monitor)
