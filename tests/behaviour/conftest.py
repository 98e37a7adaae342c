"""The fixtures of the tests of behaviour."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path
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


@pytest.fixture(scope="session")
def lying_library(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a library with the functions of rasapi32 and of wevtapi, which give lies."""
    from cc import SUPPORT, compiled

    library = pytestconfig.getoption("--lying-provider")
    if library is None:
        if sys.platform == "win32":
            pytest.skip("posix_only: elsewhere --lying-provider says where it is, compiled")
        first, *others = sorted(SUPPORT.glob("lying_*.c"))
        library = compiled(first, tmp_path_factory.mktemp("liar"), *others)
    return Path(library).resolve()


@pytest.fixture(scope="module")
def liar(lying_library: Path) -> ctypes.CDLL:
    """The library that lies, to be told about what."""
    loaded = ctypes.CDLL(str(lying_library))
    loaded.lie_about.argtypes = (ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint32)
    loaded.answer_projections.argtypes = (ctypes.c_void_p,)
    return loaded
