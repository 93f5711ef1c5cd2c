"""Where to train: on the CPU, on the GPU, or with a process for each GPU."""

import logging
from typing import Any

import xgboost

from container.contract.job import TrainingJob
from container.contract.resources import visible_gpus
from container.training.hosts.cluster import Cluster
from container.training.hosts.undivided import undivided
from container.training.hyperparameters.parse import Hyperparameters

log = logging.getLogger(__name__)


def choose(params: dict[str, Any]) -> str:
    """'cuda' where a GPU is visible, this XGBoost is built for it, and it can do what is asked; else 'cpu'."""
    if not visible_gpus():
        return "cpu"
    if not xgboost.build_info()["USE_CUDA"]:
        log.warning("a GPU is visible, and this XGBoost is built for the CPU only: trains on the CPU")
        return "cpu"
    for name, value in (("booster", "gblinear"), ("tree_method", "exact"), ("updater", params.get("updater"))):
        if name in params and params[name] == value:
            log.info("%s %s trains on the CPU, though a GPU is visible", name, value)
            return "cpu"
    return "cuda"


def processes(job: TrainingJob, hyperparameters: Hyperparameters) -> int:
    """How many processes are to train on this host: one for each GPU, else one."""
    params = hyperparameters.booster_params()
    gpus = visible_gpus()
    if gpus < 2 or (params.get("device") or choose(params)) != "cuda":
        return 1
    for what, _ in undivided(hyperparameters, hyperparameters.objective):
        log.info("%s trains on one of the %s GPUs", what, gpus)
        return 1
    if any(channel.input_mode == "Pipe" for channel in job.channels.values()):
        log.info("trains on one of the %s GPUs: a pipe can be read once; use File or FastFile mode for all", gpus)
        return 1
    return gpus


def of_member(params: dict[str, Any], cluster: Cluster) -> str:
    """This process's device: what the job says or `choose` finds, and where the host has several processes, its GPU."""
    device = params.get("device") or choose(params)
    return f"cuda:{cluster.member}" if device == "cuda" and cluster.members > 1 else device
