"""XGBoost's errors without what only its authors can read."""

import logging

import numpy as np
import pytest
import xgboost

from container.training.refusals import XGBoostRefusalError, explained, reason

STACK = "\nStack trace:\n  [bt] (0) libxgboost.so(dmlc::LogMessageFatal::~LogMessageFatal()+0x6e) [0x7f]"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"[09:25:05] /w/data.cc:568: Check failed: valid: Label contains NaN.{STACK}", "Label contains NaN."),
        (f"[09:25:05] /w/a.cc:1: Check failed: a == b (0 vs. 20) : Sizes differ: 0, 20{STACK}", "Sizes differ: 0, 20"),
        (f"[09:25:05] /w/a.cc:1: Check failed: a == b (0 vs. 20) : {STACK}", "its check 'a == b (0 vs. 20)' failed"),
        (f"[09:25:05] /w/a.h:23: Check failed: !alpha.empty(): {STACK}", "its check '!alpha.empty()' failed"),
        (f"[09:25:05] /w/l.cc:1: Unknown metric\nfunction foo{STACK}", "Unknown metric function foo"),
        ("Invalid Input: 'foo', valid values are: {'a'}", "Invalid Input: 'foo', valid values are: {'a'}"),
    ],
)
def test_reason(text, sentence):
    assert reason(text) == sentence


def test_a_real_error_is_explained_and_logged_with_its_place_but_no_stack(caplog):
    with caplog.at_level(logging.ERROR), pytest.raises(XGBoostRefusalError) as caught, explained("take the data"):
        xgboost.DMatrix(np.eye(2), label=[1, 2], weight=[-1, 1], nthread=1)
    assert str(caught.value) == "XGBoost cannot take the data: Weights must be positive values."
    assert "data.cc" in caplog.text
    assert "Stack trace" not in caplog.text
    assert "libxgboost" not in caplog.text


def test_other_errors_pass():
    with pytest.raises(KeyError), explained("train"):
        raise KeyError


def test_small_weights_of_queries_without_a_relevant_row_have_their_remedy():
    def score(weight: float) -> str:
        data = xgboost.DMatrix(np.eye(4), [0, 0, 0, 1], qid=[0, 0, 1, 1], weight=[weight, 1], nthread=1)
        booster = xgboost.Booster({"objective": "rank:ndcg", "nthread": 1}, [data])
        with explained("train"):
            booster.update(data, 0)
            return booster.eval_set([(data, "train")], 0)

    with pytest.raises(XGBoostRefusalError, match=r"query group weight\. \(ndcg counts .* none is less than 1\)$"):
        score(0.1)
    assert "train-ndcg" in score(1)
