"""Waiting for whichever connection is ready, without falling asleep between the requests of a single client."""

import selectors
import time
from collections.abc import Callable

AWAKE = 50e-6
"""Seconds. A client on a network nearby needs about as long between an answer and its next request; to be woken takes
the thread some 30 microseconds."""
IN_A_ROW = 32
"""Events after which a client counts as alone: one of several that begin is not, and a worker that is awake would take
them all from the others."""

Ready = list[tuple[selectors.SelectorKey, int]]


class Polling(selectors.DefaultSelector):
    """A selector that, after events `IN_A_ROW` while ``alone``, looks again for `AWAKE` seconds before it sleeps.

    Where several clients ask, the next request is there already, or another process can use the CPU.
    """

    def __init__(self, alone: Callable[[], bool]) -> None:
        super().__init__()
        self._alone = alone
        self._in_a_row = 0

    def select(self, timeout: float | None = None) -> Ready:
        """What is ready, as `selectors.BaseSelector.select` says."""
        if not self._alone():
            self._in_a_row = 0
        elif self._in_a_row >= IN_A_ROW:
            until = time.perf_counter() + AWAKE
            while time.perf_counter() < until:
                if ready := super().select(0):
                    return ready
        ready = super().select(timeout)
        self._in_a_row = self._in_a_row + 1 if ready else 0
        return ready
