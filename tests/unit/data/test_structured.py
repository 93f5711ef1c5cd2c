"""JSON and JSON Lines: the shapes that are read, and what is said of others."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.data.structured import read_json, read_json_lines
from container.data.table import Kind, Numbers
from container.errors import DataError
from tests.unit.data.reading import rows_of

SHAPES = '; send {"instances": [[1, 2], …]}, '


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ('{"instances": [[1, "a"], [2.5, null]]}', None, [[1, "a"], [2.5, None]]),
        ('{"instances": [{"x": 1, "y": "a"}, {"y": "b", "x": 2}]}', ("x", "y"), [[1, "a"], [2, "b"]]),
        ('{"instances": [{"features": [1, 2]}, {"features": [3, 4], "label": 0}]}', None, [[1, 2], [3, 4]]),
        ('{"instances": [1, 2]}', None, [[1, 2]]),
        ('{"instances": []}', None, []),
        ("[[1, 2], [3, 4]]", None, [[1, 2], [3, 4]]),
        ("[1, 2]", None, [[1, 2]]),
        ('["a", null]', None, [["a", None]]),
        ('[{"x": 1}]', ("x",), [[1]]),
        ('{"x": 1, "y": "a"}', ("x", "y"), [[1, "a"]]),
        ('{"features": [1, 2]}', None, [[1, 2]]),
        ('{"columns": ["x", "y"], "index": [0], "data": [[1, 2]]}', ("x", "y"), [[1, 2]]),
        ('{"columns": ["x"], "data": []}', ("x",), []),
        ('[["1", " a "], ["NA", "null"]]', None, [[1, "a"], [None, None]]),
        ("[[1, NaN]]", None, [[1, None]]),
        ("[[12345678901234567890123]]", None, [[12345678901234567890123.0]]),
        ('[["\\ud800"]]', None, [["\ud800"]]),
    ],
)
def test_shapes(text, names, rows):
    table = read_json(text.encode())
    assert (table.names, table.rows, rows_of(table)) == (names, len(rows), rows)


def test_numbers_beyond_float64_are_infinite_for_the_encoding_to_name():
    assert rows_of(read_json(b"[[1e400, " + b"9" * 400 + b", -Infinity]]")) == [
        [float("inf"), float("inf"), -float("inf")]
    ]


def test_truth_values():
    (column,) = read_json(b"[[true], [null], [false]]").columns
    assert isinstance(column, Numbers)
    assert column.kind is Kind.BOOLEAN
    assert rows_of(read_json(b'[[true], ["x"]]')) == [["true"], ["x"]]
    (column,) = read_json(b"[[true], [null], [2.5]]").columns  # what a row says is not for its neighbours to decide
    assert column.kind is Kind.NUMBER
    assert rows_of(read_json(b"[[true], [null], [2.5]]")) == [[1], [None], [2.5]]


def test_numbers_among_text_are_spelled_as_whole_numbers():
    assert list(read_json(b'[[20], [2.5], ["a"]]').columns[0].values) == ["20", "2.5", "a"]


def test_records_remember_who_lacks_a_name():
    table = read_json(b'[{"x": 1, "y": 2}, {"x": 3}, {"z": 4}]')
    assert table.names == ("x", "y", "z")
    assert dict(table.incomplete) == {"z": 0, "y": 1, "x": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"null", "the body is null, neither rows nor records" + SHAPES),
        (b'"x"', "the body is a text, neither rows nor records" + SHAPES),
        (b'{"instances": 3}', "'instances' is not a list" + SHAPES),
        (b'{"inputs": [[1]]}', "the body has 'inputs', which is no form rows are read in" + SHAPES),
        (b"[[1], [1, 2]]", "the row has 2 values where the first has 1 (instance 2); send as many"),
        (b'[[1], {"x": 1}]', "rows and records are mixed (instance 2); send all as lists or all as objects"),
        (b"[[1], 2]", "a number is neither a row nor a record (instance 2)" + SHAPES),
        (b"[[[1]]]", "a list stands where a value belongs (instance 1); send a number, text or null"),
        (b'[{"x": 1}, {"x": {}}]', "an object stands where a value belongs (instance 2, column 'x')"),
        (b'{"columns": ["x"], "data": [[1, 2]]}', "'columns' has 1 names, the rows have 2 values"),
        (b'{"columns": ["x", "x"], "data": [[1, 2]]}', "'columns' names a column twice"),
        (b'{"columns": ["x"], "data": [{"y": 1}]}', "'data' has records, which have names of their own"),
        (b'{"x": 1', "the body is not JSON: unexpected end of data at line 1 column 8; send valid JSON"),
        (b'\n{"x": }', "the body is not JSON: unexpected character, expected a JSON value at line 2 column 7"),
        (b"[[1]] x", "the body is not JSON: unexpected content after document at line 1 column 7"),
        (b'["\xff"]', "the body is not UTF-8 text; send JSON in UTF-8"),
        (b"[" * 100_000, "the body is nested too deep" + SHAPES),
        (b"[[" + b"9" * 5000 + b"]]", "the body has a number with too many digits"),
    ],
)
def test_what_is_no_table_is_refused(text, message):
    with pytest.raises(DataError) as caught:
        read_json(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ("[1, 2]\n[3, 4]\n", None, [[1, 2], [3, 4]]),
        ('{"x": 1}\r\n\r\n{"x": 2}', ("x",), [[1], [2]]),
        ('{"features": [1, 2]}\n', None, [[1, 2]]),
        ("1\n2\n", None, [[1], [2]]),
        ("\n\n", None, []),
    ],
)
def test_lines(text, names, rows):
    table = read_json_lines(text.encode())
    assert (table.names, rows_of(table)) == (names, rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[1]\n\n[1\n", "line 3 is not JSON: unexpected end of data at column 3; send valid JSON"),
        (b'[1]\n\n{"x": 1}\n', "rows and records are mixed (line 3)"),
        (b'\n"x"\n', "a text is neither a row nor a record (line 2)"),
        (b"[1]\n[1, 2]", "the row has 2 values where the first has 1 (line 2)"),
        (b"[1]\n[\xff]", "line 2 is not UTF-8 text"),
    ],
)
def test_a_line_that_is_no_row_is_named(text, message):
    with pytest.raises(DataError) as caught:
        read_json_lines(text)
    assert str(caught.value).startswith(message)


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3))


@given(st.lists(st.lists(VALUES, min_size=2, max_size=2), min_size=1))
def test_rows_records_frames_and_lines_are_the_same_table(rows):
    records = [{"x": x, "y": y} for x, y in rows]
    dump = json.dumps
    expected = repr(rows_of(read_json(dump({"instances": rows}).encode())))
    for text in (dump(rows), dump(records), dump({"instances": records}), dump({"columns": ["x", "y"], "data": rows})):
        assert repr(rows_of(read_json(text.encode()))) == expected
    for lines in (rows, records):
        assert repr(rows_of(read_json_lines("\n".join(map(dump, lines)).encode()))) == expected


def test_whole_numbers_that_float64_would_change_stay_as_they_are_written():
    (column,) = read_json(b"[[9007199254740993], [null], [20], [2.5]]").columns
    assert list(column.values) == ["9007199254740993", "20", "2.5"]
    for other in (b"1", b"Infinity"):  # which orjson reads, and which is left to Python
        (column, _) = read_json(b'[["x", %s], [-9223372036854775809, 1]]' % other).columns
        assert list(column.values) == ["x", "-9223372036854775808"]
    assert isinstance(read_json(b"[[9007199254740991], [-9007199254740991]]").columns[0], Numbers)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "other": {"x": [1]}}',
        '[{"a": 1, "other": []}]',
        '{"instances": [{"other": {}, "a": 1}]}',
        '{"columns": ["other", "a"], "data": [[[2], 1]]}',
    ],
)
def test_columns_that_are_not_used_may_hold_anything(text):
    table = read_json(text.encode(), unused=lambda names: set(names) - {"a"})
    assert dict(zip(table.names, rows_of(table)[0], strict=True)) == {"a": 1, "other": None}
    table = read_json_lines(b'{"a": 1, "other": [1]}\n{"a": 2}\n', unused=lambda names: set(names) - {"a"})
    assert rows_of(table) == [[1, None], [2, None]]


def test_where_no_column_is_used_what_they_hold_is_looked_at():
    with pytest.raises(DataError, match="the body has 'inputs', which is no form rows are read in"):
        read_json(b'{"inputs": [[1]]}', unused=set)
    with pytest.raises(DataError, match=r"a list stands where a value belongs \(line 1, column 'inputs'\)"):
        read_json_lines(b'{"inputs": [[1]]}', unused=set)
