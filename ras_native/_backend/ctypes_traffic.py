"""csrc/shim/{traffic,meter}.c in Python: the same numbers, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from .layout import (
    RN_LONGEST_FRAME,
    RASCS_Connected,
    RASCSS_Dormant,
    RASCSS_Reconnecting,
    RnConnection,
    RnStatistics,
    RnStatus,
    RnTraffic,
)

_COUNTERS = (
    *("bytes_sent", "bytes_received", "frames_sent", "frames_received"),
    *("crc_errors", "timeout_errors", "alignment_errors"),
    *("hardware_overruns", "framing_errors", "buffer_overruns"),
)
_BYTES = (0, 1)  # the indices of bytes; those of frames are 2 more
_counters = Struct(f"={RnStatistics.bytes_sent.offset}x{len(_COUNTERS)}I").unpack_from  # type: ignore[attr-defined]
_HALF, _WRAP = 1 << 31, 1 << 32
_MS = 1_000_000
_DURATION_ERROR_MS = 60_000
_NOTHING = bytes(RnStatistics())


class _Comparison(NamedTuple):
    """The counters of two samples, and their differences modulo 2**32."""

    before: tuple[int, ...]
    now: tuple[int, ...]
    added: tuple[int, ...]

    def counts_frames(self, index: int) -> bool:
        return bool(self.now[index + 2] or self.before[index + 2])

    def most_bytes(self, index: int) -> int:
        return self.added[index + 2] * RN_LONGEST_FRAME

    def is_cleared(self) -> bool:
        for index, (before, now) in enumerate(zip(self.before, self.now, strict=True)):
            if now < before:
                by_frames = index in _BYTES and self.counts_frames(index)
                most = self.most_bytes(index) if by_frames else _HALF - 1
                if self.added[index] > most:
                    return True
        return False

    def may_have_wrapped(self, index: int, bps: int, elapsed_ms: int) -> bool:
        by_speed = bps * (elapsed_ms // 1000) // 8
        most = self.most_bytes(index) if self.counts_frames(index) else by_speed
        return most >= _WRAP + self.added[index]


def _compare(before: bytes, now: bytes) -> _Comparison:
    old, new = _counters(before), _counters(now)
    return _Comparison(old, new, tuple((b - a) % _WRAP for a, b in zip(old, new, strict=True)))


def _restart(traffic: RnTraffic) -> None:
    fresh = RnTraffic(
        handle=traffic.handle,
        guid_entry=traffic.guid_entry,
        correlation_id=traffic.correlation_id,
        is_up=traffic.is_up,
    )
    for name, _ in RnTraffic._fields_:
        setattr(traffic, name, getattr(fresh, name))


def _judge(
    traffic: RnTraffic, counters: _Comparison, unknown: bool, now_ns: int, silent_after_ns: int
) -> None:
    sent, received, _, frames_received, *_ = counters.added
    if received or frames_received or unknown or not traffic.is_up:
        traffic.unanswered_ns = traffic.unanswered_bytes = 0
    elif sent:
        if not traffic.unanswered_ns:
            traffic.unanswered_ns = now_ns
        traffic.unanswered_bytes += sent
    since_ns = traffic.unanswered_ns
    traffic.is_silent = bool(since_ns) and now_ns - since_ns >= silent_after_ns


def add_to_traffic(traffic: RnTraffic, record: bytes, now_ns: int, silent_after_ns: int) -> None:
    """Add the result of a call, an rn_statistics, to the traffic of the same connection."""
    statistics = RnStatistics.from_buffer_copy(record)
    elapsed_ms = (now_ns - traffic.sampled_ns) // _MS
    traffic.code = statistics.code
    if statistics.code:
        return
    before_ms, duration_ms = traffic.last.duration_ms, statistics.duration_ms
    passed_ms = (duration_ms - before_ms) % _WRAP
    backwards = duration_ms < before_ms and passed_ms > elapsed_ms + _DURATION_ERROR_MS
    if traffic.sampled_ns and backwards:
        _restart(traffic)
        passed_ms = duration_ms
    is_first = not traffic.sampled_ns
    counters = _compare(bytes(traffic.last), record)
    cleared = counters.is_cleared()
    if cleared:
        counters = _compare(_NOTHING, record)
    counted_ms = duration_ms if is_first else elapsed_ms
    if any(counters.may_have_wrapped(index, statistics.bps, counted_ms) for index in _BYTES):
        traffic.is_uncertain = 1
    for name, added in zip(_COUNTERS, counters.added, strict=True):
        setattr(traffic, name, getattr(traffic, name) + added)
    _judge(traffic, counters, is_first or cleared, now_ns, silent_after_ns)
    traffic.clears += cleared
    traffic.new_sent, traffic.new_received = (0, 0) if is_first else counters.added[:2]
    traffic.duration_ms += passed_ms
    traffic.previous_ns, traffic.sampled_ns = traffic.sampled_ns, now_ns
    traffic.last = statistics


def new_traffic(connection: bytes, status: bytes) -> RnTraffic:
    """Make the traffic of a connection that was not sampled yet, from its two records."""
    listed, state = RnConnection.from_buffer_copy(connection), RnStatus.from_buffer_copy(status)
    is_connected = not state.code and state.state == RASCS_Connected
    return RnTraffic(
        handle=listed.handle,
        guid_entry=listed.guid_entry,
        correlation_id=listed.correlation_id,
        is_up=is_connected and state.substate not in (RASCSS_Dormant, RASCSS_Reconnecting),
    )


def _key(traffic: RnTraffic) -> tuple[int, bytes, bytes]:
    return traffic.handle, bytes(traffic.guid_entry), bytes(traffic.correlation_id)


class CtypesMeter:
    """Samples the statistics of the connections of one list (rn__meter)."""

    def __init__(
        self,
        interval_ns: int,
        silent_after_ns: int,
        now: Callable[[], int],
    ) -> None:
        self.due_ns = 0
        self._interval_ns = interval_ns
        self._silent_after_ns = silent_after_ns
        self._now = now
        self._known: list[RnTraffic] = []  # never changed, only replaced

    def sample(self, listed: list[RnTraffic], ask: Callable[[int], bytes], now_ns: int) -> bool:
        """Sample these connections; return whether one fell silent, or is silent no longer."""
        first_ns = self.due_ns or now_ns
        skipped = (now_ns - first_ns) // self._interval_ns
        self.due_ns = first_ns + (skipped + 1) * self._interval_ns
        earlier = {_key(traffic): traffic for traffic in self._known}
        known, changed = [], False
        for traffic in listed:
            before = earlier.get(_key(traffic))
            if before is not None:
                is_up = traffic.is_up
                traffic = RnTraffic.from_buffer_copy(before)  # noqa: PLW2901 - continued
                traffic.is_up = is_up
            was_silent = traffic.is_silent
            add_to_traffic(traffic, ask(traffic.handle), self._now(), self._silent_after_ns)
            changed |= traffic.is_silent != was_silent
            known.append(traffic)
        self._known = known
        return changed

    def traffic(self) -> bytes:
        """Return the rn_traffic of the connections that the last sample knew."""
        return b"".join(map(bytes, self._known))
