"""This Windows service, made with pywin32, runs log_connections.py, which is in the same folder.

Put both into C:\\Program Files\\ras_native, where only administrators can change them. First
protect the folder of the log: docs/guides/service.md shows how. Run as an administrator:
    python windows_service.py --startup auto install
    python windows_service.py start
    python windows_service.py stop
    python windows_service.py remove
    python windows_service.py debug     (this runs it in this window until Ctrl-C)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import log_connections
import servicemanager
import win32service
import win32serviceutil

from ras_native import Event

FOLDER = Path(os.environ.get("ProgramData", "."), "ras_native")  # noqa: SIM112 - Windows' spelling


class RasNativeService(win32serviceutil.ServiceFramework):  # type: ignore[misc]
    _svc_name_ = "RasNativeWatch"
    _svc_display_name_ = "RAS connections (ras_native)"
    _svc_description_ = "Writes what happens to VPN and dial-up connections to a log."
    # This python.exe runs the service. It finds the packages of its own environment.
    _exe_name_ = sys.executable
    _exe_args_ = f'"{Path(__file__).resolve()}"'

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self._stop = Event()

    def SvcDoRun(self) -> None:  # noqa: N802 - this and the next are pywin32's names
        log_connections.run(
            self._stop, FOLDER, tell=servicemanager.LogInfoMsg, warn=servicemanager.LogWarningMsg
        )

    def SvcStop(self) -> None:  # noqa: N802
        self.ReportServiceStatus(
            win32service.SERVICE_STOP_PENDING, waitHint=log_connections.STOP_SECONDS * 1000
        )
        self._stop.set()

    SvcShutdown = SvcStop  # without it, Windows does not tell the service that it shuts down


def main() -> None:
    if len(sys.argv) > 1:
        win32serviceutil.HandleCommandLine(RasNativeService)
        return
    servicemanager.Initialize()  # Windows started this program as the service
    servicemanager.PrepareToHostSingle(RasNativeService)
    servicemanager.StartServiceCtrlDispatcher()


if __name__ == "__main__":
    main()
