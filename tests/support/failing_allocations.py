"""Let each allocation of the shim or of the simulator fail once. It runs in a new process.

usage: failing_allocations.py LIBRARY OPERATION

The library contains failing_malloc.c. The operation is repeated: its first allocation fails, then
its second, and so on, until none fails. Each failure must be an error that changes nothing: a
second call returns the right result, and no more memory stays allocated than without a failure.
Prints how many allocations failed.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import shutil
import socket
import sys
import types
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import open_handles
from cc import CSRC
from cffi import FFI

if TYPE_CHECKING:
    from ras_native.sim import Simulator

MOST = 100  # an operation may make at most this many allocations
NOT_ENOUGH_MEMORY = 8  # ERROR_NOT_ENOUGH_MEMORY
FIRST, MORE = ["one", "two", "three"], [f"entry {number}" for number in range(40)]


def install(path: str) -> ctypes.CDLL:
    """Replace the compiled module by the library, and return its allocator."""
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
    """A call, and a check of its result."""

    call: Callable[[], Any]
    check: Callable[[Any], None]


Preparation = Callable[["Simulator"], Iterator[Operation]]
OF_SHIM: dict[str, Preparation] = {}
OF_SIMULATOR: dict[str, Preparation] = {}


def shim(prepare: Preparation) -> None:
    """Add a function that prepares an operation of the shim, yields it, and cleans up.

    The simulator has the connections FIRST.
    """
    OF_SHIM[prepare.__name__] = prepare


def simulator(prepare: Preparation) -> None:
    """Add a function that prepares an operation of an empty simulator, and yields it."""
    OF_SIMULATOR[prepare.__name__] = prepare


def names_are(expected: list[str]) -> Callable[[Any], None]:
    """Return a check that a snapshot or a list of connections has these entries."""

    def check(found: Any) -> None:
        connections = [getattr(item, "connection", item) for item in found]
        assert [connection.entry_name for connection in connections] == expected

    return check


@shim
def opening(sim: Simulator) -> Iterator[Operation]:
    from ras_native import Ras

    with contextlib.ExitStack() as opened:
        yield Operation(
            lambda: opened.enter_context(Ras(sim, backend="native")),
            lambda ras: names_are(FIRST)(ras.snapshot()),
        )


@contextlib.contextmanager
def opened_ras(sim: Simulator) -> Iterator[Any]:
    from ras_native import Ras

    with Ras(sim, backend="native") as ras:
        yield ras


@shim
def first_enumeration(sim: Simulator) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        yield Operation(ras.enum_connections, names_are(FIRST))


@shim
def first_snapshot(sim: Simulator) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        yield Operation(ras.snapshot, names_are(FIRST))


@shim
def growing_snapshot(sim: Simulator) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        names_are(FIRST)(ras.snapshot())
        handles = [sim.add(name) for name in MORE]
        yield Operation(ras.snapshot, names_are([*FIRST, *MORE]))
        for handle in handles:
            sim.drop(handle)
        names_are(FIRST)(ras.snapshot())


@shim
def changed_snapshot(sim: Simulator) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        handle = ras.snapshot().find("two").connection.handle
        sim.set_status(handle, error=691)
        yield Operation(
            ras.snapshot, lambda found: check_equal(found.find("two").status.error, 691)
        )
        sim.set_status(handle, error=0)


def check_equal(found: object, expected: object) -> None:
    assert found == expected, f"{found} instead of {expected}"


@shim
def status(sim: Simulator) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        handle = ras.enum_connections()[0].handle
        yield Operation(
            lambda: ras.get_connect_status(handle),
            lambda found: check_equal(found.state.name, "CONNECTED"),
        )


@shim
def waiting_for_a_state(sim: Simulator) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        handle = ras.enum_connections()[0].handle
        yield Operation(
            lambda: ras.wait_for_state(handle, timeout=5),
            lambda found: check_equal(found.state.name, "CONNECTED"),
        )


@shim
def event(_sim: Simulator) -> Iterator[Operation]:
    from ras_native import Event

    def check(event: Any) -> None:
        assert not event.wait(0)
        event.set()
        assert event.wait(0)
        event.close()

    yield Operation(lambda: Event(backend="native"), check)


@shim
def notification(sim: Simulator) -> Iterator[Operation]:
    with opened_ras(sim) as ras:
        handle = sim.add("short")

        def check(registered: Any) -> None:
            assert not registered.wait(0)
            sim.drop(handle)
            assert registered.wait(0)
            registered.close()

        yield Operation(lambda: ras.connection_notification(handle), check)


@shim
def hanging_up(sim: Simulator) -> Iterator[Operation]:
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


@shim
def connecting(_sim: Simulator) -> Iterator[Operation]:
    from ras_native import connect

    with listening() as address, contextlib.ExitStack() as sockets:

        def call() -> socket.socket:
            sock = sockets.enter_context(socket.socket())
            connect(sock, address, timeout=10, backend="native")
            return sock

        yield Operation(call, lambda sock: check_equal(sock.getpeername(), address))


@shim
def connecting_to_many(_sim: Simulator) -> Iterator[Operation]:
    from ras_native import connect_many

    with listening() as address:
        yield Operation(
            lambda: connect_many([address] * 3, timeout=10, backend="native"),
            lambda results: check_equal([r.outcome.value for r in results], ["open"] * 3),
        )


def names(sim: Simulator) -> list[str]:
    with opened_ras(sim) as ras:
        return [connection.entry_name for connection in ras.enum_connections()]


@simulator
def adding(sim: Simulator) -> Iterator[Operation]:
    yield Operation(lambda: sim.add("new"), lambda _: check_equal(names(sim), ["new"]))


@simulator
def adding_links(sim: Simulator) -> Iterator[Operation]:
    yield Operation(
        lambda: sim.add("new", subentries=3), lambda _: check_equal(names(sim), ["new"])
    )


@simulator
def adding_later(sim: Simulator) -> Iterator[Operation]:
    def check(_: int) -> None:
        check_equal(names(sim), [])
        sim.advance(1)
        check_equal(names(sim), ["new"])

    yield Operation(lambda: sim.add("new", after=1), check)


@simulator
def dialling(sim: Simulator) -> Iterator[Operation]:
    def call() -> int:
        """Dial; a dialling that has begun reports the code as its error."""
        handle = sim.dial("new", step=1)
        with opened_ras(sim) as ras:
            code = ras.get_connect_status(handle).error
        if code:
            sim.drop(handle)
            raise MemoryError(code)
        return handle

    def check(_: int) -> None:
        sim.advance(60)
        check_equal(names(sim), ["new"])

    yield Operation(call, check)


@simulator
def changing_later(sim: Simulator) -> Iterator[Operation]:
    handle = sim.add("new")

    def errors() -> list[int]:
        with opened_ras(sim) as ras:
            return [item.status.error for item in ras.snapshot()]

    def check(_: None) -> None:
        check_equal(errors(), [0])
        sim.advance(1)
        check_equal(errors(), [691])

    yield Operation(lambda: sim.set_status(handle, error=691, after=1), check)


@simulator
def registering(sim: Simulator) -> Iterator[Operation]:
    handle = sim.add("new")
    with opened_ras(sim) as ras:

        def check(registered: Any) -> None:
            check_equal(sim.registrations, 1)
            registered.close()

        yield Operation(lambda: ras.connection_notification(handle), check)


@simulator
def failing_a_call(sim: Simulator) -> Iterator[Operation]:
    def check(_: None) -> None:
        from ras_native import RasError

        with opened_ras(sim) as ras, contextlib.suppress(RasError):
            ras.enum_connections()
            raise AssertionError("the call should have failed once")
        check_equal(names(sim), [])

    yield Operation(lambda: sim.fail("RasEnumConnectionsW", 5), check)


def is_out_of_memory(error: Exception) -> bool:
    """Whether the error is a MemoryError, or RAS' code for it."""
    return isinstance(error, MemoryError) or getattr(error, "code", 0) == NOT_ENOUGH_MEMORY


