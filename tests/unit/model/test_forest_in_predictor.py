"""Switched on, off or absent, the compiled walker changes no byte of a prediction."""

import logging

import numpy as np
import pytest
import xgboost
from scipy import sparse

from container.data.schema import Feature, Schema
from container.data.table import Kind, Numbers, Place, SparseTable, Table
from container.model import forest, predictor
from container.model.artifact import Artifact
from container.model.predictor import Predictor
from tests.unit.model.boosters import CATEGORICAL, trained

NAMES = ["reg:squarederror", "binary:logistic", "binary:hinge", "softprob", "softmax", "sets of categories", "dart"]


@pytest.fixture(scope="module", params=NAMES)
def artifact(request: pytest.FixtureRequest) -> Artifact:
    booster = trained(request.param)
    columns = range(booster.num_features())
    kinds = dict.fromkeys(CATEGORICAL, Kind.CATEGORY) if "categories" in request.param else {}
    features = tuple(
        Feature(
            f"f{c}", kinds.get(c, Kind.NUMBER), c, tuple(str(k) for k in range(CATEGORICAL[c])) if c in kinds else ()
        )
        for c in columns
    )
    return Artifact(booster, Schema(features))


@pytest.fixture
def table(artifact: Artifact) -> Table:
    random = np.random.default_rng(0)
    values = np.round(random.normal(scale=3, size=(300, len(artifact.schema.features))), 2)
    for column in CATEGORICAL:
        values[:, column] = random.integers(0, 60, len(values))
    values[random.random(values.shape) < 0.1] = np.nan
    return Table([Numbers(column) for column in values.T.copy()], None, len(values), Place())


def bits(model: Predictor, table: Table | SparseTable) -> tuple[object, ...]:
    scores = model.predict(table).scores
    return scores.dtype, scores.shape, scores.tobytes()


def test_on_and_off(artifact, table):
    pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")
    native, plain = Predictor(artifact), Predictor(artifact, native=False)
    assert native._forests[0] is not None
    assert plain._forests == [None]
    assert bits(native, table) == bits(plain, table)
    assert bits(Predictor(artifact, artifact), table) == bits(Predictor(artifact, artifact, native=False), table)


def test_rows_shared_by_threads(artifact, table, monkeypatch):
    monkeypatch.setattr(predictor, "_SHARED", 300)
    assert bits(Predictor(artifact, threads=3), table) == bits(Predictor(artifact), table)


def test_absent(artifact, table, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    plain = Predictor(artifact, native=False)
    assert not caplog.records
    monkeypatch.setattr(forest, "native", None)
    absent = Predictor(artifact)
    assert [record.message for record in caplog.records] == [
        "predicting with XGBoost: the compiled core is not installed"
    ]
    assert bits(absent, table) == bits(plain, table)


def test_sparse_rows_are_for_xgboost():
    model = Artifact(trained("binary:logistic"), Schema.from_names(6))
    rows = SparseTable(sparse.csr_matrix(np.eye(4, 6, dtype=np.float32)), None, None, None, Place())
    assert bits(Predictor(model), rows) == bits(Predictor(model, native=False), rows)


def test_gblinear_is_for_xgboost():
    X = np.random.default_rng(0).normal(size=(50, 2))
    booster = xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix(X, X[:, 0]), 2)
    model = Predictor(Artifact(booster, Schema.from_names(2)))
    assert model.predict_matrix(X.astype(np.float32)).scores.shape == (50,)
