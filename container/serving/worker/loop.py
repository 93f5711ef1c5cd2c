"""The event loop: collects requests, answers short ones, and gives the others to threads once they are whole.

A connection costs a thread only while its request is worked on. `FastPath` answers what it can right in the loop;
all else goes to a thread with the bytes read so far, where gunicorn parses it and asks the application. What the
client does not take at once of the reply, the loop sends.
"""

import logging
import os
import socket
import sys
import time
from selectors import BaseSelector

from container.contract.resources import usable_cpus
from container.serving.seen import Seen
from container.serving.worker.connection import Connection
from container.serving.worker.handing import Handing
from container.serving.worker.heads import AT_ONCE, SMALL, Heads, Plan, may_begin
from container.serving.worker.limits import LARGE
from container.serving.worker.polling import Polling
from container.serving.worker.sending import BUSY
from container.serving.worker.upload import NoRoomError, Upload

log = logging.getLogger(__name__)

UPLOADING = 1.0
"""Seconds within which an upload is expected to be done, and counts as if it waited in the queue."""
_PATIENCE = 0.002
"""Seconds within which another worker is expected to take a connection."""
IN_TURN = 16
"""Answers to a client that sends on without waiting for them, before the other clients have their turn."""
_PAUSE = 0.5
"""Seconds without new connections after one could not be taken."""
_AT_A_TIME = 1024 * 1024
"""Bytes of a large body, which is then whole after few turns of the loop; the others wait a third of a millisecond."""
_SWITCH = 0.0005
"""Seconds; Python's own choice is 0.005."""


class FastWorker(Handing):
    """Waits for slow clients in the event loop, and answers small requests there."""

    def init_process(self) -> None:
        # The loop waits so long for a thread that computes in Python to pause, several times for a request.
        sys.setswitchinterval(_SWITCH)
        self._body_limit = self.app.limits.body
        self._heads = Heads(self.cfg, self.app.fast)
        self._patience = (-1, 0.0)
        self._accepts_from = 0.0
        super().init_process()

    def run(self) -> None:
        if usable_cpus() > 1:  # else the client may need this one
            self.poller.close()
            # A request that a thread works on has no connection here, and its thread needs the interpreter.
            self.poller: BaseSelector = Polling(lambda: len(self.keepalived_conns) == 1 == self.nr_conns)
        try:
            super().run()
        finally:
            self.app.shares.leave(self.slot)

    def notify(self) -> None:
        self.app.shares.say(self.slot, self.nr_conns)
        super().notify()

    def accept(self, listener: socket.socket) -> None:
        if self._leaves_it():
            os.sched_yield()
            return
        try:
            client, address = listener.accept()
        except (*BUSY, ConnectionAbortedError):
            return
        except OSError as error:  # such as too many open files: those that are connected go on
            log.warning("no further connection can be taken for the moment: %s", error)
            self._accepts_from = time.monotonic() + _PAUSE
            self.set_accept_enabled(False)
            return
        self.nr_conns += 1
        conn = Connection(self.cfg, client, address, listener.getsockname())
        self.receive(conn)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled and time.monotonic() >= self._accepts_from)

    def _leaves_it(self) -> bool:
        """Whether a new connection is for a worker that has fewer; not where that one does not come for it."""
        least = self.app.shares.least(self.slot)
        if self.nr_conns <= least + 1:
            return False
        now = time.monotonic()
        if self._patience[0] != least:
            self._patience = (least, now + _PATIENCE)
        return now < self._patience[1]

    def on_readable(self, conn: Connection, client: socket.socket) -> None:
        if conn.goes_on:  # or what it sends would pile up here
            return
        try:
            data = client.recv(SMALL if conn.upload is None else _AT_A_TIME, socket.MSG_DONTWAIT)
        except BUSY:
            return
        except OSError:
            self.drop(conn)
            return
        conn.set_timeout()
        if not data:
            # What a request that breaks off deserves is the application's to say.
            if conn.received or conn.upload is not None:
                self.to_thread(conn)
            else:
                self.drop(conn)
        else:
            conn.received += data
            self.serve(conn)

    def serve(self, conn: Connection) -> None:
        """Answer as many of the received requests as can be here; the first that cannot is waited for, or given away.

        Called where the connection is read from and nothing is left to send.
        """
        answers: list[bytes] = []
        to_thread = False
        while conn.received and not conn.closes and len(answers) < IN_TURN:
            answer = self._step(conn) if conn.upload is None else self._collect(conn, conn.upload)
            if isinstance(answer, bytes):
                answers.append(answer)
                continue
            to_thread = answer is False
            break
        if (data := b"".join(answers)) and not self.send(conn, data):
            return
        if to_thread or (conn.upload is not None and conn.upload.done):
            self.to_thread(conn)
        elif len(answers) == IN_TURN and conn.received:
            conn.goes_on = True
            self.method_queue.defer(self._go_on, conn)

    def _go_on(self, conn: Connection) -> None:
        """Answer what else a client has sent at once, now that the others have had their turn."""
        if conn.goes_on:
            conn.goes_on = False
            self.serve(conn)

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
            return self.refuse(conn, self.tpool)
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
            f"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: {self.now()}\r\nConnection: keep-alive\r\n"
            f"Content-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n\r\n"
        ).encode("latin-1") + reply.body

    def _begin_upload(self, conn: Connection, plan: Plan, end: int) -> bytes:
        """Collect a large body, or one of unknown length, or one that is waited for with 100 Continue."""
        # Whether there is a place for a small one, or one of unknown length, is seen when it is whole.
        if plan.refusable and plan.length is not None and plan.length > LARGE:
            recently = time.monotonic() - UPLOADING
            if self.large.full(expected=sum(other.since > recently for other in self.uploads)):
                return self.refuse(conn, self.large, closes=True)
        received = conn.received
        conn.begin_upload(Upload(received[:end], plan.length, self.room, self._body_limit))
        conn.received = received[end:]
        self.uploads.add(conn)
        conn.continued = plan.continues and not conn.received
        return b"HTTP/1.1 100 Continue\r\n\r\n" if conn.continued else b""

    def _collect(self, conn: Connection, upload: Upload) -> bytes | bool | None:
        """Add what is received to the upload; the same answers as of `_step`."""
        received, conn.received = conn.received, b""
        try:
            upload.feed(received)
        except NoRoomError as error:
            return self.refuse(conn, self.large, f"no room is left for the request's body{error}", closes=True)
        if not upload.done:
            return None
        pool = self.pool_for(upload)
        if not (upload.whole and conn.plan.refusable and pool.full()):
            return False
        conn.received = upload.rest
        self.end_upload(conn)
        return self.refuse(conn, pool)
