"""A kept list and the Python objects decoded from it: only what changed is decoded again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from struct import Struct
from threading import Lock
from typing import Generic, Protocol, TypeVar, cast

from ._layout import (
    RN_KEPT_CONNECTION,
    RN_KEPT_STATUS_TEXTS,
    RN_RECORD,
    RN_RECORD_CONNECTION,
    RN_RECORD_STATUS,
)
from ._records import Connection, Observation, Snapshot, decode_connection, decode_status

RECORD_HEAD = Struct("=QII")  # serial, index, kept
_unpack_head, _SIZE = RECORD_HEAD.unpack_from, RN_RECORD.size


Changes = tuple[int, "list[int] | None", int, memoryview]
"""What a backend copied out of a kept list.

Its generation. The order, where places moved, came or went: the serial of each connection,
which names it for as long as it is listed; None where only contents changed. How many
rn_record stand in the records, and these, valid until the next collect.
"""


class KeptList(Protocol):
    """A list of connections kept between polls, by either backend (rn_list in csrc/rn.h)."""

    @property
    def poll(self) -> Callable[[], int]:
        """One poll: the list's generation, or minus a code."""

    def collect(self, since: int) -> Changes:
        """Copy what changed after generation `since`."""


_Item = TypeVar("_Item", Connection, Observation)
_Result = TypeVar("_Result", bound="tuple[object, ...]")
_Decode = Callable[[memoryview, int, int, "_Item | None"], _Item]


class Kept(Generic[_Item, _Result]):
    """The decoded side of a kept list.

    The fast path is its owner's, in one frame: `kept.poll() != kept.generation` says that
    `refresh` has work to do. Interrupted anywhere, refresh loses nothing: the generation is
    taken over last, and collecting since the old one gives at least the same again.
    """

    __slots__ = (
        "_decode",
        "_known",
        "_list",
        "_lock",
        "_result_of",
        "generation",
        "poll",
        "result",
    )

    def __init__(
        self,
        kept_list: KeptList,
        decode: _Decode[_Item],
        result_of: Callable[[list[_Item]], _Result],
    ) -> None:
        self._list = kept_list
        self._decode: _Decode[_Item] = decode
        self._result_of: Callable[[list[_Item]], _Result] = result_of
        self._lock = Lock()
        self._known: tuple[list[int], list[_Item]] = ([], [])  # serials and their items
        self.poll = kept_list.poll
        self.generation = 1  # that of a list nothing was ever put in
        self.result = result_of([])

    def refresh(self) -> _Result:
        """Decode what changed since the last refresh."""
        with self._lock:
            generation, order, changed, records = self._list.collect(self.generation)
            if generation == self.generation:  # another thread was here first
                return self.result
            serials, items = self._known if order is None else self._reordered(order)
            for offset in range(0, changed * _SIZE, _SIZE):
                _, index, kept_parts = _unpack_head(records, offset)
                last = items[index] if kept_parts else None
                items[index] = self._decode(records, offset, kept_parts, last)
            self._known = (serials, items)
            self.result = self._result_of(items)
            self.generation = generation
            return self.result

    def _reordered(self, order: list[int]) -> tuple[list[int], list[_Item]]:
        """Known items in a new order; a new serial's place is filled by the change it has."""
        known: dict[int, _Item | None] = dict(zip(*self._known, strict=True))
        return order, cast("list[_Item]", [known.get(serial) for serial in order])


def _decode_enumerated(
    records: memoryview, offset: int, _kept: int, _last: Connection | None
) -> Connection:
    return decode_connection(records, offset + RN_RECORD_CONNECTION)


def _decode_observed(
    records: memoryview, offset: int, kept: int, last: Observation | None
) -> Observation:
    connection = (
        last.connection
        if last is not None and kept & RN_KEPT_CONNECTION
        else decode_connection(records, offset + RN_RECORD_CONNECTION)
    )
    texts_of = last.status if last is not None and kept & RN_KEPT_STATUS_TEXTS else None
    code, status = decode_status(records, offset + RN_RECORD_STATUS, texts_of)
    return tuple.__new__(Observation, (connection, status, code))  # half the time


def keep_connections(kept_list: KeptList) -> Kept[Connection, tuple[Connection, ...]]:
    """Keep what RasEnumConnections lists."""
    return Kept(kept_list, _decode_enumerated, tuple)


def keep_snapshot(kept_list: KeptList) -> Kept[Observation, Snapshot]:
    """Keep what RasEnumConnections lists and RasGetConnectStatus says of each."""
    return Kept(kept_list, _decode_observed, partial(tuple.__new__, Snapshot))
