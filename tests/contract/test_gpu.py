"""On a machine with NVIDIA GPUs: the GPU's metrics are the CPU's, within what the order of sums makes of them."""

import re
from pathlib import Path

import pytest

from container.contract.resources import visible_gpus
from tests.contract.hosts import Hosts, rmse

pytestmark = pytest.mark.gpu

DATA = Path(__file__).parents[1] / "data" / "ames.csv"


def trained(folder: Path, **settings: str) -> str:
    """The log of a job on one host."""
    job = Hosts(folder, 1, settings, sharded=False)
    job.give(job.leader, DATA.read_text().splitlines())
    job.start()
    codes = job.finish()
    assert set(codes.values()) == {0}, job.log(job.leader)
    return job.log(job.leader)


@pytest.mark.parametrize(
    "settings", [{}, {"subsample": "0.8"}, {"objective": "reg:absoluteerror"}, {"booster": "dart"}]
)
def test_the_gpus_score_as_the_cpu_does(settings: dict[str, str], tmp_path: Path) -> None:
    cpu = trained(tmp_path / "cpu", device="cpu", eval_metric="rmse", **settings)
    gpu = trained(tmp_path / "gpu", eval_metric="rmse", **settings)
    assert rmse(gpu) == pytest.approx(rmse(cpu), rel=0.05)


def test_each_gpu_has_a_process(tmp_path: Path) -> None:
    log = trained(tmp_path)
    assert bool(re.search(f"Host 1 of {visible_gpus()}:", log)) == (visible_gpus() > 1)
