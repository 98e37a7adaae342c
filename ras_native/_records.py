"""What users see of a connection, and the decoder of the records of csrc/shim/rn.h."""

from __future__ import annotations

import sys
from enum import IntEnum, IntFlag
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from ._backend.layout import (
    RN_CONNECTION,
    RN_CONNECTION_TEXT,
    RN_ENDPOINT,
    RN_STATUS,
    RN_STATUS_TEXT,
)
from ._errors import GONE_CODES

_UTF16 = "utf-16-le" if sys.byteorder == "little" else "utf-16-be"


class _OpenEnum(IntEnum):
    """An IntEnum that keeps numbers it has no name for (GS-6)."""

    @classmethod
    def _missing_(cls, value: object) -> _OpenEnum | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value:#x}"
        member._value_ = value
        return member


class ConnState(_OpenEnum):
    """RASCONNSTATE: where a connection is between opening its port and its end.

    Unknown numbers survive as `ConnState(n)` named `UNKNOWN_0x...`.
    """

    OPEN_PORT = 0
    PORT_OPENED = 1
    CONNECT_DEVICE = 2
    DEVICE_CONNECTED = 3
    ALL_DEVICES_CONNECTED = 4
    AUTHENTICATE = 5
    AUTH_NOTIFY = 6
    AUTH_RETRY = 7
    AUTH_CALLBACK = 8
    AUTH_CHANGE_PASSWORD = 9
    AUTH_PROJECT = 10
    AUTH_LINK_SPEED = 11
    AUTH_ACK = 12
    RE_AUTHENTICATE = 13
    AUTHENTICATED = 14
    PREPARE_FOR_CALLBACK = 15
    WAIT_FOR_MODEM_RESET = 16
    WAIT_FOR_CALLBACK = 17
    PROJECTED = 18
    START_AUTHENTICATION = 19
    CALLBACK_COMPLETE = 20
    LOGON_NETWORK = 21
    SUB_ENTRY_CONNECTED = 22
    SUB_ENTRY_DISCONNECTED = 23
    APPLY_SETTINGS = 24
    INTERACTIVE = 0x1000
    RETRY_AUTHENTICATION = 0x1001
    CALLBACK_SET_BY_CALLER = 0x1002
    PASSWORD_EXPIRED = 0x1003
    INVOKE_EAP_UI = 0x1004
    CONNECTED = 0x2000
    DISCONNECTED = 0x2001

    @property
    def is_done(self) -> bool:
        """Whether the connecting is over, one way or the other (the bit RASCS_DONE)."""
        return bool(self & 0x2000)

    @property
    def is_paused(self) -> bool:
        """Whether the connecting waits for somebody (the bit RASCS_PAUSED)."""
        return bool(self & 0x1000)


class ConnSubstate(_OpenEnum):
    """RASCONNSUBSTATE: what an IKEv2 tunnel that counts as connected does meanwhile."""

    NONE = 0
    DORMANT = 1
    RECONNECTING = 2
    RECONNECTED = 0x2000


class NotificationFlag(IntFlag):
    """RASCN_*: what sets the event of `connection_notification` (CN-4 to CN-8)."""

    CONNECTION = 0x01
    DISCONNECTION = 0x02
    BANDWIDTH_ADDED = 0x04
    BANDWIDTH_REMOVED = 0x08
    DORMANT = 0x10
    RECONNECTION = 0x20
    EPDG_PACKET_ARRIVAL = 0x40
    ALL = 0x7F


class ConnectionFlag(IntFlag):
    """RASCF_*: whose the connection is."""

    ALL_USERS = 1
    GLOBAL_CREDS = 2
    OWNER_KNOWN = 4
    OWNER_MATCH = 8


