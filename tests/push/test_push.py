"""build_and_push.sh against a real engine, a real registry and moto's AWS."""

import json
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

import container
from tests.push.conftest import Tree, no_images_left
from tests.support.aws import ECR_LOGIN
from tests.support.registry import IMAGE_TYPES, INDEX_TYPE, Registry, docker_registry

pytestmark = pytest.mark.docker

REPOSITORY = "sagemaker-xgboost"
VERSION = container.__version__


def ecr(aws: str) -> Any:
    return boto3.client(
        "ecr", endpoint_url=aws, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


def repositories(aws: str) -> dict[str, bool]:
    """The repositories there are in eu-west-1, and whether each scans on push."""
    found = ecr(aws).describe_repositories()["repositories"]
    return {item["repositoryName"]: item["imageScanningConfiguration"]["scanOnPush"] for item in found}


def test_first_push_creates_the_repository_and_the_second_reuses_all(tree: Tree, aws: str, registry: Registry) -> None:
    commit = tree.commit()
    first = tree.push()
    assert first.returncode == 0, first.stderr
    digest = registry.digest(REPOSITORY, VERSION)
    assert first.stdout == f"{registry.host}/{REPOSITORY}@{digest}\n"
    assert registry.tags(REPOSITORY) == sorted([VERSION, commit])
    assert registry.digest(REPOSITORY, commit) == digest
    assert registry.manifest(REPOSITORY, digest).headers["Content-Type"] in IMAGE_TYPES
    assert repositories(aws) == {REPOSITORY: True}

    second = tree.push()
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout
    assert "create-repository" not in second.stderr
    assert "docker push" not in second.stderr
    assert f"'{commit}' is in the registry already, as this very image" in second.stderr


def test_cpu_and_arm64_reach_the_image_and_its_tags(tree: Tree, aws: str, registry: Registry) -> None:
    pushed = tree.push("--cpu", "--platform=linux/arm64", "--repository", "team/xgb", "--tag", "nightly", "--tag=next")
    assert pushed.returncode == 0, pushed.stderr
    assert registry.tags("team/xgb") == sorted([f"{VERSION}-cpu-arm64", "next", "nightly"])
    config = registry.config("team/xgb", "nightly")
    assert config["architecture"] == "arm64"
    assert config["config"]["Labels"]["xgboost"] == "cpu"
    assert "no tag for the git commit: fatal: not a git repository" in pushed.stderr


def test_the_default_is_the_gpu_image_for_amd64(tree: Tree, aws: str, registry: Registry) -> None:
    commit = tree.commit()
    (tree.root / "container" / "new.py").write_text("")
    pushed = tree.push()
    assert pushed.returncode == 0, pushed.stderr
    config = registry.config(REPOSITORY, VERSION)
    assert config["architecture"] == "amd64"
    assert config["config"]["Labels"] == {
        "xgboost": "gpu",
        "version": VERSION,
        "revision": f"{tree.git('rev-parse', 'HEAD')}-dirty",
    }
    assert registry.tags(REPOSITORY) == sorted([VERSION, f"{commit}-dirty"])
    assert "the working tree is dirty: not all of this image is in the commit" in pushed.stderr


def test_options_after_two_dashes_go_to_docker_build(tree: Tree, aws: str, registry: Registry) -> None:
    pushed = tree.push("--tag", "x", "--", "--build-arg", "XGBOOST=a b")
    assert pushed.returncode == 0, pushed.stderr
    config = registry.config(REPOSITORY, "x")
    assert config["config"]["Labels"]["xgboost"] == "a b"


def test_what_is_pushed_has_been_tried_and_written_down(tree: Tree, aws: str, registry: Registry) -> None:
    pushed = tree.push()
    assert pushed.returncode == 0, pushed.stderr
    image = f"{registry.host}/{REPOSITORY}:{VERSION}"
    assert pushed.stderr.index(f"tried {image}\n") < pushed.stderr.index("+ docker push")
    assert json.loads(tree.sbom(VERSION).read_text()) == {"of": image}
    assert f"what it is made of: {tree.sbom(VERSION)}" in pushed.stderr


@pytest.mark.parametrize(
    ("tool", "cause"),
    [
        pytest.param("smoke-test", "the image does not train and serve; nothing was pushed", id="smoke test"),
        pytest.param("sbom", "what the image is made of cannot be listed; nothing was pushed", id="sbom"),
    ],
)
def test_an_image_that_does_not_work_is_not_pushed(
    tool: str, cause: str, tree: Tree, aws: str, registry: Registry
) -> None:
    (tree.root / "tools" / tool).write_text("#!/bin/sh\necho 'no model was written' >&2\nexit 1\n")
    failed = tree.push()
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "no model was written\n" in failed.stderr
    assert cause in failed.stderr
    assert repositories(aws) == {}
    assert registry.tags(REPOSITORY) == []


def test_an_image_that_this_machine_cannot_run_is_pushed_untried(tree: Tree, aws: str, registry: Registry) -> None:
    tree.program(
        "docker", 'case $1 in run) echo "exec /bin/true: exec format error" >&2; exit 1 ;; esac; exec "$REAL" "$@"'
    )
    pushed = tree.push("--platform", "linux/arm64")
    assert pushed.returncode == 0, pushed.stderr
    assert "not tried: this machine cannot run programs for linux/arm64" in pushed.stderr
    assert f"tried {registry.host}" not in pushed.stderr
    assert not tree.sbom(f"{VERSION}-arm64").exists()


def test_each_platform_is_an_image_of_its_own(tree: Tree, aws: str, registry: Registry) -> None:
    pushed = tree.push("--platform", "linux/amd64", "--platform=linux/arm64")
    assert pushed.returncode == 0, pushed.stderr
    digests = [registry.digest(REPOSITORY, f"{VERSION}{suffix}") for suffix in ("", "-arm64")]
    assert pushed.stdout.splitlines() == [f"{registry.host}/{REPOSITORY}@{digest}" for digest in digests]
    assert [registry.config(REPOSITORY, d)["architecture"] for d in digests] == ["amd64", "arm64"]
    assert {registry.manifest(REPOSITORY, d).headers["Content-Type"] for d in digests} <= {*IMAGE_TYPES}


@pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
def test_a_tag_of_another_image_moves_only_where_it_may(
    mutability: str, tree: Tree, aws: str, registry: Registry
) -> None:
    ecr(aws).create_repository(repositoryName=REPOSITORY, imageTagMutability=mutability)
    first = tree.push()
    assert first.returncode == 0, first.stderr
    old = registry.digest(REPOSITORY, VERSION)
    assert tree.push().stdout == first.stdout

    (tree.root / "container" / "new.py").write_text("")
    second = tree.push("--tag", "free")
    if mutability == "MUTABLE":
        assert second.returncode == 0, second.stderr
        assert f"'{VERSION}' moves to this image from {old}" in second.stderr
        assert registry.digest(REPOSITORY, VERSION) != old
    else:
        assert second.returncode == 1
        cause = f"the tag '{VERSION}' is taken in '{REPOSITORY}', whose tags are immutable: {old}"
        assert cause in second.stderr
        assert registry.tags(REPOSITORY) == [VERSION]


def test_a_failed_build_changes_nothing(tree: Tree, aws: str, registry: Registry) -> None:
    assert tree.push().returncode == 0
    digest = registry.digest(REPOSITORY, VERSION)
    (tree.root / "Dockerfile").write_text("FROM scratch\nCOPY nothing /\n")
    failed = tree.push("--repository", "other")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "the build failed; nothing was pushed" in failed.stderr
    assert repositories(aws) == {REPOSITORY: True}
    assert tree.push().returncode == 1
    assert registry.digest(REPOSITORY, VERSION) == digest


def test_a_dry_run_prints_the_commands_and_changes_nothing(tree: Tree, aws: str, registry: Registry) -> None:
    dry = tree.push("--dry-run", "--cpu")
    assert dry.returncode == 0, dry.stderr
    address = f"{registry.host}/{REPOSITORY}:{VERSION}-cpu"
    tree_argument = str(tree.root).replace(" ", "\\ ")
    build, smoke_test, create, login, push = dry.stdout.splitlines()
    assert smoke_test == f"+ {tree_argument}/tools/smoke-test {address}"
    assert build.startswith("+ docker build --platform linux/amd64 ")
    arguments = f"--build-arg VERSION={VERSION} --build-arg REVISION=unknown --build-arg XGBOOST=cpu"
    assert build.endswith(f" {arguments} --tag {address} {tree_argument}")
    assert create == (
        "+ aws --output text --region eu-west-1 ecr create-repository"
        f" --repository-name {REPOSITORY} --image-scanning-configuration scanOnPush=true"
    )
    assert login == (
        "+ aws --output text --region eu-west-1 ecr get-login-password"
        f" | docker login --username AWS --password-stdin {registry.host}"
    )
    assert push == f"+ docker push {address}"

    assert repositories(aws) == {}
    assert registry.tags(REPOSITORY) == []
    images = subprocess.run(["docker", "images", "-q", address], text=True, capture_output=True, check=True)
    assert images.stdout == ""
    assert not Path(tree.env["DOCKER_CONFIG"], "config.json").exists()


@pytest.mark.parametrize(
    ("options", "region", "suffix"),
    [
        pytest.param(["--region", "cn-north-1"], "cn-north-1", "amazonaws.com.cn", id="option, China"),
        pytest.param([], "eu-west-1", "amazonaws.com", id="environment"),
        pytest.param(["--profile", "gov"], "us-gov-west-1", "amazonaws.com", id="profile"),
    ],
)
def test_the_registry_follows_account_region_and_partition(
    options: list[str], region: str, suffix: str, tree: Tree, aws: str
) -> None:
    config = Path(tree.env["HOME"], ".aws", "config")
    config.parent.mkdir()
    config.write_text(f"[profile gov]\nregion = {region}\naws_access_key_id = x\naws_secret_access_key = x\n")
    environment = {"AWS_DEFAULT_REGION": ""} if options[:1] == ["--profile"] else {}
    dry = tree.push("--dry-run", "--tag", "v1", *options, **environment)
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.endswith(f"+ docker push 123456789012.dkr.ecr.{region}.{suffix}/{REPOSITORY}:v1\n")


def test_the_password_is_on_no_command_line(tree: Tree, aws: str, registry: Registry, tmp_path: Path) -> None:
    log = tmp_path / "arguments"
    for program in ("docker", "aws", "curl", "sed", "tail", "tee"):
        tree.program(program, f'echo "{program} $*" >>{log}; exec "$REAL" "$@"')
    pushed = tree.push()
    assert pushed.returncode == 0, pushed.stderr
    assert "docker login --username AWS --password-stdin" in log.read_text()
    assert ECR_LOGIN[1] not in log.read_text() + pushed.stderr


def test_a_repository_that_someone_else_just_created_is_used(tree: Tree, aws: str, registry: Registry) -> None:
    tree.program("aws", 'case $* in *create-repository*) "$REAL" "$@" ;; esac; exec "$REAL" "$@"')
    pushed = tree.push()
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout


def test_an_index_in_the_registry_is_refused(tree: Tree, aws: str, registry: Registry, tmp_path: Path) -> None:
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []})
    (tmp_path / "index.json").write_text(index)
    # What an engine does that adds attestations: the tag names an index around the image.
    put = (
        f"curl -sf --noproxy '*' -u {':'.join(ECR_LOGIN)} -X PUT -H 'Content-Type: {INDEX_TYPE}'"
        f" --data-binary @{tmp_path}/index.json http://{registry.host}/v2/{REPOSITORY}/manifests/{VERSION}"
    )
    tree.program("docker", f'"$REAL" "$@" || exit\ncase $1 in push) {put} ;; esac')
    pushed = tree.push("--tag", "later")
    assert pushed.returncode == 1
    assert pushed.stdout == ""
    assert f"'{VERSION}' is in the registry as {INDEX_TYPE}, and SageMaker takes a single" in pushed.stderr
    assert registry.tags(REPOSITORY) == [VERSION]


