"""Debian's docker-registry on a loopback port: a real push target, thrown away after the test."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
        """The manifest a tag or digest names, whatever its kind; 404 where there is none."""
        accept = {"Accept": ", ".join((*IMAGE_TYPES, INDEX_TYPE))}
        return requests.get(self._url(repository, f"manifests/{reference}"), headers=accept, **self._rest())

    def put_manifest(self, repository: str, tag: str, content_type: str, body: str) -> None:
        """Make ``tag`` name a manifest given as text."""
        headers = {"Content-Type": content_type}
        url = self._url(repository, f"manifests/{tag}")
        requests.put(url, data=body, headers=headers, **self._rest()).raise_for_status()

    def digest(self, repository: str, tag: str) -> str:
        """The digest a tag names, as the registry says it."""
        response = self.manifest(repository, tag)
        response.raise_for_status()
        return response.headers["Docker-Content-Digest"]

    def config(self, repository: str, tag: str) -> dict[str, object]:
        """The image's configuration: architecture, labels, command."""
        digest = self.manifest(repository, tag).json()["config"]["digest"]
        response = requests.get(self._url(repository, f"blobs/{digest}"), **self._rest())
        config: dict[str, object] = response.json()
        return config

    def tags(self, repository: str) -> list[str]:
        """The repository's tags, sorted; none where it does not exist."""
        response = requests.get(self._url(repository, "tags/list"), **self._rest())
        return sorted(response.json().get("tags") or []) if response.ok else []

    def _url(self, repository: str, rest: str) -> str:
        return f"http://{self.host}/v2/{repository}/{rest}"

    def _rest(self) -> dict[str, object]:
        return {"timeout": 10, "auth": self.login}


@contextmanager
def docker_registry(
    root: Path, *, login: tuple[str, str] | None = None, htpasswd: str = ""
) -> Iterator[Registry]:
    """A registry that keeps its blobs under ``root``; ``htpasswd`` (bcrypt lines) makes it ask for a login.

    Where the program is not installed the test is skipped, saying so; in CI that is a failure.
    """
    program = shutil.which("docker-registry")
    if program is None:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop("there is no docker-registry here; on Debian: apt-get install docker-registry")
    registry = Registry(f"127.0.0.1:{free_port()}", login)
    config = _CONFIG + (_AUTH if htpasswd else "")
    root.mkdir(parents=True, exist_ok=True)
    (root / "htpasswd").write_text(htpasswd)
    (root / "config.yml").write_text(config.format(root=root, host=registry.host))
    command = [program, "serve", str(root / "config.yml")]
    with running(command, url=f"http://{registry.host}/v2/", log=root / "log"):
        yield registry
