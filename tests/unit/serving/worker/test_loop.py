"""The loop's turns: one client that sends without waiting does not keep the others waiting."""

from typing import Any

import pytest

from container.serving.worker.connection import Connection
from container.serving.worker.loop import IN_TURN, FastWorker


class Queue:
    """gunicorn's queue of what the loop does next."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []

    def defer(self, call: Any, *arguments: Any) -> None:
        self.waiting.append((call, arguments))

    def run(self) -> None:
        (call, arguments), *self.waiting = self.waiting
        call(*arguments)


class Loop(FastWorker):
    """One whose requests are a byte each, without sockets."""

    def __init__(self) -> None:
        self.method_queue = Queue()
        self.sent: list[bytes] = []
        self.threaded: list[Connection] = []

    def _step(self, conn: Connection) -> bytes | bool | None:
        request, conn.received = conn.received[:1], conn.received[1:]
        return request if request != b"T" else False

    def send(self, conn: Connection, data: bytes) -> bool:
        self.sent.append(data)
        return True

    def to_thread(self, conn: Connection) -> None:
        conn.goes_on = False
        self.threaded.append(conn)


class Client:
    """A socket that must not be read from while what it has sent is not answered."""

    def recv(self, *arguments: int) -> bytes:
        raise AssertionError


@pytest.fixture
def conn() -> Connection:
    conn = Connection.__new__(Connection)
    conn.upload, conn.closes, conn.goes_on = None, False, False
    return conn


def test_others_have_their_turn_between_the_requests_of_one_client(conn: Connection) -> None:
    loop, conn.received = Loop(), b"x" * (2 * IN_TURN + 1)
    loop.serve(conn)
    for answered in (1, 2):
        assert loop.sent == [b"x" * IN_TURN] * answered
        loop.on_readable(conn, Client())  # type: ignore[arg-type]
        loop.method_queue.run()
    assert loop.sent == [b"x" * IN_TURN] * 2 + [b"x"]
    assert (conn.goes_on, loop.method_queue.waiting) == (False, [])


def test_what_is_left_to_a_thread_meanwhile_is_not_looked_at_again(conn: Connection) -> None:
    loop, conn.received = Loop(), b"x" * IN_TURN + b"Tx"
    loop.serve(conn)
    loop.serve(conn)
    assert loop.threaded == [conn]
    loop.method_queue.run()
    assert loop.sent == [b"x" * IN_TURN]
    assert conn.received == b"x"
