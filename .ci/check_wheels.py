"""Check every distribution that wheels.py built: tags, members, imports, exports, metadata.

usage: check_wheels.py [--self-test] [DIST]

--self-test   also damages copies of wheels (a module removed, a stray file added, ...) and
              fails unless every damaged copy is rejected
"""

import argparse
import fnmatch
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

import pefile
import windows_python
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

ROOT = windows_python.ROOT
MACHINES = {"win_amd64": "AMD64", "win32": "I386", "win_arm64": "ARM64"}
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.py", "*.tsv", "py.typed")
    for path in (ROOT / "ras_native").rglob(pattern)
)
PACKAGE = [  # as it is installed
    source.replace("ras_native/sim/pytest_plugin", "ras_native_pytest") for source in SOURCES
]
MODULES = {
    "py3-none-any": [],
    "cp310-abi3-linux_x86_64": ["ras_native/_native.abi3.so", "ras_native/_rassim.abi3.so"],
    **{
        f"cp310-abi3-{platform}": ["ras_native/_native.pyd", "ras_native/_rassim.pyd"]
        for platform in MACHINES
    },
}
METADATA = ["METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt"]
SYSTEM_DLLS = ["kernel32.dll", "ws2_32.dll", "api-ms-win-crt-*.dll"]
SYSTEM_LIBRARIES = ["libc.so.6", "libdl.so.2", "libpthread.so.0"]
SDIST = [
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "csrc/shim/rn.h",
    "tests/conftest.py",
]


def require(condition: object, message: str) -> None:
    """Reject the distribution if the condition is false."""
    if not condition:
        raise SystemExit(f"check_wheels: {message}")


def exports() -> set[str]:
    """Return the names that rassim.def lists."""
    text = (ROOT / "csrc" / "sim" / "rassim.def").read_text().split("EXPORTS", 1)[1]
    return set(re.sub(r";.*", "", text).split())


def check_imports(name: str, imported: set[str], allowed: list[str]) -> None:
    """Check that only system libraries are imported, and python3.dll only by _native.pyd."""
    python = {"python3.dll"} if name.endswith("_native.pyd") else set()
    require(python <= imported, f"{name} does not import python3.dll")
    strays = [
        library
        for library in imported - python
        if not any(fnmatch.fnmatch(library, pattern) for pattern in allowed)
    ]
    require(not strays, f"{name} imports {sorted(strays)}")


def check_exports(name: str, exported: set[str]) -> None:
    """Check the exports: PyInit__native, or exactly the names in rassim.def."""
    wanted = exports() if "_rassim" in name else {"PyInit__native"}
    require(
        exported == wanted, f"{name} exports other names than expected: {sorted(exported ^ wanted)}"
    )


def check_pe(name: str, data: bytes, machine: str) -> None:
    """Check a Windows module: its machine, imports and exports."""
    image = pefile.PE(data=data)
    found = pefile.MACHINE_TYPE[image.FILE_HEADER.Machine]
    require(found == f"IMAGE_FILE_MACHINE_{machine}", f"{name} is made for {found}")
    check_imports(
        name,
        {entry.dll.decode().lower() for entry in image.DIRECTORY_ENTRY_IMPORT},
        SYSTEM_DLLS,
    )
    check_exports(name, {symbol.name.decode() for symbol in image.DIRECTORY_ENTRY_EXPORT.symbols})


def check_elf(name: str, data: bytes) -> None:
    """Check a Linux module: the libraries it needs, and its exports."""
    image = ELFFile(io.BytesIO(data))
    dynamic = [section for section in image.iter_sections() if isinstance(section, DynamicSection)]
    needed = {tag.needed for section in dynamic for tag in section.iter_tags("DT_NEEDED")}
    check_imports(name, needed, SYSTEM_LIBRARIES)
    symbols = image.get_section_by_name(".dynsym").iter_symbols()
    exported = {
        symbol.name
        for symbol in symbols
        if symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["bind"] == "STB_GLOBAL"
    }
    check_exports(name, exported - {"_init", "_fini"})


