"""``train`` against a temporary /opt/ml: what comes out of data as users have it."""

from pathlib import Path

import pytest

from container.data.formats import ContentType, read_request
from container.model import artifact
from container.model.predictor import Prediction, Predictor
from tests.contract.job import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "ml", {"num_round": 10})


def predict(job: Job, body: str, content_type: str = "text/csv") -> Prediction:
    """What the job's model says of a request."""
    predictor = Predictor(artifact.load(job.model / "xgboost-model"))
    return predictor.predict(read_request(body.encode(), ContentType.parse(content_type), predictor.schema))


def rows(first: int, count: int) -> str:
    """Rows of a target that is twice the second column, and a third that does not matter."""
    return "".join(f"{2 * i},{i},{i % 3}\n" for i in range(first, first + count))


def test_csv_without_a_header_as_the_built_in_algorithm_takes_it(job, train):
    assert train(job.channel("train", {"a.csv": rows(0, 50), "b.csv": rows(50, 50)}, "text/csv")) == 0
    assert job.models == ["xgboost-model"]
    assert job.failure is None
    assert predict(job, "30,0\n70,1\n").scores == pytest.approx([60, 140], abs=6)


def test_text_and_ignored_columns_without_a_header(job, train):
    job.hyperparameters |= {"target": "-1", "ignore_columns": "0", "objective": "reg:squarederror"}
    lines = "".join(f"id{i},{'red' if i % 2 else 'blue'},{i % 5},{100 * (i % 2)}\n" for i in range(60))
    assert train(job.channel("train", {"a": lines})) == 0
    expected = pytest.approx([100, 0], abs=5)
    assert predict(job, "red,1\nblue,1\n").scores == expected
    assert predict(job, "x,red,1\ny,blue,1\n").scores == expected  # the ignored column may be there
