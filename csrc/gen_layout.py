"""Writes the files that repeat what the headers and the tables of this project say.

    python csrc/gen_layout.py            writes the files that are out of date
    python csrc/gen_layout.py --check    only names them; exits 1 if any file is out of date

ras_native/_backend/layout.py   from ras_abi.h, ras_versions.h and rn.h
ras_native/_backend/codes.py    from ras_native/errors.tsv
ras_native/_backend/functions.py  from ras_functions.h and evt_functions.h
ras_native/sim/_abi.py          from rassim.h
csrc/check_layout.c             from layout.tsv and rn.h
csrc/abi/ras_codes.h            from ras_native/errors.tsv
csrc/sim/errors.h               from ras_native/errors.tsv
csrc/sim/rassim.def             from rassim.h, ras_functions.h and evt_functions.h

The output is the same on every system and for every pointer size.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import calcsize
from typing import NamedTuple, TypeAlias

from cffi import FFI

CSRC = Path(__file__).resolve().parent
ROOT = CSRC.parent

CTYPES = {
    "char": "c_char",
    "int32_t": "c_int32",
    "int64_t": "c_int64",
    "uint8_t": "c_uint8",
    "uint16_t": "c_uint16",
    "uint32_t": "c_uint32",
    "uint64_t": "c_uint64",
    "uintptr_t": "c_size_t",
}
FORMATS = {"int32_t": "i", "int64_t": "q", "uint32_t": "I", "uint64_t": "Q"}
TEXT_UNIT = "uint16_t"
LONGEST_LINE = 100


Members: TypeAlias = "list[tuple[str, FFI.CType]]"


class Header(NamedTuple):
    """The text between two marks of a header."""

    constants: dict[str, str]
    structs: dict[str, Members]


def read_table(path: Path) -> list[list[str]]:
    """Read the rows of a table, without its heading."""
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def between(name: str, mark: str) -> str:
    """Read the header between the marks, without comments."""
    text = (CSRC / name).read_text(encoding="utf-8")
    text = text.split(f"/* {mark}: begin */")[1].split(f"/* {mark}: end */")[0]
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def plain_c(text: str) -> str:
    """Remove what cffi does not understand."""
    return text.replace("RASSIM_EXPORT ", "")


def parse(name: str, mark: str, pack: int | None = None, before: str = "") -> Header:
    """Parse constants and structures, in the order of the header; it may use types of `before`."""
    text = between(name, mark)
    ffi = FFI()
    ffi.cdef(before, pack=4)
    ffi.cdef(plain_c(text), pack=pack)
    constants = re.findall(r"^#define (\w+) (0x[0-9A-Fa-f]+|\d+)\s*$", text, re.MULTILINE)
    unread = set(re.findall(r"^#define (\w+)", text, re.MULTILINE)) - set(dict(constants))
    if unread:
        raise SystemExit(f"{name}: not one number on one line: #define {', '.join(sorted(unread))}")
    structs = {}
    for struct in re.findall(r"^\} (\w+);$", text, re.MULTILINE):
        fields = ffi.typeof(struct).fields
        structs[struct] = [(member, field.type) for member, field in fields]
        if pack is None:
            check_record(ffi, struct)
    return Header(dict(constants), structs)


def check_record(ffi: FFI, struct: str) -> None:
    """Refuse pointers and implicit padding, which would differ between systems."""
    end = 0
    for member, field in ffi.typeof(struct).fields:
        if field.type.kind == "pointer" or field.offset != end:
            raise SystemExit(f"rn.h: {struct}.{member} is a pointer or follows implicit padding")
        end += ffi.sizeof(field.type)
    if end != ffi.sizeof(struct):
        raise SystemExit(f"rn.h: {struct} ends with implicit padding")


# ras_native/_backend/layout.py


def class_name(struct: str) -> str:
    """Turn rn_RASCONNW into RASCONNW, and rn_connection into RnConnection."""
    bare = struct.removeprefix("rn_")
    return bare if bare[0].isupper() else "".join(map(str.capitalize, struct.split("_")))


def ctypes_type(ctype: FFI.CType) -> tuple[str, str]:
    """Name the ctypes type, and the Python type of such a member."""
    if ctype.kind == "pointer":
        return "c_void_p", "int | None"
    if ctype.kind == "struct":
        return class_name(ctype.cname), class_name(ctype.cname)
    if ctype.kind == "array":
        item, _ = ctypes_type(ctype.item)
        return f"{item} * {ctype.length}", "bytes" if item == "c_char" else f"Array[{item}]"
    return CTYPES[ctype.cname], "bytes" if ctype.cname == "char" else "int"


def class_lines(struct: str, members: Members, packed: bool) -> Iterator[str]:
    """Write one ctypes Structure."""
    yield f"class {class_name(struct)}(Structure):"
    if packed:
        yield "    _pack_ = 4"
        yield '    _layout_ = "ms"'
    yield "    _fields_ = ("
    for member, ctype in members:
        yield f'        ("{member}", {ctypes_type(ctype)[0]}),'
    yield "    )"
    for member, ctype in members:
        yield f"    {member}: {ctypes_type(ctype)[1]}"
    yield ""
    yield ""


def flat(members: Members, structs: dict[str, Members]) -> str:
    """Build the format of a record, without byte order; text at its end is one block."""
    texts = text_members(members)
    whole = "".join(format_of(ctype, structs) for _, ctype in members[: len(members) - len(texts)])
    return whole + (f"{sum(2 * ctype.length for _, ctype in texts)}s" if texts else "")


def format_of(ctype: FFI.CType, structs: dict[str, Members]) -> str:
    """Build the format of one member."""
    if ctype.kind == "struct":
        return flat(structs[ctype.cname], structs)
    if ctype.kind == "array" and ctype.item.cname in FORMATS:
        return f"{ctype.length}{FORMATS[ctype.item.cname]}"
    if ctype.kind == "array":
        return f"{ctype.length * {'uint8_t': 1, TEXT_UNIT: 2}[ctype.item.cname]}s"
    return FORMATS[ctype.cname]


def text_members(members: Members) -> Members:
    """Find the UTF-16 arrays a record ends with."""
    texts: Members = []
    for member, ctype in reversed(members):
        if ctype.kind != "array" or ctype.item.cname != TEXT_UNIT:
            break
        texts.insert(0, (member, ctype))
    return texts


def format_lines(struct: str, structs: dict[str, Members]) -> Iterator[str]:
    """Write a record's Struct, the offsets of its inner records, and the slices of its texts."""
    members = structs[struct]
    name = struct.upper()
    yield f'{name} = Struct("={flat(members, structs)}")'
    for index, (member, ctype) in enumerate(members):
        if ctype.kind == "struct" and text_members(structs[ctype.cname]):
            offset = calcsize("=" + flat(members[:index], structs))
            yield f"{name}_{member.upper()} = {offset}"
    texts = text_members(members)
    if texts:
        start = 0
        yield f"{name}_TEXT = {{"
        for member, ctype in texts:
            yield f'    "{member}": slice({start}, {start + 2 * ctype.length}),'
            start += 2 * ctype.length
        yield "}"


