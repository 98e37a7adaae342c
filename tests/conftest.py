"""The fixtures of the whole suite: which backend, which provider, what Wine cannot do."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from host import under_wine
from hypothesis import HealthCheck, settings
from tsv import read_rows

if TYPE_CHECKING:
    from ras_native import Ras
    from ras_native.sim import Simulator

# Nothing here depends on how fast the machine is.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

BACKENDS = ("native", "ctypes")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        choices=("all", *BACKENDS),
        default="all",
        help="run on one backend only; 'ctypes' is for installations without the native module",
    )
    parser.addoption(
        "--provider",
        choices=("simulator", "system"),
        default="simulator",
        help="what 'pytest -m contract' asks; 'system' is Windows' own rasapi32",
    )
    parser.addoption(
        "--lying-provider",
        type=Path,
        help="tests/support/lying_*.c, compiled; without it the tests compile them with cc",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Import the package once, so that its warning about a missing module ends no collection.

    A shell's background job ignores Ctrl-C, and so would the tests of it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--backend") == "ctypes":
        os.environ.setdefault("RAS_NATIVE_BACKEND", "ctypes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        importlib.import_module("ras_native")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        asked = metafunc.config.getoption("--backend")
        metafunc.parametrize("backend", BACKENDS if asked == "all" else [asked], indirect=True)


@pytest.fixture(scope="module")
def both_backends(pytestconfig: pytest.Config) -> tuple[str, ...]:
    """The names of both, for what compares them."""
    only = pytestconfig.getoption("--backend")
    if only != "all":
        pytest.skip(f"both backends are compared, and --backend {only} asks for one")
    return BACKENDS


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend's name in turn; its absence is a failure, never a skip."""
    name: str = request.param
    if name == "native" and importlib.util.find_spec("ras_native._native") is None:
        pytest.fail(
            "the native module is not built: run 'pip install -e .' where a C compiler works, or "
            "install a wheel that has it; '--backend ctypes' tests the other backend alone",
            pytrace=False,
        )
    return name


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A fresh simulator, proven to be ours and not some other rasapi32."""
    from ras_native.sim import Simulator

    with Simulator() as simulator:
        assert simulator.identity == "ras_native simulator"
        yield simulator


@pytest.fixture
def ras(sim: Simulator, backend: str) -> Iterator[Ras]:
    """The simulator, opened by each backend in turn."""
    from ras_native import Ras

    with Ras(sim, backend=backend) as opened:
        yield opened


def _skip_on_other_system(item: pytest.Item) -> None:
    for name, here in (
        ("windows_only", sys.platform == "win32"),
        ("posix_only", sys.platform != "win32"),
    ):
        mark = item.get_closest_marker(name)
        if mark is None:
            continue
        if len(mark.args) != 1:
            raise pytest.UsageError(f"{item.nodeid}: {name} takes one argument, the reason")
        if not here:
            item.add_marker(pytest.mark.skip(reason=f"{name}: {mark.args[0]}"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Under Wine the tests of this table must fail, elsewhere they must pass.
    rows = read_rows("tests/wine_exceptions.tsv", "test reason") if under_wine() else []
    exceptions = dict(rows)
    for item in items:
        _skip_on_other_system(item)
        reason = exceptions.get(item.nodeid) or exceptions.get(item.nodeid.partition("[")[0])
        if reason:
            item.add_marker(pytest.mark.xfail(reason=f"Wine: {reason}", strict=True))
