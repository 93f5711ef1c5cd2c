"""Cells to float32."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.data.encoding import as_text, encode, shorten
from container.data.table import Kind, Numbers, Text
from container.errors import DataError


def text(*cells: str) -> Text:
    return Text.from_cells(cells)


def numbers(*values: float, kind: Kind = Kind.NUMBER) -> Numbers:
    return Numbers(np.array(values, dtype=np.float64), kind)


NAN = float("nan")


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        (text("1", " 2.5", "NA", "", "+1e3"), Kind.NUMBER, [1, 2.5, NAN, NAN, 1000]),
        (text("true", "FALSE", "1", "0", "0.0", ""), Kind.BOOLEAN, [1, 0, 1, 0, 0, NAN]),
        (text("1970-01-02", "1970-01-01T12:00Z", "null"), Kind.DATE, [1, 0.5, NAN]),
        (text(), Kind.NUMBER, []),
        (text("", ""), Kind.DATE, [NAN, NAN]),
        (numbers(1, NAN), Kind.NUMBER, [1, NAN]),
        (numbers(1, 0, kind=Kind.BOOLEAN), Kind.NUMBER, [1, 0]),
        (numbers(1, 0, NAN), Kind.BOOLEAN, [1, 0, NAN]),
        (text("true", "False", "2.5", ""), Kind.INDICATOR, [1, 0, 2.5, NAN]),
        (numbers(1, 2.5, NAN), Kind.INDICATOR, [1, 2.5, NAN]),
        (numbers(1, 0, kind=Kind.BOOLEAN), Kind.INDICATOR, [1, 0]),
        (numbers(19000.5, kind=Kind.DATE), Kind.DATE, [19000.5]),
        (numbers(NAN, NAN), Kind.DATE, [NAN, NAN]),
        (numbers(NAN, kind=Kind.DATE), Kind.NUMBER, [NAN]),
    ],
)
def test_values(column, kind, expected):
    values, unseen = encode(column, kind, "x")
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.array(expected, dtype=np.float32))
    assert unseen == 0


@pytest.mark.parametrize(
    ("column", "kind", "cause", "row"),
    [
        (text("1", "two"), Kind.NUMBER, "'two' is not a number", 1),
        (text("1", "1,5"), Kind.NUMBER, "'1,5' is not a number", 1),
        (text("", "x" * 99), Kind.NUMBER, f"'{'x' * 37}…' is not a number", 1),
        (text("true", "yes"), Kind.BOOLEAN, "'yes' is not true or false", 1),
        (text("true", "yes"), Kind.INDICATOR, "'yes' is not true, false or a number", 1),
        (numbers(1, kind=Kind.DATE), Kind.INDICATOR, "a date is not true, false or a number", 0),
        (text("true", "2"), Kind.BOOLEAN, "'2' is not true or false", 1),
        (text("2024-05-31", "31.5.2024"), Kind.DATE, "'31.5.2024' is not an ISO date", 1),
        (text("inf"), Kind.NUMBER, "inf is infinite or beyond what a 32-bit float holds", 0),
        (text("1", "-1e39"), Kind.NUMBER, "-1e+39 is infinite or beyond what a 32-bit float holds", 1),
        (numbers(1, float("inf")), Kind.NUMBER, "inf is infinite or beyond what a 32-bit float holds", 1),
        (numbers(1, 3.5e38), Kind.NUMBER, "3.5e+38 is infinite or beyond what a 32-bit float holds", 1),
        (numbers(1, 2), Kind.BOOLEAN, "2 is not true or false", 1),
        (numbers(NAN, 19000), Kind.DATE, "19000 is not an ISO date", 1),
        (numbers(NAN, 1, kind=Kind.DATE), Kind.NUMBER, "a date is not a number", 1),
        (numbers(1, kind=Kind.BOOLEAN), Kind.DATE, "1 is not an ISO date", 0),
    ],
)
def test_a_cell_of_another_kind_is_named(column, kind, cause, row):
    with pytest.raises(DataError) as caught:
        encode(column, kind, "x")
    assert (caught.value.cause, caught.value.row, caught.value.column) == (cause, row, "x")
    assert caught.value.remedy


def test_text_that_no_row_holds_does_not_matter():
    assert encode(Text(np.array([0], dtype=np.int32), ["1", "x"]), Kind.NUMBER, "x")[0].tolist() == [1]


@pytest.mark.parametrize(
    ("column", "categories", "codes", "unseen"),
    [
        (text("b", " a ", "", "b"), ("a", "b"), [1, 0, NAN, 1], 0),
        (text("c", "a", "c"), ("a", "b"), [NAN, 0, NAN], 2),
        (text("A"), ("a", "b"), [NAN], 1),
        (text("20", "20.0", "2e1", "020"), ("20", "30"), [0, 0, 0, 0], 0),
        (text("01", "1"), ("01", "1"), [0, 1], 0),
        (text("1.0"), ("1.0", "1"), [0], 0),
        (text("inf"), ("1",), [NAN], 1),
        (numbers(20, NAN, 30.0, 40), ("20", "30"), [0, NAN, 1, NAN], 1),
        (numbers(0.5, 1e300), ("0.5", "1e+300"), [0, 1], 0),
        (numbers(1e15, 1234567890123456), ("1000000000000000", "1234567890123456"), [0, 1], 0),
        (text("1e15", "1000000000000000.0"), ("1000000000000000",), [0, 0], 0),
        (numbers(1, 0, kind=Kind.BOOLEAN), ("false", "true"), [1, 0], 0),
        (text("a"), (), [NAN], 1),
        (text(), ("a",), [], 0),
    ],
)
def test_categories_become_their_index_and_unseen_ones_missing(column, categories, codes, unseen):
    values, count = encode(column, Kind.CATEGORY, "x", categories)
    np.testing.assert_array_equal(values, np.array(codes, dtype=np.float32))
    assert count == unseen


@given(st.lists(st.floats(allow_infinity=False)))
def test_numbers_as_text_name_the_same_categories(values):
    column = as_text(numbers(*values))
    assert len(column) == len(values)
    for code, value in zip(column.codes, values, strict=True):
        assert (code < 0) == np.isnan(value)
        assert code < 0 or float(column.values[code]) == value


def test_shorten():
    assert shorten("a'b") == '"a\'b"'
    assert len(shorten("x" * 1000)) == 40
