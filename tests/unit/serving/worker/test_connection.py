"""What a thread reads a request from."""

import io
import socket
import struct
import time

from gunicorn.config import Config

from container.serving.worker import connection
from container.serving.worker.connection import Connection, Received


def test_what_has_been_read_comes_first_and_then_the_socket():
    near, far = socket.socketpair()
    with near, far:
        received = Received(near)
        received.give([b"head", 3, io.BytesIO(b"file")])
        far.sendall(b"socket")
        assert [received.chunk() for _ in range(4)] == [b"head", bytes(3), b"file", b"socket"]
        far.shutdown(socket.SHUT_WR)
        assert received.chunk() == b""
        assert near.gettimeout() is None


def test_a_client_that_sends_a_little_again_and_again_is_given_up(monkeypatch):
    monkeypatch.setattr(connection, "PATIENCE", 0.2)
    monkeypatch.setattr(connection, "PATIENCE_IN_ALL", 0.5)
    near, far = socket.socketpair()
    with near, far:
        received = Received(near)
        for _ in range(2):  # each request anew
            received.give([b"head"])
            assert received.chunk() == b"head"
            began = time.monotonic()
            far.sendall(b"x")
            while received.chunk():
                assert time.monotonic() - began < 5
                far.sendall(b"x")
                time.sleep(0.05)
            assert time.monotonic() - began >= 0.5


def test_a_client_is_gone_where_it_has_reset_the_connection_and_not_where_it_may_still_read():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for ends, gone in ((False, False), (True, True)):
            far = socket.create_connection(listener.getsockname())
            near, address = listener.accept()
            with near, far:
                conn = Connection(Config(), near, address, near.getsockname())
                far.sendall(b"request")
                assert not conn.is_reset()
                if ends:
                    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    far.close()
                else:
                    far.shutdown(socket.SHUT_WR)
                time.sleep(0.05)
                assert conn.is_reset() is gone
