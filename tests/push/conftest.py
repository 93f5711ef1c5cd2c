"""A copy of the script's tree with a tiny Dockerfile, and the services it talks to."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.aws import ECR_HTPASSWD, ECR_LOGIN, moto_server, reset
from tests.support.registry import Registry, docker_registry

ROOT = Path(__file__).parents[2]
DOCKERFILE = """\
FROM scratch
ARG XGBOOST=gpu
LABEL xgboost=$XGBOOST
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

    def shim(self, program: str, script: str) -> None:
        """Put a shell script before ``program`` on PATH; in it ``$REAL`` is the real one."""
        real = shutil.which(program, path=self.env["PATH"])
        file = self.root.parent / "shims" / program
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\nREAL={real}\n{script}\n")
        file.chmod(0o755)
        self.env["PATH"] = f"{file.parent}:{self.env['PATH']}"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root = tmp_path / "a tree"
    (root / "container").mkdir(parents=True)
    shutil.copy(ROOT / "build_and_push.sh", root)
    shutil.copy(ROOT / "container/__init__.py", root / "container")
    (root / "Dockerfile").write_text(DOCKERFILE)
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
    with docker_registry(tmp_path / "registry", login=ECR_LOGIN, htpasswd=ECR_HTPASSWD) as registry:
        tree.env["ECR_REGISTRY"] = registry.host
        yield registry
        listed = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"{registry.host}/*"]
        images = subprocess.run(listed, text=True, capture_output=True, check=True).stdout.split()
        if images:
            subprocess.run(["docker", "image", "rm", *images], capture_output=True, check=True)
