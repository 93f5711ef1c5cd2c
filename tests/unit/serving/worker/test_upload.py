"""A request as it arrives, in memory and on disk."""

import errno
import tempfile

import pytest

from container.serving.worker.room import Room
from container.serving.worker.upload import NoRoomError, Upload

HEAD = b"POST / HTTP/1.1\r\n\r\n"


def content(upload: Upload) -> bytes:
    parts = []
    at_hand = upload.at_hand
    for piece in upload.pieces():
        parts.append(piece if isinstance(piece, bytes) else bytes(piece) if isinstance(piece, int) else piece.read())
    if at_hand:
        parts.insert(1, upload.body().read())  # behind the head
    return b"".join(parts)


@pytest.mark.parametrize("memory", [0, 5_000, 100_000])
def test_all_comes_out_that_went_in_wherever_it_was_held(memory: int) -> None:
    room = Room(memory, 100_000)
    upload = Upload(HEAD, 30_000, room, 50_000)
    body = bytes(range(250)) * 120
    for start in range(0, 31_000, 1_000):
        assert not upload.done or start == 30_000
        if start < 30_000:
            upload.feed(body[start : start + 1_000] + (b"next" if start == 29_000 else b""))
    assert upload.done
    assert upload.whole
    assert (upload.size, upload.rest) == (30_000, b"next")
    assert content(upload) == HEAD + body + b"next"
    assert not room.take(memory, 100_000)
    upload.close()
    assert room.take(memory, 100_000)


def test_a_body_at_hand_is_read_without_another_copy() -> None:
    upload = Upload(HEAD, 300_000, Room(300_000, 0), 300_000)
    for _ in range(3):
        assert not upload.at_hand
        upload.feed(b"x" * 100_000)
    assert upload.at_hand
    body = upload.body()
    data = body.read(1_000_000)
    assert data == b"x" * 300_000
    assert body.seek(0) == 0
    assert body.read(1_000_000) is data


@pytest.mark.parametrize(("length", "memory", "limit"), [(None, 10_000, 10_000), (40, 39, 100), (40, 100, 39)])
def test_other_bodies_are_for_gunicorn_to_read(length: int | None, memory: int, limit: int) -> None:
    upload = Upload(HEAD, length, Room(memory, 10_000), limit)
    upload.feed(b"a\r\n" + b"x" * 10 + b"\r\n0\r\n\r\n" + b"x" * 20)
    assert upload.done
    assert not upload.at_hand
    upload.close()


def test_of_a_body_that_is_too_large_only_the_length_is_kept() -> None:
    room = Room(0, 0)
    upload = Upload(HEAD, 1000, room, 500)
    upload.feed(b"x" * 600)
    assert not upload.done
    upload.feed(b"x" * 400 + b"next")
    assert upload.done
    assert not upload.kept
    assert content(upload) == HEAD + bytes(1000) + b"next"


def test_a_chunked_body_beyond_the_limit_is_not_waited_for() -> None:
    upload = Upload(HEAD, None, Room(10_000, 0), 100)
    upload.feed(b"fff\r\n" + b"x" * 200)
    assert upload.done
    assert not upload.whole


def test_without_room_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = Upload(HEAD, 1000, Room(100, 100), 1000)
    upload.feed(b"x" * 100)
    upload.feed(b"x" * 100)
    with pytest.raises(NoRoomError):
        upload.feed(b"x")
    upload.close()

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(NoRoomError, match="No space left"):
        Upload(HEAD, 1000, Room(0, 100), 1000).feed(b"x")
