"""Fixtures for tests of your own programs: a simulated RAS, and a `Ras` that is opened on it.

It is installed as `ras_native_pytest`, outside of the package, so that pytest can load it without
importing `ras_native`: that is done when a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ras_native import Ras
    from ras_native.sim import Simulator


@pytest.fixture
def ras_simulator() -> Iterator[Simulator]:
    """A fresh `ras_native.sim.Simulator`: no connection, the clock at 0."""
    from ras_native.sim import Simulator  # noqa: PLC0415 - imported when it is used

    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def ras(ras_simulator: Simulator) -> Iterator[Ras]:
    """A `ras_native.Ras` whose provider is `ras_simulator`."""
    from ras_native import Ras  # noqa: PLC0415 - imported when it is used

    with Ras(ras_simulator) as opened:
        yield opened
