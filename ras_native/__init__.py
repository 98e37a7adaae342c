"""Watch Windows RAS (VPN, dial-up) connections often and cheaply.

This page is an overview. `help(ras_native.Monitor)` tells more about one name, and
`help(ras_native.monitor)` about what a Monitor promises. Everything here also runs without Windows,
against a simulator:

>>> from ras_native import Monitor, Ras
>>> from ras_native.sim import Simulator
>>> with Simulator() as sim, Ras(sim) as ras, Monitor(ras) as monitor:
...     handle = sim.add("Head office")
...     print(monitor.get().entry)
Head office

In further examples `sim` is a Simulator, `ras` is `Ras(sim)`, and `monitor` is a `Monitor(ras)`
that was entered by `with`. They need `from ras_native import *`. On Windows, `Ras()` and
`Monitor()` without arguments use the system's own RAS.

Be told of changes:

- `Monitor`: reports each change of the connections once, as an event.
- `replay`: returns the events of a recording again, on any system.
- `Availability`: finds out from the events how available each entry was, as `EntryAvailability`.
  Parts of it: `AvailabilityState`, `StateSegment`, `EndReason`, `RoundTrips`, `EntryTotals`.
- `Health`, `Traffic`, `DialTimeline`, `Counts`, `Durations`: what a Monitor knows besides events.
  Parts of them: `HealthKind`, `Silence`, `ProbeFailure`, `ProbeResult`, `DialStage`, `Histogram`.
- `MonitorClosed`, `RecordingError`: what they raise.

The events of a Monitor, for use with `match` (`EVENTS` has them all):

- `Found`, `Absent`: what there is, and what is missing, at the start.
- `Connected`, `Disconnected`, `Explained`: it came up; it ended; why it ended (`MatchedBy` says how
  the reason was found).
- `Dormant`, `Reconnecting`, `Reconnected`, `Moved`: outages and moves of IKEv2 tunnels.
- `StateChanged`, `Changed`, `HealthChanged`: other changes of a connection.
- `DialFailed`, `IdleTimeout`, `SessionTimeout`: what only the event log of Windows tells.
- `Gap`: something may have been missed; its `GapKind` says why.
- `ProviderFailed`, `ProviderRecovered`: RAS itself does not answer, or does again.
- `MonitorEvent`, `ConnectionEvent`, `LoggedEvent`: the classes that the others are derived from.

Ask RAS yourself:

- `Ras`: the functions of one provider, such as the simulator. The functions below have the same
  names as its methods, and use the system's own rasapi32.
- `snapshot`: lists all connections with their status, in one call. It gives a `Snapshot` of
  `Observation`; each has a `Connection` and a `Status`.
- `enum_connections`, `get_connect_status`: the same in two steps.
- `statistics`, `get_connection_statistics`, `get_link_statistics`, `clear_connection_statistics`:
  the bytes and errors that RAS counted, as `Statistics`, `ConnectionStatistics`, `StatisticsList`.
- `get_projection_info`, `local_address`: what a connection negotiated (`Projection`), above all its
  addresses.
- `wait_for_state`: waits until a connection is in a state.
- `hang_up`: ends a connection, and waits until it has ended.
- `connection_notification`: gives a `Notification`, an `Event` that RAS sets at each change.
- `get_subentry_handle`: gives the handle of one link of a multilink connection.
- `get_error_string`: gives the text of the provider for an error code.
- `Sizes`: which versions of the structures the provider understands.

Numbers with names:

- `ConnState`, `ConnSubstate`, `ConnectionFlag`, `NotificationFlag`: of connections.
- `ProjectionKind`, `Ikev2Authentication`, `Ikev2Flag`, `Cipher`, `PppAuthentication`,
  `ChapAlgorithm`, `LinkOption`, `Compression`, `CompressionOption`: of a `Projection`.

Check whether hosts can be reached, also through a tunnel:

- `connect`: connects one socket within a timeout, from the address of a tunnel if you like.
- `connect_many`, `connect_stream`: connect to many addresses at a time. They give a `ConnectResult`
  with a `ConnectOutcome` for each. At most `MAX_CONCURRENCY` sockets are open.
- `wsa_connect`: calls WSAConnect once.

Errors:

- `RasError`: a RAS function returned a code. `WSAError`: a socket operation failed.
- `ProviderError`: the provider cannot be loaded, or lacks a function.
- `Cancelled`: the `cancel` event of a wait was set.
- `explain`: tells what an error code means and what to do about it, as a `Reason`.
- `error_name`: gives the name of an error code.

Settings:

- `backend`: the backend in use, one of `BACKENDS`. The environment variable RAS_NATIVE_BACKEND
  chooses it.
- `LONGEST_SECONDS`: the longest timeout that can be given.

Other modules:

- `ras_native.sim`: the simulator, for tests and demonstrations.
- `ras_native.event_log`: reads what RAS writes into the event log of Windows.
- `ras_native.exporter`: metrics for Prometheus; the command `ras-native exporter` serves them.
- `ras_native.benchmark`: measures what calls cost on this machine.
- The command `ras-native` shows, watches and checks connections: see `ras-native --help`.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from ._backend import BACKENDS, warn_where_fallen_back
from ._backend import default as _default_backend
from ._check import LONGEST_SECONDS
from ._dir import short_help

TYPE_CHECKING = False  # like the one of typing, whose import takes long
if TYPE_CHECKING:  # __getattr__ imports them when one is first needed
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
    from ._sockets.many import (
        MAX_CONCURRENCY,
        ConnectOutcome,
        ConnectResult,
        connect_many,
        connect_stream,
    )
    from ._statistics import ConnectionStatistics, Statistics, StatisticsList
    from .monitor import (
        EVENTS,
        Absent,
        Availability,
        AvailabilityState,
        Changed,
        Connected,
        ConnectionEvent,
        Counts,
        DialFailed,
        DialStage,
        DialTimeline,
        Disconnected,
        Dormant,
        Durations,
        EndReason,
        EntryAvailability,
        EntryTotals,
        Explained,
        Found,
        Gap,
        GapKind,
        Health,
        HealthChanged,
        HealthKind,
        Histogram,
        IdleTimeout,
        LoggedEvent,
        MatchedBy,
        Monitor,
        MonitorClosed,
        MonitorEvent,
        Moved,
        ProbeFailure,
        ProbeResult,
        ProviderFailed,
        ProviderRecovered,
        Reconnected,
        Reconnecting,
        RecordingError,
        RoundTrips,
        SessionTimeout,
        Silence,
        StateChanged,
        StateSegment,
        Traffic,
        replay,
    )

__all__ = [
    "BACKENDS",
    "EVENTS",
    "LONGEST_SECONDS",
    "MAX_CONCURRENCY",
    "Absent",
    "Availability",
    "AvailabilityState",
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
    "Durations",
    "EndReason",
    "EntryAvailability",
    "EntryTotals",
    "Event",
    "Explained",
    "Found",
    "Gap",
    "GapKind",
    "Health",
    "HealthChanged",
    "HealthKind",
    "Histogram",
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
    "ProbeResult",
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
    "RoundTrips",
    "SessionTimeout",
    "Silence",
    "Sizes",
    "Snapshot",
    "StateChanged",
    "StateSegment",
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

__dir__ = short_help(globals())


warn_where_fallen_back()

with suppress(ValueError, ImportError):
    backend = _default_backend()

if not TYPE_CHECKING:
    _HOMES = (
        ("_errors", "_event", "_explain", "_notification", "_projection", "_ras", "_records",
         "_sockets.connect", "_sockets.many", "_statistics"),
        ("monitor",),  # its import takes as long as all others
    )  # fmt: skip

    def __getattr__(name: str) -> object:
        """Import the public names when one is first needed, because the imports take long.

        For `backend`, raise the error that prevented the choice of a backend.
        """
        if name == "backend":
            return _default_backend()
        for homes in _HOMES if name in __all__ else ():
            for home in homes:
                _take_names(vars(import_module(f"{__name__}.{home}")))
            if name in globals():
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def _take_names(module: dict[str, object]) -> None:
        """Take the public names of a module, and let users see them as `ras_native.RasError`."""
        for name in module.keys() & set(__all__):
            item = globals()[name] = module[name]
            if callable(item):
                item.__module__ = __name__
