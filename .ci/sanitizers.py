"""Run a part of the suite with the shim and the simulator compiled with sanitizers.

usage: sanitizers.py memory     AddressSanitizer and UndefinedBehaviorSanitizer
       sanitizers.py threads    ThreadSanitizer

Python itself is not instrumented, so every report is about our own C. Leak detection is off:
Python frees little when it exits. tests/internals/test_allocation_failures.py detects leaks.
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
    """How to build with a sanitizer, what to load before Python, and which tests to run."""

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
        # With Python's own allocator, a write past the end of a Python buffer goes unnoticed.
        # One test crashes a process on purpose, so SIGSEGV stays with Python's faulthandler.
        {"ASAN_OPTIONS": "detect_leaks=0:handle_segv=0", "PYTHONMALLOC": "malloc"},
        [
            "tests/behaviour/test_connect.py",
            "tests/behaviour/test_connect_many.py",
            "tests/behaviour/test_connect_repeats.py",
            "tests/behaviour/test_connect_stream.py",
            "tests/behaviour/test_connection_notification.py",
            "tests/behaviour/test_enum_connections.py",
            "tests/behaviour/test_event_log.py",
            "tests/behaviour/test_fork.py",
            "tests/behaviour/test_get_connect_status.py",
            "tests/behaviour/test_hang_up.py",
            "tests/behaviour/test_interrupts.py",
            "tests/behaviour/test_lying_event_log.py",
            "tests/behaviour/test_lying_provider.py",
            "tests/behaviour/test_parity.py",
            "tests/behaviour/test_snapshot.py",
            "tests/behaviour/test_threads.py",
            "tests/behaviour/test_wsa_connect.py",
            "tests/monitor/test_native_waiter.py",
            "tests/simulator",
        ],
    ),
    "threads": Sanitizer(
        "-fsanitize=thread",
        "libtsan.so",
        "__tsan_init",
        {"TSAN_OPTIONS": f"suppressions={ROOT / '.ci' / 'tsan.supp'}"},
        [
            "tests/behaviour/test_threads.py",
            "tests/behaviour/test_connection_notification.py",
            "tests/behaviour/test_event_log.py",
            "tests/behaviour/test_hang_up.py",
            "tests/simulator/test_sim_dial.py",
            "tests/simulator/test_sim_event_log.py",
            "tests/simulator/test_sim_notify.py",
            "tests/monitor/test_monitor.py",
            "tests/monitor/test_watcher.py",
        ],
    ),
}


def build(sanitizer: Sanitizer, folder: Path) -> Path:
    """Build the package with instrumented modules and return its folder."""
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
    """Return the environment for Python.

    ASan and TSan write each report to a file. UBSan prints it on standard error.
    """
    find = ["gcc", f"-print-file-name={sanitizer.library}"]
    library = subprocess.run(find, check=True, capture_output=True, text=True).stdout.strip()
    variables = {**os.environ, **sanitizer.environment}
    for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
        variables[name] = f"{variables.get(name, '')}:log_path={reports / 'report'}"
    variables["UBSAN_OPTIONS"] = "print_stacktrace=1"
    return {**variables, "PYTHONPATH": str(package), "LD_PRELOAD": library}


def main(name: str) -> None:
    """Build, run, and fail if there is any report."""
    sanitizer, folder = SANITIZERS[name], ROOT / "build" / f"sanitized-{name}"
    package = build(sanitizer, folder)
    reports = folder / "reports"
    reports.mkdir()
    variables = environment(sanitizer, package, reports)
    identity = [sys.executable, "-c", IDENTITY, sanitizer.symbol]
    subprocess.run(identity, cwd=folder, env=variables, check=True)
    # "python -m pytest" would import the package from the checkout
    pytest = [
        Path(sys.executable).with_name("pytest"),
        "-q",
        "--capture=sys",  # leaves standard error to UBSan
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
