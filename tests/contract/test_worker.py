"""The worker of our own on the wire: the same bytes as with gunicorn's, whole or in pieces, and no thread in vain."""

import os
import re
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median

import pytest

from tests.support.constant import constant
from tests.support.serving import Served, serving

HOST = b"Host: 127.0.0.1\r\n"
PING = b"GET /ping HTTP/1.1\r\n" + HOST + b"\r\n"
CLOSE = b"GET /ping HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"


def invocation(body: bytes, headers: bytes = b"Content-Type: text/csv\r\n", version: bytes = b"1.1") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return b"POST /invocations HTTP/" + version + b"\r\n" + HOST + headers + length + b"\r\n" + body


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """The same model served with the worker and without, by one process each."""
    one = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    with (
        serving(tmp_path_factory.mktemp("on") / "ml", "approval", **one) as on,
        serving(tmp_path_factory.mktemp("off") / "ml", "approval", SAGEMAKER_XGBOOST_FAST_WORKER="false", **one) as off,
    ):
        yield on, off


def masked(reply: bytes) -> bytes:
    """Without the time, and without how much of a line that is too long had arrived when it was refused."""
    return re.sub(rb"\(\d+ > ", b"(- > ", re.sub(rb"Date: [^\r]*", b"Date: -", reply))


