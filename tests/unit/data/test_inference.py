"""What each column is taken for."""

import json
from dataclasses import replace

import numpy as np
import pytest

from container.data.delimited import read
from container.data.dialect import of_training
from container.data.inference import Roles, infer, resolve
from container.data.profile import Profile
from container.data.schema import Role, Schema
from container.data.table import Kind, Numbers, Place, Table, Text
from container.errors import DataError, UserError


def csv(text: str, header: bool | None = None, name: str = "train/a.csv") -> Table:
    data = text.encode()
    return read(data, of_training(data, header=header, delimiter=None, mentioned=()), Place(name))


KEEP = "; name it in categorical_columns to keep it"


def column(name: str, cells: list[str], header: bool = True) -> Table:
    """A table of a target y and this column."""
    lines = [f"{i % 2},{cell}" for i, cell in enumerate(cells)]
    return csv("\n".join([f"y,{name}", *lines] if header else lines) + "\n", header=header)


def kind_of(cells: list[str]) -> Kind:
    (feature,) = infer([column("x", cells)], Roles()).schema.features
    return feature.kind


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "-1e3", "NA", ""], Kind.NUMBER),
        (["NA", "", "null"], Kind.NUMBER),
        (["true", "False", "TRUE", ""], Kind.BOOLEAN),
        (["2024-05-31", "2024-05-31T12:00Z", "NA"], Kind.DATE),
        (["red", "blue", "red", ""], Kind.CATEGORY),
        (["1", "2", "3", "A"], Kind.CATEGORY),
        (["2024-05-31", "soon"], Kind.CATEGORY),
        (["true", "false", "maybe"], Kind.CATEGORY),
        ([*map(str, range(20)), *["A"] * 5], Kind.CATEGORY),
        ([*map(str, range(30)), *(f"{i}A" for i in range(30)), *["0"] * 20], Kind.CATEGORY),
    ],
)
def test_kinds(cells, kind):
    assert kind_of(cells) is kind


def test_columns_keep_their_order_and_place():
    schema = infer([csv("area,price,color,id\n1,2,red,3\n2,3,blue,4\n")], Roles(target="price", ignored=("id",))).schema
    assert [(f.name, f.kind, f.position) for f in schema.features] == [
        ("area", Kind.NUMBER, 0),
        ("color", Kind.CATEGORY, 2),
    ]
    assert [(o.name, o.position, o.role) for o in schema.others] == [("id", 3, Role.IGNORED), ("price", 1, Role.TARGET)]
    assert schema.named


def test_without_names_features_are_numbered_as_xgboost_does():
    schema = infer([csv("1,5,red\n2,6,blue\n")], Roles(target=1)).schema
    assert [(f.name, f.position) for f in schema.features] == [("f0", 0), ("f1", 2)]
    assert not schema.named


def test_categories_are_sorted_so_that_the_order_of_rows_does_not_matter():
    cells = ["b", "a", "c", "a"]
    there, back = column("x", cells), column("x", cells[::-1])
    assert infer([there], Roles()).schema.features == infer([back], Roles()).schema.features
    assert infer([there], Roles()).schema.features[0].categories == ("a", "b", "c")


def test_categories_of_all_files_count():
    tables = [column("x", ["b", "a"]), column("x", ["c"]), column("x", ["NA"])]
    assert infer(tables, Roles()).schema.features[0].categories == ("a", "b", "c")


def test_numbers_and_text_in_different_files_make_categories():
    tables = [column("x", ["1", "2"]), column("x", ["A"])]
    assert infer(tables, Roles()).schema.features[0].categories == ("1", "2", "A")


def test_a_column_named_as_categories_is_one():
    schema = infer([column("x", ["01", "1", "2"])], Roles(categorical=("x",))).schema
    assert schema.features[0].categories == ("01", "1", "2")


def test_parquet_numbers_named_as_categories_are_spelled_as_whole_numbers():
    table = Table([Numbers(np.array([0.0, 1, 0])), Numbers(np.array([20.0, np.nan, 5]))], ("y", "x"), 3, Place())
    assert infer([table], Roles(categorical=(1,))).schema.features[0].categories == ("20", "5")


