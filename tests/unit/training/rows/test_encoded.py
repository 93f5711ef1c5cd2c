"""Tables to what a DMatrix is made of."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Kind, Numbers, Place, SparseTable, Table, Text
from container.errors import DataError, UserError
from container.training.objective import Task
from container.training.rows.encoded import booster_names, from_table, join, take

FINITE = "is infinite or beyond what a 32-bit float holds"
REGRESSION = Task("reg:squarederror", "")
SCHEMA = Schema(
    (Feature("color", Kind.CATEGORY, 0, ("blue", "red")), Feature("area", position=3)),
    (Other("price", 1, Role.TARGET), Other("w", 2, Role.WEIGHT)),
    named=True,
)


def table(color=("red", "", "blue"), price=(1.0, 2, 3), w=(1.0, 0, 2), area=(4.0, np.nan, 6)) -> Table:
    columns = [Text.from_cells(color), *(Numbers(np.array(column)) for column in (price, w, area))]
    return Table(
        columns, ("color", "price", "w", "area"), len(price), Place("train/a.csv", line_of=lambda row: row + 2)
    )


def test_a_table_becomes_features_labels_and_weights():
    rows = from_table(table(), SCHEMA, REGRESSION)
    assert rows.features.column_names == ["color", "area"]
    assert rows.features["color"].combine_chunks().dictionary.to_pylist() == ["blue", "red"]
    assert rows.features["color"].combine_chunks().indices.to_pylist() == [1, None, 0]
    assert rows.features["area"].type == pa.float32()
    np.testing.assert_array_equal(rows.features["area"].to_numpy(), np.array([4, np.nan, 6], np.float32))
    assert (rows.label.tolist(), rows.weight.tolist(), rows.group) == ([1, 2, 3], [1, 0, 2], None)


@pytest.mark.parametrize(
    ("continues", "message"),
    [
        (False, "the class 'green' is none the training data has (train/a.csv line 3, column 'color'); add rows of it"),
        (True, "the class 'green' is none the model in the channel 'model' has learned (train/a.csv line 3, column "),
    ],
)
def test_a_class_that_is_not_known_is_named_and_who_lacks_it(continues, message):
    schema = Schema((Feature("area", position=3),), (Other("color", 0, Role.TARGET),), True, ("blue", "red"))
    with pytest.raises(DataError) as caught:
        from_table(table(color=("red", "green", "red")), schema, Task("binary:logistic", "", continues=continues))
    assert str(caught.value).startswith(message)


def test_text_labels_become_the_index_of_their_class():
    schema = Schema((Feature("area", position=3),), (Other("color", 0, Role.TARGET),), True, ("blue", "red"))
    rows = from_table(table(color=("red", "blue", "red")), schema, Task("binary:logistic", ""))
    assert rows.label.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"price": (1.0, np.nan, 3)}, "the label is missing (train/a.csv line 3, column 'price'); fill it in"),
        ({"price": (1.0, np.inf, 3)}, f"inf {FINITE} (train/a.csv line 3, column 'price')"),
        ({"w": (1.0, 1, np.nan)}, "the weight is missing (train/a.csv line 4, column 'w'); fill it in"),
        ({"w": (1.0, -1, 1)}, "the weight is negative (train/a.csv line 3, column 'w'); weights are 0 or more"),
        ({"area": (1.0, 1, np.inf)}, f"inf {FINITE} (train/a.csv line 4, column 'area')"),
    ],
)
def test_a_cell_that_cannot_be_is_named(given, message):
    with pytest.raises(DataError) as caught:
        from_table(table(**given), SCHEMA, REGRESSION)
    assert str(caught.value).startswith(message)


def spelled(categories: tuple[str, ...], values: tuple[float, ...]) -> tuple[Table, Schema]:
    features = Feature("code", Kind.CATEGORY, 0, categories), Feature("x", position=2)
    columns = [Numbers(np.array(values)), Numbers(np.zeros(len(values))), Numbers(np.zeros(len(values)))]
    schema = Schema(features, (Other("y", 1, Role.TARGET),), named=True)
    return Table(columns, ("code", "y", "x"), len(values), Place("validation/a.csv")), schema


def test_a_number_that_is_a_category_in_another_spelling_is_refused():
    rows, schema = spelled(("01", "02", "2", "A5"), (2, np.nan, 7, 1))
    with pytest.raises(DataError) as caught:
        from_table(rows, schema, REGRESSION)
    assert str(caught.value) == (
        "1 is a number here, and text in the training data: '01' (validation/a.csv line 4, column 'code'); "
        "name the column in categorical_columns, which takes every cell of CSV as it is written"
    )


def test_a_class_in_another_spelling_is_refused():
    rows = table(price=(1, 2, 1))
    schema = Schema((Feature("area", position=3),), (Other("price", 1, Role.TARGET),), True, ("01", "2"))
    with pytest.raises(
        DataError, match=r"^1 is a number here, and text in the training data: '01' \(train/a.csv line 2"
    ):
        from_table(rows, schema, Task("binary:logistic", ""))


def test_numbers_that_are_categories_as_they_are_spelled_here():
    rows, schema = spelled(("1", "2", "2.0", "A5"), (2, np.nan, 7, 1))
    codes = from_table(rows, schema, REGRESSION).features["code"].combine_chunks().indices
    assert codes.to_pylist() == [1, None, None, 0]


def libsvm(label=(1.0, 0.0), weight=None, group=None) -> SparseTable:
    matrix = sparse.csr_matrix(np.array([[0, 1.5], [2, 0]], np.float32))
    as_array = [None if of is None else np.array(of) for of in (label, weight, group)]
    return SparseTable(matrix, *as_array, Place("train/a"))


def test_queries_are_left_out_where_the_task_does_not_rank():
    rows = from_table(libsvm(weight=[1.0, 2], group=[7, 7]), Schema.from_names(4), REGRESSION)
    assert rows.group is None
    assert rows.weight.tolist() == [1, 2]


def test_sparse_rows_get_the_width_of_all_files():
    rows = from_table(libsvm(weight=[1.0, 2], group=[7, 7]), Schema.from_names(4), Task("rank:ndcg", ""))
    assert rows.features.shape == (2, 4)
    assert (rows.label.tolist(), rows.weight.tolist(), rows.group.tolist()) == ([1, 0], [1, 2], [7, 7])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"label": None}, "the rows have no labels (train/a line 1); begin each row with its label"),
        (
            {"label": (1.0, np.inf)},
            f"inf {FINITE} (train/a line 2, column 'label')",
        ),
        ({"weight": (1.0, -2.0)}, "the weight is negative (train/a line 2, column 'weight'); weights are 0 or more"),
    ],
)
def test_a_sparse_row_that_cannot_be_is_named(given, message):
    with pytest.raises(DataError) as caught:
        from_table(libsvm(**given), Schema.from_names(2), REGRESSION)
    assert str(caught.value).startswith(message)


def test_rows_of_several_files_are_joined_in_their_order_and_taken_by_position():
    dense = join([from_table(table(), SCHEMA, REGRESSION)] * 2)
    assert dense.label.tolist() == [1, 2, 3, 1, 2, 3]
    taken = take(dense, np.array([4, 0]))
    assert (taken.label.tolist(), taken.weight.tolist()) == ([2, 1], [0, 1])
    assert taken.features["color"].to_pylist() == [None, "red"]
    one = from_table(libsvm(), Schema.from_names(2), REGRESSION)
    assert join([one, one]).features.toarray().tolist() == [[0, 1.5], [2, 0]] * 2


def test_weights_in_some_files_only_are_refused():
    parts = [from_table(libsvm(weight=weight), Schema.from_names(2), REGRESSION) for weight in (None, [1.0, 1])]
    with pytest.raises(UserError, match="some files have weights or query ids and others have none"):
        join(parts)


def test_names_xgboost_keeps_for_itself_are_changed_and_stay_distinct():
    schema = Schema(tuple(Feature(name) for name in ("a[0]", "a(0)", "b<c", "b_c", "plain", "größe")))
    assert booster_names(schema) == ["a(0)", "a(0)_2", "b_c", "b_c_2", "plain", "größe"]
