"""Parquet: what each type becomes, and which files are refused."""

import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from container.data import columnar
from container.data.table import Kind, Numbers, Place, Text
from container.errors import DataError, PayloadTooLargeError
from tests.unit.data.reading import cells_of, rows_of

PLACE = Place("train/a.parquet")


def file_of(table: pa.Table | pd.DataFrame, **options) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer) if isinstance(table, pd.DataFrame) else parquet.write_table(table, buffer, **options)
    return buffer.getvalue()


def column_of(array: pa.Array) -> object:
    return columnar.read(file_of(pa.table({"x": array})), PLACE).columns[0]


@pytest.mark.parametrize(
    ("array", "kind", "values"),
    [
        pytest.param(pa.array([1, None, 3]), Kind.NUMBER, [1, None, 3], id="integers"),
        pytest.param(pa.array([2**63], pa.uint64()), Kind.NUMBER, [2.0**63], id="unsigned"),
        pytest.param(pa.array([1.5, None, np.nan]), Kind.NUMBER, [1.5, None, None], id="floats"),
        pytest.param(pa.array(np.array([1.5], np.float16)), Kind.NUMBER, [1.5], id="half floats"),
        pytest.param(pa.array([Decimal("1.25"), None]), Kind.NUMBER, [1.25, None], id="decimals"),
        pytest.param(pa.array([Decimal("1.25")], pa.decimal256(50, 2)), Kind.NUMBER, [1.25], id="wide decimals"),
        pytest.param(pa.array([None, None]), Kind.NUMBER, [None, None], id="nulls"),
        pytest.param(pa.array([5, None, 5]).dictionary_encode(), Kind.NUMBER, [5, None, 5], id="dictionary of numbers"),
        pytest.param(pa.array([True, None, False]), Kind.BOOLEAN, [1, None, 0], id="booleans"),
        pytest.param(pa.array([date(1970, 1, 2), None]), Kind.DATE, [1, None], id="dates"),
        pytest.param(pa.array([86_400_000], pa.date64()), Kind.DATE, [1], id="dates in milliseconds"),
        pytest.param(pa.array([date(1970, 1, 2)]).dictionary_encode(), Kind.DATE, [1], id="dictionary of dates"),
        pytest.param(pa.array([datetime(1970, 1, 2, 12), None]), Kind.DATE, [1.5, None], id="timestamps"),
        pytest.param(pa.array([43_200], pa.timestamp("s")), Kind.DATE, [0.5], id="seconds"),
        pytest.param(pa.array([43_200 * 10**9], pa.timestamp("ns")), Kind.DATE, [0.5], id="nanoseconds"),
        pytest.param(pa.array([0], pa.timestamp("ms", "America/New_York")), Kind.DATE, [0], id="a time zone"),
        pytest.param(
            pa.array([86_400_000 * 2**34], pa.timestamp("ms")), Kind.DATE, [2.0**34], id="beyond microseconds"
        ),
    ],
)
def test_numbers_booleans_and_dates(array, kind, values):
    column = column_of(array)
    assert isinstance(column, Numbers)
    assert (column.kind, cells_of(column)) == (kind, values)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([" a", "b ", "a", "NA", "", None]),
        pa.array([" a", "b ", "a", "NA", "", None], pa.large_string()),
        pa.array([" a", "b ", "a", "NA", "", None], pa.string_view()),
        pa.array([" a", "b ", "a", "NA", "", None]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_text_is_stripped_and_its_missing_words_are_missing(array):
    assert cells_of(column_of(array)) == ["a", "b", "a", None, None, None]


def test_dictionaries_of_several_row_groups_become_one():
    data = file_of(pa.table({"x": ["a", "b", "c", "b"]}), row_group_size=1)
    assert rows_of(columnar.read(data, PLACE)) == [["a"], ["b"], ["c"], ["b"]]


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([[1]]), "list<element: int64>"),
        (pa.array([{"a": 1}]), "struct<a: int64>"),
        (pa.array([b"a"]), "binary"),
        (pa.array([time(1)]), "time64[us]"),
        (pa.array([timedelta(1)]), "duration[us]"),
    ],
)
def test_types_that_are_no_features_are_refused(array, kind):
    with pytest.raises(DataError) as caught:
        column_of(array)
    assert str(caught.value) == (
        f"values of the type {kind} cannot be features (train/a.parquet, column 'x'); "
        "write the column as numbers, text, dates or booleans, or name it in ignore_columns"
    )


def test_an_unwanted_column_keeps_its_name_and_may_have_any_type():
    data = file_of(pa.table({"a": [{"b": 1}], "a.b": [2], "c": ["x"]}))
    table = columnar.read(data, PLACE, unwanted=lambda names: (names[0],))
    assert (table.names, rows_of(table)) == (("a", "a.b", "c"), [[None, 2, "x"]])


@pytest.mark.parametrize(
    ("frame", "names"),
    [
        pytest.param(pd.DataFrame({"x": [1], "y": ["a"]}, index=[5]), ("x", "y"), id="an index"),
        pytest.param(pd.DataFrame({"x": [1]}, index=pd.Index([5], name="id")), ("x",), id="an index with a name"),
        pytest.param(
            pd.DataFrame({"x": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])), ("x",), id="an index of two levels"
        ),
    ],
)
def test_indices_that_pandas_adds_are_no_columns(frame, names):
    assert columnar.read(file_of(frame), PLACE).names == names


