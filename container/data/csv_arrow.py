"""CSV through pyarrow, a hundred times faster than the csv module on large data: whole, or block by block."""

import io
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from container.data.arrow import from_arrow
from container.data.cells import is_missing, missing_spellings, number
from container.data.csv_rows import Dialect, first_ragged_row, first_rows
from container.data.table import Column, Numbers, Text

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 1 << 20
"""Bytes that pyarrow parses at a time."""
_NO_NUMBER = "In CSV column #{}: CSV conversion error"
SAMPLE = 100
"""Rows that say which columns hold numbers; a later cell that is none is found when it comes."""


def read(data: bytes, dialect: Dialect, text: Collection[int]) -> list[Column]:
    """The columns of all rows.

    Raises:
        DataError: a row of another width than the first.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    as_text, width, rows = sampled(data, dialect, text)
    if not rows:
        return empty(width)
    block_size = BLOCK
    blank = re.match(rb"[\r\n]*", data).end()  # type: ignore[union-attr]  # arrow would count them as the header
    while True:
        try:
            table = arrow_csv.read_csv(
                pa.py_buffer(data).slice(blank), **options(dialect, as_text, width, block_size, b'"' in data)
            )
            return columns(table)
        except pa.ArrowInvalid as error:
            if not widen(error, as_text):
                if not straddles(error) or block_size >= len(data):
                    raise first_ragged_row(io.BytesIO(data), dialect, width) from None
                block_size = len(data)


def sampled(data: bytes, dialect: Dialect, text: Collection[int]) -> tuple[set[int], int, int]:
    """Of the first rows: the positions of the columns to read as text, those of ``text`` among them, how many cells
    the first has, and how many rows there are below a header, at most `SAMPLE`.
    """
    sample = first_rows(data, dialect.delimiter, SAMPLE)
    body = sample[1:] if dialect.names is not None else sample
    width = len(sample[0]) if sample else 0
    numeric = {j for j in range(width) if all(_is_numeric(row[j]) for row in body if j < len(row))}
    return {j for j in range(width) if j in text or j not in numeric}, width, len(body)


def _is_numeric(cell: str) -> bool:
    return is_missing(cell) or number(cell) is not None


def empty(width: int) -> list[Column]:
    """Columns without rows."""
    return [Text.from_cells(()) for _ in range(width)]


def options(dialect: Dialect, as_text: Collection[int], width: int, block_size: int, quoted: bool) -> dict[str, Any]:
    """What pyarrow's two readers of CSV are told; ``quoted`` says that there are quotes, which may hold line breaks."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [str(j) for j in range(width)]
    types = [pa.dictionary(pa.int32(), pa.string()) if j in as_text else pa.float64() for j in range(width)]
    return {
        "read_options": arrow_csv.ReadOptions(
            column_names=names,
            skip_rows_after_names=int(dialect.names is not None),
            block_size=block_size,
        ),
        # Line breaks in cells cost a third of the speed.
        "parse_options": arrow_csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=quoted),
        "convert_options": arrow_csv.ConvertOptions(
            column_types=dict(zip(names, types, strict=True)),
            null_values=missing_spellings(),
            strings_can_be_null=True,
        ),
    }


def columns(table: "pa.Table") -> list[Column]:
    """Arrow's columns as ours.

    Raises:
        ArrowInvalid: a cell that arrow takes for a number and `cells` does not, such as ``nan(ind)``.
    """
    import pyarrow as pa

    found = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        found.append(from_arrow(column, name))
        if isinstance(found[-1], Numbers) and np.count_nonzero(np.isnan(found[-1].values)) > column.null_count:
            raise pa.ArrowInvalid(f"{_NO_NUMBER.format(name)}: not a number")
    return found


def widen(error: Exception, as_text: set[int]) -> bool:
    """Whether the error is a cell that is no number; adds its column to those that are read as text."""
    if found := re.match(_NO_NUMBER.format(r"(\d+)"), str(error)):
        as_text.add(int(found[1]))
    return found is not None


def straddles(error: Exception) -> bool:
    """Whether the error is a row that is longer than a block."""
    return "straddling" in str(error)
