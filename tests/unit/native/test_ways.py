"""Every way of walking a forest gives the bits of the plain one: step by step, in Python."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

native = pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")


@dataclass
class Grown:
    """The nodes of trees that grow at random, as the core's types take them."""

    features: int
    outputs: int = 1
    vectors: bool = False
    nodes: list[tuple[int, int, int, float, int, int]] = field(default_factory=list)
    tree_size: list[int] = field(default_factory=list)
    tree_weight: list[float] = field(default_factory=list)
    sets: list[list[int]] = field(default_factory=list)
    leaves: int = 0

    def grow(
        self,
        random: np.random.Generator,
        depth: int,
        thresholds: list[np.ndarray],
        keep: float = 1.0,
        categories: float = 0.0,
    ) -> None:
        """Add a tree: a node above ``depth`` splits with the probability ``keep``, into categories with another."""
        tree: list[list[Any]] = [[-1, 0, 0, 0.0, 0, 0]]
        waiting = [(0, 0)]
        own: dict[int, list[int]] = {}
        for place, level in waiting:
            if level == depth or random.random() >= keep:
                tree[place][1] = self.leaves if self.vectors else 0
                tree[place][3] = random.normal()
                self.leaves += 1
                continue
            feature, left = int(random.integers(self.features)), len(tree)
            categorical = random.random() < categories
            if categorical:
                own[place] = random.choice(70, 5, replace=False).tolist()
            threshold = 0.0 if categorical else float(random.choice(thresholds[feature]))
            tree[place] = [left, left + 1, feature, threshold, int(random.integers(2)), int(categorical)]
            tree += [[-1, 0, 0, 0.0, 0, 0], [-1, 0, 0, 0.0, 0, 0]]
            waiting += [(left, level + 1), (left + 1, level + 1)]
        self.sets += [own[place] for place in sorted(own)]
        self.nodes += [tuple(node) for node in tree]
        self.tree_size.append(len(tree))
        self.tree_weight.append(float(random.choice([1.0, 0.3, 0.7])))

    def arguments(self) -> dict[str, Any]:
        left, right, feature, value, default_left, categorical = zip(*self.nodes, strict=True)
        random = np.random.default_rng(len(self.nodes))
        trees = len(self.tree_size)
        arrays = {
            "start": np.linspace(0.5, 1.5, self.outputs, dtype=np.float32),
            "tree_size": np.array(self.tree_size, np.int32),
            "tree_output": np.arange(trees, dtype=np.int32) % self.outputs,
            "tree_weight": np.array(self.tree_weight, np.float32),
            "left": np.array(left, np.int32),
            "right": np.array(right, np.int32),
            "feature": np.array(feature, np.int32),
            "value": np.array(value, np.float32),
            "default_left": np.array(default_left, np.uint8),
            "categorical": np.array(categorical, np.uint8),
            "category_count": np.array([len(members) for members in self.sets], np.int32),
            "category": np.array([member for members in self.sets for member in members], np.int32),
            "leaf_vector": random.normal(size=self.leaves * self.outputs * self.vectors).astype(np.float32),
            "cover": np.ones(len(left), np.float32),
        }
        return {"features": self.features, "link": 0, "transform": 0} | arrays


def walked(arguments: dict[str, Any], rows: np.ndarray) -> np.ndarray:
    """What the walk is defined as: float32 of shape (rows, outputs)."""
    a = arguments
    sums = np.tile(a["start"], (len(rows), 1))
    members = iter(np.split(a["category"], np.cumsum(a["category_count"])[:-1]))
    sets = {int(node): set(next(members).tolist()) for node in np.flatnonzero(a["categorical"])}
    begin = np.cumsum(a["tree_size"]) - a["tree_size"]
    for tree, root in enumerate(begin):
        at = np.full(len(rows), root)
        while (inner := a["left"][at] != -1).any():
            x, threshold = rows[np.arange(len(rows)), a["feature"][at]], a["value"][at]
            right = x >= threshold
            for row in np.flatnonzero(inner & (a["categorical"][at] != 0)):
                right[row] = 0 <= x[row] < 1 << 24 and int(x[row]) in sets[int(at[row])]
            right = np.where(np.isnan(x), a["default_left"][at] == 0, right)
            at = np.where(inner, root + np.where(right, a["right"][at], a["left"][at]), at)
        weight = a["tree_weight"][tree]
        if len(a["leaf_vector"]):
            sums += a["leaf_vector"].reshape(-1, sums.shape[1])[a["right"][at]] * weight
        else:
            sums[:, a["tree_output"][tree]] += a["value"][at] * weight
    return sums