class TestNearlyUniqueText:
    def test_is_left_out_with_a_reason(self):
        found = infer([csv("y,id,x\n" + "".join(f"{i},id{i},{i % 3}\n" for i in range(20)))], Roles())
        assert [f.name for f in found.schema.features] == ["x"]
        assert found.left_out == {"id": "text with 20 different values in 20 rows, such as an identifier" + KEEP}
        assert ("id", Role.IGNORED) in [(o.name, o.role) for o in found.schema.others]

    def test_is_kept_where_it_is_named_as_categories(self):
        found = infer([column("id", [f"id{i}" for i in range(20)])], Roles(categorical=("id",)))
        assert len(found.schema.features[0].categories) == 20
        assert found.left_out == {}

    def test_is_kept_in_few_rows(self):
        assert kind_of([f"id{i}" for i in range(19)]) is Kind.CATEGORY

    def test_is_kept_with_enough_repeats(self):
        assert kind_of([f"id{i}" for i in range(80)] + ["id0"] * 20) is Kind.CATEGORY

    def test_missing_cells_do_not_count(self):
        found = infer([csv("y,id,x\n" + "".join(f"{i},{f'id{i}' if i < 30 else ''},1\n" for i in range(100)))], Roles())
        assert found.left_out == {"id": "text with 30 different values in 30 rows, such as an identifier" + KEEP}

    def test_is_not_left_out_silently_where_nothing_else_is_there(self):
        with pytest.raises(UserError) as raised:
            infer([column("id", [f"id{i}" for i in range(20)])], Roles())
        assert str(raised.value) == (
            "no column is left to learn from: 'id' is text with 20 different values in 20 rows, such as an identifier; "
            "name it in categorical_columns to keep it, or add others"
        )

    def test_a_delimiter_that_splits_nothing_is_thought_of(self):
        data = b"y;a;b\n1;2;3\n4;5;6\n"
        table = read(data, of_training(data, header=None, delimiter=",", mentioned=()), Place("train/a.csv"))
        with pytest.raises(UserError, match="one besides the target, and has 1; if its cells are several, say in"):
            infer([table], Roles())


class TestStrayText:
    """Text among many numbers is a mistake in the data, and is named."""

    CELLS = (*map(str, range(30)), "1O", "5")

    def test_in_a_named_column(self):
        with pytest.raises(DataError) as caught:
            infer([column("x", self.CELLS)], Roles())
        assert str(caught.value) == (
            "'1O' stands in a column of numbers (train/a.csv line 32, column 'x'); "
            "leave the cell empty where the number is not known, or name the column in categorical_columns"
        )

    def test_in_a_later_file(self):
        tables = [column("x", self.CELLS[:30]), column("x", ["5", "n.a."])]
        with pytest.raises(DataError, match=r"'n.a.' stands in a column of numbers \(train/a.csv line 3, column 'x'\)"):
            infer(tables, Roles())

    def test_a_date_among_numbers(self):
        with pytest.raises(DataError, match="'2024-05-31' stands in a column of numbers"):
            infer([column("x", [*self.CELLS[:30], "2024-05-31"])], Roles())

    def test_a_first_row_of_names_that_was_not_taken_for_a_header(self):
        table = column("x", ["1999", *self.CELLS[:30]], header=False)
        text = "y,2020\n" + "".join(f"{i},{i}\n" for i in range(30))
        with pytest.raises(DataError) as caught:
            infer([csv(text)], Roles(target=1))
        assert str(caught.value) == (
            "'y' stands in a column of numbers (train/a.csv line 1, column 0); "
            "set header=true if the first row holds the columns' names"
        )
        assert infer([table], Roles()).schema.features[0].kind is Kind.NUMBER

    def test_the_first_row_of_a_later_part_of_a_file_is_no_header(self):
        later = replace(csv("1,n.a.\n", header=False), continues=True)
        with pytest.raises(DataError, match=r"; leave the cell empty where the number is not known"):
            infer([column("x", list(self.CELLS[:30]), header=False), later], Roles())

    def test_in_the_target(self):
        text = "y,x\n" + "".join(f"{cell},1\n" for cell in self.CELLS)
        with pytest.raises(DataError) as caught:
            infer([csv(text)], Roles())
        assert str(caught.value) == (
            "'1O' stands in a column of numbers (train/a.csv line 32, column 'y'); "
            "correct the cell, or leave the row out"
        )

    def test_long_text_is_cut(self):
        with pytest.raises(DataError, match=f"^'{'x' * 37}…' stands in"):
            infer([column("x", [*self.CELLS[:30], "x" * 5000])], Roles())

    def test_is_none_where_the_column_is_named_as_categories(self):
        assert infer([column("x", self.CELLS)], Roles(categorical=("x",))).schema.features[0].kind is Kind.CATEGORY

    def test_is_none_where_the_column_is_ignored(self):
        table = csv("y,x,z\n" + "".join(f"1,{cell},2\n" for cell in self.CELLS))
        assert [f.name for f in infer([table], Roles(ignored=("x",))).schema.features] == ["z"]


