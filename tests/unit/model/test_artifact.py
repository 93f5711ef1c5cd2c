"""The model file: what any XGBoost can read of it, and what is never loaded."""

import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

from container import atomic
from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Kind, Numbers, Place, Table, Text
from container.errors import ModelError
from container.model import artifact, ensemble
from container.model.artifact import Artifact
from container.model.predictor import Predictor
from container.training.objective import Task
from container.training.rows.encoded import from_table

SCHEMA = Schema(
    (Feature("area [m2]", position=1), Feature("color", Kind.CATEGORY, 2, ("blue", "green", "red"))),
    (Other("price", 0, Role.TARGET),),
    named=True,
)
FRAME = pd.DataFrame({"area (m2)": [10.0, np.nan, 3.0], "color": pd.Categorical(["red", None, "blue"])})
"""What SCHEMA's features are called in XGBoost, which keeps brackets for itself; green does not occur."""


def table(rows: int = 90) -> Table:
    numbers = np.arange(rows, dtype=np.float64)
    colors = Text(np.arange(rows, dtype=np.int32) % 4 - 1, ["red", "blue", "green"])
    columns = [Numbers(numbers * 2), Numbers(np.where(numbers % 7 == 0, np.nan, numbers)), colors]
    return Table(columns, ("price", "area [m2]", "color"), rows, Place())


@pytest.fixture
def booster() -> xgboost.Booster:
    rows = from_table(table(), SCHEMA, Task("reg:squarederror", ""))
    return xgboost.train({"nthread": 1}, xgboost.DMatrix(rows.features, label=rows.label, nthread=1), 5)


@pytest.fixture
def saved(booster, tmp_path) -> Path:
    return artifact.save(Artifact(booster, SCHEMA), tmp_path)


@pytest.mark.filterwarnings("ignore:.*Unknown file format")  # XGBoost's word on a name without an extension
def test_plain_xgboost_reads_the_file_and_predicts_from_named_categories(saved):
    assert saved.name == "xgboost-model"
    booster = xgboost.Booster({"nthread": 1}, model_file=saved)
    data = xgboost.DMatrix(FRAME, enable_categorical=True, nthread=1)
    text = Text.from_cells(["red", "", "blue"])
    ours = Predictor(artifact.load(saved)).predict(
        Table([Numbers(FRAME["area (m2)"].to_numpy()), text], ("area [m2]", "color"), 3, Place())
    )
    np.testing.assert_array_equal(booster.predict(data), ours.scores)


def test_the_schema_comes_back(saved):
    loaded = artifact.load(saved)
    assert loaded.schema == SCHEMA
    assert (loaded.objective, loaded.booster_name, loaded.num_class) == ("reg:squarederror", "gbtree", None)


def test_the_file_may_be_read_by_everyone(saved):
    assert saved.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("params", "objective", "booster_name", "num_class"),
    [
        ({"booster": "gblinear"}, "reg:squarederror", "gblinear", None),
        ({"rate_drop": 0.5}, "reg:squarederror", "gbtree", None),
        ({"objective": "multi:softprob", "num_class": 3}, "multi:softprob", "gbtree", 3),
        ({"objective": "multi:softmax", "num_class": 3}, "multi:softmax", "gbtree", 3),
        ({"objective": "binary:logistic"}, "binary:logistic", "gbtree", None),
    ],
)
@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
@pytest.mark.parametrize("format", ["ubj", "json"])
def test_models_of_plain_xgboost_have_columns_of_numbers(tmp_path, params, objective, booster_name, num_class, format):
    label = np.arange(60) % params.get("num_class", 2)
    data = xgboost.DMatrix(np.random.default_rng(0).random((60, 3)), label=label, nthread=1)
    path = tmp_path / "xgboost-model"
    path.write_bytes(xgboost.train({"nthread": 1, **params}, data, 2).save_raw(format))
    loaded = artifact.load(path)
    assert (loaded.objective, loaded.num_class) == (objective, num_class)
    assert loaded.booster_name == booster_name
    assert [(f.name, f.kind, f.position) for f in loaded.schema.features] == [
        (f"f{i}", Kind.NUMBER, i) for i in range(3)
    ]
    assert not loaded.schema.named


