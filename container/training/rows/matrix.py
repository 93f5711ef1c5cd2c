"""Rows to a DMatrix: quantised where the tree method works on histograms, plain where the values are needed.

The trees of an earlier model need them: XGBoost 3.4 follows trees on a quantised matrix by the bins' edges
(`GHistIndexMatrix::GetFvalue`), and thresholds that are no edges then part rows wrongly.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy import sparse

from container.data.schema import Schema
from container.data.table import Kind
from container.errors import UserError, listing
from container.training.refusals import explained
from container.training.rows import cuts
from container.training.rows.batches import Batches
from container.training.rows.encoded import Rows, check_alike, join, take
from container.training.rows.groups import named

if TYPE_CHECKING:
    import pyarrow as pa


def takes_histograms(params: dict[str, Any]) -> bool:
    """Whether these parameters train on quantised values, which take a quarter of the memory."""
    if params.get("booster") == "gblinear" or params.get("process_type") == "update" or "updater" in params:
        return False
    return params.get("tree_method", "auto") in ("auto", "hist")


def check_categories(params: dict[str, Any], schema: Schema) -> None:
    """Refuse categories where the method cannot split on them.

    Raises:
        UserError: names the columns and what to do.
    """
    if params.get("booster") == "gblinear":
        what, instead = "booster 'gblinear'", "gbtree"
    elif str(params.get("updater")).startswith("grow_colmaker"):
        what, instead = "updater 'grow_colmaker'", "grow_quantile_histmaker"
    elif params.get("tree_method") == "exact":
        what, instead = "tree_method 'exact'", "hist"
    else:
        return
    names = tuple(feature.name for feature in schema.features if feature.kind is Kind.CATEGORY)
    if names:
        raise UserError(
            f"{what} cannot use the text columns {listing(names)}; use {instead}, or name them in ignore_columns"
        )


def build(
    parts: Sequence[Rows],
    params: dict[str, Any],
    reference: xgboost.DMatrix | None = None,
    *,
    codes_only: bool = False,
    cache: Path | None = None,
    continues: bool = False,
) -> xgboost.DMatrix:
    """One DMatrix of all parts; ``reference`` is the training matrix, whose bins a validation matrix shares.

    The rows of a query are brought together, in the order of the query ids. With ``codes_only`` XGBoost is
    not told the categories' names: between hosts it cannot agree on them where one has no rows. With ``cache``, a
    folder, the bins are kept there; they are the same. Where training ``continues`` an earlier model the matrix has the
    rows' values beside the bins.

    Raises:
        UserError: rows of one query have different weights.
        XGBoostRefusalError: XGBoost cannot take the data.
    """
    check_alike(parts)
    parts = [part for part in parts if len(part.label)] or parts[:1]
    quantised = takes_histograms(params) and not continues
    if len(parts) > 1 and ((not quantised and cache is None) or parts[0].group is not None):
        parts = [join(parts)]
    if (group := parts[0].group) is not None and (group[1:] < group[:-1]).any():
        parts = [take(parts[0], np.argsort(group, kind="stable"))]
    about = partial(_about, params=params, codes_only=codes_only)
    prefix = None if cache is None else str(cache / ("train" if reference is None else "validation"))
    settings = {"ref": reference, "nthread": params.get("nthread"), "max_bin": params.get("max_bin", 256)}
    with explained("take the data"):
        if not quantised:
            data = about(parts[0]) if prefix is None else {"data": Batches(parts, about, prefix)}
            return xgboost.DMatrix(**data, nthread=settings["nthread"])
        if reference is None and not codes_only and _sorted_for_bins(parts, params):
            edges = cuts.edges([part.features for part in parts], settings["max_bin"], params.get("nthread") or 1)
            settings["ref"] = xgboost.QuantileDMatrix(edges, **settings)
        if prefix is not None:
            return xgboost.ExtMemQuantileDMatrix(Batches(parts, about, prefix), **settings)
        return xgboost.QuantileDMatrix(Batches(parts, about), **settings)


def _sorted_for_bins(parts: Sequence[Rows], params: dict[str, Any]) -> bool:
    """Whether the bins are worth finding here; XGBoost weighs weighted rows, and a GPU needs no help."""
    return (
        sum(len(part.label) for part in parts) >= cuts.FEWEST_ROWS
        and parts[0].weight is None
        and not isinstance(parts[0].features, sparse.csr_matrix)
        and not str(params.get("device", "cpu")).startswith("cuda")
    )


def _about(rows: Rows, params: dict[str, Any], codes_only: bool) -> dict[str, Any]:
    """The rows as the arguments of a DMatrix."""
    about: dict[str, Any] = {"data": rows.features, "label": rows.label, "weight": rows.weight}
    if rows.group is not None:  # numbered anew: XGBoost keeps 32 bits of an id
        about["qid"] = np.unique(rows.group, return_inverse=True)[1]
        about["weight"] = None if rows.weight is None else _of_queries(rows.weight, rows.group)
    if params.get("objective") == "survival:aft":
        about |= {
            "label_lower_bound": rows.label,
            "label_upper_bound": rows.label if rows.upper is None else rows.upper,
        }
    if codes_only and not isinstance(rows.features, sparse.csr_matrix):
        about["data"], about["feature_names"], about["feature_types"] = _codes(rows.features)
    return about


def _codes(features: "pa.Table") -> tuple[NDArray[np.float32], list[str], list[str]]:
    """The features as one float32 matrix with category codes, their names and their types."""
    import pyarrow as pa

    columns = np.empty((features.num_rows, features.num_columns), dtype=np.float32)
    types = []
    for place, column in enumerate(features.columns):
        category = pa.types.is_dictionary(column.type)
        types.append("c" if category else "float")
        values = [chunk.indices if category else chunk for chunk in column.chunks]
        columns[:, place] = np.concatenate([v.to_numpy(zero_copy_only=False) for v in values] or [np.empty(0)])
    return columns, features.column_names, types


def _of_queries(weight: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """One weight a query, as XGBoost wants them for ranking; ``group`` is sorted."""
    _, first, member = np.unique(group, return_index=True, return_inverse=True)
    by_query = weight[first]
    differs = by_query[member] != weight
    if differs.any():
        query = group[int(np.argmax(differs))]
        raise UserError(f"the rows of {named(int(query))} have different weights; in ranking a query has one weight")
    return by_query
