"""Runs a stated core of the suite on a shim and a simulator that watch themselves.

usage: sanitizers.py memory     AddressSanitizer and UndefinedBehaviorSanitizer
       sanitizers.py threads    ThreadSanitizer

Python itself is not instrumented: what is found is in our own C. Leaks are not looked for here,
for Python frees little at its exit; tests/internals/test_allocation_failures.py counts them.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import windows_python

ROOT = windows_python.ROOT
SECONDS = 600
IDENTITY = """
import os, pathlib, sys
from ras_native import _native, sim
for module in _native.__file__, sim.Simulator().path:
    assert module.startswith(os.environ["PYTHONPATH"]), f"not the instrumented build: {module}"
    assert sys.argv[1].encode() in pathlib.Path(module).read_bytes(), f"not instrumented: {module}"
"""


@dataclass(frozen=True)
class Sanitizer:
    """How to build with it, what to load before Python, what to run."""

    flags: str
    library: str
    symbol: str
    environment: dict[str, str]
    tests: list[str]


SANITIZERS = {
    "memory": Sanitizer(
        "-fsanitize=address,undefined -fno-sanitize-recover=all",
        "libasan.so",
        "__asan_init",
        # Python's own allocator would hide the ends of its objects, which C writes to.
        # A test of its own crashes a process: pytest prints where Python was.
        {"ASAN_OPTIONS": "detect_leaks=0:handle_segv=0", "PYTHONMALLOC": "malloc"},
        ["tests/behaviour", "tests/simulator"],
    ),
    "threads": Sanitizer(
        "-fsanitize=thread",
        "libtsan.so",
        "__tsan_init",
        {},
        [
            "tests/behaviour/test_threads.py",
            "tests/behaviour/test_connection_notification.py",
            "tests/behaviour/test_hang_up.py",
            "tests/simulator/test_sim_dial.py",
            "tests/simulator/test_sim_notify.py",
        ],
    ),
}


def build(sanitizer: Sanitizer, folder: Path) -> Path:
    """The package with instrumented modules."""
    shutil.rmtree(folder, ignore_errors=True)
    flags = f"{sanitizer.flags} -g -O1 -fno-omit-frame-pointer"
    setup = [sys.executable, "setup.py", "-qq", "build", "--build-base", folder]
    subprocess.run(
        [*setup, "--build-lib", folder / "lib"],
        cwd=ROOT,
        check=True,
        env={**os.environ, "CFLAGS": flags, "RAS_NATIVE_BUILD": "require"},
    )
    return folder / "lib"


def environment(sanitizer: Sanitizer, package: Path, reports: Path) -> dict[str, str]:
    """Of a Python that imports the package; each report goes to a file of its own."""
    find = ["gcc", f"-print-file-name={sanitizer.library}"]
    library = subprocess.run(find, check=True, capture_output=True, text=True).stdout.strip()
    variables = {**os.environ, **sanitizer.environment}
    for tool in ("ASAN", "TSAN", "UBSAN"):
        given = variables.get(f"{tool}_OPTIONS", "")
        variables[f"{tool}_OPTIONS"] = f"{given}:log_path={reports / tool.lower()}"
    return {**variables, "PYTHONPATH": str(package), "LD_PRELOAD": library}


def main(name: str) -> None:
    """Builds, runs, and fails on any report."""
    sanitizer, folder = SANITIZERS[name], ROOT / "build" / f"sanitized-{name}"
    package = build(sanitizer, folder)
    reports = folder / "reports"
    reports.mkdir()
    variables = environment(sanitizer, package, reports)
    identity = [sys.executable, "-c", IDENTITY, sanitizer.symbol]
    subprocess.run(identity, cwd=folder, env=variables, check=True)
    # not "python -m pytest": that would look in the checkout first
    pytest = [
        Path(sys.executable).with_name("pytest"),
        "-q",
        "-p",
        "no:cacheprovider",
        *sanitizer.tests,
    ]
    code = subprocess.run(pytest, cwd=ROOT, env=variables, timeout=SECONDS, check=False).returncode
    found = sorted(reports.iterdir())
    for report in found:
        print(report.read_text(errors="replace"))
    if code or found:
        raise SystemExit(f"sanitizers: {len(found)} reports, pytest ended with {code}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SANITIZERS:
        raise SystemExit(__doc__)
    main(sys.argv[1])
