"""How much of others' bytes a worker holds."""

import mmap
import tempfile
from collections import deque
from collections.abc import Iterable
from threading import Lock


class Room:
    """How many bytes more may be held: of requests that arrive or wait, and of replies that are not taken."""

    def __init__(self, memory: int, disk: int) -> None:
        self._memory, self._disk, self._lock = memory, disk, Lock()

    def take(self, memory: int = 0, disk: int = 0) -> bool:
        """Whether there is this much; then it is taken."""
        with self._lock:
            if memory > self._memory or disk > self._disk:
                return False
            self._memory -= memory
            self._disk -= disk
            return True

    def give_back(self, memory: int, disk: int) -> None:
        with self._lock:
            self._memory += memory
            self._disk += disk


def on_disk(pieces: Iterable[memoryview]) -> "deque[memoryview]":
    """The same bytes in a temporary file, to be read from there. Raises OSError where it cannot be written."""
    with tempfile.TemporaryFile() as file:
        file.writelines(pieces)
        file.flush()
        return deque([memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))])
