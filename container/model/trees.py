"""A Booster's trees as the compiled walker takes them: numpy arrays over the nodes of all trees, one after another."""

import json
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from container.model import ubjson
from container.model.apart import apart

# The order of Link and Transform in native/src/transform.hpp.
_IDENTITY, _LOGIT, _LOG = range(3)
_AS_IS, _SIGMOID, _EXP, _HINGE, _SOFTMAX, _ARGMAX, _ASCENDING, _EXP_OF_DOUBLE = range(8)

OBJECTIVES = {
    "reg:squarederror": (_IDENTITY, _AS_IS),
    "reg:squaredlogerror": (_IDENTITY, _AS_IS),
    "reg:pseudohubererror": (_IDENTITY, _AS_IS),
    "reg:absoluteerror": (_IDENTITY, _AS_IS),
    "reg:quantileerror": (_IDENTITY, _ASCENDING),
    "reg:logistic": (_LOGIT, _SIGMOID),
    "reg:gamma": (_LOG, _EXP),
    "reg:tweedie": (_LOG, _EXP),
    "binary:logistic": (_LOGIT, _SIGMOID),
    "binary:logitraw": (_IDENTITY, _AS_IS),
    "binary:hinge": (_IDENTITY, _HINGE),
    "count:poisson": (_LOG, _EXP),
    "survival:cox": (_LOG, _EXP),
    "survival:aft": (_LOG, _EXP_OF_DOUBLE),
    "rank:pairwise": (_IDENTITY, _AS_IS),
    "rank:ndcg": (_IDENTITY, _AS_IS),
    "rank:map": (_IDENTITY, _AS_IS),
    "multi:softmax": (_IDENTITY, _ARGMAX),
    "multi:softprob": (_IDENTITY, _SOFTMAX),
}
"""How a base score becomes a margin, and margins the prediction, by objective. reg:expectileerror is not covered."""


class NotCoveredError(Exception):
    """The model has something the walker does not do."""


@dataclass(frozen=True)
class Trees:
    """The arguments of the types of ``_xgboost_serving``; see ``Source`` in native/src/forest.hpp for each."""

    features: int
    start: NDArray[np.float32]
    tree_size: NDArray[np.int32]
    tree_output: NDArray[np.int32]
    tree_weight: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    value: NDArray[np.float32]
    default_left: NDArray[np.uint8]
    categorical: NDArray[np.uint8]
    category_count: NDArray[np.int32]
    category: NDArray[np.int32]
    leaf_vector: NDArray[np.float32]
    cover: NDArray[np.float32]
    link: int
    transform: int

    @classmethod
    def of(cls, booster: xgboost.Booster) -> "Trees":
        """Read a booster.

        Raises:
            NotCoveredError: gblinear, an objective that is not in `OBJECTIVES`, or a model without trees, or with trees
                of both multi_strategies.
        """
        learner = ubjson.loads(apart(booster.save_raw, "ubj"))["learner"]
        booster_name, objective = learner["gradient_booster"]["name"], learner["objective"]["name"]
        if booster_name not in ("gbtree", "dart"):
            raise NotCoveredError(f"the booster {booster_name!r}")
        if objective not in OBJECTIVES:
            raise NotCoveredError(f"the objective {objective!r}")
        outer = learner["gradient_booster"]
        model = outer["gbtree"]["model"] if "gbtree" in outer else outer["model"]
        trees = model["trees"]
        if not trees:
            raise NotCoveredError("a model without trees")
        link, transform = OBJECTIVES[objective]
        parameters = learner["learner_model_param"]
        vectors = ["leaf_weights" in tree for tree in trees]
        if any(vectors) and not all(vectors):  # the rounds of multi_output_tree went on with others, or the reverse
            raise NotCoveredError("trees of which only some have a value for each output in their leaves")
        leaves = int(parameters["num_target"]) if vectors[0] else 0
        outputs = max(int(parameters["num_class"]), int(parameters["num_target"]), 1)
        tree_size = np.array([len(tree["left_children"]) for tree in trees], np.int32)
        left = _joined(trees, "left_children", np.int32)
        right = _joined(trees, "right_children", np.int32)
        leaf_vector = _joined(trees, "leaf_weights", np.float32) if leaves else np.empty(0, np.float32)
        if leaves:
            # A leaf's place among its tree's; the walker wants it among all.
            before = np.cumsum([0] + [len(tree["leaf_weights"]) // outputs for tree in trees[:-1]], dtype=np.int32)
            right = np.where(left == -1, right + np.repeat(before, tree_size), right)
        return cls(
            features=int(parameters["num_feature"]),
            start=_base_score(parameters["base_score"], outputs),
            tree_size=tree_size,
            tree_output=np.array(model["tree_info"], np.int32),
            tree_weight=_weights(model.get("weight_drop") or outer.get("weight_drop"), len(trees)),
            left=left,
            right=right,
            feature=_joined(trees, "split_indices", np.int32),
            value=_joined(trees, "split_conditions", np.float32),
            default_left=_joined(trees, "default_left", np.uint8),
            categorical=_joined(trees, "split_type", np.uint8),
            category_count=_joined(trees, "categories_sizes", np.int32),
            category=_joined(trees, "categories", np.int32),
            leaf_vector=leaf_vector,
            cover=_joined(trees, "sum_hessian", np.float32),
            link=link,
            transform=transform,
        )

    @property
    def outputs(self) -> int:
        """Margins per row."""
        return len(self.start)

    @property
    def decides(self) -> bool:
        """Whether a prediction is one class per row, however many margins there are."""
        return self.transform == _ARGMAX

    def arguments(self) -> dict[str, Any]:
        """The fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _joined(trees: list[dict[str, Any]], name: str, dtype: type[np.generic]) -> NDArray[Any]:
    arrays = [tree[name] for tree in trees]
    kinds = {array.dtype for array in arrays}
    if len(kinds) > 1:
        raise NotCoveredError(f"trees that differ in the type of {name!r}")
    return np.concatenate(arrays).astype(dtype)


def _base_score(text: str, outputs: int) -> NDArray[np.float32]:
    """``"5E-1"`` of older models, ``"[2.5E-1,7.5E-1]"`` of newer ones; one number is for all outputs."""
    values = json.loads(text)
    return np.broadcast_to(np.array(values, np.float32), outputs).copy()


def _weights(dropped: list[float] | None, count: int) -> NDArray[np.float32]:
    if dropped is None:
        return np.ones(count, np.float32)
    if len(dropped) != count:
        raise NotCoveredError(f"{len(dropped)} weights for {count} trees")
    return np.array(dropped, np.float32)


def thresholds(trees: Trees) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """What is asked of the features: of each inner node the feature and the threshold, or each of its categories."""
    inner = (trees.left != -1) & (trees.categorical == 0)
    members = np.repeat(trees.feature[trees.categorical != 0], trees.category_count)
    return (
        np.concatenate([trees.feature[inner], members]),
        np.concatenate([trees.value[inner], trees.category.astype(np.float32)]),
    )
