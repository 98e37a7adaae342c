"""What a rasapi32 answers, asked with raw ctypes calls that know nothing of the backends.

`CONTRACT` are checks that any real rasapi32 must pass, best with no VPN configured; each says
what it rests on. `QUESTIONS` are what no document answers: they have no right answer, their raw
answers are what a report is for. No check touches a connection that exists.

A call that may crash is made in a process of its own: `python -m ras_native._self_test`.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import byref, c_uint16, c_uint32, c_void_p, sizeof
from pathlib import Path
from typing import Any, NamedTuple

from . import _self_test_winsock as winsock
from ._answer import Answer
from ._ctypes_os import new_event, open_library
from ._errors import ProviderError, code_name
from ._layout import (
    RASCONNA_VERSIONS,
    RASCONNSTATUSW,
    RASCONNSTATUSW_VERSIONS,
    RASCONNW,
    RASCONNW_VERSIONS,
)

_UNTOUCHED = 0xDEADBEEF  # what outputs hold before a call
NO_HANDLE = 0x7FFF_FFF0  # as good as never a connection's
EVERY_CONNECTION = (1 << 8 * sizeof(c_void_p)) - 1
_RISKY_SECONDS = 20.0
_CANARY = 0xA5
_ROOM = 256  # structures in the buffers of enumerations
_ALL_FLAGS = 0x3F
_GONE = (6, 668)


def _outputs(**values: c_uint32) -> dict[str, int | str]:
    return {
        name: "untouched" if value.value == _UNTOUCHED else value.value
        for name, value in values.items()
    }


class Raw:
    """The functions of a library with rasapi32's ABI, and a record of what they answered."""

    def __init__(
        self, library: ctypes.CDLL, path: str | None = None, *, beyond_loopback: bool = False
    ) -> None:
        self._library = library
        self.path = path
        self.beyond_loopback = beyond_loopback
        self.answers: list[Answer] = []
        self.problems: list[str] = []

    def call(
        self,
        label: str,
        function: str,
        *arguments: Any,
        outputs: Callable[[], dict[str, int | str]] = dict,
    ) -> Answer:
        """Call a function that answers a DWORD; `outputs` reads what it wrote."""
        if not hasattr(self._library, function):
            answer = Answer(label, None, {}, "not exported")
        else:
            entry = self._library[function]
            entry.restype = c_uint32
            answer = _guarded(label, lambda: entry(*arguments), outputs)
        self.answers.append(answer)
        return answer

    def risky(self, *names: str) -> None:
        """Some of `RISKY`, in another process."""
        self.answers += _ask_elsewhere(names, self.path)

    def expect(self, condition: bool, problem: str) -> None:
        """What has to hold."""
        if not condition:
            self.problems.append(problem)

    def expect_code(self, answer: Answer, *codes: int) -> None:
        """An answer that has to be one of these."""
        wanted = " or ".join(str(code) for code in codes)
        self.expect(answer.code in codes, f"{answer}; {wanted} is documented")

    # The functions

    def enumerate(
        self, size: int | None, capacity: int | None = None, *, ansi: bool = False
    ) -> tuple[Answer, bytearray]:
        """RasEnumConnections with a buffer of `capacity` bytes whose dwSize is `size`.

        None as `size`: no buffer. The bytes beyond `capacity` are the canary's.
        """
        function = f"RasEnumConnections{'A' if ansi else 'W'}"
        room = _ROOM * sizeof(RASCONNW)
        capacity = (0 if size is None else room) if capacity is None else capacity
        buffer = bytearray([_CANARY]) * (room + 16)
        if size is not None:
            buffer[:4] = size.to_bytes(4, sys.byteorder)
        bytes_, count = c_uint32(capacity), c_uint32(_UNTOUCHED)
        answer = self.call(
            f"{function}({'NULL' if size is None else f'dwSize {size}'}, {capacity} bytes)",
            function,
            c_void_p() if size is None else (ctypes.c_uint8 * len(buffer)).from_buffer(buffer),
            byref(bytes_),
            byref(count),
            outputs=lambda: _outputs(bytes=bytes_, count=count),
        )
        return answer, buffer

    def status(self, handle: int, size: int, label: str = "") -> Answer:
        """RasGetConnectStatusW."""
        status = RASCONNSTATUSW(dwSize=size)
        return self.call(
            f"RasGetConnectStatusW({label or _handle_text(handle)}, dwSize {size})",
            "RasGetConnectStatusW",
            c_void_p(handle),
            byref(status),
        )

    def hang_up(self, handle: int) -> Answer:
        """RasHangUpW, of what is no connection."""
        return self.call(f"RasHangUpW({_handle_text(handle)})", "RasHangUpW", c_void_p(handle))

    def error_string(self, code: int, length: int) -> tuple[Answer, str]:
        """RasGetErrorStringW into `length` characters."""
        text = (c_uint16 * 512)(*[0xFFFF] * 512)
        answer = self.call(
            f"RasGetErrorStringW({code}, {length} characters)",
            "RasGetErrorStringW",
            c_uint32(code),
            text,
            c_uint32(length),
        )
        units = list(text)
        end = units.index(0) if 0 in units else 0
        return answer, "".join(map(chr, units[:end]))

    def notify(self, handle: int, event: int, flags: int, *, ansi: bool = False) -> Answer:
        """RasConnectionNotification."""
        function = f"RasConnectionNotification{'A' if ansi else 'W'}"
        return self.call(
            f"{function}({_handle_text(handle)}, {'event' if event else 'NULL'}, {flags:#x})",
            function,
            c_void_p(handle),
            c_void_p(event),
            c_uint32(flags),
        )


