import subprocess  # This program dials "Head office" again whenever it drops.
from collections.abc import Callable, Iterable

from ras_native import Disconnected, Monitor, MonitorEvent


def keep_connected(events: Iterable[MonitorEvent], dial: Callable[[str], object]) -> None:
    for event in events:
        if isinstance(event, Disconnected):
            dial(event.connection.entry_name)


if __name__ == "__main__":
    with Monitor(entries=["Head office"]) as monitor:
        keep_connected(monitor, dial=lambda entry: subprocess.run(["rasdial", entry], check=False))
