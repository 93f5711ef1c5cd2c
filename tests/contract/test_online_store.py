"""`serve` with a feature group, as a real process with a stand-in for the online store on loopback."""

import json
import time
from pathlib import Path

from tests.support.feature_store import VARIABLES, Group, failure, online_store
from tests.support.serving import serving

RECORDS: dict[str, dict[str, str | list[str]]] = {
    str(n): {"area": str(60 + n % 100), "rooms": "3", "event_time": "2026-01-01T00:00:00Z"} for n in range(1, 251)
}


def test_records_are_looked_up_by_every_worker(tmp_path: Path) -> None:
    with online_store(Group(RECORDS, "approvals")) as group:
        settings = {
            **VARIABLES,
            "FEATURE_GROUP_NAME": "approvals",
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL_SAGEMAKER_FEATURESTORE_RUNTIME": group.url,
            "SAGEMAKER_INFERENCE_OUTPUT": "probability",
        }
        with serving(tmp_path / "ml", "approval", **settings) as server:
            (expected,) = server.predict(b"100,3").body.split()
            assert not group.asked
            for _ in range(8):
                reply = server.predict(b'{"instances": [{"record_id": "40"}, {"record_id": 40}]}', "application/json")
                assert reply.body.split() == [expected] * 2
            lines = b"\n".join(json.dumps({"record_id": str(n), "rooms": 4}).encode() for n in range(1, 251))
            group.asked.clear()
            many = server.predict(lines, "application/jsonlines")
            rows = "\n".join(f"{60 + n % 100},4" for n in range(1, 251))
            assert many.body == server.predict(rows.encode()).body
            assert [len(asked) for asked in group.asked] == [100, 100, 50]
            assert set(map(str, group.features[-3:])) == {"['area']"}

            reply = server.predict(b'{"record_id": "900"}', "application/json")
            assert (reply.status, json.loads(reply.body)["error"]) == (
                400,
                "the feature group 'approvals' has no record '900' (instance 1); put it there, or send all columns",
            )
            group.answers = [lambda asked: failure("AccessDeniedException", "no", 403)]
            reply = server.predict(b'{"record_id": "40"}', "application/json")
            assert reply.status == 502
            assert "needs sagemaker:BatchGetRecord" in json.loads(reply.body)["error"]
            assert server.predict(b'{"record_id": "40"}', "application/json").status == 200
            assert server.request("GET", "/ping").status == 200
            log = server.log.read_text()
            assert "Traceback" not in log
            assert "credentials" not in log
            assert server.stop() == 0


def test_a_store_that_does_not_answer_is_given_up_in_time(tmp_path: Path) -> None:
    """The platform waits for 60 seconds; /ping must not wait at all."""
    settings = {
        **VARIABLES,
        "FEATURE_GROUP_NAME": "approvals",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    with serving(tmp_path / "ml", "approval", **settings) as server:
        began = time.monotonic()
        reply = server.predict(b'{"record_id": "40"}', "application/json")
        assert time.monotonic() - began < 25
        assert reply.status == 503
        assert "cannot be asked: Could not connect to the endpoint URL" in json.loads(reply.body)["error"]
