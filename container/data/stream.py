"""Bytes that come one piece after the other: looked at ahead, and as text that is checked while it passes."""

import codecs
import io
from collections.abc import Callable, Iterator
from typing import Protocol

from container.errors import DataError

PIECE = 1 << 20
"""Bytes that are read at a time."""

UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Readable(Protocol):
    """Whatever gives bytes, b"" at its end."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


class Ahead(io.RawIOBase):
    """A stream of which the next bytes can be looked at before they are read."""

    def __init__(self, stream: Readable, held: bytes = b"") -> None:
        self._stream = stream
        self._held = held

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()
        super().close()

    def ahead(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer where the stream ends before."""
        pieces = [self._held]
        missing = size - len(self._held)
        while missing > 0 and (piece := self._stream.read(max(missing, PIECE))):
            pieces.append(piece)
            missing -= len(piece)
        self._held = b"".join(pieces) if len(pieces) > 1 else self._held
        return self._held[:size]

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return self.readall()
        if not self._held:
            return self._stream.read(size)
        given, self._held = self._held[:size], self._held[size:]
        return given

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        given = self.read(len(buffer))
        buffer[: len(given)] = given
        return len(given)

    def readall(self) -> bytes:
        pieces = [self._held]
        self._held = b""
        while piece := self._stream.read(PIECE):
            pieces.append(piece)
        return b"".join(pieces)

    def is_blank(self) -> bool:
        """Whether there is nothing but white space."""
        size = PIECE
        while len(data := self.ahead(size)) == size and not data.strip():
            size *= 2
        return not data.strip()

    def lines(self, size: int) -> Iterator[bytes]:
        """All that is left, in parts of about ``size`` bytes, more where a line is longer, that end in a line feed."""
        while part := self.ahead(size):
            end = part.rfind(b"\n") + 1
            if len(part) < size:
                yield self.read(len(part))
            elif end:
                yield self.read(end)
            else:
                size *= 2

    def skip(self, characters: bytes) -> None:
        """Pass over these at the start."""
        while piece := self.ahead(PIECE):
            rest = piece.lstrip(characters)
            self.read(len(piece) - len(rest))
            if rest:
                return


class Utf8:
    """A stream of text in any charset as UTF-8 without a byte-order mark; counts what others need to know of it.

    Reading raises DataError where the charset is unknown, or the bytes are not text in it (with the line).
    """

    def __init__(self, stream: Readable, charset: str | None) -> None:
        self._stream = stream
        self._charset = charset if charset and charset.casefold() not in UTF8 else None
        self._decoder: codecs.IncrementalDecoder | None = None
        self._left, self._first = b"", True
        self._breaks, self._after_return = 0, False
        self.quotes = 0
        self.returns = False

    def read(self, size: int = -1) -> bytes:
        while True:
            raw = self._stream.read(size)
            text = self._checked(raw)
            if text or not raw:
                return text

    def close(self) -> None:
        self._stream.close()

    def _checked(self, raw: bytes) -> bytes:
        text = self._left + raw
        self._left = b""
        if self._charset is not None:
            text = self._recoded(raw, self._charset)
        elif not text.isascii():
            try:
                text.decode()
            except UnicodeDecodeError as error:
                if not raw or error.end < len(text) or error.reason != "unexpected end of data":
                    raise self._not_text(text, error.start, "UTF-8") from None
                text, self._left = text[: error.start], text[error.start :]
        if (nul := text.find(b"\0")) >= 0:
            raise DataError(f"line {self._line(text, nul)} holds a NUL byte, so this is not text", "send UTF-8 text")
        if self._first and text:
            text, self._first = text.removeprefix(BYTE_ORDER_MARK), False
        self._count(text)
        return text

    def _recoded(self, raw: bytes, charset: str) -> bytes:
        self._decoder = self._decoder or _decoder(charset)
        try:
            return self._decoder.decode(raw, not raw).encode()
        except UnicodeDecodeError as error:
            raise self._not_text(error.object, error.start, charset) from None
        except UnicodeEncodeError:
            raise DataError(f"the text is not valid {charset}", "send UTF-8") from None

    def _count(self, text: bytes) -> None:
        self.quotes += text.count(b'"')
        self._breaks += line_breaks(text) - (self._after_return and text.startswith(b"\n"))
        self._after_return = text.endswith(b"\r")
        self.returns |= b"\r" in text

    def _line(self, text: bytes, position: int) -> int:
        return self._breaks + line_at(text, position)

    def _not_text(self, data: bytes, position: int, charset: str) -> DataError:
        return not_text(self._line(data, position), data[position], charset)


def not_text(line: int, byte: int, charset: str) -> DataError:
    """The error of a byte that is none of the charset."""
    return DataError(
        f"line {line} is not {charset} text (byte 0x{byte:02x})",
        "send UTF-8, or name the encoding as in 'text/csv; charset=latin-1'",
    )


def line_breaks(data: bytes) -> int:
    """How many lines end in the data: at LF, CR or CR LF."""
    count = data.count(b"\n")
    return count + data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else count


def line_at(data: bytes, position: int) -> int:
    """The 1-based line that a byte is on."""
    return line_breaks(data[:position]) + 1


def _decoder(charset: str) -> codecs.IncrementalDecoder:
    try:
        found: Callable[[], codecs.IncrementalDecoder] = codecs.getincrementaldecoder(charset)
        "".encode(charset)  # a codec that is none for text refuses
        return found()
    except (LookupError, ValueError):  # unknown, or none for text
        raise DataError(f"the charset {charset!r} is unknown", "send UTF-8") from None


class Text(Ahead):
    """A file's text as UTF-8, from its start, and what is known of the part that has been read."""

    def __init__(self, raw: Readable, charset: str | None = None) -> None:
        self._utf8 = Utf8(raw, charset)
        super().__init__(self._utf8)

    def header_once(self) -> None:
        """Let a blank line stand for each line that is equal to the first, so that lines keep their numbers."""
        rest = Ahead(self._stream, self._held)
        self._stream, self._held = _HeaderOnce(rest), b""

    @property
    def quotes(self) -> int:
        return self._utf8.quotes

    @property
    def plain(self) -> bool:
        """Whether there were neither quotes nor carriage returns."""
        return not self._utf8.quotes and not self._utf8.returns


class _HeaderOnce:
    """Text without lines equal to the first."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._header: bytes | None = None
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        pieces = [self._left]
        while piece := self._stream.read(size):
            pieces.append(piece)
            if b"\n" in piece:
                break
        text = b"".join(pieces)
        end = text.rfind(b"\n") + 1 if piece else len(text)
        text, self._left = text[:end], text[end:]
        if self._header is None:
            self._header, found, rows = text.partition(b"\n")
            return self._header + found + self._without(rows)
        return self._without(text)

    def close(self) -> None:
        self._stream.close()

    def _without(self, rows: bytes) -> bytes:
        return b"\n".join(b"" if line == self._header else line for line in rows.split(b"\n"))
