"""SHAP contributions against the shap package and XGBoost's own call, in time on the clock with all CPUs.

python bench/contributions.py [--rounds N] [--model medium]

The three are asked in turn, round by round, the shap package and XGBoost in a process and an environment of their own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from bench.forest import MODELS, train
from bench.peers import HERE, Peer, python_of
from container.model import artifact
from container.model.predictor import Predictor

ROWS = (1, 100, 5000)
OTHERS = ("shap", "xgboost")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", choices=MODELS, default="medium")
    arguments = parser.parse_args()
    python = python_of("shap", Peer(("xgboost-cpu==3.4.1", "shap"), ()))
    if python is None:
        raise SystemExit(1)
    trees, depth, features = MODELS[arguments.model]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.ubj"
        train(trees, depth, features).save_model(model)
        predictor = Predictor(artifact.load(model), threads=os.cpu_count() or 1)
        predictor.prepare(("contributions",))
        environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        with subprocess.Popen(
            [python, str(HERE / "servers" / "shap_sample.py"), str(model)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        ) as other:
            print("| rows | ours, ms | shap, ms | ratio | XGBoost, ms | ratio |\n|---|---|---|---|---|---|")
            for rows in ROWS:
                print(row(rows, arguments.rounds, predictor, features, other), flush=True)


def row(rows: int, rounds: int, predictor: Predictor, features: int, other: "subprocess.Popen[str]") -> str:
    X = np.random.default_rng(1).normal(size=(rows, features)).astype(np.float32)
    repeat = max(1, 200 // rows)
    times: dict[str, list[float]] = {name: [] for name in ("ours", *OTHERS)}
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(repeat):
            predictor.answer(X, ("contributions",))
        times["ours"].append((time.perf_counter() - start) / repeat)
        for name in OTHERS:
            assert other.stdin is not None
            assert other.stdout is not None
            print(name, rows, features, repeat, file=other.stdin, flush=True)
            times[name].append(float(other.stdout.readline()))
    ours, shap, xgboost = (median(found) * 1e3 for found in times.values())
    by_shap, by_xgboost = (median(a / b for a, b in zip(times[name], times["ours"], strict=True)) for name in OTHERS)
    return f"| {rows:,} | {ours:,.1f} | {shap:,.1f} | {by_shap:.1f} | {xgboost:,.1f} | {by_xgboost:.1f} |"


if __name__ == "__main__":
    main()
