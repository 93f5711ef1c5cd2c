"""Bins found by sorting: XGBoost's own where it has all values, of equal rows where it has a summary."""

import tracemalloc
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from container.training.rows import cuts


def table(*columns: np.ndarray) -> pa.Table:
    return pa.table([pa.array(column) for column in columns], [f"c{j}" for j in range(len(columns))])


def bins(data: pa.Table, max_bin: int, reference: xgboost.DMatrix | None = None) -> list[list[float]]:
    """Where each column's bins begin; first the least there is, at last what is beyond the greatest."""
    matrix = xgboost.QuantileDMatrix(data, max_bin=max_bin, nthread=1, ref=reference)
    starts, values = matrix.get_quantile_cut()
    return [values[a:b].tolist() for a, b in pairwise(starts)]


def ours(parts: Sequence[pa.Table], max_bin: int) -> list[list[float]]:
    edges = xgboost.QuantileDMatrix(cuts.edges(parts, max_bin, 2), max_bin=max_bin, nthread=1)
    return bins(pa.concat_tables(parts), max_bin, edges)


values = st.one_of(
    st.floats(-(2.0**90), 2.0**90, width=32), st.sampled_from([0.0, -0.0, 1.0, 7.0]), st.integers(-9, 9).map(float)
)


@given(arrays(np.float32, st.integers(1, 40), elements=st.one_of(values, st.just(np.nan))), st.integers(20, 300))
@settings(deadline=None)
def test_few_values_are_all_kept(column, max_bin):
    assert ours([table(column)], max_bin) == bins(table(column), max_bin)


@pytest.mark.parametrize("kind", ["numbers", "counts", "many zeros", "missing", "two values", "one value", "none"])
def test_xgboosts_own_bins_where_it_sees_every_value(kind):
    random = np.random.default_rng(5)
    for count in (1, 2, 3, 255, 256, 257, 258, 400, 500):
        normal = random.normal(size=count)
        column = {
            "numbers": normal,
            "counts": random.poisson(90, count),
            "many zeros": np.where(random.random(count) < 0.7, 0, normal),
            "missing": np.where(random.random(count) < 0.3, np.nan, normal),
            "two values": random.integers(0, 2, count) + 0.5,
            "one value": np.full(count, 3),
            "none": np.full(count, np.nan),
        }[kind].astype(np.float32)
        assert ours([table(column)], 256) == bins(table(column), 256)


@pytest.mark.parametrize("max_bin", [2, 3, 16, 256])
def test_bins_have_equal_rows_however_many_rows_there_are(max_bin):
    count = 100_000
    column = np.random.default_rng(0).lognormal(size=count).astype(np.float32)
    (found,) = ours([table(column)], max_bin)
    rows = np.diff(np.searchsorted(np.sort(column), found))
    assert len(rows) == max_bin
    assert rows.max() - rows.min() <= 2
    (summary,) = bins(table(column), max_bin)
    assert np.ptp(np.diff(np.searchsorted(np.sort(column), summary))) > 2  # which errs


def test_no_bin_is_lost_to_a_value_that_most_rows_have():
    random = np.random.default_rng(0)
    column = np.where(random.random(50_000) < 0.9, 0, random.normal(size=50_000)).astype(np.float32)
    (found,) = ours([table(column)], 64)
    assert len(found) == 65


def test_columns_of_several_parts_are_one():
    random = np.random.default_rng(1)
    whole = table(random.normal(size=5000).astype(np.float32), random.integers(0, 9, 5000).astype(np.float64))
    parts = [whole.slice(0, 1), whole.slice(1, 3000), whole.slice(3001)]
    assert cuts.edges(parts, 64, 1).equals(cuts.edges([whole], 64, 4))


@pytest.mark.parametrize("codes", [[0, 1, 2, 1], [1, None, 0, 0], [None, None], [3]])
def test_a_category_has_a_bin_up_to_the_last_that_occurs(codes):
    names = pa.array([*"abcde"])
    data = pa.table({"c": pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), names)})
    assert ours([data], 256) == bins(data, 256)


def test_numbers_beside_categories():
    random = np.random.default_rng(2)
    codes = pa.array(random.integers(0, 300, 4000).astype(np.int32), mask=random.random(4000) < 0.1)
    data = pa.table(
        {
            "c": pa.DictionaryArray.from_arrays(codes, pa.array([f"n{i}" for i in range(300)])),
            "x": pa.array(random.integers(0, 12, 4000).astype(np.float32)),
        }
    )
    assert ours([data], 16) == bins(data, 16)


@pytest.mark.parametrize("distinct", [10, 1 << 20])
def test_a_column_takes_little_more_memory_than_its_numbers(distinct):
    column = np.random.default_rng(0).integers(0, distinct, 500_000).astype(np.float32)
    data = table(column)
    tracemalloc.start()
    try:
        cuts.edges([data], 256, 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.6 * column.nbytes  # sorted, and a byte for each that says where the next is greater


def test_infinity_is_refused_as_xgboost_refuses_it():
    data = table(np.array([1, np.inf, 2], np.float32))
    with pytest.raises(xgboost.core.XGBoostError, match="inf"):
        ours([data], 16)
