"""A real `serve` process on a temporary SAGEMAKER_BASE_DIR."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "tests" / "golden" / "models"


@dataclass(frozen=True)
class Reply:
    """What came back for one request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Served:
    """A running server."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, dict(headers or {}))
            reply = connection.getresponse()
            return Reply(reply.status, dict(reply.getheaders()), reply.read())

    def predict(self, body: bytes, content_type: str = "text/csv", **headers: str) -> Reply:
        """POST /invocations."""
        return self.request("POST", "/invocations", body, {"Content-Type": content_type, **headers})

    def connect(self) -> socket.socket:
        """A bare connection, for requests no client library sends."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def exchange(self, request: bytes) -> bytes:
        """Send these bytes, end the sending side, and read until the server closes."""
        with self.connect() as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def workers(self) -> list[int]:
        """The worker processes' ids."""
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(word) for word in text.split()]

    def stop(self, seconds: float = 25) -> int:
        """SIGTERM, then the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """The variables a server gets: none of the caller's settings, two workers unless said otherwise."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SAGEMAKER_", "MAX_CONTENT", "GUNICORN"))}
    return {
        **inherited,
        "SAGEMAKER_BASE_DIR": str(folder),
        "SAGEMAKER_MODEL_SERVER_WORKERS": "2",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT / "tests" / "support" / "without"),
        **settings,
    }


@contextmanager
def started(folder: Path, log: Path, **settings: str) -> "Iterator[subprocess.Popen[bytes]]":
    """`serve`, killed where it still runs at the end; its output goes to ``log``."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, str(ROOT / "serve")],
            stdout=output,
            stderr=output,
            env=environment(folder, **settings),
            cwd=folder,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def serving(
    folder: Path, model: str | Path | None = None, beside: Mapping[str, bytes] | None = None, **settings: str
) -> Iterator[Served]:
    """Serve one of the golden models, or a file by its own name, until the block ends; enter it once /ping answers.

    ``beside`` are other files in the model's folder.
    """
    models = folder / "model"
    models.mkdir(parents=True)
    if isinstance(model, Path):
        shutil.copy(model, models)
    elif model is not None:
        shutil.copy(MODELS / f"{model}.ubj", models / "xgboost-model")
    for name, data in (beside or {}).items():
        (models / name).parent.mkdir(parents=True, exist_ok=True)
        (models / name).write_bytes(data)
    port = free_port()
    log = folder.parent / f"{folder.name}.log"
    with started(folder, log, SAGEMAKER_BIND_TO_PORT=str(port), **settings) as process:
        served = Served(process, port, log)
        _wait(served)
        yield served
        served.stop()


def _wait(served: Served, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if served.request("GET", "/ping").status == 200:
                return
        except OSError:
            pass
        if served.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"serve does not answer: {served.log.read_text()}")
        time.sleep(0.05)
