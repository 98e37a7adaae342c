"""ras-native exporter, on both backends."""

from __future__ import annotations

import _thread
import errno
import signal
import subprocess
import threading
import urllib.request

import child
import network
import pytest
from command import COMMAND, HOME, NEVER
from prometheus_client.parser import text_string_to_metric_families
from watching import PATIENCE, until

from ras_native.cli import _exporter

SELDOM = ("--interval", str(NEVER))


def values(text, name):
    """Return the values of a metric by entry, or by reason."""
    samples = [item for family in text_string_to_metric_families(text) for item in family.samples]
    return {
        item.labels.get("reason") or item.labels.get("entry", ""): item.value
        for item in samples
        if item.name == name
    }


def scrape(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - http
        return answer.read().decode("utf-8")


@pytest.fixture
def beside(monkeypatch):
    """Return a function that calls another one, with the server, in a thread beside the command."""
    threads, servers = [], []
    really = _exporter._new_server

    def new_server(*arguments):
        servers.append(really(*arguments))
        return servers[0]

    def start(function):
        def run():
            until(lambda: servers)
            function(servers[0])

        threads.append(threading.Thread(target=run))
        threads[0].start()

    monkeypatch.setattr(_exporter, "_new_server", new_server)
    yield start
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


# Serving


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 0), (signal.SIGINT, 130)],
    ids=["sigterm", "ctrl-c"],
)
def test_it_serves_until_a_signal(run, sim, beside, number, code):
    sim.add("Office")
    before = signal.getsignal(signal.SIGTERM)
    found = []

    def end(server):
        until(lambda: values(scrape(server.url), "ras_up") == {"Office": 1, "Home": 0})
        found.append(scrape(server.url))
        _thread.interrupt_main(number)

    beside(end)
    run("exporter", "Office", "Home", "--listen", "127.0.0.1:0", code=code)
    assert values(found[0], "ras_expected_absent") == {"Office": 0, "Home": 1}
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.posix_only("one process can send another these signals only there")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 0), (signal.SIGINT, 130)],
    ids=["sigterm", "ctrl-c"],
)
def test_a_signal_ends_a_real_exporter(number, code):
    process = subprocess.Popen(
        [*COMMAND, "exporter", "--simulate", "--listen", "127.0.0.1:0"],
        cwd=HOME,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "ras_provider_up" in scrape(process.stderr.readline().split()[-1])
    process.send_signal(number)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == code


def test_it_says_where_it_serves(run):
    result = run("exporter", *SELDOM, "--listen", "localhost:0", "--duration", "0")
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("metrics: http://localhost:")
    assert line.endswith("/metrics")


def test_it_says_who_can_read_what_is_not_on_loopback(run):
    result = run("exporter", *SELDOM, "--listen", "0.0.0.0:0", "--duration", "0")
    assert result.stderr.splitlines()[1:] == [
        "Everybody who reaches this address can read the metrics."
    ]


def test_a_taken_port_is_told(run):
    with network.listening() as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        result = run("exporter", "--listen", address, code=1)
    host, port = address.split(":")
    assert result.stderr.startswith(f"Error: cannot listen at {host} port {port}: ")


# The textfile


def test_the_textfile_has_all_that_happened(run, sim, tmp_path, monkeypatch):
    path = tmp_path / "ras.prom"
    office = sim.add("Office")
    steps = [lambda: sim.drop(office, reason=829), lambda: sim.add("Office")]
    really = _exporter._apply_next

    def stepping(monitor, collector, seconds):
        until(lambda: monitor.has_event_log)
        really(monitor, collector, seconds)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if steps and text:
            steps.pop(0)()
        elif "ERROR_LINK_FAILURE" in text and values(text, "ras_up") == {"Office": 1}:
            raise SystemExit(0)

    monkeypatch.setattr(_exporter, "_apply_next", stepping)
    arguments = ("--textfile", str(path), "--write-interval", "0.1")
    result = run("exporter", "Office", *SELDOM, *arguments)
    assert (result.stdout, result.stderr) == ("", "")
    text = path.read_text(encoding="utf-8")
    assert values(text, "ras_disconnects_total") == {"ERROR_LINK_FAILURE": 1}
    assert values(text, "ras_outages_total") == {"Office": 1}


def test_a_folder_that_does_not_exist_ends_it(run, tmp_path):
    path = str(tmp_path / "none" / "ras.prom")
    result = run("exporter", *SELDOM, "--textfile", path, "--duration", "0", code=1)
    assert result.stderr.startswith("Error: cannot write ")
    assert len(result.stderr.splitlines()) == 1


def test_a_disk_that_fills_up_is_told_once_and_ends_nothing(run, sim, tmp_path, monkeypatch):
    sim.add("Office")
    path = tmp_path / "ras.prom"
    really, writes = _exporter.write_textfile, []

    def write(registry, target):
        writes.append(target)
        if len(writes) in (2, 3):
            raise OSError(errno.ENOSPC, "No space left on device")
        if len(writes) == 5:
            raise SystemExit(0)
        really(registry, target)

    monkeypatch.setattr(_exporter, "write_textfile", write)
    arguments = ("--textfile", str(path), "--write-interval", "0.1")
    result = run("exporter", *SELDOM, *arguments)
    first, second = result.stderr.splitlines()
    assert first.endswith("ras.prom': No space left on device")
    assert second.endswith("ras.prom' is written again")
    assert values(path.read_text(encoding="utf-8"), "ras_up") == {"Office": 1}


def test_the_first_file_has_what_the_first_poll_found(run, sim, tmp_path, monkeypatch):
    sim.add("Office")
    path = tmp_path / "ras.prom"
    really, texts = _exporter.write_textfile, []

    def write(registry, target):
        really(registry, target)
        texts.append(path.read_text(encoding="utf-8"))

    monkeypatch.setattr(_exporter, "write_textfile", write)
    run("exporter", *SELDOM, "--textfile", str(path), "--duration", "0.1")
    assert values(texts[0], "ras_up") == {"Office": 1}


# Options


def test_options_reach_the_metrics(run, sim, tmp_path):
    for entry in ("A", "B", "C"):
        sim.add(entry)
    path = tmp_path / "ras.prom"
    run("exporter", *SELDOM, "--max-entries", "2", "--textfile", str(path), "--duration", "0")
    text = path.read_text(encoding="utf-8")
    assert values(text, "ras_up") == {"A": 1, "B": 1}
    assert values(text, "ras_dropped_events_total") == {"": 1}


def test_probes(run, sim, beside, closed_port):
    sim.set_projection(sim.add("A=B"), client_ipv4="127.0.0.1")

    def end(server):
        until(lambda: values(scrape(server.url), "ras_probe_up") == {"A=B": 1})
        _thread.interrupt_main(signal.SIGTERM)

    beside(end)
    probe = ("--probe", f"A=B=127.0.0.1:{closed_port}", "--probe-interval", "0.1")
    run("exporter", "--listen", "127.0.0.1:0", *probe)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--listen", "127.0.0.1:1", "--textfile", "a.prom"], "use only one"),
        (["--listen", "127.0.0.1"], "use HOST:PORT"),
        (["--listen", "127.0.0.1:65536"], "the port must be"),
        (["--textfile", "a.txt"], "path must end in .prom"),
        (["--keyfile", "key.pem"], "need --certfile"),
        (["--probe", "127.0.0.1:443"], "use ENTRY=HOST:PORT"),
        (["--probe", "Office=host.example:443"], "probe['Office']: "),
        (["--probe", "Other=127.0.0.1:443", "Office"], "'Other' is not one of entries"),
        (["", "Office"], "entries must"),
        (["A", "B", "--max-entries", "1"], "max_entries: "),
        (["--max-entries", "1001"], "1001 is not in the range: use 1 to 1000"),
        (["--interval", "nan"], "nan"),
        (["--write-interval", "0"], "0 is not in the range: use 0.1 to"),
        (["--probe", "X=127.0.0.1:1", "--probe", "x=127.0.0.1:2"], "names 'x' twice"),
        (["--textfile", "a.prom", "--certfile", "c"], "are not for --textfile"),
        (["--textfile", "a.prom", "--keyfile", "k"], "are not for --textfile"),
        (["--textfile", "a.prom", "--client-ca", "c"], "are not for --textfile"),
    ],
)
def test_wrong_usage(run, arguments, message):
    assert message in run("exporter", *arguments, code=2).stderr


def test_without_prometheus_client_it_says_what_is_missing():
    output = child.run(
        "import sys; sys.modules['prometheus_client'] = None\n"
        "sys.argv = ['ras-native', 'exporter']\n"
        "from ras_native.cli import main; main()",
        status=1,
    )
    assert output.startswith("Error: ras_native.exporter needs prometheus-client, which is not")
