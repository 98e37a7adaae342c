"""The two extension modules: what they are compiled from, and how."""

import os
import re
import sys

from cffi import FFI
from setuptools import Extension

CSRC = os.path.dirname(os.path.abspath(__file__))
NATIVE_SOURCES = ["rn_provider.c", "rn_list.c", "rn_record.c", "rn_connect.c"]
SIMULATOR_SOURCES = ["rassim.c"]


def _system_sources(*stems: str) -> list[str]:
    """One file per system: stem_win.c or stem_posix.c."""
    system = "win" if sys.platform == "win32" else "posix"
    return [f"{stem}_{system}.c" for stem in stems]


def _paths(names: list[str]) -> list[str]:
    return [f"csrc/{name}" for name in names]


def _flags() -> dict[str, list[str]]:
    """Compiler flags; RAS_NATIVE_WERROR is for CI."""
    if sys.platform == "win32":
        return {"libraries": ["ws2_32"]}
    strict = ["-Werror"] if os.environ.get("RAS_NATIVE_WERROR") else []
    return {
        "extra_compile_args": ["-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden", *strict],
        "libraries": ["dl", "pthread"] if sys.platform.startswith("linux") else [],
    }


def contract() -> str:
    """What rn.h declares between its two contract marks, as cffi reads it."""
    with open(os.path.join(CSRC, "rn.h"), encoding="utf-8") as header:
        text = header.read()
    text = text.split("/* contract: begin */")[1].split("/* contract: end */")[0]
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def native_extension() -> Extension:
    """ras_native._native: the compiled shim, as an abi3 module."""
    ffi = FFI()
    ffi.cdef(contract())
    ffi.set_source(
        "ras_native._native",
        '#include "rn.h"',
        sources=_paths(NATIVE_SOURCES + _system_sources("rn_os", "rn_net")),
        include_dirs=["csrc"],
        py_limited_api=True,
        define_macros=[("Py_LIMITED_API", "0x030A0000")],
        **_flags(),
    )
    return ffi.distutils_extension(tmpdir="build/cffi")


def simulator_extension() -> Extension:
    """ras_native._rassim: a plain library with rasapi32's ABI, opened by its path."""
    return Extension(
        "ras_native._rassim",
        sources=_paths(SIMULATOR_SOURCES + _system_sources("rassim_os")),
        include_dirs=["csrc"],
        py_limited_api=True,
        **_flags(),
    )
