"""When to stop, from the scores alone."""

import math

import pytest

from container.training.boosting.early_stopping import EarlyStopping, higher_is_better
from container.training.hyperparameters.metric_names import OUR_METRICS, XGBOOST_METRICS


def watched(scores: list[float], patience: int = 2, metric: str = "rmse", **options: float) -> EarlyStopping:
    watch = EarlyStopping(patience, **options)
    watch.see({f"train-{metric}": [0.0] * len(scores), f"validation-{metric}": scores})
    return watch


@pytest.mark.parametrize(
    ("scores", "metric", "best", "done"),
    [
        ([3, 2, 1], "rmse", 2, False),
        ([1, 2], "rmse", 0, False),
        ([1, 2, 3], "rmse", 0, True),
        ([1, 1, 1], "rmse", 0, True),
        ([3, 2, 2.5, 1.9, 2], "rmse", 3, False),
        ([0.5, 0.6, 0.7], "auc", 2, False),
        ([0.7, 0.6, 0.5], "auc", 0, True),
        ([0.7, 0.6, 0.5], "ndcg@5-", 0, True),
        ([0.7, 0.6, 0.5], "accuracy", 0, True),
        ([math.nan, 0.5, 0.6], "auc", 2, False),
        ([0.5, math.nan, math.nan], "auc", 0, True),
    ],
)
def test_the_best_round_and_whether_to_stop(scores, metric, best, done):
    watch = watched(scores, metric=metric)
    assert (watch.best_round, watch.best_score, watch.done) == (best, scores[best], done)


def test_scores_that_are_all_nan_have_no_best_and_stop_nothing():
    watch = watched([math.nan] * 5, metric="auc")
    assert (watch.best_round, watch.done) == (-1, False)


def test_what_comes_after_the_end_is_passed_over():
    watch = watched([1.0, 2.0, 3.0, 0.5])
    assert (watch.best_round, watch.rounds, watch.done) == (0, 3, True)


def test_min_delta_of_a_metric_that_grows():
    assert watched([0.5, 0.55, 0.6], metric="auc", min_delta=0.1).best_round == 0
    assert watched([0.5, 0.55, 0.7], metric="auc", min_delta=0.1).best_round == 2


def test_min_delta_is_what_a_better_round_must_exceed():
    assert watched([1.0, 0.95, 0.9], min_delta=0.1).best_round == 0
    assert watched([1.0, 0.95, 0.85], min_delta=0.1).best_round == 2


def test_scores_may_come_round_by_round():
    watch, scores = EarlyStopping(2), [3.0, 1.0, 2.0, 2.5]
    for count in range(1, 5):
        watch.see({"validation-rmse": scores[:count]})
    assert (watch.best_round, watch.done) == (1, True)


def test_the_metric_asked_for_is_watched_else_the_last():
    history = {"train-rmse": [3.0, 2.0], "validation-rmse": [1.0, 2.0], "validation-mae": [2.0, 1.0]}
    last, first = EarlyStopping(1), EarlyStopping(1, "rmse")
    last.see(history)
    first.see(history)
    assert (last.best_round, first.best_round) == (1, 0)


HIGHER = {"auc", "aucpr", "pre", "map", "ndcg", "ams", "interval-regression-accuracy", "r2", "accuracy"}
HIGHER |= {"balanced_accuracy", "f1", "f1_binary", "f1_macro", "precision", "precision_macro", "precision_micro"}
HIGHER |= {"recall", "recall_macro", "recall_micro"}


@pytest.mark.parametrize("metric", sorted({*XGBOOST_METRICS, *OUR_METRICS}))
def test_which_way_every_metric_improves(metric):
    assert higher_is_better(metric) == (metric in HIGHER)
