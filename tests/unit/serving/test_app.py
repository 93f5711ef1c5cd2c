"""What the golden cases cannot show: faults of our own, and bodies that break off."""

import io
import logging
from typing import NoReturn

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn.http.errors import ChunkMissingTerminator

from container.contract.serving_env import ServingSettings
from container.data.schema import Schema
from container.data.table import SparseTable, Table
from container.errors import ContainerError, UnavailableError, UserError
from container.model.evidence import Matrix
from container.model.values import Answer
from container.serving.app import create_app
from container.serving.failures import error_body
from container.serving.feature_store import FeatureStoreBusyError, FeatureStoreError
from container.serving.service import Asked, ModelService
from tests.golden import many


class Broken:
    """A predictor with a fault in it."""

    schema = Schema.from_names(2)

    def encode(self, table: Table | SparseTable) -> Matrix:
        return np.zeros((table.rows, 2), np.float32)

    def answer(self, matrix: Matrix, keys: tuple[str, ...]) -> Answer:
        raise RuntimeError("/opt/ml/model is not what it was")


def _app(settings: ServingSettings) -> Flask:
    return create_app(ModelService(Broken(), settings), settings)  # type: ignore[arg-type]


@pytest.fixture
def client() -> FlaskClient:
    return _app(ServingSettings(workers=1)).test_client()


def test_a_fault_of_ours_is_told_in_the_log_alone(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    reply = client.post("/invocations", data="1,2", content_type="text/csv")
    assert reply.status_code == 500
    assert list(reply.get_json()) == ["error"]
    message, _, reference = reply.get_json()["error"].rpartition(" ")
    assert message == "internal error; see the log, request"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert reference in record.getMessage()
    assert "is not what it was" in logging.Formatter().format(record)


class Refuses:
    """A service that explains why it does not answer."""

    def __init__(self, error: ContainerError) -> None:
        self.error = error

    def prepare(self, asked: Asked) -> NoReturn:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "seconds"),
    [
        (UnavailableError("not now"), 503, "5"),
        (FeatureStoreBusyError("not now"), 503, "5"),
        (FeatureStoreError("not at all"), 502, None),
        (UserError("never"), 400, None),
    ],
)
def test_what_passes_is_worth_another_try(error: ContainerError, status: int, seconds: str | None) -> None:
    settings = ServingSettings(workers=1)
    reply = create_app(Refuses(error), settings).test_client().post("/invocations", data="1,2")
    assert (reply.status_code, reply.headers.get("Retry-After")) == (status, seconds)


def test_what_a_request_says_does_not_look_like_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    error = UserError("'1\r\nERROR: forged\x1b[2J\u2028é' is not a number")
    settings = ServingSettings(workers=1)
    create_app(Refuses(error), settings).test_client().post("/invocations", data="1,2")
    (record,) = caplog.records
    assert record.getMessage() == ("answered POST /invocations with 400: '1 ERROR: forged\\x1b[2J é' is not a number")


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("POST", "/predict", "answered POST /predict with 404: there is no /predict; send "),
        ("DELETE", "/ping", "answered DELETE /ping with 405: /ping does not take DELETE; send GET"),
    ],
)
def test_what_flask_refuses_is_logged_too(caplog: pytest.LogCaptureFixture, method: str, path: str, said: str) -> None:
    app = create_app(Refuses(UserError("")), ServingSettings(workers=1))
    app.test_client().open(path, method=method, headers={"X-Amzn-RequestId": "4b1f0c"})
    (record,) = caplog.records
    assert record.getMessage().startswith(said)
    assert record.request_id == "4b1f0c"


@pytest.mark.parametrize("path", ["/%6dodels/a%0dERROR:%20forged%1b%5b2J", "/%6dodels/a%E2%80%A8ERROR:%20forged%07"])
def test_nor_does_a_path(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with many.loaded(many.PREFIX, ServingSettings(workers=1)) as server:
        assert server.app.test_client().get(path).status_code == 404
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "ERROR: forged" in record.getMessage()  # as part of the name, which is quoted
    assert record.getMessage().isprintable()


class BreaksOff(io.RawIOBase):
    """A body whose connection is lost, or whose framing is broken, on the way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, size: int = -1) -> bytes:
        raise self.error


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), ChunkMissingTerminator(b"xx")])
def test_a_body_that_breaks_off_is_the_callers_fault(client: FlaskClient, error: Exception) -> None:
    environ = {"wsgi.input": BreaksOff(error), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    reply = client.post("/invocations", content_type="text/csv", environ_overrides=environ)
    assert reply.status_code == 400
    assert "the request body cannot be read to its end" in reply.get_json()["error"]


def test_a_body_shorter_than_declared_is_not_predicted(client: FlaskClient) -> None:
    environ = {"CONTENT_LENGTH": "7", "wsgi.input_terminated": True}
    reply = client.post("/invocations", data="1,2", content_type="text/csv", environ_overrides=environ)
    assert (reply.status_code, reply.get_json()["error"]) == (
        400,
        "the request body ends after 3 of 7 bytes; send it again",
    )


def test_a_chunked_body_beyond_the_limit_is_refused_as_it_is_read() -> None:
    app = _app(ServingSettings(workers=1, max_content_length=2))
    environ = {"wsgi.input": io.BytesIO(b"1,2"), "wsgi.input_terminated": True}
    reply = app.test_client().post("/invocations", content_type="text/csv", environ_overrides=environ)
    assert reply.status_code == 413
    assert "MAX_CONTENT_LENGTH" in reply.get_json()["error"]


@pytest.mark.parametrize("limit", [10**12, 10**15, 10**30])
def test_a_limit_beyond_all_memory_takes_none(limit: int) -> None:
    with many.loaded(f"{many.PREFIX}a=approval", ServingSettings(workers=1, max_content_length=limit)) as server:
        reply = server.app.test_client().post("/models/a/invoke", data="100,3", content_type="text/csv")
        assert reply.status_code == 200
        environ = {"wsgi.input": io.BytesIO(b"100,3"), "wsgi.input_terminated": True}
        reply = server.app.test_client().post("/models/a/invoke", content_type="text/csv", environ_overrides=environ)
        assert reply.status_code == 200


@pytest.mark.parametrize("attributes", ["x" * 1025, "caf\xe9"])
def test_attributes_that_could_not_be_returned_are_left_out(client: FlaskClient, attributes: str) -> None:
    reply = client.post("/invocations", data="1,2", headers={"X-Amzn-SageMaker-Custom-Attributes": attributes})
    assert "X-Amzn-SageMaker-Custom-Attributes" not in reply.headers


def test_a_default_content_type_nobody_can_write_is_refused_at_start() -> None:
    settings = ServingSettings(workers=1, default_accept="application/xml")
    with pytest.raises(UserError, match="SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: must be one of text/csv"):
        _app(settings)


def test_a_message_stays_on_one_line_and_within_what_the_platform_passes_on() -> None:
    body = error_body("the cause\n" + "x" * 10_000 + "; the remedy")
    assert len(body) < 2048
    assert body.startswith(b'{"error":"the cause x')
    assert body.endswith(b'; the remedy"}')


def test_a_message_with_half_a_character_is_still_json() -> None:
    assert error_body("\ud800 is not a number") == b'{"error":"? is not a number"}'
