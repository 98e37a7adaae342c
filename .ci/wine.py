"""Windows CPython under Wine, with this project's wheel and its test requirements installed.

usage: wine.py VERSION [ARGUMENT...]    runs python.exe ARGUMENT... (3.10 or 3.13), having
                                        made the setting and installed dist/'s wheel
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import windows_python

ROOT = windows_python.ROOT
PREFIX = windows_python.HOME / "prefix"
ENVIRONMENT = {
    **os.environ,
    "WINEPREFIX": str(PREFIX),
    "WINEDEBUG": "-all",
    "DISPLAY": "",
    # Only with this does Wine load any rasapi32.dll but its own stub; System32's stays the stub.
    "WINEDLLOVERRIDES": "mscoree,mshtml=;rasapi32=n,b",
}
BOOT_SECONDS = 120
INSTALL_SECONDS = 300


def install_wine() -> None:
    """Wine from the distribution, where it is missing."""
    if shutil.which("wine") is None:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(
            ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "wine"],
            check=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )


@contextmanager
def session() -> Iterator[None]:
    """The prefix, made where it is new, and its server, which is stopped at the end."""
    install_wine()
    PREFIX.mkdir(parents=True, exist_ok=True)
    null = subprocess.DEVNULL
    quiet = {"env": ENVIRONMENT, "stdin": null, "stdout": null, "stderr": null}
    # The server outlives each program; started here it holds none of their pipes open.
    subprocess.run(["wineserver", "--persistent"], check=True, timeout=BOOT_SECONDS, **quiet)
    try:
        subprocess.run(["wineboot", "--init"], check=True, timeout=BOOT_SECONDS, **quiet)
        yield
    finally:
        subprocess.run(["wineserver", "--kill"], check=False, timeout=BOOT_SECONDS, **quiet)


def run(*command: str | Path, cwd: Path = ROOT, seconds: int, **environment: str) -> int:
    """Runs a Windows program, its output passed on as it comes; its exit code, 124 if late.

    CPython wants a pipe for its output under Wine, and an input that is not missing.
    """
    process = subprocess.Popen(
        ["wine", *command],
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    late = threading.Timer(seconds, process.kill)
    late.start()
    try:
        for line in process.stdout:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
        code = process.wait()
        return code if late.is_alive() else 124
    finally:
        late.cancel()
        process.kill()


def wheel() -> Path:
    """The wheel for this Windows in dist/."""
    wheels = list((ROOT / "dist").glob("*-win_amd64.whl"))
    if len(wheels) != 1:
        raise SystemExit(f"wine: {len(wheels)} win_amd64 wheels in dist/: run .ci/wheels.py first")
    return wheels[0]


def windows_path(path: Path) -> str:
    """How a Windows program names a file of this system."""
    return "Z:" + str(path).replace("/", "\\")


def install(python: windows_python.WindowsPython) -> Path:
    """python.exe, having the wheel (replaced if it was there), its extra "test" and pywin32."""
    executable = windows_python.unpack(python) / "python.exe"
    pip = [executable, "-m", "pip", "install", "--quiet", "--no-warn-script-location"]
    uri = "file:///Z:" + str(wheel())
    for packages in (
        [f"ras_native[test] @ {uri}", "pywin32"],
        ["--force-reinstall", "--no-deps", uri],
    ):
        if run(*pip, *packages, seconds=INSTALL_SECONDS):
            raise SystemExit(f"wine: pip could not install {packages}")
    return executable


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in windows_python.BY_VERSION:
        raise SystemExit(__doc__)
    with session():
        python_exe = install(windows_python.BY_VERSION[sys.argv[1]])
        raise SystemExit(run(python_exe, *sys.argv[2:], cwd=Path.cwd(), seconds=3600))
