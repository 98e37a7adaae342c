"""The RAS half of the ctypes backend: csrc/shim/provider.c and list.c, to the same records.

Whole buffers are compared as bytes first, so that a poll which finds nothing new decodes
nothing here either.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable, Iterable
from ctypes import addressof, byref, c_uint16, c_uint32, c_void_p, memmove, memset, string_at
from itertools import count
from math import isqrt
from struct import Struct
from threading import Lock
from typing import Any

from .._errors import GONE_CODES
from .contract import RECORD_HEAD, Changes
from .ctypes_os import CtypesEvent, new_event, open_library, wait_events
from .layout import (
    RASCONNSTATUSW,
    RASCONNSTATUSW_VERSIONS,
    RASCONNW,
    RASCONNW_VERSIONS,
    RASCS_DONE,
    RASCS_PAUSED,
    RN_E_ABSURD,
    RN_E_AGAIN,
    RN_E_KEPT_GROWING,
    RN_E_UNSUPPORTED,
    RN_KEPT_CONNECTION,
    RN_KEPT_STATUS_TEXTS,
    RN_MAX_ATTEMPTS,
    RN_MAX_CONNECTIONS,
    RN_STATUS,
    RN_STATUS_TEXT,
    RnConnection,
    RnStatus,
)

__all__ = ["CtypesEvent", "CtypesProvider", "new_event", "now_ns", "open_provider"]

_TOO_SMALL = (603, 122)
_WRONG_SIZE = frozenset((632, 610))
_FIRST_ROOM = 8
_YIELDS_BEFORE_SLEEP = 64
_GONE_INTERVAL_NS = 1_000_000
_SIZES = tuple(size for _, size in RASCONNW_VERSIONS)
_NEWEST_RASCONN = _SIZES[0]
_OFFER = Struct("=II")  # lpcb and lpcConnections before a call
_STATUS_TEXTS = slice(RN_STATUS.size - RN_STATUS_TEXT["phone_number"].stop, None)
_HANDLE = slice(4, 4 + ctypes.sizeof(c_void_p))  # RASCONN.hrasconn

_Answer = tuple[int, bytes, int]  # code, RASCONNSTATUSW, its WINVER


def now_ns() -> int:
    """The clock that `due` counts by."""
    return time.perf_counter_ns()


def _end_of_text(units: bytes) -> int:
    """Where the first NUL of UTF-16 units stands, or their end."""
    end = units.find(b"\0\0")
    while end >= 0 and end % 2:
        end = units.find(b"\0\0", end + 1)
    return len(units) if end < 0 else end


_Moves = list[tuple[int, int, int, bool]]


def _moves(structure: Any, record: Any, names: dict[str, str]) -> _Moves:
    """Where each member of the raw structure begins and ends, where it goes, whether it is text."""
    moves = []
    for name, raw_name in names.items():
        source, target = getattr(structure, raw_name), getattr(record, name)
        end = source.offset + source.size
        moves.append((source.offset, end, target.offset, raw_name.startswith("sz")))
    return moves


def _read(raw: bytes, moves: _Moves, record: bytearray) -> bytes:
    """Copy the members that this version of the raw structure has."""
    for begin, end, to, is_text in moves:
        if end <= len(raw):
            value = raw[begin:end]
            if is_text:
                value = value[: _end_of_text(value)]
            record[to : to + len(value)] = value
    return bytes(record)


_CONNECTION_MOVES = _moves(
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
_STATUS_MOVES = _moves(
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


# Records in which nothing but the version stands, by it.
_CONNECTIONS = {winver: bytes(RnConnection(version=winver)) for winver, _ in RASCONNW_VERSIONS}
_STATUSES = {winver: bytes(RnStatus(version=winver)) for winver, _ in RASCONNSTATUSW_VERSIONS}


def _read_rasconn(raw: bytes, winver: int) -> bytes:
    """One rn_connection, from a RASCONN of that version."""
    return _read(raw, _CONNECTION_MOVES, bytearray(_CONNECTIONS[winver]))


def _read_rasconnstatus(code: int, raw: bytes, winver: int) -> bytes:
    """One rn_status, from the answer and a RASCONNSTATUS of that version."""
    if code:
        return bytes(RnStatus(code=code))
    return _read(raw, _STATUS_MOVES, bytearray(_STATUSES[winver]))


class CtypesProvider:
    """A loaded library with rasapi32's ABI (rn_provider)."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self.enum_connections = self._required("RasEnumConnectionsW")
        self._get_connect_status = self._required("RasGetConnectStatusW")
        self.hang_up = self._required("RasHangUpW", c_void_p)
        self.rasconn_version: int | None = None  # indices of what was negotiated
        self.rasconnstatus_version: int | None = None

    def _required(self, name: str, *argtypes: Any) -> Any:
        """A function; one without `argtypes` takes ctypes objects only, in half the time."""
        function = self._library[name]  # a new object: its types are ours alone
        function.restype = c_uint32
        if argtypes:
            function.argtypes = argtypes
        return function

    def _optional(self, name: str, *argtypes: Any) -> Any:
        """Look up at each use: the function, or None where the library has none."""
        try:
            return self._required(name, *argtypes)
        except AttributeError:
            return None

    def sizes(self) -> tuple[int, int]:
        """Negotiated dwSize of RASCONN and RASCONNSTATUS."""
        rasconn, status = self.rasconn_version, self.rasconnstatus_version
        return (
            0 if rasconn is None else RASCONNW_VERSIONS[rasconn][1],
            0 if status is None else RASCONNSTATUSW_VERSIONS[status][1],
        )

    def new_list(self, *, with_status: bool) -> tuple[int, CtypesList | None]:
        """Code and a kept list."""
        return 0, CtypesList(self, with_status=with_status)

    def ask_status(self, handle: int) -> _Answer:
        """One RasGetConnectStatusW, asked again with older versions where it must be.

        Gives its code, the structure, and the WINVER of the version that was answered.
        """
        raw, first = RASCONNSTATUSW(), self.rasconnstatus_version or 0
        for index in range(first, len(RASCONNSTATUSW_VERSIONS)):
            winver, size = RASCONNSTATUSW_VERSIONS[index]
            memset(addressof(raw), 0, ctypes.sizeof(raw))
            raw.dwSize = size
            code = self._get_connect_status(c_void_p(handle), byref(raw))
            if not code:
                self.rasconnstatus_version = index
            if code not in _WRONG_SIZE:
                break
        return code, string_at(addressof(raw), size), winver

    def ask_statuses(self, asks: list[tuple[Any, Any]]) -> list[int]:
        """Codes of RasGetConnectStatusW for pairs of a handle and a reference to a structure."""
        ask = self._get_connect_status
        return [ask(handle, structure) for handle, structure in asks]

    def get_connect_status(self, handle: int) -> bytes:
        """One rn_status."""
        return _read_rasconnstatus(*self.ask_status(handle))

    def wait_status(
        self,
        handle: int,
        states: tuple[int, ...],
        interval_ns: int,
        slice_ns: int,
        cancel: CtypesEvent | None,
        due: int,
    ) -> tuple[int, int, bytes]:
        """Code, when the next poll is due, and one rn_status."""
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
        """0 once the handle is gone, RN_E_AGAIN, or another code of RasGetConnectStatusW."""
        end = now_ns() + slice_ns
        asked = 0
        while True:
            code, _, _ = self.ask_status(handle)
            if code:
                return 0 if code in GONE_CODES else code
            if now_ns() >= end:
                return RN_E_AGAIN
            wait_events(None, None, 0 if asked < _YIELDS_BEFORE_SLEEP else _GONE_INTERVAL_NS)
            asked += 1

    def get_subentry_handle(self, handle: int, subentry: int) -> tuple[int, int]:
        """Code and the sub-entry's handle."""
        get = self._optional("RasGetSubEntryHandleW", c_void_p, c_uint32, c_void_p)
        found = c_void_p()
        code = RN_E_UNSUPPORTED if get is None else get(handle, subentry, addressof(found))
        return code, 0 if code else found.value or 0

    def get_error_string(self, code: int, length: int) -> tuple[int, bytes]:
        """Code and UTF-16 text of RasGetErrorStringW."""
        get = self._optional("RasGetErrorStringW", c_uint32, c_void_p, c_uint32)
        units = (c_uint16 * length)()
        answer = RN_E_UNSUPPORTED if get is None else get(code, addressof(units), length)
        return answer, bytes(units)

    def connection_notification(
        self, handle: int, event: CtypesEvent, flags: int, *, ansi: bool
    ) -> int:
        """Code of RasConnectionNotificationW, or A."""
        name = "RasConnectionNotificationA" if ansi else "RasConnectionNotificationW"
        notify = self._optional(name, c_void_p, c_void_p, c_uint32)
        if notify is None:
            return RN_E_UNSUPPORTED
        code: int = notify(handle, event.for_provider, flags)
        return code


