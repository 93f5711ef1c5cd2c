"""Where rows and bins are put, by what training needs and what there is."""

import logging
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from container.contract.outcome import StopFlag
from container.errors import UserError
from container.training.hosts.cluster import Cluster
from container.training.hyperparameters.parse import Hyperparameters
from container.training.rows import storage
from container.training.rows.encoded import Rows
from container.training.rows.estimate import Estimate, Shape, estimate
from container.training.rows.storage import Storage

MB = 1_000_000
DATA = "256 bins, depth 6"
ALONE = Cluster()


def rows(features=None) -> Rows:
    if features is None:
        features = pa.table({"x": pa.array(np.arange(1000, dtype=np.float32))})
    return Rows(features, np.zeros(1000), None, None)


SHAPE = Shape(1000, 1, 1000, 256, 1000)


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """A storage with 100 MB, of which the process uses 10."""
    monkeypatch.setattr(storage, "available_memory", lambda: 100 * MB)
    monkeypatch.setattr(storage, "used_memory", lambda: 10 * MB)
    monkeypatch.setattr(storage, "is_in_memory", lambda folder: False)
    with Storage.opened(str(tmp_path), StopFlag()) as found:
        yield found


def settle(opened: Storage, need: Estimate, cluster: Cluster = ALONE) -> list[Rows]:
    parts = {"train": [opened.keep(rows())]}
    opened.settle(parts, SHAPE, need, cluster, DATA)
    return parts["train"]


def test_the_processes_of_a_host_share_its_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: 100 * MB)
    with Storage.opened(str(tmp_path), StopFlag(), processes=4) as found:
        assert found.limit == 25 * MB


def test_all_in_memory_where_it_fits(opened, caplog, tmp_path):
    caplog.set_level(logging.INFO)
    settle(opened, Estimate(80 * MB, 1 * MB))
    assert not opened.external
    assert caplog.messages == [
        "Memory: training needs about 90 MB of the 100 MB there are, for 1,000 rows of 1 columns, 256 bins, depth 6"
    ]
    assert list(tmp_path.iterdir()) == []


def test_rows_on_disk_where_that_is_enough(opened, caplog):
    caplog.set_level(logging.INFO)
    (part,) = settle(opened, Estimate(82 * MB + 1000, 1 * MB))
    assert not opened.external
    assert "the rows are put into" in caplog.text
    assert opened.spill.on_disk > 4000
    assert part.features["x"].to_pylist() == list(range(1000))


def test_bins_on_disk_where_they_do_not_fit(opened, caplog, tmp_path):
    caplog.set_level(logging.INFO)
    settle(opened, Estimate(500 * MB, 20 * MB, 7 * MB))
    assert opened.external
    (folder,) = tmp_path.iterdir()
    assert f"trains with the data in {folder}, about 7 MB, and about 30 MB in memory" in caplog.text


class BesideOneThatMust(Cluster):
    """The first of two hosts, of which the other has too little memory."""

    def any(self, flag: bool) -> bool:
        return True

    def gather(self, value):
        return [value, None]


def test_one_host_that_must_makes_all(opened):
    settle(opened, Estimate(1, 1), BesideOneThatMust(("a", "b")))
    assert opened.external


def test_the_host_that_cannot_is_named_by_all(opened):
    """One with room enough does not say that it has too little."""

    class BesideOneThatCannot(BesideOneThatMust):
        def gather(self, value):
            return [value, "training needs about 210 MB of memory"]

    with pytest.raises(UserError) as caught:
        settle(opened, Estimate(1, None), BesideOneThatCannot(("a", "b")))
    assert str(caught.value) == "b: training needs about 210 MB of memory"


def test_rows_on_disk_are_not_written_again(opened):
    opened.spill.held = 1000 * MB
    parts = {"train": [opened.keep(rows())]}
    written = opened.spill.on_disk
    assert written > 4000
    opened.settle(parts, SHAPE, Estimate(500 * MB, 20 * MB, 7 * MB), ALONE, DATA)
    assert opened.external
    assert opened.spill.on_disk == written


