"""A process whose shim is compiled with an allocator that fails on demand.

usage: failing_shim.py LIBRARY OPERATION

Repeats the operation, failing its first allocation, then its second, and so on, until it passes
without a failure. Each failure must be a MemoryError and change nothing: the same call made again
gives the right result, and in the end the shim has freed everything. Prints how many failed.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import socket
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import open_handles
from cc import CSRC
from cffi import FFI

MOST = 100  # allocations that one operation may make
FIRST, MORE = ["one", "two", "three"], [f"entry {number}" for number in range(40)]


def install(path: str) -> ctypes.CDLL:
    """Put the library in the place of the compiled module, and return its allocator."""
    sys.path.insert(0, str(CSRC))
    from gen_layout import between

    module: Any = types.ModuleType("ras_native._native")
    module.__spec__ = types.SimpleNamespace(name=module.__name__)
    module.ffi = FFI()
    module.ffi.cdef(between("shim/rn.h", "contract"))
    module.lib = module.ffi.dlopen(path)
    sys.modules[module.__name__] = module
    return ctypes.CDLL(path)


class Operation(NamedTuple):
    """A call, and what is right of its result."""

    call: Callable[[], Any]
    check: Callable[[Any], None]


OPERATIONS: dict[str, Callable[[Any], contextlib.AbstractContextManager[Operation]]] = {}


def operation(prepare: Callable[[Any], Iterator[Operation]]) -> None:
    """Add a function that prepares an operation, yields it, and cleans up."""
    OPERATIONS[prepare.__name__] = contextlib.contextmanager(prepare)


def names_are(expected: list[str]) -> Callable[[Any], None]:
    """Make a check: a snapshot or a list of connections has these entries."""

    def check(found: Any) -> None:
        connections = [getattr(item, "connection", item) for item in found]
        assert [connection.entry_name for connection in connections] == expected

    return check


@operation
def opening(sim: Any) -> Iterator[Operation]:
    from ras_native import Ras

    with contextlib.ExitStack() as opened:
        yield Operation(
            lambda: opened.enter_context(Ras(sim, backend="native")),
            lambda ras: names_are(FIRST)(ras.snapshot()),
        )


@contextlib.contextmanager
def opened_ras(sim: Any) -> Iterator[Any]:
    from ras_native import Ras

    with Ras(sim, backend="native") as ras:
        yield ras


@operation
def first_enumeration(sim: Any) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        yield Operation(ras.enum_connections, names_are(FIRST))


@operation
def first_snapshot(sim: Any) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        yield Operation(ras.snapshot, names_are(FIRST))


@operation
def growing_snapshot(sim: Any) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        names_are(FIRST)(ras.snapshot())
        handles = [sim.add(name) for name in MORE]
        yield Operation(ras.snapshot, names_are([*FIRST, *MORE]))
        for handle in handles:
            sim.drop(handle)
        names_are(FIRST)(ras.snapshot())


@operation
def changed_snapshot(sim: Any) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        handle = ras.snapshot().find("two").connection.handle
        sim.set_status(handle, error=691)
        yield Operation(
            ras.snapshot, lambda found: check_equal(found.find("two").status.error, 691)
        )
        sim.set_status(handle, error=0)


def check_equal(found: object, expected: object) -> None:
    assert found == expected


@operation
def status(sim: Any) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        handle = ras.enum_connections()[0].handle
        yield Operation(
            lambda: ras.get_connect_status(handle),
            lambda found: check_equal(found.state.name, "CONNECTED"),
        )


@operation
def waiting_for_a_state(sim: Any) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        handle = ras.enum_connections()[0].handle
        yield Operation(
            lambda: ras.wait_for_state(handle, timeout=5),
            lambda found: check_equal(found.state.name, "CONNECTED"),
        )


@operation
def event(_sim: Any) -> Iterator[Operation]:
    from ras_native import Event

    def check(made: Any) -> None:
        assert not made.wait(0)
        made.set()
        assert made.wait(0)
        made.close()

    yield Operation(lambda: Event(backend="native"), check)


@operation
def notification(sim: Any) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        handle = sim.add("short")

        def check(registered: Any) -> None:
            assert not registered.wait(0)
            sim.drop(handle)
            assert registered.wait(0)
            registered.close()

        yield Operation(lambda: ras.connection_notification(handle), check)


@operation
def hanging_up(sim: Any) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        handle = sim.add("short")
        yield Operation(
            lambda: ras.hang_up(handle, timeout=10),
            lambda _: names_are(FIRST)(ras.enum_connections()),
        )


@contextlib.contextmanager
def listening() -> Iterator[Any]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()


@operation
def connecting(_sim: Any) -> Iterator[Operation]:
    from ras_native import connect

    with listening() as address, contextlib.ExitStack() as sockets:

        def call() -> socket.socket:
            sock = sockets.enter_context(socket.socket())
            connect(sock, address, timeout=10, backend="native")
            return sock

        yield Operation(call, lambda sock: check_equal(sock.getpeername(), address))


@operation
def connecting_to_many(_sim: Any) -> Iterator[Operation]:
    from ras_native import connect_many

    with listening() as address:
        yield Operation(
            lambda: connect_many([address] * 3, timeout=10, backend="native"),
            lambda results: check_equal([r.outcome.value for r in results], ["open"] * 3),
        )


def fails_once(allocator: ctypes.CDLL, number: int, operation: Operation) -> bool:
    """Whether the operation has an allocation of that number; if so, that it fails well."""
    allocator.fail_allocation(number)
    try:
        result = operation.call()
    except MemoryError:
        assert allocator.failed_allocations() == 1
        operation.check(operation.call())
        return True
    allocator.fail_allocation(0)
    operation.check(result)
    return False


def main(path: str, name: str) -> None:
    """Let each allocation of the operation fail once."""
    allocator = install(path)
    from ras_native.sim import Simulator

    with Simulator() as sim:
        for entry in FIRST:
            sim.add(entry)
        for number in range(1, MOST):
            handles = open_handles.count()
            with OPERATIONS[name](sim) as operation:
                failed = fails_once(allocator, number, operation)
            del operation
            gc.collect()
            assert allocator.unfreed_allocations() == 0, f"leaked after failure {number}"
            assert open_handles.count() <= handles, f"left open after failure {number}"
            if not failed:
                print(f"{number - 1} failed")
                return
    raise AssertionError(f"{name} allocates for ever")


if __name__ == "__main__":
    main(*sys.argv[1:])
