"""The polls of one Monitor, and RAS' signals between them.

`Watcher` registers with RAS, and makes a `Poll` of each poll that the engine must see. A `Waiter`
waits and polls until there is such a poll.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from .._backend.codes import ERROR_BUFFER_TOO_SMALL, ERROR_NOT_ENOUGH_MEMORY
from .._backend.contract import BackendEvent
from .._backend.ctypes_os import SEARCH_SYSTEM32
from .._backend.layout import (
    RAS_WINVER_7,
    RASCONNSTATUSW_VERSIONS,
    RN_E_CANCELLED,
    RN_E_KEEPS_GROWING,
    RN_E_NO_MEMORY,
    RN_E_OS,
    RN_SIGNAL_PAUSE_NS,
    RN_SUSPENDED_NS,
    RnDurations,
)
from .._errors import ProviderError, RasError, system_error
from .._event import new_backend_event
from .._log import logger
from .._notification import Notification
from .._polled import PolledSnapshot
from .._ras import Ras
from .._records import NotificationFlag
from .durations import add_duration
from .engine import LATE_NS, Poll
from .health import ProbeSample, Sample
from .log_reader import LogNews
from .traffic import decode_samples

if TYPE_CHECKING:
    from .._backend.ctypes_ras import CtypesList
    from .._backend.native_ras import NativeEvent, NativeList

SIGNAL_PAUSE_NS = RN_SIGNAL_PAUSE_NS
"""The least time between two polls that signals cause, because RAS may signal without end."""
SLEPT_NS = RN_SUSPENDED_NS
"""A shorter sleep is ignored, because the clocks of a busy system differ that much."""

_MOST_CLOCK_READINGS = 100
_NEVER = 2**64 - 1

_SUBSTATES_SIZE = next(size for winver, size in RASCONNSTATUSW_VERSIONS if winver == RAS_WINVER_7)
_ALWAYS = NotificationFlag.CONNECTION | NotificationFlag.DISCONNECTION
_SUBSTATES = NotificationFlag.DORMANT | NotificationFlag.RECONNECTION
_CODES = {
    RN_E_KEEPS_GROWING: ERROR_BUFFER_TOO_SMALL,
    RN_E_NO_MEMORY: ERROR_NOT_ENOUGH_MEMORY,
}
"""The Windows codes that correspond to the shim's own codes."""


class Sampling(NamedTuple):
    """How the statistics of the connections are sampled."""

    interval_ns: int
    silent_after_ns: int


class Look(NamedTuple):
    """One poll that the engine must see; the members are those of `Poll`."""

    generation: int
    """The list's generation, or minus a code."""
    monotonic_ns: int
    time_ns: int
    previous_ns: int
    signalled: bool
    late_ns: int
    suspended_ns: int


class Waiter(Protocol):
    """Waits and polls, and returns only polls that the engine must see; one thread calls it.

    Polls are due at fixed moments, `interval_ns` apart; missed polls are skipped.
    RAS' event is reset before the enumeration, at most once in SIGNAL_PAUSE_NS.
    """

    @property
    def polls(self) -> int:
        """The number of polls."""

    @property
    def wake_ups(self) -> int:
        """How often the waiting thread was woken."""

    @property
    def busy_since_ns(self) -> int | None:
        """When the current poll began; None if no poll runs."""

    @property
    def silence_changed(self) -> bool:
        """Whether the last Look is also for a connection that fell silent, or is silent no more."""

    def wait(
        self,
        event: BackendEvent | None,
        cancel: BackendEvent,
        *,
        generation: int,
        look_ns: int | None,
        interval_ns: int,
    ) -> Look | None:
        """Wait for the next poll that the engine must see; return None once `cancel` is set.

        The engine must see a poll that found another generation than `generation`, failed, or
        followed a failed one; that was signalled or late; that followed a sleep of the system or a
        change of silence; or that is the first at or after `look_ns`.
        """

    def traffic(self) -> bytes:
        """Return the rn_traffic of the connections that the last sample knew; from any thread."""

    def durations(self) -> bytes:
        """Return an rn_durations; from any thread."""


