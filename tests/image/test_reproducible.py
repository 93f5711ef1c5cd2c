"""Two builds of one commit make the same layers."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import IMAGE
from tests.image.conftest import docker

ROOT = Path(__file__).parents[2]


@pytest.fixture
def rebuilt(tmp_path: Path) -> str:
    """The CPU image, built anew without any cache, from files that have the times of a later checkout."""
    tracked = subprocess.run(["git", "-C", str(ROOT), "ls-files"], text=True, capture_output=True, check=True)
    for name in tracked.stdout.splitlines():
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
            os.utime(tmp_path / name, (time.time(), time.time()))
    make = ["make", "-C", str(tmp_path), "image-cpu", "IMAGE=sagemaker-xgboost-rebuilt", "BUILD_ARGS=--no-cache"]
    done = subprocess.run(make, text=True, capture_output=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    yield "sagemaker-xgboost-rebuilt:cpu"
    docker("image", "rm", "sagemaker-xgboost-rebuilt:cpu")


def layers(image: str) -> list[str]:
    found: list[str] = json.loads(docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", image))
    return found


def debian_packages(image: str) -> str:
    return docker("run", "--rm", image, "dpkg-query", "--show")


def test_a_second_build_makes_the_same_layers(rebuilt: str) -> None:
    _base, packages, program = layers(f"{IMAGE}:cpu")
    _base, packages_again, program_again = layers(rebuilt)
    assert program_again == program
    # Debian may have published a new version of a package between the builds: the one thing that is not locked.
    assert packages_again == packages or debian_packages(f"{IMAGE}:cpu") != debian_packages(rebuilt)
