"""The image with inference code of the user's own: deployed by the SDK v2, and where little can be written."""

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.conftest import IMAGE
from tests.image import ames
from tests.image.conftest import Container, OptMl, docker
from tests.support.aws import moto_server
from tests.support.processes import free_port
from tests.support.sdk import run
from tests.support.serving import MODELS

PROGRAM = Path(__file__).with_name("sdk_v2_inference_code.py")

SCRIPT = """
import json
import pandas as pd
from currency import EURO

def input_fn(body, content_type):
    return pd.DataFrame(json.loads(body)["houses"]).replace("", None)

def output_fn(prediction, accept):
    return {"euro": [round(float(price) * EURO) for price in prediction]}
"""


def test_the_sdk_v2_deploys_with_an_entry_point(sdk_folder: Path) -> None:
    training, held_out, prices = ames.split()
    for name in ("train", "source"):
        (sdk_folder / name).mkdir()
    (sdk_folder / "train/ames.csv").write_bytes(training)
    (sdk_folder / "source/inference.py").write_text(SCRIPT)
    (sdk_folder / "source/currency.py").write_text("EURO = 0.5\n")
    (sdk_folder / "requests.json").write_text(json.dumps(list(csv.DictReader(io.StringIO(held_out.decode())))))

    port = free_port()
    with moto_server(sdk_folder) as url:  # the SDK makes its default bucket
        output = run("v2", PROGRAM, sdk_folder, str(port), AWS_ENDPOINT_URL=url)
    assert "inference.py: input_fn, output_fn" in output
    predicted = json.loads((sdk_folder / "reply.json").read_text())["euro"]
    assert ames.rmse([price / 0.5 for price in predicted], prices) < 30_000
    assert docker("ps", "--quiet", "--filter", f"publish={port}") == ""


def wheel(path: Path, name: str, source: str) -> None:
    """A package of one module."""
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", source)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")


@pytest.mark.parametrize(
    "confined",
    [
        pytest.param((), id="root"),
        pytest.param(("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"), id="read-only"),
        pytest.param(("--read-only", "--tmpfs", "/tmp", "--user", "1234:1234"), id="nobody"),
    ],
)
def test_requirements_are_installed_from_beside_the_code(
    opt_ml: OptMl, start: Callable[..., Container], confined: tuple[str, ...]
) -> None:
    """Wheels beside the code need no network; what is there already, numpy, is not asked for."""
    code = opt_ml.root / "model/code"
    code.mkdir()
    shutil.copy(MODELS / "approval.ubj", opt_ml.model)
    wheel(code / "greeting-1.0-py3-none-any.whl", "greeting", "TEXT = 'good day'\n")
    (code / "requirements.txt").write_text("--no-index\nnumpy\n./greeting-1.0-py3-none-any.whl\n")
    (code / "inference.py").write_text(
        "import greeting\ndef output_fn(prediction, accept):\n    return greeting.TEXT, 'text/plain'\n"
    )
    for path in code.iterdir():
        path.chmod(0o644)
    settings = ("--env", "SAGEMAKER_PROGRAM=inference.py", "--env", "SAGEMAKER_SUBMIT_DIRECTORY=/opt/ml/model/code")

    endpoint = start("serve", *settings, *confined)

    endpoint.wait_for(endpoint.answers_ping)
    reply = requests.post(endpoint.url("/invocations"), b"100,3", headers={"Content-Type": "text/csv"}, timeout=30)
    assert (reply.status_code, reply.text) == (200, "good day"), endpoint.logs()
    docker("stop", "--time", "30", endpoint.name)
    assert endpoint.wait() == 0


def test_without_a_network_what_cannot_be_installed_ends_the_container(
    opt_ml: OptMl, start: Callable[..., Container]
) -> None:
    code = opt_ml.root / "model/code"
    code.mkdir()
    shutil.copy(MODELS / "approval.ubj", opt_ml.model)
    (code / "requirements.txt").write_text("no-such-package-as-this\n")
    (code / "inference.py").write_text("import no_such_package_as_this\n")
    names = docker(
        "run", "-d", "--network", "none", "-v", f"{opt_ml.root}:/opt/ml", "--env", "SAGEMAKER_PROGRAM=inference.py",
        IMAGE, "serve",
    )  # fmt: skip
    container = Container(names)
    try:
        assert container.wait() == 1
        assert container.logs().splitlines()[-1] == (
            "ERROR: pip: No matching distribution found for no-such-package-as-this (requirements.txt of the inference "
            "code; no package index can be reached); ask for what the endpoint's network can reach, or put wheels "
            "beside it"
        )
    finally:
        docker("rm", "-f", container.name)
