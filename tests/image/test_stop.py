"""How the platform ends a container: SIGTERM to process 1, and SIGKILL if that does not help."""

import signal
from collections.abc import Callable

import requests

from tests.image.conftest import DATA, Container, OptMl, docker


def test_stopped_training_leaves_a_model(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    opt_ml.job({"target": "price", "num_round": 1_000_000}, train="text/csv")
    opt_ml.channel("train", "ames.csv", (DATA / "ames.csv").read_bytes())
    job = start("train")
    job.wait_for(lambda: "[5]\t" in job.logs())

    docker("kill", "--signal", "TERM", job.name)

    assert job.wait() == 0, job.logs()
    assert opt_ml.model.is_file()
    assert not opt_ml.failure.exists()
    endpoint = start("serve")
    endpoint.wait_for(endpoint.answers_ping)


def test_training_stopped_before_it_has_a_model_ends_at_once(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    """Sent as soon as there is a handler, long before XGBoost is imported. Without one, process 1 lives on."""
    opt_ml.job({"target": "price", "num_round": 1_000_000}, train="text/csv")
    opt_ml.channel("train", "ames.csv", (DATA / "ames.csv").read_bytes())
    job = start("train")
    job.wait_for(lambda: handles(job, signal.SIGTERM))
    assert job.logs() == ""

    docker("stop", "--time", "20", job.name)

    assert job.wait() == 128 + signal.SIGTERM, job.logs()
    assert not opt_ml.model.exists()


def handles(job: Container, number: signal.Signals) -> bool:
    """Whether process 1 has a handler for the signal: its bit in the kernel's SigCgt mask."""
    mask = docker("exec", job.name, "sed", "-n", r"s/^SigCgt:\s*//p", "/proc/1/status")
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_stopped_endpoint_exits_cleanly(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    opt_ml.job({"target": "price", "num_round": 3}, train="text/csv")
    opt_ml.channel("train", "ames.csv", (DATA / "ames.csv").read_bytes())
    assert start("train").wait() == 0
    endpoint = start("serve")
    endpoint.wait_for(endpoint.answers_ping)
    assert requests.get(endpoint.url("/ping"), timeout=5).ok

    docker("stop", "--time", "30", endpoint.name)

    assert endpoint.wait() == 0, endpoint.logs()
