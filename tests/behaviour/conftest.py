"""The fixtures of the tests of the command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from command import Command

    from ras_native.sim import Simulator


@pytest.fixture
def run(sim: Simulator, backend: str) -> Command:
    """The command, on the simulator that the test controls."""
    from command import Command

    return Command(sim, backend)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses connections and that no other test can use."""
    import network

    with network.closed_port() as (_, port):
        yield port
