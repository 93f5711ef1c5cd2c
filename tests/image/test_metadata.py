"""What SageMaker and people read off the image without running it."""

import json

import container
from tests.image.conftest import docker


def config(image: str) -> dict[str, object]:
    return json.loads(docker("image", "inspect", "-f", "{{json .Config}}", image))


def test_labels(image: str) -> None:
    labels = config(image)["Labels"]
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"
    assert labels["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"] == container.__version__


def test_default_command_is_train_with_nothing_in_front_of_it(image: str) -> None:
    assert config(image)["Cmd"] == ["train"]
    assert not config(image).get("Entrypoint")


def test_logs_are_not_buffered(image: str) -> None:
    assert "PYTHONUNBUFFERED=1" in config(image)["Env"]


def test_layers_name_no_secret(image: str) -> None:
    history = docker("history", "--no-trunc", image)
    assert "CERTIFICATE" not in history
    assert "://" not in history
