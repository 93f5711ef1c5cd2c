import json
import os
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from container.errors import UserError
from container.training.hyperparameters import parse
from container.training.hyperparameters.metric_names import OUR_METRICS, RANKING, XGBOOST_METRICS, misfits
from container.training.hyperparameters.parameters import DATA, FIELDS
from container.training.hyperparameters.parse import ALIASES, OBSOLETE, OBSOLETE_UPDATERS, Hyperparameters
from container.training.hyperparameters.types import choices

# One text that is right for each parameter, and what it becomes.
VALID = {
    "num_round": ("50", 50),
    "early_stopping_rounds": ("5", 5),
    "min_delta": ("0.01", 0.01),
    "cache_dir": ("/mnt/cache", "/mnt/cache"),
    "checkpoint_interval": ("10", 10),
    "eval_metric": ("rmse,mae", ("rmse", "mae")),
    "save_model_on_termination": ("false", False),
    "_kfold": ("5", 5),
    "_num_cv_round": ("2", 2),
    "_tuning_objective_metric": ("validation:rmse", "validation:rmse"),
    "use_dask_gpu_training": ("false", False),
    "target": ("price", "price"),
    "header": ("true", "true"),
    "delimiter": (";", ";"),
    "ignore_columns": ("id, 3", ("id", 3)),
    "categorical_columns": ('["a,b", 3, "3"]', ("a,b", 3, "3")),
    "group_column": ("query", "query"),
    "lower_bound_column": ("from", "from"),
    "upper_bound_column": ("-1", -1),
    "weight_column": ("-1", -1),
    "csv_weights": ("0", False),
    "label_attribute": ("spam", "spam"),
    "record_identifier": ("house_id", "house_id"),
    "event_time": ("sold_at", "sold_at"),
    "objective": ("reg:gamma", "reg:gamma"),
    "num_class": ("3", 3),
    "base_score": ("0.5", (0.5,)),
    "scale_pos_weight": ("2.5", 2.5),
    "tweedie_variance_power": ("1.2", 1.2),
    "huber_slope": ("0.5", 0.5),
    "quantile_alpha": ("0.1,0.9", (0.1, 0.9)),
    "expectile_alpha": ("[0.5]", (0.5,)),
    "aft_loss_distribution": ("logistic", "logistic"),
    "aft_loss_distribution_scale": ("1.1", 1.1),
    "multi_strategy": ("multi_output_tree", "multi_output_tree"),
    "seed": ("-7", -7),
    "seed_per_iteration": ("true", True),
    "booster": ("gbtree", "gbtree"),
    "tree_method": ("approx", "approx"),
    "eta": ("0.2", 0.2),
    "max_depth": ("5", 5),
    "max_leaves": ("31", 31),
    "grow_policy": ("lossguide", "lossguide"),
    "gamma": ("4", 4.0),
    "min_child_weight": ("6", 6.0),
    "max_delta_step": ("1", 1.0),
    "lambda": ("0", 0.0),
    "alpha": ("1e-3", 0.001),
    "subsample": ("0.7", 0.7),
    "sampling_method": ("uniform", "uniform"),
    "colsample_bytree": ("0.8", 0.8),
    "colsample_bylevel": ("0.8", 0.8),
    "colsample_bynode": ("0.8", 0.8),
    "num_parallel_tree": ("2", 2),
    "max_bin": ("64", 64),
    "max_cat_to_onehot": ("1", 1),
    "max_cat_threshold": ("16", 16),
    "monotone_constraints": ("(1,0,-1)", (1, 0, -1)),
    "interaction_constraints": ("[[0,1],[2]]", ((0, 1), (2,))),
    "max_cached_hist_node": ("1000", 1000),
    "updater": ("grow_quantile_histmaker,prune", ("grow_quantile_histmaker", "prune")),
    "refresh_leaf": ("1", True),
    "process_type": ("default", "default"),
    "sample_type": ("weighted", "weighted"),
    "normalize_type": ("forest", "forest"),
    "rate_drop": ("0.1", 0.1),
    "one_drop": ("1", True),
    "skip_drop": ("0.5", 0.5),
    "feature_selector": ("shuffle", "shuffle"),
    "top_k": ("2", 2),
    "lambdarank_pair_method": ("mean", "mean"),
    "lambdarank_num_pair_per_sample": ("4", 4),
    "lambdarank_normalization": ("0", False),
    "lambdarank_score_normalization": ("0", False),
    "lambdarank_unbiased": ("1", True),
    "lambdarank_bias_norm": ("0.5", 0.5),
    "ndcg_exp_gain": ("0", False),
    "device": ("cuda:1", "cuda:1"),
    "nthread": ("1", 1),
    "verbosity": ("0", 0),
}
# What must be there too for a parameter to be accepted, or for XGBoost to use it.
CONTEXT = {
    "num_class": {"objective": "multi:softprob"},
    "quantile_alpha": {"objective": "reg:quantileerror"},
    "expectile_alpha": {"objective": "reg:expectileerror"},
    "tweedie_variance_power": {"objective": "reg:tweedie"},
    "huber_slope": {"objective": "reg:pseudohubererror"},
    "aft_loss_distribution": {"objective": "survival:aft"},
    "aft_loss_distribution_scale": {"objective": "survival:aft"},
    "lower_bound_column": {"objective": "survival:aft", "upper_bound_column": "to"},
    "upper_bound_column": {"objective": "survival:aft", "lower_bound_column": "from"},
    "group_column": {"objective": "rank:ndcg"},
    "feature_selector": {"booster": "gblinear", "updater": "coord_descent"},
    "top_k": {"booster": "gblinear", "updater": "coord_descent"},
    **{name: {"objective": "rank:ndcg"} for name in FIELDS if name.startswith(("lambdarank", "ndcg"))},
}
# The same for the values of objective, booster and updater.
COMPANIONS = {
    "multi:softmax": {"num_class": "3"},
    "multi:softprob": {"num_class": "3"},
    "reg:quantileerror": {"quantile_alpha": "0.5"},
    "reg:expectileerror": {"expectile_alpha": "0.5"},
}


