"""Build every distribution on Linux: sdist, Linux, any, win_amd64, win32, win_arm64.

usage: wheels.py [DIST]    into DIST (default: dist/), which is emptied first

Everything but the sdist is built from the sdist. A Windows wheel is the py3-none-any wheel
with the two modules added, which zig compiles against the stable ABI of the oldest CPython.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pefile
import windows_python

ROOT = windows_python.ROOT
sys.path.insert(0, str(ROOT / "csrc"))
import build_native  # noqa: E402  (found through the line above)

INCLUDES = [f"-I{folder}" for folder in build_native.INCLUDE_DIRS]
MEMCMP = ["-fno-builtin-memcmp", ROOT / ".ci" / "memcmp.c"]  # instead of zig's own
ZIG = [sys.executable, "-m", "ziglang"]


@dataclass(frozen=True)
class Target:
    """A Windows platform: its wheel tag, and what zig's cc and dlltool call it."""

    tag: str
    triple: str
    machine: str


TARGETS = [
    Target("win_amd64", "x86_64-windows-gnu", "i386:x86-64"),
    Target("win32", "x86-windows-gnu", "i386"),
    Target("win_arm64", "aarch64-windows-gnu", "arm64"),
]


def compiler(triple: str) -> list[str]:
    """Return the command of zig's C compiler for that target, with the package's warnings."""
    return [*ZIG, "cc", "-target", triple, *build_native.STRICT_C, "-Werror", "-s"]


def run(source: Path, *command: str | Path, **environment: str) -> None:
    """Run a command in the source tree. If it fails, the build ends."""
    subprocess.run(command, cwd=source, check=True, env={**os.environ, **environment})


def build(source: Path, kind: str, dist: Path, mode: str = "require") -> None:
    """Run `python -m build` on the source with RAS_NATIVE_BUILD=mode."""
    command = (sys.executable, "-m", "build", f"--{kind}", "--outdir", dist, source)
    run(source, *command, RAS_NATIVE_BUILD=mode, RAS_NATIVE_WERROR="1")


def unpack_sdist(dist: Path, folder: Path) -> Path:
    """Unpack the sdist and return its folder."""
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return folder / sdist.name.removesuffix(".tar.gz")


def import_library(target: Target, python_home: Path, folder: Path) -> Path:
    """Make python3.lib for the target from the exports of python3.dll (the stable ABI)."""
    library = pefile.PE(str(python_home / "python3.dll"))
    names = [symbol.name.decode() for symbol in library.DIRECTORY_ENTRY_EXPORT.symbols]
    definition = folder / "python3.def"
    definition.write_text("\n".join(["LIBRARY python3.dll", "EXPORTS", *names, ""]))
    made = folder / "python3.lib"
    run(folder, *ZIG, "dlltool", "-m", target.machine, "-d", definition, "-l", made)
    return made


def compile_modules(target: Target, source: Path, work: Path) -> list[Path]:
    """Compile _native.pyd and _rassim.pyd for the target in the folder `work`."""
    python_home = windows_python.unpack(windows_python.OLDEST)
    generated, native, simulator = (work / n for n in ("_native.c", "_native.pyd", "_rassim.pyd"))
    build_native.native_ffi().emit_c_code(str(generated))
    library = [*compiler(target.triple), *INCLUDES, "-shared"]
    libraries = [f"-l{name}" for name in build_native.WINDOWS_LIBRARIES]
    run(
        source,
        *library,
        "-D" + "=".join(build_native.LIMITED_API),
        f"-I{python_home / 'include'}",
        generated,
        *build_native.native_sources("win"),
        *MEMCMP,
        import_library(target, python_home, work),
        *libraries,
        *("-o", native),
    )
    sources = [*build_native.simulator_sources("win"), build_native.EXPORTS]
    run(source, *library, *sources, *libraries, "-o", simulator)
    return [native, simulator]


def windows_wheel(target: Target, source: Path, dist: Path) -> None:
    """Make the target's wheel: the pure wheel with the two modules added."""
    (pure,) = dist.glob("*-py3-none-any.whl")
    wheel = (sys.executable, "-m", "wheel")
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        run(source, *wheel, "unpack", "--dest", work / "tree", pure)
        (tree,) = (work / "tree").iterdir()
        for module in compile_modules(target, source, work):
            shutil.copy(module, tree / "ras_native")
        (metadata,) = tree.glob("*.dist-info/WHEEL")
        text = metadata.read_text().replace("Root-Is-Purelib: true", "Root-Is-Purelib: false")
        metadata.write_text(text.replace("py3-none-any", f"cp310-abi3-{target.tag}"))
        run(source, *wheel, "pack", "--dest-dir", dist, tree)


def main(dist: Path) -> None:
    """Build all distributions."""
    shutil.rmtree(dist, ignore_errors=True)
    build(ROOT, "sdist", dist)
    with tempfile.TemporaryDirectory() as scratch:
        source = unpack_sdist(dist, Path(scratch))
        build(source, "wheel", dist)
        shutil.rmtree(source / "build")  # setuptools would copy the compiled modules from it
        build(source, "wheel", dist, mode="skip")
        windows_python.unpack(windows_python.OLDEST)
        # Most of the time goes into zig's C library, which it builds once for each target.
        with ThreadPoolExecutor() as pool:
            list(pool.map(partial(windows_wheel, source=source, dist=dist), TARGETS))


if __name__ == "__main__":
    if sys.argv[1:2] in (["-h"], ["--help"]):
        raise SystemExit(__doc__)
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve())