def _is_reached(status: RnStatus, states: tuple[int, ...]) -> bool:
    if states:
        return status.state in states
    return bool(status.error or status.state & (RASCS_DONE | RASCS_PAUSED))


class _Slot:
    """One connection as it was read last, and when its parts changed."""

    __slots__ = ("answer", "changed", "connection", "connection_changed", "handle", "raw",
                 "serial", "status", "texts_changed")  # fmt: skip

    def __init__(self, serial: int, handle: int) -> None:
        self.serial = serial
        self.handle = handle
        self.raw = b""
        self.connection = b""
        self.changed = 0
        self.connection_changed = 0
        self.answer: _Answer | None = None
        self.status = bytes(RnStatus())
        self.texts_changed = 0

    def kept_parts(self, since: int) -> int:
        return (self.connection_changed <= since) * RN_KEPT_CONNECTION | (
            self.texts_changed <= since
        ) * RN_KEPT_STATUS_TEXTS

    def update_connection(self, raw: bytes, winver: int, generation: int) -> bool:
        record = _read_rasconn(raw, winver)
        changed = record != self.connection
        if changed:
            self.connection, self.connection_changed = record, generation
            self.changed = generation
        self.raw = raw  # last, for Ctrl-C may strike anywhere
        return changed

    def update_status(self, answer: _Answer, generation: int) -> bool:
        if answer == self.answer:
            return False
        record = _read_rasconnstatus(*answer)
        changed = record != self.status  # which is at first as no record is that was read
        if changed:
            if not self.texts_changed or record[_STATUS_TEXTS] != self.status[_STATUS_TEXTS]:
                self.texts_changed = generation
            self.status, self.changed = record, generation
        self.answer = answer  # last, as above
        return changed