def job(name, text):
    context = CONTEXT.get(name, {})
    return {**context, **COMPANIONS.get(context.get("objective", text), {}), name: text}


def words(name):
    """The values of a parameter that takes one of a few."""
    try:
        return choices(FIELDS[name].info.annotation)
    except StopIteration:
        return ()


CHOICES = [(name, word) for name in FIELDS for word in words(name) if word != "update"]


def errors_of(raw):
    with pytest.raises(UserError) as caught:
        Hyperparameters.parse(raw)
    return str(caught.value)


def test_every_parameter_has_a_case_here():
    assert set(VALID) == set(FIELDS)


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize("write", [pytest.param(str, id="plain"), pytest.param(json.dumps, id="quoted")])
def test_a_valid_value(name, write):
    text, value = VALID[name]
    parsed = Hyperparameters.parse({key: write(word) for key, word in job(name, text).items()})
    assert getattr(parsed, FIELDS[name].attribute) == value
    assert name in parsed.given


NAMES = {name for name, field in FIELDS.items() if field.group == DATA} - {"header", "csv_weights"}


@pytest.mark.parametrize("name", sorted({*VALID} - NAMES | {"ignore_columns", "weight_column"}))
@pytest.mark.parametrize("write", [" {} ", "{}\n", ' "{}" ', '"{} "'])
def test_blanks_around_a_value_do_not_count(name, write):
    text, value = VALID[name]
    parsed = Hyperparameters.parse({**job(name, text), name: write.format(text)})
    assert getattr(parsed, FIELDS[name].attribute) == value


