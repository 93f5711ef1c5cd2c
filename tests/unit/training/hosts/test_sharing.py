"""Which rows each process takes of what several were given."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from container.contract.job import Channel
from container.errors import UserError
from container.training.hosts import sharing
from container.training.hosts.cluster import Cluster
from container.training.rows.encoded import Rows

HOSTS = ("a", "a GPU 1", "b", "b GPU 1")
SHARDED, REPLICATED = "ShardedByS3Key", "FullyReplicated"


def part(first: int, count: int, queries: int | None = None) -> Rows:
    label = np.arange(first, first + count, dtype=np.float64)
    group = None if queries is None else label.astype(np.int64) // queries
    return Rows(pa.table({"x": pa.array(label.astype(np.float32))}), label, None, group)


def shares(parts: list[Rows], distribution: str) -> list[list[float]]:
    channel = Channel("train", None, distribution=distribution)
    own = [sharing.share(parts, channel, Cluster(HOSTS, rank, 2)) for rank in range(4)]
    return [[float(label) for rows in of for label in rows.label] for of in own]


@pytest.mark.parametrize("parts", [[part(0, 23)], [part(0, 3), part(3, 17), part(20, 3)]])
def test_equal_blocks_of_what_all_have_or_the_processes_of_a_host(parts):
    whole = [float(number) for number in range(23)]
    assert shares(parts, REPLICATED) == [whole[:5], whole[5:11], whole[11:17], whole[17:]]
    assert shares(parts, SHARDED) == [whole[:11], whole[11:]] * 2


@pytest.mark.parametrize(("distribution", "times"), [(REPLICATED, 1), (SHARDED, 2)])
def test_queries_stay_whole(distribution, times):
    found = shares([part(0, 15, queries=4), part(15, 25, queries=4)], distribution)
    assert sorted(label for of in found for label in of) == sorted([*map(float, range(40))] * times)
    assert all(len({label // 4 for label in of}) * 4 == len(of) for of in found)


@dataclass(frozen=True)
class Gathered(Cluster):
    """A cluster whose other hosts say what the test gives."""

    others: tuple = ()

    def gather(self, value):
        return [value, *self.others]


def test_a_host_without_rows_is_named_where_xgboost_fails_on_it():
    hosts = Gathered(("a", "b", "c"), others=(0, 4))
    sharing.check_each_has_rows([part(0, 3)], "reg:squarederror", hosts)
    with pytest.raises(UserError, match=r"^b has no rows of the channel 'train', and reg:absoluteerror needs some"):
        sharing.check_each_has_rows([part(0, 3)], "reg:absoluteerror", hosts)


@pytest.mark.parametrize(
    ("others", "objective", "told"),
    [
        ([2.0, 5.5], "rank:ndcg", True),
        ([2.1, 1.95], "rank:ndcg", False),
        ([None, None], "rank:ndcg", False),
        ([2.0, 5.5], "reg:squarederror", False),
    ],
    ids=["uneven", "nearly even", "others without queries", "no ranking"],
)
def test_queries_that_weigh_more_on_one_host_are_told(caplog, others, objective, told):
    hosts = Gathered(("a", "b", "c"), others=tuple(others))
    sharing.tell_uneven_weights(np.array([1, 3], np.float32), objective, hosts)
    expected = ["the queries on c have a mean weight of 5.5, and those on a one of 2; XGBoost ranks as if both were "]
    assert [message.partition("the same")[0] for message in caplog.messages] == (expected if told else [])


def test_a_part_is_taken_once_the_one_before_is_done_with(monkeypatch):
    taken = []
    monkeypatch.setattr(sharing, "take", lambda rows, index: taken.append(rows))
    shared = sharing.share([part(0, 5), part(5, 5), part(10, 10)], Channel("train", None), Cluster(("a", "b")))
    assert [len(taken) for _ in shared] == [1, 2]


def test_how_many_have_the_same_rows():
    channels = [Channel("train", None, distribution=distribution) for distribution in (REPLICATED, SHARDED)]
    assert [sharing.sharers(channel, Cluster(HOSTS, 0, 2)) for channel in channels] == [4, 2]
    assert [sharing.sharers(channel, Cluster(HOSTS)) for channel in channels] == [4, 1]
    assert [sharing.sharers(channel, Cluster()) for channel in channels] == [1, 1]
