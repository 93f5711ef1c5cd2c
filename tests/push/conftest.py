"""A copy of the script's tree with a tiny Dockerfile, and the services it talks to."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.aws import ECR_HTPASSWD, ECR_LOGIN, moto_server, reset
from tests.support.registry import Registry, docker_registry

ROOT = Path(__file__).parents[2]
DOCKERFILE = """\
FROM scratch
ARG XGBOOST=gpu
ARG VERSION
ARG REVISION
LABEL xgboost=$XGBOOST version=$VERSION revision=$REVISION
COPY container /container
"""


@dataclass
class Tree:
    """A checkout in small: the real script, the real version, an image that builds in a second."""

    root: Path
    env: dict[str, str]

    def push(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the script from some other folder; an environment value of "" removes the variable."""
        merged = {name: value for name, value in {**self.env, **env}.items() if value}
        command = [str(self.root / "build_and_push.sh"), *arguments]
        return subprocess.run(command, env=merged, cwd="/", text=True, capture_output=True, timeout=120)

    def git(self, *arguments: str) -> str:
        """Run git in the tree and return what it prints."""
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        command = ["git", "-C", str(self.root), *identity, *arguments]
        return subprocess.run(command, env=self.env, text=True, capture_output=True, check=True).stdout.strip()

    def commit(self) -> str:
        """Commit everything there is; the short hash."""
        self.git("init", "-q")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "x")
        return self.git("rev-parse", "--short", "HEAD")

    def sbom(self, tag: str) -> Path:
        """Where the script writes what the image with this tag is made of."""
        return self.root / "build" / "sbom" / f"sagemaker-xgboost-{tag}.cdx.json"

    def program(self, name: str, script: str) -> None:
        """Put a shell script first on PATH; in it ``$REAL`` is what the name stood for."""
        real = shutil.which(name, path=self.env["PATH"])
        folder = self.root.parent / "first"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\nREAL={real}\n{script}\n")
        (folder / name).chmod(0o755)
        self.env["PATH"] = f"{folder}:{self.env['PATH']}"

    def only(self, *names: str) -> str:
        """A PATH with these programs and what every shell script needs, and no others."""
        folder = self.root.parent / "only"
        folder.mkdir()
        for name in ("bash", "cat", "dirname", "git", "grep", "mktemp", "rm", "sed", "tail", *names):
            (folder / name).symlink_to(shutil.which(name, path=self.env["PATH"]) or name)
        return str(folder)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root = tmp_path / "a tree"
    (root / "container").mkdir(parents=True)
    shutil.copy(ROOT / "build_and_push.sh", root)
    shutil.copy(ROOT / "container/__init__.py", root / "container")
    (root / "Dockerfile").write_text(DOCKERFILE)
    tools = root / "tools"
    tools.mkdir()
    # The image is empty: what is done with a real one is tests/image/test_tools.py's to show.
    for name, prints in (("smoke-test", "tried $1"), ("sbom", '{"of": "$1"}')):
        (tools / name).write_text(f"#!/bin/sh\ncat <<EOF\n{prints}\nEOF\n")
        (tools / name).chmod(0o755)
    (root / ".gitignore").write_text("/build/\n")
    kept = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
    home = tmp_path / "home"
    home.mkdir()
    env = kept | {
        "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
        "HOME": str(home),
        "DOCKER_CONFIG": str(home / "docker"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return Tree(root, env)


@pytest.fixture(scope="session")
def aws_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto_server(tmp_path_factory.mktemp("aws")) as url:
        yield url


@pytest.fixture
def aws(tree: Tree, aws_url: str) -> str:
    """The AWS endpoint, empty, with the tree's environment pointing at it."""
    reset(aws_url)
    tree.env |= {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    return aws_url


@pytest.fixture
def registry(tree: Tree, tmp_path: Path) -> Iterator[Registry]:
    """An empty registry that takes ECR's login, in ECR's place; the images tagged for it go with it."""
    with (
        docker_registry(tmp_path / "registry", login=ECR_LOGIN, htpasswd=ECR_HTPASSWD) as registry,
        no_images_left(registry),
    ):
        tree.env["ECR_REGISTRY"] = registry.host
        yield registry


@contextmanager
def no_images_left(registry: Registry) -> Iterator[None]:
    """When the block ends the engine forgets every image named after the registry."""
    try:
        yield
    finally:
        line = "{{.Repository}} {{.Tag}} {{.Digest}}"
        listing = ["docker", "image", "ls", "--digests", "--format", line]
        for image in subprocess.run(listing, text=True, capture_output=True, check=True).stdout.splitlines():
            repository, tag, digest = image.split()
            if repository.startswith(f"{registry.host}/"):
                name = f"{repository}@{digest}" if tag == "<none>" else f"{repository}:{tag}"
                subprocess.run(["docker", "image", "rm", name], capture_output=True, check=True)
