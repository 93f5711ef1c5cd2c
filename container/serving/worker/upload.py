"""A request whose body is still arriving, held in memory or, where there is much of it, in a temporary file."""

import io
import tempfile
from collections.abc import Iterator
from typing import IO

from container.contract.serving_env import MIB
from container.serving.worker.chunked import Chunks
from container.serving.worker.room import Room

_SMALL = 4096
_DISCARDED = 256 * MIB
"""Bytes of a body that is too large that are read before its reply: most clients send all before they read."""

Piece = bytes | int | IO[bytes]
"""A part of a request: itself, so many zeros in place of what was not kept, or a file to read to its end."""


class NoRoomError(Exception):
    """What arrives can be held neither in memory nor on disk; its text says why, where there is more to say."""


class Upload:
    """One request, from its head to the end of its body, and what arrived behind it."""

    def __init__(self, head: bytes, length: int | None, room: Room, limit: int) -> None:
        """``length`` is the body's in bytes, None where it is chunked; beyond ``limit`` its content is not kept."""
        self._room, self._limit = room, limit
        self._chunks = Chunks() if length is None else None
        self._missing = 0 if length is None else min(length, _DISCARDED)
        self.kept = length is None or length <= limit
        """Whether its content is kept."""
        self._head = head
        self._pieces = [b""]
        self._memory = self._disk = self._zeros = 0
        self._file: IO[bytes] | None = None
        self.size = 0
        """Bytes of the body that have arrived, a chunked one's with the sizes of its chunks."""
        self.rest = b""
        """What arrived behind the body."""

    @property
    def done(self) -> bool:
        """Whether there is nothing more to wait for: the body is whole, or cannot be made out."""
        if self._chunks is None:
            return self._missing == 0
        return self._chunks.done or self._chunks.broken or self.size > self._limit

    @property
    def whole(self) -> bool:
        """Whether the body has arrived to its end."""
        return self._missing == 0 if self._chunks is None else self._chunks.done

    def feed(self, data: bytes) -> None:
        """Take what has arrived. Raises NoRoomError where it cannot be held."""
        if self._chunks is None:
            taken = min(self._missing, len(data))
            self._missing -= taken
        else:
            taken = self._chunks.feed(data)
        self.size += taken
        if self.kept:
            self._keep(data[:taken])
        else:
            self._zeros += taken
        self.rest = data[taken:]

    def _keep(self, data: bytes) -> None:
        if self._file is None and self._room.take(memory=len(data)):
            self._memory += len(data)
            if len(self._pieces[-1]) < _SMALL:
                self._pieces[-1] += data
            else:
                self._pieces.append(data)
            return
        if not self._room.take(disk=len(data)):
            raise NoRoomError
        self._disk += len(data)
        try:
            self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115  # until `close`
            self._file.write(data)
        except OSError as error:
            raise NoRoomError(f": {error}") from None

    @property
    def at_hand(self) -> bool:
        """Whether the body is in memory to its end, as it is: then it is none of the `pieces`."""
        return self._chunks is None and self.whole and self.kept and self._file is None

    def body(self) -> IO[bytes]:
        """The body that is `at_hand`, once. What reads all of it at once gets it without another copy."""
        pieces, self._pieces = self._pieces, [b""]
        return io.BytesIO(b"".join(pieces))

    def pieces(self) -> Iterator[Piece]:
        """The request and what arrived behind it."""
        yield self._head
        if not self.at_hand:
            yield from filter(None, self._pieces)
            self._pieces = [b""]
        if self._file is not None:
            self._file.seek(0)
            yield self._file
        if self._zeros:
            yield self._zeros
        if self.rest:
            yield self.rest

    def close(self) -> None:
        """Give its room back."""
        self._room.give_back(self._memory, self._disk)
        self._memory = self._disk = 0
        if self._file is not None:
            self._file.close()
