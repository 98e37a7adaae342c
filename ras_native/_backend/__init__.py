"""Which of the two backends does the work: chosen once, never changed behind one's back."""

from __future__ import annotations

import functools
import importlib.util
import os
import warnings

from .._check import choice

BACKENDS = ("native", "ctypes")
VARIABLE = "RAS_NATIVE_BACKEND"
_forced = os.environ.get(VARIABLE)


def _native_is_built() -> bool:
    return importlib.util.find_spec("ras_native._native") is not None


def _require_native(asked_by: str) -> None:
    if not _native_is_built():
        raise ImportError(
            f"{asked_by} asks for the native backend, but ras_native._native is not installed: "
            "install a wheel for this system, or build from source with a C compiler, "
            "or ask for 'ctypes'"
        )


def _checked(backend: str, asked_by: str) -> str:
    if choice(asked_by, backend, BACKENDS) == "native":
        _require_native(asked_by)
    return backend


@functools.cache
def default() -> str:
    """The backend of this process: the forced one, else native, else ctypes.

    Raises ValueError or ImportError where the environment asks for one that cannot be had. That is
    raised where a backend is needed, not by the import: so the command can explain it.
    """
    if _forced:
        return _checked(_forced, f"the environment variable {VARIABLE}")
    return "native" if _native_is_built() else "ctypes"


def warn_where_fallen_back() -> None:
    """Warn, at the line that imports the package, that ctypes was nobody's choice."""
    if not _forced and default() == "ctypes":
        warnings.warn(
            "ras_native runs on its slower ctypes backend: the compiled module is not installed. "
            "Install a wheel for this system or a C compiler and reinstall; "
            f"{VARIABLE}=ctypes says that this is intended",
            RuntimeWarning,
            stacklevel=3,
        )


def select(asked: str | None) -> str:
    """The backend to use for one object or call: `asked`, or the process's default.

    Raises ValueError for an unknown name, ImportError where "native" is not installed.
    """
    if asked is None:
        return default()
    return _checked(asked, "backend")
