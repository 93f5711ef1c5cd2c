"""A model without XGBoost's own list of categories is the same on codes."""

import json

import numpy as np
import pandas as pd
import pytest
import xgboost

from container.model.categories import without_categories

CODES = np.random.default_rng(0).integers(0, 4, 200)
NUMBERS = np.random.default_rng(1).normal(size=200).astype(np.float32)
LABEL = CODES % 2 + NUMBERS
OF_CODES = {"feature_names": ["c", "x"], "feature_types": ["c", "float"], "nthread": 1}


@pytest.mark.parametrize("params", [{}, {"rate_drop": 0.5}], ids=["trees", "dropout"])
def test_the_same_trees_go_on_on_rows_of_codes(params):
    named = pd.DataFrame({"c": pd.Categorical.from_codes(CODES, list("dcba")), "x": NUMBERS})
    data = xgboost.DMatrix(named, label=LABEL, enable_categorical=True, nthread=1)
    booster = xgboost.train({"nthread": 1, "max_depth": 3, **params}, data, 3)
    booster.set_attr(note="kept")
    plain = without_categories(booster)
    rows = xgboost.QuantileDMatrix(np.column_stack([CODES, NUMBERS]), label=LABEL, enable_categorical=True, **OF_CODES)
    assert np.array_equal(plain.predict(rows), booster.predict(data))
    assert plain.attr("note") == "kept"
    assert plain.feature_names == ["c", "x"]
    assert '"enc":[]' in json.dumps(json.loads(plain.save_raw("json")), separators=(",", ":"))
    plain.update(rows, 3)
    assert plain.num_boosted_rounds() == 4


def test_a_model_of_numbers_stays_itself():
    data = xgboost.DMatrix(NUMBERS.reshape(-1, 1), label=LABEL, nthread=1)
    booster = xgboost.train({"nthread": 1}, data, 1)
    assert without_categories(booster) is booster
