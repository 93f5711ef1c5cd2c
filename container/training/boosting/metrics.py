"""The scikit-learn style metrics of ``eval_metric``, from the model's decision, weighted as XGBoost's are.

Definitions: scikit-learn's of the same names; a score with a zero denominator is 0, as there by default.
Over several targets a score is their mean.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from container.training.hyperparameters.metric_names import OUR_METRICS, as_reported

Floats = NDArray[np.float64]
CustomMetric = Callable[[NDArray[np.float32], xgboost.DMatrix], list[tuple[str, float]]]

_OF_MARGINS = ("logloss", "error")
"""Metrics for which XGBoost 3.4 takes the margins of ``binary:logitraw`` as if they were probabilities
(src/objective/regression_obj.cu); a logloss is then below 0, or falls while the model becomes worse."""

Total = Callable[[Floats], Floats]
"""Sums an array over all hosts, element by element."""


def divide(asked: Sequence[str], params: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The metrics to compute here, and the parameters with those left to XGBoost; without any, with its default."""
    if params["objective"] != "binary:logitraw":
        return [name for name in asked if name in OUR_METRICS], params
    names = [as_reported(name) for name in asked or ("logloss",)]
    here = [name for name in names if name in OUR_METRICS or name in _OF_MARGINS]
    return here, without(params, here)


def without(params: dict[str, Any], metrics: Collection[str]) -> dict[str, Any]:
    """The parameters without these metrics; nor with the objective's default in place of them."""
    left = [name for name in params.get("eval_metric", ()) if as_reported(name) not in metrics]
    others = {name: value for name, value in params.items() if name != "eval_metric"}
    return {**others, **({"eval_metric": left} if left else {"disable_default_eval_metric": 1})}


def custom_metric(names: Sequence[str], params: dict[str, Any], total: Total) -> CustomMetric | None:
    """A function of predictions and data that computes these metrics over all hosts, None where there are none."""
    if not names:
        return None

    def evaluate(predictions: NDArray[np.float32], data: xgboost.DMatrix) -> list[tuple[str, float]]:
        label = data.get_label().astype(np.float64)
        weight = data.get_weight().astype(np.float64)
        if weight.size and (ends := data.get_uint_info("group_ptr")).size:
            weight = np.repeat(weight, np.diff(ends))  # in ranking XGBoost has one a query
        weight = weight if weight.size else np.ones(len(label))
        return compute(names, params["objective"], predictions, label, weight, params.get("num_class", 2), total)

    return evaluate


def compute(
    names: Sequence[str],
    objective: str,
    predictions: NDArray[np.float32],
    label: Floats,
    weight: Floats,
    classes: int = 2,
    total: Total = lambda sums: sums,
) -> list[tuple[str, float]]:
    """Each metric's value; ``predictions`` (rows,) or (rows, classes), ``label`` and ``weight`` (rows,)."""
    values = predictions.astype(np.float64)
    results = []
    counts: _Counts | None = None
    for name in names:
        if name in ("mse", "r2"):
            results.append((name, (_mse if name == "mse" else _r2)(values, label, weight, total)))
            continue
        if name == "logloss":
            results.append((name, _logloss(values, label, weight, total)))
            continue
        counts = counts or _Counts(label.astype(np.intp), decide(predictions, objective), weight, classes, total)
        results.append((name, counts.score(name, binary=not objective.startswith("multi:"))))
    return results


def decide(predictions: NDArray[np.float32], objective: str) -> NDArray[np.intp]:
    """The class each row is given: the likeliest, or the positive one above half its probability."""
    if predictions.ndim == 2 and predictions.shape[1] > 1:
        return predictions.argmax(axis=1)
    flat = predictions.reshape(-1)
    if objective in ("multi:softmax", "binary:hinge"):
        return flat.astype(np.intp)
    return (flat > (0 if objective == "binary:logitraw" else 0.5)).astype(np.intp)


def _logloss(margins: Floats, label: Floats, weight: Floats, total: Total) -> float:
    losses, weights = total(np.array([(weight * (np.logaddexp(0, margins) - label * margins)).sum(), weight.sum()]))
    return _ratio(losses, weights)


def _mse(values: Floats, label: Floats, weight: Floats, total: Total) -> float:
    if label.ndim == 2:
        return float(np.mean([_mse(*of, weight, total) for of in zip(values.T, label.T, strict=True)]))
    squares, weights = total(np.array([(weight * (values - label) ** 2).sum(), weight.sum()]))
    return _ratio(squares, weights)


def _r2(values: Floats, label: Floats, weight: Floats, total: Total) -> float:
    if label.ndim == 2:
        return float(np.mean([_r2(*of, weight, total) for of in zip(values.T, label.T, strict=True)]))
    labels, weights = total(np.array([(weight * label).sum(), weight.sum()]))
    spread = weight * (label - _ratio(labels, weights)) ** 2
    residual, around_mean = total(np.array([(weight * (values - label) ** 2).sum(), spread.sum()]))
    if around_mean == 0:
        return 1.0 if residual == 0 else 0.0
    return float(1 - residual / around_mean)


class _Counts:
    """Weighted counts of true, predicted and rightly predicted rows for each class that occurs."""

    def __init__(
        self, label: NDArray[np.intp], decided: NDArray[np.intp], weight: Floats, classes: int, total: Total
    ) -> None:
        right = label == decided
        counts = [
            np.bincount(label, weight, classes),
            np.bincount(decided, weight, classes),
            np.bincount(label[right], weight[right], classes),
            np.bincount(label, minlength=classes) + np.bincount(decided, minlength=classes),
        ]
        self.true, self.predicted, self.right, occurs = total(np.stack(counts).astype(np.float64))
        self.present = occurs > 0
        self.total = float(self.true.sum())

    def score(self, name: str, *, binary: bool) -> float:
        if name == "accuracy":
            return _ratio(self.right.sum(), self.total)
        if name == "error":
            return _ratio(self.total - self.right.sum(), self.total)
        recall = _ratios(self.right, self.true)
        if name == "balanced_accuracy":
            return float(recall[self.true > 0].mean())
        kind, _, average = name.partition("_")
        average = average or ("binary" if binary else "macro")
        if average == "micro":
            return _ratio(self.right.sum(), self.total)
        precision = _ratios(self.right, self.predicted)
        by_class = {
            "precision": precision,
            "recall": recall,
            "f1": _ratios(2 * self.right, self.true + self.predicted),
        }[kind]
        return float(by_class[1] if average == "binary" else by_class[self.present].mean())


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _ratios(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)
