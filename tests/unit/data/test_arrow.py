"""Arrays to Arrow's and back by their buffers: just what pyarrow itself makes of them."""

import numpy as np
import pyarrow as pa
import pytest

from container.data.arrow import array_of, array_of_text, numbers_of


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.int64])
def test_numbers_both_ways(kind):
    values = np.array([1, 0, 3], kind)
    array = array_of(values)
    assert array.equals(pa.array(values))
    assert numbers_of(array).tolist() == [1, 0, 3]
    assert numbers_of(array.slice(1, 1)).tolist() == [0]
    assert numbers_of(array_of(values[:0])).tolist() == []
    assert array_of(np.repeat(values, 2)[::2]).equals(array)


@pytest.mark.parametrize("missing", [[False] * 9, [True] * 9, [True, False, False] * 3])
def test_missing_numbers_are_null(missing):
    values, missing = np.arange(9, dtype=np.int32), np.array(missing)
    array = array_of(values, missing)
    assert array.equals(pa.array(values, mask=missing))
    assert array.null_count == missing.sum()
    array.validate(full=True)


@pytest.mark.parametrize("values", [[], [""], ["a", "", "日本", "bc"], ["x" * 1000] * 3])
def test_text(values):
    array = array_of_text(values)
    assert array.equals(pa.array(values, pa.string()))
    array.validate(full=True)