@pytest.mark.parametrize(
    ("need", "message"),
    [
        (
            Estimate(200 * MB, None),
            "training needs about 210 MB of memory, and there are 92 MB, for 1,000 rows of 1 columns, 256 bins, "
            "depth 6; take an instance with more memory",
        ),
        (
            Estimate(300 * MB, 90 * MB),
            "training needs about 100 MB of memory even with the data on disk, and there are",
        ),
        (Estimate(300 * MB, 1, 10**18), "'cache_dir': the data takes about 1,000,000,000,000 MB there, and "),
    ],
)
def test_what_cannot_fit_is_refused(opened, need, message):
    with pytest.raises(UserError) as caught:
        settle(opened, need)
    assert str(caught.value).startswith(message)


def test_without_a_limit_nothing_is_put_on_disk(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(storage, "available_memory", lambda: None)
    with Storage.opened(str(tmp_path), StopFlag()) as found:
        settle(found, Estimate(10**15, None))
    assert not found.external
    assert "Memory: training needs about" in caplog.text


def test_the_folder_is_removed_in_the_end_whatever_comes(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "is_in_memory", lambda folder: False)
    stop = StopFlag()
    with pytest.raises(FileNotFoundError), Storage.opened(str(tmp_path), stop) as found:
        (found.folder() / "none" / "file").touch()
    assert list(tmp_path.iterdir()) == []
    with Storage.opened(str(tmp_path), stop) as found:
        assert found.folder() == found.folder()
        stop.before_exit()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("in_memory", "there", "message"),
    [
        (
            True,
            True,
            "'cache_dir': {} is in memory (tmpfs) and cannot take what does not fit into memory; name a folder",
        ),
        (False, False, "'cache_dir': {} cannot take what does not fit into memory: No such file or directory; name a"),
    ],
)
def test_a_folder_that_cannot_be_used(tmp_path, monkeypatch, in_memory, there, message):
    monkeypatch.setattr(storage, "is_in_memory", lambda folder: in_memory)
    folder = tmp_path if there else tmp_path / "none"
    with Storage.opened(str(folder), StopFlag()) as found, pytest.raises(UserError) as caught:
        found.folder()
    assert str(caught.value).startswith(message.format(folder))


def test_reading_is_refused_near_the_limit(opened, monkeypatch):
    opened.spill._check()
    monkeypatch.setattr(storage, "used_memory", lambda: 95 * MB)
    with pytest.raises(UserError, match="reading the data has taken 95 MB of memory, and there are 100 MB; take an"):
        opened.spill._check()