@pytest.mark.parametrize(("name", "text"), [("target", " price "), ("group_column", "query "), ("delimiter", " ")])
def test_blanks_of_names_in_the_data_stay(name, text):
    parsed = Hyperparameters.parse({**job(name, text)})
    assert getattr(parsed, name) == text


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param({"eta": "2"}, "'eta': must be at most 1, got '2'", id="above"),
        pytest.param({"eta": "-1"}, "'eta': must be at least 0, got '-1'", id="below"),
        pytest.param({"learning_rate": "2"}, "'learning_rate': must be at most 1, got '2'", id="named as given"),
        pytest.param({"subsample": "0"}, "'subsample': must be greater than 0, got '0'", id="open below"),
        pytest.param(
            {"tweedie_variance_power": "2"}, "'tweedie_variance_power': must be less than 2, got '2'", id="open above"
        ),
        pytest.param({"seed": "2147483647"}, "'seed': must be less than 2147483647, got '2147483647'", id="long bound"),
        pytest.param({"num_round": "0"}, "'num_round': must be at least 1, got '0'", id="no rounds"),
        pytest.param({"max_depth": "deep"}, "'max_depth': must be a whole number, got 'deep'", id="no number"),
        pytest.param({"max_depth": "7.5"}, "'max_depth': must be a whole number, got '7.5'", id="fraction"),
        pytest.param({"max_depth": ""}, "'max_depth': must be a whole number, got ''", id="empty"),
        pytest.param({"eta": "fast"}, "'eta': must be a number, got 'fast'", id="word"),
        pytest.param({"gamma": "nan"}, "'gamma': must be a finite number, got 'nan'", id="nan"),
        pytest.param({"gamma": "inf"}, "'gamma': must be a finite number, got 'inf'", id="infinite"),
        pytest.param({"base_score": "nan"}, "'base_score': must be a finite number, got", id="nan in a list"),
        pytest.param({"top_k": "9" * 5000}, "'top_k': must be a whole number of fewer digits", id="huge"),
        pytest.param({"csv_weights": "2"}, "'csv_weights': must be 0 or 1, got '2'", id="switch"),
        pytest.param(
            {"booster": "forest"}, "'booster': must be one of gbtree, gblinear, dart, got 'forest'", id="choice"
        ),
        pytest.param(
            {"objective": "reg:squarederr"},
            "'objective': 'reg:squarederr' is unknown; did you mean 'reg:squarederror'?",
            id="choice typo",
        ),
        pytest.param({"max_dept": "7"}, "'max_dept' is unknown; did you mean 'max_depth'?", id="typo"),
        pytest.param({"Max-Depth": "7"}, "'Max-Depth' is unknown; did you mean 'max_depth'?", id="spelling"),
        pytest.param({"leaning_rate": "1"}, "'leaning_rate' is unknown; did you mean 'learning_rate'?", id="alias"),
        pytest.param(
            {"label_column": "y"}, "'label_column' is unknown; did you mean 'target'?", id="another tool's name"
        ),
        pytest.param({"zzz": "7"}, "'zzz' is unknown; docs/hyperparameters.md lists those there are", id="stranger"),
        pytest.param(
            {"eta": "0.1", "learning_rate": "0.1"},
            "'eta' and 'learning_rate' are the same parameter; give one of them",
            id="twice",
        ),
        pytest.param({"target": ""}, "'target': must name columns or give their indices, got ''", id="target"),
        pytest.param({"ignore_columns": "a,,b"}, "'ignore_columns': must name columns or give", id="empty column"),
        pytest.param({"ignore_columns": "[1.5]"}, "indices, got 1.5", id="fractional column"),
        pytest.param({"ignore_columns": "[true]"}, "indices, got True", id="boolean column"),
        pytest.param({"ignore_columns": '["a"'}, "must be a comma list or a JSON list, got '[\"a\"'", id="open list"),
        pytest.param({"delimiter": "::"}, "'delimiter': must be 'auto' or one character", id="two characters"),
        pytest.param({"delimiter": '"'}, "'delimiter': must be 'auto' or one character", id="quote"),
        pytest.param({"device": "tpu"}, "'device': must be 'auto', 'cpu', 'cuda' or 'cuda:<ordinal>'", id="device"),
        pytest.param({"updater": "grow"}, "'updater': must be of grow_colmaker,", id="updater"),
        pytest.param({"quantile_alpha": "0.9,0.1"}, "'quantile_alpha': must be numbers from 0 to 1 in", id="order"),
        pytest.param({"quantile_alpha": "1.5"}, "'quantile_alpha': must be numbers from 0 to 1 in", id="fractions"),
        pytest.param({"quantile_alpha": "[[1]]"}, "must be a number or a list of numbers, got '[[1]]'", id="nested"),
        pytest.param({"monotone_constraints": "(2)"}, "'monotone_constraints': must be a list like", id="direction"),
        pytest.param({"monotone_constraints": "()"}, "'monotone_constraints': must be a list like", id="no direction"),
        pytest.param({"monotone_constraints": "__import__('os')"}, "must be a list like", id="code is not run"),
        pytest.param({"monotone_constraints": '{"a": 3}'}, "must be a list like", id="direction by name"),
        pytest.param({"interaction_constraints": "[1,2]"}, "must be a list of lists of feature names", id="flat"),
        pytest.param({"interaction_constraints": "[[1],[]]"}, "must be a list of lists", id="empty group"),
        pytest.param({"interaction_constraints": '[["a", 1]]'}, "must be a list of lists", id="mixed"),
        pytest.param({"interaction_constraints": "[" * 2000}, "must be a list of lists", id="deep"),
        pytest.param(
            {"ignore_columns": "[" * 100_000}, "'ignore_columns': must be a comma list or a JSON", id="too deep"
        ),
        pytest.param({"eval_metric": "acuracy"}, "'eval_metric': 'acuracy' is not a metric; did you mean", id="metric"),
        pytest.param(
            {"eval_metric": "RMSE"}, "'eval_metric': 'RMSE' is not a metric; did you mean 'rmse'?", id="capitals"
        ),
        pytest.param({"eval_metric": ""}, "'eval_metric': '' is not a metric; docs/hyperparameters.md", id="no metric"),
        pytest.param({"eval_metric": "ams"}, "'ams' must be written like ams@0.15", id="ams without k"),
        pytest.param({"eval_metric": "ndcg@x"}, "'ndcg@x' must be written like ndcg@5 or ndcg@5-", id="ndcg@x"),
        pytest.param({"eval_metric": "rmse@2"}, "'rmse@2' must be written like rmse", id="rmse takes none"),
        pytest.param({"eval_metric": "tweedie-nloglik@3"}, "must be written like tweedie-nloglik@1.5", id="tweedie"),
    ],
)
def test_parse_says_what_to_fix(raw, message):
    assert message in errors_of(raw)


