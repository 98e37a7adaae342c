"""The records that users see, decoded from those of csrc/shim/rn.h."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import IntEnum, IntFlag
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Any, Generic, NamedTuple, Protocol, SupportsIndex, TypeVar, overload
from uuid import UUID

from ._backend import layout
from ._backend.contract import GONE_CODES
from ._backend.layout import (
    RAS_WINVER_7,
    RAS_WINVER_2000,
    RAS_WINVER_NT4_401,
    RAS_WINVER_VISTA,
    RAS_WINVER_XP,
    RASCS_DONE,
    RASCS_PAUSED,
    RN_CONNECTION,
    RN_CONNECTION_TEXT,
    RN_ENDPOINT,
    RN_STATUS,
    RN_STATUS_TEXT,
)
from ._explain import Reason, explain
from ._help import documented
from ._plain import hexadecimal, plain, plain_members, shown

_FORMATS_OF_NUMBERS = tuple("bcdoxXneEfFgG%")
_Item = TypeVar("_Item")
UTF16 = "utf-16-le" if sys.byteorder == "little" else "utf-16-be"


class _Named:
    """A number that prints as its name, also in an f-string; `int()` and formats like "d" count."""

    def __format__(self, spec: str) -> str:
        number = spec[-1:] in _FORMATS_OF_NUMBERS
        return int.__format__(self, spec) if number else format(str(self), spec)  # type: ignore[arg-type]


class _OpenEnum(_Named, IntEnum):
    """An IntEnum that accepts numbers without a name."""

    def __str__(self) -> str:
        return self._name_

    @classmethod
    def _missing_(cls, value: object) -> _OpenEnum | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value:#x}"
        member._value_ = value
        return member


class _NamedFlag(_Named, IntFlag):
    """An IntFlag that prints as the names of its bits: "CONNECTION|DORMANT"."""

    def __str__(self) -> str:
        unknown = int(self)
        names = []
        for flag in type(self):
            if flag & (flag - 1) == 0 and flag & self:  # one bit; Python 3.10 lists ALL as well
                names.append(flag.name or "")
                unknown &= ~int(flag)
        return "|".join([*names, *([f"{unknown:#x}"] if unknown or not names else [])])


class ConnState(_OpenEnum):
    """RASCONNSTATE: the state of a connection, from opening its port to its end.

    A number without a name is accepted: `ConnState(99)` is named `UNKNOWN_0x63`.

    - `OPEN_PORT`: The communication port is about to be opened.
    - `PORT_OPENED`: The port has been opened.
    - `CONNECT_DEVICE`: A device is about to be connected.
    - `DEVICE_CONNECTED`: A device has connected.
    - `ALL_DEVICES_CONNECTED`: All devices have connected: there is a physical link.
    - `AUTHENTICATE`: The authentication begins.
    - `AUTH_NOTIFY`: Something happened in the authentication.
    - `AUTH_RETRY`: The client asked to try again with other credentials.
    - `AUTH_CALLBACK`: The server asked for a number to call back.
    - `AUTH_CHANGE_PASSWORD`: The client asked to change the password.
    - `AUTH_PROJECT`: The negotiation of protocols and addresses begins.
    - `AUTH_LINK_SPEED`: The speed of the link is being determined.
    - `AUTH_ACK`: An authentication request is acknowledged.
    - `RE_AUTHENTICATE`: The authentication begins again, after a callback.
    - `AUTHENTICATED`: The authentication has succeeded.
    - `PREPARE_FOR_CALLBACK`: The line is about to be hung up, so that the server can call back.
    - `WAIT_FOR_MODEM_RESET`: The client waits until the modem is ready for the callback.
    - `WAIT_FOR_CALLBACK`: The client waits for the server's call.
    - `PROJECTED`: The negotiation of protocols and addresses is complete.
    - `START_AUTHENTICATION`: The authentication of the user begins.
    - `CALLBACK_COMPLETE`: The server has called back.
    - `LOGON_NETWORK`: The client logs on to the remote network.
    - `SUB_ENTRY_CONNECTED`: A link of a multilink connection has connected.
    - `SUB_ENTRY_DISCONNECTED`: A link of a multilink connection has disconnected.
    - `APPLY_SETTINGS`: Settings of the connection are being applied.
    - `INTERACTIVE`: Paused: a terminal window is waited for.
    - `RETRY_AUTHENTICATION`: Paused: other credentials are waited for.
    - `CALLBACK_SET_BY_CALLER`: Paused: a number to call back is waited for.
    - `PASSWORD_EXPIRED`: Paused: a new password is waited for.
    - `INVOKE_EAP_UI`: Paused: EAP waits for the user.
    - `CONNECTED`: It is connected.
    - `DISCONNECTED`: It is disconnected, or could not be connected.

    >>> handle = sim.dial("Head office")
    >>> state = ras.get_connect_status(handle).state
    >>> state is ConnState.OPEN_PORT, state.is_done
    (True, False)
    >>> print(ConnState(99))
    UNKNOWN_0x63
    """

    OPEN_PORT = layout.RASCS_OpenPort
    PORT_OPENED = layout.RASCS_PortOpened
    CONNECT_DEVICE = layout.RASCS_ConnectDevice
    DEVICE_CONNECTED = layout.RASCS_DeviceConnected
    ALL_DEVICES_CONNECTED = layout.RASCS_AllDevicesConnected
    AUTHENTICATE = layout.RASCS_Authenticate
    AUTH_NOTIFY = layout.RASCS_AuthNotify
    AUTH_RETRY = layout.RASCS_AuthRetry
    AUTH_CALLBACK = layout.RASCS_AuthCallback
    AUTH_CHANGE_PASSWORD = layout.RASCS_AuthChangePassword
    AUTH_PROJECT = layout.RASCS_AuthProject
    AUTH_LINK_SPEED = layout.RASCS_AuthLinkSpeed
    AUTH_ACK = layout.RASCS_AuthAck
    RE_AUTHENTICATE = layout.RASCS_ReAuthenticate
    AUTHENTICATED = layout.RASCS_Authenticated
    PREPARE_FOR_CALLBACK = layout.RASCS_PrepareForCallback
    WAIT_FOR_MODEM_RESET = layout.RASCS_WaitForModemReset
    WAIT_FOR_CALLBACK = layout.RASCS_WaitForCallback
    PROJECTED = layout.RASCS_Projected
    START_AUTHENTICATION = layout.RASCS_StartAuthentication
    CALLBACK_COMPLETE = layout.RASCS_CallbackComplete
    LOGON_NETWORK = layout.RASCS_LogonNetwork
    SUB_ENTRY_CONNECTED = layout.RASCS_SubEntryConnected
    SUB_ENTRY_DISCONNECTED = layout.RASCS_SubEntryDisconnected
    APPLY_SETTINGS = layout.RASCS_ApplySettings
    INTERACTIVE = layout.RASCS_Interactive
    RETRY_AUTHENTICATION = layout.RASCS_RetryAuthentication
    CALLBACK_SET_BY_CALLER = layout.RASCS_CallbackSetByCaller
    PASSWORD_EXPIRED = layout.RASCS_PasswordExpired
    INVOKE_EAP_UI = layout.RASCS_InvokeEapUI
    CONNECTED = layout.RASCS_Connected
    DISCONNECTED = layout.RASCS_Disconnected

    @property
    def is_done(self) -> bool:
        """Whether connecting is over: it succeeded or failed (the bit RASCS_DONE)."""
        return bool(self & RASCS_DONE)

    @property
    def is_paused(self) -> bool:
        """Whether connecting waits for input (the bit RASCS_PAUSED)."""
        return bool(self & RASCS_PAUSED)


class ConnSubstate(_OpenEnum):
    """RASCONNSUBSTATE: the condition of an IKEv2 tunnel that counts as connected.

    - `NONE`: The tunnel is up, or it is no IKEv2 tunnel.
    - `DORMANT`: The interface under it is down. It carries no data.
    - `RECONNECTING`: It changes to another interface. It carries no data.
    - `RECONNECTED`: It has changed its interface, and is up.

    >>> handle = sim.add("Head office")
    >>> sim.set_status(handle, substate=ConnSubstate.DORMANT)
    >>> status = ras.get_connect_status(handle)
    >>> print(status.state, status.substate, status.is_up)
    CONNECTED DORMANT False
    """

    NONE = layout.RASCSS_None
    DORMANT = layout.RASCSS_Dormant
    RECONNECTING = layout.RASCSS_Reconnecting
    RECONNECTED = layout.RASCSS_Reconnected


class NotificationFlag(_NamedFlag):
    """RASCN_*: what sets the event of `connection_notification`. They combine with `|`.

    - `CONNECTION`: A connection came up.
    - `DISCONNECTION`: A connection ended.
    - `BANDWIDTH_ADDED`: A link of a multilink connection connected.
    - `BANDWIDTH_REMOVED`: A link of a multilink connection disconnected.
    - `DORMANT`: An IKEv2 tunnel became dormant.
    - `RECONNECTION`: An IKEv2 tunnel is up again.
    - `EPDG_PACKET_ARRIVAL`: A packet came from the gateway of a mobile network (ePDG).
    - `ALL`: All of these.

    >>> flags = NotificationFlag.CONNECTION | NotificationFlag.DISCONNECTION
    >>> print(flags)
    CONNECTION|DISCONNECTION
    >>> with ras.connection_notification(flags=flags) as notification:
    ...     handle = sim.add("Head office")
    ...     notification.wait(timeout=10)
    True
    """

    CONNECTION = layout.RASCN_Connection
    DISCONNECTION = layout.RASCN_Disconnection
    BANDWIDTH_ADDED = layout.RASCN_BandwidthAdded
    BANDWIDTH_REMOVED = layout.RASCN_BandwidthRemoved
    DORMANT = layout.RASCN_Dormant
    RECONNECTION = layout.RASCN_ReConnection
    EPDG_PACKET_ARRIVAL = layout.RASCN_EPDGPacketArrival
    ALL = (
        CONNECTION
        | DISCONNECTION
        | BANDWIDTH_ADDED
        | BANDWIDTH_REMOVED
        | DORMANT
        | RECONNECTION
        | EPDG_PACKET_ARRIVAL
    )


class ConnectionFlag(_NamedFlag):
    """RASCF_*: whose connection it is.

    - `ALL_USERS`: The entry is in the phone book of all users.
    - `GLOBAL_CREDS`: It was dialled with credentials that are stored for all users.
    - `OWNER_KNOWN`: Windows knows who dialled it.
    - `OWNER_MATCH`: The user of this process dialled it.

    >>> handle = sim.add("Head office", flags=ConnectionFlag.ALL_USERS)
    >>> (connection,) = ras.enum_connections()
    >>> ConnectionFlag.ALL_USERS in connection.flags
    True
    """

    ALL_USERS = layout.RASCF_AllUsers
    GLOBAL_CREDS = layout.RASCF_GlobalCreds
    OWNER_KNOWN = layout.RASCF_OwnerKnown
    OWNER_MATCH = layout.RASCF_OwnerMatch


@documented
class Connection(NamedTuple):
    """A connection as RasEnumConnections lists it: one RASCONN.

    A member is None if the system answered with an older version of the structure that lacks it.

    - `handle`: HRASCONN: what the other functions take. It is valid in every process of the
      machine.
    - `entry_name`: The phone-book entry, or "." and the phone number if it was dialled without one.
    - `device_type`: The type of the device, for instance "vpn", "modem" or "PPPoE".
    - `device_name`: The name of the device, for instance "WAN Miniport (IKEv2)".
    - `phonebook`: The path of the phone book.
    - `subentry`: The number, from 1, of a multilink sub-entry; 0 for the connection itself.
    - `guid_entry`: The GUID of the phone-book entry.
    - `flags`: Whose connection it is.
    - `luid`: The logon session, as one 64-bit number.
    - `correlation_id`: The GUID that names this connection in the event log (source RasClient).

    >>> handle = sim.add("Head office")
    >>> (connection,) = ras.enum_connections()
    >>> connection.entry_name, connection.handle == handle
    ('Head office', True)
    """

    handle: int
    entry_name: str
    device_type: str
    device_name: str
    phonebook: str | None
    subentry: int | None
    guid_entry: UUID | None
    flags: ConnectionFlag | None
    luid: int | None
    correlation_id: UUID | None

    def __repr__(self) -> str:
        return shown(self, "handle", "luid")

    @property
    def by_number(self) -> bool:
        """Whether it was dialled without a phone-book entry."""
        return self.entry_name.startswith(".")

    @property
    def phone_number(self) -> str | None:
        """The number that was dialled; None if it was dialled by its entry."""
        return self.entry_name[1:] if self.by_number else None

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON data. Handle and LUID are hexadecimal texts, flags their names."""
        numbers = {"handle": hexadecimal(self.handle), "luid": hexadecimal(self.luid)}
        return {**plain_members(self), **numbers}


