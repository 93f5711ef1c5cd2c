"""What is imported to serve: start-up time and every worker's memory depend on it."""

import os
import subprocess
import sys

import pytest

from tests.support.serving import ROOT

_HEAVY = ("pandas", "pyarrow", "matplotlib", "boto3", "pydantic", "sagemaker_training", "sklearn")


@pytest.mark.parametrize("content_type", ["text/csv", "application/json"])
def test_neither_starting_nor_a_small_request_imports_what_it_does_not_need(content_type: str) -> None:
    body = {"text/csv": b"100,3", "application/json": b"[[100, 3]]"}[content_type]
    program = f"""
import sys
from pathlib import Path
from container.contract.serving_env import ServingSettings
from container.model import artifact
from container.model.predictor import Predictor
from container.serving import online, server
from container.serving.app import create_app
from container.serving.service import ModelService
predictor = Predictor(artifact.load(Path("tests/golden/models/approval.ubj")))
settings = ServingSettings(workers=1, feature_group="houses")
service = online.around(ModelService(predictor, settings), settings, predictor.schema)
client = create_app(service, settings).test_client()
assert client.post("/invocations", data={body!r}, content_type={content_type!r}).status_code == 200
print(*sorted(name for name in {_HEAVY!r} if sys.modules.get(name)))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "support" / "without")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        text=True,
        capture_output=True,
        check=True,
        timeout=60,
        env=environment,
        cwd=ROOT,
    )
    assert done.stdout.strip() == ""
