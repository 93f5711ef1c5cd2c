"""How many connections each worker has, in memory that all of them share.

The kernel wakes every worker for a new connection, and the first to come takes it: one that is awake already takes
most of those that are opened at once, and then answers all of their requests on its one CPU.
"""

import mmap

_NOBODY = 1 << 31


class Shares:
    """A cell for each worker, which it alone writes to."""

    def __init__(self, workers: int) -> None:
        """Make it before the workers are forked."""
        self._cells = memoryview(mmap.mmap(-1, workers * 8)).cast("q")
        for slot in range(workers):
            self._cells[slot] = _NOBODY

    def say(self, slot: int, connections: int) -> None:
        """Worker ``slot`` has so many."""
        self._cells[slot % len(self._cells)] = connections

    def leave(self, slot: int) -> None:
        """Worker ``slot`` takes no more."""
        self.say(slot, _NOBODY)

    def least(self, slot: int) -> int:
        """The fewest that a worker other than ``slot`` has; very many where there is none."""
        own = slot % len(self._cells)
        return min((count for other, count in enumerate(self._cells) if other != own), default=_NOBODY)
