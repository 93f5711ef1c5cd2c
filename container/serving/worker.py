"""gunicorn's worker: threads that ask the application, and before them a loop that waits, and answers what is short.

A connection costs a thread only once its request is there, as far as it is small: it is collected by the event
loop. `FastPath` answers what it can right there, and the connection stays where it is; all else goes to a thread
with the bytes read so far, and from there on is gunicorn's own doing, which parses every request's head.
"""

import logging
import os
import selectors
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors
from gunicorn.util import http_date, write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker

from container.serving.failures import error_body
from container.serving.fast import Reply
from container.serving.heads import AT_ONCE, SMALL, Heads, may_begin

log = logging.getLogger(__name__)

_BUSY = (BlockingIOError, InterruptedError)

_STATUS: dict[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is not typed
    """Answers what gunicorn cannot parse as JSON, like every other error."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        if not isinstance(exc, errors.ParseException) or isinstance(exc, errors.ConfigurationProblem):
            super().handle_error(req, client, addr, exc)
            return
        status = _STATUS.get(type(exc), HTTPStatus.BAD_REQUEST)
        body = error_body(f"this is not an HTTP request that can be read: {exc}")
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        log.warning("answered %d: %s", status, exc)
        try:
            write_nonblock(client, head.encode() + body)
        except OSError:
            log.debug("the connection was closed before the answer")


class _Connection(TConn):  # type: ignore[misc]  # gunicorn is not typed
    """A connection with the bytes read but not yet answered, and those answered but not yet taken."""

    received = b""
    unsent = b""


class FastWorker(Worker):
    """Answers small requests on the event loop."""

    def init_process(self) -> None:
        self._heads = Heads(self.cfg, None if self.cfg.accesslog else self.app.fast)
        self._next_look = 0.0
        self._date = (0, "")
        super().init_process()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.cfg.threads, initializer=_step_back)

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except (*_BUSY, ConnectionAbortedError):
            return
        self.nr_conns += 1
        conn = _Connection(self.cfg, client, address, listener.getsockname())
        conn.init()
        conn.set_timeout()
        self.keepalived_conns.append(conn)
        self.poller.register(client, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

    def on_client_socket_readable(self, conn: _Connection, client: socket.socket) -> None:
        try:
            data = client.recv(SMALL, socket.MSG_DONTWAIT)
        except _BUSY:
            return
        except OSError:
            self._drop(conn)
            return
        if data:
            conn.received += data
            conn.set_timeout()
            self._serve(conn)
        elif conn.received:
            self._to_thread(conn)  # what a request that breaks off deserves is the application's to say
        else:
            self._drop(conn)

    def _serve(self, conn: _Connection) -> None:
        """Answer as many of the received requests as can be here; the first that cannot goes to a thread."""
        answers = []
        waits = False
        while conn.received:
            answered = self._step(conn)
            if isinstance(answered, bytes):
                answers.append(answered)
                continue
            waits = answered is None
            break
        if answers and not self._send(conn, b"".join(answers)):
            return
        if conn.received and not waits:
            self._to_thread(conn)

    def _step(self, conn: _Connection) -> bytes | bool | None:
        """The next request's answer, taking it from what is received; None to wait for more; False for a thread."""
        received = conn.received
        end = received.find(b"\r\n\r\n") + 4
        if not self.alive:
            return False
        if end < 4:
            return None if may_begin(received) else False
        head = received[:end]
        plan = self._heads.plan(head, conn.client)
        if plan is AT_ONCE:
            return False
        if len(received) < end + plan.length:
            return None
        if plan.handler is None or self.nr + 1 >= self.max_requests or len(self.keepalived_conns) > self.max_keepalived:
            return False
        try:
            reply = plan.handler(received[end : end + plan.length])
        except Exception:
            log.exception("the fast path failed; the application is asked")
            return False
        if reply is None:
            return False
        self.nr += 1
        conn.received = received[end + plan.length :]
        return self._framed(reply)

    def _framed(self, reply: Reply) -> bytes:
        """The reply as gunicorn writes it."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, http_date())
        return (
            f"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: {self._date[1]}\r\nConnection: keep-alive\r\n"
            f"Content-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n\r\n"
        ).encode("latin-1") + reply.body

    def _send(self, conn: _Connection, data: bytes) -> bool:
        """Send what the client takes, and the rest as it takes it; whether all is sent."""
        try:
            sent = conn.sock.send(data, socket.MSG_DONTWAIT)
        except _BUSY:
            sent = 0
        except OSError:
            self._drop(conn)
            return False
        if sent == len(data):
            return True
        if not conn.unsent:
            self.poller.modify(conn.sock, selectors.EVENT_WRITE, partial(self._on_writable, conn))
        conn.unsent = data[sent:]
        return False

    def _on_writable(self, conn: _Connection, client: socket.socket) -> None:
        conn.set_timeout()
        if self._send(conn, conn.unsent):
            conn.unsent = b""
            self.poller.modify(client, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))
            self._serve(conn)

    def _to_thread(self, conn: _Connection) -> None:
        self.poller.unregister(conn.sock)
        self.keepalived_conns.remove(conn)
        conn.parser.unreader.unread(conn.received)
        conn.received = b""
        self.enqueue_req(conn)

    def _drop(self, conn: _Connection) -> None:
        self.poller.unregister(conn.sock)
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

    def _cap_keepalive(self, deadline: float) -> None:
        """As the worker stops, what has begun to arrive is answered, and what has begun to leave is sent."""
        for conn in [conn for conn in self.keepalived_conns if conn.received and not conn.unsent]:
            self._to_thread(conn)
        for conn in self.keepalived_conns:
            if not conn.unsent:
                conn.timeout = min(conn.timeout, deadline)


def _step_back() -> None:
    """Let the event loop go first: this thread's work takes longer."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