def test_the_names_of_other_tools_lead_to_names_of_ours():
    assert {*parse._ELSEWHERE.values()} <= {*FIELDS, *ALIASES}
    assert not {*parse._ELSEWHERE} & {*FIELDS, *ALIASES, *OBSOLETE}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {"objective": "binary:logistic", "num_class": "2"},
            "'num_class': only for multi:softmax and multi:softprob, the objective is 'binary:logistic'; change either",
        ),
        ({"objective": "reg:quantileerror"}, "'quantile_alpha': missing; reg:quantileerror needs it"),
        ({"objective": "reg:expectileerror"}, "'expectile_alpha': missing; reg:expectileerror needs it"),
        (
            {"objective": "reg:gamma", "quantile_alpha": "0.5"},
            "'quantile_alpha': only for reg:quantileerror, the objective is 'reg:gamma'",
        ),
        (
            {"objective": "binary:logistic", "base_score": "1"},
            "'base_score': must be between 0 and 1 for binary:logistic, got 1",
        ),
        (
            {"objective": "count:poisson", "base_score": "-1"},
            "'base_score': must be greater than 0 for count:poisson, got -1",
        ),
        (
            {"objective": "reg:squaredlogerror", "base_score": "-1"},
            "'base_score': must be greater than -1 for reg:squaredlogerror, got -1",
        ),
        (
            {"objective": "rank:ndcg", "base_score": "1e39"},
            "'base_score': must be what a 32-bit float holds for rank:ndcg, got 1e+39",
        ),
        (
            {"objective": "reg:squarederror", "base_score": "1,2"},
            "'base_score': must be one number, or one for each output (1), got 2",
        ),
        (
            {"objective": "multi:softprob", "num_class": "3", "base_score": "1,2"},
            "'base_score': must be one number, or one for each output (3), got 2",
        ),
        (
            {"objective": "reg:quantileerror", "quantile_alpha": "0.1,0.9", "base_score": "1,2,3"},
            "'base_score': must be one number, or one for each output (2), got 3",
        ),
        (
            {"objective": "binary:logistic", "eval_metric": "merror"},
            "'eval_metric': 'merror' is for multi:softmax and multi:softprob, the objective is 'binary:logistic'",
        ),
        (
            {"objective": "multi:softprob", "eval_metric": "mlogloss,error@0.3"},
            "'eval_metric': 'error@0.3' cannot be computed for 'multi:softprob'; use 'merror' or 'mlogloss'",
        ),
        (
            {"objective": "multi:softprob", "eval_metric": "map@5"},
            "'eval_metric': 'map@5' cannot be computed for 'multi:softprob'; use 'merror' or 'mlogloss'",
        ),
        (
            {"objective": "reg:squarederror", "eval_metric": "f1"},
            "'eval_metric': 'f1' is for classification, the objective is 'reg:squarederror'",
        ),
        (
            {"objective": "reg:squarederror", "eval_metric": "aft-nloglik"},
            "'eval_metric': 'aft-nloglik' is for survival:aft, the objective is 'reg:squarederror'",
        ),
        ({"tree_method": "exact", "device": "cuda"}, "'tree_method': 'exact' runs on the CPU only"),
        ({"tree_method": "exact", "max_depth": "0"}, "'max_depth': must be at least 1 for tree_method 'exact'"),
        (
            {"tree_method": "exact", "colsample_bynode": "0.5"},
            "'colsample_bynode': needs tree_method 'hist' or 'approx', got tree_method 'exact'",
        ),
        (
            {"updater": "grow_colmaker", "colsample_bynode": "0.5"},
            "'colsample_bynode': needs tree_method 'hist' or 'approx', got updater 'grow_colmaker'",
        ),
        (
            {"tree_method": "exact", "sampling_method": "gradient_based"},
            "'sampling_method': 'gradient_based' needs tree_method 'hist' or 'approx', got tree_method 'exact'",
        ),
        (
            {"multi_strategy": "multi_output_tree", "tree_method": "approx"},
            "'multi_strategy': 'multi_output_tree' needs tree_method 'hist', got tree_method 'approx'",
        ),
        (
            {"multi_strategy": "multi_output_tree", "monotone_constraints": "(1)"},
            "'multi_strategy': 'multi_output_tree' cannot be had with monotone_constraints",
        ),
        (
            {"process_type": "update"},
            "'process_type': 'update' changes the trees of an earlier model, and a job only adds rounds; leave it out",
        ),
        ({"booster": "gblinear", "updater": "prune"}, "'updater': must be one of shotgun, coord_descent for booster"),
        ({"updater": "shotgun"}, "'updater': 'shotgun' needs booster 'gblinear'"),
        (
            {"updater": "refresh"},
            "'updater': must begin with one that grows trees, such as grow_quantile_histmaker,refresh, got 'refresh'; "
            "or leave it out",
        ),
        ({"updater": "prune,grow_colmaker"}, "'updater': must begin with one that grows trees"),
        ({"updater": "grow_colmaker", "max_depth": "0"}, "'max_depth': must be at least 1 for updater 'grow_colmaker'"),
        ({"updater": "grow_gpu_hist,grow_colmaker"}, "'updater': must have at most one of grow_colmaker,"),
        ({"updater": "grow_gpu_hist", "booster": "gblinear"}, "'updater': must be one of shotgun, coord_descent"),
        ({"updater": "grow_colmaker,grow_histmaker"}, "'updater': must have at most one of grow_colmaker,"),
        (
            {"updater": "grow_colmaker,refresh", "monotone_constraints": "(1)"},
            "'updater': 'refresh' cannot be had with monotone_constraints",
        ),
        ({"booster": "gblinear", "feature_selector": "greedy"}, "'feature_selector': 'greedy' needs updater"),
        ({"csv_weights": "1", "weight_column": "w"}, "'csv_weights' and 'weight_column' both say where the weights"),
        ({"lower_bound_column": "lo"}, "'lower_bound_column' and 'upper_bound_column' belong together; give both"),
        (
            {"lower_bound_column": "lo", "upper_bound_column": "up", "objective": "survival:cox"},
            "'lower_bound_column': only for survival:aft, the objective is 'survival:cox'",
        ),
        (
            {"group_column": "q", "objective": "reg:gamma"},
            "'group_column': only for rank:ndcg, rank:map and rank:pairwise, the objective is 'reg:gamma'",
        ),
        (
            {"objective": "reg:quantileerror", "quantile_alpha": "0.1,0.9", "eval_metric": "quantile,rmse"},
            "'eval_metric': 'rmse' needs one prediction a row, and reg:quantileerror makes 2",
        ),
        ({"target": '["a", "b"]', "objective": "reg:gamma", "base_score": "1,2,3"}, "one for each output (2), got 3"),
        ({"target": "[]"}, "'target': must name at least one column, got '[]'"),
    ],
)
def test_what_is_wrong_together(raw, message):
    assert message in errors_of(raw)


