"""Count the instructions of the hot paths with callgrind, and compare with instructions.tsv.

usage: instructions.py            fails if a figure differs from the table by more than TOLERANCE
       instructions.py --write    writes the table

The figure is what one call executes in the shim and in the simulator: the difference of two runs,
divided by the calls that only the longer one makes. It depends on the compiler and the C library,
so the table says which ones made it. The C library is told to use no newer instructions, so that
the figure does not depend on the processor. Fewer instructions than in the table fail, too: then
the table is to be written again.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "csrc"))
import build_native  # noqa: E402  (found through the line above)

TABLE = ROOT / ".ci" / "instructions.tsv"
FOLDER = ROOT / "build" / "instructions"
JOBS = [("poll", 4), ("poll", 64), ("statistics", 4), ("statistics", 64)]
TOLERANCE = 0.03
FEWER, MORE = 100, 300  # calls of the two runs
SECONDS = 120
NEWER = (
    *("SSSE3", "SSE4_1", "SSE4_2", "AVX", "AVX2", "AVX512F", "AVX512VL", "AVX512BW"),
    *("ERMS", "FSRM", "MOVBE", "RTM", "Fast_Unaligned_Copy"),
)
TUNABLES = "glibc.cpu.hwcaps=" + ",".join(f"-{name}" for name in NEWER)


def compile_all() -> tuple[Path, Path]:
    """Compile the simulator and the driver with the shim; return both."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    simulator, driver = FOLDER / "rassim.so", FOLDER / "instructions"
    cc = ["cc", *build_native.STRICT_C, "-Werror", "-g"]
    includes = [f"-I{folder}" for folder in build_native.INCLUDE_DIRS]
    libraries = ["-ldl", "-lpthread"]
    for command in (
        [*cc, "-shared", "-fPIC", *build_native.simulator_sources(), "-o", simulator],
        [*cc, ".ci/instructions.c", *build_native.native_sources(), "-o", driver],
    ):
        subprocess.run([*command, *includes, *libraries], cwd=ROOT, check=True)
    return simulator, driver


def collected(*command: str | Path) -> int:
    """Return how many instructions a program executes."""
    callgrind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done = subprocess.run(
        [*callgrind, *command],
        check=False, capture_output=True, text=True, timeout=SECONDS,
        env={**os.environ, "GLIBC_TUNABLES": TUNABLES},
    )  # fmt: skip
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise SystemExit(f"instructions: {command} ended with {done.returncode}\n{done.stderr}")
    return int(found[1])


def count(simulator: Path, driver: Path, path: str, connections: int) -> int:
    """Return the instructions of one call."""
    few, many = (
        collected(driver, simulator, path, str(connections), str(calls)) for calls in (FEWER, MORE)
    )
    return round((many - few) / (MORE - FEWER))


def versions() -> str:
    """Return the compiler and the C library."""
    first_lines = (
        subprocess.run([*command, "--version"], check=True, capture_output=True, text=True).stdout
        for command in (["cc"], ["ldd"])
    )
    return "; ".join(lines.splitlines()[0] for lines in first_lines)


def main(*, write: bool) -> None:
    """Count, and compare or write."""
    built = compile_all()
    found = {(path, size): count(*built, path, size) for path, size in JOBS}
    if write:
        rows = [f"{path}\t{size}\t{number}" for (path, size), number in found.items()]
        lines = [f"# {versions()}", "path\tconnections\tinstructions", *rows, ""]
        TABLE.write_text("\n".join(lines), encoding="utf-8")
        return
    made_by, _, *lines = TABLE.read_text(encoding="utf-8").splitlines()
    table = {(path, int(size)): int(n) for path, size, n in map(str.split, lines)}
    wrong = []
    for (path, size), number in found.items():
        expected = table[path, size]
        change = number / expected - 1
        print(f"{path:<12}{size:>4} connections {number:>7} instructions, {change:+.1%}")
        if abs(change) > TOLERANCE:
            wrong.append(f"{path}, {size} connections: {number} instead of {expected}")
    if wrong:
        raise SystemExit(
            "instructions: more than "
            f"{TOLERANCE:.0%} from the table:\n" + "\n".join(wrong) + f"\nThe table was made by "
            f"{made_by.removeprefix('# ')}; here it is {versions()}. If the change is intended: "
            "python .ci/instructions.py --write"
        )


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--write"]):
        raise SystemExit(__doc__)
    main(write=bool(sys.argv[1:]))
