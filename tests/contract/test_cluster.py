"""Several hosts train one model: each a process with its own folders, all on loopback."""

import hashlib
import json
import signal
from pathlib import Path

import numpy as np
import pytest
import xgboost

from container.data.formats import ContentType, read_request
from container.model.artifact import load
from container.model.predictor import Predictor
from container.training.hosts.cluster import PORT
from tests.contract.hosts import TRAIN, Hosts, rmse

DATA = Path(__file__).parents[1] / "data" / "ames.csv"
LITTLE_MEMORY = f"""
from dataclasses import replace
from container.training import run
from container.training.rows import storage
storage.available_memory, storage.used_memory, storage._TABLES = lambda: 10**9, lambda: 0, 0
estimate = run.estimate
run.estimate = lambda *of, **more: replace(estimate(*of, **more), in_memory=10**10)
{TRAIN}"""


@pytest.fixture
def hosts(tmp_path):
    made: list[Hosts] = []

    def make(count: int, sharded: bool = True, **settings: str) -> Hosts:
        made.append(Hosts(tmp_path, count, settings, sharded))
        return made[0]

    yield make
    for job in made:
        job.kill()


@pytest.fixture(scope="module")
def rows() -> list[str]:
    return DATA.read_text().splitlines()


@pytest.fixture(scope="module")
def one_host(tmp_path_factory, rows) -> Hosts:
    """A job of one host with all rows that is done."""
    job = Hosts(tmp_path_factory.mktemp("alone"), 1, {}, sharded=False)
    job.give(job.leader, rows)
    job.start()
    assert set(job.finish().values()) == {0}, job.log(job.leader)
    return job


@pytest.fixture(scope="module")
def alone(one_host) -> float:
    """Its training RMSE."""
    return rmse(one_host.log(one_host.leader))


def _one_model(job: Hosts) -> xgboost.Booster:
    for name in job.names:
        assert (job.roots[name] / "model" / "xgboost-model").exists() == (name == job.leader)
    return load(job.roots[job.leader] / "model" / "xgboost-model").booster


