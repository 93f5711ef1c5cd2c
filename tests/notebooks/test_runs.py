"""The notebooks of examples/, run from top to bottom against the built image by the SDKs' local mode."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import IMAGE
from tests.image import ames
from tests.notebooks.notebooks import EXAMPLES, Notebook, sdk_v2_program, source
from tests.support.processes import free_port
from tests.support.sdk import NO_TELEMETRY, containers_of, python_of

pytestmark = pytest.mark.docker


def check(ran: Notebook, name: str, folder: Path) -> None:
    """What holds for every run: it does what is committed, and leaves nothing behind."""
    committed = Notebook(EXAMPLES / f"{name}.ipynb")
    assert [source(cell) for cell in ran.cells("code")] == [source(cell) for cell in committed.cells("code")]
    assert ran.shape() == committed.shape(), "the outputs are old; run make notebooks"
    assert "The endpoint, its configuration, the model and the files are gone." in ran.text()
    assert containers_of(folder) == []
    assert list((folder / "tmp").glob("*")) == []


def test_house_prices(run: Callable[[str], Notebook], folder: Path) -> None:
    ran = run("house_prices")

    check(ran, "house_prices", folder)
    assert "'InService'" in ran.text()
    assert dollars(r"586 houses: RMSE \$([\d,]+)", ran) < 27_000
    assert dollars(r"586 prices, the largest difference to the endpoint's: \$([\d.]+)", ran) < 0.01
    assert len(ran.plots()) == 4


def test_churn(run: Callable[[str], Notebook], folder: Path) -> None:
    ran = run("churn")

    check(ran, "churn", folder)
    aucs = [float(auc) for auc in re.findall(r"^\d +\d +0\.\d+ +(0\.8\d+) +\d+$", ran.text(), flags=re.MULTILINE)]
    assert len(aucs) == 9
    assert max(aucs) > 0.83
    one_half, least_cost = (dollars(rf"^0\.\d+ \({name}\).*\$([\d.]+) *$", ran) for name in ("one half", "least cost"))
    assert least_cost < 0.8 * one_half
    assert len(ran.plots()) == 4


def test_house_prices_by_the_sdk_v2(folder: Path) -> None:
    """The code that is shown for the SDK v2, one block after the other."""
    python = python_of("SDK_V2_PYTHON", ".venv-sdk-v2", "sdk-v2")
    set_up, *rest = sdk_v2_program(Notebook(EXAMPLES / "house_prices.ipynb"))
    port = free_port()
    assert set_up.count('"sagemaker-xgboost:cpu"') == 1
    program = [
        set_up.replace('"sagemaker-xgboost:cpu"', repr(f"{IMAGE}:cpu")),
        f"session.config = {{'local': {{'local_code': True, 'serving_port': {port}}}}}",
        # Where the endpoint is up, the SDK's thread would keep a program alive that has failed.
        "import os, sys, traceback",
        "sys.excepthook = lambda *error: (traceback.print_exception(*error), os._exit(1))",
        *rest,
        "import json",
        "batch = (work / 'predictions/houses.csv.out').read_text()",
        "print('RESULT', json.dumps([predicted, list(test['Price']), batch]))",
    ]
    (folder / "sdk.yaml").write_text(NO_TELEMETRY)
    (folder / "tmp").mkdir()

    done = subprocess.run(
        [python, "-c", "\n".join(program)],
        cwd=EXAMPLES,
        env=os.environ | {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(folder / "sdk.yaml"), "TMPDIR": str(folder / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
    )

    assert done.returncode == 0, done.stdout
    (result,) = re.findall(r"^RESULT (.*)$", done.stdout, flags=re.MULTILINE)
    predicted, actual, batch = json.loads(result)
    assert ames.rmse(predicted, actual) < 27_000
    assert [float(line) for line in batch.split()] == predicted
    running = ["docker", "ps", "--quiet", "--filter", f"publish={port}"]
    assert subprocess.run(running, text=True, capture_output=True, check=True).stdout == ""


def test_on_aws_the_same_calls_are_taken(folder: Path) -> None:
    """What local_mode.py stands in for exists in the SDK, and takes the arguments that the stand-in takes."""
    python = python_of("NOTEBOOKS_PYTHON", ".venv-notebooks", "notebooks-env")
    program = Path(__file__).with_name("stand_ins.py")
    (folder / "tmp").mkdir()
    done = subprocess.run(
        [python, str(program), str(EXAMPLES)],
        env=os.environ | {"IMAGE": IMAGE, "TMPDIR": str(folder / "tmp"), "AWS_DEFAULT_REGION": "eu-west-1"},
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def dollars(pattern: str, notebook: Notebook) -> float:
    """The number in the only place of the outputs that fits."""
    (found,) = re.findall(pattern, notebook.text(), flags=re.MULTILINE)
    return float(found.replace(",", ""))
