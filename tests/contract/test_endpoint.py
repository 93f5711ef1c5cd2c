"""Train and serve as two processes: the endpoint says what the log and the model itself say."""

import re
from pathlib import Path

import numpy as np
import pytest

from container.data.formats import ContentType, read_request
from container.model import artifact
from container.model.predictor import Predictor
from tests.contract.job import Job
from tests.support.serving import serving

DATA = Path(__file__).parents[1] / "data"


def test_ames_is_answered_with_the_models_own_bits(tmp_path):
    header, *rows = (DATA / "ames.csv").read_text().splitlines(keepends=True)
    job = Job(tmp_path / "ml", {"target": "price"})
    assert job.channel("train", {"ames.csv": header + "".join(rows[600:])}, "text/csv").run().returncode == 0
    body = (header + "".join(rows[:600])).encode()
    # XGBoost alone, in this process: neither the compiled core nor the server have a part in it.
    predictor = Predictor(artifact.load(job.model / artifact.FILE_NAME), native=False)
    expected = predictor.predict(read_request(body, ContentType.parse("text/csv"), predictor.schema)).scores
    with serving(tmp_path / "endpoint", job.model / artifact.FILE_NAME) as served:
        together = served.predict(body).body.split()
        alone = [served.predict((header + row).encode()).body for row in rows[:20]]
    assert np.array_equal(np.array(together, dtype=np.float32), expected)
    assert np.array_equal(np.array(alone, dtype=np.float32), expected[:20])


@pytest.mark.parametrize("shift", [0, -1], ids=["indices from 1", "indices from 0"])
def test_abalone_has_the_rmse_that_training_logged(tmp_path, shift):
    def channel(name: str) -> dict[str, str]:
        files = (DATA / "abalone" / name).iterdir()
        return {f.name: re.sub(r"(\d+):", lambda i: f"{int(i[1]) + shift}:", f.read_text()) for f in files}

    settings = {"max_depth": 5, "eta": 0.2, "gamma": 4, "min_child_weight": 6, "subsample": 0.7, "num_round": 50}
    job = Job(tmp_path / "ml", {"objective": "reg:linear", **settings})
    for name in ("train", "validation"):
        job.channel(name, channel(name), "text/libsvm")
    log = job.run().stdout
    (logged,) = re.findall(r"^\[49\]\t.*validation-rmse:(\S+)$", log, re.MULTILINE)
    (text,) = channel("validation").values()
    label = np.array([float(line.split()[0]) for line in text.splitlines()])
    with serving(tmp_path / "endpoint", job.model / artifact.FILE_NAME) as served:
        scores = np.array(served.predict(text.encode(), "text/libsvm").body.split(), dtype=np.float32)
        for row in (0, 7, 625):
            assert np.float32(served.predict(text.splitlines()[row].encode(), "text/libsvm").body) == scores[row]
    assert float(np.sqrt(np.mean((scores - label) ** 2))) == pytest.approx(float(logged), abs=1e-4)
    assert float(logged) == pytest.approx(2.30, abs=0.1)
