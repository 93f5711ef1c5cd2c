"""Query ids to the codes rows carry, and queries that lie on two hosts."""

from dataclasses import replace

import numpy as np
import pytest

from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Numbers, Place, Table, Text
from container.errors import DataError, UserError
from container.training.hosts.cluster import Cluster
from container.training.hosts.sharing import check_apart
from container.training.objective import Task
from container.training.rows.encoded import Rows, from_table
from container.training.rows.groups import codes
from container.training.rows.matrix import build

SCHEMA = Schema((Feature("x", position=1),), (Other("y", 0, Role.TARGET), Other("q", 2, Role.GROUP)), named=True)


def table(queries: Text | Numbers) -> Table:
    numbers = Numbers(np.arange(float(len(queries))))
    return Table([numbers, numbers, queries], ("y", "x", "q"), len(queries), Place("train/a.csv"))


def test_an_id_has_the_same_code_in_every_file_and_format():
    one, other = codes(Text.from_cells(["a", "7", "b", "a"]), "q"), codes(Text.from_cells(["c", "b", "a"]), "q")
    assert one[0] == one[3] == other[2]
    assert one[2] == other[1]
    assert len({*one.tolist(), *other.tolist()}) == 4
    assert codes(Numbers(np.array([7.0, -3])), "q").tolist() == [one[1], -3]


def test_long_numbers_and_leading_zeros_are_told_apart_in_text():
    found = codes(Text.from_cells(["90071992547409931", "90071992547409932", "01", "1", "9" * 30]), "q")
    assert len(set(found.tolist())) == 5
    assert found[0] == 90071992547409931


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (Text.from_cells(["a", "", "b"]), "the group is missing (train/a.csv line 2, column 'q'); fill it in"),
        (Numbers(np.array([1.0, np.nan])), "the group is missing (train/a.csv line 2, column 'q'); fill it in"),
        (Numbers(np.array([1.0, 2.0**53])), "the group 9007199254740992.0 is no whole number below 2^53 (train/a.csv"),
        (Numbers(np.array([1.5])), "the group 1.5 is no whole number below 2^53 (train/a.csv line 1, column 'q')"),
        (Numbers(np.array([np.inf])), "the group inf is no whole number below 2^53"),
    ],
)
def test_a_group_that_cannot_be_is_named(column, message):
    with pytest.raises(DataError) as caught:
        from_table(table(column), SCHEMA, Task("rank:ndcg", ""))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("query", "shown"), [("big", "a query"), ("12", "the query 12")])
def test_a_query_has_one_weight(query, shown):
    found = from_table(table(Text.from_cells([query, query])), SCHEMA, Task("rank:ndcg", ""))
    with pytest.raises(UserError, match=f"the rows of {shown} have different weights; in ranking a query has one"):
        build([replace(found, weight=np.array([1.0, 2.0]))], {"nthread": 1})


class Two(Cluster):
    """The first of two hosts; the other has these queries."""

    other: tuple[int, ...] = ()

    def gather(self, value):
        return [value, [*self.other] if isinstance(value, list) else None]


@pytest.mark.parametrize(("query", "shown"), [("big", "'big'"), ("12", "'12'")])
def test_a_query_on_two_hosts(query, shown):
    given = table(Text.from_cells([query, "5"]))
    rows: list[Rows] = [from_table(given, SCHEMA, Task("rank:ndcg", ""))]
    cluster = Two(("algo-1", "algo-2"), 0)
    object.__setattr__(cluster, "other", (6,))
    check_apart(rows, [given], SCHEMA, "train", cluster)
    object.__setattr__(cluster, "other", (6, int(rows[0].group[0])))
    with pytest.raises(UserError) as caught:
        check_apart(rows, [given], SCHEMA, "train", cluster)
    assert str(caught.value).startswith(
        f"the query {shown} of the channel 'train' has rows on algo-1 and on algo-2; write all its rows to one file"
    )
