"""Models that early stopping ended elsewhere predict what they do there: with the rounds up to the best one."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from container.data.schema import Schema
from container.model import artifact, best_rounds, ensemble
from container.model.artifact import Artifact
from container.model.predictor import Predictor
from tests.unit.model.boosters import CASES, trained

ELSEWHERE = Path(__file__).parents[2] / "data" / "elsewhere"
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 3)).astype(np.float32)
NOISY = X[:, 0] + RANDOM.normal(size=300)
"""So noisy that the validation error soon rises."""


@pytest.fixture(autouse=True)
def _info(caplog):
    caplog.set_level("INFO", best_rounds.__name__)


def said(caplog) -> list[str]:
    return [record.message for record in caplog.records if record.name == best_rounds.__name__]


def fitted(path: Path, kind: type[Any] = xgboost.XGBRegressor, **params: Any) -> Any:
    """An estimator that has stopped early, and its file."""
    label = NOISY if kind is xgboost.XGBRegressor else np.digitize(NOISY, [-0.5, 0.5])
    model = kind(early_stopping_rounds=3, n_estimators=200, n_jobs=1, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what XGBoost says about dart and gblinear
        model.fit(X[:150], label[:150], eval_set=[(X[150:], label[150:])], verbose=False)
        model.save_model(path)
    assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1
    return model


@pytest.mark.parametrize("extension", ["json", "ubj"])
@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("params", [{}, {"booster": "dart", "rate_drop": 0.3}, {"num_parallel_tree": 3}])
def test_it_predicts_as_the_estimator_does(tmp_path, caplog, params, native, extension):
    path = tmp_path / f"xgboost-model.{extension}"
    model = fitted(path, **params)
    predictor = Predictor(artifact.load(path), native=native)
    np.testing.assert_array_equal(predictor.predict_matrix(X).scores, model.predict(X))
    best, rounds = model.best_iteration + 1, model.get_booster().num_boosted_rounds()
    assert said(caplog) == [
        f"xgboost-model.{extension}: trained with early stopping; its best {best} of {rounds} rounds are used "
        "(attribute best_iteration)"
    ]


def test_classes_and_an_ensemble(tmp_path):
    files = [tmp_path / "xgboost-model-0", tmp_path / "xgboost-model-1"]
    models = []
    for seed, file in enumerate(files):
        models.append(fitted(file.with_suffix(".ubj"), xgboost.XGBClassifier, subsample=0.5, random_state=seed))
        file.with_suffix(".ubj").rename(file)
    wanted = np.mean([model.predict_proba(X) for model in models], axis=0)
    scores = Predictor(*ensemble.load_together(files)).predict_matrix(X).scores
    np.testing.assert_allclose(scores, wanted, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
def test_coefficients_are_left_whole_as_the_estimator_leaves_them(tmp_path, caplog):
    model = fitted(tmp_path / "model.ubj", booster="gblinear", learning_rate=1)
    scores = Predictor(artifact.load(tmp_path / "model.ubj")).predict_matrix(X).scores
    np.testing.assert_array_equal(scores, model.predict(X))
    assert not said(caplog)


@pytest.mark.parametrize("name", [name for name in CASES if name != "many features"])
def test_a_cut_model_is_the_whole_ones_first_rounds_to_the_bit(tmp_path, name):
    whole = trained(name)
    whole.set_attr(best_iteration="0", best_score="0.25", kept="yes")
    path = tmp_path / "model.ubj"
    whole.save_model(path)
    cut = artifact.load(path).booster
    assert cut.num_boosted_rounds() == 1
    assert cut.attributes() == whole.attributes()
    assert (cut.feature_names, cut.feature_types) == (whole.feature_names, whole.feature_types)
    rows = RANDOM.integers(0, 3, (50, whole.num_features())).astype(np.float32)
    rows[RANDOM.random(rows.shape) < 0.1] = np.nan
    data = xgboost.DMatrix(rows, nthread=1)
    for what in ("output_margin", "pred_leaf", "pred_contribs"):
        wanted = whole.predict(data, iteration_range=(0, 1), validate_features=False, **{what: True})
        found = cut.predict(data, validate_features=False, **{what: True})
        assert (found.shape, found.tobytes()) == (wanted.shape, wanted.tobytes())
    assert artifact.load(path).schema == Artifact(whole, artifact.schema_of(whole, path)).schema


@pytest.mark.parametrize("name", ["1.0.2-softprob.json", "1.0.2-dart.json", "1.7.6-logistic.json"])
def test_models_of_old_are_cut(tmp_path, name):
    model = json.loads((ELSEWHERE / name).read_text())
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model))
    whole = artifact.load(path).booster
    model["learner"]["attributes"]["best_iteration"] = "1"
    path.write_text(json.dumps(model))
    cut = artifact.load(path).booster
    rows = RANDOM.normal(size=(50, whole.num_features())).astype(np.float32)
    wanted = whole.inplace_predict(rows, iteration_range=(0, 2), validate_features=False)
    np.testing.assert_array_equal(cut.inplace_predict(rows, validate_features=False), wanted)
    assert (cut.num_boosted_rounds(), whole.num_boosted_rounds()) == (2, 3)


@pytest.mark.parametrize("best", ["", "two", "2.0", "nan", "-1", "4", "5", "9" * 5000])
def test_an_attribute_that_leaves_nothing_out_is_passed_over(tmp_path, caplog, best):
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(X, NOISY, nthread=1), 5)
    booster.set_attr(best_iteration=best)
    booster.save_model(tmp_path / "model.ubj")
    assert artifact.load(tmp_path / "model.ubj").booster.num_boosted_rounds() == 5
    assert not said(caplog)


def test_a_model_that_was_trained_here_is_never_cut(tmp_path, caplog):
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(X, NOISY, nthread=1), 5)
    path = artifact.save(Artifact(booster, Schema.from_names(3)), tmp_path)
    booster.set_attr(best_iteration="1", best_score="0.5", best_ntree_limit="2")
    path.write_bytes(booster.save_raw("ubj"))
    loaded = artifact.load(path)
    assert loaded.booster.num_boosted_rounds() == 5
    artifact.save(loaded, tmp_path)
    kept = artifact.load(path).booster.attributes()
    assert not [name for name in kept if name.startswith("best_")]
    assert not said(caplog)
