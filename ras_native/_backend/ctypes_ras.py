"""The RAS calls of the ctypes backend: csrc/shim/{provider,record,reading,list}.c in Python.

It makes the same records, byte for byte. It compares bytes before it decodes anything.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Iterator
from ctypes import addressof, byref, c_uint16, c_uint32, c_void_p, sizeof
from itertools import chain, count
from struct import Struct
from threading import Lock
from typing import Any, NamedTuple

from .codes import (
    ERROR_BUFFER_INVALID,
    ERROR_BUFFER_TOO_SMALL,
    ERROR_INSUFFICIENT_BUFFER,
    ERROR_INVALID_SIZE,
)
from .contract import GONE_CODES, RECORD_HEAD, Changes
from .ctypes_os import CtypesEvent, new_event, open_library, wait_events
from .ctypes_projection import ask_projection, new_reading, read_projection
from .ctypes_traffic import CtypesMeter, new_traffic
from .functions import FUNCTIONS
from .layout import (
    RAS_STATS,
    RASCONNSTATUSW,
    RASCONNSTATUSW_VERSIONS,
    RASCONNW,
    RASCONNW_VERSIONS,
    RASCS_DONE,
    RASCS_PAUSED,
    RN_E_ABSURD,
    RN_E_AGAIN,
    RN_E_KEEPS_GROWING,
    RN_E_UNSUPPORTED,
    RN_FIRST_CAPACITY,
    RN_GONE_INTERVAL_NS,
    RN_MAX_ATTEMPTS,
    RN_MAX_CONNECTIONS,
    RN_PROJECTION_READINGS,
    RN_STATUS,
    RN_STATUS_TEXT,
    RN_UNCHANGED_CONNECTION,
    RN_UNCHANGED_STATUS_TEXTS,
    RN_YIELDS_BEFORE_SLEEP,
    RnConnection,
    RnProjection,
    RnStatistics,
    RnStatus,
)

__all__ = ["CtypesEvent", "CtypesProvider", "new_event", "now_ns", "open_provider"]

_TOO_SMALL = (ERROR_BUFFER_TOO_SMALL, ERROR_INSUFFICIENT_BUFFER)
_WRONG_SIZE = (ERROR_INVALID_SIZE, ERROR_BUFFER_INVALID)
_SIZES = tuple(size for _, size in RASCONNW_VERSIONS)
_STATUS_SIZES = tuple(size for _, size in RASCONNSTATUSW_VERSIONS)
_STATUS_TEXTS = slice(RN_STATUS.size - RN_STATUS_TEXT["phone_number"].stop, None)
_BLANK_STATUSES = tuple(size.to_bytes(4, sys.byteorder) + bytes(size - 4) for size in _STATUS_SIZES)
_HANDLES = tuple(  # RASCONN.hrasconn, for each version of the structure
    Struct(f"=4x{'Q' if sizeof(c_void_p) == 8 else 'I'}{size - 4 - sizeof(c_void_p)}x")
    for size in _SIZES
)


def now_ns() -> int:
    """Read the clock to which `due` refers."""
    return time.perf_counter_ns()


# Records (record.c)


def _end_of_text(units: bytes) -> int:
    """Return the offset of the first NUL in UTF-16 units, or of their end."""
    end = units.find(b"\0\0")
    while end >= 0 and end % 2:
        end = units.find(b"\0\0", end + 1)
    return len(units) if end < 0 else end


class _Field(NamedTuple):
    """The begin and the end of a member in the raw structure, and its begin in the record."""

    begin: int
    end: int
    offset: int
    is_text: bool


def _field_map(structure: Any, record: Any, names: dict[str, str]) -> list[_Field]:
    """Match the members of a record with those of the raw structure, by their names."""
    fields = []
    for name, raw_name in names.items():
        member, offset = getattr(structure, raw_name), getattr(record, name).offset
        end = member.offset + member.size
        fields.append(_Field(member.offset, end, offset, raw_name.startswith("sz")))
    return fields


def _read(raw: bytes, fields: list[_Field], record: bytearray) -> bytes:
    """Copy the members that this version of the raw structure has."""
    for begin, end, offset, is_text in fields:
        if end <= len(raw):
            value = raw[begin:end]
            if is_text:
                value = value[: _end_of_text(value)]
            record[offset : offset + len(value)] = value
    return bytes(record)


_CONNECTION_FIELDS = _field_map(
    RASCONNW,
    RnConnection,
    {
        "handle": "hrasconn",
        "entry_name": "szEntryName",
        "device_type": "szDeviceType",
        "device_name": "szDeviceName",
        "phonebook": "szPhonebook",
        "subentry": "dwSubEntry",
        "guid_entry": "guidEntry",
        "flags": "dwFlags",
        "luid": "luid",
        "correlation_id": "guidCorrelationId",
    },
)
_STATUS_FIELDS = _field_map(
    RASCONNSTATUSW,
    RnStatus,
    {
        "state": "rasconnstate",
        "error": "dwError",
        "device_type": "szDeviceType",
        "device_name": "szDeviceName",
        "phone_number": "szPhoneNumber",
        "local_endpoint": "localEndPoint",
        "remote_endpoint": "remoteEndPoint",
        "substate": "rasconnsubstate",
    },
)


_Answer = tuple[int, int, bytes]
"""An answer of RasGetConnectStatusW: code, index into RASCONNSTATUSW_VERSIONS, RASCONNSTATUSW."""


def _read_connection(raw: bytes, version: int) -> bytes:
    """Make one rn_connection from a RASCONN of that version."""
    winver, _ = RASCONNW_VERSIONS[version]
    return _read(raw, _CONNECTION_FIELDS, bytearray(RnConnection(version=winver)))


def _read_status(answer: _Answer) -> bytes:
    """Make one rn_status."""
    code, version, raw = answer
    if code:
        return bytes(RnStatus(code=code))
    winver, _ = RASCONNSTATUSW_VERSIONS[version]
    return _read(raw, _STATUS_FIELDS, bytearray(RnStatus(version=winver)))


# The provider (provider.c)


class _StatusBuffer:
    """Memory for one RASCONNSTATUSW."""

    def __init__(self) -> None:
        buffer = ctypes.create_string_buffer(_STATUS_SIZES[0])
        self.view = memoryview(buffer).cast("B")
        self.reference = byref(buffer)


# Statistics (statistics.c)


_COUNTERS_SIZE = sizeof(RAS_STATS) - sizeof(c_uint32)  # both structures have the same numbers
_COUNTERS = slice(-sizeof(c_uint32) - _COUNTERS_SIZE, -sizeof(c_uint32))
_BLANK_STATISTICS = bytes(RAS_STATS(dwSize=sizeof(RAS_STATS)))


class _StatisticsBuffer:
    """Memory for one RAS_STATS."""

    def __init__(self) -> None:
        buffer = ctypes.create_string_buffer(sizeof(RAS_STATS))
        self.view = memoryview(buffer).cast("B")
        self.reference = byref(buffer)


def _ask_statistics(get: Any, scratch: _StatisticsBuffer, handle: int, *subentry: int) -> bytes:
    """Call the function, which may be None; make one rn_statistics (statistics.c)."""
    scratch.view[:] = _BLANK_STATISTICS
    code = RN_E_UNSUPPORTED if get is None else get(handle, *subentry, scratch.reference)
    record = bytearray(RnStatistics(handle=handle, code=code))
    if not code:
        record[_COUNTERS] = scratch.view[-_COUNTERS_SIZE:]
    return bytes(record)


class CtypesProvider:
    """A loaded library with rasapi32's ABI (rn_provider)."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self.enum_connections = self._required("RasEnumConnectionsW")
        self._get_connect_status = self._required("RasGetConnectStatusW")
        self.hang_up = self._typed("RasHangUpW")
        self.rasconn_version: int | None = None  # the indices of the negotiated versions
        self.rasconnstatus_version: int | None = None

    def _required(self, name: str) -> Any:
        """Find a function of the library. Raises AttributeError if there is none.

        It takes ctypes objects only, which is twice as fast as a function with types.
        """
        function = self._library[name]  # a new object, so setting its types affects nobody else
        function.restype = c_uint32
        return function

    def _typed(self, name: str) -> Any:
        """Find a function that converts its arguments."""
        function = self._required(name)
        function.argtypes = FUNCTIONS[name][1:]
        return function

    def _optional(self, name: str) -> Any:
        """Look up a function for one use; None if the library has none."""
        try:
            return self._typed(name)
        except AttributeError:
            return None

    def sizes(self) -> tuple[int, int]:
        """Return the negotiated dwSize of RASCONN and RASCONNSTATUS."""
        rasconn, status = self.rasconn_version, self.rasconnstatus_version
        return (
            0 if rasconn is None else _SIZES[rasconn],
            0 if status is None else _STATUS_SIZES[status],
        )

    def new_list(self, *, with_status: bool) -> tuple[int, CtypesList | None]:
        """Return a code and the list."""
        return 0, CtypesList(self, with_status=with_status)

    def ask_status(self, handle: int, scratch: _StatusBuffer) -> _Answer:
        """Call RasGetConnectStatusW, with older versions until the provider accepts the size."""
        version = self.rasconnstatus_version or 0
        while True:
            size = _STATUS_SIZES[version]
            scratch.view[:size] = _BLANK_STATUSES[version]
            code = self._get_connect_status(c_void_p(handle), scratch.reference)
            if not code:
                self.rasconnstatus_version = version
                return 0, version, scratch.view[:size].tobytes()
            version += 1
            if code not in _WRONG_SIZE or version == len(_STATUS_SIZES):
                return code, 0, b""

    def get_connect_status(self, handle: int) -> bytes:
        """Return one rn_status."""
        return _read_status(self.ask_status(handle, _StatusBuffer()))

    def get_projection_info(self, handle: int) -> tuple[int, bytes]:
        """Return a code and one rn_projection."""
        get = self._optional("RasGetProjectionInfoEx")
        if get is None:
            return RN_E_UNSUPPORTED, bytes(RnProjection())
        scratch, reading = _StatusBuffer(), new_reading()
        now = self.ask_status(handle, scratch)
        for _ in range(RN_PROJECTION_READINGS):
            code = ask_projection(get, handle, reading)
            if code:
                return code, bytes(RnProjection())
            before, now = now, self.ask_status(handle, scratch)
            if now == before:
                break
        code, _, _ = now
        return code, bytes(RnProjection() if code else read_projection(reading))

    def wait_status(
        self,
        handle: int,
        states: tuple[int, ...],
        interval_ns: int,
        slice_ns: int,
        cancel: CtypesEvent | None,
        due: int,
    ) -> tuple[int, int, bytes]:
        """Return a code, when the next poll is due, and one rn_status."""
        end = now_ns() + slice_ns
        status = bytes(RnStatus())
        while True:
            now = now_ns()
            if now >= due:
                status = self.get_connect_status(handle)
                record = RnStatus.from_buffer_copy(status)
                if record.code or _is_reached(record, states):
                    return record.code, due, status
                now = now_ns()
                due = now + interval_ns
            if now >= end:
                return RN_E_AGAIN, due, status
            paused = wait_events(None, cancel, min(due, end) - now)
            if paused != RN_E_AGAIN:
                return paused, due, status

    def wait_gone(self, handle: int, slice_ns: int) -> int:
        """Return 0 once the handle is invalid, RN_E_AGAIN, or a code of RasGetConnectStatusW."""
        end, scratch = now_ns() + slice_ns, _StatusBuffer()
        asked = 0
        while True:
            code, _, _ = self.ask_status(handle, scratch)
            if code:
                return 0 if code in GONE_CODES else code
            if now_ns() >= end:
                return RN_E_AGAIN
            wait_events(None, None, 0 if asked < RN_YIELDS_BEFORE_SLEEP else RN_GONE_INTERVAL_NS)
            asked += 1

    def get_subentry_handle(self, handle: int, subentry: int) -> tuple[int, int]:
        """Return a code and the sub-entry's handle."""
        get = self._optional("RasGetSubEntryHandleW")
        found = c_void_p()
        code = RN_E_UNSUPPORTED if get is None else get(handle, subentry, byref(found))
        return code, 0 if code else found.value or 0

    def find_statistics(self) -> Any:
        """Look up RasGetConnectionStatistics for one use; None if the library has none."""
        return self._optional("RasGetConnectionStatistics")

    def get_statistics(self, handle: int, subentry: int) -> bytes:
        """Return one rn_statistics; `subentry` 0 is the whole connection."""
        if subentry:
            get = self._optional("RasGetLinkStatistics")
            return _ask_statistics(get, _StatisticsBuffer(), handle, subentry)
        return _ask_statistics(self.find_statistics(), _StatisticsBuffer(), handle)

    def clear_connection_statistics(self, handle: int) -> int:
        """Return the code of RasClearConnectionStatistics."""
        clear = self._optional("RasClearConnectionStatistics")
        code: int = RN_E_UNSUPPORTED if clear is None else clear(handle)
        return code

    def get_error_string(self, code: int, length: int) -> tuple[int, bytes]:
        """Return a code and the UTF-16 text of RasGetErrorStringW."""
        get = self._optional("RasGetErrorStringW")
        units = (c_uint16 * length)()
        answer = RN_E_UNSUPPORTED if get is None else get(code, addressof(units), length)
        return answer, bytes(units)

    def connection_notification(
        self, handle: int, event: CtypesEvent, flags: int, *, ansi: bool
    ) -> int:
        """Return the code of RasConnectionNotificationW, or of its A variant."""
        name = "RasConnectionNotificationA" if ansi else "RasConnectionNotificationW"
        notify = self._optional(name)
        if notify is None:
            return RN_E_UNSUPPORTED
        code: int = notify(handle, event.for_provider, flags)
        return code


