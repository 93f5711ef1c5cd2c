"""What a job learns from its tables: the columns' meaning, the objective, and XGBoost's parameters."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from container.contract.job import TrainingJob
from container.contract.resources import usable_cpus
from container.data.formats import AnyTable
from container.data.inference import Agree, Inferred, Roles, infer
from container.data.schema import Role, Schema
from container.data.table import Kind, SparseTable, Table
from container.errors import UserError
from container.model.artifact import Artifact
from container.training import device
from container.training.boosting.continued import continued_schema, continued_task
from container.training.hosts.cluster import Cluster
from container.training.hosts.sharing import check_apart, check_same, is_sharded, share, sharers
from container.training.hyperparameters import constraints
from container.training.hyperparameters.parse import Hyperparameters
from container.training.objective import (
    Spread,
    Task,
    check_event_seen,
    check_metrics,
    choose,
    wants_classes,
    with_classes,
)
from container.training.report import channel, describe
from container.training.rows import encoded, matrix
from container.training.rows.encoded import Rows
from container.training.rows.inputs import Tables
from container.training.rows.storage import Storage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """Everything decided before the first round, and the rows encoded accordingly, by channel.

    ``description`` is the block for the log.
    """

    schema: Schema
    task: Task
    params: dict[str, Any]
    parts: dict[str, list[Rows]]
    description: str


def make_plan(
    tables: Tables,
    job: TrainingJob,
    hyperparameters: Hyperparameters,
    earlier: Artifact | None,
    cluster: Cluster,
    storage: Storage,
) -> Plan:
    """Decide, check and encode; an ``earlier`` model, where there is one, has decided most of it.

    On several hosts all decide the same, and each keeps its share of the rows. Each table is dropped from ``tables``
    as soon as it is encoded.

    Raises:
        UserError: hyperparameters that do not fit the data, or data that does not fit the earlier model.
        DataError: a cell that is not what its column holds; with file, line and column.
    """
    inferred, schema, task = _understand(tables, job, hyperparameters, cluster)
    if earlier is not None:
        schema = continued_schema(earlier.schema, schema, inferred)
        task = continued_task(earlier, task, asked=hyperparameters.objective)
    channels = {name: channel(of, schema) for name, of in tables.items()}
    sparse = [part for of in tables.values() for part in of if isinstance(part, SparseTable)]
    if not task.ranks and any(part.group is not None for part in sparse):
        log.info("The rows' queries (qid) are left out: %s does not rank", task.objective)
    # For the queries' names, should one lie on two hosts.
    apart = {
        name: _with_queries(of, schema)
        for name, of in tables.items()
        if cluster.size > 1 and is_sharded(job.channels[name])
    }
    parts = {name: _encoded(of, schema, task, storage) for name, of in tables.items()}
    spreads = {
        name: _spread([part.label for part in of], cluster, sharers(job.channels[name], cluster))
        for name, of in parts.items()
    }
    task = with_classes(task, spreads["train"])
    check_event_seen(task, spreads["train"])
    weighted = cluster.any(any(part.weight is not None for of in parts.values() for part in of))
    check_metrics(hyperparameters, task, reduce(Spread.joined, spreads.values()), weighted=weighted)
    params = constraints.resolve(_booster_params(hyperparameters, task, schema, cluster), schema)
    matrix.check_categories(params, schema)
    machine = ("nthread", "device", "verbosity")
    shared = {name: value for name, value in params.items() if name not in machine}
    check_same({"schema": schema.to_json(), "params": shared}, cluster)
    description = describe(channels, parts["train"], inferred, schema, task)
    for name, of in apart.items():
        check_apart(parts[name], of, schema, name, cluster)
    for name, whole in parts.items():
        if sharers(job.channels[name], cluster) > 1:
            parts[name] = [*map(storage.keep, share(whole, job.channels[name], cluster))]
    return Plan(schema, task, params, parts, description)


def _with_queries(tables: list[AnyTable], schema: Schema) -> list[AnyTable]:
    named = any(other.role is Role.GROUP for other in schema.others)
    return list(tables) if named else []


def _encoded(tables: list[AnyTable], schema: Schema, task: Task, storage: Storage) -> list[Rows]:
    """The rows of the tables, which are taken from the list one by one, so that memory never holds both whole."""
    parts = []
    tables.reverse()
    while tables:
        parts.append(storage.keep(encoded.from_table(tables.pop(), schema, task)))
    return parts


def _spread(labels: Sequence[NDArray[np.float64]], cluster: Cluster, copies: int) -> Spread:
    """Over all hosts, each of whose rows ``copies`` processes have."""
    there = [label for label in labels if len(label)]
    least, greatest = min(map(np.min, there), default=np.inf), max(map(np.max, there), default=-np.inf)
    whole = all((label == np.floor(label)).all() for label in there)
    hosts = cluster.gather((sum(map(len, there)), float(least), float(greatest), whole))
    rows, all_least, all_greatest, all_whole = zip(*hosts, strict=True)
    return Spread(sum(rows) // copies, min(all_least), max(all_greatest), all(all_whole))


def _understand(
    tables: Tables, job: TrainingJob, hyperparameters: Hyperparameters, cluster: Cluster
) -> tuple[Inferred | None, Schema, Task]:
    """No `Inferred` for LIBSVM, whose features are all numbers."""
    dense = [table for table in tables["train"] if isinstance(table, Table)]
    if not dense:
        _check_sparse(hyperparameters)
        parts = [part for channel in tables.values() for part in channel if isinstance(part, SparseTable)]
        schema = Schema.from_names(max(cluster.gather(max(part.matrix.shape[1] for part in parts))))
        return None, schema, choose(hyperparameters, Kind.NUMBER, ())
    roles = _roles(hyperparameters)
    agree = _other_hosts(cluster) if cluster.size > 1 and is_sharded(job.channels["train"]) else None
    inferred = infer(dense, roles, wants_classes(hyperparameters.objective), agree)
    schema = inferred.schema
    return inferred, schema, choose(hyperparameters, inferred.target_kind, schema.classes, len(schema.targets))


def _roles(hyperparameters: Hyperparameters) -> Roles:
    target, ignored = hyperparameters.target, hyperparameters.ignore_columns
    if hyperparameters.lower_bound_column is not None:
        if "target" in hyperparameters.given and target != hyperparameters.lower_bound_column:
            ignored = (*ignored, *(target if isinstance(target, tuple) else (target,)))
        target = hyperparameters.lower_bound_column
    return Roles(
        target,
        weight=1 if hyperparameters.csv_weights else hyperparameters.weight_column,
        group=hyperparameters.group_column,
        upper_bound=hyperparameters.upper_bound_column,
        ignored=ignored,
        categorical=hyperparameters.categorical_columns,
    )


def _check_sparse(hyperparameters: Hyperparameters) -> None:
    """Refuse columns asked for where rows have labels and indices only."""
    if isinstance(hyperparameters.target, tuple):
        raise UserError("'target' names several columns, and sparse rows have one label; use CSV or Parquet")
    if hyperparameters.target != 0:
        raise UserError("'target' names a column, and sparse rows begin with their label; leave it out")
    remedies = {
        "group_column": "write qid:<number> after each label",
        "lower_bound_column": "use CSV or Parquet",
        "weight_column": "write label:weight",
        "ignore_columns": "leave those indices out of the rows",
        "categorical_columns": "use CSV or Parquet",
    }
    for name, remedy in remedies.items():
        if name in hyperparameters.given and getattr(hyperparameters, name) not in ((), None):
            raise UserError(f"{name!r} names a column, and sparse rows have none; {remedy}")


def _other_hosts(cluster: Cluster) -> Agree:
    """Pools what the hosts hold of each column."""
    return lambda summaries: [
        of for rank, of in enumerate(cluster.gather(summaries)) if cluster.speaks_for_another(rank)
    ]


def _booster_params(hyperparameters: Hyperparameters, task: Task, schema: Schema, cluster: Cluster) -> dict[str, Any]:
    """The job's parameters, the objective found, and this process's share of the CPUs and GPUs.

    Raises:
        UserError: parameters that do not fit the objective.
    """
    several = len(schema.targets) if len(schema.targets) > 1 else None
    hyperparameters.check(task.objective, task.num_class or several)
    # Seeded by the round, a resumed job samples as an uninterrupted one would.
    params = {
        "nthread": max(1, usable_cpus() // cluster.members),
        "seed_per_iteration": 1,
        **hyperparameters.booster_params(),
        "objective": task.objective,
    }
    if task.num_class is not None:
        params["num_class"] = task.num_class
    params["device"] = device.of_member(params, cluster)
    return params
