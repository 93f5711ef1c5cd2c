"""Several hosts come to what one host with all rows comes to: the metrics, the rounds, the model."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import xgboost

from container.model.artifact import load
from tests.contract.hosts import Hosts

Make = Callable[..., Hosts]
RANDOM = np.random.default_rng(5)
NOTHING = {"ignore_columns": "", "target": "label"}


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Make]:
    made: list[Hosts] = []

    def make(count: int, **settings: str) -> Hosts:
        made.append(Hosts(tmp_path / str(len(made)), count, {**NOTHING, **settings}, sharded=True))
        return made[-1]

    yield make
    for job in made:
        job.kill()


def scores(log: str) -> list[dict[str, float]]:
    """By round and metric."""
    found = [line.split("\t")[1:] for line in log.splitlines() if re.match(r"\[\d+\]\t", line)]
    return [{name: float(value) for name, value in (item.rsplit(":", 1) for item in of)} for of in found]


def rows(count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.round(RANDOM.normal(size=(count, 2)), 2)
    noisy = x[:, 0] + RANDOM.normal(size=count)
    return x, np.digitize(noisy, [0.0] if classes == 2 else [-0.5, 0.5])


def csv(x: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None) -> list[str]:
    cells = [label.astype(int), *(() if weight is None else (weight,)), *x.T]
    head = "label,weight,a,b" if weight is not None else "label,a,b"
    return [head, *(",".join(map(str, row)) for row in zip(*cells, strict=True))]


@pytest.mark.parametrize("classes", [2, 3])
def test_areas_and_early_stopping_where_hosts_have_one_class_and_no_validation_rows(hosts: Make, classes: int) -> None:
    (x, label), (held_x, held_label) = rows(500, classes), rows(300, classes)
    objective = {"objective": "binary:logistic"} if classes == 2 else {"objective": "multi:softmax"}
    metrics = "error,aucpr,auc" if classes == 2 else "merror,aucpr,auc"
    job = hosts(3, **objective, eval_metric=metrics, num_round="60", early_stopping_rounds="3", eta="0.5")
    job.add("validation")
    order = np.argsort(label, kind="stable")
    for name, part in zip(job.names, (order[:200], order[200:480], order[480:]), strict=True):
        job.give(name, csv(x[part], label[part]))
    job.give(job.leader, csv(held_x[:90], held_label[:90]), "validation")
    job.give(max(job.names), csv(held_x[90:], held_label[90:]), "validation")
    job.start()
    assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
    found = scores(job.log(job.leader))
    assert len(found) < 60
    assert all("Dataset is empty" not in job.log(name) for name in job.names)
    booster = load(job.roots[job.leader] / "model" / "xgboost-model").booster
    best = max(range(len(found)), key=lambda number: found[number]["validation-auc"])
    assert len(found) == best + 1 + 3
    assert booster.num_boosted_rounds() == best + 1
    booster.set_param([("eval_metric", "aucpr"), ("eval_metric", "auc")])
    whole = [
        (xgboost.DMatrix(part, label=of, feature_names=["a", "b"], feature_types=["float"] * 2), name)
        for part, of, name in ((x, label, "train"), (held_x, held_label, "validation"))
    ]
    for item in booster.eval_set(whole).split("\t")[1:]:
        name, _, value = item.rpartition(":")
        if name.endswith(("auc", "aucpr")):
            assert found[best][name] == pytest.approx(float(value), abs=6e-6), name


CATEGORIES = np.array(["zinc", "tin", "lead", "iron", "gold"])


@pytest.mark.parametrize("earlier_hosts", [1, 2])
def test_going_on_with_categories_of_which_no_host_has_all(hosts: Make, earlier_hosts: int) -> None:
    code, x = RANDOM.integers(0, 5, 400), np.round(RANDOM.normal(size=400), 3)
    lines = [f"{3 * (c % 3) + a:.3f},{CATEGORIES[c]},{a}" for c, a in zip(code, x, strict=True)]
    known = sorted((line for line in lines if "zinc" not in line), key=lambda line: line.split(",")[1])
    last = []
    earlier = hosts(earlier_hosts, num_round="3")
    for count in (1, 2):
        job = hosts(count, num_round="3")
        job.add("model")
        for of, body in ((earlier, known), (job, [*known, *(line for line in lines if "zinc" in line)])):
            size = len(of.names)
            for place, name in enumerate(of.names):
                part = body[len(body) * place // size : len(body) * (place + 1) // size]
                of.give(name, ["label,metal,x", *part])
        if count == 1:
            earlier.start()
            assert set(earlier.finish().values()) == {0}, earlier.log(earlier.leader)
        for root in job.roots.values():
            shutil.copy(earlier.roots[earlier.leader] / "model" / "xgboost-model", root / "input" / "data" / "model")
        job.start()
        assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
        assert len(scores(job.log(job.leader))) == 3
        model = load(job.roots[job.leader] / "model" / "xgboost-model")
        assert model.booster.num_boosted_rounds() == 6
        assert model.schema.features[0].categories == ("gold", "iron", "lead", "tin")  # as the earlier model has them
        last.append(scores(job.log(job.leader))[-1]["train-rmse"])
    assert last[0] == pytest.approx(last[1], rel=1e-4)


def test_quantiles_start_from_those_of_all_rows_where_a_host_has_few_or_none(hosts: Make) -> None:
    label, x = np.sort(RANDOM.gamma(2, 10, 400)), np.round(RANDOM.normal(size=400), 3)
    lines = [f"{a:.3f},{b}" for a, b in zip(label, x, strict=True)]
    last = []
    for shards in ([lines], [lines[:20], [], lines[20:]]):
        settings = {"objective": "reg:quantileerror", "quantile_alpha": "0.1,0.5,0.9"}
        job = hosts(len(shards), **settings, num_round="3", eta="0.1")
        for name, part in zip(job.names, shards, strict=True):
            if part:
                job.give(name, ["label,x", *part])
        job.start()
        assert set(job.finish().values()) == {0}, [job.log(name) for name in job.names]
        last.append(scores(job.log(job.leader)))
    assert last[0] == [pytest.approx(of, rel=1e-4) for of in last[1]]


def test_a_host_without_rows_is_named_where_xgboost_needs_some_on_each(hosts: Make) -> None:
    job = hosts(2, objective="reg:absoluteerror")
    job.give(job.leader, ["label,x", *(f"{i},{i % 7}" for i in range(50))])
    job.start()
    assert set(job.finish().values()) == {1}
    empty = max(job.names)
    for name in job.names:
        assert f"{empty} has no rows of the channel 'train', and reg:absoluteerror needs some" in job.failure(name)