def test_a_linear_model_takes_no_notice_of_how_trees_are_grown():
    trees = {"tree_method": "exact", "max_depth": "0", "colsample_bynode": "0.5", "sampling_method": "gradient_based"}
    outputs = {"multi_strategy": "multi_output_tree", "monotone_constraints": "(1)"}
    assert Hyperparameters.parse({"booster": "gblinear", **trees, **outputs}).warnings == ()


@pytest.mark.parametrize("name", FIELDS)
def test_a_long_value_does_not_hide_the_cause(name):
    raw = {name: "x y" * 800}
    any_text = ("label_attribute", "record_identifier", "event_time", "_tuning_objective_metric")
    if name in ("target", "ignore_columns", "categorical_columns", "weight_column", "group_column", *any_text):
        Hyperparameters.parse(raw)
    else:
        assert len(errors_of(raw)) < 600


@pytest.mark.parametrize(
    ("text", "target"),
    [('["a,b", 3]', ("a,b", 3)), ('["a"]', "a"), ("[0, 1]", (0, 1)), ("a,b", "a,b"), ("-1", -1)],
)
def test_several_targets(text, target):
    assert Hyperparameters.parse({"target": text}).target == target


def test_all_problems_are_told_at_once():
    lines = errors_of({"eta": "2", "max_dept": "7", "gamma": "-1", "alpha": "1", "reg_alpha": "1"}).splitlines()
    assert len(lines) == 4


