"""What a user of the SageMaker SDK v2 writes: an Estimator with an entry point, trained in local mode.

Run as a program of its own, with the SDK's Python: script_mode_sdk_v2.py IMAGE FOLDER. FOLDER holds source/ and
the channels train/ and validation/; model.tar.gz is left there.
"""

import sys
from pathlib import Path

import boto3
from sagemaker.estimator import Estimator
from sagemaker.local import LocalSession

image, folder = sys.argv[1], Path(sys.argv[2])

session = LocalSession(boto3.Session(region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"))
session.config = {"local": {"local_code": True, "container_root": str(folder)}}

estimator = Estimator(
    image_uri=image,
    role="arn:aws:iam::123456789012:role/any",
    instance_count=1,
    instance_type="local",
    entry_point="train.py",
    source_dir=str(folder / "source"),
    hyperparameters={"num_round": 20, "max_depth": 5, "eta": 0.2, "objective": "reg:squarederror"},
    sagemaker_session=session,
    output_path=f"file://{folder}",
)
estimator.fit({name: f"file://{folder}/{name}" for name in ("train", "validation")})
