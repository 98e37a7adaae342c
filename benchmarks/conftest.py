"""What all benchmarks share: the simulator, and what stands in the results besides figures."""

from __future__ import annotations

import shutil
import sys

import comparing
import pytest

from ras_native import Ras
from ras_native.benchmark import machine
from ras_native.sim import Simulator


@pytest.fixture(scope="session")
def simulator_library(tmp_path_factory):
    """Return the path of the simulator.

    On Windows it is a copy named rasapi32.dll: then pywin32 uses it, too, because win32ras is
    linked to that name, and a library of that name is loaded already.
    """
    if sys.platform != "win32":
        return None
    with Simulator() as simulator:
        return shutil.copy(simulator.path, tmp_path_factory.mktemp("sim") / "rasapi32.dll")


@pytest.fixture
def sim(simulator_library):
    with Simulator(library=simulator_library) as simulator:
        yield simulator


@pytest.fixture(params=["native", "ctypes"])
def ras(request, sim):
    with Ras(sim, backend=request.param) as opened:
        yield opened


@pytest.fixture(scope="session")
def bare_ras(tmp_path_factory):
    return comparing.library("bare_ras.c", tmp_path_factory.mktemp("bare"))


@pytest.fixture
def win32ras(sim):
    """Return pywin32's module, which then asks the simulator; None if this is no Windows."""
    if sys.platform != "win32":
        return None
    try:
        import win32ras  # noqa: PLC0415 - the simulator must be loaded before
    except ImportError as error:
        comparing.missing(f"pywin32: {error}", "pip install pywin32")
    return win32ras


def pytest_collection_modifyitems(items):
    for item in items:
        mark = item.get_closest_marker("posix_only")
        if mark is not None and sys.platform == "win32":
            item.add_marker(pytest.mark.skip(reason=f"posix_only: {mark.args[0]}"))


def pytest_benchmark_update_machine_info(machine_info):
    machine_info["described"] = machine.describe()


def pytest_benchmark_update_json(config, benchmarks, output_json):
    output_json["missing"] = sorted(comparing.MISSING)


def pytest_terminal_summary(terminalreporter):
    for text in sorted(comparing.MISSING):
        terminalreporter.write_line(f"missing: {text}")