class Connection(NamedTuple):
    """One RASCONN: a connection as RasEnumConnections lists it (EN-1).

    A member is None where the system answered with a version of the structure that lacks it.
    """

    handle: int
    """HRASCONN: what the other functions take; valid in every process of the machine."""
    entry_name: str
    """Phone-book entry, or "." and the phone number where there is none (EN-8)."""
    device_type: str
    device_name: str
    phonebook: str | None
    """Path of the phone book."""
    subentry: int | None
    """One-based index for a multilink sub-entry, else 0."""
    guid_entry: UUID | None
    flags: ConnectionFlag | None
    luid: int | None
    """Logon session, as one 64-bit number."""
    correlation_id: UUID | None
    """Names this connection in the event log (source RasClient)."""

    @property
    def by_number(self) -> bool:
        """Whether it was dialled without a phone-book entry (EN-8)."""
        return self.entry_name.startswith(".")

    @property
    def phone_number(self) -> str | None:
        """The number it was dialled by, None where it was dialled by its entry (EN-8)."""
        return self.entry_name[1:] if self.by_number else None


Endpoint = IPv4Address | IPv6Address


class Status(NamedTuple):
    """One RASCONNSTATUS: what RasGetConnectStatus says of a handle (GS-1).

    A member is None where the system answered with a version of the structure that lacks it,
    an end point also where the system does not know it (common, for instance with SSTP).
    """

    state: ConnState
    error: int
    """dwError: why connecting failed, 0 otherwise. Not the function's own answer (GS-3)."""
    device_type: str
    device_name: str
    phone_number: str | None
    local_endpoint: Endpoint | None
    remote_endpoint: Endpoint | None
    substate: ConnSubstate | None


class Observation(NamedTuple):
    """One connection of a snapshot and what its status call answered (EN-11)."""

    connection: Connection
    status: Status | None
    """None unless `code` is 0."""
    code: int
    """What RasGetConnectStatus returned: 0, or 6 where the connection was gone by then."""

    @property
    def gone(self) -> bool:
        """Whether the connection ended between being listed and being asked."""
        return self.code in GONE_CODES


class Snapshot(tuple[Observation, ...]):
    """Every connection with its status, from one call; equal snapshots are one object."""

    __slots__ = ()

    @property
    def gone(self) -> tuple[Observation, ...]:
        """Those that ended between being listed and being asked."""
        return tuple(item for item in self if item.gone)

    def find(self, entry_name: str) -> Observation | None:
        """The first connection of that phone-book entry, letter case aside; None if none."""
        wanted = entry_name.casefold()
        return next((o for o in self if o.connection.entry_name.casefold() == wanted), None)


STATUS_NUMBERS = f"5I4x{2 * RN_ENDPOINT.size}s"  # of RN_STATUS: all but texts; end points as one
_STATUS_HEAD = Struct(f"={STATUS_NUMBERS}")
_ZEROS, _NO_ENDPOINTS = bytes(2 * RN_ENDPOINT.size), (None, None)
new_tuple = tuple.__new__  # makes a named tuple in half the time
_STATES = {int(state): state for state in ConnState}
_SUBSTATES = {int(substate): substate for substate in ConnSubstate}
_Buffer = bytes | bytearray | memoryview


def text(units: bytes) -> str:
    """Decode UTF-16 code units up to the first NUL; lone surrogates are kept."""
    return units.decode(_UTF16, "surrogatepass").partition("\0")[0]


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
    """An rn_connection at `offset` of a buffer."""
    handle, luid, version, subentry, flags, _, guid, correlation, texts = RN_CONNECTION.unpack_from(
        records, offset
    )
    entry_name, device_type, device_name, phonebook = _connection_texts(texts)
    return Connection(
        handle,
        entry_name,
        device_type,
        device_name,
        phonebook if version >= 0x401 else None,
        subentry if version >= 0x401 else None,
        UUID(bytes_le=guid) if version >= 0x500 else None,
        ConnectionFlag(flags) if version >= 0x501 else None,
        luid if version >= 0x501 else None,
        UUID(bytes_le=correlation) if version >= 0x600 else None,
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
    if version < 0x601:
        known_substate = None
        if version < 0x401:
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
    """An rn_status at `offset` of a buffer: the function's answer, and the status if that is 0."""
    code, version, state, error, substate, endpoints = _STATUS_HEAD.unpack_from(records, offset)
    if code:
        return code, None
    texts = status_texts(records, offset)
    return 0, new_status(version, state, error, substate, endpoints, texts)
