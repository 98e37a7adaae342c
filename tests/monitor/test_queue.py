"""The queue alone: threads and tasks together lose no event and get none twice."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import threading
from typing import NamedTuple

import child
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ras_native import Event
from ras_native.monitor.queue import EventQueue, MonitorClosed

DICE = random.Random()  # noqa: S311 - no secret


class Made(NamedTuple):
    """An event of these tests."""

    sequence: int


class Lost(NamedTuple):
    count: int
    first: int
    last: int
    state: object


def overflow(count, first, last, state):
    return Lost(count, first.sequence, last.sequence, state)


def new_queue(capacity=10_000):
    return EventQueue(capacity, overflow)


class Producer:
    """Puts events with numbers; the state after an event is its number."""

    def __init__(self, queue):
        self._queue = queue
        self.made = 0

    def put(self, count):
        events = [Made(self.made + index) for index in range(count)]
        self.made += count
        self._queue.put(events, lambda index: events[index].sequence)


def numbers(events):
    """Return the numbers of these events, in order."""
    told = []
    for event in events:
        if isinstance(event, Lost):
            assert event.state == event.last
            assert event.count == event.last - event.first + 1
            told += range(event.first, event.last + 1)
        else:
            told.append(event.sequence)
    return told


def taken_now(queue):
    """Take all events that the queue has now."""
    events = []
    while True:
        try:
            events.append(queue.get(0))
        except TimeoutError:
            return events


def in_thread(function):
    """Run it in a thread; return the thread, and a list that gets its result."""
    result = []

    def run():
        try:
            result.append(function())
        except Exception as error:  # noqa: BLE001 - the test checks it
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def until(condition, queue):
    """Let other threads run until the condition is true; they wait only for the queue's lock."""
    for _ in range(100_000):
        with queue._lock:
            if condition():
                return
        threading.Event().wait(0.0001)
    pytest.fail("the condition never became true")


def wait_for_waiters(queue, count):
    until(lambda: len(queue._waiters) == count, queue)


# Order, loss and overflow


@given(
    st.integers(1, 6),
    st.lists(st.one_of(st.integers(0, 9).map(lambda n: ("put", n)), st.just(("take", 1)))),
)
def test_each_number_is_told_once_and_in_order(capacity, steps):
    queue = new_queue(capacity)
    producer, events = Producer(queue), []
    waiting = 0
    for step, count in steps:
        if step == "put":
            producer.put(count)
            waiting += count
        elif waiting:
            events.append(queue.get(0))
            waiting = producer.made - len(numbers(events))
        told = len(numbers(events))
        # A full queue has `capacity` of the newest events, and one event for the older ones.
        assert len(queue._items) == min(capacity, waiting)
        assert (queue._lost is not None) == (producer.made - told > capacity)
    queue.close()
    events += queue_rest(queue)
    assert numbers(events) == list(range(producer.made))


def queue_rest(queue):
    events = []
    while True:
        try:
            events.append(queue.get())
        except MonitorClosed:
            return events


def test_a_full_queue_keeps_the_newest():
    queue = new_queue(3)
    Producer(queue).put(5)
    assert taken_now(queue) == [Lost(2, 0, 1, 1), Made(2), Made(3), Made(4)]


def test_two_overflows_between_two_takes_are_one_event():
    queue = new_queue(1)
    producer = Producer(queue)
    producer.put(2)
    producer.put(2)
    assert queue.get(0) == Lost(3, 0, 2, 2)
    producer.put(1)
    assert taken_now(queue) == [Lost(1, 3, 3, 3), Made(4)]


def test_the_state_after_lost_events_is_only_made_when_it_is_taken():
    made = []
    queue = new_queue(1)
    queue.put([Made(n) for n in range(100)], made.append)
    assert made == []
    queue.get(0)
    assert made == [98]


# Timeouts and the end


def test_get_says_that_no_event_came():
    with pytest.raises(TimeoutError, match="no event"):
        new_queue().get(0.001)


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), 1e300])
def test_a_timeout_must_be_a_duration(timeout):
    with pytest.raises(ValueError, match="timeout"):
        new_queue().get(timeout)


@pytest.mark.parametrize("timeout", [True, "1", b""])
def test_a_timeout_must_be_a_number(timeout):
    with pytest.raises(TypeError, match="timeout"):
        new_queue().get(timeout)


def test_after_the_close_what_is_queued_can_be_read():
    queue = new_queue()
    producer = Producer(queue)
    producer.put(2)
    queue.close()
    producer.put(1)
    assert [queue.get(), queue.get(0)] == [Made(0), Made(1)]
    for _ in range(2):
        with pytest.raises(MonitorClosed):
            queue.get()
    with pytest.raises(MonitorClosed):
        asyncio.run(queue.get_async())


