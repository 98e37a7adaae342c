"""What the RAS half asks of a backend: the functions of csrc/rn.h, code by value.

`_cffi_ras` and `_ctypes_ras` are the two modules that answer to RasBackend.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

from ._kept import KeptList


class BackendEvent(Protocol):
    """rn_event."""

    handle: int

    def set(self) -> int:
        """Code."""

    def reset(self) -> int:
        """Code."""

    def wait(self, cancel: Any, slice_ns: int) -> int:
        """0, RN_E_CANCELLED, RN_E_AGAIN or RN_E_OS."""


class Provider(Protocol):
    """rn_provider."""

    def new_list(self, *, with_status: bool) -> tuple[int, KeptList | None]:
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

    def open_provider(self, path: str | None) -> tuple[int, int, Provider | None]:
        """Code, the system's error, provider."""

    def new_event(self) -> tuple[int, int, BackendEvent | None]:
        """Code, the system's error, event."""


def ras_backend(name: str) -> RasBackend:
    """The module of that backend, imported when it is first needed."""
    if name == "native":
        from . import _cffi_ras as module  # noqa: PLC0415 - only where it is built
    else:
        from . import _ctypes_ras as module  # type: ignore[no-redef]  # noqa: PLC0415
    return cast("RasBackend", module)
