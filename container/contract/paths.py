"""Every path of SageMaker's file contract, under a root that tests and local runs can move.

Source: AWS's developer guide, "How Amazon SageMaker Provides Training Information".
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OptMl:
    """The tree SageMaker mounts at /opt/ml."""

    root: Path = Path("/opt/ml")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "OptMl":
        """/opt/ml, or where SAGEMAKER_BASE_DIR says (the name sagemaker-training uses)."""
        return cls(Path(environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml"))

    @property
    def config(self) -> Path:
        return self.root / "input" / "config"

    @property
    def hyperparameters(self) -> Path:
        return self.config / "hyperparameters.json"

    @property
    def input_data_config(self) -> Path:
        return self.config / "inputdataconfig.json"

    @property
    def resource_config(self) -> Path:
        return self.config / "resourceconfig.json"

    @property
    def data(self) -> Path:
        """Holds a folder for each channel, and whatever the platform puts beside them."""
        return self.root / "input" / "data"

    def channel(self, name: str) -> Path:
        """The channel's folder, or in Pipe mode the stem of its FIFOs ``<name>_0``, ``<name>_1``, …"""
        return self.data / name

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def model(self) -> Path:
        """Becomes model.tar.gz after training; holds it unpacked, read-only, when serving."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def output_data(self) -> Path:
        """Becomes output.tar.gz."""
        return self.output / "data"

    @property
    def failure(self) -> Path:
        """Its first 1024 characters become the job's FailureReason."""
        return self.output / "failure"

    @property
    def checkpoints(self) -> Path:
        """Restored from S3 at the start, synced to it during the job."""
        return self.root / "checkpoints"
