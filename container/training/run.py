"""One training job, start to end: channels → tables → schema → DMatrix → rounds → model file."""

import hashlib
import json
import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from container.contract.job import TrainingJob
from container.contract.outcome import StopFlag
from container.contract.paths import OptMl
from container.contract.resources import usable_cpus
from container.data.channel import CsvOptions, Layout, read_channel
from container.data.formats import AnyTable
from container.data.inference import Inferred, Roles, infer
from container.data.schema import Schema
from container.data.table import Kind, SparseTable, Table
from container.errors import DataError, ModelError, UserError, listing
from container.model import artifact
from container.training import constraints, cross_validation, device, matrix, rounds, rows
from container.training.checkpoints import Checkpoints
from container.training.hyperparameters import Hyperparameters
from container.training.objective import Task, choose, wants_classes
from container.training.report import describe

log = logging.getLogger(__name__)


def run(job: TrainingJob, opt_ml: OptMl, stop: StopFlag) -> None:
    """Train the job's model and write it.

    Raises:
        ContainerError: the job cannot be done; the message says why, where, and what to change.
    """
    started = time.monotonic()
    hyperparameters = Hyperparameters.parse(job.hyperparameters)
    for warning in hyperparameters.warnings:
        log.warning("%s", warning)
    _prepare(opt_ml.model)
    tables = read_tables(job, hyperparameters)
    inferred, schema, task = understand(tables, hyperparameters)
    parts = {
        channel: [rows.from_table(table, schema, task) for table in channel_tables]
        for channel, channel_tables in tables.items()
    }
    task = with_classes(task, parts["train"])
    params = constraints.resolve(booster_params(hyperparameters, task), schema)
    matrix.check_categories(params, schema)
    log.info("%s", describe(tables, parts["train"], inferred, schema, task))
    del tables
    checkpoints = _checkpoints(opt_ml.checkpoints, params, hyperparameters, schema, parts)
    if hyperparameters.kfold:
        stop.defer()
        everything = [part for channel in parts.values() for part in channel]
        folds = cross_validation.cross_validate(everything, params, hyperparameters, stop, checkpoints)
        boosters = folds.boosters
        if not stop.requested:
            label = np.concatenate([part.label for part in everything])
            text = cross_validation.predictions_csv(label, folds.predictions, task.objective)
            _write(opt_ml.output_data / "predictions.csv", text)
    else:
        train_data = matrix.build(parts.pop("train"), params)
        validation_data = matrix.build(parts.pop("validation"), params, train_data) if parts else None
        log.info("Read in %.1f s; boosting %s rounds", time.monotonic() - started, hyperparameters.num_round)
        stop.defer()
        boosters = [rounds.train(params, hyperparameters, train_data, validation_data, stop, checkpoints).booster]
    if stop.requested and not hyperparameters.save_model_on_termination:
        log.info("Stopped; no model is written, for save_model_on_termination is false")
        return
    for path in artifact.save_all(boosters, schema, opt_ml.model):
        log.info("Model written to %s (%s bytes)", path, f"{path.stat().st_size:,}")
    log.info("Done after %.1f s", time.monotonic() - started)


def _checkpoints(
    folder: Path,
    params: dict[str, Any],
    hyperparameters: Hyperparameters,
    schema: Schema,
    parts: Mapping[str, Sequence[rows.Rows]],
) -> Checkpoints | None:
    """The job's checkpoints, where it has a folder for them, which the platform makes when they are asked for."""
    if not folder.is_dir():
        return None
    machine = ("nthread", "device", "verbosity")
    about = {name: value for name, value in params.items() if name not in machine}
    about |= {"eval_metric": hyperparameters.eval_metric, "_kfold": hyperparameters.kfold}
    about["the columns' meaning"] = hashlib.sha256(json.dumps(schema.to_json()).encode()).hexdigest()[:16]
    about |= {f"the {channel} data": rows.digest(of) for channel, of in parts.items()}
    return Checkpoints(folder, about, hyperparameters.checkpoint_interval)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error.strerror}; free space, or mount it writable") from None


