"""The connects of the native backend: thin wrappers of the functions of csrc/shim/rn.h."""

from __future__ import annotations

import socket
from typing import Any

from .._native import ffi, lib
from .layout import RN_OUTCOME, RN_TARGET

START_ERROR: int = lib.rn_net_start()


def wsa_connect(
    sock: socket.socket,
    name: bytes,
    caller_data: bytes | None,
    sqos: bytes | None,
    callee_size: int,
) -> tuple[int, bytes]:
    """Call WSAConnect once; return 0 or the system's error, and the callee's data."""
    length = ffi.new("uint32_t *", callee_size)
    callee_data = ffi.new("uint8_t[]", callee_size) if callee_size else ffi.NULL
    code = lib.rn_wsa_connect(
        sock.fileno(),
        name,
        len(name),
        ffi.NULL if caller_data is None else caller_data,
        len(caller_data or b""),
        ffi.NULL if sqos is None else sqos,
        callee_data,
        length,
    )
    return code, bytes(ffi.buffer(callee_data, length[0])) if length[0] else b""


def connect_wait(sock: socket.socket, slice_ns: int) -> int:
    """Wait for a connect; return 0 for connected, RN_E_AGAIN, or the system's error."""
    code: int = lib.rn_connect_wait(sock.fileno(), slice_ns)
    return code


def set_syn_retries(sock: socket.socket, retries: int) -> None:
    """Set how often TCP repeats the socket's SYN, where the system can do that."""
    lib.rn_set_syn_retries(sock.fileno(), retries)


class _Batch:
    """rn_batch, and the buffer for its outcomes."""

    def __init__(self, pointer: Any, capacity: int) -> None:
        self._pointer = pointer
        self._outcomes = ffi.new("rn_outcome[]", capacity)
        self._bytes = memoryview(ffi.buffer(self._outcomes))
        self._progress = ffi.new("rn_batch_progress *")

    def run(
        self, targets: bytes, first: int, *, more: bool, slice_ns: int
    ) -> tuple[int, int, memoryview]:
        """Call rn_batch_run once; the outcomes are valid until the next call."""
        borrowed = ffi.from_buffer("rn_target[]", targets)
        count, progress = len(targets) // RN_TARGET.size - first, self._progress
        code: int = lib.rn_batch_run(
            *(self._pointer, borrowed + first, count, more, slice_ns, self._outcomes, progress)
        )
        return code, progress.begun, self._bytes[: progress.ended * RN_OUTCOME.size]

    def close(self) -> None:
        """Close every open socket; it can be called again."""
        pointer, self._pointer = self._pointer, ffi.NULL
        lib.rn_batch_free(pointer)


def new_batch(options: bytes) -> tuple[int, _Batch | None]:
    """Take an rn_batch_options; return a code and the batch."""
    chosen = ffi.from_buffer("rn_batch_options *", options)
    batch_out = ffi.new("rn_batch **")
    code: int = lib.rn_batch_new(chosen, batch_out)
    if code:
        return code, None
    return 0, _Batch(batch_out[0], chosen.concurrency + chosen.wanted)
