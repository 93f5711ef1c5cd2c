"""Records that a request only names, completed from a store."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from container.contract.serving_env import ServingSettings
from container.model import artifact
from container.model.predictor import Predictor
from container.serving.app import create_app
from container.serving.online import LookupService, around
from container.serving.service import ModelService
from tests.support.feature_store import HOUSES, Kept
from tests.support.serving import MODELS

PRICES = {"17": 215981.4, "18": 85403.4}


def client(store: Kept, model: str = "houses", **more: Any) -> FlaskClient:
    settings = ServingSettings(workers=1, feature_group="houses", **more)
    predictor = Predictor(artifact.load(MODELS / f"{model}.ubj"))
    service = LookupService(ModelService(predictor, settings), store, predictor.schema, settings)
    return create_app(service, settings).test_client()


def predictions(asked: FlaskClient, value: object, content_type: str = "application/json") -> list[float]:
    body = value if isinstance(value, bytes) else json.dumps(value)
    reply = asked.post("/invocations", data=body, content_type=content_type)
    assert reply.status_code == 200, reply.get_data()
    return [float(line) for line in reply.get_data().split()]


def refusal(asked: FlaskClient, value: object, content_type: str = "application/json") -> str:
    body = value if isinstance(value, bytes) else json.dumps(value)
    reply = asked.post("/invocations", data=body, content_type=content_type)
    assert reply.status_code == 400
    return str(reply.get_json()["error"])


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [{"record_id": "17"}, {"record_id": 18}, {"record_id": "17"}]},
        [{"record_id": 17.0}, {"record_id": 18}, {"record_id": 17}],
        b'{"record_id": "17"}\n\n{"record_id": "18"}\n{"record_id": "17"}\n',
    ],
)
@pytest.mark.parametrize("content_type", ["", "application/json", "application/jsonlines"])
def test_records_in_the_order_asked_for(body: object, content_type: str) -> None:
    lines = isinstance(body, bytes)
    if (content_type == "application/jsonlines") is not lines and content_type:
        body = [{"record_id": "17"}, {"record_id": "18"}, {"record_id": "17"}] if not lines else body
        content_type = "application/jsonlines" if lines else "application/json"
    store = Kept(HOUSES)
    assert predictions(client(store), body, content_type) == [PRICES["17"], PRICES["18"], PRICES["17"]]
    assert store.asked == [(["17", "18", "17"], list(HOUSES["17"]))]


def test_one_record() -> None:
    assert predictions(client(Kept(HOUSES)), {"record_id": "18"}) == [PRICES["18"]]


def test_the_request_s_fields_come_first() -> None:
    store = Kept(HOUSES)
    whole = {**HOUSES["17"], "area": 50, "garage": False, "zone": None}
    asked = client(store)
    (expected,) = predictions(asked, [whole])
    assert store.asked == []
    assert expected != PRICES["17"]
    changed = {"record_id": "17", "area": 50, "garage": False, "zone": None}
    assert predictions(asked, [changed]) == [expected]
    assert store.asked == [(["17"], ["rooms", "class", "sold"])]


def test_a_record_with_all_its_fields_needs_no_store() -> None:
    store = Kept({})
    assert predictions(client(store), [{"record_id": "unknown", **HOUSES["17"]}]) == [PRICES["17"]]
    assert store.asked == []


def test_beside_records_that_say_all_themselves() -> None:
    store = Kept(HOUSES)
    assert predictions(client(store), [HOUSES["18"], {"record_id": "17"}]) == [PRICES["18"], PRICES["17"]]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"100,3,A,20,2020-01-01,true", "text/csv"),
        (b'[[100, 3, "A", 20, "2020-01-01", true]]', "application/json"),
        (b'[100, 3, "record_id", 20, "2020-01-01", true]', "application/json"),
        (b'{"instances": [{"features": [100, 3, "A", 20, "2020-01-01", true]}]}', "application/json"),
    ],
)
def test_all_else_is_as_without_a_store(body: bytes, content_type: str) -> None:
    store = Kept(HOUSES)
    settings = ServingSettings(workers=1)
    predictor = Predictor(artifact.load(MODELS / "houses.ubj"))
    plain = create_app(ModelService(predictor, settings), settings).test_client()
    replies = [
        one.post("/invocations", data=body, content_type=content_type).get_data() for one in (client(store), plain)
    ]
    assert replies[0] == replies[1]
    assert store.asked == []


def test_records_that_are_missing_are_named() -> None:
    asked = client(Kept(HOUSES))
    assert refusal(asked, {"instances": [{"record_id": "17"}, {"record_id": "5"}, {"record_id": "6"}]}) == (
        "the feature group 'houses' has no record '5', '6' (instance 2); put it there, or send all columns"
    )
    body = b'{"record_id": "17"}\n\n{"record_id": "5"}\n'
    assert "has no record '5' (line 3)" in refusal(asked, body, "application/jsonlines")


def test_or_have_an_empty_prediction(caplog: pytest.LogCaptureFixture) -> None:
    asked = client(Kept(HOUSES), placeholders=True, batch=True)
    body = b'{"record_id": "17"}\n{"record_id": "5"}\n{"record_id": "18"}\n'
    reply = asked.post("/invocations", data=body, content_type="application/jsonlines")
    assert reply.get_data() == b"215981.4\n\n85403.4\n"
    assert "has no record '5' (line 2)" in caplog.text


@pytest.mark.parametrize("line", [b"broken", b'{"record_id": ["17"]}', b'{"record_id": null}', b'"17"', b"\xc3"])
def test_a_line_that_cannot_be_read_leaves_the_others_their_records(line: bytes) -> None:
    asked = client(Kept(HOUSES), placeholders=True, batch=True)
    body = b'{"record_id": "17"}\n' + line + b'\n{"record_id": "18"}\n'
    reply = asked.post("/invocations", data=body, content_type="application/jsonlines")
    assert reply.get_data() == b"215981.4\n\n85403.4\n"


@pytest.mark.parametrize("value", [None, True, ["17"], {"id": 17}])
def test_what_is_no_identifier(value: object) -> None:
    assert refusal(client(Kept(HOUSES)), [{"record_id": "17"}, {"record_id": value}]) == (
        "the record_id is neither text nor a number (instance 2); send a record's identifier"
    )


def test_a_wrong_value_in_the_store_is_told_with_its_place() -> None:
    asked = client(Kept({**HOUSES, "18": {**HOUSES["18"], "area": "large"}}))
    body = b'\n{"record_id": "17"}\n{"record_id": "18"}\n'
    message = refusal(asked, body, "application/jsonlines")
    assert message.startswith("'large' is not a number (line 3, column 'area')")


def test_a_value_that_is_not_in_the_store_is_missing_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    without = {name: value for name, value in HOUSES["17"].items() if name != "rooms"}
    asked = client(Kept({"17": without}))
    (expected,) = predictions(asked, [{**HOUSES["17"], "rooms": None}])
    for _ in range(2):
        assert predictions(asked, [{"record_id": "17"}]) == [expected]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["no record of the feature group 'houses' has had 'rooms' so far; they count as missing"]


def test_other_charsets_and_what_json_has_no_number_for() -> None:
    asked = client(Kept(HOUSES))
    body = '[{"record_id": "17", "zone": "é", "area": NaN}]'
    (expected,) = predictions(asked, [{**HOUSES["17"], "area": None, "zone": "é"}])
    assert predictions(asked, body.encode()) == [expected]
    assert predictions(asked, body.encode("utf-16"), "application/json; charset=utf-16") == [expected]
    message = refusal(asked, body.replace("NaN", "Infinity").encode())
    assert message.startswith("inf is infinite or beyond what a 32-bit float holds (instance 1, column 'area')")


def test_without_a_group_nothing_is_put_before_the_model() -> None:
    settings = ServingSettings(workers=1)
    predictor = Predictor(artifact.load(MODELS / "houses.ubj"))
    service = ModelService(predictor, settings)
    assert around(service, settings, predictor.schema) is service
    assert isinstance(around(service, ServingSettings(feature_group="g"), predictor.schema), LookupService)
