"""A real client: a batch transform by the SageMaker SDK v2 in local mode."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import IMAGE
from tests.image import ames
from tests.image.test_sdk_v2 import NO_TELEMETRY
from tests.support.processes import free_port

PROGRAM = Path(__file__).with_name("sdk_v2_transform.py")


def test_every_row_has_its_line(sdk_folder: Path) -> None:
    python = os.environ.get("SDK_V2_PYTHON", ".venv-sdk-v2/bin/python")
    if not Path(python).exists():
        pytest.skip("the SageMaker SDK v2 is not installed; run make sdk-v2")
    if not shutil.which("docker-compose") and subprocess.run(["docker", "compose", "version"]).returncode != 0:
        pytest.skip("docker compose is not installed; on Debian: apt-get install docker-compose")
    training, held_out, prices = ames.split()
    rows = held_out.splitlines(keepends=True)[1:]  # lines are split, so a header would be a row
    rows[5:5] = [b"a row of one cell\n"]
    for name in ("train", "batch"):
        (sdk_folder / name).mkdir()
    (sdk_folder / "train/ames.csv").write_bytes(training)
    (sdk_folder / "batch/rows.csv").write_bytes(b"".join(rows))
    (sdk_folder / "sdk.yaml").write_text(NO_TELEMETRY)

    done = subprocess.run(
        [python, str(PROGRAM), IMAGE, str(sdk_folder), str(free_port())],
        env=os.environ | {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(sdk_folder / "sdk.yaml")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout
    assert "1 of 587 rows cannot be read, and have no prediction" in done.stdout
    # Local mode ends each reply with a line feed of its own, after the one of the reply.
    csv = (sdk_folder / "csv/rows.csv.out").read_text().removesuffix("\n").splitlines()
    objects = (sdk_folder / "jsonlines/rows.csv.out").read_text().removesuffix("\n").splitlines()
    assert len(csv) == len(objects) == len(rows)
    assert (csv.pop(5), objects.pop(5)) == ("", "{}")
    assert ames.rmse([float(line) for line in csv], prices) < 30_000
    assert [float(line) for line in csv] == [json.loads(line)["score"] for line in objects]
