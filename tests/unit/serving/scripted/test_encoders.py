"""Predictions written as AWS's XGBoost image writes them: the values are those of sagemaker-containers' encoders."""

import io
import json
from collections import namedtuple
from typing import Any

import numpy as np
import pandas as pd
import pytest

from container.errors import ContainerError, NotAcceptableError
from container.serving.scripted import encoders

JSON, CSV, LINES = "application/json", "text/csv", "application/jsonlines"
F4 = np.float32


@pytest.mark.parametrize(
    ("prediction", "text"),
    [
        ({"predictions": [0.5]}, '{"predictions":[0.5]}'),
        ({42: {"6": 9.0}}, '{"42":{"6":9.0}}'),
        (np.array({42: {"6": 9.0}}), '{"42":{"6":9.0}}'),
        ([["yes", 0.9], ["no", 0.8]], '[["yes",0.9],["no",0.8]]'),
        ([True, False], "[true,false]"),
        (np.array([True, False]), "[true,false]"),
        (3, "3"),
        (np.float64(0.5), "0.5"),
        ("abc", '"abc"'),
        (None, "null"),
        ([np.array([1.0, 2.0]), np.array([3.0])], "[[1.0,2.0],[3.0]]"),
        (namedtuple("Row", "label score")("yes", 0.9), '["yes",0.9]'),
        (np.array(["yes", "no"]), '["yes","no"]'),
        (np.array([b"yes"]), '["yes"]'),
        (np.array([["yes", 0.9]], object), '[["yes",0.9]]'),
        (np.array([[0.1, 0.2], [0.3, 0.4]], F4)[:, 1], "[0.2,0.4]"),
        (np.array(0.1, F4), "0.1"),
        ({"scores": [F4(0.1)], "all": np.array([0.1], F4)}, '{"scores":[0.1],"all":[0.1]}'),
        (pd.Series([0.1, 0.2], dtype="float32"), "[0.1,0.2]"),
        (np.ma.masked_array([1, 2], [False, True]), "[1,null]"),
        (np.array([np.nan, np.inf, 1], F4), "[null,null,1.0]"),
        ([float("nan")], "[null]"),
    ],
)
def test_json_is_the_value_itself(prediction: Any, text: str) -> None:
    assert encoders.write(prediction, JSON).decode() == text


@pytest.mark.parametrize(
    "prediction",
    [{"a": [1, 2.5]}, [["yes", 0.9]], [True, None], 3, "é", np.arange(4).reshape(2, 2), [np.array([0.5]), "b"]],
)
def test_json_reads_as_aws_s_does(prediction: Any) -> None:
    theirs = json.dumps(prediction, default=lambda value: value.tolist())
    assert json.loads(encoders.write(prediction, JSON)) == json.loads(theirs)


@pytest.mark.parametrize(
    ("prediction", "text"),
    [
        ([42, 6, 9], "42\n6\n9\n"),
        ([42.0, 6.0, 9.0], "42.0\n6.0\n9.0\n"),
        (["42", "6", "9"], "42\n6\n9\n"),
        (["False,", "True.", "False,"], '"False,"\nTrue.\n"False,"\n'),
        (["aaa", 'b"bb', "ccc"], 'aaa\n"b""bb"\nccc\n'),
        (["a\nb", "c"], '"a\nb"\nc\n'),
        (["", "a"], '""\na\n'),
        ([True, False], "True\nFalse\n"),
        ([["yes", 0.9], ["no", 0.8]], "yes,0.9\nno,0.8\n"),
        (np.array([["yes", F4(0.9)], ["no", None]], object), "yes,0.9\nno,\n"),
        (pd.DataFrame({"label": ["yes"], "score": [0.9], "sure": [True]}), "yes,0.9,True\n"),
        (np.array([[0.1, 0.2]], F4), "0.1,0.2\n"),
        (np.array([np.nan, -np.inf]), "nan\n-inf\n"),
        (np.array([0.1], np.float16), "0.1\n"),
        (np.array([0.1], ">f4"), "0.1\n"),
        (np.array([1, 2], np.uint8), "1\n2\n"),
        (np.array([b"yes"]), "yes\n"),
        ([], ""),
        (np.zeros((2, 0)), "\n\n"),
        (3, "3\n"),  # of a single value, and of a third dimension, AWS's image makes nothing that can be read
        ("abc", "abc\n"),
        (np.arange(4.0).reshape(1, 2, 2), "0.0,1.0,2.0,3.0\n"),
    ],
)
def test_csv_is_a_line_for_each_item_with_its_end(prediction: Any, text: str) -> None:
    assert encoders.write(prediction, CSV).decode() == text


@pytest.mark.parametrize("prediction", [[42, 6], [True, False], [["yes", "no"]], np.array([0.1], np.float16), 3])
def test_npy_is_the_array_as_it_is(prediction: Any) -> None:
    found = np.load(io.BytesIO(encoders.write(prediction, encoders.NPY)))
    expected = np.asarray(prediction)
    assert (found.dtype, found.shape, found.tolist()) == (expected.dtype, expected.shape, expected.tolist())


def test_json_lines_have_a_score_each() -> None:
    assert encoders.write([True, False], LINES) == b'{"score":1}\n{"score":0}'
    assert encoders.write(["yes"], LINES, newline=True) == b'{"score":"yes"}\n'
    assert encoders.write(np.array([0.5], np.float16), LINES) == b'{"score":0.5}'


@pytest.mark.parametrize(
    ("prediction", "media_type", "message"),
    [
        ({"a": 1}, encoders.NPY, "a prediction that is dict cannot be written as application/x-npy"),
        ([{"a": 1}], encoders.NPY, "a prediction that is dict cannot be written as application/x-npy"),
        ([1, None], encoders.NPY, "a prediction that is of several types cannot be written as application/x-npy"),
        ({"a": 1}, CSV, "a prediction that is dict cannot be written as text/csv"),
        ([{"a": 1}], CSV, "a prediction that is dict cannot be written as text/csv"),
        (None, CSV, "a prediction that is NoneType cannot be written as text/csv"),
        ({"a": 1}, LINES, "a prediction that is dict cannot be written as application/jsonlines"),
        ([1, None], LINES, "a prediction that is of several types cannot be written as application/jsonlines"),
        ([[1.0, 2.0], [3.0]], CSV, "the prediction cannot be written as text/csv: setting an array element with"),
        ([[1.0, 2.0], [3.0]], encoders.NPY, "the prediction cannot be written as application/x-npy: setting an array"),
        (object(), JSON, "the prediction cannot be written as application/json: Type is not JSON serializable: object"),
        ("\ud800", CSV, "the prediction cannot be written as text/csv: 'utf-8' codec can't encode character"),
    ],
)
def test_what_cannot_be_written_is_told(prediction: Any, media_type: str, message: str) -> None:
    with pytest.raises(ContainerError) as caught:
        encoders.write(prediction, media_type)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("; write it in output_fn")
    assert caught.value.status == 500


def test_a_content_type_that_is_not_written() -> None:
    with pytest.raises(NotAcceptableError):
        encoders.write([1], "image/png")
