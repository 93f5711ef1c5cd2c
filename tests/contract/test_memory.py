"""Little memory: the same model from files on disk, nothing left behind, and a word where it cannot be."""

import gzip
import io
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from container.data import columnar, csv_arrow, csv_blocks, csv_plain, delimited, files, libsvm
from container.data.stream import PIECE
from container.training import run
from container.training.rows import storage
from tests.contract import job as contract_job
from tests.contract.job import Job

random = np.random.default_rng(0)
COUNT = 900
X = random.normal(size=(COUNT, 3)).round(3)
LABEL = (X[:, 0] + random.normal(size=COUNT) > 0).astype(int)
COLOR = np.array(["red", "green", "blue", ""])[random.integers(0, 4, COUNT)]
FRAME = pd.DataFrame({"y": LABEL, "a": X[:, 0], "b": X[:, 1], "color": COLOR, "w": X[:, 2] ** 2})
FRAME.loc[::7, "b"] = np.nan
CSV = FRAME.to_csv(index=False)
LIBSVM = "".join(f"{y} {i % 5}:{x[0]} 7:{x[1]}\n" for i, (y, x) in enumerate(zip(LABEL, X, strict=True)))
RANKED = "".join(f"{y},{i % 60},{x[0]},{x[1]}\n" for i, (y, x) in enumerate(zip(LABEL, X, strict=True)))


def parquet() -> bytes:
    file = io.BytesIO()
    FRAME.astype({"color": "category"}).to_parquet(file, row_group_size=170)
    return file.getvalue()


@pytest.fixture
def short(tmp_path, monkeypatch) -> Callable[[bool], Path]:
    """Leave the job no memory for tables, and where ``bins`` none for bins; returns the cache folder."""

    def short(bins: bool) -> Path:
        cache = tmp_path / "cache"
        cache.mkdir()
        monkeypatch.setattr(storage, "available_memory", lambda: 10**9)
        monkeypatch.setattr(storage, "used_memory", lambda: 0)
        monkeypatch.setattr(storage, "is_in_memory", lambda folder: False)
        monkeypatch.setattr(storage, "_TABLES", 0)
        if bins:
            real = run.estimate
            monkeypatch.setattr(run, "estimate", lambda *of, **more: replace(real(*of, **more), in_memory=10**10))
        for module, name, value in (
            *((delimited, "_SMALL", -1), (delimited, "_SMALL_COLUMN", -1), (files, "HEAD", 2000)),
            *(
                (csv_arrow, "BLOCK", 2000),
                (csv_blocks, "CELLS", 300),
                (csv_plain, "PIECE", 2000),
                (columnar, "CELLS", 300),
                (libsvm, "BLOCK", 2000),
            ),
        ):
            monkeypatch.setattr(module, name, value)
        return cache

    return short


CLASSES = {"objective": "binary:logistic", "num_round": 4, "target": "y", "weight_column": "w"}
KINDS: list[Any] = [
    pytest.param({"a.csv": CSV}, None, CLASSES, id="csv"),
    pytest.param({"a.csv": CSV, "b.csv": CSV, "c.gz": gzip.compress(CSV.encode())}, "text/csv", CLASSES, id="files"),
    pytest.param({"a": parquet()}, "application/x-parquet", CLASSES, id="parquet"),
    pytest.param({"a": LIBSVM}, "text/libsvm", {"objective": "binary:logistic", "num_round": 4}, id="libsvm"),
    pytest.param({"a.csv": CSV}, None, {"num_round": 4, "target": "b,a", "ignore_columns": "y"}, id="two targets"),
]


def job(root: Path, channel: dict[str, str | bytes], content_type: str | None, parameters: dict[str, object]) -> Job:
    made = Job(root, {"seed": 3, "subsample": 0.7, **parameters})
    return made.channel("train", channel, content_type).channel("validation", channel, content_type)


@pytest.mark.parametrize("bins", [False, True])
@pytest.mark.parametrize(("channel", "content_type", "parameters"), KINDS)
def test_the_same_model_with_little_memory(tmp_path, train, short, capsys, bins, channel, content_type, parameters):
    if parameters.get("target") == "b,a":
        channel = {"a.csv": FRAME.fillna(0).to_csv(index=False)}
    whole = job(tmp_path / "whole", channel, content_type, parameters)
    assert train(whole) == 0
    assert "trains with the data in" not in capsys.readouterr().out
    cache = short(bins)
    little = job(tmp_path / "little", channel, content_type, {"cache_dir": str(cache), **parameters})
    assert train(little) == 0, little.failure
    log = capsys.readouterr().out
    assert ("trains with the data in" in log) == bins
    assert list(cache.iterdir()) == []
    assert model(little) == model(whole)