class TestTwoSpellings:
    """In a file of numbers only, 01 is 1; it is no other category than the 01 of a file with text."""

    NUMBERS = Table([Numbers(np.array([1.0, 2, 1])), Numbers(np.array([0.0, 1, 1]))], ("x", "y"), 3, Place("train/a"))

    @pytest.mark.parametrize("name", ["x", "y"])
    def test_are_refused(self, name):
        other = "y" if name == "x" else "x"
        tables = [replace(self.NUMBERS, names=(name, other)), csv(f"{name},{other}\nA5,1\n2,0\n01,0\n")]
        with pytest.raises(DataError) as caught:
            infer(tables, Roles(target="y"))
        assert str(caught.value) == (
            f"'01' is text here, and the number 1 where a file has numbers only (train/a.csv line 4, column '{name}'); "
            "name the column in categorical_columns, which takes every cell of CSV as it is written"
        )

    def test_on_another_host(self):
        profile = Profile.of([(self.NUMBERS, self.NUMBERS.columns[0])], "x")
        there = csv("y,x\n1,A5\n0,02\n")
        profile.add(Profile.of([(there, there.columns[1])], "x").summary())
        with pytest.raises(DataError, match=r"^'02' is text here, and the number 2 where .* \(column 'x'\)"):
            profile.categories()

    def test_are_none_where_text_spells_numbers_so_too(self):
        tables = [self.NUMBERS, csv("x,y\nA5,1\n2,0\n07,0\n")]
        schema = infer(tables, Roles(target="y")).schema
        assert schema.features[0].categories == ("07", "1", "2", "A5")

    def test_are_as_written_where_the_column_is_named(self):
        tables = [self.NUMBERS, csv("x,y\nA5,1\n01,0\n")]
        schema = infer(tables, Roles(target="y", categorical=("x",))).schema
        assert schema.features[0].categories == ("01", "1", "2", "A5")


def target(cells: list[str], wanted: bool | None = None):
    found = infer([csv("y,x\n" + "".join(f"{cell},1\n" for cell in cells))], Roles(), wanted)
    return found.target_kind, found.schema.classes


