"""A job's channels to tables."""

from dataclasses import replace

from container.contract.job import TrainingJob
from container.data.channel import CsvOptions, Layout, has_files, read_channel
from container.data.formats import AnyTable
from container.data.inference import references
from container.data.spill import Spill
from container.data.table import Table
from container.errors import DataError, UserError, listing
from container.training.hosts.cluster import Cluster
from container.training.hosts.sharing import agree_on_tables, is_sharded
from container.training.hyperparameters.parse import Hyperparameters

Tables = dict[str, list[AnyTable]]
"""The tables of the channels ``train`` and, where there is one, ``validation``; all dense, or all sparse."""


def read_tables(
    job: TrainingJob, hyperparameters: Hyperparameters, cluster: Cluster, spill: Spill | None = None
) -> Tables:
    """Read the channels; of a sharded one, what this host was given of it.

    Raises:
        UserError: no channel train, channels whose files cannot be read together, or more than memory and disk hold.
    """
    if "train" not in job.channels:
        given = f"the job has {listing(tuple(job.channels))}" if job.channels else "the job has no channels"
        where = "" if job.channels else " (its folder is input/data/train)"
        raise UserError(f"there is no channel 'train': {given}; name the channel with the training data 'train'{where}")
    options = csv_options(hyperparameters)
    tables: Tables = {}
    layout = None
    for name in ("train", "validation"):
        if channel := job.channels.get(name):
            shard = cluster.size > 1 and is_sharded(channel)
            pipe, wrapped = channel.input_mode == "Pipe", channel.record_wrapper is not None
            found = []
            if not shard or pipe or has_files(channel.path):
                said = replace(options, sharded=shard)
                read = read_channel(
                    channel.path, channel.content_type, said, layout, pipe=pipe, wrapped=wrapped, spill=spill
                )
                found = list(read)
            tables[name] = agree_on_tables(found, cluster, name)
            if not tables[name]:
                raise DataError(f"the files of the channel {name!r} are all empty", "put rows into them")
            first = tables["train"][0]
            layout = Layout.of(first) if isinstance(first, Table) else None
    _check_alike(tables, cluster)
    return tables


def _check_alike(tables: Tables, cluster: Cluster) -> None:
    parts = [part for channel in tables.values() for part in channel]
    if other := next((part for part in parts if type(part) is not type(parts[0])), None):
        raise DataError(
            f"{other.place.name} and {parts[0].place.name} are of different formats",
            "write all files as sparse rows (LIBSVM, recordio-protobuf with keys), or all as columns",
        )
    for name, channel in tables.items():
        if not sum(cluster.gather(sum(part.rows for part in channel))):
            raise DataError(f"the channel {name!r} has a header and no rows", "put rows into its files")


def csv_options(hyperparameters: Hyperparameters) -> CsvOptions:
    """What the hyperparameters say about how the files are written."""
    columns = (
        hyperparameters.target,
        *references(hyperparameters.target, None),
        hyperparameters.weight_column,
        hyperparameters.group_column,
        hyperparameters.lower_bound_column,
        hyperparameters.upper_bound_column,
        *hyperparameters.ignore_columns,
        *hyperparameters.categorical_columns,
    )
    return CsvOptions(
        header={"auto": None, "true": True, "false": False}[hyperparameters.header],
        delimiter=None if hyperparameters.delimiter == "auto" else hyperparameters.delimiter,
        mentioned=tuple(column for column in columns if isinstance(column, str)),
        categorical=hyperparameters.categorical_columns,
        group=hyperparameters.group_column,
        ignored=hyperparameters.ignore_columns,
        csv_weights=hyperparameters.csv_weights,
        label_attribute=hyperparameters.label_attribute,
        record_identifier=hyperparameters.record_identifier,
        event_time=hyperparameters.event_time,
    )
