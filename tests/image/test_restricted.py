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


def test_a_job_whose_folders_are_read_only_says_so_in_a_line(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    opt_ml.job({"target": "price"}, train="text/csv")
    opt_ml.channel("train", "ames.csv", (DATA / "ames.csv").read_bytes())
    read_only = [f"--volume={opt_ml.root / folder}:/opt/ml/{folder}:ro" for folder in ("model", "output")]
    job = start("train", *read_only)
    assert job.wait() == 1
    cause, no_file = job.logs().splitlines()
    assert cause.startswith("ERROR: the model folder /opt/ml/model cannot be written to: Read-only file system; ")
    assert no_file.startswith("ERROR: the failure file cannot be written: ")


@pytest.mark.parametrize("closed", ["", "train", "train/2024"])
def test_a_data_folder_that_cannot_be_read_is_named_and_not_passed_over(
    opt_ml: OptMl, start: Callable[..., Container], closed: str
) -> None:
    opt_ml.channel("train", "ames.csv", (DATA / "ames.csv").read_bytes())
    opt_ml.channel("train/2024", "ames.csv", (DATA / "ames.csv").read_bytes())
    (opt_ml.root / "input/data" / closed).chmod(0o700)
    job = start("train", "--user", "1234:1234")
    assert job.wait() == 1
    (line,) = job.logs().splitlines()
    assert f"/opt/ml/input/data/{closed}".rstrip("/") + " cannot be read: Permission denied; check its perm" in line


def test_a_model_folder_that_cannot_be_read_is_named(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    (opt_ml.root / "model").chmod(0o700)
    endpoint = start("serve", "--user", "1234:1234")
    assert endpoint.wait() == 1
    assert endpoint.logs() == (
        "ERROR: the model folder /opt/ml/model cannot be read: Permission denied; check its permissions\n"
    )
