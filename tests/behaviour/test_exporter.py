"""ras_native.exporter: what the metrics count, the server and the textfile."""

from __future__ import annotations

import errno
import gc
import http.client
import os
import re
import socket
import ssl
import threading
import time
import urllib.request
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace

import child
import network
import open_handles
import pytest
from host import under_wine
from metrics import Scrape, table
from polls import Hand, logged, up
from prometheus_client import CollectorRegistry
from tsv import ROOT
from watching import PATIENCE, until

from ras_native import ConnectOutcome, ConnSubstate, Gap, GapKind, Monitor
from ras_native.event_log._records import DIAL_FAILED, DISCONNECTED
from ras_native.exporter import METRICS, MetricsServer, RasCollector, server, write_textfile
from ras_native.exporter import textfile as textfile_module
from ras_native.monitor import probes

CERTIFICATE = str(Path(__file__).parents[1] / "support" / "loopback.pem")
ENUM = "RasEnumConnectionsW"
SELDOM = 3600.0
OFTEN = 0.01


def registered(collector):
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


@pytest.fixture
def watched(ras):
    """Return a function that opens a Monitor with a collector that consumes it in a thread."""
    opened = []

    def open_(*, entries=(), collector=None, **options):
        options = {"interval": SELDOM, **options}
        monitor = Monitor(ras, entries=entries or None, **options)
        made = RasCollector(
            monitor,
            entries=entries,
            event_log=options.get("event_log", True),
            **(collector or {}),
        )
        monitor.__enter__()
        thread = threading.Thread(target=made.consume)
        thread.start()
        opened.append((monitor, thread))
        until(lambda: monitor.has_polled and (monitor.has_event_log or "event_log" in options))
        return monitor, registered(made)

    yield open_
    for monitor, thread in opened:
        monitor.close()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def scraped(registry, condition):
    """Scrape until the condition is true; return that scrape."""
    found = []

    def look():
        found[:] = [Scrape(registry)]
        return condition(found[0])

    until(look)
    return found[0]


def fed(hand, **options):
    """Return a collector that has taken the events of a Hand, and its registry."""
    collector = RasCollector(**options)
    for event in hand.events:
        collector.apply(event)
    return collector, registered(collector)


# What is counted


def test_a_known_scenario(sim, watched):
    """One drop with each of three reasons, one outage without an end, one failed dialling."""
    office = sim.add("Office")
    _, registry = watched(entries=["Office", "Home"])
    before = scraped(registry, lambda scrape: scrape.value("ras_up", entry="Office"))
    assert before.by("ras_expected_absent", "entry") == {"Office": 0, "Home": 1}
    assert before.by("ras_outages_total", "entry") == {"Office": 0, "Home": 0}
    for number, reason in enumerate((829, 829, 631), 1):
        sim.drop(office, reason=reason)
        scraped(registry, lambda s: not s.value("ras_up", entry="Office"))
        scraped(
            registry,
            lambda s: sum(s.by("ras_disconnects_total", "reason").values()) == number,  # noqa: B023
        )
        office = sim.add("Office")
        scraped(registry, lambda s: s.value("ras_up", entry="Office"))
    sim.set_status(office, substate=ConnSubstate.DORMANT)
    scraped(registry, lambda s: s.value("ras_state", entry="Office", state="dormant"))
    sim.set_status(office, substate=ConnSubstate.RECONNECTED)
    scraped(registry, lambda s: s.value("ras_up", entry="Office"))
    sim.dial("Home", step=0.001, error=691)
    sim.advance(1.0)
    after = scraped(registry, lambda s: s.by("ras_dial_failures_total", "entry"))
    assert after.by("ras_disconnects_total", "entry", "reason") == {
        ("Office", "ERROR_LINK_FAILURE"): 2,
        ("Office", "ERROR_USER_DISCONNECTION"): 1,
    }
    assert after.by("ras_dial_failures_total", "entry", "reason") == {
        ("Home", "ERROR_AUTHENTICATION_FAILURE"): 1
    }
    assert after.by("ras_outages_total", "entry") == {"Office": 4, "Home": 0}
    assert after.by("ras_expected_absent", "entry") == {"Office": 0, "Home": 1}
    assert after.value("ras_provider_up") == 1
    assert after.value("ras_dropped_events_total") == 0


