"""BentoML around a Booster: python bentoml_sample.py PORT WORKERS. MODEL names the model's file."""

import os
import sys
from pathlib import Path
from typing import Annotated

import bentoml
import numpy as np
import xgboost
from bentoml.validators import DType


@bentoml.service(workers=int(os.environ.get("WORKERS", "1")))
class Predict:
    def __init__(self) -> None:
        self.booster = xgboost.Booster(params={"nthread": 1}, model_file=os.environ["MODEL"])

    @bentoml.api
    def predict(self, rows: Annotated[np.ndarray, DType("float32")]) -> np.ndarray:
        return self.booster.inplace_predict(rows)


if __name__ == "__main__":
    os.environ |= {"WORKERS": sys.argv[2], "BENTOML_DO_NOT_TRACK": "true"}
    os.chdir(Path(__file__).parent)
    command = [sys.executable, "-m", "bentoml", "serve", "bentoml_sample:Predict"]
    os.execv(sys.executable, [*command, "--host", "127.0.0.1", "--port", sys.argv[1]])
