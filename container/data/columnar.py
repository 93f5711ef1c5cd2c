"""Parquet to a `Table`; names and types come with the file."""

from typing import Any

from container.data.arrow import from_arrow
from container.data.table import Place, Table
from container.errors import DataError, PayloadTooLargeError

MAX_CELLS = 1 << 28
"""Cells one request may unfold to (2 GiB as float64): a few kilobytes of Parquet can hold billions of equal rows."""


def read(data: bytes, place: Place, max_cells: int | None = None) -> Table:
    """Read a Parquet file. pandas' index columns are left out.

    Raises:
        DataError: the bytes are not Parquet, are damaged, or hold a nested column.
        PayloadTooLargeError: more than ``max_cells`` cells.
    """
    import pyarrow as pa
    from pyarrow import parquet

    place = Place(place.name, "row")
    try:
        file = parquet.ParquetFile(pa.BufferReader(data))
        names = [field.name for field in file.schema_arrow if not field.name.startswith("__index_level_")]
        cells = file.metadata.num_rows * max(1, len(names))
        if max_cells is not None and cells > max_cells:
            raise PayloadTooLargeError(f"the Parquet body unfolds to {cells:,} cells; send at most {max_cells:,}")
        table: Any = file.read(columns=names)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0].partition(".")[0]
        raise place.locate(DataError(f"the Parquet file cannot be read: {reason}", "write it again, whole")) from None
    if len(set(names)) < len(names):
        raise place.locate(DataError("two columns have the same name", "give every column a name of its own"))
    try:
        columns = [from_arrow(column, name) for name, column in zip(names, table.columns, strict=True)]
    except DataError as error:
        raise place.locate(error) from None
    return Table(columns, tuple(names), table.num_rows, place)
