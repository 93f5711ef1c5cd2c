"""Memory for what is read, and the disk for what is beyond it.

What is on disk is mapped: it looks like any other array, and the kernel reads it in and lets it go as memory allows.
The files have no name, so that they are gone with the process, however that ends.
"""

import mmap
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from container.data.formats import AnyTable
from container.data.stream import PIECE, Readable
from container.data.table import Numbers, Table
from container.errors import UserError

_ALIGNED = 64
_SAMPLE = 64
_WITHOUT_DESCRIPTOR: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}


class Spill:
    """Keeps up to ``budget`` bytes in memory and puts the rest into ``folder``, which is asked for when it is needed.

    ``check`` is called before each table that is kept; it may raise where memory runs short all the same.
    """

    def __init__(
        self,
        folder: Callable[[], Path] | None = None,
        budget: float = np.inf,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder, self._budget, self._check = folder, budget, check
        self.held = 0
        self.on_disk = 0

    @property
    def full(self) -> bool:
        """Whether what comes now goes to the disk."""
        return self._folder is not None and self.held > self._budget

    def keep[T: AnyTable](self, table: T) -> T:
        """The table with numbers as float32 where that is what they are, and on disk where memory is full.

        Raises:
            UserError: the disk cannot take it.
        """
        self._check()
        kept: AnyTable = table
        if isinstance(kept, Table):
            kept = replace(kept, columns=[_narrow(c) if isinstance(c, Numbers) else c for c in kept.columns])
        self.held += sum(array.nbytes for array in _arrays(kept))
        return cast(T, _with(kept, self.put(_arrays(kept))) if self.full else kept)

    def put(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """The same arrays, on disk.

        Raises:
            UserError: the disk cannot take them.
        """
        parts: list[Any] = []
        for array in arrays:
            parts += [np.ascontiguousarray(array), bytes(-array.nbytes % _ALIGNED)]
        mapped = self.write(lambda file: file.writelines([*parts, b"\0"]))  # no file without bytes can be mapped
        at, found = 0, []
        for array in arrays:
            found.append(np.frombuffer(mapped, array.dtype, array.size, at).reshape(array.shape))
            at += array.nbytes + -array.nbytes % _ALIGNED
        return found

    def spool(self, stream: Readable) -> "bytes | mmap.mmap":
        """All bytes of a stream that can be read but once, or only from start to end.

        Raises:
            UserError: the disk cannot take them.
        """
        pieces, size = list[bytes](), 0
        while piece := stream.read(PIECE):
            pieces.append(piece)
            size += len(piece)
            if self._folder is not None and size > self._budget / 4:
                return self.write(partial(_copy, pieces, stream))
        return b"".join(pieces)

    def write(self, write: Callable[[BinaryIO], object]) -> mmap.mmap:
        """What is written to a file, mapped; the file has no name and takes no descriptor.

        Raises:
            UserError: the disk cannot take it.
        """
        assert self._folder is not None
        folder = self._folder()
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                write(file)
                file.flush()
                self.on_disk += file.tell()
                return mmap.mmap(file.fileno(), file.tell(), access=mmap.ACCESS_READ, **_WITHOUT_DESCRIPTOR)
        except OSError as error:
            raise UserError(
                f"the cache folder {folder.parent} cannot take data that is larger than memory: {error.strerror} after "
                f"{self.on_disk / 1e6:,.0f} MB; name one with more room in cache_dir, or take more memory"
            ) from None


def _copy(pieces: Sequence[bytes], stream: Readable, file: BinaryIO) -> None:
    file.writelines(pieces)
    while piece := stream.read(PIECE):
        file.write(piece)


def _narrow(column: Numbers) -> Numbers:
    """The numbers as float32 where each of them is one, which takes half the memory."""
    values = column.values
    if values.dtype != np.float64 or not _same(values[:_SAMPLE]) or not _same(values):
        return column
    return replace(column, values=values.astype(np.float32))


def _same(values: NDArray[Any]) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.array_equal(values, values.astype(np.float32), equal_nan=True))


def _arrays(table: AnyTable) -> list[NDArray[Any]]:
    if isinstance(table, Table):
        return [column.values if isinstance(column, Numbers) else column.codes for column in table.columns]
    rows = table.matrix
    given = (table.label, table.weight, table.group)
    return [rows.data, rows.indices, rows.indptr, *(array for array in given if array is not None)]


def _with(table: AnyTable, arrays: Sequence[NDArray[Any]]) -> AnyTable:
    if isinstance(table, Table):
        columns = [
            replace(column, values=array) if isinstance(column, Numbers) else replace(column, codes=array)
            for column, array in zip(table.columns, arrays, strict=True)
        ]
        return replace(table, columns=columns)
    matrix = sparse.csr_matrix(tuple(arrays[:3]), shape=table.matrix.shape, copy=False)
    given = iter(arrays[3:])
    label, weight, group = (None if old is None else next(given) for old in (table.label, table.weight, table.group))
    return replace(table, matrix=matrix, label=label, weight=weight, group=group)
