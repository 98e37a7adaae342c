"""Windows CPython under Wine, with this project's wheel and its test requirements installed.

usage: wine.py VERSION [ARGUMENT...]    runs python.exe ARGUMENT... (3.10 or 3.13), having
                                        made the setting and installed dist/'s wheel
"""

import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import windows_python

ROOT = windows_python.ROOT
PREFIX = Path(os.environ.get("WINEPREFIX", windows_python.HOME / "prefix"))
WINE32 = windows_python.HOME / "wine32"
WINE32_DLLS = "usr/lib/i386-linux-gnu/wine/i386-windows"
WINE32_NAMES = ["ntdll", "kernel32", "kernelbase", "ucrtbase"]  # the C client needs no others
ENVIRONMENT = {
    **os.environ,
    "WINEPREFIX": str(PREFIX),
    "WINEDEBUG": "-all",
    "DISPLAY": "",
    "WINEDLLPATH": str((WINE32 / WINE32_DLLS).parent),
    # Without "n,b" Wine loads its own stub and not the rasapi32.dll beside the program.
    # Without a debugger a program that crashes ends at once.
    "WINEDLLOVERRIDES": "rasapi32=n,b;mscoree,mshtml,winedbg.exe=",
}
BOOT_SECONDS = 120
INSTALL_SECONDS = 300
DOWNLOAD_ATTEMPTS = 3


def install_wine() -> None:
    """Install the distribution's Wine if it is missing."""
    if shutil.which("wine") is None:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(
            ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "wine"],
            check=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )


def unpack_wine32() -> None:
    """Unpack the 32-bit Windows DLLs of the same Wine. With them it runs 32-bit programs.

    The package is not installed: that would add an architecture to this system and need 32-bit
    versions of many libraries. apt downloads it with package lists of its own.
    """
    if WINE32.exists():
        return
    apt = windows_python.HOME / "apt32"
    shutil.rmtree(apt, ignore_errors=True)
    (apt / "lists" / "partial").mkdir(parents=True)
    (apt / "archives" / "partial").mkdir(parents=True)
    configuration = apt / "apt.conf"
    configuration.write_text(
        'APT::Architecture "i386"; APT::Architectures { "i386"; }; APT::Sandbox::User "root";\n'
        f'Dir::State::Lists "{apt}/lists"; Dir::State::status "/dev/null"; Dir::Cache "{apt}";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(configuration)}
    version = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Version}", "libwine"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for _ in range(DOWNLOAD_ATTEMPTS):
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)
        download = ["apt-get", "download", "-qq", f"libwine={version}"]
        if subprocess.run(download, env=environment, cwd=apt, check=False).returncode == 0:
            break
    (package,) = apt.glob("libwine_*_i386.deb")
    archive, members = apt / "libwine.tar", [f"./{WINE32_DLLS}/{name}.dll" for name in WINE32_NAMES]
    with archive.open("wb") as stream:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, stdout=stream)
    with tarfile.open(archive) as packed:
        packed.extractall(apt / "tree", [packed.getmember(name) for name in members])
    shutil.move(apt / "tree", WINE32)
    shutil.rmtree(apt)


def fill_syswow64() -> None:
    """Make the system folder for 32-bit programs, which a 64-bit Wine does not make."""
    folder = PREFIX / "drive_c" / "windows" / "syswow64"
    folder.mkdir(parents=True, exist_ok=True)
    for name in WINE32_NAMES:
        shutil.copyfile(WINE32 / WINE32_DLLS / f"{name}.dll", folder / f"{name}.dll")


@contextmanager
def session() -> Iterator[None]:
    """Make the Wine prefix if it is new, start its server, and stop the server at the end."""
    install_wine()
    unpack_wine32()
    PREFIX.mkdir(parents=True, exist_ok=True)
    null = subprocess.DEVNULL
    quiet = {"env": ENVIRONMENT, "stdin": null, "stdout": null, "stderr": null}
    # The server outlives the programs. Started here, it keeps none of their pipes open.
    subprocess.run(["wineserver", "--persistent"], check=True, timeout=BOOT_SECONDS, **quiet)
    try:
        subprocess.run(["wineboot", "--init"], check=True, timeout=BOOT_SECONDS, **quiet)
        fill_syswow64()
        yield
    finally:
        subprocess.run(["wineserver", "--kill"], check=False, timeout=BOOT_SECONDS, **quiet)


def run(*command: str | Path, cwd: Path = ROOT, seconds: int) -> int:
    """Run a Windows program, print its output, and return its exit code (negative if late)."""
    with _started(command, cwd, seconds) as process:
        for line in process.stdout:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
        return process.wait()


def output(*command: str | Path, cwd: Path = ROOT, seconds: int) -> tuple[int, str]:
    """Run a Windows program and return its exit code and output."""
    with _started(command, cwd, seconds) as process:
        printed = process.stdout.read().decode(errors="replace")
        return process.wait(), printed


@contextmanager
def _started(
    command: tuple[str | Path, ...], cwd: Path, seconds: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program and kill it when its time is over.

    Under Wine, CPython needs a pipe for its output, and an input.
    """
    process = subprocess.Popen(
        ["wine", *command],
        cwd=cwd,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    late = threading.Timer(seconds, process.kill)
    late.start()
    try:
        yield process
    finally:
        late.cancel()
        process.kill()
        process.wait()


def wheel() -> Path:
    """Return the win_amd64 wheel in dist/."""
    wheels = list((ROOT / "dist").glob("*-win_amd64.whl"))
    if len(wheels) != 1:
        raise SystemExit(f"wine: {len(wheels)} win_amd64 wheels in dist/: run .ci/wheels.py first")
    return wheels[0]


def windows_path(path: Path) -> str:
    """Return the path by which a Windows program finds a file of this system."""
    return "Z:" + str(path).replace("/", "\\")


def install(python: windows_python.WindowsPython) -> Path:
    """Install the wheel with its extra "test" and return python.exe. Replaces an old wheel."""
    executable = windows_python.unpack(python) / "python.exe"
    pip = [executable, "-m", "pip", "install", "--quiet", "--no-warn-script-location"]
    uri = "file:///Z:" + str(wheel())
    for packages in ([f"ras_native[test] @ {uri}"], ["--force-reinstall", "--no-deps", uri]):
        if run(*pip, *packages, seconds=INSTALL_SECONDS):
            raise SystemExit(f"wine: pip could not install {packages}")
    return executable


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in windows_python.BY_VERSION:
        raise SystemExit(__doc__)
    with session():
        python_exe = install(windows_python.BY_VERSION[sys.argv[1]])
        raise SystemExit(run(python_exe, *sys.argv[2:], cwd=Path.cwd(), seconds=3600))
