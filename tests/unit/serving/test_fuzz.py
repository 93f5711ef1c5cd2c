"""Whatever bytes are sent, the answer is a prediction or one line of JSON that blames them; never a fault of ours."""

import json

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from container.contract.serving_env import ServingSettings
from container.data.formats import MEDIA_TYPES
from container.model import artifact
from container.model.predictor import Predictor
from container.serving.app import create_app
from container.serving.service import ModelService
from tests.golden import cases

_BODIES = sorted(
    {case.body() for path in cases.files() for case in cases.read(path)} - {b""}, key=lambda b: (len(b), b)
)
_PIECES = st.binary(max_size=6) | st.sampled_from(
    [
        b",",
        b"\n",
        b"\r",
        b'"',
        b"[",
        b"]",
        b"{",
        b"}",
        b":",
        b"\0",
        b"\xff",
        b"e",
        b"-",
        b"null",
        b"NaN",
        b" ",
        b"9" * 40,
    ]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """The body of a golden case with some bytes cut, doubled or put in; or bytes of any kind."""
    body = draw(st.sampled_from(_BODIES))
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted(draw(st.tuples(st.integers(0, len(body)), st.integers(0, len(body)))))
        piece = draw(_PIECES | st.just(body[start:end] * 2))
        body = body[:start] + piece + body[end:]
    return body


@pytest.fixture(scope="module", params=["houses", "approval", "sizes", "sparse"])
def client(request: pytest.FixtureRequest) -> FlaskClient:
    model = artifact.load(cases.FOLDER / "models" / f"{request.param}.ubj")
    settings = ServingSettings(workers=1)
    return create_app(ModelService(Predictor(model), settings), settings).test_client()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies(), content_type=st.sampled_from([None, *MEDIA_TYPES]))
def test_no_body_is_a_fault_of_ours(client: FlaskClient, body: bytes, content_type: str | None) -> None:
    reply = client.post("/invocations", data=body, content_type=content_type)
    if reply.status_code == 200:
        assert reply.get_data()
    else:
        assert reply.status_code in (400, 413), reply.get_data()
        assert list(json.loads(reply.get_data())) == ["error"]
