"""The ways to connect to many targets: this package, and the usual ones in Python.

Each takes targets and how many sockets to open at a time, and returns an error number for each
target: 0 if it accepted. All of them end connections with a reset, so that no local port stays in
use.
"""

from __future__ import annotations

import asyncio
import errno
import selectors
import socket
import struct
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from .. import connect_many

Target = tuple[str, int]
Targets = Sequence[Target]
Way = Callable[[Targets, int], list[int]]
_AT_ONCE = struct.pack("=HH" if sys.platform == "win32" else "=ii", 1, 0)
_PATIENCE = 10.0  # seconds for a single event


def with_backend(backend: str) -> Way:
    """Return the way of connect_many with this backend."""

    def connect(targets: Targets, concurrency: int) -> list[int]:
        results = connect_many(targets, concurrency=concurrency, backend=backend)
        return [result.errno for result in results]

    return connect


def with_selectors(targets: Targets, concurrency: int) -> list[int]:
    """Connect with the selectors of the standard library."""
    errors = [0] * len(targets)
    waiting = iter(enumerate(targets))
    with selectors.DefaultSelector() as selector:
        while True:
            while len(selector.get_map()) < concurrency and (entry := next(waiting, None)):
                index, target = entry
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(target)
                selector.register(sock, selectors.EVENT_WRITE, index)
            if not selector.get_map():
                return errors
            for key, _ in selector.select(_PATIENCE):
                sock = key.fileobj  # type: ignore[assignment]
                errors[key.data] = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                selector.unregister(sock)
                sock.close()


async def _connect_all(targets: Targets, concurrency: int) -> list[int]:
    limit = asyncio.Semaphore(concurrency)

    async def connect(target: Target) -> int:
        async with limit:
            try:
                _, writer = await asyncio.open_connection(*target)
            except ConnectionRefusedError:
                return errno.ECONNREFUSED
            except OSError as error:
                return error.errno or -1
            opened = writer.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return 0

    return await asyncio.gather(*map(connect, targets))


def _with_loop(run: Callable[[Coroutine[Any, Any, list[int]]], list[int]]) -> Way:
    return lambda targets, concurrency: run(_connect_all(targets, concurrency))


COMMON_WAYS: dict[str, Way] = {
    "selectors": with_selectors,
    "asyncio": _with_loop(asyncio.run),
}


def uvloop_way() -> Way:
    """Return the way of asyncio with the loop of uvloop. Raises ImportError."""
    return _with_loop(import_module("uvloop").run)


@contextmanager
def open_target(most: int) -> Iterator[tuple[Target, Callable[[], None]]]:
    """Open a loopback listener for `most` connects at a time.

    Yield its address, and a function that empties its queue. It accepts nothing by itself: the
    system completes the connects.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=most) as listener:
        listener.setblocking(False)

        def empty() -> None:
            for _ in range(2 * most):
                if not _accept_one(listener):
                    return

        yield listener.getsockname(), empty


def _accept_one(listener: socket.socket) -> bool:
    """Accept and close a connection; return whether there was one."""
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    except OSError:  # its peer reset it before; Wine then gives WSAENOTCONN
        pass
    return True


@contextmanager
def closed_target() -> Iterator[Target]:
    """Yield a loopback address that refuses: a socket holds the port and does not listen."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()
