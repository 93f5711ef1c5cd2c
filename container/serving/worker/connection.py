"""A connection with what was read from it and not yet answered, and what was answered and not yet taken."""

import select
import socket
import time
from collections import deque
from collections.abc import Iterable
from math import inf
from typing import Any

from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn

from container.contract.serving_env import MIB
from container.serving.worker.heads import AT_ONCE
from container.serving.worker.pool import Pool
from container.serving.worker.upload import Piece, Upload

PATIENCE = 10
"""Seconds a thread waits for bytes that the event loop could not wait for, as the request is an odd one."""
PATIENCE_IN_ALL = 60
"""Seconds it takes at most until such a request has been read: a client may send a byte every few seconds."""


class Received(SocketUnreader):  # type: ignore[misc]  # gunicorn is not typed
    """What a thread reads a request from: what the event loop has read, then the socket."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._pieces: deque[Piece] = deque()
        self._until = 0.0

    def give(self, pieces: Iterable[Piece]) -> None:
        """The request that comes next, as far as it has been read."""
        self._pieces.extend(pieces)
        self._until = inf

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next bytes; none where the other side has stopped sending, or sends nothing for too long."""
        while self._pieces:
            piece = self._pieces.popleft()
            if isinstance(piece, bytes):
                return piece
            if isinstance(piece, int):
                size = min(piece, MIB)
                if piece > size:
                    self._pieces.appendleft(piece - size)
                return bytes(size)
            if data := piece.read(MIB):
                self._pieces.appendleft(piece)
                return data
        now = time.monotonic()
        self._until = min(self._until, now + PATIENCE_IN_ALL)
        if now >= self._until:
            return b""
        self.sock.settimeout(min(PATIENCE, self._until - now))
        try:
            received: bytes = super().chunk(size_hint)
        except TimeoutError:
            return b""
        finally:
            self.sock.settimeout(None)
        return received

    def rest(self) -> bytes:
        """What has been read and belongs to no request yet."""
        taken = self.take_buffered()
        pieces, self._pieces = self._pieces, deque()
        return b"".join([taken, *(piece for piece in pieces if isinstance(piece, bytes))])


class Outgoing:
    """Stands for the socket while a thread answers: takes all at once, for the event loop to send."""

    def __init__(self, sock: socket.socket, continued: bool) -> None:
        """``continued`` says that the client has been told to go on sending."""
        self._sock, self._continued = sock, continued
        self._pieces: list[memoryview] = []
        self.lost = False

    def send(self, data: bytes) -> int:
        """gunicorn says ``100 Continue`` with this."""
        if not self._continued:
            self.sendall(data)
        return len(data)

    def sendall(self, data: bytes) -> None:
        if data:
            self._pieces.append(memoryview(data))

    def shutdown(self, how: int) -> None:
        """gunicorn is about to close: it failed in the middle of a reply."""
        raise OSError

    def close(self) -> None:
        self.lost = True

    def flush(self) -> "deque[memoryview]":
        """Send what the client takes now; returns what is left."""
        left = deque() if self.lost else deque(self._pieces)
        try:
            while left:
                take_away(left, self._sock.sendmsg(left, (), socket.MSG_DONTWAIT))
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.lost = True
            left.clear()
        return left


def take_away(pieces: "deque[memoryview]", count: int) -> None:
    """Take the first ``count`` bytes, which have been sent, away."""
    while pieces and count >= len(pieces[0]):
        count -= len(pieces.popleft())
    if count:
        pieces[0] = pieces[0][count:]


class Connection(TConn):  # type: ignore[misc]  # gunicorn is not typed
    """What the event loop knows of a connection."""

    def __init__(self, cfg: Any, client: socket.socket, address: Any, server: Any) -> None:
        super().__init__(cfg, client, address, server)
        self.init()
        self.parser.unreader = Received(client)
        self.received = b""
        self.plan = AT_ONCE
        """What its present request asks for."""
        self.upload: Upload | None = None
        self.unsent: deque[memoryview] = deque()
        self.held = (0, 0)
        """Bytes of that in memory and on disk."""
        self.continued = False
        """The client has been told to go on with its body."""
        self.goes_on = False
        """What it has sent will be looked at without a further event."""
        self.closes = False
        """There is nothing to come after what is being sent."""
        self.since = 0.0
        """When its present upload began, or its request was whole; of time.monotonic()."""
        self.seconds = 0.0
        """How long its last request was worked on."""
        self.pool: Pool | None = None
        self.ends = 0.0
        """When it is closed at the latest, while what still arrives is read and thrown away."""

    def is_reset(self) -> bool:
        """Whether nobody is left to answer. Who has only said that it sends no more, may still read."""
        look = select.poll()
        look.register(self.sock, 0)  # the two that are waited for whatever is asked for:
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in look.poll(0))

    def begin_upload(self, upload: Upload) -> None:
        self.upload, self.since = upload, time.monotonic()

    def end_upload(self) -> None:
        if self.upload is not None:
            self.upload.close()
            self.upload = None
        self.continued = False