def version_lines(structs: dict[str, Members]) -> Iterator[str]:
    """Write the accepted dwSize values, from the macros of ras_versions.h."""
    text = (CSRC / "abi" / "ras_versions.h").read_text(encoding="utf-8").replace("\\\n", " ")
    for family, body in re.findall(r"#define (\w+)_VERSIONS\(type\)(.*)", text):
        versions = re.findall(r"\{(\w+), (?:sizeof|RAS_CUT)\(type(?:, (\w+))?\)\}", body)
        for struct in map(class_name, structs):
            if struct[:-1] != family:
                continue
            yield f"{struct}_VERSIONS = ("
            for winver, member in versions:
                size = f'_cut({struct}, "{member}")' if member else f"sizeof({struct})"
                yield f"    ({winver}, {size}),"
            yield ")"


LAYOUT_HEAD = '''\
"""GENERATED by csrc/gen_layout.py from ras_abi.h, ras_versions.h and rn.h: do not edit.

RAS structures and constants have their Windows names. A record rn_noun of the contract has a
ctypes structure RnNoun, and a Struct RN_NOUN that unpacks it: first the numbers, then one block of
bytes with all texts. RN_NOUN_TEXT are the slices of that block. RN_NOUN_MEMBER is the offset of an
inner record. *_VERSIONS are pairs (WINVER, dwSize), newest first.
"""

from __future__ import annotations

from ctypes import (
    Array,
    Structure,
    c_char,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
    sizeof,
)
from struct import Struct

'''

