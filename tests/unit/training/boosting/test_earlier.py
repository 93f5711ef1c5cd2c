"""The channel ``model``: what is in it, as a file or an archive, and what cannot be gone on from."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost

from container.contract.job import Channel, Resources, TrainingJob
from container.data.schema import Schema
from container.errors import ModelError
from container.model import artifact
from container.training.boosting.earlier import load_earlier
from container.training.rows.encoded import Rows
from container.training.rows.matrix import build


def _job(folder: Path) -> TrainingJob:
    return TrainingJob({"model": Channel("model", folder)}, Resources(), {})


def _save(folder: Path, rounds: int = 2) -> artifact.Artifact:
    features = np.arange(20, dtype=np.float32).reshape(10, 2)
    data = xgboost.DMatrix(features, label=features[:, 0])
    booster = xgboost.train({"nthread": 1}, data, rounds)
    saved = artifact.Artifact(booster, Schema.from_names(2))
    artifact.save(saved, folder)
    return saved


def test_without_the_channel_there_is_no_earlier_model():
    assert load_earlier(TrainingJob({}, Resources(), {})) is None


def test_a_model_file_and_an_archive_are_the_same(tmp_path):
    _save(tmp_path / "plain")
    _pack(tmp_path / "packed" / "model.tar.gz", tmp_path / "plain" / "xgboost-model")
    for folder in ("plain", "packed"):
        loaded = load_earlier(_job(tmp_path / folder))
        assert loaded is not None
        assert loaded.booster.num_boosted_rounds() == 2


def _pack(archive: Path, model: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as members:
        members.add(model, "xgboost-model")


def test_of_a_jobs_output_folder_the_model_is_taken(tmp_path):
    _save(tmp_path / "plain")
    _pack(tmp_path / "channel" / "job-1" / "output" / "model.tar.gz", tmp_path / "plain" / "xgboost-model")
    (tmp_path / "channel" / "job-1" / "output" / "a.tar.gz").write_bytes(b"")
    (tmp_path / "channel" / "job-1" / "output" / "output.tar.gz").write_bytes(b"")
    loaded = load_earlier(_job(tmp_path / "channel"))
    assert loaded is not None
    assert loaded.booster.num_boosted_rounds() == 2


def test_of_several_archives_none_is_guessed(tmp_path):
    _save(tmp_path / "plain")
    for name in ("job-1", "job-2"):
        _pack(tmp_path / "channel" / name / "model.tar.gz", tmp_path / "plain" / "xgboost-model")
    with pytest.raises(ModelError) as caught:
        load_earlier(_job(tmp_path / "channel"))
    assert str(caught.value) == (
        "the channel 'model' has 2 archives, 'job-1/model.tar.gz', 'job-2/model.tar.gz'; "
        "give it the one of the earlier model"
    )


@pytest.mark.parametrize(
    ("params", "trees"),
    [
        ({}, 4),
        ({"num_parallel_tree": 3}, 12),
        ({"objective": "multi:softprob", "num_class": 5, "num_parallel_tree": 2}, 40),
    ],
    ids=["trees", "forests", "classes"],
)
def test_of_a_model_that_stopped_early_elsewhere_the_rounds_up_to_the_best_are_gone_on_from(
    tmp_path, caplog, params, trees
):
    caplog.set_level("INFO")
    features = np.arange(20, dtype=np.float32).reshape(10, 2)
    booster = xgboost.train({"nthread": 1, **params}, xgboost.DMatrix(features, label=features[:, 0] // 4), 6)
    booster.set_attr(best_iteration="3")
    booster.save_model(tmp_path / "model.ubj")
    (tmp_path / "model.ubj").rename(tmp_path / "xgboost-model")
    loaded = load_earlier(_job(tmp_path))
    assert loaded is not None
    assert loaded.booster.num_boosted_rounds() == 4
    assert loaded.booster.get_dump() == booster.get_dump()[:trees]
    assert [record.message for record in caplog.records] == [
        "xgboost-model: trained with early stopping; its best 4 of 6 rounds are used (attribute best_iteration)",
        "Going on from an earlier model of 4 rounds",
    ]


@pytest.mark.parametrize(
    ("files", "there"), [((), "is empty"), (("b/model.ubj", "a.txt"), "has 'a.txt', 'b/model.ubj'")]
)
def test_a_channel_without_a_model_says_what_it_has(tmp_path, files, there):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    with pytest.raises(ModelError) as caught:
        load_earlier(_job(tmp_path))
    assert str(caught.value) == (
        f"the channel 'model' {there}; give it a model.tar.gz, or a model in XGBoost's JSON or UBJSON that is named "
        "xgboost-model"
    )


def test_a_damaged_archive_is_named(tmp_path):
    (tmp_path / "model.tar.gz").write_bytes(b"\x1f\x8bnot really")
    with pytest.raises(ModelError, match=r"model\.tar\.gz cannot be unpacked"):
        load_earlier(_job(tmp_path))


def test_an_archive_cannot_write_elsewhere(tmp_path):
    (tmp_path / "evil").write_text("x")
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "evil", "../../escaped")
    with pytest.raises(ModelError, match="cannot be unpacked"):
        load_earlier(_job(tmp_path))


def test_an_ensemble_is_refused(tmp_path):
    booster = _save(tmp_path / "one").booster
    artifact.save_all([booster, booster], Schema.from_names(2), tmp_path / "two")
    with pytest.raises(ModelError, match="goes on from one model only"):
        load_earlier(_job(tmp_path / "two"))


def _save_categories(folder: Path, categories: list[str] | list[int]) -> tuple[xgboost.Booster, xgboost.DMatrix]:
    """A model of a column that is a category elsewhere, and its data."""
    values = pd.Categorical.from_codes(np.arange(30) % 3, categories)
    data = xgboost.DMatrix(pd.DataFrame({"c": values}), np.arange(30) % 3, nthread=1)
    booster = xgboost.train({"nthread": 1}, data, 2)
    (folder / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    return booster, data


@pytest.mark.parametrize("categories", [["a", "b", "c"], [10, 20, 30]], ids=["text", "numbers"])
def test_any_names_of_categories_can_be_gone_on_with(tmp_path, categories):
    booster, elsewhere = _save_categories(tmp_path, categories)
    loaded = load_earlier(_job(tmp_path))
    assert loaded is not None
    assert loaded.schema.features[0].categories == tuple(map(str, categories))
    columns = pa.DictionaryArray.from_arrays(pa.array(np.arange(30) % 3, pa.int32()), pa.array(map(str, categories)))
    rows = Rows(pa.table({"c": columns}), np.arange(30) % 3.0, None, None)
    expected = xgboost.train({"nthread": 1}, elsewhere, 2, xgb_model=booster).predict(elsewhere)
    for codes_only in (False, True):  # as on one host, and on several
        data = build([rows], {"nthread": 1}, codes_only=codes_only, continues=True)
        more = xgboost.train({"nthread": 1}, data, 2, xgb_model=loaded.booster)
        assert more.predict(data).tolist() == expected.tolist()


def test_categories_without_names_are_refused(tmp_path):
    booster, _ = _save_categories(tmp_path, ["a", "b", "c"])
    model = json.loads(booster.save_raw("json"))
    del model["learner"]["gradient_booster"]["model"]["cats"]
    model["version"] = [3, 0, 5]
    (tmp_path / "xgboost-model").write_text(json.dumps(model))
    with pytest.raises(ModelError) as caught:
        load_earlier(_job(tmp_path))
    assert str(caught.value) == (
        "the model in the channel 'model' has categories in 'c' and not their names, for XGBoost before 3.1 kept none, "
        "so no rounds can be added to it; train without that channel"
    )