def check_wheel(wheel: Path) -> None:
    """Check one wheel: its tag, members and modules."""
    tag = wheel.stem.split("-", 2)[2]
    require(tag in MODULES, f"{wheel.name}: an unknown tag")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        info = f"ras_native-{wheel.stem.split('-')[1]}.dist-info"
        wanted = {*PACKAGE, *MODULES[tag], *(f"{info}/{name}" for name in METADATA)}
        require(not wanted - names, f"{wheel.name} lacks {sorted(wanted - names)}")
        require(not names - wanted, f"{wheel.name} must not hold {sorted(names - wanted)}")
        header = Parser().parsestr(archive.read(f"{info}/WHEEL").decode())
        require(header.get_all("Tag") == [tag], f"{wheel.name}: WHEEL names {header['Tag']}")
        pure = str(not MODULES[tag]).lower()
        require(header["Root-Is-Purelib"] == pure, f"{wheel.name}: Root-Is-Purelib is not {pure}")
        for module in MODULES[tag]:
            data = archive.read(module)
            if module.endswith(".pyd"):
                check_pe(module, data, MACHINES[tag.rpartition("-")[2]])
            else:
                check_elf(module, data)


def check_sdist(sdist: Path) -> None:
    """Check that the sdist has what builds and tests the package, and nothing built."""
    top = sdist.name.removesuffix(".tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.removeprefix(f"{top}/") for name in archive.getnames()}
    missing = {
        *SDIST,
        *SOURCES,
        *(str(path.relative_to(ROOT)) for path in (ROOT / "csrc").rglob("*.[ch]")),
    }
    require(not missing - names, f"{sdist.name} lacks {sorted(missing - names)}")
    built = [name for name in names if re.search(r"\.(so|pyd|o|pyc)$|__pycache__", name)]
    require(not built, f"{sdist.name} must not hold {sorted(built)}")


def check(dist: Path) -> None:
    """Check that exactly the expected distributions exist, and check each of them."""
    wheels = sorted(dist.glob("*.whl"))
    tags = {wheel.stem.split("-", 2)[2] for wheel in wheels}
    require(tags == set(MODULES), f"wheels missing or unexpected: {sorted(tags ^ set(MODULES))}")
    sdists = list(dist.glob("*.tar.gz"))
    require(len(sdists) == 1, f"{len(sdists)} sdists in {dist}")
    for wheel in wheels:
        check_wheel(wheel)
    check_sdist(sdists[0])
    twine = [sys.executable, "-m", "twine", "check", "--strict", *wheels, *sdists]
    require(subprocess.run(twine, check=False).returncode == 0, "twine refuses the metadata")
    print(f"check_wheels: {len(wheels)} wheels and {sdists[0].name} are right")


def rewrite(wheel: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Change the members of a wheel in place."""
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def self_test(dist: Path) -> None:
    """Check that each broken copy is rejected for the right reason."""
    native, simulator = "ras_native/_native.pyd", "ras_native/_rassim.pyd"
    foreign = (windows_python.unpack(windows_python.OLDEST) / "python3.dll").read_bytes()
    breaks: list[tuple[str, str, Callable[[dict[str, bytes]], object]]] = [
        ("win_amd64", "lacks", lambda members: members.pop(native)),
        ("win_arm64", "lacks", lambda members: members.pop(simulator)),
        ("linux_x86_64", "lacks", lambda members: members.pop("ras_native/_native.abi3.so")),
        ("win32", "must not hold", lambda members: members.update({"tests/x.py": b""})),
        ("win32", "does not import python3.dll", lambda m: m.update({native: m[simulator]})),
        ("win32", "is made for", lambda m: m.update({native: foreign})),
        ("win_amd64", "imports ['python3.dll']", lambda m: m.update({simulator: m[native]})),
    ]
    for platform, reason, change in breaks:
        with tempfile.TemporaryDirectory() as scratch:
            (original,) = dist.glob(f"*-{platform}.whl")
            copy = Path(shutil.copy(original, scratch))
            rewrite(copy, change)
            try:
                check_wheel(copy)
            except SystemExit as refusal:
                require(reason in str(refusal), f"refused for another reason: {refusal}")
            else:
                require(False, f"a broken {platform} wheel ({reason}) was let through")
    print(f"check_wheels: {len(breaks)} broken wheels were refused")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("dist", nargs="?", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    check(arguments.dist)
    if arguments.self_test:
        self_test(arguments.dist)