def fails_once(allocator: ctypes.CDLL, number: int, operation: Operation) -> bool:
    """Return whether the operation has this allocation; check that its failure is an error."""
    allocator.fail_allocation(number)
    try:
        result = operation.call()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        assert allocator.failed_allocations() == 1
        result = operation.call()
    failures = allocator.failed_allocations()
    allocator.fail_allocation(0)
    operation.check(result)
    return bool(failures)


def run(allocator: ctypes.CDLL, library: str | None, name: str, number: int) -> tuple[bool, int]:
    """Let this allocation fail; return whether it exists, and how much stays allocated."""
    from ras_native.sim import Simulator

    gc.collect()
    handles = open_handles.count()
    prepare = (OF_SIMULATOR if library else OF_SHIM)[name]
    with Simulator(library=library) as sim:
        for entry in [] if library else FIRST:
            sim.add(entry)
        with contextlib.contextmanager(prepare)(sim) as operation:
            failed = fails_once(allocator, number, operation)
        del operation
    gc.collect()
    assert open_handles.count() <= handles, f"left open after failure {number}"
    return failed, allocator.unfreed_allocations()


def main(path: str, name: str) -> None:
    """Let each allocation of the operation fail once; with number 0 none fails."""
    shims = install(path) if name in OF_SHIM else None
    unfreed_at_best = None
    for number in range(MOST):
        # The simulator reuses its memory, so only a new copy allocates again.
        library = None if shims else shutil.copy(path, f"{path}.{number}")
        allocator = shims or ctypes.CDLL(library)
        failed, unfreed = run(allocator, library, name, number)
        unfreed_at_best = unfreed if unfreed_at_best is None else unfreed_at_best
        assert unfreed == unfreed_at_best, f"leaked after failure {number}"
        assert not (shims and unfreed), f"the shim leaks: {unfreed}"
        if number and not failed:
            print(f"{number - 1} failed")
            return
    raise AssertionError(f"{name} allocates without end")


if __name__ == "__main__":
    main(*sys.argv[1:])
