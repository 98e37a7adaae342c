"""A kept list and the Python objects decoded from it: only what changed is decoded again."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from threading import Lock
from typing import Generic, NamedTuple, Protocol, TypeVar

from ._layout import RN_RECORD, RN_RECORD_CONNECTION, RN_RECORD_STATUS
from ._records import Connection, Observation, Snapshot, decode_connection, decode_status

RECORD_HEAD = Struct("=QII")  # serial, index, status_only


class Changes(NamedTuple):
    """What a backend copied out of a kept list."""

    generation: int
    reordered: bool
    serials: list[int]
    """One per connection, in order; names it for as long as it is listed."""
    changed: int
    """How many rn_record stand in `records`."""
    records: memoryview
    """Valid until the next collect."""


class KeptList(Protocol):
    """A list of connections kept between polls, by either backend (rn_list in csrc/rn.h)."""

    @property
    def poll(self) -> Callable[[], int]:
        """One poll: the list's generation, or minus a code."""

    def collect(self, since: int) -> Changes:
        """Copy what changed after generation `since`."""


_Item = TypeVar("_Item", Connection, Observation)
_Result = TypeVar("_Result", bound="tuple[object, ...]")
_Decode = Callable[[memoryview, int, "_Item | None"], _Item]


class Kept(Generic[_Item, _Result]):
    """The decoded side of a kept list.

    The fast path is its owner's, in one frame: `kept.poll() != kept.generation` says that
    `refresh` has work to do. Interrupted anywhere, refresh loses nothing: the generation is
    taken over last, and collecting since the old one gives the same again.
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
            changes = self._list.collect(self.generation)
            items = self._in_order(changes)
            for offset in range(0, changes.changed * RN_RECORD.size, RN_RECORD.size):
                _, index, status_only = RECORD_HEAD.unpack_from(changes.records, offset)
                last = items[index] if status_only else None
                items[index] = self._decode(changes.records, offset, last)
            complete = [item for item in items if item is not None]
            self._known = (changes.serials, complete)
            self.result = self._result_of(complete)
            self.generation = changes.generation
            return self.result

    def _in_order(self, changes: Changes) -> list[_Item | None]:
        serials, items = self._known
        if not changes.reordered:
            return list(items)
        known = dict(zip(serials, items, strict=True))
        return [known.get(serial) for serial in changes.serials]


def _decode_enumerated(records: memoryview, offset: int, _last: Connection | None) -> Connection:
    return decode_connection(records, offset + RN_RECORD_CONNECTION)


def _decode_observed(records: memoryview, offset: int, last: Observation | None) -> Observation:
    connection = (
        decode_connection(records, offset + RN_RECORD_CONNECTION)
        if last is None
        else last.connection
    )
    code, status = decode_status(records, offset + RN_RECORD_STATUS)
    return Observation(connection, status, code)


def keep_connections(kept_list: KeptList) -> Kept[Connection, tuple[Connection, ...]]:
    """Keep what RasEnumConnections lists."""
    return Kept(kept_list, _decode_enumerated, tuple)


def keep_snapshot(kept_list: KeptList) -> Kept[Observation, Snapshot]:
    """Keep what RasEnumConnections lists and RasGetConnectStatus says of each."""
    return Kept(kept_list, _decode_observed, Snapshot)
