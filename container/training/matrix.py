"""Rows to a DMatrix: quantised where the tree method works on histograms, plain where it needs the values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xgboost
from scipy import sparse

from container.data.schema import Schema
from container.data.table import Kind
from container.errors import UserError, listing
from container.training.rows import Rows


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
    linear = params.get("booster") == "gblinear"
    if not (linear or params.get("tree_method") == "exact"):
        return
    names = tuple(feature.name for feature in schema.features if feature.kind is Kind.CATEGORY)
    if names:
        what = "booster 'gblinear'" if linear else "tree_method 'exact'"
        raise UserError(
            f"{what} cannot use the text columns {listing(names)}; "
            f"use {'gbtree' if linear else 'hist'}, or name them in ignore_columns"
        )


def build(parts: Sequence[Rows], params: dict[str, Any], reference: xgboost.DMatrix | None = None) -> xgboost.DMatrix:
    """One DMatrix of all parts; ``reference`` is the training matrix, whose bins a validation matrix shares."""
    label = np.concatenate([part.label for part in parts])
    common: dict[str, Any] = {"label": label, "nthread": params.get("nthread")}
    if params.get("objective") == "survival:aft":
        common |= {"label_lower_bound": label, "label_upper_bound": label}
    weights = [part.weight for part in parts if part.weight is not None]
    if weights:
        common["weight"] = np.concatenate(weights)
    groups = [part.group for part in parts if part.group is not None]
    if groups:
        common["qid"] = np.concatenate(groups)
    features = _join(parts)
    if takes_histograms(params):
        bins = {"max_bin": params["max_bin"]} if "max_bin" in params else {}
        return xgboost.QuantileDMatrix(features, ref=reference, **common, **bins)
    return xgboost.DMatrix(features, **common)


def _join(parts: Sequence[Rows]) -> Any:
    if isinstance(parts[0].features, sparse.csr_matrix):
        return sparse.vstack([part.features for part in parts], format="csr") if len(parts) > 1 else parts[0].features
    import pyarrow as pa

    return pa.concat_tables([part.features for part in parts])