LAYOUT_CUT = '''\
def _cut(structure: type[Structure], member: str) -> int:
    """Compute the size of the version that ends before `member`."""
    return (int(getattr(structure, member).offset) + 3) & ~3


'''


def layout_py() -> str:
    """Write ras_native/_backend/layout.py."""
    ras = parse("abi/ras_abi.h", "layout", pack=4)
    contract = parse("shim/rn.h", "contract")
    lines: list[str] = []
    for header in (ras, contract):
        lines += [f"{name} = {value}" for name, value in header.constants.items()]
        lines += ["", ""]
    for header in (ras, contract):
        for struct, members in header.structs.items():
            lines += class_lines(struct, members, packed=header is ras)
    lines += LAYOUT_CUT.splitlines()
    lines += version_lines(ras.structs)
    for struct in contract.structs:
        lines += format_lines(struct, contract.structs)
    return LAYOUT_HEAD + re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)) + "\n"


# csrc/check_layout.c


CHECK_HEAD = """\
/*
 * GENERATED by gen_layout.py from layout.tsv and rn.h: do not edit. It has no code: compiling it
 * checks the layout of each structure, and the sizes of its older versions.
 */
#include <stddef.h>

#include "ras_versions.h"
#include "rn.h"

#define IS(value, x64, x86, what) \\
  _Static_assert((value) == (sizeof(void *) == 8 ? (x64) : (x86)), what)
#define SIZE(type, x64, x86) IS(sizeof(type), x64, x86, #type)
#define AT(type, member, x64, x86) IS(offsetof(type, member), x64, x86, #type "." #member)
#define CUT(type, member, x64, x86) IS(RAS_CUT(type, member), x64, x86, #type " before " #member)

"""


def check_ras_lines() -> Iterator[str]:
    """Assert what layout.tsv says about each structure and its older versions."""
    rows = read_table(CSRC / "abi" / "layout.tsv")
    for struct, member, winver, x64, x86 in rows:
        ctype = struct if struct == "HRASCONN" else f"rn_{struct}"
        if member != "sizeof":
            yield f"AT({ctype}, {member}, {x64}, {x86});"
            continue
        newer = [row for row in rows if row[0] == struct and int(row[2], 16) > int(winver, 16)]
        cut = next((row[1] for row in newer if row[1] != "sizeof"), None)
        yield f"CUT({ctype}, {cut}, {x64}, {x86});" if cut else f"SIZE({ctype}, {x64}, {x86});"


def check_record_lines() -> Iterator[str]:
    """Assert that each record of the contract is the sum of its members on every system."""
    structs = parse("shim/rn.h", "contract").structs
    for struct, members in structs.items():
        for index, (member, _) in enumerate(members):
            offset = calcsize("=" + flat(members[:index], structs))
            yield f"AT({struct}, {member}, {offset}, {offset});"
        size = calcsize("=" + flat(members, structs))
        yield f"SIZE({struct}, {size}, {size});"


def check_layout_c() -> str:
    """Write csrc/check_layout.c."""
    lines = [*check_ras_lines(), "", *check_record_lines()]
    return CHECK_HEAD + "\n".join(lines) + "\n"


