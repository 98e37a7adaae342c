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
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ras_native._backend import contract
from ras_native._backend.layout import (
    RN_FAILED,
    RN_NO_SYN_RETRANSMISSIONS,
    RN_OUTCOME,
    RN_SIO_TCP_INITIAL_RTO,
    RN_TARGET,
)

SO_CONDITIONAL_ACCEPT = 0x3002
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@contextlib.contextmanager
def listening(family: int = socket.AF_INET, backlog: int = 128) -> Iterator[socket.socket]:
    """Open a listener that accepts no connection."""
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind((LOOPBACK[family], 0))
        _listen(listener, backlog)
        yield listener


def _listen(listener: socket.socket, backlog: int) -> None:
    """Listen with a queue of that length.

    Windows refuses connections while the queue is full. Its length is at most 200, unless it is
    given as a negative number (SOMAXCONN_HINT), which socket.listen does not accept.
    """
    if sys.platform == "win32" and backlog > 200:
        ws2_32 = ctypes.WinDLL("ws2_32.dll", winmode=0x800)
        assert ws2_32.listen(ctypes.c_size_t(listener.fileno()), -backlog) == 0
    else:
        listener.listen(backlog)


@contextlib.contextmanager
def accepting(family: int = socket.AF_INET) -> Iterator[tuple[Any, list[Any]]]:
    """Run a listener that accepts and closes every connection; yield its address and its peers."""
    peers: list[Any] = []
    with listening(family, 8192) as listener:
        address = listener.getsockname()

        last = socket.socket(family)
        last.bind((LOOPBACK[family], 0))

        def accept() -> None:
            while True:
                try:
                    accepted, peer = listener.accept()
                except OSError:  # the peer reset it before this accepted it
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
    """Yield an address that refuses: a socket is bound to it, so nobody else can listen there."""
    with socket.socket(family, socket.SOCK_STREAM) as holder:
        holder.bind((LOOPBACK[family], 0))
        yield holder.getsockname()


