"""The Monitor with tasks of asyncio loops as consumers."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest
from test_monitor import change_at_random, first_number
from watching import PATIENCE, by_handle, check_that_all_is_told, until

from ras_native import Connected, Disconnected, Monitor, MonitorClosed

ENUM = "RasEnumConnectionsW"
SELDOM = 3600.0  # seconds: only signals cause polls


def run(coroutine):
    """Run it in a new loop, with a time limit."""
    return asyncio.run(asyncio.wait_for(coroutine, PATIENCE))


async def that(condition):
    """Let the loop and other threads run until the condition is true."""
    for _ in range(int(PATIENCE / 0.001)):
        if condition():
            return
        await asyncio.sleep(0.001)
    pytest.fail("the condition never became true")


def test_async_for_and_get_async(sim, ras):
    async def watch():
        async with Monitor(ras, interval=SELDOM, event_log=False) as monitor:
            await that(lambda: monitor.counts.polls)
            handle = sim.add("Head office")
            assert isinstance(await monitor.get_async(), Connected)
            sim.drop(handle)
            async for event in monitor:
                assert isinstance(event, Disconnected)
                break
            assert isinstance(monitor.get, type(monitor.close))
        with pytest.raises(MonitorClosed):
            await monitor.get_async()
        assert [event async for event in monitor] == []

    run(watch())


def test_each_event_goes_to_one_task(sim, ras):
    async def watch():
        async with Monitor(ras, interval=SELDOM) as monitor:
            await that(lambda: monitor.counts.polls)
            tasks = [asyncio.create_task(monitor.get_async()) for _ in range(3)]
            await asyncio.sleep(0)
            for number in range(3):
                sim.add(f"{number}")
            events = await asyncio.gather(*tasks)
            assert sorted(event.sequence for event in events) == [1, 2, 3]

    run(watch())


def test_a_get_that_is_cancelled_takes_nothing(sim, ras):
    async def watch():
        async with Monitor(ras, interval=SELDOM) as monitor:
            await that(lambda: monitor.counts.polls)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(monitor.get_async(), 0.01)
            sim.add("Head office")
            assert (await monitor.get_async()).entry == "Head office"

    run(watch())


def test_one_monitor_serves_two_loops_and_a_thread(sim, ras):
    with Monitor(ras, interval=SELDOM) as monitor:
        until(lambda: monitor.counts.polls)
        lists = [[] for _ in range(3)]

        async def collect(events):
            async for event in monitor:
                events.append(event)

        threads = [
            threading.Thread(target=lambda: asyncio.run(collect(lists[0]))),
            threading.Thread(target=lambda: asyncio.run(collect(lists[1]))),
            threading.Thread(target=lambda: lists[2].extend(monitor)),
        ]
        for thread in threads:
            thread.start()
        for number in range(30):
            sim.add(f"{number}")
        until(lambda: len(monitor.snapshot) == 30)
    for thread in threads:
        thread.join(PATIENCE)
    everything = sorted((event for events in lists for event in events), key=first_number)
    check_that_all_is_told(everything, ras.snapshot())


def test_the_loop_runs_on_while_a_monitor_is_entered_and_left(sim, ras):
    """A call of the provider runs all the time."""
    sim.delay(ENUM, 60.0)

    async def watch():
        beats = 0

        async def beat():
            nonlocal beats
            while True:
                await asyncio.sleep(0.001)
                beats += 1

        heart = asyncio.create_task(beat())
        async with Monitor(ras, interval=SELDOM) as monitor:
            await that(lambda: sim.calls(ENUM))
            assert monitor.busy_since is not None
            beats = 0
            asyncio.get_running_loop().call_later(0.1, sim.delay, ENUM, 0.0)
        assert beats > 1
        heart.cancel()

    run(watch())


def test_ready_wakes_loops_that_know_nothing_of_a_monitor(sim, ras):
    with Monitor(ras, interval=SELDOM) as monitor:
        until(lambda: monitor.counts.polls)
        ready = monitor.ready
        assert monitor.ready is ready
        assert not ready.is_set()
        sim.add("Head office")
        assert ready.wait(PATIENCE)
        assert isinstance(monitor.get(0), Connected)
        assert not ready.is_set()
        monitor.close()
        assert ready.is_set()


@pytest.mark.posix_only("Windows' default loop has no add_reader")
def test_ready_in_a_selector_loop(sim, ras):
    async def watch():
        with Monitor(ras, interval=SELDOM) as monitor:
            await that(lambda: monitor.counts.polls)
            loop, readable = asyncio.get_running_loop(), asyncio.Event()
            loop.add_reader(monitor.ready, readable.set)
            sim.add("Head office")
            await readable.wait()
            loop.remove_reader(monitor.ready)
            assert isinstance(monitor.get(0), Connected)

    run(watch())


@pytest.mark.parametrize("seed", range(25))
def test_tasks_together_are_told_everything(sim, ras, seed):
    """Both backends together run 50 schedules, some with a queue that is far too small."""
    dice = random.Random(seed)  # noqa: S311 - a schedule, no secret
    capacity = dice.choice([1, 3, 10_000, 10_000])
    lists = [[] for _ in range(dice.randrange(1, 4))]

    async def collect(monitor, events):
        while True:
            try:
                events.append(await asyncio.wait_for(monitor.get_async(), dice.choice([1e-4, 1])))
            except asyncio.TimeoutError:
                continue
            except MonitorClosed:
                return

    async def watch():
        async with Monitor(ras, interval=0.001, capacity=capacity) as monitor:
            tasks = [asyncio.create_task(collect(monitor, events)) for events in lists]
            await asyncio.to_thread(change_at_random, sim, random.Random(seed), 60)  # noqa: S311
            snapshot = ras.snapshot()
            await that(lambda: by_handle(monitor.snapshot) == by_handle(snapshot))
        await asyncio.gather(*tasks)
        return snapshot

    snapshot = run(watch())
    for events in lists:
        assert [event.sequence for event in events] == sorted(event.sequence for event in events)
    everything = sorted((event for events in lists for event in events), key=first_number)
    check_that_all_is_told(everything, snapshot)
