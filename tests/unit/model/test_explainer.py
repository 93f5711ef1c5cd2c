"""Contributions of the compiled core are XGBoost's to the bit, or XGBoost's own."""

import json
import logging
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from container.contract.serving_env import ServingSettings
from container.data.schema import Schema
from container.model import explainer as module
from container.model.artifact import Artifact
from container.model.explainer import Explainer, _Core
from container.model.forest import probe_rows
from container.model.predictor import Predictor
from container.model.trees import Trees
from container.serving.service import ModelService
from tests.unit.model.boosters import CASES, trained

pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")

booster_of = cache(trained)


@cache
def core_of(name: str) -> _Core:
    return _Core(Trees.of(booster_of(name)))


def of_xgboost(booster: xgboost.Booster, rows: np.ndarray) -> np.ndarray:
    return booster.predict(xgboost.DMatrix(rows, nthread=1), pred_contribs=True, validate_features=False)


def assert_same(mine: np.ndarray | None, theirs: np.ndarray) -> None:
    assert mine is not None
    assert mine.dtype == np.float32
    assert mine.shape == theirs.shape
    differ = mine.view(np.uint32) != np.ascontiguousarray(theirs).view(np.uint32)
    assert not differ.any(), (mine[differ], theirs[differ])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("wide", [True, False])
def test_bits(name, wide):
    booster = booster_of(name)
    for seed in range(1, 3):  # 0 is what the explainer looks at
        rows = probe_rows(Trees.of(booster), seed)
        rows = rows[len(rows) // 2 - 30 :][:61]
        assert_same(core_of(name).of(rows, wide), of_xgboost(booster, rows))


@pytest.mark.parametrize("name", ["deep", "softprob", "sets of categories", "vector leaves", "dart"])
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 10, 17])
def test_bits_at_every_number_of_rows(name, wide, count):
    booster = booster_of(name)
    rows = probe_rows(Trees.of(booster), seed=9)
    rows = rows[len(rows) // 2 - count // 2 :][:count]
    assert_same(core_of(name).of(rows, wide), of_xgboost(booster, rows))


@given(
    name=st.sampled_from(["sets of categories", "one-hot categories", "dart", "vector leaves of classes", "softmax"]),
    cells=st.lists(
        st.lists(
            st.floats(width=32, allow_infinity=False)
            | st.integers(-2, 70).map(float)
            | st.sampled_from([float("nan"), 16777215.0, 16777216.0, 2.0**31, -0.0, -0.5, 1e-45]),
            min_size=6,
            max_size=6,
        ),
        min_size=1,
        max_size=9,
    ),
    wide=st.booleans(),
)
@settings(deadline=None, max_examples=200)
def test_bits_on_any_row(name, cells, wide):
    rows = np.array(cells, np.float32)
    assert_same(core_of(name).of(rows, wide), of_xgboost(booster_of(name), rows))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda cover: cover * 0, "no cover anywhere"),
        (lambda cover: np.where(np.arange(len(cover)) % 3 == 1, 0, cover), "children without cover"),
        (lambda cover: np.where(np.arange(len(cover)) % 2 == 1, 1e-30, cover), "children with next to none"),
        (lambda cover: np.ones_like(cover), "children with their parent's cover"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("rows", [1, 9])
def test_covers_that_training_does_not_give(change, what, rows):
    """Models that were refreshed, or written by other programs."""
    booster, changed = with_covers("sets of categories", change)
    X = probe_rows(changed, 3)[-rows:]
    for wide in (True, False):
        assert_same(_Core(changed).of(X, wide), of_xgboost(booster, X))


def with_covers(name, change):
    model = json.loads(booster_of(name).save_raw("json"))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        tree["sum_hessian"] = change(np.array(tree["sum_hessian"], np.float32)).tolist()
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(json.dumps(model).encode()))
    return booster, Trees.of(booster)


def test_a_negative_cover_is_for_xgboost(caplog):
    booster, _ = with_covers("deep", lambda cover: -cover)
    assert Explainer(booster).contributions(np.zeros((1, 6), np.float32)) is None
    assert "the compiled core cannot take the model: this is no forest: a node's cover is negative" in caplog.text


@pytest.mark.parametrize("name", ["reg:squarederror", "softprob", "dart", "vector leaves"])
def test_rows_shared_by_threads(name, monkeypatch):
    monkeypatch.setattr(module, "_SHARED_NODES", 1)
    rows = probe_rows(Trees.of(booster_of(name)), 5)[:100]
    assert_same(Explainer(booster_of(name), threads=3).contributions(rows), of_xgboost(booster_of(name), rows))