def _handle_text(handle: int) -> str:
    return {0: "NULL", EVERY_CONNECTION: "INVALID_HANDLE_VALUE"}.get(handle, f"{handle:#x}")


def _guarded(
    label: str, call: Callable[[], int], outputs: Callable[[], dict[str, int | str]]
) -> Answer:
    """On Windows ctypes makes an exception of an access violation."""
    try:
        code = call()
    except OSError as error:
        return Answer(label, None, {}, str(error).removeprefix("exception: "))
    return Answer(label, code, outputs())


@contextmanager
def _event() -> Iterator[Any]:
    _, os_error, event = new_event()
    if event is None:
        raise OSError(os_error, "the system has no event object left")
    yield event


# Checks and questions


class Finding(NamedTuple):
    """What one check found."""

    id: str
    title: str
    source: str
    """What it rests on, or the part of the open questions it answers."""
    passed: bool | None
    """None: a question, to which every answer is right."""
    problems: list[str]
    answers: list[Answer]

    def data(self) -> dict[str, Any]:
        """For JSON."""
        answers = [
            {**answer._asdict(), "name": code_name(answer.code) if answer.code else ""}
            for answer in self.answers
        ]
        return {**self._asdict(), "answers": answers}


class Check(NamedTuple):
    """One check or question."""

    id: str
    title: str
    source: str
    ask: Callable[[Raw], None]
    is_question: bool

    def run(
        self, library: ctypes.CDLL, path: str | None, *, beyond_loopback: bool = False
    ) -> Finding:
        """Make its calls."""
        raw = Raw(library, path, beyond_loopback=beyond_loopback)
        self.ask(raw)
        passed = None if self.is_question else not raw.problems
        return Finding(self.id, self.title, self.source, passed, raw.problems, raw.answers)


CONTRACT: list[Check] = []
QUESTIONS: list[Check] = []

_Ask = Callable[[Raw], None]


def _contract(title: str, source: str) -> Callable[[_Ask], _Ask]:
    def register(ask: _Ask) -> _Ask:
        CONTRACT.append(Check(ask.__name__.strip("_"), title, source, ask, is_question=False))
        return ask

    return register


def _question(title: str, source: str) -> Callable[[_Ask], _Ask]:
    def register(ask: _Ask) -> _Ask:
        QUESTIONS.append(Check(ask.__name__.strip("_"), title, source, ask, is_question=True))
        return ask

    return register


_NEWEST_RASCONN = RASCONNW_VERSIONS[0][1]
_OLDEST_RASCONN = RASCONNW_VERSIONS[-1][1]
_OLDEST_STATUS = RASCONNSTATUSW_VERSIONS[-1][1]


