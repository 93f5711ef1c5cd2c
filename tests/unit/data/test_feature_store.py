"""Feature Store's offline store: what of its log of writes is learned from."""

import itertools
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from container.data.channel import CsvOptions, read_channel
from container.data.table import Table
from container.errors import DataError, UserError
from tests.unit.data.reading import rows_of

START = datetime(2024, 5, 31, 12, tzinfo=UTC)
_serial = itertools.count()


def write(
    folder: Path, rows: list[dict[str, Any]], event: str = "text", drop: tuple[str, ...] = (), hour: int = 0
) -> None:
    """One file as the platform writes it; of a row, ``event``, ``api`` and ``written`` are minutes after START."""
    frame = pd.DataFrame(
        [{k: v for k, v in r.items() if k not in ("event", "api", "written", "deleted")} for r in rows]
    )
    minutes = [timedelta(minutes=row.get("event", 0)) for row in rows]
    frame["event_time"] = {
        "text": [(START + m).strftime("%Y-%m-%dT%H:%M:%SZ") for m in minutes],
        "seconds": [(START + m).timestamp() for m in minutes],
        "timestamp": [START + m for m in minutes],
    }[event]
    for column, key in (("api_invocation_time", "api"), ("write_time", "written")):
        moments = [START + timedelta(minutes=row.get(key, 0)) for row in rows]
        frame[column] = pd.Series(moments, dtype="datetime64[ms, UTC]")
    frame["is_deleted"] = [bool(row.get("deleted", False)) for row in rows]
    part = folder / "sagemaker" / "houses-1700000000" / "data" / f"year=2024/month=05/day=31/hour={hour:02}"
    part.mkdir(parents=True, exist_ok=True)
    path = part / f"20240531T{hour:02}0000Z_{next(_serial):016}.parquet"
    parquet.write_table(pa.Table.from_pandas(frame.drop(columns=list(drop))), path)


def read(folder: Path, **options: Any) -> list[Table]:
    return list(read_channel(folder, "application/x-parquet", CsvOptions(**options)))


def kept(folder: Path, **options: Any) -> list[list[Any]]:
    return [row for table in read(folder, **options) for row in rows_of(table)]


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "train").mkdir()
    return tmp_path / "train"


def test_only_features_are_left_of_the_latest_writes(folder, caplog):
    write(folder, [{"price": 1, "record_id": "a", "area": 10}, {"price": 2, "record_id": "b", "area": 20}])
    write(folder, [{"price": 3, "record_id": "a", "area": 30, "event": 5}], hour=1)
    with caplog.at_level(logging.INFO):
        tables = read(folder)
    assert [table.names for table in tables] == [("price", "area")] * 2
    assert [rows_of(table) for table in tables] == [[[2, 20]], [[3, 30]]]
    assert [table.place.line_of(0) for table in tables] == [2, 1]
    assert (
        "train is a Feature Store offline store, record identifier 'record_id', event time 'event_time': "
        "of 3 writes 1 were replaced by later ones and 0 deleted a record; 2 records are kept"
    ) in caplog.text


@pytest.mark.parametrize("event", ["text", "seconds", "timestamp"])
@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param({"event": 1, "api": 9, "written": 9}, {"event": 2, "api": 0, "written": 0}, id="event time first"),
        pytest.param({"event": 1, "api": 1, "written": 9}, {"event": 1, "api": 2, "written": 0}, id="then invocation"),
        pytest.param({"event": 1, "api": 1, "written": 1}, {"event": 1, "api": 1, "written": 2}, id="then write time"),
    ],
)
@pytest.mark.parametrize("newer_first", [True, False])
def test_what_is_latest(folder, event, older, newer, newer_first):
    rows = [{"y": 1, "record_id": "a"} | older, {"y": 2, "record_id": "a"} | newer]
    write(folder, rows[::-1] if newer_first else rows, event)
    assert kept(folder) == [[2]]


def test_a_record_whose_latest_write_deletes_it_is_gone(folder, caplog):
    write(folder, [{"y": 1, "record_id": "a"}, {"y": 2, "record_id": "b"}, {"y": 3, "record_id": "c", "deleted": True}])
    write(
        folder,
        [{"y": 4, "record_id": "a", "event": 1, "deleted": True}, {"y": 5, "record_id": "c", "event": 1}],
        hour=1,
    )
    with caplog.at_level(logging.INFO):
        assert kept(folder) == [[2], [5]]
    assert "of 5 writes 2 were replaced by later ones and 1 deleted a record; 2 records are kept" in caplog.text


@pytest.mark.parametrize("identifiers", [[1, 2, 1], ["1", "2", "1"], [1.5, 2.5, 1.5]])
def test_identifiers_of_any_type(folder, identifiers):
    write(folder, [{"y": y, "record_id": i, "event": y} for y, i in enumerate(identifiers)])
    assert kept(folder) == [[1], [2]]


def test_a_feature_that_came_later_is_missing_before(folder):
    write(folder, [{"y": 1, "record_id": "a", "area": 7}])
    write(folder, [{"y": 2, "record_id": "b", "rooms": 3, "area": 8, "event": 1}], hour=1)
    tables = read(folder)
    assert [table.names for table in tables] == [("y", "area", "rooms")] * 2
    assert [rows_of(table) for table in tables] == [[[1, 7, None]], [[2, 8, 3]]]


@pytest.mark.parametrize("name", ["record_id", "RecordId", "id", "house_id", "houseId", "record-identifier"])
def test_the_identifier_is_found_by_its_name(folder, name):
    write(folder, [{"y": 1, name: "a"}, {"y": 2, name: "a", "event": 1}])
    assert kept(folder) == [[2]]


