"""Every failure of build_and_push.sh has a name, a remedy, and comes before anything is changed."""

import json
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.push.conftest import Tree, no_images_left
from tests.support.aws import checking_credentials
from tests.support.processes import free_port
from tests.support.registry import Registry, docker_registry

needs_docker = pytest.mark.docker


def assert_fails(result: subprocess.CompletedProcess[str], cause: str, remedy: str, code: int = 1) -> None:
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    *_, said, hint = result.stderr.splitlines()
    assert said.startswith(f"build_and_push.sh: {cause}")
    assert hint.startswith("  what to do: ")
    assert remedy in hint


def test_help_names_every_option(tree: Tree) -> None:
    shown = tree.push("--help")
    assert shown.returncode == 0
    for option in ("repository", "region", "profile", "tag", "cpu", "platform", "registry", "dry-run"):
        assert f"\n  --{option} " in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        pytest.param(["--regoin", "x"], "unknown argument '--regoin'", id="unknown"),
        pytest.param(["--region"], "--region needs a value", id="no value"),
        pytest.param(["--region", ""], "--region needs a value", id="empty value"),
        pytest.param(["--profile", "--cpu"], "--profile needs a value", id="an option for a value"),
        pytest.param(["--cpu=yes"], "unknown argument 'yes'", id="a value too many"),
        pytest.param(["--registry", "ghcr.io/me"], "--registry: must be a host, got 'ghcr.io/me'", id="path"),
        pytest.param(
            ["--platform", "linux/amd64,linux/arm64"],
            "--platform: must be linux/amd64 or linux/arm64, got 'linux/amd64,linux/arm64'",
            id="two platforms",
        ),
        pytest.param(
            ["--platform", "linux/amd64", "--platform", "linux/arm64", "--tag", "stable"],
            "--tag: 'stable' names one image, and there is one for each --platform",
            id="a tag for two images",
        ),
    ],
)
def test_a_wrong_command_line(arguments: list[str], cause: str, tree: Tree) -> None:
    assert_fails(tree.push(*arguments), cause, "--help", code=2)


def test_a_wrong_tag(tree: Tree) -> None:
    assert_fails(tree.push("--tag", "a:b"), "'a:b' cannot be a tag", "at most 128 letters")


def test_no_version(tree: Tree) -> None:
    (tree.root / "container" / "__init__.py").write_text("")
    assert_fails(tree.push(), "no version in ", '__version__ = "1.2.3"')


def test_no_docker_command(tree: Tree) -> None:
    assert_fails(tree.push(PATH=tree.only()), "there is no docker command", "install Docker")


def test_no_buildkit(tree: Tree) -> None:
    """What clients since version 23 do without their buildx plugin."""
    tree.program("docker", "echo 'ERROR: BuildKit is enabled but the buildx component is missing' >&2; exit 1")
    assert_fails(tree.push(), "this docker cannot build with BuildKit: /", "buildx plugin")


@needs_docker
def test_no_daemon(tree: Tree) -> None:
    failed = tree.push(DOCKER_HOST="unix:///nowhere.sock")
    assert_fails(failed, "Docker's daemon does not answer: Cannot connect", "start Docker")


def test_no_right_to_the_daemon(tree: Tree) -> None:
    said = "Got permission denied while trying to connect to the Docker daemon socket"
    tree.program("docker", f'case $1 in build) echo --secret ;; *) echo "{said}" >&2; exit 1 ;; esac')
    assert_fails(tree.push(), f"you may not use Docker's socket: {said}", "usermod -aG docker")


@needs_docker
@pytest.mark.parametrize(
    ("program", "there", "remedy"),
    [("curl", ["docker", "aws"], "install curl"), ("aws", ["docker", "curl"], "pip install awscli")],
)
def test_no_such_command(program: str, there: list[str], remedy: str, tree: Tree) -> None:
    assert_fails(tree.push(PATH=tree.only(*there)), f"there is no {program} command", remedy)