def margins(forest: Any, rows: np.ndarray, outputs: int, *way: str) -> np.ndarray:
    out = np.full(len(rows) * outputs, np.nan, np.float32)
    forest.predict(rows, out, True, *way)
    return out.reshape(len(rows), outputs)


def assert_same(arguments: dict[str, Any], rows: np.ndarray, levels: bool = True) -> None:
    forest, wanted = native.Forest(**arguments), walked(arguments, rows)
    assert ("baseline" in forest.ways()) == levels
    for way in ((), *((way,) for way in forest.ways())):
        found = margins(forest, rows, wanted.shape[1], *way)
        np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32), str(way))


def cells(random: np.random.Generator, thresholds: list[np.ndarray], rows: int, missing: float) -> np.ndarray:
    """Thresholds, the numbers next to them, and others."""
    with np.errstate(over="ignore"):
        columns = [
            np.concatenate([t, *(np.nextafter(t, np.float32(end)) for end in (np.inf, -np.inf))]) for t in thresholds
        ]
    odd = np.array([0.0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 3e38, 33, 69], np.float32)
    X = np.stack([random.choice(np.concatenate([c, odd]), rows) for c in columns], axis=1)
    X[random.random(X.shape) < missing] = np.nan
    return X.astype(np.float32)


def grown(random: np.random.Generator, thresholds: list[np.ndarray], trees: int, depth: int, **how: Any) -> Grown:
    kind = {name: how.pop(name) for name in ("outputs", "vectors") if name in how}
    forest = Grown(len(thresholds), **kind)
    for _ in range(trees):
        forest.grow(random, depth, thresholds, **how)
    return forest


def numbers(random: np.random.Generator, *counts: int) -> list[np.ndarray]:
    return [np.unique(random.normal(size=count).astype(np.float32)) for count in counts]


@pytest.mark.parametrize("missing", [0, 0.3])
@pytest.mark.parametrize(
    ("counts", "how"),
    [
        pytest.param((20, 5, 1), {"trees": 12, "depth": 5}, id="full"),
        pytest.param((20, 5, 1), {"trees": 12, "depth": 8}, id="as deep as a byte"),
        pytest.param((20, 5, 1), {"trees": 40, "depth": 1}, id="stumps"),
        pytest.param((20, 5, 1), {"trees": 40, "depth": 2, "outputs": 3}, id="outputs"),
        pytest.param((20, 5, 1), {"trees": 6, "depth": 11}, id="deeper than a byte"),
        pytest.param((20, 5, 1), {"trees": 60, "depth": 30, "keep": 0.6}, id="deep in few places"),
        pytest.param((20, 5, 1), {"trees": 90, "depth": 9, "keep": 0.6}, id="small, one node among them"),
        pytest.param((9,) * 130, {"trees": 140, "depth": 8}, id="a level of as many planes as nodes"),
        pytest.param((600, 254, 255, 508, 509), {"trees": 20, "depth": 8}, id="planes"),
        pytest.param((4000, 3), {"trees": 30, "depth": 8}, id="many planes"),
        pytest.param((20, 5, 1), {"trees": 12, "depth": 5, "vectors": True, "outputs": 4}, id="vectors"),
        pytest.param((20, 5, 1), {"trees": 12, "depth": 10, "vectors": True, "outputs": 2}, id="deep vectors"),
        pytest.param((20, 5, 1), {"trees": 40, "depth": 6, "categories": 0.1}, id="categories"),
        pytest.param((9,) * 600, {"trees": 640, "depth": 8, "keep": 0.98}, id="many features"),
    ],
)
def test_bits_in_every_way(counts, how, missing):
    random = np.random.default_rng(len(counts))
    thresholds = numbers(random, *counts)
    forest = grown(random, thresholds, **how)
    assert (min(forest.tree_size) == 1) == ("keep" in how), "where trees may end early, some have one node"
    assert bool(forest.sets) == ("categories" in how)
    assert_same(forest.arguments(), cells(random, thresholds, 300, missing))


