"""Check all C files with clang-format, and those of the package with clang-tidy, too.

usage: check_c.py [--format]

--format    first formats every file

clang-tidy reads the sources for Windows with the mingw-w64 headers that zig contains.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import wheels
import windows_python
import ziglang

BIN = Path(sys.executable).parent
WINDOWS_HEADERS = Path(ziglang.__file__).parent / "lib" / "libc" / "include" / "any-windows-any"
TARGETS = {
    "linux": [],
    "bsd": [],
    "win": ["--target=x86_64-w64-windows-gnu", "-isystem", str(WINDOWS_HEADERS)],
}


def tracked_files() -> list[str]:
    """Return every C file and header of the project."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h"]
    listed = subprocess.run(
        command, cwd=windows_python.ROOT, check=True, capture_output=True, text=True
    )
    return [name for name in listed.stdout.splitlines() if (windows_python.ROOT / name).exists()]


def tidy(task: tuple[str, str]) -> tuple[int, str]:
    """Return clang-tidy's exit code and findings for one file, compiled for one system."""
    system, source = task
    compiler = ["-std=c11", *wheels.INCLUDES, *TARGETS[system]]
    done = subprocess.run(
        [BIN / "clang-tidy", "--quiet", source, "--", *compiler],
        cwd=windows_python.ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # only the number of hidden warnings
        text=True,
    )
    return done.returncode, done.stdout


def main(*, relayout: bool) -> None:
    """Run both tools and fail if either finds something."""
    files = tracked_files()
    style = ["-i"] if relayout else ["--dry-run", "--Werror"]
    laid_out = subprocess.run(
        [BIN / "clang-format", *style, *files], cwd=windows_python.ROOT, check=False
    )
    sources = wheels.build_native.native_sources, wheels.build_native.simulator_sources
    tasks = sorted({(system, name) for system in TARGETS for of in sources for name in of(system)})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(tidy, tasks))
    print(*(findings for code, findings in results if code), sep="\n", end="")
    bad = sum(code != 0 for code, _ in results)
    print(f"check_c: {len(files)} files formatted, {bad} of {len(tasks)} have findings")
    if laid_out.returncode or bad:
        raise SystemExit("check_c: 'python .ci/check_c.py --format' formats the files")


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--format"]):
        raise SystemExit(__doc__)
    main(relayout="--format" in sys.argv)
