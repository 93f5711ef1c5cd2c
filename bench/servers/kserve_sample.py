"""KServe's server class around a Booster: python kserve_sample.py PORT WORKERS. MODEL names the model's file."""

import os
import sys
from typing import Any

import kserve
import numpy as np
import xgboost


class Predict(kserve.Model):
    """As KServe's own xgbserver, which is no package: a DMatrix for each request of its first protocol."""

    def __init__(self) -> None:
        super().__init__("model")
        self.ready = False

    def load(self) -> bool:
        self.booster = xgboost.Booster(params={"nthread": 1}, model_file=os.environ["MODEL"])
        self.ready = True
        return self.ready

    def predict(self, payload: dict[str, Any], headers: dict[str, str] | None = None, **_: Any) -> dict[str, Any]:
        rows = xgboost.DMatrix(np.array(payload["instances"], np.float32), nthread=1)
        return {"predictions": self.booster.predict(rows).tolist()}


if __name__ == "__main__":
    model = Predict()
    model.load()
    kserve.ModelServer(http_port=int(sys.argv[1]), workers=int(sys.argv[2]), enable_grpc=False).start([model])
