"""What a user of the SageMaker SDK v2 writes to predict a file's rows: train, then transform, in local mode.

Run as a program of its own, with the SDK's Python: sdk_v2_transform.py IMAGE FOLDER PORT. FOLDER holds train/ and
batch/; the predictions are written to csv/ and jsonlines/.
"""

import sys
from pathlib import Path

import boto3
from sagemaker.estimator import Estimator
from sagemaker.local import LocalSession

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

for name, accept in (("csv", "text/csv"), ("jsonlines", "application/jsonlines")):
    transformer = estimator.transformer(
        1,
        "local",
        strategy="MultiRecord",
        assemble_with="Line",
        accept=accept,
        output_path=f"file://{folder}/{name}",
        env={"ON_BAD_ROW": "placeholder"},
    )
    # To wait with logs, as is the default, asks CloudWatch; locally the call returns once all is done.
    transformer.transform(f"file://{folder}/batch", content_type="text/csv", split_type="Line", logs=False, wait=False)
