"""Content types and what bytes look like."""

import gzip

import pytest

from container.data import delimited, structured
from container.data.formats import MEDIA_TYPES, ContentType, Format, read_request, sniff
from container.data.schema import Schema
from container.errors import DataError, UnsupportedMediaTypeError, UserError
from tests.unit.data.reading import rows_of


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_every_media_type_in_any_case_and_with_parameters(media_type):
    for spelling in (media_type, media_type.upper(), f" {media_type} ; charset=utf-8", f"{media_type};x=y"):
        assert ContentType.parse(spelling).format is MEDIA_TYPES[media_type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/csv; charset=latin-1", ContentType(Format.CSV, "latin-1")),
        ('text/csv; charset="utf-8"; header=present', ContentType(Format.CSV, "utf-8", True)),
        ("text/csv;HEADER=absent;label_size=1", ContentType(Format.CSV, None, False, 1)),
        ("text/csv;label_size=0", ContentType(Format.CSV, None, None, 0)),
        ("text/csv;", ContentType(Format.CSV)),
        ("", ContentType(None)),
        (None, ContentType(None)),
        ("application/octet-stream", ContentType(None)),
    ],
)
def test_parameters(value, expected):
    assert ContentType.parse(value) == expected


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("image/png", UnsupportedMediaTypeError, "cannot read the content type 'image/png'; send one of text/csv, "),
        ("text/csv; header=maybe", UserError, "header='maybe' in the content type; it is 'present' or 'absent'"),
        ("text/csv; label_size=2", UserError, "label_size='2' in the content type; it is 0 or 1"),
    ],
)
def test_what_is_not_read(value, kind, message):
    with pytest.raises(kind) as caught:
        ContentType.parse(value)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"PAR1...", Format.PARQUET),
        (b'\xef\xbb\xbf\n {"x": 1}', Format.JSON),
        (b"[[1, 2]]", Format.JSON),
        (b'{"x": 1}\n{"x": 2}\n', Format.JSON_LINES),
        (b"1 1:2 3:4\n", Format.LIBSVM),
        (b"1:0.5 1:2\n", Format.LIBSVM),
        (b"1 qid:3 1:2\n", Format.LIBSVM),
        (b"0:1 2:3\n", Format.LIBSVM),
        (b"1\n0.5\n1 1:2 3:4\n", Format.LIBSVM),
        (b"1\n0.5\n1\n", Format.CSV),
        (b"1\n0.5\n1:", Format.CSV),
        (b"1,2\n", Format.CSV),
        (b"1 1:2 # 3, and more\n", Format.LIBSVM),
        (b"12:30,5\n", Format.CSV),
        (b"Meeting 10:30 am,5\n", Format.CSV),
        (b"5 10:30 am,5\n", Format.CSV),
        (b"call\t10:30\tam\n", Format.CSV),
        (b"a b\n1 2\n", Format.CSV),
        (b"5\n", Format.CSV),
        (b"", Format.CSV),
    ],
)
def test_sniff(data, expected):
    assert sniff(data) is expected


def test_a_request_is_read_as_its_content_type_says_else_as_it_looks():
    schema = Schema.from_names(2)
    for data, content_type in ((b"1,2\n", "text/csv"), (b"[[1,2]]", None), (b"[1,2]\n", "application/jsonlines")):
        assert rows_of(read_request(data, ContentType.parse(content_type), schema)) == [[1, 2]]
    rows = read_request(b"0:1 1:2\n", ContentType.parse(None), schema)
    assert rows.matrix.toarray().tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"1," * 200_000 + b"1\n", "text/csv"),
        (b"[[" + b"1," * 200_000 + b"1]]", "application/json"),
        (b"[" + b"1," * 200_000 + b"1]\n", "application/jsonlines"),
    ],
)
def test_a_row_that_is_far_too_wide_is_refused_before_columns_are_made_of_it(monkeypatch, data, content_type):
    monkeypatch.setattr(delimited, "read", None)
    monkeypatch.setattr(structured, "to_column", None)
    with pytest.raises(DataError, match="expected 2 values per row, got 200001"):
        read_request(data, ContentType.parse(content_type), Schema.from_names(2))


def test_a_body_that_is_gzip_is_called_so():
    with pytest.raises(DataError, match="the request body is gzip; send it uncompressed"):
        read_request(gzip.compress(b"1,2"), ContentType.parse("text/csv"), Schema.from_names(2))


@pytest.mark.parametrize("content_type", ["text/csv", "application/json", None])
def test_an_empty_request_is_refused(content_type):
    with pytest.raises(DataError, match="the request body is empty"):
        read_request(b"\n", ContentType.parse(content_type), Schema.from_names(2))
