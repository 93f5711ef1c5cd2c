"""Ctrl-C and SIGTERM end the check where nothing is being made that would be left behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """A signal asked for the end; ``number`` is which."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Interruption:
    """Raises `Interrupted` in the main thread on a signal, or at the end of the block that a signal came in."""

    def __init__(self) -> None:
        self._held = 0
        self._pending: int | None = None

    def install(self) -> None:
        """Take the signals that end a program."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._handle)

    def ignore(self) -> None:
        """From here on no signal disturbs what cleans up."""
        self._held, self._pending = 1, None

    @contextmanager
    def held(self) -> Iterator[None]:
        """No signal ends this block half-way."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if not self._held and self._pending is not None:
            raise Interrupted(self._pending)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._held:
            self._pending = number
        else:
            raise Interrupted(number)
