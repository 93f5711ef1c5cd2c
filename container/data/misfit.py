"""What is said of a request whose columns are not those of the model's schema."""

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from container.data.table import Table
from container.errors import DataError, listing

if TYPE_CHECKING:
    from container.data.schema import Schema


def wrong_width(schema: "Schema", got: int) -> DataError:
    """The error of rows without names that have ``got`` cells."""
    expected = " or ".join(str(width) for width in schema.widths)
    if schema.targets and got == len(schema.features) + len(schema.others):
        remedy = f"leave out the target column {schema.targets[0]!r}" if schema.named else "leave out the target"
    elif schema.named:
        remedy = f"send {listing(schema.names, 4)} in this order, or a header row with the names"
    else:
        remedy = "send the feature values in training's order, without the target"
    return DataError(f"expected {expected} values per row, got {got}", remedy)


def absent(names: list[str], unknown: Sequence[str]) -> DataError:
    """The error of a table without the columns of these ``names``, which has ``unknown`` ones."""
    cause = f"the column {names[0]!r} is missing" if len(names) == 1 else f"missing columns: {listing(tuple(names))}"
    folded = {name.casefold(): name for name in unknown}
    close = difflib.get_close_matches(names[0].casefold(), folded, n=1)
    if close:
        return DataError(cause, f"is {folded[close[0]]!r} meant to be {names[0]!r}?")
    return DataError(cause, "send every column of training; leave a cell empty, or null, where it is not known")


_ONE_ORDER = "the model's columns have no names: send lists, or the same names in the same order in every record"


def check_same_names(table: Table) -> None:
    """Refuse records that name their values in several ways, for a model that knows no names: which comes first?"""
    lacking = next(iter(table.incomplete.items()), None)
    row = table.first_reordered() if lacking is None else lacking[1]
    if row is not None:
        raise DataError(
            "the names come in another order than the first record's"
            if lacking is None
            else f"the record has no {lacking[0]!r}, which others have",
            _ONE_ORDER,
            row=row,
        )


def check_names_as(table: Table, names: tuple[str, ...]) -> None:
    """Refuse records whose values have other names than the records before, for a model that knows no names.

    Raises:
        DataError: with the place of the first.
    """
    if table.names != names:
        cause = "the names, or their order, are not those of the records before"
        raise table.place.locate(DataError(cause, _ONE_ORDER, row=0))
