"""A channel's folder: which files are read, in which order, and how they must agree."""

import errno
import gzip
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from container.data.channel import CsvOptions, Layout, data_files, read_channel
from container.data.table import SparseTable
from container.errors import DataError, UnsupportedMediaTypeError, UserError
from tests.unit.data.aialgs_writing import dense, sparse
from tests.unit.data.reading import rows_of


@pytest.fixture
def channel(tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()

    def channel(**files: str | bytes) -> Path:
        return write(folder, files)

    return channel


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def read(folder: Path, content_type: str | None = None, layout: Layout | None = None, **options):
    return list(read_channel(folder, content_type, CsvOptions(**options), layout))


def parquet(**columns: list) -> bytes:
    return pd.DataFrame(columns).to_parquet()


def test_files_are_read_in_the_order_of_their_paths(channel):
    folder = write(channel(), {"b.csv": "3,4\n", "a/z.csv": "1,2\n", "a/deep/er/x": "5,6\n", "c": "7,8\n"})
    tables = read(folder)
    assert [table.place.name for table in tables] == ["train/a/deep/er/x", "train/a/z.csv", "train/b.csv", "train/c"]
    assert [rows_of(table) for table in tables] == [[[5, 6]], [[1, 2]], [[3, 4]], [[7, 8]]]


def test_hidden_and_marker_files_are_passed_over_with_a_word(channel, caplog):
    files = {"a.csv": "1,2\n", ".DS_Store": "\0", "_SUCCESS": "", "_spark/part": "x", ".cache/a": "x", "b/_c": "x"}
    folder = write(channel(), files)
    with caplog.at_level(logging.INFO):
        assert data_files(folder) == [folder / "a.csv"]
    assert "passed over hidden and marker files in train: '.DS_Store', '.cache/a', '_SUCCESS'" in caplog.text


def test_empty_files_are_passed_over_with_a_word(channel, caplog):
    folder = write(
        channel(), {"a.csv": "", "b.csv": "1,2\n", "c.csv": "\n \n", "d.gz": gzip.compress(b""), "e": "\ufeff\n"}
    )
    with caplog.at_level(logging.INFO):
        assert len(read(folder)) == 1
    for name in ("a.csv", "c.csv", "d.gz", "e"):
        assert f"train/{name} is empty and passed over" in caplog.text


def test_a_channel_without_files_is_refused(channel):
    with pytest.raises(DataError, match="the channel 'train' has no files; put the data into "):
        read(channel(_SUCCESS=""))


def test_a_channel_without_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="the channel 'train' has no folder"):
        read(tmp_path / "train")


@pytest.mark.parametrize("content_type", [None, "text/csv", "csv", "text/csv; charset=utf-8", "text/csv;label_size=1"])
def test_gzip_files_are_unpacked_whatever_they_are_called(channel, content_type):
    data = gzip.compress(b"1,2\n") + gzip.compress(b"3,4\n")  # members one after the other, as cat makes them
    assert rows_of(read(channel(data=data), content_type)[0]) == [[1, 2], [3, 4]]


def test_gzip_holds_any_format(channel):
    folder = channel(a=gzip.compress(parquet(x=[1], y=[2])), b=parquet(x=[3], y=[4]))
    assert [rows_of(table) for table in read(folder)] == [[[1, 2]], [[3, 4]]]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="truncated"),
        pytest.param(lambda data: data[:12], id="header alone"),
        pytest.param(lambda data: data[:-8] + bytes(8), id="checksum"),
        pytest.param(lambda data: data[:15] + bytes(20) + data[35:], id="content"),
        pytest.param(lambda data: data + b"more", id="something behind it"),
    ],
)
def test_a_damaged_gzip_file_is_refused(channel, damage):
    data = gzip.compress("".join(f"{i},{i * i}\n" for i in range(1000)).encode())
    with pytest.raises(DataError, match=r"^the gzip file is damaged: .* \(train/data\); compress it again$"):
        read(channel(data=damage(data)))


def test_a_file_that_cannot_be_opened_is_named(channel):
    folder = channel()
    (folder / "gone.csv").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"the file cannot be read: No such file or directory \(train/gone.csv\)"):
        read(folder)


