"""The compiled core against what it stands in for, in one process and one run: a table of medians and ratios.

python bench/forest.py [--rounds N]

Both sides of a ratio are timed in turn, round by round, on one thread each, in CPU time: what else the machine does
changes little but the caches. Trust ratios above 2; below 1.3 they are noise.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import xgboost

from container.data.fast_csv import FastCsv
from container.data.formats import ContentType, read_request
from container.data.schema import Schema
from container.data.table import Table
from container.model.explainer import Explainer
from container.model.forest import Forest

MODELS = {"small": (100, 6, 13), "medium": (500, 8, 28)}
"""Trees, depth, features: those of the published figures of other servers."""
ROWS = (1, 100, 5000)
CSV = ContentType.parse("text/csv")


def train(trees: int, depth: int, features: int) -> xgboost.Booster:
    """A binary classifier whose trees are nearly full."""
    random = np.random.default_rng(0)
    X = random.normal(size=(20_000, features)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + random.normal(size=len(X))) > 0
    parameters = {
        "objective": "binary:logistic",
        "max_depth": depth,
        "min_child_weight": 0.01,
        "eta": 0.05,
        "lambda": 0.1,
        "max_bin": 64,
        "nthread": 1,
    }
    return xgboost.train(parameters, xgboost.DMatrix(X, y), trees)


def seconds(call: Callable[[], object], repeat: int = 1) -> float:
    start = time.process_time()
    for _ in range(repeat):
        call()
    return (time.process_time() - start) / repeat


def compare(what: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> None:
    """Print one line: both medians in microseconds, and the median of their ratios."""
    repeat = max(1, int(0.01 / seconds(theirs)))
    pairs = [(seconds(ours, repeat), seconds(theirs, repeat)) for _ in range(rounds)]
    mine, other = (median(times) * 1e6 for times in zip(*pairs, strict=True))
    ratio = median(theirs / ours for ours, theirs in pairs)
    print(f"| {what} | {mine:,.1f} | {other:,.1f} | {ratio:.1f} |")


def bench(name: str, rounds: int) -> None:
    trees, depth, features = MODELS[name]
    booster, schema = train(trees, depth, features), Schema.from_names(features)
    forest, fast = Forest.build(booster), FastCsv(schema)
    explainer = Explainer(booster)
    if forest is None or explainer.contributions(np.zeros((1, features), np.float32)) is None:
        raise SystemExit("the compiled core is not used; the line above says why")
    for rows in ROWS:
        X = np.random.default_rng(1).normal(size=(rows, features)).astype(np.float32)
        body = "\n".join(",".join(f"{value:.6g}" for value in row) for row in X.tolist()).encode()
        compare(
            f"predict, {name} model, {rows:,} rows",
            partial(forest.predict, X),
            partial(booster.inplace_predict, X, validate_features=False),
            rounds,
        )
        if rows > 1:
            out = np.empty(rows, np.float32)
            for way in forest._native.ways()[1:]:
                compare(
                    f"the same by {way}, against step by step",
                    partial(forest._native.predict, X, out, True, way),
                    partial(forest._native.predict, X, out, True, "steps"),
                    rounds,
                )
        compare(
            f"read CSV, {features} columns, {rows:,} rows, {len(body):,} bytes",
            partial(fast.matrix, body, CSV),
            partial(ordinary, body, schema),
            rounds,
        )
        if rows <= 100:  # of more XGBoost takes half a minute
            compare(
                f"contributions, {name} model, {rows:,} rows",
                partial(explainer.contributions, X),
                partial(explained, booster, X),
                rounds,
            )
    build = median(seconds(partial(Forest.build, booster)) for _ in range(5))
    print(f"| build, {name} model | {build * 1e6:,.0f} | | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    print("| | core, µs | without it, µs | ratio |\n|---|---|---|---|")
    for name in MODELS:
        bench(name, rounds)


def explained(booster: xgboost.Booster, X: np.ndarray) -> np.ndarray:
    return booster.predict(xgboost.DMatrix(X, nthread=1), pred_contribs=True, validate_features=False)


def ordinary(body: bytes, schema: Schema) -> np.ndarray:
    table = read_request(body, CSV, schema)
    assert isinstance(table, Table)
    return schema.encode(table).matrix()


if __name__ == "__main__":
    main()
