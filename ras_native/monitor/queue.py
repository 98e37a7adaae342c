"""The queue between the thread that produces events and the threads and tasks that take them.

A consumer that waits is a waiter. The producer only wakes it; the consumer takes its event itself
once it runs. So if the consumer has given up, no event is lost: it wakes the next waiter.
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


class MonitorClosed(Exception):  # noqa: N818 - not an error
    """The Monitor is closed, and every event was taken.

    >>> monitor.close()
    >>> try:
    ...     monitor.get()
    ... except MonitorClosed:
    ...     print("no more events")
    no more events
    """


_EventT = TypeVar("_EventT")
States = Callable[[int], object]
"""Returns the state after the event at this index of one `put`."""

_Item = tuple[_EventT, States, int]  # an event, and its index in one `put`
_Lost = tuple[int, _EventT, _Item[_EventT]]  # the number of lost events, the first, the last


class _Waiter(Protocol):
    def wake(self) -> None:
        """Let the consumer run. Raises RuntimeError if its event loop is closed."""


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

    A full queue replaces its oldest events by one event that says which are lost. That event comes
    first and needs no capacity. `overflow` makes it when a consumer takes it, from the number of
    lost events, the first, the last, and the state after the last.

    The lock is reentrant: while a thread holds it, a signal handler may close the queue in that
    thread, or the garbage collector may end a waiting task.
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
        self._told: weakref.WeakSet[object] = weakref.WeakSet()  # consumers that got the error
        self.forget_threads()

    def forget_threads(self) -> None:
        """Forget the waiters and the lock's owner: a forked child lacks those threads."""
        self._lock = threading.RLock()
        self._waiters: OrderedDict[_Waiter, None] = OrderedDict()

    # The producer

    def put(self, events: Sequence[_EventT], states: States) -> None:
        """Add events, oldest first, and wake a waiter for each. Does nothing after `close`."""
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
        """Accept no more events and wake every waiter; only the first close counts.

        Once all events are taken, each consumer gets `error` once, then MonitorClosed.
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
            except RuntimeError:  # its event loop is closed: nobody waits
                continue
            count -= 1

    # `ready`

    def ready(self, new_event: Callable[[], Event]) -> Event:
        """Return the event that is set while a consumer need not wait; also set after `close`."""
        with self._lock:
            self._show_ready()  # forgets an event that somebody closed
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
        """Take the next event; wait for it at most `timeout` seconds, or without limit for None.

        Raises TimeoutError, MonitorClosed, or, once in each thread, the error that ended the
        producer.
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

        Raises MonitorClosed, or, once in each task, the error that ended the producer.
        """
        import asyncio  # noqa: PLC0415 - its import costs more than the rest of the package

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
        """Return the next event. If there is none, the queue is closed, and this raises."""
        if waiter is not None:
            self._waiters.pop(waiter, None)  # it is still there unless the producer woke it
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
        """Stop waiting. If the waiter was woken already, wake another one instead."""
        if waiter is None:
            return
        with self._lock:
            try:
                del self._waiters[waiter]
            except KeyError:
                if self._has_answer():
                    self._wake(1)


def _sleep_ns(deadline: int | None) -> int:
    """Return how long this thread may sleep now. Raises TimeoutError after the deadline.

    The main thread sleeps in slices, because a signal just before a sleep does not interrupt it.
    """
    in_main_thread = threading.get_ident() == threading.main_thread().ident
    longest = SLICE_NS if in_main_thread else _LONGEST_WAIT_NS
    if deadline is None:
        return longest
    left = deadline - time.perf_counter_ns()
    if left <= 0:
        raise TimeoutError("no event came in time")
    return min(longest, left)
