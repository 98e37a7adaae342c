"""The connects of the native backend: thin wrappers of the functions of csrc/shim/rn.h."""

from __future__ import annotations

import socket

from .._native import ffi, lib
from .layout import RN_E_AGAIN, RN_OUTCOME

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


def connect_many(targets: bytes, options: bytes, count: int, slice_ns: int) -> tuple[int, bytes]:
    """Connect to `count` rn_target; return 0 or a code, and as many rn_outcome."""
    outcomes = ffi.new("rn_outcome[]", count)
    borrowed = ffi.from_buffer("rn_target[]", targets)  # it must outlive the batch
    chosen = ffi.from_buffer("rn_batch_options *", options)
    batch_out = ffi.new("rn_batch **")
    try:
        code: int = lib.rn_batch_new(borrowed, count, chosen, outcomes, batch_out) or RN_E_AGAIN
        while code == RN_E_AGAIN:  # it ends, because every attempt has a deadline
            code = lib.rn_batch_run(batch_out[0], slice_ns)
    finally:
        lib.rn_batch_free(batch_out[0])
    return code, bytes(ffi.buffer(outcomes, count * RN_OUTCOME.size))
