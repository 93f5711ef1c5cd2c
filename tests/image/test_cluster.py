"""Hosts of one job as containers on a private network, which start late, die, or are cut off."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import IMAGE
from tests.image.conftest import DATA, Container, docker

SETTINGS = {"target": "price", "ignore_columns": "Order,PID", "nthread": "1", "max_depth": "4"}


class Job:
    """Its hosts ``algo-1`` …, each with a shard of the Ames rows, on a network of their own."""

    def __init__(self, folder: Path, count: int, **settings: str) -> None:
        self.folder, self.network = folder, f"cluster-{uuid.uuid4().hex[:8]}"
        self.hosts = [f"algo-{number + 1}" for number in range(count)]
        self.containers: dict[str, Container] = {}
        header, *rows = (DATA / "ames.csv").read_text().splitlines()
        channel = {"TrainingInputMode": "File", "S3DistributionType": "ShardedByS3Key", "ContentType": "text/csv"}
        for place, host in enumerate(self.hosts):
            root = folder / host
            for path in ("input/config", "input/data/train", "model", "output"):
                (root / path).mkdir(parents=True)
            for name, content in {
                "hyperparameters": {**SETTINGS, **settings},
                "inputdataconfig": {"train": channel},
                "resourceconfig": {"current_host": host, "hosts": self.hosts, "network_interface_name": "eth0"},
            }.items():
                (root / f"input/config/{name}.json").write_text(json.dumps(content))
            (root / "input/data/train/part.csv").write_text("\n".join([header, *rows[place::count]]) + "\n")
        docker("network", "create", "--internal", self.network)

    def start(self, host: str) -> None:
        name = f"{self.network}-{host}"
        volume = f"{self.folder / host}:/opt/ml"
        where = ["--network", self.network, "--network-alias", host, "--hostname", host]
        docker("run", "-d", "--name", name, *where, "-v", volume, f"{IMAGE}:cpu", "train")
        self.containers[host] = Container(name)

    def failure(self, host: str) -> str:
        return (self.folder / host / "output/failure").read_text()

    def logs(self) -> str:
        return "\n".join(f"--- {host}\n{container.logs()}" for host, container in self.containers.items())

    def remove(self) -> None:
        for container in self.containers.values():
            docker("rm", "-f", container.name)
        docker("network", "rm", self.network)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    made: list[Job] = []

    def make(count: int, **settings: str) -> Job:
        made.append(Job(tmp_path, count, **settings))
        return made[0]

    yield make
    for one in made:
        one.remove()


def test_the_first_host_may_start_last(job: Callable[..., Job]) -> None:
    """Its name is not even known to the network while the other waits for it."""
    cluster = job(2, num_round="5")
    cluster.start("algo-2")
    time.sleep(8)
    cluster.start("algo-1")
    assert [container.wait() for container in cluster.containers.values()] == [0, 0], cluster.logs()
    assert (cluster.folder / "algo-1/model/xgboost-model").is_file()
    assert not list((cluster.folder / "algo-2/model").iterdir())


def test_a_host_that_is_killed_is_named_by_all(job: Callable[..., Job]) -> None:
    cluster = job(3, num_round="1000000")
    for host in cluster.hosts:
        cluster.start(host)
    leader = cluster.containers["algo-1"]
    leader.wait_for(lambda: "[3]\t" in leader.logs())
    docker("kill", cluster.containers["algo-3"].name)
    for host in ("algo-1", "algo-2"):
        assert cluster.containers[host].wait() == 1, cluster.logs()
        assert cluster.failure(host).startswith("the host algo-3 failed, and the job with it"), cluster.logs()


def test_a_host_that_is_cut_off_is_named_by_all(job: Callable[..., Job]) -> None:
    """No packet says that it is gone: only its silence does, after the minute that docs/several-hosts.md states."""
    cluster = job(5, num_round="1000000")
    for host in cluster.hosts:
        cluster.start(host)
    leader = cluster.containers["algo-1"]
    leader.wait_for(lambda: "[3]\t" in leader.logs(), 120)
    docker("network", "disconnect", cluster.network, cluster.containers["algo-5"].name)
    cut = time.monotonic()
    for host in cluster.hosts[:4]:
        assert cluster.containers[host].wait() == 1, cluster.logs()
        assert cluster.failure(host).startswith("the host algo-5 failed, and the job with it"), cluster.logs()
    assert time.monotonic() - cut < 90
    assert cluster.containers["algo-5"].wait() == 1
    assert cluster.failure("algo-5").startswith("the host algo-1 failed, and the job with it")
