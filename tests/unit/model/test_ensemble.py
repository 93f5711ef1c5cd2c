"""Models that are served together: what one prediction cannot be made of is refused at the start."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost

from container.data.schema import Schema
from container.errors import ModelError
from container.model import artifact, ensemble
from container.model.predictor import Predictor

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(120, 2)).astype(np.float32)


def save(path: Path, *, names: tuple[str, ...] | None = None, targets: int = 1, **params: Any) -> xgboost.Booster:
    """A model of plain XGBoost."""
    classes = params.get("num_class", 2)
    label = np.arange(120) % classes if targets == 1 else RANDOM.random((120, targets))
    data = xgboost.DMatrix(X, label, feature_names=names, nthread=1)
    booster = xgboost.train({"nthread": 1, **params}, data, 2)
    booster.save_model(path)
    return booster


def quantiles(*alphas: float) -> dict[str, Any]:
    return {"objective": "reg:quantileerror", "quantile_alpha": alphas}


def expectiles(*alphas: float) -> dict[str, Any]:
    return {"objective": "reg:expectileerror", "expectile_alpha": alphas}


def classes(count: int, objective: str = "multi:softprob") -> dict[str, Any]:
    return {"objective": objective, "num_class": count}


@pytest.mark.parametrize(
    ("first", "other", "what"),
    [
        pytest.param(
            {}, {"objective": "binary:logistic"}, "the objective, reg:squarederror and binary:logistic", id="objective"
        ),
        pytest.param(classes(3), classes(4), "the number of classes or targets, 3 and 4", id="classes"),
        pytest.param(
            classes(4, "multi:softmax"),
            classes(3, "multi:softmax"),
            "the number of classes or targets, 4 and 3",
            id="classes that would vote",
        ),
        pytest.param({}, {"targets": 2}, "the number of classes or targets, 1 and 2", id="targets"),
        pytest.param(
            quantiles(0.1, 0.9), quantiles(0.1, 0.5, 0.9), "the quantiles, [0.1, 0.9] and [0.1, 0.5, 0.9]", id="more"
        ),
        pytest.param(
            quantiles(0.1, 0.9), quantiles(0.2, 0.8), "the quantiles, [0.1, 0.9] and [0.2, 0.8]", id="quantiles"
        ),
        pytest.param(expectiles(0.1), expectiles(0.3), "the expectiles, [0.1] and [0.3]", id="expectiles"),
        pytest.param({"names": ("a", "b")}, {"names": ("b", "a")}, "the names of the columns", id="names"),
    ],
)
def test_what_cannot_be_combined_is_refused(tmp_path, first, other, what):
    files = [tmp_path / f"{name}.ubj" for name in "abc"]
    for path, shape in zip(files, (first, first, other), strict=True):
        save(path, **shape)
    with pytest.raises(ModelError) as caught:
        ensemble.load_together(files)
    assert str(caught.value) == (
        f"the models in {tmp_path} are of different trainings: a.ubj and c.ubj differ in {what}; keep those of one"
    )


def test_more_columns_are_refused(tmp_path):
    save(tmp_path / "a.ubj")
    xgboost.train({"nthread": 1}, xgboost.DMatrix(X[:, :1], X[:, 0]), 1).save_model(tmp_path / "b.ubj")
    with pytest.raises(ModelError, match=r"a\.ubj and b\.ubj differ in the number of columns, 2 and 1; keep"):
        ensemble.load_together([tmp_path / "a.ubj", tmp_path / "b.ubj"])


def test_other_classes_and_categories_are_refused(tmp_path):
    booster = save(tmp_path / "plain.ubj", objective="binary:logistic")
    features = Schema.from_names(2).features
    for name, schema in {
        "a": Schema(features, classes=("no", "yes")),
        "b": Schema(features, classes=("yes", "no")),
    }.items():
        artifact.save(artifact.Artifact(booster, schema), tmp_path, name)
    with pytest.raises(ModelError, match="a and b differ in the names of the classes; keep"):
        ensemble.load_together([tmp_path / "a", tmp_path / "b"])
    for name, colors in {"d.ubj": ["blue", "red"], "e.ubj": ["green", "red"]}.items():
        frame = pd.DataFrame({"color": pd.Categorical(RANDOM.choice(colors, 120))})
        data = xgboost.DMatrix(frame, X[:, 0], enable_categorical=True, nthread=1)
        xgboost.train({"nthread": 1}, data, 1).save_model(tmp_path / name)
    with pytest.raises(ModelError, match=r"d\.ubj and e\.ubj differ in the columns' kinds, categories or places; keep"):
        ensemble.load_together([tmp_path / "d.ubj", tmp_path / "e.ubj"])


@pytest.mark.filterwarnings("ignore:.*`booster=\\w+` is deprecated")
@pytest.mark.parametrize("order", [("gbtree", "gblinear", "dart"), ("gblinear", "gbtree", "gbtree")])
@pytest.mark.parametrize("shape", [{}, classes(3), {"objective": "binary:logistic"}])
def test_trees_and_coefficients_are_combined_in_any_order(tmp_path, order, shape):
    files = [tmp_path / f"{number}.ubj" for number in range(3)]
    boosters = [save(path, booster=name, **shape) for path, name in zip(files, order, strict=True)]
    wanted = np.mean([booster.predict(xgboost.DMatrix(X, nthread=1)) for booster in boosters], axis=0)
    scores = Predictor(*ensemble.load_together(files)).predict_matrix(X).scores
    np.testing.assert_allclose(scores, wanted, rtol=1e-6)
