"""Ground Truth manifests: rows in source, labels beside it, and what is left out."""

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.data.channel import CsvOptions, read_channel
from container.data.table import Table, Text
from container.errors import DataError
from tests.unit.data.reading import rows_of


def labelled(source: Any, label: Any, name: str | None = None, attribute: str = "spam") -> dict[str, Any]:
    """A line as a labelling job writes it."""
    metadata = {"confidence": 0.9, "job-name": "labeling-job/spam", "human-annotated": "yes", "type": "groundtruth/x"}
    if name is not None:
        metadata["class-name"] = name
    return {"source": source, attribute: label, f"{attribute}-metadata": metadata}


@pytest.fixture
def read(tmp_path):
    def read(*lines: dict[str, Any] | str, content_type: str | None = None, **options) -> Table:
        (tmp_path / "train").mkdir()
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        (tmp_path / "train" / "output.manifest").write_text(text)
        (table,) = read_channel(tmp_path / "train", content_type, CsvOptions(**options))
        return table

    return read


def classes(table: Table) -> list[str]:
    column = table.columns[0]
    assert isinstance(column, Text)
    return [column.values[code] for code in column.codes]


@pytest.mark.parametrize("content_type", [None, "application/jsonlines", "application/json"])
@pytest.mark.parametrize("count", [1, 2])
def test_rows_of_csv_come_after_their_labels(read, content_type, count):
    lines = [labelled("1.5,2", 0), labelled("3,4", 1)][:count]
    table = read(*lines, content_type=content_type)
    assert (table.names, rows_of(table)) == (None, [[0, 1.5, 2], [1, 3, 4]][:count])


@pytest.mark.parametrize(
    ("source", "row"),
    [
        ("1;2", [1, 2]),
        ('1,"a,b"', [1, "a,b"]),
        ("1,,2\n", [1, None, 2]),
        ([1, 2], [1, 2]),
        ("[1, 2]", [1, 2]),
        (7, [7]),
        ("7", [7]),
    ],
)
def test_ways_to_write_a_row(read, source, row):
    assert rows_of(read(labelled(source, 1), labelled(source, 0))) == [[1, *row], [0, *row]]


@pytest.mark.parametrize("source", [{"a": 1, "b": "x"}, '{"a": 1, "b": "x"}'])
def test_records_keep_their_names(read, source):
    table = read(labelled(source, 5))
    assert (table.names, rows_of(table)) == (("spam", "a", "b"), [[5, 1, "x"]])


def test_records_may_lack_a_column(read, caplog):
    with caplog.at_level(logging.INFO):
        table = read({"source": "1"}, labelled({"a": 1, "b": 2}, 1), labelled({"a": 3}, 0))
    assert rows_of(table) == [[1, 1, 2], [0, 3, None]]
    assert "some records lack 'b', which counts as missing; the first is train/output.manifest line 3" in caplog.text


def test_class_names_are_the_classes(read):
    table = read(
        labelled("1,2", 0, "ham"), labelled("3,4", "1", "spam"), labelled("5,6", "0"), labelled("7,8", 1, "spam")
    )
    assert classes(table) == ["ham", "spam", "ham", "spam"]


def test_labels_without_class_names_stay_as_they_are(read):
    assert rows_of(read(labelled("1,2", 2.5), labelled("3,4", "7"))) == [[2.5, 1, 2], [7, 3, 4]]


def test_lines_without_a_label_are_left_out_and_counted(read, caplog):
    with caplog.at_level(logging.INFO):
        table = read(
            {"source": "9,9"}, labelled("1,2", 0), {"source-ref": "s3://b/k"}, labelled("3,4", None), labelled("5,6", 1)
        )
    assert rows_of(table) == [[0, 1, 2], [1, 5, 6]]
    assert "train/output.manifest: 3 of 5 lines have no label 'spam' and are left out" in caplog.text
    assert [table.place.line_of(row) for row in (0, 1)] == [2, 5]


def test_one_label_of_several_is_chosen_by_its_name(read):
    line = labelled("1,2", 0) | labelled("1,2", 1, attribute="reviewed")
    with pytest.raises(DataError, match=r"the manifest has the labels 'reviewed', 'spam' .*; name the attribute"):
        read(line)


def test_label_attribute_chooses(read):
    line = labelled("1,2", 0) | labelled("1,2", 1, attribute="reviewed")
    assert rows_of(read(line, label_attribute="reviewed")) == [[1, 1, 2]]