@pytest.mark.parametrize("bins", [False, True])
@pytest.mark.parametrize(("channel", "content_type", "parameters"), [KINDS[0], KINDS[3]])
def test_an_earlier_model_goes_on_alike_with_little_memory(
    tmp_path, train, short, capsys, bins, channel, content_type, parameters
):
    first = job(tmp_path / "first", channel, content_type, {**parameters, "max_bin": 16})
    assert train(first) == 0
    earlier = {"xgboost-model": model(first)}
    whole = job(tmp_path / "whole", channel, content_type, parameters).channel("model", earlier)
    assert train(whole) == 0
    cache = short(bins)
    little = job(tmp_path / "little", channel, content_type, {"cache_dir": str(cache), **parameters})
    assert train(little.channel("model", earlier)) == 0, little.failure
    assert ("trains with the data in" in capsys.readouterr().out) == bins
    assert list(cache.iterdir()) == []
    assert model(little) == model(whole)


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"objective": "rank:ndcg", "group_column": 1}, id="ranking"),
        pytest.param({"_kfold": 3, "objective": "binary:logistic"}, id="cross-validation"),
        pytest.param({"tree_method": "exact"}, id="exact"),
    ],
)
def test_what_needs_all_rows_at_once(tmp_path, train, short, capsys, parameters):
    parameters = {"num_round": 3, **parameters}
    whole = Job(tmp_path / "whole", parameters).channel("train", {"a.csv": RANKED})
    assert train(whole) == 0
    cache = short(False)
    little = Job(tmp_path / "little", {"cache_dir": str(cache), **parameters}).channel("train", {"a.csv": RANKED})
    assert train(little) == 0, little.failure
    assert [bytes((little.model / name).read_bytes()) for name in little.models] == [
        bytes((whole.model / name).read_bytes()) for name in whole.models
    ]
    cache.rmdir()
    short(True)
    refused = Job(tmp_path / "refused", {"cache_dir": str(cache), **parameters}).channel("train", {"a.csv": RANKED})
    assert train(refused) == 1
    assert refused.failure.startswith("training needs about 10,000 MB of memory, and there are 920 MB, for 900 rows of")
    assert refused.models == list(cache.iterdir()) == []


def test_a_stream_is_kept_on_disk(tmp_path, train, short):
    whole = Job(tmp_path / "whole", CLASSES).channel("train", {"a.csv": CSV}, "text/csv")
    assert train(whole) == 0
    cache = short(True)
    little = Job(tmp_path / "little", {**CLASSES, "cache_dir": str(cache)})
    with little.stream("train", CSV.encode(), "text/csv"):
        assert train(little) == 0, little.failure
    assert list(cache.iterdir()) == []
    assert model(little) == model(whole)


LITTLE_MEMORY = """
from container.training.rows import storage
storage.available_memory, storage.used_memory, storage._TABLES = lambda: 10**9, lambda: 0, 0
storage.is_in_memory = lambda folder: False
"""


def test_a_stop_while_a_stream_is_kept_on_disk_leaves_nothing(tmp_path, monkeypatch):
    program = LITTLE_MEMORY + contract_job.TRAIN[-1]
    monkeypatch.setattr(contract_job, "TRAIN", (*contract_job.TRAIN[:-1], program))
    cache = tmp_path / "cache"
    cache.mkdir()
    little = Job(tmp_path / "little", {**CLASSES, "cache_dir": str(cache)})
    with little.stream("train", b"", "text/csv"), little.started() as process:
        fifo = os.open(little.root / "input/data/train_0", os.O_WRONLY)  # waits until the job reads it
        os.write(fifo, CSV.encode() * (3 * PIECE // len(CSV)))
        deadline = time.monotonic() + 30
        while not list(cache.iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
        os.close(fifo)
    assert list(cache.iterdir()) == []
    assert (little.models, little.failure) == ([], None)


def test_a_checkpoint_of_a_job_in_memory_goes_on_from_disk(tmp_path, train, short, capsys):
    root = tmp_path / "ml"
    first = job(root, {"a.csv": CSV}, None, CLASSES)
    (root / "checkpoints").mkdir()
    assert train(first) == 0
    cache = short(True)
    first.hyperparameters |= {"num_round": 6, "cache_dir": str(cache)}
    assert train(first) == 0
    log = capsys.readouterr().out
    assert "trains with the data in" in log
    assert "Resuming after the 4 rounds" in log
    whole = job(tmp_path / "whole", {"a.csv": CSV}, None, {**CLASSES, "num_round": 6})
    assert train(whole) == 0
    assert model(first) == model(whole)


def test_a_folder_that_is_not_there(tmp_path, train, short):
    short(True)
    little = job(tmp_path / "little", {"a.csv": CSV}, None, {**CLASSES, "cache_dir": "/no/such/folder"})
    assert train(little) == 1
    assert little.failure.startswith(
        "'cache_dir': /no/such/folder cannot take what does not fit into memory: No such file or directory; name a"
    )
    assert little.models == []


def test_bad_cells_are_named_as_ever(tmp_path, train, short):
    cache = short(True)
    channel = {"a.csv": CSV + "1,2,x,red,1\n", "b.csv": CSV}
    little = job(tmp_path / "little", channel, None, {**CLASSES, "cache_dir": str(cache)})
    assert train(little) == 1
    assert little.failure.startswith("'x' stands in a column of numbers (train/a.csv line 902, column 'b')")
    assert list(cache.iterdir()) == []


def model(job: Job) -> bytes:
    assert job.models == ["xgboost-model"]
    return (job.model / "xgboost-model").read_bytes()
