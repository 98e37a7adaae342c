"""The choice of the backend: the requested one, or an error."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import child
import pytest

import ras_native
from ras_native import Event, Ras
from ras_native._backend import VARIABLE, native_problem

POLL = """
import sys, ras_native
from ras_native.sim import Simulator
with Simulator() as sim, ras_native.Ras(sim) as ras:
    sim.add("office")
    print(ras_native.backend, ras.backend, ras.snapshot()[0].connection.entry_name)
    print(*sorted(name for name in sys.modules if name.startswith("ras_native._backend.")))
"""


@pytest.fixture
def without_native(tmp_path):
    """Make a folder with the package as installed without a compiler."""
    package = Path(ras_native.__file__).parent
    ignored = shutil.ignore_patterns("_native.*", "__pycache__")
    shutil.copytree(package, tmp_path / "ras_native", ignore=ignored, copy_function=shutil.copyfile)
    return tmp_path


def test_the_backend_in_use_is_a_public_string():
    assert ras_native.backend in ("native", "ctypes")
    assert "backend" in ras_native.__all__
    assert (native_problem() is None) == (
        importlib.util.find_spec("ras_native._native") is not None
    )


def test_what_is_asked_for_is_used(sim, backend):
    with Ras(sim, backend=backend) as ras, Event(backend=backend) as event:
        assert (ras.backend, event.backend) == (backend, backend)
        assert type(ras._provider).__name__.lower().startswith(backend)
    with Ras(sim) as ras:
        assert ras.backend == ras_native.backend


def test_the_variable_forces_it(backend):
    first, modules = child.run(POLL, environment={VARIABLE: backend}).splitlines()
    assert first == f"{backend} {backend} office"
    assert ("ras_native._backend.ctypes_ras" in modules) == (backend == "ctypes")
    assert ("ras_native._backend.native_ras" in modules) == (backend == "native")


@pytest.mark.parametrize("unset", [None, ""])
def test_native_is_the_default_where_it_is_installed(unset):
    if native_problem() is None:
        output = child.run(POLL, environment={VARIABLE: unset})
        assert output.startswith("native native office\n")
    else:
        output = child.run(POLL, environment={VARIABLE: unset}, python=())
        assert "RuntimeWarning" in output


NEEDS_A_BACKEND = ("backend", "Event()", "connect_many([])", "Ras('x')")


@pytest.mark.parametrize("value", ["NATIVE", "cffi", "native,ctypes", " "])
@pytest.mark.parametrize("what", NEEDS_A_BACKEND)
def test_an_unknown_value_of_the_variable_is_an_error(value, what):
    script = f"import ras_native; print('imported'); ras_native.{what}"
    output = child.run(script, environment={VARIABLE: value}, status=1)
    assert output.startswith("imported\n")  # so `ras-native` can explain it without a traceback
    assert "ValueError" in output
    assert VARIABLE in output
    assert "native, ctypes" in output


def test_a_forced_backend_never_falls_back(without_native):
    output = child.run(POLL, environment={VARIABLE: "native"}, path=without_native, status=1)
    assert "ImportError" in output
    assert VARIABLE in output
    assert "C compiler" in output


def test_without_the_native_module_there_is_one_warning(without_native):
    output = child.run(
        "import ras_native, ras_native.sim, ras_native._ras\n"
        "import importlib; importlib.import_module('ras_native')\n" + POLL,
        environment={VARIABLE: None},
        path=without_native,
        python=("-W", "always"),
    )
    assert output.count("RuntimeWarning") == 1
    assert "<string>:1: RuntimeWarning" in output  # the line that imports the package
    assert f"{VARIABLE}=ctypes" in output
    assert "ctypes ctypes office\n" in output


@pytest.fixture
def with_broken_native(without_native):
    """Make the package with a native module that cannot be imported; return the reason, too."""
    broken = "raise ImportError('module _cffi_backend does not support loading in subinterpreters')"
    (without_native / "ras_native" / "_native.py").write_text(broken, encoding="ascii")
    return without_native


def test_with_a_broken_native_module_there_is_one_warning_that_says_why(with_broken_native):
    output = child.run(
        POLL, environment={VARIABLE: None}, path=with_broken_native, python=("-W", "always")
    )
    assert output.count("RuntimeWarning") == 1
    assert "does not support loading in subinterpreters" in output
    assert "ctypes ctypes office\n" in output


@pytest.mark.parametrize("variable", [None, "ctypes", "native"])
def test_a_broken_native_module_that_is_asked_for_says_why(with_broken_native, variable):
    output = child.run(
        "import ras_native; ras_native.Event(backend='native')",
        environment={VARIABLE: variable},
        path=with_broken_native,
        python=("-W", "ignore"),
        status=1,
    )
    assert "ImportError: backend asks for the native backend" in output
    assert "does not support loading in subinterpreters" in output


SUBINTERPRETER = """
import _interpreters
interpreter = _interpreters.create()
try:
    failure = _interpreters.run_string(interpreter, '''
import sys
sys.path[:] = PATH
import ras_native
from ras_native.sim import Simulator
with Simulator() as sim, ras_native.Ras(sim) as ras:
    sim.add("office")
    print(ras.backend, ras.snapshot()[0].connection.entry_name)
'''.replace("PATH", repr(__import__("sys").path)))
    print(failure)
finally:
    _interpreters.destroy(interpreter)
"""


@pytest.mark.skipif(
    importlib.util.find_spec("_interpreters") is None,
    reason="since Python 3.13: locks of an interpreter",
)
def test_a_subinterpreter_with_its_own_lock_runs_on_ctypes():
    output = child.run(SUBINTERPRETER, environment={VARIABLE: None}, python=("-W", "always"))
    assert output.count("RuntimeWarning") == 1
    assert "ctypes office\nNone\n" in output


def test_who_wants_ctypes_is_not_warned(without_native):
    output = child.run(POLL, environment={VARIABLE: "ctypes"}, path=without_native)
    assert output.startswith("ctypes ctypes office\n")


@pytest.mark.parametrize("what", ["Ras('x', backend='native')", "Event(backend='native')"])
def test_the_native_backend_asked_for_and_not_there(without_native, what):
    output = child.run(
        f"from ras_native import Event, Ras\n{what}",
        environment={VARIABLE: "ctypes"},
        path=without_native,
        status=1,
    )
    assert "ImportError: backend asks for the native backend" in output
