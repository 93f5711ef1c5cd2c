"""Script mode's usual client: the SageMaker SDK v2's Estimator with an entry point."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import xgboost

from tests.conftest import IMAGE
from tests.image.conftest import DATA, docker
from tests.image.test_sdk_v2 import NO_TELEMETRY

PROGRAM = Path(__file__).with_name("script_mode_sdk_v2.py")
SOURCE = Path(__file__).parents[1] / "contract/script_mode/abalone_libsvm.py"


@pytest.fixture(autouse=True)
def containers_removed(tmp_path: Path) -> Iterator[None]:
    """The SDK leaves its containers, stopped."""
    yield
    if left := docker("ps", "--all", "--quiet", "--filter", f"volume={tmp_path}/train").split():
        docker("rm", "--force", *left)


def test_estimator_with_an_entry_point_trains(tmp_path: Path) -> None:
    python = os.environ.get("SDK_V2_PYTHON", ".venv-sdk-v2/bin/python")
    if not Path(python).exists():
        pytest.skip("the SageMaker SDK v2 is not installed; run make sdk-v2")
    if not shutil.which("docker-compose") and subprocess.run(["docker", "compose", "version"]).returncode != 0:
        pytest.skip("docker compose is not installed; on Debian: apt-get install docker-compose")
    for channel in ("train", "validation"):
        shutil.copytree(DATA / "abalone" / channel, tmp_path / channel)
    (tmp_path / "source").mkdir()
    shutil.copy(SOURCE, tmp_path / "source/train.py")
    (tmp_path / "sdk.yaml").write_text(NO_TELEMETRY)

    done = subprocess.run(
        [python, str(PROGRAM), IMAGE, str(tmp_path)],
        env=os.environ | {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(tmp_path / "sdk.yaml")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout
    assert "[19]\ttrain-rmse:" in done.stdout
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        member = archive.extractfile("xgboost-model")
        assert member is not None
        assert xgboost.Booster(model_file=bytearray(member.read())).num_boosted_rounds() == 20
