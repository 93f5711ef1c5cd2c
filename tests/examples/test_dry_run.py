"""What each mode of the scripts asks AWS for, held against botocore's models; without credentials or network."""

import re
from typing import Any

import pytest

from container.training.hyperparameters.metric_names import OUR_METRICS, XGBOOST_METRICS
from tests.examples.conftest import ROOT, TRAIN, Scripts
from tests.examples.job_requests import JOBS
from tests.examples.serving_requests import SERVING
from tests.support.api_model import faults


@pytest.mark.parametrize(("script", "arguments", "operation", "expected"), [*JOBS, *SERVING])
def test_the_requests(
    script: str, arguments: list[str], operation: str, expected: dict[str, Any], bare: Scripts
) -> None:
    requests = bare.dry(script, *arguments)
    for request in requests:
        assert faults(request["Service"], request["Operation"], request["Request"]) == []
    (found,) = [request["Request"] for request in requests if request["Operation"] == operation]
    assert {path: _at(found, path) for path in expected} == expected


def _at(request: Any, path: str) -> Any:
    for part in path.split("."):
        request = request[int(part) if part.isdigit() else part]
    return request


def test_what_is_made_in_which_order(bare: Scripts) -> None:
    made = [request["Operation"] for request in bare.dry("deploy", "--training-job-name", "j", "--max-capacity", "2")]
    assert made == [
        "DescribeTrainingJob",
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "DescribeEndpoint",
        "RegisterScalableTarget",
        "PutScalingPolicy",
    ]


def test_a_job_may_have_so_many_metrics(bare: Scripts) -> None:
    """Those that are charted without being asked for are metrics that the image knows."""
    (request, _) = bare.dry("train", *TRAIN)
    definitions = request["Request"]["AlgorithmSpecification"]["MetricDefinitions"]
    names = {entry["Name"] for entry in definitions}
    assert len(names) == len(definitions) <= 40
    assert {name.partition(":")[2] for name in names} <= {*XGBOOST_METRICS, *OUR_METRICS}


def test_metrics_are_found_as_documented(bare: Scripts) -> None:
    """tests/contract/test_metric_definitions.py tries the page's on a real log."""
    page = (ROOT / "docs" / "training.md").read_text()
    documented = dict(re.findall(r"^\| `(\w+:\w+)` \| `(.+)` \|$", page, re.MULTILINE))
    (request, _) = bare.dry("train", *TRAIN)
    definitions = request["Request"]["AlgorithmSpecification"]["MetricDefinitions"]
    assert documented.items() <= {(entry["Name"], entry["Regex"]) for entry in definitions}
    assert documented


def test_a_file_is_sent_as_it_is(bare: Scripts) -> None:
    for name, content_type in [("a.json", "application/json"), ("a.jsonl", "application/jsonlines"), ("a", "text/csv")]:
        (bare.folder / name).write_text("1,é\n")
        (request,) = bare.dry("predict", "--endpoint-name", "e", name)
        assert request["Request"]["Body"] == "1,é\n"
        assert request["Request"]["ContentType"] == content_type


def test_the_model_knows_what_it_refuses() -> None:
    """The check itself finds what botocore lets pass."""
    request = {"EndpointName": "a b", "EndpointConfigName": "x" * 64, "Tags": []}
    assert len(faults("sagemaker", "CreateEndpoint", request)) == 3
    assert faults("sagemaker", "CreateEndpoint", {"Name": "x"}) != []
    assert faults("sagemaker", "ListEndpoints", {"MaxResults": 101}) != []
    assert faults("sagemaker", "ListEndpoints", {"StatusEquals": "Good"}) != []
