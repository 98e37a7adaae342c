"""csrc/shim/ready.h finds a socket in select's report in constant time."""

from __future__ import annotations

import ctypes
import random
from typing import Any

import pytest
from cc import SUPPORT, compiled

pytestmark = pytest.mark.posix_only("it is compiled with cc; elsewhere the suite asks the module")

MOST = 65_536  # RN_MAX_CONCURRENCY
NOT_READY, CONNECTED, FAILED = 0, 1, 2


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Any:
    library = ctypes.CDLL(str(compiled(SUPPORT / "ready.c", tmp_path_factory.mktemp("ready"))))
    library.record_and_ask.restype = ctypes.c_uint64

    def record_and_ask(
        reported: list[tuple[int, int]], asked: list[int], capacity: int = MOST
    ) -> tuple[int, list[int]]:
        numbers = lambda values: (ctypes.c_uint64 * max(1, len(values)))(*values)  # noqa: E731
        answers = numbers([9] * len(asked))
        sockets, states = ([item[i] for item in reported] for i in (0, 1))
        probes = library.record_and_ask(
            *(capacity, numbers(sockets), numbers(states), len(reported)),
            *(numbers(asked), len(asked), answers),
        )
        return probes, list(answers[: len(asked)])

    return record_and_ask


def handles(kind: str, count: int) -> list[int]:
    """Make socket handles like those of Windows, and unlikely ones."""
    dice = random.Random(7)  # noqa: S311
    step = {"multiples of 4": 4, "neighbours": 1, "multiples of 2**16": 1 << 16}.get(kind)
    if step:
        return [step * (i + 1) for i in range(count)]
    return dice.sample(range(1, 1 << 40), count)


KINDS = ("multiples of 4", "neighbours", "multiples of 2**16", "anywhere")


@pytest.mark.parametrize("kind", KINDS)
def test_work_is_linear(table, kind):
    """All of 65,536 sockets are reported, in any order: each costs only a few probes."""
    sockets = handles(kind, MOST)
    reported = [(socket, CONNECTED) for socket in sockets]
    random.Random(1).shuffle(reported)  # noqa: S311
    probes, answers = table(reported, sockets)
    assert answers == [CONNECTED] * MOST
    assert probes < 2 * 3 * MOST  # each socket is stored once and looked up once


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 63, 64, 65, 4000])
def test_finds_what_was_reported_and_nothing_else(table, kind, count):
    sockets = handles(kind, 2 * count + 1)
    reported = [(socket, FAILED if i % 3 else CONNECTED) for i, socket in enumerate(sockets[::2])]
    expected = dict(reported)
    _, answers = table(reported, sockets, len(reported))
    assert answers == [expected.get(socket, NOT_READY) for socket in sockets]


def test_a_socket_in_both_sets_has_failed(table):
    _, answers = table([(4, CONNECTED), (8, CONNECTED), (4, FAILED)], [4, 8, 12], 3)
    assert answers == [FAILED, CONNECTED, NOT_READY]
