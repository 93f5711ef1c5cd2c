"""The quantiles of all hosts' labels are those from which XGBoost starts on one host with all rows."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
import xgboost

from container.training.hosts.cluster import ALONE, Cluster
from container.training.hosts.quantiles import quantiles, with_start

ALPHAS = [0.01, 0.1, 0.5, 0.9, 0.99]
RANDOM = np.random.default_rng(2)
NONE = np.empty(0, np.float32)


@dataclass(frozen=True)
class Together(Cluster):
    """Hosts that are threads."""

    barrier: threading.Barrier = field(default_factory=lambda: threading.Barrier(1))
    slots: list = field(default_factory=list)

    def total(self, values):
        self.slots[self.rank] = values
        self.barrier.wait()
        found = np.sum(self.slots, axis=0)
        self.barrier.wait()
        return found


def of_hosts(label, weight, shards) -> list[list[float]]:
    names, barrier, slots = (
        tuple("abc"[: len(shards)]),
        threading.Barrier(len(shards), timeout=30),
        [None] * len(shards),
    )

    def on(rank):
        part = shards[rank]
        own = NONE if weight is None else weight[part]
        return quantiles(ALPHAS, label[part], own, Together(names, rank, 1, barrier, slots))

    with ThreadPoolExecutor(len(shards)) as pool:
        return list(pool.map(on, range(len(shards))))


def of_xgboost(label, weight) -> list[float]:
    data = xgboost.DMatrix(np.zeros((len(label), 1)), label=label, weight=weight, nthread=1)
    booster = xgboost.train({"objective": "reg:quantileerror", "quantile_alpha": ALPHAS, "nthread": 1}, data, 1)
    return json.loads(json.loads(booster.save_config())["learner"]["learner_model_param"]["base_score"])


@pytest.mark.parametrize("weighted", [False, True], ids=["no weights", "weights"])
@pytest.mark.parametrize("rows", [1, 2, 7, 500])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_quantiles_over_all_hosts(rows, weighted, scale):
    label = (np.round(RANDOM.normal(size=rows), 2) * scale).astype(np.float32)
    label[label == 0] *= RANDOM.choice([-1, 1])
    weight = RANDOM.uniform(0.1, 3, rows).astype(np.float32) if weighted else None
    order = np.argsort(label)
    expected = pytest.approx(of_xgboost(label, weight), rel=1e-6)
    for shards in ([order[: rows // 5], order[rows // 5 :]], [order[:0], order[: rows // 2], order[rows // 2 :]]):
        for found in of_hosts(label, weight, shards):
            assert found == expected


def test_only_quantiles_of_several_hosts_that_the_job_does_not_set_are_worked_out():
    data = xgboost.DMatrix(np.zeros((3, 1)), label=[1, 2, 3], nthread=1)
    params = {"objective": "reg:quantileerror", "quantile_alpha": [0.5]}
    two = Together(("a", "b"), 0, 1, threading.Barrier(1), [None, np.zeros(1)])
    assert with_start(params, data, ALONE) == params
    assert with_start(params | {"base_score": [1.0]}, data, two) == params | {"base_score": [1.0]}
    assert with_start({"objective": "reg:absoluteerror"}, data, two) == {"objective": "reg:absoluteerror"}
