"""moto's server: AWS's control plane (STS, ECR, IAM, …) on a loopback port."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.processes import free_port, running

ACCOUNT = "123456789012"
"""The account that moto gives everyone."""

ECR_LOGIN = ("AWS", f"{ACCOUNT}-auth-token")
"""What moto's ECR hands out to log in with."""

ECR_HTPASSWD = "AWS:$2y$05$ANTtv9pLiHrnufITev33zO8jgBI.lMcYg/E8w1URoErsiSp5EzrXK\n"
"""ECR_LOGIN as an htpasswd line: bcrypt, the only hash docker-registry reads."""


@contextmanager
def moto_server(root: Path) -> Iterator[str]:
    """A server with no state, as the URL to put in AWS_ENDPOINT_URL; its log lies under ``root``."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, url=f"{url}/moto-api/", log=root / "moto.log"):
        yield url


def reset(url: str) -> None:
    """Forget all resources."""
    requests.post(f"{url}/moto-api/reset", timeout=10).raise_for_status()


@contextmanager
def checking_credentials(url: str) -> Iterator[None]:
    """Within the block keys and policies are checked; outside of it everything is allowed."""
    _actions_allowed(url, "0")
    try:
        yield
    finally:
        _actions_allowed(url, "inf")


def _actions_allowed(url: str, count: str) -> None:
    requests.post(f"{url}/moto-api/reset-auth", data=count.encode(), timeout=10).raise_for_status()
