"""Writes models with the XGBoost it is run with: make.py FOLDER. See README.md for the versions."""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import xgboost

CASES = {
    "regression": {"objective": "reg:squarederror"},
    "reglinear": {"objective": "reg:linear"},
    "dart": {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.3},
    "linear": {"objective": "reg:squarederror", "booster": "gblinear"},
    "logistic": {"objective": "binary:logistic", "base_score": 0.3},
    "logitraw": {"objective": "binary:logitraw"},
    "hinge": {"objective": "binary:hinge"},
    "softprob": {"objective": "multi:softprob", "num_class": 3},
    "softmax": {"objective": "multi:softmax", "num_class": 3},
    "poisson": {"objective": "count:poisson"},
}

folder, version = Path(sys.argv[1]), xgboost.__version__
random = np.random.RandomState(3)
X = np.round(random.uniform(0, 10, (80, 3)), 1).astype(np.float32)
X[random.uniform(size=X.shape) < 0.1] = np.nan
signal = np.nan_to_num(X[:, 0]) + 2 * (np.nan_to_num(X[:, 1]) > 5)
labels = {"binary": signal > 6, "multi": np.digitize(signal, [4, 8]), "count": np.floor(signal), "reg": signal}

predictions = {}
for name, parameters in CASES.items():
    names = ["area", "rooms", "age"] if name == "regression" else None
    label = labels[parameters["objective"].partition(":")[0]].astype(np.float32)
    data = xgboost.DMatrix(X, label, feature_names=names)
    booster = xgboost.train({**parameters, "max_depth": 2, "nthread": 1, "seed": 1, "verbosity": 0}, data, 3)
    predictions[name] = booster.predict(xgboost.DMatrix(X[:6], feature_names=names)).tolist()
    for extension in ("json", "ubj", "bin"):
        booster.save_model(str(folder / f"{version}-{name}.{extension}"))
    (folder / f"{version}-{name}.pkl").write_bytes(pickle.dumps(booster))
rows = [[None if np.isnan(cell) else float(cell) for cell in row] for row in X[:6]]
(folder / f"{version}.json").write_text(json.dumps({"rows": rows, "predictions": predictions}))
