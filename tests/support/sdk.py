"""The environments of the SageMaker SDKs, and what their local mode leaves behind."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


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


def containers_of(folder: Path) -> list[str]:
    """The ids of containers, running or not, that have mounted something from below the folder."""
    listing = ["docker", "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Mounts}}"]
    lines = subprocess.run(listing, text=True, capture_output=True, check=True).stdout.splitlines()
    return [line.split()[0] for line in lines if f"{folder}/" in line]
