"""XGBoost's own list of categories, which a model of Arrow's or pandas' columns has beside our schema."""

import json

import xgboost


def without_categories(booster: xgboost.Booster) -> xgboost.Booster:
    """The same model of codes alone, to which rows of codes can be given in training; the booster itself without any.

    XGBoost 3.4 refuses to train a model that has such a list on rows that have none (src/gbm/gbtree.cc).
    """
    if "c" not in (booster.feature_types or ()):
        return booster
    whole = json.loads(booster.save_raw("json"))
    outer = whole["learner"]["gradient_booster"]
    model = outer["gbtree"]["model"] if "gbtree" in outer else outer["model"]  # dropout has weights around the trees
    model.pop("cats", None)
    return xgboost.Booster({"nthread": 1}, model_file=bytearray(json.dumps(whole).encode()))
