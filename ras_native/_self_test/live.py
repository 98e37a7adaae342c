"""Questions about the connections of this system, and about what the event log says of them.

They only look. The answers have numbers, but no name, user, address or id.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from ctypes import byref, c_int, c_uint16, c_uint32, c_void_p, sizeof
from datetime import datetime, timedelta, timezone
from functools import wraps
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from .. import Connection, Ras
from .._backend import codes
from .._backend.ctypes_os import SEARCH_SYSTEM32
from .._backend.layout import (
    RAS_PROJECTION_INFO,
    RAS_STATS,
    RASAPIVERSION_601,
    RASCONNSTATUSW,
    RASCONNSTATUSW_VERSIONS,
    RASCONNW,
    RN_E_CANCELLED,
    RASCN_Disconnection,
)
from .._check import EVERY_CONNECTION
from ..event_log import EventLog, LogEvent
from ..event_log._records import CONNECTED, DISCONNECTED
from .raw import CAPACITY, Answer, Raw, new_event_to_set

CALLS = 1000
_MOST_SECONDS = 2.0  # for the calls of one function
_MOST_READS = 64  # of 256 events each
_MOST_PHONEBOOKS = 1000
_SLICE_NS = 10_000_000
_SECONDS_AFTER_END = 30.0

_WITH_WATCH = "it needs a connection that ends: add --watch-end SECONDS, and then disconnect one"


Connections = tuple[Connection, ...]


def _asked(ask: Callable[[Raw, Connections], None]) -> Callable[[Raw], None]:
    """Give the question the connections; if there is nothing to look at, say why."""

    @wraps(ask)
    def run(raw: Raw) -> None:
        try:
            with Ras(raw.path, backend="ctypes") as ras:
                ask(raw, ras.enum_connections())
        except OSError as error:
            _not_asked(raw, str(error))

    return run


def _not_asked(raw: Raw, why: str) -> None:
    """Record why the question was not asked."""
    raw.answers.append(Answer("not asked", None, {}, f"because {why}"))


def _tell(raw: Raw, what: str, **outputs: int | str) -> None:
    raw.answers.append(Answer(what, None, outputs))


def _past_events(raw: Raw) -> list[LogEvent]:
    """Return what RAS wrote into the log so far, up to a bounded number of the oldest events."""
    events: list[LogEvent] = []
    with EventLog(raw.path, backend="ctypes", past=True) as log:
        for _ in range(_MOST_READS):
            read = log.read()
            if read.error is not None:
                raise read.error
            events += read.events
            if not log.wait(0):
                break
    return events


@_asked
def correlation_ids(raw: Raw, connections: Connections) -> None:
    """Count the listed connections whose correlation id is in the event log."""
    if not connections:
        return _not_asked(raw, "no connection is up")
    logged = {event.correlation_id for event in _past_events(raw)} - {None}
    listed = [connection.correlation_id for connection in connections]
    return _tell(
        raw,
        "the correlation ids of listed connections",
        connections=len(listed),
        with_an_id=len(listed) - listed.count(None),
        also_in_the_log=sum(each in logged for each in listed),
        ids_in_the_log=len(logged),
    )


@_asked
def end_of_a_connection(raw: Raw, connections: Connections) -> None:
    """Measure in which order the notification, the list and event 20226 tell of an end."""
    if raw.watch_end is None:
        return _not_asked(raw, _WITH_WATCH)
    if not connections:
        return _not_asked(raw, "no connection is up")
    seen = _watch_end(raw, {connection.handle for connection in connections})
    if not seen:
        return _not_asked(raw, f"no connection ended within {raw.watch_end:g} seconds")
    first = min(seen.values())
    return _tell(
        raw,
        "milliseconds after the first sign of the end",
        **{name: round((moment - first) / 1e6) for name, moment in sorted(seen.items())},
        never=", ".join(sorted({"notification", "list", "event"} - seen.keys())) or "none",
    )


def _watch_end(raw: Raw, handles: set[int]) -> dict[str, int]:
    """Return the moment of each sign of an end, in nanoseconds."""
    seen: dict[str, int] = {}
    deadline = time.perf_counter() + (raw.watch_end or 0)
    with (
        new_event_to_set() as event,
        EventLog(raw.path, backend="ctypes") as log,
        Ras(raw.path, backend="ctypes") as ras,
    ):
        raw.notify(EVERY_CONNECTION, event.for_provider, RASCN_Disconnection)
        while len(seen) < 3 and time.perf_counter() < deadline:
            code = log._wait_slice(None if "notification" in seen else event, _SLICE_NS)
            now = time.perf_counter_ns()
            if code == RN_E_CANCELLED:
                seen["notification"] = now
            elif any(each.event_id == DISCONNECTED for each in log.read().events):
                seen.setdefault("event", now)
            if handles - {connection.handle for connection in ras.enum_connections()}:
                seen.setdefault("list", time.perf_counter_ns())
            if len(seen) == 1:
                deadline = min(deadline, time.perf_counter() + _SECONDS_AFTER_END)
    return seen


@_asked
def visible_connections(raw: Raw, connections: Connections) -> None:
    """Count the connections that this session sees, and those that only the log knows."""
    _tell(raw, "this session", **_session())
    flags = Counter(
        "none" if connection.flags is None else f"{connection.flags:#x}"
        for connection in connections
    )
    counts = {f"flags_{name}": number for name, number in sorted(flags.items())}
    _tell(raw, "listed connections", connections=len(connections), **counts)
    hidden = _up_in_the_log(_past_events(raw)) - {each.correlation_id for each in connections}
    _tell(raw, "connected as the event log says, but not listed", connections=len(hidden))


def _up_in_the_log(events: list[LogEvent]) -> set[UUID]:
    """Return the ids of the connections that began since the system started and did not end."""
    start = datetime.now(timezone.utc) - timedelta(seconds=time.monotonic())
    up: set[UUID] = set()
    for event in events:
        if event.correlation_id is None or event.time < start:
            continue
        if event.event_id == CONNECTED:
            up.add(event.correlation_id)
        elif event.event_id == DISCONNECTED:
            up.discard(event.correlation_id)
    return up


if sys.platform == "win32":

    def _session() -> dict[str, int | str]:
        """Return the kind of this process. [I] from the documentation of each function."""
        kernel32, advapi32, shell32 = (
            ctypes.WinDLL(f"{name}.dll", winmode=SEARCH_SYSTEM32)
            for name in ("kernel32", "advapi32", "shell32")
        )
        session, is_system = c_uint32(), c_int()
        kernel32.ProcessIdToSessionId(os.getpid(), byref(session))
        size, sid = c_uint32(68), (ctypes.c_uint8 * 68)()  # SECURITY_MAX_SID_SIZE
        if advapi32.CreateWellKnownSid(22, None, sid, byref(size)):  # WinLocalSystemSid
            advapi32.CheckTokenMembership(None, sid, byref(is_system))
        return {
            "session": session.value,
            "elevated": "yes" if shell32.IsUserAnAdmin() else "no",
            "system": "yes" if is_system.value else "no",
        }

else:

    def _session() -> dict[str, int | str]:
        return {"system": sys.platform}


@_asked
def app_connections(raw: Raw, connections: Connections) -> None:
    """Count the phone books of VPN apps, and the listed connections that are from one."""
    folder = os.environ.get("LOCALAPPDATA")
    if not folder:
        return _not_asked(raw, "this system has no folder of apps")
    found = Path(folder, "Packages").glob("*/LocalState/rasphone.pbk")
    return _tell(
        raw,
        "phone books of VPN apps",
        phonebooks=len(list(islice(found, _MOST_PHONEBOOKS))),
        connections_listed_from_one=sum(
            "\\packages\\" in (connection.phonebook or "").lower() for connection in connections
        ),
    )


@_asked
def costs(raw: Raw, connections: Connections) -> None:
    """Measure the calls that change nothing, through ctypes."""
    size = raw.accepted_size()
    buffer = (RASCONNW * CAPACITY)()
    bytes_, count = c_uint32(), c_uint32()

    def enumerate_() -> tuple[Any, ...]:
        buffer[0].dwSize, bytes_.value = size, sizeof(buffer)
        return buffer, byref(bytes_), byref(count)

    text = (c_uint16 * 512)()
    _cost(raw, "RasEnumConnectionsW", enumerate_)
    _cost(raw, "RasGetErrorStringW", lambda: (c_uint32(codes.ERROR_INVALID_SIZE), text, 512))
    if not connections:
        return _not_asked(raw, "no connection is up: the other functions need one")
    handle = c_void_p(connections[0].handle)
    status = RASCONNSTATUSW(dwSize=RASCONNSTATUSW_VERSIONS[-1][1])
    stats, link = RAS_STATS(dwSize=sizeof(RAS_STATS)), c_void_p()
    _cost(raw, "RasGetConnectStatusW", lambda: (handle, byref(status)))
    _cost(raw, "RasGetSubEntryHandleW", lambda: (handle, c_uint32(1), byref(link)))
    _cost(raw, "RasGetConnectionStatistics", lambda: (handle, byref(stats)))
    _cost(raw, "RasGetLinkStatistics", lambda: (handle, c_uint32(1), byref(stats)))
    projection, length = (RAS_PROJECTION_INFO * 8)(), c_uint32()  # texts may follow the structure

    def get_projection() -> tuple[Any, ...]:
        projection[0].version, length.value = RASAPIVERSION_601, sizeof(projection)
        return handle, projection, byref(length)

    return _cost(raw, "RasGetProjectionInfoEx", get_projection)


def _cost(raw: Raw, function: str, arguments: Callable[[], tuple[Any, ...]]) -> None:
    """Measure the function with arguments that are made anew for each call."""
    first = raw.call(f"{function}, {CALLS} times", function, *arguments())
    if first.code is None:
        return
    entry, times = raw.function(function), []
    end = time.perf_counter() + _MOST_SECONDS
    for _ in range(CALLS):
        made = arguments()
        begin = time.perf_counter_ns()
        entry(*made)
        times.append(time.perf_counter_ns() - begin)
        if time.perf_counter() > end:
            break
    first.outputs.update(calls=len(times), median_ns=round(median(times)))
