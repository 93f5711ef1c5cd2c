"""A real client: the SageMaker SDK v2 in local mode, which runs the image with docker compose."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import IMAGE
from tests.image import ames
from tests.image.conftest import docker
from tests.support.processes import free_port

PROGRAM = Path(__file__).with_name("sdk_v2_house_prices.py")
NO_TELEMETRY = "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"


def test_trains_deploys_predicts_and_deletes(sdk_folder: Path) -> None:
    python = os.environ.get("SDK_V2_PYTHON", ".venv-sdk-v2/bin/python")
    if not Path(python).exists():
        pytest.skip("the SageMaker SDK v2 is not installed; run make sdk-v2")
    if not shutil.which("docker-compose") and subprocess.run(["docker", "compose", "version"]).returncode != 0:
        pytest.skip("docker compose is not installed; on Debian: apt-get install docker-compose")
    training, held_out, prices = ames.split()
    (sdk_folder / "train").mkdir()
    (sdk_folder / "train/ames.csv").write_bytes(training)
    (sdk_folder / "held_out.csv").write_bytes(held_out)
    (sdk_folder / "sdk.yaml").write_text(NO_TELEMETRY)

    port = free_port()
    done = subprocess.run(
        [python, str(PROGRAM), IMAGE, str(sdk_folder), str(port)],
        env=os.environ | {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(sdk_folder / "sdk.yaml")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout
    assert "train-rmse:" in done.stdout
    assert ames.rmse(json.loads((sdk_folder / "predictions.json").read_text()), prices) < 30_000
    assert docker("ps", "--quiet", "--filter", f"publish={port}") == ""
