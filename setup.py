"""Builds the cffi module and the simulator; everything else is in pyproject.toml.

RAS_NATIVE_BUILD=require  a build without the native module is an error (wheels)
RAS_NATIVE_BUILD=skip     builds no native code at all (the py3-none-any wheel)
unset                     native where a compiler works, ctypes elsewhere
"""

import os
import re
import sys
from pathlib import Path

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


LINK = re.compile(r"(!?\[[^]]*\]\()(?!https?:|#)([^)#]+)(#[^)]*)?\)")


def with_absolute_links(text: str, project: str) -> str:
    """Make the README's links work where the package is published.

    text: the README. project: pyproject.toml, whose [project.urls] is the one place for addresses.
    Links to docs/ lead to Documentation, all others to the files below Source. Where the table
    lacks an address, its links stay as they are.
    """
    table = project.partition("\n[project.urls]\n")[2].partition("\n[")[0]
    urls = {name: url.rstrip("/") for name, url in re.findall(r'^(\w+) = "(.+)"', table, re.M)}

    def absolute(link: re.Match[str]) -> str:
        opening, path, anchor = link[1], link[2], link[3] or ""
        if path.startswith("docs/") and "Documentation" in urls:
            page = path.removeprefix("docs/").removesuffix(".md")
            return f"{opening}{urls['Documentation']}/{page}.html{anchor})"
        if "Source" not in urls:
            return link[0]
        kind = "raw" if opening.startswith("!") else "blob"
        return f"{opening}{urls['Source']}/{kind}/main/{path}{anchor})"

    return LINK.sub(absolute, text)


def read(name: str) -> str:
    """Return the text of a file beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


setup(
    long_description=with_absolute_links(read("README.md"), read("pyproject.toml")),
    long_description_content_type="text/markdown",
    cmdclass={"build_ext": BuildExt},
    ext_modules=extensions(),
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if MODE != "skip" else {},
)
