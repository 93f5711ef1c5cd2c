"""How much a worker takes on at once."""

from dataclasses import dataclass
from typing import Self

from container.contract.resources import usable_cpus
from container.contract.serving_env import MIB, ServingSettings

LARGE = 256 * 1024
"""Bytes from which a request takes its turn: a few keep the CPUs busy, and the rest must not starve /ping."""


@dataclass(frozen=True)
class Limits:
    """What one worker process takes on; more is refused."""

    queue: int = 128
    """Requests that wait for a thread; as many again of `LARGE` ones."""
    large: int = 1
    """Large requests that are worked on at the same time."""
    body: int = 25 * MIB
    """Bytes of a body from which it is not kept, for the application will refuse it."""
    memory: int = 64 * MIB
    """Bytes of large requests that arrive or wait, and of replies that are not taken, that are held in memory."""
    disk: int = 1024 * MIB
    """Bytes of them beyond that, in temporary files."""

    @classmethod
    def of(cls, settings: ServingSettings) -> Self:
        """As many large requests at once as keep this worker's share of the CPUs busy."""
        body = settings.body_limit
        return cls(settings.queue, max(1, usable_cpus() // settings.workers), body, disk=max(cls.disk, 4 * body))
