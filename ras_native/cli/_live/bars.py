"""The bar of states and the sparkline of round trips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from ... import AvailabilityState as State
from ... import StateSegment
from .symbols import BLUE, COLOURS, RED, WORST_FIRST, Symbols
from .texts import Parts

_RANKS = {state: rank for rank, state in enumerate(WORST_FIRST)}


def states(segments: Iterable[StateSegment], from_ns: int, to_ns: int, width: int) -> list[State]:
    """Divide the time into `width` parts, and return the worst state of each part.

    So a short outage is visible in a long bar.
    """
    cells = [State.UNKNOWN] * width
    span = max(1, to_ns - from_ns)
    for segment in segments:
        first = max(0, (segment.from_ns - from_ns) * width // span)
        last = min(width - 1, (segment.to_ns - from_ns - 1) * width // span)
        for index in range(first, last + 1):
            cells[index] = min(cells[index], segment.state, key=_RANKS.__getitem__)
    return cells


def state_bar(cells: Iterable[State], symbols: Symbols) -> Parts:
    """Return one character for each state."""
    return [
        (symbols.bar[state] * len(list(group)), COLOURS[state]) for state, group in groupby(cells)
    ]


def sparkline(values: Sequence[float | None], width: int, symbols: Symbols) -> Parts:
    """Return the last values as columns; None is a probe without an answer."""
    recent = values[-width:] if width > 0 else ()
    known = [value for value in recent if value is not None]
    low, high = min(known, default=0.0) / 2, max(known, default=0.0)
    scale = (len(symbols.steps) - 1) / (high - low) if high > low else 0.0
    parts = [(" " * (width - len(recent)), "")]
    for value in recent:
        if value is None:
            parts.append((symbols.lost, RED))
        else:
            parts.append((symbols.steps[round((value - low) * scale)], BLUE))
    return parts
