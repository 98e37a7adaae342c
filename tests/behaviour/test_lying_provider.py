"""Both backends get the same wrong answers, and must give the same results and errors."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

import pytest

from ras_native import Ras

STEPS = int(os.environ.get("RAS_NATIVE_LIES", "600"))  # set more for a longer run
LIFE = 100  # steps before it opens a new provider, because versions are negotiated once
OLDEST = 4  # the last of RASCONN's versions


def wait_gone(ras: Ras, handle: int) -> tuple[int, int]:
    """Call the backend: after Ras.hang_up the interpreter would wait at its exit."""
    provider = ras._provider
    assert provider is not None
    return provider.hang_up(handle), provider.wait_gone(handle, 0)


ASKS: tuple[Callable[[Ras, int], object], ...] = (
    lambda ras, handle: ras.get_connect_status(handle),
    lambda ras, handle: ras.wait_for_state(handle, timeout=0),
    lambda ras, handle: ras.wait_for_state(handle, (4, 24), timeout=0),
    lambda ras, handle: ras.get_subentry_handle(handle, handle),
    lambda ras, handle: ras.get_error_string(handle),
    lambda ras, handle: ras.get_projection_info(handle),
    lambda ras, handle: ras.connection_notification(handle).close(),
    wait_gone,
)


class Witness:
    """Records the answers of one backend."""

    def __init__(self, liar: ctypes.CDLL, backend: str) -> None:
        self.ras = Ras(liar._name, backend=backend)
        self.last: dict[str, object] = {}

    def list_(self, name: str) -> str:
        """Return its list or its error, and whether it is the same object as the last one."""
        try:
            listed = getattr(self.ras, name)()
        except Exception as error:  # noqa: BLE001 - both must raise the same
            return repr(error)
        same = listed is self.last.get(name)
        self.last[name] = listed
        return f"{same} {listed!r}"

    def ask(self, question: int, handle: int) -> str:
        """Return its answer or its error."""
        try:
            return repr(ASKS[question](self.ras, handle))
        except Exception as error:  # noqa: BLE001 - both must raise the same
            return repr(error)

    def testify(self, step: int) -> list[str]:
        """Return all its answers in one step."""
        lists = [self.list_("enum_connections"), self.list_("snapshot")]
        answer = self.ask(step % len(ASKS), 1 + step // len(ASKS) % 11)
        return [*lists, answer, repr(self.ras.sizes)]


@pytest.mark.parametrize("seed", [1, 2])
def test_both_backends_say_the_same_of_the_same_lies(
    liar: ctypes.CDLL, both_backends: tuple[str, ...], seed: int
) -> None:
    for first in range(0, STEPS, LIFE):
        witnesses = [Witness(liar, backend) for backend in both_backends]
        for step in range(first, min(first + LIFE, STEPS)):
            # some providers accept older versions over time, as if another provider replaced them
            newest = min(OLDEST, (step - first) * (first // LIFE % (OLDEST + 2)) // LIFE)
            said = []
            for witness in witnesses:
                liar.lie_about(seed, step, newest)
                said.append(witness.testify(step))
            assert said[0] == said[1], f"seed {seed}, step {step}"
        for witness in witnesses:
            witness.ras.close()
