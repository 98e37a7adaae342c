"""Calls that may crash: the self-test makes them in another process.

That process runs this module with the path of the provider and the names of the calls.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from ctypes import byref, c_uint32, c_void_p
from pathlib import Path

from .._backend.layout import RASCONNW, RASCONNW_VERSIONS
from .._check import EVERY_CONNECTION
from .raw import (
    ALL_FLAGS,
    NO_HANDLE,
    UNTOUCHED,
    Answer,
    Raw,
    handle_text,
    load,
    new_event_to_set,
    outputs_of,
)

_SECONDS = 20.0
_NOT_IN_A_FROZEN_PROGRAM = (
    "not tried: a frozen program has no Python for the other process; run the self-test with an "
    "installed Python"
)
_OLDEST = RASCONNW_VERSIONS[-1][1]


def _enum_null_lpcb(raw: Raw) -> Answer:
    count = c_uint32(UNTOUCHED)
    return raw.call(
        "RasEnumConnectionsW(NULL, NULL, count)",
        "RasEnumConnectionsW",
        c_void_p(),
        c_void_p(),
        byref(count),
        outputs=lambda: outputs_of(count=count),
    )


def _enum_null_count(raw: Raw) -> Answer:
    bytes_ = c_uint32(UNTOUCHED)
    return raw.call(
        "RasEnumConnectionsW(NULL, bytes, NULL)",
        "RasEnumConnectionsW",
        c_void_p(),
        byref(bytes_),
        c_void_p(),
        outputs=lambda: outputs_of(bytes=bytes_),
    )


def _enum_null_lpcb_with_buffer(raw: Raw) -> Answer:
    buffer, count = RASCONNW(dwSize=_OLDEST), c_uint32(UNTOUCHED)
    return raw.call(
        f"RasEnumConnectionsW(dwSize {_OLDEST}, NULL, count)",
        "RasEnumConnectionsW",
        byref(buffer),
        c_void_p(),
        byref(count),
        outputs=lambda: outputs_of(count=count),
    )


def _status_null(raw: Raw, handle: int = NO_HANDLE) -> Answer:
    return raw.call(
        f"RasGetConnectStatusW({handle_text(handle)}, NULL)",
        "RasGetConnectStatusW",
        c_void_p(handle),
        c_void_p(),
    )


def _notify_closed_event(raw: Raw) -> Answer:
    with new_event_to_set() as event:
        number = event.for_provider
    del event
    answer = raw.notify(EVERY_CONNECTION, number, ALL_FLAGS)
    return answer._replace(call=answer.call.replace("event", "a closed event"))


RISKY: dict[str, Callable[[Raw], Answer]] = {
    "enum_null_lpcb": _enum_null_lpcb,
    "enum_null_count": _enum_null_count,
    "enum_null_lpcb_with_buffer": _enum_null_lpcb_with_buffer,
    "status_null": _status_null,
    "status_null_handle_and_null": lambda raw: _status_null(raw, 0),
    "notify_null_event": lambda raw: raw.notify(EVERY_CONNECTION, 0, ALL_FLAGS),
    "notify_closed_event": _notify_closed_event,
}


def ask(names: Sequence[str], path: str | None) -> list[Answer]:
    """Make the calls in another process; after a crash, a new process makes the remaining calls."""
    if _is_frozen():
        return [Answer(name, None, {}, _NOT_IN_A_FROZEN_PROGRAM) for name in names]
    answers: list[Answer] = []
    while len(answers) < len(names):
        part, fault = _ask_process(names[len(answers) :], path)
        answers += part
        if len(answers) < len(names):
            answers.append(Answer(names[len(answers)], None, {}, fault))
    return answers


def _is_frozen() -> bool:
    """Whether `sys.executable` is the user's program; it would run again instead of this module.

    PyInstaller, cx_Freeze and py2exe set `sys.frozen`. Nuitka gives each module `__compiled__`.
    """
    return bool(getattr(sys, "frozen", False)) or "__compiled__" in globals()


def _ask_process(names: Sequence[str], path: str | None) -> tuple[list[Answer], str]:
    """Return the answers of one process, in order, and how it ended."""
    try:
        done = subprocess.run(  # noqa: S603 - it runs this interpreter and this module
            [sys.executable, "-m", __name__, path or "", *names],
            cwd=Path(__file__).parents[2],  # the process imports this package from there
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as timeout:
        return _read_answers(timeout.stdout), f"no answer in {_SECONDS:g} s"
    return _read_answers(done.stdout), _exit_text(done.returncode)


def _read_answers(printed: bytes | None) -> list[Answer]:
    return [Answer(*json.loads(line)) for line in (printed or b"").splitlines()]


def _exit_text(code: int) -> str:
    """Describe the exit code of a process that crashed."""
    if code in (-11, 0xC0000005, 0xC0000005 - (1 << 32)):
        return "access violation, the process ended"
    return f"the process ended with {code:#x}" if code >= 0 else f"signal {-code} ended the process"


def _main(path: str, *names: str) -> None:
    library = load(path or None)
    for name in names:
        print(json.dumps(RISKY[name](Raw(library))), flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
