"""Which models are loaded: one record for all processes of a server, in a folder of its own.

It outlives a worker, and not the server: each start makes a new one.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from container.errors import ContainerError, UnavailableError

_LOOK = 0.02
"""Seconds between two looks whether the lock is free."""

_LONGEST = 80
"""Characters of the folder's path: with a socket's name, the system takes 107 at most."""


@dataclass(frozen=True)
class Entry:
    """A loaded model. Its name is any text, and never part of a path; ``number`` is never used again."""

    number: int
    name: str
    url: str


@dataclass(frozen=True)
class State:
    """The loaded models, the oldest first, and the number that the next one gets."""

    entries: tuple[Entry, ...] = ()
    next: int = 1

    def find(self, name: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.name == name), None)

    def without(self, gone: Sequence[Entry]) -> "State":
        return State(tuple(entry for entry in self.entries if entry not in gone), self.next)


class Registry:
    """The folder: who holds the lock may change the state; it is read at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state, self._lock = folder / "state.json", folder / "lock"

    @classmethod
    def create(cls) -> "Registry":
        """A new one, empty.

        Raises:
            ContainerError: no folder for temporary files can be written to, or its path is too long for sockets.
        """
        try:
            folder = Path(tempfile.mkdtemp(prefix="models-"))
        except OSError as error:
            raise ContainerError(f"a multi-model endpoint needs a writable /tmp: {error.strerror}") from None
        if len(str(folder)) > _LONGEST:
            folder.rmdir()
            raise ContainerError(f"the folder {folder.parent} has too long a path for sockets; set TMPDIR to a shorter")
        return cls(folder)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def locked(self, seconds: float) -> Iterator[None]:
        """Keep all other processes and threads from changing anything.

        Raises:
            UnavailableError: another one does not let go of it in time.
        """
        deadline = time.monotonic() + seconds
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _taken(descriptor):
                if time.monotonic() > deadline:
                    raise UnavailableError("other models are still being loaded or unloaded; ask again")
                time.sleep(_LOOK)
            yield
        finally:
            os.close(descriptor)

    def read(self) -> State:
        try:
            found = orjson.loads(self._state.read_bytes())
        except FileNotFoundError:
            return State()
        return State(tuple(Entry(**entry) for entry in found["entries"]), found["next"])

    def write(self, state: State) -> None:
        """Make this the state, for whoever reads it from now on. It need not reach the disk, which may be busy."""
        whole = self.folder / "next.json"
        whole.write_bytes(orjson.dumps(asdict(state)))
        whole.replace(self._state)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
