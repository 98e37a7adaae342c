"""Run a program of a document as its reader would, on a simulator instead of the system's RAS.

usage: python page_program.py PROGRAM [ARGUMENT...]
       python page_program.py -m MODULE [ARGUMENT...]

`Ras()`, `Monitor()` and the functions of `ras_native` use the simulator. It has one connection,
"Head office". What happens then is in the variable PAGE_MEANWHILE: Python statements, see `Story`.
At their end every Monitor is closed, so that a program that waits for events ends. A command gets
Ctrl-C instead. A program that makes a Simulator of its own uses that, as does `--simulate`.

No program leaves this machine: each address is a port of the loopback interface instead.
"""

from __future__ import annotations

import os
import runpy
import signal
import socket
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import ras_native
from ras_native._sockets import checks
from ras_native.monitor import monitor as monitor_module
from ras_native.sim import Simulator

PATIENCE = 20.0
"""How many seconds one step of the story waits for the program."""

QUIET = 0.15
"""A command that printed nothing for so many seconds has printed everything."""

SIMULATED = 3.0
"""After how many seconds a command with --simulate gets Ctrl-C."""

CTRL_C = 130

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}

DEFAULT = """
sim.drop(office, reason=829)
told("Explained")
office = sim.add("Head office")
told("Connected")
"""


class Story:
    """What happens in the simulated RAS while the program runs, and what its lines may use.

    sim: the Simulator. office: the handle of "Head office". `told(KIND, COUNT=1)` waits until the
    Monitors told that many events of this kind. `printed(TEXT)` waits until the program printed it,
    `written(PATH)` until a file has content. After `serve(HOST, PORT)` connects to that address
    succeed, after `silence(HOST, PORT)` they get no answer; all other addresses refuse.
    """

    def __init__(self, *, is_command: bool) -> None:
        self._is_command = is_command
        self._sim: Simulator | None = None
        self._monitors: list[ras_native.Monitor] = []
        self._told: Counter[str] = Counter()
        self._output = ""
        self._changed = threading.Condition()
        self._ports: dict[tuple[str, int], int] = {}
        self._silent: list[object] = []  # they are silent until the end
        self._sockets = [socket.socket()]
        self._sockets[0].bind(("127.0.0.1", 0))  # it does not listen: connects are refused
        self._play_ras()
        self._play_network()
        self._observe()

    def serve(self, host: str, port: int) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self._sockets.append(listener)
        self._ports[host, port] = listener.getsockname()[1]

    def silence(self, host: str, port: int) -> None:
        network = runpy.run_path(str(Path(__file__).with_name("network.py")))
        silent = network["silent_port"]()
        self._ports[host, port] = silent.__enter__()[1]
        self._silent.append(silent)

    def told(self, kind: str, count: int = 1) -> None:
        self._wait(lambda: self._told[kind] >= count)
        if self._is_command:
            self._let_print()

    def printed(self, text: str) -> None:
        self._wait(lambda: text in self._output)

    def written(self, path: str) -> None:
        self._wait(lambda: Path(path).exists() and Path(path).stat().st_size)

    def _let_print(self) -> None:
        """Wait until a command took all events, and has printed nothing for a while then."""
        self._wait(lambda: not any(m._worker.queue._items for m in self._monitors))
        length = -1
        for _ in range(int(PATIENCE / QUIET)):
            if length == len(self._output):
                return
            length = len(self._output)
            time.sleep(QUIET)

    def _simulator(self) -> Simulator:
        """Make the simulator when the program first opens the system's RAS."""
        if self._sim is None:
            self._sim = Simulator()
            office = self._sim.add("Head office", remote_endpoint="203.0.113.10")
            threading.Thread(target=self._run, args=(self._sim, office), daemon=True).start()
        return self._sim

    def _run(self, sim: Simulator, office: int) -> None:
        self._wait(lambda: self._monitors and all(m.has_polled for m in self._monitors), 60.0)
        for monitor in self._monitors:
            with suppress(ras_native.MonitorClosed):
                monitor.wait_until_started(PATIENCE)
        if self._is_command:
            self._let_print()
        names = {"sim": sim, "office": office, "told": self.told}
        names |= {"printed": self.printed, "written": self.written}
        names |= {"serve": self.serve, "silence": self.silence}
        try:
            exec(os.environ.get("PAGE_MEANWHILE") or DEFAULT, names)  # noqa: S102 - the page's own
        finally:
            if self._is_command:
                press_ctrl_c()
            for monitor in self._monitors:
                monitor.close()

    def _wait(self, condition, seconds: float = PATIENCE) -> None:
        with self._changed:
            for _ in range(int(seconds / 0.01)):
                if condition():
                    return
                self._changed.wait(0.01)

    def _play_ras(self) -> None:
        begin = ras_native.Ras.__init__

        def begin_on_simulator(ras, provider=None, **options):
            begin(ras, self._simulator() if provider is None else provider, **options)

        ras_native.Ras.__init__ = begin_on_simulator

    def _play_network(self) -> None:
        parse = checks.parse_address

        def parse_for_loopback(address):
            family, port, *rest, packed = parse(address)
            loopback = bytes([127, 0, 0, 1]) if family == 4 else bytes(15) + b"\x01"
            if packed[0] == loopback[0] and (family == 4 or packed == loopback):
                return (family, port, *rest, packed)
            refused = self._sockets[0].getsockname()[1]
            port = port and self._ports.get((str(address[0]), port), refused)
            return (family, port, *rest, loopback)

        checks.parse_address = parse_for_loopback
        bind = socket.socket.bind

        def bind_to_loopback(sock, address):
            if sock.family in LOOPBACK:  # an address in a tunnel, too
                address = (LOOPBACK[sock.family], *address[1:])
            bind(sock, address)

        socket.socket.bind = bind_to_loopback

    def _observe(self) -> None:
        start, put = ras_native.Monitor._start, monitor_module.EventQueue.put
        write = sys.stdout.write

        def start_and_remember(monitor):
            start(monitor)
            self._monitors.append(monitor)

        def put_and_count(queue, events, *rest):
            put(queue, events, *rest)
            with self._changed:
                self._told.update(type(event).__name__ for event in events)

        def write_and_remember(text):
            self._output += text
            return write(text)

        ras_native.Monitor._start = start_and_remember
        monitor_module.EventQueue.put = put_and_count
        sys.stdout.write = write_and_remember


def stay_here(event: str, arguments: tuple) -> None:
    """Stop a program that connects to another machine with Python's own sockets."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = str(arguments[1][0])
        if host not in {"localhost", "::1"} and not host.startswith("127."):
            raise PermissionError(f"a document's program connects to {host}")


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def run_command(module: str) -> None:
    """Run a module; Ctrl-C is how its reader ends it, so that is a success."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "--simulate" in sys.argv:
        timer = threading.Timer(SIMULATED, press_ctrl_c)
        timer.daemon = True
        timer.start()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        sys.exit(0 if end.code == CTRL_C else end.code)


def main() -> None:
    is_command = sys.argv[1] == "-m"
    sys.argv[:] = sys.argv[1 + is_command :]
    sys.addaudithook(stay_here)
    folder = Path() if is_command else Path(sys.argv[0]).parent
    sys.path[0] = str(folder.resolve())  # not the folder of this file
    Story(is_command=is_command)
    if is_command:
        run_command(sys.argv[0])
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
