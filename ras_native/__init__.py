"""Watch Windows RAS (VPN, dial-up) connections: often, cheaply, from any Python.

`Ras` has the functions for one provider; the functions of the same names here use the system's
own rasapi32. `backend` says who does the work: "native" or "ctypes".
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ._backend import default as _default_backend
from ._backend import warn_where_fallen_back
from ._errors import Cancelled, ProviderError, RasError, WSAError
from ._event import Event
from ._ras import (
    Notification,
    Ras,
    Sizes,
    connection_notification,
    enum_connections,
    get_connect_status,
    get_error_string,
    get_subentry_handle,
    hang_up,
    snapshot,
    wait_for_state,
)
from ._records import (
    Connection,
    ConnectionFlag,
    ConnState,
    ConnSubstate,
    NotificationFlag,
    Observation,
    Snapshot,
    Status,
)
from ._sockets.connect import ConnectOutcome, ConnectResult, connect, connect_many, wsa_connect

__all__ = [
    "Cancelled",
    "ConnState",
    "ConnSubstate",
    "ConnectOutcome",
    "ConnectResult",
    "Connection",
    "ConnectionFlag",
    "Event",
    "Notification",
    "NotificationFlag",
    "Observation",
    "ProviderError",
    "Ras",
    "RasError",
    "Sizes",
    "Snapshot",
    "Status",
    "WSAError",
    "backend",
    "connect",
    "connect_many",
    "connection_notification",
    "enum_connections",
    "get_connect_status",
    "get_error_string",
    "get_subentry_handle",
    "hang_up",
    "snapshot",
    "wait_for_state",
    "wsa_connect",
]
__version__ = "0.1.0"

warn_where_fallen_back()

with suppress(ValueError, ImportError):
    backend = _default_backend()

if not TYPE_CHECKING:

    def __getattr__(name: str) -> str:
        """Raise what is wrong with RAS_NATIVE_BACKEND where `backend` could not be chosen."""
        if name == "backend":
            return _default_backend()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