def _accepted_size(raw: Raw) -> int:
    """The newest RASCONN this system takes; every Windows takes the oldest."""
    for _, size in RASCONNW_VERSIONS:
        if raw.enumerate(size)[0].code not in (632, 610):
            return size
    return _OLDEST_RASCONN


@_contract("A call without a buffer tells the bytes needed", "documented; 0 with none, 603 else")
def _sizing(raw: Raw) -> None:
    answer, _ = raw.enumerate(None)
    raw.expect_code(answer, 0, 603)
    if answer.code == 0:
        none = answer.number("count") == 0
        raw.expect(none, f"{answer}; success without a buffer means no connection")
    else:
        raw.expect(answer.number("bytes") > 0, f"{answer}; the bytes needed are documented")


@_contract("An enumeration that fits fills count and bytes and nothing more", "documented")
def _enumeration(raw: Raw) -> None:
    size = _accepted_size(raw)
    capacity = _ROOM * size
    answer, buffer = raw.enumerate(size, capacity)
    raw.expect_code(answer, 0)
    count, filled = answer.number("count"), answer.number("bytes")
    raw.expect(0 <= count <= _ROOM, f"{answer}; no count that the buffer can hold")
    raw.expect(filled == count * size, f"{answer}; {count} of {size} bytes are not {filled}")
    raw.expect(set(buffer[capacity:]) == {_CANARY}, f"{answer}; it wrote beyond the buffer")


@_contract("Two enumerations, and the A and the W function, agree", "documented")
def _counts(raw: Raw) -> None:
    wide, narrow = RASCONNW_VERSIONS[-1][1], RASCONNA_VERSIONS[-1][1]
    asked = [raw.enumerate(wide), raw.enumerate(wide), raw.enumerate(narrow, ansi=True)]
    for answer, _ in asked:
        raw.expect_code(answer, 0)
    counts = {answer.number("count") for answer, _ in asked}
    raw.expect(len(counts) == 1, f"the counts differ: {counts}; was a connection just made?")


@_contract("The oldest RASCONN is accepted", "what .NET passes on every Windows")
def _oldest_version(raw: Raw) -> None:
    answer, _ = raw.enumerate(_OLDEST_RASCONN)
    raw.expect_code(answer, 0)


@_contract("A dwSize that names no version is refused", "tests of a sibling on real Windows")
def _bad_versions(raw: Raw) -> None:
    for size in (0, _OLDEST_RASCONN - 1, _OLDEST_RASCONN + 1, _NEWEST_RASCONN + 4096):
        answer, _ = raw.enumerate(size)
        raw.expect_code(answer, 632, 610)


@_contract("The status of what is no connection is an invalid handle", "documented")
def _bad_status_handles(raw: Raw) -> None:
    for handle in (0, NO_HANDLE):
        raw.expect_code(raw.status(handle, _OLDEST_STATUS), *_GONE)


@_contract("Hanging up what is no connection is an invalid handle", "documented; 668 seen")
def _bad_hang_up_handles(raw: Raw) -> None:
    for handle in (0, NO_HANDLE):
        raw.expect_code(raw.hang_up(handle), *_GONE)


@_contract("Every common code has a text", "documented; 512 characters always suffice")
def _error_strings(raw: Raw) -> None:
    for code in (600, 603, 623, 632, 633, 668, 691, 711):
        answer, text = raw.error_string(code, 512)
        raw.expect_code(answer, 0)
        raw.expect(bool(text.strip()), f"{answer}; the text is empty")


@_contract("A text that does not fit is refused with 122", "documented")
def _short_error_string(raw: Raw) -> None:
    raw.expect_code(raw.error_string(632, 2)[0], 122, 603)


@_contract("Events are registered for every connection, and closed", "documented")
def _notification(raw: Raw) -> None:
    for ansi in (False, True):
        for flags in (1, 2, 4, 8, _ALL_FLAGS):
            with _event() as event:
                raw.expect_code(
                    raw.notify(EVERY_CONNECTION, event.for_provider, flags, ansi=ansi), 0
                )


