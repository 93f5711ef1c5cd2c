"""Pairs of index and value to the sparse matrix that every format of such pairs gives."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from container.errors import DataError

MAX_INDEX = 10_000_000
"""Beyond this an index is a hash or a mistake: a booster's histograms need memory for every column up to it."""


def to_csr(
    counts: NDArray[np.int64], indices: NDArray[np.number], values: NDArray[np.number], width: int = 0
) -> sparse.csr_matrix:
    """float32 CSR of shape (rows, width), or wider where an index is beyond; indices ascend within a row.

    ``counts`` is the number of pairs in each row, ``indices`` and ``values`` those of all rows, one after the other.

    Raises:
        DataError: with its row, an index that is too large or stands twice, or a value that is not finite in float32.
    """
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    rows = np.repeat(np.arange(len(counts)), counts)
    if (indices > MAX_INDEX).any():
        first = int(np.argmax(indices > MAX_INDEX))
        raise DataError(
            f"the feature index {indices[first]:.0f} is beyond {MAX_INDEX:,}",
            "number the features from 0 without gaps",
            row=int(rows[first]),
        )
    if np.isinf(narrow).any():
        raise DataError(
            "a value is infinite or beyond what a 32-bit float holds",
            "use finite numbers",
            row=int(rows[np.argmax(np.isinf(narrow))]),
        )
    order = np.lexsort((indices, rows))
    rows, columns, narrow = rows[order], indices[order].astype(np.int32), narrow[order]
    double = (np.diff(columns) == 0) & (np.diff(rows) == 0)
    if double.any():
        first = int(np.argmax(double))
        raise DataError(
            f"the feature index {columns[first]} stands twice in the row",
            "give each index one value",
            row=int(rows[first]),
        )
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_matrix(
        (narrow, columns, indptr), shape=(len(counts), max(width, int(columns.max(initial=-1)) + 1))
    )
