from pathlib import Path

import pytest

from container.contract.paths import OptMl


@pytest.mark.parametrize(
    ("environ", "root"),
    [
        pytest.param({}, "/opt/ml", id="the platform"),
        pytest.param({"SAGEMAKER_BASE_DIR": ""}, "/opt/ml", id="empty is unset"),
        pytest.param({"SAGEMAKER_BASE_DIR": "/somewhere"}, "/somewhere", id="moved"),
    ],
)
def test_root(environ, root):
    assert OptMl.from_env(environ) == OptMl(Path(root))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("hyperparameters", "input/config/hyperparameters.json"),
        ("input_data_config", "input/config/inputdataconfig.json"),
        ("resource_config", "input/config/resourceconfig.json"),
        ("data", "input/data"),
        ("code", "code"),
        ("model", "model"),
        ("output_data", "output/data"),
        ("failure", "output/failure"),
        ("checkpoints", "checkpoints"),
    ],
)
def test_paths_are_those_of_the_contract(name, path):
    assert getattr(OptMl(Path("/opt/ml")), name) == Path("/opt/ml") / path


def test_channel():
    assert OptMl(Path("/opt/ml")).channel("train") == Path("/opt/ml/input/data/train")
