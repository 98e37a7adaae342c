"""What one writes with ctypes after reading the documentation: the baseline everybody has.

Two calls to enumerate, as the documentation's sample does, then every status, all decoded.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_uint32, c_void_p, sizeof
from typing import Any

from ras_native._backend.layout import RASCONNSTATUSW, RASCONNW


def string(units: ctypes.Array[ctypes.c_uint16]) -> str:
    return bytes(units).decode("utf-16").split("\0")[0]


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
        connections = (RASCONNW * (size.value // sizeof(RASCONNW)))()
        connections[0].dwSize = sizeof(RASCONNW)
        code = self.enumerate(connections, byref(size), byref(count))
        if code:
            raise OSError(code, "RasEnumConnectionsW")
        return [self.describe(connections[i]) for i in range(count.value)]

    def describe(self, connection: RASCONNW) -> dict[str, Any]:
        status = RASCONNSTATUSW(dwSize=sizeof(RASCONNSTATUSW))
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
