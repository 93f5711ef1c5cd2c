"""JSON and JSON Lines to a `Table`: rows by position, or records by name."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import orjson

from container.data import cells, json_pieces
from container.data.table import Column, Kind, Numbers, Place, Table, Text
from container.errors import DataError, listing

_SHAPES = (
    'send {"instances": [[1, 2], …]}, {"instances": [{"name": 1, …}, …]}, {"instances": [{"features": [1, 2]}, …]}, '
    "a list of rows, or one row"
)


_EXACT = 2**53
"""From there on float64 does not hold every whole number, and an identifier could be another."""

CheckWidth = Callable[[int], None]
"""Refuses rows of so many values before columns are made of them."""

Unused = Callable[[tuple[str, ...]], Collection[str]]
"""Says which columns of these names are not used: they may hold anything, and become all missing."""


def read_json(data: bytes, check_width: CheckWidth | None = None, unused: Unused | None = None) -> Table:
    """Read ``{"instances": …}``, a list of rows or records, one row, one record, or a pandas split frame.

    Raises:
        DataError: the bytes are not JSON (with line and column), or their shape is none of these.
    """
    value = loads(data)
    place = Place(unit="instance")
    if isinstance(value, dict):
        if "instances" in value:
            value = value["instances"]
            if not isinstance(value, list):
                raise DataError("'instances' is not a list", _SHAPES)
        elif isinstance(value.get("data"), list) and isinstance(value.get("columns"), list):
            return _split_frame(value["columns"], value["data"], place, unused)
        elif "features" not in value and not _is_record(value, unused):
            raise DataError(f"the body has {listing(tuple(value))}, which is no form rows are read in", _SHAPES)
        else:
            value = [value]
    if not isinstance(value, list):
        raise DataError(f"the body is {_name(value)}, neither rows nor records", _SHAPES)
    if value and not any(isinstance(item, list | dict) for item in value):
        value = [value]
    return to_table(value, place, check_width, unused)


def read_json_lines(data: bytes, check_width: CheckWidth | None = None, unused: Unused | None = None) -> Table:
    """Read one row or record per line; blank lines are passed over.

    Raises:
        DataError: a line is not JSON, or neither a row nor a record; with its number.
    """
    values, lines = json_lines(data)
    place = Place(unit="line", line_of=lines.__getitem__)
    return to_table(values, place, check_width, unused)


def json_lines(data: bytes, *, lenient: bool = False) -> tuple[list[Any], list[int]]:
    """The value on each line that is not blank, a number as a row of one, and the lines' numbers.

    Where ``lenient``, the bytes of a line stand for the value that they are not.

    Raises:
        DataError: a line is not JSON; with its number.
    """
    values, lines = [], []
    for line, text in enumerate(data.split(b"\n"), start=1):
        if text.strip():
            lines.append(line)
            try:
                value = loads(text, f"line {line}")
            except DataError:
                if not lenient:
                    raise
                value = text
            values.append([value] if isinstance(value, int | float) else value)
    return values, lines


def loads(data: bytes, what: str = "the body") -> Any:
    """One JSON value; ``what`` is its name in messages.

    Raises:
        DataError: the bytes are not JSON; with line and column.
    """
    try:
        return json_pieces.loads(data)
    except orjson.JSONDecodeError as error:
        strict = error
    # Python's json.dumps writes NaN and Infinity, which orjson rightly refuses and Python's reader takes.
    try:
        return json.loads(data)
    except UnicodeDecodeError:
        raise DataError(f"{what} is not UTF-8 text", "send JSON in UTF-8") from None
    except RecursionError:
        raise DataError(f"{what} is nested too deep", _SHAPES) from None
    except json.JSONDecodeError:
        # Said in orjson's words: Python's change from one version to the next.
        where = f"column {strict.colno}" if what.startswith("line") else f"line {strict.lineno} column {strict.colno}"
        raise DataError(f"{what} is not JSON: {strict.msg} at {where}", "send valid JSON") from None
    except ValueError:  # Python's limit on the digits of a whole number
        raise DataError(f"{what} has a number with too many digits", "send numbers of at most 300 digits") from None


def _is_record(value: Mapping[str, Any], unused: Unused | None) -> bool:
    """Whether what is used of it is neither a list nor an object."""
    left_out = _left_out(tuple(value), unused)
    return not any(isinstance(item, list | dict) for name, item in value.items() if name not in left_out)


def _left_out(names: tuple[str, ...], unused: Unused | None) -> Collection[str]:
    """Those that are not used; none where that would be all, as then these are no records of such columns."""
    found = unused(names) if unused else ()
    return found if len(found) < len(names) else ()


def _split_frame(columns: list[Any], rows: list[Any], place: Place, unused: Unused | None) -> Table:
    names = tuple(str(name) for name in columns)
    left_out = _left_out(names, unused)
    blank = [index for index, name in enumerate(names) if name in left_out]
    for row in rows:
        for index in blank:
            if isinstance(row, list) and index < len(row):
                row[index] = None
    table = to_table(rows, place)
    if table.names is not None:
        raise DataError("'data' has records, which have names of their own", 'send lists beside "columns"')
    if table.rows and len(names) != len(table.columns):
        raise DataError(f"'columns' has {len(names)} names, the rows have {len(table.columns)} values", "give each one")
    if len(set(names)) < len(names):
        raise DataError("'columns' names a column twice", "give every column a name of its own")
    return Table(table.columns, names, table.rows, place)


def to_table(
    items: Sequence[Any], place: Place, check_width: CheckWidth | None = None, unused: Unused | None = None
) -> Table:
    """Rows, which are lists, or records, which are objects, as columns.

    Raises:
        DataError: an item is neither, or unlike the others; with its place.
    """
    try:
        rows = [_unwrap(item) for item in items]
        if not _are_records(rows):
            return Table(_by_position(rows, check_width), None, len(rows), place)
        names = dict.fromkeys(name for row in rows for name in row)
        incomplete: dict[str, int] = {}
        for index, row in enumerate(rows):
            if len(row) < len(names):
                for name in names.keys() - row.keys():
                    incomplete.setdefault(name, index)
        left_out = _left_out(tuple(names), unused)
        blank = Numbers(np.full(len(rows), np.nan))
        columns = [blank if name in left_out else to_column([row.get(name) for row in rows], name) for name in names]
        return Table(columns, tuple(names), len(rows), place, incomplete, partial(_first_reordered, rows))
    except DataError as error:
        raise place.locate(error) from None


def _unwrap(item: Any) -> Any:
    if isinstance(item, Mapping) and set(item) <= {"features", "label"} and isinstance(item.get("features"), list):
        return item["features"]
    return item


def _are_records(rows: Sequence[Any]) -> bool:
    """Whether all are objects, False where all are lists."""
    for index, row in enumerate(rows):
        if not isinstance(row, list | dict):
            raise DataError(f"{_name(row)} is neither a row nor a record", _SHAPES, row=index)
        if type(row) is not type(rows[0]):
            raise DataError("rows and records are mixed", "send all as lists or all as objects", row=index)
    return bool(rows) and isinstance(rows[0], dict)


def _first_reordered(rows: Sequence[Mapping[str, Any]]) -> int | None:
    order = list(rows[0])
    return next((index for index, row in enumerate(rows) if list(row) != order), None)


def _by_position(rows: Sequence[Any], check_width: CheckWidth | None) -> list[Column]:
    width = len(rows[0]) if rows else 0
    if check_width is not None and rows and not any(isinstance(value, list | dict) for value in rows[0]):
        check_width(width)
    for index, row in enumerate(rows):
        if len(row) != width:
            raise DataError(f"the row has {len(row)} values where the first has {width}", "send as many", row=index)
    return [to_column(values, None) for values in zip(*rows, strict=True)]


def to_column(values: Sequence[Any], name: str | None) -> Column:
    """JSON values as one column.

    Raises:
        DataError: one is a list or an object; with its row.
    """
    types = set(map(type, values)) - {type(None)}
    if types <= {float, int, bool}:
        numbers = np.array([_to_float(value) for value in values])
        if types - {float} != {int} or not (np.abs(numbers) >= _EXACT).any():
            return Numbers(numbers, Kind.BOOLEAN if types == {bool} else Kind.NUMBER)
    return Text.from_cells(_cell(value, row, name) for row, value in enumerate(values))


def _to_float(value: float | None) -> float:
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.inf


def _cell(value: Any, row: int, name: str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**64:  # orjson makes a float of any other
        return str(value)
    if isinstance(value, int | float):
        number = _to_float(value)
        return "" if np.isnan(number) else cells.number_text(number)
    raise DataError(f"{_name(value)} stands where a value belongs", "send a number, text or null", row=row, column=name)


def _name(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")
