"""The self-test: calls a rasapi32 directly, without the backends, and reports its answers.

Only the questions of `live` use Ras and EventLog.

Each check of `CONTRACT` must pass on every rasapi32, and names its source. If possible, run them
while there is no VPN connection. No document answers the `QUESTIONS`: any answer is right, and the
report shows it. No check changes an existing connection.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from ctypes import sizeof
from typing import Any, NamedTuple

from .._backend import codes
from .._backend.contract import GONE_CODES
from .._backend.ctypes_os import SEARCH_SYSTEM32
from .._backend.layout import (
    RAS_PROJECTION_INFO,
    RASCONNA_VERSIONS,
    RASCONNSTATUSW_VERSIONS,
    RASCONNW,
    RASCONNW_VERSIONS,
)
from .._check import EVERY_CONNECTION
from .._explain import error_name
from . import live, risky, winsock
from .raw import (
    ALL_FLAGS,
    CANARY,
    CAPACITY,
    NO_HANDLE,
    WRONG_SIZE,
    Answer,
    Raw,
    load,
    new_event_to_set,
)

_COMMON = (
    codes.PENDING,
    codes.ERROR_BUFFER_TOO_SMALL,
    codes.ERROR_CANNOT_FIND_PHONEBOOK_ENTRY,
    codes.ERROR_INVALID_SIZE,
    codes.ERROR_PORT_NOT_AVAILABLE,
    codes.ERROR_NO_CONNECTION,
    codes.ERROR_AUTHENTICATION_FAILURE,
    codes.ERROR_RASMAN_CANNOT_INITIALIZE,
)
_OPTIONAL = (
    "RasConnectionNotificationW",
    "RasConnectionNotificationA",
    "RasGetSubEntryHandleW",
    "RasGetErrorStringW",
)


class Finding(NamedTuple):
    """The result of one check or question."""

    id: str
    title: str
    source: str
    """Why the check must pass, or the number of the open question."""
    passed: bool | None
    """None for a question: any answer is right."""
    problems: list[str]
    answers: list[Answer]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        answers = [
            {**answer._asdict(), "name": error_name(answer.code) if answer.code else ""}
            for answer in self.answers
        ]
        return {**self._asdict(), "answers": answers}


class Identity(NamedTuple):
    """The name of a library, and the functions that it has."""

    name: str
    """ "the simulator", "Windows' own", "Wine's stub" or "another library"."""
    functions: dict[str, bool]
    """For each function that a rasapi32 may lack: whether this library has it."""


class Check(NamedTuple):
    """One check or question."""

    id: str
    title: str
    source: str
    ask: Callable[[Raw], None]
    is_question: bool

    def run(
        self,
        library: ctypes.CDLL,
        path: str | None,
        *,
        beyond_loopback: bool = False,
        watch_end: float | None = None,
    ) -> Finding:
        """Make the calls and judge the answers."""
        raw = Raw(library, path, beyond_loopback=beyond_loopback, watch_end=watch_end)
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
_PROJECTION = sizeof(RAS_PROJECTION_INFO)
_PROJECTION_CALLS = (  # versions and sizes
    *((version, _PROJECTION) for version in (0, 3, 4, 5)),
    *((4, size) for size in (0, _PROJECTION - 1, _PROJECTION + 1, 4096)),
)
_OLDEST_STATUS = RASCONNSTATUSW_VERSIONS[-1][1]


@_contract("A call without a buffer returns the size needed", "documented: code 0 or 603")
def _sizing(raw: Raw) -> None:
    answer, _ = raw.enumerate(None)
    raw.expect_code(answer, 0, codes.ERROR_BUFFER_TOO_SMALL)
    if answer.code == 0:
        none = answer.number("count") == 0
        raw.expect(none, f"{answer}; code 0 without a buffer means that there is no connection")
    else:
        raw.expect(answer.number("bytes") > 0, f"{answer}; it must return the size needed")


@_contract(
    "An enumeration sets count and bytes, and writes nothing beyond its buffer", "documented"
)
def _enumeration(raw: Raw) -> None:
    size = raw.accepted_size()
    capacity = CAPACITY * size
    answer, buffer = raw.enumerate(size, capacity)
    raw.expect_code(answer, 0)
    count, filled = answer.number("count"), answer.number("bytes")
    raw.expect(0 <= count <= CAPACITY, f"{answer}; the buffer cannot hold that many")
    raw.expect(
        filled == count * size,
        f"{answer}; {count} structures of {size} bytes are not {filled} bytes",
    )
    raw.expect(set(buffer[capacity:]) == {CANARY}, f"{answer}; it wrote beyond the buffer")


@_contract("Two enumerations and the A function return the same count", "documented")
def _counts(raw: Raw) -> None:
    wide, narrow = RASCONNW_VERSIONS[-1][1], RASCONNA_VERSIONS[-1][1]
    answers = [raw.enumerate(wide), raw.enumerate(wide), raw.enumerate(narrow, ansi=True)]
    for answer, _ in answers:
        raw.expect_code(answer, 0)
    counts = {answer.number("count") for answer, _ in answers}
    raw.expect(
        len(counts) == 1, f"the counts differ: {counts}; did a connection begin or end meanwhile?"
    )


@_contract("The oldest RASCONN is accepted", ".NET uses it on every Windows")
def _oldest_version(raw: Raw) -> None:
    answer, _ = raw.enumerate(_OLDEST_RASCONN)
    raw.expect_code(answer, 0)


@_contract("A dwSize that no version has is refused", "tests of a related project on real Windows")
def _bad_versions(raw: Raw) -> None:
    for size in (0, _OLDEST_RASCONN - 1, _OLDEST_RASCONN + 1, _NEWEST_RASCONN + 4096):
        answer, _ = raw.enumerate(size)
        raw.expect_code(answer, *WRONG_SIZE)


@_contract("The status of an invalid handle is refused", "documented")
def _bad_status_handles(raw: Raw) -> None:
    for handle in (0, NO_HANDLE):
        raw.expect_code(raw.status(handle, _OLDEST_STATUS), *GONE_CODES)


@_contract("Hanging up an invalid handle is refused", "documented; 668 was observed")
def _bad_hang_up_handles(raw: Raw) -> None:
    for handle in (0, NO_HANDLE):
        raw.expect_code(raw.hang_up(handle), *GONE_CODES)


@_contract("Every common code has a text", "documented: 512 characters are always enough")
def _error_strings(raw: Raw) -> None:
    for code in _COMMON:
        answer, text = raw.error_string(code, 512)
        raw.expect_code(answer, 0)
        raw.expect(bool(text.strip()), f"{answer}; the text is empty")


@_contract("A text that does not fit is refused with 122", "documented")
def _short_error_string(raw: Raw) -> None:
    answer, _ = raw.error_string(codes.ERROR_INVALID_SIZE, 2)
    raw.expect_code(answer, codes.ERROR_INSUFFICIENT_BUFFER, codes.ERROR_BUFFER_TOO_SMALL)


@_contract("Events can be registered for all connections", "documented")
def _notification(raw: Raw) -> None:
    for ansi in (False, True):
        for flags in (1, 2, 4, 8, ALL_FLAGS):
            with new_event_to_set() as event:
                raw.expect_code(
                    raw.notify(EVERY_CONNECTION, event.for_provider, flags, ansi=ansi), 0
                )


@_contract("Events can be registered after many were closed", "documented: no call unregisters")
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


@_question("The value of count after ERROR_BUFFER_TOO_SMALL", "2")
def _count_when_too_small(raw: Raw) -> None:
    size = raw.accepted_size()
    for capacity in (0, 4, size - 1):
        raw.enumerate(size, capacity)


@_question("The version whose size a call without a buffer returns", "3")
def _sizing_version(raw: Raw) -> None:
    for capacity in (0, _OLDEST_RASCONN, CAPACITY * _NEWEST_RASCONN):
        raw.enumerate(None, capacity)
    raw.enumerate(raw.accepted_size())


@_question("RasGetConnectStatus: which of 632, 87 and 6 comes first", "4")
def _status_order(raw: Raw) -> None:
    sizes = [size for _, size in RASCONNSTATUSW_VERSIONS]
    for size in (0, sizes[0] - 1, sizes[0] + 4, *sizes):
        raw.status(NO_HANDLE, size)
    raw.status(0, 0)
    raw.answers += risky.ask(["status_null", "status_null_handle_and_null"], raw.path)
    for handle in _existing_handles(raw):
        raw.status(handle, 0, "an existing connection")


def _existing_handles(raw: Raw) -> list[int]:
    """Return the handle of an existing connection, if any. The caller only reads its status."""
    answer, buffer = raw.enumerate(raw.accepted_size())
    if answer.code or answer.number("count") < 1:
        return []
    return [RASCONNW.from_buffer_copy(buffer).hrasconn or 0]


@_question("RasHangUp: 6 or 668 (tried only with invalid handles)", "5")
def _hang_up_code(raw: Raw) -> None:
    for handle in (0, NO_HANDLE, NO_HANDLE, EVERY_CONNECTION):
        raw.hang_up(handle)


@_question("Which references count (not tried: two programs would have to dial)", "6")
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


@_question(
    "RasGetProjectionInfoEx: its sizes and versions, and where its lists are", "RAS_PROJECTION_INFO"
)
def _projection(raw: Raw) -> None:
    for handle in (*_existing_handles(raw), NO_HANDLE):
        label = "" if handle == NO_HANDLE else "an existing connection"
        raw.projection(handle, None, label=label)
        for version, capacity in _PROJECTION_CALLS:
            raw.projection(handle, version, capacity, label)


@_question("WSAConnect: port 0", "8, row 13")
def _wsa_port_0(raw: Raw) -> None:
    raw.answers += winsock.port_0()


@_question("WSAConnect on a datagram socket: AF_INET with 0.0.0.0", "8, row 18")
def _wsa_unconnect(raw: Raw) -> None:
    raw.answers += winsock.unconnect()


@_question("WSAConnect with caller data", "8, row 25")
def _wsa_caller_data(raw: Raw) -> None:
    raw.answers += winsock.caller_data()


@_question("WSAConnect with GQOS, and with an SQOS that is too large", "8, row 27")
def _wsa_qos(raw: Raw) -> None:
    raw.answers += winsock.qos()


@_question("WSAConnect to a broadcast and a multicast address", "8, row 31")
def _wsa_broadcast(raw: Raw) -> None:
    if raw.beyond_loopback:
        raw.answers += winsock.broadcast()
    else:
        raw.answers.append(Answer("WSAConnect", None, {}, "not tried: add --beyond-loopback"))


_question("Whether the event log has the correlation ids of RASCONN", "9")(live.correlation_ids)
_question("The order of notification, list and event 20226", "10")(live.end_of_a_connection)
_question("Which connections this session sees", "11")(live.visible_connections)
_question("Whether connections of VPN apps are listed", "12")(live.app_connections)
_question("What one call of each function costs", "13")(live.costs)


def identify(path: str | None) -> Identity:
    """Identify the library at `path`; None is System32's rasapi32.

    Raises ProviderError if it cannot be loaded.
    """
    library = load(path)
    if hasattr(library, "rassim_identity"):
        name = "the simulator"
    elif path is not None:
        name = "another library"
    else:
        name = "Wine's stub" if _is_wine() else "Windows' own"
    return Identity(name, {function: hasattr(library, function) for function in _OPTIONAL})


def _is_wine() -> bool:
    if sys.platform != "win32":
        return False
    return hasattr(ctypes.WinDLL("ntdll.dll", winmode=SEARCH_SYSTEM32), "wine_get_version")


def run(
    path: str | None, *, beyond_loopback: bool = False, watch_end: float | None = None
) -> list[Finding]:
    """Run all checks and then all questions on the library at `path`; None is System32's rasapi32.

    Raises ProviderError if it cannot be loaded.
    """
    library = load(path)
    return [
        check.run(library, path, beyond_loopback=beyond_loopback, watch_end=watch_end)
        for check in (*CONTRACT, *QUESTIONS)
    ]