def test_label_attribute_needs_no_metadata(read):
    assert rows_of(read({"source": "1,2", "y": 3}, label_attribute="y")) == [[3, 1, 2]]


def test_records_with_a_column_called_source_are_no_manifest(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "clicks.jsonl").write_text('{"y": 1, "source": "web"}\n{"y": 0, "source": "mail"}\n')
    (table,) = read_channel(tmp_path / "train", None, CsvOptions())
    assert (table.names, rows_of(table)) == (("y", "source"), [[1, "web"], [0, "mail"]])


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        ([{"source": "1,2"}] * 2, {}, "the manifest has no label (train/output.manifest); name the attribute"),
        ([{"source": "1,2", "y": 1}], {}, "the manifest has no label (train/output.manifest); name the attribute"),
        (
            [labelled("1,2", 0)],
            {"label_attribute": "spma"},
            "no line has a label 'spma' (train/output.manifest); name it in label_attribute;",
        ),
        ([labelled("1,2", None)], {}, "no line has a label 'spam' (train/output.manifest); name it"),
        (
            [
                labelled("1,2", 0),
                {k: v for k, v in labelled("", 0).items() if k != "source"} | {"source-ref": "s3://b/k"},
            ],
            {},
            "the line has only a reference (source-ref), and training reads rows (train/output.manifest line 2); ",
        ),
        ([{"spam": 1, "spam-metadata": {}}], {}, "the line has no 'source', and training reads rows"),
        (
            [labelled("1,2", 0), labelled("", 0)],
            {},
            "'source' does not hold one row of CSV (train/output.manifest line 2)",
        ),
        ([labelled("1,2\n3,4", 0)] * 2, {}, "'source' does not hold one row of CSV (train/output.manifest line 1)"),
        ([labelled('1,"2', 0)] * 2, {}, "'source' does not hold one row of CSV (train/output.manifest line 1)"),
        ([labelled("[1, 2", 0)], {}, "'source' is not JSON: "),
        (
            [{"source": "1,2"}, labelled("1,2", 0), labelled("3", 0)],
            {},
            "the row has 1 cells where the first has 2 (train/output.manifest line 3)",
        ),
        ([labelled("1,2", 0), labelled([1, 2], 0)], {}, "'source' is of another form than in the lines before"),
        ([labelled([1, 2], 0), labelled({"a": 1}, 0)], {}, "'source' is of another form than in the lines before"),
        (
            [labelled([1, 2], 0), labelled([1], 0)],
            {},
            "the row has 1 values where the first has 2 (train/output.manifest",
        ),
        ([labelled({"spam": 1}, 0)], {}, "'source' has a 'spam' too"),
        (
            [labelled("1,2", {"annotations": []})] * 2,
            {},
            "an object stands where a value belongs (train/output.manifest line 1, column 'spam')",
        ),
        ([labelled("1,2", 0), "[1, 2]"], {}, "the line is not a JSON object (train/output.manifest line 2)"),
        ([labelled("1,2", 0), '{"source": '], {}, "line 2 is not JSON: "),
    ],
)
def test_a_manifest_that_cannot_be_read_is_named(read, lines, options, message):
    with pytest.raises(DataError) as caught:
        read(*lines, **options)
    assert str(caught.value).startswith(message)
    assert "train/output.manifest" in str(caught.value)


CELLS = st.integers(-1000, 1000) | st.floats(-1e6, 1e6)


@given(
    st.integers(1, 3).flatmap(
        lambda width: st.lists(
            st.tuples(CELLS, st.lists(CELLS, min_size=width, max_size=width), st.booleans()), min_size=1
        )
    ),
    st.booleans(),
)
def test_labelled_rows_are_read_back_as_they_were_written(tmp_path_factory, lines, as_text):
    folder = tmp_path_factory.mktemp("ml") / "train"
    folder.mkdir()
    written = [
        labelled(",".join(map(repr, row)) if as_text else row, label) if is_labelled else {"source": "?"}
        for label, row, is_labelled in [*lines, (1, lines[0][1], True)]
    ]
    (folder / "a").write_text("".join(json.dumps(line) + "\n" for line in written))
    (table,) = read_channel(folder, None, CsvOptions())
    assert rows_of(table) == [
        [label, *row] for label, row, is_labelled in [*lines, (1, lines[0][1], True)] if is_labelled
    ]