# The codes of errors.tsv: csrc/abi/ras_codes.h, ras_native/_backend/codes.py, csrc/sim/errors.h


RAS_CODES = range(600, 900)
SOCKET_CODES = range(10000, 11005)
OTHER_CODES = frozenset(
    {
        *("NO_ERROR", "ERROR_FILE_NOT_FOUND", "ERROR_PATH_NOT_FOUND", "ERROR_ACCESS_DENIED"),
        *("ERROR_INVALID_HANDLE", "ERROR_NOT_ENOUGH_MEMORY", "ERROR_OUTOFMEMORY"),
        *("ERROR_GEN_FAILURE", "ERROR_NOT_SUPPORTED", "ERROR_INVALID_PARAMETER"),
        *("ERROR_CALL_NOT_IMPLEMENTED", "ERROR_INSUFFICIENT_BUFFER", "ERROR_MOD_NOT_FOUND"),
        *("ERROR_PROC_NOT_FOUND", "ERROR_BUSY", "ERROR_BAD_EXE_FORMAT", "WSA_WAIT_TIMEOUT"),
        *("ERROR_NO_MORE_ITEMS", "WSA_OPERATION_ABORTED", "WSA_IO_INCOMPLETE", "WSA_IO_PENDING"),
        *("ERROR_NOT_FOUND", "ERROR_CANCELLED", "ERROR_TIMEOUT", "ERROR_INVALID_OPERATION"),
        *("ERROR_EVT_INVALID_QUERY", "ERROR_EVT_CHANNEL_NOT_FOUND", "ERROR_EVT_MALFORMED_XML_TEXT"),
        *("ERROR_EVT_SUBSCRIPTION_TO_DIRECT_CHANNEL", "ERROR_EVT_QUERY_RESULT_STALE"),
        *("RPC_S_INVALID_BOUND", "E_INVALIDARG"),
    }
)
"""The other codes that code here may name. The table explains many more."""

GENERATED_FROM_ERRORS = "GENERATED by csrc/gen_layout.py from ras_native/errors.tsv: do not edit."


def error_rows() -> Iterator[tuple[int, str, str]]:
    """Read code, name and text of each row."""
    for code, name, _, text, *_ in read_table(ROOT / "ras_native" / "errors.tsv"):
        yield int(code, 0), name, text


def named_codes() -> Iterator[tuple[str, int]]:
    """Find the codes that get a constant."""
    for code, name, _ in error_rows():
        if code in RAS_CODES or code in SOCKET_CODES or name in OTHER_CODES:
            yield name, code


def ras_codes_h() -> str:
    """Write csrc/abi/ras_codes.h: ERROR_ACCESS_DENIED is RAS_ERROR_ACCESS_DENIED."""
    defines = "".join(f"#define RAS_{name} {code}u\n" for name, code in named_codes())
    return (
        f"/* {GENERATED_FROM_ERRORS} */\n"
        f"#ifndef RAS_CODES_H\n#define RAS_CODES_H\n\n{defines}\n#endif\n"
    )


def codes_py() -> str:
    """Write ras_native/_backend/codes.py."""
    constants = "".join(f"{name} = {code}\n" for name, code in named_codes())
    return f'"""{GENERATED_FROM_ERRORS}\n\nWindows codes by name.\n"""\n\n{constants}'


ERRORS_HEAD = """\
#ifndef RASSIM_ERRORS_H
#define RASSIM_ERRORS_H

#include <stdint.h>

typedef struct {
  uint32_t code;
  const char *text; /* ASCII */
} rassim_error;

/* Ascending by code. */
static const rassim_error rassim_errors[] = {
"""


