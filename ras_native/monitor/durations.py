"""How long polls and their calls of RAS took: histograms that cost a poll one look at the clock."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, NamedTuple

from .._backend.layout import (
    RN_BUCKET_FACTOR,
    RN_BUCKETS,
    RN_DURATIONS,
    RN_FIRST_BUCKET_NS,
    RnHistogram,
)
from .._help import documented
from .._plain import plain_members

_NS = 1_000_000_000
_BOUNDS_NS = tuple(RN_FIRST_BUCKET_NS * RN_BUCKET_FACTOR**index for index in range(RN_BUCKETS - 1))
_BOUNDS = tuple(bound / _NS for bound in _BOUNDS_NS)


@documented
class Histogram(NamedTuple):
    """How many durations are in each bucket, and their sum.

    - `bounds`: The upper bounds of the buckets in seconds: from 16 µs to 16.8 s, each four times
      the one before. A bound belongs to its bucket.
    - `counts`: The number in each bucket; the last one has all that took longer.
    - `seconds`: The sum of all durations.

    >>> polls = monitor.durations().polls
    >>> polls.total == sum(polls.counts)
    True
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    seconds: float

    @property
    def total(self) -> int:
        """The number of all durations."""
        return sum(self.counts)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return plain_members(self)


@documented
class Durations(NamedTuple):
    """How long the polls of a Monitor took, and the calls of RAS in them.

    A poll is counted as a whole, because a clock reading for each call would cost more than an
    unchanged poll.

    - `polls`: Whole polls, also those that failed.
    - `enumerations`: The calls of RasEnumConnections in one poll. It is usually one call.
    - `statuses`: All calls of RasGetConnectStatus in one successful poll: one for each connection.
    - `statistics`: All calls of RasGetConnectionStatistics for one sample: one for each connection.

    >>> monitor.durations().statistics.total  # without statistics_interval
    0
    """

    polls: Histogram
    enumerations: Histogram
    statuses: Histogram
    statistics: Histogram

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return plain_members(self)


def add_duration(histogram: RnHistogram, ns: int) -> None:
    """Count one duration, as add_duration of csrc/shim/watch.c does."""
    histogram.counts[bisect_left(_BOUNDS_NS, ns)] += 1
    histogram.sum_ns += ns


def decode_durations(durations: bytes) -> tuple[Durations, int | None]:
    """Decode an rn_durations: the durations, and when RAS was last polled with success."""
    *numbers, polled_ns = RN_DURATIONS.unpack(durations)
    size = RN_BUCKETS + 1
    parts = (numbers[start : start + size] for start in range(0, len(numbers), size))
    histograms = (Histogram(_BOUNDS, tuple(counts), ns / _NS) for *counts, ns in parts)
    return Durations(*histograms), polled_ns or None