Endpoint = IPv4Address | IPv6Address


@documented
class Status(NamedTuple):
    """What RasGetConnectStatus reports about a connection: one RASCONNSTATUS.

    A member is None if the system answered with an older version of the structure that lacks it.

    - `state`: Where the connection is between opening its port and its end.
    - `error`: dwError: why connecting failed, otherwise 0. It is not the code of the function.
    - `device_type`: The type of the device, for instance "vpn".
    - `device_name`: The name of the device.
    - `phone_number`: The number that was dialled, or the host name of a VPN server.
    - `local_endpoint`: This machine's address at the tunnel; None if unknown (common with SSTP).
    - `remote_endpoint`: The server's address at the tunnel; None if unknown (common with SSTP).
    - `substate`: What an IKEv2 tunnel does while it counts as connected.

    >>> handle = sim.add("Head office", phone_number="vpn.example")
    >>> status = ras.get_connect_status("Head office")
    >>> print(status.state, status.phone_number, status.is_up)
    CONNECTED vpn.example True
    """

    state: ConnState
    error: int
    device_type: str
    device_name: str
    phone_number: str | None
    local_endpoint: Endpoint | None
    remote_endpoint: Endpoint | None
    substate: ConnSubstate | None

    @property
    def is_up(self) -> bool:
        """Whether data can pass: connected, and neither dormant nor reconnecting."""
        return self.state == ConnState.CONNECTED and self.substate not in _OUTAGES

    @property
    def reason(self) -> Reason | None:
        """Why connecting failed: `error` explained. None if it is 0."""
        return explain(self.error) if self.error else None

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON data. States are their names, addresses their usual text."""
        return plain_members(self)


_OUTAGES = (ConnSubstate.DORMANT, ConnSubstate.RECONNECTING)


@documented
class Observation(NamedTuple):
    """One connection of a snapshot, with the result of its status call.

    - `connection`: The connection as it was listed.
    - `status`: What RasGetConnectStatus said of it; None unless `code` is 0.
    - `code`: What RasGetConnectStatus returned: 0, or an error; see `gone`.

    >>> handle = sim.add("Head office")
    >>> (observation,) = ras.snapshot()
    >>> observation.connection.entry_name, observation.is_up
    ('Head office', True)
    """

    connection: Connection
    status: Status | None
    code: int

    @property
    def gone(self) -> bool:
        """Whether the connection ended after it was listed, before its status was read."""
        return self.code in GONE_CODES

    @property
    def is_up(self) -> bool | None:
        """Whether data can pass; None if nobody knows, because the status cannot be read.

        True if it is connected, and neither dormant nor reconnecting. False in any other state,
        and if it is gone.
        """
        if self.status is not None:
            return self.status.is_up
        return False if self.gone else None

    @property
    def reason(self) -> Reason | None:
        """Why the status cannot be read, or why connecting failed; None if neither failed."""
        if self.code:
            return explain(self.code)
        return None if self.status is None else self.status.reason

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON data, `is_up` and `reason` included."""
        return {**plain_members(self), "is_up": self.is_up, "reason": plain(self.reason)}