def test_outages_to_the_nanosecond():
    hand = Hand(event_log=True)
    hand.poll(up("Office"))
    hand.poll(after=10)  # down for 5 s
    hand.poll(up("Office", number=8), after=5)
    hand.poll(up("Office", number=8, substate=ConnSubstate.DORMANT), after=10)  # for 2.5 s
    hand.poll(up("Office", number=8), after=2.5)
    _, registry = fed(hand)
    scrape = Scrape(registry)
    assert scrape.value("ras_outages_total", entry="Office") == 2
    assert scrape.value("ras_outage_seconds_total", entry="Office") == 7.5


def test_an_outage_counts_while_it_lasts():
    hand = Hand(event_log=False)
    hand.now = hand.previous = time.perf_counter_ns() - 100 * 10**9
    hand.poll(up("Office"))
    hand.poll()
    _, registry = fed(hand, event_log=False)
    first = Scrape(registry).value("ras_outage_seconds_total", entry="Office")
    assert 98 <= first <= Scrape(registry).value("ras_outage_seconds_total", entry="Office")


def test_an_outage_does_not_go_on_with_another_monitor():
    first, second = Hand(event_log=False), Hand(event_log=False)
    first.now = first.previous = time.perf_counter_ns() - 100 * 10**9
    first.poll(up("Office"))
    first.poll(after=10)
    second.now = second.previous = first.now + 20 * 10**9
    second.poll(up("Home"))
    second.events[0] = replace(second.events[0], sequence=1)
    first.events += second.events
    _, registry = fed(first, event_log=False)
    assert Scrape(registry).value("ras_outages_total", entry="Office") == 1
    assert Scrape(registry).value("ras_outage_seconds_total", entry="Office") == 0


def test_outage_seconds_never_decrease():
    """A scrape between a change and its event must not look like a restarted counter."""
    hand = Hand(event_log=False)
    hand.poll(up("Office"))
    hand.poll()
    collector, registry = fed(hand, event_log=False)  # the outage lasts from long ago until now
    before = Scrape(registry).value("ras_outage_seconds_total", entry="Office")
    for event in hand.poll(up("Office"), after=1):
        collector.apply(event)  # it tells that the outage ended long ago
    assert Scrape(registry).value("ras_outage_seconds_total", entry="Office") == before


def test_an_end_counts_once_its_reason_is_known():
    hand = Hand(event_log=True)
    hand.poll(up("Office"))
    hand.poll(after=1)
    collector, registry = fed(hand)
    assert Scrape(registry).by("ras_disconnects_total", "reason") == {}
    events = hand.poll(after=1, log=(logged(DISCONNECTED, code=829, at=102, entry="Office"),))
    for event in events:
        collector.apply(event)
    assert Scrape(registry).by("ras_disconnects_total", "reason") == {"ERROR_LINK_FAILURE": 1}


def test_without_the_event_log_an_end_counts_at_once():
    hand = Hand(event_log=False)
    hand.poll(up("Office"))
    hand.poll(after=1)
    _, registry = fed(hand, event_log=False)
    assert Scrape(registry).by("ras_disconnects_total", "reason") == {"unknown": 1}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (829, "ERROR_LINK_FAILURE"),
        (-2146762495, "CERT_E_EXPIRED"),
        (0x8007274C, "WSAETIMEDOUT"),
        (123456789, "unknown"),
        (None, "unknown"),
    ],
)
def test_reasons_are_names_of_the_table(code, reason):
    hand = Hand(event_log=True)
    hand.poll()
    hand.poll(log=(logged(DIAL_FAILED, code=code, entry="Office"),))
    _, registry = fed(hand)
    assert Scrape(registry).by("ras_dial_failures_total", "entry", "reason") == {
        ("Office", reason): 1
    }


