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

from container import __version__, logs
from container.atomic import write_atomically
from container.data.schema import Schema
from container.errors import ModelError
from container.model import best_rounds, model_bytes, plain_schema, ubjson

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
    def outputs(self) -> int:
        """How many margins a row has: one for each class, quantile, expectile or target."""
        parameters = self._learner["learner_model_param"]
        return max(int(parameters["num_class"]), int(parameters["num_target"]), 1)

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles that are predicted, in the order of the outputs; none unless the objective is for them."""
        return self._alphas("quantile")

    @property
    def expectiles(self) -> tuple[float, ...]:
        """The expectiles that are predicted, as `quantiles`."""
        return self._alphas("expectile")

    def _alphas(self, loss: str) -> tuple[float, ...]:
        return tuple(json.loads(self._learner["objective"].get(f"{loss}_loss_param", {}).get(f"{loss}_alpha", "[]")))

    @property
    def base_score(self) -> tuple[float, ...]:
        """The predictions to start from: one, or one for each output."""
        score = json.loads(self._learner["learner_model_param"]["base_score"])
        return tuple(score) if isinstance(score, list) else (score,)

    @property
    def booster_name(self) -> str:
        """``gbtree``, ``dart`` or ``gblinear``."""
        return str(self._learner["gradient_booster"]["name"])

    @property
    def unbiased(self) -> bool:
        """Whether it ranks and was to correct for the position of clicks, ``lambdarank_unbiased``."""
        return bool(int(self._learner["objective"].get("lambdarank_param", {}).get("lambdarank_unbiased", 0)))

    @property
    def trees_a_round(self) -> int:
        """``num_parallel_tree``: how many trees a round has for each output; 1 of a linear model."""
        parameters = self._learner["gradient_booster"].get("gbtree_model_param", {})
        return int(parameters.get("num_parallel_tree", 1))

    @property
    def linear(self) -> bool:
        """Whether it has coefficients in place of trees."""
        return self.booster_name == "gblinear"


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


def save(artifact: Artifact, folder: Path, name: str = FILE_NAME) -> Path:
    """Write a model file into ``folder`` whole or not at all; returns its path.

    Raises:
        ModelError: the folder cannot be written to, or the disk is full.
    """
    best_rounds.forget(artifact.booster)  # whatever left them there: this model is served whole
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
    """Read a model file.

    One without our schema (AWS's, or plain XGBoost's) gets one of numbers by position; where early stopping ended it,
    the rounds up to the best are all it has.

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
        log.info("XGBoost on %s: %s", path.name, logs.words_of_xgboost(str(warning.message)))
    if booster.attr(_SCHEMA) is None:
        # Training here cuts what it can itself, and keeps all rounds where the later ones are needed.
        booster = best_rounds.cut(booster, path.name)
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
