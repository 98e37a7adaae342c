"""connect_stream: each result when its connect ends. What it shares with connect_many is there."""

from __future__ import annotations

import contextlib
import gc
import itertools
import select
import socket
import time

import child
import pytest
from network import (
    FakeSystem,
    accepting,
    closed_port,
    interrupt_soon,
    listening,
    open_handles,
    silent_port,
)

from ras_native import ConnectResult, connect_many, connect_stream
from ras_native._backend.layout import RN_OUTCOME
from ras_native._sockets import many


def test_results_are_those_of_connect_many(backend):
    with accepting() as (opened, _), closed_port() as closed:
        targets = [opened, closed, ("0.0.0.0", 9)] * 100  # noqa: S104
        streamed = list(connect_stream(iter(targets), timeout=30, backend=backend))
        assert {type(result) for result in streamed} == {ConnectResult}
        assert sorted(result[:4] for result in streamed) == sorted(
            result[:4] for result in connect_many(targets, timeout=30, backend=backend)
        )


def test_a_result_does_not_wait_for_earlier_targets(backend):
    with silent_port() as silent, listening() as listener:
        opened = listener.getsockname()
        targets = [silent, silent, opened]
        with contextlib.closing(connect_stream(targets, timeout=50, backend=backend)) as stream:
            assert next(stream).target == opened


@pytest.fixture
def long_slices(monkeypatch):
    """Waits end only when they should."""
    monkeypatch.setattr(many, "SLICE_NS", 50_000_000_000)