def test_the_provider(sim, watched):
    sim.add("Office")
    _, registry = watched(interval=OFTEN, statistics_interval=None)
    sim.stop_service(711)
    failing_ = scraped(registry, lambda s: not s.value("ras_provider_up"))
    reasons = {"ERROR_RASMAN_CANNOT_INITIALIZE": 1}
    assert failing_.by("ras_provider_failures_total", "reason") == reasons
    assert failing_.value("ras_state", entry="Office", state="unknown") == 1
    sim.start_service()
    after = scraped(registry, lambda s: s.value("ras_provider_up"))
    assert after.by("ras_provider_failures_total", "reason") == reasons
    assert after.value("ras_gaps_total", kind="failed") == 1
    assert after.value("ras_up", entry="Office") == 1


def test_statistics(sim, watched):
    office = sim.add("Office", device_type="vpn")
    sim.set_statistics(office, bytes_sent=1000, bytes_received=2**32 - 1, duration=60.0)
    monitor, registry = watched(statistics_interval=OFTEN)
    until(lambda: monitor.statistics("Office"))
    scrape = scraped(registry, lambda s: s.values("ras_bytes_sent_total"))
    guid = str(monitor.state("Office").connection.guid_entry)
    labels = {"entry": "Office", "device_type": "vpn", "guid": guid}
    assert scrape.value("ras_bytes_sent_total", **labels) == 1000
    assert scrape.value("ras_bytes_received_total", **labels) == 2**32 - 1
    assert scrape.value("ras_uptime_seconds", **labels) >= 60
    sim.drop(office)
    scrape = scraped(registry, lambda s: not s.value("ras_up", entry="Office"))
    assert scrape.values("ras_uptime_seconds") == scrape.values("ras_bytes_sent_total") == []


def test_probes(sim, watched, closed_port):
    for entry in ("Office", "Home"):
        sim.set_projection(sim.add(entry), client_ipv4="127.0.0.1")
    sim.add("Depot")
    with network.listening() as listener:
        targets = {
            "Office": ("127.0.0.1", listener.getsockname()[1]),
            "Home": ("127.0.0.1", closed_port),
        }
        monitor, registry = watched(probe=targets, probe_interval=0.1)
        counted = {("Office", "open"), ("Home", "refused")}
        scrape = scraped(
            registry,
            lambda s: (
                s.by("ras_probes_total", "entry", "outcome").keys() == counted
                and s.value("ras_probes_total", entry="Office") >= 2
            ),
        )
        sent = monitor.probe_results("Office")[-1].number
        assert scrape.value("ras_probes_total", entry="Office") <= sent
    assert scrape.by("ras_probe_up", "entry") == {"Office": 1, "Home": 1}
    assert scrape.by("ras_probe_duration_seconds", "entry").keys() == {"Office", "Home"}
    assert all(value > 0 for value in scrape.values("ras_probe_duration_seconds"))


@pytest.fixture
def probed(watched, monkeypatch):
    """Return a Monitor, its registry, a function that probes and scrapes, and how probes end."""
    ends = {"outcome": ConnectOutcome.OPEN}

    def connect_many(*_, **__):
        if ends["outcome"] is None:
            raise OSError("this computer cannot begin")
        return [SimpleNamespace(outcome=ends["outcome"], code=0, elapsed_ns=10**6)]

    monkeypatch.setattr(probes, "connect_many", connect_many)
    monitor, registry = watched(probe={"Office": ("127.0.0.1", 9)}, probe_interval=SELDOM)

    def probe():
        monitor._worker.probes[0].run()
        return Scrape(registry)

    return monitor, registry, probe, ends


def test_a_probe_that_cannot_begin_is_not_up(sim, probed):
    monitor, registry, probe, ends = probed
    sim.add("Office")
    scraped(registry, lambda s: s.values("ras_up") == [1])
    assert Scrape(registry).values("ras_probe_up") == []
    assert probe().values("ras_probe_up") == [1]
    ends["outcome"] = None
    after = probe()
    assert after.values("ras_probe_up") == after.values("ras_probe_duration_seconds") == []
    assert after.value("ras_probes_total") == 1
    assert monitor.last_probe("office") is None
    ends["outcome"] = ConnectOutcome.TIMEOUT
    assert probe().values("ras_probe_up") == [0]