@_contract("Registration goes on after many events were closed", "documented: closing is all")
def _notification_many(raw: Raw) -> None:
    for _ in range(100):
        with _event() as event:
            answer = raw.notify(EVERY_CONNECTION, event.for_provider, _ALL_FLAGS)
        if answer.code:
            raw.expect_code(answer, 0)
            break
    del raw.answers[1:-1]


# The open questions


@_question("RasEnumConnections with NULL lpcb or count", "1")
def _null_lpcb(raw: Raw) -> None:
    raw.risky("enum_null_lpcb", "enum_null_count", "enum_null_lpcb_with_buffer")


@_question("What count holds after ERROR_BUFFER_TOO_SMALL", "2")
def _count_when_too_small(raw: Raw) -> None:
    size = _accepted_size(raw)
    for capacity in (0, 4, size - 1):
        raw.enumerate(size, capacity)


@_question("Which version the bytes of a call without a buffer are for", "3")
def _sizing_version(raw: Raw) -> None:
    for capacity in (0, _OLDEST_RASCONN, _ROOM * _NEWEST_RASCONN):
        raw.enumerate(None, capacity)
    raw.enumerate(_accepted_size(raw))


@_question("RasGetConnectStatus: 632, 87 or 6 first", "4")
def _status_order(raw: Raw) -> None:
    sizes = [size for _, size in RASCONNSTATUSW_VERSIONS]
    for size in (0, sizes[0] - 1, sizes[0] + 4, *sizes):
        raw.status(NO_HANDLE, size)
    raw.status(0, 0)
    raw.risky("status_null", "status_null_handle_and_null")
    for handle in _live_handles(raw):
        raw.status(handle, 0, "a live connection")


def _live_handles(raw: Raw) -> list[int]:
    """One handle of a connection there is; reading its status does it no harm."""
    answer, buffer = raw.enumerate(_accepted_size(raw))
    if answer.code or answer.number("count") < 1:
        return []
    return [RASCONNW.from_buffer_copy(buffer).hrasconn or 0]


@_question("RasHangUp: 6 or 668 (after a real hang-up: not asked, nothing is hung up)", "5")
def _hang_up_code(raw: Raw) -> None:
    for handle in (0, NO_HANDLE, NO_HANDLE, EVERY_CONNECTION):
        raw.hang_up(handle)


@_question("Whose references count (not asked: it takes two programs that dial)", "6")
def _references(_: Raw) -> None:
    pass


@_question("RasConnectionNotification with flags 0, unknown flags, no event, a bad handle", "7")
def _notification_arguments(raw: Raw) -> None:
    with _event() as event:
        for flags in (0, 0x40, 0x80, 0x8000_0001):
            raw.notify(EVERY_CONNECTION, event.for_provider, flags)
        for handle in (0, NO_HANDLE):
            raw.notify(handle, event.for_provider, 2)
    raw.risky("notify_null_event", "notify_closed_event")


@_question("WSAConnect: port 0", "8, row 13")
def _wsa_port_0(raw: Raw) -> None:
    raw.answers += winsock.port_0()


@_question("WSAConnect on a datagram socket: AF_INET with 0.0.0.0", "8, row 18")
def _wsa_unconnect(raw: Raw) -> None:
    raw.answers += winsock.unconnect()


@_question("WSAConnect with caller data", "8, row 25")
def _wsa_caller_data(raw: Raw) -> None:
    raw.answers += winsock.caller_data()


@_question("WSAConnect with GQOS, and with SQOS that cannot be had", "8, row 27")
def _wsa_qos(raw: Raw) -> None:
    raw.answers += winsock.qos()


@_question("WSAConnect to a broadcast and a multicast address", "8, row 31")
def _wsa_broadcast(raw: Raw) -> None:
    if raw.beyond_loopback:
        raw.answers += winsock.broadcast()
    else:
        raw.answers.append(Answer("WSAConnect", None, {}, "not asked: it takes --beyond-loopback"))


# What may crash: each in a process of its own


def _enum_null_lpcb(raw: Raw) -> Answer:
    count = c_uint32(_UNTOUCHED)
    return raw.call(
        "RasEnumConnectionsW(NULL, NULL, count)",
        "RasEnumConnectionsW",
        c_void_p(),
        c_void_p(),
        byref(count),
        outputs=lambda: _outputs(count=count),
    )


