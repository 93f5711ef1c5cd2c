"""A real client: the SageMaker SDK v3's ModelTrainer, which runs the image with docker compose."""

import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import xgboost

from tests.conftest import IMAGE
from tests.image import ames
from tests.image.conftest import DATA, docker
from tests.support.sdk import run

PROGRAM = Path(__file__).with_name("sdk_v3_trainer.py")
SOURCE = Path(__file__).parents[1] / "contract/script_mode/abalone_libsvm.py"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the SDK works; what its containers leave, stopped and owned by root, is removed."""
    yield tmp_path
    if left := docker("ps", "--all", "--quiet", "--filter", f"volume={tmp_path}/model").split():
        docker("rm", "--force", *left)
    if os.getuid() != 0:
        docker("run", "--rm", "-v", f"{tmp_path}:/left", IMAGE, "chmod", "-R", "a+rwX", "/left")


def train(folder: Path, **hyperparameters: object) -> str:
    """Train with what lies in the folder; returns the log."""
    return run("v3", PROGRAM, folder, json.dumps(hyperparameters))


def trained(folder: Path) -> xgboost.Booster:
    """The model in the artifact that the SDK packed."""
    with tarfile.open(folder / "compressed_artifacts/model.tar.gz") as archive:
        member = archive.extractfile("xgboost-model")
        assert member is not None
        return xgboost.Booster(model_file=bytearray(member.read()))


def test_without_source_code_the_image_trains_by_itself(folder: Path) -> None:
    """The SDK passes no command at all: it is the image's default."""
    (folder / "channels/train").mkdir(parents=True)
    (folder / "channels/train/ames.csv").write_bytes(ames.split()[0])

    log = train(folder, target="price", num_round=20)

    assert "[19]\ttrain-rmse:" in log
    assert trained(folder).num_boosted_rounds() == 20


def test_with_source_code_the_program_trains(folder: Path) -> None:
    """The SDK's own script looks for bash, python3 and pip, and runs the program with that python3."""
    for channel in ("train", "validation"):
        shutil.copytree(DATA / "abalone" / channel, folder / "channels" / channel)
    (folder / "source").mkdir()
    shutil.copy(SOURCE, folder / "source/train.py")

    log = train(folder, num_round=30, max_depth=5, eta=0.2, objective="reg:squarederror")

    assert "[29]\ttrain-rmse:" in log
    assert trained(folder).num_boosted_rounds() == 30
    metrics = json.loads((folder / "artifacts/output/data/metrics.json").read_text())
    assert metrics["validation"]["rmse"][-1] < 2.4
