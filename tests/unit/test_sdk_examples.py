"""README.md's and docs/sdk-v2.md's examples, run by the SageMaker SDKs against an AWS that says yes to everything."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {"v3": ROOT / "README.md", "v2": ROOT / "docs" / "sdk-v2.md"}
EXAMPLES = {
    sdk: "".join(re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S))
    for sdk, page in PAGES.items()
}

AWS = """
import io, json, sys, time
import botocore.client

calls = []
replies = {
    "GetCallerIdentity": {"Account": "123456789012"},
    "DescribeTrainingJob": {"TrainingJobStatus": "Completed", "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m.tar.gz"},
        "ResourceConfig": {"InstanceCount": 1}, "SecondaryStatusTransitions": []},
    "CreateEndpoint": {"EndpointArn": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/x"},
    "DescribeEndpoint": {"EndpointStatus": "InService", "EndpointConfigName": "x"},
    "DescribeLogStreams": {"logStreams": []},
    "GetRole": {"Role": {"Arn": "arn:aws:iam::123456789012:role/any", "AssumeRolePolicyDocument": {"Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}]}}},
    "SimulatePrincipalPolicy": {"EvaluationResults": []},
    "CreateTrainingJob": {"TrainingJobArn": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/x"},
    "CreateModel": {"ModelArn": "arn:aws:sagemaker:eu-west-1:123456789012:model/x"},
    "CreateEndpointConfig": {"EndpointConfigArn": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint-config/x"},
    "ListBuckets": {"Buckets": []},
}

def call(client, operation, arguments):
    if operation == "InvokeEndpoint":
        return {"Body": io.BytesIO(arguments["Body"].encode()), "ContentType": "text/csv"}
    if operation.startswith("Create"):
        calls.append((operation, arguments))
    made = dict(calls).get(operation.replace("Describe", "Create"), {}) if operation.startswith("Describe") else {}
    return {**made, **replies.get(operation, {})}

botocore.client.BaseClient._make_api_call = call
time.sleep = lambda seconds: None  # between looks at what is done already
image_uri, role = sys.argv[2], "arn:aws:iam::123456789012:role/any"
exec(sys.argv[1])
print(json.dumps(calls), file=sys.stderr)
"""

IMAGE_URI = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost@sha256:{'0' * 64}"
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")  # of a training job, a model and an endpoint


def run(sdk: str, example: str, folder: Path) -> tuple[str, dict[str, dict[str, Any]]]:
    """What the example prints, and the arguments of each Create… call that it makes."""
    python = Path(os.environ.get(f"SDK_{sdk.upper()}_PYTHON", f".venv-sdk-{sdk}/bin/python"))
    if not (ROOT / python).exists():
        pytest.skip(f"the SageMaker SDK {sdk} is not installed; run make sdk-{sdk}")
    (folder / "held_out.csv").write_text("rows\n")
    (folder / "sdk.yaml").write_text(
        "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
    )
    done = subprocess.run(
        [ROOT / python, "-W", "ignore", "-c", AWS, example, IMAGE_URI],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(folder / "sdk.yaml"),
        },
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, dict(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("sdk", EXAMPLES)
def test_the_example_trains_deploys_and_predicts(sdk: str, tmp_path: Path) -> None:
    output, calls = run(sdk, EXAMPLES[sdk], tmp_path)
    assert output.rstrip().endswith("rows")
    job, model, endpoint = (calls[f"Create{what}"] for what in ("TrainingJob", "Model", "Endpoint"))
    assert job["AlgorithmSpecification"]["TrainingImage"] == model["PrimaryContainer"]["Image"] == IMAGE_URI
    assert job["HyperParameters"] == {"target": "price", "ignore_columns": "Order,PID"}
    (channel,) = job["InputDataConfig"]
    assert (channel["ChannelName"], channel["ContentType"]) == ("train", "text/csv")
    for name in (job["TrainingJobName"], model["ModelName"], endpoint["EndpointName"]):
        assert NAME.fullmatch(name), name


def test_without_a_name_the_sdk_makes_one_up_that_sagemaker_refuses(tmp_path: Path) -> None:
    """What the comment in the example says; once this fails, the comment and base_job_name can go."""
    _, calls = run("v2", re.sub(r"    base_job_name=.*\n", "", EXAMPLES["v2"]), tmp_path)
    assert not NAME.fullmatch(calls["CreateTrainingJob"]["TrainingJobName"])
