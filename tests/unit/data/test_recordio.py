"""RecordIO frames: what dmlc-core splits is joined, and what is broken is named by its record."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from container.data import recordio
from container.data.table import Place
from container.errors import DataError
from tests.unit.data.aialgs_writing import frame, split

MAGIC = recordio.MAGIC


def frames(data: bytes) -> list[bytes]:
    return list(recordio.frames(data, Place("train/a.rec")))


def test_a_frame_is_magic_length_payload_and_padding():
    assert recordio.frame(b"hello") == bytes.fromhex("0a23d7ce 05000000 68656c6c6f 000000")


@given(st.lists(st.binary(max_size=20)))
def test_frames_are_read_back_as_they_were_written(payloads):
    assert frames(b"".join(map(recordio.frame, payloads))) == payloads


PARTS = st.lists(st.sampled_from([MAGIC, b"", b"a", b"abcd", MAGIC * 2, b"xyz"]), max_size=6)


@given(st.lists(PARTS.map(b"".join)))
@example([MAGIC])
@example([b"abcd" + MAGIC + MAGIC + b"x"])
def test_what_is_split_at_the_magic_number_is_joined_with_it(payloads):
    assert frames(b"".join(map(split, payloads))) == payloads


def test_a_payload_that_holds_the_magic_number_is_whole_where_the_writer_did_not_split():
    assert frames(frame(b"abcd" + MAGIC) + frame(b"x")) == [b"abcd" + MAGIC, b"x"]


GOOD = frame(b"hello")


@pytest.mark.parametrize(
    ("data", "cause", "row"),
    [
        pytest.param(GOOD + b"\x0a\x23", "the data ends within a record", 2, id="cut-in-magic"),
        pytest.param(GOOD + GOOD[:6], "the data ends within a record", 2, id="cut-in-length"),
        pytest.param(GOOD + GOOD[:10], "the data ends within a record", 2, id="cut-in-payload"),
        pytest.param(GOOD[:-1], "the data ends within a record", 1, id="cut-in-padding"),
        pytest.param(b"1,2,3\n4,5,6\n", "no RecordIO record begins at byte 0", 1, id="csv"),
        pytest.param(GOOD + b"\x00" * 12, "no RecordIO record begins at byte 16", 2, id="zeros"),
        pytest.param(GOOD * 2 + GOOD[4:], "no RecordIO record begins at byte 32", 3, id="no-magic"),
        pytest.param(GOOD + frame(b"x", 5), "the record has the flag 5, where 0 to 3 are known", 2, id="flag"),
        pytest.param(frame(b"abcd", 1) + GOOD, "the parts of a split record are out of order", 1, id="no-last-part"),
        pytest.param(GOOD + frame(b"x", 3), "the parts of a split record are out of order", 2, id="no-first-part"),
        pytest.param(GOOD + frame(b"abcd", 1), "the last part of a split record is missing", 2, id="ends-in-parts"),
        pytest.param(frame(b"x")[:4] + b"\xff\xff\xff\x1f", "the data ends within a record", 1, id="huge-length"),
    ],
)
def test_what_is_broken_is_named_by_its_record(data, cause, row):
    with pytest.raises(DataError) as caught:
        frames(data)
    assert str(caught.value).startswith(f"{cause} (train/a.rec record {row}); write it as RecordIO")


def test_a_payload_beyond_a_frame_is_refused():
    class Long(bytes):
        def __len__(self) -> int:
            return 1 << 29

    with pytest.raises(ValueError, match="less than 536,870,912 bytes, got 536,870,912"):
        recordio.frame(Long())
