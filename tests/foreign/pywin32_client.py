"""What pywin32's win32ras reports of the simulator; the argument is a copy called rasapi32.dll.

win32ras is linked to rasapi32.dll: it gets the copy because that name is loaded already.
"""

import json
import sys

from ras_native.sim import Simulator

with Simulator(library=sys.argv[1]) as simulator:
    held = [
        simulator.add("Büro 💻", device_type="vpn", device_name="WAN Miniport (IKEv2)"),
        simulator.add("Modem", device_type="modem", device_name="Standard 56000 bps"),
    ]
    import win32ras

    listed = win32ras.EnumConnections()
    statuses = [win32ras.GetConnectStatus(handle) for handle in held]
    text = win32ras.GetErrorString(623)
    simulator.teardown = 1.0
    win32ras.HangUp(held[0])
    leaving = win32ras.GetConnectStatus(held[0])
    simulator.advance(1.0)
    try:
        dead = win32ras.GetConnectStatus(held[0])
    except win32ras.error as error:
        dead = error.winerror
    report = {
        "held": held,
        "listed": listed,
        "statuses": statuses,
        "text": text,
        "leaving": leaving,
        "dead": dead,
        "left": win32ras.EnumConnections(),
        "calls": {
            name: simulator.calls(name)
            for name in ("RasEnumConnectionsW", "RasGetConnectStatusW", "RasHangUpW")
        },
    }
    print(json.dumps(report))
