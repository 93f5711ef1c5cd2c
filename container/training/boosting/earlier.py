"""Going on from an earlier model: the channel ``model``, whose trees the new ones are added to."""

import logging
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

from container.contract.job import TrainingJob
from container.data.schema import Feature, Other, Role, Schema
from container.errors import ModelError, UserError, listing
from container.model import artifact
from container.model.artifact import Artifact
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
            return _only(artifact.load_all(Path(folder)))
    return _only(artifact.load_all(channel.path))


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


def continued_schema(earlier: Schema, new: Schema) -> Schema:
    """The earlier model's columns as they stand in the new tables, whose ``new`` schema says where that is.

    Raises:
        UserError: the new tables lack a column, or have other ones.
    """
    if new.classes and not earlier.classes:
        raise UserError("the target is text, and the earlier model learned numbers; give it numbers again")
    if max(1, len(earlier.targets)) != max(1, len(new.targets)):
        raise UserError(
            f"the model in the channel 'model' learned the targets {listing(earlier.targets)}, and 'target' now names "
            f"{listing(new.targets)}; name as many"
        )
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
    return replace(task, objective=earlier.objective, reason="the earlier model's", num_class=earlier.num_class)
