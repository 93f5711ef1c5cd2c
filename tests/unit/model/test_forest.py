"""The compiled walker gives XGBoost's bits, or stands aside."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from container.model import forest as module
from container.model.forest import Forest, probe_rows
from container.model.trees import NotCoveredError, Trees, thresholds
from tests.unit.model.boosters import CASES, trained

pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")

booster_of = cache(trained)


@cache
def forest_of(name: str) -> Forest:
    forest = Forest.build(booster_of(name))
    assert forest is not None
    return forest


def assert_same(name: str, rows: np.ndarray) -> None:
    booster, forest = booster_of(name), forest_of(name)
    for mine, kind in ((forest.predict(rows), "value"), (forest.margin(rows), "margin")):
        theirs = booster.inplace_predict(rows, predict_type=kind, validate_features=False)
        assert mine.dtype == np.float32
        assert mine.shape == theirs.shape
        differ = mine.view(np.uint32) != theirs.view(np.uint32)
        assert not differ.any(), (kind, mine[differ], theirs[differ])
    for way in forest._native.ways():
        mine = np.empty(theirs.size, np.float32)
        forest._native.predict(rows, mine, True, way)
        assert (mine.view(np.uint32) == theirs.view(np.uint32).ravel()).all(), way


@pytest.mark.parametrize("name", CASES)
def test_bits_on_many_rows(name):
    trees = Trees.of(booster_of(name))
    for seed in range(1, 9):  # 0 is what build looked at
        assert_same(name, probe_rows(trees, seed))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9, 127, 128, 129, 130])
def test_bits_at_every_number_of_rows(name, rows):
    sample = probe_rows(Trees.of(booster_of(name)), seed=9)
    for start in (0, len(sample) // 2):  # without and with missing cells
        assert_same(name, np.resize(sample[start:], (rows, sample.shape[1])))


@given(
    name=st.sampled_from(["sets of categories", "one-hot categories", "dart", "vector leaves of classes", "softmax"]),
    cells=st.lists(
        st.lists(
            st.floats(width=32, allow_infinity=False)
            | st.integers(-2, 70).map(float)
            | st.sampled_from([float("nan"), 16777215.0, 16777216.0, 2.0**31, -0.0, -0.5, 1e-45]),
            min_size=6,
            max_size=6,
        ),
        min_size=1,
        max_size=9,
    ),
)
@settings(deadline=None, max_examples=300)
def test_bits_on_any_row(name, cells):
    assert_same(name, np.array(cells, np.float32))


def test_cases_have_what_they_are_named_for():
    def trees(name: str) -> Trees:
        return Trees.of(booster_of(name))

    assert trees("sets of categories").category_count.max() > 1
    assert (trees("one-hot categories").category_count == 1).all()
    assert len(trees("one-hot categories").category_count) > 10
    assert (trees("dart").tree_weight != 1).any()
    assert len(trees("dart of vector leaves").leaf_vector) > 0
    assert (trees("dart of vector leaves").tree_weight != 1).any()
    assert (trees("no split").tree_size == 1).all()
    assert trees("deep").tree_size.max() > 200
    assert len(set(trees("base score vector").start)) == 3
    assert set(trees("softmax").tree_output) == set(range(5))
    assert trees("classes of forests").tree_output[:4].tolist() == [0, 0, 0, 1]
    assert trees("many features").features > 1 << 14


def test_probe_rows_lie_on_and_beside_thresholds():
    trees = Trees.of(booster_of("deep"))
    features, values = thresholds(trees)
    rows = probe_rows(trees)
    for feature in range(trees.features):
        own, column = values[features == feature], rows[:, feature]
        assert np.isin(column, own).sum() > 50
        assert np.isin(column, np.nextafter(own, np.float32(np.inf))).any()
        assert np.isin(column, np.nextafter(own, np.float32(-np.inf))).any()
    assert not np.isnan(rows[: len(rows) // 2]).any()
    assert np.isnan(rows[len(rows) // 2 :]).any()
    categories = probe_rows(Trees.of(booster_of("sets of categories")))[:, 1]
    assert (categories > 40).any()
    assert (categories < 0).any()


def test_from_several_threads():
    name = "sets of categories"
    forest, rows = forest_of(name), probe_rows(Trees.of(booster_of(name)))
    many = np.tile(rows, (40, 1))  # long enough to let go of the interpreter's lock
    wanted = booster_of(name).inplace_predict(many, validate_features=False)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(forest.predict, [many, rows[:1]] * 8))
    for result in results:
        assert (result == wanted[: len(result)]).all()


def test_no_rows():
    assert forest_of("reg:squarederror").predict(np.empty((0, 6), np.float32)).shape == (0,)
    assert forest_of("softprob").predict(np.empty((0, 6), np.float32)).shape == (0, 5)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(np.zeros((2, 5), np.float32), id="too few columns"),
        pytest.param(np.zeros((2, 7), np.float32), id="too many columns"),
        pytest.param(np.zeros(6, np.float32), id="one dimension"),
        pytest.param(np.zeros((1, 2, 6), np.float32), id="three dimensions"),
        pytest.param(np.zeros((2, 6)), id="float64"),
        pytest.param(np.zeros((2, 6), np.int32), id="int32"),
        pytest.param(np.zeros((2, 6), ">f4"), id="other byte order"),
        pytest.param(np.zeros((6, 2), np.float32).T, id="columns first"),
        pytest.param(np.zeros((4, 6), np.float32)[::2], id="every other row"),
    ],
)
def test_other_arrays_are_refused(rows):
    with pytest.raises(ValueError, match=r"^rows: must |contiguous"):
        forest_of("reg:squarederror").predict(rows)


@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"booster": "gblinear"}, "does not cover the booster 'gblinear'"),
        ({"objective": "reg:expectileerror", "expectile_alpha": 0.5}, "the objective 'reg:expectileerror'"),
    ],
)
def test_what_is_not_covered(parameters, said, caplog):
    caplog.set_level(logging.INFO)
    X = np.random.default_rng(0).normal(size=(50, 2))
    booster = xgboost.train({"nthread": 1, "verbosity": 0, **parameters}, xgboost.DMatrix(X, X[:, 0]), 2)
    assert Forest.build(booster) is None
    assert said in caplog.text


def next_up(values: np.ndarray) -> np.ndarray:
    return np.nextafter(values, np.float32(np.inf))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param("deep", lambda t: {"value": np.where(t.left < 0, next_up(t.value), t.value)}, id="leaves"),
        pytest.param("deep", lambda t: {"value": np.where(t.left < 0, t.value, next_up(t.value))}, id="thresholds"),
        pytest.param("deep", lambda t: {"default_left": 1 - t.default_left}, id="default directions"),
        pytest.param("deep", lambda t: {"start": next_up(t.start)}, id="base score"),
        pytest.param("dart", lambda t: {"tree_weight": next_up(t.tree_weight)}, id="weights"),
        pytest.param("softprob", lambda t: {"tree_output": t.tree_output[::-1].copy()}, id="outputs"),
        pytest.param("one-hot categories", lambda t: {"category": t.category + 1}, id="categories"),
        pytest.param("vector leaves", lambda t: {"leaf_vector": next_up(t.leaf_vector)}, id="leaves of vectors"),
    ],
)
def test_a_difference_of_one_bit_is_found(name, change, monkeypatch, caplog):
    trees = Trees.of(booster_of(name))
    monkeypatch.setattr(Trees, "of", classmethod(lambda cls, booster: replace(trees, **change(trees))))
    assert Forest.build(booster_of(name)) is None
    assert "differs from it in the sums of the leaves" in caplog.text


@pytest.mark.parametrize("transform", [0, 2, 3])
def test_another_function_is_found(transform, monkeypatch, caplog):
    booster = booster_of("binary:logistic")
    trees = replace(Trees.of(booster), transform=transform)
    monkeypatch.setattr(Trees, "of", classmethod(lambda cls, booster: trees))
    assert Forest.build(booster) is None
    assert "differs from it in the prediction" in caplog.text


def test_without_the_extension(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "native", None)
    assert Forest.build(booster_of("binary:logistic")) is None
    assert "the compiled core is not installed" in caplog.text


def test_a_model_without_trees():
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(np.zeros((2, 1)), [0, 1]), 0)
    with pytest.raises(NotCoveredError):
        Trees.of(booster)


@pytest.mark.parametrize("first", ["multi_output_tree", "one_output_per_tree"])
def test_a_model_with_trees_of_both_strategies(first):
    X = np.random.default_rng(0).normal(size=(50, 2))
    data = xgboost.DMatrix(X, X)
    (second,) = {"multi_output_tree", "one_output_per_tree"} - {first}
    booster = None
    for strategy in (first, second):
        booster = xgboost.train({"nthread": 1, "multi_strategy": strategy}, data, 2, xgb_model=booster)
    with pytest.raises(NotCoveredError, match="of which only some have a value for each output in their leaves"):
        Trees.of(booster)
