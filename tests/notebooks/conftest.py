"""Runs of the notebooks, each once."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import IMAGE
from tests.notebooks.notebooks import EXAMPLES, Notebook
from tests.support.sdk import containers_of, python_of


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """For everything temporary; containers that an unfinished program leaves are removed, and their files."""
    yield tmp_path
    if left := containers_of(tmp_path):
        subprocess.run(["docker", "rm", "--force", *left], capture_output=True, check=True)
    make_ours = ["docker", "run", "--rm", "-v", f"{tmp_path}:/left", f"{IMAGE}:cpu", "chmod", "-R", "a+rwX", "/left"]
    subprocess.run(make_ours, capture_output=True, check=True)
    shutil.rmtree(tmp_path)


@pytest.fixture
def run(folder: Path) -> Callable[..., Notebook]:
    """`run(name)`: the notebook after a run from top to bottom, by examples/render.py."""
    python = python_of("NOTEBOOKS_PYTHON", ".venv-notebooks", "notebooks-env")

    def run_it(name: str) -> Notebook:
        done = folder / "done"
        done.mkdir()
        (folder / "tmp").mkdir()
        ran = subprocess.run(
            [python, str(EXAMPLES / "render.py"), "--output", str(done), str(EXAMPLES / f"{name}.ipynb")],
            env=os.environ | {"IMAGE": IMAGE, "TMPDIR": str(folder / "tmp")},
            text=True,
            capture_output=True,
            timeout=500,
        )
        assert ran.returncode == 0, ran.stderr
        return Notebook(done / f"{name}.ipynb")

    return run_it
