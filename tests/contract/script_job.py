"""A job in script mode, run by the image or by a process here: the same tree, the same ending."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import IMAGE

REPOSITORY = Path(__file__).parents[2]


@dataclass
class ScriptJob:
    """``root`` is the job's /opt/ml; ``image`` runs it, or where that is None, a process here."""

    root: Path
    image: str | None
    hyperparameters: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    docker_arguments: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The root as the program sees it."""
        return "/opt/ml" if self.image else str(self.root)

    def code(self, files: Mapping[str, str]) -> "ScriptJob":
        """Put files into /opt/ml/code."""
        return self._write(self.root / "code", files)

    def channel(self, name: str, files: Mapping[str, str]) -> "ScriptJob":
        """Put files into a channel."""
        return self._write(self.root / "input/data" / name, files)

    def _write(self, folder: Path, files: Mapping[str, str]) -> "ScriptJob":
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return self

    def start(self, stderr: int = subprocess.STDOUT, **hyperparameters: str) -> "subprocess.Popen[str]":
        """`train`, started; its streams come as one, unless ``stderr`` is another place."""
        config = self.root / "input/config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "hyperparameters.json").write_text(json.dumps(self.hyperparameters | hyperparameters))
        environment = os.environ | self.environment | {"SAGEMAKER_BASE_DIR": str(self.root), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, str(REPOSITORY / "train")]
        if self.image:
            variables = [part for name, value in self.environment.items() for part in ("-e", f"{name}={value}")]
            volume = ["-v", f"{self.root}:/opt/ml"]
            command = ["docker", "run", "--rm", *volume, *variables, *self.docker_arguments, self.image, "train"]
        return subprocess.Popen(
            command, env=environment, cwd=self.root, text=True, stdout=subprocess.PIPE, stderr=stderr
        )

    def run(self, **hyperparameters: str) -> tuple[int, str]:
        """Run `train` to its end: its exit code and its log.

        A container's log is its standard output, then its standard error: Docker copies each by itself, and as one
        stream a piece of the one can come inside a line of the other.
        """
        with self.start(subprocess.PIPE if self.image else subprocess.STDOUT, **hyperparameters) as process:
            output, errors = process.communicate(timeout=120)
        return process.returncode, output + (errors or "")

    @property
    def failure(self) -> str | None:
        """What the failure file says, None without one."""
        path = self.root / "output/failure"
        return path.read_text() if path.exists() else None

    def remove(self) -> None:
        """Delete the tree; what the image wrote as root, it must make ours."""
        if self.image and os.getuid() != 0:
            volume = f"{self.root}:/opt/ml"
            subprocess.run(
                ["docker", "run", "--rm", "-v", volume, IMAGE, "chmod", "-R", "a+rwX", "/opt/ml"], check=True
            )
        shutil.rmtree(self.root)
