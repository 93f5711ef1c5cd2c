"""local_test/'s scripts with the built image, run by a user who is not root."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import IMAGE
from tests.image.conftest import docker
from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]
SOCKET = Path("/var/run/docker.sock")
OTHER_USER = 12345


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A copy of what the scripts need, owned by the user who runs them. Docker sees it, for it is no private folder."""
    folder = Path(tempfile.mkdtemp(prefix="local_test."))
    for name in ("local_test", "container", "tests/data/ames.csv"):
        target, ignore = folder / name, shutil.ignore_patterns("work", "__pycache__")
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copy if (ROOT / name).is_file() else shutil.copytree
        copy(ROOT / name, target) if copy is shutil.copy else shutil.copytree(ROOT / name, target, ignore=ignore)
    yield folder
    shutil.rmtree(folder)
