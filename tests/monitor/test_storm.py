"""The storm: whatever happens, the engine tells it, or marks what it missed."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from storm import ENTRIES, Oracle, Storm, ns

from ras_native import Ras
from ras_native.monitor import replay
from ras_native.sim import Simulator

SCHEDULES = int(os.environ.get("RAS_NATIVE_STORM", "500"))

_seconds = st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.02, 0.2, 0.7, 1.0, 1.9, 2.1, 5.0, 30.0])
_step = st.tuples(
    _seconds,
    st.sampled_from(
        [
            *["connect"] * 3,
            *["drop"] * 2,
            "redial",
            "redial under its handle",
            "redial as the same",
            "hang up",
            *["dormant"] * 2,
            "reconnecting",
            *["reconnected"] * 2,
            "up",
            "move",
            "rename",
            "race the reset",
            "race the status",
            "signal for nothing",
            "unreadable status",
            "fail once",
            "stop",
            "start",
            "restart",
            "stall",
            "sleep",
        ]
    ),
    st.sampled_from(["prompt"] * 6 + ["lost", "lost", 0.3, 1.5, 2.5, 4.0]),
    st.integers(0, 7),
)
_schedule = st.tuples(st.lists(_step, max_size=30), st.sampled_from([0.0, 0.0, 0.005, 0.5]))


def carry_out(storm: Storm, what: str, number: int) -> None:
    """Let one thing of a schedule happen; nothing where there is no connection for it."""
    sim, links = storm.sim, storm.links
    entry = ENTRIES[number % len(ENTRIES)]
    link = links[number % len(links)] if links else None
    if what == "connect" and len(links) < 4:
        storm.connect(entry)
    elif what == "unreadable status":
        sim.fail("RasGetConnectStatusW", 5, count=1 + number % 4)
    elif what == "fail once":
        sim.fail("RasEnumConnectionsW", 711)
    elif what == "stop":
        sim.stop_service(711 if number % 2 else 5)
    elif what == "start":
        sim.start_service()
    elif what == "restart":
        storm.forget_registrations()
    elif what in ("stall", "sleep"):
        pause = (0.5, 2.0, 3.5, 20.0)[number % 4]
        storm.blocked_until_ns = max(storm.blocked_until_ns, storm.now_ns) + ns(pause)
        storm.suspended_ns += ns(pause) if what == "sleep" else 0
    elif link is not None:
        act_on(storm, link, what, number)


def act_on(storm: Storm, link, what: str, number: int) -> None:
    if what == "drop":
        storm.drop(link)
    elif what.startswith("redial"):
        storm.drop(link)
        after = None if what == "redial" else link
        storm.connect(link.entry, after, same_id=what == "redial as the same")
    elif what == "hang up":
        storm.hang_up(link, (0.0, 0.1, 1.0, 1.9)[number % 4])
    elif what in ("dormant", "reconnecting", "reconnected", "up"):
        storm.set_state(link, what)
    elif what == "move":
        storm.move(link, number)
    elif what == "rename":
        storm.rename(link, f"Renamed {number}")
    elif what == "signal for nothing":
        was_set = storm.event.is_set()
        storm.sim.signal(link.handle)
        storm.heard(was_set=was_set)
    elif what == "race the reset":
        storm.during.append(lambda: link in storm.links and storm.drop(link))
    elif what == "race the status":
        storm.racing = link


def run(schedule, backend: str) -> Oracle:
    steps, latency = schedule
    with (
        TemporaryDirectory() as folder,
        Simulator() as sim,
        Ras(sim, backend=backend) as ras,
    ):
        tape = Path(folder, "tape")
        storm = Storm(sim, ras, latency=latency, tape=tape)
        storm.connect("Head office")
        storm.poll()
        for pause, what, fate, number in steps:
            storm.run(pause)
            storm.fate = fate
            carry_out(storm, what, number)
        sim.start_service()
        storm.run(max(0, storm.blocked_until_ns - storm.now_ns) / 1e9 + 30.0)
        storm.close()
        assert list(replay(tape)) == storm.events
    oracle = Oracle(storm)
    oracle.check()
    return oracle


def test_a_storm_is_told_or_marked(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    unseen: Counter[str] = Counter()
    told: Counter[str] = Counter()

    @seed(20261121)
    @settings(
        max_examples=SCHEDULES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(_schedule)
    def storm(schedule) -> None:
        oracle = run(schedule, backend)
        unseen.update(oracle.unseen)
        told.update(type(event).__name__ for event in oracle.storm.events)

    storm()
    with capsys.disabled():
        print(f"\nstorm, {backend}, {SCHEDULES} schedules: {dict(told)}; unseen: {dict(unseen)}")
    assert set(unseen) == {
        "told as a Gap",
        "without a signal",
        "behind a signal that another change accounts for",
    }


def test_ordinary_days_have_no_gap(ras: Ras, sim: Simulator) -> None:
    """1,000 connects, hang-ups, drops, dormancies and moves, and not one Gap."""
    dice = random.Random(20261121)  # noqa: S311 - a schedule, no secret
    storm = Storm(sim, ras)
    storm.poll()
    for _ in range(1000):
        storm.run(dice.choice([0.001, 0.01, 0.3, 1.0, 2.5, 20.0]))
        link = dice.choice(storm.links) if storm.links else None
        if link is None or (len(storm.links) < 4 and dice.random() < 0.3):
            storm.connect(dice.choice(ENTRIES))
        else:
            next_state = {"dormant": "reconnecting", "reconnecting": "up"}.get(
                link.state, "dormant"
            )
            what = dice.choice(["hang up", "drop", next_state, next_state, "move"])
            act_on(storm, link, what, dice.randrange(200))
            if what == "reconnecting":  # RAS does not signal it: a poll has to see it
                storm.run(1.0)
    storm.run(10.0)
    storm.close()
    oracle = Oracle(storm)
    oracle.check()
    assert oracle.gaps == []
    assert oracle.unseen == {}