if sys.platform == "win32":
    import ctypes

    _kernel32 = ctypes.WinDLL("kernel32.dll", winmode=SEARCH_SYSTEM32)
    _kernel32.GetTickCount64.restype = ctypes.c_uint64
    _awake = ctypes.c_uint64()
    _awake_out = ctypes.byref(_awake)

    def _now_ns() -> int:
        ticks: int = _kernel32.GetTickCount64()
        return ticks * 1_000_000

    def _awake_ns() -> int:
        _kernel32.QueryUnbiasedInterruptTime(_awake_out)
        return _awake.value * 100

elif hasattr(time, "CLOCK_BOOTTIME"):

    def _now_ns() -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def _awake_ns() -> int:
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

else:  # the system has no such clock

    def _now_ns() -> int:
        return 0

    _awake_ns = _now_ns


def slept_ns() -> int:
    """How long the system has slept; only the difference between two results has a meaning."""
    for _ in range(_MOST_CLOCK_READINGS):
        awake_ns, now_ns = _awake_ns(), _now_ns()
        if _awake_ns() - awake_ns < SLEPT_NS // 4:  # otherwise another thread ran in between
            break
    return now_ns - awake_ns


class PlainWaiter:
    """A Waiter in Python: each poll runs Python."""

    def __init__(self, polled: PolledSnapshot, sampling: Sampling | None = None) -> None:
        self.polls = self.wake_ups = 0
        self.silence_changed = False
        self.busy_since_ns: int | None = None
        self._connections = cast("CtypesList", polled.connections)
        self._poll_list = polled.poll
        self._interval_ns = 0
        self._due_ns = self._previous_ns = self._begun_ns = time.perf_counter_ns()
        self._served_ns = self._due_ns - SIGNAL_PAUSE_NS
        self._has_failed = True  # so that the engine sees the first poll
        self._slept_ns = slept_ns()
        self._meter = self._connections.new_meter(*sampling) if sampling else None
        self._durations, self._durations_lock = RnDurations(), Lock()
        self._pending_silence = False  # not reported by a successful poll yet

    def wait(
        self,
        event: BackendEvent | None,
        cancel: BackendEvent,
        *,
        generation: int,
        look_ns: int | None,
        interval_ns: int,
    ) -> Look | None:
        """Wait for the next poll that the engine must see; return None once `cancel` is set."""
        self._set_interval(interval_ns)
        while True:
            end_ns = self._due_ns if look_ns is None else min(self._due_ns, look_ns)
            signalled = self._sleep(event, cancel, self._soonest(end_ns))
            if signalled is None:
                return None
            self._sample()
            failed = self._has_failed
            has_news = signalled or (self._pending_silence and not failed)
            if not has_news and time.perf_counter_ns() < end_ns:
                continue
            look = self._poll(signalled)
            self.silence_changed = self._pending_silence
            self._pending_silence &= self._has_failed
            if (
                signalled
                or look.generation != generation
                or failed
                or look.late_ns > 2 * interval_ns + LATE_NS
                or look.suspended_ns
                or self.silence_changed
                or (look_ns is not None and look.monotonic_ns >= look_ns)
            ):
                return look

    def traffic(self) -> bytes:
        """Return the rn_traffic of the connections that the last sample knew."""
        return self._meter.traffic() if self._meter else b""

    def durations(self) -> bytes:
        """Return an rn_durations."""
        with self._durations_lock:
            return bytes(self._durations)

    def _soonest(self, poll_ns: int) -> int:
        """Return when to wake: for a poll or a sample."""
        return min(poll_ns, self._meter.due_ns) if self._meter else poll_ns

    def _sample(self) -> None:
        """Sample what the last poll listed, if a sample is due. The first poll comes first."""
        now_ns = time.perf_counter_ns()
        if self._meter and self.polls and now_ns >= self._meter.due_ns:
            self.busy_since_ns = now_ns
            self._pending_silence |= self._connections.sample(self._meter, now_ns)
            self.busy_since_ns = None
            with self._durations_lock:
                add_duration(self._durations.statistics, time.perf_counter_ns() - now_ns)

    def _set_interval(self, interval_ns: int) -> None:
        if interval_ns != self._interval_ns:
            if self._interval_ns:  # the first poll is due at once
                self._due_ns = self._begun_ns + interval_ns
            self._interval_ns = interval_ns

    def _sleep(self, event: BackendEvent | None, cancel: BackendEvent, end_ns: int) -> bool | None:
        """Sleep until `end_ns` or a signal. Return whether RAS signalled; None once cancelled."""
        while True:
            now_ns = time.perf_counter_ns()
            quiet_ns = self._served_ns + SIGNAL_PAUSE_NS
            if event is None or now_ns < quiet_ns:  # a signal stays set until then
                until_ns = end_ns if event is None else min(end_ns, quiet_ns)
                code = _cancelled(cancel.wait(None, max(0, until_ns - now_ns)))
            else:
                code = event.wait(cancel, max(0, end_ns - now_ns))
            self.wake_ups += 1
            if code == RN_E_CANCELLED:
                return None
            if code >= RN_E_OS:
                raise _failed(code)
            if code == 0 and event is not None:
                event.reset()
                self._served_ns = time.perf_counter_ns()
                return True
            if time.perf_counter_ns() >= end_ns:
                return False

    def _poll(self, signalled: bool) -> Look:
        self._begun_ns = self.busy_since_ns = begun_ns = time.perf_counter_ns()
        generation = self._poll_list()
        ended_ns, time_ns = time.perf_counter_ns(), time.time_ns()
        enumerated_ns = self._connections.enumerated_ns  # an older time if nothing is listed
        now_ns = enumerated_ns if enumerated_ns >= begun_ns else ended_ns
        time_ns -= ended_ns - now_ns
        self.busy_since_ns = None
        self.polls += 1
        late_ns = max(0, begun_ns - self._due_ns)
        if begun_ns >= self._due_ns:
            self._due_ns += self._interval_ns * (late_ns // self._interval_ns + 1)
        before_ns, self._slept_ns = self._slept_ns, slept_ns()
        suspended_ns = self._slept_ns - before_ns
        if suspended_ns < SLEPT_NS:
            suspended_ns = 0
        previous_ns, self._has_failed = self._previous_ns, generation < 0
        if not self._has_failed:
            self._previous_ns = now_ns
        self._count_poll(begun_ns, now_ns, ended_ns)
        return Look(generation, now_ns, time_ns, previous_ns, signalled, late_ns, suspended_ns)

    def _count_poll(self, begun_ns: int, enumerated_ns: int, ended_ns: int) -> None:
        durations = self._durations
        with self._durations_lock:
            add_duration(durations.polls, ended_ns - begun_ns)
            add_duration(durations.enumerations, enumerated_ns - begun_ns)
            if not self._has_failed:
                add_duration(durations.statuses, ended_ns - enumerated_ns)
                durations.polled_ns = enumerated_ns


class NativeWaiter:
    """A Waiter in C (rn_watch in csrc/shim/rn.h): no Python runs for polls without news."""

    def __init__(self, connections: NativeList, sampling: Sampling | None = None) -> None:
        code, watch = connections.new_watch()
        if watch is not None and sampling is not None:
            code = watch.sample(*sampling)
            watch = None if code else watch
        if watch is None:
            raise (
                MemoryError("no memory for a Monitor") if code == RN_E_NO_MEMORY else _failed(code)
            )
        self._watch = watch
        self.silence_changed = False

    @property
    def polls(self) -> int:
        """The number of polls."""
        return self._watch.counts()[0]

    @property
    def wake_ups(self) -> int:
        """How often the waiting thread was woken."""
        return self._watch.counts()[1]

    @property
    def busy_since_ns(self) -> int | None:
        """When the current poll began; None if no poll runs."""
        return self._watch.counts()[2] or None

    def wait(
        self,
        event: BackendEvent | None,
        cancel: BackendEvent,
        *,
        generation: int,
        look_ns: int | None,
        interval_ns: int,
    ) -> Look | None:
        """Wait for the next poll that the engine must see; return None once `cancel` is set."""
        events = () if event is None else (cast("NativeEvent", event),)
        soonest_ns = _NEVER if look_ns is None else look_ns
        code, look = self._watch.wait(
            events, cast("NativeEvent", cancel), generation, soonest_ns, interval_ns
        )
        if code == RN_E_CANCELLED:
            return None
        if code:
            raise _failed(code)
        polled, enumerated_ns, previous_ns, late_ns, suspended_ns, signalled, silence = look
        self.silence_changed = bool(silence)
        time_ns = time.time_ns() - (time.perf_counter_ns() - enumerated_ns)
        return Look(
            polled, enumerated_ns, time_ns, previous_ns, bool(signalled), late_ns, suspended_ns
        )

    def traffic(self) -> bytes:
        """Return the rn_traffic of the connections that the last sample knew."""
        return self._watch.traffic()

    def durations(self) -> bytes:
        """Return an rn_durations."""
        return self._watch.durations()


def _failed(code: int) -> Exception:
    if code == RN_E_NO_MEMORY:
        return MemoryError("no memory to wait for RAS")
    return system_error(code - RN_E_OS, "waiting for RAS failed")


def _cancelled(code: int) -> int:
    return RN_E_CANCELLED if code == 0 else code


def _new_waiter(backend: str, polled: PolledSnapshot, sampling: Sampling | None) -> Waiter:
    if backend == "native":
        return NativeWaiter(cast("NativeList", polled.connections), sampling)
    return PlainWaiter(polled, sampling)


class Watcher:
    """The polls and the registration of one Monitor.

    Any thread may call `cancel` and `poll_now`. They set the same event, which ends a wait.
    """

    def __init__(
        self,
        ras: Ras,
        take_log: Callable[[], LogNews] = LogNews,
        take_probes: Callable[[], tuple[ProbeSample, ...]] = tuple,
        sampling: Sampling | None = None,
    ) -> None:
        self._ras = ras
        self._polled = PolledSnapshot(ras._new_list(with_status=True))
        self._take_log, self._take_probes = take_log, take_probes
        self._interrupt = new_backend_event(ras.backend)
        self._is_cancelled = False
        self._notification: Notification | None = None
        self._flags = NotificationFlag(0)
        self._registered_ns: int | None = None
        self._registering_since_ns: int | None = None
        self._missed_signal = False
        self._signal_ns = 0  # when the last poll returned that a signal caused
        self._code = 0  # the code of the last poll
        self._told_ns: int | None = None  # registered_ns of the last Poll
        self._waiter = _new_waiter(ras.backend, self._polled, sampling)
        self._is_sampling = sampling is not None

    @property
    def busy_since_ns(self) -> int | None:
        """When the current poll began; None if no poll runs."""
        return self._registering_since_ns or self._waiter.busy_since_ns

    @property
    def has_signals(self) -> bool:
        """Whether RAS was asked to signal changes."""
        return self._registered_ns is not None

    @property
    def polls(self) -> int:
        """The number of polls."""
        return self._waiter.polls

    @property
    def wake_ups(self) -> int:
        """How often the waiting thread was woken."""
        return self._waiter.wake_ups

    def cancel(self) -> None:
        """End the current wait, and every later one at once."""
        self._is_cancelled = True
        self._interrupt.set()

    def poll_now(self) -> None:
        """Make the engine see a poll at once: the helper or a probe has news."""
        self._interrupt.set()

    def wait(self, look_ns: int | None, interval_ns: int) -> Poll | None:
        """Wait for the next poll that the engine must see; return None once cancelled."""
        if self._notification and self._flags != self._wanted_flags():
            self.register()
        if self._registered_ns != self._told_ns:
            look_ns = 0
        look = self._look(look_ns, interval_ns)
        if look is None or self._is_cancelled:
            return None
        self._told_ns = self._registered_ns
        if look.signalled:
            self._signal_ns = look.monotonic_ns
        signalled = look.signalled or self._missed_signal
        self._missed_signal = False
        samples = self._news_of_samples(look.generation)
        snapshot = self._polled.refresh() if look.generation > 0 else None
        code = 0 if snapshot is not None else _CODES.get(-look.generation, -look.generation)
        self._note(code)
        return Poll(
            look.monotonic_ns,
            look.time_ns,
            look.previous_ns,
            snapshot,
            code=code,
            signalled=signalled,
            late_ns=look.late_ns,
            suspended_ns=look.suspended_ns,
            registered_ns=self._told_ns,
            probes=self._take_probes(),
            samples=samples,
            **self._take_log()._asdict(),
        )

    def traffic(self) -> bytes:
        """Return the rn_traffic of the connections that the last sample knew; from any thread."""
        return self._waiter.traffic()

    def durations(self) -> bytes:
        """Return an rn_durations; from any thread."""
        return self._waiter.durations()

    def _news_of_samples(self, generation: int) -> tuple[Sample, ...] | None:
        """Return the samples if the snapshot or a silence changed, else None.

        They include those of the connections that this poll no longer lists.
        """
        changed = generation != self._polled.generation or self._waiter.silence_changed
        if not self._is_sampling or generation < 0 or not changed:
            return None
        return decode_samples(self._waiter.traffic())

    def _look(self, look_ns: int | None, interval_ns: int) -> Look | None:
        """Wait and poll; return None once cancelled."""
        event = self._notification._event if self._notification else None
        while True:
            look = self._waiter.wait(
                event,
                self._interrupt,
                generation=self._polled.generation,
                look_ns=look_ns,
                interval_ns=interval_ns,
            )
            if look is not None:
                return look
            self._interrupt.reset()
            if self._is_cancelled:  # asked after the reset, so that none is lost
                return None
            # Sooner, the poll would not see a signal that is set already.
            now_ns = self._signal_ns + SIGNAL_PAUSE_NS
            look_ns = now_ns if look_ns is None else min(look_ns, now_ns)

    def _note(self, code: int) -> None:
        """Log that RAS begins or stops to fail."""
        failed, self._code = bool(self._code), code
        if code and not failed:
            logger.warning("RAS cannot be asked: %s", RasError(code, "RasEnumConnectionsW"))
            self._ras._discard_registrations()  # a service that restarts forgets them
        elif failed and not code:
            logger.info("RAS can be asked again")

    def _wanted_flags(self) -> NotificationFlag:
        """Choose the changes that a poll can see: a status of an older version has no substate."""
        size = self._ras.sizes.rasconnstatus
        return _ALWAYS | _SUBSTATES if not size or size >= _SUBSTATES_SIZE else _ALWAYS

    def register(self) -> bool:
        """Register for RAS' signals; return False if RAS has none.

        If the registration fails, the old one stays.
        """
        self._registering_since_ns = time.perf_counter_ns()
        if self._notification:
            self._ras._discard_registrations()  # so that none that may not work is used again
        try:
            flags = self._wanted_flags()
            notification = self._ras.connection_notification(flags=flags)
        except ProviderError:
            return False
        except OSError as error:  # from RAS; or from the system, which has no event left
            logger.warning("RAS cannot be asked to signal: %s", error)
            return True
        finally:
            self._registering_since_ns = None
        if self._notification:
            self._missed_signal |= self._notification.is_set()
            self._notification.close()
        self._notification, self._flags = notification, flags
        self._registered_ns = time.perf_counter_ns()
        return True

    def close(self) -> None:
        """Give the registration back. Only the waiting thread may call it."""
        if self._notification:
            self._notification.close()
            self._notification = None
