"""Written as for AWS's XGBoost image in script mode: prediction and SHAP values side by side."""

import json
from pathlib import Path

import numpy as np
import sagemaker_xgboost_container.encoder as xgb_encoders
import xgboost as xgb
from sagemaker_containers.beta.framework import content_types, worker


def model_fn(model_dir):
    booster = xgb.Booster({"nthread": 4})
    booster.load_model(Path(model_dir) / "model.ubj")
    print(f"loaded in {model_dir}")
    return booster


def input_fn(request_body, request_content_type):
    if request_content_type == "text/csv":
        return xgb_encoders.csv_to_dmatrix(request_body.strip(), dtype=float)
    if request_content_type == "text/libsvm":
        return xgb_encoders.libsvm_to_dmatrix(request_body)
    raise ValueError(f"Content type {request_content_type} is not supported.")


def predict_fn(input_data, model):
    prediction = model.predict(input_data, validate_features=False)
    contributions = model.predict(input_data, pred_contribs=True, validate_features=False)
    return np.hstack((prediction[:, np.newaxis], contributions))


def output_fn(predictions, accept):
    if accept == content_types.CSV:
        return "\n".join(",".join(str(x) for x in row) for row in predictions)
    if accept == content_types.JSON:
        body = json.dumps({"output": [float(row[0]) for row in predictions]})
        return worker.Response(body, status=200, mimetype=accept, headers={"X-Rows": str(len(predictions))})
    raise RuntimeError(f"{accept} accept type is not supported by this script.")