ROW = b"100,3"
CHUNKED_HEAD = b"POST /invocations HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKED = CHUNKED_HEAD + b"2\r\n10\r\n3\r\n0,3\r\n0\r\n\r\n"
REQUESTS = {
    "ping": PING + CLOSE,
    "csv": invocation(ROW) + CLOSE,
    "no-content-type": invocation(ROW, b"") + CLOSE,
    "json": invocation(b"[[100,3]]", b"Content-Type: application/json\r\nAccept: application/json\r\n") + CLOSE,
    "libsvm": invocation(b"0:100 1:3", b"Content-Type: text/libsvm\r\n") + CLOSE,
    "accept": invocation(ROW, b"Accept: application/jsonlines\r\n") + CLOSE,
    "bad-row": invocation(b"many,3") + CLOSE,
    "empty": invocation(b"") + CLOSE,
    "pipelined": (invocation(ROW) + PING) * 20 + CLOSE,
    "pipelined-mixed": (invocation(ROW) + invocation(b"x") + PING + invocation(b"[[1,2]]", b"")) * 5 + CLOSE,
    "pipelined-threads": (invocation(ROW) + invocation(b"0:1 1:2", b"") + PING) * 5 + CLOSE,
    "head": b"HEAD /ping HTTP/1.1\r\n" + HOST + b"\r\n" + CLOSE,
    "http-1.0": invocation(ROW, version=b"1.0"),
    "http-1.0-keep-alive": invocation(ROW, b"Connection: keep-alive\r\n", version=b"1.0") + CLOSE,
    "connection-close": invocation(ROW, b"Connection: close\r\n") + PING,
    "expect": invocation(ROW, b"Expect: 100-continue\r\n") + CLOSE,
    "expect-unknown": invocation(ROW, b"Expect: more\r\n") + CLOSE,
    "chunked": CHUNKED + CLOSE,
    "chunked-and-length": invocation(ROW, b"Transfer-Encoding: chunked\r\n"),
    "two-lengths": invocation(ROW, b"Content-Length: 4\r\n"),
    "length-no-number": b"POST /invocations HTTP/1.1\r\n" + HOST + b"Content-Length: +5\r\n\r\n100,3",
    "no-host": b"GET /ping HTTP/1.1\r\n\r\n" + CLOSE,
    "two-hosts": b"GET /ping HTTP/1.1\r\n" + HOST * 2 + b"\r\n",
    "folded": b"GET /ping HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "space-before-colon": b"GET /ping HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n",
    "bare-line-feeds": b"GET /ping HTTP/1.1\nHost: a\n\n",
    "empty-line-first": b"\r\n" + CLOSE,
    "script-name": b"GET /ping HTTP/1.1\r\n" + HOST + b"SCRIPT_NAME: /x\r\n\r\n",
    "forwarded": b"GET /ping HTTP/1.1\r\n" + HOST + b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n\r\n" + CLOSE,
    "query": b"GET /ping?x=1 HTTP/1.1\r\n" + HOST + b"\r\n" + CLOSE,
    "absolute": b"GET http://a/ping HTTP/1.1\r\n" + HOST + b"\r\n" + CLOSE,
    "body-of-ping": b"GET /ping HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\nhi" + CLOSE,
    "other-path": b"GET /pong HTTP/1.1\r\n" + HOST + b"\r\n" + CLOSE,
    "other-method": b"DELETE /invocations HTTP/1.1\r\n" + HOST + b"\r\n" + CLOSE,
    "long-header": b"GET /ping HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 9000 + b"\r\n\r\n",
    "many-headers": b"GET /ping HTTP/1.1\r\n" + HOST + b"X-A: b\r\n" * 150 + b"\r\n",
    "endless-head": b"GET /ping HTTP/1.1\r\n" + b"X-A: b\r\n" * 20_000,
    "long-path": b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
    "cut-short": invocation(ROW)[:-2],
    "head-cut-short": PING[:-2],
    "no-http": b"HELLO\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "attributes": invocation(ROW, b"X-Amzn-SageMaker-Custom-Attributes: a=b\r\n") + CLOSE,
    "large": invocation(b"\n".join([ROW] * 30_000)) + CLOSE,
    "large-pipelined": (PING + invocation(b"\n".join([ROW] * 30_000)) + invocation(ROW)) * 2 + CLOSE,
    "large-cut-short": invocation(b"\n".join([ROW] * 30_000))[:-7],
    "large-expect": invocation(b"\n".join([ROW] * 30_000), b"Expect: 100-continue\r\n") + CLOSE,
    "large-http-1.0": invocation(b"\n".join([ROW] * 60_000), version=b"1.0"),
    "large-unread": b"POST /elsewhere HTTP/1.1\r\n" + HOST + b"Content-Length: 300000\r\n\r\n" + b"1" * 300_000 + CLOSE,
    "too-large": b"POST /invocations HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 30000000\r\n\r\n"
    + b"1" * 30_000_000
    + CLOSE,
    "chunked-pipelined": CHUNKED + PING + CHUNKED + invocation(ROW) + CLOSE,
    "chunked-large": CHUNKED_HEAD
    + b"7\r\n100,3\n1\r\n"
    + b"20000\r\n"
    + b"0,3\n1000" * 16384
    + b"\r\n0\r\n\r\n"
    + CLOSE,
    "chunked-trailers": CHUNKED_HEAD + b"5;a=b\r\n100,3\r\n0\r\nX: y\r\n\r\n" + CLOSE,
    "chunked-cut-short": CHUNKED[:-3],
    "chunked-broken": CHUNKED_HEAD + b"5\r\n100,3zz\r\n0\r\n\r\n" + CLOSE,
    "chunked-no-size": CHUNKED_HEAD + b"x\r\n100,3\r\n0\r\n\r\n" + CLOSE,
    "chunked-expect": CHUNKED.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n", 1) + CLOSE,
    "put": b"PUT /models/a.b%20c?d=e HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\nhi" + CLOSE,
    "upgrade": b"GET /ping HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" + CLOSE,
}


@pytest.mark.parametrize("name", REQUESTS)
def test_every_byte_is_the_one_gunicorns_own_worker_sends(pair: tuple[Served, Served], name: str) -> None:
    on, off = (masked(server.exchange(REQUESTS[name])) for server in pair)
    assert on == off


