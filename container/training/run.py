"""One training job, start to end: channels → tables → plan → DMatrix → rounds → model file."""

import logging
import os
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import xgboost

from container.contract.job import TrainingJob
from container.contract.member import SINGLE, Member, accompanied
from container.contract.outcome import StopFlag, report_failure
from container.contract.paths import OptMl
from container.errors import ModelError, UserError
from container.model import artifact
from container.model.artifact import Artifact
from container.training import device
from container.training.boosting import cross_validation, rounds
from container.training.boosting.checkpoints import Checkpoints, identity, unrepeatable
from container.training.boosting.continued import continued_hyperparameters
from container.training.boosting.earlier import load_earlier
from container.training.hosts.cluster import Cluster, ClusterError, joined
from container.training.hosts.quantiles import with_start
from container.training.hosts.sharing import check_each_has_rows, tell_uneven_weights
from container.training.hosts.undivided import check_divisible, check_queries
from container.training.hyperparameters.parse import Hyperparameters
from container.training.plan import Plan, make_plan
from container.training.rows import matrix
from container.training.rows.estimate import Shape, estimate
from container.training.rows.inputs import read_tables
from container.training.rows.storage import Storage

log = logging.getLogger(__name__)


def run(job: TrainingJob, opt_ml: OptMl, stop: StopFlag, member: Member = SINGLE) -> None:
    """Train the job's model, with the job's other hosts and GPUs where there are some, and write it.

    Where another host fails, this process ends at once, with a failure file that names the host.

    Raises:
        ContainerError: the job cannot be done; the message says why, where, and what to change.
    """

    failure = opt_ml.failure if member.leads else None

    def end(reason: str) -> None:
        stop.before_exit()
        os._exit(report_failure(ClusterError(reason), failure))

    if member.leads:
        _prepare(opt_ml.model)
    hyperparameters = Hyperparameters.parse(job.hyperparameters)
    for warning in hyperparameters.warnings:
        log.warning("%s", warning)
    count = device.processes(job, hyperparameters) if member.leads else member.count
    try:
        with (
            accompanied(count if member.leads else 1),
            joined(job.resources, end, replace(member, count=count)) as cluster,
            Storage.opened(hyperparameters.cache_dir, stop, cluster.members) as storage,
        ):
            _train(job, hyperparameters, opt_ml, stop, cluster, storage)
    except Exception as error:
        if len(job.resources.hosts) * count > 1:
            # XGBoost's threads of a broken collective crash a process that ends in the usual order.
            os._exit(report_failure(error, failure))
        raise


def _train(
    job: TrainingJob,
    hyperparameters: Hyperparameters,
    opt_ml: OptMl,
    stop: StopFlag,
    cluster: Cluster,
    storage: Storage,
) -> None:
    started = time.monotonic()
    earlier = load_earlier(job)
    if earlier is not None:
        if hyperparameters.kfold:
            raise UserError("'_kfold': folds begin from nothing; leave it out, or the channel 'model'")
        hyperparameters = continued_hyperparameters(earlier, hyperparameters)
    objective = hyperparameters.objective if earlier is None else earlier.objective
    check_divisible(hyperparameters, objective, cluster, continues=earlier is not None)
    tables = read_tables(job, hyperparameters, cluster, storage.spill)
    plan = make_plan(tables, job, hyperparameters, earlier, cluster, storage)
    check_queries([part for channel in plan.parts.values() for part in channel], plan.task.objective, cluster)
    check_each_has_rows(plan.parts["train"], plan.task.objective, cluster)
    log.info("%s", plan.description)
    _settle(plan, hyperparameters, cluster, storage, continues=earlier is not None)
    checkpoints = None
    # The platform makes the folder when checkpoints are asked for.
    if cluster.any(opt_ml.checkpoints.is_dir()):
        if why := unrepeatable(plan.params):
            if cluster.leads:
                log.warning("No checkpoints are kept, and a job that is cut off begins anew: %s", why)
        else:
            about = identity(plan.params, hyperparameters, plan.schema, plan.parts, earlier, cluster)
            if cluster.leads and opt_ml.checkpoints.is_dir():
                checkpoints = Checkpoints(opt_ml.checkpoints, about, hyperparameters.checkpoint_interval)
    log.info("Read in %.1f s; boosting %s rounds", time.monotonic() - started, hyperparameters.num_round)
    stop.defer()
    if hyperparameters.kfold:
        boosters = _train_folds(plan, hyperparameters, stop, checkpoints, opt_ml.output_data)
    else:
        boosters = [_train_one(plan, hyperparameters, stop, checkpoints, earlier, cluster, storage)]
    if stop.requested and not hyperparameters.save_model_on_termination:
        log.info("Stopped; no model is written, for save_model_on_termination is false")
        return
    if not cluster.leads:
        log.info("Done after %.1f s; the first host writes the model", time.monotonic() - started)
        return
    for path in artifact.save_all(boosters, plan.schema, opt_ml.model):
        log.info("Model written to %s (%s bytes)", path, f"{path.stat().st_size:,}")
    log.info("Done after %.1f s", time.monotonic() - started)


def _train_one(
    plan: Plan,
    hyperparameters: Hyperparameters,
    stop: StopFlag,
    checkpoints: Checkpoints | None,
    earlier: Artifact | None,
    cluster: Cluster,
    storage: Storage,
) -> xgboost.Booster:
    build = partial(
        matrix.build,
        params=plan.params,
        codes_only=cluster.size > 1,
        cache=storage.folder() if storage.external else None,
        continues=earlier is not None,
    )
    # What a matrix was made of is not needed beside it.
    train_data = build(plan.parts.pop("train"))
    validation_data = build(plan.parts.pop("validation"), reference=train_data) if plan.parts else None
    tell_uneven_weights(train_data.get_weight(), plan.task.objective, cluster)
    params = with_start(plan.params, train_data, cluster) if earlier is None else plan.params
    start = None if earlier is None else earlier.booster
    booster = rounds.train(
        params, hyperparameters, train_data, validation_data, stop, checkpoints, start, cluster
    ).booster
    booster.feature_names = train_data.feature_names  # a host without rows has not kept them
    booster.feature_types = train_data.feature_types
    return booster


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
            predicted = folds.predictions, plan.task.objective, plan.schema.targets, plan.schema.classes
            path.write_text(cross_validation.predictions_csv(label, *predicted), "utf-8")
        except OSError as error:
            raise ModelError(f"{path} cannot be written: {error.strerror}; free space, or mount it writable") from None
    return folds.boosters


def _settle(
    plan: Plan, hyperparameters: Hyperparameters, cluster: Cluster, storage: Storage, *, continues: bool
) -> None:
    """Find out what training needs, and put on disk what does not fit into memory."""
    parts = [part for channel in plan.parts.values() for part in channel]
    shape = Shape.of(parts, plan.params.get("max_bin", 256))
    ranked = any(part.group is not None for part in parts)
    need = estimate(shape, plan.params, hyperparameters, ranked=ranked, continues=continues)
    what = f"{shape.bins} bins, depth {plan.params.get('max_depth', 6)}"
    if continues:
        what += ", and all values for the earlier model"
    storage.settle(plan.parts, shape, need, cluster, what)


def _prepare(folder: Path) -> None:
    """Make sure, before hours of training, that a model can be written, and that no old one is taken for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        artifact.remove_all(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ModelError(
            f"the model folder {folder} cannot be written to: {error.strerror}; mount it writable"
        ) from None
