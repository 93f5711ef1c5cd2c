"""Contributions of the model in the first argument; a line ``shap|xgboost ROWS FEATURES REPEAT`` gets the seconds."""

import sys
import time

import numpy as np
import shap
import xgboost

booster = xgboost.Booster(model_file=sys.argv[1])
explainer = shap.TreeExplainer(booster)
for line in sys.stdin:
    name, *numbers = line.split()
    rows, features, repeat = map(int, numbers)
    X = np.random.default_rng(1).normal(size=(rows, features)).astype(np.float32)
    start = time.perf_counter()
    for _ in range(repeat):
        if name == "shap":
            explainer.shap_values(X)
        else:
            booster.predict(xgboost.DMatrix(X), pred_contribs=True)
    print((time.perf_counter() - start) / repeat, flush=True)