def _enum_null_count(raw: Raw) -> Answer:
    bytes_ = c_uint32(_UNTOUCHED)
    return raw.call(
        "RasEnumConnectionsW(NULL, bytes, NULL)",
        "RasEnumConnectionsW",
        c_void_p(),
        byref(bytes_),
        c_void_p(),
        outputs=lambda: _outputs(bytes=bytes_),
    )


def _enum_null_lpcb_with_buffer(raw: Raw) -> Answer:
    buffer, count = RASCONNW(dwSize=_OLDEST_RASCONN), c_uint32(_UNTOUCHED)
    return raw.call(
        f"RasEnumConnectionsW(dwSize {_OLDEST_RASCONN}, NULL, count)",
        "RasEnumConnectionsW",
        byref(buffer),
        c_void_p(),
        byref(count),
        outputs=lambda: _outputs(count=count),
    )


def _status_null(raw: Raw, handle: int = NO_HANDLE) -> Answer:
    return raw.call(
        f"RasGetConnectStatusW({_handle_text(handle)}, NULL)",
        "RasGetConnectStatusW",
        c_void_p(handle),
        c_void_p(),
    )


def _notify_closed_event(raw: Raw) -> Answer:
    with _event() as event:
        number = event.for_provider
    del event
    answer = raw.notify(EVERY_CONNECTION, number, _ALL_FLAGS)
    return answer._replace(call=answer.call.replace("event", "a closed event"))


RISKY: dict[str, Callable[[Raw], Answer]] = {
    "enum_null_lpcb": _enum_null_lpcb,
    "enum_null_count": _enum_null_count,
    "enum_null_lpcb_with_buffer": _enum_null_lpcb_with_buffer,
    "status_null": _status_null,
    "status_null_handle_and_null": lambda raw: _status_null(raw, 0),
    "notify_null_event": lambda raw: raw.notify(EVERY_CONNECTION, 0, _ALL_FLAGS),
    "notify_closed_event": _notify_closed_event,
}


def _ask_elsewhere(names: Sequence[str], path: str | None) -> list[Answer]:
    """Make the calls; each that ends its process costs one more."""
    answers: list[Answer] = []
    while len(answers) < len(names):
        given, fault = _ask_process(names[len(answers) :], path)
        answers += given
        if len(answers) < len(names):
            answers.append(Answer(names[len(answers)], None, {}, fault))
    return answers


def _ask_process(names: Sequence[str], path: str | None) -> tuple[list[Answer], str]:
    """What one process answered, in order, and how it ended."""
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter and this module
            [sys.executable, "-m", __name__, path or "", *names],
            cwd=Path(__file__).parent.parent,  # where the other process finds this very package
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_RISKY_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return _read_answers(late.stdout), f"no answer in {_RISKY_SECONDS:g} s"
    return _read_answers(done.stdout), _death(done.returncode)


def _read_answers(printed: bytes | None) -> list[Answer]:
    return [Answer(*json.loads(line)) for line in (printed or b"").splitlines()]


def _death(code: int) -> str:
    """What an exit code says of a process that crashed."""
    if code in (-11, 0xC0000005, 0xC0000005 - (1 << 32)):
        return "access violation, the process ended"
    return f"the process ended with {code:#x}" if code >= 0 else f"signal {-code} ended the process"


# Running


def load(path: str | None) -> ctypes.CDLL:
    """The library at `path`, None: System32's rasapi32. Raises ProviderError."""
    absolute = None if path is None else os.path.abspath(path)
    _, os_error, library = open_library(absolute)
    if library is None:
        raise ProviderError(path, "it cannot be loaded", os_error=os_error)
    return library


def run(path: str | None, *, beyond_loopback: bool = False) -> list[Finding]:
    """Every check, then every question, on the library at `path`."""
    library = load(path)
    return [
        check.run(library, path, beyond_loopback=beyond_loopback)
        for check in (*CONTRACT, *QUESTIONS)
    ]


def _main(path: str, *names: str) -> None:
    library = load(path or None)
    for name in names:
        print(json.dumps(RISKY[name](Raw(library))), flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
