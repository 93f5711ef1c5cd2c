"""LIBSVM: what a row may hold, and what is said of one that cannot be read."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.data import libsvm
from container.data.table import Place
from container.errors import DataError

PLACE = Place("train/a.libsvm")


def read(text: str, *, labelled: bool = True):
    return libsvm.read(text.encode(), PLACE, labelled=labelled)


def test_indices_stay_as_they_are_written():
    table = read("16 1:2 3:0.6\n10 1:1\n")
    assert table.matrix.shape == (2, 4)
    assert table.matrix.toarray().tolist() == [[0, 2, 0, np.float32(0.6)], [0, 1, 0, 0]]
    assert table.label.tolist() == [16, 10]
    assert table.weight is None
    assert table.group is None


def test_index_zero_is_the_first_column():
    assert read("1 0:5 1:6").matrix.toarray().tolist() == [[5, 6]]


def test_a_zero_that_is_written_is_kept_apart_from_one_that_is_missing():
    assert read("1 0:0 1:2").matrix.nnz == 2


def test_weights_and_query_ids():
    table = read("1:0.5 qid:7 0:1\n0:2 qid:8 0:2\n")
    assert table.weight.tolist() == [0.5, 2]
    assert table.group.tolist() == [7, 8]
    assert table.label.tolist() == [1, 0]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1 0:5 2:6\n0 2:7\n", id="plain"),
        pytest.param("1 2:6 0:5\n0 2:7\n", id="unsorted"),
        pytest.param("1 0:5 2:6\r\n0 2:7\r\n", id="crlf"),
        pytest.param("1\t0:5\t2:6\n0\t2:7", id="tabs, no newline at the end"),
        pytest.param("\n  1 0:5  2:6  \n\n0 2:7\n\n", id="blanks and blank lines"),
        pytest.param("# head\n1 0:5 2:6 # note 3:4\n0 2:7 #\n", id="comments"),
        pytest.param("+1 0:+5. 2:6e0\n0. 2:7.0E+0\n", id="ways to write a number"),
    ],
)
def test_ways_to_write_the_same_rows(text):
    table = read(text)
    assert table.matrix.toarray().tolist() == [[5, 0, 6], [0, 0, 7]]
    assert table.label.tolist() == [1, 0]


def test_an_empty_text_has_no_rows():
    assert read("# nothing\n\n").rows == 0


def test_in_a_request_a_first_pair_is_a_feature_and_a_first_number_a_label():
    bare, with_label = read("1:0.5 2:0.25", labelled=False), read("3 1:0.5 2:0.25", labelled=False)
    assert bare.matrix.toarray().tolist() == with_label.matrix.toarray().tolist() == [[0, 0.5, 0.25]]
    assert bare.label is None
    assert bare.weight is None
    assert with_label.label.tolist() == [3]


def test_in_training_a_first_pair_is_a_label_with_its_weight():
    table = read("1:0.5 2:0.25")
    assert (table.label.tolist(), table.weight.tolist()) == ([1], [0.5])


@pytest.mark.parametrize(
    ("text", "cause", "line"),
    [
        ("1 1:2\nx 1:2", "'x' is not 'index:value'", 2),
        ("1 1:2\n\n# c\n1 1:2 3", "'3' is not 'index:value'", 4),
        ("1 a:2", "'a:2' is not 'index:value'", 1),
        ("1 -1:2", "'-1:2' is not 'index:value'", 1),
        ("1 1.5:2", "'1.5:2' is not 'index:value'", 1),
        ("1 1:2:3", "'1:2:3' is not 'index:value'", 1),
        ("1 1:", "'1:' is not 'index:value'", 1),
        ("1 1 :2", "'1' is not 'index:value'", 1),
        ("1 qid:x 1:2", "'qid:x' is not 'index:value'", 1),
        ("1 1:2 qid:3", "'qid:3' is not 'index:value'", 1),
        ("1 1:0x10", "'1:0x10' is not 'index:value'", 1),
        ("1 1:2,3:4", "'1:2,3:4' is not 'index:value'", 1),
        ("1,2,3", "'1,2,3' is not 'index:value'", 1),
        ("1 é:2", "'é:2' is not 'index:value'", 1),
        ("1 1:" + "9" * 50 + "x", "'1:" + "9" * 38 + "…' is not 'index:value'", 1),
        ("1 1:2\n1 4:1 4:2", "the feature index 4 stands twice in the row", 2),
        ("1 4:1 1:1 4:2", "the feature index 4 stands twice in the row", 1),
        ("1 1:2\n1 10000001:1", "the feature index 10000001 is beyond 10,000,000", 2),
        ("1 1:inf", "a value is infinite or beyond what a 32-bit float holds", 1),
        ("1 1:2\n1 0:1 1:1e39", "a value is infinite or beyond what a 32-bit float holds", 2),
        ("1 1:2\n\n1:2 1:3", "the row has a weight, unlike the rows before", 3),
        ("1:2 1:2\n1 1:3", "the row has no weight, unlike the rows before", 2),
        ("1 qid:1 1:2\n1 1:3", "the row has no qid, unlike the rows before", 2),
        ("1 1:2\nqid:1 1:3", "the row has no label, unlike the rows before", 2),
        ("1 qid:9007199254740993 1:2", "the query id is too large", 1),
    ],
)
def test_a_row_that_cannot_be_read_is_named(text, cause, line):
    with pytest.raises(DataError) as caught:
        read(text)
    assert str(caught.value).startswith(f"{cause} (train/a.libsvm line {line}); ")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1 1:" + "9" * 1_000_000 + "x", id="digits"),
        pytest.param("9" * 1_000_000 + "x", id="label"),
        pytest.param("1 " + "9" * 1_000_000, id="index"),
        pytest.param("1 " + "1:1 " * 250_000 + "x", id="many pairs, then a stray one"),
        pytest.param("1 " + "1:" * 500_000, id="colons"),
        pytest.param("1" + " " * 1_000_000 + "x", id="blanks"),
        pytest.param("1 1:1" + "e1" * 500_000, id="exponents"),
    ],
)
def test_a_malformed_megabyte_is_refused_at_once(text):
    start = time.perf_counter()
    with pytest.raises(DataError):
        read(text)
    assert time.perf_counter() - start < 5  # 10,000 digits took 7 s where the expression could backtrack


ROWS = st.lists(st.dictionaries(st.integers(0, 40), st.floats(width=32, allow_nan=False, allow_infinity=False)))


@given(ROWS)
def test_rows_are_read_back_as_they_were_written(rows):
    text = "".join(f"1 {' '.join(f'{index}:{value!r}' for index, value in row.items())}\n" for row in rows)
    matrix = read(text).matrix
    found = [
        dict(zip(matrix[i].indices.tolist(), matrix[i].data.tolist(), strict=True)) for i in range(matrix.shape[0])
    ]
    assert found == rows


def test_in_a_request_an_empty_line_is_a_row_without_values():
    table = read("\n0:5\n# note\n \t\n1:2\n\n \n", labelled=False)
    assert table.matrix.toarray().tolist() == [[0, 0], [5, 0], [0, 0], [0, 2]]
    assert [table.place.line_of(row) for row in range(4)] == [1, 2, 4, 5]


def test_where_a_requests_rows_have_labels_an_empty_line_is_none():
    table = read("\n1 0:5\n\n0\n\n", labelled=False)
    assert table.matrix.toarray().tolist() == [[5], [0]]
    assert table.label.tolist() == [1, 0]
    assert table.place.line_of(1) == 4
    with pytest.raises(DataError, match=r"the row has no label, unlike the rows before \(train/a.libsvm line 3\)"):
        read("1 0:5\n\n0:5", labelled=False)


def test_where_a_requests_rows_have_query_ids_an_empty_line_is_none():
    table = read("\nqid:1 0:5\n\nqid:1\n", labelled=False)
    assert table.matrix.toarray().tolist() == [[5], [0]]
    assert table.group.tolist() == [1, 1]
    assert table.place.line_of(1) == 4
