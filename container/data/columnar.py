"""Parquet to a `Table`; names and types come with the file."""

import json
import logging
import mmap
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from container.data.arrow import from_arrow
from container.data.encoding import as_text
from container.data.table import Column, Kind, Numbers, Place, Table
from container.errors import DataError, PayloadTooLargeError, listing

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

Names = tuple[str, ...]

CELLS = 1 << 21
"""Cells of a table of training data: 16 MB as float64."""

MAX_CELLS = 1 << 28
"""Cells one request may unfold to (2 GiB as float64): a few kilobytes of Parquet can hold billions of equal rows."""


def read(
    data: bytes,
    place: Place,
    max_cells: int | None = None,
    unwanted: Callable[[Names], Collection[str]] | None = None,
    known: Collection[str] = (),
) -> Table:
    """Read a Parquet file. pandas' index is left out, as ``DataFrame.to_numpy`` does, but what is ``known`` of it.

    ``unwanted`` says of the file's columns which are not used. They keep their names, but are not read: all missing.

    Raises:
        DataError: the bytes are not Parquet, are damaged, or hold a nested column.
        PayloadTooLargeError: more than ``max_cells`` cells.
    """
    return next(_tables(data, place, max_cells, unwanted, None, known))


def read_blocks(
    data: "bytes | mmap.mmap | pa.Buffer",
    place: Place,
    unwanted: Callable[[Names], Collection[str]],
    keep: Callable[[Table], Table],
    known: Collection[str] = (),
) -> list[Table]:
    """The same as tables of some rows each; ``keep`` is given each before the next is read."""
    return [keep(table) for table in _tables(data, place, None, unwanted, CELLS, known)]


def _tables(
    data: "bytes | mmap.mmap | pa.Buffer",
    place: Place,
    max_cells: int | None,
    unwanted: Callable[[Names], Collection[str]] | None,
    most: int | None,
    known: Collection[str],
) -> Iterator[Table]:
    """The rows, in tables of at most about ``most`` cells, or in one; at least one table."""
    import pyarrow as pa
    from pyarrow import parquet

    place = Place(place.name, "row")
    try:
        file = parquet.ParquetFile(pa.BufferReader(data))
        note = _pandas(file.schema_arrow)
        index = note.index_columns - set(known)
        names = tuple(field.name for field in file.schema_arrow if field.name not in index)
        named = sorted(name for name in index if not name.startswith("__index_level_"))
        if named and place.name:
            log.info("left out pandas' index of %s: %s", place.name, listing(tuple(named)))
        rows: int = file.metadata.num_rows
        cells = rows * max(1, len(names))
        if max_cells is not None and cells > max_cells:
            raise PayloadTooLargeError(f"the Parquet body unfolds to {cells:,} cells; send at most {max_cells:,}")
        left_out = unwanted(names) if unwanted else ()
        wanted = [name for name in names if name not in left_out]
        if len(set(names)) < len(names):
            raise place.locate(DataError("two columns have the same name", "give every column a name of its own"))
        if most is None or cells <= most or not wanted:
            whole = file.read(columns=wanted)
            if rows < 0 or len(whole) != rows:
                raise pa.ArrowInvalid("its footer does not say how many rows it has")
            yield _table(whole, rows, names, wanted, note.categorical, place)
            return
        start = 0
        for batch in file.iter_batches(max(1, most // len(names)), columns=wanted):
            part = pa.Table.from_batches([batch])
            yield _table(part, len(part), names, wanted, note.categorical, replace(place, line_of=partial(_row, start)))
            start += len(part)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last of a damaged column name
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


class _Pandas(NamedTuple):
    """What pandas' note in a file says of its columns, where Parquet has only the values."""

    categorical: set[str]
    index_columns: set[str]


def _pandas(schema: Any) -> _Pandas:
    """The columns that are dictionaries or were categories in pandas, and those that were a frame's index.

    The note's form: https://pandas.pydata.org/docs/development/developer.html
    """
    from pyarrow import types

    names = {field.name for field in schema}
    categorical = {field.name for field in schema if types.is_dictionary(field.type)}
    index = {name for name in names if name.startswith("__index_level_")}
    try:
        note = json.loads(schema.metadata[b"pandas"])
        categorical |= {column["name"] for column in note["columns"] if column["pandas_type"] == "categorical"}
        index |= {name for name in note["index_columns"] if isinstance(name, str) and name in names}
    except (KeyError, TypeError, ValueError):  # no such note, or none that pandas wrote
        pass
    return _Pandas(categorical, index if index < names else set())