@pytest.fixture
def nobody() -> Iterator[None]:
    """Not root, who may read every file."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_file_that_may_not_be_read_is_named(nobody):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "train", {"a": "1,2\n"})
        (Path(folder) / "train" / "a").chmod(0)
        with pytest.raises(DataError, match=r"the file cannot be read: Permission denied \(train/a\)"):
            read(Path(folder) / "train")


class TestColumns:
    """Every file must have the first one's columns."""

    def test_a_header_in_every_file(self, channel):
        tables = read(channel(a="x,y\n1,2\n", b="x,y\n3,4\n"))
        assert [(table.names, rows_of(table)) for table in tables] == [(("x", "y"), [[1, 2]]), (("x", "y"), [[3, 4]])]

    def test_a_header_in_the_first_file_only(self, channel):
        tables = read(channel(a="x,y\n1,2\n", b="3,4\n5,6\n"))
        assert tables[1].names == ("x", "y")
        assert rows_of(tables[1]) == [[3, 4], [5, 6]]

    def test_a_header_in_a_later_file_only(self, channel):
        tables = read(channel(a="1,2\n", b="x,y\n3,4\n"))
        assert [table.names for table in tables] == [None, None]
        assert rows_of(tables[1]) == [[3, 4]]

    def test_a_header_above_text_is_known_from_the_first_file(self, channel):
        tables = read(channel(a="x,y\n1,red\n", b="y,x\nred,big\nblue,small\n"))
        assert rows_of(tables[1]) == [["big", "red"], ["small", "blue"]]

    def test_a_header_without_rows(self, channel):
        tables = read(channel(a="x,y\n", b="x,y\n1,2\n", c="x,y\n"))
        assert [table.rows for table in tables] == [0, 1, 0]

    def test_a_single_row_of_text_is_no_header_where_files_came_before(self, channel):
        assert rows_of(read(channel(a="red,1\nblue,2\n", b="red,many\n"))[1]) == [["red", "many"]]
        assert rows_of(read(channel(a="x,y\nred,1\n", b="red,many\n"))[1]) == [["red", "many"]]

    def test_another_order_of_named_columns(self, channel):
        assert rows_of(read(channel(a="x,y\n1,2\n", b="y,x\n4,3\n"))[1]) == [[3, 4]]

    def test_csv_and_parquet_together(self, channel):
        tables = read(channel(a="x,y\n1,2\n", b=parquet(y=[4], x=[3])))
        assert [rows_of(table) for table in tables] == [[[1, 2]], [[3, 4]]]

    def test_a_last_column_that_is_empty_in_one_file(self, channel):
        assert rows_of(read(channel(a="1,2,3\n", b="4,5,\n6,7,\n"))[1]) == [[4, 5, None], [6, 7, None]]

    @pytest.mark.parametrize(
        ("other", "cause"),
        [
            ("x\n1\n", "the file lacks 'y'"),
            ("x,y,z\n1,2,3\n", "the file also has 'z'"),
            ("x,why\n1,2\n", "the file lacks 'y'"),
            ("1,2,3\n4,5,6\n", "the file has 3 columns where the training data before it has 2"),
        ],
    )
    def test_other_columns_are_named(self, channel, other, cause):
        with pytest.raises(DataError) as caught:
            read(channel(a="x,y\n1,2\n", b=other))
        assert str(caught.value).startswith(cause)
        assert "train/b" in str(caught.value)

    def test_a_layout_given_holds_for_the_first_file_too(self, channel):
        with pytest.raises(DataError, match="the file lacks 'price'"):
            read(channel(a="x,y\n1,2\n"), layout=Layout(("price", "x", "y"), 3))

    def test_header_true_holds_for_every_file(self, channel):
        tables = read(channel(a="1,2\n3,4\n", b="1,2\n5,6\n"), header=True)
        assert [(table.names, rows_of(table)) for table in tables] == [(("1", "2"), [[3, 4]]), (("1", "2"), [[5, 6]])]

    def test_header_false_holds_for_every_file(self, channel):
        assert rows_of(read(channel(a="x,y\n1,2\n"), header=False)[0]) == [["x", "y"], ["1", "2"]]

    def test_the_content_types_word_on_the_header_holds(self, channel):
        assert read(channel(a="1,2\n3,4\n"), "text/csv; header=present")[0].names == ("1", "2")


