"""CSV and its relatives: bytes to a `Table`, for files and for requests.

Two engines tokenise: Python's csv module for small payloads, where it answers in microseconds, and pyarrow
for large ones, where it is a hundred times faster. A property test holds them to the same tables.
"""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from container.data.arrow import from_arrow
from container.data.cells import is_missing, missing_spellings, number
from container.data.table import Column, Place, Table, Text
from container.errors import DataError

if TYPE_CHECKING:
    import _csv

_SMALL = 64 * 1024
"""Bytes up to which the csv module is faster than starting pyarrow's reader."""
_SMALL_COLUMN = 2 * 1024
"""Bytes of each column up to which it is: pyarrow takes some 150 microseconds to set a column up."""

csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True)
class Dialect:
    """How one file or request is written: delimiter, names where the first row is a header, cells in that row."""

    delimiter: str = ","
    names: tuple[str, ...] | None = None
    width: int = 0


def decode_text(data: bytes, charset: str | None) -> bytes:
    """The payload as UTF-8 without a byte-order mark, whatever charset it came in.

    Raises:
        DataError: the charset is unknown, or the bytes are not text in it (with the line).
    """
    if charset and charset.casefold() not in ("utf-8", "utf8", "us-ascii", "ascii"):
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
        line = _line_at(data, nul)
        raise DataError(f"line {line} holds a NUL byte, so this is not text", "send UTF-8 text")
    return data.removeprefix(b"\xef\xbb\xbf")


def _not_text(data: bytes, position: int, charset: str) -> DataError:
    return DataError(
        f"line {_line_at(data, position)} is not {charset} text (byte 0x{data[position]:02x})",
        "send UTF-8, or name the encoding as in 'text/csv; charset=latin-1'",
    )


def _line_at(data: bytes, position: int) -> int:
    return len(data[: position + 1].splitlines())


def first_rows(data: bytes, delimiter: str, count: int) -> list[list[str]]:
    """The first rows that are not blank, cells stripped, at most ``count``."""
    rows = []
    for row in _rows(data, delimiter):
        rows.append([cell.strip() for cell in row])
        if len(rows) == count:
            break
    return rows


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
    place = Place(place.name, place.unit, partial(_line_of, data, dialect))
    engine: Callable[[bytes, Dialect, Collection[int]], list[Column]] = (
        _read_csv if len(data) <= max(_SMALL, _SMALL_COLUMN * dialect.width) else _read_arrow
    )
    try:
        _check_quotes(data, dialect.delimiter)
        columns = engine(data, dialect, text)
    except DataError as error:
        raise place.locate(error) from None
    names = dialect.names
    trailing = len(columns) > 1 and (len(columns) not in widths if names is None else not names[-1])
    if trailing and _all_missing(columns[-1]):
        columns, names = columns[:-1], names[:-1] if names else None
    elif names is not None and not names[-1]:
        names = (*names[:-1], f"column {len(names) - 1}")
    return Table(columns, names, len(columns[0]) if columns else 0, place)


def _all_missing(column: Column) -> bool:
    if isinstance(column, Text):
        return bool((column.codes < 0).all())
    return bool(np.isnan(column.values).all())


def _rows(data: bytes, delimiter: str) -> Iterator[list[str]]:
    return filter(None, _reader(data, delimiter))


def _reader(data: bytes, delimiter: str) -> "_csv.Reader":
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="replace", newline="")
    return csv.reader(text, delimiter=delimiter)


def _check_quotes(data: bytes, delimiter: str) -> None:
    """Refuse a quote that is never closed: both engines would take the rest of the file for one cell."""
    if data.count(b'"') % 2 == 0:
        return
    reader = _reader(data + b"\n0", delimiter)
    line, last = 1, [""]
    for row in reader:
        start, line, last = line, reader.line_num + 1, row
    if last != ["0"]:
        raise DataError(
            f"the quoted cell that opens on line {start} is never closed",
            "close it with a quote, or double the quote",
        )


def _line_of(data: bytes, dialect: Dialect, row: int) -> int:
    """The 1-based line of the file on which a data row begins. Only messages ask, so it reads anew."""
    reader = _reader(data, dialect.delimiter)
    remaining, line = row + (dialect.names is not None), 1
    for cells in reader:
        if cells:
            if remaining == 0:
                break
            remaining -= 1
        line = reader.line_num + 1
    return line


def _ragged(row: int, expected: int, got: int) -> DataError:
    return DataError(
        f"the row has {got} cells where the first has {expected}",
        "give every row as many, and quote cells that hold the delimiter",
        row=row,
    )


def _read_csv(data: bytes, dialect: Dialect, text: Collection[int]) -> list[Column]:
    rows = list(_rows(data, dialect.delimiter))
    width = len(rows[0]) if rows else 0
    if dialect.names is not None:
        del rows[:1]
    for index, row in enumerate(rows):
        if len(row) != width:
            raise _ragged(index, width, len(row))
    return [Text.from_cells(cells) for cells in zip(*rows, strict=True)] or [Text.from_cells(()) for _ in range(width)]


def _read_arrow(data: bytes, dialect: Dialect, text: Collection[int]) -> list[Column]:
    from pyarrow import ArrowInvalid

    sample = first_rows(data, dialect.delimiter, 100)
    width = len(sample[0])
    body = sample[1:] if dialect.names is not None else sample
    if not body:
        return [Text.from_cells(()) for _ in range(width)]
    as_text = {j for j in range(width) if j in text or not all(_is_numeric(row[j]) for row in body if j < len(row))}
    block_size = 1 << 20
    while True:
        try:
            return _arrow_columns(data, dialect, as_text, width, block_size)
        except ArrowInvalid as error:
            message = str(error)
            if found := re.match(r"In CSV column #(\d+): CSV conversion error", message):
                as_text.add(int(found[1]))  # the sample looked like numbers, a later cell is none
            elif "straddling" in message and block_size < len(data):
                block_size = len(data)
            else:
                raise _first_ragged_row(data, dialect, width) from None


def _is_numeric(cell: str) -> bool:
    return is_missing(cell) or number(cell) is not None


def _first_ragged_row(data: bytes, dialect: Dialect, width: int) -> DataError:
    for index, row in enumerate(_rows(data, dialect.delimiter)):
        if len(row) != width:
            return _ragged(index - (dialect.names is not None), width, len(row))
    return DataError("the rows cannot be split into cells", "write plain CSV, quoting cells that hold the delimiter")


def _arrow_columns(data: bytes, dialect: Dialect, as_text: set[int], width: int, block_size: int) -> list[Column]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [str(j) for j in range(width)]
    types = [pa.dictionary(pa.int32(), pa.string()) if j in as_text else pa.float64() for j in range(width)]
    blank = re.match(rb"[\r\n]*", data).end()  # type: ignore[union-attr]  # arrow would count them as the header
    table = arrow_csv.read_csv(
        pa.py_buffer(data).slice(blank),
        read_options=arrow_csv.ReadOptions(
            column_names=names,
            skip_rows_after_names=int(dialect.names is not None),
            block_size=block_size,
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=dialect.delimiter,
            # Costs a third of the speed, so only where a quote could hold a line break.
            newlines_in_values=b'"' in data,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict(zip(names, types, strict=True)),
            null_values=missing_spellings(),
            strings_can_be_null=True,
        ),
    )
    return [from_arrow(column, name) for name, column in zip(names, table.columns, strict=True)]
