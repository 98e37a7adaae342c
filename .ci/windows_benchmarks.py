"""Run benchmarks/ on Windows CPython under Wine, on the installed wheel.

usage: windows_benchmarks.py RESULTS_JSON [ARGUMENT...]    (ARGUMENT: for pytest, such as -k NAME)

The figures are Wine's, not those of Windows. The wheel must be in dist/ (wheels.py builds it).
"""

import shutil
import subprocess
import sys
from pathlib import Path

import wheels
import windows_python
import windows_suite
import wine

SECONDS = 1200
COMPILED = ("bare_ras.c", "bare_watch.c")  # bare_connect.c needs Linux
PYTEST = ("-m", "pytest", "-q", "-p", "no:randomly", "--benchmark-only", "--timeout=300")


def compile_competitors(folder: Path) -> None:
    """Compile the competitors in C beside their sources: there is no compiler under Wine."""
    compiler = wheels.compiler("x86_64-windows-gnu")
    for name in COMPILED:
        source = folder / "benchmarks" / name
        command = [*compiler, "-shared", f"-I{folder / 'csrc' / 'abi'}", source]
        subprocess.run([*command, "-o", source.with_suffix(".dll")], check=True)


def main(results: Path, arguments: list[str]) -> None:
    """Install the wheel, run the benchmarks, and copy their results."""
    folder = windows_python.HOME / "benchmarks"
    windows_suite.copy_project(folder)
    compile_competitors(folder)
    with wine.session():
        python = wine.install(windows_python.NEWEST)
        options = ("--benchmark-json=results.json", *(arguments or ("benchmarks",)))
        code = wine.run(python, *PYTEST, *options, cwd=folder, seconds=SECONDS)
    made = folder / "results.json"
    windows_suite.require(made.exists(), f"pytest ended early, with {code}")
    shutil.copyfile(made, results)
    windows_suite.require(code == 0, f"pytest ended with {code}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
