"""The sums of losses are those of a row after another in float32."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

native = pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")

F = np.float32
MARGINS = st.floats(width=32, allow_nan=False) | st.floats(-110, 110, width=32)


def probability(margin: np.float32) -> np.float32:
    e = F(math.exp(min(-margin, F(88.7))))
    return F(1) / (e + F(1) + F(1e-16))


def lost(loss: str, value: np.float32, label: np.float32) -> float:
    if loss == "logloss":
        return -math.log(max(value if label else F(1) - value, F(1e-16)))
    if loss == "error":
        return float(F(1) - label if value > 0.5 else label)
    return float((label - value) ** F(2) if loss == "squared" else abs(label - value))


def total(loss: str, logistic: bool, rows: list[tuple[float, float]]) -> float:
    margins, labels = np.array(rows, F).reshape(-1, 2).T.copy()
    return native.total_loss(loss, logistic, margins, labels)


@pytest.mark.parametrize(
    ("loss", "logistic"),
    [("logloss", True), *((loss, logistic) for loss in ("squared", "absolute", "error") for logistic in (True, False))],
)
@given(rows=st.lists(st.tuples(MARGINS, st.sampled_from([0.0, 1.0])), max_size=300))
def test_a_row_after_another(loss, logistic, rows):
    with np.errstate(over="ignore", invalid="ignore"):
        values = [(probability(F(margin)) if logistic else F(margin), F(label)) for margin, label in rows]
        expected = math.fsum(lost(loss, *row) for row in values)
        assert total(loss, logistic, rows) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("place", [0, 6, 7, 8, 130])
@pytest.mark.parametrize(("loss", "logistic"), [("logloss", True), ("squared", True), ("absolute", False)])
def test_what_is_no_number_is_not_hidden(loss, logistic, place):
    rows = [(1.0, 1.0)] * 131
    rows[place] = (math.nan, 0.0)
    assert math.isnan(total(loss, logistic, rows))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((), TypeError, "takes a name"),
        ((1, True, F([0]), F([0])), TypeError, "takes a name"),
        (("hinge", True, F([0]), F([0])), ValueError, "no loss 'hinge'"),
        (("logloss", False, F([0]), F([0])), ValueError, "no loss 'logloss'"),
        (("squared", True, F([0, 0]), F([0])), ValueError, "labels: must be 2, got 1"),
        (("squared", True, np.zeros(1), F([0])), ValueError, "margins: must be an array of 'f'"),
        (("squared", True, F([0]), F([[0]])), ValueError, "labels: must be an array of 'f' with 1 dimensions"),
        (("squared", True, F([0]), None), TypeError, "bytes-like"),
    ],
)
def test_what_it_refuses(arguments, error, message):
    arguments = [np.array(a, F) if isinstance(a, np.float32) else a for a in arguments]
    with pytest.raises(error, match=message):
        native.total_loss(*arguments)
