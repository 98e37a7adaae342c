"""Build tests/foreign/client.c for Windows and run it under Wine against the simulator.

usage: foreign_clients.py

Unicode and ANSI, x64 and x86; a copy of the wheel's simulator lies beside each program as
rasapi32.dll, and the program must print what tests/foreign/client.expected says.
"""

import csv
import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import wheels
import windows_python
import wine

ROOT = windows_python.ROOT
FOREIGN = ROOT / "tests" / "foreign"
SECONDS = 60


@dataclass(frozen=True)
class Program:
    """One build of the client: target, simulator, and the structure sizes in its <ras.h>."""

    triple: str
    wheel: str
    unicode: bool
    rasconn: int
    rasconnstatus: int


PROGRAMS = [
    Program("x86_64-windows-gnu", "win_amd64", True, 1372, 564),
    Program("x86_64-windows-gnu", "win_amd64", False, 708, 288),
    Program("x86-windows-gnu", "win32", True, 1368, 564),
    Program("x86-windows-gnu", "win32", False, 704, 288),
]


def build(program: Program, folder: Path) -> Path:
    """Build the client, linked to rasapi32.dll, and copy the simulator beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    compiler = wheels.compiler(program.triple)
    scenario, executable = folder / "scenario.o", folder / "client.exe"
    source = [FOREIGN / "scenario.c", f"-I{ROOT / 'csrc' / 'abi'}", f"-I{ROOT / 'csrc' / 'sim'}"]
    subprocess.run([*compiler, "-c", *source, "-o", scenario], check=True)
    character = ["-DUNICODE", "-D_UNICODE"] if program.unicode else []
    command = [*compiler, *character, FOREIGN / "client.c", scenario, "-lrasapi32"]
    subprocess.run([*command, "-o", executable], check=True)
    (wheel,) = (ROOT / "dist").glob(f"*-{program.wheel}.whl")
    with zipfile.ZipFile(wheel) as archive:
        (folder / "rasapi32.dll").write_bytes(archive.read("ras_native/_rassim.pyd"))
    return executable


def expected(program: Program) -> list[str]:
    """Return the lines of client.expected with the placeholders replaced."""
    table = (ROOT / "ras_native" / "errors.tsv").read_text(encoding="utf-8")
    rows = csv.reader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
    texts = {row[0]: row[3] for row in rows}
    text = (FOREIGN / "client.expected").read_text()
    text = text.replace("{sizeof RASCONN}", str(program.rasconn))
    text = text.replace("{sizeof RASCONNSTATUS}", str(program.rasconnstatus))
    return text.replace("{text of 623}", texts["623"]).splitlines()


def main() -> None:
    """Build and run all programs."""
    with wine.session():
        for program in PROGRAMS:
            name = f"{program.wheel} {'Unicode' if program.unicode else 'ANSI'}"
            executable = build(program, windows_python.HOME / "foreign" / name.replace(" ", "-"))
            code, printed = wine.output(executable, seconds=SECONDS)
            if code or printed.splitlines() != expected(program):
                raise SystemExit(f"foreign_clients: {name} ended with {code}, printing\n{printed}")
            print(f"foreign_clients: the {name} client agrees with the simulator")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        raise SystemExit(__doc__)
    main()
