"""What the checks of one image share: the engine, the image, what to try it with, how long to wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contract_check.docker import Container, Docker, Tree
from contract_check.job import Samples
from contract_check.rule import Rule


@dataclass(frozen=True)
class Limits:
    """Seconds. The platform's, but for training, and for a broken model, where it has none."""

    start: float = 480
    ping: float = 2
    request: float = 60
    train: float = 600
    train_stop: float = 120
    serve_stop: float = 30
    broken_model: float = 60

    @classmethod
    def quick(cls) -> Limits:
        """For an image that starts and stops within seconds."""
        return cls(start=30, train=120, train_stop=12, serve_stop=12, broken_model=15)


@dataclass
class Context:
    """One image under check."""

    docker: Docker
    image: str
    inspected: dict[str, Any]
    samples: Samples = field(default_factory=Samples)
    limits: Limits = field(default_factory=Limits)
    wanted: Callable[[Rule], bool] = lambda rule: True
    tell: Callable[[str], None] = lambda text: None
    """Says what is being tried."""
    large_megabytes: float = 5
    model: Tree = field(default_factory=dict)
    """The files below /opt/ml/model to serve; training puts them here."""

    @property
    def config(self) -> dict[str, Any]:
        """The image's settings: Entrypoint, Cmd, Env, Labels, User."""
        return self.inspected.get("Config") or {}

    def label(self, capability: str) -> bool:
        """Whether the image declares a capability to SageMaker."""
        labels = self.config.get("Labels") or {}
        return str(labels.get(f"com.amazonaws.sagemaker.capabilities.{capability}", "")).lower() == "true"

    def container(self, command: str, *options: str) -> Container:
        """A container of the image, that has not been started; without a command, its default one."""
        return self.docker.create(self.image, (command,) if command else (), *options)


def shell_hint(container: Container) -> str:
    """What process 1 is, where it is a shell, which passes no signal on."""
    command = container.process_one()
    program = command.partition(" ")[0].rpartition("/")[2]
    return f"; process 1 is a shell, which does not pass signals on: {command[:60]}" if program in SHELLS else ""


SHELLS = {"sh", "bash", "dash", "ash"}


def last_line(text: str) -> str:
    """The last line of a log that says something, shortened."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:160] if lines else "nothing in the log"
