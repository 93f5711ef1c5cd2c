"""What the model's columns mean: which cell of a request is which feature."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from container.data.schema import Feature, Other, Role, Schema
from container.data.structured import read_json
from container.data.table import Kind, Place, SparseTable, Table, Text
from container.errors import DataError

HOUSES = Schema(
    (
        Feature("area", position=1),
        Feature("color", Kind.CATEGORY, 3, ("blue", "red")),
        Feature("sold", Kind.BOOLEAN, 4),
    ),
    (Other("price", 0, Role.TARGET), Other("id", 2, Role.IGNORED), Other("weight", 5, Role.WEIGHT)),
    named=True,
)
UNNAMED = Schema((Feature("f0", position=1), Feature("f1", position=2)), (Other("column 0", 0, Role.TARGET),))


def table(*rows: str, names: str | None = None) -> Table:
    columns = [Text.from_cells(cells) for cells in zip(*(row.split(",") for row in rows), strict=True)]
    return Table(columns, tuple(names.split(",")) if names else None, len(rows), Place())


def matrix(schema: Schema, given: Table) -> list[list[float]]:
    return np.nan_to_num(schema.encode(given).matrix(), nan=-1).tolist()


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(table("5,red,true", "6,,"), id="the features by position"),
        pytest.param(table("5,x1,red,true", "6,x2,,"), id="with the ignored column by position"),
        pytest.param(table("true,red,5", ",,6", names="sold,color,area"), id="by name in another order"),
        pytest.param(table("9,true,7,red,x1,5", "9,,7,,x2,6", names="price,sold,weight,color,id,area"), id="all names"),
        pytest.param(table("0,5,red,true", "0,6,,", names="note,area,color,sold"), id="a name the model does not know"),
    ],
)
def test_the_same_rows_however_they_come(given):
    assert matrix(HOUSES, given) == [[5, 1, 1], [6, -1, -1]]


@pytest.mark.parametrize("row", ["5,7", "5,id,7", "q1,5,id,7"])
def test_a_request_may_carry_the_group(row):
    others = (Other("y", 1, Role.TARGET), Other("query", 0, Role.GROUP), Other("id", 3, Role.IGNORED))
    ranking = Schema((Feature("a", position=2), Feature("b", position=4)), others, named=True)
    assert matrix(ranking, table(row)) == [[5, 7]]
    with pytest.raises(DataError, match="expected 2 or 3 or 4 values per row, got 5; leave out the target column 'y'"):
        ranking.encode(table("q1,1,5,id,7"))


def test_a_model_without_names_takes_its_own_and_else_positions():
    assert matrix(UNNAMED, table("1,2")) == [[1, 2]]
    assert matrix(UNNAMED, table("1,2", names="x,y")) == [[1, 2]]
    assert matrix(UNNAMED, table("2,1", names="f1,f0")) == [[1, 2]]


def test_unseen_categories_are_counted_by_column():
    assert HOUSES.encode(table("5,green,true", "5,pink,true", "5,red,")).unseen == {"color": 2}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            table("1,2"),
            "expected 3 or 4 values per row, got 2; send 'area', 'color', 'sold' in this order, or a header row",
        ),
        (table("9,1,x,red,true,1"), "expected 3 or 4 values per row, got 6; leave out the target column 'price'"),
        (table("5,red", names="area,color"), "the column 'sold' is missing; send every column of training"),
        (table("5", names="area"), "missing columns: 'color', 'sold'; send every column of training"),
        (
            table("5,red,true", names="area,colour,sold"),
            "the column 'color' is missing; is 'colour' meant to be 'color'?",
        ),
        (table("5,red,true", names="AREA,color,sold"), "the column 'area' is missing; is 'AREA' meant to be 'area'?"),
        (table("5,red,true", "six,red,true"), "'six' is not a number (line 2, column 'area'); send a number"),
    ],
)
def test_what_does_not_fit_is_named(given, message):
    with pytest.raises(DataError) as caught:
        HOUSES.encode(given)
    assert message in str(caught.value)


def test_rows_of_a_wrong_width_for_a_model_without_names():
    with pytest.raises(DataError, match=r"expected 2 values per row, got 3; leave out the target$"):
        UNNAMED.encode(table("1,2,3"))
    with pytest.raises(
        DataError, match="expected 2 values per row, got 4; send the feature values in training's order"
    ):
        UNNAMED.encode(table("1,2,3,4"))


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ('[{"a":1,"b":2},{"b":2,"a":1}]', "the names come in another order than the first record's (instance 2)"),
        ('[{"a":1,"b":2},{"a":9}]', "the record has no 'b', which others have (instance 2)"),
        ('[{"a":1},{"a":1,"b":2}]', "the record has no 'b', which others have (instance 1)"),
    ],
)
def test_records_for_a_model_without_names_name_their_values_alike(records, message):
    with pytest.raises(DataError) as caught:
        UNNAMED.encode(read_json(records.encode()))
    assert str(caught.value).startswith(f"{message}; the model's columns have no names: send lists, or")
    assert matrix(UNNAMED, read_json(b'[{"b":1,"a":2},{"b":3,"a":4}]')) == [[1, 2], [3, 4]]
    f0_first = read_json(b'[{"f1":1,"f0":2},{"f0":3,"f1":4}]')
    assert matrix(UNNAMED, f0_first) == [[2, 1], [3, 4]]


def test_a_record_that_lacks_a_feature_is_named_and_one_that_lacks_another_column_is_not():
    rows = table("5,red,true,1", "5,red,true,1", names="area,color,sold,note")
    given = Table(rows.columns, rows.names, 2, Place(unit="instance"), {"note": 0, "color": 1})
    with pytest.raises(DataError) as caught:
        HOUSES.encode(given)
    assert str(caught.value) == "the record has no 'color' (instance 2); send null where it is not known"
    assert matrix(HOUSES, Table(rows.columns, rows.names, 2, Place(), {"note": 0})) == [[5, 1, 1], [5, 1, 1]]


def test_text_positions_are_those_of_the_categories():
    assert HOUSES.text_positions(None, 3) == {1}
    assert HOUSES.text_positions(None, 4) == {2}
    assert HOUSES.text_positions(None, 9) == set()
    assert HOUSES.text_positions(("sold", "color", "area"), 3) == {1}
    assert UNNAMED.text_positions(None, 2) == set()


def sparse_table(*rows: dict[int, float]) -> SparseTable:
    pairs = [(i, column, value) for i, row in enumerate(rows) for column, value in row.items()]
    row, column, value = zip(*pairs, strict=True)
    width = max(column) + 1
    return SparseTable(
        sparse.csr_matrix((value, (row, column)), (len(rows), width)), None, None, None, Place("a.libsvm")
    )


def test_sparse_rows_may_have_fewer_columns_than_the_model_and_not_more():
    Schema.from_names(3).check_sparse(sparse_table({0: 1.0}, {2: 1.0}))
    with pytest.raises(DataError) as caught:
        Schema.from_names(3).check_sparse(sparse_table({0: 1.0}, {0: 1.0, 3: 1.0}))
    assert str(caught.value) == (
        "the feature index 3 is beyond the model's 3 features (a.libsvm line 2); "
        "use indices from 0 to 2, as in training"
    )


def test_sparse_rows_cannot_give_categories():
    with pytest.raises(
        DataError, match=r"the model has text columns \('color'\), which indices and numbers cannot give"
    ):
        HOUSES.check_sparse(sparse_table({0: 1.0}))


NAMES = st.text(max_size=8)
FEATURES = st.builds(
    Feature, NAMES, st.sampled_from(Kind), st.integers(0, 99), st.lists(NAMES, max_size=3, unique=True).map(tuple)
)
OTHERS = st.builds(Other, NAMES, st.integers(0, 99), st.sampled_from(Role))
SCHEMAS = st.builds(
    Schema,
    st.lists(FEATURES, min_size=1, max_size=4).map(tuple),
    st.lists(OTHERS, max_size=3).map(tuple),
    st.booleans(),
    st.lists(NAMES, max_size=3).map(tuple),
)


@given(SCHEMAS)
def test_a_schema_survives_json(schema):
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


@pytest.mark.parametrize("damage", [{}, {"features": 1}, {"features": [{"name": "x"}]}, {"named": True}, []])
def test_anything_else_is_no_schema(damage):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Schema.from_json(damage)
