"""How a CSV file or request is written: its delimiter, and whether its first row is a header."""

from collections.abc import Collection

from container.data.cells import boolean, days, is_missing, number
from container.data.csv_rows import Dialect, first_rows
from container.data.schema import Schema
from container.data.stream import Ahead
from container.data.table import Kind
from container.errors import DataError, listing

_DELIMITERS = ("\t", ",", ";", "|", " ")
"""In the order of preference: text that is split at commas seldom holds tabs, and the other way round often."""


def of_training(data: bytes, *, header: bool | None, delimiter: str | None, mentioned: Collection[str]) -> Dialect:
    """The dialect of a training file. None for ``header`` or ``delimiter`` means: find out.

    A first row is a header where every cell is text, all differ, and the row below has a cell that is not
    text; or where it holds a column name that the hyperparameters mention.

    Raises:
        DataError: the header names a column twice.
    """
    delimiter = delimiter or find_delimiter(data)
    rows = first_rows(data, delimiter, 2)
    if not rows:
        return Dialect(delimiter)
    if header is None:
        header = bool(set(mentioned) & set(rows[0])) or _looks_like_header(rows)
    return Dialect(delimiter, header_names(rows[0]) if header else None, len(rows[0]))


def head(text: Ahead, delimiter: str | None, size: int, count: int) -> bytes:
    """The start of a file, ``size`` bytes at least and ``count`` rows whatever the delimiter, or all of it."""
    while len(data := text.ahead(size)) == size:
        whole = data[: data.rfind(b"\n") + 1]
        if all(len(first_rows(whole, of, count + 1)) > count for of in (delimiter, *_DELIMITERS) if of):
            return whole
        size *= 4
    return data


def find_delimiter(data: bytes) -> str:
    """The first delimiter that splits the leading rows into the same number of cells, more than one.

    Next best is one that is in every row, for then some rows are broken. Blanks must fit, and come last: text
    holds them too.
    """
    widths = {delimiter: {len(row) for row in first_rows(data, delimiter, 20)} for delimiter in _DELIMITERS}
    if len(widths[" "]) > 1:
        del widths[" "]
    present = [delimiter for delimiter in widths if min(widths[delimiter], default=1) > 1]
    return min(present, key=lambda delimiter: (delimiter == " ", len(widths[delimiter]) > 1), default=",")


def header_names(cells: list[str]) -> tuple[str, ...]:
    """Column names from a header row; a blank one is named after its place.

    Raises:
        DataError: a name occurs twice.
    """
    names = tuple(cell or (f"column {place}" if place < len(cells) - 1 else "") for place, cell in enumerate(cells))
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DataError(f"the header names {listing(doubled)} twice", "give every column a name of its own")
    return names


def _looks_like_header(rows: list[list[str]]) -> bool:
    first = [cell for cell in rows[0] if cell]
    if not first or len(first) < len(rows[0]) - 1 or len(set(first)) < len(first):
        return False
    if any(_is_value(cell) for cell in first):
        return False
    return len(rows) == 1 or any(_is_value(cell) or not cell for cell in rows[1])


def _is_value(cell: str) -> bool:
    return is_missing(cell) or any(parse(cell) is not None for parse in (number, boolean, days))


def of_request(data: bytes, schema: Schema, *, header: bool | None = None) -> Dialect:
    """The dialect of a CSV request, given the columns the model knows.

    ``header`` is the content type's own word (RFC 4180: ``header=present``), None where it is silent. Then
    the first row is a header where at least half its cells are names of the training table's columns and none
    of the others is a value, or
    where more rows follow and it holds nothing but text though the model takes numbers: that is a header
    with a mistake, or one for a model without names.
    """
    rows = first_rows(data, ",", 2)
    delimiter = "," if not rows or len(rows[0]) in schema.widths else _of_width(data, schema)
    if delimiter != ",":
        rows = first_rows(data, delimiter, 2)
    if not rows:
        return Dialect(delimiter)
    if header is None:
        header = _is_request_header(rows, schema)
    return Dialect(delimiter, header_names(rows[0]) if header else None, len(rows[0]))


def _of_width(data: bytes, schema: Schema) -> str:
    """The delimiter under which the first row has as many cells as the model takes, else the likeliest."""
    for delimiter in _DELIMITERS:
        rows = first_rows(data, delimiter, 1)
        if rows and len(rows[0]) in schema.widths:
            return delimiter
    return find_delimiter(data)


def _is_request_header(rows: list[list[str]], schema: Schema) -> bool:
    cells = rows[0]
    if schema.named:
        known = {*schema.names, *(other.name for other in schema.others)}
        if 2 * sum(cell in known for cell in cells) >= len(cells):
            return not any(_is_value(cell) for cell in cells if cell and cell not in known)
    if len(rows) == 1 or not _looks_like_header(rows[:1]):
        return False
    places = schema.numeric_positions(len(cells))
    if places is None:
        return any(feature.kind is not Kind.CATEGORY for feature in schema.features)
    return bool(places) and all(cells[place] for place in places)  # text with a missing number is a row
