"""The channel ``model``: its columns and objective hold, and what does not fit them is named."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import xgboost

from container.contract.job import Channel, Resources, TrainingJob
from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Kind
from container.errors import ModelError, UserError
from container.model import artifact
from container.training.boosting.earlier import continued_schema, continued_task, load_earlier
from container.training.objective import Task

ZONES = Feature("zone", Kind.CATEGORY, 1, ("A", "B"))
EARLIER = Schema((Feature("area", position=0), ZONES), (Other("price", 2, Role.TARGET),), named=True)


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
    (tmp_path / "packed").mkdir()
    with tarfile.open(tmp_path / "packed" / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "plain" / "xgboost-model", "xgboost-model")
    for folder in ("plain", "packed"):
        loaded = load_earlier(_job(tmp_path / folder))
        assert loaded is not None
        assert loaded.booster.num_boosted_rounds() == 2


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


def test_columns_keep_their_meaning_where_they_have_moved():
    new = Schema(
        (Feature("extra", position=0), Feature("zone", Kind.CATEGORY, 2, ("B", "C")), Feature("area", position=3)),
        (Other("price", 1, Role.TARGET),),
        named=True,
    )
    merged = continued_schema(EARLIER, new)
    assert merged.features == (Feature("area", position=3), Feature("zone", Kind.CATEGORY, 2, ("A", "B")))
    assert merged.others == (Other("extra", 0, Role.IGNORED), Other("price", 1, Role.TARGET))


@pytest.mark.parametrize(
    ("earlier", "new", "message"),
    [
        pytest.param(
            EARLIER,
            Schema((Feature("area"),), (Other("price", 1, Role.TARGET),), named=True),
            "the data lacks 'zone', which the model in the channel 'model' was trained on",
            id="column-gone",
        ),
        pytest.param(
            EARLIER,
            Schema((Feature("area"),), (Other("a", 1, Role.TARGET), Other("b", 2, Role.TARGET)), named=True),
            "the model in the channel 'model' learned the targets 'price', and 'target' now names 'a', 'b'",
            id="targets",
        ),
        pytest.param(Schema.from_names(3), Schema.from_names(4), "the data has 4 features, and the model", id="width"),
        pytest.param(
            Schema.from_names(2), Schema((Feature("f0"),), classes=("a", "b")), "the target is text", id="classes"
        ),
    ],
)
def test_what_does_not_fit_is_refused(earlier, new, message):
    with pytest.raises(UserError, match=message):
        continued_schema(earlier, new)


def test_the_objective_is_the_earlier_models(tmp_path):
    saved = _save(tmp_path)
    assert continued_task(saved, Task("count:poisson", ""), asked=None).objective == "reg:squarederror"
    with pytest.raises(UserError, match="'objective': count:poisson is asked for"):
        continued_task(saved, Task("count:poisson", ""), asked="count:poisson")
