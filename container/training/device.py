"""Where to train when the job leaves it open."""

import logging
from typing import Any

import xgboost

from container.contract.resources import visible_gpus

log = logging.getLogger(__name__)


def choose(params: dict[str, Any]) -> str:
    """'cuda' where a GPU is visible, this XGBoost is built for it, and it can do what is asked; else 'cpu'."""
    if not visible_gpus():
        return "cpu"
    if not xgboost.build_info()["USE_CUDA"]:
        log.warning("a GPU is visible, and this XGBoost is built for the CPU only: trains on the CPU")
        return "cpu"
    for name, value in (("booster", "gblinear"), ("tree_method", "exact")):
        if params.get(name) == value:
            log.info("%s %s trains on the CPU, though a GPU is visible", name, value)
            return "cpu"
    return "cpu" if "updater" in params else "cuda"
