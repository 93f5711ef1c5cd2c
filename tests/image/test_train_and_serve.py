"""Raw data in, predictions out, through the image alone: train, then serve what it wrote."""

import re
import subprocess
from collections.abc import Callable

import numpy as np
import requests

from tests.image import ames
from tests.image.conftest import DATA, Container, OptMl

Start = Callable[..., Container]


def train(start: Start) -> str:
    """Train to the end; the log."""
    job = start("train")
    assert job.wait() == 0, job.logs()
    return job.logs()


def serve(start: Start) -> Container:
    endpoint = start("serve")
    endpoint.wait_for(endpoint.answers_ping)
    return endpoint


def predict(endpoint: Container, body: bytes, content_type: str) -> list[float]:
    """One prediction a line, as text/csv answers."""
    reply = requests.post(endpoint.url("/invocations"), body, headers={"Content-Type": content_type}, timeout=60)
    assert reply.status_code == 200, reply.text
    return [float(line) for line in reply.text.splitlines()]


IN_PROCESS = """
import sys
from pathlib import Path

from container.data.formats import ContentType, read_request
from container.model import artifact
from container.model.predictor import Predictor

model = artifact.load(Path("/opt/ml/model/xgboost-model"))
table = read_request(sys.stdin.buffer.read(), ContentType.parse("text/csv"), model.schema)
print(*(float(score) for score in Predictor(model).predict(table).scores), sep="\\n")
"""


def in_process(endpoint: Container, body: bytes) -> list[float]:
    """What the model predicts without a server around it, in the same container."""
    command = ["docker", "exec", "-i", endpoint.name, "python3", "-c", IN_PROCESS]
    done = subprocess.run(command, input=body, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [float(line) for line in done.stdout.split()]


def test_ames_house_prices(opt_ml: OptMl, start: Start) -> None:
    """The defaults and the target's name are enough; what the endpoint answers is what the model says."""
    training, held_out, prices = ames.split()
    opt_ml.job({"target": "price"}, train="text/csv")
    opt_ml.channel("train", "ames.csv", training)
    train(start)

    endpoint = serve(start)
    predicted = predict(endpoint, held_out, "text/csv")

    assert ames.rmse(predicted, prices) < 27_000
    assert [np.float32(value) for value in predicted] == in_process(endpoint, held_out)


def test_abalone_endpoint_agrees_with_the_log(opt_ml: OptMl, start: Start) -> None:
    """The validation error in the log is the endpoint's on the same file, and no row depends on its neighbours."""
    folder = DATA / "abalone"
    opt_ml.job({"objective": "reg:squarederror"}, train="text/libsvm", validation="text/libsvm")
    for file in sorted(folder.rglob("abalone.*")):
        opt_ml.channel(file.parent.name, file.name, file.read_bytes())
    logged = float(re.findall(r"validation-rmse:(\S+)", train(start))[-1])

    body = (folder / "validation/abalone.validation").read_bytes()
    rows = body.splitlines(keepends=True)
    endpoint = serve(start)
    predicted = predict(endpoint, body, "text/libsvm")

    assert abs(ames.rmse(predicted, [float(row.split()[0]) for row in rows]) - logged) < 1e-4
    assert [predict(endpoint, row, "text/libsvm")[0] for row in rows[:10]] == predicted[:10]
