"""The two extension modules: their sources, and how to compile them."""

import os
import sys

from cffi import FFI
from gen_layout import between
from setuptools import Extension

NATIVE_SOURCES = [
    f"shim/{name}.c"
    for name in (
        *("event", "provider", "projection", "record", "reading", "statistics", "list"),
        *("traffic", "meter", "watch"),
        "connect",
    )
]
SIMULATOR_LAYERS = (  # each uses only those before it
    *("service", "text", "queue", "history", "query", "bookmarks", "handles", "events"),
    *("rasclient", "notifications", "connections", "callbacks", "dialling", "actions"),
    *("clock", "calls"),
    *("ras", "projection", "ras_dial", "evt", "control", "demo"),
)
SIMULATOR_SOURCES = ["check_layout.c", *(f"sim/{name}.c" for name in SIMULATOR_LAYERS)]
INCLUDE_DIRS = ["csrc/abi", "csrc/shim", "csrc/sim"]


HOST = {"win32": "win", "linux": "linux"}.get(sys.platform, "bsd")
WINDOWS_LIBRARIES = ["ws2_32"]
EXPORTS = "csrc/sim/rassim.def"  # makes x86's stdcall names undecorated
LIMITED_API = ("Py_LIMITED_API", "0x030A0000")
STRICT_C = ["-std=c11", "-O2", "-Wall", "-Wextra"]


def native_sources(system: str = HOST) -> list[str]:
    """List the sources of the shim for "win", "linux" or "bsd"; cffi adds its own."""
    own = [] if system == "win" else [f"shim/net_{system}.c"]
    return _paths([*NATIVE_SOURCES, *own], ["shim/os", "shim/net"], system)


def simulator_sources(system: str = HOST) -> list[str]:
    """List the sources of the simulator for "win", "linux" or "bsd"."""
    return _paths(SIMULATOR_SOURCES, ["sim/os"], system)


def _paths(names: list[str], stems: list[str], system: str) -> list[str]:
    """List the common files, and for each stem the file of the system: stem_win.c, stem_posix.c."""
    family = "win" if system == "win" else "posix"
    return [f"csrc/{name}" for name in [*names, *(f"{stem}_{family}.c" for stem in stems)]]


def _flags() -> dict[str, list[str]]:
    """Choose the compiler flags; CI sets RAS_NATIVE_WERROR."""
    if sys.platform == "win32":
        return {"extra_compile_args": ["/std:c11"], "libraries": WINDOWS_LIBRARIES}
    strict = ["-Werror"] if os.environ.get("RAS_NATIVE_WERROR") else []
    return {
        "extra_compile_args": [*STRICT_C, "-fvisibility=hidden", *strict],
        "libraries": ["dl", "pthread"] if sys.platform.startswith("linux") else [],
    }


def native_ffi() -> FFI:
    """Describe ras_native._native, the compiled shim, as an abi3 module."""
    ffi = FFI()
    ffi.cdef(between("shim/rn.h", "contract"))
    ffi.set_source(
        "ras_native._native",
        '#include "rn.h"',
        sources=native_sources(),
        include_dirs=INCLUDE_DIRS,
        py_limited_api=True,
        define_macros=[LIMITED_API],
        **_flags(),
    )
    return ffi


def native_extension() -> Extension:
    """Describe the extension of the shim, with the C that cffi writes for it."""
    return native_ffi().distutils_extension(tmpdir="build/cffi")


def simulator_extension() -> Extension:
    """Describe ras_native._rassim: a plain library with rasapi32's ABI, opened by its path."""
    return Extension(
        "ras_native._rassim",
        sources=simulator_sources(),
        include_dirs=INCLUDE_DIRS,
        py_limited_api=True,
        extra_link_args=[f"/DEF:{EXPORTS}"] if HOST == "win" else [],
        **_flags(),
    )