def test_models_of_plain_xgboost_keep_their_names(tmp_path):
    data = xgboost.DMatrix(np.eye(4), label=np.arange(4), feature_names=list("abcd"), nthread=1)
    path = tmp_path / "xgboost-model"
    path.write_bytes(xgboost.train({"nthread": 1}, data, 1).save_raw("json"))
    schema = artifact.load(path).schema
    assert (schema.names, schema.named) == (("a", "b", "c", "d"), True)


def test_what_xgboost_says_in_another_thread_is_a_warning_too(tmp_path, capfd):
    path = tmp_path / "xgboost-model"
    path.write_bytes((Path(__file__).parents[2] / "golden" / "models" / "linear.ubj").read_bytes())
    with pytest.warns(UserWarning, match="`booster=gblinear` is deprecated"), ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: artifact.load(path).booster.save_config()).result()
    assert capfd.readouterr() == ("", "")


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_never_run(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "xgboost-model"
    path.write_bytes(pickle.dumps(_Bomb(), protocol))
    with pytest.raises(ModelError, match=r"xgboost-model is a pickle, .* booster.save_model\('xgboost-model.ubj'\)"):
        artifact.load(path)
    assert not (tmp_path / "executed").exists()


def test_a_pickled_booster_is_refused(tmp_path, booster):
    path = tmp_path / "xgboost-model"
    path.write_bytes(pickle.dumps(booster))
    with pytest.raises(ModelError, match="is a pickle, which would run code when loaded"):
        artifact.load(path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty; train the model again"),
        (b"binf\x00\x00\x00?\x03\x00\x00\x00", "one in the old binary format is converted by loading"),
        (b"\x00" * 100, "is not an XGBoost model in JSON or UBJSON"),
        (b"\x1f\x8b\x08\x00", "is not an XGBoost model in JSON or UBJSON"),
        (b"{}", "is damaged: it is not an XGBoost model in JSON or UBJSON (2 bytes); copy it again"),
        (b'{"learner": {}}', "is damaged"),
        (b'{"a', "is damaged"),
        (b'{"\xff": 1}', "is damaged"),
        (b"{L", "is damaged"),
        (b"{L\x00\x00\x00\x00\x00\x00\x00\x01aT}", "is damaged"),
        (b"{\x00\x01\x02", "is damaged"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, raw, message):
    path = tmp_path / "xgboost-model"
    path.write_bytes(raw)
    with pytest.raises(ModelError) as caught:
        artifact.load(path)
    assert f"the model file {path} " in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("format", ["ubj", "json"])
def test_a_model_that_ends_early_is_refused_wherever_it_was_cut(tmp_path, booster, format):
    whole = bytes(booster.save_raw(format))
    path = tmp_path / "xgboost-model"
    for length in {*range(1, len(whole), len(whole) // 80), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="is damaged"):  # XGBoost itself ends the process at some of these
            artifact.load(path)


def test_a_damaged_schema_is_refused(tmp_path, booster):
    booster.set_attr(**{"sagemaker_xgboost.schema": json.dumps({"features": 1})})
    path = tmp_path / "xgboost-model"
    path.write_bytes(booster.save_raw("ubj"))
    with pytest.raises(ModelError, match=r"the schema in the model file .* is damaged; train the model again"):
        artifact.load(path)


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"there is no model file .*/xgboost-model; train one, or unpack model.tar.gz"):
        artifact.load(tmp_path / "xgboost-model")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_nothing(tmp_path, booster, monkeypatch, call):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((atomic.os, "fsync") if call == "fsync" else (Path, "replace")), fail)
    with pytest.raises(ModelError, match=r"cannot be written: No space left on device \(.*; free space there"):
        artifact.save(Artifact(booster, SCHEMA), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_keeps_the_model_before_it(saved, booster, monkeypatch):
    before = saved.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", fail)
    with pytest.raises(ModelError):
        artifact.save(Artifact(booster, SCHEMA), saved.parent)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_several_models_are_numbered_and_found_in_that_order(tmp_path, booster):
    artifact.save_all([booster] * 11, SCHEMA, tmp_path)
    (tmp_path / "xgboost-model-notes").write_text("")
    assert [path.name for path in artifact.model_files(tmp_path)] == [f"xgboost-model-{i}" for i in range(11)]
    assert len(ensemble.load_all(tmp_path)) == 11
    artifact.remove_all(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["xgboost-model-notes"]
