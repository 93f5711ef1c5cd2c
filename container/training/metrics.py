"""The scikit-learn style metrics of ``eval_metric``, from the model's decision, weighted as XGBoost's are.

Definitions: scikit-learn's of the same names; a score with a zero denominator is 0, as there by default.
"""

from collections.abc import Callable, Sequence

import numpy as np
import xgboost
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CustomMetric = Callable[[NDArray[np.float32], xgboost.DMatrix], list[tuple[str, float]]]


def custom_metric(names: Sequence[str], objective: str) -> CustomMetric | None:
    """What ``xgboost.train(custom_metric=…)`` takes to compute these metrics, or None where there are none."""
    if not names:
        return None

    def evaluate(predictions: NDArray[np.float32], data: xgboost.DMatrix) -> list[tuple[str, float]]:
        label = data.get_label().astype(np.float64)
        weight = data.get_weight().astype(np.float64)
        return compute(names, objective, predictions, label, weight if weight.size else np.ones(len(label)))

    return evaluate


def compute(
    names: Sequence[str], objective: str, predictions: NDArray[np.float32], label: Floats, weight: Floats
) -> list[tuple[str, float]]:
    """Each metric's value; ``predictions`` (rows,) or (rows, classes), ``label`` and ``weight`` (rows,)."""
    values = predictions.astype(np.float64)
    results = []
    counts: _Counts | None = None
    for name in names:
        if name in ("mse", "r2"):
            results.append((name, _mse(values, label, weight) if name == "mse" else _r2(values, label, weight)))
            continue
        counts = counts or _Counts(label.astype(np.intp), decide(predictions, objective), weight)
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


def _mse(values: Floats, label: Floats, weight: Floats) -> float:
    return float(np.average((values - label) ** 2, weights=weight))


def _r2(values: Floats, label: Floats, weight: Floats) -> float:
    residual = float((weight * (values - label) ** 2).sum())
    total = float((weight * (label - np.average(label, weights=weight)) ** 2).sum())
    if total == 0:
        return 1.0 if residual == 0 else 0.0
    return 1 - residual / total


class _Counts:
    """Weighted counts of true, predicted and rightly predicted rows for each class that occurs."""

    def __init__(self, label: NDArray[np.intp], decided: NDArray[np.intp], weight: Floats) -> None:
        size = max(int(label.max()), int(decided.max()), 1) + 1
        self.true = np.bincount(label, weight, size)
        self.predicted = np.bincount(decided, weight, size)
        self.right = np.bincount(label[label == decided], weight[label == decided], size)
        self.present = (np.bincount(label, minlength=size) > 0) | (np.bincount(decided, minlength=size) > 0)
        self.total = float(weight.sum())

    def score(self, name: str, *, binary: bool) -> float:
        if name == "accuracy":
            return _ratio(self.right.sum(), self.total)
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
