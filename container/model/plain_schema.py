"""The schema of a model from elsewhere: what XGBoost itself keeps about its columns."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import xgboost

from container.data.cells import number_text
from container.data.schema import Feature, Schema
from container.data.table import Kind
from container.model import ubjson
from container.model.apart import apart


def of(booster: xgboost.Booster) -> Schema:
    """Names where the model has them, and the categories' where it was trained on pandas' or Arrow's.

    A column of pandas' truth values, which XGBoost calls "i", takes true and false as well as numbers. XGBoost < 3.1
    kept no categories: there a categorical column takes the categories' codes, as a number.
    """
    names, types = booster.feature_names, booster.feature_types or ()
    schema = Schema.from_names(booster.num_features(), names)
    if not {"c", "i"} & set(types):
        return schema
    found = (_categories(booster) if "c" in types else []) or [()] * len(types)
    features = (
        Feature(feature.name, Kind.CATEGORY, feature.position, categories)
        if categories
        else replace(feature, kind=Kind.INDICATOR if kind == "i" else feature.kind)
        for feature, kind, categories in zip(schema.features, types, found, strict=True)
    )
    return Schema(tuple(features), named=names is not None)


def _categories(booster: xgboost.Booster) -> list[tuple[str, ...]]:
    """Each column's categories, none for a column without; empty where the model keeps none."""
    outer = ubjson.loads(apart(booster.save_raw, "ubj"))["learner"]["gradient_booster"]
    model = outer["gbtree"]["model"] if "gbtree" in outer else outer["model"]
    return [_column(encoded) for encoded in model.get("cats", {}).get("enc", ())]


def _column(encoded: dict[str, Any]) -> tuple[str, ...]:
    values, offsets = encoded["values"], encoded.get("offsets")
    if offsets is None:
        return tuple(number_text(float(value)) for value in values)
    text = np.asarray(values, np.int8).tobytes()
    return tuple(text[start:stop].decode() for start, stop in pairwise(offsets))
