"""Pipe mode: a stream that can be read but once, of files with or without RecordIO around them."""

import gzip
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from container.data import pipe
from container.data.channel import CsvOptions, read_channel
from container.errors import DataError
from tests.unit.data.aialgs_writing import dense, frame, sparse, split
from tests.unit.data.reading import rows_of

CSV = b"0,1,2\n1,3,4\n"
ROWS = [[0, 1, 2], [1, 3, 4]]


@contextmanager
def streaming(stem: Path, data: bytes) -> Iterator[None]:
    """The platform's side: a FIFO for each epoch, each filled once someone reads it."""
    fifos = [stem.with_name(f"{stem.name}_{epoch}") for epoch in (0, 1)]
    for fifo in fifos:
        os.mkfifo(fifo)
    writer = threading.Thread(target=fifos[0].write_bytes, args=(data,))
    writer.start()
    try:
        yield
    finally:
        writer.join(10)
        for fifo in fifos:
            fifo.unlink()
    assert not writer.is_alive()


@pytest.fixture
def read(tmp_path) -> Callable[..., list]:
    def read(data: bytes, content_type: str | None = "text/csv", wrapped: bool = False, **options):
        stem = tmp_path / "train"
        with streaming(stem, data):
            return list(read_channel(stem, content_type, CsvOptions(**options), pipe=True, wrapped=wrapped))

    return read


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        pytest.param(CSV, "text/csv", id="csv"),
        pytest.param(CSV, None, id="no content type"),
        pytest.param(gzip.compress(b"0,1,2\n") + gzip.compress(b"1,3,4\n"), "text/csv", id="gzip"),
        pytest.param(dense([[1, 2], [3, 4]], [0, 1]), "application/x-recordio-protobuf", id="recordio"),
        pytest.param(b'[0, 1, 2]\n{"label": 1, "features": [3, 4]}\n', "application/jsonlines", id="jsonlines"),
    ],
)
def test_a_stream_is_read_to_its_end(read, data, content_type):
    (table,) = read(data, content_type)
    assert rows_of(table) == ROWS


def test_libsvm_and_sparse_recordio(read):
    (table,) = read(b"0 0:1 3:2\n", "text/libsvm")
    assert table.matrix.toarray().tolist() == [[1, 0, 0, 2]]


def test_more_than_a_fifo_holds_at_once(read):
    (table,) = read(b"1,2,3\n" * 100_000)
    assert table.rows == 100_000


def test_files_one_after_the_other_with_a_header_each(read):
    (table,) = read(b"y,a,b\n0,1,2\ny,a,b\n1,3,4\n")
    assert (table.names, rows_of(table)) == (("y", "a", "b"), ROWS)
    assert [table.place.line_of(row) for row in (0, 1)] == [2, 4]


def test_rows_like_the_first_are_rows_where_there_is_no_header(read):
    assert rows_of(read(b"0,1,2\n1,3,4\n0,1,2\n")[0]) == [*ROWS, ROWS[0]]


def test_parquet_files_one_after_the_other(read):
    parts = [pd.DataFrame({"y": [y], "a": [a]}).to_parquet() for y, a in ((0, 1), (1, 3), (2, 5))]
    assert [rows_of(table) for table in read(b"".join(parts), "application/x-parquet")] == [
        [[0, 1]],
        [[1, 3]],
        [[2, 5]],
    ]


def test_an_empty_stream_has_no_tables(read):
    assert read(b"") == []
    assert read(b"", wrapped=True) == []