def _prepare(folder: Path) -> None:
    """Make sure, before hours of training, that a model can be written, and that no old one is taken for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in artifact.model_files(folder):
            old.unlink()
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ModelError(
            f"the model folder {folder} cannot be written to: {error.strerror}; mount it writable"
        ) from None


def read_tables(job: TrainingJob, hyperparameters: Hyperparameters) -> dict[str, list[AnyTable]]:
    """The tables of the channels train and, where there is one, validation.

    Raises:
        UserError: no channel train, or channels whose files cannot be read together.
    """
    if "train" not in job.channels:
        given = f"the job has {listing(tuple(job.channels))}" if job.channels else "the job has no channels"
        raise UserError(f"there is no channel 'train': {given}; name the channel with the training data 'train'")
    options = csv_options(hyperparameters)
    tables: dict[str, list[AnyTable]] = {}
    layout = None
    for name in ("train", "validation"):
        if channel := job.channels.get(name):
            tables[name] = list(read_channel(channel.path, channel.content_type, options, layout))
            if not tables[name]:
                raise DataError(f"the files of the channel {name!r} are all empty", "put rows into them")
            first = tables["train"][0]
            layout = Layout.of(first) if isinstance(first, Table) else None
    _check_alike(tables)
    return tables


def _check_alike(tables: dict[str, list[AnyTable]]) -> None:
    parts = [part for channel in tables.values() for part in channel]
    if other := next((part for part in parts if type(part) is not type(parts[0])), None):
        raise DataError(
            f"{other.place.name} and {parts[0].place.name} are of different formats",
            "write all files as LIBSVM, or all as CSV or Parquet",
        )
    if not sum(part.rows for part in tables["train"]):
        raise DataError("the channel 'train' has a header and no rows", "put rows into its files")


def csv_options(hyperparameters: Hyperparameters) -> CsvOptions:
    """What the hyperparameters say about how CSV files are written."""
    references = (
        hyperparameters.target,
        *([] if hyperparameters.weight_column is None else [hyperparameters.weight_column]),
        *hyperparameters.ignore_columns,
        *hyperparameters.categorical_columns,
    )
    return CsvOptions(
        header={"auto": None, "true": True, "false": False}[hyperparameters.header],
        delimiter=None if hyperparameters.delimiter == "auto" else hyperparameters.delimiter,
        mentioned=tuple(reference for reference in references if isinstance(reference, str)),
        categorical=hyperparameters.categorical_columns,
    )


def understand(
    tables: dict[str, list[AnyTable]], hyperparameters: Hyperparameters
) -> tuple[Inferred | None, Schema, Task]:
    """What the columns are and what is to be learned; no `Inferred` for LIBSVM, whose features are all numbers."""
    dense = [table for table in tables["train"] if isinstance(table, Table)]
    if not dense:
        parts = [part for channel in tables.values() for part in channel if isinstance(part, SparseTable)]
        schema = Schema.from_names(max(part.matrix.shape[1] for part in parts))
        return None, schema, choose(hyperparameters, Kind.NUMBER, ())
    weight = 1 if hyperparameters.csv_weights else hyperparameters.weight_column
    roles = Roles(hyperparameters.target, weight, hyperparameters.ignore_columns, hyperparameters.categorical_columns)
    inferred = infer(dense, roles, wants_classes(hyperparameters.objective))
    return inferred, inferred.schema, choose(hyperparameters, inferred.target_kind, inferred.schema.classes)


def booster_params(hyperparameters: Hyperparameters, task: Task) -> dict[str, Any]:
    """What XGBoost is given: the job's parameters, the objective found, and this container's CPUs.

    Raises:
        UserError: parameters that do not fit the objective.
    """
    hyperparameters.check(task.objective)
    # Seeded by the round, a resumed job samples as an uninterrupted one would.
    params = {
        "nthread": usable_cpus(),
        "seed_per_iteration": 1,
        **hyperparameters.booster_params(),
        "objective": task.objective,
    }
    if task.num_class is not None:
        params["num_class"] = task.num_class
    params.setdefault("device", device.choose(params))
    return params


def with_classes(task: Task, parts: Sequence[rows.Rows]) -> Task:
    """The task with num_class worked out from whole-number labels, where it takes one and has none."""
    if not task.objective.startswith("multi:") or task.num_class is not None:
        return task
    return replace(task, num_class=max(2, int(max(part.label.max() for part in parts)) + 1))
