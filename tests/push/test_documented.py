"""Every command of docs/publishing.md, docs/operations.md and docs/image.md, run."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.push.conftest import ROOT, Tree
from tests.push.test_push import REPOSITORY, VERSION, ecr
from tests.support.registry import IMAGE_TYPES, Registry

pytestmark = pytest.mark.docker

DOCS = ROOT / "docs"


def blocks(page: str) -> list[str]:
    """What stands in the page's blocks of commands."""
    return re.findall(r"^```(?:bash)?\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)


def run(tree: Tree, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["bash", "-euc", script], env=tree.env, cwd=folder, text=True, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_every_block_is_run_here() -> None:
    """One that is added to a page must be taken up by a test below."""
    assert {page: len(blocks(page)) for page in ("publishing.md", "operations.md", "image.md")} == {
        "publishing.md": 3,
        "operations.md": 2,
        "image.md": 1,
    }


def test_publishing(tree: Tree, aws: str, registry: Registry) -> None:
    first, second, _ = blocks("publishing.md")
    done = run(tree, first, tree.root)
    assert registry.tags(REPOSITORY) == sorted(f"{VERSION}{suffix}" for suffix in ("", "-cpu", "-arm64"))
    assert "dry run: nothing was built, created or pushed" in done.stderr
    assert run(tree, f'{second}echo "$image_uri"', tree.root).stdout == (
        f"{registry.host}/{REPOSITORY}@{registry.digest(REPOSITORY, VERSION)}\n"
    )


def test_building_behind_a_proxy(tree: Tree) -> None:
    """The secrets reach the build."""
    (tree.root / "Dockerfile").write_text(
        "FROM debian:trixie-slim\nRUN"
        + "".join(f" --mount=type=secret,id={name}" for name in ("ca", "pip_conf", "apt_sources"))
        + " cat /run/secrets/* >/seen\n"
    )
    for name in ("corporate-ca.pem", "pip.conf", "sources.list"):
        (tree.root / name).write_text(f"{name}\n")
    shutil.copy(ROOT / "Makefile", tree.root)
    shutil.copytree(ROOT / "tools", tree.root / "tools", dirs_exist_ok=True)
    (command,) = blocks("image.md")
    tree.env |= {"IMAGE": f"{REPOSITORY}-documented"}
    try:
        run(tree, command.replace("make image", 'make image IMAGE="$IMAGE"'), tree.root)
        seen = run(tree, 'docker run --rm "$IMAGE" cat /seen', tree.root).stdout
    finally:
        subprocess.run(["docker", "image", "rm", f"{REPOSITORY}-documented"], capture_output=True)
    assert sorted(seen.split()) == ["corporate-ca.pem", "pip.conf", "sources.list"]


def test_the_documented_ecr_commands(tree: Tree, aws: str) -> None:
    """The policy for another account, and the way back to an older image, as docs/ has them."""
    client = ecr(aws)
    client.create_repository(repositoryName=REPOSITORY)
    manifests = [json.dumps({"schemaVersion": 2, "mediaType": IMAGE_TYPES[0], "n": n}) for n in (1, 2)]
    for manifest, tag in ((manifests[0], "1.0"), (manifests[0], "stable"), (manifests[1], "stable")):
        client.put_image(repositoryName=REPOSITORY, imageManifest=manifest, imageTag=tag)
    (old,) = client.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "1.0"}])["images"]
    commands = [c for page in ("publishing.md", "operations.md") for c in blocks(page) if "aws ecr" in c]
    assert len(commands) == 3
    done = run(tree, "\n".join([f"old={old['imageId']['imageDigest']}", *commands]), DOCS.parent)
    policy = json.loads(client.get_repository_policy(repositoryName=REPOSITORY)["policyText"])
    assert policy == json.loads((DOCS / "ecr-repository-policy.json").read_text())
    (stable,) = client.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "stable"}])["images"]
    assert json.loads(stable["imageManifest"]) == json.loads(manifests[0])
    assert old["imageId"]["imageDigest"] in done.stdout
