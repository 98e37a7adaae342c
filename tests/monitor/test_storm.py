"""The storm: the engine reports every change, or a Gap for those it missed."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from storm import DELAYS, ENTRIES, Link, Oracle, Storm, ns

from ras_native import Ras
from ras_native.monitor import replay
from ras_native.sim import Simulator

SCHEDULES = int(os.environ.get("RAS_NATIVE_STORM", "500"))


def redial(storm: Storm, link: Link, *, handle: bool = False, number: bool = False) -> None:
    storm.drop(link)
    storm.connect(link.entry, link.handle if handle else None, str(link.number) if number else "")


def pause(storm: Storm, number: int, *, asleep: bool) -> None:
    """Make no poll for a while."""
    pause_ns = ns((0.5, 2.0, 3.5, 20.0)[number % 4])
    storm.blocked_until_ns = max(storm.blocked_until_ns, storm.now_ns) + pause_ns
    storm.suspended_ns += pause_ns if asleep else 0


def connect(storm: Storm, number: int) -> None:
    if len(storm.links) < 4:
        storm.connect(ENTRIES[number % len(ENTRIES)])


def signal(storm: Storm, link: Link) -> None:
    storm.sim.signal(link.handle)
    storm.stop_at(0.0)


ON_LINKS: dict[str, Callable[[Storm, Link, int], object]] = {
    "drop": lambda storm, link, _: storm.drop(link),
    "hang up": lambda storm, link, n: storm.hang_up(link, (0.0, 0.1, 1.0, 1.9)[n % 4]),
    "redial": lambda storm, link, _: redial(storm, link),
    "redial under its handle": lambda storm, link, _: redial(storm, link, handle=True),
    "redial as the same": lambda storm, link, _: redial(storm, link, handle=True, number=True),
    "dormant": lambda storm, link, _: storm.set_state(link, "dormant"),
    "reconnecting": lambda storm, link, _: storm.set_state(link, "reconnecting"),
    "reconnected": lambda storm, link, _: storm.set_state(link, "reconnected"),
    "up": lambda storm, link, _: storm.set_state(link, "up"),
    "move": lambda storm, link, n: storm.sim.set_status(
        link.handle, local_endpoint=f"192.0.2.{n % 250 + 1}"
    ),
    "rename": lambda storm, link, n: storm.sim.rename(link.handle, f"Renamed {n}"),
    "signal for nothing": lambda storm, link, _: signal(storm, link),
    "race the reset": lambda storm, link, _: storm.before_enumeration.append(link),
    "race the status": lambda storm, link, _: setattr(storm, "before_status", link),
}
ON_THE_SERVICE: dict[str, Callable[[Storm, int], object]] = {
    "connect": connect,
    "unreadable status": lambda storm, n: storm.sim.fail(
        "RasGetConnectStatusW", 5, count=1 + n % 4
    ),
    "fail once": lambda storm, _: storm.sim.fail("RasEnumConnectionsW", 711),
    "stop": lambda storm, n: storm.sim.stop_service(711 if n % 2 else 5),
    "start": lambda storm, _: storm.sim.start_service(),
    "restart": lambda storm, _: storm.sim.forget_registrations(),
    "signals cease": lambda storm, n: setattr(storm.sim, "notification_cycles", n % 3 or None),
    "stall": lambda storm, n: pause(storm, n, asleep=False),
    "consume": lambda storm, n: storm.take(1 + n),
    "sleep": lambda storm, n: pause(storm, n, asleep=True),
}


def carry_out(storm: Storm, what: str, number: int) -> None:
    """Run one step of a schedule; do nothing if it needs a connection and there is none."""
    if what in ON_THE_SERVICE:
        ON_THE_SERVICE[what](storm, number)
    elif storm.links:
        ON_LINKS[what](storm, storm.links[number % len(storm.links)], number)


_often = ("connect", "connect", "drop", "dormant", "reconnected")
_step = st.tuples(
    st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.02, 0.2, 0.7, 1.0, 1.9, 2.1, 5.0, 30.0]),
    st.sampled_from([*ON_LINKS, *ON_THE_SERVICE, *_often]),
    st.sampled_from(["prompt"] * 6 + ["lost", "lost", *DELAYS]),
    st.sampled_from(["prompt", "lost", "doubled", "no id", *DELAYS]),
    st.integers(0, 7),
)
_latency = st.sampled_from([0.0, 0.0, 0.005, 0.5])
_capacity = st.sampled_from([1, 3, 1000])
_schedule = st.tuples(st.lists(_step, max_size=30), _latency, _capacity)


def run(schedule, backend: str) -> Oracle:
    steps, latency, capacity = schedule
    with (
        TemporaryDirectory() as folder,
        Simulator() as sim,
        Ras(sim, backend=backend) as ras,
    ):
        tape = Path(folder, "tape")
        storm = Storm(sim, ras, latency=latency, capacity=capacity, tape=tape)
        storm.connect("Head office")
        storm.poll()
        for pause, what, fate, log_fate, number in steps:
            storm.run(pause)
            storm.set_fate(fate)
            storm.set_log_fate(log_fate)
            carry_out(storm, what, number)
        sim.start_service()
        storm.run(max(0, storm.blocked_until_ns - storm.now_ns) / 1e9 + 30.0)
        storm.take(1000)
        storm.close()
        assert list(replay(tape)) == storm.events
    oracle = Oracle(storm)
    oracle.check()
    return oracle


@pytest.mark.timeout(60 + SCHEDULES // 5)
def test_a_storm_is_told_or_marked(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    unseen: Counter[str] = Counter()
    told: Counter[str] = Counter()
    answers: Counter[str] = Counter()

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
        answers.update(oracle.answers)
        told.update(type(event).__name__ for event in oracle.storm.events)

    storm()
    with capsys.disabled():
        print(f"\nstorm, {backend}, {SCHEDULES} schedules: {dict(told)}; unseen: {dict(unseen)}")
        print(f"reasons: {dict(answers)}")
    assert set(answers) == {"correlation id", "entry and time", "None"}
    assert set(unseen) == {
        "reported as a Gap",
        "without a signal",
        "with a signal that another change explains",
        "events lost by a slow consumer",
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
            ordinary = ["hang up", "drop", "redial", next_state, next_state, "move", "rename"]
            what = dice.choice(ordinary)
            ON_LINKS[what](storm, link, dice.randrange(200))
            if what == "reconnecting":  # RAS does not signal it: a poll has to see it
                storm.run(1.0)
        storm.take(1000)
    storm.run(10.0)
    storm.take(1000)
    storm.close()
    oracle = Oracle(storm)
    oracle.check()
    assert oracle.gaps == []
    assert oracle.unseen == {}
