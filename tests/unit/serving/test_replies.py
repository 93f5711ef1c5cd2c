"""Replies carry exactly the float32 that was predicted."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from container.model.predictor import Prediction
from container.serving.negotiation import CSV, JSON, JSON_LINES
from container.serving.replies import encode

_SHAPES = st.tuples(st.integers(1, 5)) | st.tuples(st.integers(1, 4), st.integers(1, 4))
_FLOATS = arrays.from_dtype(np.dtype(np.float32), allow_nan=True, allow_infinity=True)


@st.composite
def predictions(draw: st.DrawFn) -> Prediction:
    scores = draw(arrays.arrays(np.float32, _SHAPES, elements=_FLOATS))
    label = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text == text.strip())
    return Prediction(scores, draw(st.none() | st.lists(label, min_size=len(scores), max_size=len(scores))))


@given(predictions())
def test_csv_has_a_line_for_each_row_that_reads_back_as_it_was(prediction: Prediction) -> None:
    rows = list(csv.reader(io.StringIO(encode(prediction.answer(), CSV).decode(), newline="")))
    if prediction.labels is not None:
        assert [row.pop(0) for row in rows] == prediction.labels
    assert same(np.array(rows, dtype=np.float64).astype(np.float32).reshape(prediction.scores.shape), prediction.scores)


@given(predictions())
def test_json_reads_back_as_it_was_and_null_where_it_is_not_finite(prediction: Prediction) -> None:
    body = json.loads(encode(prediction.answer(), JSON), parse_constant=pytest.fail)
    assert list(body) == ["predictions"]
    scores = [[np.nan if x is None else x for x in np.atleast_1d(item["score"])] for item in body["predictions"]]
    finite = np.where(np.isfinite(prediction.scores), prediction.scores, np.float32(np.nan))
    assert same(np.array(scores, dtype=np.float64).astype(np.float32).reshape(finite.shape), finite)
    assert [item.get("predicted_label") for item in body["predictions"]] == (
        prediction.labels or [None] * len(prediction.scores)
    )


@given(predictions())
def test_json_lines_are_the_predictions_of_json(prediction: Prediction) -> None:
    lines = [json.loads(line) for line in encode(prediction.answer(), JSON_LINES).split(b"\n")]
    assert lines == json.loads(encode(prediction.answer(), JSON))["predictions"]


def same(left: NDArray[np.float32], right: NDArray[np.float32]) -> bool:
    """Bit for bit, but for the sign of NaN."""
    return np.array_equal(left, right, equal_nan=True) and bool(
        (np.isnan(left) | (np.signbit(left) == np.signbit(right))).all()
    )


@pytest.mark.parametrize(("value", "text"), [(0.1, "0.1"), (1 / 3, "0.33333334"), (16777216, "16777216.0"), (3, "3.0")])
def test_a_number_is_as_short_as_it_can_be(value: float, text: str) -> None:
    assert encode(Prediction(np.array([value], np.float32)).answer(), CSV) == text.encode()


def test_what_is_not_finite_is_written_as_float_parsers_read_it() -> None:
    scores = np.array([[np.nan, 1], [np.inf, -np.inf]], np.float32)
    assert encode(Prediction(scores).answer(), CSV) == b"nan,1.0\ninf,-inf"
    assert encode(Prediction(scores).answer(), JSON_LINES) == b'{"score":[null,1.0]}\n{"score":[null,null]}'


def test_scores_that_are_a_view_are_written_in_their_order() -> None:
    scores = np.arange(6, dtype=np.float32).reshape(2, 3).T
    assert encode(Prediction(scores).answer(), CSV) == b"0.0,3.0\n1.0,4.0\n2.0,5.0"