class TestTarget:
    @pytest.mark.parametrize(
        ("cells", "kind", "classes"),
        [
            (["1.5", "2", "3"], Kind.NUMBER, ()),
            (["0", "1", "1"], Kind.NUMBER, ()),
            (["yes", "no", "yes"], Kind.CATEGORY, ("no", "yes")),
            (["True", "False", "True"], Kind.BOOLEAN, ("False", "True")),
            (["c", "a", "b"], Kind.CATEGORY, ("a", "b", "c")),
        ],
    )
    def test_kind_and_classes(self, cells, kind, classes):
        assert target(cells) == (kind, classes)

    def test_a_boolean_target_of_parquet_has_its_classes_named(self):
        table = Table(
            [Numbers(np.array([0.0, 1, np.nan]), Kind.BOOLEAN), Numbers(np.arange(3.0))], ("y", "x"), 3, Place()
        )
        assert infer([table], Roles()).schema.classes == ("false", "true")

    @pytest.mark.parametrize(
        ("cells", "wanted", "message"),
        [
            (["NA", "", "NA"], None, "the target column has no values (column 'y'); check 'target' and the file"),
            (
                ["2024-01-01", "2024-01-02"],
                None,
                "the target column holds dates (column 'y'); name a column of numbers",
            ),
            (
                [f"v{i}" for i in range(25)],
                None,
                "the target column holds text with 25 different values in 25 rows, such as an identifier (column 'y')",
            ),
            (
                ["", "1", "low", "high"],
                False,
                "the target 'low' is text, and the objective needs numbers (train/a.csv line 4, column 'y'); "
                "name a numeric column in 'target', or use a binary: or multi: objective",
            ),
        ],
    )
    def test_what_cannot_be_one(self, cells, wanted, message):
        with pytest.raises(DataError) as caught:
            target(cells, wanted)
        assert str(caught.value).startswith(message)

    def test_text_that_comes_only_in_a_later_file_is_named_there(self):
        tables = [csv("y,x\n,1\n"), csv("y,x\nlow,1\n", name="train/b.csv")]
        with pytest.raises(DataError, match=r"the target 'low' is text, .* \(train/b.csv line 2, column 'y'\)"):
            infer(tables, Roles(), classes_wanted=False)

    @pytest.mark.parametrize(
        "labels",
        [
            pytest.param(Numbers(np.array([0.0, 1]), Kind.BOOLEAN), id="truth values"),
            pytest.param(replace(Text.from_cells(["1", "2.5"]), categorical=True), id="pandas' categories"),
        ],
    )
    def test_what_is_called_otherwise_is_numbers_where_those_are_wanted(self, labels):
        table = Table([labels, Numbers(np.arange(2.0))], ("y", "x"), 2, Place())
        inferred = infer([table], Roles(), classes_wanted=False)
        assert (inferred.target_kind, inferred.schema.classes) == (Kind.NUMBER, ())


def test_a_first_column_without_a_name_is_an_index():
    table = csv(",price,area\n0,5,6\n1,7,8\n")
    inferred = infer([table], Roles(target="price"))
    assert inferred.schema.names == ("area",)
    assert inferred.left_out == {"column 0": "a first column without a name, as an index is; give it one to keep it"}
    assert infer([csv("Unnamed: 0,price,area\n0,5,6\n")], Roles(target="price")).schema.names == ("area",)
    assert infer([csv(",area\n5,6\n7,8\n")], Roles(target="column 0")).schema.targets == ("column 0",)
    assert infer([table], Roles(target="price", weight=0)).left_out == {}
    assert infer([csv("column 0,column 1\n5,6\n")], Roles()).schema.targets == ("column 0",)
    with pytest.raises(UserError, match="the first column has no name, as an index has none; name the target's column"):
        infer([table], Roles())


NAMES = ("price", "area", "Lot.Area", "2020")


@pytest.mark.parametrize(
    ("reference", "position"),
    [("price", 0), ("Lot.Area", 2), ("2020", 3), (2020, 3), (1, 1), ("1", 1), (-1, 3), ("-4", 0)],
)
def test_a_column_is_found_by_name_or_position(reference, position):
    assert resolve(reference, NAMES, 4, "target") == position


