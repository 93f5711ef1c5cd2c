"""``mlflow models serve`` on a Booster: python mlflow_sample.py PORT WORKERS. MODEL names the model's file."""

import os
import sys
import tempfile
from pathlib import Path

import mlflow.xgboost
import xgboost

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(dir=Path(os.environ["MODEL"]).parents[2])) / "model"
    booster = xgboost.Booster(model_file=os.environ["MODEL"])
    mlflow.xgboost.save_model(booster, folder, model_format="ubj", pip_requirements=["xgboost"])
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(folder), "--env-manager", "local"]
    os.execv(sys.executable, [*command, "--host", "127.0.0.1", "--port", sys.argv[1], "--workers", sys.argv[2]])
