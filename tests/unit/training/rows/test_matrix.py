"""Parts of rows to one matrix: the model is the same, byte for byte, however they are parted, wherever the bins are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xgboost
from scipy import sparse

from container.data.schema import Feature, Schema
from container.data.table import Kind
from container.errors import UserError
from container.training.rows import cuts
from container.training.rows.encoded import Rows, digest, take
from container.training.rows.matrix import build, check_categories

COUNT = 600


def rows(seed: int = 0, *, missing: bool = True) -> Rows:
    random = np.random.default_rng(seed)
    X = random.normal(size=(COUNT, 4)).astype(np.float32)
    if missing:
        X[random.random(X.shape) < 0.1] = np.nan
    codes = pa.array(random.integers(0, 9, COUNT).astype(np.int32), mask=(random.random(COUNT) < 0.1) & missing)
    category = pa.DictionaryArray.from_arrays(codes, pa.array([*"abcdefghi"]))
    features = pa.table([*(pa.array(column) for column in X.T), category], [*"wxyz", "c"])
    return Rows(features, (np.nan_to_num(X[:, 0]) > 0).astype(float), random.random(COUNT), None)


def parted(whole: Rows, *ends: int) -> list[Rows]:
    return [take(whole, np.arange(*pair)) for pair in zip((0, *ends), (*ends, COUNT), strict=True)]


def model(params: dict, data: xgboost.DMatrix, validation: xgboost.DMatrix) -> tuple[bytes, str, list[float]]:
    """The model after six rounds, the last scores, and predictions for either matrix."""
    booster = xgboost.Booster({"nthread": 1, "seed_per_iteration": 1, **params}, [data, validation])
    for number in range(6):
        booster.update(data, number)
        scores = booster.eval_set([(data, "train"), (validation, "validation")], number)
    predicted = [booster.predict(of, training=False).ravel().tolist() for of in (data, validation)]
    return bytes(booster.save_raw("ubj")), scores, predicted


JOBS = [
    pytest.param({"objective": "binary:logistic"}, lambda r: r, id="weights, categories, missing"),
    pytest.param({"objective": "binary:logistic"}, lambda r: replace(r, weight=None), id="without weights"),
    pytest.param({"rate_drop": 0.3, "seed": 3}, lambda r: r, id="dropout"),
    pytest.param({"objective": "multi:softprob", "num_class": 3}, lambda r: r, id="classes"),
    pytest.param({"objective": "reg:absoluteerror"}, lambda r: r, id="leaves renewed"),
    pytest.param({}, lambda r: replace(r, label=np.stack([r.label, r.weight], axis=1)), id="two targets"),
    pytest.param(
        {"objective": "survival:aft"},
        lambda r: replace(r, label=r.label + 1, upper=np.where(r.label > 0, np.inf, 3.0)),
        id="bounds",
    ),
    pytest.param(
        {"objective": "binary:logistic"},
        lambda r: replace(r, features=sparse.csr_matrix(np.nan_to_num(np.stack(r.features.columns[:4], axis=1)))),
        id="sparse",
    ),
]
"""Parameters, and what to make of `rows` for them."""


@pytest.mark.parametrize("external", [False, True])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("params", "of"),
    [
        *JOBS,
        pytest.param({"subsample": 0.5, "colsample_bynode": 0.5, "max_bin": 16}, lambda r: r, id="sampling"),
        pytest.param({"grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0}, lambda r: r, id="lossguide"),
    ],
)
def test_the_model_does_not_depend_on_the_parts(tmp_path: Path, monkeypatch, params, of, external, large):
    if large:
        monkeypatch.setattr(cuts, "FEWEST_ROWS", 1)
    params = {"nthread": 1, **params}
    train, held_out = of(rows()), of(rows(seed=1))
    data = build([train], params)
    expected = model(params, data, build([held_out], params, data))
    for ends in ((200, 400), (1, 590), (300, 300)):
        cache = None
        if external:
            cache = tmp_path / str(ends)
            cache.mkdir()
        data = build(parted(train, *ends), params, cache=cache)
        validation = build(parted(held_out, 100, 200), params, data, cache=cache)
        assert isinstance(data, xgboost.ExtMemQuantileDMatrix) == external
        if external:
            assert sum(file.stat().st_size for file in cache.iterdir()) > 1000
        assert model(params, data, validation) == expected
        del data, validation


def plain(of: Rows, upper: bool = False) -> xgboost.DMatrix:
    """The matrix of whoever uses XGBoost alone."""
    bounds = {"label_lower_bound": of.label, "label_upper_bound": of.upper} if upper else {}
    return xgboost.DMatrix(of.features, of.label, weight=of.weight, nthread=1, **bounds)


@pytest.mark.parametrize("external", [False, True])
@pytest.mark.parametrize("codes_only", [False, True])
@pytest.mark.parametrize(
    ("params", "of"),
    [
        *JOBS,
        pytest.param({"subsample": 0.5, "num_parallel_tree": 3}, lambda r: r, id="sampled forest"),
        pytest.param({"tree_method": "approx"}, lambda r: r, id="approx"),
    ],
)
def test_the_trees_of_an_earlier_model_see_the_values(tmp_path: Path, params, of, codes_only, external):
    params = {"nthread": 1, "max_bin": 16, "seed_per_iteration": 1, **params}
    before, train, held_out = of(rows(seed=2)), of(rows()), of(rows(seed=1))
    bounds = params.get("objective") == "survival:aft"
    earlier = xgboost.train(params, build([before], params, codes_only=codes_only), 5)
    cache = tmp_path if external and params.get("tree_method") != "approx" else None
    about = {"codes_only": codes_only, "cache": cache, "continues": True}
    data = build(parted(train, 200, 400), params, **about)
    validation = build(parted(held_out, 100), params, data, **about)
    assert not isinstance(data, xgboost.QuantileDMatrix | xgboost.ExtMemQuantileDMatrix)
    if cache:
        assert sum(file.stat().st_size for file in cache.iterdir()) > 8 * COUNT
    found, expected = (
        continued(params, *matrices, earlier)
        for matrices in ((data, validation), (plain(train, bounds), plain(held_out, bounds)))
    )
    assert found == expected


def continued(
    params: dict, data: xgboost.DMatrix, validation: xgboost.DMatrix, earlier: xgboost.Booster
) -> tuple[dict, dict]:
    """The scores of four rounds more, and all trees; the model's bytes also have the categories' names, or none."""
    scores: dict = {}
    evals = [(data, "train"), (validation, "validation")]
    booster = xgboost.train(params, data, 4, evals=evals, evals_result=scores, verbose_eval=False, xgb_model=earlier)
    booster.feature_names = booster.feature_types = None
    model = json.loads(booster.save_raw("json"))["learner"]
    model["gradient_booster"].get("model", {}).pop("cats", None)
    return scores, model


def starts(matrix: xgboost.DMatrix) -> list[float]:
    return matrix.get_quantile_cut()[1].tolist()


def test_many_rows_are_sorted_for_their_bins(monkeypatch):
    monkeypatch.setattr(cuts, "FEWEST_ROWS", COUNT)
    params = {"nthread": 1, "max_bin": 7}
    of = replace(rows(), weight=None)
    (edges,) = [cuts.edges([of.features], 7, 1)]
    found = starts(build(parted(of, 300), params))
    assert found == starts(xgboost.QuantileDMatrix(edges, max_bin=7))
    summary = starts(xgboost.QuantileDMatrix(of.features, max_bin=7))
    assert len(found) == len(summary)
    assert found != summary
    assert starts(build([take(of, np.arange(COUNT - 1))], params)) != found  # one row fewer: not sorted


@pytest.mark.parametrize(
    ("of", "more"),
    [
        pytest.param(rows(), {}, id="weights"),
        pytest.param(replace(rows(), weight=None), {"codes_only": True}, id="several hosts"),
        pytest.param(replace(rows(), features=sparse.csr_matrix(np.eye(COUNT, dtype=np.float32))), {}, id="sparse"),
    ],
)
def test_other_rows_are_not_sorted(monkeypatch, of, more):
    monkeypatch.setattr(cuts, "FEWEST_ROWS", 1)
    monkeypatch.setattr(cuts, "edges", None)
    build([of], {"nthread": 1}, **more)


@pytest.mark.parametrize(
    "params",
    [{"tree_method": "exact"}, {"tree_method": "approx"}],
)
def test_methods_that_need_all_rows(params):
    params = {"nthread": 1, **params}
    whole = replace(rows(missing=False), features=rows(missing=False).features.drop_columns("c"))
    data, parts = build([whole], params), build(parted(whole, 200, 400), params)
    assert model(params, parts, parts) == model(params, data, data)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"booster": "gblinear"},
            "booster 'gblinear' cannot use the text columns 'c'; use gbtree, or name",
        ),
        ({"tree_method": "exact"}, "tree_method 'exact' cannot use the text columns 'c'; use hist, or"),
        ({"updater": "grow_colmaker,prune"}, "updater 'grow_colmaker' cannot use the text columns 'c'; use grow_quant"),
    ],
)
def test_categories_are_refused_where_nothing_splits_on_them(params, message):
    schema = Schema((Feature("w"), Feature("c", Kind.CATEGORY, 1, ("a", "b"))))
    with pytest.raises(UserError, match=message):
        check_categories(params, schema)
    check_categories(params, Schema.from_names(2))
    check_categories({"updater": "grow_quantile_histmaker"}, schema)


def test_queries_are_brought_together_from_all_parts():
    params = {"nthread": 1, "objective": "rank:ndcg"}
    group = np.random.default_rng(3).integers(0, 40, COUNT)
    whole = replace(rows(), group=group, weight=None)
    data, parts = build([whole], params), build(parted(whole, 200, 400), params)
    assert model(params, parts, parts) == model(params, data, data)


def test_codes_only_does_without_names():
    params = {"nthread": 1, "objective": "binary:logistic"}
    data = build([rows()], params, codes_only=True)
    parts = build(parted(rows(), 1, 2), params, codes_only=True)
    assert parts.feature_types == ["float"] * 4 + ["c"]
    assert model(params, parts, parts) == model(params, data, data)


@pytest.mark.parametrize("of", [rows(), replace(rows(), features=sparse.csr_matrix(np.eye(COUNT, dtype=np.float32)))])
def test_the_digest_does_not_depend_on_the_parts(of: Rows):
    assert digest(parted(of, 17, 300)) == digest([of])
    other = replace(of, label=of.label + 1)
    assert digest([other]) != digest([of])