def test_a_plain_name_goes_before_a_compound_one(folder):
    write(folder, [{"y": 1, "record_id": "a", "zone_id": 1}, {"y": 2, "record_id": "b", "zone_id": 1}])
    assert kept(folder) == [[1, 1], [2, 1]]


def test_the_columns_can_be_named(folder):
    write(
        folder,
        [
            {"y": 1, "house": "a", "zone_id": 1, "sold": "2024-01-02"},
            {"y": 2, "house": "a", "zone_id": 2, "sold": "2024-01-01"},
        ],
    )
    assert kept(folder, record_identifier="house", event_time="sold", ignored=("event_time",)) == [[1, 1, None]]


def test_validation_is_reduced_by_itself_and_has_the_same_columns(folder, tmp_path):
    write(folder, [{"y": 1, "record_id": "a", "area": 7}])
    (tmp_path / "validation").mkdir()
    write(tmp_path / "validation", [{"area": 8, "record_id": "a", "y": 2}])
    from container.data.channel import Layout

    layout = Layout.of(read(folder)[0])
    (table,) = read_channel(tmp_path / "validation", None, CsvOptions(), layout)
    assert rows_of(table) == [[2, 8]]


def test_plain_parquet_with_some_of_the_columns_is_no_store(folder):
    write(folder, [{"y": 1, "record_id": "a"}], drop=("is_deleted",))
    assert "write_time" in read(folder)[0].names


@pytest.mark.parametrize(
    ("options", "rows", "error", "message"),
    [
        (
            {},
            [{"y": 1, "zone_id": 1, "house_id": 2}],
            UserError,
            "'record_identifier': this column of the Feature Store tree cannot be told by its name; it could be "
            "'zone_id', 'house_id'",
        ),
        (
            {},
            [{"y": 1, "house": 1}],
            UserError,
            "'record_identifier': this column of the Feature Store tree cannot be told",
        ),
        (
            {},
            [{"y": 1, "id": 1, "timestamp": 5}],
            UserError,
            "'event_time': this column of the Feature Store tree cannot",
        ),
        (
            {"record_identifier": "hose"},
            [{"y": 1, "id": 1}],
            UserError,
            "'record_identifier': the Feature Store tree has no column 'hose'; it has 'y', 'id', ",
        ),
        (
            {"event_time": "y"},
            [{"y": "soon", "id": 1}],
            DataError,
            "the time is missing, or neither a timestamp, ISO 8601",
        ),
        (
            {},
            [{"y": 1, "id": "a"}, {"y": 2, "id": None}],
            DataError,
            "the record identifier is missing (train/sagemaker/",
        ),
        (
            {},
            [{"y": 1, "id": "a", "deleted": True}],
            DataError,
            "every record of the channel 'train' is deleted; give it",
        ),
        (
            {"sharded": True},
            [{"y": 1, "id": "a"}],
            UserError,
            "the channel 'train' is a Feature Store offline store in shards, and the writes of one record may",
        ),
    ],
)
def test_what_is_wrong_is_said(folder, options, rows, error, message):
    write(folder, rows)
    with pytest.raises(error) as caught:
        read(folder, **options)
    assert str(caught.value).startswith(message)


def test_the_row_without_an_identifier_is_named(folder):
    write(folder, [{"y": 1, "id": "a"}, {"y": 2, "id": None}])
    with pytest.raises(DataError, match=r"\.parquet row 2, column 'id'\); correct it$"):
        read(folder)


def test_files_of_something_else_are_named(folder):
    write(folder, [{"y": 1, "id": "a"}])
    (folder / "z.csv").write_text("1,2\n")
    with pytest.raises(DataError, match=r"the file lacks the columns api_invocation_time, .* \(train/z.csv\); give"):
        list(read_channel(folder, None, CsvOptions()))


def test_a_file_of_another_feature_group_is_named(folder):
    write(folder, [{"y": 1, "record_id": "a"}])
    write(folder, [{"y": 1, "customer": "a"}], hour=1)
    with pytest.raises(
        DataError, match=r"the file lacks 'record_id' \(train/sagemaker/.*\); give the channel the files"
    ):
        read(folder)


@pytest.mark.parametrize("option", ["record_identifier", "event_time"])
def test_the_hyperparameters_need_a_store(folder, option):
    (folder / "a.csv").write_text("y,x\n1,2\n")
    with pytest.raises(
        UserError, match="'record_identifier' and 'event_time' are of a Feature Store offline store, and"
    ):
        list(read_channel(folder, None, CsvOptions(**{option: "x"})))


WRITES = st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.booleans())


@given(st.lists(st.lists(WRITES, min_size=1, max_size=6), min_size=1, max_size=3))
def test_what_is_kept_is_what_replaying_the_writes_leaves(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("ml") / "train"
    folder.mkdir()
    writes = [
        [
            {"y": 10 * number + row, "record_id": i, "event": e, "api": a, "written": w, "deleted": d}
            for row, (i, e, a, w, d) in enumerate(rows)
        ]
        for number, rows in enumerate(files)
    ]
    writes.append([{"y": 99, "record_id": "kept"}])
    for number, rows in enumerate(writes):
        write(folder, rows, hour=number)
    state: dict[str, dict[str, Any]] = {}
    for row in sorted(
        itertools.chain(*writes), key=lambda row: (row.get("event", 0), row.get("api", 0), row.get("written", 0))
    ):
        state[row["record_id"]] = row
    expected = {row["y"] for row in state.values() if not row.get("deleted")}
    assert {y for (y,) in kept(folder)} == expected
