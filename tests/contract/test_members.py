"""A host with several GPUs trains with a process for each: here on the CPU, which is told to be two GPUs."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from container.model.artifact import load
from tests.contract.hosts import TRAIN, Hosts, rmse

DATA = Path(__file__).parents[1] / "data" / "ames.csv"
PROGRAM = f"""
from container.training import device
device.visible_gpus = lambda: 2
device.choose = lambda params: "cuda"
device.of_member = lambda params, cluster: "cpu"
{TRAIN}
"""

Make = Callable[..., Hosts]


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Make]:
    made: list[Hosts] = []

    def make(count: int, sharded: bool = False, program: str = PROGRAM, **settings: str) -> Hosts:
        made.append(Hosts(tmp_path / str(len(made)), count, settings, sharded, program))
        return made[-1]

    yield make
    for job in made:
        job.kill()


@pytest.fixture(scope="module")
def rows() -> list[str]:
    return DATA.read_text().splitlines()


def boosting(hosts: Make, rows: list[str]) -> tuple[Hosts, int]:
    """A job of two processes in the midst of its rounds, and the id of the one that the first has started."""
    job = hosts(1, num_round="100000")
    job.give(job.leader, rows)
    job.start()
    job.wait_for(job.leader, "[2]\t")
    first = job.processes[job.leader].pid
    (child,) = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return job, int(child)


def is_alive(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def wait_for_the_end_of(pid: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_two_processes_make_the_model_of_one(hosts: Make, rows: list[str]) -> None:
    alone, both = hosts(1, program=TRAIN), hosts(1)
    for job in (alone, both):
        job.give(job.leader, rows)
        job.start()
        assert set(job.finish().values()) == {0}, job.log(job.leader)
    assert rmse(both.log(both.leader)) == pytest.approx(rmse(alone.log(alone.leader)), rel=0.02)
    assert both.log(both.leader).count("train-rmse") == 8
    assert "Host 1 of 2" in both.log(both.leader)


def test_shards_are_divided_between_the_processes_of_their_host(hosts: Make, rows: list[str]) -> None:
    header, *body = rows
    body.sort(key=lambda row: row.split(",")[15])  # by neighbourhood: neither shard sees all of them
    job = hosts(2, sharded=True)
    for place, name in enumerate(job.names):
        job.give(name, [header, *body[len(body) * place // 2 : len(body) * (place + 1) // 2]])
    job.start()
    assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
    model = load(job.roots[job.leader] / "model" / "xgboost-model")
    neighborhood = next(f for f in model.schema.features if f.name == "Neighborhood")
    assert len(neighborhood.categories) == 28
    assert model.booster.num_boosted_rounds() == 8
    assert rmse(job.log(job.leader)) < 27_000


def test_queries_stay_whole(hosts: Make) -> None:
    lines = [f"{i % 3},q{i // 6},{i % 3 + i % 7 / 10}" for i in range(240)]
    job = hosts(1, sharded=True, target="grade", ignore_columns="", group_column="query", objective="rank:ndcg")
    job.give(job.leader, ["grade,query,x", *lines])
    job.start()
    assert set(job.finish().values()) == {0}, job.log(job.leader)
    assert float(job.log(job.leader).rpartition("ndcg@32:")[2].split()[0]) > 0.8


def test_an_error_in_the_data_is_told_once_and_as_ever(hosts: Make, rows: list[str]) -> None:
    job = hosts(1)
    job.give(job.leader, [*rows[:50], rows[50] + ",,", *rows[51:]])
    job.start()
    assert set(job.finish().values()) == {1}
    assert "line 51" in job.failure(job.leader)
    assert not job.failure(job.leader).startswith("the host")


def test_a_process_that_dies_fails_the_job_by_name_and_none_is_left(hosts: Make, rows: list[str]) -> None:
    job, child = boosting(hosts, rows)
    subprocess.run(["kill", "-9", str(child)], check=True)
    assert job.finish()[job.leader] == 1
    assert job.failure(job.leader).startswith(f"the host {job.leader} GPU 1 failed, and the job with it: ")


def test_a_stop_ends_all_processes_and_saves_the_model(hosts: Make, rows: list[str]) -> None:
    job, child = boosting(hosts, rows)
    job.processes[job.leader].send_signal(signal.SIGTERM)
    assert job.finish()[job.leader] == 0, job.log(job.leader)
    wait_for_the_end_of(child, 10)
    assert (job.roots[job.leader] / "model" / "xgboost-model").exists()


def test_the_death_of_the_first_process_ends_the_others(hosts: Make, rows: list[str]) -> None:
    job, child = boosting(hosts, rows)
    job.processes[job.leader].kill()
    wait_for_the_end_of(child, 30)
