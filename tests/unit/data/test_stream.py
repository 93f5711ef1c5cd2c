"""Streams: looked at ahead, checked as text piece by piece."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.data.stream import Ahead
from container.data.text import Survey, Text
from container.errors import DataError


class Drops:
    """A stream that gives so many bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size = io.BytesIO(data), size
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        return self._data.read(self._size if size < 0 else min(size, self._size))

    def close(self) -> None:
        self.closed = True


SIZES = [1, 2, 3, 5, 1000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        (b"\xef\xbb\xbfa,\xc3\xa9\n", None, "a,é\n"),
        ("é,日本,🏠\n".encode(), "utf-8", "é,日本,🏠\n"),
        ("é,€\n".encode("cp1252"), "windows-1252", "é,€\n"),
        ("é,日本\n".encode("utf-16"), "utf-16", "é,日本\n"),
        (b"", None, ""),
    ],
)
def test_text_in_any_pieces(size, data, charset, text):
    assert Text(Drops(data, size), charset).readall() == text.encode()


@given(st.lists(st.sampled_from([b'"', b"\n", b"\r", b"\0", b"a", b"\x7f", b"\x80", b"\xff"])), st.integers(1, 600))
def test_a_survey_is_the_same_with_the_core_and_without(bytes_of, times):
    text = b"".join(bytes_of) * times
    found = Survey.of(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("container.data.text.native", None)
        assert Survey.of(text) == found
    assert found.line_breaks(text) == len(text.splitlines()) - bool(text and text[-1] not in b"\r\n")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("data", "charset", "message"),
    [
        (b"a\r\nb\n\xe9\n", None, "line 3 is not UTF-8 text (byte 0xe9); send UTF-8, or name the encoding"),
        (b"a\rb\r\xc3", None, "line 3 is not UTF-8 text (byte 0xc3); send UTF-8"),
        (b"a\n\xf0\x9f\x8fx\n", None, "line 2 is not UTF-8 text (byte 0xf0); send UTF-8"),
        (b"a\r\n\0\r\n", None, "line 2 holds a NUL byte, so this is not text; send UTF-8 text"),
        (b"a\r\n\r\n\xe9\r\n", None, "line 3 is not UTF-8 text (byte 0xe9); send UTF-8"),
        ("a\r\n\0\r\n".encode("utf-16"), "utf-16", "line 2 holds a NUL byte, so this is not text; send UTF-8 text"),
        (b"a\n\nb\0\n", None, "line 3 holds a NUL byte, so this is not text; send UTF-8 text"),
        (b"a\n\x81\n", "cp1252", "line 2 is not cp1252 text (byte 0x81); send UTF-8"),
        (b"a\n", "klingon", "the charset 'klingon' is unknown; send UTF-8"),
        (b"a\n", "base64", "the charset 'base64' is unknown; send UTF-8"),
    ],
)
def test_what_is_no_text(size, data, charset, message):
    with pytest.raises(DataError) as caught:
        Text(Drops(data, size), charset).readall()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("size", SIZES)
def test_ahead_takes_nothing_away(size):
    stream = Ahead(Drops(b"  abc" * 9, size))
    assert stream.ahead(4) == b"  ab"
    assert stream.ahead(99) == b"  abc" * 9
    stream.skip(b" ")
    assert stream.read(3) == b"abc"
    assert io.BufferedReader(stream).read() == b"  abc" * 8


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("data", "blank"), [(b"", True), (b" \n\t\r\n" * 9, True), (b"\xef\xbb\xbf\n", True), (b" " * 50 + b"x", False)]
)
def test_blank(size, data, blank):
    assert Ahead(Drops(data, size)).is_blank() == blank


@pytest.mark.parametrize("size", SIZES)
def test_lines_stay_whole(size):
    parts = list(Ahead(Drops(b"ab\ncdef\n\ngh" * 3, size)).lines(4))
    assert b"".join(parts) == b"ab\ncdef\n\ngh" * 3
    assert all(part.endswith(b"\n") for part in parts[:-1])
    assert len(parts) > 3


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("looked", [0, 3, 100])
def test_a_header_that_comes_again(size, looked):
    text = Text(Drops(b"a,b\n1,2\na,b\n3,4\na,b", size))
    text.ahead(looked)
    text.header_once()
    assert text.readall() == b"a,b\n1,2\n\n3,4\n"


def test_a_header_that_comes_again_after_a_byte_order_mark():
    text = Text(io.BytesIO(2 * b"\xef\xbb\xbfa,b\n1,2\n"))
    text.header_once()
    assert text.readall() == b"a,b\n1,2\n\n1,2\n"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("charset", [None, "latin-1"])
def test_as_much_is_given_as_asked_for(size, again, charset):
    """A header that is looked for, and characters that take more bytes, make pieces grow."""
    data = "ä,ö\n1,2\nä,ö\n3,ü\n4,5\n"
    text = Text(Drops(data.encode(charset or "utf-8"), size), charset)
    if again:
        text.header_once()
    assert io.BufferedReader(text, 4).read(3) == "ä,".encode()
    pieces = [*iter(lambda: text.read(2), b"")]
    assert {len(piece) for piece in pieces[:-1]} == {2}
    assert b"".join(pieces).decode(errors="replace").endswith("3,ü\n4,5\n")


@pytest.mark.parametrize("size", SIZES)
def test_what_has_been_seen(size):
    text = Text(Drops(b'a,"b"\n', size))
    assert (text.quotes, text.plain) == (0, True)
    text.readall()
    assert (text.quotes, text.plain) == (2, False)
    returns = Text(Drops(b"a\r\n", size))
    returns.readall()
    assert (returns.quotes, returns.plain) == (0, False)


def test_closing_closes_what_is_below():
    drops = Drops(b"x", 1)
    text = Text(drops)
    text.header_once()
    text.close()
    assert drops.closed
