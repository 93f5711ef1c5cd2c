"""Makes a model in a folder, loads copies of it, and says what they take, in bytes.

A process of its own: XGBoost must not train in a process that may fork later, and nothing else moves its memory.
"""

import json
import sys
from pathlib import Path

import numpy as np
import xgboost

from container.contract import allocator
from container.contract.serving_env import ServingSettings
from container.serving.multi_model import memory, models
from container.serving.multi_model.registry import Entry

COPIES = 4


def make(folder: Path, params: dict, rounds: int, form: str) -> int:
    X = np.random.default_rng(0).normal(size=(4000, 4)).astype(np.float32)
    booster = xgboost.train(params, xgboost.DMatrix(X, X[:, 0] * X[:, 1]), rounds)
    return (folder / "xgboost-model").write_bytes(booster.save_raw(form))


def peak() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def taken(folder: Path) -> dict:
    def load() -> models.Model:
        return models.load(Entry(1, "m", str(folder)), ServingSettings(workers=1))

    held = [load()]  # the first brings in code, too
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = memory.resident()
    held += [load() for _ in range(COPIES)]
    each = (memory.resident() - before) / COPIES
    return {"kept": each, "loading": peak() - before - (COPIES - 1) * each, "copies": len(held) - 1}


if __name__ == "__main__":
    root, params, rounds, form = sys.argv[1:]
    size = make(Path(root), json.loads(params), int(rounds), form)
    allocator.bound(at_once=True)
    json.dump({"size": size, **taken(Path(root))}, sys.stdout)
