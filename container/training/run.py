"""One training job, start to end: channels → tables → plan → DMatrix → rounds → model file."""

import logging
import tempfile
import time
from pathlib import Path

import numpy as np
import xgboost

from container.contract.job import TrainingJob
from container.contract.outcome import StopFlag
from container.contract.paths import OptMl
from container.errors import ModelError, UserError
from container.model import artifact
from container.training import cross_validation, matrix, rounds
from container.training.checkpoints import Checkpoints, identity
from container.training.earlier import load_earlier
from container.training.hyperparameters import Hyperparameters
from container.training.inputs import read_tables
from container.training.plan import Plan, make_plan

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
    earlier = load_earlier(job)
    if earlier is not None and hyperparameters.kfold:
        raise UserError("'_kfold': folds begin from nothing; leave it out, or the channel 'model'")
    plan = make_plan(read_tables(job, hyperparameters), hyperparameters, earlier)
    log.info("%s", plan.description)
    checkpoints = None
    if opt_ml.checkpoints.is_dir():  # the platform makes the folder when checkpoints are asked for
        about = identity(plan.params, hyperparameters, plan.schema, plan.parts, earlier)
        checkpoints = Checkpoints(opt_ml.checkpoints, about, hyperparameters.checkpoint_interval)
    log.info("Read in %.1f s; boosting %s rounds", time.monotonic() - started, hyperparameters.num_round)
    stop.defer()
    if hyperparameters.kfold:
        boosters = _train_folds(plan, hyperparameters, stop, checkpoints, opt_ml.output_data)
    else:
        boosters = [_train_one(plan, hyperparameters, stop, checkpoints, None if earlier is None else earlier.booster)]
    if stop.requested and not hyperparameters.save_model_on_termination:
        log.info("Stopped; no model is written, for save_model_on_termination is false")
        return
    for path in artifact.save_all(boosters, plan.schema, opt_ml.model):
        log.info("Model written to %s (%s bytes)", path, f"{path.stat().st_size:,}")
    log.info("Done after %.1f s", time.monotonic() - started)


def _train_one(
    plan: Plan,
    hyperparameters: Hyperparameters,
    stop: StopFlag,
    checkpoints: Checkpoints | None,
    earlier: xgboost.Booster | None,
) -> xgboost.Booster:
    train_data = matrix.build(plan.parts["train"], plan.params)
    validation = plan.parts.get("validation")
    validation_data = matrix.build(validation, plan.params, train_data) if validation else None
    return rounds.train(plan.params, hyperparameters, train_data, validation_data, stop, checkpoints, earlier).booster


def _train_folds(
    plan: Plan, hyperparameters: Hyperparameters, stop: StopFlag, checkpoints: Checkpoints | None, output: Path
) -> list[xgboost.Booster]:
    parts = [part for channel in plan.parts.values() for part in channel]
    folds = cross_validation.cross_validate(parts, plan.params, hyperparameters, stop, checkpoints)
    if not stop.requested:
        label = np.concatenate([part.label for part in parts])
        path = output / "predictions.csv"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(cross_validation.predictions_csv(label, folds.predictions, plan.task.objective))
        except OSError as error:
            raise ModelError(f"{path} cannot be written: {error.strerror}; free space, or mount it writable") from None
    return folds.boosters


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
