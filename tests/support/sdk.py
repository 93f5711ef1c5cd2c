"""The environments of the SageMaker SDKs, and what their local mode leaves behind."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import IMAGE

NO_TELEMETRY = "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
"""A configuration of the SDKs, for the variable SAGEMAKER_USER_CONFIG_OVERRIDE."""


def python_of(variable: str, venv: str, target: str) -> str:
    """The Python that the variable names, else the one of the environment; the test is skipped where it is not made.

    Also where docker compose is not installed, without which no SDK runs anything here.
    """
    python = os.environ.get(variable, f"{venv}/bin/python")
    if not Path(python).exists():
        pytest.skip(f"{python} is not there; run make {target}")
    if not shutil.which("docker-compose") and subprocess.run(["docker", "compose", "version"]).returncode != 0:
        pytest.skip("docker compose is not installed; on Debian: apt-get install docker-compose")
    return str(Path(python).absolute())


def run(sdk: str, program: Path, folder: Path, *arguments: str, **env: str) -> str:
    """What a program prints that is run as `program IMAGE FOLDER …` by the SDK ``v2`` or ``v3``; a failure fails."""
    python = python_of(f"SDK_{sdk.upper()}_PYTHON", f".venv-sdk-{sdk}", f"sdk-{sdk}")
    (folder / "sdk.yaml").write_text(NO_TELEMETRY)
    done = subprocess.run(
        [python, str(program), IMAGE, str(folder), *arguments],
        env=os.environ | {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(folder / "sdk.yaml")} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def containers_of(folder: Path) -> list[str]:
    """The ids of containers, running or not, that have mounted something from below the folder."""
    listing = ["docker", "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Mounts}}"]
    lines = subprocess.run(listing, text=True, capture_output=True, check=True).stdout.splitlines()
    return [line.split()[0] for line in lines if f"{folder}/" in line]
