"""LitServe around the same prediction: python litserve_sample.py PORT WORKERS. MODEL names the model's file."""

import os
import sys
from typing import Any

import litserve
import numpy as np
import xgboost


class Predict(litserve.LitAPI):
    """JSON in, JSON out: LitServe reads no CSV."""

    def setup(self, device: str) -> None:
        self.booster = xgboost.Booster(model_file=os.environ["MODEL"])

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        return np.array(request["instances"], np.float32)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.booster.inplace_predict(rows)

    def encode_response(self, scores: np.ndarray) -> dict[str, Any]:
        return {"predictions": scores.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(
        Predict(api_path="/invocations"),
        accelerator="cpu",
        workers_per_device=int(sys.argv[2]),
        healthcheck_path="/ping",
        timeout=60,
    )
    server.run(port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