@pytest.mark.parametrize("name", ["csv", "json", "pipelined-mixed", "chunked", "expect", "head", "bad-row"])
def test_a_request_may_come_in_pieces(pair: tuple[Served, Served], name: str) -> None:
    request = REQUESTS[name]
    with pair[0].connect() as connection:
        for start in range(0, len(request), step := max(1, len(request) // 40)):
            connection.sendall(request[start : start + step])
            time.sleep(0.002)
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    assert masked(reply) == masked(pair[1].exchange(request))


def test_a_broken_beginning_is_refused_without_waiting_for_its_end(pair: tuple[Served, Served]) -> None:
    for beginning in (b"GET /ping HTTP/1.1\nHost", b"GET /ping HTTP/9.9\r\n", b"get /ping HTTP/1.1\r\n"):
        with pair[0].connect() as connection:
            connection.sendall(beginning)
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_connections_that_say_nothing_or_little_cost_no_thread(pair: tuple[Served, Served]) -> None:
    beginnings = [b"", b"GE", b"POST /invocations HTTP/1.1\r\nHo", invocation(ROW)[:-2], invocation(b"[[1]]", b"")[:-1]]
    with ExitStack() as stack:
        for beginning in beginnings * 20:  # more than there are threads
            stack.enter_context(pair[0].connect()).sendall(beginning)
        start = time.monotonic()
        for _ in range(20):
            assert pair[0].predict(ROW).status == 200
            assert pair[0].predict(b"0:100 1:3", "text/libsvm").status == 200
        assert time.monotonic() - start < 3


def test_a_client_that_does_not_read_costs_no_thread_and_gets_all_in_the_end(pair: tuple[Served, Served]) -> None:
    body = b"\n".join([ROW] * 1000)
    expected = pair[1].predict(body).body
    with ExitStack() as stack:
        stalled = []
        for _ in range(34):  # more than there are threads
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", pair[0].port))
            connection.setblocking(False)
            stalled.append((connection, sent_until_full(connection, invocation(body))))
        assert pair[0].request("GET", "/ping").status == 200  # what could be sent is answered by now
        start = time.monotonic()
        assert pair[0].predict(b"0:100 1:3", "text/libsvm").status == 200
        assert pair[0].request("GET", "/ping").status == 200
        assert time.monotonic() - start < 3
        for connection, count in stalled[:2]:
            connection.settimeout(30)
            text = b""
            while text.count(expected) < count:
                received = connection.recv(1 << 20)
                assert received
                text += received


def sent_until_full(connection: socket.socket, request: bytes) -> int:
    """Send whole requests until the server takes no more for a while; how many it got as a whole."""
    total = 0
    while total < 400 * len(request) and select.select([], [connection], [], 0.2)[1]:
        offset = total % len(request)
        total += connection.send(request[offset:])
    return total // len(request)


def test_an_idle_connection_is_kept(pair: tuple[Served, Served]) -> None:
    with pair[0].connect() as connection:
        for _ in range(3):
            connection.sendall(invocation(ROW))
            assert b"Connection: keep-alive" in connection.recv(65536)
            time.sleep(1.2)


def test_a_request_that_has_begun_is_finished_after_sigterm(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("stop") / "ml", "approval") as server, server.connect() as connection:
        with server.connect() as idle:
            connection.sendall(invocation(ROW)[:-1])
            time.sleep(0.5)
            server.process.terminate()
            time.sleep(4)
            connection.sendall(ROW[-1:])
            reply = b"".join(iter(lambda: connection.recv(65536), b""))
            assert idle.recv(1) == b""
        assert reply.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in reply
        assert server.process.wait(25) == 0


def test_a_worker_stops_after_its_last_request_and_says_so(tmp_path: Path) -> None:
    with constant(tmp_path, max_requests=5) as server, server.connect() as connection:
        heads: list[bytes] = []
        workers: list[int] = []
        while not heads or b"Connection: close" not in heads[-1]:
            connection.sendall(PING)
            heads.append(connection.recv(1000))
            assert heads[-1].startswith(b"HTTP/1.1 200 OK")
            workers = workers or server.workers()
        assert len(heads) == 5
        assert connection.recv(1) == b""
        assert server.request("GET", "/ping").status == 200
        assert server.workers() != workers


def test_an_idle_connection_is_closed_in_time_however_busy_others_are(tmp_path: Path) -> None:
    with constant(tmp_path, keepalive=2) as server, server.connect() as idle, server.connect() as busy:
        busy.settimeout(5)
        start = time.monotonic()
        idle.setblocking(False)
        while not closed(idle):
            busy.sendall(PING)
            assert busy.recv(1000).startswith(b"HTTP/1.1 200 OK")
            assert time.monotonic() - start < 10
            time.sleep(0.05)
        assert time.monotonic() - start > 1.5


def closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def test_beyond_the_connections_that_may_be_kept_replies_close(tmp_path: Path) -> None:
    with constant(tmp_path, worker_connections=34) as server, ExitStack() as stack:
        heads = []
        for _ in range(4):
            connection = stack.enter_context(server.connect())
            connection.sendall(PING)
            heads.append(connection.recv(1000))
    assert [b"Connection: close" in head for head in heads] == [False, False, True, True]


def test_where_the_fast_path_fails_the_application_answers(tmp_path: Path) -> None:
    with constant(tmp_path) as server:
        assert server.request("GET", "/fault").status == 200
        assert "the fast path failed; the application is asked" in server.log.read_text()
        assert "ZeroDivisionError" in server.log.read_text()


def descriptors(process: int, kind: str) -> int:
    """How many descriptors of a kind, such as ``socket:``, a process has."""
    count = 0
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += str(link.readlink()).startswith(kind)
    return count


def sockets(process: int) -> int:
    return descriptors(process, "socket:")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def all_workers(server: Served, count: int) -> list[int]:
    """The workers, once so many wait for connections; /ping is answered by the first."""
    wait_for(lambda: len(server.workers()) >= count)
    workers = server.workers()
    wait_for(lambda: all(descriptors(one, "anon_inode:[event") for one in workers))
    return workers


def idle(server: Served) -> dict[int, int]:
    """The sockets of each of two workers once neither has a connection, for then they have as many."""
    workers = all_workers(server, 2)
    wait_for(lambda: sockets(workers[0]) == sockets(workers[1]))
    return {process: sockets(process) for process in workers}


def connections_of_each(server: Served, before: dict[int, int]) -> list[int]:
    """How many of 40 connections that are opened at once each worker has, which has so many sockets without."""
    with ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        connections = [stack.enter_context(socket.create_connection(address, 10)) for _ in range(40)]
        for connection in connections:
            connection.sendall(PING)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        taken = [sockets(process) - had for process, had in before.items()]
    wait_for(lambda: all(sockets(process) == had for process, had in before.items()))
    return taken


def test_workers_share_the_connections_that_are_opened_at_once(tmp_path):
    """As a rule: where a worker gets no CPU within two milliseconds, the other takes its connection."""
    with serving(tmp_path / "ml", "approval", SAGEMAKER_MODEL_SERVER_WORKERS="2") as server:
        before = idle(server)
        taken = [connections_of_each(server, before) for _ in range(15)]
    assert [sum(each) for each in taken] == [40] * 15
    assert median(map(min, taken)) >= 12, taken  # 3 to 11 where the first to come takes it


def test_a_worker_that_hangs_keeps_no_connection_from_the_other(tmp_path):
    with serving(tmp_path / "ml", "approval", SAGEMAKER_MODEL_SERVER_WORKERS="2") as server, ExitStack() as stack:
        hanging = all_workers(server, 2)[0]
        os.kill(hanging, signal.SIGSTOP)
        try:
            began = time.monotonic()
            for _ in range(20):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
                connection.sendall(PING)
                assert connection.recv(1000).startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began < 2
        finally:
            os.kill(hanging, signal.SIGCONT)


def test_a_worker_without_descriptors_keeps_its_connections_and_takes_others_later(tmp_path):
    with serving(tmp_path / "ml", "approval", SAGEMAKER_MODEL_SERVER_WORKERS="1") as server, ExitStack() as stack:
        workers = server.workers()
        resource.prlimit(workers[0], resource.RLIMIT_NOFILE, (40, 40))
        idle = [stack.enter_context(server.connect()) for _ in range(40)]
        idle[0].sendall(PING)
        assert idle[0].recv(1000).startswith(b"HTTP/1.1 200 ")
        wait_for(lambda: "no further connection can be taken for the moment: [Errno 24]" in server.log.read_text())
        for connection in idle[1:20]:
            connection.close()
        assert server.request("GET", "/ping").status == 200
        assert server.workers() == workers
