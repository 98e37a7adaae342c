"""The second thread of a Monitor: it does what may take long, so that no poll waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from .._backend.contract import BackendEvent
from .._backend.layout import RN_SIGNAL_PAUSE_NS
from .._event import new_backend_event
from .._log import logger

_LONGEST_WAIT_NS = 3600 * 1_000_000_000


class Job(Protocol):
    """Something that the helper does again and again. Only the helper's thread uses it."""

    @property
    def event(self) -> BackendEvent | None:
        """Run the job while this event is set; at most one job has one."""

    @property
    def due_ns(self) -> int | None:
        """Run the job at this moment, on the clock of time.perf_counter_ns; None: never."""

    @property
    def has_news(self) -> bool:
        """Whether it has found something that the polling thread has not taken yet."""

    def run(self) -> bool:
        """Do it once; return whether to do it again."""

    def fail(self) -> None:
        """An exception ended the job: tell it to the Monitor."""

    def close(self) -> None:
        """Give back what the job holds."""


class Helper:
    """Runs the jobs of one Monitor in a thread; any thread may call `cancel`.

    `wake` is called when a job has news.
    """

    def __init__(self, backend: str, jobs: Sequence[Job], wake: Callable[[], None]) -> None:
        self._jobs, self._wake = list(jobs), wake
        self._cancel = new_backend_event(backend)
        self._is_cancelled = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if there is something to do."""
        if self._jobs:
            thread = threading.Thread(
                target=self._run, name="ras_native.Monitor helper", daemon=True
            )
            thread.start()
            self._thread = thread

    def cancel(self) -> None:
        """Make the thread end once no job runs."""
        self._is_cancelled = True
        self._cancel.set()

    def join(self, seconds: float) -> bool:
        """Wait at most `seconds` for the thread; return whether it has ended."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(seconds)
        return not thread.is_alive()

    def _run(self) -> None:
        jobs = list(self._jobs)
        try:
            while jobs and not self._is_cancelled:
                jobs = [job for job in jobs if not self._is_due(job) or self._runs(job)]
                self._cancel.wait(None, RN_SIGNAL_PAUSE_NS)  # news without end are no busy loop
                self._wait(jobs)
        finally:
            for job in self._jobs:
                job.close()

    def _is_due(self, job: Job) -> bool:
        if job.event is not None and job.event.wait(None, 0) == 0:
            return True
        return job.due_ns is not None and time.perf_counter_ns() >= job.due_ns

    def _runs(self, job: Job) -> bool:
        """Run a job; return whether it wants to run again."""
        try:
            goes_on = job.run()
        except Exception:  # noqa: BLE001 - the Monitor goes on
            logger.exception("a Monitor goes on without a part of its second thread")
            job.fail()
            goes_on = False
        if job.has_news:
            self._wake()
        return goes_on

    def _wait(self, jobs: Sequence[Job]) -> None:
        """Wait until a job is due, or until the end."""
        moments = [job.due_ns for job in jobs if job.due_ns is not None]
        now_ns = time.perf_counter_ns()
        wait_ns = max(0, min([now_ns + _LONGEST_WAIT_NS, *moments]) - now_ns)
        for event in [job.event for job in jobs if job.event is not None][:1]:
            event.wait(self._cancel, wait_ns)
            return
        self._cancel.wait(None, wait_ns)
