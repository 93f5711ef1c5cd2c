"""The model file: XGBoost's own UBJSON, readable by any XGBoost, with the schema in the booster's attributes."""

import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import xgboost

from container import __version__
from container.atomic import write_atomically
from container.data.schema import Schema
from container.errors import ModelError
from container.model import model_bytes, plain_schema, ubjson

log = logging.getLogger(__name__)

FILE_NAME = "xgboost-model"
"""The name AWS's built-in algorithm gives its model, and its users look for."""

_SCHEMA = "sagemaker_xgboost.schema"
_VERSION = "sagemaker_xgboost.version"


@dataclass(frozen=True)
class Artifact:
    """A booster and what its columns mean."""

    booster: xgboost.Booster
    schema: Schema

    @cached_property
    def _learner(self) -> dict[str, Any]:
        learner: dict[str, Any] = json.loads(self.booster.save_config())["learner"]
        return learner

    @property
    def objective(self) -> str:
        """The objective's name, such as ``binary:logistic``."""
        return str(self._learner["objective"]["name"])

    @property
    def num_class(self) -> int | None:
        """The number of classes, None where the objective has none."""
        return int(self._learner["learner_model_param"]["num_class"]) or None

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles that are predicted, in the order of the outputs; none unless the objective is for them."""
        alphas = self._learner["objective"].get("quantile_loss_param", {}).get("quantile_alpha", "[]")
        return tuple(json.loads(alphas))

    @property
    def booster_name(self) -> str:
        """``gbtree``, ``dart`` or ``gblinear``."""
        return str(self._learner["gradient_booster"]["name"])


def model_files(folder: Path) -> list[Path]:
    """The model files in a folder: ``xgboost-model``, or ``xgboost-model-0``, ``-1``, … in that order."""
    single = folder / FILE_NAME
    return [single] if single.exists() else _numbered(folder)


def _numbered(folder: Path) -> list[Path]:
    found = [path for path in folder.glob(f"{FILE_NAME}-*") if path.name.rpartition("-")[2].isdigit()]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def remove_all(folder: Path) -> None:
    """Remove the models of an earlier training, single or several, so that they are not taken for this one's."""
    for path in (folder / FILE_NAME, *_numbered(folder)):
        path.unlink(missing_ok=True)


def save_all(boosters: Sequence[xgboost.Booster], schema: Schema, folder: Path) -> list[Path]:
    """Write one booster as ``xgboost-model``, several as ``xgboost-model-0`` and so on, to be served together."""
    if len(boosters) == 1:
        return [save(Artifact(boosters[0], schema), folder)]
    return [save(Artifact(b, schema), folder, f"{FILE_NAME}-{number}") for number, b in enumerate(boosters)]


def load_all(folder: Path) -> list[Artifact]:
    """Every model in a folder, to be served together.

    Raises:
        ModelError: there is none, one cannot be loaded, or they do not belong together.
    """
    return load_together(model_files(folder) or [folder / FILE_NAME])


def load_together(files: Sequence[Path]) -> list[Artifact]:
    """The models of an ensemble.

    Raises:
        ModelError: one cannot be loaded, or they do not belong together.
    """
    loaded = [load(path) for path in files]
    if any(one.schema != loaded[0].schema or one.objective != loaded[0].objective for one in loaded):
        raise ModelError(f"the models in {files[0].parent} are of different trainings; keep those of one")
    return loaded


def save(artifact: Artifact, folder: Path, name: str = FILE_NAME) -> Path:
    """Write a model file into ``folder`` whole or not at all; returns its path.

    Raises:
        ModelError: the folder cannot be written to, or the disk is full.
    """
    artifact.booster.set_attr(**{_SCHEMA: json.dumps(artifact.schema.to_json()), _VERSION: __version__})
    raw = artifact.booster.save_raw("ubj")
    path = folder / name
    try:
        write_atomically(path, raw)
    except OSError as error:
        raise ModelError(
            f"the model cannot be written: {error.strerror} ({path}, {len(raw):,} bytes); "
            "free space there, or mount it writable"
        ) from None
    return path


def load(path: Path) -> Artifact:
    """Read a model file; one without our schema (AWS's, or plain XGBoost's) gets one of numbers by position.

    Raises:
        ModelError: the file is missing, damaged, a pickle (never loaded, for a pickle runs code), or in
            XGBoost's old binary format.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"there is no model file {path}; train one, or unpack model.tar.gz there") from None
    except OSError as error:
        raise ModelError(f"the model file {path} cannot be read: {error.strerror}; check its permissions") from None
    if not raw.lstrip()[:1] == b"{":
        raise ModelError(model_bytes.refusal(raw, path))
    booster = xgboost.Booster({"nthread": 1})
    try:
        _check_whole(raw)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            booster.load_model(bytearray(model_bytes.as_today(raw)))
    except (xgboost.core.XGBoostError, ValueError):
        raise ModelError(
            f"the model file {path} is damaged: it is not an XGBoost model in JSON or UBJSON ({len(raw):,} bytes); "
            "copy it again, or train it again"
        ) from None
    for warning in told:  # such as that the model is of before XGBoost 1.6
        log.info("XGBoost on %s: %s", path.name, str(warning.message).rpartition("WARNING: ")[2])
    return Artifact(booster, schema_of(booster, path))


def _check_whole(raw: bytes) -> None:
    """Raise ValueError where the bytes end early: XGBoost reads beyond the end of such UBJSON, and crashes."""
    if raw[1:2] == b"L":
        ubjson.loads(raw)
    else:
        raw.decode()


def schema_of(booster: xgboost.Booster, path: Path | str) -> Schema:
    """The schema that `save` wrote, or what XGBoost itself keeps of the columns; ``path`` is for the message alone.

    Raises:
        ModelError: what was written is damaged.
    """
    written = booster.attr(_SCHEMA)
    if written is None:
        return plain_schema.of(booster)
    try:
        return Schema.from_json(json.loads(written))
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"the schema in the model file {path} is damaged; train the model again") from None
