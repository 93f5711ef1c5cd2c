"""Which rows each host of a cluster trains on, and what the hosts must agree on before they begin."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from container.contract.job import Channel
from container.data.channel import Layout
from container.data.formats import AnyTable
from container.data.schema import Schema
from container.data.table import Place, SparseTable, Table, Text
from container.errors import UserError
from container.training.hosts.cluster import Cluster
from container.training.rows.encoded import Rows, take
from container.training.rows.groups import named, spelled

log = logging.getLogger(__name__)

_EVEN = 1.1
"""Mean weights so near each other come by chance, and matter little."""


def is_sharded(channel: Channel) -> bool:
    """Whether the platform gave each host other files of this channel (ShardedByS3Key), some hosts perhaps none."""
    return channel.distribution == "ShardedByS3Key"


def sharers(channel: Channel, cluster: Cluster) -> int:
    """How many processes were given the same rows whole: of a sharded channel those of one host, else all."""
    return cluster.members if is_sharded(channel) else cluster.size


def share(parts: Sequence[Rows], channel: Channel, cluster: Cluster) -> Iterator[Rows]:
    """This process's part of what several were given whole, in equal blocks; the rows of a query stay together.

    Each part is taken when it is asked for, so that the one before can be on disk by then.
    """
    size = sharers(channel, cluster)
    rank = cluster.rank % size
    count, before = sum(len(part.label) for part in parts), 0
    begin, end = (count * place // size for place in (rank, rank + 1))
    for part in parts:
        if part.group is not None:
            index = np.flatnonzero(part.group % size == rank)
        else:
            first, last = (min(max(place - before, 0), len(part.label)) for place in (begin, end))
            index = np.arange(first, last)
        before += len(part.label)
        if len(index) or part is parts[0]:
            yield take(part, index)


def check_apart(
    parts: Sequence[Rows], tables: Sequence[AnyTable], schema: Schema, channel: str, cluster: Cluster
) -> None:
    """Make sure that every query of a sharded channel is on one host, for ranking compares its rows.

    Raises:
        UserError: one is on two.
    """
    own = np.unique(np.concatenate([part.group for part in parts if part.group is not None] or [np.empty(0, np.int64)]))
    where: dict[int, str] = {}
    for host, groups in zip(cluster.hosts, cluster.gather([] if cluster.member else own.tolist()), strict=True):
        for group in groups:
            if (other := where.setdefault(group, host)) == host:
                continue
            names = cluster.gather(spelled(group, tables, schema))
            raise UserError(
                f"{next((f'the query {name}' for name in names if name), named(group))} of the channel {channel!r} has "
                f"rows on {other} and on {host}; write all its rows to one file, or set the channel's "
                "S3DataDistributionType to FullyReplicated"
            )


def check_each_has_rows(parts: Sequence[Rows], objective: str, cluster: Cluster) -> None:
    """Refuse a host without rows of the channel ``train`` where XGBoost 3.4 fails on it once it trains.

    Raises:
        UserError: names the host.
    """
    if objective != "reg:absoluteerror":
        return
    for host, rows in zip(cluster.hosts, cluster.gather(sum(len(part.label) for part in parts)), strict=True):
        if not rows:
            raise UserError(
                f"{host} has no rows of the channel 'train', and {objective} needs some on each host; use fewer hosts, "
                "or write more files"
            )


def tell_uneven_weights(weight: NDArray[np.float32], objective: str, cluster: Cluster) -> None:
    """Warn where ``weight``, of this host's queries (queries,) or (0,), has another mean than on other hosts.

    XGBoost 3.4 divides the weights in ranking by their mean, and each host takes its own (src/common/ranking_utils.h).
    """
    if cluster.size == 1 or not objective.startswith("rank:"):
        return
    means = cluster.gather(float(weight.mean()) if weight.size else None)
    known = [(mean, host) for mean, host in zip(means, cluster.hosts, strict=True) if mean]
    if known and max(known)[0] > _EVEN * min(known)[0]:
        (most, heavy), (least, light) = max(known), min(known)
        log.warning(
            "the queries on %s have a mean weight of %.4g, and those on %s one of %.4g; XGBoost ranks as if both were "
            "the same, so spread heavy queries evenly over the hosts' files",
            *(heavy, most, light, least),
        )


def agree_on_tables(tables: list[AnyTable], cluster: Cluster, channel: str) -> list[AnyTable]:
    """The tables, or for a host without any, an empty one like those of the others.

    Raises:
        UserError: the hosts' files have different columns or formats.
    """
    if cluster.size == 1:
        return tables
    shapes = cluster.gather(_shape(tables[0]) if tables else None)
    known = [(host, shape) for host, shape in zip(cluster.hosts, shapes, strict=True) if shape is not None]
    for host, shape in known[1:]:
        if shape != known[0][1]:
            raise UserError(
                f"the files of the channel {channel!r} on {host} have other columns or another format than those on "
                f"{known[0][0]}; give every file the same columns"
            )
    return tables or ([_empty(known[0][1])] if known else [])


def _shape(table: AnyTable) -> dict[str, Any]:
    if isinstance(table, SparseTable):
        return {"sparse": True, "weight": table.weight is not None, "group": table.group is not None}
    layout = Layout.of(table)
    return {"sparse": False, "names": None if layout.names is None else list(layout.names), "width": layout.width}


def _empty(shape: Mapping[str, Any]) -> AnyTable:
    if shape["sparse"]:
        none = np.empty(0)
        return SparseTable(
            sparse.csr_matrix((0, 0), dtype=np.float32),
            none,
            none if shape["weight"] else None,
            none.astype(np.int64) if shape["group"] else None,
            Place(),
        )
    names = None if shape["names"] is None else tuple(shape["names"])
    return Table([Text.from_cells(()) for _ in range(shape["width"])], names, 0, Place())


def check_same(decided: Mapping[str, Any], cluster: Cluster) -> None:
    """Make sure that the hosts have decided the same; training on would give each another model.

    Raises:
        UserError: they have not, for channels said to be on every host whole are not.
    """
    digest = hashlib.sha256(json.dumps(decided, sort_keys=True, default=str).encode()).hexdigest()
    digests = cluster.gather(digest)
    different = [host for host, other in zip(cluster.hosts, digests, strict=True) if other != digests[0]]
    if different:
        raise UserError(
            f"{different[0]} has other data than {cluster.hosts[0]}, and the channel is not sharded; "
            "set its S3DataDistributionType to ShardedByS3Key, or give every host the same files"
        )
