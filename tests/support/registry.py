"""Debian's docker-registry on a loopback port: a real push target, thrown away after the test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.processes import free_port, running

IMAGE_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"

_CONFIG = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: "{root}/blobs"}}}}
http: {{addr: "{host}"}}
"""
_AUTH = 'auth: {{htpasswd: {{realm: test, path: "{root}/htpasswd"}}}}\n'


@dataclass(frozen=True)
class Registry:
    """``host`` is "127.0.0.1:port", as it stands in an image's name; ``login`` is (user, password)."""

    host: str
    login: tuple[str, str] | None = None

    def manifest(self, repository: str, reference: str) -> requests.Response:
        """The manifest a tag or digest names, whatever its kind; a 404 where there is none."""
        return self._get(repository, f"manifests/{reference}")

    def digest(self, repository: str, tag: str) -> str:
        """The digest a tag names, as the registry says it."""
        return self.manifest(repository, tag).headers["Docker-Content-Digest"]

    def config(self, repository: str, tag: str) -> Any:
        """The image's configuration: architecture, labels, command."""
        digest = self.manifest(repository, tag).json()["config"]["digest"]
        return self._get(repository, f"blobs/{digest}").json()

    def tags(self, repository: str) -> list[str]:
        """The repository's tags, sorted; none where it does not exist."""
        return sorted(self._get(repository, "tags/list").json().get("tags") or [])

    def _get(self, repository: str, rest: str) -> requests.Response:
        url = f"http://{self.host}/v2/{repository}/{rest}"
        accept = {"Accept": ", ".join((*IMAGE_TYPES, INDEX_TYPE))}
        return requests.get(url, headers=accept, auth=self.login, timeout=10)


@contextmanager
def docker_registry(root: Path, *, login: tuple[str, str] | None = None, htpasswd: str = "") -> Iterator[Registry]:
    """A registry that keeps its blobs under ``root``; ``htpasswd`` (bcrypt lines) makes it ask for a login.

    Where the program is not installed the test is skipped, saying so.
    """
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed; on Debian: apt-get install docker-registry")
    registry = Registry(f"127.0.0.1:{free_port()}", login)
    config = _CONFIG + (_AUTH if htpasswd else "")
    root.mkdir(parents=True, exist_ok=True)
    (root / "htpasswd").write_text(htpasswd)
    (root / "config.yml").write_text(config.format(root=root, host=registry.host))
    command = [program, "serve", str(root / "config.yml")]
    with running(command, url=f"http://{registry.host}/v2/", log=root / "log"):
        yield registry