class TestWrapped:
    """RecordWrapperType RecordIO."""

    @pytest.mark.parametrize("pack", [pytest.param(frame, id="whole"), pytest.param(split, id="split")])
    def test_a_record_is_a_file(self, read, pack):
        data = pack(b"y,a\n0,1\n1,2\n") + pack(gzip.compress(b"y,a\n2,3\n")) + pack(b"")
        tables = read(data, wrapped=True)
        assert [(table.place.name, rows_of(table)) for table in tables] == [
            ("train_0 record 1", [[0, 1], [1, 2]]),
            ("train_0 record 2", [[2, 3]]),
        ]

    def test_a_record_is_a_row(self, read):
        (table,) = read(frame(b"0,1,2") + frame(b"1,3,4\n"), wrapped=True)
        assert rows_of(table) == ROWS
        (table,) = read(frame(b"0 1:2") + frame(b"1 3:4"), None, wrapped=True)
        assert table.label.tolist() == [0, 1]

    @pytest.mark.parametrize(
        "records",
        [
            pytest.param([b"1,2", b"0", b"3,4", b"1"], id="row first"),
            pytest.param([b"0", b"1,2", b"1", b"3,4"], id="label first"),
        ],
    )
    def test_the_attributes_of_an_augmented_manifest(self, read, records):
        (table,) = read(b"".join(map(frame, records)), wrapped=True)
        assert rows_of(table) == ROWS

    def test_recordio_protobuf_is_wrapped_already(self, read):
        data = dense([[1, 2], [3, 4]], [0, 1])
        assert rows_of(read(data, "recordio-protobuf", wrapped=True)[0]) == ROWS

    def test_files_of_recordio_protobuf_in_records(self, read):
        data = frame(dense([[1, 2]], [0])) + frame(dense([[3, 4]], [1]))
        assert [rows_of(table) for table in read(data, "recordio-protobuf", wrapped=True)] == [[ROWS[0]], [ROWS[1]]]

    def test_parquet(self, read):
        part = pd.DataFrame({"y": [0], "a": [1]}).to_parquet()
        assert [rows_of(table) for table in read(frame(part) * 2, "parquet", wrapped=True)] == [[[0, 1]]] * 2


@pytest.mark.parametrize(
    ("data", "content_type", "wrapped", "message"),
    [
        (b"0,1,2\n1,3\n", "text/csv", False, "the row has 2 cells where the first has 3 (train_0 line 2)"),
        (b"y,a\n0,1\ny,a\n0\n", "text/csv", False, "the row has 1 cells where the first has 2 (train_0 line 4)"),
        (b"0,1,2\n1,3,4", "text/csv", True, "no RecordIO record begins at byte 0 (train_0 record 1)"),
        (
            frame(b"0,1\n1,2\n") + frame(b"1,2\n3")[:-2],
            "text/csv",
            True,
            "the data ends within a record (train_0 record 2)",
        ),
        (frame(b"0,1\n2,3\n") + frame(b"1\n3\n"), "text/csv", True, "the file has 1 columns where the training data"),
        (gzip.compress(CSV)[:-4], "text/csv", False, "the gzip file is damaged: "),
        (dense([[1]], [0])[:-1], "recordio-protobuf", False, "the data ends within a record (train_0 record 1)"),
        (sparse([{1: 1.0}], [0], 2) + b"x", "recordio-protobuf", False, "no RecordIO record begins at byte"),
    ],
)
def test_a_stream_that_cannot_be_read_is_named(read, data, content_type, wrapped, message):
    with pytest.raises(DataError) as caught:
        read(data, content_type, wrapped)
    assert str(caught.value).startswith(message)
    assert "(train_0" in str(caught.value)


def test_without_a_fifo_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(pipe, "_PATIENCE", 0.2)
    (tmp_path / "train").mkdir()
    with pytest.raises(
        DataError, match="the channel 'train' is in Pipe mode, but there is no train_0; set the channel's"
    ):
        list(read_channel(tmp_path / "train", None, CsvOptions(), pipe=True))


def test_a_fifo_that_comes_late_is_waited_for(tmp_path):
    def later() -> None:
        threading.Event().wait(0.5)
        (tmp_path / "made").write_bytes(CSV)
        (tmp_path / "made").rename(tmp_path / "train_0")

    thread = threading.Thread(target=later)
    thread.start()
    (table,) = read_channel(tmp_path / "train", None, CsvOptions(), pipe=True)
    thread.join()
    assert rows_of(table) == ROWS