@needs_docker
class TestAws:
    """What the aws command says, real words from the real command where moto can be made to say them."""

    def test_no_region(self, tree: Tree, aws: str) -> None:
        assert_fails(tree.push(AWS_DEFAULT_REGION=""), "no AWS region", "--region NAME")

    def test_no_credentials(self, tree: Tree, aws: str) -> None:
        failed = tree.push(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
        assert_fails(failed, "no AWS credentials (asking who you are: Unable to locate", "aws configure")

    @pytest.mark.parametrize("region", ["eu-west-1", ""])
    def test_no_such_profile(self, region: str, tree: Tree, aws: str) -> None:
        failed = tree.push("--profile", "nope", AWS_DEFAULT_REGION=region)
        assert_fails(failed, "there is no AWS profile 'nope' (", "list-profiles")

    def test_expired_sign_in(self, tree: Tree, aws: str) -> None:
        config = Path(tree.env["HOME"], ".aws", "config")
        config.parent.mkdir()
        config.write_text(
            "[profile sso]\nsso_start_url = https://x.example\nsso_region = eu-west-1\n"
            "sso_account_id = 123456789012\nsso_role_name = x\n"
        )
        failed = tree.push("--profile", "sso")
        assert_fails(failed, "the AWS credentials have expired (", "aws sso login")

    def test_wrong_keys(self, tree: Tree, aws: str, registry: Registry) -> None:
        with checking_credentials(aws):
            failed = tree.push()
        assert_fails(failed, "AWS does not accept the credentials (asking who you are: ", "check the keys")
        assert "docker build" not in failed.stderr

    def test_denied(self, tree: Tree, aws: str, registry: Registry) -> None:
        """A denial to look is not taken for a repository that is missing."""
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        iam: Any = boto3.client("iam", endpoint_url=aws, **keys)
        iam.create_user(UserName="u")
        allowed = {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName="u")["AccessKey"]
        with checking_credentials(aws):
            failed = tree.push(AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"])
        assert_fails(failed, "AWS denies it (looking for the repository 'sagemaker-xgboost': ", "docs/publish")
        assert "create-repository" not in failed.stderr

    def test_unreachable(self, tree: Tree, aws: str) -> None:
        failed = tree.push(AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}", AWS_MAX_ATTEMPTS="1")
        assert_fails(failed, "AWS cannot be reached (asking who you are: Could not connect", "'eu-west-1'")

    def test_a_repository_name_that_ecr_refuses(self, tree: Tree, aws: str) -> None:
        failed = tree.push("--repository", "r")
        assert_fails(failed, "AWS refused (looking for the repository 'r': ", "mend what")


@needs_docker
def test_the_registry_refuses_the_login(tree: Tree, aws: str, tmp_path: Path) -> None:
    htpasswd = f"AWS:$2y$05${'x' * 53}\n"
    with docker_registry(tmp_path / "locked", htpasswd=htpasswd) as locked, no_images_left(locked):
        failed = tree.push(ECR_REGISTRY=locked.host)
    assert_fails(failed, f"the login to {locked.host} failed: ", "check that Docker")


@needs_docker
def test_the_push_breaks_off(tree: Tree, aws: str, registry: Registry) -> None:
    tree.program("docker", 'case $1 in push) echo "write: broken pipe" >&2; exit 1 ;; esac; exec "$REAL" "$@"')
    assert_fails(tree.push(), "the push of '", "run again")


@needs_docker
def test_ecr_refuses_an_immutable_tag_at_the_push(tree: Tree, aws: str, registry: Registry) -> None:
    """Where exclusions decide, the repository's setting does not tell: ECR's answer to the push does."""
    said = "tag invalid: The image tag 'x' already exists in the 'r' repository and cannot be overwritten"
    said += " because the tag is immutable."
    tree.program("docker", f'case $1 in push) echo "{said}" >&2; exit 1 ;; esac; exec "$REAL" "$@"')
    failed = tree.push("--tag", "x")
    assert_fails(failed, "the tag '", "raise __version__")
