"""Bytes that come one piece after the other, and can be looked at ahead."""

import io
from collections.abc import Iterator
from typing import Protocol

PIECE = 1 << 20
"""Bytes that are read at a time."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Readable(Protocol):
    """Whatever gives bytes, b"" at its end."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


class Ahead(io.RawIOBase):
    """A stream of which the next bytes can be looked at before they are read."""

    def __init__(self, stream: Readable, held: bytes = b"") -> None:
        self._stream, self._held = stream, held

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()
        super().close()

    def ahead(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer where the stream ends before."""
        self._hold(size, PIECE)
        return self._held[:size]

    def _hold(self, size: int, piece_size: int) -> None:
        pieces = [self._held] if self._held else []
        missing = size - len(self._held)
        while missing > 0 and (piece := self._stream.read(max(missing, piece_size))):
            pieces.append(piece)
            missing -= len(piece)  # it may be longer: text grows as it is recoded
        self._held = b"".join(pieces)

    def read(self, size: int = -1) -> bytes:
        """The next ``size`` bytes, fewer only where the stream ends: at shorter ones pyarrow can stop, or lose rows."""
        if size < 0:
            return self.readall()
        self._hold(size, 1)
        given, self._held = self._held[:size], self._held[size:]
        return given

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        given = self.read(len(buffer))
        buffer[: len(given)] = given
        return len(given)

    def readall(self) -> bytes:
        pieces, self._held = [self._held], b""
        while piece := self._stream.read(PIECE):
            pieces.append(piece)
        return b"".join(pieces)

    def is_blank(self) -> bool:
        """Whether there is nothing but white space, after a byte-order mark or without one."""
        size = PIECE
        while not (text := (data := self.ahead(size)).removeprefix(BYTE_ORDER_MARK).strip()) and len(data) == size:
            size *= 2
        return not text

    def lines(self, size: int) -> Iterator[bytes]:
        """All that is left, in parts of about ``size`` bytes, more where a line is longer, that end in a line feed."""
        pieces, length = list[bytes](), 0
        for piece in self._pieces(size):
            length += len(piece)
            if length >= size and (end := piece.rfind(b"\n") + 1):
                yield b"".join([*pieces, memoryview(piece)[:end]])
                pieces, length = [piece[end:]], len(piece) - end
            else:
                pieces.append(piece)
        if length:
            yield b"".join(pieces)

    def _pieces(self, size: int) -> Iterator[bytes]:
        held, self._held = self._held, b""
        for start in range(0, len(held), size):
            yield held[start : start + size]
        while piece := self._stream.read(size):
            yield piece

    def skip(self, characters: bytes) -> None:
        """Pass over these at the start."""
        while piece := self.ahead(PIECE):
            rest = piece.lstrip(characters)
            self.read(len(piece) - len(rest))
            if rest:
                return
