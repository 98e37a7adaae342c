"""The code that one writes with ctypes after reading the documentation, as a baseline.

It makes two calls to enumerate, as the documentation's sample does. Then it reads every status and
decodes everything. If wchar_t has two bytes, as on Windows, texts are c_wchar arrays.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_uint32, c_void_p, c_wchar, sizeof
from typing import Any

from ras_native._backend.layout import RASCONNSTATUSW, RASCONNW

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
    return type(structure.__name__, (ctypes.Structure,), members)


RASCONN, RASCONNSTATUS = with_texts(RASCONNW), with_texts(RASCONNSTATUSW)


def string(text: Any) -> str:
    return text if IS_WIDE else bytes(text).decode("utf-16").split("\0")[0]


class Textbook:
    def __init__(self, path: str) -> None:
        library = getattr(ctypes, "WinDLL", ctypes.CDLL)(path)
        self.enumerate = library.RasEnumConnectionsW
        self.status = library.RasGetConnectStatusW
        self.status.argtypes = (c_void_p, c_void_p)

    def snapshot(self) -> list[dict[str, Any]]:
        size, count = c_uint32(0), c_uint32(0)
        code = self.enumerate(None, byref(size), byref(count))
        if code == 0:
            return []
        if code != 603:
            raise OSError(code, "RasEnumConnectionsW")
        connections = (RASCONN * (size.value // sizeof(RASCONN)))()
        connections[0].dwSize = sizeof(RASCONN)
        code = self.enumerate(connections, byref(size), byref(count))
        if code:
            raise OSError(code, "RasEnumConnectionsW")
        return [self.describe(connections[i]) for i in range(count.value)]

    def describe(self, connection: Any) -> dict[str, Any]:
        status = RASCONNSTATUS(dwSize=sizeof(RASCONNSTATUS))
        code = self.status(connection.hrasconn, byref(status))
        return {
            "handle": connection.hrasconn,
            "entry_name": string(connection.szEntryName),
            "device_type": string(connection.szDeviceType),
            "device_name": string(connection.szDeviceName),
            "phonebook": string(connection.szPhonebook),
            "code": code,
            "state": status.rasconnstate,
            "error": status.dwError,
            "phone_number": string(status.szPhoneNumber),
            "substate": status.rasconnsubstate,
        }