def test_a_new_connection_begins_without_a_result_of_its_probe(sim, probed):
    _, registry, probe, _ = probed
    office = sim.add("Office")
    scraped(registry, lambda s: s.values("ras_up") == [1])
    assert probe().values("ras_probe_up") == [1]
    sim.drop(office)
    scraped(registry, lambda s: s.values("ras_up") == [0])
    sim.add("Office")
    assert scraped(registry, lambda s: s.values("ras_up") == [1]).values("ras_probe_up") == []
    assert probe().values("ras_probe_up") == [1]


def test_an_old_result_of_a_probe_is_not_told(sim, probed, monkeypatch):
    monitor, registry, probe, _ = probed
    sim.add("Office")
    scraped(registry, lambda s: s.values("ras_up") == [1])
    assert probe().values("ras_probe_up") == [1]
    late_ns = time.perf_counter_ns() + round((2 * SELDOM + 4) * 10**9)
    monkeypatch.setattr(probes, "time", SimpleNamespace(perf_counter_ns=lambda: late_ns))
    assert Scrape(registry).values("ras_probe_up") == []
    with pytest.raises(KeyError, match="does not probe"):
        monitor.last_probe("Home")


def test_durations(sim, watched):
    sim.add("Office")
    before = time.time()
    monitor, registry = watched(statistics_interval=SELDOM)
    until(lambda: monitor.durations().statistics.total)
    scrape = Scrape(registry)
    polls = monitor.durations().polls
    assert scrape.value("ras_poll_duration_seconds_count") == polls.total == sim.calls(ENUM)
    assert scrape.value("ras_poll_duration_seconds_sum") == polls.seconds
    buckets = scrape.by("ras_poll_duration_seconds_bucket", "le")
    assert list(buckets) == [*(f"{bound:.12g}" for bound in polls.bounds), "+Inf"]
    assert list(buckets.values()) == list(accumulate(polls.counts))
    counts = scrape.by("ras_calls_duration_seconds_count", "function")
    assert counts == {
        "RasEnumConnections": polls.total,
        "RasGetConnectStatus": polls.total,
        "RasGetConnectionStatistics": 1,
    }
    polled = scrape.value("ras_monitor_last_poll_timestamp_seconds")
    assert before - 1 <= polled <= time.time() + 1
    assert scrape.value("ras_monitor_polls_total") == polls.total
    assert scrape.value("ras_provider_call_seconds") == 0


def test_a_monitor_that_is_blind_shows_it(sim, ras):
    """While a call does not return, the moment of the last poll is missing or stands still."""
    monitor = Monitor(ras, interval=SELDOM, event_log=False)
    registry = registered(RasCollector(monitor))
    sim.delay(ENUM, 600.0)
    with monitor:
        blind = scraped(registry, lambda s: any(s.values("ras_provider_call_seconds")))
        assert blind.values("ras_monitor_last_poll_timestamp_seconds") == []
        sim.delay(ENUM, 0)
        scraped(registry, lambda s: s.values("ras_monitor_last_poll_timestamp_seconds"))


def test_lost_events_show_as_a_gap():
    hand = Hand(event_log=False)
    snapshot = hand.poll(up("Office")) and hand.engine.snapshot
    (gap,) = [
        event
        for event in hand.poll(up("Office"), suspended_ns=10**9)
        if type(event).__name__ == "Gap"
    ]
    lost = replace(gap, kind=GapKind.OVERFLOW, snapshot=snapshot)
    collector = RasCollector()
    collector.apply(lost)
    scrape = Scrape(registered(collector))
    assert scrape.value("ras_gaps_total", kind="overflow") == 1
    assert scrape.value("ras_up", entry="Office", device_type="vpn") == 1


@pytest.mark.parametrize("shown_by", ["overflow", "event"])
def test_a_lost_recovery_of_the_provider_does_not_last(shown_by):
    hand = Hand(event_log=False)
    hand.poll(up("Office"))
    hand.poll(code=711)
    collector, registry = fed(hand, event_log=False)
    assert Scrape(registry).value("ras_provider_up") == 0
    hand.poll(up("Office"))  # it recovers, and that event is lost
    dropped = hand.poll()
    if shown_by == "event":
        collector.apply(dropped[0])
    else:
        (gap,) = (event for event in hand.events if isinstance(event, Gap))
        lost = replace(gap, kind=GapKind.OVERFLOW, snapshot=hand.engine.snapshot)
        collector.apply(lost)
    assert Scrape(registry).value("ras_provider_up") == 1


