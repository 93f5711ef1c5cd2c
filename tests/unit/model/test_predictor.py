"""Artifact + table → prediction, whatever else is in the request."""

import numpy as np
import pytest
import xgboost

from container.data import libsvm
from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Kind, Numbers, Place, Table, Text
from container.errors import DataError
from container.model.artifact import Artifact
from container.model.predictor import Predictor, vote

RANDOM = np.random.default_rng(0)
X = RANDOM.random((300, 4)).astype(np.float32)
X[RANDOM.random(X.shape) < 0.2] = np.nan


def booster(label: np.ndarray, **params) -> xgboost.Booster:
    return xgboost.train({"nthread": 1, **params}, xgboost.DMatrix(X, label=label, nthread=1), 5)


def numbers(values: np.ndarray = X) -> Table:
    return Table([Numbers(column.astype(np.float64)) for column in values.T], None, len(values), Place())


LABELS = {
    "reg:squarederror": RANDOM.normal(size=300),
    "binary:logistic": RANDOM.integers(0, 2, 300),
    "binary:logitraw": RANDOM.integers(0, 2, 300),
    "binary:hinge": RANDOM.integers(0, 2, 300),
    "multi:softprob": RANDOM.integers(0, 3, 300),
    "multi:softmax": RANDOM.integers(0, 3, 300),
    "count:poisson": RANDOM.integers(0, 9, 300),
}


@pytest.fixture(params=LABELS)
def model(request: pytest.FixtureRequest) -> tuple[Predictor, xgboost.Booster]:
    label, classes = LABELS[request.param], {}
    if request.param.startswith("multi:"):
        classes["num_class"] = 3
    trained = booster(label, objective=request.param, **classes)
    return Predictor(Artifact(trained, Schema.from_names(4))), trained


def test_scores_are_xgboosts(model):
    predictor, trained = model
    np.testing.assert_array_equal(predictor.predict(numbers()).scores, trained.predict(xgboost.DMatrix(X, nthread=1)))


def test_a_row_alone_is_predicted_as_in_its_batch(model):
    predictor, _ = model
    batch = predictor.predict(numbers()).scores
    for row in (0, 7, 299):
        np.testing.assert_array_equal(predictor.predict(numbers(X[row : row + 1])).scores[0], batch[row])


def sparse_text(rows: np.ndarray) -> bytes:
    lines = (" ".join(f"{i}:{float(v)!r}" for i, v in enumerate(row) if not np.isnan(v)) for row in rows)
    return "".join(f"0 {line}\n" for line in lines).encode()


def test_a_sparse_row_alone_is_predicted_as_in_its_batch_and_as_the_dense_one(model):
    predictor, _ = model
    read = [libsvm.read(sparse_text(rows), Place(), labelled=False) for rows in (X, X[:1], X[299:])]
    batch, first, last = (predictor.predict(table).scores for table in read)
    np.testing.assert_array_equal(batch, predictor.predict(numbers()).scores)
    np.testing.assert_array_equal(first[0], batch[0])
    np.testing.assert_array_equal(last[0], batch[299])


def test_a_sparse_row_without_a_value_is_predicted():
    predictor = Predictor(Artifact(booster(LABELS["reg:squarederror"]), Schema.from_names(4)))
    alone = predictor.predict(libsvm.read(b"5\n", Place(), labelled=False)).scores
    np.testing.assert_array_equal(alone, predictor.predict(numbers(np.full((1, 4), np.nan))).scores)


@pytest.mark.parametrize(
    ("objective", "classes"),
    [
        ("binary:logistic", ("no", "yes")),
        ("binary:logitraw", ("no", "yes")),
        ("binary:hinge", ("no", "yes")),
        ("multi:softprob", ("a", "b", "c")),
        ("multi:softmax", ("a", "b", "c")),
    ],
)
def test_labels_name_the_decision(objective, classes):
    label = np.nan_to_num(X[:, 0]) * len(classes) // 1
    params = {"num_class": 3} if len(classes) == 3 else {}
    trained = booster(label, objective=objective, **params)
    schema = Schema(
        tuple(Feature(f"f{i}", position=i + 1) for i in range(4)), (Other("y", 0, Role.TARGET),), False, classes
    )
    labels = Predictor(Artifact(trained, schema)).predict(numbers()).labels
    assert set(labels) == set(classes)
    agreement = np.mean([name == classes[int(index)] for name, index in zip(labels, label, strict=True)])
    assert agreement > 0.95


def test_unseen_categories_count_as_missing(caplog):
    codes = np.arange(300) % 2
    frame = Text(codes.astype(np.int32), ["blue", "red"])
    schema = Schema((Feature("color", Kind.CATEGORY, 1, ("blue", "red")),), (Other("y", 0, Role.TARGET),), True)
    data = xgboost.DMatrix(codes[:, None].astype(float), label=codes, feature_types=["c"], nthread=1)
    predictor = Predictor(Artifact(xgboost.train({"nthread": 1}, data, 3), schema))
    assert predictor.predict(Table([frame], ("color",), 300, Place())).scores.shape == (300,)
    with caplog.at_level("INFO"):
        green = predictor.predict(Table([Text.from_cells(["green", ""])], ("color",), 2, Place())).scores
    assert green[0] == green[1]
    assert "categories training never saw count as missing: {'color': 1}" in caplog.text


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (numbers(X[:, :3]), "expected 4 values per row, got 3"),
        (numbers(X[:0]), "the request has no rows; send at least one"),
        (Table([Numbers(np.empty(0))], ("x",), 0, Place()), "the request has column names but no rows"),
        (libsvm.read(b"1 9:1\n", Place()), "the feature index 9 is beyond the model's 4 features (line 1)"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(table, message):
    predictor = Predictor(Artifact(booster(LABELS["reg:squarederror"]), Schema.from_names(4)))
    with pytest.raises(DataError) as caught:
        predictor.predict(table)
    assert str(caught.value).startswith(message)


def test_a_vote_takes_the_most_frequent_class_and_of_equals_the_lower():
    votes = np.array([[0, 2, 1], [0, 2, 0], [1, 1, 2]], np.float32)
    assert vote(votes).tolist() == [0, 2, 0]
