"""The worker before an application that takes as long, and answers as much, as it is asked to."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import free_port
from tests.support.serving import ROOT, Served

_PROGRAM = """
import sys, time
from container import logs
from container.contract.serving_env import ServingSettings
from container.serving.fast import Reply
from container.serving.server import Server, options
from container.serving.worker.limits import Limits

class Constant:
    def handler(self, method, target, headers):
        return (lambda body: Reply("text/plain", b"") if target == "/ping" else 1 / 0) if method == "GET" else None

def app(environ, start_response):
    taken = len(environ["wsgi.input"].read())
    time.sleep(float(environ.get("HTTP_X_SECONDS", 0)))
    reply = b"x" * int(environ.get("HTTP_X_BYTES", 0)) or (b"%d" % taken if taken else b"")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(reply)))])
    return [reply]

logs.configure(sparing=True)
settings = options(ServingSettings(port=int(sys.argv[1]), workers=1))
Server(app, settings | eval(sys.argv[2]), Constant(), Limits(**eval(sys.argv[3]))).run()
"""


def _answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def constant(folder: Path, limits: Mapping[str, int] | None = None, **settings: int) -> Iterator[Served]:
    """One worker with these limits and settings of gunicorn's.

    A GET is for its fast path, which knows /ping alone. A POST says in ``X-Seconds`` how long it takes, and in
    ``X-Bytes`` what comes back, else the number of bytes it sent.
    """
    port, log = free_port(), folder / "log"
    command = [sys.executable, "-c", _PROGRAM, str(port), repr(settings), repr(dict(limits or {}))]
    with log.open("wb") as output, subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output) as process:
        served = Served(process, port, log)
        deadline = time.monotonic() + 30
        while not _answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        try:
            yield served
        finally:
            process.terminate()
            process.wait(30)