def test_a_close_ends_every_wait():
    queue = new_queue()
    threads = [in_thread(queue.get) for _ in range(3)]

    async def tasks():
        waiting = [asyncio.create_task(queue.get_async()) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.to_thread(wait_for_waiters, queue, 6)
        queue.close()
        return await asyncio.gather(*waiting, return_exceptions=True)

    results = asyncio.run(tasks())
    for thread, result in threads:
        thread.join(30)
        results += result
    assert [type(result) for result in results] == [MonitorClosed] * 6


def test_an_error_reaches_each_consumer_once_after_the_last_event():
    queue = new_queue()
    Producer(queue).put(1)
    queue.close(ZeroDivisionError("here"))
    queue.close(KeyError("only the first close counts"))

    def consume():
        outcomes = []
        for _ in range(3):
            try:
                outcomes.append(queue.get())
            except (ZeroDivisionError, MonitorClosed) as error:
                outcomes.append(type(error))
        return outcomes

    async def consume_in_task():
        outcomes = []
        for _ in range(2):
            try:
                await queue.get_async()
            except (ZeroDivisionError, MonitorClosed) as error:
                outcomes.append(type(error))
        return outcomes

    assert consume() == [Made(0), ZeroDivisionError, MonitorClosed]
    thread, result = in_thread(consume)
    thread.join(30)
    assert result == [[ZeroDivisionError, MonitorClosed, MonitorClosed]]
    assert asyncio.run(consume_in_task()) == [ZeroDivisionError, MonitorClosed]
    with pytest.raises(MonitorClosed) as closed:
        queue.get()
    assert isinstance(closed.value.__cause__, ZeroDivisionError)


def test_get_async_needs_an_asyncio_loop():
    coroutine = new_queue().get_async()
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)


# Waiters that give up


def test_a_cancelled_task_takes_no_event_and_wakes_the_next():
    queue = new_queue()
    producer, errors = Producer(queue), []

    async def scenario():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        first, second = (asyncio.create_task(queue.get_async()) for _ in range(2))
        await asyncio.sleep(0)
        producer.put(1)  # wakes the first, which has not run yet
        first.cancel()
        assert await second == Made(0)
        assert first.cancelled()

    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert errors == []


def test_a_task_that_times_out_takes_no_event():
    queue = new_queue()

    async def scenario():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(queue.get_async(), 0.001)
        assert not queue._waiters
        Producer(queue).put(1)
        assert await queue.get_async() == Made(0)

    asyncio.run(scenario())


def test_a_thread_that_times_out_leaves_no_waiter():
    queue = new_queue()
    with pytest.raises(TimeoutError):
        queue.get(0.001)
    assert not queue._waiters


def test_a_closed_loop_is_forgotten_and_the_next_waiter_is_woken():
    queue = new_queue()
    loop = asyncio.new_event_loop()
    task = loop.create_task(queue.get_async())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    thread, result = in_thread(queue.get)
    wait_for_waiters(queue, 2)
    Producer(queue).put(1)
    thread.join(30)
    assert result == [Made(0)]
    assert not queue._waiters
    task._log_destroy_pending = False  # asyncio would complain: the loop was closed too early


def test_a_loop_that_closes_with_an_event_on_its_way_loses_nothing():
    queue = new_queue()
    producer = Producer(queue)
    loop = asyncio.new_event_loop()
    task = loop.create_task(queue.get_async())
    loop.run_until_complete(asyncio.sleep(0))
    thread, result = in_thread(queue.get)
    wait_for_waiters(queue, 2)
    producer.put(1)  # wakes the task, which never runs again
    loop.close()
    task._log_destroy_pending = False
    del task, loop
    gc.collect()  # the task's end wakes the thread
    thread.join(30)
    assert result == [Made(0)]


def test_a_stopped_loop_does_not_keep_the_events_that_follow():
    queue = new_queue()
    producer = Producer(queue)
    loop = asyncio.new_event_loop()
    task = loop.create_task(queue.get_async())
    loop.run_until_complete(asyncio.sleep(0))
    threads = [in_thread(queue.get) for _ in range(2)]
    wait_for_waiters(queue, 3)
    producer.put(1)  # wakes the task, whose loop does not run
    producer.put(1)
    for thread, _ in threads:
        thread.join(30)
    assert sorted(result for _, [result] in threads) == [Made(0), Made(1)]
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()


def test_a_thread_that_looks_by_itself_waits_no_more():
    queue = new_queue()

    def add_without_waking():
        wait_for_waiters(queue, 1)
        with queue._lock:
            queue._items.append((Made(0), lambda index: index, 0))

    thread, _ = in_thread(add_without_waking)
    assert queue.get(30) == Made(0)  # the main thread wakes every 100 ms
    assert not queue._waiters
    thread.join(30)


