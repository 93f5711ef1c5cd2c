"""Script mode's usual client: the SageMaker SDK v2's Estimator with an entry point."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import xgboost

from tests.image.conftest import DATA, docker
from tests.support.sdk import run

PROGRAM = Path(__file__).with_name("script_mode_sdk_v2.py")
SOURCE = Path(__file__).parents[1] / "contract/script_mode/abalone_libsvm.py"


@pytest.fixture(autouse=True)
def containers_removed(tmp_path: Path) -> Iterator[None]:
    """The SDK leaves its containers, stopped."""
    yield
    if left := docker("ps", "--all", "--quiet", "--filter", f"volume={tmp_path}/train").split():
        docker("rm", "--force", *left)


def test_estimator_with_an_entry_point_trains(tmp_path: Path) -> None:
    for channel in ("train", "validation"):
        shutil.copytree(DATA / "abalone" / channel, tmp_path / channel)
    (tmp_path / "source").mkdir()
    shutil.copy(SOURCE, tmp_path / "source/train.py")

    output = run("v2", PROGRAM, tmp_path)
    assert "[19]\ttrain-rmse:" in output
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        member = archive.extractfile("xgboost-model")
        assert member is not None
        assert xgboost.Booster(model_file=bytearray(member.read())).num_boosted_rounds() == 20