def errors_h() -> str:
    """Write csrc/sim/errors.h: the texts of the simulator's RasGetErrorStringW."""
    lines = []
    for code, _, text in error_rows():
        if not text.isascii() or '"' in text or "\\" in text:
            raise SystemExit(f"errors.tsv: the text of {code} is not plain ASCII")
        if code in RAS_CODES:
            lines.append(f'    {{{code}, "{text}"}},\n')
    return f"/* {GENERATED_FROM_ERRORS} */\n" + ERRORS_HEAD + "".join(lines) + "};\n\n#endif\n"


# What the simulator exports: csrc/sim/rassim.def, ras_native/sim/_abi.py


Prototypes: TypeAlias = "dict[str, FFI.CType]"

NOT_COUNTED = "RasFreeEapUserIdentityW"  # returns no code, so it is not in ras_functions.h


def ras_types() -> FFI:
    """Return an FFI that knows the types of ras_abi.h."""
    ffi = FFI()
    ffi.cdef(between("abi/ras_abi.h", "layout"), pack=4)
    return ffi


def ras_functions() -> Prototypes:
    """Parse the list of ras_functions.h."""
    ffi = ras_types()
    text = (CSRC / "abi" / "ras_functions.h").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"X\((Ras\w+),\s+[A-Z]+,\s+\(([^()]*)\)\)", text)
    return {name: ffi.typeof(f"uint32_t (*)({parameters})") for name, parameters in found}


def evt_functions() -> Prototypes:
    """Parse the list of evt_functions.h."""
    ffi = FFI()
    ffi.cdef("typedef void *EVT_HANDLE;")
    text = (CSRC / "abi" / "evt_functions.h").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"X\((Evt\w+),\s+(\w+),\s+\(([^()]*)\)\)", text)
    return {name: ffi.typeof(f"{result} (*)({parameters})") for name, result, parameters in found}


def controls() -> tuple[Header, Prototypes]:
    """Parse constants, structures and prototypes of rassim.h."""
    header = parse("sim/rassim.h", "controls", before=between("abi/ras_abi.h", "layout"))
    ffi = ras_types()
    ffi.cdef(plain_c(between("sim/rassim.h", "controls")))
    text = between("sim/rassim.h", "controls")
    found = re.findall(r"^RASSIM_EXPORT ([\w ]+?\*?)(rassim_\w+)\(([^()]*)\);", text, re.MULTILINE)
    return header, {
        name: ffi.typeof(f"{result} (*)({parameters})") for result, name, parameters in found
    }


def rassim_def() -> str:
    """Write csrc/sim/rassim.def."""
    names = sorted([*ras_functions(), *evt_functions(), *controls()[1], NOT_COUNTED])
    return (
        "; GENERATED by csrc/gen_layout.py from rassim.h, ras_functions.h and evt_functions.h:\n"
        "; do not edit.\n"
        "; The library exports these names exactly, although 32-bit stdcall decorates\n"
        "; the symbols themselves.\n"
        "EXPORTS\n" + "".join(f"  {name}\n" for name in names)
    )


ABI_HEAD = '''\
"""GENERATED by csrc/gen_layout.py from rassim.h and ras_functions.h: do not edit.

CONTROLS are the functions that drive the simulator: (result, *arguments) as ctypes types. A pointer
to text is a c_void_p.
"""

from __future__ import annotations

'''


def argument_type(ctype: FFI.CType, typed: bool) -> str:
    """Name the ctypes type of an argument or a result; `typed` pointers name their structure."""
    if ctype.kind == "void":
        return "None"
    if ctype.kind != "pointer" or ctype.cname == "void *":
        return ctypes_type(ctype)[0]
    item = ctype.item
    if item.cname == "char":
        return "c_char_p"
    if item.cname in ("void", TEXT_UNIT) or (item.kind == "struct" and not typed):
        return "c_void_p"
    return f"POINTER({ctypes_type(item)[0]})"


