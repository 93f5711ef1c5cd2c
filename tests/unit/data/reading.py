"""What tests compare of tables: plain lists, whichever way a column is stored."""

import numpy as np

from container.data.cells import number
from container.data.table import Column, Numbers, Table


def cells_of(column: Column) -> list[float | str | None]:
    """None where missing, numbers where all cells are numbers, else text."""
    if isinstance(column, Numbers):
        return [None if np.isnan(value) else float(value) for value in column.values]
    texts = [None if code < 0 else column.values[code] for code in column.codes]
    if all(text is None or number(text) is not None for text in texts):
        return [None if text is None else number(text) for text in texts]
    return texts


def rows_of(table: Table) -> list[list[float | str | None]]:
    """The table row by row."""
    return [list(row) for row in zip(*map(cells_of, table.columns), strict=True)]
