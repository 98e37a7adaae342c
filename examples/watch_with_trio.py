# Print each change in a task of trio.
import trio

from ras_native import Monitor


async def watch(monitor: Monitor) -> None:
    while True:
        await trio.to_thread.run_sync(monitor.ready.wait, abandon_on_cancel=True)
        event = monitor.get(0)  # does not block: an event is ready
        print(event.time, type(event).__name__, event.entry, flush=True)


with Monitor() as monitor:
    trio.run(watch, monitor)