@pytest.mark.usefixtures("long_slices")
def test_a_result_is_handed_out_while_others_wait(backend, monkeypatch):
    run, sizes = many._run, []

    def recorded(*arguments):
        for outcomes in run(*arguments):
            sizes.append(len(outcomes) // RN_OUTCOME.size)
            yield outcomes

    monkeypatch.setattr(many, "_run", recorded)
    with silent_port() as silent, listening() as listener:
        targets = [silent, listener.getsockname()]
        stream = connect_stream(targets, timeout=0.3, backend=backend)
        assert [result.code for result in stream] == [0, 10060]
    assert list(filter(None, sizes)) == [1, 1]


@pytest.mark.usefixtures("long_slices")
def test_the_next_target_is_read_while_others_wait(backend, monkeypatch):
    monkeypatch.setattr(many, "_READ_NS", 0)  # targets are read one by one
    with silent_port() as silent, listening() as listener:
        targets = [silent, silent, listener.getsockname()]
        stream = connect_stream(targets, timeout=0.5, backend=backend)
        assert [result.code for result in stream] == [0, 10060, 10060]


def test_each_target_times_out_on_its_own(backend):
    with silent_port() as silent, listening() as listener:
        targets = [silent, listener.getsockname(), silent]
        found = list(connect_stream(targets, timeout=0.1, concurrency=2, backend=backend))
        assert [(r.target, r.code) for r in found[1:]] == [(silent, 10060)] * 2
        assert found[0].is_open
        assert all(result.elapsed_ns >= 100_000_000 for result in found[1:])


def test_endless_targets_are_read_no_further_than_agreed(backend):
    read = []
    with accepting() as (opened, _), closed_port() as closed:

        def targets():
            for target in itertools.cycle([opened, closed]):
                read.append(target)
                yield target

        before = open_handles()
        stream = connect_stream(targets(), timeout=30, concurrency=8, backend=backend)
        for count, result in enumerate(itertools.islice(stream, 3000), start=1):
            assert result.is_open == (result.target == opened)
            assert len(read) < count + 8
        stream.close()
        assert open_handles() - before < 5
        assert len(read) <= 3008
        assert list(stream) == []


def test_a_target_begins_before_the_next_is_read(backend, monkeypatch):
    """Reading a target may take long."""
    monkeypatch.setattr(many, "_READ_NS", 0)
    with listening() as listener:

        def targets():
            for _ in range(3):
                yield listener.getsockname()
                assert select.select([listener], [], [], 30)[0], "no connect has begun"
                listener.accept()[0].close()

        found = list(connect_stream(targets(), abortive=False, backend=backend))
        assert [result.code for result in found] == [0] * 3


def test_nothing_happens_before_the_first_result_is_wanted(backend):
    read = []
    with listening() as listener:
        before = open_handles()
        targets = (read.append(1) or listener.getsockname() for _ in range(9))
        stream = connect_stream(targets, backend=backend)
        assert (read, open_handles()) == ([], before)
        stream.close()
        assert list(stream) == []
        assert read == []


@pytest.mark.parametrize("end", ["close", "delete"])
def test_an_early_end_closes_every_socket(backend, end):
    with silent_port() as silent, listening() as listener:
        before = open_handles()
        targets = [silent] * 40 + [listener.getsockname()]
        stream = connect_stream(targets, timeout=50, concurrency=64, backend=backend)
        for result in stream:
            assert result.is_open
            break
        assert open_handles() - before > 20 or not before  # Wine counts no handles
        if end == "close":
            stream.close()
        del stream
        gc.collect()
        assert open_handles() - before < 5


def test_an_interrupt_keeps_the_results_until_then(backend):
    with silent_port() as silent, listening() as listener:
        before = open_handles()
        targets = itertools.chain([listener.getsockname()] * 20, itertools.repeat(silent))
        stream = connect_stream(targets, timeout=50, concurrency=30, backend=backend)
        kept = list(itertools.islice(stream, 20))
        with interrupt_soon():
            kept.extend(stream)
        assert [result.is_open for result in kept] == [True] * 20
        assert list(stream) == []
        assert open_handles() - before < 5


def test_after_a_bad_target_the_earlier_results_come_first(backend):
    with listening() as listener, silent_port() as silent:
        opened = listener.getsockname()
        targets = [opened, silent, ("localhost", 9), opened]
        stream = connect_stream(targets, timeout=0.1, backend=backend)
        assert [next(stream).code for _ in range(2)] == [0, 10060]
        with pytest.raises(ValueError, match=r"targets\[2\]: 'localhost' is not a numeric"):
            next(stream)
        assert list(stream) == []


def test_an_error_of_the_iterable_comes_after_the_results(backend):
    with listening() as listener:

        def targets():
            yield listener.getsockname()
            raise RuntimeError("no more lines")

        stream = connect_stream(targets(), backend=backend)
        assert next(stream).is_open
        with pytest.raises(RuntimeError, match="no more lines"):
            next(stream)


def test_no_target(backend):
    assert list(connect_stream([], backend=backend)) == []


def test_a_source_and_a_target_of_another_family(backend):
    with listening() as listener:
        targets = [listener.getsockname(), ("::1", 9)]
        stream = connect_stream(targets, source=("127.0.0.1", 0), backend=backend)
        assert next(stream).is_open
        with pytest.raises(ValueError, match=r"source is IPv4, but targets\[1\] is IPv6"):
            next(stream)


def in_a_list(targets, **options):
    return connect_many(targets, **options)


def streamed(targets, **options):
    return list(connect_stream(targets, **options))


@pytest.mark.parametrize("way", [in_a_list, streamed])
def test_no_more_connects_a_second_than_asked_for(backend, way):
    """The connects are evenly spaced from the first on, but those of 20 ms may be made up for."""
    with listening() as listener:
        began = time.perf_counter()
        results = way([listener.getsockname()] * 31, rate=100, concurrency=4, backend=backend)
        assert time.perf_counter() - began >= 0.3 - 0.02
    assert [result.code for result in results] == [0] * 31


def test_wrong_arguments_are_told_at_once(backend, monkeypatch):
    FakeSystem().install(monkeypatch)
    with pytest.raises(ValueError, match="concurrency must be from 1 to"):
        connect_stream([], concurrency=0, backend=backend)
    with pytest.raises(TypeError, match="targets must be an iterable of addresses"):
        connect_stream("127.0.0.1:9", backend=backend)
    with pytest.raises(ValueError, match="rate must be"):
        connect_stream([], rate=-1, backend=backend)
    with pytest.raises(ValueError, match="syn_retries must be"):
        connect_stream([], syn_retries=128, backend=backend)
    with pytest.raises(ValueError, match="source: the port must be 0"):
        connect_stream([], source=("127.0.0.1", 9), backend=backend)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_families(backend, family):
    with listening(family) as listener:
        (result,) = connect_stream([listener.getsockname()], backend=backend)
        assert result.is_open


@pytest.mark.posix_only("Windows has no fork")
def test_a_forked_process_does_not_take_the_results(backend):
    script = """
import itertools, os, sys
from network import listening, silent_port
from ras_native import connect_stream

with silent_port() as silent, listening() as listener:
    targets = itertools.chain([listener.getsockname()], [silent] * 3)
    stream = connect_stream(targets, timeout=1, backend=sys.argv[1])
    print(next(stream).code, flush=True)
    child = os.fork()
    if not child:
        try:
            next(stream)
        except ValueError as error:
            print(error, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    print([result.code for result in stream])
"""
    assert child.run(script, backend).splitlines() == [
        "0",
        "these connects belong to the process that forked this one",
        "[10060, 10060, 10060]",
    ]
