"""Where a chunked body ends."""

import pytest

from container.serving.worker.chunked import Chunks

BODY = b"5\r\nhello\r\nA;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"


@pytest.mark.parametrize("step", [1, 2, 3, 7, len(BODY) + 4])
def test_the_end_is_found_in_whatever_pieces_it_comes(step: int) -> None:
    chunks, sent = Chunks(), BODY + b"GET "
    taken = 0
    for start in range(0, len(sent), step):
        taken += chunks.feed(sent[start : start + step])
    assert chunks.done
    assert taken == len(BODY)


@pytest.mark.parametrize("end", range(1, len(BODY)))
def test_before_its_end_it_is_not_done(end: int) -> None:
    chunks = Chunks()
    assert chunks.feed(BODY[:end]) == end
    assert not chunks.done
    assert not chunks.broken


@pytest.mark.parametrize(
    "body", [b"zz\r\n", b"5\n", b"\r\n", b"-1\r\n", b"1" * 20, b"5 5\r\n", b"0\r\n" + b"a: b\r\n" * 20_000]
)
def test_what_has_no_end_is_broken(body: bytes) -> None:
    chunks = Chunks()
    chunks.feed(body * (1000 if len(body) == 20 else 1))
    assert chunks.broken
    assert not chunks.done
