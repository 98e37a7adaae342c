# When "Head office" drops, check whether the VPN server still answers.
import asyncio

from ras_native import Disconnected, Monitor, connect_many


async def main(server: tuple[str, int]) -> None:
    async with Monitor(entries=["Head office"]) as monitor:
        async for event in monitor:
            if isinstance(event, Disconnected):
                (result,) = await asyncio.to_thread(connect_many, [server], timeout=3)
                print(event.entry, "dropped, its server is", result.outcome.value, flush=True)


asyncio.run(main(("203.0.113.10", 443)))
