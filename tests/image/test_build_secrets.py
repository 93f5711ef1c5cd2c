"""What can be passed to the build as secrets: a package mirror, and the certificate it is signed with.

The steps of the build are run by hand against an HTTPS mirror on loopback, since a build would answer from
its cache. That none of it reaches a layer is the business of test_contents and test_metadata.
"""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import IMAGE

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate that nobody trusts, for 127.0.0.1; its key lies beside it."""
    file = tmp_path / "ca.pem"
    names = ["-subj", "/CN=mirror", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(tmp_path / "key.pem")]
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "1", *names, "-out", str(file)]
    subprocess.run(command, capture_output=True, check=True)
    return file


@dataclass(frozen=True)
class Mirror:
    """An HTTPS server without any packages."""

    url: str
    asked: list[str]
    """The paths that clients who trust its certificate have asked for."""


@pytest.fixture
def mirror(certificate: Path) -> Iterator[Mirror]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *arguments: object) -> None: ...

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Mirror(f"https://127.0.0.1:{server.server_port}", asked)
        server.shutdown()
        thread.join()


def step(script: str, package: str, secrets: dict[str, Path]) -> None:
    """Run a build step that finds these secrets; it fails, for there is no such package."""
    mounts = [f"--volume={REQUIREMENTS}:/mnt:ro"]
    mounts += [f"--volume={file}:/run/secrets/{name}:ro" for name, file in secrets.items()]
    command = ["docker", "run", "--rm", "--network=host", *mounts, IMAGE, f"/mnt/{script}", package]
    assert subprocess.run(command, capture_output=True, timeout=120).returncode != 0


def test_pip_uses_the_mirror_and_its_certificate(mirror: Mirror, certificate: Path, tmp_path: Path) -> None:
    conf = tmp_path / "pip.conf"
    conf.write_text(f"[global]\nindex-url = {mirror.url}/simple\nretries = 0\n")

    step("pip-install.sh", "anything", {"pip_conf": conf})
    assert mirror.asked == []

    step("pip-install.sh", "anything", {"pip_conf": conf, "ca": certificate})
    assert mirror.asked == ["/simple/anything/"]


def test_apt_uses_the_mirror_and_its_certificate(mirror: Mirror, certificate: Path, tmp_path: Path) -> None:
    sources = tmp_path / "sources.list"
    sources.write_text(f"deb [trusted=yes] {mirror.url}/debian trixie main\n")

    step("apt-install.sh", "anything", {"apt_sources": sources})
    assert mirror.asked == []

    step("apt-install.sh", "anything", {"apt_sources": sources, "ca": certificate})
    assert mirror.asked
    assert all(path.startswith("/debian/dists/trixie/") for path in mirror.asked)
