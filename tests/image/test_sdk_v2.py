"""A real client: the SageMaker SDK v2 in local mode, which runs the image with docker compose."""

import json
from pathlib import Path

from tests.image import ames
from tests.image.conftest import docker
from tests.support.processes import free_port
from tests.support.sdk import run

PROGRAM = Path(__file__).with_name("sdk_v2_house_prices.py")


def test_trains_deploys_predicts_and_deletes(sdk_folder: Path) -> None:
    training, held_out, prices = ames.split()
    (sdk_folder / "train").mkdir()
    (sdk_folder / "train/ames.csv").write_bytes(training)
    (sdk_folder / "held_out.csv").write_bytes(held_out)

    port = free_port()
    output = run("v2", PROGRAM, sdk_folder, str(port))
    assert "train-rmse:" in output
    assert ames.rmse(json.loads((sdk_folder / "predictions.json").read_text()), prices) < 30_000
    assert docker("ps", "--quiet", "--filter", f"publish={port}") == ""
