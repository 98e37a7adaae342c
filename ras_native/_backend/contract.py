"""What a backend provides: the functions of csrc/shim/rn.h, codes by value.

`native_ras` and `ctypes_ras` implement RasBackend, `native_sockets` and `ctypes_sockets`
SocketBackend.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from struct import Struct
from typing import Any, Protocol, cast

RECORD_HEAD = Struct("=QII")  # serial, index, unchanged

Changes = tuple[int, "list[int] | None", int, memoryview]
"""What a backend copied out of a list of connections.

1. The list's generation.
2. The serials of all connections in order, where connections came, went or moved; else None.
3. How many records follow.
4. The bytes of that many rn_record, valid until the next collect.
"""


class ConnectionList(Protocol):
    """A list of connections that remembers its last poll (rn_list in csrc/shim/rn.h)."""

    @property
    def poll(self) -> Callable[[], int]:
        """One poll: gives the list's generation, or minus a code."""

    def collect(self, since: int) -> Changes:
        """Copy what changed after generation `since`."""


class BackendEvent(Protocol):
    """rn_event."""

    handle: int

    def set(self) -> int:
        """Code."""

    def reset(self) -> int:
        """Code."""

    def wait(self, cancel: Any, slice_ns: int) -> int:
        """0, RN_E_CANCELLED, RN_E_AGAIN, or RN_E_OS plus a number."""


class Provider(Protocol):
    """rn_provider."""

    def new_list(self, *, with_status: bool) -> tuple[int, ConnectionList | None]:
        """Code, list."""

    def sizes(self) -> tuple[int, int]:
        """RASCONN and RASCONNSTATUS."""

    def get_connect_status(self, handle: int) -> bytes | memoryview:
        """One rn_status."""

    def wait_status(
        self,
        handle: int,
        states: tuple[int, ...],
        interval_ns: int,
        slice_ns: int,
        cancel: Any,
        due: int,
    ) -> tuple[int, int, bytes | memoryview]:
        """Code, due, one rn_status."""

    def hang_up(self, handle: int) -> int:
        """Code."""

    def wait_gone(self, handle: int, slice_ns: int) -> int:
        """Code."""

    def get_subentry_handle(self, handle: int, subentry: int) -> tuple[int, int]:
        """Code, handle."""

    def get_error_string(self, code: int, length: int) -> tuple[int, bytes]:
        """Code, UTF-16."""

    def connection_notification(self, handle: int, event: Any, flags: int, *, ansi: bool) -> int:
        """Code."""


class RasBackend(Protocol):
    """One of the two modules."""

    def open_provider(self, path: str | None) -> tuple[int, int, str, Provider | None]:
        """Code, the system's error number and text (RN_E_LOAD), provider."""

    def new_event(self) -> tuple[int, BackendEvent | None]:
        """Code, event."""


def ras_backend(name: str) -> RasBackend:
    """The module of that backend, imported when it is first needed."""
    if name == "native":
        from . import native_ras as module  # noqa: PLC0415 - only where it is built
    else:
        from . import ctypes_ras as module  # type: ignore[no-redef]  # noqa: PLC0415
    return cast("RasBackend", module)


class SocketBackend(Protocol):
    """One of the two modules."""

    START_ERROR: int  # of WSAStartup, called when the module was imported

    def wsa_connect(
        self,
        sock: socket.socket,
        name: bytes,
        caller_data: bytes | None,
        sqos: bytes | None,
        callee_size: int,
    ) -> tuple[int, bytes]:
        """The system's error, callee data."""

    def connect_wait(self, sock: socket.socket, slice_ns: int) -> int:
        """0 connected, RN_E_AGAIN, or the system's error."""

    def connect_many(
        self, targets: bytes, options: bytes, count: int, slice_ns: int
    ) -> tuple[int, bytes]:
        """Code, and `count` rn_outcome."""


def socket_backend(name: str) -> SocketBackend:
    """The module of that backend, imported when it is first needed."""
    if name == "native":
        from . import native_sockets as module  # noqa: PLC0415 - only where it is built
    else:
        from . import ctypes_sockets as module  # type: ignore[no-redef]  # noqa: PLC0415
    return cast("SocketBackend", module)
