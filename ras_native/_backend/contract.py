"""The interface of a backend: the functions of csrc/shim/rn.h. They return codes.

`native_ras` and `ctypes_ras` implement RasBackend, `native_sockets` and `ctypes_sockets`
SocketBackend.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from struct import Struct
from typing import Any, Protocol, cast

from .codes import ERROR_INVALID_HANDLE, ERROR_NO_CONNECTION

RECORD_HEAD = Struct("=QII")  # serial, index, unchanged

GONE_CODES = frozenset({ERROR_INVALID_HANDLE, ERROR_NO_CONNECTION})
"""What RAS answers once a connection has ended."""

Changes = tuple[int, "list[int] | None", int, memoryview]
"""The changes that a backend copied from a list of connections.

1. The list's generation.
2. The serials of all connections, in order, if that order changed; otherwise None.
3. The number of changed records.
4. The bytes of these rn_record, valid until the next collect.
"""


class ConnectionList(Protocol):
    """A list of connections that remembers its last poll (rn_list in csrc/shim/rn.h)."""

    @property
    def poll(self) -> Callable[[], int]:
        """Polls once; returns the list's generation, or minus a code."""

    def collect(self, since: int) -> Changes:
        """Copy what changed after generation `since`."""

    def statistics(self) -> tuple[int, bytes]:
        """Poll once, and ask for the statistics of each connection.

        Return the list's generation, or minus a code, and the rn_statistics in the list's order.
        """


class BackendEvent(Protocol):
    """rn_event."""

    handle: int
    for_provider: int  # a library that sets the event takes this instead of `handle`

    def set(self) -> int:
        """Return a code."""

    def reset(self) -> int:
        """Return a code."""

    def wait(self, cancel: Any, slice_ns: int) -> int:
        """Return 0, RN_E_CANCELLED, RN_E_AGAIN, or RN_E_OS plus a number."""


class Provider(Protocol):
    """rn_provider."""

    def new_list(self, *, with_status: bool) -> tuple[int, ConnectionList | None]:
        """Return a code and the list."""

    def sizes(self) -> tuple[int, int]:
        """Return the negotiated dwSize of RASCONN and RASCONNSTATUS."""

    def get_connect_status(self, handle: int) -> bytes | memoryview:
        """Return one rn_status."""

    def get_projection_info(self, handle: int) -> tuple[int, bytes | memoryview]:
        """Return a code and one rn_projection."""

    def wait_status(
        self,
        handle: int,
        states: tuple[int, ...],
        interval_ns: int,
        slice_ns: int,
        cancel: Any,
        due: int,
    ) -> tuple[int, int, bytes | memoryview]:
        """Return a code, when the next poll is due, and one rn_status."""

    def hang_up(self, handle: int) -> int:
        """Return a code."""

    def wait_gone(self, handle: int, slice_ns: int) -> int:
        """Return a code."""

    def get_subentry_handle(self, handle: int, subentry: int) -> tuple[int, int]:
        """Return a code and the sub-entry's handle."""

    def get_statistics(self, handle: int, subentry: int) -> bytes:
        """Return one rn_statistics; `subentry` 0 is the whole connection."""

    def clear_connection_statistics(self, handle: int) -> int:
        """Return a code."""

    def get_error_string(self, code: int, length: int) -> tuple[int, bytes]:
        """Return a code and UTF-16 text."""

    def connection_notification(self, handle: int, event: Any, flags: int, *, ansi: bool) -> int:
        """Return a code."""


class RasBackend(Protocol):
    """One of the two modules."""

    def open_provider(self, path: str | None) -> tuple[int, int, str, Provider | None]:
        """Return a code, the system's error number and text (for RN_E_LOAD), and the provider."""

    def new_event(self) -> tuple[int, BackendEvent | None]:
        """Return a code and the event."""


def ras_backend(name: str) -> RasBackend:
    """Return the module of that backend; import it when it is first needed."""
    if name == "native":
        from . import native_ras as module  # noqa: PLC0415 - only where it is built
    else:
        from . import ctypes_ras as module  # type: ignore[no-redef]  # noqa: PLC0415
    return cast("RasBackend", module)


class Batch(Protocol):
    """rn_batch."""

    def run(
        self, targets: bytes, first: int, *, more: bool, slice_ns: int
    ) -> tuple[int, int, bytes | memoryview]:
        """Run with the rn_target of `targets` from number `first` on.

        Return a code, how many of them have begun, and as many rn_outcome as have ended.
        """

    def close(self) -> None:
        """Close every open socket."""


class SocketBackend(Protocol):
    """One of the two modules."""

    START_ERROR: int  # the result of WSAStartup, which the import of the module calls

    def wsa_connect(
        self,
        sock: socket.socket,
        name: bytes,
        caller_data: bytes | None,
        sqos: bytes | None,
        callee_size: int,
    ) -> tuple[int, bytes]:
        """Return the system's error and the callee's data."""

    def connect_wait(self, sock: socket.socket, slice_ns: int) -> int:
        """Return 0 for connected, RN_E_AGAIN, or the system's error."""

    def set_syn_retries(self, sock: socket.socket, retries: int) -> None:
        """Do what rn_set_syn_retries does."""

    def new_batch(self, options: bytes) -> tuple[int, Batch | None]:
        """Take an rn_batch_options; return a code and the batch."""


def socket_backend(name: str) -> SocketBackend:
    """Return the module of that backend; import it when it is first needed."""
    if name == "native":
        from . import native_sockets as module  # noqa: PLC0415 - only where it is built
    else:
        from . import ctypes_sockets as module  # type: ignore[no-redef]  # noqa: PLC0415
    return cast("SocketBackend", module)
