"""Replies carry exactly the float32 that was predicted."""

import csv
import io
import json
from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from container.data import recordio
from container.data.aialgs import decode
from container.data.protobuf import fields
from container.data.table import Place
from container.model.predictor import Prediction
from container.model.values import Answer, Values
from container.serving.negotiation import CSV, JSON, JSON_LINES, PARQUET, RECORDIO
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


@settings(deadline=None)
@given(arrays.arrays(np.float32, (3, 2), elements=_FLOATS), st.lists(st.text(), min_size=2, max_size=2))
def test_the_built_in_algorithms_lists_are_one_cell_of_csv_each(
    scores: NDArray[np.float32], classes: list[str]
) -> None:
    labels = Values.listed(np.array([classes] * 3, dtype=object))
    answer = {"labels": labels, "probabilities": Values.listed(scores)}
    rows = list(csv.reader(io.StringIO(encode(answer, CSV).decode(), newline="")))
    assert [json.loads(row[0]) for row in rows] == [classes] * 3
    expected = [[number if np.isfinite(number) else None for number in row] for row in scores.tolist()]
    found = [[None if number is None else np.float32(number) for number in json.loads(row[1])] for row in rows]
    assert found == expected


def test_such_a_list_is_written_as_python_writes_it() -> None:
    answer = {"raw_scores": Values.listed(np.array([[0.1, 0.9]], np.float32)), "predicted_label": Values(np.array([1]))}
    assert encode(answer, CSV) == b'"[0.1, 0.9]",1'


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Keys of every shape: numbers, classes, text; plain, listed and named."""
    count, width = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5)
    names = tuple(draw(st.lists(text, min_size=width, max_size=width, unique=True)))
    kinds: dict[str, Values] = {
        "label": Values(np.array(draw(st.lists(text, min_size=count, max_size=count)), dtype=object)),
        "class": Values(np.arange(count, dtype=np.int32)),
        "score": Values(draw(arrays.arrays(np.float32, (count,), elements=_FLOATS))),
        "scores": Values.listed(draw(arrays.arrays(np.float32, (count, width), elements=_FLOATS))),
        "named": Values(draw(arrays.arrays(np.float32, (count, width), elements=_FLOATS)), (names,)),
        "nested": Values(draw(arrays.arrays(np.float32, (count, 2, width), elements=_FLOATS)), (("a", "%s"), names)),
    }
    return {key: kinds[key] for key in draw(st.permutations(list(kinds)))[: draw(st.integers(1, 6))]}


def numbers(values: Values) -> list[list[float]]:
    return [[float(number) for number in row] for row in values.flat()]


@settings(deadline=None)
@given(answers(), st.data())
def test_every_format_has_every_value_in_its_place(answer: Answer, data: st.DataObject) -> None:
    count = len(next(iter(answer.values())).array)
    spread = data.draw(st.permutations([True] * count + [False] * data.draw(st.integers(0, 3))))
    present = np.array(spread) if False in spread else None
    json_rows = json.loads(encode(answer, JSON, present=present))["predictions"]
    assert [bool(row) for row in json_rows] == spread
    json_rows = [row for row in json_rows if row]
    assert all(list(row) == list(answer) for row in json_rows)
    text = encode(answer, CSV, present=present, newline=True).decode()
    csv_rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [bool(row) for row in csv_rows] == spread
    csv_rows = [row for row in csv_rows if row]
    table = pq.read_table(io.BytesIO(encode(answer, PARQUET, present=present)))
    assert table.num_rows == len(spread)
    records = list(recordio.frames(encode(answer, RECORDIO, present=present), Place()))
    assert [bool(record) for record in records] == spread

    at = 0
    for key, values in answer.items():
        cells = [row[at : at + values.width] for row in csv_rows]
        columns = [table.column(at + place).to_pylist() for place in range(values.width)]
        rows = [list(row) for row, there in zip(zip(*columns, strict=True), spread, strict=True) if there]
        at += values.width
        flat = [list(_leaves(row[key])) for row in json_rows]
        if values.array.dtype == object:
            assert cells == flat == rows == values.flat().tolist()
            continue
        wanted = values.flat().astype(np.float32)
        assert same(np.array(cells, np.float64).astype(np.float32), wanted)
        assert same(np.array(rows, np.float64).astype(np.float32), wanted)
        finite = np.where(np.isfinite(wanted), wanted, np.float32(np.nan))
        assert same(np.array(flat, dtype=np.float64).astype(np.float32), finite)
        tensors = [_tensor(record, key) for record in records if record]
        assert same(np.array(tensors).astype(np.float32), wanted)
    assert table.num_columns == at
    assert encode(answer, JSON_LINES, present=present, newline=True).count(b"\n") == len(spread)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield np.nan if value is None else value


def _tensor(record: bytes, key: str) -> list[float]:
    """The float32 tensor of a label, by the field numbers of AWS's message."""
    for label in fields(record, 0, len(record)):
        name, value = fields(record, label.start, label.stop)
        if record[name.start : name.stop] == key.encode():
            (tensor,) = fields(record, value.start, value.stop)
            (packed,) = fields(record, tensor.start, tensor.stop)
            return list(decode(record[packed.start : packed.stop], "<f4"))
    raise KeyError(key)


def test_the_names_of_columns() -> None:
    answer = {
        "score": Values(np.ones(1, np.float32)),
        "leaf": Values.listed(np.ones((1, 2), np.int32)),
        "contributions": Values(np.ones((1, 1, 2), np.float32), (("yes",), ("area", "bias"))),
    }
    table = pq.read_table(io.BytesIO(encode(answer, PARQUET)))
    assert table.column_names == [
        "score",
        "leaf_0",
        "leaf_1",
        "contributions_yes_area",
        "contributions_yes_bias",
    ]
    assert [str(kind) for kind in table.schema.types] == ["float", "int32", "int32", "float", "float"]


def test_a_list_that_is_empty() -> None:
    answer = {"score": Values(np.ones(2, np.float32)), "leaf": Values.listed(np.empty((2, 0), np.int32))}
    assert encode(answer, CSV) == b"1.0\n1.0"
    assert encode(answer, JSON_LINES) == b'{"score":1.0,"leaf":[]}\n{"score":1.0,"leaf":[]}'
    assert encode({"leaf": answer["leaf"]}, JSON_LINES) == b'{"leaf":[]}\n{"leaf":[]}'
    assert encode({"leaf": answer["leaf"]}, CSV, newline=True) == b"\n\n"
