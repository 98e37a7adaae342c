"""The choice between the two backends. The import of the package chooses the default."""

from __future__ import annotations

import functools
import importlib
import os
import warnings

from .._check import choice

BACKENDS = ("native", "ctypes")
VARIABLE = "RAS_NATIVE_BACKEND"
_forced = os.environ.get(VARIABLE)


@functools.cache
def native_problem() -> str | None:
    """Return why the native module cannot be used; None if it can.

    Only an import shows it. The module may be missing or broken. A subinterpreter with a lock of
    its own refuses it, because cffi does not support such interpreters.
    """
    try:
        importlib.import_module("ras_native._native")
    except ModuleNotFoundError as error:
        if error.name == "ras_native._native":
            return (
                "the compiled module is not installed: install a wheel for this system, or build "
                "from source with a C compiler"
            )
        return f"the compiled module cannot be imported ({error})"
    except ImportError as error:
        return f"the compiled module cannot be imported ({error})"
    return None


def _checked(backend: str, asked_by: str) -> str:
    choice(asked_by, backend, BACKENDS)
    problem = native_problem() if backend == "native" else None
    if problem:
        raise ImportError(
            f"{asked_by} asks for the native backend, but {problem}; or ask for 'ctypes'"
        )
    return backend


@functools.cache
def default() -> str:
    """Choose the backend of this process: the one that the variable names, or native if possible.

    Raises ValueError or ImportError if the variable names a backend that cannot be used. The import
    of the package does not raise it, so that the command can explain it.
    """
    if _forced:
        return _checked(_forced, f"the environment variable {VARIABLE}")
    return "ctypes" if native_problem() else "native"


def warn_where_fallen_back() -> None:
    """Warn that the package uses ctypes although nobody chose it; blame the importing line."""
    if not _forced and default() == "ctypes":
        warnings.warn(
            f"ras_native runs on its slower ctypes backend: {native_problem()}. "
            f"{VARIABLE}=ctypes says that this is intended",
            RuntimeWarning,
            stacklevel=3,
        )


def select(asked: str | None) -> str:
    """Return the backend for one object or call: `asked`, or the process's default.

    Raises TypeError or ValueError if `asked` is not the name of a backend, ImportError if it is
    "native" and that cannot be used.
    """
    return default() if asked is None else _checked(asked, "backend")
