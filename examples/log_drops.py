# Log when "Head office" drops. The Monitor asks RAS ten times a second.
from ras_native import Disconnected, Gap, Monitor

with Monitor(interval=0.1, entries=["Head office"]) as monitor:
    for event in monitor:
        if isinstance(event, Disconnected):
            print(event.time, event.entry, "dropped, was up for", event.uptime, "s", flush=True)
        elif isinstance(event, Gap):
            print(event.time, "a drop may be missing:", event.kind, flush=True)
