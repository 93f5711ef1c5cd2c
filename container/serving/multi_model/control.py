"""Loading and unloading: in all processes of the server or in none, one change after the other."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from threading import Lock, Semaphore

from container.contract.serving_env import ServingSettings
from container.errors import ConflictError, ContainerError, ModelError, UnavailableError
from container.serving.multi_model import memory, peers
from container.serving.multi_model.models import Models, find, not_found
from container.serving.multi_model.registry import Entry, Registry, State

log = logging.getLogger(__name__)

_WAIT = 300
"""Seconds for the changes before this one, and for another worker's part in it: loading 1 GB takes a minute."""
_SOON = 5
"""Seconds that a worker which begins, and answers nobody yet, waits for others; they act on it later too."""
_AT_ONCE = 24
"""Changes that wait in a worker: the other threads are for predictions."""


class Control:
    """One for each process. Safe to use from several threads."""

    def __init__(self, registry: Registry, models: Models, settings: ServingSettings, wait: float = _WAIT) -> None:
        self._registry, self._models, self._settings, self._wait = registry, models, settings, wait
        self._waiting, self._following = Semaphore(_AT_ONCE), Lock()

    def entry(self, name: str) -> Entry:
        """Raises NotFoundError where no model of the name is loaded."""
        entry = self._registry.read().find(name)
        if entry is None:
            raise not_found(name)
        return entry

    def page(self, limit: int, after: int) -> tuple[list[Entry], int | None]:
        """At most ``limit`` models, from the one loaded after number ``after``; and the number to go on from."""
        entries = [entry for entry in self._registry.read().entries if entry.number > after]
        more = len(entries) > limit
        return entries[:limit], entries[limit - 1].number if more else None

    def load(self, name: str, url: str) -> Entry:
        """Have every worker load a model; it answers once all have it.

        Raises:
            ConflictError: a model of the name is loaded.
            InsufficientMemoryError: all its copies would not fit.
            UserError: there is no model at the URL that can be served.
            UnavailableError: too many changes wait, or a worker does not answer.
        """
        with self._change():
            state = self._registry.read()
            if state.find(name) is not None:
                raise ConflictError(f"a model {name!r} is loaded already; unload it first, or take another name")
            with suppress(ModelError, OSError):  # which loading says better
                memory.require_copies(name, memory.size(find(url)), self._settings)
            entry = Entry(state.next, name, url)
            reserved = State(state.entries, state.next + 1)
            self._registry.write(reserved)
            try:
                self._everywhere(entry)
                self._registry.write(State((*state.entries, entry), reserved.next))
                self._everywhere()
            except BaseException:
                self._registry.write(reserved)
                with suppress(ContainerError):
                    self._everywhere()
                raise
        log.info("loaded model %r from %s", name, url, extra={"every": True})
        return entry

    def unload(self, name: str) -> Entry:
        """Have every worker free a model's memory, after the requests it has.

        Raises:
            NotFoundError: no model of the name is loaded.
            UnavailableError: too many changes wait, or a worker does not answer.
        """
        with self._change():
            state = self._registry.read()
            entry = state.find(name)
            if entry is None:
                raise not_found(name)
            self._registry.write(state.without([entry]))
            self._everywhere()
        log.info("unloaded model %r", name, extra={"every": True})
        return entry

    def join(self) -> None:
        """Begin as a worker: load all models, and from then on take part in changes.

        A model that cannot be loaded any more is unloaded everywhere, so that the platform loads it again.
        """
        with self._registry.locked(math.inf):
            state = self._registry.read()
            kept: list[Entry] = []
            for entry in state.entries:
                try:
                    self._models.hold([*kept, entry], [])
                    kept.append(entry)
                except ContainerError as error:
                    log.error("unloading model %r, which a new worker cannot load: %s", entry.name, error)
            if len(kept) < len(state.entries):
                self._registry.write(State(tuple(kept), state.next))
            # Whatever a worker that died in the middle of a change has left behind ends here.
            with suppress(ContainerError):
                self._everywhere(seconds=min(_SOON, self._wait))
            peers.listen(self._registry.folder, self._obey)

    @contextmanager
    def _change(self) -> Iterator[None]:
        if not self._waiting.acquire(blocking=False):
            raise UnavailableError("too many models are waiting to be loaded or unloaded; ask again")
        try:
            with self._registry.locked(self._wait):
                yield
        finally:
            self._waiting.release()

    def _everywhere(self, coming: Entry | None = None, seconds: float | None = None) -> None:
        """Have every worker hold and answer for the models of the state, and only hold one that is to come.

        This one is the first: it proves that the model can be loaded, and shows what it takes.
        """
        self._follow(coming)
        if coming is not None:
            memory.require(coming.name, self._models.kept(coming) * (self._settings.workers - 1), self._settings)
        peers.tell(self._registry.folder, {"coming": coming and asdict(coming)}, seconds or self._wait)

    def _obey(self, message: peers.Message) -> None:
        coming = message["coming"]
        self._follow(None if coming is None else Entry(**coming))

    def _follow(self, coming: Entry | None) -> None:
        """What another worker asks for may come late, after it has given up; the state is always the present one."""
        with self._following:
            entries = self._registry.read().entries
            self._models.hold(entries if coming is None else (*entries, coming), entries)
