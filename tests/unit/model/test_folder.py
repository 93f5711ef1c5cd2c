"""Which files of a folder are served."""

import json
import logging
import shutil
from pathlib import Path

import pytest

from container.errors import ModelError
from container.model import folder

MODELS = Path(__file__).parents[2] / "golden" / "models"
ELSEWHERE = Path(__file__).parents[2] / "data" / "elsewhere"


def put(source: str, target: Path) -> None:
    place = MODELS / source
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(place if place.exists() else ELSEWHERE / source, target)


@pytest.mark.parametrize("name", ["xgboost-model", "model.json", "xgb.bin", "model.ubj", "anything"])
@pytest.mark.parametrize("source", ["approval.ubj", "1.0.2-regression.json"])
def test_the_only_model_may_have_any_name(tmp_path, name, source):
    put(source, tmp_path / name)
    files, models = folder.load(tmp_path)
    assert files == [tmp_path / name]
    assert len(models) == 1


def test_what_is_no_model_is_named_and_left(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    put("approval.ubj", tmp_path / "model.ubj")
    put("1.0.2-regression.pkl", tmp_path / "preprocessing.pkl")
    (tmp_path / "metrics.json").write_text(json.dumps({"version": "1", "learner": "xgboost"}))
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (tmp_path / "empty").touch()
    (tmp_path / "code").mkdir()
    files, _ = folder.load(tmp_path)
    assert [path.name for path in files] == ["model.ubj"]
    (line,) = [record.getMessage() for record in caplog.records if record.name == folder.__name__]
    assert line == "ignored beside the model: '.DS_Store', 'code/', 'empty', 'metrics.json', 'preprocessing.pkl'"


def test_a_clean_folder_has_no_line(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    put("approval.ubj", tmp_path / "xgboost-model")
    folder.load(tmp_path)
    assert not [record for record in caplog.records if record.name == folder.__name__]


def test_the_models_of_a_cross_validation_are_an_ensemble_in_the_order_of_their_numbers(tmp_path):
    for number in (0, 2, 10):
        put("sizes-softmax.ubj", tmp_path / f"xgboost-model-{number}")
    files, models = folder.load(tmp_path)
    assert [path.name for path in files] == ["xgboost-model-0", "xgboost-model-2", "xgboost-model-10"]
    assert len(models) == 3


def test_without_an_ensemble_the_first_is_served(tmp_path, caplog):
    for number in (10, 2):
        put("sizes-softmax.ubj", tmp_path / f"xgboost-model-{number}")
    files, models = folder.load(tmp_path, ensemble=False)
    assert [path.name for path in files] == ["xgboost-model-2"]
    assert len(models) == 1


def test_xgboost_model_goes_before_all_others(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    for name in ("a.ubj", "xgboost-model", "xgboost-model-0"):
        put("approval.ubj", tmp_path / name)
    files, _ = folder.load(tmp_path)
    assert [path.name for path in files] == ["xgboost-model"]
    assert "ignored beside the model: 'a.ubj', 'xgboost-model-0'" in caplog.text


def test_several_models_of_other_names_are_an_ensemble(tmp_path):
    put("sizes-softmax.ubj", tmp_path / "b.ubj")
    put("sizes-softmax-1.ubj", tmp_path / "a.ubj")
    files, _ = folder.load(tmp_path)
    assert [path.name for path in files] == ["a.ubj", "b.ubj"]


def test_models_of_different_trainings_are_refused(tmp_path):
    put("sizes-softmax.ubj", tmp_path / "a.ubj")
    put("approval.ubj", tmp_path / "b.ubj")
    with pytest.raises(ModelError, match=r"of different trainings: a\.ubj and b\.ubj differ in the objective"):
        folder.load(tmp_path)


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        ("1.0.2-regression.pkl", "model.pkl", "model.pkl is a pickle, which would run code"),
        ("1.0.2-regression.bin", "xgb.model", "xgb.model is not an XGBoost model in JSON or UBJSON; one in the old"),
        ("0.90-regression.bin", "model.json", "model.json is not an XGBoost model in JSON or UBJSON; one in the old"),
        ("approval.ubj", "model/xgboost-model", "is a folder too deep; pack model.tar.gz from within model/"),
    ],
)
def test_the_only_candidate_is_refused_with_a_way_out(tmp_path, source, name, message):
    put(source, tmp_path / name)
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(ModelError) as caught:
        folder.load(tmp_path)
    assert message in str(caught.value)


def test_nothing_is_a_model(tmp_path):
    with pytest.raises(ModelError, match=r"there is no model file .*/xgboost-model; train one"):
        folder.load(tmp_path)
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(ModelError, match=r"there is no model file .*/xgboost-model, among 'metrics.json'; train one"):
        folder.load(tmp_path)
    with pytest.raises(ModelError, match="there is no model file"):
        folder.load(tmp_path / "absent")


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    """Root can read all, so the refusal is the test's."""

    def refuse(self: Path, **_: object) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(ModelError) as raised:
        folder.find(tmp_path)
    assert str(raised.value) == (
        f"the model folder {tmp_path} cannot be read: Permission denied; check its permissions"
    )
