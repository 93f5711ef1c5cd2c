"""What an earlier model has decided holds, and what does not fit it is named."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost

from container.data.inference import Inferred
from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Kind
from container.errors import UserError
from container.model import artifact
from container.training.boosting.continued import continued_hyperparameters, continued_schema, continued_task
from container.training.hyperparameters.parse import Hyperparameters
from container.training.objective import Task

ELSEWHERE = Path(__file__).parents[3] / "data" / "elsewhere"
ZONES = Feature("zone", Kind.CATEGORY, 1, ("A", "B"))
EARLIER = Schema((Feature("area", position=0), ZONES), (Other("price", 2, Role.TARGET),), named=True)


def inferred(schema: Schema, left_out: dict[str, str] | None = None, categorical: Collection[int] = ()) -> Inferred:
    return Inferred(schema, Kind.NUMBER, left_out or {}, frozenset(categorical))


def test_columns_keep_their_meaning_where_they_have_moved():
    new = Schema(
        (Feature("extra", position=0), Feature("zone", Kind.CATEGORY, 2, ("B", "C")), Feature("area", position=3)),
        (Other("price", 1, Role.TARGET),),
        named=True,
    )
    merged = continued_schema(EARLIER, new, inferred(new))
    assert merged.features == (Feature("area", position=3), Feature("zone", Kind.CATEGORY, 2, ("A", "B")))
    assert merged.others == (Other("extra", 0, Role.IGNORED), Other("price", 1, Role.TARGET))


def test_a_column_that_this_data_alone_would_leave_out_stays_a_feature():
    new = Schema(
        (Feature("area", position=0),), (Other("zone", 1, Role.IGNORED), Other("price", 2, Role.TARGET)), named=True
    )
    assert continued_schema(EARLIER, new, inferred(new, {"zone": "almost unique"})) == EARLIER


def test_categories_need_not_be_named_again_and_numbers_cannot_be():
    new = Schema((Feature("area", position=0), Feature("zone", position=1)), EARLIER.others, named=True)
    assert continued_schema(EARLIER, new, inferred(new)) == EARLIER
    assert continued_schema(EARLIER, new, inferred(new, categorical=[1, 2])) == EARLIER
    more = replace(new, features=(*new.features, Feature("extra", position=3)))
    for earlier, data, place, name in (
        (EARLIER, new, 0, "area"),
        (Schema.from_names(2), new, 0, "area"),
        (EARLIER, more, 3, "extra"),
    ):
        with pytest.raises(UserError) as caught:
            continued_schema(earlier, data, inferred(data, categorical=[place]))
        assert str(caught.value) == (
            f"'categorical_columns' names {name!r}, which is no category of the model in the channel 'model'; "
            "leave it out there, or train without that channel"
        )


def test_sparse_rows_may_lack_the_last_features():
    earlier = Schema.from_names(4)
    for width in (2, 4):
        assert continued_schema(earlier, Schema.from_names(width), None) == earlier
    with pytest.raises(UserError, match="the data has 5 features, and the model in the channel 'model' 4"):
        continued_schema(earlier, Schema.from_names(5), None)


@pytest.mark.parametrize("earlier", [EARLIER, Schema((ZONES,))])
def test_sparse_rows_do_not_go_on_from_columns(earlier):
    with pytest.raises(UserError, match="the rows are sparse, and the model in the channel 'model' learned from col"):
        continued_schema(earlier, Schema.from_names(2), None)


@pytest.mark.parametrize(
    ("role", "word"),
    [
        (Role.TARGET, "'target' or 'lower_bound_column'"),
        (Role.WEIGHT, "'weight_column' or 'csv_weights'"),
        (Role.GROUP, "'group_column'"),
        (Role.UPPER_BOUND, "'upper_bound_column'"),
        (Role.IGNORED, "'ignore_columns'"),
    ],
)
def test_a_feature_cannot_have_another_role(role, word):
    others = [Other("zone", 1, role)] + ([Other("price", 2, Role.TARGET)] if role is not Role.TARGET else [])
    new = Schema((Feature("area", position=0),), tuple(others), named=True)
    with pytest.raises(UserError) as caught:
        continued_schema(EARLIER, new, inferred(new))
    assert str(caught.value) == (
        f"{word} names 'zone', a feature of the model in the channel 'model'; "
        "leave it out there, or train without that channel"
    )


@pytest.mark.parametrize(
    ("earlier", "new", "message"),
    [
        pytest.param(
            EARLIER,
            Schema((Feature("area"),), (Other("price", 1, Role.TARGET),), named=True),
            "the data lacks 'zone', which the model in the channel 'model' was trained on",
            id="column-gone",
        ),
        pytest.param(
            EARLIER,
            Schema((Feature("area"),), (Other("a", 1, Role.TARGET), Other("b", 2, Role.TARGET)), named=True),
            "the model in the channel 'model' learned the targets 'price', and 'target' now names 'a', 'b'",
            id="targets",
        ),
        pytest.param(
            Schema((Feature("x"),), (Other("a", 1, Role.TARGET), Other("b", 2, Role.TARGET)), named=True),
            Schema((Feature("x"),), (Other("b", 2, Role.TARGET), Other("a", 1, Role.TARGET)), named=True),
            "'target' names 'b', 'a', and the model in the channel 'model' learned 'a', 'b'; name them in that order",
            id="targets-in-another-order",
        ),
        pytest.param(Schema.from_names(3), Schema.from_names(4), "the data has 4 features, and the model", id="width"),
        pytest.param(
            Schema.from_names(2), Schema((Feature("f0"),), classes=("a", "b")), "the target is text", id="classes"
        ),
    ],
)
def test_what_does_not_fit_is_refused(earlier, new, message):
    with pytest.raises(UserError, match=message):
        continued_schema(earlier, new, inferred(new))


def _trained(**params) -> artifact.Artifact:
    features = np.arange(20, dtype=np.float32).reshape(10, 2)
    data = xgboost.DMatrix(features, label=features if "multi_strategy" in params else np.arange(10) % 3)
    if params.get("objective") == "rank:ndcg":
        data.set_group([5, 5])
    return artifact.Artifact(xgboost.train({"nthread": 1, "verbosity": 0, **params}, data, 1), Schema.from_names(2))


QUANTILES = {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}
EXPECTILES = {"objective": "reg:expectileerror", "expectile_alpha": [0.2]}
CLASSES = {"objective": "multi:softprob", "num_class": 3}
FOREST = {**CLASSES, "num_parallel_tree": 4}
UNBIASED = {"objective": "rank:ndcg", "lambdarank_unbiased": 1}
VECTORS, APART = ({"multi_strategy": strategy} for strategy in ("multi_output_tree", "one_output_per_tree"))


@pytest.mark.parametrize(
    ("earlier", "asked", "held"),
    [
        ({}, {}, {}),
        ({"base_score": 1}, {"booster": "dart", "base_score": "1"}, {"booster": "gbtree", "base_score": [1.0]}),
        ({"booster": "gblinear"}, {}, {"booster": "gblinear"}),
        (QUANTILES, {}, {"quantile_alpha": [0.1, 0.9]}),
        (QUANTILES, {"quantile_alpha": "0.1,0.9"}, {"quantile_alpha": [0.1, 0.9]}),
        (EXPECTILES, {}, {"expectile_alpha": [0.2]}),
        (FOREST, {}, {}),
        (FOREST, {"num_parallel_tree": "4"}, {"num_parallel_tree": 4}),
        (VECTORS, {}, VECTORS),
        (VECTORS, VECTORS, VECTORS),
        (APART, {}, {}),
        (APART, APART, APART),
        (UNBIASED, {}, {"lambdarank_unbiased": 1}),
        (UNBIASED, {"lambdarank_unbiased": "0"}, {"lambdarank_unbiased": 0}),
        ({}, VECTORS, VECTORS),  # of one output, for which they are the same
        ({**CLASSES, "base_score": 0.25}, {"base_score": "0.25", "num_class": "3"}, {"base_score": [0.25]}),
    ],
)
def test_what_the_earlier_model_decides_need_not_be_asked_for(earlier, asked, held):
    params = continued_hyperparameters(_trained(**earlier), Hyperparameters.parse(asked)).booster_params()
    params.pop("num_class", None)
    assert params == held


@pytest.mark.parametrize(
    ("earlier", "asked", "message"),
    [
        ({}, {"booster": "gblinear"}, "'booster': gblinear is asked for, and the model in the channel 'model' has gbt"),
        ({"booster": "gblinear"}, {"booster": "dart"}, "'booster': dart is asked for, and the .* has gblinear; leave"),
        (
            {},
            {"num_parallel_tree": "2"},
            "'num_parallel_tree': 2 is asked for, and the model in the .* has 1; leave it",
        ),
        (FOREST, {"num_parallel_tree": "1"}, "'num_parallel_tree': 1 is asked for, and the .* has 4; leave it out, or"),
        (VECTORS, APART, "'multi_strategy': one_output_per_tree is asked for, and the .* has multi_output_tree; leave"),
        (APART, VECTORS, "'multi_strategy': multi_output_tree is asked for, and the .* has one_output_per_tree; leav"),
        ({"base_score": 0.5}, {"base_score": "50"}, "'base_score': 50 is asked for, and the .* has 0.5; leave it out"),
        ({**CLASSES, "base_score": [1, 2, 3]}, {"base_score": "[1, 2]"}, "'base_score': 1, 2 is asked .* has 1, 2, 3;"),
        (QUANTILES, {"quantile_alpha": "0.5"}, "'quantile_alpha': 0.5 is asked for, and the .* has 0.1, 0.9; leave"),
        (QUANTILES, {"quantile_alpha": "0.2,0.9"}, "'quantile_alpha': 0.2, 0.9 is asked for"),
        (EXPECTILES, {"expectile_alpha": "0.3"}, "'expectile_alpha': 0.3 is asked for, and the .* has 0.2; leave it"),
        (CLASSES, {"num_class": "4"}, "'num_class': 4 is asked for, and the model in the channel 'model' has 3; leave"),
    ],
)
def test_what_the_earlier_model_decides_cannot_be_asked_for_otherwise(earlier, asked, message):
    with pytest.raises(UserError, match=message):
        continued_hyperparameters(_trained(**earlier), Hyperparameters.parse(asked))


def test_the_objective_is_the_earlier_models():
    saved = _trained()
    assert continued_task(saved, Task("count:poisson", ""), asked=None).objective == "reg:squarederror"
    with pytest.raises(UserError, match="'objective': count:poisson is asked for"):
        continued_task(saved, Task("count:poisson", ""), asked="count:poisson")


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_a_linear_model_that_does_not_count_its_rounds_keeps_its_start():
    earlier = artifact.load(ELSEWHERE / "1.0.2-linear.json")
    params = continued_hyperparameters(earlier, Hyperparameters.parse({"eta": "0"})).booster_params()
    features = np.arange(30, dtype=np.float32).reshape(10, 3)
    data = xgboost.DMatrix(features, np.full(10, 100))
    raw = earlier.booster.save_raw("ubj")
    more = xgboost.Booster({"nthread": 1, "objective": earlier.objective, **params}, [data], model_file=raw)
    more.update(data, 0)
    assert more.predict(data).tolist() == earlier.booster.predict(data).tolist()


def test_trees_of_both_strategies_go_on_with_either():
    features = np.arange(20, dtype=np.float32).reshape(10, 2)
    data = xgboost.DMatrix(features, features)
    both = xgboost.train({"nthread": 1, **APART}, data, 1, xgb_model=_trained(**VECTORS).booster)
    held = continued_hyperparameters(artifact.Artifact(both, Schema.from_names(2)), Hyperparameters.parse({}))
    assert held.multi_strategy is None
