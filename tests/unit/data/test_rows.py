"""Records of a request, one by one or together, are the rows that a reading of the whole gives."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.data.formats import ContentType, read_request
from container.data.rows import Rows
from container.data.schema import Feature, Schema
from container.data.table import Kind
from container.errors import DataError

SCHEMA = Schema(
    (Feature("area"), Feature("zone", Kind.CATEGORY, 1, ("A", "B\nC", 'D"', "E,F"))),
    named=True,
)


def split(body: bytes, content_type: str = "text/csv") -> Rows:
    rows = Rows.split(body, ContentType.parse(content_type), SCHEMA)
    assert rows is not None
    return rows


CELLS = st.tuples(st.integers(0, 9).map(str), st.sampled_from(["A", "B\nC", 'D"', "E,F", "", "other"]))


@given(st.lists(CELLS, min_size=1, max_size=6), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_csv(cells, header, terminator):
    file = io.StringIO()
    writer = csv.writer(file, lineterminator=terminator)
    writer.writerows([*([("area", "zone")] if header else []), *cells])
    body = file.getvalue().encode()
    rows = split(body)
    assert len(rows.records) == len(cells)
    whole = SCHEMA.encode(read_request(body, ContentType.parse("text/csv"), SCHEMA)).matrix()
    np.testing.assert_array_equal(SCHEMA.encode(rows.read(0, len(cells))).matrix(), whole)
    for place in range(len(cells)):
        np.testing.assert_array_equal(SCHEMA.encode(rows.read(place, place + 1)).matrix(), whole[[place]])


@given(st.lists(CELLS, min_size=1, max_size=6))
def test_json_lines(cells):
    body = "\n".join(json.dumps([float(area), zone]) for area, zone in cells).encode()
    rows = split(body, "application/jsonlines")
    assert len(rows.records) == len(cells)
    content_type = ContentType.parse("application/jsonlines")
    whole = SCHEMA.encode(read_request(body, content_type, SCHEMA)).matrix()
    for place in range(len(cells)):
        np.testing.assert_array_equal(SCHEMA.encode(rows.read(place, place + 1)).matrix(), whole[[place]])


@pytest.mark.parametrize(
    ("body", "records", "lines"),
    [
        (b"1,A\n\n2,A\n\n\n", [b"1,A\n", b"\n", b"2,A"], [1, 2, 3]),
        (b"area,zone\n1,A\n2,A", [b"1,A\n", b"2,A"], [2, 3]),
        (b"\n\nzone,area\r\nA,1", [b"A,1"], [4]),
        (b'1,"B\nC"\n2,A', [b'1,"B\nC"\n', b"2,A"], [1, 3]),
        (b'1,"A\n2,A\n3,A', [b'1,"A\n', b"2,A\n", b"3,A"], [1, 2, 3]),
        (b'1,A\n2,"A\n3,""\n4,A', [b"1,A\n", b'2,"A\n', b'3,""\n', b"4,A"], [1, 2, 3, 4]),
        (b"\xef\xbb\xbf1,A\n2,A", [b"1,A\n", b"2,A"], [1, 2]),
        (b"area,zones\n1,A", [b"area,zones\n", b"1,A"], [1, 2]),
    ],
)
def test_the_records_and_their_lines(body, records, lines):
    rows = split(body)
    assert rows.records == records
    assert rows.lines == lines


def test_a_header_that_is_announced_is_one():
    table = split(b"area,zones\n1,A", "text/csv; header=present").read(0, 1)
    with pytest.raises(DataError, match="'zone' is missing"):
        SCHEMA.encode(table)


def test_a_record_alone_is_still_on_its_line():
    rows = split(b"\nzone,area\nA,1\n\nA,many\n")
    with pytest.raises(DataError, match=r"'many' is not a number \(line 5, column 'area'\)"):
        SCHEMA.encode(rows.alone(2).read(0, 1))
    with pytest.raises(DataError, match=r"the line is blank \(line 4\)"):
        rows.alone(1).read(0, 1)
    with pytest.raises(DataError, match="line 2 is not JSON"):
        split(b'[1, "A"]\n[1, "A"', "application/jsonlines").alone(1).read(0, 1)


def test_a_record_by_its_lines():
    rows = split(b'1,A\n"2,A\n3,"A\n4,A').by_line(1)
    assert rows.records == [b'"2,A\n', b'3,"A\n']
    assert rows.lines == [2, 3]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\r\n\n", "text/csv"),
        (b"", "text/csv"),
        (b"1,A", "text/csv; header=present"),
        (b"\n1,A\r\n\r\n", "text/csv; header=present"),
        ("\n".encode("utf-16-be"), "text/csv; charset=utf-16-be"),
        (b"0:1", "text/libsvm"),
        (b"[[1, 2]]", "application/json"),
        (b"PAR1", "application/octet-stream"),
    ],
)
def test_bodies_without_rows_of_their_own(body, content_type):
    assert Rows.split(body, ContentType.parse(content_type), SCHEMA) is None


def test_another_charset():
    rows = split("1,A\n2,é\n".encode("utf-16-be"), "text/csv; charset=utf-16-be")
    assert rows.records == [b"1,A\n", "2,é".encode()]


def test_the_format_is_found_out_where_nobody_says():
    rows = Rows.split(b'[1, "A"]\n[2, "A"]', ContentType.parse(None), SCHEMA)
    assert rows is not None
    assert rows.records == [b'[1, "A"]\n', b'[2, "A"]']


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        (b'x,"B\nC"\n1,A', True),
        (b'"x,\n1",A', True),
        (b'x,"B\nC"y\n1,A', False),
        (b'x,"B\r\n""C"\r\n1,A', True),
    ],
)
def test_whether_line_breaks_are_meant(body, whole):
    assert split(body).is_quoted_whole(0) is whole
