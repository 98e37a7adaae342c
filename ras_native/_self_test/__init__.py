"""What a rasapi32 answers, asked with raw ctypes calls that know nothing of the backends.

`CONTRACT` are checks that any real rasapi32 must pass, best with no VPN configured; each says
what it rests on. `QUESTIONS` are what no document answers: they have no right answer, their raw
answers are what a report is for. No check touches a connection that exists.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

from .._backend.layout import (
    RASCONNA_VERSIONS,
    RASCONNSTATUSW_VERSIONS,
    RASCONNW,
    RASCONNW_VERSIONS,
)
from .._errors import code_name
from . import risky, winsock
from .raw import (
    ALL_FLAGS,
    CANARY,
    EVERY_CONNECTION,
    NO_HANDLE,
    ROOM,
    Answer,
    Raw,
    load,
    new_event_to_set,
)

_GONE = (6, 668)


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
    capacity = ROOM * size
    answer, buffer = raw.enumerate(size, capacity)
    raw.expect_code(answer, 0)
    count, filled = answer.number("count"), answer.number("bytes")
    raw.expect(0 <= count <= ROOM, f"{answer}; no count that the buffer can hold")
    raw.expect(filled == count * size, f"{answer}; {count} of {size} bytes are not {filled}")
    raw.expect(set(buffer[capacity:]) == {CANARY}, f"{answer}; it wrote beyond the buffer")


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
        for flags in (1, 2, 4, 8, ALL_FLAGS):
            with new_event_to_set() as event:
                raw.expect_code(
                    raw.notify(EVERY_CONNECTION, event.for_provider, flags, ansi=ansi), 0
                )


@_contract("Registration goes on after many events were closed", "documented: closing is all")
def _notification_many(raw: Raw) -> None:
    for _ in range(100):
        with new_event_to_set() as event:
            answer = raw.notify(EVERY_CONNECTION, event.for_provider, ALL_FLAGS)
        if answer.code:
            raw.expect_code(answer, 0)
            break
    del raw.answers[1:-1]


# The open questions


@_question("RasEnumConnections with NULL lpcb or count", "1")
def _null_lpcb(raw: Raw) -> None:
    raw.answers += risky.ask(
        ["enum_null_lpcb", "enum_null_count", "enum_null_lpcb_with_buffer"], raw.path
    )


@_question("What count holds after ERROR_BUFFER_TOO_SMALL", "2")
def _count_when_too_small(raw: Raw) -> None:
    size = _accepted_size(raw)
    for capacity in (0, 4, size - 1):
        raw.enumerate(size, capacity)


@_question("Which version the bytes of a call without a buffer are for", "3")
def _sizing_version(raw: Raw) -> None:
    for capacity in (0, _OLDEST_RASCONN, ROOM * _NEWEST_RASCONN):
        raw.enumerate(None, capacity)
    raw.enumerate(_accepted_size(raw))


@_question("RasGetConnectStatus: 632, 87 or 6 first", "4")
def _status_order(raw: Raw) -> None:
    sizes = [size for _, size in RASCONNSTATUSW_VERSIONS]
    for size in (0, sizes[0] - 1, sizes[0] + 4, *sizes):
        raw.status(NO_HANDLE, size)
    raw.status(0, 0)
    raw.answers += risky.ask(["status_null", "status_null_handle_and_null"], raw.path)
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
    with new_event_to_set() as event:
        for flags in (0, 0x40, 0x80, 0x8000_0001):
            raw.notify(EVERY_CONNECTION, event.for_provider, flags)
        for handle in (0, NO_HANDLE):
            raw.notify(handle, event.for_provider, 2)
    raw.answers += risky.ask(["notify_null_event", "notify_closed_event"], raw.path)


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


def run(path: str | None, *, beyond_loopback: bool = False) -> list[Finding]:
    """Every check, then every question, on the library at `path`."""
    library = load(path)
    return [
        check.run(library, path, beyond_loopback=beyond_loopback)
        for check in (*CONTRACT, *QUESTIONS)
    ]
