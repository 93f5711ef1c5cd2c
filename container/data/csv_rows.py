"""CSV as Python's csv module reads it, row by row: for samples, and for messages that name a line."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from container.errors import DataError

if TYPE_CHECKING:
    import _csv

csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True)
class Dialect:
    """How one file or request is written: delimiter, names where the first row is a header, cells in that row."""

    delimiter: str = ","
    names: tuple[str, ...] | None = None
    width: int = 0


def rows(stream: BinaryIO, delimiter: str) -> Iterator[list[str]]:
    """The rows that are not blank."""
    return filter(None, csv.reader(_lines(stream), delimiter=delimiter))


def first_rows(data: bytes, delimiter: str, count: int) -> list[list[str]]:
    """The first rows that are not blank, cells stripped, at most ``count``."""
    found = []
    for row in rows(io.BytesIO(data), delimiter):
        found.append([cell.strip() for cell in row])
        if len(found) == count:
            break
    return found


def check_quotes(stream: BinaryIO, delimiter: str) -> None:
    """Refuse a quote that is never closed: both engines would take the rest of the file for one cell.

    Raises:
        DataError: with the line it opens on.
    """
    reader = csv.reader(chain(_lines(stream), ("\n", "0")), delimiter=delimiter)
    line, last = 1, [""]
    for row in reader:
        start, line, last = line, reader.line_num + 1, row
    if last != ["0"]:
        raise DataError(
            f"the quoted cell that opens on line {start} is never closed",
            "close it with a quote, or double the quote",
        )


def line_of(stream: BinaryIO, dialect: Dialect, row: int, *, plain: bool = False) -> int:
    """The 1-based line of the file on which a data row begins. Only messages ask, so it reads anew.

    ``plain`` says that there are neither quotes nor carriage returns, so that a line is a row, and counting is fast.
    """
    remaining = row + (dialect.names is not None)
    if plain:
        for number, text in enumerate(stream, start=1):
            if text != b"\n":
                if remaining == 0:
                    return number
                remaining -= 1
    reader, line = _reader(stream, dialect.delimiter), 1
    for cells in reader:
        if cells:
            if remaining == 0:
                break
            remaining -= 1
        line = reader.line_num + 1
    return line


def ragged(row: int, expected: int, got: int) -> DataError:
    """The error of a row of another width than the first."""
    return DataError(
        f"the row has {got} cells where the first has {expected}",
        "give every row as many, and quote cells that hold the delimiter",
        row=row,
    )


def first_ragged_row(stream: BinaryIO, dialect: Dialect, width: int, *, plain: bool = False) -> DataError:
    """The error of the first row of another width; ``plain`` as for `line_of`."""
    header = dialect.names is not None
    if plain:
        delimiter = dialect.delimiter.encode()
        widths = (line.count(delimiter) + 1 for line in stream if line != b"\n")
    else:
        widths = (len(row) for row in rows(stream, dialect.delimiter))
    for index, found in enumerate(widths):
        if found != width:
            return ragged(index - header, width, found)
    return DataError("the rows cannot be split into cells", "write plain CSV, quoting cells that hold the delimiter")


def _reader(stream: BinaryIO, delimiter: str) -> "_csv.Reader":
    return csv.reader(_lines(stream), delimiter=delimiter)


def _lines(stream: BinaryIO) -> io.TextIOWrapper:
    return io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="")
