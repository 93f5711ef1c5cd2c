"""build_and_push.sh against a real engine, a real registry and moto's AWS."""

import boto3
import pytest

import container
from tests.push.conftest import Tree
from tests.support.aws import ECR_LOGIN
from tests.support.registry import IMAGE_TYPES, Registry

pytestmark = pytest.mark.docker

REPOSITORY = "sagemaker-xgboost"
VERSION = container.__version__


def repositories(aws: str) -> list[dict[str, object]]:
    client = boto3.client(
        "ecr", endpoint_url=aws, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    found: list[dict[str, object]] = client.describe_repositories()["repositories"]
    return found


def test_the_first_push_creates_the_repository_and_the_second_finds_it(
    tree: Tree, aws: str, registry: Registry
) -> None:
    commit = tree.commit()
    first = tree.push()
    assert first.returncode == 0, first.stderr
    digest = registry.digest(REPOSITORY, VERSION)
    assert first.stdout == f"{registry.host}/{REPOSITORY}@{digest}\n"
    print(first.stderr)
    assert 0