@pytest.mark.parametrize(
    ("reference", "names", "message"),
    [
        ("prize", NAMES, "target: there is no column 'prize'; did you mean 'price'?"),
        ("PRICE", NAMES, "target: there is no column 'PRICE'; did you mean 'price'?"),
        ("lot_area", NAMES, "target: there is no column 'lot_area'; did you mean 'Lot.Area'?"),
        ("xyz", NAMES, "target: there is no column 'xyz'; the columns are 'price', 'area', 'Lot.Area', '2020'"),
        ("1_0", NAMES, "target: there is no column '1_0'; the columns are"),
        (
            "price",
            None,
            "target: there is no column 'price', for the data has no header row; give a position from 0 to 3",
        ),
        (4, NAMES, "target: there is no column 4; the data has 4 columns, 0 to 3"),
        (-5, NAMES, "target: there is no column -5; the data has 4 columns, 0 to 3"),
    ],
)
def test_a_column_that_is_not_there(reference, names, message):
    with pytest.raises(UserError) as caught:
        resolve(reference, names, 4, "target")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        (Roles(weight=0), "'weight_column' names the target column; the two must differ"),
        (Roles(target="x", weight="x"), "'weight_column' names the target column; the two must differ"),
        (Roles(ignored=("y",)), "'ignore_columns' names the column that 'target' names too; leave it out of one"),
        (Roles(weight=-1, ignored=("z",)), "'ignore_columns' names the column that 'weight_column' names too"),
        (Roles(ignored=("x", "z")), "no column is left to learn from; the data needs at least one besides the target"),
        (Roles(weight="w"), "weight_column: there is no column 'w'"),
        (Roles(ignored=("w",)), "ignore_columns: there is no column 'w'"),
        (Roles(categorical=("w",)), "categorical_columns: there is no column 'w'"),
        (Roles(group="w"), "group_column: there is no column 'w'"),
        (Roles(group="y"), "'group_column' names the target column; the two must differ"),
        (Roles(weight="x", group="x"), "'group_column' names the weight column; the two must differ"),
        (Roles(target="w", upper_bound="x"), "lower_bound_column: there is no column 'w'"),
        (Roles(target="x", upper_bound="x"), "'upper_bound_column' names the lower bound column; the two must differ"),
        (Roles(target=("x", "y", "x")), "'target' names a column twice; name each once"),
        (Roles(target="x,q"), "target: there is no column 'q'; the columns are"),
    ],
)
def test_roles_that_contradict_each_other(roles, message):
    with pytest.raises(UserError) as caught:
        infer([csv("y,x,z\n1,2,3\n4,5,6\n")], roles)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("target", [("z", "x"), "z,x", "z, 1", (2, 1)])
def test_several_targets_in_the_order_they_are_named(target):
    schema = infer([csv("y,x,z,w\n1,2,3,4\n4,5,6,5\n")], Roles(target=target, weight="w")).schema
    assert (schema.targets, schema.names) == (("z", "x"), ("y",))


def test_a_comma_in_the_name_of_the_one_target():
    schema = infer([csv('y,"a,b"\n1,2\n4,5\n')], Roles(target="a,b")).schema
    assert (schema.targets, schema.names) == (("a,b",), ("y",))


def test_several_targets_are_numbers():
    with pytest.raises(DataError, match="the target 'red' is text, and the objective needs numbers"):
        infer([csv("y,x,z\n1,red,3\n4,blue,6\n")], Roles(target=("y", "x")))


def test_groups_and_bounds_are_no_features():
    table = csv("x,query,from,to\n1,a,1,2\n2,b,4,\n")
    schema = infer([table], Roles(target="from", group="query", upper_bound="to")).schema
    assert (schema.names, schema.targets) == (("x",), ("from",))
    assert {o.name: o.role for o in schema.others} == {
        "query": Role.GROUP,
        "from": Role.TARGET,
        "to": Role.UPPER_BOUND,
    }


def test_the_schema_survives_json():
    found = infer([csv("y,color,day,id\nno,red,2024-01-01,1\nyes,blue,,2\n")], Roles(weight="id", ignored=("day",)))
    assert Schema.from_json(json.loads(json.dumps(found.schema.to_json()))) == found.schema


def test_a_value_of_the_dictionary_that_no_row_has_is_no_category():
    text = Text(np.array([0, 0, -1], dtype=np.int32), ["used", "unused"])
    table = Table([Numbers(np.arange(3.0)), text], ("y", "x"), 3, Place())
    assert infer([table], Roles()).schema.features[0].categories == ("used",)


def test_what_the_format_calls_categories_is_categories_though_they_look_like_numbers():
    codes = np.array([0, 1, 0], dtype=np.int32)
    parts = [
        Table(
            [Text(codes, ["0", "1"], categorical=True), Text(codes, ["02", "2"], categorical=True)],
            ("y", "x"),
            3,
            Place(),
        ),
        Table([Numbers(np.array([1.0])), Numbers(np.array([7.0]))], ("y", "x"), 1, Place()),
    ]
    inferred = infer(parts, Roles())
    assert inferred.schema.features[0].categories == ("02", "2", "7")
    assert inferred.schema.classes == ("0", "1")
    summary = Profile.of([(parts[0], parts[0].columns[1])], "x").summary()
    elsewhere = Profile.of([(parts[1], parts[1].columns[1])], "x")
    elsewhere.add(json.loads(json.dumps(summary)))
    assert elsewhere.kind() is Kind.CATEGORY
    assert elsewhere.categories() == ["02", "2", "7"]
