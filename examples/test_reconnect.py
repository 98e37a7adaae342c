# This program tests reconnect.py. Its fixtures "ras" and "ras_simulator" come with ras_native.
from reconnect import keep_connected

from ras_native import Monitor, Ras
from ras_native.sim import Simulator


def test_a_dropped_connection_is_dialled_again(ras: Ras, ras_simulator: Simulator) -> None:
    office, dialled = ras_simulator.add("Head office"), list[str]()
    with Monitor(ras) as monitor:
        keep_connected([monitor.get(timeout=5)], dial=dialled.append)
        assert dialled == []
        ras_simulator.drop(office)
        keep_connected([monitor.get(timeout=5)], dial=dialled.append)
    assert dialled == ["Head office"]
