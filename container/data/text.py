"""A file's bytes as text that is checked while it passes, and what others need to know of it."""

import codecs
from collections.abc import Callable
from typing import NamedTuple, Self

from container.data.stream import BYTE_ORDER_MARK, Ahead, Readable
from container.errors import DataError

try:
    import _xgboost_serving as native
except ImportError:
    native = None

UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")


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
        self.quotes, self.returns = 0, False

    def read(self, size: int = -1) -> bytes:
        while True:
            raw = self._stream.read(size)
            text = self._checked(raw)
            if text or not raw:
                return text

    def close(self) -> None:
        self._stream.close()

    def _checked(self, raw: bytes) -> bytes:
        text, self._left = self._left + raw, b""
        if self._charset is not None:
            text = self._recoded(raw, self._charset)
        found = Survey.of(text)
        if self._charset is None and not found.is_ascii:
            try:
                text.decode()
            except UnicodeDecodeError as error:
                if not raw or error.end < len(text) or error.reason != "unexpected end of data":
                    raise self._not_text(text, error.start, "UTF-8") from None
                text, self._left = text[: error.start], text[error.start :]  # without the bytes that are in `found`
        if found.has_nuls:
            line = self._line(text, text.index(b"\0"))
            raise DataError(f"line {line} holds a NUL byte, so this is not text", "send UTF-8 text")
        if self._first and text:
            text, self._first = text.removeprefix(BYTE_ORDER_MARK), False
        self._count(text, found)
        return text

    def _recoded(self, raw: bytes, charset: str) -> bytes:
        self._decoder = self._decoder or _decoder(charset)
        try:
            return self._decoder.decode(raw, not raw).encode()
        except UnicodeDecodeError as error:
            raise self._not_text(error.object, error.start, charset) from None
        except UnicodeEncodeError:
            raise DataError(f"the text is not valid {charset}", "send UTF-8") from None

    def _count(self, text: bytes, found: "Survey") -> None:
        self.quotes += found.quotes
        self._breaks += self._breaks_in(text, found)
        self._after_return = text.endswith(b"\r") or (self._after_return and not text)
        self.returns |= found.has_returns

    def _line(self, text: bytes, position: int) -> int:
        return self._breaks + self._breaks_in(before := text[:position], Survey.of(before)) + 1

    def _breaks_in(self, text: bytes, found: "Survey") -> int:
        # Less one whose half is counted already.
        return found.line_breaks(text) - (self._after_return and text.startswith(b"\n"))

    def _not_text(self, data: bytes, position: int, charset: str) -> DataError:
        return not_text(self._line(data, position), data[position], charset)


def not_text(line: int, byte: int, charset: str) -> DataError:
    """The error of a byte that is none of the charset."""
    return DataError(
        f"line {line} is not {charset} text (byte 0x{byte:02x})",
        "send UTF-8, or name the encoding as in 'text/csv; charset=latin-1'",
    )


class Survey(NamedTuple):
    """What there is in a text; the compiled core finds it in one pass, in a tenth of the time."""

    quotes: int
    line_feeds: int
    has_returns: bool
    has_nuls: bool
    is_ascii: bool

    @classmethod
    def of(cls, text: bytes) -> Self:
        if native is not None:
            return cls(*native.survey(text))
        return cls(text.count(b'"'), text.count(b"\n"), b"\r" in text, b"\0" in text, text.isascii())

    def line_breaks(self, text: bytes) -> int:
        """How many lines end in it, the text this is of: at LF, CR or CR LF."""
        return self.line_feeds + (text.count(b"\r") - text.count(b"\r\n") if self.has_returns else 0)


def line_at(data: bytes, position: int) -> int:
    """The 1-based line that a byte is on."""
    before = data[:position]
    return Survey.of(before).line_breaks(before) + 1


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
        self._stream, self._left = stream, b""
        self._header: bytes | None = None

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
        again = self._header, BYTE_ORDER_MARK + (self._header or b"")
        return b"\n".join(b"" if line in again else line for line in rows.split(b"\n"))
