"""The built images, run as SageMaker runs them: `docker run IMAGE train|serve` with /opt/ml mounted."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.conftest import IMAGE

DATA = Path(__file__).parents[1] / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.docker)


def docker(*arguments: str, timeout: float = 120) -> str:
    """What `docker ARGUMENTS` prints; a failure is an AssertionError that shows both streams."""
    done = subprocess.run(["docker", *arguments], text=True, capture_output=True, timeout=timeout)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(params=[IMAGE, f"{IMAGE}:cpu"], ids=["default", "cpu"])
def image(request: pytest.FixtureRequest) -> str:
    """Both images, one after the other."""
    return str(request.param)


@pytest.fixture
def sh(image: str) -> Callable[..., str]:
    """`sh(script, *docker_arguments)`: what a bash script prints in a fresh container of the image."""

    def run(script: str, *arguments: str) -> str:
        return docker("run", "--rm", *arguments, image, "bash", "-c", script)

    return run


@dataclass
class Container:
    """A container that was started, by its name."""

    name: str

    def logs(self) -> str:
        """Both streams so far."""
        done = subprocess.run(
            ["docker", "logs", self.name], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return done.stdout

    def wait(self, seconds: float = 120) -> int:
        """Its exit code, once it has ended."""
        return int(docker("wait", self.name, timeout=seconds))

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Return once the condition holds; an AssertionError with the log when the container ended or hung."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert docker("inspect", "-f", "{{.State.Running}}", self.name) == "true", self.logs()
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.1)

    def url(self, path: str) -> str:
        """The URL under which port 8080 can be reached from here."""
        return f"http://{docker('port', self.name, '8080/tcp').splitlines()[0]}{path}"

    def answers_ping(self) -> bool:
        try:
            return requests.get(self.url("/ping"), timeout=2).status_code == 200
        except requests.ConnectionError:
            return False


@dataclass(frozen=True)
class OptMl:
    """A folder to mount as /opt/ml."""

    root: Path

    def job(self, hyperparameters: dict[str, object], **channels: str) -> None:
        """Write the configuration of a job; channels are names and content types."""
        config = {
            "hyperparameters": {name: str(value) for name, value in hyperparameters.items()},
            "inputdataconfig": {
                name: {"TrainingInputMode": "File", "ContentType": content_type}
                for name, content_type in channels.items()
            },
            "resourceconfig": {
                "current_host": "algo-1",
                "hosts": ["algo-1"],
                "network_interface_name": "eth0",
            },
        }
        for name, content in config.items():
            (self.root / f"input/config/{name}.json").write_text(json.dumps(content))

    def channel(self, name: str, file: str, content: bytes) -> None:
        """Put a file into a channel."""
        path = self.root / "input/data" / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    @property
    def model(self) -> Path:
        return self.root / "model/xgboost-model"

    @property
    def failure(self) -> Path:
        return self.root / "output/failure"


@pytest.fixture
def opt_ml(tmp_path: Path) -> Iterator[OptMl]:
    """An /opt/ml with its folders, all writable for any user."""
    root = tmp_path / "ml"
    for folder in ("input/config", "input/data", "model", "output/data"):
        (root / folder).mkdir(parents=True)
    for folder in (root, *root.rglob("*")):
        folder.chmod(0o777)
    yield OptMl(root)
    _give_back(root)


@pytest.fixture
def start(opt_ml: OptMl) -> Iterator[Callable[..., Container]]:
    """`start("train", *docker_arguments)`: the image's command, started; all are removed in the end."""
    names: list[str] = []

    def run(command: str, *arguments: str) -> Container:
        volume = f"{opt_ml.root}:/opt/ml"
        publish = ["-p", "127.0.0.1::8080"] if command == "serve" else []
        names.append(docker("run", "-d", "-v", volume, *publish, *arguments, IMAGE, command))
        return Container(names[-1])

    yield run
    for name in names:
        docker("rm", "-f", name)


@pytest.fixture
def sdk_folder(tmp_path: Path) -> Iterator[Path]:
    """Where an SDK's local mode works; the containers that it leaves, stopped, are removed."""
    yield tmp_path
    for mounted in (tmp_path, tmp_path / "train"):
        for left in docker("ps", "--all", "--quiet", "--filter", f"volume={mounted}").split():
            docker("rm", "--force", left)
    _give_back(tmp_path)


def _give_back(folder: Path) -> None:
    """Let pytest, where it is not root, remove what root wrote in a container."""
    if os.getuid() != 0:
        docker("run", "--rm", "-v", f"{folder}:/left", IMAGE, "chmod", "-R", "a+rwX", "/left")
