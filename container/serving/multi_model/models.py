"""The models of one process: what it holds, what it answers for, and the memory of what it lets go."""

import gc
import logging
import time
import weakref
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Semaphore

from container.contract import allocator
from container.contract.resources import usable_cpus
from container.contract.serving_env import ServingSettings
from container.errors import ModelError, NotFoundError, UserError
from container.model import folder
from container.model.apart import apart
from container.model.predictor import Predictor
from container.serving.fast import FastPath
from container.serving.multi_model import memory
from container.serving.multi_model.registry import Entry
from container.serving.service import ModelService, turns

log = logging.getLogger(__name__)

_IN_FLIGHT = 60
"""Seconds that an unloaded model's requests have: as long as the platform waits for a reply."""


@dataclass(frozen=True)
class Model:
    """A loaded model. It takes ``kept`` bytes of memory; ``freed`` are set once its boosters' is free."""

    service: ModelService
    fast: FastPath
    kept: int
    freed: tuple[Event, ...]


class Models:
    """Safe to ask from several threads; `hold` is called by one at a time."""

    def __init__(self, settings: ServingSettings, patience: float = _IN_FLIGHT) -> None:
        """``patience`` is how many seconds the requests of a model that is unloaded may take."""
        self._settings, self._patience = settings, patience
        self._turns: Semaphore = turns(settings)
        self._held: dict[int, Model] = {}
        self._shown: dict[str, Model] = {}

    def get(self, name: str) -> Model | None:
        """The model to answer for a name. Whoever keeps it keeps its memory."""
        return self._shown.get(name)

    def service(self, name: str) -> ModelService:
        """Raises NotFoundError where there is no such model."""
        model = self._shown.get(name)
        if model is None:
            raise not_found(name)
        return model.service

    def hold(self, entries: Collection[Entry], shown: Collection[Entry]) -> None:
        """Have these models in memory and no other, and answer for those that are ``shown``.

        A model that goes gets no new requests; those it has are finished before its memory is free, and this returns.

        Raises:
            ContainerError: a model cannot be loaded. Those before it are held.
        """
        self._show(shown)
        self._free(self._held.keys() - {entry.number for entry in entries})
        for entry in entries:
            if entry.number not in self._held:
                self._held[entry.number] = apart(load, entry, self._settings, self._turns)
        self._show(shown)

    def kept(self, entry: Entry) -> int:
        """Bytes of memory that a model which is held takes in this process."""
        return self._held[entry.number].kept

    def _show(self, entries: Collection[Entry]) -> None:
        self._shown = {entry.name: self._held[entry.number] for entry in entries if entry.number in self._held}

    def _free(self, numbers: Collection[int]) -> None:
        freed = [event for number in numbers for event in self._held.pop(number).freed]
        if not freed:
            return
        deadline, pause = time.monotonic() + self._patience, 0.05
        while not all(event.wait(pause) for event in freed):
            if time.monotonic() > deadline:
                log.warning("a request keeps an unloaded model in memory; it is freed when that ends")
                break
            gc.collect()
            pause = min(1.0, 2 * pause)
        allocator.trim()


def load(entry: Entry, settings: ServingSettings, shared: Semaphore | None = None) -> Model:
    """Load a model from the folder that its URL names.

    Raises:
        NotFoundError: there is no such folder.
        UserError: there is no model in it that can be served.
        InsufficientMemoryError: it would not fit.
    """
    try:
        files = find(entry.url)
        memory.require_loading(entry.name, files, settings)
        before = memory.resident()
        _, artifacts = folder.load(Path(entry.url), ensemble=settings.ensemble)
    except ModelError as error:
        raise _not_loaded(entry.name, str(error)) from None
    except OSError as error:
        raise _not_loaded(entry.name, f"{entry.url} cannot be read: {error.strerror}; check its permissions") from None
    freed = []
    for artifact in artifacts:
        freed.append(Event())
        # A booster's last act is to free its memory.
        weakref.finalize(artifact.booster, freed[-1].set).atexit = False
    predictor = Predictor(*artifacts, native=settings.native, threads=usable_cpus())
    service, fast = ModelService(predictor, settings, shared), FastPath(predictor, settings)
    return Model(service, fast, memory.kept(memory.size(files), memory.resident() - before), tuple(freed))


def find(url: str) -> list[Path]:
    """The files of the model at a URL, which is the path of a folder.

    Raises:
        NotFoundError: there is no such folder.
        ModelError: there is no model in it.
        OSError: it cannot be read.
    """
    path = Path(url)
    try:
        there = path.is_dir()
    except ValueError:  # a path with a zero byte
        there = False
    if not there:
        raise NotFoundError(f"there is no folder {url!r}; url must be the folder that the model is unpacked in")
    return folder.find(path)


def not_found(name: str) -> NotFoundError:
    return NotFoundError(f"there is no model {name!r}; load it with POST /models")


def _not_loaded(name: str, why: str) -> UserError:
    return UserError(f"model {name!r} cannot be loaded: {why}")
