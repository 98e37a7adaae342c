"""The ctypes structures, for both pointer sizes, and the C have the layout of layout.tsv."""

from __future__ import annotations

import ctypes
import importlib
import shutil
import subprocess
import sys
from typing import Any

import pytest
from cc import INCLUDES
from tsv import ROOT, read_rows

from ras_native._backend import layout as _layout

TABLE = read_rows("csrc/abi/layout.tsv", "struct member winver x64 x86")
STRUCTS = sorted({row[0] for row in TABLE} - {"HRASCONN"})
VERSIONED = [name.removesuffix("_VERSIONS") for name in dir(_layout) if name.endswith("_VERSIONS")]
RECORDS = [name for name in dir(_layout) if name.startswith("Rn")]
COLUMNS = {8: 3, 4: 4}  # pointer size: x64, x86
HERE = ctypes.sizeof(ctypes.c_void_p)


def as_elsewhere(ctype: Any, pointer: int) -> Any:
    """Convert a type to one for pointers of that many bytes."""
    if ctype in (ctypes.c_void_p, ctypes.c_size_t):
        return ctypes.c_uint32 if pointer == 4 else ctypes.c_uint64
    if not issubclass(ctype, ctypes.Structure):
        return ctype
    fields = [(name, as_elsewhere(member, pointer)) for name, member in ctype._fields_]
    body = {"_pack_": 4, "_layout_": "ms", "_fields_": fields}
    return type(ctype.__name__, (ctypes.Structure,), body)


def expected(struct: str, pointer: int) -> dict[str, int]:
    """Return the table's values for the newest version: its members' offsets and its size."""
    return {row[1]: int(row[COLUMNS[pointer]]) for row in TABLE if row[0] == struct}


def offsets(ctype: Any) -> dict[str, int]:
    return {name: getattr(ctype, name).offset for name, _ in ctype._fields_}


@pytest.mark.parametrize("pointer", [8, 4])
@pytest.mark.parametrize("struct", STRUCTS)
def test_every_member_is_where_the_table_says(struct: str, pointer: int) -> None:
    ctype = getattr(_layout, struct)
    there = ctype if pointer == HERE else as_elsewhere(ctype, pointer)
    assert {"sizeof": ctypes.sizeof(there), **offsets(there)} == expected(struct, pointer)


def test_the_table_has_every_structure() -> None:
    packed = [n for n, c in vars(_layout).items() if getattr(c, "_pack_", None) == 4]
    assert sorted(packed) == STRUCTS
    assert expected("HRASCONN", HERE) == {"sizeof": HERE}


@pytest.mark.parametrize("struct", VERSIONED)
def test_every_version_has_the_size_the_table_says(struct: str) -> None:
    sizes = [
        (int(winver, 16), int(row[COLUMNS[HERE] - 3]))
        for name, member, winver, *row in TABLE
        if (name, member) == (struct, "sizeof")
    ]
    assert list(getattr(_layout, f"{struct}_VERSIONS")) == sizes[::-1]


def test_versions_are_known_of_both_alphabets() -> None:
    assert VERSIONED == ["RASCONNA", "RASCONNSTATUSA", "RASCONNSTATUSW", "RASCONNW"]


def c_layout(struct: str, backend: str) -> list[tuple[str, int, int]]:
    """Return member, offset and size, from cffi's module or from ctypes."""
    ctype = getattr(_layout, struct)
    if backend == "ctypes":
        fields = ((name, getattr(ctype, name)) for name, *_ in ctype._fields_)
        return [(name, field.offset, field.size) for name, field in fields]
    ffi = importlib.import_module("ras_native._native").ffi
    compiled = ffi.typeof(c_name(struct)).fields
    return [(name, field.offset, ffi.sizeof(field.type)) for name, field in compiled]


def c_name(struct: str) -> str:
    """Convert RnBatchOptions to rn_batch_options."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in struct).lstrip("_")


@pytest.mark.parametrize("struct", RECORDS)
def test_records_have_no_padding(struct: str, backend: str) -> None:
    end = 0
    for name, offset, size in c_layout(struct, backend):
        assert offset == end, name
        end += size
    assert ctypes.sizeof(getattr(_layout, struct)) == end
    assert getattr(_layout, c_name(struct).upper()).size == end


@pytest.mark.parametrize("struct", RECORDS)
def test_both_backends_lay_records_out_alike(struct: str, backend: str) -> None:
    assert c_layout(struct, backend) == c_layout(struct, "ctypes")


@pytest.mark.parametrize(
    "struct", [r for r in RECORDS if hasattr(_layout, f"{c_name(r)}_TEXT".upper())]
)
def test_texts_are_cut_where_they_are(struct: str) -> None:
    ctype = getattr(_layout, struct)
    texts: dict[str, slice] = getattr(_layout, f"{c_name(struct)}_TEXT".upper())
    block = ctypes.sizeof(ctype) - max(cut.stop for cut in texts.values())
    cuts = {name: (block + cut.start, cut.stop - cut.start) for name, cut in texts.items()}
    fields = {name: getattr(ctype, name) for name in texts}
    assert cuts == {name: (field.offset, field.size) for name, field in fields.items()}


@pytest.mark.parametrize("member", ["connection", "status"])
def test_records_within_records_are_found(member: str) -> None:
    offset = getattr(_layout, f"RN_RECORD_{member.upper()}")
    assert offset == getattr(_layout.RnRecord, member).offset


@pytest.mark.posix_only("it compares sources, and elsewhere the package may be an installed wheel")
def test_generated_files_are_fresh() -> None:
    check = subprocess.run(
        [sys.executable, str(ROOT / "csrc" / "gen_layout.py"), "--check"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr


def test_the_simulators_build_compiles_the_static_asserts() -> None:
    build = (ROOT / "csrc" / "build_native.py").read_text(encoding="utf-8")
    assert '"check_layout.c"' in build


# Freestanding: the compiler's own headers are enough, for either word size.
SYNTAX_ONLY = ["-std=c11", "-ffreestanding", "-fsyntax-only", "-x", "c"]


def compiles(compiler: list[str], source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*compiler, *SYNTAX_ONLY, *INCLUDES, "-"],
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )


def compiler_for(pointer: int) -> list[str]:
    """Find a compiler for that pointer size."""
    candidates = {
        4: [["gcc", "-m32"], ["clang", "-m32"], ["i686-w64-mingw32-gcc"]],
        8: [["gcc"], ["clang"], ["x86_64-w64-mingw32-gcc"]],
    }
    probe = f'#include <stdint.h>\n_Static_assert(sizeof(void *) == {pointer}, "");\n'
    for candidate in candidates[pointer]:
        if shutil.which(candidate[0]) and compiles(candidate, probe).returncode == 0:
            return candidate
    pytest.skip(f"no C compiler for {8 * pointer} bits; the builds for it prove the same")


@pytest.mark.posix_only("the compilers are those of the build machine")
@pytest.mark.parametrize("pointer", [8, 4])
def test_static_asserts(pointer: int) -> None:
    compiler = compiler_for(pointer)
    source = (ROOT / "csrc" / "check_layout.c").read_text(encoding="utf-8")
    result = compiles(compiler, source)
    assert result.returncode == 0, result.stderr
    wrong = source.replace("SIZE(rn_RASCONNW, 1388, 1384)", "SIZE(rn_RASCONNW, 1389, 1385)")
    assert wrong != source
    assert compiles(compiler, wrong).returncode != 0
