"""What an operator sees of a server: log lines with the request's id, an access log, JSON lines, metrics."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bench import soak
from tests.contract.multi_model import endpoint
from tests.support.serving import Served, serving

ROW = b"100,3"


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def metrics(server: Served) -> dict[tuple[str, ...], float]:
    """Samples by their names, without what all begin with, and the values of their labels."""
    reply = server.request("GET", "/metrics")
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name.removeprefix("sagemaker_xgboost_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


def test_metrics_are_of_all_workers_and_survive_one_that_dies(tmp_path: Path) -> None:
    with serving(tmp_path / "ml", "approval", SAGEMAKER_XGBOOST_METRICS="true") as server:
        before = metrics(server)
        for _ in range(20):
            assert server.predict(b"100,3\n90,2").status == 200
            assert server.predict(b"0:100 1:3", "text/libsvm").status == 200
            assert server.predict(b"many,3").status == 400
        assert server.exchange(b"HELLO\r\n\r\n").startswith(b"HTTP/1.1 400")
        wait_for(lambda: metrics(server)["connections",] >= 1)
        wait_for(lambda: metrics(server)["request_errors_total", "client"] == 21)
        wait_for(lambda: metrics(server)["rows_total",] == 60)
        found = metrics(server)
        assert found["requests_total", "/invocations", "200"] == 40
        assert found["requests_total", "/invocations", "400"] == 20
        assert found["requests_total", "other", "400"] == 1
        assert found["requests_total", "/ping", "200"] == before["requests_total", "/ping", "200"]
        assert found["request_errors_total", "client"] == 21
        assert found["rows_total",] == 60
        assert found["request_seconds_count", "/invocations"] == 60
        assert found["refused_requests_total",] == 0
        assert found["model_info", "binary:logistic", "2", "1"] == 1
        workers = server.workers()
        for victim in workers:
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda victim=victim: victim not in server.workers() and len(server.workers()) == 2)
        assert metrics(server)["requests_total", "/invocations", "200"] == 40


def test_metrics_are_counted_without_the_worker_of_our_own_too(tmp_path: Path) -> None:
    settings = {"SAGEMAKER_XGBOOST_METRICS": "true", "SAGEMAKER_XGBOOST_FAST_WORKER": "false"}
    with serving(tmp_path / "ml", "approval", **settings) as server:
        assert server.predict(ROW).status == 200
        wait_for(lambda: metrics(server).get(("requests_total", "/invocations", "200")) == 1)


def test_metrics_of_a_multi_model_endpoint(tmp_path: Path) -> None:
    with endpoint(tmp_path, 2, SAGEMAKER_XGBOOST_METRICS="true") as many:
        for name in ("my_model", "b/c"):
            assert many.load(name).status == 200
            assert many.invoke(name).status == 200
            assert many.invoke(name, b"0:100 1:3\n0:90 1:2", "text/libsvm").status == 200
        assert many.invoke("none").status == 404
        wait_for(lambda: metrics(many.server)["rows_total",] == 6)
        wait_for(lambda: metrics(many.server)["request_errors_total", "client"] == 1)
        found = metrics(many.server)
        assert found["requests_total", "/models", "200"] == 2
        assert found["requests_total", "/models/{name}/invoke", "200"] == 4
        assert found["requests_total", "/models/{name}/invoke", "404"] == 1
        assert found["model_info", "multi-model"] == 1


def test_metrics_and_log_of_code_of_the_user_s_own(tmp_path: Path) -> None:
    script = b"""
import logging
def output_fn(prediction, accept):
    logging.getLogger(__name__).info("scores %s", prediction[0])
    return str(prediction.tolist()), "text/plain"
