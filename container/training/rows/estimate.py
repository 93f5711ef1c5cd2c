"""How much memory training will take, from what is known before it begins.

The bytes per cell and per row are those of XGBoost 3.4's structures (GHistIndexMatrix and its ColumnMatrix,
SparsePage, HistogramStorage, RowSetCollection); bench/out_of_core.py holds them to what is measured.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from container.data.arrow import numbers_of
from container.training.hyperparameters.parse import Hyperparameters
from container.training.rows.encoded import Rows
from container.training.rows.matrix import takes_histograms

_PAGES = 5
"""Pages of the matrix at once: the one worked on, those XGBoost reads ahead, and one in the making."""
_NODE_LIMIT = 1 << 16
_SPARSE_COLUMN = 0.2  # XGBoost's sparse_threshold: a column that is less full has the number of the row at each value
_PIECE = 1 << 20
_GRADIENT = 16  # a sum of gradients and one of hessians, float64
_GROWN = 24  # bytes a row: where it is in the tree, twice, and its label, twice


@dataclass(frozen=True)
class Shape:
    """The data's size: rows, features, the cells that hold a value, the most bins of a feature, the rows of the largest
    part, and the targets.

    ``skipped`` are the missing cells of the columns that are less than a fifth full, which XGBoost does not store;
    ``unused`` the bins that features with few values do not have; ``sparse`` rows have an index with each value.
    """

    rows: int
    features: int
    present: int
    bins: int
    largest_part: int
    outputs: int = 1
    skipped: int = 0
    unused: int = 0
    sparse: bool = False

    @classmethod
    def of(cls, parts: Iterable[Rows], max_bin: int) -> "Shape":
        rows = largest = 0
        bins, outputs, is_sparse = max_bin, 1, False
        filled = np.zeros(0, np.int64)  # cells, by column
        values = np.zeros(0, np.float32)  # of sparse rows: they may be few, such as 1 alone
        for part in parts:
            count, data = len(part.label), part.features
            rows, largest = rows + count, max(largest, count)
            outputs = part.label.shape[1] if part.label.ndim == 2 else 1
            if isinstance(data, sparse.csr_matrix):
                is_sparse, found = True, _filled(data)
                values = _with_others(values, data.data, max_bin)
            else:
                found = np.array([count - missing(column) for column in data.columns])
                coded = [column for column in data.columns if hasattr(column.type, "value_type") and column.num_chunks]
                bins = max([bins, *(len(column.chunk(0).dictionary) for column in coded)])
            filled = found if not len(filled) else filled + found
        skipped = (rows - filled)[filled < _SPARSE_COLUMN * rows].sum()
        unused = (bins - np.minimum(filled, min(bins, len(values)) if is_sparse else bins)).sum()
        present = filled.sum()
        return cls(rows, len(filled), int(present), bins, largest, outputs, int(skipped), int(unused), is_sparse)

    @property
    def cells(self) -> int:
        return self.rows * self.features

    @property
    def as_rows(self) -> int:
        """The bytes of all rows, in one copy."""
        return 8 * self.present if self.sparse else 4 * self.cells


def _filled(rows: sparse.csr_matrix) -> NDArray[np.int64]:
    """The cells of each column that hold a value; in pieces, for numpy counts in 64 bits."""
    found = np.zeros(rows.shape[1], np.int64)
    for first in range(0, rows.nnz, _PIECE):
        found += np.bincount(rows.indices[first : first + _PIECE], minlength=len(found))
    return found


def _with_others(known: NDArray[np.float32], values: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """The known values and those that differ from them, or if they are more, at least ``most`` of them."""
    for first in range(0, len(values), _PIECE):
        if len(known) >= most:
            break
        piece = values[first : first + _PIECE]
        known = np.union1d(known, piece[~np.isin(piece, known)])
    return known


def missing(column: Any) -> int:
    """How many cells of an Arrow column, float32 or a dictionary, hold no value."""
    if column.null_count or hasattr(column.type, "value_type"):
        return int(column.null_count)
    return sum(int(np.count_nonzero(np.isnan(numbers_of(chunk)))) for chunk in column.chunks)


@dataclass(frozen=True)
class Estimate:
    """Bytes that training takes beside the rows themselves: with the matrix in memory, and with its bins on disk.

    ``external`` is None where the method needs all of it in memory. ``cache`` is what the matrix takes on disk.
    """

    in_memory: int
    external: int | None
    cache: int = 0


def estimate(
    shape: Shape, params: Mapping[str, Any], hyperparameters: Hyperparameters, ranked: bool, continues: bool = False
) -> Estimate:
    """What these rounds need; ``ranked`` says that rows have queries, by which they are sorted.

    Rounds that ``continues`` says are added to an earlier model need the rows' values beside their bins.
    """
    folds = hyperparameters.kfold
    outputs = max(shape.outputs, params.get("num_class") or 1)
    for name in ("quantile_alpha", "expectile_alpha"):
        outputs = max(outputs, len(params.get(name) or ()))
    rounds = shape.rows * (_GROWN + 24 * outputs)
    copies = (shape.present * 8 if folds or ranked else 0) + (shape.as_rows if folds else 0)
    values = 8 * (shape.present + shape.rows)
    joined = shape.as_rows  # the parts, while a plain matrix is made of them
    if str(params.get("device", "")).startswith("cuda"):
        host = rounds + copies + (values + joined if continues else 0)
        return Estimate(host, host)
    if not takes_histograms(dict(params)):
        method = params.get("tree_method")
        a_cell = 8 + (6 if method == "approx" else 8)
        return Estimate(shape.present * a_cell + joined + rounds + copies, None)
    width = 1 if shape.bins <= 1 << 8 else 2 if shape.bins <= 1 << 16 else 4
    dense = shape.present == shape.cells
    index = shape.present * (width if dense else 4) + 8 * shape.rows
    stored = shape.cells - shape.skipped
    # Where one column is sparse, each cell of all has the number of its row (`ColumnMatrix::InitStorage`).
    bins = index + stored * (width + (8 if shape.skipped else 0)) + (0 if dense else stored // 8)
    rounds += _histograms(shape, params) * (outputs if params.get("multi_strategy") == "multi_output_tree" else 1)
    matrix = bins + (values if continues else 0)
    share = shape.largest_part / max(1, shape.rows)
    pages = int(share * (_PAGES * matrix + shape.as_rows))  # and a batch of rows
    external = None if folds or ranked else rounds + pages
    return Estimate(matrix + rounds + copies + (joined if continues else 0), external, matrix)


def _histograms(shape: Shape, params: Mapping[str, Any]) -> int:
    depth, leaves = params.get("max_depth", 6), params.get("max_leaves", 0)
    nodes = min(1 << depth if depth else leaves or _NODE_LIMIT, 2 * leaves or _NODE_LIMIT, 2 * shape.rows)
    nodes = min(nodes, params.get("max_cached_hist_node", _NODE_LIMIT))
    threads = params.get("nthread", 1)
    return int(nodes * (1 + threads / 2) * (shape.features * shape.bins - shape.unused) * _GRADIENT)
