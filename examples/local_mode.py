"""SageMaker on this machine, for the notebooks: the SDK v3's classes, with jobs and endpoints as containers.

ModelTrainer can do that by itself. ModelBuilder cannot with an image of one's own: its local mode is for AWS's model
servers, and asks AWS for an account and a bucket even so. The one here takes the same calls, and hands them to the
SDK's LocalSession. All it takes is Docker with compose, and the image: no AWS account, and nothing leaves the machine.
"""

import atexit
import logging
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import sagemaker.core.transformer
import sagemaker.train.model_trainer
from pydantic import PrivateAttr
from sagemaker.core.local.local_session import LocalSession
from sagemaker.train.model_trainer import Mode

logging.getLogger("sagemaker").setLevel(logging.WARNING)
logging.getLogger("botocore").setLevel(logging.WARNING)

base = tempfile.mkdtemp(prefix="sagemaker-")
"""What the S3 bucket is on AWS: where jobs find their data, and leave what they make."""

image_uri = f"{os.environ.get('IMAGE', 'sagemaker-xgboost')}:cpu"
"""The image that `make image-cpu` builds."""

role = "arn:aws:iam::123456789012:role/any"
instance_type = "local_cpu"


def _session() -> LocalSession:
    """A session whose endpoint is on a free port; its keys are no keys, as no request goes to AWS."""
    session = LocalSession(
        boto3.Session(region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none"),
        sagemaker_config={
            "SchemaVersion": "1.0",
            "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
        },
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        session.config = {"local": {"container_root": base, "serving_port": probe.getsockname()[1]}}
    return session


session = _session()


def upload(folder: Path) -> str:
    """Copy a folder to where jobs find it; returns that place."""
    return str(shutil.copytree(folder, Path(base, folder.name), dirs_exist_ok=True))


def download(uri: str) -> str:
    """The text of a file that a job has made."""
    return Path(uri).read_text()


class ModelTrainer(sagemaker.train.model_trainer.ModelTrainer):
    """The SDK's, in a container, each in a folder of its own; it keeps the job's log for job_log()."""

    _log: str = PrivateAttr(default="")

    def __init__(self, **arguments: Any) -> None:
        folder = tempfile.mkdtemp(prefix="job", dir=base)
        # This machine does other things too: threads that wait for each other should sleep, not spin.
        arguments["environment"] = {"OMP_WAIT_POLICY": "PASSIVE"} | (arguments.get("environment") or {})
        super().__init__(training_mode=Mode.LOCAL_CONTAINER, local_container_root=folder, **arguments)

    def train(self, *arguments: Any, **options: Any) -> None:
        """Run the job; when it fails, its log is part of the error."""
        try:
            with _quiet() as log:
                super().train(*arguments, **options)
        finally:
            _remove_containers(self.local_container_root)
        self._log = log.getvalue()


def job_log(trainer: ModelTrainer) -> str:
    """The lines that the job has logged."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", trainer._log)
    return "\n".join(re.findall(r"^algo-1\S*\s*\| ?(.*)$", text, flags=re.MULTILINE))


class ModelBuilder:
    """The SDK's, as far as the notebooks use it: from a job's model to an endpoint or a batch transform."""

    def __init__(
        self,
        *,
        model: ModelTrainer,
        image_uri: str,
        role_arn: str,
        instance_type: str,
        sagemaker_session: LocalSession,
        env_vars: dict[str, str] | None = None,
    ) -> None:
        self.model_name = f"model-{Path(model.local_container_root).name}"
        self._client = sagemaker_session.sagemaker_client
        self._container = {
            "Image": image_uri,
            "ModelDataUrl": f"file://{model.local_container_root}/compressed_artifacts/model.tar.gz",
            # The server's log would be printed into whichever cell is running.
            "Environment": {"SAGEMAKER_CONTAINER_LOG_LEVEL": "error"} | (env_vars or {}),
        }

    def build(self) -> "Model":
        """Make the model known."""
        self._client.create_model(ModelName=self.model_name, PrimaryContainer=self._container)
        return Model(self.model_name)

    def deploy(self, endpoint_name: str) -> "Endpoint":
        """Start the endpoint, and return once it answers."""
        variant = {"VariantName": "AllTraffic", "ModelName": self.model_name, "InitialInstanceCount": 1}
        self._client.create_endpoint_config(
            EndpointConfigName=endpoint_name, ProductionVariants=[variant | {"InstanceType": "local"}]
        )
        with _quiet():
            self._client.create_endpoint(EndpointName=endpoint_name, EndpointConfigName=endpoint_name)
        return Endpoint(endpoint_name)

    def transformer(self, instance_count: int, instance_type: str, **options: Any) -> "Transformer":
        """A batch transform by this model."""
        name = self.model_name
        return Transformer(
            name, instance_count, "local", base_transform_job_name=name, sagemaker_session=session, **options
        )


class Model:
    """A model that is known here."""

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def delete(self) -> None:
        """Forget it."""
        session.sagemaker_client.delete_model(ModelName=self.model_name)


class Endpoint:
    """An endpoint that runs here, with the calls of sagemaker.core.resources.Endpoint."""

    def __init__(self, endpoint_name: str) -> None:
        self.endpoint_name = endpoint_name

    @property
    def endpoint_status(self) -> str:
        """As the platform calls it, such as InService."""
        status = session.sagemaker_client.describe_endpoint(EndpointName=self.endpoint_name)["EndpointStatus"]
        return str(status)

    def invoke(
        self, body: str, content_type: str, accept: str = "*/*", custom_attributes: str | None = None
    ) -> SimpleNamespace:
        """One request; the reply's bytes are in ``body.read()``. A refusal raises RuntimeError with its text."""
        reply = session.sagemaker_runtime_client.invoke_endpoint(
            Body=body,
            EndpointName=self.endpoint_name,
            ContentType=content_type,
            Accept=accept,
            CustomAttributes=custom_attributes,
        )
        if reply["ResponseMetadata"]["HTTPStatusCode"] != 200:
            raise RuntimeError(reply["Body"].read().decode())
        return SimpleNamespace(body=reply["Body"])

    def delete(self) -> None:
        """Stop it."""
        with _quiet():
            session.sagemaker_client.delete_endpoint(EndpointName=self.endpoint_name)
        _remove_containers(base)


class Transformer(sagemaker.core.transformer.Transformer):
    """The SDK's, for paths instead of S3 addresses."""

    def __init__(self, *arguments: Any, output_path: str, **options: Any) -> None:
        super().__init__(*arguments, output_path=f"file://{output_path}", **options)

    def transform(self, data: str, **options: Any) -> None:
        """Run the job to its end."""
        with _quiet():
            super().transform(f"file://{data}", wait=False, **options)


@contextmanager
def _quiet() -> Iterator[StringIO]:
    """Keep what is printed, by the SDK's threads as well, and add its end to an error."""
    printed = StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            yield printed
    except Exception as error:
        error.add_note(printed.getvalue()[-4000:])
        raise


def _remove_containers(folder: str) -> None:
    """Remove the containers, running or stopped, that have mounted something from below the folder."""
    listing = ["docker", "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Mounts}}"]
    lines = subprocess.run(listing, text=True, capture_output=True, check=True).stdout.splitlines()
    if ours := [line.split()[0] for line in lines if f"{folder}/" in line]:
        subprocess.run(["docker", "rm", "--force", *ours], capture_output=True, check=True)


@atexit.register
def clean_up() -> None:
    """Remove all containers and files. The last cell calls it; so does the end of the kernel, where that is not run."""
    if not Path(base).exists():
        return
    _remove_containers(base)
    # What a container wrote may belong to root.
    make_ours = ["docker", "run", "--rm", "--volume", f"{base}:/left", image_uri, "chmod", "-R", "a+rwX", "/left"]
    subprocess.run(make_ours, capture_output=True, check=True)
    shutil.rmtree(base)
