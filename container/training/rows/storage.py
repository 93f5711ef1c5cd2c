"""Where a job's data is while it trains: in memory, or what does not fit there in a cache folder on the disk."""

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scipy import sparse

from container.contract import allocator
from container.contract.outcome import StopFlag
from container.contract.resources import available_memory, is_in_memory, used_memory
from container.data.spill import Spill
from container.errors import UserError
from container.training.hosts.cluster import Cluster
from container.training.rows.encoded import Rows
from container.training.rows.estimate import Estimate, Shape

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

_TABLES = 0.4
"""The share of free memory that tables may take: each is there with what it is encoded to for a moment."""
_MOST = 0.92
"""The share of the limit to use: estimates err, and the kernel needs some for files."""
_WATCHED = 0.7
"""The share of the limit from which on reading is watched."""
_REMEDY = "take an instance with more memory"


@dataclass
class Storage:
    """``limit`` is the bytes of memory there are, None where that is not known."""

    limit: int | None
    cache_dir: Path
    spill: Spill = field(default_factory=Spill)
    external: bool = False
    _folder: Path | None = None

    @classmethod
    @contextmanager
    def opened(cls, cache_dir: str, stop: StopFlag, processes: int = 1) -> Iterator["Storage"]:
        """A storage whose folder is removed in the end, however that comes; ``processes`` share the memory."""
        limit = available_memory()
        storage = cls(None if limit is None else limit // processes, Path(cache_dir))
        if storage.limit is not None:
            budget = _TABLES * max(0, storage.limit - used_memory())
            storage.spill = Spill(storage.folder, budget, storage._check)
        stop.before_exit = storage.remove
        try:
            yield storage
        finally:
            storage.remove()

    @property
    def _most(self) -> float:
        return inf if self.limit is None else _MOST * self.limit

    def folder(self) -> Path:
        """The cache folder of this job, made when it is first asked for.

        Raises:
            UserError: it cannot be made, or is no place on a disk.
        """
        if self._folder is None:
            why = "what does not fit into memory"
            try:
                if is_in_memory(self.cache_dir.resolve()):
                    raise UserError(
                        f"'cache_dir': {self.cache_dir} is in memory (tmpfs) and cannot take {why}; "
                        f"name a folder on a disk, or {_REMEDY}"
                    )
                self._folder = Path(tempfile.mkdtemp(prefix="sagemaker-xgboost-", dir=self.cache_dir))
            except OSError as error:
                raise UserError(
                    f"'cache_dir': {self.cache_dir} cannot take {why}: {error.strerror}; "
                    f"name a folder that can be written to, or {_REMEDY}"
                ) from None
        return self._folder

    def remove(self) -> None:
        """Remove the cache folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def keep(self, rows: Rows) -> Rows:
        """The rows, on disk where tables had to be put there."""
        return self._on_disk(rows) if self.spill.full else rows

    def settle(
        self, parts: Mapping[str, list[Rows]], shape: Shape, need: Estimate, cluster: Cluster, what: str
    ) -> None:
        """Decide where the rows and their bins are to be, move the rows there, and say so in the log.

        Raises:
            UserError: it cannot fit; with the estimate and the limit.
        """
        used = _used()
        whole = used + need.in_memory
        data = f"{shape.rows:,} rows of {shape.features:,} columns, {what}"
        there = "" if self.limit is None else f" of the {_mb(self.limit)} MB there are,"
        log.info("Memory: training needs about %s MB%s for %s", _mb(whole), there, data)
        if not cluster.any(whole > self._most):
            return
        # All are read before the first is kept, so that either all are on disk or none.
        rows = 0 if self.spill.full else min(used, sum(_size(part) for of in parts.values() for part in of))
        if not cluster.any(whole - rows > self._most):
            log.info("Memory: the rows are put into %s, %s MB; their bins stay in memory", self.folder(), _mb(rows))
        else:
            self._go_external(need, used - rows, data, cluster)
        if not self.spill.full:  # else they are there already
            for channel in parts.values():
                channel[:] = [self._on_disk(part) for part in channel]

    def _go_external(self, need: Estimate, used: int, data: str, cluster: Cluster) -> None:
        for host, reason in zip(cluster.hosts, cluster.gather(self._refusal(need, used, data)), strict=True):
            if reason is not None:
                raise UserError(f"{host}: {reason}" if cluster.size > 1 else reason)
        self.external = True
        log.info(
            "Memory: trains with the data in %s, about %s MB, and about %s MB in memory",
            *(self.folder(), _mb(need.cache), _mb(used + (need.external or 0))),
        )

    def _refusal(self, need: Estimate, used: int, data: str) -> str | None:
        """Why this host cannot train with its bins on disk, if it cannot."""
        least = used + (need.in_memory if need.external is None else need.external)
        if least > self._most:
            why = " even with the data on disk" if need.external is not None else ""
            return (
                f"training needs about {_mb(least)} MB of memory{why}, and there are {_mb(self._most)} MB, for {data}; "
                f"{_REMEDY}"
            )
        free = shutil.disk_usage(self.folder()).free
        if free < need.cache:
            return (
                f"'cache_dir': the data takes about {_mb(need.cache)} MB there, and {self.cache_dir} has "
                f"{_mb(free)} MB free; name a folder with more room, or {_REMEDY}"
            )
        return None

    def _check(self) -> None:
        """Raise UserError where reading has come near the limit all the same: before the kernel ends the process."""
        if self.limit is None or used_memory() < _WATCHED * self.limit:
            return
        if (used := _used()) > self._most:
            raise UserError(
                f"reading the data has taken {_mb(used)} MB of memory, and there are {_mb(self.limit)} MB; {_REMEDY}, "
                "or leave columns of long or ever different text out of the files"
            )

    def _on_disk(self, rows: Rows) -> Rows:
        features = rows.features
        if isinstance(features, sparse.csr_matrix):
            arrays = self.spill.put([features.data, features.indices, features.indptr])
            return replace(rows, features=sparse.csr_matrix(tuple(arrays), shape=features.shape, copy=False))
        return replace(rows, features=self._mapped(features))

    def _mapped(self, table: "pa.Table") -> "pa.Table":
        import pyarrow as pa

        def write(file: BinaryIO) -> None:
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)

        return pa.ipc.open_file(pa.BufferReader(self.spill.write(write))).read_all()


def _used() -> int:
    """The bytes in use, without those that allocators hold of what was freed."""
    if pyarrow := sys.modules.get("pyarrow"):
        pyarrow.default_memory_pool().release_unused()
    allocator.trim()
    return used_memory()


def _size(rows: Rows) -> int:
    features = rows.features
    if isinstance(features, sparse.csr_matrix):
        return int(features.data.nbytes + features.indices.nbytes + features.indptr.nbytes)
    return int(features.nbytes)


def _mb(size: float) -> str:
    return f"{size / 1e6:,.0f}"
