"""A rasapi32.dll planted where programs find libraries is not the default provider."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ras_native.sim import Simulator

# Prints which rasapi32.dll the code before it loaded. The simulator is the hostile one.
REPORT = """
import ctypes
kernel = ctypes.WinDLL("kernel32")
kernel.GetModuleHandleW.restype = ctypes.c_void_p
handle = ctypes.c_void_p(kernel.GetModuleHandleW("rasapi32.dll"))
path = ctypes.create_unicode_buffer(1000)
kernel.GetModuleFileNameW(handle, path, 1000)
print(kernel.GetProcAddress(handle, b"rassim_identity") != 0, path.value)
"""


@pytest.fixture
def trap(sim: Simulator, tmp_path: Path) -> Path:
    """Make a folder with a hostile rasapi32.dll and a copy of Python."""
    shutil.copy(sim.path, tmp_path / "rasapi32.dll")
    for pattern in ("python.exe", "python3*.dll", "vcruntime140*.dll"):
        for file in Path(sys.base_prefix).glob(pattern):
            shutil.copy(file, tmp_path)
    return tmp_path


def loaded(code: str, trap: Path) -> tuple[bool, Path]:
    """Run `code` in the trap; return whether the hostile library was loaded, and its path.

    The trap is the program's folder, the working directory and the first folder of PATH.
    """
    answer = subprocess.run(
        [str(trap / "python.exe"), "-c", code + REPORT],
        cwd=trap,
        env={
            **os.environ,
            "PATH": f"{trap}{os.pathsep}{os.environ['PATH']}",
            "PYTHONHOME": sys.base_prefix,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert answer.returncode == 0, answer.stderr
    hostile, _, path = answer.stdout.strip().partition(" ")
    return hostile == "True", Path(path)


@pytest.mark.windows_only("rasapi32.dll is a Windows library")
def test_the_trap_catches_who_asks_for_the_bare_name(trap: Path) -> None:
    hostile, path = loaded("import ctypes; ctypes.WinDLL('rasapi32.dll', winmode=0)", trap)
    assert hostile
    assert path.samefile(trap / "rasapi32.dll")


@pytest.mark.windows_only("rasapi32.dll is a Windows library")
def test_the_default_provider_is_system32s(trap: Path, backend: str) -> None:
    code = f"from ras_native import Ras; ras = Ras(backend={backend!r}); ras.enum_connections()"
    hostile, path = loaded(code, trap)
    assert not hostile
    assert path.samefile(Path(os.environ["SYSTEMROOT"], "System32", "rasapi32.dll"))
