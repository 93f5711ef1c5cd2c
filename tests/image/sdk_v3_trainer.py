"""What a user of the SageMaker SDK v3 writes: train in local containers, with source code or without.

Run as a program of its own, with the SDK's Python: sdk_v3_trainer.py IMAGE FOLDER HYPERPARAMETERS. FOLDER holds
the channels' folders below channels/ and, where the job is to run train.py, source/; HYPERPARAMETERS is JSON. The
artifacts are left below FOLDER.
"""

import json
import sys
from pathlib import Path

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.training.configs import Compute, InputData, SourceCode
from sagemaker.train.model_trainer import Mode, ModelTrainer

image, folder, hyperparameters = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
source = folder / "source"

trainer = ModelTrainer(
    training_image=image,
    training_mode=Mode.LOCAL_CONTAINER,
    role="arn:aws:iam::123456789012:role/any",
    compute=Compute(instance_type="local_cpu", instance_count=1),
    source_code=SourceCode(source_dir=str(source), entry_script="train.py") if source.exists() else None,
    hyperparameters=hyperparameters,
    sagemaker_session=Session(boto3.Session(region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")),
    local_container_root=str(folder),
)
channels = sorted(folder.joinpath("channels").iterdir())
trainer.train(input_data_config=[InputData(channel_name=path.name, data_source=str(path)) for path in channels])