@pytest.mark.parametrize("missing", [0, 0.3])
def test_bits_at_every_number_of_rows(missing):
    random = np.random.default_rng(7)
    thresholds = numbers(random, 30, 300, 7)
    arguments = grown(random, thresholds, 15, 9, keep=0.9).arguments()
    rows = cells(random, thresholds, 300, missing)
    forest, wanted = native.Forest(**arguments), walked(arguments, rows)
    assert "baseline" in forest.ways()
    for count in (*range(201), 255, 256, 257, 300):
        for way in ((), *((way,) for way in forest.ways())):
            found = margins(forest, rows[:count], 1, *way)
            assert (found.view(np.uint32) == wanted[:count].view(np.uint32)).all(), (count, way)


@pytest.mark.parametrize("missing", [0, 0.3])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3.4028235e38])
def test_odd_thresholds(odd, missing):
    """Nothing reaches one that is not a number, which may be all that is asked of a feature."""
    random = np.random.default_rng(3)
    thresholds = [np.array([odd], np.float32), np.array([odd, -1, 0.0, -0.0, 1, odd], np.float32)]
    for columns in (thresholds, thresholds[::-1]):
        assert_same(grown(random, columns, 12, 5).arguments(), cells(random, columns, 100, missing))


@given(
    seed=st.integers(0, 2**32 - 1),
    counts=st.lists(st.integers(1, 400), min_size=1, max_size=4),
    trees=st.integers(12, 30),
    depth=st.integers(0, 10),
    keep=st.sampled_from([1.0, 0.9, 0.6]),
    categories=st.sampled_from([0.0, 0.0, 0.05]),
    outputs=st.integers(1, 3),
    vectors=st.booleans(),
    rows=st.integers(0, 140),
    missing=st.sampled_from([0, 0.3]),
)
@settings(deadline=None, max_examples=100)
def test_bits_of_any_forest(seed, counts, rows, missing, **how):
    random = np.random.default_rng(seed)
    thresholds = numbers(random, *counts)
    arguments = grown(random, thresholds, **how).arguments()
    levels = "baseline" in native.Forest(**arguments).ways()
    assert_same(arguments, cells(random, thresholds, rows, missing), levels)


def test_forests_that_are_walked_by_steps_alone():
    random = np.random.default_rng(5)
    thresholds = numbers(random, 300, 5, 1)
    few = grown(random, thresholds, 2, 8).arguments()  # ranks would cost more than they save
    assert_same(few, cells(random, thresholds, 140, 0.3), levels=False)
    wide = numbers(random, *(3,) * 600)
    for depth, levels in ((8, True), (9, False)):  # below the levels the numbers are needed as well
        assert_same(grown(random, wide, 610, depth).arguments(), cells(random, wide, 140, 0.3), levels)


def test_more_planes_than_there_may_be():
    random = np.random.default_rng(6)
    one = grown(random, numbers(random, 5), 1, 8).arguments()
    for features, levels in ((2048, True), (2049, False)):
        many = {name: np.tile(one[name], 2060) for name in one if isinstance(one[name], np.ndarray) and name != "start"}
        many["feature"] = np.arange(len(many["feature"]), dtype=np.int32) % features
        many["value"] = np.where(many["left"] == -1, many["value"], np.float32(0.5))
        many = one | many | {"features": features}
        assert_same(many, random.normal(size=(30, features)).astype(np.float32), levels)


def test_ways():
    random = np.random.default_rng(8)
    forest = native.Forest(**grown(random, numbers(random, 5), 12, 3).arguments())
    ways = forest.ways()
    assert ways[:2] == ["steps", "baseline"]
    assert set(ways) <= {"steps", "baseline", "avx2", "avx512"}
    flags = Path("/proc/cpuinfo").read_text().split()
    assert ("avx2" in ways) == ("avx2" in flags)
    assert ("avx512" in ways) == ({"avx512bw", "avx512_vbmi"} <= {*flags} or {"avx512bw", "avx512vbmi"} <= {*flags})
    for way in ("sse", "", 1, None, b"steps"):
        with pytest.raises(ValueError, match="way: must be one of the forest's ways"):
            margins(forest, np.zeros((1, 1), np.float32), 1, way)
