"""How much memory training will take, from what is known before it begins.

The bytes per cell and per row are those of XGBoost 3.4's structures (GHistIndexMatrix and its ColumnMatrix,
SparsePage, HistogramStorage, RowSetCollection); bench/out_of_core.py holds them to what is measured.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from container.data.arrow import numbers_of
from container.training.hyperparameters.parse import Hyperparameters
from container.training.rows.encoded import Rows
from container.training.rows.matrix import takes_histograms

_PAGES = 5
"""Pages of the matrix at once: the one worked on, those XGBoost reads ahead, and one in the making."""
_NODE_LIMIT = 1 << 16
_GRADIENT = 16  # a sum of gradients and one of hessians, float64
_GROWN = 24  # bytes a row: where it is in the tree, twice, and its label, twice


@dataclass(frozen=True)
class Shape:
    """The data's size: rows, features, the cells that hold a value, the most bins of a feature, the rows of the largest
    part, and the targets.
    """

    rows: int
    features: int
    present: int
    bins: int
    largest_part: int
    outputs: int = 1

    @classmethod
    def of(cls, parts: Iterable[Rows], max_bin: int) -> "Shape":
        rows = features = present = largest = 0
        bins, outputs = max_bin, 1
        for part in parts:
            count, data = len(part.label), part.features
            rows, largest, features = rows + count, max(largest, count), data.shape[1]
            outputs = part.label.shape[1] if part.label.ndim == 2 else 1
            if isinstance(data, sparse.csr_matrix):
                present += int(data.nnz)
                continue
            for column in data.columns:
                present += count - missing(column)
                if hasattr(column.type, "value_type"):
                    bins = max(bins, len(column.chunk(0).dictionary)) if column.num_chunks else bins
        return cls(rows, features, present, bins, largest, outputs)

    @property
    def cells(self) -> int:
        return self.rows * self.features


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
    copies = (shape.present * 8 if folds or ranked else 0) + (shape.cells * 4 if folds else 0)
    values = 8 * (shape.present + shape.rows)
    joined = shape.cells * 4  # the parts, while a plain matrix is made of them
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
    bins = index + shape.cells * width + (0 if dense else shape.cells // 8)
    rounds += _histograms(shape, params) * (outputs if params.get("multi_strategy") == "multi_output_tree" else 1)
    matrix = bins + (values if continues else 0)
    share = shape.largest_part / max(1, shape.rows)
    pages = int(share * (_PAGES * matrix + 4 * shape.cells))  # and a batch of rows
    external = None if folds or ranked else rounds + pages
    return Estimate(matrix + rounds + copies + (joined if continues else 0), external, matrix)


def _histograms(shape: Shape, params: Mapping[str, Any]) -> int:
    depth, leaves = params.get("max_depth", 6), params.get("max_leaves", 0)
    nodes = min(1 << depth if depth else leaves or _NODE_LIMIT, 2 * leaves or _NODE_LIMIT, 2 * shape.rows)
    nodes = min(nodes, params.get("max_cached_hist_node", _NODE_LIMIT))
    threads = params.get("nthread", 1)
    return int(nodes * (1 + threads / 2) * shape.features * shape.bins * _GRADIENT)
