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
from container.training.boosting.earlier import (
    continued_hyperparameters,
    continued_schema,
    continued_task,
    load_earlier,
)
from container.training.hyperparameters.parse import Hyperparameters
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


def test_of_a_model_that_stopped_early_elsewhere_the_rounds_up_to_the_best_are_gone_on_from(tmp_path, caplog):
    caplog.set_level("INFO")
    features = np.arange(20, dtype=np.float32).reshape(10, 2)
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(features, label=features[:, 0]), 6)
    booster.set_attr(best_iteration="3")
    booster.save_model(tmp_path / "model.ubj")
    (tmp_path / "model.ubj").rename(tmp_path / "xgboost-model")
    loaded = load_earlier(_job(tmp_path))
    assert loaded is not None
    assert loaded.booster.num_boosted_rounds() == 4
    assert [record.message for record in caplog.records] == [
        "xgboost-model: trained with early stopping; its best 4 of 6 rounds are used (attribute best_iteration)",
        "Going on from an earlier model of 4 rounds",
    ]


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


def test_a_column_that_this_data_alone_would_leave_out_stays_a_feature():
    new = Schema(
        (Feature("area", position=0),), (Other("zone", 1, Role.IGNORED), Other("price", 2, Role.TARGET)), named=True
    )
    assert continued_schema(EARLIER, new, {"zone": "almost unique"}) == EARLIER


def test_sparse_rows_may_lack_the_last_features():
    earlier = Schema.from_names(4)
    for width in (2, 4):
        assert continued_schema(earlier, Schema.from_names(width), sparse=True) == earlier
    with pytest.raises(UserError, match="the data has 5 features, and the model in the channel 'model' 4"):
        continued_schema(earlier, Schema.from_names(5), sparse=True)


@pytest.mark.parametrize("earlier", [EARLIER, Schema((ZONES,))])
def test_sparse_rows_do_not_go_on_from_columns(earlier):
    with pytest.raises(UserError, match="the rows are sparse, and the model in the channel 'model' learned from col"):
        continued_schema(earlier, Schema.from_names(2), sparse=True)


@pytest.mark.parametrize(
    ("role", "word"),
    [
        (Role.TARGET, "'target' or 'lower_bound_column'"),
        (Role.WEIGHT, "'weight_column' or 'csv_weights'"),
        (Role.GROUP, "'group_column'"),
        (Role.UPPER_BOUND, "'upper_bound_column'"),
        (Role.IGNORED, "'ignore_columns'"),
    ],
)
def test_a_feature_cannot_have_another_role(role, word):
    others = [Other("zone", 1, role)] + ([Other("price", 2, Role.TARGET)] if role is not Role.TARGET else [])
    with pytest.raises(UserError) as caught:
        continued_schema(EARLIER, Schema((Feature("area", position=0),), tuple(others), named=True))
    assert str(caught.value) == (
        f"{word} names 'zone', a feature of the model in the channel 'model'; "
        "leave it out there, or train without that channel"
    )


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


def _trained(**params) -> artifact.Artifact:
    features = np.arange(20, dtype=np.float32).reshape(10, 2)
    data = xgboost.DMatrix(features, label=np.arange(10) % 3)
    return artifact.Artifact(xgboost.train({"nthread": 1, "verbosity": 0, **params}, data, 1), Schema.from_names(2))


QUANTILES = {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}
EXPECTILES = {"objective": "reg:expectileerror", "expectile_alpha": [0.2]}
CLASSES = {"objective": "multi:softprob", "num_class": 3}


@pytest.mark.parametrize(
    ("earlier", "asked", "held"),
    [
        ({}, {}, {}),
        ({"base_score": 1}, {"booster": "dart", "base_score": "1"}, {"booster": "gbtree", "base_score": [1.0]}),
        ({"booster": "gblinear"}, {}, {"booster": "gblinear"}),
        (QUANTILES, {}, {"quantile_alpha": [0.1, 0.9]}),
        (QUANTILES, {"quantile_alpha": "0.1,0.9"}, {"quantile_alpha": [0.1, 0.9]}),
        (EXPECTILES, {}, {"expectile_alpha": [0.2]}),
        ({**CLASSES, "base_score": 0.25}, {"base_score": "0.25", "num_class": "3"}, {"base_score": [0.25]}),
    ],
)
def test_what_the_earlier_model_decides_need_not_be_asked_for(earlier, asked, held):
    params = continued_hyperparameters(_trained(**earlier), Hyperparameters.parse(asked)).booster_params()
    params.pop("num_class", None)
    assert params == held


@pytest.mark.parametrize(
    ("earlier", "asked", "message"),
    [
        ({}, {"booster": "gblinear"}, "'booster': gblinear is asked for, and the model in the channel 'model' has gbt"),
        ({"booster": "gblinear"}, {"booster": "dart"}, "'booster': dart is asked for, and the .* has gblinear; leave"),
        ({"base_score": 0.5}, {"base_score": "50"}, "'base_score': 50 is asked for, and the .* has 0.5; leave it out"),
        ({**CLASSES, "base_score": [1, 2, 3]}, {"base_score": "[1, 2]"}, "'base_score': 1, 2 is asked .* has 1, 2, 3;"),
        (QUANTILES, {"quantile_alpha": "0.5"}, "'quantile_alpha': 0.5 is asked for, and the .* has 0.1, 0.9; leave"),
        (QUANTILES, {"quantile_alpha": "0.2,0.9"}, "'quantile_alpha': 0.2, 0.9 is asked for"),
        (EXPECTILES, {"expectile_alpha": "0.3"}, "'expectile_alpha': 0.3 is asked for, and the .* has 0.2; leave it"),
        (
            {},
            {"objective": "rank:ndcg", "lambdarank_unbiased": "1"},
            "'lambdarank_unbiased': the positions' bias is not",
        ),
        (CLASSES, {"num_class": "4"}, "'num_class': 4 is asked for, and the model in the channel 'model' has 3; leave"),
    ],
)
def test_what_the_earlier_model_decides_cannot_be_asked_for_otherwise(earlier, asked, message):
    with pytest.raises(UserError, match=message):
        continued_hyperparameters(_trained(**earlier), Hyperparameters.parse(asked))


def test_the_objective_is_the_earlier_models(tmp_path):
    saved = _save(tmp_path)
    assert continued_task(saved, Task("count:poisson", ""), asked=None).objective == "reg:squarederror"
    with pytest.raises(UserError, match="'objective': count:poisson is asked for"):
        continued_task(saved, Task("count:poisson", ""), asked="count:poisson")
