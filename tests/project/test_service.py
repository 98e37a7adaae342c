"""examples/service: what the service writes, that it stops in time, and its Windows service."""

from __future__ import annotations

import json
import re
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree

import pytest
from documents import blocks
from watching import PATIENCE, until

from ras_native import Event, Ras, explain
from ras_native.cli import _commands
from ras_native.monitor import monitor as monitor_module

ENUM = "RasEnumConnectionsW"
FOLDER = Path(__file__).parents[2] / "examples" / "service"
PAGE = FOLDER.parents[1] / "docs" / "guides" / "service.md"


@pytest.fixture
def program(monkeypatch):
    """The module log_connections, imported anew."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.delitem(sys.modules, "log_connections", raising=False)
    import log_connections

    return log_connections


class Service:
    """log_connections.run() in a thread."""

    def __init__(self, program, ras: Ras, folder: Path, *entries: str) -> None:
        self.stop = Event(backend=ras.backend)
        self.folder = folder
        self.told: list[str] = []
        self.warned: list[str] = []
        self._arguments = (self.stop, folder, entries)
        self._options = {"ras": ras, "tell": self.told.append, "warn": self.warned.append}
        self._program, self.error = program, None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._program.run(*self._arguments, **self._options)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def __enter__(self) -> Service:
        self.thread.start()
        until(lambda: self.told or not self.thread.is_alive())
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        self.stop.close()

    def events(self) -> list[dict]:
        return [json.loads(line) for file in files(self.folder) for line in lines(file)]

    def kinds(self) -> list[str]:
        return [event["event"] for event in self.events()]


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("events-*.jsonl"))


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="ascii").splitlines()


@pytest.fixture
def service(program, ras, tmp_path):
    return Service(program, ras, tmp_path / "logs")


def test_each_event_is_a_line(service, sim):
    office = sim.add("Zürich Büro")
    with service:
        until(lambda: service.kinds() == ["Found"])
        sim.drop(office)
        until(lambda: "Disconnected" in service.kinds())
        assert service.told == [f"watching; the events are in {service.folder}"]
    assert service.told[1:] == ["stopped"]
    assert {event["entry"] for event in service.events()} == {"Zürich Büro"}
    assert service.error is None
    assert service.warned == []


def test_only_the_entries_asked_for(program, ras, sim, tmp_path):
    with Service(program, ras, tmp_path, "Office", "Nowhere") as service:
        until(lambda: service.kinds() == ["Absent", "Absent"])
        sim.add("Other")
        sim.add("Office")
        until(lambda: len(service.events()) == 3)
    (*_, last) = service.events()
    assert (last["event"], last["entry"]) == ("Connected", "Office")


def test_it_goes_on_when_ras_restarts(service, sim):
    sim.add("Home")
    with service:
        until(lambda: service.kinds() == ["Found"])
        sim.stop_service()
        until(lambda: service.warned)
        sim.start_service()
        until(lambda: len(service.told) == 2)
        sim.add("Office")
        until(lambda: "Connected" in service.kinds())
    reason = explain(711)
    assert service.warned == [f"RAS cannot be asked: {reason}. What to do: {reason.advice}"]
    assert service.told[1].startswith("RAS answers again after ")
    assert {"ProviderFailed", "ProviderRecovered", "Gap"} <= set(service.kinds())
    assert service.error is None


@pytest.mark.filterwarnings("ignore:a Monitor was closed while")  # RAS, and perhaps the event log
def test_it_stops_while_ras_does_not_answer(service, sim, monkeypatch):
    monkeypatch.setattr(monitor_module, "CLOSE_SECONDS", 0.05)
    sim.delay(ENUM, 60.0)
    with service:
        until(lambda: sim.calls(ENUM))
        service.stop.set()
        until(lambda: not service.thread.is_alive())
        sim.delay(ENUM, 0.0)
    assert service.told[-1] == "stopped"


def test_the_last_events_are_written(program, service, sim, monkeypatch):
    def stop_after_the_first_poll(monitor, _stop):
        until(lambda: monitor.has_polled)

    monkeypatch.setattr(program, "_has_next", stop_after_the_first_poll)
    sim.add("Office")
    with service:
        until(lambda: not service.thread.is_alive())
    assert service.kinds() == ["Found"]
    assert service.told[-1] == "stopped"


def test_files_rotate_and_the_oldest_are_removed(program, service, sim, monkeypatch):
    monkeypatch.setattr(program, "FILE_BYTES", 1)
    monkeypatch.setattr(program, "FILES", 3)
    with service:
        until(lambda: files(service.folder))
        for number in range(6):
            sim.add(f"Office {number}")
            until(lambda number=number: f"Office {number}" in str(lines(files(service.folder)[-1])))
    assert [event["entry"] for event in service.events()] == ["Office 3", "Office 4", "Office 5"]


def test_a_file_that_somebody_reads_is_removed_later(program, service, sim, monkeypatch):
    def refuse(_path):
        raise PermissionError("somebody reads it")

    monkeypatch.setattr(program, "FILE_BYTES", 1)
    monkeypatch.setattr(program, "FILES", 1)
    with monkeypatch.context() as reading:
        reading.setattr(program.Path, "unlink", refuse)
        with service:
            for number in range(3):
                sim.add(f"Office {number}")
                until(lambda number=number: len(files(service.folder)) >= number + 1)
    assert service.error is None
    count = len(files(service.folder))
    program.Log(service.folder).close()
    assert len(files(service.folder)) < count


def test_a_restart_goes_on_in_the_same_file(program, ras, sim, tmp_path):
    for name in ("One", "Two"):
        sim.add(name)
        with Service(program, ras, tmp_path) as service:
            until(lambda name=name: name in str(service.events()))
    (file,) = files(tmp_path)
    assert len(lines(file)) == 3


def test_a_crash_in_the_middle_of_a_line_spoils_only_that_line(program, ras, sim, tmp_path):
    (tmp_path / "events-1.jsonl").write_text('{"event": "Fou', encoding="ascii")
    sim.add("Office")
    with Service(program, ras, tmp_path) as service:
        until(lambda: "Office" in (tmp_path / "events-1.jsonl").read_text(encoding="ascii"))
    (part, event) = lines(tmp_path / "events-1.jsonl")
    assert part == '{"event": "Fou'
    assert json.loads(event)["entry"] == "Office"
    assert service.error is None


def test_the_current_file_stays_when_the_clock_was_set_back(program, tmp_path, monkeypatch):
    monkeypatch.setattr(program, "FILE_BYTES", 1)
    for number in range(program.FILES):
        (tmp_path / f"events-9999{number}.jsonl").write_text("{}\n", encoding="ascii")
    program.Log(tmp_path).close()
    (current, *rest) = files(tmp_path)
    assert current.stat().st_size == 0
    assert [file.name for file in rest] == [
        f"events-9999{number}.jsonl" for number in range(1, program.FILES)
    ]


def test_a_folder_that_cannot_be_made_is_an_error_at_once(program, ras, sim, tmp_path):
    (tmp_path / "file").touch()
    with Service(program, ras, tmp_path / "file") as service:
        pass
    assert isinstance(service.error, FileExistsError)
    assert service.told == []
    assert sim.calls(ENUM) == 0


def test_a_full_disk_ends_the_service(program, service, sim, monkeypatch):
    def fail(_log, _event):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(program.Log, "write", fail)
    with service:
        sim.add("Office")
        until(lambda: not service.thread.is_alive())
    assert service.error.errno == 28
    assert "stopped" not in service.told


@pytest.mark.windows_only("only there pywin32 has services")
def test_the_windows_service_starts_and_stops(program, ras, sim, tmp_path, monkeypatch):
    import servicemanager
    import win32service
    import windows_service

    monkeypatch.setattr(monitor_module, "_system_ras", lambda: ras)
    monkeypatch.setattr(windows_service, "FOLDER", tmp_path)
    monkeypatch.setattr(windows_service, "Event", lambda: Event(backend=ras.backend))
    monkeypatch.setattr(windows_service, "log_connections", program)
    kind = windows_service.RasNativeService
    sim.add("Office")
    servicemanager.Initialize()
    servicemanager.PrepareToHostSingle(kind)
    servicemanager.Debugging(1)  # there is no service manager; messages go to the console
    service = kind([kind._svc_name_])
    controls = win32service.SERVICE_ACCEPT_STOP | win32service.SERVICE_ACCEPT_SHUTDOWN
    assert service.GetAcceptedControls() == controls
    thread = threading.Thread(target=service.SvcRun, daemon=True)
    thread.start()
    until(lambda: any(lines(file) for file in files(tmp_path)))
    service.ServiceCtrlHandler(win32service.SERVICE_CONTROL_STOP)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    service._stop.close()
    (file,) = files(tmp_path)
    assert json.loads(lines(file)[0])["entry"] == "Office"


# WinSW

KNOWN = {
    *("id", "name", "description", "executable", "arguments", "startmode", "logpath", "log"),
    *("onfailure", "resetfailure", "stoptimeout", "depend", "env", "workingdirectory"),
}
"""Elements that WinSW 2 documents in doc/xmlConfigFile.md, and has in its XMLSchema.xsd."""


def test_the_guide_shows_the_file_of_winsw():
    shown = [block.text for block in blocks(PAGE) if block.language == "xml"]
    assert shown == [(FOLDER / "RasNativeWatch.xml").read_text(encoding="utf-8")]


def winsw() -> ElementTree.Element:
    return ElementTree.fromstring((FOLDER / "RasNativeWatch.xml").read_bytes())  # noqa: S314 - ours


def test_winsw_has_only_elements_that_it_documents():
    root = winsw()
    values = {item.tag: item.text for item in root}
    assert root.tag == "service"
    assert values.keys() <= KNOWN
    assert values["id"].isalnum()
    assert values["id"] == "RasNativeWatch"
    assert {item.tag for item in root.find("log")} == {"sizeThreshold", "keepFiles"}
    assert root.find("log").get("mode") == "roll-by-size"
    assert {item.get("action") for item in root.iter("onfailure")} == {"restart"}
    for text in [values["stoptimeout"], values["resetfailure"]] + [
        item.get("delay") for item in root.iter("onfailure")
    ]:
        number, unit = text.split()
        assert number.isdigit()
        assert unit in {"sec", "min", "hour"}


def test_what_runs_as_local_system_is_where_only_administrators_change_files():
    texts = [file.read_text(encoding="utf-8") for file in (PAGE, FOLDER / "RasNativeWatch.xml")]
    programs = [found for text in texts for found in re.findall(r"[A-Z]:\\[^\"<`]*\.exe", text)]
    assert len(programs) >= 6
    assert all(found.startswith("C:\\Program Files\\") for found in programs)


def test_the_folder_of_the_log_is_protected_before_the_service_starts():
    text = PAGE.read_text(encoding="utf-8")
    assert text.index(' /inheritance:r /grant:r "*S-1-5-18:(OI)(CI)F"') < text.index(
        "## With WinSW"
    )


def test_winsw_runs_a_command_that_exists():
    root = winsw()
    module, name, command, *arguments = root.findtext("arguments").split()
    assert (module, name) == ("-m", "ras_native")
    assert _commands.cli.commands[command].make_context(command, arguments).params["as_json"]
