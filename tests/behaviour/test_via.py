"""PJ-8 and PJ-9: connects through the tunnel of an entry."""

from __future__ import annotations

import json
import queue
import socket
import sys
from ipaddress import IPv4Address, IPv6Address

import pytest
from command import NEVER
from network import accepting, listening
from spy import without_optional_functions

from ras_native import ProviderError, RasError, connect_many, connect_stream
from ras_native.cli import _probe
from ras_native.cli._probe import Prober, Tunnel, probe

HERE = "127.0.0.1" if sys.platform == "darwin" else "127.0.0.5"
THERE = "127.0.0.1" if sys.platform == "darwin" else "127.0.0.6"


@pytest.fixture
def sources(monkeypatch):
    """The sources of the connects, in order."""
    used = []

    def recorded(targets, *, source, **options):
        used.append(source and str(source[0]))
        return connect_stream(targets, source=source, **options)

    monkeypatch.setattr(_probe, "connect_stream", recorded)
    return used


# Ras.local_address


@pytest.mark.ledger("PJ-8")
def test_the_local_address_is_that_of_the_tunnel(sim, ras):
    handle = sim.add("Head office")
    sim.set_projection(handle, client_ipv4=HERE, client_ipv6="::1")
    for connection in (handle, "head office", ras.snapshot()[0]):
        assert ras.local_address(connection) == IPv4Address(HERE)
    assert ras.local_address(handle, version=4) == IPv4Address(HERE)
    assert ras.local_address(handle, version=6) == IPv6Address("::1")
    sim.set_projection(handle, client_ipv6="::1")
    assert ras.local_address(handle) == IPv6Address("::1")


@pytest.mark.ledger("PJ-8")
def test_connects_begin_at_the_local_address(sim, ras):
    sim.set_projection(sim.add("Head office"), client_ipv4=HERE)
    source = ras.local_address("Head office"), 0
    with accepting() as (address, peers):
        (result,) = connect_many([address], source=source, abortive=False, backend=ras.backend)
    assert result.is_open
    assert [host for host, _ in peers] == [HERE]


@pytest.mark.ledger("PJ-8")
def test_a_missing_address_is_a_lookup_error(sim, ras):
    handle = sim.add("a")
    sim.set_projection(handle, client_ipv4=HERE)
    with pytest.raises(LookupError, match=rf"no IPv6 address .* it has {HERE}"):
        ras.local_address(handle, version=6)
    sim.set_projection(handle)
    with pytest.raises(LookupError, match=r"no address .* it has none"):
        ras.local_address("a")
    with pytest.raises(LookupError, match="no connection is named b; connections: a"):
        ras.local_address("b")
    sim.set_projection(handle, code=731)
    with pytest.raises(RasError, match="731"):
        ras.local_address(handle)


@pytest.mark.ledger("PJ-8")
@pytest.mark.parametrize("version", [0, 5, 6.5, "4", True, [4]])
def test_another_version_is_refused_before_anything_is_asked(sim, ras, version):
    handle = sim.add("a")
    with pytest.raises(ValueError, match="version must be 4, 6 or None"):
        ras.local_address(handle, version=version)
    assert sim.calls_total == 0


# One check


def check(ras, *targets, entry="Head office"):
    """Check each target through the tunnel; return outcomes and codes."""
    found = probe(
        targets, timeout=30, concurrency=1, backend=ras.backend, tunnel=Tunnel(ras, entry)
    )
    return [(item.outcome, item.code) for item in found]


@pytest.mark.ledger("PJ-9")
def test_each_family_has_its_own_source(sim, ras, sources):
    sim.set_projection(sim.add("HEAD office"), client_ipv4=HERE, client_ipv6="::1")
    with listening() as four, listening(socket.AF_INET6) as six:
        targets = [item.getsockname()[:2] for item in (six, four, six)]
        assert check(ras, *targets) == [("open", 0)] * 3
    assert sources == [HERE, "::1"]


@pytest.mark.ledger("PJ-9")
def test_the_address_of_a_name_is_one_that_the_tunnel_can_reach(sim, ras, sources, monkeypatch):
    sim.set_projection(sim.add("Head office"), client_ipv4=HERE)
    with listening() as listener:
        port = listener.getsockname()[1]
        found = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(_probe.socket, "getaddrinfo", lambda *_, **__: found)
        assert check(ras, ("intranet.example", port)) == [("open", 0)]
    assert sources == [HERE]


@pytest.mark.ledger("PJ-9")
def test_a_target_of_another_family_has_no_address(sim, ras, sources):
    sim.set_projection(sim.add("Head office"), client_ipv4=HERE)
    with listening() as listener:
        port = listener.getsockname()[1]
        assert check(ras, ("::1", port), ("127.0.0.1", port)) == [("no_address", 0), ("open", 0)]
    assert sources == [HERE]


