"""What the compiled core does with arguments nobody should pass: exceptions, and never a crash."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

native = pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")

TYPES = {
    "start": np.float32,
    "tree_size": np.int32,
    "tree_output": np.int32,
    "tree_weight": np.float32,
    "left": np.int32,
    "right": np.int32,
    "feature": np.int32,
    "value": np.float32,
    "default_left": np.uint8,
    "categorical": np.uint8,
    "category_count": np.int32,
    "category": np.int32,
    "leaf_vector": np.float32,
    "cover": np.float32,
}


def arguments(**changed: Any) -> dict[str, Any]:
    """Two trees over two features: a split of numbers, and a split of categories."""
    values: dict[str, Any] = {
        "start": [0.5],
        "tree_size": [3, 3],
        "tree_output": [0, 0],
        "tree_weight": [1, 1],
        "left": [1, -1, -1, 1, -1, -1],
        "right": [2, -1, -1, 2, -1, -1],
        "feature": [0, 0, 0, 1, 0, 0],
        "value": [1.5, 10, 20, 0, 100, 200],
        "default_left": [1, 0, 0, 0, 0, 0],
        "categorical": [0, 0, 0, 1, 0, 0],
        "category_count": [2],
        "category": [3, 40],
        "leaf_vector": [],
        "cover": [4, 1, 3, 4, 2, 2],
        **{name: value for name, value in changed.items() if name in TYPES},
    }
    arrays = {name: np.array(value, TYPES[name]) for name, value in values.items()}
    return {"features": 2, "link": 0, "transform": 0} | changed | arrays


def predict(forest: Any, rows: list[list[float]]) -> list[float]:
    out = np.empty(len(rows), np.float32)
    forest.predict(np.array(rows, np.float32), out, False)
    return out.tolist()


def test_a_forest_by_hand():
    nan = float("nan")
    rows = [[1, 3], [1.5, 3], [nan, 4], [2, nan], [1, 40.9], [1, -1], [1, 1e9]]
    wanted = [210.5, 220.5, 110.5, 220.5, 210.5, 110.5, 110.5]
    assert predict(native.Forest(**arguments()), rows) == wanted
    assert [predict(native.Forest(**arguments()), [row])[0] for row in rows] == wanted


@pytest.mark.parametrize("wide", [True, False])
def test_contributions_by_hand(wide):
    nan = float("nan")
    rows = np.array([[1, 3], [1.5, 4], [nan, 40], [2, nan], [1, -1]], np.float32)
    wanted = [[-7.5, 50, 168], [2.5, -50, 168], [-7.5, 50, 168], [2.5, 50, 168], [-7.5, -50, 168]]
    for some in (slice(0, 5), *(slice(n, n + 1) for n in range(5))):
        out = np.empty(len(rows[some]) * 3, np.float32)
        native.Contributions(**arguments()).of(rows[some], out, wide)
        np.testing.assert_allclose(out.reshape(-1, 3), wanted[some], rtol=1e-5)


KINDS = ["Forest", "Contributions"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": 0}, "out of range"),
        ({"features": 1}, "asks for a feature"),
        ({"link": 3}, "out of range"),
        ({"transform": 99}, "out of range"),
        ({"transform": -1}, "out of range"),
        ({"start": []}, "number of outputs"),
        ({"tree_size": []}, "for each tree"),
        ({"tree_size": [3, 0]}, "no nodes"),
        ({"tree_size": [3, 2**31 - 1]}, "for each node"),
        ({"tree_size": [-3, 3]}, "no nodes"),
        ({"tree_output": [0, 1]}, "adds to an output"),
        ({"tree_output": [0, -1]}, "adds to an output"),
        ({"tree_weight": [1]}, "for each tree"),
        ({"left": [1, -1, -1, 1, -1]}, "for each node"),
        ({"left": [0, -1, -1, 1, -1, -1]}, "side by side"),
        ({"left": [2, -1, -1, 1, -1, -1]}, "side by side"),
        ({"left": [-2, -1, -1, 1, -1, -1]}, "side by side"),
        ({"left": [2**31 - 1, -1, -1, 1, -1, -1]}, "side by side"),
        ({"left": [1, 1, -1, 1, -1, -1], "right": [2, 2, -1, 2, -1, -1]}, "two parents"),
        ({"right": [1, -1, -1, 2, -1, -1]}, "side by side"),
        ({"feature": [2, 0, 0, 1, 0, 0]}, "asks for a feature"),
        ({"feature": [-1, 0, 0, 1, 0, 0]}, "asks for a feature"),
        ({"value": [1]}, "for each node"),
        ({"default_left": []}, "for each node"),
        ({"categorical": [0, 0, 0, 0, 0, 0]}, "more categories"),
        ({"categorical": [1, 0, 0, 1, 0, 0]}, "no categories"),
        ({"category_count": [3]}, "too many categories"),
        ({"category_count": [-1]}, "too many categories"),
        ({"category_count": [1]}, "more categories"),
        ({"category": [3, -1]}, "out of range"),
        ({"category": [3, 1 << 24]}, "out of range"),
        ({"leaf_vector": [1.0]}, "no values"),
        ({"cover": [4, 1, 3, 4, 2]}, "for each node"),
    ],
)
def test_what_is_no_forest(kind, changed, message):
    with pytest.raises(ValueError, match=message):
        getattr(native, kind)(**arguments(**changed))


@pytest.mark.parametrize("cover", [-1, float("nan")])
@pytest.mark.parametrize("node", range(6))
def test_covers_that_are_none(cover, node):
    covers = [4, 1, 3, 4, 2, 2]
    covers[node] = cover
    with pytest.raises(ValueError, match="cover is negative"):
        native.Contributions(**arguments(cover=covers))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TYPES)
def test_arrays_of_another_kind(kind, name):
    make, good = getattr(native, kind), arguments()
    for bad in (good[name].astype(np.float64), good[name].reshape(1, -1), good[name].astype("S1")):
        with pytest.raises(ValueError, match=f"^{name}: must be an array"):
            make(**good | {name: bad})
    with pytest.raises(TypeError):
        make(**good | {name: [1, 2]})
    with pytest.raises(TypeError):
        make(**{key: value for key, value in good.items() if key != name})


small = st.integers(-3, 7)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            **{name: st.lists(small, max_size=8) for name in TYPES if np.issubdtype(TYPES[name], np.signedinteger)},
            "categorical": st.lists(st.integers(0, 1), min_size=6, max_size=6),
            "leaf_vector": st.lists(st.just(1.0), max_size=9),
            "start": st.lists(st.just(0.0), max_size=3),
            "features": st.integers(-1, 9),
            "transform": st.integers(-1, 9),
        },
    ),
    st.lists(st.floats(width=32), min_size=1, max_size=20),
)
@settings(deadline=None, max_examples=500)
def test_any_forest_is_refused_or_predicts(changed, cells):
    features, outputs = changed.get("features", 2), len(changed.get("start", [0]))
    try:
        forest, contributions = native.Forest(**arguments(**changed)), native.Contributions(**arguments(**changed))
    except ValueError:
        return
    rows = np.resize(np.array(cells, np.float32), (len(cells), features))
    for wide in (True, False):
        contributions.of(rows, np.empty(len(rows) * outputs * (features + 1), np.float32), wide)
    margins = np.empty(len(rows) * outputs, np.float32)
    forest.predict(rows, margins, True)
    for row in rows[:3]:
        forest.predict(row[None], margins[:outputs], True)


def explained(rows: Any, numbers: int) -> None:
    native.Contributions(**arguments()).of(rows, np.zeros(numbers, np.float32), True)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda f: f.predict(), TypeError),
        (lambda f: f.predict(np.zeros((1, 2), np.float32), np.zeros(1, np.float32)), TypeError),
        (lambda f: f.predict(None, np.zeros(1, np.float32), False), TypeError),
        (lambda f: f.predict(np.zeros((1, 2), np.float32), None, False), TypeError),
        (lambda f: f.predict(np.zeros((1, 2), np.float32), np.zeros(2, np.float32), False), ValueError),
        (lambda f: f.predict(np.zeros((1, 2), np.float32), np.zeros((1, 1), np.float32), False), ValueError),
        (lambda f: f.predict(np.zeros((1, 2), np.float32), np.zeros(1), False), ValueError),
        (lambda f: f.predict(np.zeros((1, 2), np.float32), b"1234", False), (ValueError, BufferError)),
        (lambda f: f.predict(np.zeros((1, 3), np.float32), np.zeros(1, np.float32), False), ValueError),
        (lambda f: f.predict(np.zeros(2, np.float32), np.zeros(1, np.float32), False), ValueError),
        (lambda f: f.transform(np.zeros((1, 1), np.float32)), TypeError),
        (lambda f: f.transform(np.zeros((1, 2), np.float32), np.zeros(1, np.float32)), ValueError),
        (lambda f: f.transform(np.zeros((2, 1), np.float32), np.zeros(1, np.float32)), ValueError),
        (lambda f: explained(None, 3), TypeError),
        (lambda f: explained(np.zeros((1, 3), np.float32), 3), ValueError),
        (lambda f: explained(np.zeros((1, 2), np.float32), 2), ValueError),
        (lambda f: explained(np.zeros((2, 2), np.float32), 3), ValueError),
        (lambda f: explained(np.zeros(2, np.float32), 3), ValueError),
        (lambda f: native.Contributions(**arguments()).of(np.zeros((1, 2), np.float32)), TypeError),
        (lambda f: native.parse_csv(b"1", 1, False), TypeError),
        (lambda f: native.parse_csv("1", 1, False, 1), TypeError),
        (lambda f: native.parse_csv(b"1", "1", False, 1), TypeError),
        (lambda f: native.parse_csv(b"1", 0, False, 1), ValueError),
        (lambda f: native.parse_csv(b"1", -1, False, 1), ValueError),
        (lambda f: native.parse_csv(b"1", 1 << 70, False, 1), OverflowError),
        (lambda f: native.parse_csv(b"1", 1, False, "1"), TypeError),
        (lambda f: native.parse_csv(b"1", 1, False, 0), ValueError),
        (lambda f: native.parse_csv_columns(b"1", [np.empty(1)], 0), TypeError),
        (lambda f: native.parse_csv_columns(b"1", (np.empty(1),), 0, 1), TypeError),
        (lambda f: native.parse_csv_columns("1", [np.empty(1)], 0, 1), TypeError),
        (lambda f: native.parse_csv_columns(b"1", [None], 0, 1), TypeError),
        (lambda f: native.parse_csv_columns(b"1", [np.empty(1, np.float32)], 0, 1), ValueError),
        (lambda f: native.parse_csv_columns(b"1", [np.empty((1, 1))], 0, 1), ValueError),
        (lambda f: native.parse_csv_columns(b"1", [np.empty(4)[::2]], 0, 1), (BufferError, ValueError)),
        (lambda f: native.parse_csv_columns(b"1", [np.empty(1)], 0, 2), ValueError),
        (lambda f: native.parse_csv_columns(b"1", [np.empty(1)], 1, 0), ValueError),
        (lambda f: native.parse_csv_columns(b"1", [np.empty(1)], -1, 1), OverflowError),
        (lambda f: native.survey("1"), TypeError),
        (lambda f: native.survey(1), TypeError),
        (lambda f: native.survey(), TypeError),
    ],
)
def test_calls_of_another_kind(call, error):
    with pytest.raises(error):
        call(native.Forest(**arguments()))


def test_outputs_that_cannot_be_written():
    out = np.zeros(1, np.float32)
    out.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        native.Forest(**arguments()).predict(np.zeros((1, 2), np.float32), out, False)


def test_more_columns_than_there_are_bytes():
    assert native.parse_csv(b"1,2,3\n" * 1000, (1 << 62), False, 1) is None


def test_parse_takes_any_buffer():
    assert np.frombuffer(native.parse_csv(memoryview(bytearray(b"1,2")), 2, False, 1), np.float32).tolist() == [1, 2]


def test_no_columns_hold_nothing():
    assert native.parse_csv_columns(b"", [], 0, 0) is False


@given(st.binary(max_size=300))
def test_a_survey_takes_any_buffer(data):
    kinds = b"\r" in data, b"\0" in data, data.isascii()
    assert native.survey(data) == (data.count(b'"'), data.count(b"\n"), *kinds)
    assert native.survey(memoryview(data * 50)) == (50 * data.count(b'"'), 50 * data.count(b"\n"), *kinds)
