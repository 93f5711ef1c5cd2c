"""The page that Prometheus reads, by its own parser."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from container.serving.metrics import Metrics
from container.serving.seen import Seen


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name, without what all begin with, and its labels."""
    return {
        (sample.name.removeprefix("sagemaker_xgboost_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text())
        for sample in family.samples
    }


def seen(path: str = "/invocations", status: int = 200, seconds: float = 0.0007, **more: Any) -> Seen:
    return Seen("POST", path, status, seconds, 10, **more)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(2, {"objective": 'a "b" \\c\nd'})


def test_counts_of_all_workers_are_added_up(metrics: Metrics) -> None:
    metrics.of_worker(0).count(seen(rows=3))
    metrics.of_worker(1).count(seen(rows=4))
    metrics.of_worker(1).count(seen(status=503, refused=True))
    metrics.of_worker(1).count(seen(status=418))
    metrics.of_worker(0).gauge(connections=5, in_flight=2, queued=1)
    metrics.of_worker(1).gauge(connections=1, in_flight=1, queued=0)
    found = samples(metrics)
    route = ("route", "/invocations")
    assert found["requests_total", (route, ("status", "200"))] == 2
    assert found["requests_total", (route, ("status", "503"))] == 1
    assert found["requests_total", (route, ("status", "other"))] == 1
    assert found["request_errors_total", (("side", "client"),)] == 1
    assert found["request_errors_total", (("side", "server"),)] == 1
    assert found["rows_total", ()] == 7
    assert found["refused_requests_total", ()] == 1
    assert [found[name, ()] for name in ("connections", "in_flight_requests", "queued_requests")] == [6, 3, 1]
    assert found["model_info", (("objective", 'a "b" \\c\nd'),)] == 1


@pytest.mark.parametrize(
    ("status", "label", "client", "server"),
    [
        (200, "200", 0, 0),
        (201, "other", 0, 0),
        (204, "other", 0, 0),
        (307, "other", 0, 0),
        (422, "other", 1, 0),
        (502, "502", 0, 1),
        (504, "other", 0, 1),
    ],
)
def test_whose_error_it_is_says_the_status(metrics: Metrics, status: int, label: str, client: int, server: int) -> None:
    metrics.of_worker(0).count(seen(status=status))
    found = samples(metrics)
    assert found["requests_total", (("route", "/invocations"), ("status", label))] == 1
    assert found["request_errors_total", (("side", "client"),)] == client
    assert found["request_errors_total", (("side", "server"),)] == server


def test_latencies_fall_into_buckets_that_hold_all_below(metrics: Metrics) -> None:
    for seconds in (0.0005, 0.0007, 0.3, 100):
        metrics.of_worker(0).count(seen(seconds=seconds))
    found = samples(metrics)
    buckets = {dict(labels)["le"]: value for (name, labels), value in found.items() if name == "request_seconds_bucket"}
    assert (buckets["0.0005"], buckets["0.001"], buckets["0.5"], buckets["60.0"], buckets["+Inf"]) == (1, 2, 3, 3, 4)
    assert found["request_seconds_count", (("route", "/invocations"),)] == 4
    assert found["request_seconds_sum", (("route", "/invocations"),)] == pytest.approx(100.3012)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/ping", "/ping"),
        ("/models", "/models"),
        ("/models/a%20b", "/models/{name}"),
        ("/models/a/invoke", "/models/{name}/invoke"),
        ("/etc/passwd", "other"),
        ("", "other"),
    ],
)
def test_paths_are_counted_by_route(metrics: Metrics, path: str, route: str) -> None:
    metrics.of_worker(0).count(seen(path))
    assert samples(metrics)["requests_total", (("route", route), ("status", "200"))] == 1


def test_an_untouched_page_has_its_families(metrics: Metrics) -> None:
    assert [family.type for family in text_string_to_metric_families(metrics.text())].count("counter") == 4
