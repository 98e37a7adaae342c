"""Builds the cffi module and the simulator; everything else is in pyproject.toml.

RAS_NATIVE_BUILD=require  a build without the native module is an error (wheels)
RAS_NATIVE_BUILD=skip     builds no native code at all (the py3-none-any wheel)
unset                     native where a compiler works, ctypes elsewhere
"""

import os
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "csrc"))
import build_native

MODE = os.environ.get("RAS_NATIVE_BUILD", "")
if MODE not in ("", "require", "skip"):
    raise SystemExit(f"RAS_NATIVE_BUILD={MODE!r}: use 'require', 'skip', or leave it unset")


def extensions() -> list[Extension]:
    """The native module and the simulator."""
    if MODE == "skip":
        return []
    modules = [build_native.native_extension(), build_native.simulator_extension()]
    for module in modules:
        module.optional = MODE != "require"
    return modules


class BuildExt(build_ext):
    """MSVC is told of no PyInit: cffi's is exported in its source, the simulator has none."""

    def get_export_symbols(self, _ext: Extension) -> list[str]:
        """Nothing to add to what the sources and rassim.def export."""
        return []


setup(
    cmdclass={"build_ext": BuildExt},
    ext_modules=extensions(),
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if MODE != "skip" else {},
)
