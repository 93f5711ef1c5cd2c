"""The metrics computed here equal scikit-learn's on the same decisions."""

import numpy as np
import pytest
import xgboost
from sklearn import metrics as sklearn_metrics

from container.training.boosting.metrics import compute, custom_metric, decide, divide
from container.training.hyperparameters.metric_names import CLASS_METRICS, OUR_METRICS, VALUE_METRICS
from container.training.hyperparameters.parse import Hyperparameters

ROWS = 400
RANDOM = np.random.default_rng(7)
WEIGHTS = {
    "no weights": None,
    "weights": RANDOM.random(ROWS) + 0.1,
    "some zero": RANDOM.integers(0, 3, ROWS).astype(float),
}

BINARY = RANDOM.integers(0, 2, ROWS)
PROBABILITY = np.clip(0.4 * BINARY + 0.6 * RANDOM.random(ROWS), 0, 1).astype(np.float32)
CLASSES = RANDOM.integers(0, 5, ROWS)
SCORES = (RANDOM.random((ROWS, 5)) + np.eye(5)[CLASSES] * 0.4).astype(np.float32)


def scikit_learn(name: str, label, decided, weight, *, binary: bool) -> float:
    kind, _, average = name.partition("_")
    if name in ("accuracy", "balanced_accuracy"):
        return getattr(sklearn_metrics, f"{name}_score")(label, decided, sample_weight=weight)
    score = {"f1": "f1_score", "precision": "precision_score", "recall": "recall_score"}[kind]
    average = average or ("binary" if binary else "macro")
    return getattr(sklearn_metrics, score)(label, decided, average=average, sample_weight=weight, zero_division=0)


def ours(name, objective, predictions, label, weight, classes=2) -> float:
    weight = np.ones(len(label)) if weight is None else weight
    ((found, value),) = compute([name], objective, predictions, label.astype(np.float64), weight, classes)
    assert found == name
    return value


@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("name", CLASS_METRICS)
@pytest.mark.parametrize(
    ("objective", "predictions", "decided"),
    [
        ("binary:logistic", PROBABILITY, PROBABILITY > 0.5),
        ("reg:logistic", PROBABILITY, PROBABILITY > 0.5),
        ("binary:logitraw", PROBABILITY - np.float32(0.5), PROBABILITY > 0.5),
        ("binary:hinge", (PROBABILITY > 0.5).astype(np.float32), PROBABILITY > 0.5),
        ("binary:logistic", np.zeros(ROWS, np.float32), np.zeros(ROWS)),
    ],
    ids=["logistic", "reg:logistic", "logitraw", "hinge", "one class decided"],
)
def test_two_classes(name, objective, predictions, decided, weight):
    expected = scikit_learn(name, BINARY, decided.astype(int), weight, binary=True)
    assert ours(name, objective, predictions, BINARY, weight) == pytest.approx(expected, abs=1e-12)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("name", [name for name in CLASS_METRICS if name != "f1_binary"])
@pytest.mark.parametrize("label", [CLASSES, np.minimum(CLASSES, 3)], ids=["all classes", "one that does not occur"])
def test_many_classes(name, label, weight):
    decided = SCORES.argmax(axis=1)
    expected = scikit_learn(name, label, decided, weight, binary=False)
    assert ours(name, "multi:softprob", SCORES, label, weight, 5) == pytest.approx(expected, abs=1e-12)
    softmax = decided.astype(np.float32)
    assert ours(name, "multi:softmax", softmax, label, weight, 5) == pytest.approx(expected, abs=1e-12)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_a_class_that_is_only_decided_for_counts_in_the_macro_average():
    label, decided = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    for name in ("f1_macro", "precision_macro", "recall_macro", "balanced_accuracy"):
        expected = scikit_learn(name, label, decided, None, binary=False)
        assert ours(name, "multi:softmax", decided.astype(np.float32), label, None, 4) == pytest.approx(expected)


@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
def test_values(weight):
    label = RANDOM.normal(size=ROWS)
    predictions = (label + RANDOM.normal(size=ROWS) / 3).astype(np.float32)
    expected = {
        "mse": sklearn_metrics.mean_squared_error(label, predictions, sample_weight=weight),
        "r2": sklearn_metrics.r2_score(label, predictions, sample_weight=weight),
    }
    assert set(expected) == set(VALUE_METRICS)
    for name, value in expected.items():
        assert ours(name, "reg:squarederror", predictions, label, weight) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
