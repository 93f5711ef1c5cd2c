"""Ctrl-C that is not lost: Python drops a KeyboardInterrupt raised in a finalizer or in what an import calls back."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType

_seen = False


def listen() -> None:
    """Note a Ctrl-C as well as raise it; without a word where it is dropped. Where it is ignored, it stays so."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    signal.signal(signal.SIGINT, _note)
    said = sys.unraisablehook
    sys.unraisablehook = lambda dropped: None if dropped.exc_type is KeyboardInterrupt else said(dropped)


def pause(seconds: float) -> None:
    """Sleep, unless there was a Ctrl-C. Raises KeyboardInterrupt then."""
    if _seen:
        raise KeyboardInterrupt
    time.sleep(seconds)


def _note(number: int, frame: FrameType | None) -> None:
    global _seen
    _seen = True
    raise KeyboardInterrupt