def test_a_tag_that_someone_else_pushed_meanwhile_is_noticed(tree: Tree, aws: str, registry: Registry) -> None:
    other = f"{registry.host}/{REPOSITORY}:{VERSION}"
    swap = f'echo "FROM scratch\nLABEL a=b" | "$REAL" build -qt {other} - >&2 && "$REAL" push {other} >&2'
    tree.program("docker", f'"$REAL" "$@" || exit\ncase $1 in push) {swap} ;; esac')
    pushed = tree.push()
    assert pushed.returncode == 1
    assert f"'{VERSION}' is {registry.digest(REPOSITORY, VERSION)} in the registry, and" in pushed.stderr


def test_another_registry_needs_no_aws(tree: Tree, tmp_path: Path) -> None:
    with docker_registry(tmp_path / "plain") as plain, no_images_left(plain):
        pushed = tree.push("--registry", plain.host)
        assert pushed.returncode == 0, pushed.stderr
        assert pushed.stdout == f"{plain.host}/{REPOSITORY}@{plain.digest(REPOSITORY, VERSION)}\n"


def test_another_registry_may_ask_for_a_login(tree: Tree, registry: Registry) -> None:
    refused = tree.push("--registry", registry.host)
    assert refused.returncode == 1
    assert f"the registry answers 401 for the manifest of '{VERSION}'" in refused.stderr

    login = {"REGISTRY_USER": ECR_LOGIN[0], "REGISTRY_PASSWORD": ECR_LOGIN[1]}
    denied = tree.push("--registry", registry.host, **login)
    assert denied.returncode == 1
    assert f"the push of '{VERSION}' was denied: " in denied.stderr
    assert "no basic auth credentials" in denied.stderr
    assert registry.tags(REPOSITORY) == []

    command = ["docker", "login", "--username", "AWS", "--password-stdin", registry.host]
    subprocess.run(command, env=tree.env, input=ECR_LOGIN[1], text=True, capture_output=True, check=True)
    pushed = tree.push("--registry", registry.host, **login)
    assert pushed.returncode == 0, pushed.stderr


def test_a_credential_helper_that_signs_in_by_itself_is_left_to_it(tree: Tree, aws: str, registry: Registry) -> None:
    """amazon-ecr-credential-helper: `get` makes a login, `store` fails with "not implemented"."""
    config = Path(tree.env["DOCKER_CONFIG"], "config.json")
    config.parent.mkdir()
    config.write_text(json.dumps({"credHelpers": {registry.host: "ecr-login"}}))
    login = json.dumps(dict(zip(("Username", "Secret"), ECR_LOGIN, strict=True)))
    helper = f"case $1 in get) cat >&2; echo '{login}' ;; *) echo not implemented; exit 1 ;; esac"
    tree.program("docker-credential-ecr-login", helper)
    pushed = tree.push()
    assert pushed.returncode == 0, pushed.stderr
    assert registry.tags(REPOSITORY) == [VERSION]
