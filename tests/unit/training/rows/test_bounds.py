"""Labels of survival:aft given by two columns."""

import numpy as np
import pytest

from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Numbers, Place, Table, Text
from container.errors import DataError
from container.training.objective import Task
from container.training.rows.encoded import Rows, digest, from_table, join, take

SCHEMA = Schema((Feature("x", position=2),), (Other("from", 0, Role.TARGET), Other("to", 1, Role.UPPER_BOUND)), True)


def rows(lower: list[str], upper: list[str], *, text: bool) -> Rows:
    def column(cells: list[str]) -> Text | Numbers:
        return Text.from_cells(cells) if text else Numbers(np.array([float(cell or "nan") for cell in cells]))

    columns = [column(lower), column(upper), Numbers(np.zeros(len(lower)))]
    table = Table(columns, ("from", "to", "x"), len(lower), Place("train/a.csv"))
    return from_table(table, SCHEMA, Task("survival:aft", ""))


@pytest.mark.parametrize("text", [True, False])
def test_empty_and_inf_say_that_the_event_was_not_seen(text):
    found = rows(["1", "0", "3", "4"], ["2", "5", "", "inf"], text=text)
    assert (found.label.tolist(), found.upper.tolist()) == ([1, 0, 3, 4], [2, 5, np.inf, np.inf])
    both = take(join([found, found]), np.array([2, 4]))
    assert (both.label.tolist(), both.upper.tolist()) == ([3, 1], [np.inf, 2])
    assert digest([found]) != digest([rows(["1", "0", "3", "4"], ["2", "6", "", "inf"], text=text)])


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        ("-1", "2", "the lower bound must not be negative, and this is -1 (train/a.csv line 2, column 'from')"),
        ("0", "0", "the upper bound must be greater than 0, and this is 0 (train/a.csv line 2, column 'to')"),
        ("3", "2", "the upper bound 2 is below the lower bound 3 in 'from' (train/a.csv line 2, column 'to')"),
        ("", "2", "the label is missing (train/a.csv line 2, column 'from')"),
        ("inf", "", "inf is infinite or beyond what a 32-bit float holds (train/a.csv line 2, column 'from')"),
        ("1", "-inf", "-inf is infinite or beyond what a 32-bit float holds (train/a.csv line 2, column 'to')"),
    ],
)
@pytest.mark.parametrize("text", [True, False])
def test_bounds_that_cannot_be(lower, upper, message, text):
    with pytest.raises(DataError) as caught:
        rows(["1", lower], ["2", upper], text=text)
    assert str(caught.value).startswith(message)
