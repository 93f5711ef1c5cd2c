"""How a CSV file or request is written: its delimiter, and whether its first row is a header."""

from collections.abc import Collection

from container.data.cells import boolean, days, is_missing, number
from container.data.csv_rows import Dialect, first_rows
from container.data.schema import Schema
from container.data.stream import Ahead
from container.data.table import Kind
from container.errors import DataError, listing

_SAMPLE = 100
"""Rows that tell, where all of them are text, whether the first is like the others."""
_FEW = 20

_DELIMITERS = ("\t", ",", ";", "|", " ")
"""In the order of preference: text that is split at commas seldom holds tabs, and the other way round often."""


def of_training(data: bytes, *, header: bool | None, delimiter: str | None, mentioned: Collection[str]) -> Dialect:
    """The dialect of a training file. None for ``header`` or ``delimiter`` means: find out.

    A first row is a header where every cell is text, all differ, and the row below has a cell that is not
    text, or the rows below hold the same few words again and again but none of the first row's; or where it holds a
    column name that the hyperparameters mention.

    Raises:
        DataError: the header names a column twice.
    """
    delimiter = delimiter or find_delimiter(data)
    rows = first_rows(data, delimiter, 2)
    if not rows:
        return Dialect(delimiter)
    if header is None:
        header = bool(set(mentioned) & set(rows[0])) or _looks_like_header(rows)
        if not header and len(rows) > 1 and _looks_like_header(rows[:1]):
            header = _stands_apart(first_rows(data, delimiter, _SAMPLE))
    return Dialect(delimiter, header_names(rows[0]) if header else None, len(rows[0]))


def _stands_apart(rows: list[list[str]]) -> bool:
    """Whether no cell of the first row comes again in its column, in two columns at least of few different words."""
    if len(rows) < _FEW:
        return False
    repeating = 0
    for first, *cells in zip(*rows, strict=False):
        if first in cells:
            return False
        repeating += 2 * len(set(cells)) <= len(cells)
    return repeating > 1


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


def _refuse_names_or_values(rows: list[list[str]], schema: Schema) -> None:
    """Of one or two columns a row of values is too often what the names are; of more, nobody can tell."""
    if len(rows) > 1 and len(rows[0]) > 2 and tuple(rows[0]) == schema.names:
        raise DataError(
            f"the first row is as the model's column names are ({listing(schema.names, 3)}), and could hold values",
            "say which it is in the content type: 'text/csv; header=present' or 'text/csv; header=absent'",
        )


def _is_word(cell: str) -> bool:
    return any(map(str.isalpha, cell))


def _is_value(cell: str) -> bool:
    return is_missing(cell) or any(parse(cell) is not None for parse in (number, boolean, days))


def of_request(data: bytes, schema: Schema, *, header: bool | None = None) -> Dialect:
    """The dialect of a CSV request, given the columns the model knows.

    ``header`` is the content type's own word (RFC 4180: ``header=present``), None where it is silent. Then
    the first row is a header where at least half its cells are names of the training table's columns, not all of
    which look like values, and none of the others is a value; or
    where more rows follow and it holds nothing but words though the model takes numbers: that is a header
    with a mistake, or one for a model without names.

    Raises:
        DataError: the header names a column twice; or all names look like values, and the first row is as they are.
    """
    rows = first_rows(data, ",", 2)
    delimiter = "," if not rows or len(rows[0]) in schema.widths else _of_names(data, schema) or _of_width(data, schema)
    if delimiter != ",":
        rows = first_rows(data, delimiter, 2)
    if not rows:
        return Dialect(delimiter)
    if header is None:
        header = _is_request_header(rows, schema)
    return Dialect(delimiter, header_names(rows[0]) if header else None, len(rows[0]))


def _of_names(data: bytes, schema: Schema) -> str | None:
    """The delimiter under which the first row has the names of all the features, whatever stands beside them."""
    if not schema.named:
        return None
    heads = {delimiter: first_rows(data, delimiter, 1) for delimiter in _DELIMITERS}
    return next((of for of, rows in heads.items() if rows and set(schema.names) <= set(rows[0])), None)


def _of_width(data: bytes, schema: Schema) -> str:
    """The delimiter under which the first row has as many cells as the model takes, else the likeliest."""
    for delimiter in _DELIMITERS:
        rows = first_rows(data, delimiter, 1)
        if not rows or (delimiter == " " and any("," in cell for cell in rows[0])):  # text with blanks, too many cells
            continue
        if 1 < len(rows[0]) in schema.widths:  # one cell is what any row has under a delimiter it lacks
            return delimiter
    return find_delimiter(data)


def _is_request_header(rows: list[list[str]], schema: Schema) -> bool:
    cells = rows[0]
    if schema.named:
        known = {*schema.names, *(other.name for other in schema.others)}
        names = [cell for cell in cells if cell in known]
        if all(map(_is_value, names)):  # pandas names columns 0, 1, 2, …: a row of numbers may be names in any order
            _refuse_names_or_values(rows, schema)
        elif 2 * len(names) >= len(cells):
            return not any(_is_value(cell) for cell in cells if cell and cell not in known)
    if len(rows) == 1 or not _looks_like_header(rows[:1]) or not all(map(_is_word, filter(None, cells))):
        return False
    places = schema.numeric_positions(len(cells))
    if places is None:
        return any(feature.kind is not Kind.CATEGORY for feature in schema.features)
    return bool(places) and all(cells[place] for place in places)  # text with a missing number is a row