class TestFormats:
    """What the content type says, and what is found where it says nothing."""

    @pytest.mark.parametrize("content_type", [None, "text/libsvm", "libsvm", "text/x-libsvm"])
    def test_libsvm(self, channel, content_type):
        (table,) = read(channel(a="1:0.5 0:2\n"), content_type)
        assert isinstance(table, SparseTable)
        assert table.weight.tolist() == [0.5]

    @pytest.mark.parametrize("content_type", [None, "application/x-parquet", "parquet"])
    def test_parquet(self, channel, content_type):
        assert rows_of(read(channel(a=parquet(x=[1])), content_type)[0]) == [[1]]

    @pytest.mark.parametrize(
        ("content", "content_type", "message"),
        [
            (parquet(x=[1]), "text/csv", "the file is Parquet, but the channel's content type says csv (train/a)"),
            (parquet(x=[1]), "libsvm", "the file is Parquet, but the channel's content type says libsvm (train/a)"),
            ("1 1:2\n", "csv", "the file is LIBSVM, but the channel's content type says csv (train/a)"),
            ("1,2\n", "parquet", "the file is not Parquet, but the channel's content type says parquet (train/a)"),
            (dense([[1]], [0]), "text/csv", "the file is RecordIO, but the channel's content type says csv (train/a)"),
            ("1,2\n", "recordio-protobuf", "the file is not RecordIO, but the channel's content type says recordio"),
            (b"\x0a\x23\xd7\xce\x09", None, "the data ends within a record (train/a record 1)"),
            (
                '{"x": 1}\n{"x": }',
                None,
                "line 2 is not JSON: unexpected character, expected a JSON value at column 7 (train/a)",
            ),
            ('{"x": 1}\n[1]', None, "rows and records are mixed (train/a line 2)"),
            ('[{"x": 1}, 5]', None, "a number is neither a row nor a record (train/a record 2)"),
            ("5", "application/json", "the file is neither a JSON list nor an object (train/a)"),
            ("[5,", "application/json", "the file is not JSON: unexpected end of data at line 1 column 4 (train/a)"),
            ('{"x": {"y": 1}}', None, "an object stands where a value belongs (train/a record 1, column 'x')"),
            ('{"features": [1]}', None, "the record has no 'label' beside its 'features' (train/a record 1)"),
            ("1,2\n", "text/libsvm", "'1,2' is not 'index:value' (train/a line 1)"),
            ("1,2\n\xe9", "text/libsvm; charset=ascii", "'1,2' is not 'index:value' (train/a line 1)"),
            (b"1,2\n3,\xe9\n", "text/csv", "line 2 is not UTF-8 text (byte 0xe9) (train/a)"),
            (b"1,2\n3,\0\n", None, "line 2 holds a NUL byte, so this is not text (train/a)"),
            (b"1,2\n", "text/csv; charset=klingon", "the charset 'klingon' is unknown (train/a)"),
            ("1,2\n3\n", None, "the row has 1 cells where the first has 2 (train/a line 2)"),
            ('1,2\n3,"4\n', None, "the quoted cell that opens on line 2 is never closed (train/a)"),
            ("x,x,y\n1,2,3\n", "text/csv; header=present", "the header names 'x' twice (train/a)"),
        ],
    )
    def test_a_file_that_is_not_what_it_should_be(self, channel, content, content_type, message):
        with pytest.raises(DataError) as caught:
            read(channel(a=content), content_type)
        assert str(caught.value).startswith(message)

    def test_charset(self, channel):
        assert rows_of(read(channel(a="1,\xe9\n".encode("latin-1")), "text/csv; charset=latin-1")[0]) == [[1, "é"]]

    def test_csv_that_looks_like_libsvm_is_read_where_the_delimiter_is_given(self, channel):
        assert rows_of(read(channel(a="1 10:30\n0 11:15\n"), "text/csv", delimiter=" ")[0]) == [
            [1, "10:30"],
            [0, "11:15"],
        ]

    @pytest.mark.parametrize(
        ("content", "content_type"),
        [
            ('{"y": 1, "x": 2}\n{"y": 3}', None),
            ('{"y": 1, "x": 2}\n{"y": 3}', "application/jsonlines"),
            ('{"y": 1, "x": 2}\n{"y": 3}', "application/json"),
            ('{"x": 2, "y": 1}', "application/jsonlines"),
            ('[{"y": 1, "x": 2}, {"y": 3}]', "application/json"),
            ('{"instances": [{"y": 1, "x": 2},\n {"y": 3}]}', None),
        ],
    )
    def test_json(self, channel, content, content_type):
        (table,) = read(channel(a=content), content_type)
        rows = [dict(zip(table.names, row, strict=True)) for row in rows_of(table)]
        assert rows == [{"y": 1, "x": 2}, {"y": 3, "x": None}][: len(rows)]
        assert not table.incomplete

    @pytest.mark.parametrize("content", ["[1, 2]\n[3, 4]\n", "[[1, 2], [3, 4]]", '{"features": [2], "label": 1}\n' * 2])
    def test_json_without_names(self, channel, content):
        (table,) = read(channel(a=content))
        assert (table.names, rows_of(table)[0]) == (None, [1, 2])

    def test_recordio(self, channel):
        folder = channel(a=dense([[1, 2]], [0]), b=dense([[3, 4]], [1]))
        assert [rows_of(table) for table in read(folder, "recordio-protobuf")] == [[[0, 1, 2]], [[1, 3, 4]]]
        (table,) = read(channel(a=sparse([{3: 1.0}], [7], 5), b=""))
        assert (table.label.tolist(), table.matrix.shape) == ([7], (1, 5))

    def test_an_unknown_content_type(self, channel):
        with pytest.raises(
            UnsupportedMediaTypeError, match="cannot read the content type 'image/png'; send one of text/csv"
        ):
            read(channel(a="1,2\n"), "image/png")