def test_who_was_robbed_waits_on():
    queue = new_queue()
    producer = Producer(queue)

    async def scenario():
        task = asyncio.create_task(queue.get_async())
        await asyncio.sleep(0)
        producer.put(1)
        assert queue.get(0) == Made(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        producer.put(1)
        assert await task == Made(1)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_signal_handler_may_close_while_its_thread_holds_the_lock():
    queue = new_queue()
    with queue._lock:
        queue.close()
        with pytest.raises(MonitorClosed):
            queue.get()


# `ready`


def test_ready_is_set_while_a_consumer_need_not_wait(backend):
    with Event(backend=backend) as ready:
        queue = new_queue(1)
        producer = Producer(queue)
        producer.put(2)
        assert queue.ready(lambda: ready) is ready
        seen = [ready.is_set()]
        for _ in range(2):
            queue.get(0)
            seen.append(ready.is_set())
        producer.put(1)
        seen.append(ready.is_set())
        queue.get(0)
        queue.close()
        seen.append(ready.is_set())
        assert seen == [True, True, False, True, True]


def test_a_ready_event_that_was_closed_hurts_nobody(backend):
    queue = new_queue()
    queue.ready(lambda: Event(backend=backend)).close()
    Producer(queue).put(1)
    other = queue.ready(lambda: Event(backend=backend))
    assert other.is_set()
    assert queue.get(0) == Made(0)
    queue.close_ready()
    with pytest.raises(ValueError, match="closed"):
        other.is_set()


# Many at once


def consume(queue, events):
    while True:
        try:
            events.append(queue.get(DICE.choice([None, 0.0001, 1])))
        except TimeoutError:
            continue
        except MonitorClosed:
            return


async def consume_in_task(queue, events):
    while True:
        try:
            events.append(await asyncio.wait_for(queue.get_async(), DICE.choice([None, 1e-4, 1])))
        except asyncio.TimeoutError:
            continue
        except MonitorClosed:
            return


async def consume_in_tasks(queue, lists):
    tasks = [asyncio.create_task(consume_in_task(queue, events)) for events in lists]
    nuisances = [asyncio.create_task(queue.get_async()) for _ in range(3)]
    await asyncio.sleep(0)
    for nuisance in nuisances:
        nuisance.cancel()
    lists[0] += [
        result
        for result in await asyncio.gather(*nuisances, return_exceptions=True)
        if isinstance(result, (Made, Lost))
    ]
    lists[0].sort(key=lambda event: numbers([event])[0])
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("capacity", [3, 10_000])
def test_threads_and_tasks_of_two_loops_together_get_everything(capacity):
    queue = new_queue(capacity)
    lists = [[] for _ in range(9)]
    threads = [
        *(in_thread(lambda events=events: consume(queue, events)) for events in lists[:3]),
        in_thread(lambda: asyncio.run(consume_in_tasks(queue, lists[3:6]))),
        in_thread(lambda: asyncio.run(consume_in_tasks(queue, lists[6:]))),
    ]
    producer = Producer(queue)
    for _ in range(3000):
        producer.put(DICE.choice([1, 1, 1, 2, 7]))
    queue.close()
    for thread, result in threads:
        thread.join(30)
        assert result == [None]
    told = [numbers(events) for events in lists]
    assert all(one == sorted(one) for one in told)  # in order for each consumer
    assert sorted(number for one in told for number in one) == list(range(producer.made))


INTERRUPTED = """
import signal, sys, threading
from ras_native.monitor.queue import EventQueue
signal.signal(signal.SIGINT, signal.default_int_handler)
queue = EventQueue(5, None)
sleeping = threading.Event()
class Waiters(type(queue._waiters)):
    def setdefault(self, *waiter):
        super().setdefault(*waiter)
        sleeping.set()
queue._waiters = Waiters()
def interrupt():
    sleeping.wait(30)
    signal.raise_signal(signal.SIGINT)
thread = threading.Thread(target=interrupt)
thread.start()
try:
    queue.get(eval(sys.argv[1]))
except KeyboardInterrupt:
    print("interrupted", len(queue._waiters))
thread.join()
"""


@pytest.mark.parametrize("timeout", ["None", "40"])
def test_ctrl_c_ends_a_wait_on_the_main_thread(timeout):
    assert child.run(INTERRUPTED, timeout) == "interrupted 0\n"


@pytest.mark.posix_only("a timer that sends a signal")
def test_a_signal_handler_that_closes_ends_the_wait_of_its_thread():
    queue = new_queue()
    before = signal.signal(signal.SIGALRM, lambda *_: queue.close())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(MonitorClosed):
            queue.get(30)
    finally:
        signal.signal(signal.SIGALRM, before)
