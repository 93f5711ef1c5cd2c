"""What a user of the SageMaker SDK v2 writes: train with the image, deploy with inference code of their own.

Run as a program of its own, with the SDK's Python: sdk_v2_inference_code.py IMAGE FOLDER PORT. FOLDER holds train/,
source/ and requests.json, a list of houses; the reply is written to its reply.json.
"""

import json
import sys
from pathlib import Path

import boto3
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.local import LocalSession
from sagemaker.serializers import JSONSerializer

image, folder, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

account = boto3.Session(region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
session = LocalSession(account, default_bucket="code")  # asked for, and not used: the code is mounted
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

predictor = estimator.deploy(
    1,
    "local",
    entry_point="inference.py",
    source_dir=str(folder / "source"),
    serializer=JSONSerializer(),
    deserializer=JSONDeserializer(),
    wait=False,
)
try:
    reply = predictor.predict({"houses": json.loads((folder / "requests.json").read_text())})
    (folder / "reply.json").write_text(json.dumps(reply))
finally:
    predictor.delete_endpoint()
