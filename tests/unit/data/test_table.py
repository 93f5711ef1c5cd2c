"""Tables as readers return them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from container.data.table import Numbers, Place, Text
from container.errors import DataError


def test_text_is_stripped_and_encoded_by_value():
    column = Text.from_cells(["b", " a", "b ", "NA", "a", " ", ""])
    assert column.values == ["b", "a"]
    assert column.codes.tolist() == [0, 1, 0, -1, 1, -1, -1]
    assert column.codes.dtype == np.int32
    assert (len(column), column.row_of(1)) == (7, 1)


def test_missing_cells_are_counted():
    assert Text.from_cells(["b", "NA", "a", ""]).missing == 2
    assert Numbers(np.array([1.0, np.nan, np.inf], np.float32)).missing == 1


@given(st.lists(st.text(max_size=4)))
def test_codes_are_of_present_values_only(cells):
    column = Text.from_cells(cells)
    assert len(column.values) == len(set(column.values))
    assert set(column.codes.tolist()) - {-1} == set(range(len(column.values)))


def test_an_error_gets_its_place_once():
    place = Place("train/a.csv", "line", lambda row: row + 2)
    error = place.locate(DataError("cause", "remedy", row=3, column="x"))
    assert str(error) == "cause (train/a.csv line 5, column 'x'); remedy"
    assert Place("b.csv").locate(error) is error


def test_a_place_without_a_file_or_a_row():
    assert str(Place().locate(DataError("cause", row=0))) == "cause (line 1)"
    assert str(Place("a.csv").locate(DataError("cause", "remedy"))) == "cause (a.csv); remedy"
    assert str(Place().locate(DataError("cause", column="x"))) == "cause (column 'x')"
