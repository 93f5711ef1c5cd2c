"""What one cell means."""

import math
import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.data import cells


@pytest.mark.parametrize("text", ["", "NA", "na", "N/A", "n/a", "NaN", "nan", "-nan", "NULL", "Null", "<NA>", "#N/A"])
def test_missing(text):
    assert cells.is_missing(text)


@pytest.mark.parametrize(
    "text", ["0", "none", "None", "nil", "-", "?", ".", "nana", "#N/A N/A", "NAN1", "inf", "missing"]
)
def test_not_missing(text):
    assert not cells.is_missing(text)


def test_the_listed_missing_spellings_are_the_accepted_ones():
    listed = cells.missing_spellings()
    assert len(listed) == len(set(listed))
    assert all(map(cells.is_missing, listed))
    assert {"", "NA", "Na", "nA", "na", "NaN", "NULL", "n/A", "<Na>", "-NaN"} <= set(listed)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0), ("-0", 0), ("007", 7), ("+5", 5), ("-1.5", -1.5), ("5.", 5), (".5", 0.5), ("+.5e1", 5),
        ("1e3", 1000), ("1E+3", 1000), ("1.e-3", 0.001), ("inf", math.inf), ("-Infinity", -math.inf),
        ("1e400", math.inf), ("9" * 400, math.inf),
    ],
)  # fmt: skip
def test_number(text, value):
    assert cells.number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "+", "-", "e5", "1e", "1e+", ".e1", "1.2.3", "1,5", "1_000", "1 000", " 1", "0x10", "1f", "1d5",
        "--1", "+-1", "٣", "²", "½", "1\n", "nan", "infinit", "in", "12%", "$5", "true",
    ],
)  # fmt: skip
def test_not_a_number(text):
    assert cells.number(text) is None


@given(st.floats(allow_nan=False))
def test_every_float_python_writes_is_a_number(value):
    assert cells.number(repr(value)) == value


@pytest.mark.parametrize("tail", ["x", "e", ".x", "e1x", " 1", "inf"])
def test_a_million_digits_that_are_no_number_are_refused_at_once(tail):
    start = time.perf_counter()
    assert cells.number("9" * 1_000_000 + tail) is None
    assert time.perf_counter() - start < 5  # 20,000 digits took 12 s where the expression could backtrack


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", 1.0),
        ("True", 1.0),
        ("TRUE", 1.0),
        ("false", 0.0),
        ("False", 0.0),
        ("yes", None),
        ("1", None),
        ("t", None),
    ],
)
def test_boolean(text, value):
    assert cells.boolean(text) == value


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1970-01-01", 0),
        ("1970-01-02", 1),
        ("1969-12-31", -1),
        ("2000-02-29", 11016),
        ("1970-01-01T12:00", 0.5),
        ("1970-01-01 12:00:00", 0.5),
        ("1970-01-01T12:00:00Z", 0.5),
        ("1970-01-01T12:00:00.000000001Z", 0.5),
        ("1970-01-01T12:00:00+12:00", 0),
        ("1970-01-01T12:00:00+1200", 0),
        ("1970-01-01T00:00-06:00", 0.25),
        ("0001-01-01T00:00:00+14:00", -719162 - 14 / 24),
        ("9999-12-31T23:59:59-12:00", 2932896 + (86399 + 12 * 3600) / 86400),
    ],
)
def test_days(text, days):
    assert cells.days(text) == pytest.approx(days, abs=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "", "2024", "2024-05", "2024-13-01", "2024-02-30", "0000-01-01", "31/05/2024", "05-31-2024", "20240531",
        "2024-5-31", "2024-05-31T", "2024-05-31T25:00", "2024-05-31T12", "2024-05-31T12:61", "2024-W22-5",
        "2024-05-31T12:00+25:00", "2024-05-31 noon", "٢٠٢٤-05-31", " 2024-05-31",
    ],
)  # fmt: skip
def test_not_an_iso_date(text):
    assert cells.days(text) is None


@given(st.dates())
def test_a_date_is_its_distance_from_1970(day):
    assert cells.days(day.isoformat()) == (day - date(1970, 1, 1)).days


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from("T "))
def test_a_timestamp_is_read_in_any_iso_spelling(moment, separator):
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() / 86_400
    assert cells.days(moment.isoformat(separator)) == expected
    assert cells.days(moment.replace(tzinfo=None).isoformat(separator)) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (20.0, "20"),
        (-3.0, "-3"),
        (0.0, "0"),
        (-0.0, "0"),
        (2.5, "2.5"),
        (1e15, "1000000000000000"),
        (-1234567890123456768.0, "-1234567890123456768"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e300, "1e+300"),
    ],
)
def test_number_text(value, text):
    assert cells.number_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_text_is_the_same_number(value):
    assert cells.number(cells.number_text(value)) == value
