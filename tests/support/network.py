"""Real sockets on loopback for the tests of connecting."""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import os
import select
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ras_native._backend import contract
from ras_native._backend.layout import RN_FAILED

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@contextlib.contextmanager
def listening(family: int = socket.AF_INET, backlog: int = 128) -> Iterator[socket.socket]:
    """A listener that accepts nobody."""
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind((LOOPBACK[family], 0))
        listener.listen(backlog)
        yield listener


@contextlib.contextmanager
def accepting(family: int = socket.AF_INET) -> Iterator[tuple[Any, list[Any]]]:
    """The address of a listener that accepts and drops everybody, and who came."""
    peers: list[Any] = []
    with listening(family, 1024) as listener:
        address = listener.getsockname()

        last = socket.socket(family)
        last.bind((LOOPBACK[family], 0))

        def accept() -> None:
            while True:
                try:
                    accepted, peer = listener.accept()
                except OSError:  # reset before it was accepted
                    continue
                accepted.close()
                if peer == last.getsockname():
                    return
                peers.append(peer)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield address, peers
        finally:
            last.connect(address)
            thread.join()
            last.close()


@contextlib.contextmanager
def closed_port(family: int = socket.AF_INET) -> Iterator[Any]:
    """An address that refuses: taken, so that nobody else listens there, but not listening."""
    with socket.socket(family, socket.SOCK_STREAM) as holder:
        holder.bind((LOOPBACK[family], 0))
        yield holder.getsockname()


@contextlib.contextmanager
def silent_port() -> Iterator[Any]:
    """An address that does not answer: a listener whose queue is full drops what comes."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening(backlog=0))
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        pending = select.select([], [filler], [filler], 0)
        assert pending == ([], [], []), "the queue of the listener did not fill up"
        yield listener.getsockname()


@contextlib.contextmanager
def interrupt_soon() -> Iterator[None]:
    """Ctrl-C, from another thread, while the body waits; expects KeyboardInterrupt."""
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        timer.join()
    pytest.fail("the interrupt was not heard")


def finish(sock: socket.socket, timeout: float = 10.0) -> int:
    """Wait as WSAConnect's page says; 0 or the system's reason."""
    _, writable, failed = select.select([], [sock], [sock], timeout)
    assert writable or failed, "no outcome"
    if sys.platform == "win32":
        assert bool(writable) != bool(failed)
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if failed else 0
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def open_handles() -> int:
    """How many descriptors or handles this process has open."""
    if sys.platform == "win32":
        count = ctypes.c_uint32()
        kernel32 = ctypes.WinDLL("kernel32.dll", winmode=0x800)
        kernel32.GetCurrentProcess.restype = ctypes.c_void_p
        kernel32.GetProcessHandleCount.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        assert kernel32.GetProcessHandleCount(kernel32.GetCurrentProcess(), ctypes.byref(count))
        return count.value
    return len(os.listdir("/dev/fd"))


class FakeSystem(SimpleNamespace):
    """Stands below both backends: records what they are given, answers as it is told to.

    For what no loopback socket can be made to answer; it proves what is made of an answer, not
    that a system gives it.
    """

    def __init__(self, *answers: int, callee_data: bytes = b"") -> None:
        super().__init__(START_ERROR=0, calls=[])
        self.answers = list(answers) or [0]
        self.callee_data = callee_data

    def wsa_connect(self, *arguments: Any) -> tuple[int, bytes]:
        self.calls.append(arguments)
        return self.answers.pop(0), self.callee_data

    def connect_wait(self, *_: Any) -> int:
        return self.answers.pop(0)

    def connect_many(
        self, _targets: bytes, _options: bytes, count: int, _slice: int
    ) -> tuple[int, bytes]:
        failed = RN_FAILED
        return 0, b"".join(struct.pack("=QII", 7, failed, n) for n in self.answers[:count])

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
        monkeypatch.setattr(contract, "socket_backend", lambda _backend: self)
        return self
