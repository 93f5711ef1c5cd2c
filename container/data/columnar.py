"""Parquet to a `Table`; names and types come with the file."""

import json
import mmap
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from container.data.arrow import from_arrow
from container.data.encoding import as_text
from container.data.table import Column, Kind, Numbers, Place, Table
from container.errors import DataError, PayloadTooLargeError

if TYPE_CHECKING:
    import pyarrow as pa

Names = tuple[str, ...]

CELLS = 1 << 21
"""Cells of a table of training data: 16 MB as float64."""

MAX_CELLS = 1 << 28
"""Cells one request may unfold to (2 GiB as float64): a few kilobytes of Parquet can hold billions of equal rows."""


def read(
    data: bytes, place: Place, max_cells: int | None = None, unwanted: Callable[[Names], Collection[str]] | None = None
) -> Table:
    """Read a Parquet file. pandas' index columns are left out.

    ``unwanted`` says of the file's columns which are not used. They keep their names, but are not read: all missing.

    Raises:
        DataError: the bytes are not Parquet, are damaged, or hold a nested column.
        PayloadTooLargeError: more than ``max_cells`` cells.
    """
    return next(_tables(data, place, max_cells, unwanted, None))


def read_blocks(
    data: "bytes | mmap.mmap | pa.Buffer",
    place: Place,
    unwanted: Callable[[Names], Collection[str]],
    keep: Callable[[Table], Table],
) -> list[Table]:
    """The same as tables of some rows each; ``keep`` is given each before the next is read."""
    return [keep(table) for table in _tables(data, place, None, unwanted, CELLS)]


def _tables(
    data: "bytes | mmap.mmap | pa.Buffer",
    place: Place,
    max_cells: int | None,
    unwanted: Callable[[Names], Collection[str]] | None,
    most: int | None,
) -> Iterator[Table]:
    """The rows, in tables of at most about ``most`` cells, or in one; at least one table."""
    import pyarrow as pa
    from pyarrow import parquet

    place = Place(place.name, "row")
    try:
        file = parquet.ParquetFile(pa.BufferReader(data))
        names = tuple(field.name for field in file.schema_arrow if not field.name.startswith("__index_level_"))
        rows: int = file.metadata.num_rows
        cells = rows * max(1, len(names))
        if max_cells is not None and cells > max_cells:
            raise PayloadTooLargeError(f"the Parquet body unfolds to {cells:,} cells; send at most {max_cells:,}")
        left_out = unwanted(names) if unwanted else ()
        wanted = [name for name in names if name not in left_out]
        if len(set(names)) < len(names):
            raise place.locate(DataError("two columns have the same name", "give every column a name of its own"))
        categorical = _categorical(file.schema_arrow)
        if most is None or cells <= most or not wanted:
            yield _table(file.read(columns=wanted), rows, names, wanted, categorical, place)
            return
        start = 0
        for batch in file.iter_batches(max(1, most // len(names)), columns=wanted):
            part = pa.Table.from_batches([batch])
            yield _table(part, len(part), names, wanted, categorical, replace(place, line_of=partial(_row, start)))
            start += len(part)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0].partition(".")[0]
        raise place.locate(DataError(f"the Parquet file cannot be read: {reason}", "write it again, whole")) from None


def _row(start: int, row: int) -> int:
    return start + row + 1


def _table(table: Any, rows: int, names: Names, wanted: Sequence[str], categorical: set[str], place: Place) -> Table:
    try:
        read = {name: from_arrow(table.column(name), name) for name in wanted}
        for name in categorical & read.keys():
            read[name] = _as_categories(read[name])
    except DataError as error:
        raise place.locate(error) from None
    unread = Numbers(np.full(rows, np.nan))
    return Table([read.get(name, unread) for name in names], names, rows, place)


def _as_categories(column: Column) -> Column:
    if isinstance(column, Numbers):
        if column.kind is Kind.DATE:  # the days since 1970 are what says something about it
            return column
        column = as_text(column)
    return replace(column, categorical=True)


def _categorical(schema: Any) -> set[str]:
    """The columns that are dictionaries, or were in pandas, whose note says so where Parquet has only the numbers."""
    from pyarrow import types

    found = {field.name for field in schema if types.is_dictionary(field.type)}
    try:
        columns = json.loads(schema.metadata[b"pandas"])["columns"]
        return found | {column["name"] for column in columns if column["pandas_type"] == "categorical"}
    except (KeyError, TypeError, ValueError):  # no such note, or none that pandas wrote
        return found