def prototype_lines(name: str, prototypes: Prototypes, typed: bool) -> Iterator[str]:
    """Write a table of prototypes."""
    yield f"{name}: dict[str, tuple[Any, ...]] = {{"
    for function, pointer in prototypes.items():
        signature = [argument_type(t, typed) for t in (pointer.result, *pointer.args)]
        line = f'    "{function}": ({", ".join(signature)}{"," * (len(signature) == 1)}),'
        if len(line) <= LONGEST_LINE:
            yield line
            continue
        yield f'    "{function}": ('
        yield from (f"        {each}," for each in signature)
        yield "    ),"
    yield "}"


def sim_abi_py() -> str:
    """Write ras_native/sim/_abi.py."""
    header, prototypes = controls()
    lines = [f"{name} = {value}" for name, value in header.constants.items()]
    lines += ["", ""]
    for struct, members in header.structs.items():
        lines += class_lines(struct, members, packed=False)
    if not header.structs:
        del lines[-1]
    lines += prototype_lines("CONTROLS", prototypes, typed=True)
    body, own = "\n".join(lines) + "\n", map(class_name, header.structs)
    used = sorted(set(re.findall(r"\b(?:POINTER|Structure|c_\w+)\b", body)))
    structs = sorted(set(re.findall(r"\bPOINTER\(([A-Z]\w+)\)", body)) - set(own), key=str.lower)
    imports = f"from ctypes import {', '.join(used)}\nfrom typing import Any\n\n"
    imports += f"from .._backend.layout import {', '.join(structs)}\n\n"
    return ABI_HEAD + imports + body


FUNCTIONS_HEAD = '''\
"""GENERATED by csrc/gen_layout.py from ras_functions.h and evt_functions.h: do not edit.

FUNCTIONS are those of rasapi32 that this project knows: (result, *arguments) as ctypes types. A
pointer to text or to a structure is a c_void_p: callers pass buffers. REQUIRED are the names of
those that every provider must have. EVT_FUNCTIONS are those of wevtapi, with their constants.
"""

from __future__ import annotations

'''


def functions_py() -> str:
    """Write ras_native/_backend/functions.py."""
    text = (CSRC / "abi" / "ras_functions.h").read_text(encoding="utf-8")
    required = re.findall(r"X\((\w+), REQUIRED,", text)
    names = ", ".join(f'"{name}"' for name in required)
    lines = [f"REQUIRED = ({names})", ""]
    lines += prototype_lines("FUNCTIONS", ras_functions(), typed=False)
    events = parse("abi/evt_functions.h", "events")
    lines += ["", *(f"{name} = {value}" for name, value in events.constants.items()), ""]
    lines += prototype_lines("EVT_FUNCTIONS", evt_functions(), typed=False)
    body = "\n".join(lines) + "\n"
    used = sorted(set(re.findall(r"\b(?:POINTER|c_\w+)\b", body)))
    imports = f"from ctypes import {', '.join(used)}\nfrom typing import Any\n\n"
    return FUNCTIONS_HEAD + imports + body


FILES: dict[Path, Callable[[], str]] = {
    ROOT / "ras_native" / "_backend" / "functions.py": functions_py,
    ROOT / "ras_native" / "_backend" / "layout.py": layout_py,
    ROOT / "ras_native" / "_backend" / "codes.py": codes_py,
    ROOT / "ras_native" / "sim" / "_abi.py": sim_abi_py,
    CSRC / "check_layout.c": check_layout_c,
    CSRC / "abi" / "ras_codes.h": ras_codes_h,
    CSRC / "sim" / "errors.h": errors_h,
    CSRC / "sim" / "rassim.def": rassim_def,
}


def main(arguments: list[str]) -> int:
    """Write or check every generated file."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"usage: {Path(__file__).name} [--check]\n")
        return 2
    stale = 0
    for path, generate in FILES.items():
        text = generate()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale = 1
        name = path.relative_to(ROOT).as_posix()
        if arguments:
            sys.stderr.write(f"{name} is out of date: run python csrc/gen_layout.py\n")
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
            sys.stdout.write(f"{name} written\n")
    return stale if arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
