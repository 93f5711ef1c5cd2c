"""The block in the log that says what was read."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from container.data.inference import Roles, infer
from container.data.schema import Feature, Schema
from container.data.table import Kind, Numbers, Place, SparseTable, Table, Text
from container.training.boosting.continued import continued_schema
from container.training.objective import Task
from container.training.report import channel, describe
from container.training.rows.encoded import from_table


def numbers(*values: float, kind: Kind = Kind.NUMBER) -> Numbers:
    return Numbers(np.array(values, dtype=np.float64), kind)


def dense(names: tuple[str, ...] | None, *columns) -> Table:
    return Table(columns, names, len(columns[0]), Place("train/a"))


def report(table: Table, task: Task | None = None, **roles) -> str:
    inferred = infer([table], Roles(**roles))
    task = task or Task("reg:squarederror", "the target holds numbers")
    rows = from_table(table, inferred.schema, task)
    channels = {"train": channel([table, table], inferred.schema)}
    return describe(channels, [rows, rows], inferred, inferred.schema, task)


def test_columns_of_every_kind():
    table = dense(
        ("price", "area", "color", "day", "sold", "note"),
        numbers(1, 2, 6),
        numbers(1, np.nan, 3),
        Text.from_cells(["red", "", "blue"]),
        numbers(1, 2, 3, kind=Kind.DATE),
        numbers(0, 1, 0, kind=Kind.BOOLEAN),
        Text.from_cells(["x", "y", "z"]),
    )
    assert report(table, ignored=("note",)).splitlines() == [
        "Data",
        "  train         2 files, 6 rows, 6 columns named in the header or file, 16.7% of the feature cells missing",
        "  target        price: numbers from 1 to 6, mean 3",
        "  features      4: 1 number, 1 boolean, 1 date, 1 category",
        "    numbers     area",
        "    booleans    sold",
        "    dates       day",
        "    categories  color (2)",
        "  ignored       note, as asked",
        "  objective     reg:squarederror, the target holds numbers",
    ]


def test_categories_that_only_the_validation_data_has():
    train = dense(("price", "color"), numbers(1, 2, 3), Text.from_cells(["red", "blue", ""]))
    validation = dense(("price", "color"), numbers(1, 2, 3), Text.from_cells(["green", "red", ""]))
    schema = infer([train], Roles()).schema
    assert "does not have" not in channel([train], schema)
    unknown = "cells of categories the model does not have, which count as missing: color (2)"
    assert channel([validation, validation], schema).endswith(f"33.3% of the feature cells missing; {unknown}")


def test_text_that_is_left_out():
    table = dense(
        ("y", "id", "x"),
        numbers(*range(30)),
        Text.from_cells(map(str, "abcdefghijklmnopqrstuvwxyzäöüß")),
        numbers(*range(30)),
    )
    text = report(table)
    assert "  left out      id: text with 30 different values in 30 rows, such as an identifier; name it in" in text
    assert max(map(len, text.splitlines())) <= 118


def test_what_an_earlier_model_does_with_the_columns_is_said():
    names = ("y", "id", "x", "extra", "note")
    text = Text.from_cells(map(str, "abcdefghijklmnopqrstuvwxyzäöüß"))
    table = dense(names, numbers(*range(30)), text, *(numbers(*range(30)) for _ in range(3)))
    inferred = infer([table], Roles(ignored=("note",)))
    earlier = Schema((Feature("id", Kind.CATEGORY, 1, tuple(text.values)), Feature("x", position=2)), named=True)
    schema = continued_schema(replace(earlier, others=inferred.schema.others[-1:]), inferred.schema, inferred)
    task = Task("reg:squarederror", "the earlier model's", continues=True)
    lines = describe({}, [from_table(table, schema, task)], inferred, schema, task).splitlines()
    assert lines[2:] == [
        "  features      2: 1 number, 1 category",
        "    numbers     x",
        "    categories  id (30)",
        "  ignored       note, as asked",
        "  left out      extra: the earlier model has no such columns",
        "  objective     reg:squarederror, the earlier model's",
    ]


def test_classes_are_counted():
    table = dense(None, Text.from_cells(["no", "yes", "no"]), numbers(1, 2, 3))
    text = report(table, Task("binary:logistic", "the target holds two classes, 'no', 'yes'"))
    assert "  train         2 files, 6 rows, 2 columns without names, 0.0% of the feature cells missing" in text
    assert "  target        column 0: classes no (4), yes (2)" in text


@pytest.mark.parametrize(("label", "advised"), [((0.0, 1.0, 1.0), True), ((0.0, 1.0, 2.0), False)])
def test_a_classifier_is_advised_for_zeros_and_ones(label, advised):
    text = report(dense(("y", "x"), numbers(*label), numbers(1, 2, 3)))
    assert ("the target has only 0 and 1: set objective=binary:logistic to train a classifier" in text) is advised


def test_sparse_tables():
    matrix = sparse.csr_matrix(np.array([[0, 1.5, 0, 0], [2, 0, 0, 0]], np.float32))
    table = SparseTable(matrix, np.array([1.0, 3.0]), None, None, Place("train/a"))
    schema, task = Schema.from_names(4), Task("reg:squarederror", "as asked")
    channels = {name: channel([table], schema) for name in ("train", "validation")}
    text = describe(channels, [from_table(table, schema, task)], None, schema, task)
    assert text.splitlines() == [
        "Data",
        "  train         1 file, 2 rows, 4 features, 75.0% of the feature cells missing",
        "  validation    1 file, 2 rows, 4 features, 75.0% of the feature cells missing",
        "  target        label: numbers from 1 to 3, mean 2",
        "  features      4: 4 numbers",
        "  objective     reg:squarederror, as asked",
    ]


def test_very_many_columns_are_not_all_named():
    table = dense(("y", *(f"column{i}" for i in range(300))), numbers(1, 2), *(numbers(1, 2) for _ in range(300)))
    text = report(table)
    assert "column199" in text
    assert "column200" not in text
    assert "and 100 more" in " ".join(text.split())