@pytest.mark.parametrize("empty", [(0,), (2,), (0, 1)], ids=["last", "first", "all-but-one"])
def test_shards_that_saw_different_values_and_hosts_without_data(hosts, rows, alone, empty):
    header, *body = rows
    body.sort(key=lambda row: row.split(",")[15])  # by neighbourhood: no shard sees all of them
    job = hosts(3)
    given = [place for place in range(3) if place not in empty]
    for order, place in enumerate(given):
        share = body[len(body) * order // len(given) : len(body) * (order + 1) // len(given)]
        job.give(job.names[place], [header, *share])
    job.start()
    assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
    model = load(job.roots[job.leader] / "model" / "xgboost-model")
    neighborhood = next(f for f in model.schema.features if f.name == "Neighborhood")
    assert len(neighborhood.categories) == 28
    assert model.booster.feature_names is not None
    assert _one_model(job).num_boosted_rounds() == 8
    assert rmse(job.log(job.leader)) == pytest.approx(alone, rel=0.02)
    assert all("train-rmse" not in job.log(name) for name in job.names if name != job.leader)


def test_a_replicated_channel_is_divided_and_gives_the_model_of_one_host(hosts, rows, alone):
    job = hosts(2, sharded=False)
    for name in job.names:
        job.give(name, rows)
    job.start()
    assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
    assert rmse(job.log(job.leader)) == pytest.approx(alone, rel=0.02)


def test_metrics_of_ours_are_over_all_hosts(hosts):
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    label = np.where(x + rng.normal(size=600) > 0, "yes", "no")
    lines = [f"{a},{b:.4f}" for a, b in zip(label, x, strict=True)]
    job = hosts(2, target="label", ignore_columns="", eval_metric="error,accuracy,f1")
    job.give(job.names[0], ["label,x", *lines[:100]])
    job.give(job.names[1], ["label,x", *lines[100:]])
    job.start()
    assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
    scored = [line for line in job.log(job.leader).splitlines() if line.startswith("[") and "train-error" in line]
    assert len(scored) == 8
    for line in scored:
        found = dict(item.removeprefix("train-").split(":") for item in line.split("\t")[1:])
        assert float(found["error"]) + float(found["accuracy"]) == pytest.approx(1, abs=2e-5)


def test_queries_are_ranked_whole(hosts):
    rng = np.random.default_rng(0)
    lines = [f"{i % 3},q{i // 6},{i % 3 + rng.normal():.3f}" for i in range(240)]
    job = hosts(2, target="grade", ignore_columns="", group_column="query", objective="rank:ndcg")
    for place, name in enumerate(job.names):  # query by query to this host and that
        job.give(name, ["grade,query,x", *(line for i, line in enumerate(lines) if i // 6 % 2 == place)])
    job.start()
    assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
    assert float(job.log(job.leader).rpartition("ndcg@32:")[2].split()[0]) > 0.8
    for place, name in enumerate(job.names):  # one query to both
        job.give(name, ["grade,query,x", *(line for i, line in enumerate(lines) if (i // 6 % 2 == place) or i == 7)])
    job.start()
    assert set(job.finish().values()) == {1}
    for name in job.names:
        assert "the query 'q1' of the channel 'train' has rows on " in job.failure(name)


NO_OTHERS = {"target": "b", "ignore_columns": ""}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"target": "a,b"}, [[80, -40], [20, -10]]),
        ({"target": "a,b", "multi_strategy": "multi_output_tree"}, [[80, -40], [20, -10]]),
        ({"lower_bound_column": "a", "upper_bound_column": "c", "objective": "survival:aft", **NO_OTHERS}, [82, 21]),
    ],
)
def test_several_labels_a_row_and_a_host_without_data(hosts, settings, expected):
    lines = [f"{2 * i + 1},{-i},{2 * i + 1 if i % 3 else 2 * i + 5},{i}" for i in range(100)]
    job = hosts(3, **{"ignore_columns": "c", "num_round": "25", **settings})
    job.give(job.names[0], ["a,b,c,x", *lines[::2]])
    job.give(job.names[2], ["a,b,c,x", *lines[1::2]])
    job.start()
    assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
    model = _one_model(job)
    assert model.inplace_predict(np.array([[40.0], [10.0]])).tolist() == [
        pytest.approx(of, rel=0.15) for of in expected
    ]


def test_a_stop_on_one_host_ends_all_after_the_same_round(hosts, rows):
    job = hosts(2, num_round="100000")
    for place, name in enumerate(job.names):
        job.give(name, [rows[0], *rows[1 + place :: 2]])
    job.start()
    job.wait_for(job.leader, "[2]\t")
    job.processes[max(job.names)].send_signal(signal.SIGTERM)
    assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
    ends = {line for name in job.names for line in job.log(name).splitlines() if line.startswith("stopping after")}
    assert len(ends) == 1
    assert 2 < _one_model(job).num_boosted_rounds() < 100_000


def test_a_host_that_dies_fails_the_others_by_name(hosts, rows):
    job = hosts(3, num_round="100000")
    for place, name in enumerate(job.names):
        job.give(name, [rows[0], *rows[1 + place :: 3]])
    job.start()
    job.wait_for(job.leader, "[2]\t")
    dead = max(job.names)
    job.processes[dead].kill()
    codes = job.finish()
    for name in job.names:
        if name != dead:
            assert codes[name] == 1
            assert job.failure(name).startswith(f"the host {dead} failed, and the job with it: ")
            assert "Stack trace" not in job.log(name)
    assert not (job.roots[job.leader] / "model" / "xgboost-model").exists()


@pytest.mark.parametrize("leads", [True, False])
def test_an_error_on_one_host_is_the_reason_on_all(hosts, rows, leads):
    job = hosts(3)
    faulty = job.leader if leads else max(job.names)
    for place, name in enumerate(job.names):
        share = rows[1 + place :: 3]
        job.give(name, [rows[0], *share[:50], *([share[50] + ",,"] if name == faulty else []), *share[51:]])
    job.start()
    assert set(job.finish().values()) == {1}
    for name in job.names:
        assert "line 52" in job.failure(name), job.log(name)
        assert "Stack trace" not in job.log(name)
        if name != faulty:
            assert job.failure(name).startswith(f"the host {faulty} failed")


def test_what_one_host_trains_alone_is_refused_before_the_data_is_read(hosts):
    job = hosts(2, objective="survival:cox")  # and no data at all
    job.start()
    assert set(job.finish().values()) == {1}
    for name in job.names:
        assert (
            "'objective': survival:cox, which compares each row with all others, is trained by one process, and the "
            "job has 2 hosts; set the instance count to 1, or use survival:aft" in job.failure(name)
        )


def test_hosts_with_other_columns_are_named(hosts, rows):
    job = hosts(2)
    job.give(job.names[0], rows)
    job.give(job.names[1], [row.rpartition(",")[0] for row in rows])
    job.start()
    assert set(job.finish().values()) == {1}
    assert "have other columns" in job.failure(job.leader)


def test_replicated_data_that_are_not_the_same_are_refused(hosts, rows):
    job = hosts(2, sharded=False)
    job.give(job.names[0], rows)
    job.give(job.names[1], rows[:200])
    job.start()
    assert set(job.finish().values()) == {1}
    assert "set its S3DataDistributionType to ShardedByS3Key" in job.failure(job.leader)


def test_checkpoints_are_the_leaders_and_resume_all(hosts, rows):
    job = hosts(2, subsample="0.6", num_round="6", checkpoint_interval="2")
    whole = None
    for attempt, rounds in enumerate(("6", "3", "6")):
        for place, name in enumerate(job.names):
            job.give(name, [rows[0], *rows[1 + place :: 2]])
            if attempt:
                (job.roots[name] / "checkpoints").mkdir(exist_ok=True)
            path = job.roots[name] / "input" / "config" / "hyperparameters.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), "num_round": rounds}))
        job.start()
        assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
        raw = bytes(_one_model(job).save_raw("ubj"))
        whole = whole or hashlib.sha256(raw).hexdigest()
    assert hashlib.sha256(raw).hexdigest() == whole
    assert "Resuming after the 3 rounds" in job.log(job.leader)
    assert "[3]\t" in job.log(job.leader)
    assert "[2]\t" not in job.log(job.leader)
    assert not list((job.roots[max(job.names)] / "checkpoints").iterdir())


@pytest.mark.parametrize("sharded", [True, False])
def test_one_host_with_little_memory_changes_nothing(hosts, rows, sharded):
    job = hosts(2, sharded=sharded, subsample="0.6")
    models = []
    for programs in ({}, {job.names[0]: LITTLE_MEMORY}):
        for place, name in enumerate(job.names):
            job.give(name, [rows[0], *rows[1 + place :: 2]] if sharded else rows)
        job.start(programs)
        assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
        models.append(bytes(_one_model(job).save_raw("ubj")))
    assert all("trains with the data in" in job.log(name) for name in job.names)
    assert models[0] == models[1]


def test_an_earlier_model_of_one_host_goes_on_where_one_has_no_data_or_little_memory(hosts, rows, one_host):
    header, *body = rows
    body = body[::2]
    body.sort(key=lambda row: row.split(",")[15])  # by neighbourhood: no shard sees all of them
    job = hosts(3)
    job.go_on_from((one_host.roots[one_host.leader] / "model" / "xgboost-model").read_bytes())
    models = []
    for programs in ({}, {job.names[0]: LITTLE_MEMORY}):
        job.give(job.names[0], [header, *body[:500]])
        job.give(job.names[2], [header, *body[500:]])
        job.start(programs)
        assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
        models.append(bytes(_one_model(job).save_raw("ubj")))
    assert all("trains with the data in" in job.log(name) for name in job.names)
    assert models[0] == models[1]
    predictor = Predictor(load(job.roots[job.leader] / "model" / "xgboost-model"))
    assert _one_model(job).num_boosted_rounds() == 16
    table = read_request("\n".join([header, *body]).encode(), ContentType.parse("text/csv"), predictor.schema)
    price = header.split(",").index("price")
    errors = predictor.predict(table).scores - np.array([float(row.split(",")[price]) for row in body])
    assert rmse(job.log(job.leader)) == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-5)


def test_the_port_is_named_in_the_documentation():
    assert str(PORT) in (Path(__file__).parents[2] / "docs" / "several-hosts.md").read_text()
