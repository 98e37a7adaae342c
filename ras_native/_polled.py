"""The Python objects of a polled list. A refresh decodes only what changed since the last one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from struct import Struct
from threading import Lock
from typing import Generic, TypeVar, cast

from ._backend.contract import RECORD_HEAD, ConnectionList
from ._backend.layout import (
    RN_RECORD,
    RN_RECORD_CONNECTION,
    RN_RECORD_STATUS,
    RN_UNCHANGED_CONNECTION,
    RN_UNCHANGED_STATUS_TEXTS,
)
from ._records import (
    STATUS_NUMBERS,
    Connection,
    Observation,
    Snapshot,
    decode_connection,
    new_status,
    new_tuple,
    status_texts,
)

_NUMBERS = Struct(  # the head of a record and the numbers of its status
    f"{RECORD_HEAD.format}{RN_RECORD_STATUS - RECORD_HEAD.size}x{STATUS_NUMBERS}"
)
_unpack_numbers, _SIZE = _NUMBERS.unpack_from, RN_RECORD.size

_Item = TypeVar("_Item", Connection, Observation)
_Result = TypeVar("_Result", bound="tuple[object, ...]")


class PolledList(ABC, Generic[_Item, _Result]):
    """A backend's list of connections, decoded.

    `poll()` returns the list's generation, or minus a code. If it equals `generation`, `result` is
    up to date; otherwise call `refresh` to decode what changed. An interrupted refresh loses
    nothing: it sets `generation` last, and the next one collects the same changes again.
    """

    __slots__ = ("_items", "_lock", "_result_type", "_serials", "connections", "generation", "poll",
                 "result")  # fmt: skip

    def __init__(self, connections: ConnectionList, result_type: type[_Result]) -> None:
        self.connections = connections
        self._lock = Lock()
        self._serials: list[int] = []
        self._items: list[_Item] = []
        self._result_type = result_type
        self.poll = connections.poll
        self.generation = 1  # the generation of a new, empty list
        self.result = new_tuple(result_type, ())

    def refresh(self) -> _Result:
        """Decode what changed since the last refresh."""
        with self._lock:
            generation, order, changed, records = self.connections.collect(self.generation)
            if generation == self.generation:  # another thread has refreshed it
                return self.result
            items = self._items if order is None else self._reordered(order)
            self._decode(records, changed, items)
            if order is not None:
                self._serials, self._items = order, items
            self.result = new_tuple(self._result_type, items)
            self.generation = generation
            return self.result

    def _reordered(self, order: list[int]) -> list[_Item]:
        """Return the known items in a new order; `_decode` fills the positions of new ones."""
        known: dict[int, _Item | None] = dict(zip(self._serials, self._items, strict=True))
        return cast("list[_Item]", [known.get(serial) for serial in order])

    @abstractmethod
    def _decode(self, records: memoryview, changed: int, items: list[_Item]) -> None:
        """Decode the first `changed` records, each into its position among the items."""


class PolledConnections(PolledList[Connection, tuple[Connection, ...]]):
    """The connections that RasEnumConnections lists."""

    __slots__ = ()

    def __init__(self, connections: ConnectionList) -> None:
        super().__init__(connections, tuple)

    def _decode(self, records: memoryview, changed: int, items: list[Connection]) -> None:
        for offset in range(0, changed * _SIZE, _SIZE):
            _, index, _ = RECORD_HEAD.unpack_from(records, offset)
            items[index] = decode_connection(records, offset + RN_RECORD_CONNECTION)


class PolledSnapshot(PolledList[Observation, Snapshot]):
    """The connections that RasEnumConnections lists, and their RasGetConnectStatus."""

    __slots__ = ()

    def __init__(self, connections: ConnectionList) -> None:
        super().__init__(connections, Snapshot)

    def _decode(self, records: memoryview, changed: int, items: list[Observation]) -> None:
        for offset in range(0, changed * _SIZE, _SIZE):
            numbers = _unpack_numbers(records, offset)
            _, index, unchanged, code, version, state, error, substate, endpoints = numbers
            last = items[index]
            connection = (
                last.connection
                if unchanged & RN_UNCHANGED_CONNECTION
                else decode_connection(records, offset + RN_RECORD_CONNECTION)
            )
            status = None
            if not code:
                if not unchanged & RN_UNCHANGED_STATUS_TEXTS:
                    texts = status_texts(records, offset + RN_RECORD_STATUS)
                else:  # a failed status has no texts
                    texts = last.status[2:5] if last.status else ("", "", "")
                status = new_status(version, state, error, substate, endpoints, texts)
            items[index] = new_tuple(Observation, (connection, status, code))
