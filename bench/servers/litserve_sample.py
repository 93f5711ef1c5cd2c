"""LitServe around the same prediction: python litserve_sample.py PORT WORKERS. MODEL names the model's file."""

import io
import os
import sys

import litserve
import pandas
import xgboost
from fastapi import Request, Response


class Predict(litserve.LitAPI):
    """CSV in, CSV out."""

    def setup(self, device: str) -> None:
        self.booster = xgboost.Booster(model_file=os.environ["MODEL"])

    async def decode_request(self, request: Request) -> bytes:
        return await request.body()

    def predict(self, body: bytes) -> str:
        table = pandas.read_csv(io.BytesIO(body), header=None)
        return "\n".join(map(str, self.booster.inplace_predict(table.to_numpy())))

    def encode_response(self, text: str) -> Response:
        return Response(text, media_type="text/csv")


if __name__ == "__main__":
    api = Predict(api_path="/invocations")
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=int(sys.argv[2]), healthcheck_path="/ping", timeout=60
    )
    server.run(port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
