"""The compiled reader gives the bits of the ordinary one, or stands aside."""

import string

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from container.data import fast_csv
from container.data.cells import missing_spellings
from container.data.fast_csv import FastCsv
from container.data.formats import ContentType, read_request
from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Kind
from container.errors import UserError

native = pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")

CSV = ContentType.parse("text/csv")
MISSING = np.float32(np.nan).view(np.uint32)


def ordinary(body: bytes, schema: Schema) -> np.ndarray | None:
    try:
        return schema.encode(read_request(body, CSV, schema)).matrix()
    except UserError:
        return None


def bits(matrix: np.ndarray | None) -> list[list[int]] | None:
    return None if matrix is None else np.where(np.isnan(matrix), MISSING, matrix.view(np.uint32)).tolist()


def fast(body: bytes, columns: int) -> np.ndarray | None:
    """What the compiled reader says, and that it is what the ordinary one says wherever it says anything."""
    schema = Schema.from_names(columns)
    matrix = FastCsv(schema).matrix(body, CSV)
    check_columns(body, columns)
    if matrix is not None:
        assert matrix.dtype == np.float32
        assert matrix.flags.c_contiguous
        assert matrix.view(np.uint32).tolist() == bits(ordinary(body, schema))
    return matrix


def check_columns(body: bytes, columns: int) -> None:
    """By columns the same is read and left as by rows; the doubles are those the floats are rounded from."""
    rows = native.parse_csv(body, columns, False, 1)
    expected = np.frombuffer(rows or b"", np.float32).reshape(-1, columns)
    count = len(expected) if rows else 3
    found = [np.full(count + 2, 7.0) for _ in range(columns)]
    assert native.parse_csv_columns(body, found, 1, count + 1) == (rows is not None)
    assert all(column[0] == column[-1] == 7 for column in found)  # nothing beside those rows is touched
    if rows is not None:
        assert bits(np.stack(found, axis=1)[1:-1].astype(np.float32)) == bits(expected)
        assert not native.parse_csv_columns(body, found, 1, count)
        assert not native.parse_csv_columns(body, found, 0, count + 1)


def decimal_spellings(value: float) -> list[str]:
    value = float(value)
    return [repr(value), f"{value:.17g}", f"{value:+.3f}", f"{value:.9e}", f"{value:.0f}", f"{value:.0f}."]


digits = st.text("0123456789", min_size=1, max_size=24)
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32).flatmap(lambda v: st.sampled_from(decimal_spellings(v))),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.tuples(st.sampled_from(["", "-", "+"]), digits, digits, st.integers(-60, 60)).map(
        lambda t: "{}{}.{}e{}".format(*t)
    ),
    digits.map(lambda text: f".{text}"),
)
blanks = st.text(" \t", max_size=2)
finite = numbers.filter(lambda text: abs(float(text)) < 3e38)
plain = st.tuples(blanks, st.one_of(finite, st.sampled_from(missing_spellings())), blanks).map("".join)
cells = st.one_of(plain, plain.map(lambda text: f'"{text}"'))
odd = st.one_of(
    cells,
    st.sampled_from(["1e", "e5", "+", "-", ".", "1_0", "0x1p3", "inf", "-Infinity", "1e39", "1e400", "1e-400", "true"]),
    st.sampled_from(
        ['"1""2"', '"1"2', '1"2"', '"', '"1\n"', '"1,2"', "\u0661", "1\x0b", "\xa01", "\ufeff1", "2024-05-31", "a"]
    ),
    st.text(string.printable, max_size=4),
)
line_ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"])


@st.composite
def bodies(draw, cells):
    columns = draw(st.integers(1, 5))
    trailing = "," if draw(st.booleans()) and columns > 0 else ""
    rows = draw(st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=1, max_size=6))
    ends = draw(st.lists(line_ends, min_size=len(rows), max_size=len(rows)))
    body = "".join(",".join(row) + trailing + end for row, end in zip(rows, ends, strict=True))
    return draw(st.sampled_from([body, body.rstrip("\r\n")])).encode(), columns


@given(bodies(cells))
@settings(deadline=None, max_examples=300)
def test_plain_numbers_have_the_ordinary_bits(drawn):
    body, columns = drawn
    matrix = fast(body, columns)
    if matrix is None:  # only what is wrong, or has blanks beside a trailing delimiter
        assert ordinary(body, Schema.from_names(columns)) is None or b" " in body or b"\t" in body


@given(bodies(odd))
@settings(deadline=None, max_examples=300)
@example((b"1,2\r3,4\n\r5,6", 2))
@example((b'"1","2"\n3,4', 2))
@example((b"1,\n2,", 2))
@example((b"1;2\n3;4", 2))
@example((b"\n\r\n", 1))
@example((b"", 1))
@example((b" \n", 1))
@example((b'""\n1', 1))
def test_what_is_odd_is_read_alike_or_left(drawn):
    fast(*drawn)


