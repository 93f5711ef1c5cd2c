"""What several hosts cannot train together is refused, with the number of hosts and what to do."""

import numpy as np
import pyarrow as pa
import pytest

from container.errors import UserError
from container.training.hosts.cluster import ALONE, Cluster
from container.training.hosts.undivided import check_divisible, check_queries
from container.training.hyperparameters.parse import Hyperparameters
from container.training.rows.encoded import Rows

TWO = Cluster(("a", "b"))
GPUS = Cluster(("a", "a GPU 1", "a GPU 2"), 0, 3)

ONE_ONLY = [
    pytest.param({"_kfold": "3"}, "'_kfold': cross-validation is trained", id="folds"),
    pytest.param({"booster": "gblinear"}, "'booster': gblinear, which XGBoost does not distribute, is", id="linear"),
    pytest.param({"tree_method": "exact"}, "'tree_method': exact is trained", id="exact"),
    pytest.param({"updater": "grow_colmaker,prune"}, "'updater': grow_colmaker is trained", id="exact by updater"),
    pytest.param({"objective": "survival:cox"}, "'objective': survival:cox, which compares each row", id="cox"),
    pytest.param({"lambdarank_unbiased": "1", "objective": "rank:ndcg"}, "'lambdarank_unbiased', which", id="unbiased"),
    pytest.param({"eval_metric": "auc,ams@0.15"}, "'eval_metric': ams@0.15, which compares each row", id="ams"),
    pytest.param({"objective": "binary:logistic", "eval_metric": "map@5-"}, "'eval_metric': map@5-, ", id="map"),
    pytest.param({"eval_metric": "ndcg"}, "'eval_metric': ndcg, which compares each row", id="no objective"),
]


@pytest.mark.parametrize(("given", "message"), ONE_ONLY)
def test_what_one_host_trains_alone(given, message):
    settings = Hyperparameters.parse(given)
    with pytest.raises(UserError) as caught:
        check_divisible(settings, settings.objective, TWO)
    assert str(caught.value).startswith(message)
    assert "one process, and the job has 2 hosts; set the instance count to 1, or " in str(caught.value)
    check_divisible(settings, settings.objective, ALONE)


def test_several_reasons_are_told_at_once():
    settings = Hyperparameters.parse({"tree_method": "exact", "eval_metric": "ams@0.1,pre@2"})
    with pytest.raises(UserError) as caught:
        check_divisible(settings, None, TWO)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("given", "objective", "remedy"),
    [
        ({"booster": "gblinear"}, "reg:squarederror", "train without the channel 'model'"),
        ({}, "survival:cox", "train without the channel 'model'"),
        ({"lambdarank_unbiased": "1"}, "rank:ndcg", "set it to 0"),
        ({"tree_method": "exact"}, "reg:squarederror", "use 'hist'"),
    ],
)
def test_what_an_earlier_model_has_decided_the_job_cannot_change(given, objective, remedy):
    with pytest.raises(UserError) as caught:
        check_divisible(Hyperparameters.parse(given), objective, TWO, continues=True)
    assert str(caught.value).endswith(f"set the instance count to 1, or {remedy}")


def test_the_gpus_of_a_host_are_as_several_hosts():
    with pytest.raises(UserError, match="the host has 3 GPUs; set device to cuda:0, or use survival:aft"):
        check_divisible(Hyperparameters.parse({}), "survival:cox", GPUS)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"objective": "rank:map", "eval_metric": "map@5-,pre,ndcg"},
        {"tree_method": "approx"},
        {"updater": "grow_quantile_histmaker,prune", "tree_method": "exact"},
        {"objective": "survival:aft"},
    ],
)
def test_all_else_is_trained_together(given):
    settings = Hyperparameters.parse(given)
    check_divisible(settings, settings.objective, TWO)


def test_ranking_without_queries_is_refused():
    def rows(group):
        return [Rows(pa.table({"x": pa.array([1.0, 2.0])}), np.array([0.0, 1.0]), None, group)]

    queries = np.array([0, 0])
    check_queries(rows(None), "rank:ndcg", ALONE)
    check_queries(rows(queries), "rank:ndcg", TWO)
    check_queries(rows(None), "reg:squarederror", TWO)
    with pytest.raises(UserError) as caught:
        check_queries(rows(None), "rank:ndcg", TWO)
    assert str(caught.value).startswith(
        "rank:ndcg without queries orders all rows as one, and the job has 2 hosts; set "
    )
    with pytest.raises(UserError, match="the host has 3 GPUs; set device to cuda:0, or name the queries' column"):
        check_queries(rows(None), "rank:map", GPUS)
