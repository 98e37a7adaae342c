"""The ways to ask RAS: each backend of this package, textbook ctypes code, and pywin32.

They make the same calls, which only read. What they return is compared.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from ctypes import c_uint32, c_void_p, sizeof
from typing import Any, NamedTuple

from .. import Ras
from .._backend.ctypes_os import open_library
from .._backend.layout import RAS_STATS, RASCONNSTATUSW, RASCONNW
from .._errors import not_loaded
from .textbook import Textbook

_MOST_CONNECTIONS = 1_100


class Way(NamedTuple):
    """One way to do a job: the call, and what makes its result comparable."""

    call: Callable[[], Any]
    comparable: Callable[[Any], Any]


def load(path: str | None) -> ctypes.CDLL:
    """Load a provider; None is Windows' own. Raises ProviderError."""
    _, os_error, reason, library = open_library(path)
    if library is None:
        raise not_loaded(path, os_error, reason)
    return library


# What the jobs compare. Counters of a real connection change between two calls.


def _of_textbook(*names: str) -> Callable[[Iterable[dict[str, Any]]], Any]:
    return lambda found: [tuple(item[name] for name in names) for item in found]


def ways_of_ours(ras: Ras, *, live: bool) -> dict[str, Way]:
    """Return our ways, one for each job."""
    listed = ras.enum_connections()
    ways = {
        "enumeration": Way(
            ras.enum_connections, lambda found: [(c.handle, c.entry_name) for c in found]
        ),
        "poll": Way(
            ras.snapshot,
            lambda found: [(o.connection.handle, o.status and o.status.state) for o in found],
        ),
    }
    if listed:
        handle = listed[0].handle
        ways["status of one"] = Way(
            lambda: ras.get_connect_status(handle), lambda status: (status.state, status.error)
        )
        ways["statistics"] = Way(
            ras.statistics,
            lambda found: [
                (s.connection.handle, s.code, None if live else s.statistics.bytes_sent)
                for s in found
            ],
        )
    return ways


def ways_of_textbook(library: ctypes.CDLL, *, live: bool) -> dict[str, Way]:
    """Return the textbook's ways."""
    textbook = Textbook(library)
    listed = textbook.enum_connections()
    ways = {
        "enumeration": Way(textbook.enum_connections, _of_textbook("handle", "entry_name")),
        "poll": Way(textbook.snapshot, _of_textbook("handle", "state")),
    }
    if listed:
        handle = listed[0]["handle"]
        ways["status of one"] = Way(
            lambda: textbook.get_connect_status(handle),
            lambda status: (status["state"], status["error"]),
        )
        ways["statistics"] = Way(
            textbook.statistics,
            lambda found: [
                (s["handle"], s["code"], None if live else s["dwBytesXmited"]) for s in found
            ],
        )
    return ways


def ways_of_pywin32(win32ras: Any) -> dict[str, Way]:
    """Return the ways of pywin32, which always asks Windows' own RAS and has no statistics."""

    def poll() -> list[tuple[Any, Any]]:
        return [(item, win32ras.GetConnectStatus(item[0])) for item in win32ras.EnumConnections()]

    ways = {
        "enumeration": Way(
            win32ras.EnumConnections, lambda found: [(item[0], item[1]) for item in found]
        ),
        "poll": Way(poll, lambda found: [(item[0], status[0]) for item, status in found]),
    }
    listed = win32ras.EnumConnections()
    if listed:
        handle = listed[0][0]
        ways["status of one"] = Way(
            lambda: win32ras.GetConnectStatus(handle), lambda status: tuple(status[:2])
        )
    return ways


# The provider's calls alone: ctypes calls with prepared arguments, minus calls that do nothing


class Alone:
    """The calls of a provider, each with arguments that are prepared once."""

    def __init__(self, library: ctypes.CDLL) -> None:
        pointers = (c_void_p, c_void_p, c_void_p)
        entries = {
            "RasEnumConnectionsW": 3, "RasGetConnectStatusW": 2, "RasGetConnectionStatistics": 2
        }  # fmt: skip
        kind = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)
        self._entries = {
            name: kind(c_uint32, *pointers[:count])((name, library))
            for name, count in entries.items()
        }
        nothing = ctypes.cast(ctypes.pythonapi.Py_IsInitialized, c_void_p).value or 0
        self._idle = {
            count: ctypes.CFUNCTYPE(c_uint32, *pointers[:count])(nothing) for count in (2, 3)
        }
        self._connections = (RASCONNW * _MOST_CONNECTIONS)()
        self._connections[0].dwSize = sizeof(RASCONNW)
        self._size = c_uint32(sizeof(self._connections))
        self._count = c_uint32()
        self._enumeration = (
            ctypes.addressof(self._connections), ctypes.addressof(self._size),
            ctypes.addressof(self._count),
        )  # fmt: skip
        self._status = RASCONNSTATUSW(dwSize=sizeof(RASCONNSTATUSW))
        self._counters = RAS_STATS(dwSize=sizeof(RAS_STATS))
        code = self._entries["RasEnumConnectionsW"](*self._enumeration)
        if code:
            raise OSError(code, "RasEnumConnectionsW")
        self.count = self._count.value

    def calls(self) -> dict[str, Callable[[], object]]:
        """Return the calls to time, by name; `costs` makes sense of the times."""
        handle = self._connections[0].hrasconn
        arguments = {
            "RasGetConnectStatusW": (handle, ctypes.addressof(self._status)),
            "RasGetConnectionStatistics": (handle, ctypes.addressof(self._counters)),
        }
        listing = "RasEnumConnectionsW"
        found = {
            listing: self._listing(self._entries[listing]),
            f"{listing}: nothing": self._listing(self._idle[3]),
        }
        for name, values in arguments.items() if self.count else ():
            found[name] = _bound(self._entries[name], values)
            found[f"{name}: nothing"] = _bound(self._idle[2], values)
        return found

    def _listing(self, function: Any) -> Callable[[], object]:
        """Give the whole buffer to each call, because the calls write how much of it they used."""
        size, whole, arguments = self._size, sizeof(self._connections), self._enumeration

        def call() -> object:
            size.value = whole
            return function(*arguments)

        return call

    def costs(self, ns: dict[str, float]) -> dict[str, float]:
        """Return what the provider's calls of each job take, from the times of `calls`."""
        own = {name: max(0.0, ns[name] - ns[f"{name}: nothing"]) for name in ns if ":" not in name}
        listing = own["RasEnumConnectionsW"]
        costs = {"enumeration": listing, "poll": listing}
        if self.count:
            status, counters = own["RasGetConnectStatusW"], own["RasGetConnectionStatistics"]
            costs["status of one"] = status
            costs["poll"] += self.count * status
            costs["statistics"] = listing + self.count * counters
        return costs


def _bound(function: Any, arguments: tuple[Any, ...]) -> Callable[[], object]:
    return lambda: function(*arguments)
