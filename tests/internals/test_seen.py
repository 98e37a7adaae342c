"""csrc/seen.h: every way to compare sees every byte that a record is read from."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from ctypes import addressof, c_uint8, c_uint32, c_void_p, sizeof
from typing import Any

import pytest
from cc import CSRC, SUPPORT, compiled

from ras_native._backend.layout import (
    RASCONNSTATUSW,
    RASCONNSTATUSW_VERSIONS,
    RASCONNW,
    RASCONNW_VERSIONS,
)

pytestmark = pytest.mark.posix_only("it is compiled with cc; elsewhere the suite asks the module")

BLOCK = 32
WORST = 0  # every text fills its array


@pytest.fixture(scope="module")
def seen_c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    sources = [CSRC / "shim" / name for name in ("seen.c", "record.c", "os_posix.c")]
    folder = tmp_path_factory.mktemp("seen")
    library = ctypes.CDLL(str(compiled(SUPPORT / "seen.c", folder, *sources)))
    library.see.argtypes = (c_uint32, c_uint32, c_void_p, c_void_p, c_void_p)
    library.same_connection.argtypes = (c_void_p, c_uint32, c_void_p)
    for name in ("same_words", "same_avx2"):
        if hasattr(library, name):
            getattr(library, name).argtypes = (c_void_p,) * 3
    return library


def filled(structure: type[Any], seed: int) -> Any:
    """A structure full of anything; the texts of 16 seeds end everywhere in a block."""
    dice = random.Random(seed)  # noqa: S311
    raw = structure.from_buffer_copy(dice.randbytes(sizeof(structure)))
    for name, kind in structure._fields_:
        if name.startswith("sz"):
            text = getattr(raw, name)
            text[:] = [unit or 1 for unit in text]
            length = kind._length_ if seed == WORST else dice.choice((0, 16, 96)) + seed - 1
            if length < kind._length_:
                text[length] = 0
    return raw


def bytes_read(raw: Any, size: int) -> set[int]:
    """Where the bytes are that are read of its version of that size."""
    read: set[int] = set()
    for name, _ in raw._fields_[1:]:  # dwSize is the caller's
        field = getattr(type(raw), name)
        length = field.size
        if name.startswith("sz"):
            units = list(getattr(raw, name))
            length = 2 * (units.index(0) + 1) if 0 in units else length
        if field.offset + field.size <= size:
            read |= set(range(field.offset, field.offset + length))
    return read


def ways(library: ctypes.CDLL) -> Iterator[Any]:
    yield library.same_words
    if library.can_avx2():
        yield library.same_avx2


@pytest.mark.parametrize("seed", [WORST, *range(1, 17)])
@pytest.mark.parametrize(
    ("version", "status_version"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (1, 0), (5, 0)]
)
def test_every_byte_that_is_read_is_compared(seen_c, version, status_version, seed):
    """0 for a status that there is none of."""
    raw, status = filled(RASCONNW, seed), filled(RASCONNSTATUSW, seed)
    sizes = [0, *(size for _, size in RASCONNSTATUSW_VERSIONS)]
    memory = (c_uint8 * (seen_c.seen_size() + BLOCK))()
    seen = addressof(memory) + -addressof(memory) % BLOCK
    pointers = seen, addressof(raw), addressof(status)
    seen_c.see(version, status_version, *pointers[1:], seen)

    def answers() -> list[int]:
        return [way(*pointers) for way in ways(seen_c)]

    assert set(answers()) == {1}
    both = (raw, RASCONNW_VERSIONS[version - 1][1]), (status, sizes[status_version])
    for structure, size in both:
        read = bytes_read(structure, size)
        for offset in range(4, sizeof(structure)):
            byte = c_uint8.from_buffer(structure, offset)
            byte.value ^= 0x80
            found = answers()
            assert len(set(found)) == 1
            if offset in read:
                assert found[0] == 0, offset
            elif offset >= size:  # another element's
                assert found[0] == 1, offset
            if structure is raw:
                assert seen_c.same_connection(seen, version, addressof(raw)) == found[0]
            byte.value ^= 0x80
    assert set(answers()) == {1}
    if status_version:  # seen anew, the connection as it was
        status.dwError ^= 1
        assert set(answers()) == {0}
        seen_c.see(version, status_version, None, addressof(status), seen)
        assert set(answers()) == {1}
        raw.hrasconn = None
        assert set(answers()) == {0}
    assert not seen_c.same_connection(seen, version + 1, addressof(raw))
