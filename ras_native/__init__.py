"""Watch Windows RAS (VPN, dial-up) connections often and cheaply.

`Ras` has the functions for one provider; the functions of the same names here use the system's
own rasapi32. `backend` is the backend in use, one of `BACKENDS`. A timeout is at most
`LONGEST_SECONDS`; `connect_many` and `connect_stream` have at most `MAX_CONCURRENCY` sockets open.
`error_name` gives the name of an error code.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ._backend import BACKENDS, warn_where_fallen_back
from ._backend import default as _default_backend
from ._backend.layout import RN_MAX_CONCURRENCY as MAX_CONCURRENCY
from ._check import LONGEST_SECONDS
from ._errors import Cancelled, ProviderError, RasError, WSAError
from ._event import Event
from ._explain import Reason, error_name, explain
from ._notification import Notification
from ._projection import (
    ChapAlgorithm,
    Cipher,
    Compression,
    CompressionOption,
    Ikev2Authentication,
    Ikev2Flag,
    LinkOption,
    PppAuthentication,
    Projection,
    ProjectionKind,
)
from ._ras import (
    Ras,
    Sizes,
    clear_connection_statistics,
    connection_notification,
    enum_connections,
    get_connect_status,
    get_connection_statistics,
    get_error_string,
    get_link_statistics,
    get_projection_info,
    get_subentry_handle,
    hang_up,
    local_address,
    snapshot,
    statistics,
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
from ._sockets.connect import connect, wsa_connect
from ._sockets.many import ConnectOutcome, ConnectResult, connect_many, connect_stream
from ._statistics import ConnectionStatistics, Statistics, StatisticsList

if TYPE_CHECKING:  # __getattr__ imports them when one is first needed
    from .monitor import (
        EVENTS,
        Absent,
        Changed,
        Connected,
        ConnectionEvent,
        Counts,
        DialFailed,
        DialStage,
        DialTimeline,
        Disconnected,
        Dormant,
        Explained,
        Found,
        Gap,
        GapKind,
        Health,
        HealthChanged,
        HealthKind,
        IdleTimeout,
        LoggedEvent,
        MatchedBy,
        Monitor,
        MonitorClosed,
        MonitorEvent,
        Moved,
        ProbeFailure,
        ProviderFailed,
        ProviderRecovered,
        Reconnected,
        Reconnecting,
        RecordingError,
        SessionTimeout,
        Silence,
        StateChanged,
        Traffic,
        replay,
    )

__all__ = [
    "BACKENDS",
    "EVENTS",
    "LONGEST_SECONDS",
    "MAX_CONCURRENCY",
    "Absent",
    "Cancelled",
    "Changed",
    "ChapAlgorithm",
    "Cipher",
    "Compression",
    "CompressionOption",
    "ConnState",
    "ConnSubstate",
    "ConnectOutcome",
    "ConnectResult",
    "Connected",
    "Connection",
    "ConnectionEvent",
    "ConnectionFlag",
    "ConnectionStatistics",
    "Counts",
    "DialFailed",
    "DialStage",
    "DialTimeline",
    "Disconnected",
    "Dormant",
    "Event",
    "Explained",
    "Found",
    "Gap",
    "GapKind",
    "Health",
    "HealthChanged",
    "HealthKind",
    "IdleTimeout",
    "Ikev2Authentication",
    "Ikev2Flag",
    "LinkOption",
    "LoggedEvent",
    "MatchedBy",
    "Monitor",
    "MonitorClosed",
    "MonitorEvent",
    "Moved",
    "Notification",
    "NotificationFlag",
    "Observation",
    "PppAuthentication",
    "ProbeFailure",
    "Projection",
    "ProjectionKind",
    "ProviderError",
    "ProviderFailed",
    "ProviderRecovered",
    "Ras",
    "RasError",
    "Reason",
    "Reconnected",
    "Reconnecting",
    "RecordingError",
    "SessionTimeout",
    "Silence",
    "Sizes",
    "Snapshot",
    "StateChanged",
    "Statistics",
    "StatisticsList",
    "Status",
    "Traffic",
    "WSAError",
    "backend",
    "clear_connection_statistics",
    "connect",
    "connect_many",
    "connect_stream",
    "connection_notification",
    "enum_connections",
    "error_name",
    "explain",
    "get_connect_status",
    "get_connection_statistics",
    "get_error_string",
    "get_link_statistics",
    "get_projection_info",
    "get_subentry_handle",
    "hang_up",
    "local_address",
    "replay",
    "snapshot",
    "statistics",
    "wait_for_state",
    "wsa_connect",
]
__version__ = "0.1.0"


def _claim(module: dict[str, Any]) -> None:
    """Set `__module__` of the public names, so that users see `ras_native.RasError`."""
    for item in map(module.get, __all__):
        if callable(item):
            item.__module__ = __name__


_claim(globals())
warn_where_fallen_back()

with suppress(ValueError, ImportError):
    backend = _default_backend()

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import the Monitor when it is first needed, because its import takes long.

        For `backend`, raise the error that prevented the choice of a backend.
        """
        if name == "backend":
            return _default_backend()
        if name in __all__:
            from . import monitor  # noqa: PLC0415

            _claim(vars(monitor))
            return getattr(monitor, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
