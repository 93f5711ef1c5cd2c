"""Checkpoints: a job that is killed at any moment goes on from its last one, to the model it would have had.

A checkpoint is the model so far as a plain XGBoost file, ``checkpoint-<run>-<round>-<checksum>.ubj``, with the
scores of its rounds and what the job is about in its attributes. The folder is restored from S3 before the
container starts and synced while it runs (AWS's developer guide, "Use Checkpoints").
"""

import hashlib
import json
import logging
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xgboost

from container.atomic import write_atomically
from container.data.schema import Schema
from container.model.artifact import Artifact
from container.training.hosts.cluster import ALONE, Cluster
from container.training.hyperparameters.parse import Hyperparameters
from container.training.rows.encoded import Rows, digest

log = logging.getLogger(__name__)

KEEP = 3
"""How many are kept; the newest may be damaged by whatever ended the job."""

CHECKPOINT_ATTRIBUTE = "sagemaker_xgboost.checkpoint"
_NAME = re.compile(r"checkpoint-([0-9a-f]{8})-(\d{6,})-([0-9a-f]{16})\.ubj")
_LEAST_SECONDS = 15.0
_COST = 0.01

History = dict[str, list[float]]
"""Scores of every round so far by data and metric, such as ``validation-rmse``."""


def identity(
    params: Mapping[str, Any],
    hyperparameters: Hyperparameters,
    schema: Schema,
    parts: Mapping[str, Sequence[Rows]],
    earlier: Artifact | None,
    cluster: Cluster = ALONE,
) -> dict[str, Any]:
    """What makes a training the same one: all that the model depends on but the number of rounds."""
    about = {name: value for name, value in params.items() if name not in ("nthread", "device", "verbosity")}
    about |= {"eval_metric": hyperparameters.eval_metric, "_kfold": hyperparameters.kfold}
    about["the columns' meaning"] = _checksum(json.dumps(schema.to_json()).encode())
    about |= {f"the {channel} data": cluster.gather(digest(of)) for channel, of in parts.items()}
    if earlier is not None:
        about["the earlier model"] = _checksum(bytes(earlier.booster.save_raw("ubj")))
    return about


def unrepeatable(params: Mapping[str, Any]) -> str | None:
    """Why a job that was cut off cannot end with the model it would have had, None where it can.

    What XGBoost 3.4 keeps between rounds and not in the model; seen by cutting trainings off. The updater ``shotgun``
    keeps nothing: it makes another model each time anyway, cut off or not.
    """
    if params.get("booster") == "gblinear" and params.get("feature_selector") == "shuffle":
        return "feature_selector 'shuffle' shuffles on from the order of the round before"
    if params.get("lambdarank_unbiased"):
        return "lambdarank_unbiased goes on from the positions' bias that the round before found"
    if params.get("seed_per_iteration") == 0:
        return "with seed_per_iteration=0 a round draws on from where the one before ended; leave it out"
    return None


@dataclass(frozen=True)
class Checkpoint:
    """The model after ``rounds`` rounds, as bytes XGBoost loads, and the rounds' scores."""

    model: bytearray
    history: History
    rounds: int


class Checkpoints:
    """The checkpoints of one booster. ``about`` says what must be the same for a job to go on from another's."""

    def __init__(self, folder: Path, about: dict[str, Any], interval: int | None = None) -> None:
        self._folder = folder
        self._about = json.loads(json.dumps(about, default=str))
        self._run = hashlib.sha256(json.dumps(self._about, sort_keys=True).encode()).hexdigest()[:8]
        self._interval = interval
        self._next = time.monotonic() + _LEAST_SECONDS
        self._failed = False

    def within(self, name: str) -> "Checkpoints":
        """The checkpoints of one booster of several, in a folder of their own."""
        return Checkpoints(self._folder / name, self._about, self._interval)

    def latest(self, most_rounds: int) -> Checkpoint | None:
        """The newest sound checkpoint of this job with at most so many rounds; says in the log what it passes over.

        What a job that was killed while it wrote one has left of it is removed.
        """
        with suppress(OSError):
            for half in self._folder.glob(".checkpoint-*"):
                half.unlink()
        named: set[str] = set()
        for path, run, rounds, checksum in sorted(self._files(), key=lambda file: -file[2]):
            if rounds > most_rounds:
                if run == self._run:
                    log.info("%s has more than %s rounds and is passed over", path.name, most_rounds)
                continue
            raw = _read(path)
            if raw is None or _checksum(raw) != checksum:
                log.warning("the checkpoint %s is damaged and passed over", path.name)
                continue
            booster = xgboost.Booster({"nthread": 1})
            booster.load_model(bytearray(raw))
            written = json.loads(booster.attr(CHECKPOINT_ATTRIBUTE) or "{}")
            if run != self._run:
                if run not in named:
                    named.add(run)
                    log.warning("%s", self._difference(path, written.get("about", {})))
                continue
            return Checkpoint(bytearray(raw), written["history"], rounds)
        return None

    def after_round(self, booster: xgboost.Booster, history: History, rounds: int) -> None:
        """Write a checkpoint if it is time: every ``interval`` rounds, else so often that it costs under 1 %."""
        if self._interval is not None:
            if rounds % self._interval == 0:
                self.save(booster, history, rounds)
        elif (now := time.monotonic()) >= self._next:
            self.save(booster, history, rounds)
            cost = time.monotonic() - now
            self._next = now + cost + max(_LEAST_SECONDS, cost / _COST)

    def save(self, booster: xgboost.Booster, history: History, rounds: int) -> None:
        """Write one now. Those that cannot be written cost one warning, not the job."""
        booster.set_attr(**{CHECKPOINT_ATTRIBUTE: json.dumps({"about": self._about, "history": history})})
        raw = bytes(booster.save_raw("ubj"))
        booster.set_attr(**{CHECKPOINT_ATTRIBUTE: None})
        path = self._folder / f"checkpoint-{self._run}-{rounds:06d}-{_checksum(raw)}.ubj"
        try:
            write_atomically(path, raw)
            own = sorted((file for file in self._files() if file[1] == self._run), key=lambda file: file[2])
            for old, *_ in own[:-KEEP]:
                old.unlink(missing_ok=True)
        except OSError as error:
            if not self._failed:
                log.warning("the checkpoint %s cannot be written: %s; training goes on without", path, error.strerror)
            self._failed = True

    def _files(self) -> list[tuple[Path, str, int, str]]:
        if not self._folder.is_dir():
            return []
        found = ((path, _NAME.fullmatch(path.name)) for path in self._folder.iterdir())
        return [(path, match[1], int(match[2]), match[3]) for path, match in found if match]

    def _difference(self, path: Path, theirs: dict[str, Any]) -> str:
        changes = [
            f"{name} was {_short(theirs.get(name))} and is {_short(self._about.get(name))}"
            for name in sorted({*theirs, *self._about})
            if theirs.get(name) != self._about.get(name)
        ]
        return f"the checkpoint {path.name} is of another training and passed over: {'; '.join(changes)}"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _checksum(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]


def _short(value: Any) -> str:
    return "not set" if value is None else str(value)[:40]