class _Batch:
    """The status structures of one list of handles, side by side: filled and compared as one."""

    def __init__(self, slots: list[_Slot], version: int) -> None:
        self.slots = slots
        self.version = version
        self.winver, self.size = RASCONNSTATUSW_VERSIONS[version]
        self._blank = self.size.to_bytes(self.size, sys.byteorder) * len(slots)  # dwSize, zeros
        self._buffer = ctypes.create_string_buffer(len(self._blank) or 1)
        self._address = addressof(self._buffer)
        self._asks = [
            (c_void_p(slot.handle), byref(self._buffer, i * self.size))
            for i, slot in enumerate(slots)
        ]
        self._codes: list[int] = []
        self._raw = b""

    def ask(self, provider: CtypesProvider) -> list[tuple[int, _Answer]]:
        """Ask for all: the answers that are not as they were, and whose slots they are for."""
        memmove(self._address, self._blank, len(self._blank))
        codes = provider.ask_statuses(self._asks)
        raw = string_at(self._address, len(self._blank))
        same_codes = codes == self._codes
        if same_codes and raw == self._raw:
            return []
        changed = _differing(raw, self._raw, self.size) if same_codes else range(len(codes))
        refused = not _WRONG_SIZE.isdisjoint(codes)
        self._codes, self._raw = ([] if refused else codes), raw  # it is asked again next time
        return [
            (i, (codes[i], raw[i * self.size : (i + 1) * self.size], self.winver)) for i in changed
        ]


