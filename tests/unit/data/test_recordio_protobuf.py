"""recordio-protobuf: AWS's own bytes, every way protobuf may write the same row, and messages by record."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from container.data import aialgs, recordio_protobuf
from container.data.table import Place, SparseTable, Table
from container.errors import DataError
from tests.unit.data.aialgs_writing import (
    BYTES,
    FLOAT32,
    FLOAT64,
    INT32,
    dense,
    entry,
    frame,
    message,
    record,
    sparse,
    split,
    tensor,
    varint,
)
from tests.unit.data.reading import rows_of

KINDS = [pytest.param(FLOAT32, id="float32"), pytest.param(FLOAT64, id="float64"), pytest.param(INT32, id="int32")]

# What sagemaker.amazon.common writes for [[1, -2, 3], [4, 5, 300]] with labels [7, -1] …
GOLDEN_DENSE = {
    FLOAT32: (
        "0a23d7ce300000000a1a0a0676616c7565731210120e0a0c0000803f000000c00000404012120a0676616c75657312081206"
        "0a040000e0400a23d7ce300000000a1a0a0676616c7565731210120e0a0c000080400000a0400000964312120a0676616c75"
        "6573120812060a04000080bf"
    ),
    FLOAT64: (
        "0a23d7ce400000000a260a0676616c756573121c1a1a0a18000000000000f03f00000000000000c000000000000008401216"
        "0a0676616c756573120c1a0a0a080000000000001c400a23d7ce400000000a260a0676616c756573121c1a1a0a1800000000"
        "0000104000000000000014400000000000c0724012160a0676616c756573120c1a0a0a08000000000000f0bf"
    ),
    INT32: (
        "0a23d7ce2d0000000a1a0a0676616c75657312103a0e0a0c01feffffffffffffffff0103120f0a0676616c75657312053a03"
        "0a01070000000a23d7ce2e0000000a120a0676616c75657312083a060a040405ac0212180a0676616c756573120e3a0c0a0a"
        "ffffffffffffffffff010000"
    ),
}
# … and for the sparse [[0, -2, 0], [0, 0, 0], [4, 0, 300]] with [7, -1, 2].
GOLDEN_SPARSE = {
    FLOAT32: (
        "0a23d7ce2e0000000a180a0676616c756573120e120c0a04000000c01201011a010312120a0676616c756573120812060a04"
        "0000e04000000a23d7ce250000000a0f0a0676616c756573120512031a010312120a0676616c756573120812060a04000080"
        "bf0000000a23d7ce330000000a1d0a0676616c756573121312110a080000804000009643120200021a010312120a0676616c"
        "756573120812060a040000004000"
    ),
    FLOAT64: (
        "0a23d7ce360000000a1c0a0676616c75657312121a100a0800000000000000c01201011a010312160a0676616c756573120c"
        "1a0a0a080000000000001c4000000a23d7ce290000000a0f0a0676616c75657312051a031a010312160a0676616c75657312"
        "0c1a0a0a08000000000000f0bf0000000a23d7ce3f0000000a250a0676616c756573121b1a190a1000000000000010400000"
        "000000c07240120200021a010312160a0676616c756573120c1a0a0a08000000000000004000"
    ),
    INT32: (
        "0a23d7ce310000000a1e0a0676616c75657312143a120a0afeffffffffffffffff011201011a0103120f0a0676616c756573"
        "12053a030a01070000000a23d7ce2b0000000a0f0a0676616c75657312053a031a010312180a0676616c756573120e3a0c0a"
        "0affffffffffffffffff01000a23d7ce2b0000000a180a0676616c756573120e3a0c0a0304ac02120200021a0103120f0a06"
        "76616c75657312053a030a010200"
    ),
}


def read(data: bytes, labelled: bool = True) -> Table | SparseTable:
    return recordio_protobuf.read(data, Place("train/a.rec"), labelled=labelled)


@pytest.mark.parametrize("kind", KINDS)
def test_dense_rows_as_aws_writes_them(kind):
    golden = bytes.fromhex(GOLDEN_DENSE[kind])
    assert golden == dense([[1, -2, 3], [4, 5, 300]], [7, -1], kind)
    table = read(golden)
    assert (table.names, rows_of(table)) == (None, [[7, 1, -2, 3], [-1, 4, 5, 300]])
    assert rows_of(read(golden, labelled=False)) == [[1, -2, 3], [4, 5, 300]]


@pytest.mark.parametrize("kind", KINDS)
def test_sparse_rows_as_aws_writes_them_the_empty_one_too(kind):
    table = read(bytes.fromhex(GOLDEN_SPARSE[kind]))
    assert table.matrix.toarray().tolist() == [[0, -2, 0], [0, 0, 0], [4, 0, 300]]
    assert table.matrix.nnz == 3
    assert table.label.tolist() == [7, -1, 2]


@pytest.mark.parametrize(
    "features",
    [
        pytest.param(tensor(FLOAT32, [1, 2], packed=False), id="not packed"),
        pytest.param(tensor(FLOAT32, [1, 2], shape=[2]), id="with its shape"),
        pytest.param(tensor(FLOAT32, [1, 2], shape=[1, 2]), id="with a shape of one row"),
        pytest.param(tensor(FLOAT64, [5, 6]) + tensor(FLOAT32, [1, 2]), id="the last of two tensors"),
        pytest.param(message(FLOAT32, message(1, struct.pack("<f", 1)) + message(1, struct.pack("<f", 2))), id="parts"),
        pytest.param(message(FLOAT32, message(1, struct.pack("<2f", 1, 2)) + message(15, b"?")), id="unknown field"),
        pytest.param(tensor(INT32, [1, 2], packed=False), id="whole numbers, not packed"),
    ],
)
def test_ways_to_write_the_same_row(features):
    label = tensor(FLOAT32, [3])
    extra = message(3, b"uid") + message(4, b'{"a":1}') + varint(99 << 3) + varint(7) + varint(98 << 3 | 1) + bytes(8)
    for data in (
        frame(record(features, label)),
        frame(record(None, label) + entry(1, features) + extra),
        frame(record(features, label)) + split(record(features, label) + message(3, b"other")),
    ):
        assert rows_of(read(data)) == [[3, 1, 2]] * (len(data) // len(frame(record(features, label))))


def test_equal_records_are_read_the_same_at_once_and_one_by_one():
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32).tolist()
    uniform = dense(rows, range(50))
    longer = frame(record(tensor(FLOAT32, rows[0]), tensor(FLOAT32, [0])) + message(3, b"uid")) + uniform
    assert rows_of(read(uniform)) == rows_of(read(longer))[1:]


def test_labels_of_another_type_than_the_features():
    for label in (0, 1, 127, 128, 70_000, -1):
        data = b"".join(frame(record(tensor(FLOAT32, [i, 2]), tensor(INT32, [label]))) for i in range(3))
        assert rows_of(read(data)) == [[label, i, 2] for i in range(3)]


def test_every_record_may_have_types_of_its_own():
    kinds = [(FLOAT32, INT32), (FLOAT64, FLOAT32), (FLOAT64, FLOAT64), (INT32, FLOAT64)]
    records = [record(tensor(kind, [i, 300]), tensor(label, [-i])) for i, (kind, label) in enumerate(kinds)]
    assert rows_of(read(b"".join(map(frame, records)))) == [[-i, i, 300] for i in range(4)]
    pairs = [record(tensor(kind, [i], [i], [9]), tensor(label, [i])) for i, (kind, label) in enumerate(kinds)]
    assert np.diag(read(b"".join(map(frame, pairs))).matrix.toarray()).tolist() == [0, 1, 2, 3]


def test_a_nan_is_missing():
    assert rows_of(read(dense([[1, np.nan], [np.nan, 2]], [0, 1]))) == [[0, 1, None], [1, None, 2]]


def test_requests_need_no_labels_and_pass_over_those_there_are():
    bare = frame(record(tensor(FLOAT32, [1, 2])))
    text = frame(record(tensor(FLOAT32, [3, 4])) + entry(2, message(BYTES, message(1, b"yes")), "other"))
    assert rows_of(read(bare * 2, labelled=False)) == [[1, 2], [1, 2]]
    assert rows_of(read(bare + text, labelled=False)) == [[1, 2], [3, 4]]
    assert read(frame(record(tensor(FLOAT32, [1], [5], [9]))), labelled=False).label is None


@given(
    arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=5), elements={"allow_nan": False}),
    st.sampled_from([FLOAT32, FLOAT64]),
    st.booleans(),
)
def test_dense_rows_are_read_back_as_they_were_written(rows, kind, one_by_one):
    data = dense(rows.tolist(), range(len(rows)), kind)
    if one_by_one:
        data += frame(record(tensor(kind, rows[0].tolist()), tensor(kind, [-1])) + message(5, b"{}"))
    table = read(data)
    found = np.stack([column.values for column in table.columns], axis=1)[: len(rows)]
    assert found[:, 0].tolist() == list(range(len(rows)))
    assert found[:, 1:].astype(np.float32).tobytes() == rows.tobytes()


INT32S = st.integers(-(2**31), 2**31 - 1)


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(INT32S, min_size=width, max_size=width), min_size=1)))
def test_whole_numbers_are_read_back_as_they_were_written(rows):
    table = read(dense(rows, range(len(rows)), INT32))
    assert rows_of(table) == [[label, *row] for label, row in enumerate(rows)]


VALUES = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.dictionaries(st.integers(0, 300), VALUES), min_size=1), st.sampled_from([FLOAT32, FLOAT64]))
def test_sparse_rows_are_read_back_as_they_were_written(rows, kind):
    rows = [*rows, {300: 1.0}]  # one row at least is sparse, whatever the others are
    table = read(sparse(rows, range(len(rows)), 301, kind))
    matrix = table.matrix
    assert matrix.shape == (len(rows), 301)
    found = [dict(zip(row.indices.tolist(), row.data.tolist(), strict=True)) for row in matrix]
    assert found == [dict(sorted(row.items())) for row in rows]
    assert table.label.tolist() == list(range(len(rows)))


GOOD = frame(record(tensor(FLOAT32, [1, 2]), tensor(FLOAT32, [0])))
SPARSE = frame(record(tensor(FLOAT32, [1], [2], [9]), tensor(FLOAT32, [0])))
LABEL = tensor(FLOAT32, [0])


def bad(features: bytes | None, label: bytes | None = LABEL) -> bytes:
    return GOOD + frame(record(features, label))


@pytest.mark.parametrize(
    ("data", "cause", "row"),
    [
        pytest.param(GOOD + GOOD[:-2], "the data ends within a record", 2, id="truncated"),
        pytest.param(GOOD + b"PAR1" * 4, "no RecordIO record begins at byte 52", 2, id="magic"),
        pytest.param(bad(tensor(FLOAT32, [1, 2, 3])), "the record has 3 values where the first has 2", 2, id="wide"),
        pytest.param(bad(tensor(FLOAT32, [1])), "the record has 1 values where the first has 2", 2, id="narrow"),
        pytest.param(bad(tensor(FLOAT32, [1, 2]), None), "the record has no label", 2, id="no-label"),
        pytest.param(frame(record(tensor(FLOAT32, [1, 2]))) * 3, "the record has no label", 1, id="no-labels"),
        pytest.param(bad(tensor(FLOAT32, [1, 2]), tensor(FLOAT32, [1, 2])), "the record has 2 labels", 2, id="labels"),
        pytest.param(bad(tensor(FLOAT32, [1, 2]), tensor(FLOAT32, [])), "the record has 0 labels", 2, id="empty-label"),
        pytest.param(bad(None), "the record has no features", 2, id="no-features"),
        pytest.param(GOOD + frame(b""), "the record has no features", 2, id="empty-record"),
        pytest.param(
            GOOD + frame(entry(1, tensor(FLOAT32, [1, 2]), "image") + entry(2, LABEL)),
            "the record has features named 'image'",
            2,
            id="other-features",
        ),
        pytest.param(bad(message(BYTES, message(1, b"x"))), "the record has no features", 2, id="bytes"),
        pytest.param(
            bad(tensor(FLOAT32, [1, 2], shape=[3])), "the record has 2 values and a shape of 3", 2, id="shape"
        ),
        pytest.param(GOOD + SPARSE, "the record is sparse or empty, unlike the first", 2, id="dense-sparse"),
        pytest.param(bad(tensor(FLOAT32, [])), "the record is sparse or empty, unlike the first", 2, id="empty"),
        pytest.param(SPARSE + GOOD, "the record is dense, unlike the first", 2, id="sparse-dense"),
        pytest.param(
            SPARSE + frame(record(tensor(FLOAT32, [1], [2], [8]), LABEL)),
            "the record has 8 as its shape where the first has 9",
            2,
            id="shapes",
        ),
        pytest.param(
            SPARSE + frame(record(tensor(FLOAT32, [1], [9], [9]), LABEL)),
            "the key 9 is beyond the shape of 9",
            2,
            id="key",
        ),
        pytest.param(
            SPARSE + frame(record(tensor(FLOAT32, [1, 2], [3, 3], [9]), LABEL)),
            "the feature index 3 stands twice in the row",
            2,
            id="twice",
        ),
        pytest.param(
            SPARSE + frame(record(tensor(FLOAT32, [1, 2], [3], [9]), LABEL)),
            "the record has 1 keys and 2 values",
            2,
            id="keys",
        ),
        pytest.param(
            frame(record(tensor(FLOAT32, [1], [2**63]), LABEL)),
            "the feature index 9223372036854775808 is",
            1,
            id="huge",
        ),
        pytest.param(
            frame(record(tensor(FLOAT32, [1], [2], [2**40]), LABEL)),
            "the record's shape says 1,099,511,",
            1,
            id="shape!",
        ),
        pytest.param(
            SPARSE + frame(record(tensor(FLOAT32, [np.inf], [2], [9]), LABEL)), "a value is infinite", 2, id="infinite"
        ),
        pytest.param(
            bad(message(FLOAT32, message(1, b"12345"))), "the record's numbers are not of their", 2, id="broken-float"
        ),
        pytest.param(
            bad(message(INT32, message(1, b"\x80"))), "the record's numbers are not of their", 2, id="broken-varint"
        ),
        pytest.param(
            bad(message(FLOAT32, varint(1 << 3) + b"\x01")), "the record's numbers are not of their", 2, id="other-wire"
        ),
        pytest.param(GOOD + frame(b"1,2,3\n"), "the record is not a protobuf message", 2, id="csv-in-frame"),
        pytest.param(GOOD + frame(b"\x0a\xff"), "the record is not a protobuf message", 2, id="length-beyond"),
        pytest.param(GOOD + frame(b"\x80" * 12), "the record is not a protobuf message", 2, id="endless-varint"),
        pytest.param(GOOD + frame(b"\x02\x00"), "the record is not a protobuf message", 2, id="field-0"),
    ],
)
def test_a_record_that_cannot_be_read_is_named(data, cause, row):
    with pytest.raises(DataError) as caught:
        read(data)
    message_ = str(caught.value)
    assert message_.startswith(cause)
    assert f"(train/a.rec record {row}); " in message_


def test_a_whole_number_of_more_than_64_bits_is_refused():
    endless = message(INT32, message(1, b"\x80" * 11 + b"\x01"))
    with pytest.raises(DataError, match=r"a whole number is longer than 64 bits \(train/a.rec\)"):
        read(frame(record(endless, tensor(INT32, [1]))))


@given(st.data())
def test_damage_is_an_error_that_is_explained_or_another_table(data):
    good = bytearray(sparse([{1: 1.0}, {}, {2: 300.0}], [0, 1, 2], 3) if data.draw(st.booleans()) else GOOD * 3)
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        outcome = f"{read(bytes(good)).rows} rows of train/a.rec"
    except DataError as error:
        outcome = str(error)
    assert "train/a.rec" in outcome


def test_replies_are_as_aws_writes_them():
    reply = recordio_protobuf.write({"predicted_label": np.array([1], "f4"), "score": np.array([0.25], "f4")})
    assert reply.hex() == (
        "0a23d7ce30000000121b0a0f7072656469637465645f6c6162656c120812060a040000803f12110a0573636f7265120812060a040000803e"
    )


def test_replies_with_several_scores_and_class_names():
    reply = recordio_protobuf.write({"predicted_label": ["yes"], "score": np.array([[0.25, 0.75]], "f4")})
    assert reply.hex() == (
        "0a23d7ce3f00000012260a0f7072656469637465645f6c6162656c12134a110a03796573120a746578742f706c61696e12150a0573636f"
        "7265120c120a0a080000803e0000403f00"
    )
    assert recordio_protobuf.write({"score": np.empty(0, "f4")}) == b""


def test_a_signalling_nan_is_a_missing_value():
    signalling = np.array([0x7FA00000], dtype=np.uint32).view(np.float32)
    assert np.isnan(aialgs.decode(signalling.tobytes(), "<f4")).all()
