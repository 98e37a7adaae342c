"""The queue between the one thread that makes events and the threads and tasks that take them.

A consumer that waits is a waiter. The producer wakes it, but hands nothing over: the consumer
takes its event itself when it runs again. So a consumer that gave up meanwhile takes no event
with it, and wakes the next waiter instead.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, NoReturn, Protocol, TypeVar

from .._check import nanoseconds
from .._wait import SLICE_NS

if TYPE_CHECKING:
    import asyncio

    from .._event import Event

_LONGEST_WAIT_NS = 3600 * 1_000_000_000  # Windows' locks take at most 49 days


class MonitorClosed(Exception):  # noqa: N818 - it is the end, not a failure
    """The Monitor is closed, and every event was taken."""


_EventT = TypeVar("_EventT")
States = Callable[[int], object]
"""Gives the state after the event at this index of one `put`."""

_Item = tuple[_EventT, States, int]  # an event, and its index in one `put`
_Lost = tuple[int, _EventT, _Item[_EventT]]  # how many were replaced, the first, the last


class _Waiter(Protocol):
    def wake(self) -> None:
        """Let the consumer run; RuntimeError where its event loop is closed."""


class _ThreadWaiter:
    """A lock that is released to wake the one thread that waits for it."""

    __slots__ = ("sleep", "wake")

    def __init__(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        self.sleep, self.wake = lock.acquire, lock.release


class _TaskWaiter:
    """A future that is resolved, in its own event loop, to wake the one task that awaits it."""

    __slots__ = ("_loop", "future")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self.future = loop, loop.create_future()

    def wake(self) -> None:
        self._loop.call_soon_threadsafe(_resolve, self.future)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class EventQueue(Generic[_EventT]):
    """A bounded queue: each event goes to one consumer, which is a thread or an asyncio task.

    A full queue replaces its oldest events by one that says which are lost. `overflow` makes it,
    when it is taken, from the number of lost events, the first, the last, and the state after
    the last. It stands before all others and needs no capacity.

    The lock can be taken again by its owner: a signal handler may close the queue, and the
    garbage collector may end a waiting task, while the same thread holds it.
    """

    def __init__(
        self, capacity: int, overflow: Callable[[int, _EventT, _EventT, object], _EventT]
    ) -> None:
        self._capacity, self._overflow = capacity, overflow
        self._items: deque[_Item[_EventT]] = deque()
        self._lost: _Lost[_EventT] | None = None
        self._ready: Event | None = None
        self._closed = False
        self._error: BaseException | None = None
        self._told: weakref.WeakSet[object] = weakref.WeakSet()  # who was given the error
        self.forget_threads()

    def forget_threads(self) -> None:
        """Forget who waits and who holds the lock: a forked child has none of those threads."""
        self._lock = threading.RLock()
        self._waiters: OrderedDict[_Waiter, None] = OrderedDict()

    # The producer

    def put(self, events: Sequence[_EventT], states: States) -> None:
        """Add events, oldest first, and wake a waiter for each; nothing once closed."""
        with self._lock:
            if self._closed:
                return
            items = self._items
            for index, event in enumerate(events):
                items.append((event, states, index))
            while len(items) > self._capacity:
                self._lose(items.popleft())
            self._wake(len(items) + (self._lost is not None))
            self._show_ready()

    def _lose(self, item: _Item[_EventT]) -> None:
        count, first, _ = self._lost or (0, item[0], item)
        self._lost = (count + 1, first, item)

    def close(self, error: BaseException | None = None) -> None:
        """Take no more events and wake every waiter; only the first close counts.

        Once all events are taken, each consumer is given `error` once, then MonitorClosed.
        """
        with self._lock:
            if self._closed:
                return
            self._closed, self._error = True, error
            self._wake(len(self._waiters))
            self._show_ready()

    def _wake(self, count: int) -> None:
        while count and self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            try:
                waiter.wake()
            except RuntimeError:  # its event loop is closed: it waits no more
                continue
            count -= 1

    # `ready`

    def ready(self, new_event: Callable[[], Event]) -> Event:
        """Give the event that is set while a consumer need not wait, also after the close."""
        with self._lock:
            self._show_ready()  # forgets one that somebody closed
            if self._ready is None:
                self._ready = new_event()
                self._show_ready()
            return self._ready

    def close_ready(self) -> None:
        """Close the event of `ready`."""
        with self._lock:
            ready, self._ready = self._ready, None
        if ready is not None:
            ready.close()

    def _show_ready(self) -> None:
        if self._ready is None:
            return
        try:
            if self._has_answer():
                self._ready.set()
            else:
                self._ready.reset()
        except (OSError, ValueError):  # somebody closed it
            self._ready = None

    # Consumers

    def get(self, timeout: float | None = None) -> _EventT:
        """Take the next event; wait at most `timeout` seconds for it, None: without limit.

        Raises TimeoutError, MonitorClosed, or, once a thread, the error that ended the producer.
        """
        deadline = None
        if timeout is not None:
            deadline = time.perf_counter_ns() + nanoseconds("timeout", timeout)
        waiter = None
        try:
            while True:
                with self._lock:
                    if self._has_answer():
                        return self._answer(waiter, threading.current_thread)
                    sleep_ns = _sleep_ns(deadline)
                    if waiter is None:
                        waiter = _ThreadWaiter()
                    self._waiters.setdefault(waiter)
                waiter.sleep(timeout=sleep_ns / 1e9)
        except BaseException:
            self._leave(waiter)
            raise

    async def get_async(self) -> _EventT:
        """Take the next event; wait for it as a task of the running asyncio loop.

        Raises MonitorClosed, or, once a task, the error that ended the producer.
        """
        import asyncio  # noqa: PLC0415 - costs more than the rest of the package together

        waiter = None
        try:
            while True:
                with self._lock:
                    if self._has_answer():
                        return self._answer(waiter, asyncio.current_task)
                    waiter = _TaskWaiter(asyncio.get_running_loop())
                    self._waiters[waiter] = None
                await waiter.future
        except BaseException:
            self._leave(waiter)
            raise

    def _has_answer(self) -> bool:
        return bool(self._items) or self._lost is not None or self._closed

    def _answer(
        self, waiter: _Waiter | None, this_consumer: Callable[[], object | None]
    ) -> _EventT:
        """The next event; where there is none the queue is closed, and this raises."""
        if waiter is not None:
            self._waiters.pop(waiter, None)  # still there if the consumer woke by itself
        if self._lost is not None:
            count, first, (last, states, index) = self._lost
            self._lost = None
            event = self._overflow(count, first, last, states(index))
        elif self._items:
            event, _, _ = self._items.popleft()
        else:
            self._raise_end(this_consumer())
        self._show_ready()
        return event

    def _raise_end(self, consumer: object | None) -> NoReturn:
        error = self._error
        if error is not None and consumer not in self._told:
            self._told.add(consumer)
            raise error
        raise MonitorClosed("the Monitor is closed, and every event was taken") from error

    def _leave(self, waiter: _Waiter | None) -> None:
        """Stop waiting; a waiter that was woken already wakes another in its place."""
        if waiter is None:
            return
        with self._lock:
            try:
                del self._waiters[waiter]
            except KeyError:
                if self._has_answer():
                    self._wake(1)


def _sleep_ns(deadline: int | None) -> int:
    """How long this thread may sleep now; TimeoutError where the deadline has passed.

    The main thread sleeps in slices: a signal that came just before a sleep does not end it.
    """
    in_main_thread = threading.get_ident() == threading.main_thread().ident
    longest = SLICE_NS if in_main_thread else _LONGEST_WAIT_NS
    if deadline is None:
        return longest
    left = deadline - time.perf_counter_ns()
    if left <= 0:
        raise TimeoutError("no event came in time")
    return min(longest, left)