def test_an_objective_found_later_is_checked_too():
    parsed = Hyperparameters.parse({"eval_metric": "merror"})
    parsed.check("multi:softprob")
    with pytest.raises(UserError, match="'merror' is for multi:softmax"):
        parsed.check("reg:squarederror")


@pytest.mark.parametrize(("objective", "target"), [("multi:softprob", "y"), ("reg:squarederror", "a,b,c")])
def test_outputs_counted_later_are_checked_too(objective, target):
    parsed = Hyperparameters.parse({"objective": objective, "target": target, "base_score": "[0.1, 0.2]"})
    parsed.check(objective, 2)
    with pytest.raises(UserError, match=r"'base_score': must be one number, or one for each output \(3\), got 2"):
        parsed.check(objective, 3)


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases(alias, name):
    text, value = VALID[name]
    parsed = Hyperparameters.parse({alias: text})
    assert getattr(parsed, FIELDS[name].attribute) == value
    assert parsed.given == {name}


def test_obsolete_parameters_are_ignored_with_one_warning():
    parsed = Hyperparameters.parse(dict.fromkeys(OBSOLETE, "x"))
    assert parsed.booster_params() == {}
    assert parsed.given == frozenset()
    (warning,) = parsed.warnings
    assert all(name in warning for name in OBSOLETE)


@pytest.mark.parametrize("updater", OBSOLETE_UPDATERS)
def test_obsolete_updaters_are_ignored(updater):
    assert Hyperparameters.parse({"updater": f"{updater}, grow_colmaker"}).updater == ("grow_colmaker",)
    parsed = Hyperparameters.parse({"updater": f'["{updater}", "prune"]'})
    assert parsed.updater is None
    assert parsed.warnings[1:] == ("updater prune: without one that grows trees, ignored",)
    parsed = Hyperparameters.parse({"updater": updater})
    assert parsed.updater is None
    assert parsed.warnings == (f"updater {updater}: not in XGBoost 3, ignored",)


@pytest.mark.parametrize(
    ("given", "warnings"),
    [
        ({}, ()),
        ({"max_leaves": "0", "grow_policy": "depthwise"}, ()),
        ({"max_bin": "64"}, ("max_bin: without effect with {}, ignored",)),
        (
            {"max_leaves": "9", "grow_policy": "lossguide", "max_bin": "64"},
            ("max_leaves, grow_policy, max_bin: without effect with {}, ignored",),
        ),
    ],
)
@pytest.mark.parametrize(
    ("name", "value"), [("tree_method", "exact"), ("updater", "grow_colmaker"), ("tree_method", "approx")]
)
def test_what_exact_does_not_use_is_one_warning(given, warnings, name, value):
    said = Hyperparameters.parse({**given, name: value}).warnings
    assert said == (() if value == "approx" else tuple(text.format(f"{name} {value!r}") for text in warnings))


@pytest.mark.parametrize(
    ("given", "warnings"),
    [
        ({"min_delta": "0.1"}, ("min_delta: without effect without early_stopping_rounds, ignored",)),
        ({"min_delta": "0.1", "early_stopping_rounds": "2"}, ()),
        ({"_num_cv_round": "2"}, ("_num_cv_round: without effect without _kfold, ignored",)),
        ({"_num_cv_round": "2", "_kfold": "2"}, ()),
        ({"_num_cv_round": "1", "min_delta": "0"}, ()),
    ],
)
def test_what_needs_another_to_have_an_effect_is_a_warning(given, warnings):
    assert Hyperparameters.parse(given).warnings == warnings


def test_gpu_hist_on_the_cpu_is_hist():
    parsed = Hyperparameters.parse({"tree_method": "gpu_hist", "device": "cpu"})
    assert parsed.booster_params() == {"tree_method": "hist", "device": "cpu"}
    assert parsed.warnings == ("tree_method gpu_hist with device cpu: trains on the CPU",)


@pytest.mark.parametrize(
    ("updater", "method"),
    [("grow_gpu_hist", "hist"), ("grow_gpu_hist,prune", "hist"), ('["grow_gpu_approx"]', "approx")],
)
def test_updaters_of_the_gpu_are_tree_methods(updater, method):
    parsed = Hyperparameters.parse({"updater": updater})
    assert parsed.booster_params() == {"tree_method": method, "device": "cuda"}
    parsed = Hyperparameters.parse({"updater": updater, "device": "cpu"})
    assert parsed.booster_params() == {"tree_method": method, "device": "cpu"}
    assert "with device cpu: trains on the CPU" in parsed.warnings[0]


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("validation:rmsee", "'rmsee' is not a metric; did you mean 'rmse'?"),
        ("train:ams", "'ams' must be written like ams@0.15"),
        ("validation:ndcg@5", None),
        ("loss", None),
        ("test:rmsee", None),
    ],
)
def test_a_tuned_metric_that_is_written_wrong_is_a_warning(metric, said):
    expected = () if said is None else (f"_tuning_objective_metric: {said}; training logs no such metric",)
    assert Hyperparameters.parse({"_tuning_objective_metric": metric}).warnings == expected