def _is_reached(status: RnStatus, states: tuple[int, ...]) -> bool:
    if states:
        return status.state in states
    return bool(status.error or status.state & (RASCS_DONE | RASCS_PAUSED))


# One poll (reading.c)


class _Reading(NamedTuple):
    """What one poll read."""

    version: int  # index into RASCONNW_VERSIONS
    connections: bytes  # RASCONN elements
    answers: list[_Answer]  # one per element if the poll reads statuses

    def elements(self) -> Iterator[bytes]:
        """Iterate over the RASCONN elements."""
        size = _SIZES[self.version]
        return (self.connections[i : i + size] for i in range(0, len(self.connections), size))

    def handles(self) -> list[int]:
        """Return the handle of each RASCONN."""
        return [handle for (handle,) in _HANDLES[self.version].iter_unpack(self.connections)]


_NOTHING = _Reading(0, b"", [])


class _Poll:
    """The buffers of a poll; one thread at a time uses them."""

    __slots__ = ("_arguments", "_count", "_dirty", "_dw_size", "_needed", "_size", "_view",
                 "count", "status", "version")  # fmt: skip

    def __init__(self) -> None:
        self.version = 0  # the version of the elements: an index into RASCONNW_VERSIONS
        self.count = 0  # elements that the last call wrote
        self.status = _StatusBuffer()  # for one call after another
        self._needed, self._count = c_uint32(), c_uint32()
        self._resize(RN_FIRST_CAPACITY * _SIZES[0])

    def _resize(self, size: int) -> None:
        buffer = ctypes.create_string_buffer(size)
        self._view, self._size = memoryview(buffer).cast("B"), size
        self._dw_size = c_uint32.from_buffer(buffer)
        self._arguments = byref(buffer), byref(self._needed), byref(self._count)
        self._dirty = size  # the bytes to clear before the next call

    def _clear(self, version: int) -> None:
        """Set the bytes that a call wrote to 0, so that no old answer remains."""
        self._view[: self._dirty] = bytes(self._dirty)
        self._count.value = self._dirty = self.count = 0
        self._dw_size.value, self.version = _SIZES[version], version

    def enumerate(self, provider: CtypesProvider) -> int:
        """Call RasEnumConnectionsW until the list fits; return a code."""
        version, attempts = provider.rasconn_version or 0, 0
        while attempts < RN_MAX_ATTEMPTS:
            attempts += 1
            if self._dirty or version != self.version:
                self._clear(version)
            self._needed.value = self._size
            code: int = provider.enum_connections(*self._arguments)
            found, size = self._count.value, _SIZES[version]
            if not code:
                provider.rasconn_version = version
                return self._accept(found) if found else 0
            self._dirty = self._size  # a failed call may have written anything
            needed = max(self._needed.value, found * size)
            if code in _TOO_SMALL and needed > self._size:
                if needed > RN_MAX_CONNECTIONS * size:
                    return RN_E_ABSURD
                self._resize(needed + needed // 4 + 4 * size)
            elif code in (*_TOO_SMALL, *_WRONG_SIZE) and version + 1 < len(_SIZES):
                version += 1
            else:
                return code
        return RN_E_KEEPS_GROWING

    def _accept(self, found: int) -> int:
        """Check the number of elements that a call reports."""
        used = found * _SIZES[self.version]
        if found > RN_MAX_CONNECTIONS or used > self._size:
            self._dirty = self._size
            return RN_E_ABSURD
        self._dirty, self.count = used, found
        return 0

    def elements(self) -> bytes:
        """Return the RASCONN elements that the last call wrote."""
        return self._view[: self.count * _SIZES[self.version]].tobytes()


# The list (list.c)


class _Item(NamedTuple):
    """The last reading of one connection, and the generations in which its parts changed."""

    serial: int
    handle: int
    changed: int = 0
    connection_changed: int = 0
    texts_changed: int = 0  # 0: never read
    connection: bytes = b""
    status: bytes = bytes(RnStatus())

    def with_connection(self, raw: bytes, version: int, generation: int) -> _Item:
        """Return the item with the data of this RASCONN."""
        record = _read_connection(raw, version)
        if record == self.connection:
            return self
        return self._replace(connection=record, changed=generation, connection_changed=generation)

    def with_status(self, answer: _Answer, generation: int) -> _Item:
        """Return the item with this status."""
        record = _read_status(answer)
        if record == self.status:
            return self
        same_texts = self.texts_changed and record[_STATUS_TEXTS] == self.status[_STATUS_TEXTS]
        texts_changed = self.texts_changed if same_texts else generation
        return self._replace(status=record, changed=generation, texts_changed=texts_changed)

    def unchanged_parts(self, since: int) -> int:
        """Return RN_UNCHANGED_... for the parts that did not change after `since`."""
        return (self.connection_changed <= since) * RN_UNCHANGED_CONNECTION | (
            self.texts_changed <= since
        ) * RN_UNCHANGED_STATUS_TEXTS


class _State(NamedTuple):
    """The state that a poll changes. A poll replaces it as a whole, so Ctrl-C leaves no half."""

    reading: _Reading = _NOTHING
    items: tuple[_Item, ...] = ()
    generation: int = 1
    order_changed: int = 0
    last_serial: int = 0


class CtypesList:
    """A list of connections that remembers its last poll (rn_list)."""

    def __init__(self, provider: CtypesProvider, *, with_status: bool) -> None:
        self._provider = provider
        self._with_status = with_status
        self._spare = [_Poll()]  # unused buffers, one for each simultaneous poll
        self._is_shared = False  # whether polls have ever run at the same time
        self._tickets = count(1)  # polls are numbered in the order in which they begin
        self._lock = Lock()  # guards the next two; nobody holds it while the provider runs
        self._applied = 0  # the ticket of the poll that was applied last
        self._state = _State()
        self.enumerated_ns = 0  # when the last enumeration that listed something returned

    def poll(self) -> int:
        """Poll once; return the list's generation, or minus a code."""
        poll, ticket = self._begin()
        code = poll.enumerate(self._provider)
        reading = self._read(poll) if poll.count else _NOTHING
        return self._end(poll, reading, ticket, code)

    def statistics(self) -> tuple[int, bytes]:
        """Return the list's generation, or minus a code, and the rn_statistics of each."""
        poll, ticket = self._begin()
        code = poll.enumerate(self._provider)
        if not poll.count:
            return self._end(poll, _NOTHING, ticket, code), b""
        reading = self._read(poll)
        get, scratch = self._provider.find_statistics(), _StatisticsBuffer()
        handles = reading.handles()
        if get is None:
            code, handles = RN_E_UNSUPPORTED, []
        records = b"".join([_ask_statistics(get, scratch, each) for each in handles])
        return self._end(poll, reading, ticket, code), records

    def _begin(self) -> tuple[_Poll, int]:
        try:
            poll = self._spare.pop()
        except IndexError:
            poll, self._is_shared = _Poll(), True
        return poll, next(self._tickets)

    def _end(self, poll: _Poll, reading: _Reading, ticket: int, code: int) -> int:
        """Apply what a poll read; return the list's generation, or minus a code."""
        # The commonest case takes no lock: one thread polls, and nothing is connected.
        if not code and (self._is_shared or reading is not self._state.reading):
            self._apply(reading, ticket)
        self._spare.append(poll)
        return -code or self._state.generation

    def _apply(self, reading: _Reading, ticket: int) -> None:
        """Apply the reading, unless a poll that began later was applied already."""
        with self._lock:
            if ticket > self._applied:
                if reading != self._state.reading:
                    self._state = _applied(self._state, reading)
                self._applied = ticket

    def _read(self, poll: _Poll) -> _Reading:
        """Read the statuses; return them with the enumeration."""
        self.enumerated_ns = now_ns()
        reading = _Reading(poll.version, poll.elements(), [])
        if self._with_status:
            ask, scratch = self._provider.ask_status, poll.status
            reading.answers.extend([ask(handle, scratch) for handle in reading.handles()])
        return reading

    def new_meter(self, interval_ns: int, silent_after_ns: int) -> CtypesMeter:
        """Make a meter for the connections of this list."""
        return CtypesMeter(interval_ns, silent_after_ns, now_ns)

    def sample(self, meter: CtypesMeter, at_ns: int) -> bool:
        """Sample what the last poll read; return whether a connection's silence changed."""
        get, scratch = self._provider.find_statistics(), _StatisticsBuffer()
        listed = [new_traffic(item.connection, item.status) for item in self._state.items]
        return meter.sample(listed, lambda handle: _ask_statistics(get, scratch, handle), at_ns)

    def collect(self, since: int) -> Changes:
        """Copy what changed after generation `since`."""
        state = self._state
        changed = [
            RECORD_HEAD.pack(item.serial, index, item.unchanged_parts(since))
            + item.connection
            + item.status
            for index, item in enumerate(state.items)
            if item.changed > since
        ]
        reordered = state.order_changed > since
        order = [item.serial for item in state.items] if reordered else None
        return state.generation, order, len(changed), memoryview(b"".join(changed))


def _applied(state: _State, reading: _Reading) -> _State:
    """Return the state after a poll that read other bytes than the last one."""
    generation, handles = state.generation + 1, reading.handles()
    same_order = handles == [item.handle for item in state.items]
    items, last_serial = list(state.items), state.last_serial
    if not same_order:
        items, last_serial = _reordered(state, handles)
    comparable = same_order and reading.version == state.reading.version
    last = list(state.reading.elements()) if comparable else [b""] * len(items)
    for index, raw in enumerate(reading.elements()):
        if raw != last[index]:
            items[index] = items[index].with_connection(raw, reading.version, generation)
    for index, answer in enumerate(reading.answers):
        if not same_order or answer != state.reading.answers[index]:
            items[index] = items[index].with_status(answer, generation)
    if same_order and not any(item.changed == generation for item in items):
        return state._replace(reading=reading)
    order_changed = state.order_changed if same_order else generation
    return _State(reading, tuple(items), generation, order_changed, last_serial)


def _reordered(state: _State, handles: list[int]) -> tuple[list[_Item], int]:
    """Return the items of these handles in this order, with new ones, and the last serial.

    Each search starts after the item that was found last, where the next one usually is.
    """
    known: list[_Item | None] = list(state.items)
    items, serial, hint = [], state.last_serial, 0
    for handle in handles:
        for index in chain(range(hint, len(known)), range(hint)):
            item = known[index]
            if item is not None and item.handle == handle:
                known[index], hint = None, index + 1
                break
        else:
            serial += 1
            item = _Item(serial, handle)
        items.append(item)
    return items, serial


def open_provider(path: str | None) -> tuple[int, int, str, CtypesProvider | None]:
    """Return a code, the system's error number and text, and the provider."""
    code, os_error, reason, library = open_library(path)
    if library is None:
        return code, os_error, reason, None
    try:
        return 0, 0, "", CtypesProvider(library)
    except AttributeError:
        return RN_E_UNSUPPORTED, 0, "", None
