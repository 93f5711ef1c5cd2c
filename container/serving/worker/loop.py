"""The event loop: collects requests, answers short ones, and gives the others to threads once they are whole.

A connection costs a thread only while its request is worked on. `FastPath` answers what it can right in the loop;
all else goes to a thread with the bytes read so far, where gunicorn parses it and asks the application. What the
client does not take at once of the reply, the loop sends.
"""

import logging
import selectors
import socket
import time
from concurrent.futures import Future
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from gunicorn.util import http_date

from container.serving.seen import Seen
from container.serving.worker.connection import Connection, Outgoing, drop
from container.serving.worker.heads import AT_ONCE, SMALL, Heads, Plan, may_begin
from container.serving.worker.limits import LARGE
from container.serving.worker.plain import Worker
from container.serving.worker.pool import Pool
from container.serving.worker.refusal import refusal
from container.serving.worker.upload import NoRoomError, Room, Upload

log = logging.getLogger(__name__)

_BUSY = (BlockingIOError, InterruptedError)
_AT_A_TIME = 256 * 1024
"""Bytes sent or received between two looks at the other connections."""
_UPLOADING = 1.0
"""Seconds within which an upload is expected to be done, and counts as if it waited in the queue."""
_LINGER = 2.0
"""Seconds without a byte after which what a client goes on sending is no longer read."""
_LINGER_AT_MOST = 30.0
_LAST_CALL = 3.0
"""Seconds before a worker that stops goes, at which what still waits is refused."""


class _Answering(NamedTuple):
    """A connection, as far as gunicorn looks at it to answer."""

    sock: Outgoing
    client: Any
    server: Any
    since: float