def test_the_platforms_own_keys_are_tolerated():
    parsed = Hyperparameters.parse({"sagemaker_program": '"train.py"', "_tuning_objective_metric": "my metric"})
    assert (parsed.booster_params(), parsed.eval_metric, parsed.warnings) == ({}, (), ())


def test_a_tuning_jobs_metric_is_computed():
    raw = {"_tuning_objective_metric": "validation:mae"}
    assert Hyperparameters.parse(raw).eval_metric == ("mae",)
    assert Hyperparameters.parse({**raw, "eval_metric": "rmse"}).eval_metric == ("rmse", "mae")
    assert Hyperparameters.parse({**raw, "eval_metric": "mae,rmse"}).eval_metric == ("mae", "rmse")


@pytest.mark.parametrize(
    ("raw", "params"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"num_round": "5", "target": "y", "_kfold": "3"}, {}, id="ours alone"),
        pytest.param({"learning_rate": "0.5"}, {"eta": 0.5}, id="alias"),
        pytest.param({"objective": "reg:linear"}, {"objective": "reg:squarederror"}, id="old objective"),
        pytest.param({"tree_method": "gpu_hist"}, {"tree_method": "hist", "device": "cuda"}, id="gpu_hist"),
        pytest.param(
            {"tree_method": "gpu_hist", "device": "gpu:1"}, {"tree_method": "hist", "device": "cuda:1"}, id="which GPU"
        ),
        pytest.param({"use_dask_gpu_training": "true"}, {"device": "cuda"}, id="dask"),
        pytest.param({"use_dask_gpu_training": "1"}, {"device": "cuda"}, id="dask-1"),
        pytest.param({"use_dask_gpu_training": "0"}, {}, id="no-dask"),
        pytest.param({"device": "auto"}, {}, id="device auto"),
        pytest.param({"booster": "dart", "one_drop": "true"}, {"booster": "gbtree", "one_drop": 1}, id="dart"),
        pytest.param({"monotone_constraints": "(1, 0,-1)"}, {"monotone_constraints": "(1,0,-1)"}, id="monotone"),
        pytest.param({"monotone_constraints": "[1]"}, {"monotone_constraints": "(1)"}, id="monotone list"),
        pytest.param({"monotone_constraints": '{"a": -1}'}, {"monotone_constraints": {"a": -1}}, id="monotone names"),
        pytest.param(
            {"interaction_constraints": "[[0, 1], [2]]"}, {"interaction_constraints": "[[0, 1], [2]]"}, id="indices"
        ),
        pytest.param(
            {"interaction_constraints": '[["a", "b"]]'}, {"interaction_constraints": [["a", "b"]]}, id="names"
        ),
        pytest.param({"updater": "grow_colmaker, prune"}, {"updater": "grow_colmaker,prune"}, id="updater"),
        pytest.param({"base_score": "[0.2, 0.3]"}, {"base_score": [0.2, 0.3]}, id="base_score a class"),
        pytest.param({"eval_metric": "rmse, r2 ,mae,rmse"}, {"eval_metric": ["rmse", "mae"]}, id="metrics"),
        pytest.param({"eval_metric": '["r2"]'}, {"disable_default_eval_metric": 1}, id="our metrics alone"),
    ],
)
def test_booster_params(raw, params):
    assert Hyperparameters.parse(raw).booster_params() == params


@pytest.mark.parametrize(("text", "character"), [("\\t", "\t"), ("\t", "\t"), ("tab", "\t"), (" ", " "), ("|", "|")])
def test_delimiters(text, character):
    assert Hyperparameters.parse({"delimiter": text}).delimiter == character


@pytest.mark.parametrize("metric", ["error@0.5", "error@1", "ams@0.15", "pre@3", "ndcg@5-", "ndcg-", "map@10", "map-"])
def test_forms_of_metrics(metric):
    assert Hyperparameters.parse({"eval_metric": metric}).eval_metric == (metric,)


def test_parsed_hyperparameters_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Hyperparameters.parse({}).num_round = 3


