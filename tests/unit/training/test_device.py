from pathlib import Path

import pytest
import xgboost

from container.contract.job import Channel, Resources, TrainingJob
from container.training import device
from container.training.hosts.cluster import Cluster
from container.training.hyperparameters.parse import Hyperparameters


@pytest.mark.parametrize(
    ("gpus", "built", "params", "chosen"),
    [
        pytest.param(0, True, {}, "cpu", id="no GPU"),
        pytest.param(1, True, {}, "cuda", id="GPU"),
        pytest.param(4, True, {"tree_method": "hist"}, "cuda", id="GPUs"),
        pytest.param(1, False, {}, "cpu", id="the CPU image on a GPU machine"),
        pytest.param(1, True, {"tree_method": "exact"}, "cpu", id="exact"),
        pytest.param(1, True, {"booster": "gblinear"}, "cpu", id="gblinear"),
        pytest.param(1, True, {"updater": "grow_histmaker"}, "cpu", id="updaters of the CPU"),
    ],
)
def test_device_left_open(caplog, monkeypatch, gpus, built, params, chosen):
    caplog.set_level("INFO")
    monkeypatch.setattr(device, "visible_gpus", lambda: gpus)
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": built})
    assert device.choose(params) == chosen
    assert bool(caplog.messages) == (gpus > 0 and chosen == "cpu")


JOB = TrainingJob({"train": Channel("train", Path("train"))}, Resources(), {})
PIPE = TrainingJob({"train": Channel("train", Path("train"), input_mode="Pipe")}, Resources(), {})


@pytest.mark.parametrize(
    ("gpus", "job", "given", "expected"),
    [
        pytest.param(4, JOB, {}, 4, id="all"),
        pytest.param(4, JOB, {"device": "cuda"}, 4, id="asked for"),
        pytest.param(1, JOB, {}, 1, id="one"),
        pytest.param(0, JOB, {}, 1, id="none"),
        pytest.param(4, JOB, {"device": "cpu"}, 1, id="the CPU"),
        pytest.param(4, JOB, {"device": "cuda:2"}, 1, id="a certain one"),
        pytest.param(4, JOB, {"_kfold": "3"}, 1, id="folds"),
        pytest.param(4, JOB, {"objective": "survival:cox"}, 1, id="what compares all rows"),
        pytest.param(4, JOB, {"device": "cuda", "booster": "gblinear"}, 1, id="what XGBoost does not distribute"),
        pytest.param(4, PIPE, {}, 1, id="a pipe"),
    ],
)
def test_a_process_for_each_gpu(monkeypatch, gpus, job, given, expected):
    monkeypatch.setattr(device, "visible_gpus", lambda: gpus)
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": True})
    assert device.processes(job, Hyperparameters.parse(given)) == expected


@pytest.mark.parametrize(
    ("given", "cluster", "expected"),
    [
        ({"device": "cuda"}, Cluster(("a", "a GPU 1", "b", "b GPU 1"), 3, 2), "cuda:1"),
        ({"device": "cuda"}, Cluster(("a", "b"), 1), "cuda"),
        ({"device": "cpu"}, Cluster(("a", "a GPU 1"), 1, 2), "cpu"),
    ],
)
def test_each_process_has_its_gpu(given, cluster, expected):
    assert device.of_member(given, cluster) == expected