# Bounds


def test_entries_beyond_the_cap_are_only_counted():
    hand = Hand(event_log=False)
    hand.poll(*(up(f"Entry {number}", number, number) for number in range(1, 6)))
    _, registry = fed(hand, entries=["Entry 5"], max_entries=3)
    scrape = Scrape(registry)
    assert scrape.by("ras_up", "entry") == {"Entry 5": 1, "Entry 1": 1, "Entry 2": 1}
    assert scrape.value("ras_dropped_events_total") == 2


def test_any_number_of_other_entries_leaves_those_with_metrics():
    hand = Hand(event_log=False)
    hand.poll(up("Office"))
    hand.poll()
    hand.poll(*(up(f"Entry {number}", number, number) for number in range(2, 1102)))
    _, registry = fed(hand, max_entries=1)
    scrape = Scrape(registry)
    assert scrape.by("ras_up", "entry") == {"Office": 0}
    assert scrape.value("ras_dropped_events_total") == 1100


def test_a_connection_that_gets_a_name_beyond_the_cap_is_up_no_more():
    hand = Hand(event_log=False)
    hand.poll(up("Office"))
    collector, registry = fed(hand, max_entries=1, event_log=False)
    for event in hand.poll(up("Home")):
        collector.apply(event)
    scrape = Scrape(registry)
    assert scrape.by("ras_up", "entry") == {"Office": 0}
    assert scrape.value("ras_dropped_events_total") == 1


def test_an_entry_is_one_in_any_letter_case():
    hand = Hand(event_log=False)
    hand.poll(up("OFFICE"))
    _, registry = fed(hand, entries=["Office"])
    assert Scrape(registry).by("ras_up", "entry") == {"Office": 1}


@pytest.mark.parametrize("name", ['"}\n# HELP x\n', "\\", "\ud800", "Z\u00fcrich \u8fde", "\x01\r"])
def test_hostile_names(name):
    hand = Hand(event_log=False)
    hand.poll(up(name))
    _, registry = fed(hand)
    label = name.replace("\ud800", r"\ud800")
    assert Scrape(registry).by("ras_up", "entry") == {label: 1}


def test_a_scrape_calls_nothing_of_ras(sim, watched):
    office = sim.add("Office")
    sim.set_statistics(office, bytes_sent=1000)
    monitor, registry = watched(statistics_interval=SELDOM)
    until(lambda: monitor.statistics("Office"))
    scraped(registry, lambda s: s.values("ras_bytes_sent_total"))
    calls, polls = sim.calls_total, monitor.counts.polls
    for _ in range(100):
        assert Scrape(registry).value("ras_bytes_sent_total") == 1000
    assert (sim.calls_total, monitor.counts.polls) == (calls, polls)


def test_1000_scrapes_leave_nothing_behind(sim, watched):
    sim.add("Office")
    _, registry = watched()
    with MetricsServer(registry, port=0) as opened:
        threads = threading.active_count()
        for _ in range(20):
            get(opened)
        until(lambda: threading.active_count() == threads)
        handles, objects = open_handles.count(), len(gc.get_objects())
        for _ in range(100 if under_wine() else 1000):  # each takes 50 ms there
            get(opened)
        until(lambda: threading.active_count() == threads)
        assert open_handles.count() <= handles
        assert len(gc.get_objects()) < objects + 100


# Its use


def test_it_works_before_the_monitor_is_entered_and_after_it_is_closed(sim, ras):
    sim.add("Office")
    monitor = Monitor(ras, statistics_interval=OFTEN, probe={"Office": ("127.0.0.1", 1)})
    collector = RasCollector(monitor, entries=["Office"])
    registry = registered(collector)
    assert Scrape(registry).value("ras_up", entry="Office") == 0
    with monitor:
        collector.apply(monitor.get(PATIENCE))
    collector.consume()
    assert Scrape(registry).value("ras_up", entry="Office") == 1


