"""A simulated clock for a waiter in Python, with the events that it waits for."""

from __future__ import annotations

from ras_native._backend.layout import RN_E_AGAIN, RN_E_CANCELLED

MS = 1_000_000
INTERVAL = 100 * MS


class World:
    """A clock, RAS' event, the cancel event and a provider. Times are in ns since the start."""

    def __init__(self):
        self.now = 0
        self.begun = []  # when each poll began
        self.takes = {}  # how long a poll takes, by its number
        self.answers = {}  # the generation from that poll on, or minus a code, by its number
        self.slept = 0
        self.signals = []  # when RAS signals
        self.always = False  # whether RAS signals without end
        self.cancelled_at = None
        self.generation = 1
        self.waiter = None

    def poll(self):
        number = len(self.begun)
        self.begun.append(self.now)
        self.now += self.takes.get(number, 0)
        answer = self.answers.get(number, self.generation)
        if answer > 0:
            self.generation = answer
        return answer

    def perf_counter_ns(self):
        return self.now

    def time_ns(self):
        return 10**18 + self.now

    def is_signalled(self):
        return self.always or any(moment <= self.now for moment in self.signals)

    def reset(self):
        self.signals = [moment for moment in self.signals if moment > self.now]

    def sleep(self, ns, moments):
        """Advance the clock to the first of these moments, at most by that time."""
        self.now = min([self.now + ns, *(moment for moment in moments if moment > self.now)])

    def is_cancelled(self):
        return self.cancelled_at is not None and self.cancelled_at <= self.now

    def wait(self, *, signals=True, interval=INTERVAL, look=None, known=1):
        return self.waiter.wait(
            RasEvent(self) if signals else None,
            CancelEvent(self),
            generation=known,
            look_ns=look,
            interval_ns=interval,
        )


class RasEvent:
    def __init__(self, world):
        self.world = world

    def reset(self):
        self.world.reset()
        return 0

    def wait(self, cancel, ns):
        world = self.world
        moments = [*world.signals, *([] if world.cancelled_at is None else [world.cancelled_at])]
        if not world.is_signalled() and not world.is_cancelled():
            world.sleep(ns, moments)
        if world.is_signalled():
            return 0
        return RN_E_CANCELLED if cancel.world.is_cancelled() else RN_E_AGAIN


class CancelEvent:
    def __init__(self, world):
        self.world = world

    def wait(self, _, ns):
        world = self.world
        if not world.is_cancelled():
            world.sleep(ns, [] if world.cancelled_at is None else [world.cancelled_at])
        return 0 if world.is_cancelled() else RN_E_AGAIN