def test_an_index_that_is_asked_for_is_a_column(caplog):
    caplog.set_level("INFO")
    frame = pd.DataFrame({"x": [1]}, index=pd.Index([5], name="id"))
    assert columnar.read(file_of(frame), PLACE, known=("id",)).names == ("x", "id")
    assert caplog.messages == []
    columnar.read(file_of(frame), PLACE)
    assert caplog.messages == ["left out pandas' index of train/a.parquet: 'id'"]


def test_a_frame_that_is_nothing_but_its_index_has_that():
    frame = pd.DataFrame(index=pd.Index([5, 6], name="id"))
    assert rows_of(columnar.read(file_of(frame), PLACE)) == [[5], [6]]


def test_pandas_own_types():
    frame = pd.DataFrame(
        {
            "category": pd.Categorical(["b", None]),
            "integer": pd.array([1, None], dtype="Int64"),
            "text": pd.array(["a", None], dtype="string"),
            "when": pd.to_datetime(["1970-01-02", None], utc=True),
        }
    )
    assert rows_of(columnar.read(file_of(frame), PLACE)) == [["b", 1, "a", 1], [None, None, None, None]]


def test_a_file_without_rows_has_its_columns():
    table = columnar.read(file_of(pa.table({"x": pa.array([], pa.int64())})), PLACE)
    assert (table.names, table.rows) == (("x",), 0)


def test_two_columns_of_one_name_are_refused():
    data = file_of(pa.table([pa.array([1]), pa.array([2])], names=["x", "x"]))
    with pytest.raises(DataError, match=r"two columns have the same name \(train/a.parquet\)"):
        columnar.read(data, PLACE)


WHOLE = file_of(pa.table({"x": list(range(1000))}))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"PAR1", id="magic alone"),
        pytest.param(WHOLE[: len(WHOLE) // 2], id="half"),
        pytest.param(WHOLE[:-1], id="a byte short"),
        pytest.param(WHOLE[:200] + bytes(byte ^ 0xFF for byte in WHOLE[200:260]) + WHOLE[260:], id="damaged pages"),
        pytest.param(WHOLE[:-200] + bytes(100) + WHOLE[-100:], id="damaged footer"),
        pytest.param(file_of(pa.table({"name": [1]})).replace(b"name", b"n\xe9me"), id="damaged name"),
        pytest.param(WHOLE.replace(b"\x16\xd0\x0f\x19", b"\x16\xd1\x0f\x19"), id="less than no rows"),
        pytest.param(WHOLE.replace(b"\x16\xd0\x0f\x19", b"\x16\xd2\x0f\x19"), id="a row too many in the footer"),
        pytest.param(b"x,y\n1,2\n", id="CSV"),
    ],
)
def test_a_damaged_file_is_refused(data):
    with pytest.raises(DataError, match=r"^the Parquet file cannot be read: .* \(train/a.parquet\); write it again"):
        columnar.read(data, PLACE)


def test_a_small_file_that_unfolds_to_many_cells_is_refused_where_there_is_a_limit():
    data = file_of(pa.table({"x": np.zeros(1_000_000)}))
    with pytest.raises(PayloadTooLargeError, match="unfolds to 1,000,000 cells; send at most 999,999"):
        columnar.read(data, PLACE, 999_999)
    assert columnar.read(data, PLACE, 1_000_000).rows == 1_000_000


def test_places_count_rows_from_one():
    table = columnar.read(file_of(pa.table({"x": [1]})), PLACE)
    assert str(table.place.locate(DataError("c", row=4, column="x"))) == "c (train/a.parquet row 5, column 'x')"


class TestCategories:
    """What the file calls categories is categories, whatever it looks like."""

    @pytest.mark.parametrize(
        ("array", "values"),
        [
            pytest.param(pd.Categorical(["02", "2", None, "02"]), ["02", "2", None, "02"], id="text"),
            pytest.param(pd.Categorical([20, 5, 20]), ["20", "5", "20"], id="whole numbers"),
            pytest.param(pd.Categorical([1.5, None, 2.0]), ["1.5", None, "2"], id="floats"),
            pytest.param(pd.Categorical([True, False]), ["true", "false"], id="booleans"),
            pytest.param(pa.array(["1", "2"]).dictionary_encode(), ["1", "2"], id="dictionary without pandas"),
        ],
    )
    def test_of_any_type(self, array, values):
        table = pa.table({"x": array}) if isinstance(array, pa.Array) else pd.DataFrame({"x": array})
        column = columnar.read(file_of(table), PLACE).columns[0]
        assert isinstance(column, Text)
        assert column.categorical
        assert [None if code < 0 else column.values[code] for code in column.codes] == values

    def test_dates_stay_dates(self):
        frame = pd.DataFrame({"x": pd.Categorical([datetime(1970, 1, 2)])})
        (column,) = columnar.read(file_of(frame), PLACE).columns
        assert (column.kind, cells_of(column)) == (Kind.DATE, [1])

    @pytest.mark.parametrize(
        "note", [None, b"{", b"[]", b'{"columns": [1]}', b'{"columns": [{"name": [], "pandas_type": 1}]}']
    )
    def test_whatever_else_stands_in_the_note_of_pandas(self, note):
        table = pa.table({"x": ["1", "2"]}).replace_schema_metadata(note and {b"pandas": note})
        (column,) = columnar.read(file_of(table), PLACE).columns
        assert isinstance(column, Text)
        assert not column.categorical
