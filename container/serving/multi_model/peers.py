"""Workers tell each other which models to hold: a Unix socket each, whose other end is closed by a worker's death."""

import logging
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson

from container.errors import ContainerError, UnavailableError

log = logging.getLogger(__name__)

_SUFFIX = ".worker"

Message = dict[str, Any]


class RefusedError(ContainerError):
    """Another worker could not do it; the message and the status are those of its own error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status)


def listen(folder: Path, done: Callable[[Message], None]) -> None:
    """From now on call ``done``, in a thread of its own, with each message that another worker sends to this one.

    What it raises is what the other worker raises.
    """

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            reply = _reply(done, self.rfile.readline())
            with suppress(OSError):  # it no longer waits
                self.wfile.write(reply)

    path = folder / f"{os.getpid()}{_SUFFIX}"
    path.unlink(missing_ok=True)  # of a worker that is gone, whose number this one has now
    server = socketserver.UnixStreamServer(str(path), Answer)
    threading.Thread(target=_serve, args=[server], daemon=True, name="peers").start()


def tell(folder: Path, message: Message, seconds: float) -> None:
    """Have all other workers do what a message says, one after the other; one that dies meanwhile is passed over.

    One at a time: memory for loading is needed once, and the CPUs stay with the requests.

    Raises:
        ContainerError: one could not do it.
        UnavailableError: one did not answer in time.
    """
    for path in _others(folder):
        reply = _ask(path, orjson.dumps(message) + b"\n", seconds)
        if reply is not None and (answer := orjson.loads(reply)):
            raise RefusedError(answer["error"], answer["status"])


def _serve(server: socketserver.UnixStreamServer) -> None:
    with suppress(OSError):  # requests go first
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
    server.serve_forever()


def _reply(done: Callable[[Message], None], line: bytes) -> bytes:
    try:
        done(orjson.loads(line))
    except ContainerError as error:
        return orjson.dumps({"error": str(error), "status": int(error.status)})
    except Exception:
        log.exception("what another worker asked for failed")
        return orjson.dumps({"error": "a worker failed; see the log", "status": 500})
    return b"{}"


def _others(folder: Path) -> Iterator[Path]:
    own = f"{os.getpid()}{_SUFFIX}"
    return (path for path in sorted(folder.glob(f"*{_SUFFIX}")) if path.name != own)


def _ask(path: Path, line: bytes, seconds: float) -> bytes | None:
    """The worker's reply, None where there is no such worker, or no longer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return None
        try:
            connection.sendall(line)
            return b"".join(iter(lambda: connection.recv(65536), b"")) or None
        except TimeoutError:
            raise UnavailableError(f"a worker has not answered in {seconds:g} s; ask again") from None
        except ConnectionError:
            return None
