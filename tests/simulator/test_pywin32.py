"""pywin32, which does not know ras_native, uses the simulator as rasapi32.dll."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tsv import ROOT

from ras_native.sim import Simulator

CLIENT = ROOT / "tests" / "foreign" / "pywin32_client.py"
CONNECTED, DISCONNECTED = 0x2000, 0x2001


@pytest.mark.windows_only("win32ras is linked to rasapi32.dll")
def test_pywin32_reports_what_the_simulator_holds(sim: Simulator, tmp_path: Path) -> None:
    copy = shutil.copy(sim.path, tmp_path / "rasapi32.dll")
    client = subprocess.run(
        [sys.executable, str(CLIENT), str(copy)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert client.returncode == 0, client.stderr
    report = json.loads(client.stdout)
    first, second = report["held"]
    modem = [second, "Modem", "modem", "Standard 56000 bps"]
    assert report["listed"] == [[first, "Büro 💻", "vpn", "WAN Miniport (IKEv2)"], modem]
    # win32ras formats two wide strings as narrow ones, so only the first character of each is left
    assert report["statuses"] == [[CONNECTED, 0, "v", "W"], [CONNECTED, 0, "m", "S"]]
    assert report["leaving"][0] == DISCONNECTED
    assert report["dead"] == 6
    assert report["left"] == [modem]
    assert report["calls"] == {
        "RasEnumConnectionsW": 3,  # buffers for one, for both, and for the one that is left
        "RasGetConnectStatusW": 4,
        "RasHangUpW": 1,
    }
    assert "phone book" in report["text"]
