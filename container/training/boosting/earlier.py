"""The channel ``model``: the earlier model whose trees the new ones are added to."""

import logging
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

from container.contract.job import TrainingJob
from container.data.table import Kind
from container.errors import ModelError, listing
from container.model import artifact, ensemble
from container.model.artifact import Artifact
from container.model.categories import without_categories

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
    if artifact.model_files(channel.path):
        return _only(ensemble.load_all(channel.path))
    if not archives:
        files = tuple(sorted(str(path.relative_to(channel.path)) for path in channel.path.rglob("*") if path.is_file()))
        there = f"has {listing(files, 3)}" if files else "is empty"
        raise ModelError(
            f"the channel 'model' {there}; give it a model.tar.gz, or a model in XGBoost's JSON or UBJSON that is "
            f"named {artifact.FILE_NAME}"
        )
    # A job's output folder has an output.tar.gz too.
    named = [path for path in archives if path.name == "model.tar.gz"] or archives
    if len(named) > 1:
        found = listing(tuple(str(path.relative_to(channel.path)) for path in named), 3)
        raise ModelError(
            f"the channel 'model' has {len(named)} archives, {found}; give it the one of the earlier model"
        )
    with tempfile.TemporaryDirectory() as folder:
        _unpack(named[0], Path(folder))
        return _only(ensemble.load_all(Path(folder)))


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as members:
            members.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ModelError(f"{archive} cannot be unpacked: {error}; give the channel 'model' a whole one") from None


def _only(models: list[Artifact]) -> Artifact:
    if len(models) > 1:
        raise ModelError("the channel 'model' has an ensemble of models; training goes on from one model only")
    (found,) = models
    log.info("Going on from an earlier model of %s rounds", found.booster.num_boosted_rounds())
    types = found.booster.feature_types or [""] * len(found.schema.features)
    pairs = zip(found.schema.features, types, strict=True)
    if nameless := tuple(of.name for of, kind in pairs if kind == "c" and of.kind is not Kind.CATEGORY):
        raise ModelError(
            f"the model in the channel 'model' has categories in {listing(nameless)} and not their names, for XGBoost "
            "before 3.1 kept none, so no rounds can be added to it; train without that channel"
        )
    return replace(found, booster=without_categories(found.booster))