def test_sparse_rows_and_categories_come_back_from_the_disk(opened):
    matrix = sparse.random(1000, 7, 0.3, "csr", np.float32, np.random.default_rng(0))
    assert (opened._on_disk(rows(matrix)).features != matrix).nnz == 0
    codes = pa.array([0, None, 1] * 333 + [1], pa.int32())
    table = pa.table({"c": pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b"]))})
    assert opened._on_disk(rows(table)).features.equals(table)


class TestEstimate:
    """Figures that were measured; bench/out_of_core.py shows that they hold."""

    def of(self, shape: Shape, ranked: bool = False, raw: dict[str, str] | None = None, **params) -> Estimate:
        return estimate(shape, {"nthread": 2, **params}, Hyperparameters.parse(raw or {}), ranked)

    DENSE = Shape(10**6, 28, 28 * 10**6, 256, 10**5)

    def test_dense_numbers_take_a_byte_each_twice(self):
        found = self.of(self.DENSE)
        assert found.cache == 28 * 2 * 10**6 + 8 * 10**6
        assert found.external < found.in_memory

    def test_missing_values_take_more(self):
        assert self.of(replace(self.DENSE, present=27 * 10**6)).cache > 2 * self.of(self.DENSE).cache

    def test_more_bins_take_more(self):
        assert self.of(replace(self.DENSE, bins=1000)).cache > 1.8 * (self.of(self.DENSE).cache - 8 * 10**6)

    def test_deep_trees_take_more(self):
        assert self.of(self.DENSE, max_depth=14).in_memory > self.of(self.DENSE).in_memory + 10**9

    def test_more_outputs_take_more(self):
        assert self.of(self.DENSE, num_class=10).external > self.of(self.DENSE).external + 200 * 10**6

    @pytest.mark.parametrize(
        ("ranked", "raw", "params"),
        [
            (True, {}, {}),
            (False, {"_kfold": "3"}, {}),
            (False, {}, {"tree_method": "exact"}),
            (False, {}, {"tree_method": "approx"}),
            (False, {}, {"booster": "gblinear"}),
        ],
    )
    def test_what_needs_all_rows_in_memory(self, ranked, raw, params):
        found = self.of(self.DENSE, ranked, raw, **params)
        assert found.external is None
        assert found.in_memory > self.of(self.DENSE).in_memory

    def test_the_trees_of_an_earlier_model_need_the_values(self):
        """At 1,500,000 rows of 20 columns 493 MB were seen, 509 with a fifth missing; on disk 164 and 328 MB there."""
        dense = Shape(1_500_000, 20, 30_000_000, 256, 125_000)
        for shape, seen in ((dense, 493), (replace(dense, present=24_000_000), 509)):
            found = estimate(shape, {"nthread": 2}, Hyperparameters.parse({}), ranked=False, continues=True)
            assert seen < found.in_memory / MB < 1.1 * seen
        found = estimate(dense, {"nthread": 2}, Hyperparameters.parse({}), ranked=False, continues=True)
        assert 164 < found.external / MB < 250
        assert found.cache / MB == pytest.approx(328, rel=0.02)
        ranked = estimate(dense, {"nthread": 2}, Hyperparameters.parse({}), ranked=True, continues=True)
        assert ranked.external is None

    def test_an_earlier_model_on_a_gpu_takes_the_values_in_this_memory(self):
        alone = self.of(self.DENSE, device="cuda")
        found = estimate(self.DENSE, {"device": "cuda"}, Hyperparameters.parse({}), ranked=False, continues=True)
        assert found.in_memory == found.external == alone.in_memory + 8 * 29 * 10**6 + 4 * 28 * 10**6

    def test_several_targets_take_more(self):
        found = self.of(replace(self.DENSE, outputs=3))
        assert found.in_memory > self.of(self.DENSE).in_memory
        assert self.of(replace(self.DENSE, outputs=3), multi_strategy="multi_output_tree").in_memory > found.in_memory

    def test_on_a_gpu_the_bins_are_not_in_this_memory(self):
        found = self.of(self.DENSE, device="cuda")
        assert found.in_memory == found.external < self.of(self.DENSE).in_memory

    def test_the_shape_of_rows(self):
        codes = pa.DictionaryArray.from_arrays(pa.array([0, None, 299], pa.int32()), pa.array(map(str, range(300))))
        features = pa.table({"x": pa.array(np.array([1, np.nan, 3], np.float32)), "c": codes})
        part = Rows(features, np.zeros(3), None, None)
        assert Shape.of([part, part], 256) == Shape(6, 2, 8, 300, 3, unused=2 * 300 - 8)
        matrix = Rows(sparse.csr_matrix(np.eye(3, dtype=np.float32)), np.zeros(3), None, None)
        assert Shape.of([matrix], 16) == Shape(3, 3, 3, 16, 3, unused=3 * 15, sparse=True)
        wide = Rows(sparse.csr_matrix(np.eye(6, dtype=np.float32) * range(6)), np.zeros(6), None, None)
        assert Shape.of([wide, wide], 2) == Shape(12, 6, 10, 2, 6, skipped=5 * 10 + 12, unused=2, sparse=True)

    def test_few_values_of_many_sparse_columns_take_little(self):
        """Of 100,000 rows of 20 ones in 20,000 columns 89 MB were seen."""
        rng = np.random.default_rng(0)
        columns, starts = np.sort(rng.integers(0, 20_000, (10_000, 20))), np.arange(0, 200_001, 20)
        matrix = sparse.csr_matrix((np.ones(200_000, np.float32), columns.ravel(), starts), shape=(10_000, 20_000))
        shape = Shape.of([Rows(matrix, np.zeros(10_000), None, None)] * 10, 256)
        assert 60 < self.of(shape).in_memory / MB < 100

    def test_one_column_that_is_almost_empty_has_all_numbered_by_row(self):
        """At 1,000,000 rows of 20 full columns it took 150 MB more than one that was nearly full."""
        x = np.full(1000, np.nan, np.float32)
        shapes = []
        for count in (50, 900):
            x[:count] = 1
            full = {f"x{i}": pa.array(np.ones(1000, np.float32)) for i in range(20)}
            shapes.append(Shape.of([Rows(pa.table({**full, "x": pa.array(x)}), np.zeros(1000), None, None)], 256))
        emptier, fuller = (self.of(shape, max_depth=1).cache for shape in shapes)
        assert emptier - fuller == pytest.approx(150_000, rel=0.1)
