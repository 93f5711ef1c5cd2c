"""The scripts of examples/aws, run as their users run them, against moto and answers written down."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import moto_server, reset
from tests.support.scripted_aws import ScriptedAws, scripted_aws

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "examples" / "aws"
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost@sha256:{'0' * 64}"
ROLE = "arn:aws:iam::123456789012:role/sagemaker"
TRAIN = [
    "--training-image",
    IMAGE,
    "--role-arn",
    ROLE,
    "--train",
    "s3://bucket/train/",
    "--s3-output-path",
    "s3://bucket/out/",
]
TAG = {"Key": "CreatedBy", "Value": "sagemaker-xgboost-examples"}


@dataclass
class Scripts:
    """A folder to run the scripts in, and the environment they see."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def command(self, script: str, *arguments: str) -> list[str]:
        """Any warning is an error."""
        return [sys.executable, "-W", "error", str(SCRIPTS / f"{script}.py"), *arguments]

    def run(self, script: str, *arguments: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run a script; an environment value of "" removes the variable."""
        merged = {name: value for name, value in {**self.env, **env}.items() if value}
        command = self.command(script, *arguments)
        return subprocess.run(
            command, input=stdin, env=merged, cwd=self.folder, text=True, capture_output=True, timeout=120
        )

    def succeed(self, script: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a script that is to end with 0."""
        done = self.run(script, *arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done

    def dry(self, script: str, *arguments: str) -> list[dict[str, Any]]:
        """The requests of a dry run."""
        requests: list[dict[str, Any]] = json.loads(self.succeed(script, "--dry-run", *arguments).stdout)
        return requests


@pytest.fixture
def bare(tmp_path: Path) -> Scripts:
    """Without credentials, region or AWS."""
    home = tmp_path / "home"
    home.mkdir()
    return Scripts(
        tmp_path,
        {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"},
    )


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, ScriptedAws]]:
    with moto_server(tmp_path_factory.mktemp("aws")) as moto, scripted_aws(moto) as (url, aws):
        yield moto, url, aws


@pytest.fixture
def aws(servers: tuple[str, str, ScriptedAws]) -> ScriptedAws:
    """An AWS with nothing in it, that answers as moto does."""
    moto, _, aws = servers
    reset(moto)
    aws.forget()
    return aws


@pytest.fixture
def scripts(bare: Scripts, aws: ScriptedAws, servers: tuple[str, str, ScriptedAws]) -> Scripts:
    """With credentials, a region and an AWS."""
    bare.env |= {
        "AWS_ENDPOINT_URL": servers[1],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    return bare
