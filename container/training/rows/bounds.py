"""Times known by bounds: what survival:aft learns from where a column has the least and one the greatest."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from container.data import cells
from container.data.table import Column, Numbers, Text
from container.errors import DataError


def without_infinity(column: Column) -> Column:
    """The column with missing cells for infinite ones: both say that the event has not been seen."""
    if isinstance(column, Numbers):
        return replace(column, values=np.where(np.isposinf(column.values), np.nan, column.values))
    endless = np.array([*(cells.number(text) == np.inf for text in column.values), False], dtype=bool)
    return Text(np.where(endless[column.codes], np.int32(-1), column.codes), column.values)


def check_bounds(lower: NDArray[np.float64], upper: NDArray[np.float64], lower_name: str, upper_name: str) -> None:
    """Refuse bounds survival:aft cannot learn from, which XGBoost makes NaN of; both have shape (rows,).

    Raises:
        DataError: with the row of the first.
    """
    for wrong, values, name, words in (
        (lower < 0, lower, lower_name, "the lower bound must not be negative"),
        (upper <= 0, upper, upper_name, "the upper bound must be greater than 0"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(f"{words}, and this is {values[row]:g}", "correct it", row=row, column=name)
    if (upper < lower).any():
        row = int(np.argmax(upper < lower))
        raise DataError(
            f"the upper bound {upper[row]:g} is below the lower bound {lower[row]:g} in {lower_name!r}",
            "swap the two columns, or correct the row",
            row=row,
            column=upper_name,
        )
