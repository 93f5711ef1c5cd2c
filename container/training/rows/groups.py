"""The queries of ranking: from a column of ids to the codes rows carry."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from container.data.formats import AnyTable
from container.data.schema import Role, Schema
from container.data.table import Column, Numbers, Table, Text
from container.errors import DataError

_WHOLE = re.compile("0|-?[1-9][0-9]{0,17}")
_FIRST_OF_TEXT = -(10**18)
"""The codes of text go down from here, where no whole number of 18 digits is."""
_EXACT = 2.0**53
"""Below it float64, as which formats give numbers, tells every two whole numbers apart."""


def codes(column: Column, name: str) -> NDArray[np.int64]:
    """A code for each row's query, int64 of shape (rows,): the same for an id in every file and on every host.

    A whole number is its own code, text has a hash.

    Raises:
        DataError: an id is missing, or a number that is not told apart from its neighbours; with its row.
    """
    if isinstance(column, Numbers):
        wrong = ~(np.abs(column.values) < _EXACT) | (column.values != np.floor(column.values))
    else:
        wrong = column.codes < 0
    if wrong.any():
        row = int(np.argmax(wrong))
        if isinstance(column, Text) or np.isnan(column.values[row]):
            raise DataError("the group is missing", "fill it in, or leave the row out", row=row, column=name)
        cause = f"the group {float(column.values[row])!r} is no whole number below 2^53"
        raise DataError(cause, "write the ids as text", row=row, column=name)
    if isinstance(column, Numbers):
        return column.values.astype(np.int64)
    return np.array([*map(_code, column.values), 0], dtype=np.int64)[column.codes]


def _code(text: str) -> int:
    if _WHOLE.fullmatch(text):
        return int(text)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return _FIRST_OF_TEXT - int.from_bytes(digest) % (8 * 10**18)


def named(code: int) -> str:
    """The query as messages name it by its code alone: text ids cannot be had back."""
    return "a query" if code <= _FIRST_OF_TEXT else f"the query {code}"


def spelled(group: int, tables: Sequence[AnyTable], schema: Schema) -> str | None:
    """The query's id where it is text in one of the tables."""
    position = next((other.position for other in schema.others if other.role is Role.GROUP), None)
    if position is not None:
        for table in tables:
            column = table.columns[position] if isinstance(table, Table) else None
            if isinstance(column, Text):
                for text in column.values:
                    if _code(text) == group:
                        return repr(text)
    return None
