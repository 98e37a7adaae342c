"""The code that one writes with ctypes after reading Microsoft's documentation, as a baseline.

It makes two calls to enumerate, as the documentation's sample does. Then it reads every status and
decodes everything. If wchar_t has two bytes, as on Windows, texts are c_wchar arrays.
"""

from __future__ import annotations

import ctypes
from ctypes import Structure, byref, c_uint32, c_void_p, c_wchar, sizeof
from typing import Any

from .._backend.codes import ERROR_BUFFER_TOO_SMALL
from .._backend.layout import RAS_STATS, RASCONNSTATUSW, RASCONNW

IS_WIDE = sizeof(c_wchar) == 2


def with_texts(structure: Any) -> Any:
    """Replace the text members by c_wchar arrays, if ctypes can decode them."""
    if not IS_WIDE:
        return structure
    fields = [
        (name, c_wchar * kind._length_ if name.startswith("sz") else kind)
        for name, kind in structure._fields_
    ]
    members = {"_pack_": 4, "_layout_": "ms", "_fields_": fields}
    return type(structure.__name__, (Structure,), members)


RASCONN, RASCONNSTATUS = with_texts(RASCONNW), with_texts(RASCONNSTATUSW)

COUNTERS = [name for name in dir(RAS_STATS) if name.startswith("dw") and name != "dwSize"]


def string(text: Any) -> str:
    """Decode a text member."""
    return text if IS_WIDE else bytes(text).decode("utf-16").split("\0")[0]


class Textbook:
    """The functions of a library with rasapi32's ABI, as one writes them."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.enumerate = library.RasEnumConnectionsW
        self.status = library.RasGetConnectStatusW
        self.status.argtypes = (c_void_p, c_void_p)
        self.counters = library.RasGetConnectionStatistics
        self.counters.argtypes = (c_void_p, c_void_p)

    def enum_connections(self) -> list[dict[str, Any]]:
        """List the connections."""
        size, count = c_uint32(0), c_uint32(0)
        code = self.enumerate(None, byref(size), byref(count))
        if code == 0:
            return []
        if code != ERROR_BUFFER_TOO_SMALL:
            raise OSError(code, "RasEnumConnectionsW")
        connections = (RASCONN * (size.value // sizeof(RASCONN)))()
        connections[0].dwSize = sizeof(RASCONN)
        code = self.enumerate(connections, byref(size), byref(count))
        if code:
            raise OSError(code, "RasEnumConnectionsW")
        return [
            {
                "handle": connection.hrasconn,
                "entry_name": string(connection.szEntryName),
                "device_type": string(connection.szDeviceType),
                "device_name": string(connection.szDeviceName),
                "phonebook": string(connection.szPhonebook),
            }
            for connection in connections[: count.value]
        ]

    def get_connect_status(self, handle: int) -> dict[str, Any]:
        """Ask the status of one connection."""
        status = RASCONNSTATUS(dwSize=sizeof(RASCONNSTATUS))
        code = self.status(handle, byref(status))
        return {
            "code": code,
            "state": status.rasconnstate,
            "error": status.dwError,
            "phone_number": string(status.szPhoneNumber),
            "substate": status.rasconnsubstate,
        }

    def get_connection_statistics(self, handle: int) -> dict[str, Any]:
        """Ask the counters of one connection."""
        counters = RAS_STATS(dwSize=sizeof(RAS_STATS))
        code = self.counters(handle, byref(counters))
        return {"code": code, **{name: getattr(counters, name) for name in COUNTERS}}

    def snapshot(self) -> list[dict[str, Any]]:
        """List the connections, each with its status."""
        return [
            {**connection, **self.get_connect_status(connection["handle"])}
            for connection in self.enum_connections()
        ]

    def statistics(self) -> list[dict[str, Any]]:
        """List the connections, each with its counters."""
        return [
            {**connection, **self.get_connection_statistics(connection["handle"])}
            for connection in self.enum_connections()
        ]
