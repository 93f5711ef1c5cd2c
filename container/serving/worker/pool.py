"""Threads with a bounded queue before them."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from math import ceil
from typing import Any

from container.model import native_log


class Pool(ThreadPoolExecutor):
    """Counts what it has been given, for the event loop; the loop alone calls what is here."""

    def __init__(self, threads: int, limit: int) -> None:
        """``limit`` is how many jobs may wait while all the threads are busy."""
        super().__init__(threads, initializer=_begin)
        self.threads, self.limit = threads, limit
        self._given: set[Future[Any]] = set()
        self._seconds = 0.0

    @property
    def given(self) -> int:
        """Jobs that are worked on or wait."""
        return len(self._given)

    @property
    def waiting(self) -> int:
        return max(0, self.given - self.threads)

    def full(self, expected: int = 0) -> bool:
        """Whether one more job, besides those ``expected``, would be too many."""
        return self.given + expected >= self.threads + self.limit

    def give(self, job: Callable[..., Any], *args: Any) -> "Future[Any]":
        future = self.submit(job, *args)
        self._given.add(future)
        return future

    def finished(self, future: "Future[Any]", seconds: float) -> None:
        """Take note of a job's end, and of how long it was worked on."""
        self._given.discard(future)
        self._seconds += (seconds - self._seconds) / 8

    def give_up(self) -> None:
        """Cancel what still waits."""
        for future in tuple(self._given):
            future.cancel()

    def retry_after(self) -> int:
        """Seconds until what waits now may be done, from 1 to 60, by how long the jobs before took."""
        return min(60, max(1, ceil(self.waiting / self.threads * self._seconds)))


def _begin() -> None:
    """Let the event loop go first, as this thread's work takes longer; and have XGBoost's warnings go to the log."""
    native_log.attach()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