def outcome(raw):
    try:
        return Hyperparameters.parse(raw)
    except UserError as error:
        return str(error)


texts = st.one_of(
    st.sampled_from([text for text, _ in VALID.values()]),
    st.sampled_from(["true", "null", "[]", "{}", "[1,2]", "1e3", " 1 ", "-0.5", "()"]),
    st.integers().map(str),
    st.floats().map(str),
    st.text(string.printable + "é中\udcff", max_size=20).filter(lambda text: not text.startswith('"')),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*FIELDS, *ALIASES, *OBSOLETE, "max_dept"]), texts, max_size=5))
def test_quoted_and_plain_spelling_are_equal(raw):
    assert outcome(raw) == outcome({name: json.dumps(text) for name, text in raw.items()})


def one_round(jobs):
    script = Path(__file__).with_name("one_round.py")
    params = [Hyperparameters.parse(raw).booster_params() for raw in jobs]
    run = subprocess.run(
        [sys.executable, script],
        input=json.dumps(params),
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_xgboost_uses_every_parameter():
    jobs = [job(name, VALID[name][0]) for name, field in FIELDS.items() if field.for_xgboost]
    for raw, seen in zip(jobs, one_round(jobs), strict=True):
        assert not [warning for warning in seen["warnings"] if "not used" in warning], raw


def test_xgboost_knows_every_choice():
    jobs = [job(name, word) for name, word in CHOICES if FIELDS[name].for_xgboost]
    assert len(one_round(jobs)) == len(jobs)


def test_xgboost_computes_every_metric():
    suitable = {
        "ams": "ams@0.15",
        "tweedie-nloglik": "tweedie-nloglik@1.5",
    }
    objectives = {
        "merror": "multi:softprob",
        "mlogloss": "multi:softprob",
        "quantile": "reg:quantileerror",
        "expectile": "reg:expectileerror",
        "aft-nloglik": "survival:aft",
        "interval-regression-accuracy": "survival:aft",
        "cox-nloglik": "survival:cox",
    }
    metrics = [suitable.get(name, name) for name in XGBOOST_METRICS]
    jobs = [
        {**job("objective", objectives.get(metric, "binary:logistic")), "eval_metric": metric} for metric in metrics
    ]
    assert [seen["metrics"] for seen in one_round(jobs)] == [[metric] for metric in metrics]


def test_xgboost_computes_every_metric_that_is_not_refused():
    """With labels 0 and 1, or classes, and no weights; what other labels and weights forbid, only the data can tell."""
    arguments = {"ams": "@0.15", "tweedie-nloglik": "@1.5"}
    metrics = [name + arguments.get(name, "") for name in XGBOOST_METRICS]
    times = ("reg:gamma", "survival:cox")  # their labels are not 0 and 1
    jobs = [
        job("objective", objective) | {"eval_metric": metric}
        for objective in words("objective")
        for metric in metrics
        if not misfits(objective, (metric,)) and not (objective in times and metric in RANKING)
    ]
    assert [seen["metrics"] for seen in one_round(jobs)] == [[of["eval_metric"]] for of in jobs]


def test_a_start_that_is_not_refused_is_learned_from():
    starts = ("-50", "-1", "-0.5", "0", "1e-20", "0.5", "1", "50")
    every = [job("objective", of) | {"base_score": start} for of in words("objective") for start in starts]
    jobs = [raw for raw in every if isinstance(outcome(raw), Hyperparameters)]
    assert {raw["objective"] for raw in jobs} == {*words("objective")}
    for raw, seen in zip(jobs, one_round(jobs), strict=True):
        assert seen["finite"], raw


def test_ours_are_no_metrics_of_xgboost():
    assert not OUR_METRICS & set(XGBOOST_METRICS)


def number_or_word(text):
    try:
        return round(float(text), 6)
    except ValueError:
        return text


def test_documented_defaults_are_those_of_xgboost():
    documented = {
        name: number_or_word(field.default.partition(" ")[0].strip("`"))
        for name, field in FIELDS.items()
        if field.for_xgboost and (field.default[:1].isdigit() or field.default[:1] == "`")
    }
    # 'auto' and a seed for each round are ours; the other two are in no saved configuration, or only as a number there.
    for name in ("device", "seed_per_iteration", "verbosity", "process_type"):
        del documented[name]
    jobs = [{key: text for key, text in job(name, "").items() if key != name} for name in documented]
    told = [seen["config"] for seen in one_round(jobs)]
    assert {name: number_or_word(config[name]) for name, config in zip(documented, told, strict=True)} == documented
