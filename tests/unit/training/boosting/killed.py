"""Kills a training at random moments until one gets to its end: ``killed.py FOLDER KILLS``; prints what it saw.

A process of its own, for it forks: no XGBoost has run in it, and each child runs with one thread.
"""

import json
import logging
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import xgboost

from container.contract.outcome import StopFlag
from container.training.boosting import rounds
from container.training.boosting.checkpoints import Checkpoints
from container.training.hyperparameters.parse import Hyperparameters

INTERVAL = 3


def train(checkpoints: Checkpoints | None) -> bytes:
    settings = Hyperparameters.parse({"num_round": "2500", "max_depth": "3", "subsample": "0.5", "eta": "0.01"})
    rng = np.random.default_rng(0)
    data = xgboost.QuantileDMatrix(rng.normal(size=(3000, 5)), label=rng.normal(size=3000), nthread=1)
    params = {"nthread": 1, "seed_per_iteration": 1, "objective": "reg:squarederror", **settings.booster_params()}
    return bytes(rounds.train(params, settings, data, None, StopFlag(), checkpoints).booster.save_raw("ubj"))


def child(folder: Path) -> None:
    """Train, with the log in a file that survives the kill."""
    logging.basicConfig(filename=folder / "log", level=logging.INFO, format="%(message)s", filemode="w", force=True)
    model = train(Checkpoints(folder / "checkpoints", {}, INTERVAL))
    (folder / "model").write_bytes(model)


def main(folder: Path, kills: int) -> None:
    random.seed(0)
    reached: list[tuple[int, int]] = []  # of each child: the round it began at, and the last it logged
    killed = 0
    while not (folder / "model").exists():
        pid = os.fork()
        if pid == 0:
            child(folder)
            os._exit(0)
        if killed < kills:
            time.sleep(random.uniform(0.05, 0.4))
            os.kill(pid, signal.SIGKILL)
            killed += 1
        os.waitpid(pid, 0)
        log = (folder / "log").read_text().splitlines() if (folder / "log").exists() else []
        logged = [int(line[1 : line.index("]")]) for line in log if line.startswith("[") and "\t" in line]
        if logged:
            reached.append((logged[0], logged[-1]))
        (folder / "log").unlink(missing_ok=True)
    print(json.dumps({"killed": killed, "reached": reached, "equal": (folder / "model").read_bytes() == train(None)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
