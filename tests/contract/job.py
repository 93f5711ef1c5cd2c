"""A training job under a folder of its own: what the platform lays out, and what it finds afterwards."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

TRAIN = (sys.executable, "-c", "import sys; from container.training.main import main; sys.exit(main())")
REPOSITORY = Path(__file__).parents[2]


class Job:
    """The tree that SageMaker mounts at /opt/ml, at ``root``."""

    def __init__(self, root: Path, hyperparameters: Mapping[str, object] | None = None) -> None:
        self.root = root
        self.model = root / "model"
        self.output = root / "output"
        self.config = root / "input" / "config"
        self.config.mkdir(parents=True)
        self._channels: dict[str, dict[str, str]] = {}
        self.hyperparameters = dict(hyperparameters or {})

    def channel(
        self, name: str, files: Mapping[str, str | bytes], content_type: str | None = None, mode: str = "File"
    ) -> "Job":
        """Give the job a channel; the files' names may hold folders."""
        folder = self.root / "input" / "data" / name
        folder.mkdir(parents=True)
        for file, content in files.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self._channels[name] = {"TrainingInputMode": mode} | ({"ContentType": content_type} if content_type else {})
        return self

    @contextmanager
    def stream(
        self, name: str, data: bytes, content_type: str | None = None, wrapper: str | None = None
    ) -> Iterator[None]:
        """Give the job a channel in Pipe mode: FIFOs for two epochs, the first filled once it is read."""
        self._channels[name] = {"TrainingInputMode": "Pipe"} | ({"ContentType": content_type} if content_type else {})
        if wrapper is not None:
            self._channels[name]["RecordWrapperType"] = wrapper
        folder = self.root / "input" / "data"
        folder.mkdir(parents=True, exist_ok=True)
        for epoch in (0, 1):
            os.mkfifo(folder / f"{name}_{epoch}")
        writer = threading.Thread(target=(folder / f"{name}_0").write_bytes, args=(data,), daemon=True)
        writer.start()
        yield
        writer.join(10)
        assert not writer.is_alive(), "the stream was not read to its end"

    def write_config(self) -> None:
        strings = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in self.hyperparameters.items()
        }
        (self.config / "hyperparameters.json").write_text(json.dumps(strings))
        (self.config / "inputdataconfig.json").write_text(json.dumps(self._channels))

    def environment(self) -> dict[str, str]:
        return {**os.environ, "SAGEMAKER_BASE_DIR": str(self.root), "PYTHONUNBUFFERED": "1"}

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run ``train`` to its end, in a process of its own."""
        self.write_config()
        return subprocess.run(
            TRAIN, env=self.environment(), cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False
        )

    @contextmanager
    def started(self) -> Iterator[subprocess.Popen[str]]:
        """``train`` running, its log readable line by line; killed if it is still there at the end."""
        self.write_config()
        with subprocess.Popen(
            TRAIN, env=self.environment(), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def failure(self) -> str | None:
        """What the failure file says, None without one."""
        path = self.output / "failure"
        return path.read_text("utf-8") if path.exists() else None

    @property
    def models(self) -> list[str]:
        """Everything in the model folder."""
        return sorted(path.name for path in self.model.iterdir()) if self.model.exists() else []


def stop_after(process: subprocess.Popen[str], line: str, number: int = signal.SIGTERM) -> str:
    """Send the signal as soon as a log line holds ``line``; returns the log from there to the end."""
    assert process.stdout is not None
    for text in process.stdout:
        if line in text:
            process.send_signal(number)
            break
    return process.stdout.read()
