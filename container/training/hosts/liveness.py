"""Signs of life between the hosts, so that one that dies, fails or is cut off ends the job on all, by name.

Every host keeps a connection to the first. Lines of JSON go both ways: a name, a sign of life every few
seconds, and at the end how a host left. Silence or a closed connection means the host is lost.
"""

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Collection
from typing import Any, BinaryIO

from container.errors import ContainerError

log = logging.getLogger(__name__)

SIGN_SECONDS = 2.0
FAREWELL_SECONDS = 1.0
SILENCE_SECONDS = 60.0
"""A host that has not been heard of for this long is lost; the job fails on all others then."""


class UnreachableError(ContainerError):
    """The first host does not answer."""


class Liveness:
    """This host's end of the connections: the first host has one to every other, the others one to it."""

    def __init__(
        self,
        hosts: tuple[str, ...],
        rank: int,
        address: tuple[str, int],
        fail: Callable[[str], None],
        silence: float = SILENCE_SECONDS,
        beside: Collection[str] = (),
    ) -> None:
        """``beside`` are those of ``hosts`` that are processes of this very host: their reasons are its own."""
        self._hosts, self._rank, self._address, self._fail = hosts, rank, address, fail
        self._silence, self._beside = silence, beside
        self._connections: dict[str, socket.socket] = {}
        self._left: set[str] = set()
        self._over = threading.Event()
        self._lock = threading.Lock()

    def lead(self, deadline: float, greeting: dict[str, Any]) -> None:
        """As the first host: wait for the others in the background, until ``deadline``, and greet each."""
        server = socket.create_server(("", self._address[1]), backlog=len(self._hosts))
        server.settimeout(1)
        self._thread(self._accept, server, deadline, greeting)

    def follow(self, deadline: float) -> dict[str, Any]:
        """As another host: connect to the first; returns its greeting.

        Raises:
            UnreachableError: it does not answer until the deadline (of time.monotonic).
        """
        while True:
            try:
                connection = socket.create_connection(self._address, timeout=5)
                break
            except OSError as error:
                if time.monotonic() >= deadline:
                    raise UnreachableError(
                        f"the host {self._hosts[0]} does not answer: {error}; is its container running?"
                    ) from None
                time.sleep(1)
        self._send(connection, {"host": self._hosts[self._rank]})
        lines = connection.makefile("rb")
        greeting: dict[str, Any] = json.loads(lines.readline() or b"{}")
        self._watch(connection, lines, self._hosts[0])
        return greeting

    def leave(self, error: BaseException | None) -> None:
        """Say that this host is done, or why it fails; its going is no surprise to the others then."""
        with self._lock:
            self._over.set()
        if error is None:
            last: dict[str, Any] = {"bye": True}
        else:
            last = {"failed": self._hosts[self._rank], "why": str(error) or type(error).__name__}
        self._say_last(last)

    def _accept(self, server: socket.socket, deadline: float, greeting: dict[str, Any]) -> None:
        with server:
            while len(self._connections) < len(self._hosts) - 1 and not self._over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    if time.monotonic() >= deadline:
                        absent = [host for host in self._hosts[1:] if host not in self._connections]
                        self._lost(absent[0], "it never came")
                        return
                    continue
                connection.settimeout(5)
                lines = connection.makefile("rb")
                host = json.loads(lines.readline() or b"{}").get("host", "")
                if host in self._hosts:
                    self._send(connection, greeting)
                    self._watch(connection, lines, host)

    def _watch(self, connection: socket.socket, lines: BinaryIO, host: str) -> None:
        connection.settimeout(self._silence)
        self._connections[host] = connection
        self._thread(self._listen, lines, host)
        self._thread(self._signal, connection)

    def _listen(self, lines: BinaryIO, host: str) -> None:
        try:
            for text in lines:
                message = json.loads(text)
                if "failed" in message:
                    self._lost(message["failed"], message["why"], own=message["failed"] in self._beside)
                    return
                if "bye" in message:
                    self._left.add(host)
                    return
            self._lost(host, "its connection was closed")
        except TimeoutError:
            self._lost(host, f"it has not been heard of for {self._silence:.0f} seconds")
        except OSError as error:
            self._lost(host, str(error.strerror or error))

    def _signal(self, connection: socket.socket) -> None:
        while not self._over.wait(SIGN_SECONDS) and self._send(connection, {}):
            pass

    def _lost(self, host: str, why: str, *, own: bool = False) -> None:
        with self._lock:
            if self._over.is_set():
                return
            self._over.set()
        # The others are told by the first host, which alone is connected to all.
        self._say_last({"failed": host, "why": why})
        self._fail(why if own else f"the host {host} failed, and the job with it: {why}")

    def _say_last(self, message: dict[str, Any]) -> None:
        """Tell all, and give them time to read it: a process that ends resets connections with unread signs on them."""
        for connection in list(self._connections.values()):
            self._send(connection, message)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
        if "failed" in message:
            time.sleep(FAREWELL_SECONDS)

    def _send(self, connection: socket.socket, message: dict[str, Any]) -> bool:
        try:
            connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return False
        return True

    def _thread(self, target: Callable[..., None], *args: Any) -> None:
        threading.Thread(target=target, args=args, daemon=True, name="liveness").start()