def test_another_consumer_may_pass_the_events(sim, ras):
    office = sim.add("Office")
    with Monitor(ras, interval=SELDOM, event_log=False) as monitor:
        collector = RasCollector(monitor, event_log=False)
        collector.apply(monitor.get(PATIENCE))
        sim.drop(office)
        collector.apply(monitor.get(PATIENCE))
    assert Scrape(registered(collector)).value("ras_disconnects_total") == 1


def test_the_error_that_ends_the_monitor_ends_the_consumer(ras, monkeypatch):
    monitor = Monitor(ras, interval=OFTEN)
    monkeypatch.setattr(monitor._worker.watcher, "wait", lambda *_: 1 // 0)
    with monitor, pytest.raises(ZeroDivisionError):
        RasCollector(monitor).consume()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"monitor": "monitor"}, "monitor must be"),
        ({"event_log": 1}, "event_log must be"),
        ({"entries": "Office"}, "entries must be"),
        ({"entries": [1]}, "entries must be"),
        ({"max_entries": 0}, "max_entries must be"),
        ({"max_entries": 1001}, "max_entries must be"),
        ({"entries": ["a", "b"], "max_entries": 1}, "max_entries: there are more than 1 entries"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        RasCollector(**options)


def test_a_collector_without_a_monitor_has_nothing_to_consume():
    with pytest.raises(ValueError, match="monitor: "):
        RasCollector().consume()


def test_only_events_are_applied():
    with pytest.raises(TypeError, match="event must be"):
        RasCollector().apply("event")


def test_two_monitors_need_two_registries():
    registry = registered(RasCollector())
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(RasCollector())


def test_the_metrics_follow_the_conventions():
    for metric in METRICS:
        assert re.fullmatch(r"ras_[a-z]+(_[a-z]+)*", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.text.endswith(".")
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_the_guide_lists_them():
    assert table() in (ROOT / "docs" / "guides" / "fleets.md").read_text(encoding="utf-8")


def test_without_prometheus_client_the_import_says_what_is_missing():
    output = child.run(
        "import sys; sys.modules['prometheus_client'] = None\nimport ras_native.exporter",
        status=1,
    )
    assert "needs prometheus-client" in output
    assert "pip install 'ras_native[prometheus]'" in output


# The server


def get(opened, path="/metrics"):
    with urllib.request.urlopen(opened.url.replace("/metrics", path), timeout=PATIENCE) as answer:  # noqa: S310 - http
        return answer.read().decode("utf-8")


@pytest.fixture
def serving(monkeypatch):
    monkeypatch.setattr(server, "_LOOK_SECONDS", 0.01)
    registry = registered(RasCollector(entries=["Office"]))
    with MetricsServer(registry, port=0) as opened:
        yield opened


def raw(opened, data, seconds=PATIENCE):
    """Send bytes and return all that the server answers."""
    with socket.create_connection(("127.0.0.1", opened.port), seconds) as client:
        with suppress(ConnectionError):  # the server answers before it has read all
            client.sendall(data)
        answer = b""
        while True:
            try:
                part = client.recv(65536)
            except ConnectionError:  # the server did not read it all
                return answer
            if not part:
                return answer
            answer += part


def test_the_server_answers(serving):
    assert 'ras_up{device_type="",entry="Office",guid=""} 0.0' in get(serving)
    assert "/metrics" in get(serving, "/")
    assert get(serving, "/metrics?name[]=ras_provider_up").count("\n") == 3
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(serving, "/other")


def test_it_answers_at_ipv6():
    with MetricsServer(CollectorRegistry(), "::1", 0) as opened:
        assert opened.url == f"http://[::1]:{opened.port}/metrics"
        assert get(opened) == ""


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /metrics HTTP/1.1\r\nHost: evil.example:1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: \xff\x00<script>\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/1.0\r\n\r\n",
    ],
    ids=["other", "bytes", "none", "old"],
)
def test_the_host_header_does_not_matter(serving, request_):
    answer = raw(serving, request_)
    assert answer.startswith(b"HTTP/1.0 200")
    assert b"evil" not in answer
    assert b"script" not in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", 404),
        (b"GET //[ HTTP/1.1\r\n\r\n", 404),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 404),
        (b"GET /metrics%00 HTTP/1.1\r\n\r\n", 404),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n", 501),
        (b"GET /metrics HTTP/1.1\r\nAccept: text/plain;version=x.y\r\n\r\n", 200),
        (b"<script> / HTTP/1.1\r\n\r\n", 501),
    ],
    ids=["up", "slashes", "url", "nul", "path", "header", "headers", "post", "accept", "method"],
)
def test_hostile_requests(serving, request_, status, caplog):
    answer = raw(serving, request_)
    assert not caplog.records
    assert answer.split(b" ", 2)[1:2] == [str(status).encode()] or answer == b""
    assert b"<script>" not in answer.partition(b"\r\n\r\n")[2]
    assert get(serving)


