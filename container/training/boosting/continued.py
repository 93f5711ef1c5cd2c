"""What an earlier model has decided: columns, objective and hyperparameters, and the refusal of others."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from container.data.inference import Inferred
from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Kind
from container.errors import UserError, listing
from container.model import ubjson
from container.model.apart import apart
from container.model.artifact import Artifact
from container.training.hyperparameters.parse import Hyperparameters
from container.training.objective import Task

_NAMED_BY = {
    Role.TARGET: "'target' or 'lower_bound_column'",
    Role.WEIGHT: "'weight_column' or 'csv_weights'",
    Role.GROUP: "'group_column'",
    Role.UPPER_BOUND: "'upper_bound_column'",
    Role.IGNORED: "'ignore_columns'",
}


def continued_schema(earlier: Schema, new: Schema, inferred: Inferred | None) -> Schema:
    """The earlier model's columns as they stand in the new tables, whose ``new`` schema says where that is.

    ``inferred`` knows which of them the job names, and which this data alone would not use. Without it the rows are
    sparse, as wide as their last index; features beyond it are missing.

    Raises:
        UserError: the new tables lack a column, have other ones, or one that the job gives another role or kind.
    """
    continued = _in_place(earlier, new, inferred)
    categories = {feature.position for feature in continued.features if feature.kind is Kind.CATEGORY}
    for feature in new.features:
        if inferred and feature.position in inferred.categorical - categories:
            raise UserError(
                f"'categorical_columns' names {feature.name!r}, which is no category of the model in the channel "
                "'model'; leave it out there, or train without that channel"
            )
    return continued


def _in_place(earlier: Schema, new: Schema, inferred: Inferred | None) -> Schema:
    if new.classes and not earlier.classes:
        raise UserError("the target is text, and the earlier model learned numbers; give it numbers again")
    if max(1, len(earlier.targets)) != max(1, len(new.targets)):
        raise UserError(
            f"the model in the channel 'model' learned the targets {listing(earlier.targets)}, and 'target' now names "
            f"{listing(new.targets)}; name as many"
        )
    outputs = {name: place for place, name in enumerate(earlier.targets)}
    if any(outputs.get(name, place) != place for place, name in enumerate(new.targets)):
        raise UserError(
            f"'target' names {listing(new.targets)}, and the model in the channel 'model' learned "
            f"{listing(earlier.targets)}; name them in that order"
        )
    if inferred is None:
        if earlier.others or earlier.named or earlier.has_categories:
            raise UserError(
                "the rows are sparse, and the model in the channel 'model' learned from columns; train on columns again"
            )
        if len(new.features) <= len(earlier.features):
            return earlier
    if not (earlier.named and new.named):
        if len(new.features) != len(earlier.features):
            raise UserError(
                f"the data has {len(new.features)} features, and the model in the channel 'model' "
                f"{len(earlier.features)}; train on the same columns again"
            )
        places = [feature.position for feature in new.features]
        return replace(new, features=_moved(earlier, places), classes=earlier.classes)
    known = {feature.name: feature.position for feature in new.features}
    known |= {other.name: other.position for other in new.others}
    if absent := tuple(name for name in earlier.names if name not in known):
        raise UserError(f"the data lacks {listing(absent)}, which the model in the channel 'model' was trained on")
    left_out = inferred.left_out if inferred else ()
    for other in new.others:
        if other.name in earlier.names and other.name not in left_out:
            raise UserError(
                f"{_NAMED_BY[other.role]} names {other.name!r}, a feature of the model in the channel 'model'; "
                "leave it out there, or train without that channel"
            )
    features = _moved(earlier, [known[name] for name in earlier.names])
    unused = [feature for feature in new.features if feature.name not in earlier.names]
    others = [other for other in new.others if other.name not in earlier.names]
    ignored = [Other(feature.name, feature.position, Role.IGNORED) for feature in unused]
    return replace(new, features=features, others=(*ignored, *others), classes=earlier.classes)


def _moved(earlier: Schema, positions: list[int]) -> tuple[Feature, ...]:
    return tuple(replace(f, position=place) for f, place in zip(earlier.features, positions, strict=True))


def continued_task(earlier: Artifact, task: Task, *, asked: str | None) -> Task:
    """The earlier model's objective.

    Raises:
        UserError: another one is asked for.
    """
    if asked is not None and asked != earlier.objective:
        raise UserError(
            f"'objective': {asked} is asked for, and the model in the channel 'model' was trained for "
            f"{earlier.objective}; leave it out, or train without that channel"
        )
    reason = "the earlier model's"
    return replace(task, objective=earlier.objective, reason=reason, num_class=earlier.num_class, continues=True)


def continued_hyperparameters(earlier: Artifact, asked: Hyperparameters) -> Hyperparameters:
    """The job's hyperparameters, and the earlier model's where its trees or weights need them and the job has none.

    Raises:
        UserError: the job asks for others. XGBoost would drop the model, change what it predicts, fail, or go on with
            the earlier model's.
    """
    if asked.booster is not None and earlier.linear != (asked.booster == "gblinear"):
        raise _other("booster", asked.booster, earlier.booster_name)
    if asked.num_class is not None and earlier.num_class not in (None, asked.num_class):
        raise _other("num_class", asked.num_class, earlier.num_class)
    if asked.num_parallel_tree not in (None, earlier.trees_a_round):
        raise _other("num_parallel_tree", asked.num_parallel_tree, earlier.trees_a_round)
    strategy = _strategy(earlier)
    if asked.multi_strategy is not None and strategy not in (None, asked.multi_strategy):
        raise _other("multi_strategy", asked.multi_strategy, strategy)
    start = earlier.base_score
    if asked.base_score is not None and not _equal(asked.base_score, start):
        raise _other("base_score", _listed(asked.base_score), _listed(start))
    held: dict[str, Any] = {"booster": "gblinear"} if earlier.linear else {}
    if strategy == "multi_output_tree":
        held["multi_strategy"] = strategy
    if earlier.unbiased and asked.lambdarank_unbiased is None:
        held["lambdarank_unbiased"] = True
    if not earlier.booster.num_boosted_rounds():
        # XGBoost finds a start anew where there are no rounds, and linear models of its first JSON do not count theirs.
        held["base_score"] = start
    for name, alphas in (("quantile_alpha", earlier.quantiles), ("expectile_alpha", earlier.expectiles)):
        given = getattr(asked, name)
        if given is not None and alphas and not (len(given) == len(alphas) and _equal(given, alphas)):
            raise _other(name, _listed(given), _listed(alphas))
        if given is None and alphas:
            held[name] = alphas
    return asked.model_copy(update=held)


def _strategy(earlier: Artifact) -> str | None:
    """The ``multi_strategy`` of its trees, which the model does not name; None where it has none, or both."""
    if earlier.outputs == 1 or earlier.linear:
        return None
    trees = ubjson.loads(apart(earlier.booster.save_raw, "ubj"))["learner"]["gradient_booster"]["model"]["trees"]
    vectors = {int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in trees}
    if len(vectors) != 1:
        return None
    return "multi_output_tree" if vectors.pop() else "one_output_per_tree"


def _equal(given: Sequence[float], held: Sequence[float]) -> bool:
    """As 32-bit floats; one number is as many as there are."""
    return len(given) in (1, len(held)) and np.allclose(given, held, rtol=1e-6, atol=0)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.8g}" for value in values)


def _other(name: str, asked: object, held: object) -> UserError:
    return UserError(
        f"{name!r}: {asked} is asked for, and the model in the channel 'model' has {held}; "
        "leave it out, or train without that channel"
    )
