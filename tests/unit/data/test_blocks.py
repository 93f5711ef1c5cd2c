"""A large file is read in blocks: the tables are what it would be whole, cut into pieces, and so are the messages."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from container.data import (
    columnar,
    csv_arrow,
    csv_blocks,
    csv_plain,
    delimited,
    files,
    libsvm,
    recordio_protobuf,
)
from container.data.channel import CsvOptions, read_channel
from container.data.formats import AnyTable
from container.data.inference import Roles, infer
from container.data.spill import Spill
from container.data.table import Numbers, SparseTable, Table, Text
from container.errors import DataError
from tests.unit.data.aialgs_writing import dense, sparse
from tests.unit.data.reading import rows_of

Read = Callable[..., list[AnyTable]]


@pytest.fixture
def read(tmp_path, monkeypatch) -> Read:
    """Read a file whole, or with ``blocks`` a few rows at a time."""
    folder = tmp_path / "train"
    folder.mkdir()

    def read(data: bytes | str, content_type: str | None = None, *, blocks: bool, **options: Any) -> list[AnyTable]:
        (folder / "a").write_bytes(data if isinstance(data, bytes) else data.encode())
        with monkeypatch.context() as patch:
            patch.setattr(delimited, "_SMALL", -1)
            patch.setattr(delimited, "_SMALL_COLUMN", -1)
            patch.setattr(files, "HEAD", 100 if blocks else 1 << 30)
            if blocks:
                patch.setattr(csv_arrow, "BLOCK", 1 << 8)
                patch.setattr(csv_blocks, "CELLS", 100)
                patch.setattr(csv_plain, "PIECE", 150)
                patch.setattr(columnar, "CELLS", 100)
                patch.setattr(libsvm, "BLOCK", 200)
                patch.setattr(recordio_protobuf, "BLOCK", 500)
            return list(read_channel(folder, content_type, CsvOptions(**options)))

    return read


def test_text_is_the_same_whatever_the_blocks(read: Read):
    whole, blocks = (read(MANY, blocks=blocks) for blocks in (False, True))
    assert len(whole) == 1
    assert len(blocks) > 5
    assert [table.continues for table in blocks] == [False, *[True] * (len(blocks) - 1)]


MANY = "".join(f"{i % 3},{i / 7},{'red' if i % 2 else 'blue'},{'' if i % 5 else i}\n" for i in range(400))
NUMBERS = "".join(f"{i % 3},{i / 7},{'NA' if i % 5 else i}\n" for i in range(400))
QUOTED = "".join(f'{i},"a, {i % 4}"\n' for i in range(300))


@pytest.mark.parametrize(
    ("data", "options"),
    [
        pytest.param(MANY, {}, id="numbers, text, missing"),
        pytest.param("y,a,b,c\n" + MANY, {}, id="header"),
        pytest.param("\n\r\ny,a,b,c\n\n" + MANY.replace("\n", "\n\n"), {}, id="blank lines"),
        pytest.param(MANY.replace("\n", "\r\n"), {}, id="crlf"),
        pytest.param(gzip.compress(MANY.encode()), {}, id="gzip"),
        pytest.param("".join(f"{i:03},x\n" for i in range(500)) + "A5,x\n", {}, id="text that comes late"),
        pytest.param("".join(f"{i:03},{i}\n" for i in range(500)), {"categorical": (0,)}, id="categories by name"),
        pytest.param(QUOTED, {}, id="quotes"),
        pytest.param(NUMBERS, {}, id="numbers"),
        pytest.param("\n\ny,a name,b\n" + NUMBERS + "\n\n", {}, id="numbers under a header"),
        pytest.param('"y","a","b"\n' + NUMBERS, {}, id="numbers under a header in quotes"),
        pytest.param(NUMBERS.replace("\n", "\r\n").rstrip(), {}, id="numbers, crlf"),
        pytest.param(NUMBERS.replace(",", ", "), {}, id="numbers after blanks"),
        pytest.param(NUMBERS.replace(",", ";"), {}, id="numbers between semicolons"),
        pytest.param(NUMBERS.replace("\n", ",\n"), {}, id="numbers, trailing delimiter"),
        pytest.param(NUMBERS + "1,2,x\n" + NUMBERS, {}, id="numbers, then text"),
        pytest.param(NUMBERS + "1,nan(ind),2\n" + NUMBERS, {}, id="numbers, then what arrow takes for one"),
        pytest.param(NUMBERS + "\n" + NUMBERS, {}, id="numbers, a blank line"),
        pytest.param(("y,a,b\n" + NUMBERS).replace("\n", "\r\n") * 3, {"streamed": True}, id="a stream of files, crlf"),
        pytest.param(";".join(f"name {i}" for i in range(200)), {}, id="a header alone, no line break"),
        pytest.param(NUMBERS + "1,1e39,inf\n" + NUMBERS, {}, id="numbers, some too large"),
        pytest.param(NUMBERS + '1,"2",3\n' + NUMBERS, {}, id="numbers, then quotes"),
        pytest.param("y,a,b\r" + NUMBERS.replace("\n", "\r"), {"header": True}, id="numbers, old line ends"),
        pytest.param(MANY + '1,2,"a\nb",3\n' * 50, {}, id="quotes that come late, line breaks in them"),
        pytest.param(MANY + '1,2,5" pipe,3\n' * 50, {}, id="quotes inside cells"),
        pytest.param(MANY.replace("\n", ",\n"), {}, id="trailing delimiter"),
        pytest.param("y,a,b,c,\n" + MANY.replace("\n", ",\n"), {}, id="trailing delimiter under a header"),
        pytest.param("y,a,b,c,\n" + MANY.replace("\n", ",\n") + "1,2,x,3,4\n", {}, id="a last column without a name"),
        pytest.param(MANY + f"1,2,{'x' * 5000},3\n" + MANY, {}, id="a row longer than blocks"),
        pytest.param(MANY.rstrip("\n"), {}, id="no line break at the end"),
        pytest.param("é,日本\n" * 400, {}, id="characters of several bytes"),
        pytest.param(b"\xef\xbb\xbf" + MANY.encode(), {}, id="byte-order mark"),
    ],
)
def test_csv(read: Read, data: str | bytes, options: dict[str, Any]):
    same(read(data, blocks=True, **options), read(data, blocks=False, **options))


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        pytest.param(MANY.replace("red", "r\xe9d").encode("latin-1"), "text/csv; charset=latin-1", id="latin-1"),
        pytest.param(MANY.encode("utf-16"), "text/csv; charset=utf-16", id="utf-16"),
        pytest.param("".join(f"{i % 2} qid:{i // 9} {i % 7}:{i}.5 9:1\n" for i in range(300)), "libsvm", id="libsvm"),
        pytest.param("# none\n\n" * 99 + "".join(f"1:0.5 {i % 7}:2\n" for i in range(99)), "libsvm", id="weights"),
        pytest.param(dense([[i, i / 3] for i in range(300)], list(range(300))), None, id="recordio"),
        pytest.param(sparse([{i % 5: i / 3} for i in range(300)], list(range(300)), 5), None, id="sparse recordio"),
    ],
)
def test_other_formats(read: Read, data: str | bytes, content_type: str | None):
    blocks = read(data, content_type, blocks=True)
    assert len(blocks) > 3
    same(blocks, read(data, content_type, blocks=False))


@pytest.mark.parametrize("row_group", [7, 50, 1000])
def test_parquet(read: Read, row_group: int):
    frame = pd.DataFrame({"x": range(300), "c": pd.Categorical([*"ab"] * 150), "n": [1, 2, None] * 100})
    file = io.BytesIO()
    frame.to_parquet(file, row_group_size=row_group)
    blocks = read(file.getvalue(), blocks=True)
    assert len(blocks) > 3
    same(blocks, read(file.getvalue(), blocks=False))
    assert isinstance(blocks[3].columns[1], Text)
    assert blocks[3].columns[1].categorical


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        pytest.param("y,a,b,c\n" + MANY + "1\n" + MANY, None, id="ragged"),
        pytest.param("y,a,b\n" + NUMBERS + "1,2\n" + NUMBERS, None, id="ragged numbers"),
        pytest.param(NUMBERS + "1,2,3,4\n" + NUMBERS, None, id="numbers, a cell too many"),
        pytest.param(NUMBERS + '1,2,"3\n' + NUMBERS, None, id="numbers, an open quote"),
        pytest.param((NUMBERS + "1,2,é\n" + NUMBERS).encode("latin-1"), None, id="numbers, then no UTF-8"),
        pytest.param(MANY + '1,2,"x",3\n' + MANY + "1\n" + MANY, None, id="ragged, with quotes"),
        pytest.param(MANY.replace("\n", "\r\n") + "1\r\n", None, id="ragged, crlf"),
        pytest.param(MANY + '1,2,"a\nb,3\n' + MANY, None, id="an open quote"),
        pytest.param((MANY + "é" + MANY).encode("latin-1"), None, id="no UTF-8"),
        pytest.param(MANY + "\0" + MANY, None, id="NUL"),
        pytest.param(MANY.encode() + b"\xc3", None, id="ends within a character"),
        pytest.param(gzip.compress(MANY.encode())[:-4], None, id="damaged gzip"),
        pytest.param("1 1:2\n" * 300 + "1 x\n", "libsvm", id="libsvm"),
        pytest.param("1 1:2\n" * 300 + "1:1 1:2\n", "libsvm", id="a weight that comes late"),
        pytest.param("1 1:2\n" * 300 + "1:2\n", "libsvm", id="a label that is a weight"),
        pytest.param(dense([[1, 2]] * 300, [1] * 300) + dense([[1]], [1]), None, id="recordio of another width"),
        pytest.param(dense([[1, 2]] * 300, [1] * 300)[:-3], None, id="recordio, cut"),
        pytest.param(dense([[1, 2]] * 300, [1] * 300) + sparse([{1: 2.0}], [1], 2), None, id="sparse among dense"),
    ],
)
def test_messages(read: Read, data: str | bytes, content_type: str | None):
    said = []
    for blocks in (False, True):
        with pytest.raises(DataError) as caught:
            read(data, content_type, blocks=blocks)
        said.append(str(caught.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("wrong", ["1,2\n", "1,ü,3\n"])
@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
def test_messages_of_a_stream_of_several_files(read: Read, wrong: str, charset: str):
    file = "y,a,größe\n" + NUMBERS + "1,2,\n"
    data, content_type = (file + file + wrong + file).encode(charset), f"text/csv; charset={charset}"
    for blocks in (False, True):
        with pytest.raises(DataError, match=r"\(train/a line 805[,)]"):
            infer(read(data, content_type, blocks=blocks, streamed=True), Roles())


def test_plain_numbers_are_read_by_the_core_and_once(read: Read, monkeypatch):
    pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")
    monkeypatch.setattr(csv_blocks.CsvFile, "_read", None)
    blocks = read("y,a,b\n" + NUMBERS, blocks=True)
    assert len(blocks) > 5
    for table in blocks:
        first = float(table.columns[1].values[0]) * 7
        assert table.place.line_of(0) == round(first) + 2


def test_without_the_core_numbers_are_the_same(read: Read, monkeypatch):
    expected = read(NUMBERS, blocks=False)
    monkeypatch.setattr(csv_plain, "native", None)
    monkeypatch.setattr("container.data.text.native", None)
    same(read(NUMBERS, blocks=True), expected)


def test_what_was_kept_in_vain_does_not_count(tmp_path, monkeypatch):
    (tmp_path / "a").write_text(NUMBERS + "1,2,x\n")
    monkeypatch.setattr(delimited, "_SMALL", -1)
    monkeypatch.setattr(delimited, "_SMALL_COLUMN", -1)
    monkeypatch.setattr(files, "HEAD", 100)
    monkeypatch.setattr(csv_arrow, "BLOCK", 1 << 8)
    monkeypatch.setattr(csv_blocks, "CELLS", 100)
    monkeypatch.setattr(csv_plain, "PIECE", 150)
    spill = Spill()
    tables = list(read_channel(tmp_path, None, CsvOptions(), spill=spill))
    arrays = [column.values if isinstance(column, Numbers) else column.codes for t in tables for column in t.columns]
    assert spill.held == sum(array.nbytes for array in arrays)


@pytest.mark.parametrize("quoted", ["", '"q"'])
def test_the_line_of_a_row_is_known_in_every_block(read: Read, quoted: str):
    text = "y,a\n\n" + "".join(f"{i},{quoted}\n\n" for i in range(300))
    for table in read(text, blocks=True, header=True):
        (first, *_) = rows_of(table)
        assert table.place.line_of(0) == 3 + 2 * int(first[0])
        assert table.place.line_of(table.rows - 1) == 3 + 2 * int(rows_of(table)[-1][0])


def test_a_file_is_read_anew_but_where_it_must(read: Read, monkeypatch):
    opened = []
    monkeypatch.setattr(Path, "exists", Path.exists)
    original = io.FileIO.__init__

    class Counted(io.FileIO):
        def __init__(self, *arguments: Any) -> None:
            opened.append(arguments)
            original(self, *arguments)

    monkeypatch.setattr("container.data.sources.io.FileIO", Counted)
    read(MANY, blocks=True)
    assert len(opened) == 1


def same(blocks: list[AnyTable], whole: list[AnyTable]) -> None:
    """The blocks hold the same rows in the same order, under the same names and as the same kinds of columns."""
    (table,) = whole
    assert sum(block.rows for block in blocks) == table.rows
    for block in blocks:
        assert type(block) is type(table)
    if isinstance(table, SparseTable):
        matrix = np.concatenate([_wide(block, table.matrix.shape[1]) for block in blocks])
        np.testing.assert_array_equal(matrix, _wide(table, table.matrix.shape[1]))
        for name in ("label", "weight", "group"):
            parts = [getattr(block, name) for block in blocks]
            given = getattr(table, name)
            assert all((part is None) == (given is None) for part in parts)
            assert given is None or np.concatenate(parts).tolist() == given.tolist()
        return
    assert {block.names for block in blocks} == {table.names}
    assert [row for block in blocks for row in _cells(block)] == list(_cells(table))


def _wide(table: SparseTable, width: int) -> np.ndarray:
    full = np.zeros((table.rows, width), np.float32)
    found = table.matrix.toarray()
    full[:, : found.shape[1]] = found
    return full


def _cells(table: Table) -> zip:
    """Rows with text as it is spelled, numbers as numbers, and the kinds of both."""
    columns = []
    for column in table.columns:
        if isinstance(column, Numbers):
            columns.append([(column.kind, str(float(value))) for value in column.values])
        else:
            columns.append(["missing" if code < 0 else column.values[code] for code in column.codes])
    return zip(*columns, strict=True)