def test_a_client_that_sends_nothing_is_cut(serving, monkeypatch):
    monkeypatch.setattr(server, "CONNECTION_SECONDS", 0.01)
    with socket.create_connection(("127.0.0.1", serving.port), PATIENCE) as client:
        assert client.recv(1) == b""


def test_a_client_that_sends_slowly_is_cut(serving, monkeypatch):
    """Each byte comes in time, but the whole takes too long."""
    monkeypatch.setattr(server, "CONNECTION_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", serving.port), PATIENCE) as client:
        pause = threading.Event()

        def send():
            client.sendall(b"G")
            pause.wait(0.1)
            return False

        with pytest.raises(OSError):  # noqa: PT011 - systems differ in which one
            until(send)


def test_slow_clients_do_not_delay_others(serving):
    with contextmanager(clients)(serving, 5):
        assert "ras_up" in get(serving)


def test_too_many_clients_are_refused(serving, monkeypatch, caplog):
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)
    with contextmanager(clients)(serving, 3):
        until(lambda: len(serving._server._open) == 3)
        for _ in range(2):
            with pytest.raises((OSError, http.client.HTTPException)):
                get(serving)
    until(lambda: not serving._server._open)
    assert "ras_up" in get(serving)
    assert caplog.text.count("another one is refused") == 1


def clients(opened, count):
    """Connect that often, and send nothing."""
    opened_ = [socket.create_connection(("127.0.0.1", opened.port)) for _ in range(count)]
    yield
    for client in opened_:
        client.close()


