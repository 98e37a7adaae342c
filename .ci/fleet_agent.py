"""One agent of fleet.py: exports what a simulated computer sees, until standard input ends.

usage: fleet_agent.py KIND PORT
"""

import os
import sys
import threading
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from ras_native import Monitor, Ras
from ras_native.exporter import MetricsServer, RasCollector
from ras_native.sim import Simulator

HERE = "127.0.0.1"
EXPECTED = {"healthy": ["Office"], "absent": ["Branch"]}


def run(kind: str, port: int) -> None:
    """Export."""
    probe = {"Office": (HERE, port)} if kind == "probed" else None  # its own server answers
    with Simulator(clock="real") as sim, Ras(sim) as ras:
        handle = sim.add("Office")
        sim.set_projection(handle, client_ipv4=HERE)
        sim.set_traffic(handle, sent=1000, received=0 if kind == "silent" else 5000)
        with Monitor(
            ras,
            interval=0.5,
            probe=probe,
            probe_interval=0.5,
            statistics_interval=0.25,
            silent_after=1.0,
        ) as monitor:
            collector = RasCollector(monitor, entries=EXPECTED.get(kind, ()))
            registry = CollectorRegistry()
            registry.register(collector)
            threading.Thread(target=collector.consume, daemon=True).start()
            until(lambda: monitor.has_polled)
            if kind == "failing":
                sim.stop_service()
            if kind == "blind":
                sim.delay("RasEnumConnectionsW", 3600.0)
                until(lambda: monitor.busy_since is not None)
            with MetricsServer(registry, HERE, port):
                while True:
                    time.sleep(0.6)
                    if kind == "flapping":
                        sim.drop(handle)
                        time.sleep(0.6)
                        handle = sim.add("Office")
                    if kind == "undialled":
                        ras.hang_up(sim.dial("Branch", step=0.01, error=691), timeout=5.0)


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true, or standard input ends."""
    while not condition():
        time.sleep(0.01)


def end_with_input() -> None:
    """End this process once standard input ends: then fleet.py has ended.

    Nothing is closed, because a call of the simulated RAS may hang.
    """
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_input, daemon=True).start()
    run(sys.argv[1], int(sys.argv[2]))