def _answers_on_accept_only(listener: socket.socket) -> bool:
    """Whether the system can delay the answer to a SYN until accept; Wine and POSIX cannot."""
    if sys.platform != "win32":
        return False
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_CONDITIONAL_ACCEPT, 1)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def silent_port() -> Iterator[Any]:
    """Yield an address that does not answer.

    A listener with a full queue drops each SYN, except on Windows, where it refuses. There a
    listener with conditional acceptance answers no SYN, because it accepts no connection.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        silent = _answers_on_accept_only(listener)
        listener.bind((LOOPBACK[socket.AF_INET], 0))
        listener.listen(200 if silent else 0)
        for _ in range(1 if silent else 8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        pending = select.select([], [filler], [filler], 0)
        assert pending == ([], [], []), "the listener is not silent"
        yield listener.getsockname()


def refuse_soon(sock: socket.socket) -> socket.socket:
    """Make Windows report a refusal at once, instead of repeating its SYN for 1 to 2 s."""
    if sys.platform == "win32":
        ws2_32 = ctypes.WinDLL("ws2_32.dll", winmode=0x800)
        pointer, dword = ctypes.c_void_p, ctypes.c_uint32
        ws2_32.WSAIoctl.argtypes = (
            *(ctypes.c_size_t, dword, ctypes.c_char_p, dword),
            *(pointer, dword, pointer, pointer, pointer),
        )
        once = struct.pack("=HBx", 0, RN_NO_SYN_RETRANSMISSIONS)
        ws2_32.WSAIoctl(  # fails on Wine and on old systems
            *(sock.fileno(), RN_SIO_TCP_INITIAL_RTO, once, len(once)),
            *(None, 0, ctypes.byref(dword()), None, None),
        )
    return sock


@contextlib.contextmanager
def spied_ioctls(
    on_call: Callable[[list[tuple[int, bytes]]], object] = lambda _calls: None,
) -> Iterator[list[tuple[int, bytes]]]:
    """Record the input of each SIO_TCP_INITIAL_RTO of this process; the ioctl itself is not made.

    The first bytes of Windows' WSAIoctl become a jump, so every caller is seen. Wine calls the
    function for other ioctls too: they are made, by the function with its own bytes.
    """
    ws2_32 = ctypes.WinDLL("ws2_32.dll", winmode=0x800)
    kernel32 = ctypes.WinDLL("kernel32.dll", winmode=0x800)
    calls: list[tuple[int, bytes]] = []

    def record(sock: int, code: int, data: int, size: int, *others: object) -> int:
        if code == RN_SIO_TCP_INITIAL_RTO:
            calls.append((code, ctypes.string_at(data, size)))
            on_call(calls)
            return 0
        write(own)
        try:
            return int(prototype(place.value)(sock, code, data, size, *others))
        finally:
            write(jump)

    pointer, dword = ctypes.c_void_p, ctypes.c_uint32
    prototype = ctypes.WINFUNCTYPE(
        *(ctypes.c_int, ctypes.c_size_t, dword, pointer, dword),
        *(pointer, dword, pointer, pointer, pointer),
    )
    function = prototype(record)
    new = ctypes.cast(function, pointer).value
    if ctypes.sizeof(pointer) == 8:
        jump = struct.pack("<2sQ2s", b"\x48\xb8", new, b"\xff\xe0")  # mov rax, new; jmp rax
    else:
        jump = struct.pack("<sI2s", b"\xb8", new, b"\xff\xe0")
    place = ctypes.cast(ws2_32.WSAIoctl, pointer)
    own = ctypes.string_at(place, len(jump))

    def write(code: bytes) -> None:
        size, before = ctypes.c_size_t(len(code)), dword()
        assert kernel32.VirtualProtect(place, size, 0x40, ctypes.byref(before))
        ctypes.memmove(place, code, len(code))
        assert kernel32.VirtualProtect(place, size, before, ctypes.byref(dword()))
        kernel32.FlushInstructionCache(pointer(-1), place, size)

    write(jump)
    try:
        yield calls
    finally:
        write(own)


@contextlib.contextmanager
def interrupt_soon() -> Iterator[None]:
    """Send Ctrl-C from another thread while the body waits; expect KeyboardInterrupt."""
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        timer.join()
    pytest.fail("the interrupt had no effect")


def outcome_of(sock: socket.socket, timeout: float = 10.0) -> int:
    """Wait for a connect as the documentation of WSAConnect says; return 0 or the error."""
    _, writable, failed = select.select([], [sock], [sock], timeout)
    assert writable or failed, "no outcome"
    if sys.platform == "win32":
        assert bool(writable) != bool(failed)
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if failed else 0
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def open_handles() -> int:
    """Count the open descriptors or handles of this process."""
    if sys.platform == "win32":
        count = ctypes.c_uint32()
        kernel32 = ctypes.WinDLL("kernel32.dll", winmode=0x800)
        kernel32.GetCurrentProcess.restype = ctypes.c_void_p
        kernel32.GetProcessHandleCount.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        assert kernel32.GetProcessHandleCount(kernel32.GetCurrentProcess(), ctypes.byref(count))
        return count.value
    return len(os.listdir("/dev/fd"))


class FakeSystem(SimpleNamespace):
    """Replaces both backends: records the calls and returns the given answers.

    It gives answers that no loopback socket gives. A test with it proves how ras_native handles an
    answer, not that a system gives it.
    """

    def __init__(self, *answers: int, callee_data: bytes = b"") -> None:
        super().__init__(START_ERROR=0, calls=[], syn_retries=[])
        self.answers = list(answers) or [0]
        self.callee_data = callee_data

    def wsa_connect(self, *arguments: Any) -> tuple[int, bytes]:
        self.calls.append(arguments)
        return self.answers.pop(0), self.callee_data

    def connect_wait(self, *_: Any) -> int:
        return self.answers.pop(0)

    def set_syn_retries(self, _sock: socket.socket, retries: int) -> None:
        self.syn_retries.append(retries)

    def new_batch(self, _options: bytes) -> tuple[int, FakeSystem]:
        return 0, self

    def run(self, targets: bytes, *_: Any, **__: Any) -> tuple[int, int, bytes]:
        """End all connects at once, each with one of the answers."""
        count = len(targets) // RN_TARGET.size
        numbers = enumerate(self.answers[:count])
        outcomes = [RN_OUTCOME.pack(7, n, RN_FAILED, answer) for n, answer in numbers]
        return 0, count, b"".join(outcomes)

    def close(self) -> None:
        """There is nothing to close."""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
        monkeypatch.setattr(contract, "socket_backend", lambda _backend: self)
        return self