def test_a_collector_that_fails_gives_an_error(serving, monkeypatch):
    monkeypatch.setattr(RasCollector, "collect", lambda _: 1 // 0)
    with pytest.raises(urllib.error.HTTPError, match="500"):
        get(serving)


def test_a_taken_port(serving):
    with pytest.raises(OSError, match=f"cannot listen at 127.0.0.1 port {serving.port}: "):
        MetricsServer(CollectorRegistry(), port=serving.port)


def test_an_address_of_another_computer():
    with pytest.raises(OSError, match=r"cannot listen at 192\.0\.2\.1 port 9861: "):
        MetricsServer(CollectorRegistry(), "192.0.2.1")


def test_close_frees_the_port():
    with MetricsServer(CollectorRegistry(), port=0) as opened:
        port = opened.port
        get(opened)
        client = socket.create_connection(("127.0.0.1", port))
    with closing(client), suppress(ConnectionError):
        assert client.recv(1) == b""  # it ended the connection, too
    opened.close()
    MetricsServer(CollectorRegistry(), port=port).close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": 1}, "host must be"),
        ({"port": -1}, "port must be"),
        ({"port": 65536}, "port must be"),
        ({"keyfile": "key"}, "keyfile and client_ca need certfile"),
    ],
)
def test_bad_arguments_of_the_server(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        MetricsServer(CollectorRegistry(), **options)


def trusting(**identity):
    context = ssl.create_default_context(cafile=CERTIFICATE)
    if identity:
        context.load_cert_chain(**identity)
    return context


def get_securely(opened, context):
    with urllib.request.urlopen(opened.url, timeout=PATIENCE, context=context) as answer:  # noqa: S310 - https
        return answer.read()


def test_tls(monkeypatch):
    monkeypatch.setattr(server, "_LOOK_SECONDS", 0.01)
    with MetricsServer(registered(RasCollector()), port=0, certfile=CERTIFICATE) as opened:
        assert opened.url.startswith("https://")
        with contextmanager(clients)(opened, 3):  # they never begin the handshake
            assert b"ras_provider_up" in get_securely(opened, trusting())
        assert raw(opened, b"GET /metrics HTTP/1.1\r\n\r\n").count(b"ras") == 0
        assert get_securely(opened, trusting())


def test_tls_for_clients_with_a_certificate(monkeypatch):
    monkeypatch.setattr(server, "_LOOK_SECONDS", 0.01)
    options = {"certfile": CERTIFICATE, "client_ca": CERTIFICATE}
    with MetricsServer(registered(RasCollector()), port=0, **options) as opened:
        assert get_securely(opened, trusting(certfile=CERTIFICATE))
        with pytest.raises(OSError):  # noqa: PT011 - systems differ in which one
            get_securely(opened, trusting())


def test_a_certificate_that_cannot_be_used(tmp_path):
    with pytest.raises(OSError, match=r"cannot use .*none.* for TLS: "):
        MetricsServer(CollectorRegistry(), port=0, certfile=str(tmp_path / "none"))
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate", encoding="ascii")
    with pytest.raises(OSError, match=r"cannot use .*wrong\.pem.* for TLS: "):
        MetricsServer(CollectorRegistry(), port=0, certfile=str(wrong))


# The textfile


def test_the_textfile(tmp_path):
    path = tmp_path / "ras.prom"
    registry = registered(RasCollector(entries=["Z\u00fcrich"]))
    for _ in range(2):
        write_textfile(registry, path)
    data = path.read_bytes()
    assert 'entry="Z\u00fcrich"'.encode() in data
    assert data.startswith(b"# HELP ")
    assert data.endswith(b"\n")
    assert b"\r" not in data
    assert os.listdir(tmp_path) == ["ras.prom"]


def test_what_a_killed_program_left_is_replaced(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(textfile_module, "_move", killed)
        patch.setattr(textfile_module.os, "remove", killed)
        patch.setattr(textfile_module.os, "getpid", lambda: 1)
        with pytest.raises(KeyboardInterrupt):
            write_textfile(CollectorRegistry(), tmp_path / "ras.prom")
    assert len(os.listdir(tmp_path)) == 1
    write_textfile(CollectorRegistry(), tmp_path / "ras.prom")
    assert os.listdir(tmp_path) == ["ras.prom"]


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_textfile(CollectorRegistry(), tmp_path / "none" / "ras.prom")


@pytest.mark.parametrize("path", ["ras.txt", "", 1, "a\0.prom"])
def test_bad_paths(path):
    with pytest.raises((TypeError, ValueError), match="path must"):
        write_textfile(CollectorRegistry(), path)


@pytest.mark.parametrize("step", ["generate_latest", "_move"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "ras.prom"
    write_textfile(registered(RasCollector()), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(textfile_module, step, full)
    with pytest.raises(OSError, match="No space left"):
        write_textfile(registered(RasCollector(entries=["Office"])), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["ras.prom"]


@pytest.mark.parametrize("failures", [3, 1000])
def test_a_reader_may_hold_the_file_for_a_moment(tmp_path, monkeypatch, failures):
    """As on Windows, where a file that another program has open cannot be replaced."""
    path = tmp_path / "ras.prom"
    really, left = os.replace, [failures]

    def shared(source, target):
        if left[0]:
            left[0] -= 1
            raise PermissionError(errno.EACCES, "Permission denied")
        really(source, target)

    monkeypatch.setattr(textfile_module, "_PAUSE", 0.0)
    monkeypatch.setattr(os, "replace", shared)
    if failures == 3:
        write_textfile(registered(RasCollector()), path)
        assert path.exists()
    else:
        with pytest.raises(PermissionError):
            write_textfile(registered(RasCollector()), path)
        assert os.listdir(tmp_path) == []
