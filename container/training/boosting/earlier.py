"""Going on from an earlier model: the channel ``model``, whose trees the new ones are added to."""

import logging
import tarfile
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from container.contract.job import TrainingJob
from container.data.schema import Feature, Other, Role, Schema
from container.errors import ModelError, UserError, listing
from container.model import artifact, ensemble
from container.model.artifact import Artifact
from container.training.hyperparameters.parse import Hyperparameters
from container.training.objective import Task

log = logging.getLogger(__name__)


def load_earlier(job: TrainingJob) -> Artifact | None:
    """The model in the channel ``model``, as ``xgboost-model`` or in a model.tar.gz; None without the channel.

    Raises:
        ModelError: there is no model in it that can be gone on from.
    """
    channel = job.channels.get("model")
    if channel is None:
        return None
    archives = sorted(channel.path.rglob("*.tar.gz"))
    if archives and not artifact.model_files(channel.path):
        with tempfile.TemporaryDirectory() as folder:
            _unpack(archives[0], Path(folder))
            return _only(ensemble.load_all(Path(folder)))
    return _only(ensemble.load_all(channel.path))


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as members:
            members.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ModelError(f"{archive} cannot be unpacked: {error}; give the channel 'model' a whole one") from None


def _only(models: list[Artifact]) -> Artifact:
    if len(models) > 1:
        raise ModelError("the channel 'model' has an ensemble of models; training goes on from one model only")
    log.info("Going on from an earlier model of %s rounds", models[0].booster.num_boosted_rounds())
    return models[0]


_NAMED_BY = {
    Role.TARGET: "'target' or 'lower_bound_column'",
    Role.WEIGHT: "'weight_column' or 'csv_weights'",
    Role.GROUP: "'group_column'",
    Role.UPPER_BOUND: "'upper_bound_column'",
    Role.IGNORED: "'ignore_columns'",
}


def continued_schema(earlier: Schema, new: Schema, left_out: Collection[str] = (), *, sparse: bool = False) -> Schema:
    """The earlier model's columns as they stand in the new tables, whose ``new`` schema says where that is.

    ``left_out`` has those of its ignored columns that the job does not name: this data alone would not use them.
    ``sparse`` rows are as wide as their last index; features beyond it are missing.

    Raises:
        UserError: the new tables lack a column, have other ones, or one that the job gives another role.
    """
    if new.classes and not earlier.classes:
        raise UserError("the target is text, and the earlier model learned numbers; give it numbers again")
    if max(1, len(earlier.targets)) != max(1, len(new.targets)):
        raise UserError(
            f"the model in the channel 'model' learned the targets {listing(earlier.targets)}, and 'target' now names "
            f"{listing(new.targets)}; name as many"
        )
    if sparse:
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
        UserError: the job asks for others. XGBoost would drop the model, change what it predicts, or fail.
    """
    if asked.booster is not None and earlier.linear != (asked.booster == "gblinear"):
        raise _other("booster", asked.booster, earlier.booster_name)
    if asked.num_class is not None and earlier.num_class not in (None, asked.num_class):
        raise _other("num_class", asked.num_class, earlier.num_class)
    if asked.lambdarank_unbiased:
        raise UserError(
            "'lambdarank_unbiased': the positions' bias is not in a model, so XGBoost cannot go on from one with it; "
            "leave it out, or train without the channel 'model'"
        )
    start = earlier.base_score
    if asked.base_score is not None and not _equal(asked.base_score, start):
        raise _other("base_score", _listed(asked.base_score), _listed(start))
    held: dict[str, Any] = {"booster": "gblinear"} if earlier.linear else {}
    for name, alphas in (("quantile_alpha", earlier.quantiles), ("expectile_alpha", earlier.expectiles)):
        given = getattr(asked, name)
        if given is not None and alphas and not (len(given) == len(alphas) and _equal(given, alphas)):
            raise _other(name, _listed(given), _listed(alphas))
        if given is None and alphas:
            held[name] = alphas
    return asked.model_copy(update=held)


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