def test_values_of_several_targets(weight):
    label = RANDOM.normal(size=(ROWS, 3)) * [1, 10, 100]
    predictions = (label + RANDOM.normal(size=(ROWS, 3))).astype(np.float32)
    mse = sklearn_metrics.mean_squared_error(label, predictions, sample_weight=weight)
    r2 = sklearn_metrics.r2_score(label, predictions, sample_weight=weight)
    assert ours("mse", "reg:squarederror", predictions, label, weight) == pytest.approx(mse, rel=1e-9)
    assert ours("r2", "reg:squarederror", predictions, label, weight) == pytest.approx(r2, rel=1e-9)


@pytest.mark.parametrize(("predicted", "expected"), [(5.0, 1.0), (4.0, 0.0)])
def test_r2_of_a_constant_label_is_scikit_learns(predicted, expected):
    label, predictions = np.full(4, 5.0), np.full(4, predicted, np.float32)
    assert ours("r2", "reg:squarederror", predictions, label, None) == expected
    assert sklearn_metrics.r2_score(label, predictions) == expected


def test_every_metric_of_ours_is_computed():
    assert {*CLASS_METRICS, *VALUE_METRICS} == OUR_METRICS


@pytest.mark.parametrize("weight", [None, RANDOM.random(ROWS)], ids=["no weights", "weights"])
@pytest.mark.parametrize("params", [{"objective": "binary:logistic"}, {"objective": "multi:softprob", "num_class": 5}])
def test_accuracy_and_xgboosts_error_are_one_in_every_round(params, weight):
    label = BINARY if params["objective"] == "binary:logistic" else CLASSES
    error = "error" if params["objective"] == "binary:logistic" else "merror"
    data = xgboost.DMatrix(RANDOM.random((ROWS, 4)), label=label, weight=weight, nthread=1)
    params = {**params, "eval_metric": error, "nthread": 1}
    booster = xgboost.Booster(params, [data])
    evaluate = custom_metric(["accuracy"], params, lambda sums: sums)
    for number in range(10):
        booster.update(data, number)
        wrong = float(booster.eval_set([(data, "train")], number).rpartition(":")[2])
        ((_, accuracy),) = evaluate(booster.predict(data), data)
        assert accuracy + wrong == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
def test_of_margins_logloss_and_error_are_those_of_the_probabilities(weight):
    margins = (8 * (PROBABILITY - 0.5)).astype(np.float32)
    expected = sklearn_metrics.log_loss(BINARY, 1 / (1 + np.exp(-margins.astype(float))), sample_weight=weight)
    assert ours("logloss", "binary:logitraw", margins, BINARY, weight) == pytest.approx(expected, rel=1e-9)
    wrong = 1 - sklearn_metrics.accuracy_score(BINARY, margins > 0, sample_weight=weight)
    assert ours("error", "binary:logitraw", margins, BINARY, weight) == pytest.approx(wrong, abs=1e-12)


@pytest.mark.parametrize(
    ("objective", "asked", "here", "left"),
    [
        ("binary:logistic", ["auc", "accuracy", "error"], ["accuracy"], ["auc", "error"]),
        ("binary:logitraw", [], ["logloss"], []),
        ("binary:logitraw", ["auc"], [], ["auc"]),
        ("binary:logitraw", ["accuracy", "error@0.5", "auc", "error@0.2"], ["accuracy", "error"], ["auc", "error@0.2"]),
        ("binary:logitraw", ["logloss"], ["logloss"], []),
    ],
)
def test_what_is_computed_here_and_what_is_left_to_xgboost(objective, asked, here, left):
    metrics = {"eval_metric": ",".join(asked)} if asked else {}
    params = Hyperparameters.parse({"objective": objective, **metrics}).booster_params()
    found, rest = divide(asked, params)
    assert found == here
    assert rest.get("eval_metric", []) == left
    assert bool(rest.get("disable_default_eval_metric")) == (not left)


def test_no_metrics_of_ours_cost_nothing():
    assert custom_metric([], {}, lambda sums: sums) is None


def test_decide_takes_the_likeliest_and_at_half_the_negative():
    assert decide(np.array([0.5, 0.6], np.float32), "binary:logistic").tolist() == [0, 1]
    assert decide(np.array([[0.2, 0.8]], np.float32), "multi:softprob").tolist() == [1]
    assert decide(np.array([[0.7], [0.2]], np.float32), "binary:logistic").tolist() == [1, 0]


def test_in_ranking_each_row_has_its_querys_weight():
    features, label = np.arange(12, dtype=np.float32).reshape(6, 2), np.array([1.0, 0, 2, 2, 0, 1])
    data = xgboost.DMatrix(features, label, qid=[0, 0, 0, 1, 1, 2], weight=[3, 1, 2], nthread=1)
    evaluate = custom_metric(["mse"], {"objective": "rank:ndcg"}, lambda sums: sums)
    ((_, mse),) = evaluate(np.zeros(6, np.float32), data)
    assert mse == pytest.approx(np.average(label**2, weights=[3, 3, 3, 1, 1, 2]))