def test_columns_named_as_categories_keep_their_spelling(channel):
    rows = "".join(f"{i % 9},0{i % 7}\n" for i in range(20_000))  # enough for the engine that parses numbers
    table = read(channel(a="y,code\n" + rows), categorical=("code",))[0]
    assert list(table.columns[1].values) == [f"0{i}" for i in range(7)]


def test_a_category_that_is_no_column_is_named(channel):
    with pytest.raises(UserError, match=r"categorical_columns: there is no column 'cod'; did you mean 'code'\?"):
        read(channel(a="y,code\n1,2\n"), categorical=("cod",))


@pytest.mark.parametrize("reference", ["note", 1, -1])
def test_ignored_parquet_columns_may_have_any_type(channel, reference):
    assert rows_of(read(channel(a=parquet(x=[1], note=[[1, 2]])), ignored=(reference,))[0]) == [[1, None]]


@pytest.mark.parametrize("content", [parquet(y=[1], w=[1], x=[1]), dense([[1, 1]], [0]), '{"y": 1, "w": 1, "x": 1}'])
def test_csv_weights_are_for_csv(channel, content):
    with pytest.raises(UserError, match=r"'csv_weights' is for CSV, and train/a is .*; name the weights' column in"):
        read(channel(a=content), csv_weights=True)


@pytest.mark.parametrize("content", ["1,1,2\n", "1 1:2\n", sparse([{1: 1.0}], [0], 2)])
def test_csv_weights_with_csv_or_sparse_rows(channel, content):
    assert read(channel(a=content), csv_weights=True)[0].rows == 1


def test_a_file_is_opened_once_and_read_from_start_to_end(channel):
    folder = channel()
    os.mkfifo(folder / "a.csv")  # it can be neither sought in nor opened again, as FastFile would rather not
    writer = threading.Thread(target=(folder / "a.csv").write_text, args=("1,2\n" * 50_000,))
    writer.start()
    assert read(folder)[0].rows == 50_000
    writer.join()


def test_a_folder_that_cannot_be_read_is_no_folder_without_files(tmp_path, monkeypatch):
    """Root can read all, so the refusal is the test's."""
    closed = tmp_path / "train" / "2024"
    closed.mkdir(parents=True)
    (tmp_path / "train" / "a.csv").write_text("1,2\n")
    real = os.scandir

    def scandir(path):
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError) as raised:
        data_files(tmp_path / "train")
    assert str(raised.value) == f"the folder {closed} cannot be read: Permission denied; check its permissions"
