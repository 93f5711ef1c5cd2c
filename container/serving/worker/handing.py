"""Giving requests to threads, and taking their connections back."""

import io
import logging
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, NamedTuple

from gunicorn.util import http_date
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER

from container.serving.seen import Seen
from container.serving.worker.connection import Connection, Outgoing
from container.serving.worker.limits import LARGE
from container.serving.worker.pool import Pool
from container.serving.worker.refusal import refusal
from container.serving.worker.room import Room, on_disk
from container.serving.worker.sending import Sending
from container.serving.worker.upload import Upload

log = logging.getLogger(__name__)

_LAST_CALL = 3.0
"""Seconds before a worker that stops goes, at which what still waits is refused."""


class _Answering(NamedTuple):
    """A connection, as far as gunicorn looks at it to answer."""

    sock: Outgoing
    client: Any
    server: Any
    since: float


class Handing(Sending):
    """Has large requests worked on a few at a time, apart from the small ones, which wait for nobody large."""

    def init_process(self) -> None:
        self.room = Room(self.app.limits.memory, self.app.limits.disk)
        self.large = Pool(self.app.limits.large, self.app.limits.queue)
        self.uploads: set[Connection] = set()
        self._last_call = float("inf")
        self._date = (0, "")
        super().init_process()

    def load(self) -> tuple[int, int]:
        given, waiting = self.tpool.given + self.large.given, self.tpool.waiting + self.large.waiting
        return given - waiting, waiting

    def get_thread_pool(self) -> Pool:
        return Pool(self.cfg.threads, self.app.limits.queue)

    def pool_for(self, upload: Upload | None) -> Pool:
        small = upload is None or not upload.kept or not upload.whole or upload.size <= LARGE
        pool: Pool = self.tpool if small else self.large
        return pool

    def end_upload(self, conn: Connection) -> None:
        self.uploads.discard(conn)
        conn.end_upload()

    def drop(self, conn: Connection) -> None:
        self.end_upload(conn)
        super().drop(conn)

    def to_thread(self, conn: Connection) -> None:
        upload, pool = conn.upload, self.pool_for(conn.upload)
        self.uploads.discard(conn)
        self.release(conn)
        conn.parser.unreader.give([conn.received] if upload is None else upload.pieces())
        conn.received = b""
        conn.since = time.monotonic()
        conn.pool = pool
        future = pool.give(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle(self, conn: Connection) -> Any:
        began = time.monotonic()
        try:
            if conn.is_reset():  # while it waited for its turn
                log.debug("a client that is gone gets no answer")
                return False
            return super().handle(conn)
        finally:
            conn.seconds = time.monotonic() - began

    def handle_request(self, req: Any, conn: Connection) -> Any:
        outgoing = Outgoing(conn.sock, conn.continued)
        body = conn.upload.body() if conn.upload is not None and conn.upload.at_hand else None
        if body is not None:
            req.body = body
        try:
            keeps = super().handle_request(req, _Answering(outgoing, conn.client, conn.server, conn.since))
        finally:
            held = self._hold(conn, outgoing.flush())
            if body is not None:
                req.body = io.BytesIO()  # gunicorn keeps the request until the next one on the connection
        return keeps and held and not outgoing.lost

    def _hold(self, conn: Connection, pieces: "deque[memoryview]") -> bool:
        """Keep what the client has not taken of a reply for the loop to send; without room, this thread sends it.

        Whether it is kept or sent.
        """
        size = sum(map(len, pieces))
        if self.room.take(memory=size):
            conn.unsent, conn.held = pieces, (size, 0)
            return True
        if self.room.take(disk=size):
            try:
                conn.unsent = on_disk(pieces)
            except OSError:
                self.room.give_back(0, size)
            else:
                conn.held = (0, size)
                return True
        conn.sock.settimeout(self.cfg.keepalive)
        with suppress(OSError):
            for piece in pieces:
                conn.sock.sendall(piece)
            return True
        return False

    def sent_all(self, conn: Connection) -> None:
        self.room.give_back(*conn.held)
        conn.held = (0, 0)

    def finish_request(self, conn: Connection, future: "Future[Any]") -> None:
        """A thread is done with a connection: send the rest of its answer, and go on reading, or close."""
        assert conn.pool is not None
        conn.pool.finished(future, conn.seconds)
        self.end_upload(conn)
        if conn.sock.fileno() < 0:
            self.sent_all(conn)
            self.nr_conns -= 1
            return
        self.receive(conn)
        if future.cancelled():
            self.send(conn, self.refuse(conn, conn.pool, "this server stops before its turn comes", closes=True))
            return
        conn.received = conn.parser.unreader.rest()
        conn.closes = future.exception() is not None or not future.result()
        if conn.unsent:
            self.wait_to_send(conn)
        elif conn.closes:
            self.linger(conn)
        else:
            self.serve(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        if not self.alive:
            self._cap_idle(time.monotonic() + STOP_KEEPALIVE_LINGER)
        super().murder_keepalived(force)
        if time.monotonic() > self._last_call:
            for pool in (self.tpool, self.large):
                pool.give_up()

    def _cap_keepalive(self, deadline: float) -> None:
        """As the worker stops, what has begun to arrive is waited for, and what has begun to leave is sent."""
        self._last_call = time.monotonic() + self.cfg.graceful_timeout - _LAST_CALL
        self._cap_idle(deadline)

    def _cap_idle(self, deadline: float) -> None:
        """Those that become idle later too: the answer they were waiting for has not said that it is the last."""
        for conn in self.keepalived_conns:
            if not conn.received and conn.upload is None and not conn.unsent:
                conn.timeout = min(conn.timeout, deadline)

    def refuse(self, conn: Connection, pool: Pool, why: str = "", *, closes: bool = False) -> bytes:
        """The answer where too many requests wait; ``closes`` where what belongs to this one has not been read."""
        plan = conn.plan
        conn.closes = closes or plan.closes or not self.alive
        if conn.closes:
            self.end_upload(conn)
            conn.received = b""
        why = why or f"{pool.limit} requests wait already, as many as SAGEMAKER_MODEL_JOB_QUEUE_SIZE allows"
        body, head = refusal(why, pool.retry_after())
        log.warning("answered %s %s with 503: %s", plan.method, plan.path, why, extra={"request_id": plan.request_id})
        if self.observe:
            self.observe(Seen(plan.method, plan.path, 503, 0.0, len(body), 0, plan.request_id, refused=True))
        kept = "close" if conn.closes else "keep-alive"
        lines = f"Server: gunicorn\r\nDate: {self.now()}\r\nConnection: {kept}\r\n{head}"
        return f"HTTP/1.1 503 Service Unavailable\r\n{lines}\r\n".encode("latin-1") + body

    def now(self) -> str:
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, http_date())
        return self._date[1]