class FastWorker(Worker):
    """Waits for slow clients in the event loop, and answers small requests there."""

    def init_process(self) -> None:
        limits = self.app.limits
        self._limits, self._room = limits, Room()
        self._heads = Heads(self.cfg, self.app.fast)
        self._large = Pool(limits.large, limits.queue)
        self._next_look = 0.0
        self._date = (0, "")
        self._uploads: set[Connection] = set()
        self._last_call = float("inf")
        super().init_process()

    def get_thread_pool(self) -> Pool:
        return Pool(self.cfg.threads, self.app.limits.queue)

    def load(self) -> tuple[int, int]:
        given, waiting = self.tpool.given + self._large.given, self.tpool.waiting + self._large.waiting
        return given - waiting, waiting

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except (*_BUSY, ConnectionAbortedError):
            return
        self.nr_conns += 1
        conn = Connection(self.cfg, client, address, listener.getsockname())
        self.keepalived_conns.append(conn)
        self.poller.register(client, selectors.EVENT_READ, partial(self._on_readable, conn))

    def _on_readable(self, conn: Connection, client: socket.socket) -> None:
        try:
            data = client.recv(SMALL if conn.upload is None else _AT_A_TIME, socket.MSG_DONTWAIT)
        except _BUSY:
            return
        except OSError:
            self._drop(conn)
            return
        conn.set_timeout()
        if not data:
            # What a request that breaks off deserves is the application's to say.
            if conn.received or conn.upload is not None:
                self._to_thread(conn)
            else:
                self._drop(conn)
        else:
            conn.received += data
            self._serve(conn)

    def _serve(self, conn: Connection) -> None:
        """Answer as many of the received requests as can be here; the first that cannot is waited for, or given away.

        Called where the connection is read from and nothing is left to send.
        """
        answers = []
        to_thread = False
        while conn.received and not conn.closes:
            answer = self._step(conn) if conn.upload is None else self._collect(conn, conn.upload)
            if isinstance(answer, bytes):
                answers.append(answer)
                continue
            to_thread = answer is False
            break
        if answers and not self._send(conn, b"".join(answers)):
            return
        if to_thread or (conn.upload is not None and conn.upload.done):
            self._to_thread(conn)

    def _step(self, conn: Connection) -> bytes | bool | None:
        """The next request's answer, taking it from what is received; None to wait for more; False for a thread."""
        received = conn.received
        end = received.find(b"\r\n\r\n") + 4
        if end < 4:
            return None if may_begin(received) else False
        conn.plan = plan = self._heads.plan(received[:end], conn.client)
        if plan is AT_ONCE:
            return False
        length = plan.length
        if length is None or length > SMALL or (plan.continues and len(received) < end + length):
            return self._begin_upload(conn, plan, end)
        if len(received) < end + length:
            return None
        busy = self.nr + 1 >= self.max_requests or len(self.keepalived_conns) > self.max_keepalived
        if plan.handler is not None and self.alive and not busy:
            answer = self._fast(plan, received[end : end + length])
            if answer is not None:
                conn.received = received[end + length :]
                return answer
        if plan.refusable and self.tpool.full():
            conn.received = received[end + length :]
            return self._refuse(conn, self.tpool)
        return False

    def _fast(self, plan: Plan, body: bytes) -> bytes | None:
        """The fast path's answer, as gunicorn writes it; None where there is none."""
        assert plan.handler is not None
        began = time.monotonic() if self.observe else 0.0
        try:
            reply = plan.handler(body)
        except Exception:
            log.exception("the fast path failed; the application is asked")
            return None
        if reply is None:
            return None
        self.nr += 1
        if self.observe:
            took = time.monotonic() - began
            self.observe(Seen(plan.method, plan.path, 200, took, len(reply.body), reply.rows, plan.request_id))
        return (
            f"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: {self._now()}\r\nConnection: keep-alive\r\n"
            f"Content-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n\r\n"
        ).encode("latin-1") + reply.body

    def _now(self) -> str:
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, http_date())
        return self._date[1]

    def _begin_upload(self, conn: Connection, plan: Plan, end: int) -> bytes:
        """Collect a large body, or one of unknown length, or one that is waited for with 100 Continue."""
        recently = time.monotonic() - _UPLOADING
        expected = sum(other.since > recently for other in self._uploads)
        if plan.refusable and self._large.full(expected):
            return self._refuse(conn, self._large, closes=True)
        received = conn.received
        conn.begin_upload(Upload(received[:end], plan.length, self._room, self._limits.body))
        conn.received = received[end:]
        self._uploads.add(conn)
        conn.continued = plan.continues and not conn.received
        return b"HTTP/1.1 100 Continue\r\n\r\n" if conn.continued else b""

    def _collect(self, conn: Connection, upload: Upload) -> bytes | bool | None:
        """Add what is received to the upload; the same answers as of `_step`."""
        received, conn.received = conn.received, b""
        try:
            upload.feed(received)
        except NoRoomError as error:
            return self._refuse(conn, self._large, f"no room is left for the request's body{error}", closes=True)
        if not upload.done:
            return None
        pool = self._pool_for(upload)
        if not (upload.whole and conn.plan.refusable and pool.full()):
            return False
        conn.received = upload.rest
        self._end_upload(conn)
        return self._refuse(conn, pool)

    def _pool_for(self, upload: Upload | None) -> Pool:
        small = upload is None or not upload.whole or upload.size <= LARGE
        pool: Pool = self.tpool if small else self._large
        return pool

    def _end_upload(self, conn: Connection) -> None:
        self._uploads.discard(conn)
        conn.end_upload()

    def _refuse(self, conn: Connection, pool: Pool, why: str = "", *, closes: bool = False) -> bytes:
        """The answer where too many requests wait; ``closes`` where what belongs to this one has not been read."""
        plan = conn.plan
        conn.closes = closes or plan.closes or not self.alive
        if conn.closes:
            self._end_upload(conn)
            conn.received = b""
        why = (
            why
            or f"{pool.waiting} requests wait already in this worker, and SAGEMAKER_MODEL_JOB_QUEUE_SIZE is the limit"
        )
        body, head = refusal(why, pool.retry_after())
        log.warning("answered %s %s with 503: %s", plan.method, plan.path, why, extra={"request_id": plan.request_id})
        if self.observe:
            self.observe(Seen(plan.method, plan.path, 503, 0.0, len(body), 0, plan.request_id, refused=True))
        kept = "close" if conn.closes else "keep-alive"
        return (
            f"HTTP/1.1 503 Service Unavailable\r\nServer: gunicorn\r\nDate: {self._now()}\r\nConnection: {kept}\r\n{head}\r\n".encode(
                "latin-1"
            )
            + body
        )

    def _send(self, conn: Connection, data: bytes) -> bool:
        """Send what the client takes, and the rest as it takes it; whether all is sent and there may be more."""
        try:
            sent = conn.sock.send(data, socket.MSG_DONTWAIT)
        except _BUSY:
            sent = 0
        except OSError:
            self._drop(conn)
            return False
        if sent < len(data):
            conn.unsent.append(memoryview(data)[sent:])
            self.poller.modify(conn.sock, selectors.EVENT_WRITE, partial(self._on_writable, conn))
            return False
        if conn.closes:
            self._linger(conn)
            return False
        return True

    def _on_writable(self, conn: Connection, client: socket.socket) -> None:
        try:
            sent = client.send(conn.unsent[0][:_AT_A_TIME], socket.MSG_DONTWAIT)
        except _BUSY:
            return
        except OSError:
            self._drop(conn)
            return
        conn.set_timeout()
        drop(conn.unsent, sent)
        if conn.unsent:
            return
        self.poller.modify(client, selectors.EVENT_READ, partial(self._on_readable, conn))
        if conn.closes:
            self._linger(conn)
        else:
            self._serve(conn)

    def _linger(self, conn: Connection) -> None:
        """Say that nothing comes any more, and read on until the client has seen it: else it may lose the answer."""
        conn.ends = time.monotonic() + _LINGER_AT_MOST
        conn.timeout = time.monotonic() + _LINGER
        conn.received = b""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        self.poller.modify(conn.sock, selectors.EVENT_READ, partial(self._on_lingering, conn))

    def _on_lingering(self, conn: Connection, client: socket.socket) -> None:
        try:
            data = client.recv(_AT_A_TIME, socket.MSG_DONTWAIT)
        except _BUSY:
            return
        except OSError:
            data = b""
        if data:
            conn.timeout = min(conn.ends, time.monotonic() + _LINGER)
        else:
            self._drop(conn)

    def _to_thread(self, conn: Connection) -> None:
        upload, pool = conn.upload, self._pool_for(conn.upload)
        self._uploads.discard(conn)
        self.poller.unregister(conn.sock)
        self.keepalived_conns.remove(conn)
        conn.parser.unreader.give([conn.received] if upload is None else upload.pieces())
        conn.received = b""
        conn.since = time.monotonic()
        conn.pool = pool
        future = pool.give(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle(self, conn: Connection) -> Any:
        began = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            conn.seconds = time.monotonic() - began

    def handle_request(self, req: Any, conn: Connection) -> Any:
        outgoing = Outgoing(conn.sock, conn.continued)
        try:
            keeps = super().handle_request(req, _Answering(outgoing, conn.client, conn.server, conn.since))
        finally:
            conn.unsent = outgoing.flush()
        return keeps and not outgoing.lost

    def finish_request(self, conn: Connection, future: "Future[Any]") -> None:
        """A thread is done with a connection: send the rest of its answer, and go on reading, or close."""
        assert conn.pool is not None
        conn.pool.finished(future, conn.seconds)
        self._end_upload(conn)
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1
            return
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_readable, conn))
        if future.cancelled():
            self._send(conn, self._refuse(conn, conn.pool, "this server stops before its turn comes", closes=True))
            return
        conn.received = conn.parser.unreader.rest()
        conn.closes = future.exception() is not None or not future.result()
        if conn.unsent:
            self.poller.modify(conn.sock, selectors.EVENT_WRITE, partial(self._on_writable, conn))
        elif conn.closes:
            self._linger(conn)
        else:
            self._serve(conn)

    def _drop(self, conn: Connection) -> None:
        self.poller.unregister(conn.sock)
        self._forget(conn)

    def _forget(self, conn: Connection) -> None:
        self._end_upload(conn)
        self.keepalived_conns.remove(conn)
        self.nr_conns -= 1
        conn.close()

    def murder_keepalived(self, force: bool = False) -> None:
        """Close what has been idle for too long. The timeouts are in no order, and looked at once a second."""
        now = time.monotonic()
        if self.alive and now < self._next_look:
            return
        self._next_look = now + 1
        for conn in [conn for conn in self.keepalived_conns if force or conn.timeout <= now]:
            self._drop(conn)
        if now > self._last_call:
            for pool in (self.tpool, self._large):
                pool.give_up()

    def _cap_keepalive(self, deadline: float) -> None:
        """As the worker stops, what has begun to arrive is waited for, and what has begun to leave is sent."""
        self._last_call = time.monotonic() + self.cfg.graceful_timeout - _LAST_CALL
        for conn in self.keepalived_conns:
            if not conn.received and conn.upload is None and not conn.unsent:
                conn.timeout = min(conn.timeout, deadline)
