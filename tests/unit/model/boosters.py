"""Boosters of every kind there is, trained small: what the compiled walker must agree with XGBoost on."""

import warnings
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

ROWS, FEATURES = 400, 6
CATEGORICAL = {1: 40, 4: 3}
"""Features that are categories where a case wants some, and how many they have."""

OBJECTIVES = [
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:pseudohubererror",
    "reg:absoluteerror",
    "reg:logistic",
    "reg:gamma",
    "reg:tweedie",
    "binary:logistic",
    "binary:logitraw",
    "binary:hinge",
    "count:poisson",
    "survival:cox",
    "survival:aft",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
]

CASES: dict[str, dict[str, Any]] = {
    **{objective: {"objective": objective} for objective in OBJECTIVES},
    "softprob": {"objective": "multi:softprob", "num_class": 5},
    "softmax": {"objective": "multi:softmax", "num_class": 5},
    "softprob of two": {"objective": "multi:softprob", "num_class": 2},
    "quantiles": {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]},
    "one quantile": {"objective": "reg:quantileerror", "quantile_alpha": 0.3},
    "stumps": {"max_depth": 1},
    "deep": {"max_depth": 14, "min_child_weight": 0, "lambda": 0},
    "leaf-wise": {"grow_policy": "lossguide", "max_depth": 0, "max_leaves": 60, "min_child_weight": 0},
    "no split": {"gamma": 1e9},
    "exact and pruned": {"tree_method": "exact", "gamma": 2.0},
    "approx": {"tree_method": "approx"},
    "base score": {"objective": "binary:logistic", "base_score": 0.01},
    "base score vector": {"targets": 3, "base_score": [0.5, -1.25, 3e-7]},
    "random forest": {"num_parallel_tree": 7, "subsample": 0.5, "colsample_bynode": 0.5, "eta": 1, "rounds": 2},
    "classes of forests": {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 3, "subsample": 0.5},
    "dart": {"booster": "dart", "rate_drop": 0.4, "one_drop": 1},
    "dart of classes": {"booster": "dart", "rate_drop": 0.4, "objective": "multi:softmax", "num_class": 3},
    "dart of forests": {"booster": "dart", "rate_drop": 0.5, "normalize_type": "forest", "num_parallel_tree": 2},
    "one-hot categories": {"categories": True, "max_cat_to_onehot": 100},
    "sets of categories": {"categories": True, "max_cat_to_onehot": 1, "max_depth": 8},
    "categories of classes": {"categories": True, "objective": "multi:softprob", "num_class": 3},
    "dart of categories": {"categories": True, "booster": "dart", "rate_drop": 0.5},
    "targets": {"targets": 4},
    "logistic targets": {"targets": 3, "objective": "binary:logistic"},
    "vector leaves": {"targets": 4, "multi_strategy": "multi_output_tree"},
    "vector leaves of classes": {
        "objective": "multi:softprob",
        "num_class": 4,
        "multi_strategy": "multi_output_tree",
        "categories": True,
    },
    "dart of vector leaves": {
        "targets": 2,
        "multi_strategy": "multi_output_tree",
        "booster": "dart",
        "rate_drop": 0.5,
    },
    "always missing": {"missing": 1.0},
    "never missing": {"missing": 0.0},
    "one feature": {"features": 1},
    "many features": {"features": 17_000, "rows": 60, "rounds": 3},
}


def trained(name: str) -> xgboost.Booster:
    """The booster of a case, after a round through its file format, as the server has it."""
    parameters = dict(CASES[name])
    rows, features = parameters.pop("rows", ROWS), parameters.pop("features", FEATURES)
    rounds, targets = parameters.pop("rounds", 12), parameters.pop("targets", 1)
    categories, missing = parameters.pop("categories", False), parameters.pop("missing", 0.1)
    random = np.random.default_rng(sorted(CASES).index(name))
    X = random.normal(size=(rows, features)).astype(np.float32)
    X[:, ::2] = np.round(X[:, ::2], 1)
    types = None
    if categories:
        for column, count in CATEGORICAL.items():
            X[:, column] = random.integers(0, count, rows)
        types = ["c" if column in CATEGORICAL else "q" for column in range(features)]
    y = _target(random, X, parameters, targets)
    if missing == 1:
        X[:, features // 2] = np.nan
    else:
        X[random.random(X.shape) < missing] = np.nan
    data = xgboost.DMatrix(X, feature_types=types, enable_categorical=categories)
    if parameters.get("objective") == "survival:aft":
        data.set_float_info("label_lower_bound", y)
        data.set_float_info("label_upper_bound", y * 2)
    else:
        data.set_label(y)
    if str(parameters.get("objective")).startswith("rank:"):
        data.set_group([rows // 4] * 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what XGBoost says about dart and base_score
        booster = xgboost.train({"nthread": 1, "max_depth": 5, "seed": 1, "verbosity": 0, **parameters}, data, rounds)
        loaded = xgboost.Booster({"nthread": 1})
        loaded.load_model(booster.save_raw("ubj"))
    return loaded


def _target(
    random: np.random.Generator, X: NDArray[np.float32], parameters: dict[str, Any], targets: int
) -> NDArray[np.float64]:
    signal = np.nan_to_num(X[:, 0] + np.sin(3 * X[:, -1])) + random.normal(scale=0.3, size=len(X))
    objective = parameters.get("objective", "reg:squarederror")
    if targets > 1:
        values = np.stack([signal * (k + 1) + X[:, k] for k in range(targets)], axis=1)
        return (values > 0).astype(float) if objective.startswith("binary:") else values
    if "num_class" in parameters:
        edges = np.quantile(signal, np.linspace(0, 1, parameters["num_class"] + 1)[1:-1])
        return np.digitize(signal, edges).astype(float)
    if objective.startswith(("binary:", "reg:logistic")):
        return (signal > 0).astype(float)
    if objective.startswith("rank:"):
        return np.digitize(signal, [0.5]).astype(float)
    if objective in ("count:poisson", "reg:tweedie"):
        return np.floor(np.exp(signal / 2))
    return np.exp(signal / 2) if objective.startswith(("reg:gamma", "survival:", "reg:squaredlog")) else signal
