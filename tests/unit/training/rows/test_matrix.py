"""Parts of rows to one matrix: the model is the same, byte for byte, however they are parted, wherever the bins are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xgboost
from scipy import sparse

from container.training.rows.encoded import Rows, digest, take
from container.training.rows.matrix import build

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


@pytest.mark.parametrize("external", [False, True])
@pytest.mark.parametrize(
    ("params", "of"),
    [
        pytest.param({"objective": "binary:logistic"}, lambda r: r, id="weights, categories, missing"),
        pytest.param({"objective": "binary:logistic"}, lambda r: replace(r, weight=None), id="without weights"),
        pytest.param({"subsample": 0.5, "colsample_bynode": 0.5, "max_bin": 16}, lambda r: r, id="sampling"),
        pytest.param({"rate_drop": 0.3, "seed": 3}, lambda r: r, id="dropout"),
        pytest.param({"grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0}, lambda r: r, id="lossguide"),
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
    ],
)
def test_the_model_does_not_depend_on_the_parts(tmp_path: Path, params, of, external):
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


@pytest.mark.parametrize(
    "params",
    [{"tree_method": "exact"}, {"tree_method": "approx"}],
)
def test_methods_that_need_all_rows(params):
    params = {"nthread": 1, **params}
    whole = replace(rows(missing=False), features=rows(missing=False).features.drop_columns("c"))
    data, parts = build([whole], params), build(parted(whole, 200, 400), params)
    assert model(params, parts, parts) == model(params, data, data)


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
