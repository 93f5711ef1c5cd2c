"""Running ``train`` without a process of its own, where only its outcome matters."""

import logging
from collections.abc import Callable, Iterator

import pytest

from container.training.main import main
from tests.contract.job import Job


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Run a job in this process, on one thread; returns its exit code. The log goes to stdout."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def train(job: Job, *, write: bool = True) -> int:
        if write:
            job.hyperparameters.setdefault("nthread", 1)
            job.write_config()
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(job.root))
        return main()

    yield train
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