@pytest.mark.ledger("PJ-9")
def test_nothing_is_connected_without_the_tunnel(sim, ras, sources):
    target = ("127.0.0.1", 9)
    sim.dial("Head office")
    assert check(ras, target) == [("not_connected", 0)]
    sim.add("twice")
    sim.add("TWICE")
    assert check(ras, target, entry="Twice") == [("ambiguous", 0)]
    handle = sim.add("Main")
    sim.set_projection(handle)
    assert check(ras, target, entry="main") == [("no_address", 0)]
    sim.set_projection(handle, client_ipv4=HERE)
    for code, outcome in {
        6: ("not_connected", 0),
        730: ("not_connected", 0),
        5: ("ras_error", 5),
    }.items():
        sim.fail("RasGetProjectionInfoEx", code)
        assert check(ras, target, entry="main") == [outcome]
    sim.stop_service()
    assert check(ras, target) == [("ras_error", 711)]
    assert not any(sources), "only the empty batch, which connects to nothing"


@pytest.mark.ledger("PJ-9")
def test_an_address_that_this_computer_does_not_have_is_no_address(sim, ras):
    sim.set_projection(sim.add("Head office"), client_ipv4="192.0.2.77")
    assert check(ras, ("127.0.0.1", 9)) == [("no_address", 0)]


# Again and again


@pytest.mark.ledger("PJ-9")
def test_a_tunnel_that_comes_up_again_is_looked_up_again(sim, ras, sources):
    results: queue.Queue[_probe.Probe | OSError] = queue.Queue()

    def next_outcome(unlike):
        while True:
            result = results.get(timeout=30)
            assert not isinstance(result, OSError)
            if result.outcome != unlike:
                return result.outcome

    with listening() as listener:
        target = listener.getsockname()
        with Prober(
            [target],
            results.put,
            interval=0.01,
            timeout=30,
            backend=ras.backend,
            tunnel=Tunnel(ras, "Head office"),
        ):
            assert next_outcome("") == "not_connected"
            first = sim.add("Head office", after=1)
            sim.set_projection(first, client_ipv4=HERE, after=1)
            sim.advance(1)
            assert next_outcome("not_connected") == "open"
            sim.drop(first)
            assert next_outcome("open") == "not_connected"
            second = sim.add("Head office", after=1)
            sim.set_projection(second, client_ipv4=THERE, after=1)
            sim.advance(1)
            assert next_outcome("not_connected") == "open"
    used = list(filter(None, sources))
    assert used == sorted(used), "first the one address, then the other"
    assert set(used) == {HERE, THERE}


@pytest.mark.ledger("PJ-9")
def test_a_provider_without_projections_ends_the_checks(sim, ras):
    sim.add("Head office")
    results: queue.Queue[_probe.Probe | OSError] = queue.Queue()
    with (
        without_optional_functions(ras),
        Prober(
            [("127.0.0.1", 9)],
            results.put,
            interval=0.01,
            timeout=30,
            backend=ras.backend,
            tunnel=Tunnel(ras, "Head office"),
        ),
    ):
        assert isinstance(results.get(timeout=30), ProviderError)


# The command


@pytest.mark.ledger("PJ-9")
def test_connect_via_an_entry(sim, run, sources):
    sim.set_projection(sim.add("Head office"), client_ipv4=HERE)
    with listening() as listener:
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        (found,) = run.json("connect", target, "--via", "head office")
        assert found["outcome"] == "open"
        failed = run("connect", target, "--via", "nowhere", "--json", code=1)
    assert [item["outcome"] for item in json.loads(failed.stdout)] == ["not_connected"]
    assert sources[0] == HERE
    shown = run("connect", "127.0.0.1:9", "--via", "nowhere", code=1).stdout
    assert shown.splitlines()[1].split() == ["127.0.0.1:9", "127.0.0.1", "not", "connected"]


@pytest.mark.ledger("PJ-9")
def test_watch_probes_via_an_entry(sim, run, sources):
    sim.set_projection(sim.add("Head office"), client_ipv4=HERE)
    with listening() as listener:
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        lines = run.json_lines(
            *("--probe", target, "--via", "Head office", "--probe-timeout", "30"),
            *("--interval", str(NEVER), "--duration", "0"),
        )
    assert [line["outcome"] for line in lines if "outcome" in line] == ["open"]
    assert sources == [HERE]


def test_via_needs_something_to_check(run):
    assert "--via needs --probe" in run("watch", "--via", "a", code=2).output


def test_connect_needs_a_provider_only_via_an_entry(run):
    assert "need --via" in run("connect", "127.0.0.1:9", code=2).output
