"""However many rows cannot be read, the others get the predictions they get without them."""

import logging
from functools import cache

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from container.contract.serving_env import ServingSettings
from container.model import artifact
from container.model.predictor import Predictor
from container.serving import readable
from container.serving.app import create_app
from container.serving.service import ModelService
from tests.support.serving import MODELS


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    predictor = Predictor(artifact.load(MODELS / "approval.ubj"))
    settings = ServingSettings(workers=1, placeholders=True, batch=True)
    return create_app(ModelService(predictor, settings), settings).test_client()


GOOD = ['"100",3', "190,7", "50,", ",1", "70,2.5"]
BAD = ["many,3", "1", "1,2,3", "", '"1,2', "\x00,1", "1e99,1"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(GOOD + BAD), min_size=1, max_size=12))
def test_every_line_has_its_prediction_or_none(client: FlaskClient, lines: list[str]) -> None:
    lines = [*lines, "100,3"]  # or blank lines at the end would be none
    expected = [_predict(client, line) if line not in BAD else b"" for line in lines]
    reply = client.post("/invocations", data="\n".join(lines), content_type="text/csv; header=absent")
    assert reply.data.split(b"\n") == [*expected, b""]


@cache
def _predict(client: FlaskClient, line: str) -> bytes:
    return client.post("/invocations", data=line, content_type="text/csv").data.rstrip(b"\n")


def test_thousands_of_bad_rows(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    lines = ["x,1" if number % 3 == 0 else "100,3" for number in range(6000)]
    reply = client.post("/invocations", data="\n".join(lines), content_type="text/csv")
    answered = reply.data.split(b"\n")
    assert len(answered) == 6001
    assert [bool(line) for line in answered[:-1]] == [not line.startswith("x") for line in lines]
    (record,) = [record for record in caplog.records if record.name == readable.__name__]
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(
        "2000 of 6000 rows cannot be read, and have no prediction; the first: 'x' is not a number (line 1, "
    )


@pytest.mark.parametrize(
    ("accept", "body"),
    [("text/csv", b"\n\n"), ("application/jsonlines", b"{}\n{}\n"), ("application/json", b'{"predictions":[{},{}]}\n')],
)
@pytest.mark.parametrize("output", ["contributions", "predicted_label,leaf"])
def test_no_row_can_be_read(client: FlaskClient, accept: str, body: bytes, output: str) -> None:
    headers = {"Accept": accept, "X-Amzn-SageMaker-Custom-Attributes": f"output={output}"}
    reply = client.post("/invocations", data="1\n2", content_type="text/csv", headers=headers)
    assert reply.data == body


def test_a_record_whose_names_are_in_another_order_is_told(caplog: pytest.LogCaptureFixture) -> None:
    predictor = Predictor(artifact.load(MODELS / "sizes.ubj"))
    settings = ServingSettings(workers=1, placeholders=True)
    client = create_app(ModelService(predictor, settings), settings).test_client()
    good, other = '{"a": 100, "b": 3}', '{"b": 100, "a": 3}'
    reply = client.post("/invocations", data="\n".join([good, other, good]), content_type="application/jsonlines")
    first, none, last = reply.data.split(b"\n")
    assert first == last != none == b""
    (record,) = [record for record in caplog.records if record.name == readable.__name__]
    assert "the first: the names, or their order, are not those of the records before (line 2)" in record.getMessage()
