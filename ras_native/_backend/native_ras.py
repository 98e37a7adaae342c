"""The RAS calls of the native backend: thin wrappers of the functions of csrc/shim/rn.h."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .._native import ffi, lib
from .contract import Changes
from .layout import (
    RN_CHANGES,
    RN_FIRST_CAPACITY,
    RN_LOOK,
    RN_REASON_SIZE,
    RN_STATISTICS,
    RN_TRAFFIC,
)

_collect, _unpack_changes = lib.rn_list_collect, RN_CHANGES.unpack


class NativeEvent:
    """A manual-reset event (rn_event). It lives until its last reference ends; calls hold one."""

    def __init__(self, pointer: Any) -> None:
        self.pointer = ffi.gc(pointer, lib.rn_event_free)
        self.handle: int = lib.rn_event_handle(pointer)
        self.for_provider: int = lib.rn_event_for_provider(pointer)
        self.set = partial(lib.rn_event_set, self.pointer)
        self.reset = partial(lib.rn_event_reset, self.pointer)

    def wait(self, cancel: NativeEvent | None, slice_ns: int) -> int:
        """Return 0 if it is set, RN_E_CANCELLED, RN_E_AGAIN, or RN_E_OS plus a number."""
        code: int = lib.rn_event_wait(self.pointer, _pointer(cancel), slice_ns)
        return code


def _free(function: Callable[[Any], object], _outlives: object, pointer: Any) -> None:
    """Free a pointer. It uses no global name: at the end of a process those may be gone."""
    function(pointer)


def _pointer(event: NativeEvent | None) -> Any:
    return event.pointer if event is not None else ffi.NULL


def new_event() -> tuple[int, NativeEvent | None]:
    """Return a code and the event."""
    event = ffi.new("rn_event **")
    code = lib.rn_event_new(event)
    return code, None if code else NativeEvent(event[0])


class _StatisticsBuffer:
    """Memory for some rn_statistics, and for the number of those that were written."""

    def __init__(self, pointer: Any, capacity: int) -> None:
        records = ffi.new("rn_statistics[]", capacity)
        self.view = memoryview(ffi.buffer(records))
        self.count = ffi.new("uint32_t *")
        self.capacity = capacity
        self.ask = partial(lib.rn_list_statistics, pointer, capacity, records, self.count)


class NativeList:
    """An rn_list, and the buffers for its changes."""

    def __init__(self, provider: Any, pointer: Any) -> None:
        # The provider outlives the list.
        self.pointer = ffi.gc(pointer, partial(_free, lib.rn_list_free, provider))
        self._changes = ffi.new("rn_changes *")
        self._changes_view = memoryview(ffi.buffer(self._changes))
        self.poll: Callable[[], int] = partial(lib.rn_list_poll, self.pointer)
        self._spare: list[_StatisticsBuffer] = []  # unused ones, one for each simultaneous call
        self._reserve(RN_FIRST_CAPACITY)

    def _reserve(self, capacity: int) -> None:
        self._records = ffi.new("rn_record[]", capacity)
        self._serials = ffi.new("uint64_t[]", capacity)
        self._view = memoryview(ffi.buffer(self._records))
        self._capacity = capacity  # set last, because Ctrl-C may interrupt anywhere

    def collect(self, since: int) -> Changes:
        """Call rn_list_collect with buffers that grow as needed."""
        while True:  # it ends, because the shim bounds the count
            _collect(
                self.pointer, since, self._capacity, self._records, self._serials, self._changes
            )
            generation, count, changed, reordered, _ = _unpack_changes(self._changes_view)
            if count <= self._capacity:
                break
            self._reserve(count + count // 4)
        order = ffi.unpack(self._serials, count) if reordered else None
        return generation, order, changed, self._view

    def statistics(self) -> tuple[int, bytes]:
        """Return the list's generation, or minus a code, and the rn_statistics of each."""
        spare = self._spare
        try:
            buffer = spare.pop()
        except IndexError:
            buffer = _StatisticsBuffer(self.pointer, RN_FIRST_CAPACITY)
        while True:
            answer = buffer.ask()
            count: int = buffer.count[0]
            if count <= buffer.capacity:
                break
            buffer = _StatisticsBuffer(self.pointer, count + count // 4)
        records = buffer.view[: count * RN_STATISTICS.size].tobytes()
        spare.append(buffer)
        return answer, records

    def new_watch(self) -> tuple[int, NativeWatch | None]:
        """Return a code and the watch."""
        watch = ffi.new("rn_watch **")
        code = lib.rn_watch_new(self.pointer, watch)
        return code, None if code else NativeWatch(self, watch[0])


class NativeWatch:
    """An rn_watch: the polls of one list, at fixed moments and when an event is set."""

    def __init__(self, connections: NativeList, pointer: Any) -> None:
        # The list outlives the watch.
        self._pointer = ffi.gc(pointer, partial(_free, lib.rn_watch_free, connections.pointer))
        self._look = ffi.new("rn_look *")
        self._look_view = memoryview(ffi.buffer(self._look))

    def wait(
        self,
        events: Sequence[NativeEvent],
        cancel: NativeEvent,
        generation: int,
        look_ns: int,
        interval_ns: int,
    ) -> tuple[int, tuple[int, ...]]:
        """Return a code and the members of one rn_look."""
        pointers = ffi.new("rn_event *[]", [event.pointer for event in events])
        code: int = lib.rn_watch_wait(
            self._pointer,
            pointers,
            len(events),
            cancel.pointer,
            generation,
            look_ns,
            interval_ns,
            self._look,
        )
        return code, RN_LOOK.unpack(self._look_view)

    def sample(self, interval_ns: int, silent_after_ns: int) -> int:
        """Call rn_watch_sample once, before the first wait; return its code."""
        code: int = lib.rn_watch_sample(self._pointer, interval_ns, silent_after_ns)
        return code

    def traffic(self) -> bytes:
        """Return the rn_traffic of the connections that the last sample knew."""
        capacity = RN_FIRST_CAPACITY
        while True:  # it ends, because the shim bounds the count
            records = ffi.new("rn_traffic[]", capacity)
            count = lib.rn_watch_traffic(self._pointer, capacity, records)
            if count <= capacity:
                return bytes(ffi.buffer(records, count * RN_TRAFFIC.size))
            capacity = count + count // 4

    def counts(self) -> tuple[int, int, int]:
        """Return the members of rn_watch_counts; any thread may call it."""
        counts = ffi.new("rn_watch_counts *")
        lib.rn_watch_count(self._pointer, counts)
        return counts.polls, counts.wake_ups, counts.busy_since_ns

    def durations(self) -> bytes:
        """Return an rn_durations; any thread may call it."""
        durations = ffi.new("rn_durations *")
        lib.rn_watch_durations(self._pointer, durations)
        return bytes(ffi.buffer(durations))


class NativeProvider:
    """An rn_provider."""

    def __init__(self, pointer: Any) -> None:
        self._pointer = ffi.gc(pointer, lib.rn_provider_close)

    def new_list(self, *, with_status: bool) -> tuple[int, NativeList | None]:
        """Return a code and the list."""
        result = ffi.new("rn_list **")
        code = lib.rn_list_new(self._pointer, with_status, result)
        return code, None if code else NativeList(self._pointer, result[0])

    def sizes(self) -> tuple[int, int]:
        """Return the negotiated dwSize of RASCONN and RASCONNSTATUS."""
        rasconn, status = ffi.new("uint32_t *"), ffi.new("uint32_t *")
        lib.rn_provider_sizes(self._pointer, rasconn, status)
        return rasconn[0], status[0]

    def get_connect_status(self, handle: int) -> memoryview:
        """Return one rn_status."""
        status = ffi.new("rn_status *")
        lib.rn_get_connect_status(self._pointer, handle, status)
        return memoryview(ffi.buffer(status))

    def get_projection_info(self, handle: int) -> tuple[int, memoryview]:
        """Return a code and one rn_projection."""
        projection = ffi.new("rn_projection *")
        code = lib.rn_get_projection_info(self._pointer, handle, projection)
        return code, memoryview(ffi.buffer(projection))

    def wait_status(
        self,
        handle: int,
        states: tuple[int, ...],
        interval_ns: int,
        slice_ns: int,
        cancel: NativeEvent | None,
        due: int,
    ) -> tuple[int, int, memoryview]:
        """Return a code, when the next poll is due, and one rn_status."""
        status, due_inout = ffi.new("rn_status *"), ffi.new("uint64_t *", due)
        code = lib.rn_wait_status(
            self._pointer,
            handle,
            states,
            len(states),
            interval_ns,
            slice_ns,
            _pointer(cancel),
            due_inout,
            status,
        )
        return code, due_inout[0], memoryview(ffi.buffer(status))

    def hang_up(self, handle: int) -> int:
        """Return the code of RasHangUpW."""
        code: int = lib.rn_hang_up(self._pointer, handle)
        return code

    def wait_gone(self, handle: int, slice_ns: int) -> int:
        """Return 0 once the handle is invalid, RN_E_AGAIN, or a code of RasGetConnectStatusW."""
        code: int = lib.rn_wait_gone(self._pointer, handle, slice_ns)
        return code

    def get_subentry_handle(self, handle: int, subentry: int) -> tuple[int, int]:
        """Return a code and the sub-entry's handle."""
        found = ffi.new("uint64_t *")
        return lib.rn_get_subentry_handle(self._pointer, handle, subentry, found), found[0]

    def get_statistics(self, handle: int, subentry: int) -> bytes:
        """Return one rn_statistics; `subentry` 0 is the whole connection."""
        statistics = ffi.new("rn_statistics *")
        lib.rn_get_statistics(self._pointer, handle, subentry, statistics)
        return bytes(ffi.buffer(statistics))

    def clear_connection_statistics(self, handle: int) -> int:
        """Return the code of RasClearConnectionStatistics."""
        code: int = lib.rn_clear_connection_statistics(self._pointer, handle)
        return code

    def get_error_string(self, code: int, length: int) -> tuple[int, bytes]:
        """Return a code and the UTF-16 text of RasGetErrorStringW."""
        text = ffi.new("uint16_t[]", length)
        answer = lib.rn_get_error_string(self._pointer, code, length, text)
        return answer, bytes(ffi.buffer(text))

    def connection_notification(
        self, handle: int, event: NativeEvent, flags: int, *, ansi: bool
    ) -> int:
        """Return the code of RasConnectionNotificationW, or of its A variant."""
        code: int = lib.rn_connection_notification(
            self._pointer, handle, event.pointer, flags, ansi
        )
        return code


def open_provider(path: str | None) -> tuple[int, int, str, NativeProvider | None]:
    """Return a code, the system's error number and text, and the provider."""
    provider, os_error = ffi.new("rn_provider **"), ffi.new("uint32_t *")
    reason = ffi.new("char[]", RN_REASON_SIZE)
    text = ffi.NULL if path is None else os.fsencode(path)
    code = lib.rn_provider_open(text, provider, os_error, reason)
    opened = None if code else NativeProvider(provider[0])
    return code, os_error[0], os.fsdecode(ffi.string(reason)), opened


def now_ns() -> int:
    """Read the clock to which `due` refers."""
    now: int = lib.rn_now_ns()
    return now
