"""One column's cells to float32, once its kind is known."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from container.data import cells
from container.data.table import Column, Kind, Numbers, Text
from container.errors import DataError

_PARSERS: dict[Kind, Callable[[str], float | None]] = {
    Kind.NUMBER: cells.number,
    Kind.BOOLEAN: lambda text: value if (value := cells.boolean(text)) is not None else _zero_or_one(text),
    Kind.INDICATOR: lambda text: value if (value := cells.boolean(text)) is not None else cells.number(text),
    Kind.DATE: cells.days,
}
_EXPECTED = {
    Kind.NUMBER: ("a number", "send a number, or leave the cell empty where it is not known"),
    Kind.BOOLEAN: ("true or false", "send true or false, or leave the cell empty where it is not known"),
    Kind.INDICATOR: ("true, false or a number", "send one, or leave the cell empty where it is not known"),
    Kind.DATE: ("an ISO date", "send it as 2024-05-31 or 2024-05-31T12:00:00Z, or leave the cell empty"),
}

AS_WRITTEN = "name the column in categorical_columns, which takes every cell of CSV as it is written"


def _zero_or_one(text: str) -> float | None:
    value = cells.number(text)
    return value if value is not None and are_zero_or_one(np.array(value)) else None


def are_zero_or_one(values: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which are, as float32: the compiled reader sees no more of them."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return np.asarray((narrow == 0) | (narrow == 1))


def encode(column: Column, kind: Kind, name: str, categories: tuple[str, ...] = ()) -> tuple[NDArray[np.float32], int]:
    """The column as float32 of shape (rows,), NaN where missing, and how many cells were unseen categories.

    A category becomes its index in ``categories``, a date its days since 1970-01-01 UTC.

    Raises:
        DataError: a cell is not of the kind, or not finite in float32; with its row.
    """
    if kind is Kind.CATEGORY:
        return _encode_categories(column, categories)
    values = _from_text(column, kind, name) if isinstance(column, Text) else _from_numbers(column, kind, name)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32, copy=False)
    infinite = np.isinf(narrow)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise DataError(
            f"{values[row]:g} is infinite or beyond what a 32-bit float holds",
            "send a finite number, or leave the cell empty",
            row=row,
            column=name,
        )
    return narrow, 0


def _from_text(column: Text, kind: Kind, name: str) -> NDArray[np.float64]:
    parse = _PARSERS[kind]
    parsed = [parse(text) for text in column.values]
    for code, value in enumerate(parsed):
        if value is None and (column.codes == code).any():
            what, remedy = _EXPECTED[kind]
            raise DataError(
                f"{shorten(column.values[code])} is not {what}", remedy, row=column.row_of(code), column=name
            )
    table = np.array([*(np.nan if value is None else value for value in parsed), np.nan])
    return table[column.codes]  # the code -1, missing, takes the last entry


def _from_numbers(column: Numbers, kind: Kind, name: str) -> NDArray[np.float64] | NDArray[np.float32]:
    values = column.values
    if kind is column.kind or (kind in (Kind.NUMBER, Kind.INDICATOR) and column.kind in (Kind.NUMBER, Kind.BOOLEAN)):
        return values
    wrong = ~np.isnan(values)
    if kind is Kind.BOOLEAN and column.kind is Kind.NUMBER:
        wrong &= ~are_zero_or_one(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        what, remedy = _EXPECTED[kind]
        got = "a date" if column.kind is Kind.DATE else f"{values[row]:g}"
        raise DataError(f"{got} is not {what}", remedy, row=row, column=name)
    return values


def _encode_categories(column: Column, categories: tuple[str, ...]) -> tuple[NDArray[np.float32], int]:
    index = _index(categories)
    if isinstance(column, Numbers):
        column = as_text(column)
    table = np.array([*(_lookup(index, text) for text in column.values), np.nan], dtype=np.float32)
    values = table[column.codes]
    return values, int(np.count_nonzero(np.isnan(values))) - column.missing


def check_spelling(column: Column, categories: tuple[str, ...], name: str) -> None:
    """Refuse a number that would be a category if its spelling were known: where a file has numbers only, 01 is 1.

    Raises:
        DataError: with its row.
    """
    if isinstance(column, Text) or column.kind is not Kind.NUMBER:
        return
    numbers = {text: cells.number(text) for text in categories}
    others = {value: text for text, value in numbers.items() if value is not None}
    lost = [value for value in others if cells.number_text(value) not in numbers]
    wrong = np.isin(column.values, lost)
    if wrong.any():
        row = int(np.argmax(wrong))
        value = float(column.values[row])
        cause = f"{cells.number_text(value)} is a number here, and text in the training data: {shorten(others[value])}"
        raise DataError(cause, AS_WRITTEN, row=row, column=name)


@lru_cache(maxsize=4096)
def _index(categories: tuple[str, ...]) -> dict[str, int]:
    return {category: code for code, category in enumerate(categories)}


def _lookup(index: dict[str, int], text: str) -> float:
    """A category's code: as written, else as the number it spells (20.0 finds 20), else NaN."""
    code = index.get(text)
    if code is None and (value := cells.number(text)) is not None:
        code = index.get(cells.number_text(value))
    return np.nan if code is None else code


def as_text(column: Numbers) -> Text:
    """Numbers as the categories they name, each in the one spelling of `cells.number_text`."""
    values = column.values
    distinct, codes = np.unique(values[~np.isnan(values)], return_inverse=True)
    spread = np.full(len(values), -1, dtype=np.int32)
    spread[~np.isnan(values)] = codes
    if column.kind is Kind.BOOLEAN:
        return Text(spread, ["true" if value else "false" for value in distinct])
    return Text(spread, [cells.number_text(float(value)) for value in distinct])


def distinct(column: Text) -> Sequence[str]:
    """The values that occur in the column."""
    used = np.zeros(len(column.values) + 1, dtype=bool)
    used[column.codes] = True
    return [value for value, occurs in zip(column.values, used[:-1], strict=True) if occurs]


def shorten(text: str) -> str:
    """The text in quotes, cut where a message would become too long."""
    return repr(text if len(text) <= 40 else text[:37] + "…")