def _differing(new: bytes, old: bytes, size: int) -> Iterable[int]:
    """Which items of that size differ: by the dozen first, for mostly it is one of many."""
    some = isqrt(len(new) // size) * size
    for first in range(0, len(new), some):
        end = min(first + some, len(new))
        if new[first:end] != old[first:end]:
            for begin in range(first, end, size):
                if new[begin : begin + size] != old[begin : begin + size]:
                    yield begin // size


class _Enumeration:
    """A buffer for RasEnumConnectionsW, kept between polls; one thread at a time calls it."""

    __slots__ = ("_address", "_answered", "_arguments", "_buffer", "_offer", "_offered",
                 "_provider", "_size", "_used", "count", "version")  # fmt: skip

    def __init__(self, provider: CtypesProvider) -> None:
        self._provider = provider
        self.version = 0  # of RASCONNW_VERSIONS
        self.count = 0  # of the elements that the last call gave
        self._make_room(_FIRST_ROOM * _NEWEST_RASCONN)

    def _make_room(self, size: int) -> None:
        buffer, answered = (c_uint32 * -(-size // 4))(), (c_uint32 * 2)()  # lpcb, lpcConnections
        bytes_of = memoryview(answered).cast("B")
        self._used = 0  # bytes that the last call filled
        # all of it, or with Ctrl-C none
        (
            self._size,
            self._address,
            self._buffer,
            self._answered,
            self._offered,
            self._offer,
            self._arguments,
        ) = (
            size,
            addressof(buffer),
            memoryview(buffer).cast("B").cast("I"),
            bytes_of.cast("I"),
            bytes_of.cast("Q"),  # both at once
            memoryview(_OFFER.pack(size, 0)).cast("Q")[0],
            (byref(buffer), byref(answered), byref(answered, 4)),
        )

    def call(self) -> int:
        """Call until the list fits: a code; see enumerate() in list.c.

        Between calls all elements read as nothing.
        """
        provider = self._provider
        self.version = provider.rasconn_version or 0
        attempts = 0  # counted by hand: a range takes a fifth of an empty poll
        while attempts < RN_MAX_ATTEMPTS:
            attempts += 1
            if self._used:
                memset(self._address, 0, self._used)
                self._used = 0
            self._buffer[0] = _SIZES[self.version]
            self._offered[0] = self._offer  # lpcb as it is, lpcConnections 0
            code: int = provider.enum_connections(*self._arguments)
            if not code:
                provider.rasconn_version = self.version
                self.count = self._answered[1]
                return self._measure() if self.count else 0
            memset(self._address, 0, self._size)  # it may have left anything behind
            refusal = self._adapt(code)
            if refusal:
                return refusal
        return RN_E_KEPT_GROWING

    def _measure(self) -> int:
        self._used = self.count * _SIZES[self.version]
        if self._used <= self._size:
            return 0
        memset(self._address, 0, self._size)
        self._used = 0
        return RN_E_ABSURD

    def raw(self) -> bytes:
        """The elements of the last call."""
        return string_at(self._address, self._used)

    def _adapt(self, code: int) -> int:
        """Grow or negotiate, for which the code asks; else what the poll ends with."""
        size = _SIZES[self.version]
        needed = max(self._answered[0], self._answered[1] * size)
        if code in _TOO_SMALL and needed > self._size:
            if needed > RN_MAX_CONNECTIONS * size:
                return RN_E_ABSURD
            self._make_room(needed + needed // 4 + 4 * size)
        elif (code in _TOO_SMALL or code in _WRONG_SIZE) and self.version + 1 < len(_SIZES):
            self.version += 1
        else:
            return code
        return 0


class CtypesList:
    """A list of connections kept between polls (rn_list).

    Threads enumerate side by side, for to take a lock takes as long as the call; what they found
    is taken over one after the other, and what was enumerated before that of another not at all.
    """

    __slots__ = ("_batch", "_generation", "_last_serial", "_lock", "_order_changed", "_provider",
                 "_raw", "_slots", "_spare", "_taken_over", "_tickets", "_winver",
                 "_with_status")  # fmt: skip

    def __init__(self, provider: CtypesProvider, *, with_status: bool) -> None:
        self._provider = provider
        self._with_status = with_status
        self._spare = [_Enumeration(provider)]  # those that no thread calls now
        self._tickets = count(1)  # in the order of enumerations
        self._lock = Lock()  # guards all below
        self._taken_over = 0  # the latest ticket
        self._slots: list[_Slot] = []  # replaced, never changed, when places change
        self._generation = 1
        self._order_changed = 0
        self._last_serial = 0
        self._raw = b""  # all elements as the provider wrote them last
        self._winver = 0
        self._batch: _Batch | None = None

    @property
    def poll(self) -> tuple[Callable[[CtypesList], int], CtypesList]:
        """One poll, as KeptList has it."""
        return CtypesList._poll, self

    def _poll(self) -> int:
        try:
            enumeration = self._spare.pop()
        except IndexError:
            enumeration = _Enumeration(self._provider)
        ticket = next(self._tickets)
        code = enumeration.call()
        if not code and (enumeration.count or self._slots):
            with self._lock:
                if ticket > self._taken_over:
                    self._take_over(enumeration)
                    self._taken_over = ticket
        self._spare.append(enumeration)
        return -code or self._generation

    def _take_over(self, enumeration: _Enumeration) -> None:
        """Compare what was enumerated with the slots, and bring these up to it."""
        winver, _ = RASCONNW_VERSIONS[enumeration.version]
        try:
            self._update(enumeration.raw(), winver, self._generation + 1)
        except BaseException:  # Ctrl-C: what was half taken over is compared anew
            self._generation += 1
            self._raw, self._winver, self._batch = b"", 0, None
            raise

    def _update(self, raw: bytes, winver: int, generation: int) -> None:
        changed = self._update_connections(raw, winver, generation)
        if self._with_status:
            changed |= self._update_statuses(generation)
        if changed:
            self._generation = generation

    def _update_connections(self, raw: bytes, winver: int, generation: int) -> bool:
        if raw == self._raw and winver == self._winver:
            return False
        size = dict(RASCONNW_VERSIONS)[winver]
        spare, slots, changed = list(self._slots), [], False
        for start in range(0, len(raw), size):
            element = raw[start : start + size]
            slot = self._take(spare, element)
            if element != slot.raw or winver != self._winver:
                changed |= slot.update_connection(element, winver, generation)
            slots.append(slot)
        self._raw, self._winver = raw, winver
        if slots != self._slots:
            self._slots, self._order_changed, changed = slots, generation, True
        return changed

    def _take(self, spare: list[_Slot], element: bytes) -> _Slot:
        """Take the slot with the element's handle out of `spare`, or begin one."""
        handle = int.from_bytes(element[_HANDLE], sys.byteorder)
        for at, slot in enumerate(spare):
            if slot.handle == handle:
                return spare.pop(at)
        self._last_serial += 1
        return _Slot(self._last_serial, handle)

    def _update_statuses(self, generation: int) -> bool:
        changed = False
        for index, answer in self._ask_statuses():
            changed |= self._slots[index].update_status(answer, generation)
        return changed

    def _ask_statuses(self) -> list[tuple[int, _Answer]]:
        """What is answered otherwise than the last time, and for which slots."""
        provider, slots, batch = self._provider, self._slots, self._batch
        version = provider.rasconnstatus_version
        if version is None:
            return [(i, provider.ask_status(slot.handle)) for i, slot in enumerate(slots)]
        if batch is None or batch.slots is not slots or batch.version != version:
            batch = self._batch = _Batch(slots, version)
        return [
            (i, provider.ask_status(slots[i].handle) if answer[0] in _WRONG_SIZE else answer)
            for i, answer in batch.ask(provider)
        ]

    def collect(self, since: int) -> Changes:
        """Copy what changed after generation `since`."""
        with self._lock:
            changed = [
                RECORD_HEAD.pack(slot.serial, index, slot.kept_parts(since))
                + slot.connection
                + slot.status
                for index, slot in enumerate(self._slots)
                if slot.changed > since
            ]
            reordered = self._order_changed > since
            order = [slot.serial for slot in self._slots] if reordered else None
            records = memoryview(b"".join(changed))
            return self._generation, order, len(changed), records


def open_provider(path: str | None) -> tuple[int, int, str, CtypesProvider | None]:
    """Code, the system's error number and text, and the provider."""
    code, os_error, reason, library = open_library(path)
    if library is None:
        return code, os_error, reason, None
    try:
        return 0, 0, "", CtypesProvider(library)
    except AttributeError:
        return RN_E_UNSUPPORTED, 0, "", None
