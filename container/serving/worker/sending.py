"""The event loop's connections: what is sent on them, and how they end."""

import selectors
import socket
import time
from functools import partial

from container.serving.worker.connection import Connection, take_away
from container.serving.worker.plain import Worker

BUSY = (BlockingIOError, InterruptedError)
AT_A_TIME = 256 * 1024
"""Bytes sent or received between two looks at the other connections."""
_LINGER = 2.0
"""Seconds without a byte after which what a client goes on sending is no longer read."""
_LINGER_AT_MOST = 30.0


class Sending(Worker):
    """Sends what clients take when they take it. What they send, is for a subclass to read."""

    _next_look = 0.0

    def on_readable(self, conn: Connection, client: socket.socket) -> None:
        """There is something to receive."""
        raise NotImplementedError

    def serve(self, conn: Connection) -> None:
        """Nothing is left to send, and what has been received may be looked at."""
        raise NotImplementedError

    def receive(self, conn: Connection) -> None:
        """Take a connection, new or from a thread, to wait for what it sends."""
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_readable, conn))

    def release(self, conn: Connection) -> None:
        """Leave a connection to a thread."""
        self.poller.unregister(conn.sock)
        self.keepalived_conns.remove(conn)
        conn.goes_on = False

    def send(self, conn: Connection, data: bytes) -> bool:
        """Send what the client takes, and the rest as it takes it; whether all is sent and there may be more."""
        try:
            sent = conn.sock.send(data, socket.MSG_DONTWAIT)
        except BUSY:
            sent = 0
        except OSError:
            self.drop(conn)
            return False
        if sent < len(data):
            conn.unsent.append(memoryview(data)[sent:])
            self.wait_to_send(conn)
            return False
        if conn.closes:
            self.linger(conn)
            return False
        return True

    def wait_to_send(self, conn: Connection) -> None:
        """Send what is left as the client takes it."""
        self.poller.modify(conn.sock, selectors.EVENT_WRITE, partial(self._on_writable, conn))

    def _on_writable(self, conn: Connection, client: socket.socket) -> None:
        try:
            sent = client.send(conn.unsent[0][:AT_A_TIME], socket.MSG_DONTWAIT)
        except BUSY:
            return
        except OSError:
            self.drop(conn)
            return
        conn.set_timeout()
        take_away(conn.unsent, sent)
        if conn.unsent:
            return
        self.sent_all(conn)
        self.poller.modify(client, selectors.EVENT_READ, partial(self.on_readable, conn))
        if conn.closes:
            self.linger(conn)
        else:
            self.serve(conn)

    def sent_all(self, conn: Connection) -> None:
        """Nothing of a reply is held any more."""

    def linger(self, conn: Connection) -> None:
        """Say that nothing comes any more, and read on until the client has seen it: else it may lose the answer."""
        conn.ends = time.monotonic() + _LINGER_AT_MOST
        conn.timeout = time.monotonic() + _LINGER
        conn.received = b""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop(conn)
            return
        self.poller.modify(conn.sock, selectors.EVENT_READ, partial(self._on_lingering, conn))

    def _on_lingering(self, conn: Connection, client: socket.socket) -> None:
        try:
            data = client.recv(AT_A_TIME, socket.MSG_DONTWAIT)
        except BUSY:
            return
        except OSError:
            data = b""
        if data:
            conn.timeout = min(conn.ends, time.monotonic() + _LINGER)
        else:
            self.drop(conn)

    def drop(self, conn: Connection) -> None:
        """Close a connection without more ado."""
        self.sent_all(conn)
        self.release(conn)
        self.nr_conns -= 1
        conn.close()

    def murder_keepalived(self, force: bool = False) -> None:
        """Close what has been idle for too long. The timeouts are in no order, and looked at once a second."""
        now = time.monotonic()
        if self.alive and now < self._next_look:
            return
        self._next_look = now + 1
        for conn in [conn for conn in self.keepalived_conns if force or conn.timeout <= now]:
            self.drop(conn)
