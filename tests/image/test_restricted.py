"""The image needs neither root nor a writable file system of its own."""

from collections.abc import Callable

import pytest
import requests

from tests.image.conftest import DATA, Container, OptMl

READ_ONLY = ["--read-only", "--tmpfs", "/tmp"]


@pytest.mark.parametrize("user", ["0:0", "1234:1234"])
def test_trains_and_serves_with_a_read_only_root(opt_ml: OptMl, start: Callable[..., Container], user: str) -> None:
    """Only /tmp and the mounts can be written, with no home folder, no capability and nobody's user number."""
    confined = [*READ_ONLY, "--user", user, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    opt_ml.job({"target": "price", "num_round": 3}, train="text/csv")
    opt_ml.channel("train", "ames.csv", (DATA / "ames.csv").read_bytes())
    job = start("train", *confined)
    assert job.wait() == 0, job.logs()

    endpoint = start("serve", *confined)
    endpoint.wait_for(endpoint.answers_ping)
    header, first = (DATA / "ames.csv").read_bytes().splitlines()[:2]
    reply = requests.post(endpoint.url("/invocations"), header + b"\n" + first, timeout=30)
    assert reply.status_code == 200, reply.text
    assert float(reply.text) > 0
