"""Models that other versions of XGBoost wrote predict what they did there, or are refused with a way out."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

from container.data.formats import ContentType, read_request
from container.data.table import Kind
from container.errors import ModelError
from container.model import artifact
from container.model.predictor import Predictor

FOLDER = Path(__file__).parents[2] / "data" / "elsewhere"
EXPECTED = json.loads((FOLDER / "predictions.json").read_text())
ROWS = np.array(EXPECTED["rows"], dtype=np.float32)

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated")


def test_every_file_is_looked_at():
    models = {path.name for path in FOLDER.glob("*-*.*") if path.suffix in (".json", ".ubj")}
    assert models == set(EXPECTED["predictions"])


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("name", EXPECTED["predictions"])
def test_it_predicts_what_it_did_there(name, native):
    predictor = Predictor(artifact.load(FOLDER / name), native=native)
    scores = predictor.predict_matrix(ROWS).scores
    np.testing.assert_allclose(scores, np.array(EXPECTED["predictions"][name], np.float32), rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["1.0.2-regression.json", "1.7.6-regression.ubj"])
def test_columns_go_by_their_names(name):
    predictor = Predictor(artifact.load(FOLDER / name))
    if name.startswith("1.0.2"):  # names are in the file since 1.4
        assert not predictor.schema.named
        return
    body = json.dumps([{"age": row[2], "rooms": row[1], "area": row[0]} for row in EXPECTED["rows"]]).encode()
    table = read_request(body, ContentType.parse("application/json"), predictor.schema)
    np.testing.assert_allclose(predictor.predict(table).scores, EXPECTED["predictions"][name], rtol=3e-7)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("0.90-regression.bin", "one in the old binary format is converted by loading it with XGBoost < 3.1"),
        ("1.0.2-regression.bin", "one in the old binary format is converted by loading it with XGBoost < 3.1"),
        ("1.0.2-regression.pkl", "is a pickle, which would run code when loaded; in the Python that wrote it, call"),
    ],
)
def test_the_forms_of_old_are_refused(name, said):
    with pytest.raises(ModelError, match=said):
        artifact.load(FOLDER / name)


def test_categories_that_xgboost_stored_go_by_their_names(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": random.random(60),
            "color": pd.Categorical(random.choice(["blue", "röt", "green, dark"], 60)),
            "class": pd.Categorical(random.choice([20, 60, 160], 60)),
        }
    )
    label = frame["size"] + (frame["color"] == "röt") + 2 * (frame["class"] == 60).astype(float)
    data = xgboost.DMatrix(frame, label, enable_categorical=True, nthread=1)
    booster = xgboost.train({"nthread": 1, "max_cat_to_onehot": 10}, data, 5)
    path = tmp_path / "model.ubj"
    booster.save_model(path)
    predictor = Predictor(artifact.load(path))
    assert [feature.kind for feature in predictor.schema.features] == [Kind.NUMBER, Kind.CATEGORY, Kind.CATEGORY]
    table = read_request(frame.to_csv(index=False).encode(), ContentType.parse("text/csv"), predictor.schema)
    np.testing.assert_allclose(predictor.predict(table).scores, booster.predict(data), rtol=1e-6)


def test_truth_values_of_pandas_are_taken_as_pandas_writes_them(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"size": random.normal(size=60), "garage": random.random(60) > 0.5})
    data = xgboost.DMatrix(frame, frame["size"] + frame["garage"], nthread=1)
    booster = xgboost.train({"nthread": 1}, data, 5)
    path = tmp_path / "model.ubj"
    booster.save_model(path)
    predictor = Predictor(artifact.load(path))
    assert [feature.kind for feature in predictor.schema.features] == [Kind.NUMBER, Kind.INDICATOR]
    for written in (frame, frame.astype(float)):
        table = read_request(written.to_csv(index=False).encode(), ContentType.parse("text/csv"), predictor.schema)
        np.testing.assert_array_equal(predictor.predict(table).scores, booster.predict(data))


@pytest.mark.parametrize(
    ("content_type", "write"),
    [
        ("text/csv", lambda frame: frame.to_csv(index=False).encode()),
        ("application/json", lambda frame: frame.to_json(orient="records").encode()),
        ("application/x-parquet", lambda frame: frame.to_parquet(index=False)),
    ],
)
def test_whole_numbers_of_xgboosts_indicator_type_stay_numbers(tmp_path, content_type, write):
    frame = pd.DataFrame({"size": np.arange(60) / 7, "rooms": np.arange(60) % 5})
    data = xgboost.DMatrix(frame, frame["size"] * frame["rooms"], feature_types=["float", "i"], nthread=1)
    booster = xgboost.train({"nthread": 1}, data, 5)
    path = tmp_path / "model.ubj"
    booster.save_model(path)
    predictor = Predictor(artifact.load(path))
    table = read_request(write(frame), ContentType.parse(content_type), predictor.schema)
    np.testing.assert_array_equal(predictor.predict(table).scores, booster.predict(data))


def test_categories_without_names_are_codes(tmp_path):
    codes = np.random.default_rng(0).integers(0, 4, (60, 2)).astype(np.float32)
    data = xgboost.DMatrix(codes, codes[:, 0] == 2, feature_types=["c", "q"], enable_categorical=True, nthread=1)
    booster = xgboost.train({"nthread": 1}, data, 3)
    path = tmp_path / "model.json"
    booster.save_model(path)
    predictor = Predictor(artifact.load(path))
    assert [feature.kind for feature in predictor.schema.features] == [Kind.NUMBER] * 2
    body = "\n".join(",".join(map(str, row)) for row in codes.tolist()).encode()
    table = read_request(body, ContentType.parse("text/csv"), predictor.schema)
    np.testing.assert_array_equal(predictor.predict(table).scores, booster.predict(data))


def test_what_xgboost_says_of_an_old_one_is_told_in_its_words_alone(caplog):
    caplog.set_level("INFO")
    with xgboost.config_context(verbosity=1):  # which a booster of another test may have set for all
        artifact.load(FOLDER / "1.0.2-regression.json")
    (message,) = caplog.messages
    assert message.startswith(
        "XGBoost on 1.0.2-regression.json: Found JSON model saved before XGBoost 1.6, please save"
    )
