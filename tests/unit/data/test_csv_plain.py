"""A file of plain numbers read in pieces by the core: what pyarrow reads, to the bit, or nothing."""

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.data import csv_arrow, csv_plain
from container.data.cells import missing_spellings
from container.data.csv_plain import NotPlainError
from container.data.csv_rows import Dialect
from container.data.table import Numbers
from container.data.text import Text
from container.errors import DataError

pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")

numbers = st.one_of(
    st.floats(-3e38, 3e38).map(repr),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.5f}"),
    st.integers(-(10**18), 10**18).map(str),
    st.sampled_from(["-0", "+5", ".5", "5.", "007", "1E+5", "1e-5", "123456789012345678901234567890", "4.9e-324"]),
)
cells = st.one_of(numbers, numbers, st.sampled_from(missing_spellings()))


def read(data: bytes, width: int, *, header: bool = False, most: int = 7, piece: int = 64) -> list[np.ndarray]:
    """The columns, read in pieces of about so many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_plain, "PIECE", piece)
        blocks = [*csv_plain.blocks(Text(io.BytesIO(data)), header, width, most)]
    for block in blocks:
        assert len({len(column) for column in block}) == 1
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


@st.composite
def files(draw):
    width = draw(st.integers(2, 5))
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=40))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return width, end.join(map(",".join, rows)).encode() + draw(st.sampled_from(["", "\n", "\r\n\n"])).encode()


@given(files(), st.integers(16, 300), st.integers(1, 50))
@settings(deadline=None)
def test_the_bits_are_pyarrows(file, piece, most):
    width, data = file
    ordinary = csv_arrow.read(data, Dialect(",", None, width), ())
    try:
        found = read(data, width, most=most, piece=piece)
    except NotPlainError:
        assert any(not np.isfinite(np.float32(value)) or value == 5e-324 for c in _numbers(ordinary) for value in c)
        return
    for column, expected in zip(found, ordinary, strict=True):
        if isinstance(expected, Numbers):
            assert column.dtype == np.float64
            np.testing.assert_array_equal(column, expected.values)
            np.testing.assert_array_equal(np.signbit(column), np.signbit(expected.values) & ~np.isnan(column))
        else:  # no cell of it, in the first rows, is a number
            assert np.isnan(column).all()


def _numbers(columns):
    return [column.values for column in columns if isinstance(column, Numbers)]


ROWS = b"".join(b"%d,%d.5\n" % (i, i) for i in range(100))


@pytest.mark.parametrize("piece", [16, 64, 100_000])
@pytest.mark.parametrize("before", [b"", b"\n\n\r\n"])
@pytest.mark.parametrize("after", [b"", b"\n", b"\r\n\r\n"])
def test_every_row_is_there_once_and_in_order(piece, before, after):
    a, b = read(before + ROWS + after, 2, piece=piece)
    assert a.tolist() == list(range(100))
    assert b.tolist() == [i + 0.5 for i in range(100)]


@pytest.mark.parametrize(
    "header", [b"a,b\n", b"\n\na, b\r\n", b"y,the long name of a column, longer than a piece of it is\n"]
)
def test_a_header_is_no_row(header):
    assert read(header + ROWS, 2, header=True)[0].tolist() == list(range(100))


def test_a_row_longer_than_a_piece():
    row = b",".join(b"%d" % i for i in range(500)) + b"\n"
    columns = read(row * 20, 500, piece=64)
    assert [column.tolist() for column in columns] == [[float(i)] * 20 for i in range(500)]


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(b"1,x\n", id="text"),
        pytest.param(b'"1",2\n', id="quotes"),
        pytest.param(b"1, 2\n", id="blanks"),
        pytest.param(b"1,2,3\n", id="a cell too many"),
        pytest.param(b"1\n", id="a cell too few"),
        pytest.param(b"1,2\r3,4\n", id="carriage returns that end lines"),
        pytest.param(b"1,inf\n", id="infinity"),
        pytest.param(b"1,1e39\n", id="beyond float32"),
        pytest.param("1,\u0661\n".encode(), id="other digits"),
    ],
)
@pytest.mark.parametrize("piece", [16, 100_000])
def test_anything_else_is_for_another_reader(odd, piece):
    for data in (odd + ROWS, ROWS + odd + ROWS):
        with pytest.raises(NotPlainError):
            read(data, 2, piece=piece)


@pytest.mark.parametrize(("piece", "left"), [(16, range(20, 100)), (100_000, range(99, 100))])
def test_a_blank_line_is_passed_over_or_for_another_reader(piece, left):
    """As it lies at a piece's end or not."""
    lines, raised = ROWS.splitlines(keepends=True), 0
    for place in range(1, 100):
        try:
            a, b = read(b"".join([*lines[:place], b"\n", *lines[place:]]), 2, piece=piece)
        except NotPlainError:
            raised += 1
        else:
            assert a.tolist() == list(range(100))
            assert b.tolist() == [i + 0.5 for i in range(100)]
    assert raised in left


@pytest.mark.parametrize("header", [b'"a",b\n', b"a,b\r1,2\n", b"a,b\r1,2\r3,4"])
def test_a_header_that_may_be_more_than_a_line(header):
    with pytest.raises(NotPlainError):
        read(header + ROWS, 2, header=True, piece=100_000)


def test_what_is_no_text_is_said_with_its_line():
    with pytest.raises(DataError, match="line 101 holds a NUL byte"):
        read(ROWS + b"1,\0\n" + ROWS, 2)


def test_only_a_few_pieces_and_their_columns_are_held():
    file = io.BytesIO(ROWS * 100_000)  # 78 MB of text, 160 MB as columns
    tracemalloc.start()
    try:
        for _ in csv_plain.blocks(Text(file), False, 2, 1000):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < (csv_plain.THREADS + 2) * 5 * csv_plain.PIECE
