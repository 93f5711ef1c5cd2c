"""The quantiles of the labels of all hosts, from which ``reg:quantileerror`` starts.

XGBoost 3.4 starts from the mean of the hosts' own quantiles, however many rows each has, and from NaN where one has
none (src/objective/quantile_obj.cu).
"""

from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from container.training.hosts.cluster import Cluster

Floats = NDArray[np.float64]


def with_start(params: dict[str, Any], data: xgboost.DMatrix, cluster: Cluster) -> dict[str, Any]:
    """The parameters with a ``base_score`` for each quantile, where XGBoost would average those of several hosts."""
    if cluster.size == 1 or params["objective"] != "reg:quantileerror" or "base_score" in params:
        return params
    found = quantiles(params["quantile_alpha"], data.get_label(), data.get_weight(), cluster)
    return params | {"base_score": [*map(float, found)]}


def quantiles(
    alphas: list[float], label: NDArray[np.float32], weight: NDArray[np.float32], cluster: Cluster
) -> list[float]:
    """XGBoost's quantiles of the labels of all hosts; ``label`` (rows,) and ``weight`` (rows,) or (0,) are this one's.

    Without weights they lie between two labels, at rank alpha * (rows + 1); with weights they are labels.
    """
    weighted = cluster.any(weight.size > 0)
    keys = _keys(label)
    order = np.argsort(keys)
    keys = keys[order]
    below = np.concatenate([np.zeros(1), np.cumsum(weight[order] if weight.size else np.ones(len(label)))])
    whole = float(cluster.total(below[-1:])[0])
    if weighted:
        return list(_reaching(np.array(alphas) * whole, keys, below, cluster))
    rank = np.clip(np.array(alphas) * (whole + 1), 1, whole)
    lower, upper = np.split(_reaching(np.concatenate([np.floor(rank), np.ceil(rank)]), keys, below, cluster), 2)
    return list(lower + rank % 1 * (upper - lower))


def _reaching(sums: Floats, keys: NDArray[np.int64], below: Floats, cluster: Cluster) -> Floats:
    """The least label up to which the weight of all hosts comes to each of the sums: one bit of its key at a time."""
    low, high = np.full(len(sums), _LEAST), np.full(len(sums), _GREATEST)
    for _ in range(32):
        middle = (low + high) // 2
        reached = cluster.total(below[np.searchsorted(keys, middle, "right")]) >= sums
        low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
    return _labels(high)


_LEAST, _GREATEST = -(2**31), 2**31 - 1


def _keys(labels: NDArray[np.float32]) -> NDArray[np.int64]:
    """Whole numbers in the order of the labels: a float's bits, those of negative ones turned around."""
    bits = labels.view(np.int32).astype(np.int64)
    return np.where(bits < 0, _LEAST - bits - 1, bits)


def _labels(keys: NDArray[np.int64]) -> Floats:
    bits = np.where(keys < 0, _LEAST - keys - 1, keys)
    return bits.astype(np.int32).view(np.float32).astype(np.float64)
