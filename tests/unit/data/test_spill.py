"""What is beyond a share of memory goes to the disk, and looks as before."""

import io
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from container.data.spill import Spill
from container.data.table import Kind, Numbers, Place, SparseTable, Table, Text
from container.errors import UserError
from tests.unit.data.reading import rows_of


def table() -> Table:
    columns = [
        Numbers(np.array([0.1, np.nan, 3])),
        Numbers(np.array([1.0, 0, np.nan]), Kind.BOOLEAN),
        Text.from_cells(["a", "", "b"]),
    ]
    return Table(columns, ("x", "y", "z"), 3, Place("train/a"))


def rows(weight: np.ndarray | None) -> SparseTable:
    matrix = sparse.csr_matrix(np.array([[0, 1.5], [2, 0]], np.float32))
    return SparseTable(matrix, np.array([1.0, 0]), weight, None, Place("train/a"))


def is_open(folder: Path) -> bool:
    """Whether this process has a file of the folder open."""
    links = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    return any(link.startswith(str(folder)) for link in links)


def test_all_stays_in_memory_where_there_is_room(tmp_path):
    spill = Spill(lambda: tmp_path, budget=1000)
    assert rows_of(spill.keep(table())) == rows_of(table())
    assert (spill.full, spill.on_disk) == (False, 0)


def test_what_is_beyond_the_budget_goes_to_files_without_a_name(tmp_path):
    spill = Spill(lambda: tmp_path, budget=100)
    kept = [spill.keep(table()) for _ in range(5)]
    assert spill.full
    assert spill.on_disk > 0
    assert [rows_of(of) for of in kept] == [rows_of(table())] * 5
    assert kept[4].columns[1].kind is Kind.BOOLEAN
    assert list(tmp_path.iterdir()) == []
    assert not is_open(tmp_path) or sys.version_info < (3, 13)


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2])])
def test_sparse_rows(tmp_path, weight):
    kept = Spill(lambda: tmp_path, budget=0).keep(rows(weight))
    assert kept.matrix.toarray().tolist() == [[0, 1.5], [2, 0]]
    assert kept.label.tolist() == [1, 0]
    assert (kept.weight is None) == (weight is None)
    assert kept.group is None


def test_a_table_without_rows(tmp_path):
    empty = replace(table(), columns=[Text.from_cells(())], names=("x",), rows=0)
    assert Spill(lambda: tmp_path, budget=-1).keep(empty).columns[0].codes.size == 0


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5, np.nan], np.float32),
        ([0.1, 2, 3], np.float64),
        ([1] * 100 + [16_777_217], np.float64),
        ([1, 1e300], np.float64),
        ([np.inf], np.float32),
        ([], np.float32),
    ],
)
def test_numbers_that_are_float32_are_kept_as_such(values, kind):
    kept = Spill().keep(Table([Numbers(np.array(values, np.float64))], None, len(values), Place()))
    assert kept.columns[0].values.dtype == kind
    np.testing.assert_array_equal(kept.columns[0].values.astype(np.float64), np.array(values, np.float64))


@pytest.mark.parametrize("budget", [np.inf, 8 << 20])
def test_a_stream_is_kept_whole(tmp_path, budget):
    data = os.urandom(3 << 20) + b"end"
    kept = Spill(lambda: tmp_path, budget).spool(io.BytesIO(data))
    assert bytes(kept[: len(data)]) == data
    assert len(kept) == len(data)
    assert isinstance(kept, bytes) == (budget == np.inf)


def full(folder: Path) -> Path:
    (folder / "gone").mkdir()
    (folder / "gone").rmdir()
    return folder / "gone"


@pytest.mark.parametrize("use", [lambda spill: spill.keep(table()), lambda spill: spill.spool(io.BytesIO(b"x" * 9))])
def test_a_disk_that_does_not_take_it(tmp_path, use: Callable[[Spill], object]):
    spill = Spill(lambda: full(tmp_path), budget=0)
    with pytest.raises(UserError) as caught:
        use(spill)
    assert str(caught.value).startswith(
        f"the cache folder {tmp_path} cannot take data that is larger than memory: No such file or directory after 0 MB"
    )


def test_memory_is_looked_at_before_each_table():
    def check() -> None:
        raise UserError("too much")

    with pytest.raises(UserError, match="too much"):
        Spill(check=check).keep(table())
