"""CSV and its relatives: bytes to a `Table`, for files and for requests.

Two engines tokenise: Python's csv module for small payloads, where it answers in microseconds, and pyarrow
for large ones, where it is a hundred times faster. A property test holds them to the same tables.
"""

import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np

from container.data import csv_arrow, csv_rows
from container.data.csv_rows import Dialect, first_rows
from container.data.stream import BYTE_ORDER_MARK
from container.data.table import Column, Place, Table, Text
from container.data.text import UTF8, line_at, not_text
from container.errors import DataError

__all__ = ["Dialect", "decode_text", "first_rows", "read"]

_SMALL = 64 * 1024
"""Bytes up to which the csv module is faster than starting pyarrow's reader."""
_SMALL_COLUMN = 2 * 1024
"""Bytes of each column up to which it is: pyarrow takes some 150 microseconds to set a column up."""


def decode_text(data: bytes, charset: str | None) -> bytes:
    """The payload as UTF-8 without a byte-order mark, whatever charset it came in.

    Raises:
        DataError: the charset is unknown, or the bytes are not text in it (with the line).
    """
    if charset and charset.casefold() not in UTF8:
        try:
            data = data.decode(charset).encode()
        except UnicodeDecodeError as error:
            raise _not_text(data, error.start, charset) from None
        except UnicodeEncodeError:
            raise DataError(f"the text is not valid {charset}", "send UTF-8") from None
        except (LookupError, ValueError):  # unknown, or none for text
            raise DataError(f"the charset {charset!r} is unknown", "send UTF-8") from None
    elif not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise _not_text(data, error.start, "UTF-8") from None
    if (nul := data.find(b"\0")) >= 0:
        raise DataError(f"line {line_at(data, nul)} holds a NUL byte, so this is not text", "send UTF-8 text")
    return data.removeprefix(BYTE_ORDER_MARK)


def _not_text(data: bytes, position: int, charset: str) -> DataError:
    return not_text(line_at(data, position), data[position], charset)


def read(
    data: bytes, dialect: Dialect, place: Place, text: Collection[int] = (), widths: Collection[int] = ()
) -> Table:
    """Read UTF-8 bytes, header row included where the dialect has names, as a `Table`.

    ``text`` are positions of columns whose cells stay text even where they look like numbers.
    A last column that is blank in the header and in every row (a trailing delimiter) is left out, unless there
    is no header and the rows have one of the ``widths`` that are known to be right.

    Raises:
        DataError: a row with more or fewer cells than the first, or a quote that is never closed.
    """
    place = Place(place.name, place.unit, lambda row: csv_rows.line_of(io.BytesIO(data), dialect, row))
    engine: Callable[[bytes, Dialect, Collection[int]], list[Column]] = (
        csv_arrow.read if len(data) > most_for_csv(dialect.width) else _read_csv
    )
    try:
        if data.count(b'"') % 2:
            csv_rows.check_quotes(io.BytesIO(data), dialect.delimiter)
        columns = engine(data, dialect, text)
    except DataError as error:
        raise place.locate(error) from None
    table = Table(columns, dialect.names, len(columns[0]) if columns else 0, place)
    return without_blank_column([table], dialect, widths, bool(columns) and all_missing(columns[-1]))[0]


def most_for_csv(width: int) -> int:
    """Bytes up to which the csv module is the faster of the two, for rows of so many cells."""
    return max(_SMALL, _SMALL_COLUMN * width)


def without_blank_column(
    tables: Sequence[Table], dialect: Dialect, widths: Collection[int], blank: bool
) -> list[Table]:
    """The tables of one file without the last column where it is there by a trailing delimiter only.

    ``blank`` says that all its cells are; ``widths`` as for `read`.
    """
    names, width = dialect.names, len(tables[0].columns)
    trailing = width > 1 and (width not in widths if names is None else not names[-1])
    if trailing and blank:
        names = names[:-1] if names else None
        return [replace(table, columns=table.columns[:-1], names=names) for table in tables]
    if names is not None and not names[-1]:
        names = (*names[:-1], f"column {width - 1}")
    return [replace(table, names=names) for table in tables]


def all_missing(column: Column) -> bool:
    """Whether no cell of the column has a value."""
    if isinstance(column, Text):
        return bool((column.codes < 0).all())
    return bool(np.isnan(column.values).all())


def _read_csv(data: bytes, dialect: Dialect, text: Collection[int]) -> list[Column]:
    rows = list(csv_rows.rows(io.BytesIO(data), dialect.delimiter))
    width = len(rows[0]) if rows else 0
    if dialect.names is not None:
        del rows[:1]
    for index, row in enumerate(rows):
        if len(row) != width:
            raise csv_rows.ragged(index, width, len(row))
    return [Text.from_cells(cells) for cells in zip(*rows, strict=True)] or csv_arrow.empty(width)
