"""What a user of the SageMaker SDK v2 writes: train on local files, deploy, predict, clean up.

Run as a program of its own, with the SDK's Python: sdk_v2_house_prices.py IMAGE FOLDER PORT. FOLDER holds
train/ and held_out.csv; the predictions are written to its predictions.json.
"""

import json
import sys
from pathlib import Path

import boto3
from sagemaker.estimator import Estimator
from sagemaker.local import LocalSession
from sagemaker.serializers import CSVSerializer

image, folder, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

session = LocalSession(boto3.Session(region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"))
session.config = {"local": {"local_code": True, "container_root": str(folder), "serving_port": port}}

estimator = Estimator(
    image_uri=image,
    role="arn:aws:iam::123456789012:role/any",
    instance_count=1,
    instance_type="local",
    hyperparameters={"target": "price", "num_round": 20},
    sagemaker_session=session,
    output_path=f"file://{folder}",
)
estimator.fit({"train": f"file://{folder}/train"})

# Local mode returns once the endpoint answers; to wait on top of that is to be asleep for half a minute.
predictor = estimator.deploy(1, "local", serializer=CSVSerializer(), wait=False)
try:
    answer = predictor.predict((folder / "held_out.csv").read_text())
    (folder / "predictions.json").write_text(json.dumps([float(line) for line in answer.decode().split()]))
finally:
    predictor.delete_endpoint()
