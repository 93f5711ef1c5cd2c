"""The areas over all hosts are those XGBoost finds where one host has all rows."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xgboost

from container.training.boosting import areas
from container.training.boosting.areas import area_metric

ROWS = 600
RANDOM = np.random.default_rng(3)
WEIGHTS = RANDOM.uniform(0.1, 3, ROWS).astype(np.float32)
NOISE = RANDOM.normal(size=(ROWS, 3))
BOTH = ["auc", "aucpr"]


def gathering(hosts: int) -> list[Callable]:
    """A gather for each of so many hosts, which are threads."""
    slots: list = [None] * hosts
    barrier = threading.Barrier(hosts, timeout=30)

    def of(rank: int) -> Callable:
        def gather(values):
            slots[rank] = values
            barrier.wait()
            found = list(slots)
            barrier.wait()
            return found

        return gather

    return [of(rank) for rank in range(hosts)]


def model_of(margins, label, weight, params) -> tuple[xgboost.Booster, xgboost.DMatrix]:
    """A model whose margins are these, and the rows."""
    data = xgboost.DMatrix(np.zeros((len(label), 1)), label=label, weight=weight, nthread=1)
    data.set_base_margin(margins)
    return xgboost.Booster({"base_score": 0.5, **params, "nthread": 1}, [data]), data


def of_xgboost(margins, label, weight, params) -> dict[str, float]:
    booster, data = model_of(margins, label, weight, params)
    found = booster.eval_set([(data, "all")]).split("\t")[1:]
    return {name.removeprefix("all-"): float(value) for name, value in (item.split(":") for item in found)}


def of_hosts(margins, label, weight, params, shards) -> list[dict[str, float]]:
    def on(shard, gather):
        # The model is made with the areas, so that XGBoost transforms the margins as it does for them.
        booster, data = model_of(margins[shard], label[shard], None if weight is None else weight[shard], params)
        _, evaluate = area_metric(params, gather)
        return dict(evaluate(booster, data))

    with ThreadPoolExecutor(len(shards)) as pool:
        return list(pool.map(on, shards, gathering(len(shards))))


def shards_of(label) -> dict[str, list]:
    return {
        "uneven": [np.arange(40), np.arange(40, 450), np.arange(450, ROWS)],
        "one class each": [np.flatnonzero(label == 0), np.flatnonzero(label != 0)],
        "without rows": [np.arange(0), np.arange(ROWS), np.arange(0)],
    }


CASES = {
    "logistic": ("binary:logistic", 1),
    "logitraw": ("binary:logitraw", 1),
    "hinge": ("binary:hinge", 1),
    "numbers": ("reg:squarederror", 1),
    "softprob": ("multi:softprob", 3),
    "softmax": ("multi:softmax", 3),
}


@pytest.mark.parametrize("step", [7, 50_000], ids=["many ranges", "one range"])
@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["no weights", "weights"])
@pytest.mark.parametrize("digits", [0, 1, 7], ids=["many ties", "ties", "few ties"])
@pytest.mark.parametrize("case", CASES)
def test_areas_over_all_hosts(monkeypatch, case, digits, weight, step):
    monkeypatch.setattr(areas, "_STEP", step)
    monkeypatch.setattr(areas, "_STEPS", 2)
    objective, classes = CASES[case]
    margins = np.round(NOISE[:, :classes], digits).astype(np.float32)
    truth = NOISE[:, :classes] + RANDOM.normal(size=(ROWS, classes))
    label = (truth.argmax(axis=1) if classes > 1 else truth[:, 0] > 0).astype(np.float32)
    params = {"objective": objective, "eval_metric": BOTH, **({"num_class": classes} if classes > 1 else {})}
    expected = of_xgboost(margins, label, weight, params)
    for name, shards in shards_of(label).items():
        found = of_hosts(margins, label, weight, params, shards)
        assert all(of == found[0] for of in found), name
        assert found[0] == pytest.approx(expected, rel=1e-7), name


@pytest.mark.parametrize("label", [np.zeros(ROWS), np.ones(ROWS)], ids=["no positive", "no negative"])
def test_there_is_no_area_without_both_classes(label):
    params = {"objective": "binary:logistic", "eval_metric": BOTH}
    (first, second) = of_hosts(NOISE[:, :1].astype(np.float32), label, None, params, [np.arange(9), np.arange(9, ROWS)])
    assert np.isnan([*first.values(), *second.values()]).all()


def test_labels_between_0_and_1_are_partly_positive():
    margins, label = NOISE[:, :1].astype(np.float32), np.clip(NOISE[:, 1] + 0.5, 0, 1).astype(np.float32)
    params = {"objective": "reg:logistic", "eval_metric": BOTH}
    expected = of_xgboost(margins, label, WEIGHTS, params)
    found = of_hosts(margins, label, WEIGHTS, params, [np.arange(100), np.arange(100, ROWS)])
    assert found == [pytest.approx(expected, rel=1e-6)] * 2


def test_a_range_has_a_bounded_number_of_scores(monkeypatch):
    monkeypatch.setattr(areas, "_STEP", 5)
    monkeypatch.setattr(areas, "_STEPS", 2)
    sizes = []

    def watched(gather):
        def wrapper(values):
            found = gather(values)
            if values.ndim == 2:
                sizes.append(sum(of.shape[1] for of in found))
            return found

        return wrapper

    scores = NOISE[:, :1].astype(np.float32)
    label = (NOISE[:, 1] > 0).astype(np.float32)
    shards = [np.arange(100), np.arange(100, 130), np.arange(130, ROWS)]
    with ThreadPoolExecutor(3) as pool:
        list(
            pool.map(
                lambda shard, gather: areas.areas(scores[shard], label[shard], WEIGHTS[shard], watched(gather)),
                shards,
                gathering(3),
            )
        )
    assert sum(sizes) == 3 * ROWS
    assert max(sizes) <= 5 * (2 + 3)


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (["error", "auc", "logloss", "aucpr"], {"eval_metric": ["error", "logloss"]}),
        (["auc"], {"disable_default_eval_metric": 1}),
    ],
)
def test_xgboost_is_not_asked_for_what_is_found_here(asked, left):
    params, evaluate = area_metric({"objective": "binary:logistic", "eval_metric": asked}, lambda values: [values])
    assert params == {"objective": "binary:logistic", **left}
    assert evaluate is not None


@pytest.mark.parametrize("params", [{"objective": "rank:ndcg", "eval_metric": ["auc"]}, {"objective": "reg:gamma"}])
def test_other_metrics_and_areas_of_queries_are_left_to_xgboost(params):
    assert area_metric(params, lambda values: [values]) == (params, None)
