"""Many connections at once from one thread: as fast as the server takes them, or deliberately slow."""

import selectors
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Caller:
    """One connection, its request and what came back."""

    sock: socket.socket
    request: memoryview
    began: float = field(default_factory=time.monotonic)
    first_byte: float = 0.0
    """Seconds from the first byte sent to the first received."""
    ended: float = 0.0
    reply: bytes = b""
    sent: int = 0

    @property
    def status(self) -> int:
        """Of the reply; 0 without one."""
        return int(self.reply[9:12]) if len(self.reply) >= 12 else 0

    @property
    def done(self) -> bool:
        head, end, body = self.reply.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return bool(end and lengths) and len(body) >= int(lengths[0].split(b":")[1])


def call(port: int, requests: Iterable[bytes], seconds: float = 60) -> list[Caller]:
    """Send each request on a connection of its own, all at once; returns when all are answered or cut off."""
    callers = [Caller(_connected(port), memoryview(request)) for request in requests]
    with selectors.DefaultSelector() as selector:
        for caller in callers:
            caller.began = time.monotonic()
            selector.register(caller.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, caller)
        deadline = time.monotonic() + seconds
        while selector.get_map():
            assert time.monotonic() < deadline, "not all callers were answered"
            for key, events in selector.select(1):
                if events & selectors.EVENT_READ and _receive(key.data):
                    selector.unregister(key.data.sock)
                    key.data.sock.close()
                elif events & selectors.EVENT_WRITE:
                    _send(selector, key.data)
    return callers


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setblocking(False)
    return connection


def _receive(caller: Caller) -> bool:
    """Take what has come; whether there is nothing more to come."""
    try:
        data = caller.sock.recv(1 << 20)
    except BlockingIOError:
        return False
    except OSError:
        data = b""
    caller.first_byte = caller.first_byte or time.monotonic() - caller.began
    caller.reply += data
    caller.ended = time.monotonic()
    return not data or caller.done


def _send(selector: selectors.BaseSelector, caller: Caller) -> None:
    try:
        caller.sent += caller.sock.send(caller.request[caller.sent : caller.sent + (1 << 14)])
    except BlockingIOError:
        return
    except OSError:
        caller.sent = len(caller.request)  # the server has closed; its answer is still to be read
    if caller.sent == len(caller.request):
        selector.modify(caller.sock, selectors.EVENT_READ, caller)
