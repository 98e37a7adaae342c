"""A kept list and the Python objects decoded from it: only what changed is decoded again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from struct import Struct
from threading import Lock
from typing import Generic, TypeVar, cast

from ._backend.contract import RECORD_HEAD, KeptList
from ._backend.layout import (
    RN_KEPT_CONNECTION,
    RN_KEPT_STATUS_TEXTS,
    RN_RECORD,
    RN_RECORD_CONNECTION,
    RN_RECORD_STATUS,
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

_NUMBERS = Struct(  # the head and the numbers of the status
    f"{RECORD_HEAD.format}{RN_RECORD_STATUS - RECORD_HEAD.size}x{STATUS_NUMBERS}"
)
_unpack_numbers, _SIZE = _NUMBERS.unpack_from, RN_RECORD.size

_Item = TypeVar("_Item", Connection, Observation)
_Result = TypeVar("_Result", bound="tuple[object, ...]")


class Kept(ABC, Generic[_Item, _Result]):
    """The decoded side of a kept list.

    The fast path is its owner's, in one frame: `kept.poll(kept.polled) != kept.generation` says
    that `refresh` has work to do. Interrupted anywhere, refresh loses nothing: the generation is
    taken over last, and collecting since the old one gives at least the same again.
    """

    __slots__ = ("_known", "_list", "_lock", "_result_type", "generation", "poll", "polled",
                 "result")  # fmt: skip

    def __init__(self, kept_list: KeptList, result_type: type[_Result]) -> None:
        self._list = kept_list
        self._lock = Lock()
        self._known: tuple[list[int], list[_Item]] = ([], [])  # serials and their items
        self.poll, self.polled = kept_list.poll
        self.generation = 1  # that of a list nothing was ever put in
        self._result_type = result_type
        self.result = new_tuple(result_type, ())

    def refresh(self) -> _Result:
        """Decode what changed since the last refresh."""
        with self._lock:
            generation, order, changed, records = self._list.collect(self.generation)
            if generation == self.generation:  # another thread was here first
                return self.result
            if order is not None:
                self._known = self._reordered(order)
            items = self._known[1]
            self._decode(records, changed, items)
            self.result = new_tuple(self._result_type, items)
            self.generation = generation
            return self.result

    def _reordered(self, order: list[int]) -> tuple[list[int], list[_Item]]:
        """Known items in a new order; a new serial's place is filled by the change it has."""
        known: dict[int, _Item | None] = dict(zip(*self._known, strict=True))
        return order, cast("list[_Item]", [known.get(serial) for serial in order])

    @abstractmethod
    def _decode(self, records: memoryview, changed: int, items: list[_Item]) -> None:
        """Put so many changed items in their places."""


class KeptConnections(Kept[Connection, tuple[Connection, ...]]):
    """What RasEnumConnections lists."""

    __slots__ = ()

    def __init__(self, kept_list: KeptList) -> None:
        super().__init__(kept_list, tuple)

    def _decode(self, records: memoryview, changed: int, items: list[Connection]) -> None:
        for offset in range(0, changed * _SIZE, _SIZE):
            _, index, _ = RECORD_HEAD.unpack_from(records, offset)
            items[index] = decode_connection(records, offset + RN_RECORD_CONNECTION)


class KeptSnapshot(Kept[Observation, Snapshot]):
    """What RasEnumConnections lists and RasGetConnectStatus says of each."""

    __slots__ = ()

    def __init__(self, kept_list: KeptList) -> None:
        super().__init__(kept_list, Snapshot)

    def _decode(self, records: memoryview, changed: int, items: list[Observation]) -> None:
        for offset in range(0, changed * _SIZE, _SIZE):
            _, index, kept, code, version, state, error, substate, endpoints = _unpack_numbers(
                records, offset
            )
            last = items[index]
            connection = (
                last.connection
                if kept & RN_KEPT_CONNECTION
                else decode_connection(records, offset + RN_RECORD_CONNECTION)
            )
            status = None
            if not code:
                if not kept & RN_KEPT_STATUS_TEXTS:
                    texts = status_texts(records, offset + RN_RECORD_STATUS)
                else:  # those of a failed call are none
                    texts = last.status[2:5] if last.status else ("", "", "")
                status = new_status(version, state, error, substate, endpoints, texts)
            items[index] = new_tuple(Observation, (connection, status, code))