@given(bodies(cells), st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=2)), min_size=1, max_size=4))
@settings(deadline=None, max_examples=300)
def test_damaged_bytes_are_read_alike_or_left(drawn, damage):
    body, columns = drawn
    for place, new in damage:
        body = body[:place] + new + body[place + 1 :]
    fast(body, columns)


@given(st.text('0123456789.+-eE, "\r\n\tNAnaul/<>#;', max_size=40), st.integers(1, 4))
@settings(deadline=None, max_examples=500)
def test_any_text_is_read_alike_or_left(text, columns):
    fast(text.encode(), columns)


part_counts = st.integers(2, 20)


@given(bodies(odd), part_counts, st.booleans())
@settings(deadline=None, max_examples=500)
@example((b'1\n"2\n"\n3', 1), 2, False)
@example((b"1,2\r\n3,4\r\n", 2), 2, False)
@example((b"1,2\n\n\n\n\n\n\n", 2), 4, False)
@example((b"\n\n\n\n\n\n\n1,2", 2), 4, False)
@example((b"\n\n\n\n", 1), 2, False)
@example((b"", 1), 2, False)
@example((b"1,2\n3,4\n5\n6,7", 2), 3, False)
@example((b"1,2,\n3,4,\n5,6,\n", 2), 3, True)
def test_parts_read_at_once_are_the_whole(drawn, parts, trailing):
    body, columns = drawn
    assert native.parse_csv(body, columns, trailing, parts) == native.parse_csv(body, columns, trailing, 1)


@given(st.text('0123456789.-e, "\r\nNA', max_size=60), st.integers(1, 4), part_counts)
@settings(deadline=None, max_examples=1000)
def test_parts_of_any_text_are_the_whole(text, columns, parts):
    body = text.encode()
    assert native.parse_csv(body, columns, False, parts) == native.parse_csv(body, columns, False, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("last", [True, False])
def test_large_requests_are_read_by_several_threads(end, last):
    rows = [f'{row},"{row / 7:.5g}",' for row in range(80_000)]
    body = (end.join(rows) + end * last).encode()
    schema = Schema.from_names(3)
    matrix = FastCsv(schema, 3).matrix(body, CSV)
    assert matrix is not None
    assert matrix.view(np.uint32).tolist() == FastCsv(schema).matrix(body, CSV).view(np.uint32).tolist()
    assert matrix[:, 0].tolist() == list(range(80_000))
    for place in (0, 39_999, 40_000, 79_999):
        ragged = [*rows[:place], "1,2", *rows[place + 1 :]]
        assert FastCsv(schema, 3).matrix(end.join(ragged).encode(), CSV) is None


def test_a_row_too_short_in_a_later_part_is_named_by_its_line():
    body = b"1,2\n" * 200_000 + b"1\n" + b"1,2\n" * 10
    assert FastCsv(Schema.from_names(2), 2).matrix(body, CSV) is None
    with pytest.raises(UserError, match="line 200001"):
        read_request(body, CSV, Schema.from_names(2))


@pytest.mark.parametrize("digits", range(1, 38))
def test_numbers_of_every_length_wherever_the_text_ends(digits):
    text = "123456789012345678901234567890123456789012345"
    for number in (
        text[:digits],
        f"-{text[:digits]}",
        f"0.{text[:digits]}",
        f"+1.{text[:digits]}e-3",
        f".{text[:digits]}",
    ):
        for behind in ("", "\n", ",9\n", "\n1", "\n12345678"):
            body = f"{number}{behind}".encode()
            matrix = fast(body, 2 if "," in behind else 1)
            assert matrix is not None
            assert matrix[0, 0] == np.float32(float(number))


def test_large_bodies_have_the_ordinary_bits():
    """Those that pyarrow reads otherwise, with every kind of spelling among them."""
    random = np.random.default_rng(0)
    values = random.normal(size=(3000, 7)) * 10.0 ** random.integers(-8, 9, (3000, 7))
    written = [[decimal_spellings(v)[k % 6] for k, v in enumerate(row, start)] for start, row in enumerate(values)]
    for row in written[::7]:
        row[int(random.integers(7))] = str(random.choice(missing_spellings()))
    body = "\r\n".join(map(",".join, written)).encode()
    assert len(body) > 1 << 17
    matrix = fast(body, 7)
    assert matrix is not None
    assert matrix.shape == (3000, 7)


@pytest.mark.parametrize(
    "text",
    [
        "1.00000005960464477539062500000000000000000001",  # just above half way between two float32
        "1.000000059604644775390625",
        "1.0000001788139343",
        "16777217",
        "9007199254740993",
        "179769313486231580793e18",
        "7.0064923216240853e-46",
        "7.0064923216240854e-46",
        "1.1754943e-38",
        "3.4028235e38",
        "3.40282356779733642e38",
        "0.1e-0000000000001",
        "1" + "0" * 30 + "e-30",
        "0." + "0" * 40 + "1e41",
        "-0",
        "-0.0e0",
        "00012",
        "123456789012345678",
    ],
)
def test_rounding(text):
    matrix = fast(text.encode(), 1)
    assert matrix is not None
    assert matrix[0, 0].tobytes() == np.float32(float(text)).tobytes()
    double = np.empty(1)
    assert native.parse_csv_columns(text.encode(), [double], 0, 1)
    assert double.tobytes() == np.float64(float(text)).tobytes()


@pytest.mark.parametrize("text", ["3.40282357e38", "1e39", "1e400", "inf", "-inf", "nan(1)", "1e99999999999999999999"])
def test_what_is_not_finite_is_left(text):
    assert fast(text.encode(), 1) is None


def test_blank_lines_and_trailing_delimiters():
    assert fast(b"\n1,2\n\n3,4\n\n", 2).tolist() == [[1, 2], [3, 4]]
    assert fast(b"1,2,\n3,4,\n", 2).tolist() == [[1, 2], [3, 4]]
    assert fast(b"1,2,\n3,4,5\n", 2) is None
    assert fast(b"1,2,\n3,4\n", 2) is None


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        pytest.param(Schema((Feature("f0", Kind.CATEGORY, 0, ("1",)),)), b"1", id="category"),
        pytest.param(Schema((Feature("f0", Kind.DATE),)), b"2024-05-31", id="date"),
        pytest.param(Schema((Feature("2020"), Feature("2021", position=1)), named=True), b"2020,2021\n1,2", id="years"),
        pytest.param(Schema((Feature("NA"),), named=True), b"NA\n1", id="a name that is missing"),
        pytest.param(
            Schema((Feature("f"),), (Other("1", 1, Role.TARGET),), named=True), b"f\n2", id="a target named by a number"
        ),
        pytest.param(
            Schema((Feature("f0"),), (Other("id", 1, Role.IGNORED),)), b"1,\n2,", id="an ignored cell at the end"
        ),
    ],
)
def test_models_whose_rows_are_for_the_ordinary_reader(schema, body):
    assert ordinary(body, schema) is not None
    assert FastCsv(schema).matrix(body, CSV) is None


