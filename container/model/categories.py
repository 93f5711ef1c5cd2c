"""XGBoost's own list of categories, which a model of Arrow's or pandas' columns has beside our schema."""

import json

import xgboost

from container.model.apart import apart


def without_categories(booster: xgboost.Booster) -> xgboost.Booster:
    """The same model of codes alone, to which rounds can be added; the booster itself where it has no categories.

    XGBoost 3.4 adds none to a model that has such a list on rows that have none, as on several hosts, or other names,
    such as text for a model of numbers (src/gbm/gbtree.cc); to one without it, on any rows.
    """
    if "c" not in (booster.feature_types or ()):
        return booster
    whole = json.loads(apart(booster.save_raw, "json"))
    whole["learner"]["gradient_booster"]["model"].pop("cats", None)
    return xgboost.Booster({"nthread": 1}, model_file=bytearray(json.dumps(whole).encode()))
