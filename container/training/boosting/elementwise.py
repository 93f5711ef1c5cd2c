"""XGBoost's elementwise metrics, by the compiled core: the losses XGBoost 3.4 sums, in a fraction of its time.

There all threads add each row to sums that lie in one cache line (`Reduce` in src/metric/elementwise_metric.cu), and
take turns with it. Predictions and losses are float32 here as there, but for logarithms, which are not rounded to it:
a logloss is XGBoost's within the 6e-8 of that rounding, the others to ten digits and more.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

try:
    import _xgboost_serving as native
except ImportError:
    native = None

_LOSSES = {"logloss": "logloss", "error": "error", "mae": "absolute", "rmse": "squared"}
_DEFAULTS = {
    "binary:logistic": "logloss",
    "reg:logistic": "rmse",
    "reg:squarederror": "rmse",
    "reg:absoluteerror": "mae",
}
"""The objectives whose predictions are margins or their logistic function, and the metric of each."""
_BLOCK = 1 << 17
"""Rows that are worth a thread: a quarter of a millisecond. Their sums are added in order, whoever made them."""

Floats = NDArray[np.float32]
Evals = Sequence[tuple[xgboost.DMatrix, str]]


@dataclass(frozen=True)
class Elementwise:
    """Computes ``metrics`` of one prediction a row, on as many ``threads``."""

    metrics: tuple[str, ...]
    logistic: bool
    labels: dict[str, Floats]
    threads: int
    pool: ThreadPoolExecutor

    @classmethod
    def of(cls, params: dict[str, Any], evals: Evals) -> "Elementwise | None":
        """For all of a job's metrics that are XGBoost's; None where XGBoost itself has to compute one.

        It has to for other metrics and objectives, where rows have weights or several targets, and on a GPU.
        """
        objective = params["objective"]
        metrics = tuple(params.get("eval_metric") or _DEFAULTS.get(objective, "").split())
        if native is None or objective not in _DEFAULTS or not metrics or not _LOSSES.keys() >= {*metrics}:
            return None
        if params.get("disable_default_eval_metric") or str(params.get("device", "cpu")).startswith("cuda"):
            return None
        if any(data.get_weight().size for data, _ in evals):
            return None
        labels = {name: data.get_label() for data, name in evals}
        if any(label.shape != (data.num_row(),) for label, (data, _) in zip(labels.values(), evals, strict=True)):
            return None
        logistic = objective.endswith(":logistic")
        if "logloss" in metrics and not (logistic and all(map(_are_classes, labels.values()))):
            return None
        threads = params.get("nthread") or 1
        return cls(metrics, logistic, labels, threads, ThreadPoolExecutor(threads))

    def scores(self, booster: xgboost.Booster, evals: Evals) -> dict[str, float]:
        """The metrics of each data by name, such as ``train-rmse``, of the model as it is."""
        found = {}
        for data, name in evals:
            margins = booster.predict(data, output_margin=True, training=False, validate_features=False)
            for metric in self.metrics:
                total = self._total(_LOSSES[metric], margins, self.labels[name])
                mean = total / len(margins) if len(margins) else total
                found[f"{name}-{metric}"] = sqrt(mean) if metric == "rmse" else mean
        return found

    def _total(self, loss: str, margins: Floats, label: Floats) -> float:
        def of(first: int) -> float:
            rows = slice(first, first + _BLOCK)
            return float(native.total_loss(loss, self.logistic, margins[rows], label[rows]))

        firsts = range(0, len(margins), _BLOCK)
        if len(firsts) < 2 or self.threads < 2:
            return sum(map(of, firsts), 0.0)
        return sum(self.pool.map(of, firsts), 0.0)


def _are_classes(label: Floats) -> bool:
    return bool(((label == 0) | (label == 1)).all())