def test_what_is_for_xgboost(caplog):
    caplog.set_level(logging.INFO)
    booster, rows = booster_of("binary:logistic"), np.zeros((2, 6), np.float32)
    explainer = Explainer(booster)
    assert explainer.contributions(rows) is not None
    assert explainer.contributions(sparse.csr_matrix(rows)) is None
    assert explainer.contributions(np.full((1, 6), np.inf, np.float32)) is None
    assert Explainer(booster, use_native=False).contributions(rows) is None
    assert not caplog.records


def test_without_the_extension(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "native", None)
    assert Explainer(booster_of("binary:logistic")).contributions(np.zeros((1, 6), np.float32)) is None
    assert "contributions come from XGBoost: the compiled core is not installed" in caplog.text


@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
def test_a_linear_model(caplog):
    caplog.set_level(logging.INFO)
    X = np.random.default_rng(0).normal(size=(50, 2))
    booster = xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix(X, X[:, 0]), 2)
    assert Explainer(booster).contributions(X.astype(np.float32)) is None
    assert "contributions come from XGBoost: the compiled core does not cover the booster 'gblinear'" in caplog.text


def next_up(values: np.ndarray) -> np.ndarray:
    return np.nextafter(values, np.float32(np.inf))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param("deep", lambda t: {"value": np.where(t.left < 0, next_up(t.value), t.value)}, id="leaves"),
        pytest.param("deep", lambda t: {"cover": next_up(t.cover * np.float32(1.001))[::-1].copy()}, id="covers"),
        pytest.param("deep", lambda t: {"start": t.start + np.float32(1)}, id="base score"),
        pytest.param("deep", lambda t: {"default_left": 1 - t.default_left}, id="default directions"),
        pytest.param("dart", lambda t: {"tree_weight": next_up(t.tree_weight)}, id="weights"),
        pytest.param("one-hot categories", lambda t: {"category": t.category + 1}, id="categories"),
    ],
)
def test_a_difference_is_found(name, change, monkeypatch, caplog):
    trees = Trees.of(booster_of(name))
    monkeypatch.setattr(Trees, "of", classmethod(lambda cls, booster: replace(trees, **change(trees))))
    assert Explainer(booster_of(name)).contributions(np.zeros((1, trees.features), np.float32)) is None
    assert "contributions come from XGBoost: those of the compiled core differ" in caplog.text


@pytest.mark.parametrize("name", ["reg:squarederror", "softprob", "dart", "vector leaves", "count:poisson"])
def test_they_sum_to_the_margin(name):
    rows = probe_rows(Trees.of(booster_of(name)), 4)[:50]
    found = Explainer(booster_of(name)).contributions(rows)
    assert found is not None
    margins = booster_of(name).inplace_predict(rows, predict_type="margin", validate_features=False)
    np.testing.assert_allclose(found.sum(axis=-1, dtype=np.float64), margins, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["reg:squarederror", "softmax", "dart", "targets"])
@pytest.mark.parametrize("models", [1, 2])
def test_answers_with_and_without(name, models):
    artifacts = [Artifact(booster_of(name), Schema.from_names(6))] * models
    rows = probe_rows(Trees.of(booster_of(name)), 6)[-20:]
    native, plain = Predictor(*artifacts), Predictor(*artifacts, native=False)
    native.prepare(("contributions",))
    keys = ("contributions", "margin", "leaf")
    mine, theirs = native.answer(rows, keys), plain.answer(rows, keys)
    for key in keys:
        assert mine[key].array.dtype == theirs[key].array.dtype
        assert mine[key].array.shape == theirs[key].array.shape
        assert mine[key].array.tobytes() == theirs[key].array.tobytes()


@pytest.mark.parametrize("output", [(), ("margin",), ("contributions",)])
def test_a_server_that_will_be_asked_prepares_at_its_start(output):
    predictor = Predictor(Artifact(booster_of("reg:squarederror"), Schema.from_names(6)))
    ModelService(predictor, ServingSettings(workers=1, output=output))
    assert predictor._explainers[0]._tried is ("contributions" in output)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(np.zeros((2, 5), np.float32), id="too few columns"),
        pytest.param(np.zeros((2, 6)), id="float64"),
        pytest.param(np.zeros((6, 2), np.float32).T, id="columns first"),
    ],
)
def test_other_arrays_are_refused(rows):
    with pytest.raises(ValueError, match=r"^rows: must |contiguous"):
        core_of("reg:squarederror").of(rows)