@pytest.mark.parametrize(
    ("content_type", "read"),
    [
        ("text/csv; charset=utf-8", True),
        ("text/csv; header=absent", True),
        (None, True),
        ("application/octet-stream", True),
        ("text/csv; header=present", False),
        ("text/csv; label_size=1", False),
        ("text/csv; charset=utf-16", False),
        ("text/libsvm", False),
        ("application/json", False),
    ],
)
def test_content_types(content_type, read):
    schema = Schema.from_names(2)
    matrix = FastCsv(schema).matrix(b"1,2\n3,4", ContentType.parse(content_type))
    assert (matrix is not None) == read


@pytest.mark.parametrize("body", [b"[1,2]", b"1 0:2", b"0:1 1:2"])
def test_bytes_nobody_named_that_are_no_csv(body):
    assert FastCsv(Schema.from_names(1)).matrix(body, ContentType.parse(None)) is None


def test_without_the_extension(monkeypatch):
    monkeypatch.setattr(fast_csv, "native", None)
    assert FastCsv(Schema.from_names(2)).matrix(b"1,2", CSV) is None


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"5,1\n6,0\n7,\n8,-0\n9,1.0", 5),
        (b"5,0.99999999999\n6,1e-60", 2),
        (b"5,true", None),
        (b"5,2", None),
        (b"5,0.5\n6,1", None),
    ],
)
def test_truth_values_are_zero_or_one(body: bytes, rows: int | None) -> None:
    schema = Schema((Feature("area"), Feature("garage", Kind.BOOLEAN, 1)), named=True)
    matrix = FastCsv(schema).matrix(body, CSV)
    if rows is None:
        assert matrix is None
    else:
        assert matrix is not None
        assert len(matrix) == rows
        assert bits(matrix) == bits(ordinary(body, schema))


def test_indicators_are_numbers_here() -> None:
    schema = Schema((Feature("area"), Feature("rooms", Kind.INDICATOR, 1)), named=True)
    matrix = FastCsv(schema).matrix(b"5,2\n6,0.5\n7,", CSV)
    assert matrix is not None
    assert bits(matrix) == bits(ordinary(b"5,2\n6,0.5\n7,", schema))
    assert FastCsv(schema).matrix(b"5,true", CSV) is None
