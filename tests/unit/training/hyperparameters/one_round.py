"""Trains one round for each job on stdin and says what XGBoost made of its parameters.

A process of its own: XGBoost must not train in a process that may fork later.
"""

import json
import sys
import warnings

import numpy as np
import xgboost as xgb


def data(params: dict) -> xgb.DMatrix:
    rng = np.random.default_rng(0)
    X, y = rng.random((60, 3)), rng.integers(0, 2, 60)
    objective = params.get("objective", "")
    if objective.startswith("multi:"):
        y = rng.integers(0, params["num_class"], 60)
    elif objective in ("reg:gamma", "survival:cox"):
        y = np.arange(1, 61)
    matrix = xgb.DMatrix(X, y, feature_names=["a", "b", "c"])
    if objective == "survival:aft":
        matrix.set_float_info("label_lower_bound", np.arange(1, 61))
        matrix.set_float_info("label_upper_bound", np.arange(2, 62))
    return matrix


def flat(config: object, key: str = "") -> dict:
    """The values of all objects called ``*_param`` in a saved configuration."""
    found = {}
    for name, value in config.items() if isinstance(config, dict) else enumerate(config):
        if isinstance(value, dict | list):
            found.update(flat(value, str(name)))
        elif key.endswith("_param"):
            found[name] = value
    return found


def one_round(params: dict) -> dict:
    matrix = data(params)
    evals: dict = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        booster = xgb.train(params, matrix, 1, evals=[(matrix, "train")], evals_result=evals, verbose_eval=False)
    messages = [str(warning.message) for warning in caught]
    return {
        "warnings": messages,
        "metrics": list(evals.get("train", {})),
        "finite": bool(np.isfinite(booster.predict(matrix)).all()),
        "config": flat(json.loads(booster.save_config())),
    }


if __name__ == "__main__":
    json.dump([one_round(params) for params in json.load(sys.stdin)], sys.stdout)