def same_name(one: str, other: str) -> bool:
    """Compare the names of two entries as Windows does, ignoring letter case."""
    return one.casefold() == other.casefold()


def only_one(name: str, found: Sequence[_Item], known: Iterable[Connection]) -> _Item:
    """Return the one thing found by an entry's name; KeyError says what there is instead."""
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{item.entry_name} ({item.handle:#x})" for item in known) or "none"
    problem = f"{len(found)} connections are named" if found else "no connection is named"
    raise KeyError(f"{problem} {name}; connections: {listed}")


class _HasConnection(Protocol):
    @property
    def connection(self) -> Connection: ...

    def to_dict(self) -> dict[str, Any]: ...


_Listed = TypeVar("_Listed", bound=_HasConnection)


class Listing(tuple[_Listed, ...], Generic[_Listed]):
    """A tuple of what is known about each connection, found by entry, handle or Connection."""

    __slots__ = ()

    def find(self, wanted: str | int | Connection) -> _Listed | None:
        """Find the first connection of that phone-book entry or handle; None if there is none.

        wanted: the name of the entry, in any letter case, its handle or its Connection.

        >>> handle = sim.add("Head office")
        >>> ras.snapshot().find("head office").is_up
        True
        >>> ras.snapshot().find("Branch") is None
        True
        """
        return next(iter(self._all(wanted)), None)

    def _all(self, wanted: str | int | Connection) -> list[_Listed]:
        if isinstance(wanted, str):
            return [item for item in self if same_name(item.connection.entry_name, wanted)]
        handle = wanted.handle if isinstance(wanted, Connection) else wanted
        return [item for item in self if item.connection.handle == handle]

    @overload
    def __getitem__(self, index: SupportsIndex | str) -> _Listed: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[_Listed, ...]: ...

    def __getitem__(self, index: SupportsIndex | str | slice) -> _Listed | tuple[_Listed, ...]:
        """Give the connection at a position, or the only one of that phone-book entry.

        Raises KeyError, which lists the connections, if none or several have that name.
        """
        if isinstance(index, str):
            return only_one(index, self._all(index), (item.connection for item in self))
        return super().__getitem__(index)

    def __contains__(self, wanted: object) -> bool:
        if isinstance(wanted, (str, int, Connection)):
            return bool(self._all(wanted))
        return super().__contains__(wanted)

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON data: the items, under "connections"."""
        return {"connections": [item.to_dict() for item in self]}


class Snapshot(Listing[Observation]):
    """Every connection with its status, from one call; equal snapshots are one object.

    A tuple of Observations. `snapshot["Head office"]` is the connection of that entry, in any
    letter case. `in` takes an entry's name, a handle, a Connection or an Observation.

    >>> handle = sim.add("Head office")
    >>> snapshot = ras.snapshot()
    >>> "Head office" in snapshot, "Branch" in snapshot
    (True, False)
    >>> print(snapshot["head office"].status.state)
    CONNECTED
    """

    __slots__ = ()

    @property
    def gone(self) -> tuple[Observation, ...]:
        """The connections that ended after they were listed, before their status was read."""
        return tuple(item for item in self if item.gone)


STATUS_NUMBERS = (
    f"5I4x{2 * RN_ENDPOINT.size}s"  # RN_STATUS before its texts; both end points as one
)
_STATUS_HEAD = Struct(f"={STATUS_NUMBERS}")
_ZEROS, _NO_ENDPOINTS = bytes(2 * RN_ENDPOINT.size), (None, None)
new_tuple = tuple.__new__  # twice as fast as calling the class of a named tuple
_STATES = {int(state): state for state in ConnState}
_SUBSTATES = {int(substate): substate for substate in ConnSubstate}
_Buffer = bytes | bytearray | memoryview


def text(units: bytes) -> str:
    """Decode UTF-16 code units up to the first NUL; accept lone surrogates."""
    return units.decode(UTF16, "surrogatepass").partition("\0")[0]


@lru_cache(maxsize=512)
def _connection_texts(block: bytes) -> tuple[str, str, str, str]:
    cut = RN_CONNECTION_TEXT
    return (
        text(block[cut["entry_name"]]),
        text(block[cut["device_type"]]),
        text(block[cut["device_name"]]),
        text(block[cut["phonebook"]]),
    )


@lru_cache(maxsize=512)
def _status_texts(block: bytes) -> tuple[str, str, str]:
    cut = RN_STATUS_TEXT
    return (
        text(block[cut["device_type"]]),
        text(block[cut["device_name"]]),
        text(block[cut["phone_number"]]),
    )


def _endpoint(kind: int, address: bytes) -> Endpoint | None:
    if kind == 1:
        return IPv4Address(address[:4])
    if kind == 2:
        return IPv6Address(address)
    return None


@lru_cache(maxsize=512)
def _endpoints(block: bytes) -> tuple[Endpoint | None, Endpoint | None]:
    local, remote = RN_ENDPOINT.iter_unpack(block)
    return _endpoint(*local), _endpoint(*remote)


def decode_connection(records: _Buffer, offset: int = 0) -> Connection:
    """Decode the rn_connection at `offset` of a buffer."""
    handle, luid, version, subentry, flags, _, guid, correlation, texts = RN_CONNECTION.unpack_from(
        records, offset
    )
    entry_name, device_type, device_name, phonebook = _connection_texts(texts)
    return Connection(
        handle,
        entry_name,
        device_type,
        device_name,
        phonebook if version >= RAS_WINVER_NT4_401 else None,
        subentry if version >= RAS_WINVER_NT4_401 else None,
        UUID(bytes_le=guid) if version >= RAS_WINVER_2000 else None,
        ConnectionFlag(flags) if version >= RAS_WINVER_XP else None,
        luid if version >= RAS_WINVER_XP else None,
        UUID(bytes_le=correlation) if version >= RAS_WINVER_VISTA else None,
    )


def status_texts(records: _Buffer, offset: int = 0) -> tuple[str, str, str]:
    """Decode device type, device name and phone number of an rn_status at `offset`."""
    return _status_texts(bytes(records[offset + _STATUS_HEAD.size : offset + RN_STATUS.size]))


def new_status(
    version: int,
    state: int,
    error: int,
    substate: int,
    endpoints: bytes,
    texts: tuple[str, str, str | None],
) -> Status:
    """Make a Status from the numbers of an rn_status (STATUS_NUMBERS) and its texts."""
    known_substate: ConnSubstate | None
    try:
        known_state, known_substate = _STATES[state], _SUBSTATES[substate]
    except KeyError:
        known_state, known_substate = ConnState(state), ConnSubstate(substate)
    local, remote = _NO_ENDPOINTS if endpoints == _ZEROS else _endpoints(endpoints)
    device_type, device_name, phone_number = texts
    if version < RAS_WINVER_7:
        known_substate = None
        if version < RAS_WINVER_NT4_401:
            phone_number = None
    members = (
        known_state,
        error,
        device_type,
        device_name,
        phone_number,
        local,
        remote,
        known_substate,
    )
    return new_tuple(Status, members)


def decode_status(records: _Buffer, offset: int = 0) -> tuple[int, Status | None]:
    """Decode the rn_status at `offset`: the code of the function, and the status if that is 0."""
    code, version, state, error, substate, endpoints = _STATUS_HEAD.unpack_from(records, offset)
    if code:
        return code, None
    texts = status_texts(records, offset)
    return 0, new_status(version, state, error, substate, endpoints, texts)
