"""The elementwise metrics are XGBoost's own, of any model and number of rows, or are left to XGBoost."""

import numpy as np
import pytest
import xgboost

from container.training.boosting import elementwise
from container.training.boosting.elementwise import Elementwise

pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3000, 4)).astype(np.float32)
VALUE = X @ np.arange(1, 5) + RANDOM.normal(size=3000)
CLASS = (VALUE > 0).astype(float)
SHARE = RANDOM.random(3000)


def matrix(label, rows: int = 3000, **about) -> xgboost.DMatrix:
    return xgboost.DMatrix(X[:rows], label=label[:rows], nthread=1, **about)


def both(params: dict, evals, rounds: int = 5, threads: int = 1) -> list[tuple[dict[str, float], dict[str, float]]]:
    """In each round what XGBoost says, and what is said here."""
    params = {"nthread": threads, "verbosity": 0, **params}
    booster = xgboost.Booster(params, [data for data, _ in evals])
    quick = Elementwise.of(params, evals)
    assert quick is not None
    found = []
    for number in range(rounds):
        booster.update(evals[0][0], number)
        items = (item.rpartition(":") for item in booster.eval_set(evals, number).split("\t")[1:])
        found.append(({name: float(score) for name, _, score in items}, quick.scores(booster, evals)))
    return found


def same(found) -> None:
    """XGBoost rounds each row's loss to float32, which for a logarithm is done by nobody here."""
    for theirs, ours in found:
        assert list(ours) == list(theirs)
        assert ours == pytest.approx(theirs, rel=2**-24, abs=1e-12)


@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
@pytest.mark.parametrize("metrics", [None, ["logloss"], ["rmse", "mae"], ["error", "mae", "rmse"]])
@pytest.mark.parametrize(
    ("objective", "label"),
    [
        ("binary:logistic", CLASS),
        ("reg:logistic", SHARE),
        ("reg:squarederror", VALUE),
        ("reg:absoluteerror", VALUE),
    ],
)
def test_xgboosts_figures(objective, label, metrics, booster):
    if metrics == ["logloss"] and objective != "binary:logistic":
        metrics = ["error"]
    params = {"objective": objective, "booster": booster, "eta": 0.9, "base_score": 0.3}
    if booster == "dart":
        params["rate_drop"] = 0.5
    if metrics:
        params["eval_metric"] = metrics
    same(both(params, [(matrix(label), "train"), (matrix(label, 1001), "validation")]))


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 127, 128, 129, 1000])
def test_any_number_of_rows(rows):
    label = np.resize([1.0, 0.0, 0.0], rows)
    params = {"objective": "binary:logistic", "min_child_weight": 0, "eval_metric": ["logloss", "error", "rmse"]}
    same(both(params, [(matrix(label, rows), "train")]))


def test_several_blocks_give_the_same_sum_whatever_the_threads(monkeypatch):
    monkeypatch.setattr(elementwise, "_BLOCK", 100)
    params = {"objective": "binary:logistic"}
    evals = [(matrix(CLASS), "train")]
    same(found := both(params, evals, threads=3))
    quick = Elementwise.of({**params, "nthread": 1}, evals)
    assert quick is not None
    booster = xgboost.Booster({**params, "nthread": 1}, [evals[0][0]])
    for number, (_, scores) in enumerate(found):
        booster.update(evals[0][0], number)
        assert quick.scores(booster, evals) == scores


def test_certain_and_wrong():
    """Of probabilities that round to 0 or 1, float32 makes what XGBoost's own sum has."""
    learned_from = xgboost.DMatrix(np.sign(X[:, :1]), label=X[:, 0] > 0, nthread=1)
    mixed = np.where(np.arange(3000) % 3, X[:, 0] > 0, X[:, 0] < 0)
    against = xgboost.DMatrix(np.sign(X[:, :1]), label=mixed, nthread=1)
    params = {"objective": "binary:logistic", "eta": 1, "lambda": 0, "min_child_weight": 0, "max_delta_step": 30}
    found = both(params, [(learned_from, "train"), (against, "validation")], rounds=40)
    same(found)
    assert found[-1][0]["validation-logloss"] > 5


def test_a_model_that_has_lost_its_way_is_said_to_have():
    label = VALUE.astype(np.float32)
    label[5] = 3e38
    ((theirs, ours),) = both({"objective": "reg:squarederror"}, [(matrix(label), "train")], rounds=1)
    assert theirs == {"train-rmse": np.inf} == ours


@pytest.mark.parametrize(
    ("params", "about"),
    [
        ({"objective": "binary:logistic", "eval_metric": ["auc"]}, {}),
        ({"objective": "binary:logistic", "eval_metric": ["logloss", "auc"]}, {}),
        ({"objective": "binary:logistic", "eval_metric": ["error@0.7"]}, {}),
        ({"objective": "binary:logistic", "device": "cuda"}, {}),
        ({"objective": "binary:logistic", "disable_default_eval_metric": 1}, {}),
        ({"objective": "binary:logistic"}, {"weight": np.ones(3000)}),
        ({"objective": "binary:logistic"}, {"label": SHARE}),
        ({"objective": "reg:squarederror", "eval_metric": ["logloss"]}, {}),
        ({"objective": "reg:squarederror"}, {"label": np.stack([VALUE, VALUE], axis=1)}),
        ({"objective": "binary:logitraw"}, {}),
        ({"objective": "count:poisson"}, {}),
        ({"objective": "multi:softprob", "num_class": 2}, {}),
    ],
    ids=str,
)
def test_what_is_left_to_xgboost(params, about):
    evals = [(matrix(CLASS), "train"), (matrix(**{"label": CLASS, **about}), "validation")]
    assert Elementwise.of(params, evals) is None


def test_without_the_core(monkeypatch):
    monkeypatch.setattr(elementwise, "native", None)
    assert Elementwise.of({"objective": "binary:logistic"}, [(matrix(CLASS), "train")]) is None
