"""The lines of ras-native watch, one for each event."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ras_native import Explained, Gap, GapKind, MatchedBy, explain
from ras_native.cli import _probe
from ras_native.cli._screen import PlainLines


def line_of(event) -> str:
    console = Console(file=io.StringIO(), width=1000, color_system=None)
    PlainLines(console).on_event(event)
    return console.file.getvalue().strip()


@pytest.mark.parametrize(
    ("reason", "matched_by", "detail"),
    [
        (explain(829), MatchedBy.CORRELATION_ID, f"Office  {explain(829)}"),
        (explain(631), MatchedBy.ENTRY_AND_TIME, f"Office  {explain(631)} (a guess)"),
        (None, None, "Office  the event log does not say why"),
    ],
)
def test_the_line_of_an_explained_end_says_why(reason, matched_by, detail):
    moment = _probe.datetime.now(_probe.timezone.utc)
    event = Explained(
        sequence=2,
        monotonic_ns=0,
        time=moment,
        disconnected=1,
        entry="Office",
        reason=reason,
        matched_by=matched_by,
    )
    assert line_of(event).endswith(detail)


@pytest.mark.parametrize("kind", GapKind)
def test_the_line_of_a_gap_says_what_it_is(kind):
    moment = _probe.datetime.now(_probe.timezone.utc)
    gap = Gap(sequence=1, monotonic_ns=0, time=moment, kind=kind, count=1, from_ns=0, to_ns=0)
    assert f"gap          {kind}: " in line_of(gap)
