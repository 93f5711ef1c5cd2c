"""More data than memory, in a container that the kernel would end."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.image.conftest import Container, OptMl, docker

LIMIT = ["--memory", "400m", "--memory-swap", "400m"]


def fill(opt_ml: OptMl, rows: int, **hyperparameters: object) -> None:
    """A CSV file of 28 columns of numbers, some of them missing: 237 bytes a row."""
    random = np.random.default_rng(0)
    X = random.normal(size=(50_000, 28))
    lines = []
    for label, row in zip((X[:, 0] > 0).astype(int), X, strict=True):
        lines.append(f"{label}," + ",".join("" if value > 2 else f"{value:.6f}" for value in row.tolist()))
    block = ("\n".join(lines) + "\n").encode()
    opt_ml.channel("train", "data.csv", block * (rows // len(X)))
    opt_ml.job({"objective": "binary:logistic", "num_round": 3, **hyperparameters}, train="text/csv")


def test_trains_on_more_data_than_memory_and_to_the_same_model(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    fill(opt_ml, 1_700_000)
    assert (opt_ml.root / "input/data/train/data.csv").stat().st_size > 400 << 20
    little = start("train", *LIMIT)
    assert little.wait(400) == 0, little.logs()
    assert "Memory: trains with the data in /tmp/sagemaker-xgboost-" in little.logs()
    assert "/tmp/sagemaker-xgboost-" not in docker("diff", little.name)
    model = opt_ml.model.read_bytes()

    whole = start("train")
    assert whole.wait(400) == 0, whole.logs()
    assert "trains with the data in" not in whole.logs()
    assert opt_ml.model.read_bytes() == model


@pytest.mark.parametrize(
    ("arguments", "failure"),
    [
        (
            ["--tmpfs", "/tmp"],
            "'cache_dir': /tmp is in memory (tmpfs) and cannot take what does not fit into memory; name",
        ),
        (["--read-only"], "'cache_dir': /tmp cannot take what does not fit into memory: Read-only file system; name"),
    ],
)
def test_a_cache_folder_that_is_no_disk(
    opt_ml: OptMl, start: Callable[..., Container], arguments: list[str], failure: str
) -> None:
    fill(opt_ml, 1_000_000)
    job = start("train", *LIMIT, *arguments)
    assert job.wait() == 1
    assert opt_ml.failure.read_text().startswith(failure), job.logs()
    assert not opt_ml.model.exists()


def test_what_cannot_fit_is_refused_before_the_kernel_ends_it(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    fill(opt_ml, 1_000_000, tree_method="exact")
    job = start("train", *LIMIT)
    assert job.wait() == 1
    reason = opt_ml.failure.read_text()
    assert reason.startswith("training needs about "), job.logs()
    assert "MB of memory, and there are 386 MB, for 1,000,000 rows of 28 columns" in reason
    assert reason.endswith("take an instance with more memory")
