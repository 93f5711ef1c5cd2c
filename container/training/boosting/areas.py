"""``auc`` and ``aucpr`` over the rows of all hosts.

XGBoost 3.4 adds up the areas that each host finds among its own rows (src/metric/auc.cc): another number, and NaN where
a host has rows of one class only. Here the hosts tell each other their scores, a range at a time, and all walk along
the one curve. Ranking is left to XGBoost: its areas are of queries, and each query is on one host.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from container.training.boosting.metrics import without

AREAS = ("auc", "aucpr")

_STEP = 50_000
_STEPS = 10
"""Of so many different scores each host names one, and so many names make a range: up to a million scores, for ten
hosts."""

Floats = NDArray[np.float32]
Sums = NDArray[np.float64]
Gather = Callable[[Floats], list[Floats]]
"""Gives every host's array, in the order of the hosts."""
AreaMetric = Callable[[xgboost.Booster, xgboost.DMatrix], list[tuple[str, float]]]


def area_metric(params: dict[str, Any], gather: Gather) -> tuple[dict[str, Any], AreaMetric | None]:
    """The parameters without those of their metrics that are areas, and a function that computes these over all hosts.

    Where there are none, or they are of queries, the parameters stay as they are, and there is no function.
    """
    asked = params.get("eval_metric", [])
    names = [name for name in asked if name in AREAS]
    if not names or params["objective"].startswith("rank:"):
        return params, None
    decides = params["objective"] == "multi:softmax"  # what it predicts are classes, and no probabilities

    def evaluate(booster: xgboost.Booster, data: xgboost.DMatrix) -> list[tuple[str, float]]:
        scores = booster.predict(data, output_margin=decides, training=False, validate_features=False)
        scores = scores.reshape(-1, params.get("num_class", 1))
        label, weight = data.get_label(), data.get_weight()
        weight = weight if weight.size else np.ones_like(label)
        found = areas(_softmax(scores) if decides else scores, label, weight, gather)
        return [(name, found[name]) for name in names]

    return without(params, AREAS), evaluate


def areas(scores: Floats, label: Floats, weight: Floats, gather: Gather) -> dict[str, float]:
    """Both areas over all hosts; ``scores`` (rows, classes or 1), ``label`` and ``weight`` (rows,) are this host's.

    Of several classes it is the mean of each against the rest, for ``auc`` weighted by the class's rows, as XGBoost has
    it. An area is NaN where a class has no rows, or all.
    """
    if scores.shape[1] == 1:
        found = [_of_one(scores[:, 0], label, weight, gather)]
    else:
        rest = [(label == of).astype(np.float32) for of in range(scores.shape[1])]
        found = [_of_one(score, label, weight, gather) for score, label in zip(scores.T, rest, strict=True)]
    roc, precision, positive = np.array(found).T
    with np.errstate(invalid="ignore"):  # no positive rows at all
        return {"auc": float((roc * positive).sum() / positive.sum()), "aucpr": float(precision.mean())}


def _of_one(score: Floats, label: Floats, weight: Floats, gather: Gather) -> tuple[float, float, float]:
    """The areas under the ROC and the precision-recall curve, and the weight of the positive rows."""
    own = np.stack(_tied(-score, label * weight, (1 - label) * weight)).astype(np.float32)
    roc = precision = 0.0
    tp = fp = np.zeros(1)
    for positive, negative in _ranges(own, gather):
        tp, fp = _onward(tp, positive), _onward(fp, negative)
        roc += float((np.diff(fp) * (tp[1:] + tp[:-1]) / 2).sum())
        precision += _under_precision(tp, fp)
    true, false = tp[-1], fp[-1]
    if true <= 0 or false <= 0:
        return np.nan, np.nan, true
    return roc / (true * false), precision / true, true


def _tied(key: Floats, positive: Floats, negative: Floats) -> tuple[Floats, Sums, Sums]:
    """The different keys, ascending, and the sums of each."""
    if not len(key):
        return key, np.empty(0), np.empty(0)
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    positives, negatives = (np.add.reduceat(of[order], first, dtype=np.float64) for of in (positive, negative))
    return key[first], positives, negatives


def _ranges(own: Floats, gather: Gather) -> Iterator[tuple[Sums, Sums]]:
    """The positive and the negative weight at each different score of all hosts, from the greatest score down."""
    named = np.sort(np.concatenate(gather(own[0, ::_STEP])))[_STEPS::_STEPS]
    ends = [0, *np.searchsorted(own[0], named).tolist(), own.shape[1]]
    for first, last in pairwise(ends):
        _, positive, negative = _tied(*np.concatenate(gather(own[:, first:last]), axis=1))
        yield positive, negative


def _onward(before: Sums, new: Sums) -> Sums:
    """The sums up to each score, beginning with the last one before."""
    return np.cumsum(np.concatenate([before[-1:], new]))


def _under_precision(tp: Sums, fp: Sums) -> float:
    """The integral of the precision over ``tp``, where ``fp`` is a straight line from score to score.

    Source: doi:10.1371/journal.pone.0092209, as XGBoost has it.
    """
    rises = np.flatnonzero(np.diff(tp) > 0)
    tp0, tp1, fp0, fp1 = tp[rises], tp[rises + 1], fp[rises], fp[rises + 1]
    slope = 1 + (fp1 - fp0) / (tp1 - tp0)
    start = tp0 + fp0 - slope * tp0
    growth = np.divide(tp1 + fp1, tp0 + fp0, out=np.ones_like(tp0), where=start != 0)
    return float(((tp1 - tp0) / slope - start / slope**2 * np.log(growth)).sum())


def _softmax(margins: Floats) -> Floats:
    """The probabilities, rounded where XGBoost rounds: scores that are equal there must be equal here."""
    powers = np.exp((margins - margins.max(axis=1, keepdims=True)).astype(np.float64)).astype(np.float32)
    totals: Floats = powers.sum(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    return powers / totals