"""
    settings = {"SAGEMAKER_XGBOOST_METRICS": "true", "SAGEMAKER_PROGRAM": "inference.py"}
    with serving(tmp_path / "ml", "approval", beside={"code/inference.py": script}, **settings) as server:
        assert [server.predict(b"100,3").status for _ in range(20)] == [200] * 20
        assert [server.predict(b"many,3").status for _ in range(20)] == [400] * 20
        wait_for(lambda: metrics(server)["rows_total",] == 20)
        wait_for(lambda: metrics(server)["request_errors_total", "client"] == 20)
        assert metrics(server)["model_info", "inference.py"] == 1
        wait_for(lambda: "more in the last second" in server.log.read_text())
        assert server.log.read_text().count("scores 0.") == 20


def test_without_the_setting_there_are_no_metrics(tmp_path: Path) -> None:
    with serving(tmp_path / "ml", "approval") as server:
        assert server.request("GET", "/metrics").status == 404


def test_the_access_log_has_a_line_for_each_request_but_ping(tmp_path: Path) -> None:
    with serving(tmp_path / "ml", "approval", SAGEMAKER_XGBOOST_ACCESS_LOG="true") as server:
        before = server.log.read_text()
        server.request("GET", "/ping")
        server.predict(ROW, **{"X-Amzn-SageMaker-Inference-Id": "fast"})
        server.predict(b"0:100 1:3\n0:1 1:2", "text/libsvm", **{"X-Amzn-Requestid": "thread"})
        wait_for(lambda: server.log.read_text().count("POST") == 2)
        fast, thread = server.log.read_text().removeprefix(before).splitlines()
        assert fast.startswith("POST /invocations 200, 1 rows, 23 bytes, ")
        assert fast.endswith(" ms (request fast)")
        assert thread.startswith("POST /invocations 200, 2 rows, ")
        assert thread.endswith(" ms (request thread)")


def test_a_refused_request_is_in_the_log_with_the_platforms_id(tmp_path: Path) -> None:
    with serving(tmp_path / "ml", "approval") as server:
        before = server.log.read_text()
        server.predict(b"many,3", **{"X-Amzn-SageMaker-Inference-Id": "abc-1"})
        (line,) = server.log.read_text().removeprefix(before).splitlines()
        assert line.startswith("WARNING: answered POST /invocations with 400: ")
        assert line.endswith(" (request abc-1)")


def test_the_same_refusal_is_a_line_a_second(tmp_path: Path) -> None:
    with serving(tmp_path / "ml", "approval", SAGEMAKER_MODEL_SERVER_WORKERS="1") as server:
        before = server.log.read_text()
        start = time.monotonic()
        for _ in range(200):
            assert server.predict(b"many,3").status == 400
        wait_for(lambda: "more in the last second" in server.log.read_text())
        lines = server.log.read_text().removeprefix(before).splitlines()
        assert len(lines) <= 2 + 2 * (time.monotonic() - start)


def test_lines_are_json_where_that_is_set(tmp_path: Path) -> None:
    settings = {"SAGEMAKER_XGBOOST_LOG_FORMAT": "json", "SAGEMAKER_XGBOOST_ACCESS_LOG": "true"}
    with serving(tmp_path / "ml", "approval", **settings) as server:
        server.predict(b"many,3", **{"X-Amzn-SageMaker-Inference-Id": "abc-1"})
        server.stop()
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert lines[0]["message"] == "serving xgboost-model: binary:logistic, 2 features"
    (access,) = [line for line in lines if line["logger"] == "access"]
    assert {access[name] for name in ("method", "path", "status", "rows", "request_id")} == {
        "POST",
        "/invocations",
        400,
        0,
        "abc-1",
    }
    (refusal,) = [line for line in lines if line["level"] == "warning"]
    assert refusal["request_id"] == "abc-1"
    assert lines[-1]["message"] == "stopped"


def test_memory_stays_flat_over_thousands_of_requests(tmp_path: Path) -> None:
    with serving(tmp_path / "ml", "approval") as server:
        for _ in range(5):  # until each worker, and each of its threads, has had its share
            soak.send(server, 2_000)
        sizes = list(soak.soak(server, 8_000, 2_000))
    assert (sizes[-1] - sizes[0]) / 6_000 < 2_500, sizes  # bytes a request
